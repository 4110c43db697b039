"""Answers -> what a terminal shows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from accessibility.analysis.choices import OWN_PLACES
from accessibility.analysis.coverage import Coverage
from accessibility.errors import first_of
from accessibility.network.summary import speed_origins
from accessibility.report.plain import plain, plain_rows
from accessibility.study.bundle import FRANCE_SERVICES
from accessibility.study.demand import at_chefs_lieux
from accessibility.study.study import Study

PLACES = {
    "chefs-lieux": "at the chef-lieu",
    "centroids": "at the middle of each commune's area",
    "buildings": "at the buildings, by their ground area",
    "grid-2018": "by the grid of 1 km of 2018",
    "grid-2021": "by the census grid of 1 km of 2021",
}
"""Where people are counted, by method."""

ZONES = {"commune": "Commune", "canton": "Canton", "epci": "EPCI"}


def percent(share: float) -> str:
    """A share as a percentage.

    Examples
    --------
    >>> percent(0.97581), percent(float("nan"))
    ('97.58 %', 'unknown')
    """
    return "unknown" if np.isnan(share) else f"{share * 100:.2f} %"


def people(number: float) -> str:
    """A number of people.

    Examples
    --------
    >>> people(259199.0)
    '259,199'
    """
    return f"{number:,.0f}"


def minutes(time_s: float) -> str:
    """Seconds as minutes and seconds.

    Examples
    --------
    >>> minutes(1204.6), minutes(float("inf"))
    ('20 min 05 s', 'not reached')
    """
    if not np.isfinite(time_s):
        return "not reached"
    whole = round(time_s)
    return f"{whole // 60} min {whole % 60:02d} s"


def comparable(result: Coverage, published: dict[str, Any], *, own_sites: bool) -> bool:
    """Whether a published figure answers the same question as the computed one."""
    return (
        not own_sites
        and not result.around
        and result.minutes == published.get("minutes")
        and result.as_of == published.get("as_of")
    )


def coverage_text(
    study: Study, result: Coverage, *, own_sites: str | None, by: str | None
) -> RenderableType:
    """The figure, what was published, the choices behind it and who is left out."""
    published = study.settings.get("published", {})
    way = "reach a site" if result.direction == "to" else "are reached from a site"
    within = "within" if result.inclusive else "in less than"
    parts: list[RenderableType] = [
        Text.assemble(
            (f"{percent(result.share)}", "bold"),
            f" of the inhabitants of the study {study.title} {way} {within} "
            f"{result.minutes:g} minutes by car",
        ),
        facts(_fact_rows(study, result, published, own_sites)),
    ]
    if not result.complete:
        parts.append(
            Text("Not complete: trips through roads beyond the data could cover more people.")
        )
    if result.sites_off_road:
        parts.append(
            Text(f"Too far from any road to be reached: site {', '.join(result.sites_off_road)}.")
        )
    if result.is_finer and (kept := at_chefs_lieux(result.by_demand)):
        parts.append(Text(f"Counted at the chef-lieu, no other place is told: {first_of(kept)}."))
    if result.unknown:
        parts.append(Text(f"No population is known of: {', '.join(result.unknown)}."))
    parts.append(uncovered_table(result))
    if by is not None:
        parts += [Text(), zone_table(result, by)]
    return Group(*parts)


def _fact_rows(
    study: Study, result: Coverage, published: dict[str, Any], own_sites: str | None
) -> Iterable[tuple[str, str]]:
    yield "People covered", f"{people(result.population_covered)} of {people(result.population)}"
    if "share_covered" in published:
        figure = f"{published['share_covered'] * 100:.1f} % ({published['source']})"
        yield "Published", figure
        if comparable(result, published, own_sites=own_sites is not None):
            points = (result.share - published["share_covered"]) * 100
            yield "Difference", f"{points:+.2f} points; no method was published with the figure"
        else:
            yield (
                "Difference",
                (
                    f"not the same question: published for {published['minutes']} minutes, "
                    f"{published['as_of']}, the territory's own sites"
                ),
            )
    cantons = result.cantons
    span = f"{cantons.covered}"
    if cantons.covered_max > cantons.covered:
        span += f" to {cantons.covered_max}"
    total = f" of {cantons.total}" if cantons.total is not None else " (total unknown)"
    told = ""
    if "cantons_covered" in published:
        told = f" (published: {published['cantons_covered']} of {published['cantons']})"
    yield "Cantons with a site", span + total + told
    which = own_sites or ("with the neighbours'" if result.around else "the territory's own")
    dated = result.sites["label_date"].notna().any() if "label_date" in result.sites else False
    by_day = f", labelled by {result.as_of}" if dated or study.service == FRANCE_SERVICES else ""
    what = study.service if study.service == FRANCE_SERVICES else f"of kind {study.service}"
    number = f"{len(result.sites)}" if own_sites else f"{len(result.sites)} {what}"
    yield "Sites", f"{number}, {which}{by_day}"
    if "format" in result.sites and (moving := int((result.sites["format"] != "Fixe").sum())):
        yield (
            "",
            f"{moving} of them with several places or itinerant, counted at the one point listed",
        )
    way = "from home to the site" if result.direction == "to" else "from the site to home"
    on_foot = "" if result.walk_kph is None else f"; off the road at {result.walk_kph:g} km/h"
    yield "Profile", f"{result.profile}: {study.profile.description}; {way}{on_foot}"
    yield (
        "Population",
        people_told(
            result.demand_method,
            result.population_year,
            len(result.by_demand),
            len(result.by_commune),
        ),
    )
    origin = speed_origins(study.network)
    yield (
        "Speeds",
        f"{origin['tagged']:.1%} of the road km by a tagged limit, {origin['implicit']:.1%} by an "
        f"implicit one, {origin['assumed']:.1%} assumed from the class of road",
    )
    roads = [s for s in study.manifest["sources"] if s["dataset"] == "osm"]
    if roads:
        files = ", ".join(source["file"] for source in roads)
        yield "Roads", f"{files}; {roads[0]['attribution']}"


def people_told(method: str, year: int, places: int, communes: int) -> str:
    """Which people are counted, and where; the number of places if a commune has several.

    Examples
    --------
    >>> people_told("buildings", 2019, 44_185, 494)
    'population municipale 2019, at the buildings, by their ground area: 44,185 places'
    """
    if method == OWN_PLACES:
        return f"of {people(places)} places of your own"
    where = PLACES.get(method, f"among the places of {method}")
    number = f": {people(places)} places" if places > communes else ""
    return f"population municipale {year}, {where}{number}"


def facts(rows: Iterable[tuple[str, str]]) -> Table:
    """Names and what there is to say of each, without lines."""
    table = Table.grid(padding=(0, 2))
    for name, value in rows:
        table.add_row(Text(name, style="dim"), Text(value))
    return table


def uncovered_table(result: Coverage) -> RenderableType:
    """The communes that are left out, with the seconds by which they are."""
    if result.uncovered.empty:
        return Text("\nEvery commune is covered.")
    late = result.uncovered
    left = late["population"] - late["population_covered"]
    in_part = " wholly or in part" if result.is_finer else ""
    table = Table(
        title=f"\nNot covered{in_part}: {len(late)} communes, {people(left.sum())} inhabitants",
        title_justify="left",
        title_style="bold",
    )
    for name in ("Code", "Commune"):
        table.add_column(name)
    numbers = (
        "Inhabitants",
        *(["Not covered"] if result.is_finer else []),
        "Nearest site",
        "Over by",
    )
    for name in numbers:
        table.add_column(name, justify="right")
    table.add_column("Site")
    for row, not_covered in zip(late.to_dict("records"), left, strict=True):
        counts = [row["population"], *([not_covered] if result.is_finer else [])]
        table.add_row(
            row["code_insee"],
            row["name"],
            *(people(number) if pd.notna(number) else "unknown" for number in counts),
            minutes(row["travel_time_s"]),
            minutes(row["seconds_over"]),
            row["facility_name"] if isinstance(row["facility_name"], str) else "",
        )
    return table


def zone_table(result: Coverage, by: str) -> Table:
    """Coverage of each commune, canton or EPCI."""
    table = Table(title=f"By {by}", title_justify="left", title_style="bold")
    table.add_column("Code")
    table.add_column(ZONES[by])
    for name in ("Inhabitants", "Covered", "Share"):
        table.add_column(name, justify="right")
    last = "Minutes" if by == "commune" else "Sites"
    table.add_column(last, justify="right")
    for row in zone_rows(result, by):
        table.add_row(
            row["code"] or "",
            row["name"] or "",
            people(row["population"]) if row["population"] is not None else "unknown",
            people(row["population_covered"]) if row["population_covered"] is not None else "",
            percent(row["share_covered"]) if row["share_covered"] is not None else "unknown",
            f"{row['travel_time_s'] / 60:.1f}"
            if by == "commune" and row["travel_time_s"] is not None
            else str(row.get("sites", "")),
        )
    return table


def zone_rows(result: Coverage, by: str) -> list[dict[str, Any]]:
    """Coverage of each commune, canton or EPCI as plain rows; None where nothing is known."""
    if by == "commune":
        names = ["code_insee", "name", "population", "population_covered", "share_covered",
                 "travel_time_s", "seconds_over", "facility_id"]  # fmt: skip
        table = pd.DataFrame(result.by_commune[names]).rename(columns={"code_insee": "code"})
    else:
        table = result.by_canton if by == "canton" else result.by_epci
    return plain_rows(_whole(table))


def _whole(table: pd.DataFrame) -> pd.DataFrame:
    """The table with people to a millionth: their parts add up to within a billionth."""
    return table.round({"population": 6, "population_covered": 6})


def uncovered_rows(result: Coverage) -> list[dict[str, Any]]:
    """Communes that are not covered, for a program."""
    told = ["name", "population", "population_covered", "travel_time_s", "seconds_over"]
    names = {"code_insee": "code", **{name: name for name in told}}
    return plain_rows(_whole(result.uncovered[list(names)].rename(columns=names)))


def coverage_json(study: Study, result: Coverage, *, by: str | None) -> dict[str, Any]:
    """The figure for a program; None where nothing is known or reached."""
    published = study.settings.get("published", {})
    answer = {
        "study": study.name,
        "service": study.service,
        "share_covered": plain(result.share),
        "population_covered": round(result.population_covered, 6),
        "population": round(result.population, 6),
        "cantons_covered": result.cantons.covered,
        "cantons_covered_max": result.cantons.covered_max,
        "cantons": result.cantons.total,
        "sites": len(result.sites),
        "published_share": published.get("share_covered"),
        "profile": result.profile,
        "walk_kph": result.walk_kph,
        "minutes": result.minutes,
        "as_of": result.as_of.isoformat(),
        "inclusive": result.inclusive,
        "population_year": result.population_year,
        "demand": result.demand_method,
        "places": len(result.by_demand),
        "at_chefs_lieux": at_chefs_lieux(result.by_demand) if result.is_finer else [],
        "direction": result.direction,
        "around": result.around,
        "speeds": {k: round(v, 4) for k, v in speed_origins(study.network).items()},
        "sites_off_road": result.sites_off_road,
        "complete": result.complete,
        "unknown_population": result.unknown,
        "uncovered": uncovered_rows(result),
    }
    if by is not None:
        answer["rows"] = zone_rows(result, by)
    return answer


def show(what: RenderableType) -> None:
    """Print to standard output, in full where it is no terminal."""
    console = Console(soft_wrap=False)
    if not console.is_terminal:
        console = Console(width=140, soft_wrap=False)
    console.print(what)
