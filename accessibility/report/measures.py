"""Measures of accessibility -> what a terminal, a program and files show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from accessibility.analysis.choices import OWN_PLACES
from accessibility.analysis.measures import SHARES, Measures
from accessibility.errors import first_of
from accessibility.report.text import PLACES, facts, minutes, people, percent
from accessibility.study.study import Study

PER = 10_000
"""Inhabitants for whom 2SFCA and E2SFCA are shown: for one the figures are too small to read."""

OFFERED = {"site": "Sites", "hours": "Opening hours a week", "given": "Units of supply"}

BUSIEST = 5
"""Sites with most people that a terminal lists; the file has all."""


def summary_rows(found: Measures) -> dict[str, dict[str, float]]:
    """The summary by measure, as plain numbers."""
    table = found.summary.to_dict("index")
    return {
        str(name): {str(key): float(value) for key, value in row.items()}
        for name, row in table.items()
    }


def label(found: Measures, name: str) -> str:
    """What a measure is, for a reader."""
    offered = OFFERED[found.supply]
    return {
        "minutes": "Minutes to the nearest site",
        "cumulative": f"{offered} within {found.minutes:g} minutes",
        "gravity": f"{offered}, each counted less with time (gravity)",
        "2sfca": f"{offered} for {PER:,} inhabitants who share them (2SFCA)",
        "e2sfca": "The same, counted less with time (E2SFCA)"
        if "2sfca" in found.names
        else f"{offered} for {PER:,} inhabitants who share them, less with time (E2SFCA)",
    }[name]


def gini_words(found: Measures, name: str) -> str:
    """What a Gini coefficient says, for a reader.

    The mean difference between two people is twice the coefficient times the mean.
    """
    gini = summary_rows(found)[name]["gini"]
    if np.isnan(gini):
        return "Gini: unknown, since nobody reaches anything."
    which = {"minutes": "minutes"}.get(name, name.upper() if "sfca" in name else name)
    return (
        f"Gini {gini:.2f} ({which}): two inhabitants picked at random differ by "
        f"{200 * gini:.0f} % of the mean, on average. 0: all have the same; 1: one has all."
    )


def measures_text(study: Study, found: Measures, *, own_sites: str | None) -> RenderableType:
    """How much people reach, how evenly, with the choices behind it and what it cannot say.

    Parameters
    ----------
    study : Study
    found : Measures
    own_sites : str or None
        Where the sites are from, if they are the user's.
    """
    parts: list[RenderableType] = [_headline(study, found), facts(_facts(study, found, own_sites))]
    parts.append(_summary(found))
    parts += [Text(gini_words(found, name)) for name in (found.names[-1], "minutes")]
    parts.append(
        Text(
            "Palma: what the tenth with most has, over what the four tenths with least have "
            "together; 0.25 if all had the same."
        )
    )
    parts += [Text(), *(Text(line) for line in notes(found)), _busiest(found)]
    return Group(*parts)


def _headline(study: Study, found: Measures) -> Text:
    way = "reach a site" if found.direction == "to" else "are reached from a site"
    row = summary_rows(found)["minutes"]
    half, most = row["q50"] * 60.0, row["q90"] * 60.0
    if not np.isfinite(half):
        words = f"Most of the inhabitants of the study {study.title} {way} at no time"
        return Text(words, style="bold")
    rest = (
        f"; nine in ten within {minutes(most)}."
        if np.isfinite(most)
        else "; more than one in ten not at all."
    )
    return Text.assemble(
        f"Half of the inhabitants of the study {study.title} {way} within ",
        (minutes(half), "bold"),
        rest,
    )


def _facts(study: Study, found: Measures, own_sites: str | None) -> list[tuple[str, str]]:
    which = own_sites or ("with the neighbours'" if found.around else "the territory's own")
    dated = "label_date" in found.sites and bool(found.sites["label_date"].notna().any())
    by_day = f", labelled by {found.as_of}" if dated else ""
    rows = [
        ("Sites", f"{len(found.sites)}, {which}{by_day}"),
        ("Supply", {
            "site": "1 for each site",
            "hours": f"hours open in a week, {found.by_site['supply'].sum():,.1f} in all",
            "given": f"numbers given by site, {found.by_site['supply'].sum():,g} in all",
        }[found.supply]),
    ]  # fmt: skip
    rows += [(f"Decay, {name}", decay.words()) for name, decay in found.decays.items()]
    way = "from home to the site" if found.direction == "to" else "from the site to home"
    on_foot = "" if found.walk_kph is None else f"; off the road at {found.walk_kph:g} km/h"
    finer = len(found.by_demand) > len(found.by_commune)
    places = f": {people(len(found.by_demand))} places" if finer else ""
    where = PLACES.get(found.demand_method, f"among the places of {found.demand_method}") + places
    if found.demand_method == OWN_PLACES:
        where = f"at {people(len(found.by_demand))} places of your own"
    else:
        where = f"population municipale {found.population_year}, {where}"
    return [
        *rows,
        ("Profile", f"{found.profile}: {study.profile.description}; {way}{on_foot}"),
        ("Population", f"{people(found.population)} inhabitants, {where}"),
    ]


def _summary(found: Measures) -> Table:
    table = Table(
        title="\nHow much the inhabitants have, from those with least to those with most",
        title_justify="left",
        title_style="bold",
        caption="25 %: a quarter of the inhabitants have this or less.",
        caption_justify="left",
    )
    table.add_column("Measure")
    for name in ("Mean", *(f"{share:.0%}".replace("%", " %") for share in SHARES),
                 "Gini", "Palma", "None at all"):  # fmt: skip
        table.add_column(name, justify="right")
    for name, row in summary_rows(found).items():
        times = PER if "sfca" in name else 1
        values = [row["mean"], *(row[f"q{share * 100:.0f}"] for share in SHARES)]
        table.add_row(
            label(found, name), *(_figure(value * times) for value in values),
            *(_figure(row[column]) for column in ("gini", "palma")),
            people(row["people_without"]),
        )  # fmt: skip
    return table


def _figure(value: float) -> str:
    if np.isfinite(value):
        return f"{value:.2f}" if value < 1000 else f"{value:,.0f}"
    return "unknown" if np.isnan(value) else "no limit"


def notes(found: Measures) -> list[str]:
    """What the figures leave out, a sentence each."""
    lines = []
    if (lost := summary_rows(found)["minutes"]["people_without"]) > 0:
        lines.append(
            f"{people(lost)} inhabitants reach no site by road: mean, Gini and Palma of the "
            "minutes leave them out."
        )
    if found.people_near_others is not None and found.people_near_others > 0:
        lines.append(
            f"{people(found.people_near_others)} inhabitants "
            f"({percent(found.people_near_others / found.population)}) also have a site of the "
            f"neighbours within {found.minutes:g} minutes, which is not counted: see --around."
        )
    if {"2sfca", "e2sfca"} & set(found.names):
        shared = (
            "the neighbours' sites are shared among the territory's inhabitants alone"
            if found.around
            else "people from beyond the border who use the sites are not known"
        )
        lines.append(f"2SFCA and E2SFCA are too high near the border: {shared}.")
    if found.sites_without_demand:
        n, named = len(found.sites_without_demand), first_of(found.sites_without_demand)
        shared = "; 2SFCA shares what they offer out to nobody" if "2sfca" in found.names else ""
        lines.append(
            f"No inhabitant is within {found.minutes:g} minutes of {n} of the sites: "
            f"{named}{shared}."
        )
    if found.sites_off_road:
        lines.append(
            f"Too far from any road to be reached: site {', '.join(found.sites_off_road)}."
        )
    if not found.complete:
        lines.append(
            f"Not complete: for {people(found.people_unsure)} inhabitants, trips through roads "
            "beyond the data, or sites there, could change the figures."
        )
    if found.unknown:
        lines.append(f"No population is known of: {', '.join(found.unknown)}.")
    return lines


def _busiest(found: Measures) -> Table:
    table = Table(
        title=f"\nSites with most inhabitants within {found.minutes:g} minutes",
        title_justify="left",
        title_style="bold",
    )
    table.add_column("Site")
    table.add_column("Inhabitants", justify="right")
    if found.supply != "site":
        table.add_column(OFFERED[found.supply], justify="right")
    most = found.by_site.sort_values("people", ascending=False, kind="stable").head(BUSIEST)
    for row in most.to_dict("records"):
        offered = [] if found.supply == "site" else [f"{row['supply']:,g}"]
        name = row["name"] if isinstance(row["name"], str) else row["facility_id"]
        table.add_row(name, people(row["people"]), *offered)
    return table


def measures_json(study: Study, found: Measures) -> dict[str, Any]:
    """The figures for a program; None where nothing is known or there is no limit."""
    summary = {
        name: {key: _plain(value) for key, value in row.items()}
        for name, row in summary_rows(found).items()
    }
    return {
        "study": study.name,
        "service": study.service,
        "profile": found.profile,
        "minutes": found.minutes,
        "as_of": found.as_of.isoformat(),
        "direction": found.direction,
        "around": found.around,
        "walk_kph": found.walk_kph,
        "population_year": found.population_year,
        "demand": found.demand_method,
        "supply": found.supply,
        "decays": {name: str(decay) for name, decay in found.decays.items()},
        "population": found.population,
        "places": len(found.by_demand),
        "summary": summary,
        "sites": [
            {str(key): _plain(value) for key, value in row.items()}
            for row in found.by_site.astype(object).to_dict("records")
        ],
        "sites_off_road": found.sites_off_road,
        "sites_without_demand": found.sites_without_demand,
        "people_near_others": found.people_near_others,
        "people_unsure": found.people_unsure,
        "complete": found.complete,
        "unknown_population": found.unknown,
        "notes": notes(found),
    }


def _plain(value: object) -> object:
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    if isinstance(value, np.integer | np.bool_):
        return value.item()
    return value


def lorenz_by_percent(found: Measures) -> pd.DataFrame:
    """Lorenz curves at each per cent of the people.

    Returns
    -------
    DataFrame
        `measure`, `people_share` (0, 0.01, ..., 1), `value_share`; empty of a measure of which
        nobody has any.
    """
    at = np.arange(101) / 100.0
    tables = []
    for name, curve in found.lorenz.groupby("measure", sort=False):
        held = np.interp(at, curve["people_share"], curve["value_share"])
        tables.append(pd.DataFrame({"measure": name, "people_share": at, "value_share": held}))
    return pd.concat(tables, ignore_index=True)


def write_measures(found: Measures, folder: Path) -> list[str]:
    """Write the tables and layers.

    `measures.csv` by commune, `summary.csv`, `lorenz.csv`, `communes.gpkg` (layers `communes` and
    `sites`) and, where people are counted at several places of a commune, `points.gpkg`.

    Returns
    -------
    list of str
        Names of the files.
    """
    folder.mkdir(parents=True)
    plain = {
        "measures.csv": pd.DataFrame(found.by_commune.drop(columns="geometry")),
        "summary.csv": found.summary.reset_index(),
        "lorenz.csv": lorenz_by_percent(found),
    }
    for name, table in plain.items():
        table.to_csv(folder / name, index=False, lineterminator="\n")
    # SQLite holds no infinity: a time that is not reached is empty in the layer
    never = float("inf")
    sites = found.sites.merge(
        found.by_site[["facility_id", "supply", "people"]], on="facility_id", how="left"
    )
    layers = [("communes.gpkg", "communes", found.by_commune), ("communes.gpkg", "sites", sites)]
    if len(found.by_demand) > len(found.by_commune):
        layers.append(("points.gpkg", "points", found.by_demand))
    for name, layer, table in layers:
        shown = table.copy()
        if "travel_time_s" in shown:
            shown["travel_time_s"] = shown["travel_time_s"].mask(shown["travel_time_s"] == never)
        shown.to_file(folder / name, layer=layer, engine="pyogrio")
    return [*plain, *dict.fromkeys(name for name, _, _ in layers)]
