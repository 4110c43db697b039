"""A comparison of territories -> what a terminal shows, and a plot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from rich.table import Table

from accessibility.errors import MissingInputError
from accessibility.report.text import people, percent


def cut_offs(table: pd.DataFrame) -> list[str]:
    """Columns that hold a share within some minutes.

    Examples
    --------
    >>> cut_offs(pd.DataFrame(columns=["study", "share_10", "share_20"]))
    ['share_10', 'share_20']
    """
    return [name for name in table.columns if name.startswith("share_")]


def comparison_text(table: pd.DataFrame) -> Table:
    """One row for each territory."""
    shown = Table(title="Share of the inhabitants within minutes of a site", title_justify="left")
    for name in ("Study", "Service"):
        shown.add_column(name)
    shares = cut_offs(table)
    limits = [f"{share.removeprefix('share_')} min" for share in shares]
    for name in ("Inhabitants", "Sites", "People per site", *limits, "Mean", "Cantons"):
        shown.add_column(name, justify="right")
    shown.add_column("Complete")
    for row in table.to_dict("records"):
        covered = f"{row['cantons_covered']}"
        if row["cantons_covered_max"] > row["cantons_covered"]:
            covered += f" to {row['cantons_covered_max']}"
        total = "" if pd.isna(row["cantons"]) else f" of {row['cantons']:.0f}"
        shown.add_row(
            row["study"],
            row["service"],
            people(row["population"]),
            str(row["sites"]),
            people(row["people_per_site"]) if np.isfinite(row["people_per_site"]) else "",
            *(percent(row[share]) for share in shares),
            f"{row['mean_minutes']:.1f} min",
            covered + total,
            "yes" if row["complete"] else "no",
        )
    return shown


def plot_comparison(table: pd.DataFrame, path: Path) -> None:
    """Draw the shares of each territory as bars, the cut-offs from short to long.

    Raises
    ------
    MissingInputError
        If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingInputError(
            'a plot needs matplotlib: pip install "accessibility-toolkit[maps]".'
        ) from error
    shares = cut_offs(table)
    labels = table["study"].astype(str).tolist()
    figure = Figure(figsize=(7.0, 1.2 + 0.55 * len(labels)), layout="constrained")
    axes = figure.subplots()
    place = np.arange(len(labels))[::-1]
    # from the longest cut-off to the shortest, so that each lies on those that hold it
    for i, name in reversed(list(enumerate(shares))):
        shade = 0.25 + 0.6 * (1 - i / max(1, len(shares) - 1))
        colour = (0.05, 0.25 + 0.5 * (1 - shade), 0.45 + 0.4 * (1 - shade))
        minutes = name.removeprefix("share_")
        axes.barh(place, table[name] * 100, color=colour, label=f"{minutes} minutes", height=0.7)
    axes.set_yticks(place, labels)
    axes.set_xlim(0, 100)
    axes.set_xlabel("share of the inhabitants, %")
    axes.set_title("Within reach of a site by car", loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles[::-1], names[::-1], loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(path, dpi=150)
