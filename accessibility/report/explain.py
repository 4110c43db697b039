"""Why communes are covered or not -> what a terminal, a program or a GIS shows."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from accessibility.analysis.coverage import Coverage
from accessibility.analysis.explain import Explanation, no_way
from accessibility.analysis.explain_route import OFF_ROAD_CLASS, TURNS_CLASS
from accessibility.report.text import facts, minutes, people, percent
from accessibility.schema import WGS84
from accessibility.study.study import Study

CLASSES = {
    "motorway": "motorway", "trunk": "trunk road", "primary": "primary road",
    "secondary": "secondary road", "tertiary": "tertiary road", "unclassified": "minor road",
    "residential": "residential street", "living_street": "living street",
    "service": "service road", "ferry": "ferry", OFF_ROAD_CLASS: "on foot, off the road",
    TURNS_CLASS: "junctions and turns",
}  # fmt: skip
"""Classes of road in plain words; others keep their name."""

KINDS = {
    "post_office": "post office",
    "townhall": "town hall",
    "chef-lieu": "middle of the village",
}

AGREEMENT, PROFILE = 0.0197, "osrm-car"
"""Largest difference from OSRM's times under this profile, of 12,337 pairs of commune and site:
docs/method.md."""

MOST_NEIGHBOURS = 8
"""Neighbouring communes that are named; more are counted."""


def answer_of(one: Explanation) -> str:
    """The answer in one sentence.

    Examples
    --------
    >>> import accessibility as acc
    >>> print(answer_of(acc.explain(acc.load_study("jura"), "39579", minutes=21)))
    Covered: France services Lavans-lès-Saint-Claude takes 20 min 04 s, 56 s less than 21 minutes.
    """
    limit = f"{one.coverage.minutes:g} minutes"
    if one.state == "off-road":
        return (
            f"Not covered: its chef-lieu lies {people(one.road_m)} m from the nearest road that "
            "leads anywhere, too far to be counted on it."
            if np.isfinite(one.road_m)
            else "Not covered: there is no road near its chef-lieu."
        )
    if one.state == "unreached":
        return "Not covered: no road leads from its chef-lieu to any counted site."
    site, time = _site_name(one), minutes(one.travel_time_s)
    if one.covered:
        return f"Covered: {site} takes {time}, {short(-one.seconds_over)} less than {limit}."
    return f"Not covered: {site} takes {time}, {short(one.seconds_over)} more than {limit}."


def short(time_s: float) -> str:
    """Seconds in as few words as are needed.

    Examples
    --------
    >>> short(4.475), short(353.2), short(0.4), short(0)
    ('4 s', '5 min 53 s', '0.4 s', '0 s')
    """
    if 0 < time_s < 1:
        return f"{max(time_s, 0.001):.1g} s"
    whole = round(time_s)
    return f"{whole} s" if whole < 60 else minutes(time_s)


def distance(length_m: float) -> str:
    """A length in metres or kilometres.

    Examples
    --------
    >>> distance(43.2), distance(15399.8)
    ('43 m', '15.4 km')
    """
    return f"{length_m:.0f} m" if length_m < 999.5 else f"{length_m / 1000:.1f} km"


def roads_driven(one: Explanation) -> pd.DataFrame:
    """The way for reading: consecutive legs on one road are one row.

    Returns
    -------
    DataFrame
        `road` (its number, name or class), `class`, `km`, `time_s` (with its junctions),
        `kph` (as driven, without junctions), `beyond`.
    """
    table = one.route
    if table.empty:
        columns = {"road": object, "class": object, "km": float, "time_s": float, "kph": float}
        return pd.DataFrame({k: pd.Series([], dtype=v) for k, v in columns.items()}).assign(
            beyond=pd.Series([], dtype=bool)
        )
    classes = [_class_of(row) for row in table[["road", "highway"]].to_dict("records")]
    labels = [
        _label(row, kind) for row, kind in
        zip(table[["ref", "name"]].to_dict("records"), classes, strict=True)
    ]  # fmt: skip
    keys = list(zip(labels, table["beyond"], strict=True))
    run = np.cumsum([0, *(a != b for a, b in itertools.pairwise(keys))])
    groups = table.assign(label=labels, kind=classes).groupby(run)
    sums = groups[["length_m", "drive_s", "turn_s"]].sum()
    longest = [part.groupby("kind", sort=False)["length_m"].sum().idxmax() for _, part in groups]
    drive_s = sums["drive_s"].to_numpy()
    return pd.DataFrame(
        {
            "road": groups["label"].first().to_numpy(),
            "class": longest,
            "km": sums["length_m"].to_numpy() / 1000.0,
            "time_s": (sums["drive_s"] + sums["turn_s"]).to_numpy(),
            "kph": sums["length_m"].to_numpy() / np.where(drive_s > 0, drive_s, np.nan) * 3.6,
            "beyond": groups["beyond"].first().to_numpy(),
        }
    )


def explain_text(study: Study, one: Explanation) -> RenderableType:
    """One explanation, as an elected official reads it."""
    who = "population unknown" if np.isnan(one.population) else _inhabitants(one.population)
    parts: list[RenderableType] = [
        Text(f"{one.name} ({one.code_insee}), {who}", style="bold"),
        Text(answer_of(one), style="bold"),
        facts(_fact_rows(study, one)),
    ]
    if len(one.route):
        parts.append(_road_table(one))
    if len(one.nearest) or len(one.across):
        parts.append(_site_table(one))
    if len(one.candidates):
        parts.append(_candidate_table(one))
    elif not one.covered:
        parts.append(
            Text("\nNo post office, town hall or chef-lieu of the territory is near enough to "
                 "cover it.")
        )  # fmt: skip
    return Group(*parts)


def explain_all_text(result: Coverage, found: Sequence[Explanation]) -> RenderableType:
    """One row for each commune that is not covered."""
    if not found:
        return Text(f"Every commune is covered within {result.minutes:g} minutes.")
    total = sum(one.population for one in found if not np.isnan(one.population))
    table = Table(
        title=f"Not covered within {result.minutes:g} minutes: {_number(len(found), 'commune')}, "
        f"{_inhabitants(total)}",
        title_justify="left",
        title_style="bold",
    )
    for name in ("Code", "Commune"):
        table.add_column(name)
    for name in ("Inhabitants", "Nearest site", "Over by", "Way", "Faster by", "Over the border"):
        table.add_column(name, justify="right")
    table.add_column("Best place for a site")
    for one in found:
        row = _summary(one)
        best = f"{row['candidate_commune']} ({people(row['candidate_people'])})"
        table.add_row(
            one.code_insee, one.name,
            "unknown" if np.isnan(one.population) else people(one.population),
            {"off-road": "off the roads"}.get(one.state, minutes(one.travel_time_s)),
            short(one.seconds_over) if np.isfinite(one.seconds_over) else "",
            f"{row['route_km']:.1f} km" if len(one.route) else "",
            _percent_faster(one.speed_factor) if len(one.route) else "",
            minutes(row["across_time_s"]) if row["across_id"] is not None else "",
            best if row["candidate_commune"] is not None else "none is near enough",
        )  # fmt: skip
    said = (
        "Faster by: how much faster the roads of the way would have to be driven. Over the "
        "border: the nearest site of another département, which is not counted. Best place: where "
        "one more site would cover this commune too, and how many people newly in all."
    )
    return Group(table, Text(said, style="dim"))


def explain_json(study: Study, one: Explanation) -> dict[str, Any]:
    """One explanation for a program; None where nothing is known or reached."""
    return {"study": study.name, **_choices(one.coverage), **_one_json(one)}


def explain_all_json(
    study: Study, result: Coverage, found: Sequence[Explanation]
) -> dict[str, Any]:
    """All explanations for a program, in `rows`."""
    return {
        "study": study.name,
        **_choices(result),
        "communes": len(found),
        "rows": [_one_json(one) for one in found],
    }


def summary_table(found: Sequence[Explanation]) -> gpd.GeoDataFrame:
    """One row for each explanation, at the chef-lieu."""
    rows = [_summary(one) for one in found]
    at = gpd.GeoSeries([one.chef_lieu for one in found], crs=WGS84)
    return gpd.GeoDataFrame(pd.DataFrame(rows, columns=list(SUMMARY)), geometry=at)


def leg_table(found: Sequence[Explanation]) -> gpd.GeoDataFrame:
    """The legs of all ways, with the code of the commune."""
    ways = [one.route.assign(code_insee=one.code_insee) for one in found]
    table = _stacked([*ways, no_way().assign(code_insee="")])
    return table[["code_insee", *(name for name in table.columns if name != "code_insee")]]


def write_explanations(found: Sequence[Explanation], folder: Path) -> None:
    """Write `explain.csv` (a row for each commune), `route.csv` (legs) and `explain.gpkg`.

    Layers: `communes` (at the chef-lieu), `legs`, `beyond` (what is driven after the cut-off),
    `sites` (near ones, counted or not), `candidates`; one without rows is left out.
    """
    folder.mkdir(parents=True)
    summary, ways = summary_table(found), leg_table(found)
    for table, name in ((summary, "explain"), (ways, "route")):
        plain = pd.DataFrame(table.drop(columns="geometry"))
        plain.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    late = ways[ways["beyond"]][["code_insee", "length_m", "drive_s", "turn_s", "geometry"]]
    layers = {"communes": summary, "legs": ways}
    layers["beyond"] = late.dissolve("code_insee", aggfunc="sum").reset_index()
    if found:
        near = [
            table.assign(code_insee_of=one.code_insee, counted=counted)
            for one in found
            for table, counted in ((one.nearest, True), (one.across, False))
        ]
        layers["sites"] = _stacked(near)
        new = [one.candidates.assign(code_insee_of=one.code_insee) for one in found]
        layers["candidates"] = _stacked(new)
    for name, layer in layers.items():
        if len(layer):
            # SQLite holds no infinity: a time that is not reached is empty in the layer
            numbers = layer.select_dtypes("number").columns
            finite = layer.assign(**{c: layer[c].mask(np.isinf(layer[c])) for c in numbers})
            finite.to_file(folder / "explain.gpkg", layer=name, engine="pyogrio", driver="GPKG")


TABLES = ("rows", "nearest", "across", "by_class", "candidates", "neighbours", "roads", "legs")
"""Parts of an answer that a manifest does not repeat."""


def without_tables(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer and its choices, for a manifest."""
    return {key: value for key, value in answer.items() if key not in TABLES}


SUMMARY = (
    "code_insee", "name", "population", "state", "travel_time_s", "seconds_over", "facility_id",
    "facility_name", "route_km", "beyond_km", "junctions_s", "speed_factor", "road_m",
    "across_id", "across_name", "across_time_s", "candidate_id", "candidate_name",
    "candidate_kind", "candidate_commune", "candidate_people", "complete", "answer",
)  # fmt: skip
"""Columns of a summary."""


def _summary(one: Explanation) -> dict[str, Any]:
    near, across, best = (
        table.iloc[0] if len(table) else None for table in (one.nearest, one.across, one.candidates)
    )
    km = one.route["length_m"] / 1000.0

    def told(row: pd.Series | None, name: str) -> Any:
        value = None if row is None else row[name]
        return None if value is None or value is pd.NA or value != value else value

    return {
        "code_insee": one.code_insee,
        "name": one.name,
        "population": one.population,
        "state": one.state,
        "travel_time_s": one.travel_time_s,
        "seconds_over": one.seconds_over,
        "facility_id": told(near, "facility_id"),
        "facility_name": told(near, "name"),
        "route_km": float(km.sum()) if len(km) else np.nan,
        "beyond_km": float(km[one.route["beyond"]].sum()) if len(km) else np.nan,
        "junctions_s": float(one.route["turn_s"].sum()) if len(km) else np.nan,
        "speed_factor": one.speed_factor,
        "road_m": one.road_m,
        "across_id": told(across, "facility_id"),
        "across_name": told(across, "name"),
        "across_time_s": np.nan if across is None else float(across["travel_time_s"]),
        "candidate_id": told(best, "candidate_id"),
        "candidate_name": told(best, "name"),
        "candidate_kind": told(best, "kind"),
        "candidate_commune": told(best, "commune"),
        "candidate_people": np.nan if best is None else float(best["people_gained"]),
        "complete": one.complete,
        "answer": answer_of(one),
    }


def _fact_rows(study: Study, one: Explanation) -> Iterable[tuple[str, str]]:
    limit = f"{one.coverage.minutes:g} minutes"
    if one.own_sites:
        yield "In the commune", f"{' and '.join(map(str, one.own_sites))} stands here"
    if np.isnan(one.population):
        yield "Inhabitants", "no number is known: the commune is left out of the figure"
    elif one.population == 0:
        yield "Inhabitants", "nobody lives here: it changes no figure"
    if len(one.route):
        ends = ["its chef-lieu", _site_name(one)]
        from_, to = ends if one.coverage.direction == "to" else ends[::-1]
        length_m = one.route["length_m"].sum()
        kph = length_m / one.travel_time_s * 3.6 if one.travel_time_s else 0.0
        yield "The way", f"{distance(length_m)} from {from_} to {to}, at {kph:.0f} km/h on average"
        told = [
            f"{CLASSES.get(row['highway'], row['highway'])} {short(row['time_s'])}"
            + (f" ({distance(row['length_m'])})" if row["length_m"] else "")
            for row in _plain_classes(one.by_class).to_dict("records")
        ]
        yield "Made of", ", ".join(told)
        after = one.route[one.route["beyond"]]
        if len(after):
            rest = f"{distance(after['length_m'].sum())} and {short(one.seconds_over)}"
            yield f"After {limit}", f"there are still {rest} to go"
    if one.state in ("covered", "late"):
        off = f"{people(one.road_m)} m from the road on which it is counted"
        if one.coverage.walk_kph is None:
            off += "; that way takes no time"
        yield "Its chef-lieu", off
    if one.state == "late":
        faster = (
            f"the roads of this way driven {_percent_faster(one.speed_factor)} faster, or a site "
            "nearer"
            if np.isfinite(one.speed_factor)
            else "a site nearer; no speed would do, as all but the driving takes longer"
        )
        yield "To be covered", f"the trip must take {short(one.seconds_over)} less: {faster}"
    elif one.covered and len(one.route):
        slower = np.floor((1.0 - one.speed_factor) * 100.0)
        yield "To stay covered", f"the roads of this way may be driven up to {slower:.0f} % slower"
    close = AGREEMENT * one.travel_time_s
    if np.isfinite(close) and abs(one.seconds_over) <= close and one.coverage.profile == PROFILE:
        yield (
            "Close",
            f"these times and OSRM's differ by up to {percent(AGREEMENT)}, more than this: "
            "another computation could say otherwise",
        )
    if len(one.across) and not one.coverage.around:
        site = one.across.iloc[0]
        within = one.across[one.across["seconds_over"] <= 0]
        said = f"{site['name']}, {minutes(float(site['travel_time_s']))}"
        if len(within):
            said += f": within {limit}, but sites of other départements are not counted here"
        yield "Over the border", said
    if len(one.neighbours):
        yield "Communes around", _neighbours(one)
    if not one.complete:
        yield (
            "Not certain",
            "the data end near here: a trip that leaves them could be within the time",
        )
    yield "Profile", f"{one.coverage.profile}: {study.profile.description}"


def _road_table(one: Explanation) -> Table:
    table = Table(title="\nThe way", title_justify="left", title_style="bold")
    for name in ("Road", "Kind"):
        table.add_column(name)
    for name in ("km", "Time", "km/h", "Since the start"):
        table.add_column(name, justify="right")
    since_s, cut = 0.0, False
    for row in roads_driven(one).to_dict("records"):
        if row["beyond"] and not cut:
            cut = True
            table.add_section()
            table.add_row(f"after {one.coverage.minutes:g} minutes:", style="bold")
        since_s += row["time_s"]
        table.add_row(
            row["road"], row["class"], f"{row['km']:.2f}", short(row["time_s"]),
            "" if np.isnan(row["kph"]) else f"{row['kph']:.0f}", short(since_s),
        )  # fmt: skip
    return table


def _site_table(one: Explanation) -> Table:
    table = Table(title="\nThe nearest sites", title_justify="left", title_style="bold")
    for name in ("Site", "Commune", "Counted"):
        table.add_column(name)
    for name in ("Time", f"Against {one.coverage.minutes:g} minutes"):
        table.add_column(name, justify="right")
    for sites, counted in ((one.nearest, True), (one.across, False)):
        for row in sites.to_dict("records"):
            over = row["seconds_over"]
            table.add_row(
                str(row["name"]),
                _where(row),
                "yes" if counted else "no: over the border",
                minutes(row["travel_time_s"]),
                f"{short(abs(over))} {'too long' if over > 0 else 'to spare'}",
            )
    return table


def _candidate_table(one: Explanation) -> Table:
    table = Table(
        title=f"\nOne more site here would cover {one.name} too",
        title_justify="left",
        title_style="bold",
    )
    for name in ("Commune", "Place"):
        table.add_column(name)
    for name in ("Time", "People newly covered in all"):
        table.add_column(name, justify="right")
    for row in one.candidates.to_dict("records"):
        place = KINDS.get(row["kind"], str(row["kind"]))
        name = "" if row["name"] in (row["commune"], None) else f", {row['name']}"
        table.add_row(
            str(row["commune"]), f"{place}{name}", minutes(row["travel_time_s"]),
            people(row["people_gained"]),
        )  # fmt: skip
    return table


def _neighbours(one: Explanation) -> str:
    """Which communes around are covered, and which are not."""
    table = one.neighbours
    late = table[~table["covered"]]
    said = f"{len(table) - len(late)} of {len(table)} are covered"
    if late.empty:
        return said
    named = [f"{row['name']} ({minutes(row['travel_time_s'])})" for row in late.to_dict("records")]
    rest = len(named) - MOST_NEIGHBOURS
    more = f" and {rest} more" if rest > 0 else ""
    return f"{said}; not {', '.join(named[:MOST_NEIGHBOURS])}{more}"


def _plain_classes(by_class: pd.DataFrame) -> pd.DataFrame:
    """Links counted with the class of road that they lead to."""
    kind = by_class["highway"].str.removesuffix("_link")
    return by_class.groupby(kind, sort=False)[["length_m", "time_s"]].sum().reset_index()


def _class_of(row: dict[Any, Any]) -> str:
    kind = OFF_ROAD_CLASS if row["road"] < 0 else str(row["highway"])
    link = kind.endswith("_link")
    plain = CLASSES.get(kind.removesuffix("_link"), kind)
    return f"slip road ({plain})" if link else plain


def _label(row: dict[Any, Any], kind: str) -> str:
    """What one calls a road: its number, else its name, else its class."""
    told = [value for value in (row["ref"], row["name"]) if isinstance(value, str)]
    return told[0] if told else f"({kind})"


def _site_name(one: Explanation) -> str:
    site = one.nearest.iloc[0]
    return str(site["name"] if isinstance(site["name"], str) else site["facility_id"])


def _where(row: dict[Any, Any]) -> str:
    """Commune of a site: its name, its code where the study does not know it."""
    return next((v for v in (row["commune"], row["code_insee"]) if isinstance(v, str)), "")


def _percent_faster(factor: float) -> str:
    """By how much faster, rounded up so that it is enough.

    Examples
    --------
    >>> _percent_faster(1.0043), _percent_faster(1.301), _percent_faster(float("inf"))
    ('0.5 %', '31 %', 'never')
    """
    if not np.isfinite(factor):
        return "never"
    percent = (factor - 1.0) * 100.0
    if percent < 10:
        return f"{np.ceil(round(percent * 10, 6)) / 10:g} %"
    return f"{np.ceil(round(percent, 6)):.0f} %"


def _number(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


def _inhabitants(number: float) -> str:
    return "1 inhabitant" if number == 1 else f"{people(number)} inhabitants"


def _choices(result: Coverage) -> dict[str, Any]:
    return {
        "minutes": result.minutes,
        "as_of": result.as_of.isoformat(),
        "population_year": result.population_year,
        "direction": result.direction,
        "around": result.around,
        "profile": result.profile,
        "walk_kph": result.walk_kph,
        "sites": len(result.sites),
    }


def _one_json(one: Explanation) -> dict[str, Any]:
    tables: dict[str, pd.DataFrame] = {
        "nearest": one.nearest,
        "across": one.across,
        "by_class": one.by_class,
        "candidates": one.candidates,
        "neighbours": one.neighbours,
        "roads": roads_driven(one),
        "legs": one.route,
    }
    told = {key: _value(value) for key, value in _summary(one).items()}
    return {
        **told,
        "covered": one.covered,
        "own_sites": [str(name) for name in one.own_sites],
        **{name: _records(table) for name, table in tables.items()},
    }


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    rows = pd.DataFrame(table.drop(columns="geometry", errors="ignore")).astype(object)
    return [{str(k): _value(v) for k, v in row.items()} for row in rows.to_dict("records")]


def _value(value: Any) -> Any:
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    if isinstance(value, np.integer | np.bool_):
        return value.item()
    return None if value is None or value is pd.NA else value


def _stacked(tables: list[gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    return pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)
