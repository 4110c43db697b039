"""What stands beside a map on paper: its legend, its choices, the communes not covered."""

from __future__ import annotations

import textwrap
from typing import Any

import geopandas as gpd
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from accessibility.analysis.coverage import Coverage
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
    """
    top = _write(figure, words.labels["legend_time"], 0.888, size=9.5, weight="bold") - 0.008
    shades, signs = _shades(classes), _signs(words, communes, areas, classes, lang)
    ends = []
    for handles, x in ((shades, LEFT), (signs, SECOND)):
        legend = figure.legend(
            handles=handles, loc="upper left", bbox_to_anchor=(x, top), frameon=False, fontsize=8,
            borderpad=0, borderaxespad=0, handlelength=2.2, handleheight=1.1,
        )  # fmt: skip
        box = legend.get_window_extent().transformed(figure.transFigure.inverted())
        ends.append(float(box.y0))
    top = _draw_notes(figure, words, unnamed, min(ends) - 0.02)
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
) -> list[Patch | Line2D]:
    said = words.labels
    signs: list[Patch | Line2D] = []
    if communes["late"].any():
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
    if communes["canton_code"].notna().any():
        signs.append(Line2D([], [], label=said["canton"], **CANTON))
    return signs


def _draw_notes(figure: Figure, words: MapText, unnamed: int, top: float) -> float:
    """Write what is not known, and the choices; the height at which they end."""
    notes = [f"{name}{words.labels['colon']} {value}." for name, value in words.choices]
    notes.append(words.labels["drawn"])
    if unnamed:
        notes.append(words.labels["unnamed"].format(number=unnamed))
    warnings = "\n".join(textwrap.fill(line, 48) for line in words.warnings)
    if warnings:
        top = _write(figure, warnings, top, size=8.5, weight="bold", color="#8a1c00") - 0.012
    top = _write(figure, words.labels["choices"], top, size=9.5, weight="bold")
    return _write(figure, "\n".join(textwrap.fill(note, 59) for note in notes), top - 0.008, size=8)


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
    people = [number(n, lang) if n >= 0 else said["unknown"] for n in listed["population"]]
    times = [minutes(s) if np.isfinite(s) else said["not_reached"] for s in listed["travel_time_s"]]
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
