"""How coverage grew -> what a terminal shows, JSON, tables and a plot."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from accessibility.analysis.choices import OWN_PLACES
from accessibility.analysis.pair_times import PairTimes
from accessibility.analysis.timeline import Timeline
from accessibility.errors import MissingInputError
from accessibility.report.isochrones import plain
from accessibility.report.manifest import licence_lines
from accessibility.report.text import PLACES, facts, people, percent
from accessibility.study.study import Study

ABSENT = "the list of sites is of one day: a site that closed before it is in no row"


def timeline_text(study: Study, result: Timeline) -> RenderableType:
    """The table of days, the requests served, and the dates against the barometer."""
    pairs, dates = result.pairs, result.dates
    first, last = dates.iloc[0], dates.iloc[-1]
    parts: list[RenderableType] = [
        Text.assemble(
            f"From {first['date'].date()} to {last['date'].date()} the share of the inhabitants of "
            f"the study {study.title} within {pairs.minutes:g} minutes by car of a site went from ",
            (percent(first["share"]), "bold"),
            f" ({counted(first['sites'])}) to ",
            (percent(last["share"]), "bold"),
            f" ({counted(last['sites'])})",
        ),
        facts(_facts(result)),
    ]
    if not pairs.complete:
        parts.append(
            Text("Not complete: trips through roads beyond the data could cover more people.")
        )
    if pairs.sites_off_road:
        off = ", ".join(pairs.sites_off_road)
        parts.append(Text(f"Too far from any road to be reached: site {off}."))
    parts.append(_dates_table(dates))
    if len(result.requests):
        served = "; ".join(
            f"{row['requests']:,} in {row['year']}, with {counted(row['sites'])} by its end"
            for row in result.requests.to_dict("records")
        )
        parts.append(Text(f"Requests served, as published: {served}."))
    parts += labels_text(study, result)
    return Group(*parts)


def counted_people(pairs: PairTimes) -> str:
    """Which people are counted, and where."""
    if pairs.demand_method == OWN_PLACES:
        return f"People of {people(len(pairs.demand))} places of your own"
    where = PLACES.get(pairs.demand_method, f"among the places of {pairs.demand_method}")
    return f"Population municipale {pairs.population_year}, {where}"


def counted(number: int) -> str:
    """A number of sites in words.

    Examples
    --------
    >>> counted(1), counted(25)
    ('1 site', '25 sites')
    """
    return f"{number} site" if number == 1 else f"{number} sites"


def _facts(result: Timeline) -> Iterable[tuple[str, str]]:
    pairs = result.pairs
    which = "with the neighbours'" if pairs.around else "the territory's own"
    yield "Sites", f"{which}, by the day of their label; {ABSENT}"
    if result.undated:
        yield "", f"{len(result.undated)} without a date count on every day"
    yield "Population", f"{counted_people(pairs)}, the same on every day: only the sites change"
    way = "from home to the site" if pairs.direction == "to" else "from the site to home"
    yield "Profile", f"{pairs.profile}; {way}; the roads are the same on every day"


def _dates_table(dates: pd.DataFrame) -> Table:
    table = Table()
    table.add_column("Day")
    for name in ("Labelled", "Sites", "Inhabitants", "Share", "Mean minutes", "Cantons"):
        table.add_column(name, justify="right")
    for row in dates.to_dict("records"):
        cantons = f"{row['cantons_covered']}"
        if row["cantons_covered_max"] > row["cantons_covered"]:
            cantons += f" to {row['cantons_covered_max']}"
        if pd.notna(row["cantons"]):
            cantons += f" of {row['cantons']:.0f}"
        table.add_row(
            row["date"].date().isoformat(),
            f"{row['labelled']}",
            f"{row['sites']}",
            people(row["population_covered"]),
            percent(row["share"]),
            f"{row['mean_minutes']:.1f}" if pd.notna(row["mean_minutes"]) else "unknown",
            cantons,
        )
    return table


def labels_text(study: Study, result: Timeline) -> list[RenderableType]:
    """Whether the list's labels agree with the barometer, month by month, and where not, why."""
    labels = result.labels
    if labels is None:
        return []
    apart = labels[labels["difference"] != 0]
    months = f"{labels['date'].min():%Y-%m} to {labels['date'].max():%Y-%m}"
    parts: list[RenderableType] = [
        Text(
            f"Labels against the barometer ({result.labels_source}), {months}: equal in "
            f"{len(labels) - len(apart)} of {len(labels)} months."
        )
    ]
    known = pd.concat([result.pairs.sites, study.sites])[["facility_id", "name"]]
    names = dict(zip(known["facility_id"].astype(str), known["name"].astype(str), strict=True))
    parts.extend(Text(f"  {label_reason(row, names)}") for row in records(apart))
    return parts


def label_reason(row: dict[str, Any], names: dict[str, str]) -> str:
    """One month in which the barometer and the list differ, and through which sites.

    Examples
    --------
    >>> row = {"date": "2020-12-31", "barometer": 2, "list": 1, "difference": 1,
    ...        "facility_ids": "7", "label_dates": "2021-01-15", "agree_again": None}
    >>> label_reason(row, {"7": "Orgelet"})[47:]
    'The difference is made up by 1 site that the list dates next, on 2021-01-15: Orgelet.'
    """
    told = f"{row['date']}: {row['barometer']} in the barometer, {row['list']} in the list."
    ids = [one for one in str(row["facility_ids"]).split(", ") if one]
    named = ", ".join(names.get(one, one) for one in ids)
    number = abs(row["difference"])
    if row["difference"] > 0:
        if ids:
            told += (
                f" The difference is made up by {counted(len(ids))} that the list dates next, on "
                f"{row['label_dates']}: {named}."
            )
        if len(ids) < number:
            told += f" {number - len(ids)} more are in no later row of the list."
    else:
        told += (
            f" The barometer does not yet count {counted(number)}; the list dates last by then, on "
            f"{row['label_dates']}: {named}."
        )
    if row["agree_again"] is not None:
        told += f" Both agree on {row['agree_again']}."
    return told


def timeline_json(study: Study, result: Timeline) -> dict[str, Any]:
    """The figures for a program; `rows` are the days."""
    pairs = result.pairs
    labels = result.labels
    return {
        "study": study.name,
        "service": study.service,
        "from": result.dates["date"].iloc[0].date().isoformat(),
        "until": result.dates["date"].iloc[-1].date().isoformat(),
        "first": records(result.dates.iloc[:1])[0],
        "last": records(result.dates.iloc[-1:])[0],
        "population": result.population,
        "requests": records(result.requests),
        "note": ABSENT,
        "labels_source": result.labels_source,
        "labels_months": None if labels is None else len(labels),
        "labels_equal": None if labels is None else int((labels["difference"] == 0).sum()),
        "labels_differ": None if labels is None else records(labels[labels["difference"] != 0]),
        "undated": result.undated,
        "sites_off_road": pairs.sites_off_road,
        "complete": pairs.complete,
        "profile": pairs.profile,
        "minutes": pairs.minutes,
        "population_year": pairs.population_year,
        "demand": pairs.demand_method,
        "direction": pairs.direction,
        "around": pairs.around,
        "walk_kph": pairs.walk_kph,
        "rows": records(result.dates),
    }


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON has them, days as text.

    Examples
    --------
    >>> records(pd.DataFrame({"date": [pd.Timestamp("2020-01-31"), pd.NaT], "sites": [3, 5]}))
    [{'date': '2020-01-31', 'sites': 3}, {'date': None, 'sites': 5}]
    """
    text = dated(table)
    rows = text.astype(object).to_dict("records")
    return [{str(key): plain(value) for key, value in row.items()} for row in rows]


def dated(table: pd.DataFrame) -> pd.DataFrame:
    """A table with its days as text, empty where there is none."""
    text = table.copy()
    for name in table.select_dtypes("datetime").columns:
        days = [day.date().isoformat() if pd.notna(day) else None for day in table[name]]
        text[name] = pd.Series(days, index=table.index, dtype=object)
    return text


def write_timeline(study: Study, result: Timeline, folder: Path) -> list[str]:
    """Write `timeline.csv`, `timeline.png` and, where a barometer is known, `labels.csv`."""
    folder.mkdir(parents=True)
    dated(result.dates).to_csv(folder / "timeline.csv", index=False, lineterminator="\n")
    plot_timeline(study, result, folder / "timeline.png")
    if result.labels is not None:
        dated(result.labels).to_csv(folder / "labels.csv", index=False, lineterminator="\n")
    return sorted(path.name for path in folder.iterdir())


def plot_timeline(study: Study, result: Timeline, path: Path) -> None:
    """Draw steps of the share and of the number of sites, and beside them the requests served.

    Raises
    ------
    MissingInputError
        If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator, PercentFormatter, StrMethodFormatter
    except ImportError as error:
        raise MissingInputError(
            'a plot needs matplotlib: pip install "accessibility-toolkit[maps]".'
        ) from error
    dates, requests = result.dates, result.requests
    beside = len(requests) > 0
    figure = Figure(figsize=(9.0 if beside else 7.0, 5.2), layout="constrained")
    grid = figure.add_gridspec(2, 2 if beside else 1, width_ratios=[4, 1] if beside else [1])
    share, sites = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[1, 0])
    # plain days: pandas' own converter would change how matplotlib draws dates for all
    days = [day.to_pydatetime() for day in dates["date"]]
    for axes, values, colour in (
        (share, dates["share"].to_numpy(), "#1f6f8b"),
        (sites, dates["sites"].to_numpy(), "#b5651d"),
    ):
        axes.step(days, values, where="post", color=colour)
        axes.plot(days, values, "o", color=colour, markersize=4)
        axes.tick_params(axis="x", labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    share.set_ylim(0, 1.05)
    share.yaxis.set_major_formatter(PercentFormatter(1.0))
    share.set_title(
        f"Inhabitants within {result.pairs.minutes:g} minutes by car of a site", loc="left",
        fontsize=10,
    )  # fmt: skip
    for row in (0, -1):
        at = dates.iloc[row]
        share.annotate(
            f"{at['share']:.1%}", (days[row], at["share"]), xytext=(0, -12),
            textcoords="offset points", fontsize=8, ha="center",
        )  # fmt: skip
    sites.set_ylim(0, None)
    sites.yaxis.set_major_locator(MaxNLocator(integer=True))
    sites.set_title("Labelled sites", loc="left", fontsize=10)
    if result.labels is not None:
        told = result.labels
        seen = told[told["date"].between(dates["date"].iloc[0], dates["date"].iloc[-1])]
        sites.plot([d.to_pydatetime() for d in seen["date"]], seen["barometer"], "x",
                   color="#555555", markersize=4, label="barometer, end of month")  # fmt: skip
        sites.legend(frameon=False, fontsize=8, loc="upper left")
    if beside:
        bars = figure.add_subplot(grid[:, 1])
        drawn = bars.bar(requests["year"].astype(str), requests["requests"], color="#8a9a5b")
        bars.bar_label(drawn, fmt="{:,.0f}", fontsize=8, padding=2)
        bars.set_title("Requests served\n(published)", loc="left", fontsize=10)
        bars.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        bars.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"{study.title}: coverage as sites were labelled", x=0.01, ha="left")
    said = f"{ABSENT[0].upper()}{ABSENT[1:]}. {counted_people(result.pairs)}, "
    note = f"{said}profile {result.pairs.profile}. {'. '.join(licence_lines(study))}."
    if result.labels_source is not None:
        note += f" Barometer: {result.labels_source}."
    figure.supxlabel(textwrap.fill(note, 170), x=0.01, ha="left", fontsize=6)
    figure.savefig(path, dpi=150)
