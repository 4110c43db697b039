"""Chosen sites, or how far a number of them leads -> what a terminal shows, JSON and files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from accessibility.analysis.siting import Siting
from accessibility.analysis.siting_frontier import Closable
from accessibility.errors import MissingInputError, OutputError
from accessibility.report.tables import table_writer
from accessibility.report.text import people, percent

UNITS = {
    "coverage": "people covered",
    "target": "new sites",
    "p-median": "people times seconds",
    "p-center": "seconds, the longest drive",
}


def siting_text(result: Siting) -> RenderableType:
    """What the new sites bring, where they stand, and the proof."""
    proof = result.solution
    if proof.optimal:
        told = (
            f"Proven: no other choice is better ({proof.objective:,.0f} {UNITS[result.objective]})."
        )
    else:
        told = (
            f"Not proven, the time was up: {proof.objective:,.0f} {UNITS[result.objective]}, no "
            f"choice is better than {proof.bound:,.0f} (gap {proof.gap:.2%})."
        )
    counted = "inhabitants" if result.weights == "population" else result.weights
    if counted != "inhabitants":
        told += f" What is counted to choose them: {counted}."
    table = Table(title="\nNew sites", title_justify="left", title_style="bold")
    for name in ("Candidate", "Name", "Commune"):
        table.add_column(name)
    table.add_column("People gained by it alone", justify="right")
    for row in result.selected.to_dict("records"):
        code = row["code_insee"] if isinstance(row["code_insee"], str) else ""
        gained = people(row["population_gained_alone"])
        table.add_row(str(row["candidate_id"]), str(row["name"]), code, gained)
    parts: list[RenderableType] = [
        Text.assemble(
            (percent(result.share_covered), "bold"),
            f" of the inhabitants within {result.after.minutes:g} minutes with "
            f"{len(result.selected)} new sites, {percent(result.share_before)} without: "
            f"{people(result.population_gained)} people more",
        ),
        Text(told),
    ]
    if result.candidates_off_road:
        parts.append(
            Text(f"Too far from any road, no candidate: {', '.join(result.candidates_off_road)}.")
        )
    if len(result.closed):
        names = result.closed["name"].astype(str)
        parts.append(Text(f"{len(result.closed)} sites close: {', '.join(names)}."))
    if result.ties:
        whole = "there are no others" if result.ties_whole else "there may be others"
        sets = "; ".join(", ".join(ids) for ids in result.ties)
        parts.append(Text(f"As good, {whole}: {sets}."))
    elif result.ties_whole:
        parts.append(Text("No other choice is as good."))
    if result.unreached:
        parts.append(Text(f"Reached by nobody, left out: {', '.join(result.unreached)}."))
    return Group(*parts, table)


def siting_json(result: Siting) -> dict[str, Any]:
    """The answer for a program; None where nothing is known."""
    proof = result.solution

    def number(value: float) -> float | None:
        return float(value) if np.isfinite(value) else None

    points = result.selected.geometry
    names = ["candidate_id", "name", "code_insee", "population_gained_alone"]
    rows = result.selected[names].astype(object).to_dict("records")
    return {
        "objective_kind": result.objective,
        "share_before": number(result.share_before),
        "share_covered": number(result.share_covered),
        "population_gained": float(result.population_gained),
        "selected": [
            {
                **{str(k): v if v == v and v is not None else None for k, v in row.items()},
                "lon": float(point.x),
                "lat": float(point.y),
            }
            for row, point in zip(rows, points, strict=True)
        ],
        "closed": result.closed["facility_id"].astype(str).tolist(),
        "ties": result.ties,
        "ties_whole": result.ties_whole,
        "weights": result.weights,
        "objective": number(proof.objective),
        "unit": UNITS[result.objective],
        "bound": number(proof.bound),
        "gap": number(proof.gap),
        "optimal": proof.optimal,
        "greedy": number(proof.greedy),
        "minutes": result.after.minutes,
        "profile": result.after.profile,
        "candidates": result.candidates,
        "candidates_off_road": result.candidates_off_road,
        "unreached": result.unreached,
    }


def siting_writer(result: Siting, path: Path | None) -> Callable[[Path], None]:
    """How to write the selected sites in the format that the suffix names.

    Raises
    ------
    OutputError
        If the suffix is neither `.csv`, `.gpkg` nor `.geojson`.
    """
    table = result.selected
    flat = table.drop(columns="geometry").assign(lon=table.geometry.x, lat=table.geometry.y)
    writers: dict[str, Callable[[Path], None]] = {
        ".csv": lambda to: flat.to_csv(to, index=False, lineterminator="\n"),
        ".gpkg": lambda to: table.to_file(to, layer="new_sites", engine="pyogrio"),
        ".geojson": lambda to: table.to_file(to, driver="GeoJSON", engine="pyogrio"),
    }
    suffix = ".csv" if path is None else path.suffix
    if suffix not in writers:
        raise OutputError(f"{path}: expected is a file that ends in {' or '.join(writers)}.")
    return writers[suffix]


def frontier_text(table: pd.DataFrame, shut: Closable) -> RenderableType:
    """Coverage by the number of new sites, exact and greedy, and what could close."""
    shown = Table(title="Coverage by the number of new sites", title_justify="left",
                  title_style="bold")  # fmt: skip
    for name in ("New sites", "Covered", "Greedy", "People more", "Proven"):
        shown.add_column(name, justify="right")
    shown.add_column("One best choice")
    for row in table.to_dict("records"):
        shown.add_row(
            str(row["new_sites"]),
            percent(row["share_covered"]),
            percent(row["share_greedy"]),
            people(row["population_gained"]),
            "yes" if row["optimal"] else "no",
            row["selected"].replace(" ", ", "),
        )
    return Group(shown, Text(_closing(shut)))


def _closing(shut: Closable) -> str:
    count, total = len(shut.closed), len(shut.before.sites)
    proof = "no more could" if shut.solution.optimal else "perhaps more, the time was up"
    names = ", ".join(shut.closed["name"].astype(str))
    told = f"{count} of the {total} sites could close and nobody would lose coverage; {proof}"
    return f"{told}{f': {names}' if count else ''}."


def frontier_json(table: pd.DataFrame, shut: Closable) -> dict[str, Any]:
    """The answer for a program."""
    rows = table.assign(selected=table["selected"].str.split())
    return {
        "share_before": float(table["share_covered"].iloc[0]),
        "frontier": rows.astype(object).to_dict("records"),
        "could_close": {
            "closed": shut.closed["facility_id"].astype(str).tolist(),
            "kept": shut.kept["facility_id"].astype(str).tolist(),
            "optimal": shut.solution.optimal,
            "bound": shut.solution.bound,
        },
        "minutes": shut.before.minutes,
        "profile": shut.before.profile,
    }


def frontier_writer(table: pd.DataFrame, path: Path | None) -> Callable[[Path], None]:
    """How to write the frontier in the format that the suffix names; see `table_writer`."""
    return table_writer(table, path or Path("frontier.csv"))


def plot_frontier(table: pd.DataFrame, path: Path) -> None:
    """Draw the share covered against the number of new sites, exact and greedy.

    Raises
    ------
    MissingInputError
        If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator
    except ImportError as error:
        raise MissingInputError(
            'a plot needs matplotlib: pip install "accessibility-toolkit[maps]".'
        ) from error
    figure = Figure(figsize=(7.0, 4.2), layout="constrained")
    axes = figure.subplots()
    number = table["new_sites"]
    axes.plot(number, table["share_greedy"] * 100, "s--", color="0.6", label="one after another")
    axes.plot(number, table["share_covered"] * 100, "o-", color="#0b5394", label="best choice")
    axes.set_xlabel("new sites")
    axes.set_ylabel("share of the inhabitants, %")
    axes.set_title("Within reach of a site by car", loc="left")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right")
    figure.savefig(path, dpi=150)
