"""The layers of the interactive map as a Bokeh drawing: only shapes and colours, no words."""

from __future__ import annotations

import itertools
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from accessibility.errors import MissingInputError
from accessibility.report.map_changes import CLOSED, GAINED, LOST, MOVED, OPENED, STAYS
from accessibility.report.map_layers import (
    SIMPLIFY_M,
    TimeClasses,
    band_colours,
    canton_limits,
)

try:
    from bokeh.embed import json_item
    from bokeh.models import (
        ColumnDataSource,
        CustomJS,
        GlyphRenderer,
        HoverTool,
        PanTool,
        Range1d,
        ScaleBar,
        TapTool,
        WheelZoomTool,
    )
    from bokeh.plotting import figure
    from bokeh.resources import Resources
except ImportError as error:
    raise MissingInputError(
        'a page with a map needs bokeh: pip install "accessibility-toolkit[maps]".'
    ) from error

ROUND_M = 10.0
"""Coordinates are multiples of this."""

MARKS = {STAYS: ("circle", 11), OPENED: ("star", 20), CLOSED: ("x", 13), MOVED: ("diamond", 16)}
"""Marker of a site and its size in pixels."""

LATE = "late"

LOOKS: dict[str, dict[str, Any]] = {
    LATE: {"pattern": "/", "colour": "white", "scale": 9, "width": 1.8},
    GAINED: {"pattern": ".", "colour": "black", "scale": 9, "width": 3.5},
    LOST: {"pattern": "x", "colour": "white", "scale": 11, "width": 3.5},
}
"""Hatch of a commune that is not covered, won or lost, and width of its edge in pixels."""

HATCH_WEIGHT = 1.6

CANTON_LOOK = {"line_color": "#444444", "line_width": 1.2, "line_dash": "dashed"}
AREA_LOOK = {"line_color": "black", "line_width": 1.8}
GROUND = "#f4f4f2"
"""Beside the territory."""

Layers = list[tuple[str, bool]]


def drawing(
    communes: gpd.GeoDataFrame,
    sites: gpd.GeoDataFrame,
    areas: gpd.GeoDataFrame,
    classes: TimeClasses,
) -> tuple[dict[str, Any], Layers]:
    """Draw the layers with Bokeh.

    Parameters
    ----------
    communes, sites, areas : GeoDataFrame
        Layers in metres from a corner of the territory; `change` of the first two and `before`
        of the sites, as `Changes` has them, where a scenario is shown.
    classes : TimeClasses

    Returns
    -------
    dict
        What `Bokeh.embed.embed_item` draws; ids are numbered, the same each time.
    list of (str, bool)
        Layers that one may switch, and whether they are on at first.
    """
    # a coverage, so that neighbours keep the same limit and no gap opens
    simple = shapely.coverage_simplify(communes.geometry.array, SIMPLIFY_M)
    shapes = communes.set_geometry(gpd.GeoSeries(simple, index=communes.index, crs=communes.crs))
    time_s = communes["travel_time_s"].to_numpy()
    source = ColumnDataSource(
        {**polygons(shapes.geometry), "colour": classes.colour_of(time_s)}, name="communes"
    )
    at = source.selected
    plot = figure(
        name="map", sizing_mode="stretch_both", x_range=Range1d(0, 1), y_range=Range1d(0, 1),
        toolbar_location=None, tools="", min_border=0, outline_line_color=None,
        background_fill_color=GROUND, border_fill_color=GROUND, output_backend="canvas",
    )  # fmt: skip
    plot.axis.visible = False
    plot.grid.visible = False
    shades = plot.multi_polygons(source=source, fill_color="colour", line_color=None)
    bands, outlines = _draw_bands(plot, areas, classes)
    change = shapes["change"] if "change" in shapes else pd.Series(None, shapes.index, dtype=object)
    late = shapes[shapes["late"] & change.isna()]
    hatched = _hatch(plot, late, LATE)
    changed = [
        _hatch(plot, shapes[(change == kind).to_numpy()], kind)
        for kind in (GAINED, LOST)
        if (change == kind).any()
    ]
    # on top of all areas, so that a commune can be pointed at whatever is shown
    edges = plot.multi_polygons(
        source=source, fill_alpha=0, line_color="white", line_width=0.5, line_alpha=0.8,
        selection_fill_color="white", selection_fill_alpha=0.35, selection_line_color="black",
        selection_line_width=3.5, selection_line_alpha=1,
    )  # fmt: skip
    cantons = plot.multi_line(**lines_of(canton_limits(shapes)), **CANTON_LOOK)
    edges.nonselection_glyph = edges.glyph
    shades.nonselection_glyph = shades.selection_glyph = shades.glyph
    *under, dots = _draw_sites(plot, sites)
    names = _draw_names(plot, shapes[shapes["late"] | change.notna()])
    layers: Layers = []
    for name, drawn, on in (
        ("communes", [shades], True),
        ("late", [hatched], True),
        ("changes", changed, True),
        ("names", [names], True),
        ("bands", bands, False),
        ("outline", outlines, True),
        ("cantons", [cantons], True),
        ("sites", [*under, dots], True),
    ):
        if name == "changes" and "change" not in shapes:
            continue
        for renderer in drawn:
            renderer.tags = [name]
            renderer.visible = on
        layers.append((name, on))
    wheel = WheelZoomTool()
    plot.add_tools(
        PanTool(), wheel, TapTool(renderers=[edges], mode="replace"),
        *(
            HoverTool(renderers=[drawn], tooltips=None, callback=CustomJS(code=(
                f"accessibilityMap.pointed('{what}', cb_data.index.indices, cb_data.geometry)"
            )))
            for what, drawn in (("commune", edges), ("site", dots))
        ),
    )  # fmt: skip
    plot.toolbar.active_scroll = wheel
    at.js_on_change("indices", CustomJS(code="accessibilityMap.picked(cb_obj.indices)"))
    for side in ("inner_width", "inner_height"):
        plot.js_on_change(side, CustomJS(code="accessibilityMap.resized()"))
    plot.x_range.js_on_change("start", CustomJS(code="accessibilityMap.moved()"))
    plot.add_layout(
        ScaleBar(
            range=plot.x_range, unit="m", location="bottom_left", background_fill_alpha=0.8,
            border_line_color=None, length_sizing="adaptive", bar_length=0.12,
        )
    )  # fmt: skip
    return _numbered(json_item(plot, "map")), layers


def library() -> str:
    """Bokeh's own code for the browser: its core, without widgets, tables and WebGL."""
    return "\n".join(Resources(mode="inline", components=["bokeh"], log_level="warn").js_raw)


def _hatch(plot: figure, communes: gpd.GeoDataFrame, kind: str) -> GlyphRenderer:
    look = LOOKS[kind]
    return plot.multi_polygons(
        source=ColumnDataSource(polygons(communes.geometry)), fill_alpha=0, line_color="black",
        line_width=look["width"], hatch_pattern=look["pattern"], hatch_color=look["colour"],
        hatch_scale=look["scale"], hatch_weight=HATCH_WEIGHT,
    )  # fmt: skip


def _draw_bands(
    plot: figure, areas: gpd.GeoDataFrame, classes: TimeClasses
) -> tuple[list[GlyphRenderer], list[GlyphRenderer]]:
    """Draw areas from the longest time to the shortest: each lies on those that hold it.

    The areas of the answer's cut-off also have an outline, the second list.
    """
    colours = band_colours(areas, classes)
    bands, outlines = [], []
    for cutoff_s, rows in reversed(list(areas.groupby("cutoff_s"))):
        source = ColumnDataSource(polygons(rows.geometry))
        bands.append(
            plot.multi_polygons(
                source=source, fill_color=colours[cutoff_s], line_color="white", line_width=0.8
            )
        )
        if rows["asked"].all():
            outlines.append((source, AREA_LOOK))
    return bands, [plot.multi_polygons(source=s, fill_alpha=0, **look) for s, look in outlines]


def _draw_sites(plot: figure, sites: gpd.GeoDataFrame) -> list[GlyphRenderer]:
    """Draw the sites, last; what lies under them comes first: where they stood, a light edge."""
    change = sites["change"] if "change" in sites else pd.Series(STAYS, sites.index)
    under = []
    moved = sites[(change == MOVED).to_numpy()]
    if not moved.empty:
        ways = [
            shapely.LineString([old, new])
            for old, new in zip(moved["before"], moved.geometry, strict=True)
        ]
        lines = lines_of(gpd.GeoSeries(ways))
        for colour, width in (("white", 5), ("black", 2)):
            under.append(plot.multi_line(**lines, line_color=colour, line_width=width))
        under.append(_scatter(plot, gpd.GeoSeries(list(moved["before"])), "circle", 7, width=2))
    closed = sites.geometry[(change == CLOSED).to_numpy()]
    if not closed.empty:
        under.append(_scatter(plot, closed, "x", 15, width=8, colour="white"))
    markers, sizes = ([MARKS[kind][i] for kind in change] for i in (0, 1))
    return [*under, _scatter(plot, sites.geometry, markers, sizes, width=2.5)]


def _scatter(
    plot: figure, at: gpd.GeoSeries, marker: Any, size: Any, *, width: float, colour: str = "black"
) -> GlyphRenderer:
    return plot.scatter(
        x=[_rounded(v) for v in at.x], y=[_rounded(v) for v in at.y], marker=marker, size=size,
        fill_color="white", line_color=colour, line_width=width,
    )  # fmt: skip


def _draw_names(plot: figure, late: gpd.GeoDataFrame) -> GlyphRenderer:
    """Write the names of marked communes; the page hides those without room."""
    rank = [name for name in ("change",) if name in late]  # what changes comes first
    first = late.sort_values(
        [*rank, "population", "code_insee"], ascending=[*[True] * len(rank), False, True]
    )
    at = first.representative_point()
    data = {
        "x": [_rounded(v) for v in at.x], "y": [_rounded(v) for v in at.y],
        "text": first["name"].tolist(), "alpha": [0] * len(first),
    }  # fmt: skip
    return plot.text(
        source=ColumnDataSource(data, name="names"), text="text", text_font={"value": "sans-serif"},
        text_font_size="12px", text_color="black", text_alpha="alpha", anchor="bottom_center",
        y_offset=-8,
        background_fill_color="white", background_fill_alpha="alpha", padding=2,
    )  # fmt: skip


def _rounded(value: float) -> int:
    return int(round(value / ROUND_M) * ROUND_M)


def _ring(coordinates: np.ndarray) -> tuple[list[int], list[int]]:
    """A line in rounded metres, without points that fall on the one before."""
    xy = (np.round(coordinates / ROUND_M) * ROUND_M).astype(int)
    kept = np.concatenate([[True], (np.diff(xy, axis=0) != 0).any(axis=1)])
    x, y = xy[kept].T.tolist()
    return x, y


def polygons(shapes: gpd.GeoSeries) -> dict[str, list[Any]]:
    """Shapes as Bokeh nests them: shape, polygon, ring with the outer one first."""
    xs, ys = [], []
    for shape in shapes:
        rings = [
            [_ring(shapely.get_coordinates(r)) for r in (part.exterior, *part.interiors)]
            for part in shapely.get_parts(shape)
            if part.geom_type == "Polygon"
        ]
        xs.append([[x for x, _ in part] for part in rings])
        ys.append([[y for _, y in part] for part in rings])
    return {"xs": xs, "ys": ys}


def lines_of(shapes: gpd.GeoSeries) -> dict[str, list[Any]]:
    """Lines as Bokeh holds them, pieces that meet two and two joined."""
    parts = shapely.line_merge(shapely.get_parts(shapes.array))
    lines = [_ring(shapely.get_coordinates(part)) for part in parts]
    return {"xs": [x for x, _ in lines], "ys": [y for _, y in lines]}


def _numbered(item: Any) -> dict[str, Any]:
    """Number the models in the order in which they come: Bokeh counts on in one process."""
    count = itertools.count(1)
    new: dict[str, str] = {}

    def walk(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {k: walk(v, k) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [walk(v) for v in value]
        if key in ("id", "root_id") and isinstance(value, str):
            if value not in new:
                new[value] = f"m{next(count)}"
            return new[value]
        return value

    numbered: dict[str, Any] = walk(dict(item))
    return numbered
