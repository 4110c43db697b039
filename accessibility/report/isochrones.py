"""Isochrones -> what a terminal shows, and JSON."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from accessibility.analysis.surface import Surface
from accessibility.errors import first_of
from accessibility.report.plain import plain
from accessibility.report.text import people, percent
from accessibility.study.study import Study


def isochrones_text(
    areas: gpd.GeoDataFrame, error: pd.DataFrame | None, *, off_road: list[str], at: str
) -> RenderableType:
    """The areas as a table, what is not complete, and the error of the drawing.

    Parameters
    ----------
    areas : GeoDataFrame
        From `isochrones`.
    error : DataFrame, optional
        From `isochrone_error`.
    off_road : list of str
        Ids of sites that nobody reaches.
    at : str
        What the error was measured at.
    """
    table = Table(
        title="Areas from which a site is reached by car", title_justify="left", title_style="bold"
    )
    table.add_column("Site")
    for name in ("Minutes", "km2 drawn", "Inhabitants", "Road km"):
        table.add_column(name, justify="right")
    table.add_column("Complete")
    for row in areas.drop(columns="geometry").to_dict("records"):
        table.add_row(
            "any"
            if row["facility_id"] == "any"
            else f"{row['facility_id']} {row['facility_name']}",
            span(row["from_s"], row["cutoff_s"]),
            f"{row['area_km2']:,.1f}",
            people(row["population"]),
            f"{row['road_km']:,.0f}",
            "yes" if row["complete"] else "no",
        )
    parts: list[RenderableType] = [table]
    if cut := int((~areas["complete"]).sum()):
        parts.append(
            Text(
                f"{cut} of {len(areas)} areas get to where the data end and are cut there: they "
                "and their inhabitants may be more.",
                style="bold",
            )
        )
    if off_road:
        parts.append(Text(off_road_text(off_road), style="bold"))
    if error is not None:
        parts.append(error_text(error, at=at))
    return Group(*parts)


def off_road_text(off_road: list[str]) -> str:
    """Name the sites that lie too far from any road."""
    return f"Sites too far from any road, reached by nobody: {first_of(off_road)}"


def error_text(error: pd.DataFrame, *, at: str) -> Table:
    """The drawing against the times on the network, for each cut-off over all areas."""
    table = Table(
        title=f"\nError of the drawing, at {at}: wrongly in and wrongly out, of those truly in",
        title_justify="left",
        title_style="bold",
    )
    names = ["Minutes", "Places", "In", "Out", "People", "In", "Out", "Both"]
    for name in names:
        table.add_column(name, justify="right")
    for row in error_rows(error):
        table.add_row(
            f"{row['cutoff_s'] / 60:g}",
            people(row["places_in"]),
            percent(row["false_in_places"]),
            percent(row["false_out_places"]),
            people(row["people_in"]),
            percent(row["false_in_people"]),
            percent(row["false_out_people"]),
            percent(row["false_in_people"] + row["false_out_people"]),
        )
    return table


def error_rows(error: pd.DataFrame) -> list[dict[str, float]]:
    """Shares by cut-off, over all areas together: numbers truly in, and what is wrong of them."""
    total = error.drop(columns="facility_id").groupby("cutoff_s").sum().reset_index()
    rows = []
    for row in total.to_dict("records"):
        found = {str(k): float(row[k]) for k in ("cutoff_s", "places_in", "people_in")}
        for what in ("places", "people"):
            for kind in ("in", "out"):
                whole = row[f"{what}_in"]
                part = row[f"false_{kind}_{what}"]
                found[f"false_{kind}_{what}"] = part / whole if whole else float("nan")
        rows.append(found)
    return rows


def isochrones_json(
    study: Study,
    areas: gpd.GeoDataFrame,
    error: pd.DataFrame | None,
    *,
    settings: dict[str, Any],
    at: str,
) -> dict[str, Any]:
    """The areas for a program, without their geometry."""
    records = pd.DataFrame(areas.drop(columns="geometry")).astype(object).to_dict("records")
    answer: dict[str, Any] = {
        "study": study.name,
        **settings,
        "complete": bool(areas["complete"].all()),
        "areas": [{str(k): plain(v) for k, v in row.items()} for row in records],
    }
    if error is not None:
        rows = [{k: plain(v) for k, v in row.items()} for row in error_rows(error)]
        answer["error"] = {"measured_at": at, "by_cutoff": rows}
    return answer


def span(from_s: float, cutoff_s: float) -> str:
    """Minutes of an area or a band.

    Examples
    --------
    >>> span(0, 600), span(600, 1200)
    ('10', '10 - 20')
    """
    return f"{from_s / 60:g} - {cutoff_s / 60:g}" if from_s else f"{cutoff_s / 60:g}"


def surface_text(surface: Surface) -> RenderableType:
    """What a surface holds, and up to where it is exact."""
    time_s = surface.time_s[np.isfinite(surface.time_s)]
    lines = [
        f"{surface.time_s.shape[1]:,} x {surface.time_s.shape[0]:,} cells of "
        f"{surface.grid.cell_m:g} m in {surface.crs}; {time_s.size / surface.time_s.size:.1%} have "
        "a time, the others no road near enough or no data"
    ]
    if time_s.size:
        low, middle, high = np.quantile(time_s, [0, 0.5, 1])
        lines.append(
            f"Minutes: least {low / 60:.1f}, median {middle / 60:.1f}, most {high / 60:.1f}"
        )
    if surface.choices.off_road:
        lines.append(off_road_text(surface.choices.off_road))
    if np.isfinite(surface.exact_to_s):
        lines.append(
            f"Exact up to {surface.exact_to_s / 60:.1f} minutes; longer trips could lead through "
            "where the data end, and be shorter"
        )
    return Text("\n".join(lines))


def surface_json(study: Study, surface: Surface) -> dict[str, Any]:
    """The choices behind a surface, for a program."""
    chosen = surface.choices
    return {
        "study": study.name,
        "unit": "s",
        "sites": len(chosen.sites),
        "site_ids": chosen.sites["facility_id"].astype(str).tolist(),
        "sites_off_road": chosen.off_road,
        "profile": study.profile.name,
        "as_of": chosen.as_of.isoformat(),
        "direction": chosen.direction,
        "around": chosen.around,
        "walk_kph": chosen.walk_kph,
        "max_snap_m": chosen.max_snap_m,
        "cell_m": surface.grid.cell_m,
        "crs": surface.crs,
        "exact_to_s": plain(surface.exact_to_s),
    }
