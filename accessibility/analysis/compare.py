"""Several territories side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from accessibility.analysis.coverage import coverage, mean_time_s
from accessibility.errors import InputError
from accessibility.study.study import Study

MINUTES = (10.0, 15.0, 20.0, 30.0)


def compare(
    studies: Sequence[Study], *, minutes: Sequence[float] = MINUTES, around: bool = False
) -> pd.DataFrame:
    """Coverage of several territories, one row each, by the defaults of each.

    Parameters
    ----------
    studies : sequence of Study
    minutes : sequence of float
        Cut-offs.
    around : bool
        Count the sites of the neighbouring départements too.

    Returns
    -------
    DataFrame
        `study`, `departement`, `service`, `profile`, `population`, `communes_unknown` (number
        without a population), `sites`, `people_per_site`, `share_<minutes>` for each cut-off,
        `mean_minutes` (of a trip to the nearest site, weighted by people, over those who reach
        one), `people_not_reached`, `cantons_covered`, `cantons_covered_max`, `cantons`,
        `complete` (at every cut-off).

    Raises
    ------
    InputError
        If no study is given.

    Examples
    --------
    >>> import accessibility as acc
    >>> table = acc.compare([acc.load_study("jura")], minutes=[20])
    >>> table[["study", "sites"]].values.tolist()
    [['jura', 25]]
    """
    if not studies:
        raise InputError("no study is given; at least one is expected.")
    return pd.DataFrame([_row(study, minutes, around) for study in studies])


def _row(study: Study, minutes: Sequence[float], around: bool) -> dict[str, object]:
    found = {m: coverage(study, minutes=m, around=around) for m in minutes}
    first = found[minutes[0]]
    people = first.by_commune["population"].fillna(0.0).to_numpy()
    reached = np.isfinite(first.by_commune["travel_time_s"].to_numpy())
    return {
        "study": study.name,
        "departement": study.settings["departement"],
        "service": study.service,
        "profile": first.profile,
        "population": first.population,
        "communes_unknown": len(first.unknown),
        "sites": len(first.sites),
        "people_per_site": first.population / len(first.sites) if len(first.sites) else np.nan,
        **{f"share_{m:g}": found[m].share for m in minutes},
        "mean_minutes": mean_time_s(first) / 60,
        "people_not_reached": float(people[~reached].sum()),
        "cantons_covered": first.cantons.covered,
        "cantons_covered_max": first.cantons.covered_max,
        "cantons": first.cantons.total,
        "complete": all(result.complete for result in found.values()),
    }
