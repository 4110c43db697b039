"""What lies over the border -> what a terminal, a program and files show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from accessibility.analysis.border import Border
from accessibility.report.plain import plain_rows
from accessibility.report.text import facts, minutes, people, percent
from accessibility.study.study import Study

SHOWN = 20
"""Communes that a terminal lists; the files have all."""

WORDS = {
    "sites": {"own": "the territory's", "all": "with the neighbours'"},
    "roads": {"own": "the territory's", "all": "with the neighbours'"},
}


def border_text(study: Study, found: Border) -> RenderableType:
    """The figure with and without what lies over the border, and whom it concerns."""
    nearer, only = _sums(found.crossing, "people_covered_only_there")
    through, lost = _sums(found.detours, "people_not_covered_inside")
    parts: list[RenderableType] = [
        Text.assemble(
            (people(nearer), "bold"),
            f" inhabitants of the study {study.title} are nearer to a site over the border than to "
            f"any of their own; {people(only)} of them are within {found.minutes:g} minutes of "
            "a site only there. ",
            (people(through), "bold"),
            f" drive over the border to be soonest at their own nearest site; {people(lost)} of "
            f"them are within {found.minutes:g} minutes of it only so.",
        ),
        facts(_facts(found)),
        _figures(found),
    ]
    if not found.sites_around:
        parts.append(Text("The study holds no site over the border that counts by that day."))
    if not found.by_departement.empty:
        parts.append(_departements(found.by_departement))
    if not found.crossing.empty:
        parts.append(_crossing(found.crossing))
    if not found.detours.empty:
        parts.append(_detours(found.detours))
    if found.unknown:
        parts.append(Text(f"No population is known of: {', '.join(found.unknown)}."))
    return Group(*parts)


def _facts(found: Border) -> list[tuple[str, str]]:
    way = "from home to the site" if found.direction == "to" else "from the site to home"
    on_foot = "" if found.walk_kph is None else f"; off the road at {found.walk_kph:g} km/h"
    return [
        ("Sites", f"{found.sites_own} of the territory, {found.sites_around} of its neighbours, "
                  f"labelled by {found.as_of}"),
        ("Roads", f"{found.own_km:,.0f} km of {found.all_km:,.0f} km are the territory's: at least "
                  "half of the road's length lies within it, or within 100 m of its contour"),
        ("Profile", f"{found.profile}; {way}{on_foot}"),
        ("Population", f"population municipale {found.population_year}, people at: "
                       f"{found.demand_method}"),
    ]  # fmt: skip


def _figures(found: Border) -> Table:
    table = _table(
        f"\nWithin {found.minutes:g} minutes of a site", ("Sites", "Roads"),
        ("Share", "Covered", "Not covered"),
    )  # fmt: skip
    table.add_column("Complete")
    for row in found.figures.to_dict("records"):
        table.add_row(
            WORDS["sites"][row["sites"]], WORDS["roads"][row["roads"]], percent(row["share"]),
            people(row["population_covered"]), people(row["people_not_covered"]),
            "yes" if row["complete"] else "no",
        )  # fmt: skip
    return table


def _departements(found: pd.DataFrame) -> Table:
    table = _table(
        "\nOver the border, by the département of the site", ("Département",),
        ("Inhabitants", "Covered only there", "Communes", "Sites", "Minutes saved"),
    )  # fmt: skip
    for row in found.to_dict("records"):
        saved = row["minutes_saved"]
        table.add_row(
            row["departement"], people(row["people"]), people(row["people_covered_only_there"]),
            str(row["communes"]), str(row["sites"]), "" if np.isnan(saved) else f"{saved:.1f}",
        )  # fmt: skip
    return table


def _crossing(found: gpd.GeoDataFrame) -> Table:
    table = _table(
        f"\nNearer to a site over the border{_of(found)}", ("Code", "Commune"),
        ("Inhabitants", "Covered only there", "There", "Own site", "Saved"),
    )  # fmt: skip
    table.add_column("Site")
    for row in found.head(SHOWN).to_dict("records"):
        table.add_row(
            row["code_insee"], row["name"], people(row["people"]),
            people(row["people_covered_only_there"]), minutes(row["minutes_there"] * 60),
            minutes(row["minutes_own"] * 60), _difference(row["minutes_saved"]),
            f"{row['facility_name']} ({row['departement']})",
        )  # fmt: skip
    return table


def _detours(found: gpd.GeoDataFrame) -> Table:
    table = _table(
        f"\nSoonest at their own nearest site over the border{_of(found)}", ("Code", "Commune"),
        ("Inhabitants", "Covered only so", "Over the border", "Within", "Lost"),
    )  # fmt: skip
    table.add_column("Site")
    for row in found.head(SHOWN).to_dict("records"):
        table.add_row(
            row["code_insee"], row["name"], people(row["people"]),
            people(row["people_not_covered_inside"]), minutes(row["minutes"] * 60),
            minutes(row["minutes_inside"] * 60), _difference(row["minutes_lost"]),
            str(row["facility_name"]),
        )  # fmt: skip
    return table


def _table(title: str, left: tuple[str, ...], right: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for name in left:
        table.add_column(name)
    for name in right:
        table.add_column(name, justify="right")
    return table


def _of(found: pd.DataFrame) -> str:
    return f": {SHOWN} of {len(found)} rows" if len(found) > SHOWN else ""


def _difference(value: float) -> str:
    return minutes(value * 60) if np.isfinite(value) else "no way within"


def _sums(found: pd.DataFrame, only: str) -> tuple[float, float]:
    return float(found["people"].sum()), float(found[only].sum())


def border_json(study: Study, found: Border) -> dict[str, Any]:
    """All tables for a program; None where a time or a share is not known or not reached."""
    nearer, only = _sums(found.crossing, "people_covered_only_there")
    through, lost = _sums(found.detours, "people_not_covered_inside")
    return {
        "study": study.name,
        "service": study.service,
        "profile": found.profile,
        "minutes": found.minutes,
        "as_of": found.as_of.isoformat(),
        "population_year": found.population_year,
        "direction": found.direction,
        "demand": found.demand_method,
        "walk_kph": found.walk_kph,
        "sites_own": found.sites_own,
        "sites_around": found.sites_around,
        "own_km": round(found.own_km, 3),
        "all_km": round(found.all_km, 3),
        "unknown_population": found.unknown,
        "people_nearer_over_border": nearer,
        "people_covered_only_over_border": only,
        "people_driving_over_border_to_own_site": through,
        "people_covered_only_by_roads_over_border": lost,
        "figures": plain_rows(found.figures),
        "by_departement": plain_rows(found.by_departement),
        "crossing": plain_rows(found.crossing.drop(columns="geometry")),
        "detours": plain_rows(found.detours.drop(columns="geometry")),
    }


def write_border(found: Border, folder: Path) -> None:
    """Write `figures.csv`, `by_departement.csv`, `crossing.csv`, `detours.csv` and `border.gpkg`.

    The GeoPackage has the layers `crossing` and `detours`: contours of the communes.
    """
    folder.mkdir(parents=True)
    layers = {"crossing": found.crossing, "detours": found.detours}
    tables = {"figures": found.figures, "by_departement": found.by_departement} | {
        name: pd.DataFrame(layer.drop(columns="geometry")) for name, layer in layers.items()
    }
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    for name, layer in layers.items():
        # SQLite holds no infinity: a time that is not reached is empty in the layer
        times = layer.columns[layer.columns.str.startswith("minutes")]
        shown = layer.copy()
        shown[times] = shown[times].replace(np.inf, np.nan)
        shown.to_file(folder / "border.gpkg", layer=name, engine="pyogrio")
