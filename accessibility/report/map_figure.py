"""An answer -> a map on paper: PNG, SVG or PDF, the same bytes each time."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from accessibility.analysis.coverage import Coverage
from accessibility.analysis.scenario import Scenario
from accessibility.errors import MissingInputError
from accessibility.report.map_changes import (
    GAINED,
    LOST,
    MOVED,
    STAYS,
    Changes,
    changes_between,
)
from accessibility.report.map_labels import place_labels
from accessibility.report.map_layers import (
    TimeClasses,
    canton_limits,
    commune_layer,
    drawable_areas,
    site_layer,
    time_classes,
)
from accessibility.report.map_words import MapText, map_text
from accessibility.schema import WGS84
from accessibility.study.study import Study

try:
    import matplotlib as mpl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patheffects import Stroke, withStroke

    from accessibility.report.map_column import (
        ASKED,
        CANTON,
        CHANGED_HATCH,
        CHANGED_SITE,
        FADED,
        HATCH,
        INK,
        OTHER,
        SITE,
        draw_column,
    )
except ImportError as error:
    raise MissingInputError(
        'a map needs matplotlib: pip install "accessibility-toolkit[maps]".'
    ) from error

SIZE_INCHES = (11.69, 8.27)
"""A4 across."""

MAP_BOX = (0.015, 0.06, 0.655, 0.83)
"""Left, bottom, width and height of the map, as shares of the figure."""

DOTS_PER_INCH = 150

TITLE_CHARACTERS = 96
"""Of a line of the title in its full size."""

MOST_NAMES = 40
"""More names than these would hide the map."""

NO_DATE: dict[str, dict[str, Any]] = {
    ".png": {},
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}
"""Metadata of each format without the moment of its making."""


def map_figure(
    study: Study,
    result: Coverage,
    areas: gpd.GeoDataFrame,
    *,
    lang: str = "en",
    own_sites: str | None = None,
    before: Coverage | None = None,
    scenario: Scenario | None = None,
) -> Figure:
    """Draw who reaches a site in time, and who does not.

    Communes are shaded by the minutes of their chef-lieu; those not covered are hatched and
    named as far as there is room, the most populous first.

    Parameters
    ----------
    study : Study
    result : Coverage
        The answer.
    areas : GeoDataFrame
        `facility_id`, `cutoff_s`, `from_s`, `complete`, polygons in the study's metric CRS:
        nested areas, among them those of the answer's cut-off. They are drawn as outlines.
    lang : {"en", "fr"}
    own_sites : str, optional
        File from which sites of one's own come, to be named.
    before : Coverage, optional
        The answer before a scenario, after which `result` is: what changes is marked, listed
        and named.
    scenario : Scenario, optional
        What lies between both.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError, CrsError, SettingError
        If the areas do not belong to the answer, or for another language.
    """
    drawn = drawable_areas(areas, study, result)
    changes = None
    if before is not None:
        changes = changes_between(study, before, result, scenario=scenario)
    words = map_text(
        study, result, lang=lang, own_sites=own_sites, changes=changes,
        areas_complete=bool(areas["complete"].all()), cutoffs_s=sorted(set(drawn["cutoff_s"])),
    )  # fmt: skip
    communes, sites = commune_layer(study, result), site_layer(study, result)
    # what changes is named first
    marked = communes["late"].astype(int)
    if changes is not None:
        sites, marked = changes.sites, marked + 2 * changes.communes["change"].notna()
    classes = time_classes(communes["travel_time_s"].to_numpy())
    figure = Figure(figsize=SIZE_INCHES, dpi=100)
    axes = figure.add_axes(MAP_BOX)
    _set_frame(axes, communes.total_bounds)
    _draw_layers(axes, communes, drawn, classes, changes)
    _draw_sites(axes, sites)
    unnamed = _name_marked(axes, communes, marked.to_numpy(), sites)
    _draw_scale(axes)
    _draw_north(axes, study.metric_crs)
    _draw_words(figure, words)
    draw_column(
        figure, words, result, communes, drawn, classes, unnamed=unnamed, lang=lang,
        changes=changes,
    )  # fmt: skip
    return figure


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure in the format of its suffix, without date and with fixed ids."""
    # text stays text in an SVG, so that one can search it and a screen reader can say it
    settings: dict[Any, Any] = {
        "svg.hashsalt": "accessibility",
        "svg.fonttype": "none",
        "pdf.fonttype": 42,
    }
    with mpl.rc_context(settings):
        figure.savefig(path, dpi=DOTS_PER_INCH, metadata=NO_DATE[path.suffix])


def _set_frame(axes: Axes, bounds: np.ndarray) -> None:
    """Show the territory with a margin, in the shape of the box that the map has."""
    axes.set(xticks=[], yticks=[], facecolor="#f6f6f4")
    axes.spines[:].set_color("#bbbbbb")
    low, high = bounds[:2], bounds[2:]
    box = np.array(MAP_BOX[2:]) * SIZE_INCHES
    metres_per_inch = float(((high - low) * 1.06 / box).max())
    middle, half = (low + high) / 2, box * metres_per_inch / 2
    axes.set_xlim(middle[0] - half[0], middle[0] + half[0])
    axes.set_ylim(middle[1] - half[1], middle[1] + half[1])
    axes.set_aspect("equal")


def _draw_layers(
    axes: Axes,
    communes: gpd.GeoDataFrame,
    areas: gpd.GeoDataFrame,
    classes: TimeClasses,
    changes: Changes | None,
) -> None:
    same: dict[str, Any] = {"ax": axes, "aspect": None, "autolim": False}
    colours = classes.colour_of(communes["travel_time_s"].to_numpy())
    communes.plot(color=colours, edgecolor="white", linewidth=0.3, **same)
    change = pd.Series(None, communes.index, dtype=object)
    if changes is not None:
        change = changes.communes["change"]
    for rows, hatch, width in (
        (communes["late"] & change.isna(), HATCH, 1.0),
        (change == GAINED, CHANGED_HATCH[GAINED], 2.2),
        (change == LOST, CHANGED_HATCH[LOST], 2.2),
    ):
        if rows.any():
            communes[rows].plot(facecolor="none", **hatch, **same)
            communes[rows].plot(facecolor="none", edgecolor="black", linewidth=width, **same)
    limits = canton_limits(communes)
    if not limits.empty:
        limits.plot(color="white", linewidth=1.3, **same)
        limits.plot(**CANTON, **same)
    for row in areas[~areas.is_empty].itertuples():
        halo = [Stroke(linewidth=2.2 if row.asked else 1.4, foreground="white"), withStroke()]
        gpd.GeoSeries([row.geometry], crs=areas.crs).boundary.plot(
            path_effects=halo, **(ASKED if row.asked else OTHER), **same
        )
    axes.set(xlabel="", ylabel="")  # GeoPandas names the axes of the CRS


def _draw_sites(axes: Axes, sites: gpd.GeoDataFrame) -> None:
    """Draw sites; those that open, close or move have symbols of their own."""
    same: dict[str, Any] = {"linestyle": "none", "scalex": False, "scaley": False}
    change = sites["change"] if "change" in sites else pd.Series(STAYS, sites.index)
    for row in sites[change == MOVED].itertuples():
        axes.plot(row.before.x, row.before.y, **{**SITE, "markersize": 4.5}, **same)
        axes.annotate(
            "", xy=(row.geometry.x, row.geometry.y), xytext=(row.before.x, row.before.y),
            arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 1.6, "shrinkA": 2, "shrinkB": 3,
                        "path_effects": [withStroke(linewidth=3.4, foreground="white")]},
        )  # fmt: skip
    for kind, look in {STAYS: SITE, **CHANGED_SITE}.items():
        at = sites.geometry[(change == kind).to_numpy()]
        axes.plot(at.x, at.y, **look, **same)


def _name_marked(
    axes: Axes, communes: gpd.GeoDataFrame, marked: np.ndarray, sites: gpd.GeoDataFrame
) -> int:
    """Write the names of marked communes; how many found no room.

    The highest marks come first; those above 1, of what changes, are bold.
    """
    late = communes.assign(marked=marked)[marked > 0].sort_values(
        ["marked", "population", "code_insee"], ascending=[False, False, True], ignore_index=True
    )
    if late.empty:
        return 0
    halo = [withStroke(linewidth=2.6, foreground="white")]
    # a ground, as text with a halo becomes curves in an SVG, which nobody can search
    ground = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 0.6}
    named = late[:MOST_NAMES]
    texts = [
        axes.text(0, 0, name, fontsize=7.5, color=INK, ha="center", va="center", bbox=ground,
                  parse_math=False, zorder=6, fontweight="bold" if mark > 1 else "normal")
        for name, mark in zip(named["name"], named["marked"], strict=True)
    ]  # fmt: skip
    sizes = np.array([t.get_window_extent().size for t in texts])
    to_px = axes.transData
    px = to_px.transform(shapely.get_coordinates(named.representative_point().array))
    radius = SITE["markersize"] * 100 / 72 / 2 + 1
    taken = [
        (x - radius, y - radius, x + radius, y + radius)
        for x, y in to_px.transform(shapely.get_coordinates(sites.geometry.array))
    ]
    for row in sites[sites["change"] == MOVED].itertuples() if "change" in sites else ():
        way = shapely.linestrings(to_px.transform([(p.x, p.y) for p in (row.before, row.geometry)]))
        steps = shapely.get_coordinates(shapely.segmentize(way, 2 * radius))
        taken += [(x - radius, y - radius, x + radius, y + radius) for x, y in steps]
    frame = axes.get_window_extent()
    inside = (frame.x0, frame.y0, frame.x1, frame.y1)
    # the lower left corner holds the scale, the upper right one the arrow
    taken += [(frame.x0, frame.y0, frame.x0 + 150, frame.y0 + 45),
              (frame.x1 - 45, frame.y1 - 60, frame.x1, frame.y1)]  # fmt: skip
    land = shapely.transform(communes.union_all(), to_px.transform)
    filled = shapely.transform(late.union_all(), to_px.transform)
    placed = place_labels(px, sizes, frame=inside, taken=taken, marked=filled, land=land)
    to_map = to_px.inverted().transform
    for label in placed:
        x, y = to_map((label.x, label.y))
        texts[label.index].set_position((x, y))
        if label.leader is not None:
            ends = to_map([px[label.index], label.leader])
            axes.plot(*ends.T, color=INK, linewidth=0.8, scalex=False, scaley=False, zorder=5,
                      path_effects=halo)  # fmt: skip
    for index in {*range(len(texts))} - {label.index for label in placed}:
        texts[index].remove()
    return len(late) - len(placed)


def _draw_scale(axes: Axes) -> None:
    """Draw a bar of a round length, about a fifth of the map."""
    left, right = axes.get_xlim()
    bottom, top = axes.get_ylim()
    fifth_km = (right - left) / 5000.0
    power = 10.0 ** np.floor(np.log10(fifth_km))
    length_km = max(step * power for step in (1, 2, 5) if step * power <= fifth_km)
    x, y = left + 0.02 * (right - left), bottom + 0.02 * (top - bottom)
    tick = 0.008 * (top - bottom)
    ends = x, x + length_km * 1000.0
    axes.plot(
        [ends[0], ends[0], ends[1], ends[1]], [y + tick, y, y, y + tick], color=INK,
        linewidth=1.4, scalex=False, scaley=False,
    )  # fmt: skip
    axes.text(sum(ends) / 2, y + tick, f"{length_km:g} km", ha="center", va="bottom", fontsize=8)


def _draw_north(axes: Axes, crs: str) -> None:
    """Draw an arrow to the true north, from which the grid of the map turns a little."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    to_degrees = pyproj.Transformer.from_crs(crs, WGS84, always_xy=True)
    lon, lat = to_degrees.transform((left + right) / 2, (bottom + top) / 2)
    x, y = to_degrees.transform([lon, lon], [lat, lat + 0.1], direction="INVERSE")
    turn = np.arctan2(x[1] - x[0], y[1] - y[0])
    length = 0.055 * (top - bottom)
    foot = np.array([right - 0.035 * (right - left), top - 0.10 * (top - bottom)])
    head = foot + length * np.array([np.sin(turn), np.cos(turn)])
    axes.annotate(
        "", xy=tuple(head), xytext=tuple(foot),
        arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 1.4},
    )  # fmt: skip
    at = foot + 1.08 * (head - foot)
    axes.text(at[0], at[1], "N", ha="center", va="bottom", fontsize=10,
              fontweight="bold")  # fmt: skip


def _draw_words(figure: Figure, words: MapText) -> None:
    # a title of two figures is a little longer than a line
    longest = TITLE_CHARACTERS if len(words.title) <= TITLE_CHARACTERS else 1.2 * TITLE_CHARACTERS
    title = textwrap.fill(words.title, int(longest))
    size = 14 * min(1.0, TITLE_CHARACTERS / max(map(len, title.splitlines())))
    figure.text(0.02, 0.965, title, fontsize=size, fontweight="bold", va="top", parse_math=False)
    y = 0.925 - 0.033 * title.count("\n")
    figure.text(0.02, y, words.summary, fontsize=10, va="top", color=INK, parse_math=False)
    sources = f"{words.labels['sources']}{words.labels['colon']} {'; '.join(words.sources)}."
    figure.text(0.02, 0.015, textwrap.fill(sources, 205), fontsize=6.5, va="bottom", color=FADED,
                linespacing=1.35, parse_math=False)  # fmt: skip
