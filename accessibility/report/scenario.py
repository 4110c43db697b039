"""Scenarios and gains -> what a terminal or a program shows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from accessibility.analysis.simulate import Simulation
from accessibility.report.text import minutes, people, percent
from accessibility.study.study import Study


def simulation_json(study: Study, result: Simulation) -> dict[str, Any]:
    """What a scenario changes, for a program; None where nothing is known or reached."""
    before, after = result.before, result.after
    moved = (result.by_commune[["population_gained", "population_lost"]] > 0).any(axis=1)
    site = ["code", "name", "facility_id_before", "facility_id_after", "travel_time_s_before",
            "travel_time_s_after"]  # fmt: skip
    gained = ["population_gained", "population_lost"]
    facts: dict[str, Any] = {
        "study": study.name,
        "scenario": result.scenario.name,
        "share_before": before.share,
        "share_covered": after.share,
        "population": after.population,
        "population_covered_before": before.population_covered,
        "population_covered": after.population_covered,
        "population_gained": result.population_gained,
        "population_lost": result.population_lost,
        "mean_s_before": result.mean_s_before,
        "mean_s": result.mean_s_after,
        "worst_s_before": result.worst_s_before,
        "worst_s": result.worst_s_after,
        "cantons_covered_before": before.cantons.covered,
        "cantons_covered": after.cantons.covered,
        "cantons": after.cantons.total,
        "sites_before": len(before.sites),
        "sites": len(after.sites),
        "added": result.added,
        "removed": result.removed,
        "moved": result.moved,
        "sites_off_road": after.sites_off_road,
        "yearly_eur": result.yearly_eur,
        "eur_per_gained": result.eur_per_gained,
        "profile": after.profile,
        "minutes": after.minutes,
        "as_of": after.as_of.isoformat(),
        "population_year": after.population_year,
        "direction": after.direction,
        "around": after.around,
        "complete": after.complete,
        "by_commune": _rows(result.by_commune.loc[moved, ["code", "name", "population", *gained]]),
        "by_canton": _rows(result.by_canton),
        "by_epci": _rows(result.by_epci),
        "changed": _rows(result.changed[site]),
    }
    return {key: _plain(value) for key, value in facts.items()}


def simulation_text(study: Study, result: Simulation) -> RenderableType:
    """Before and after, and the communes that gain or lose."""
    before, after = result.before, result.after
    title = result.scenario.name or "The scenario"
    points = (after.share - before.share) * 100
    facts = Table.grid(padding=(0, 2))
    for name, value in (
        ("People covered", f"{people(before.population_covered)} before, "
                           f"{people(after.population_covered)} after"),
        ("Newly covered", people(result.population_gained)),
        ("No longer covered", people(result.population_lost)),
        ("Mean time", f"{minutes(result.mean_s_before)} before, {minutes(result.mean_s_after)}"),
        ("Longest time", f"{minutes(result.worst_s_before)} before, "
                         f"{minutes(result.worst_s_after)}"),
        ("Cantons with a site", f"{before.cantons.covered} before, {after.cantons.covered}"),
        ("Sites", f"{len(before.sites)} before, {len(after.sites)}"),
        ("Other nearest site", f"{len(result.changed)} communes"),
        ("Cost", _cost(result)),
        ("Profile", f"{after.profile}, within {after.minutes:g} minutes, "
                    f"population of {after.population_year}"),
    ):  # fmt: skip
        facts.add_row(Text(name, style="dim"), Text(value))
    parts: list[RenderableType] = [
        Text.assemble(
            f"{title}: ",
            (f"{percent(before.share)} -> {percent(after.share)}", "bold"),
            f" of the inhabitants of the study {study.title} ({points:+.2f} points)",
        ),
        facts,
    ]
    if after.sites_off_road:
        parts.append(
            Text(f"Too far from any road to be reached: site {', '.join(after.sites_off_road)}.")
        )
    for name, column in (("Newly covered", "gained"), ("No longer covered", "lost")):
        rows = result.by_commune[result.by_commune[f"population_{column}"] > 0]
        if len(rows):
            parts.append(_communes(rows, name))
    return Group(*parts)


def _communes(rows: pd.DataFrame, title: str) -> Table:
    table = Table(title=f"\n{title}", title_justify="left", title_style="bold")
    table.add_column("Code")
    table.add_column("Commune")
    for name in ("Inhabitants", "Before", "After"):
        table.add_column(name, justify="right")
    table.add_column("Nearest site")
    for row in rows.sort_values(["population", "code"], ascending=[False, True]).to_dict("records"):
        table.add_row(
            row["code"],
            row["name"],
            people(row["population"]),
            minutes(row["travel_time_s_before"]),
            minutes(row["travel_time_s_after"]),
            row["facility_name_after"] if isinstance(row["facility_name_after"], str) else "",
        )
    return table


def gain_text(top: pd.DataFrame, n_junctions: int, cutoff_minutes: float) -> RenderableType:
    """The communes with the best junctions."""
    if top.empty:
        return Text(
            f"One more site would cover nobody newly within {cutoff_minutes:g} minutes, at any of "
            f"{n_junctions:,} junctions."
        )
    table = Table(
        title=f"People newly covered within {cutoff_minutes:g} minutes by one more site, at the "
        f"best of a commune's junctions ({n_junctions:,} in all)",
        title_justify="left",
        title_style="bold",
    )
    for name in ("Code", "Commune"):
        table.add_column(name)
    for name in ("People gained", "Longitude", "Latitude"):
        table.add_column(name, justify="right")
    for row in top.to_dict("records"):
        table.add_row(
            row["code_insee"], row["name"], people(row["people_gained"]),
            f"{row['lon']:.5f}", f"{row['lat']:.5f}",
        )  # fmt: skip
    return table


def gain_json(
    study: Study, top: pd.DataFrame, n_junctions: int, cutoff_minutes: float
) -> dict[str, Any]:
    """The communes with the best junctions, for a program."""
    return {
        "study": study.name,
        "minutes": cutoff_minutes,
        "profile": study.profile.name,
        "junctions": n_junctions,
        "top": _rows(top),
    }


def _cost(result: Simulation) -> str:
    if not result.added:
        return "no site is added"
    if np.isnan(result.yearly_eur):
        return "unknown: neither the scenario nor the study tells it"
    each = result.eur_per_gained
    told = "" if np.isnan(each) else f", {each:,.0f} euros for each newly covered inhabitant"
    return f"{result.yearly_eur:,.0f} euros a year{told}"


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    records = table.astype(object).to_dict("records")
    return [{str(key): _plain(value) for key, value in row.items()} for row in records]


def _plain(value: Any) -> Any:
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return None if value is pd.NA else value
