"""An answer -> what the page tells of it, in a reader's language; no markup, only text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from accessibility.analysis.coverage import Coverage
from accessibility.analysis.gain import top_communes
from accessibility.analysis.scenario import NewRoad, RoadChange, Scenario
from accessibility.analysis.simulate_result import Simulation
from accessibility.analysis.siting import Siting
from accessibility.report.map_layers import time_classes
from accessibility.report.map_words import day, map_text, number, percent
from accessibility.report.map_words import minutes as minutes_of
from accessibility.report.text import comparable
from accessibility.study.bundle import FRANCE_SERVICES
from accessibility.study.study import Study
from accessibility.web.beside import Kept
from accessibility.web.desk import Desk
from accessibility.web.page_words import page_words
from accessibility.web.plan import Plan

TOP = 10
"""Communes of the gain layer that are listed."""

BANDS_MIN = (10.0, 20.0)
"""Minutes whose areas are drawn beside that of the cut-off."""

Row = list[Any]


def told(desk: Desk, plan: Plan, done: Simulation, lang: str) -> dict[str, Any]:
    """Everything that the page tells of a plan.

    Parameters
    ----------
    desk : Desk
    plan : Plan
    done : Simulation
        Its answer.
    lang : {"en", "fr"}

    Returns
    -------
    dict
        Texts and numbers that are JSON; None where nothing is known.
    """
    study, after = desk.study, done.after
    says = page_words(lang)
    cutoff = minutes_of([after.minutes], lang)
    text = map_text(
        study, after, lang=lang, own_sites=None, areas_complete=True, cutoffs_s=[],
    )  # fmt: skip
    table = done.by_commune
    days = desk.days
    return {
        "lang": lang,
        "labels": text.labels
        | says
        | {
            "layer_areas": says["layer_bands"].format(
                minutes=minutes_of(sorted({*BANDS_MIN, after.minutes}), lang)
            ),
            "legend_time": text.labels["legend_time"],
            "area": text.labels["area"],
            "covered": text.labels["covered"],
            "verdict_gained": says["verdict_gained"].format(minutes=cutoff),
            "best_budget": says["best_budget"].format(cost=euros(desk.grant_eur, lang)),
            "page_title": says["page_title"].format(place=study.title),
        },
        "figure": figure_lines(study, done, lang),
        "facts": facts(study, done, lang),
        "warnings": list(text.warnings),
        "choices": [list(row) for row in text.choices],
        "sources": list(text.sources),
        "minutes": after.minutes,
        "minutes_text": says["cutoff_value"].format(minutes=cutoff),
        "day": list(days).index(after.as_of) if after.as_of in days else len(days) - 1,
        "days": [
            says["day_value_one" if count == 1 else "day_value"].format(
                day=day(one, lang), sites=count
            )
            for one, count in days.items()
        ],
        "population": after.population_year,
        "years": study.population_years,
        "name": plan.scenario.name,
        "edits": edits(desk, plan.scenario, done, lang),
        "classes": classes_of(done)[1],
        "unreached": not bool(np.isfinite(after.by_commune["travel_time_s"]).all()),
        "communes": {
            "population": _numbers(table["population"]),
            "time_s": _numbers(table["travel_time_s_after"]),
            "before_s": _numbers(table["travel_time_s_before"]),
            "site": _names(table["facility_name_after"]),
            "site_before": _names(table["facility_name_before"]),
            "over_s": _numbers(after.by_commune["seconds_over"]),
            "late": _late(after),
            "gained": np.flatnonzero(table["population_gained"] > 0).tolist(),
            "lost": np.flatnonzero(table["population_lost"] > 0).tolist(),
        },
    }


def figure_lines(study: Study, done: Simulation, lang: str) -> dict[str, str]:
    """The figure, today's beside it, and what was published."""
    says, after, before = page_words(lang), done.after, done.before
    france_services = study.service == FRANCE_SERVICES
    service = says["a_france_services" if france_services else "a_site"]
    lines = {
        "share": percent(after.share, lang) if np.isfinite(after.share) else says["unknown"],
        "of": says[f"of_inhabitants_{after.direction}"].format(
            service=service if france_services else f"{service} ({study.service})",
            minutes=minutes_of([after.minutes], lang),
        ),
        "today": "", "published": "", "source": "", "difference": "",
    }  # fmt: skip
    if np.isfinite(after.share):
        difference = (after.share - before.share) * 100
        lines["today"] = says["as_today"] if not done.scenario.changes_anything else says[
            "instead_of"
        ].format(points=points(difference, lang), share=percent(before.share, lang))  # fmt: skip
    published = study.settings.get("published", {})
    if "share_covered" in published:
        lines["published"] = says["published"].format(
            share=number(round(published["share_covered"] * 100, 1), lang)
            + ("\N{NO-BREAK SPACE}%" if lang == "fr" else " %")
        )
        lines["source"] = str(published["source"])
        if comparable(after, published, own_sites=False):
            lines["difference"] = says["difference"].format(
                points=points((after.share - published["share_covered"]) * 100, lang)
            )
        else:
            lines["difference"] = says["other_question"].format(
                minutes=minutes_of([published["minutes"]], lang), day=day(published["as_of"], lang)
            )
    return lines


def facts(study: Study, done: Simulation, lang: str) -> list[Row]:
    """Rows of what is counted: its name, after the scenario, before it (empty if the same)."""
    says, after, before = page_words(lang), done.after, done.before

    def people(result: Coverage) -> str:
        return says["of_all"].format(
            part=number(result.population_covered, lang), whole=number(result.population, lang)
        )

    def cantons(result: Coverage) -> str:
        found, most = result.cantons.covered, result.cantons.covered_max
        text = str(found) if most <= found else says["range"].format(least=found, most=most)
        if result.cantons.total is None:
            return text
        return says["of_all"].format(part=text, whole=result.cantons.total)

    rows: list[Row] = [
        ["people_covered", people(after), people(before)],
        ["gained", number(done.population_gained, lang), ""],
        ["lost", number(done.population_lost, lang), ""],
        ["cantons_with", cantons(after), cantons(before)],
        ["mean", time_text(done.mean_s_after, lang), time_text(done.mean_s_before, lang)],
        ["worst", time_text(done.worst_s_after, lang), time_text(done.worst_s_before, lang)],
        ["number_of_sites", number(done.services_after, lang), number(done.services_before, lang)],
        ["other_site", number(len(done.changed), lang), ""],
        ["cost_year", euros(done.yearly_eur, lang), ""],
        ["cost_each", _each(done, done.eur_per_gained, done.yearly_eur, lang), ""],
    ]
    if done.eur:
        rows += [
            ["cost_once", euros(done.eur, lang), ""],
            ["cost_once_each", _each(done, done.eur_once_per_gained, done.eur, lang), ""],
        ]
    if not done.scenario.changes_anything:
        told_always = ("people_covered", "cantons_with", "mean", "worst", "number_of_sites")
        rows = [row for row in rows if row[0] in told_always]
    return [[says[key], now, was if was != now else ""] for key, now, was in rows]


def edits(desk: Desk, scenario: Scenario, done: Simulation, lang: str) -> list[Row]:
    """What a scenario changes: a text each, and the command that takes it back."""
    says = page_words(lang)
    names = dict(
        zip(
            [*done.before.sites["facility_id"].astype(str),
             *done.after.sites["facility_id"].astype(str)],
            [*done.before.sites["name"], *done.after.sites["name"]],
            strict=True,
        )
    )  # fmt: skip
    rows: list[Row] = []
    for key, entries, todo in (
        ("edit_add", [place.id for place in scenario.add], "toggle"),
        ("edit_remove", [place.id for place in scenario.remove], "toggle"),
        ("edit_move", [move.site.id for move in scenario.move], "put_back"),
    ):
        rows += [
            [says[key].format(name=names.get(site, site)), {"do": todo, "site": site}]
            for site in entries
        ]
    rows += [
        [says["edit_stop"].format(name=stop.name or stop.id, number=len(stop.at)), None]
        for stop in scenario.stop
    ]
    for n, road in enumerate(scenario.road):
        rows.append([_road_text(desk, road, says), {"do": "drop_road", "number": n}])
    for n, speed in enumerate(scenario.speed):
        what = speed.road_class or str(speed.at)
        change = f"{number(speed.kph, lang)} km/h" if speed.kph else f"× {speed.factor:g}"
        text = says["edit_speed"].format(name=f"{what}, {change}")
        rows.append([text, {"do": "drop_speed", "number": n}])
    return rows


def _road_text(desk: Desk, road: RoadChange | NewRoad, says: dict[str, str]) -> str:
    if isinstance(road, NewRoad):
        return says["edit_road"].format(name=road.name or road.ref or road.road_class)
    found = desk.road_at(road.at)
    name = f"{found[0]} ({road.at})" if found else str(road.at)
    key = "edit_close_road" if road.change == "close" else "edit_road"
    return says[key].format(name=name if road.change == "close" else f"{name}, {road.change}")


def help_rows(junctions: gpd.GeoDataFrame, lang: str) -> list[Row]:
    """The communes in which one more site would help most: name, text, place."""
    says = page_words(lang)
    top = top_communes(junctions, TOP)
    return [
        [
            row["name"],
            says["help_row"].format(
                people=number(row["people_gained"], lang), faster=number(row["people_faster"], lang)
            ),
            [row["lon"], row["lat"]],
        ]
        for row in top.to_dict("records")
    ]


def best_told(found: Siting, lang: str) -> dict[str, Any]:
    """The best new sites and what is proven of them."""
    says = page_words(lang)
    if found.selected.empty:
        return {"lines": [says["best_none"]], "sites": []}
    lines = [
        says["best_share_one" if len(found.selected) == 1 else "best_share"].format(
            share=percent(found.share_covered, lang),
            number=len(found.selected),
            people=number(found.population_gained, lang),
        )
    ]
    proof = found.solution
    if proof.optimal:
        lines.append(says["best_proven"])
    else:
        more = max(0.0, proof.bound - proof.objective)
        lines.append(says["best_open"].format(people=number(round(more), lang)))
    if found.ties:
        names = found.selected.set_index("candidate_id")["name"].to_dict()
        communes = found.before.by_commune.set_index("code_insee")["name"]
        told_ties = [
            ", ".join(str(names.get(code) or communes.get(code, code)) for code in tie)
            for tie in found.ties
        ]
        lines.append(says["best_ties"].format(names="; ".join(told_ties)))
    sites = [
        [row.name_, f"+{number(row.alone, lang)}"]
        for row in found.selected.rename(
            columns={"name": "name_", "population_gained_alone": "alone"}
        ).itertuples()
    ]
    return {"lines": lines, "sites": sites}


def side_told(start: Simulation, kept: Sequence[Kept], lang: str) -> dict[str, Any]:
    """Scenarios side by side, today's first; no rows where none is kept."""
    says = page_words(lang)
    shown = [(says["side_today"], start), *((one.name, one.done) for one in kept)]
    return {
        "names": [says[key] for key in SIDE], "rows": side_rows(shown, lang) if kept else [],
        "kept": [[one.name, one.letters] for one in kept],  # for the browser
    }  # fmt: skip


def side_rows(kept: Iterable[tuple[str, Simulation]], lang: str) -> list[Row]:
    """One column for each scenario: name, then values in the order of `SIDE`."""
    says = page_words(lang)
    rows = []
    for name, done in kept:
        rows.append(
            [
                name, percent(done.after.share, lang),
                number(done.population_gained, lang), number(done.population_lost, lang),
                time_text(done.mean_s_after, lang), time_text(done.worst_s_after, lang),
                str(done.after.cantons.covered), number(done.services_after, lang),
                euros(done.yearly_eur, lang), _each(done, done.eur_per_gained, done.yearly_eur,
                                                    lang),
                f"{says['cutoff_value'].format(minutes=minutes_of([done.after.minutes], lang))}, "
                f"{day(done.after.as_of, lang)}, {done.after.population_year}",
            ]
        )  # fmt: skip
    return rows


SIDE = ("side_scenario", "side_share", "gained", "lost", "mean", "worst", "cantons_with",
        "number_of_sites", "cost_year", "cost_each", "choices_title")  # fmt: skip
"""Words that name the rows of scenarios side by side."""


def classes_of(done: Simulation) -> tuple[list[str], list[list[str]]]:
    """Colour of each commune, and the classes of the legend.

    The classes span the times before and after, so that a colour keeps its meaning when a
    scenario shortens the longest time.
    """
    times = done.by_commune[["travel_time_s_before", "travel_time_s_after"]].to_numpy()
    classes = time_classes(times.ravel())
    colours = classes.colour_of(times[:, 1])
    legend = [list(pair) for pair in zip(classes.colours, classes.names, strict=True)]
    return colours, legend


def time_text(seconds: float, lang: str) -> str:
    """Minutes and seconds.

    Examples
    --------
    >>> time_text(1205.2, "fr"), time_text(float("inf"), "fr")
    ('20 min 05 s', 'Non atteinte par la route')
    """
    if not np.isfinite(seconds):
        return page_words(lang)["not_reached" if np.isinf(seconds) else "not_known"]
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60:02d} s"


def points(value: float, lang: str) -> str:
    r"""A difference of shares.

    Examples
    --------
    >>> points(0.634, "en"), points(-0.12, "fr")
    ('+0.63 points', '−0,12 point')
    """
    text = f"{value:+.2f}".replace("-", "−")
    if lang == "fr":
        # below 2 a French noun stays in the singular
        key = "points" if abs(value) >= 2 else "a_point"
        return page_words(lang)[key].format(number=text.replace(".", ","))
    return page_words(lang)["points"].format(number=text)


def euros(value: float | None, lang: str) -> str:
    """Whole euros; a word where nobody knows."""
    if value is None or not np.isfinite(value):
        return page_words(lang)["not_known"]
    return page_words(lang)["euros"].format(number=number(round(value), lang))


def _each(done: Simulation, value: float, cost: float, lang: str) -> str:
    if cost and not done.population_gained:
        return page_words(lang)["nobody_gained"]
    return euros(value, lang) if cost else euros(0.0, lang)


def _late(after: Coverage) -> list[bool]:
    late: list[bool] = (after.by_commune["travel_time_s"] > after.minutes * 60.0).tolist()
    return late


def _numbers(values: pd.Series) -> list[int | None]:
    return [round(v) if math.isfinite(v) else None for v in values.astype(float).tolist()]


def _names(values: pd.Series) -> list[str | None]:
    return [v if isinstance(v, str) else None for v in values.tolist()]
