"""What each single choice of method changes -> a picture of bars, the largest on top."""

from __future__ import annotations

import numpy as np

from accessibility.analysis.variants import Variants
from accessibility.errors import MissingInputError
from accessibility.report.text import percent
from accessibility.study.study import Study

try:
    from matplotlib.figure import Figure
except ImportError as error:
    raise MissingInputError(
        'a plot needs matplotlib: pip install "accessibility-toolkit[maps]".'
    ) from error

MORE, LESS = "#0072B2", "#D55E00"
"""Blue and vermilion of Okabe and Ito, which colour-blind readers tell apart; the signs of the
labels say the same."""

INK = "#222222"


def tornado(study: Study, found: Variants) -> Figure:
    """Draw how far each single choice moves the figure from the reference.

    Parameters
    ----------
    study : Study
    found : Variants

    Returns
    -------
    matplotlib.figure.Figure
    """
    table = found.one_at_a_time
    middle = float(found.reference["share"]) * 100
    points = table["difference_points"].to_numpy(dtype=float)
    points = np.where(np.abs(points) < 0.005, 0.0, points)  # what is labelled 0.00 has no sign
    names = [f"{row['choice']}: {row['value']}" for row in table.to_dict("records")]
    figure = Figure(figsize=(9.0, 1.9 + 0.36 * len(names)), layout="constrained")
    axes = figure.subplots()
    place = np.arange(len(names))[::-1]
    colours = [MORE if value >= 0 else LESS for value in points]
    axes.barh(place, points, left=middle, color=colours, height=0.62, zorder=2)
    axes.axvline(middle, color=INK, linewidth=1.2, zorder=3, label=f"reference {middle:.2f} %")
    if found.published is not None:
        axes.axvline(
            found.published * 100, color=INK, linewidth=1.2, linestyle=(0, (4, 3)), zorder=1,
            label=f"published {found.published * 100:.1f} %",
        )  # fmt: skip
    span = max(0.1, float(points.max(initial=0.0) - points.min(initial=0.0)))
    published = np.inf if found.published is None else found.published * 100
    for at, value in zip(place, points, strict=True):
        end, right = middle + value, value >= 0
        if right and end <= published < end + 0.1 * span:
            end, right = middle, False  # the label would stand on the line
        elif not right and end - 0.1 * span < published <= end:
            end, right = middle, True
        axes.annotate(
            f"{value:+.2f}" if value else "0.00", (end, at),
            xytext=(5 if right else -5, 0), textcoords="offset points", va="center",
            ha="left" if right else "right", fontsize=9, color=INK, zorder=4,
        )  # fmt: skip
    axes.set_xlim(
        min(middle + points.min(initial=0.0), published) - 0.14 * span,
        max(middle + points.max(initial=0.0), published if np.isfinite(published) else 0.0)
        + 0.14 * span,
    )
    axes.set_yticks(place, names)
    axes.set_ylim(-0.7, len(names) - 0.3)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("share of the inhabitants, %; labels: percentage points from the reference")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_title(
        f"{study.title}: {percent(found.reference['share'])} within {found.minutes:g} minutes of a "
        "site by car,\nand what one other choice of method makes of it",
        loc="left",
    )
    figure.legend(loc="outside lower right", ncols=2, frameon=False)
    return figure
