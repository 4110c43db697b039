"""What stands beside a map on paper: its legend, its choices, the communes not covered."""

from __future__ import annotations

import textwrap
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from accessibility.analysis.coverage import Coverage
from accessibility.report.map_changes import CLOSED, GAINED, LOST, MOVED, OPENED, Changes
from accessibility.report.map_layers import NO_TIME, TimeClasses
from accessibility.report.map_words import MapText, number
from accessibility.report.map_words import minutes as minutes_of
from accessibility.report.map_words import words as words_in
from accessibility.report.text import minutes

LEFT, SECOND, RIGHT = 0.68, 0.80, 0.985
"""Where the column begins, its signs begin and it ends, as shares of the figure."""

LEAST = 0.06
"""Where the column ends below."""

SPACING = 1.5
"""Height of a line of text in sizes of its font, a little more than it takes."""

INK = "#1a1a1a"
FADED = "#555555"
SITE: dict[str, Any] = {
    "marker": "o", "markersize": 6.5, "markerfacecolor": "white", "markeredgecolor": "black",
    "markeredgewidth": 1.4,
}  # fmt: skip
CANTON: dict[str, Any] = {"color": FADED, "linewidth": 0.8, "linestyle": (0, (4, 1.5))}
ASKED: dict[str, Any] = {"color": INK, "linewidth": 1.0}
OTHER: dict[str, Any] = {"color": INK, "linewidth": 0.5}
HATCH: dict[str, Any] = {"edgecolor": "white", "linewidth": 0, "hatch": "////"}
CHANGED_HATCH: dict[str, dict[str, Any]] = {
    GAINED: {"edgecolor": "black", "linewidth": 0, "hatch": "..."},
    LOST: {"edgecolor": "white", "linewidth": 0, "hatch": "xxx"},
}
CHANGED_SITE: dict[str, dict[str, Any]] = {
    OPENED: {**SITE, "marker": "*", "markersize": 13, "markeredgewidth": 1.2},
    CLOSED: {**SITE, "marker": "X", "markersize": 10, "markeredgewidth": 1.2},
    MOVED: {**SITE, "marker": "D", "markersize": 7},
}

MOST_LETTERS = 26
"""Of a name beside three columns of numbers."""

MOST_LISTED = 12
"""Communes of one change that are listed; more are counted."""


def draw_column(
    figure: Figure,
    words: MapText,
    result: Coverage,
    communes: gpd.GeoDataFrame,
    areas: gpd.GeoDataFrame,
    classes: TimeClasses,
    *,
    unnamed: int,
    lang: str,
    changes: Changes | None = None,
) -> None:
    """Write the right-hand column of a figure from the top to as far as there is room.

    Parameters
    ----------
    figure : Figure
    words : MapText
    result : Coverage
    communes, areas : GeoDataFrame
        What the map shows.
    classes : TimeClasses
    unnamed : int
        Communes not covered whose names found no room on the map.
    lang : {"en", "fr"}
    changes : Changes, optional
        What a scenario changes.
    """
    top = _write(figure, words.labels["legend_time"], 0.888, size=9.5, weight="bold") - 0.008
    shades, signs = _shades(classes), _signs(words, communes, areas, classes, lang, changes)
    ends = []
    for handles, x in ((shades, LEFT), (signs, SECOND)):
        legend = figure.legend(
            handles=handles, loc="upper left", bbox_to_anchor=(x, top), frameon=False, fontsize=8,
            borderpad=0, borderaxespad=0, handlelength=2.2, handleheight=1.1,
        )  # fmt: skip
        box = legend.get_window_extent().transformed(figure.transFigure.inverted())
        ends.append(float(box.y0))
    top, notes = min(ends) - 0.02, _notes(words, unnamed)
    if changes is not None:
        written = len(figure.texts)
        below = top - _draw_notes(figure, words, notes, top)
        for text in figure.texts[written:]:
            text.remove()
        top = _draw_changes(figure, words, changes, top, lang, below=below)
    top = _draw_notes(figure, words, notes, top)
    _draw_uncovered(figure, words, result, top - 0.02, lang)


def _shades(classes: TimeClasses) -> list[Patch | Line2D]:
    return [
        Patch(facecolor=colour, edgecolor="#999999", linewidth=0.4, label=f"{name} min")
        for name, colour in zip(classes.names, classes.colours, strict=True)
    ]


def _signs(
    words: MapText,
    communes: gpd.GeoDataFrame,
    areas: gpd.GeoDataFrame,
    classes: TimeClasses,
    lang: str,
    changes: Changes | None,
) -> list[Patch | Line2D]:
    said = words.labels
    signs: list[Patch | Line2D] = []
    for change, shade in ((GAINED, classes.colours[1]), (LOST, classes.colours[-1])):
        if changes is not None and len(changes.of(change)):
            look = CHANGED_HATCH[change]
            signs.append(Patch(facecolor=shade, label=said[f"commune_{change}"], **look))
    late = communes["late"] if changes is None else communes["late"].drop(changes.of(LOST).index)
    if late.any():
        shade = classes.colours[-1]
        signs.append(Patch(facecolor=shade, label=said["not_covered"], **HATCH))
    if not np.isfinite(communes["travel_time_s"]).all():
        signs.append(Patch(facecolor=NO_TIME, edgecolor="#999999", label=said["not_reached"]))
    signs.append(Line2D([], [], label=said["area"], **ASKED))
    others = sorted(set(areas.loc[~areas["asked"], "cutoff_s"]))
    if others:
        spans = minutes_of([s / 60 for s in others], lang)
        signs.append(Line2D([], [], label=words_in(lang)["areas"].format(minutes=spans), **OTHER))
    signs.append(Line2D([], [], color="none", label=said["site"], **SITE))
    for change, look in CHANGED_SITE.items():
        if changes is not None and changes.named(change):
            signs.append(Line2D([], [], color="none", label=said[change], **look))
    if communes["canton_code"].notna().any():
        signs.append(Line2D([], [], label=said["canton"], **CANTON))
    return signs


def _notes(words: MapText, unnamed: int) -> list[str]:
    """Lines of the choices."""
    notes = [f"{name}{words.labels['colon']} {value}." for name, value in words.choices]
    notes.append(words.labels["drawn"])
    if unnamed:
        notes.append(words.labels["unnamed"].format(number=unnamed))
    return [line for note in notes for line in textwrap.wrap(note, 59)]


def _draw_notes(figure: Figure, words: MapText, notes: list[str], top: float) -> float:
    """Write what is not known, and the choices; the height at which they end."""
    warnings = "\n".join(textwrap.fill(line, 48) for line in words.warnings)
    if warnings:
        top = _write(figure, warnings, top, size=8.5, weight="bold", color="#8a1c00") - 0.012
    top = _write(figure, words.labels["choices"], top, size=9.5, weight="bold")
    return _write(figure, "\n".join(notes), top - 0.008, size=8)


def _draw_changes(
    figure: Figure, words: MapText, changes: Changes, top: float, lang: str, *, below: float
) -> float:
    """Write what the scenario changes, and list the communes; the height at which they end.

    As many communes are listed as leave the height `below` to what follows.
    """
    said = words.labels
    top = _write(figure, said["scenario"], top, size=9.5, weight="bold") - 0.008
    facts = [f"{name}{said['colon']} {value}." for name, value in words.changes]
    lines = [line for fact in facts for line in textwrap.wrap(fact, 59)]
    top = _write(figure, "\n".join(lines), top, size=8) - 0.012
    line = 7.5 * SPACING / 72 / figure.get_figheight()
    lists = [(change, rows) for change in (GAINED, LOST) if len(rows := changes.of(change))]
    # each list has a head, and half a line of space below
    room = int((top - LEAST - below) / line - 1.5 * len(lists)) - 1
    for k, (change, rows) in enumerate(lists):
        others = sum(len(rows) for _, rows in lists[k + 1 :])
        most = min(max(room // (len(lists) - k), room - others), MOST_LISTED)
        if most < 2:
            continue
        listed = rows if len(rows) <= most else rows[: most - 1]
        room -= len(listed)
        names = [
            n if len(n) <= MOST_LETTERS else f"{n[: MOST_LETTERS - 1]}…" for n in listed["name"]
        ]
        if len(listed) < len(rows):
            names.append(said["more"].format(number=len(rows) - len(listed)))
            room -= 1
        people = [_people(v, words, lang) for v in listed["population"]]
        columns = [
            (0.852, [said["inhabitants"], *people]),
            (0.92, [said["before"], *_times(listed["time_before_s"], words)]),
            (RIGHT, [said["after"], *_times(listed["travel_time_s"], words)]),
        ]
        _write(figure, said[change], top, size=7.5, weight="bold")
        for x, column in columns:
            _write(figure, "\n".join(column), top, x=x, size=7.5, ha="right")
        top = _write(figure, "\n".join(["", *names]), top, size=7.5) - line / 2
    return top - 0.008


def _people(number_of: float, words: MapText, lang: str) -> str:
    return number(number_of, lang) if number_of >= 0 else words.labels["unknown"]


def _times(time_s: pd.Series, words: MapText) -> list[str]:
    return [minutes(s) if np.isfinite(s) else words.labels["not_reached"] for s in time_s]


def _draw_uncovered(
    figure: Figure, words: MapText, result: Coverage, top: float, lang: str
) -> None:
    """List the communes that are not covered as far as there is room, the most populous first."""
    late, said = result.uncovered, words.labels
    line = 7.5 * SPACING / 72 / figure.get_figheight()
    room = int((top - LEAST) / line) - 3  # below two heads
    if late.empty or room < 2:
        return
    top = _write(figure, said["layer_late"], top, size=9.5, weight="bold") - 0.008
    listed = late if len(late) <= room else late[: room - 1]
    names = ["", *listed["name"]]
    people = [_people(v, words, lang) for v in listed["population"]]
    times = _times(listed["travel_time_s"], words)
    if len(listed) < len(late):
        names.append(said["more"].format(number=len(late) - len(listed)))
    _write(figure, "\n".join(names), top, size=7.5)
    for x, column in ((0.885, [said["inhabitants"], *people]), (RIGHT, [said["time"], *times])):
        _write(figure, "\n".join(column), top, x=x, size=7.5, ha="right")


def _write(
    figure: Figure, text: str, top: float, *, x: float = LEFT, size: float, **look: Any
) -> float:
    """Write in the column; the height at which the text ends."""
    written = figure.text(
        x, top, text, fontsize=size, va="top", linespacing=1.3, parse_math=False,
        **{"color": INK, **look},
    )  # fmt: skip
    box = written.get_window_extent().transformed(figure.transFigure.inverted())
    return float(box.y0)
