"""How evenly measures are shared among people -> a picture of Lorenz curves."""

from __future__ import annotations

import numpy as np

from accessibility.analysis.measures import Measures
from accessibility.errors import MissingInputError
from accessibility.report.measures import OFFERED, summary_rows
from accessibility.study.study import Study

try:
    from matplotlib.figure import Figure
except ImportError as error:
    raise MissingInputError(
        'a plot needs matplotlib: pip install "accessibility-toolkit[maps]".'
    ) from error

STYLES = {
    "minutes": ("#222222", (0, (5, 2)), "minutes to the nearest site"),
    "cumulative": ("#0072B2", "-", "{offered} within {minutes:g} minutes"),
    "gravity": ("#009E73", (0, (1, 1)), "{offered}, less with time (gravity)"),
    "2sfca": ("#D55E00", "-", "{offered} shared by all who reach them (2SFCA)"),
    "e2sfca": ("#CC79A7", (0, (3, 1, 1, 1)), "{offered} shared, less with time (E2SFCA)"),
}
"""Colours of Okabe and Ito, which colour-blind readers tell apart; so do the lines."""


def lorenz_figure(study: Study, found: Measures) -> Figure:
    """Draw the Lorenz curve of the minutes and of each measure.

    Parameters
    ----------
    study : Study
    found : Measures

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = summary_rows(found)
    figure = Figure(figsize=(6.6, 8.0), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 100], [0, 100], color="#999999", linewidth=1.0, label="all have the same")
    for name, curve in found.lorenz.groupby("measure", sort=False):
        gini = rows[str(name)]["gini"]
        if np.isnan(gini):
            continue  # nobody has any: there is nothing to share
        colour, line, words = STYLES[str(name)]
        told = words.format(offered=OFFERED[found.supply].lower(), minutes=found.minutes)
        axes.plot(
            curve["people_share"] * 100, curve["value_share"] * 100, color=colour,
            linestyle=line, linewidth=1.8, label=f"{told}: Gini {gini:.2f}",
        )  # fmt: skip
    axes.set(
        xlim=(0, 100),
        ylim=(0, 100),
        aspect="equal",
        xlabel="inhabitants, from those with least to those with most, %",
        ylabel="what they have together, % of the whole",
    )
    axes.set_title(f"{study.title}: how evenly access is shared", loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=1, frameon=False, fontsize=9)
    return figure
