"""Chosen sites -> what a terminal shows, JSON and files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from accessibility.analysis.siting import Siting
from accessibility.errors import OutputError
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


def siting_writer(result: Siting, path: Path) -> Callable[[Path], None]:
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
    if path.suffix not in writers:
        raise OutputError(f"{path}: expected is a file that ends in {' or '.join(writers)}.")
    return writers[path.suffix]
