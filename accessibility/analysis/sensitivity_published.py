"""At which speeds, and in how many draws, a figure rounds to the one that was published."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from accessibility.analysis.coverage import Coverage
from accessibility.analysis.sensitivity_curve import STEPS, Thresholds
from accessibility.study.study import Study

PUBLISHED_STEP = 0.001
"""Published figures have one decimal of a percent."""


@dataclass(frozen=True)
class PublishedFigure:
    """At which speeds a figure rounds to the published one.

    Attributes
    ----------
    share : float
        As published.
    lowest, highest : float or None
        The figure rounds to it from the factor `lowest` up to, and without, `highest`; both are
        None where it does so at no factor. `highest` is None alone where it does to the end of
        the factors that were looked at.
    before, after : float or None
        Where it does so at no factor, but passes it: the shares on both sides of the step.
    step : float or None
        The factor at which that step is.
    share_of_draws : float or None
        Share of the draws in which the figure rounds to it; None without draws.
    """

    share: float
    lowest: float | None
    highest: float | None
    before: float | None
    after: float | None
    step: float | None
    share_of_draws: float | None


def published_figure(
    study: Study,
    base: Coverage,
    sites: gpd.GeoDataFrame | None,
    found: Thresholds,
    people: npt.NDArray[np.float64],
    shares: pd.Series,
) -> PublishedFigure | None:
    """When the figure rounds to the published one, where that answers the same question."""
    told = study.settings.get("published", {})
    same = (
        "share_covered" in told
        and sites is None
        and not base.around
        and base.minutes == told.get("minutes")
        and base.as_of == told.get("as_of")
    )
    if not same or not base.population > 0:
        return None
    figure = float(told["share_covered"])
    least, most = rounds_to(figure)
    steps = np.unique(np.clip(found.step, found.low, found.high))
    share = found.people(people, steps) / base.population
    # shares only grow: those that round to the figure stand together
    first, after = np.searchsorted(share, [least, most])
    some = first < after
    passed = not some and 0 < first < len(steps)
    within = ((shares >= least) & (shares < most)).mean() if len(shares) else None
    return PublishedFigure(
        share=figure,
        lowest=float(steps[first] / STEPS) if some else None,
        highest=float(steps[after] / STEPS) if some and after < len(steps) else None,
        before=float(share[first - 1]) if passed else None,
        after=float(share[first]) if passed else None,
        step=float(steps[first] / STEPS) if passed else None,
        share_of_draws=None if within is None else float(within),
    )


def rounds_to(figure: float) -> tuple[float, float]:
    """From which share on, and below which, a figure rounds to a published one.

    Examples
    --------
    >>> rounds_to(0.977)
    (0.9765, 0.9775)
    """
    whole = round(figure / PUBLISHED_STEP)
    return (2 * whole - 1) / (2 / PUBLISHED_STEP), (2 * whole + 1) / (2 / PUBLISHED_STEP)
