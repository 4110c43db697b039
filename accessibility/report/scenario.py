"""Scenarios -> what a terminal or a program shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from accessibility.analysis.simulate_result import Simulation
from accessibility.report.plain import plain, plain_rows
from accessibility.report.text import minutes, people, percent, uncovered_rows
from accessibility.schema import WGS84
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
        "cantons_covered_max": after.cantons.covered_max,
        "cantons": after.cantons.total,
        "sites_before": result.services_before,
        "sites": result.services_after,
        "added": result.added,
        "removed": result.removed,
        "moved": result.moved,
        "roads_changed": len(result.scenario.road),
        "speeds_changed": len(result.scenario.speed),
        "sites_off_road": after.sites_off_road,
        "yearly_eur": result.yearly_eur,
        "eur_per_gained": result.eur_per_gained,
        "eur": result.eur,
        "eur_once_per_gained": result.eur_once_per_gained,
        "profile": after.profile,
        "minutes": after.minutes,
        "as_of": after.as_of.isoformat(),
        "population_year": after.population_year,
        "direction": after.direction,
        "around": after.around,
        "complete": after.complete,
        "uncovered": uncovered_rows(after),
        "by_commune": plain_rows(
            result.by_commune.loc[moved, ["code", "name", "population", *gained]]
        ),
        "by_canton": plain_rows(result.by_canton),
        "by_epci": plain_rows(result.by_epci),
        "changed": plain_rows(result.changed[site]),
    }
    return {key: plain(value) for key, value in facts.items()}


def simulation_text(study: Study, result: Simulation, *, by: str | None = None) -> RenderableType:
    """Before and after, the communes that gain or lose, and by canton or EPCI where asked."""
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
        ("Sites", f"{result.services_before} before, {result.services_after}"),
        ("Other nearest site", f"{len(result.changed)} communes"),
        ("Cost", _cost(result)),
        ("Profile", f"{after.profile}, within {after.minutes:g} minutes, "
                    f"population of {after.population_year}"),
    ):  # fmt: skip
        facts.add_row(Text(name, style="dim"), Text(value))
    if result.scenario.changes_roads:
        roads, speeds = len(result.scenario.road), len(result.scenario.speed)
        facts.add_row(Text("Changes of roads", style="dim"), Text(f"{roads}, of speeds {speeds}"))
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
    if by == "commune":
        parts.append(_communes(result.changed, "Other nearest site"))
    elif by is not None:
        parts.append(_zones(result.by_canton if by == "canton" else result.by_epci, by))
    return Group(*parts)


def comparison_table(results: dict[str, Simulation]) -> pd.DataFrame:
    """One row for each scenario.

    Returns
    -------
    DataFrame
        `scenario`, `share_before`, `share_covered`, `population_gained`, `population_lost`,
        `mean_s`, `cantons_covered`, `sites`, `yearly_eur`, `eur`, `eur_per_gained`,
        `eur_once_per_gained`.
    """
    return pd.DataFrame(
        [
            {
                "scenario": name,
                "share_before": result.before.share,
                "share_covered": result.after.share,
                "population_gained": result.population_gained,
                "population_lost": result.population_lost,
                "mean_s": result.mean_s_after,
                "cantons_covered": result.after.cantons.covered,
                "sites": result.services_after,
                "yearly_eur": result.yearly_eur,
                "eur": result.eur,
                "eur_per_gained": result.eur_per_gained,
                "eur_once_per_gained": result.eur_once_per_gained,
            }
            for name, result in results.items()
        ]
    )


def comparison_json(study: Study, results: dict[str, Simulation]) -> dict[str, Any]:
    """Several scenarios for a program, each as `simulation_json` has it."""
    one = next(iter(results.values()))
    return {
        "study": study.name,
        "share_before": one.before.share,
        "scenarios": [
            simulation_json(study, result) | {"scenario": name} for name, result in results.items()
        ],
    }


def comparison_text(study: Study, results: dict[str, Simulation]) -> RenderableType:
    """Several scenarios side by side."""
    one = next(iter(results.values()))
    table = Table(
        title=f"Of the inhabitants of the study {study.title}, {percent(one.before.share)} reach "
        f"a site within {one.before.minutes:g} minutes now; with",
        title_justify="left",
        title_style="bold",
    )
    table.add_column("Scenario")
    for name in ("Share", "Gained", "Lost", "Mean time", "Cantons", "Sites", "Euros a year",
                 "Euros once", "A year per person", "Once per person"):  # fmt: skip
        table.add_column(name, justify="right")
    for row in comparison_table(results).to_dict("records"):
        table.add_row(
            row["scenario"], percent(row["share_covered"]), people(row["population_gained"]),
            people(row["population_lost"]), minutes(row["mean_s"]), str(row["cantons_covered"]),
            str(row["sites"]), *(
                _euros(row[key])
                for key in ("yearly_eur", "eur", "eur_per_gained", "eur_once_per_gained")
            ),
        )  # fmt: skip
    return table


def write_comparison(results: dict[str, Simulation], folder: Path) -> None:
    """Write `comparison.csv`, one row for each scenario, and each as `scenario-<n>.toml`."""
    folder.mkdir(parents=True)
    table = comparison_table(results)
    table.to_csv(folder / "comparison.csv", index=False, lineterminator="\n")
    for n, result in enumerate(results.values(), start=1):
        (folder / f"scenario-{n}.toml").write_text(result.scenario.to_toml(), encoding="utf-8")


def write_simulation(result: Simulation, folder: Path) -> None:
    """Write `communes.csv`, `cantons.csv`, `epci.csv`, `sites.csv` and `scenario.toml`."""
    folder.mkdir(parents=True)
    sites = result.after.sites.to_crs(WGS84)
    change = dict.fromkeys(result.moved, "moved")
    known = set(result.before.sites["facility_id"].astype(str))
    ids = sites["facility_id"].astype(str)
    tables = {
        "communes": result.by_commune,
        "cantons": result.by_canton,
        "epci": result.by_epci,
        "sites": pd.DataFrame(
            {
                "facility_id": ids,
                "name": sites["name"],
                "code_insee": sites["code_insee"],
                "lon": sites.geometry.x,
                "lat": sites.geometry.y,
                "change": [change.get(i, "" if i in known else "added") for i in ids],
            }
        ),
    }
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    (folder / "scenario.toml").write_text(result.scenario.to_toml(), encoding="utf-8")


def _zones(zones: pd.DataFrame, by: str) -> Table:
    title = {"canton": "Cantons", "epci": "EPCI"}[by]
    table = Table(title=f"\n{title}", title_justify="left", title_style="bold")
    table.add_column("Code")
    table.add_column("Name")
    for name in ("Inhabitants", "Newly covered", "No longer covered", "Before", "After"):
        table.add_column(name, justify="right")
    for row in zones.to_dict("records"):
        known = [row[key] if isinstance(row[key], str) else "" for key in ("code", "name")]
        table.add_row(
            *known,
            *(people(row[f"population{key}"]) for key in ("", "_gained", "_lost")),
            *(percent(row[key]) for key in ("share_before", "share_covered")),
        )
    return table


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


def _cost(result: Simulation) -> str:
    if np.isnan(result.yearly_eur):
        return "unknown: neither the scenario nor the study tells it"
    told = [
        f"{_euros(cost)} euros {when}"
        + ("" if np.isnan(each) else f", {_euros(each)} for each newly covered inhabitant")
        for cost, when, each in (
            (result.yearly_eur, "a year", result.eur_per_gained),
            (result.eur, "once", result.eur_once_per_gained),
        )
        if cost
    ]
    return "; ".join(told) or "none is told"


def _euros(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:,.0f}"
