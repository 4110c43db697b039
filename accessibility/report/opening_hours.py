"""Who reaches an open site, and when -> what a terminal shows, JSON, tables and a heat map."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from accessibility.analysis.opening_hours import WEEKDAYS, Hours
from accessibility.errors import MissingInputError
from accessibility.inputs.opening_hours import OpeningHours, clock
from accessibility.inputs.remarks import remark_flags
from accessibility.report.isochrones import plain
from accessibility.report.manifest import licence_lines
from accessibility.report.text import facts, people, percent
from accessibility.report.timeline import counted_people
from accessibility.study.study import Study

OUTCOMES = {
    "regular": "taken as they are",
    "filler only": "nothing but 00:00 - 00:00, as good as empty",
    "unreadable": "not readable: the day is unknown",
    "reversed": "an interval ends before it begins: the day is unknown",
}
"""Of cells; other outcomes name what was done."""

NOBODY = "#ececec"
"""Colour of the times at which nobody is covered."""

FILES = ("hours.csv", "cells.csv", "week.csv", "communes.csv", "communes.gpkg", "remarks.csv",
         "heatmap.png")  # fmt: skip


def hours_day(study: Study) -> str | None:
    """Day of the list from which the hours come; None where the study does not tell."""
    days = [s.get("vintage") for s in study.manifest["sources"] if s["dataset"] == "sites"]
    return next((str(day) for day in days if day), None)


def hours_said(study: Study, result: Hours) -> str:
    """The sentence without which no figure on hours may be read."""
    day = hours_day(study)
    listed = f"those of the list of {day}" if day else "those of the day of the list"
    return f"hours are {listed}, whatever the day of the labels ({result.pairs.as_of})"


def span_of(least: float, most: float) -> str:
    """A share within its bounds.

    Examples
    --------
    >>> span_of(0.5, 0.5), span_of(0.5, 0.75)
    ('50.00 %', '50.00 % to 75.00 %')
    """
    low, high = percent(least), percent(most)
    return low if low == high else f"{low} to {high}"


def hours_text(study: Study, result: Hours, moment: dict[str, Any] | None) -> RenderableType:
    """The figure at a moment if one is asked for, the best of the week, and what was read."""
    minutes = f"{result.pairs.minutes:g} minutes by car"
    parts: list[RenderableType] = []
    if moment is not None:
        parts += [_moment_text(result, moment, minutes), Text()]
    best = best_span(result)
    if best is None:
        parts.append(Text("No site is known to be open at any moment of the week."))
    else:
        parts.append(
            Text.assemble(
                ("At most ", ""),
                (span_of(best["share_min"], best["share_max"]), "bold"),
                f" of the inhabitants of the study {study.title} at once reach an open site within "
                f"{minutes}: {WEEKDAYS[best['weekday']]} from {clock(best['from_min'])} to "
                f"{clock(best['until_min'])}",
            )
        )
    parts.append(facts(_facts(study, result)))
    if not result.pairs.complete:
        parts.append(
            Text("Not complete: trips through roads beyond the data could cover more people.")
        )
    if result.pairs.sites_off_road:
        off = ", ".join(result.pairs.sites_off_road)
        parts.append(Text(f"Too far from any road to be reached: site {off}."))
    parts += [
        title("Share of the inhabitants within reach of an open site, at the full hour"),
        _week_table(result),
        title("Who reaches an open site at some moment outside office hours"),
        _outside_table(result),
        *remarks_table(result.remarks),
    ]
    return Group(*parts)


def best_span(result: Hours) -> dict[str, Any] | None:
    """The first time of the week at which most people are covered; None where nobody ever is."""
    week = result.week
    if week.empty or not week["share_min"].max() > 0:
        return None
    spans = week[["weekday", "share_min", "share_max"]].to_numpy()
    first = last = int(week["share_min"].to_numpy().argmax())
    while last + 1 < len(spans) and (spans[last + 1] == spans[first]).all():
        last += 1
    return {
        "weekday": int(spans[first, 0]),
        "from_min": int(week["from_min"].to_numpy()[first]),
        "until_min": int(week["until_min"].to_numpy()[last]),
        "share_min": float(spans[first, 1]),
        "share_max": float(spans[first, 2]),
    }


def _moment_text(result: Hours, moment: dict[str, Any], minutes: str) -> Text:
    covered = people(moment["population_covered_min"])
    if moment["population_covered_max"] > moment["population_covered_min"]:
        covered += f" to {people(moment['population_covered_max'])}"
    names = result.pairs.sites.set_index(result.pairs.sites["facility_id"].astype(str))["name"]
    which = ", ".join(str(names[i]) for i in moment["open"])
    unknown = moment["sites_unknown"]
    return Text.assemble(
        f"{WEEKDAYS[moment['weekday']]} at {clock(moment['minute'])}: ",
        (span_of(moment["share_min"], moment["share_max"]), "bold"),
        f" of the inhabitants ({covered}) reach an open site within {minutes}. "
        f"{moment['sites_open']} of {len(result.pairs.sites)} sites "
        + ("is open" if moment["sites_open"] == 1 else "are open")
        + (f": {which}" if which else "")
        + (f"; the hours of {unknown} are unknown" if unknown else "")
        + ".",
    )


def _facts(study: Study, result: Hours) -> Iterable[tuple[str, str]]:
    said = hours_said(study, result)
    yield "Hours", f"{said[0].upper()}{said[1:]}"
    yield "Open or not", f"{percent(result.share_any_hour)} within reach of a site"
    mean = f"{result.mean_hours_min:.1f}"
    if f"{result.mean_hours_max:.1f}" != mean:
        mean += f" to {result.mean_hours_max:.1f}"
    yield "Per inhabitant", f"{mean} hours a week with an open site within reach, on average"
    days = result.hours.weekdays
    told = f"{WEEKDAYS[days[0]]} to {WEEKDAYS[days[-1]]}"
    unknown = [WEEKDAYS[day] for day in range(7) if day not in days]
    rest = f"; of {', '.join(unknown)} the list tells nothing" if unknown else ""
    yield "Days", f"{told}{rest}. A day without hours is closed if the site has hours on another"
    lost = result.hours.without_hours
    if lost:
        yield (
            "Unknown",
            f"{len(lost)} sites without any hours: {', '.join(lost)}. They count as closed in the "
            "lower figure and as open in the upper",
        )
    else:
        yield "Unknown", "no site is without hours"
    way = "from home to the site" if result.pairs.direction == "to" else "from the site to home"
    yield "Population", counted_people(result.pairs)
    yield "Profile", f"{result.pairs.profile}; {way}"
    yield "Cells read", accounted(result.hours)
    yield "Open", "at the moment of arrival; that a visit ends before closing time is not asked"


def accounted(hours: OpeningHours) -> str:
    """Every cell of hours, by what was done to it.

    Examples
    --------
    >>> from accessibility.inputs.opening_hours import opening_hours
    >>> table = pd.DataFrame({"facility_id": ["a", "b"], "h_lundi": ["09:00 - 12:00", None]})
    >>> accounted(opening_hours(table))
    '2: 1 regular, 1 empty'
    """
    every = {**hours.outcomes, "empty": len(hours.days) - len(hours.cells)}
    told = ", ".join(f"{n:,} {name}" for name, n in every.items())
    return f"{len(hours.days):,}: {told}"


def _week_table(result: Hours) -> Table:
    """Share at each full hour."""
    week = result.week
    table = Table()
    table.add_column("")
    first, last = hours_shown(result)
    full = [hour * 60 for hour in range(first, last)]
    for minute in full:
        table.add_column(clock(minute), justify="right")
    for day in result.hours.weekdays:
        of_day = week[week["weekday"] == day]
        rows = of_day.iloc[np.searchsorted(of_day["from_min"], full, side="right") - 1]
        cells = []
        for least, most in zip(rows["share_min"], rows["share_max"], strict=True):
            low, high = (f"{value * 100:.0f}" for value in (least, most))
            span = f"{low} %" if low == high else f"{low}-{high} %"
            cells.append("unknown" if np.isnan(least) else span)
        table.add_row(WEEKDAYS[day], *cells)
    return table


def hours_shown(result: Hours) -> tuple[int, int]:
    """Full hours between which sites are known to be open: from before the first to the last."""
    intervals = result.hours.intervals
    if intervals.empty:
        return 8, 18
    opens, closes = int(intervals["opens_min"].min()), int(intervals["closes_min"].max())
    return opens // 60, -(-closes // 60)


def _outside_table(result: Hours) -> Table:
    table = Table()
    table.add_column("When")
    for name in ("Inhabitants", "Share"):
        table.add_column(name, justify="right")
    for row in result.outside.to_dict("records"):
        number = people(row["population_covered_min"])
        if row["population_covered_max"] > row["population_covered_min"]:
            number += f" to {people(row['population_covered_max'])}"
        table.add_row(row["when"], number, span_of(row["share_min"], row["share_max"]))
    return table


def remarks_table(remarks: pd.DataFrame) -> list[RenderableType]:
    """Sites whose remark raises a flag, with the remark; nothing is computed from them."""
    flags = remark_flags()
    raised = remarks[remarks[list(flags)].any(axis=1)]
    takes = int(remarks["takes_appointments"].sum())
    moving = remarks[remarks["format"].notna() & remarks["format"].ne("Fixe")]
    said = [f"{takes} of the sites take appointments"]
    if len(moving):
        said.append(
            f"{len(moving)} with several places or itinerant ({', '.join(moving['name'])}): hours "
            "and place are those of one of them"
        )
    told = Text(
        f"\n{'; '.join(said)}. {int((remarks['remark'] != '').sum())} sites say more in words, "
        f"{len(raised)} of them on their hours or places. No hour is taken out of the words:"
    )
    if raised.empty:
        return [told]
    table = Table()
    table.add_column("Site")
    table.add_column("What the words may say")
    table.add_column("Remark")
    for row in raised.to_dict("records"):
        # who says "only by appointment" says "by appointment"
        told_twice = {"appointment"} if row["appointment_only"] else set()
        what = "; ".join(f.title for key, f in flags.items() if row[key] and key not in told_twice)
        table.add_row(f"{row['facility_id']} {row['name']}", what, Text(row["remark"]))
    return [told, table]


def hours_json(study: Study, result: Hours, moment: dict[str, Any] | None) -> dict[str, Any]:
    """The figures for a program; `rows` are the spans of the week."""
    pairs = result.pairs
    answer: dict[str, Any] = {
        "study": study.name,
        "service": study.service,
        "hours_as_of": hours_day(study),
        "note": hours_said(study, result),
        "share_any_hour": result.share_any_hour,
        "best": best_span(result),
        "population": result.population,
        "mean_hours_min": result.mean_hours_min,
        "mean_hours_max": result.mean_hours_max,
        "outside": result.outside.to_dict("records"),
        "sites": len(pairs.sites),
        "sites_off_road": pairs.sites_off_road,
        "complete": pairs.complete,
        **cells_json(result.hours),
        "flags": {key: int(result.remarks[key].sum()) for key in remark_flags()},
        "takes_appointments": int(result.remarks["takes_appointments"].sum()),
        "profile": pairs.profile,
        "minutes": pairs.minutes,
        "as_of": pairs.as_of.isoformat(),
        "population_year": pairs.population_year,
        "demand": pairs.demand_method,
        "direction": pairs.direction,
        "around": pairs.around,
        "walk_kph": pairs.walk_kph,
    }
    if moment is not None:
        answer["at"] = moment
    answer["rows"] = result.week.to_dict("records")
    return {key: _plain(value) for key, value in answer.items()}


def cells_json(hours: OpeningHours) -> dict[str, Any]:
    """What was read, for a program: every cell and every interval of it accounted for."""
    counts = ["pieces", "kept", "fillers", "duplicates", "overlaps", "touching", "unreadable",
              "reversed", "set_aside"]  # fmt: skip
    return {
        "weekdays": [WEEKDAYS[day] for day in hours.weekdays],
        "cells": len(hours.cells),
        "cells_empty": len(hours.days) - len(hours.cells),
        "cells_by_outcome": hours.outcomes,
        "intervals": {name: int(hours.cells[name].sum()) for name in counts},
        "days": {str(k): int(v) for k, v in hours.days["status"].value_counts().items()},
        "sites_without_hours": hours.without_hours,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return plain(value)


def list_text(name: str, sites: pd.DataFrame, hours: OpeningHours, told: pd.DataFrame) -> Group:
    """The account of a whole list: cells by outcome, what stays unknown, flags of remarks."""
    table = Table()
    table.add_column("Cells", justify="right")
    table.add_column("Outcome")
    for outcome, number in hours.outcomes.items():
        table.add_row(f"{number:,}", OUTCOMES.get(outcome, outcome))
    table.add_row(f"{len(hours.days) - len(hours.cells):,}", "empty")
    pieces = cells_json(hours)["intervals"]
    lost = hours.without_hours
    flags = Table()
    flags.add_column("Sites", justify="right")
    flags.add_column("What the words may say")
    for key, flag in remark_flags().items():
        flags.add_row(f"{int(told[key].sum()):,}", flag.title)
    return Group(
        title(f"{len(hours.cells):,} cells with hours of {len(sites):,} sites in {name}"),
        table,
        Text(
            f"{pieces['pieces']:,} intervals as written; {pieces['kept']:,} kept, "
            f"{pieces['fillers']:,} fillers of no length and {pieces['duplicates']:,} duplicates "
            f"dropped, {pieces['overlaps']:,} joined with one that they overlap, "
            f"{pieces['touching']:,} with one that they touch, {pieces['unreadable']:,} not "
            f"readable, {pieces['reversed']:,} reversed, {pieces['set_aside']:,} set aside with "
            "these."
        ),
        Text(
            f"{len(lost):,} sites have no hours at all: unknown, never closed. "
            f"{int((told['remark'] != '').sum()):,} sites have a remark, "
            f"{int(told['takes_appointments'].sum()):,} take appointments."
        ),
        title("What the remarks may say"),
        flags,
    )


def title(words: str) -> Text:
    """A heading above a table that may be narrower than it."""
    return Text(f"\n{words}", style="bold")


def write_hours(study: Study, result: Hours, folder: Path) -> None:
    """Write the tables, a layer of the communes and the heat map: `FILES`."""
    folder.mkdir(parents=True)
    intervals = named(result.hours.intervals, result.pairs.sites)
    communes = pd.DataFrame(result.by_commune.drop(columns="geometry"))
    week = result.week.assign(
        day=result.week["weekday"].map(lambda day: WEEKDAYS[day]),
        opens=result.week["from_min"].map(clock),
        closes=result.week["until_min"].map(clock),
    ).rename(columns={"opens": "from", "closes": "until"})
    for file, table in (
        ("hours.csv", intervals),
        ("cells.csv", result.hours.cells),
        ("week.csv", week),
        ("communes.csv", communes),
        ("remarks.csv", result.remarks),
    ):
        table.to_csv(folder / file, index=False, lineterminator="\n")
    result.by_commune.to_file(folder / "communes.gpkg", layer="communes", engine="pyogrio")
    plot_hours(study, result, folder / "heatmap.png")


def named(intervals: pd.DataFrame, sites: pd.DataFrame) -> pd.DataFrame:
    """Intervals with the name of the site, the weekday and the clock beside the numbers."""
    names = sites.set_index(sites["facility_id"].astype(str))["name"]
    return pd.DataFrame(
        {
            "facility_id": intervals["facility_id"],
            "name": intervals["facility_id"].map(names),
            "weekday": intervals["weekday"],
            "day": intervals["weekday"].map(lambda day: WEEKDAYS[day]),
            "opens_min": intervals["opens_min"],
            "closes_min": intervals["closes_min"],
            "opens": intervals["opens_min"].map(clock),
            "closes": intervals["closes_min"].map(clock),
        }
    )


def plot_hours(study: Study, result: Hours, path: Path) -> None:
    """Draw the share of the inhabitants who reach an open site, by weekday and time.

    Where hours are unknown there are two panels: unknown as closed, and as open.

    Raises
    ------
    MissingInputError
        If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import PercentFormatter
    except ImportError as error:
        raise MissingInputError(
            'a plot needs matplotlib: pip install "accessibility-toolkit[maps]".'
        ) from error
    panels = {"share_min": "unknown hours counted as closed", "share_max": "counted as open"}
    if result.all_known:
        panels = {"share_min": ""}
    week, days = result.week, result.hours.weekdays
    figure = Figure(figsize=(9.0, 1.5 + 2.6 * len(panels)), layout="constrained")
    axes = figure.subplots(len(panels), 1, squeeze=False)[:, 0]
    first, last = hours_shown(result)
    drawn = None
    for one, (column, words) in zip(axes, panels.items(), strict=True):
        for place, day in enumerate(days):
            of_day = week[week["weekday"] == day]
            edges = np.append(of_day["from_min"], of_day["until_min"].iloc[-1]) / 60.0
            shares = of_day[[column]].to_numpy().T
            drawn = one.pcolormesh(
                edges, [place - 0.44, place + 0.44], np.where(shares > 0, shares, np.nan),
                vmin=0.0, vmax=1.0, cmap="YlGnBu",
            )  # fmt: skip
        one.set_facecolor(NOBODY)
        one.set_xlim(first - 0.25, last + 0.25)
        full = range(first, last + 1)
        one.set_xticks(full, [f"{hour}:00" for hour in full])
        one.set_yticks(range(len(days)), [WEEKDAYS[day] for day in days])
        one.set_ylim(len(days) - 0.5, -0.5)
        one.spines[["top", "right", "left"]].set_visible(False)
        one.tick_params(left=False)
        one.set_title(words, loc="left", fontsize=9)
    if drawn is not None:
        bar = figure.colorbar(drawn, ax=list(axes), format=PercentFormatter(1.0), pad=0.02)
        bar.set_label("share of the inhabitants")
        bar.outline.set_visible(False)
    figure.suptitle(
        f"{study.title}: inhabitants within {result.pairs.minutes:g} minutes by car of an open "
        "site",
        x=0.01, ha="left", fontsize=12,
    )  # fmt: skip
    said = hours_said(study, result)
    note = (
        f"Grey: nobody. {len(result.pairs.sites)} sites; {said}. "
        f"{counted_people(result.pairs)}, profile {result.pairs.profile}. "
        f"{'. '.join(licence_lines(study))}."
    )
    figure.supxlabel(textwrap.fill(note, 170), x=0.01, ha="left", fontsize=6)
    figure.savefig(path, dpi=150)
