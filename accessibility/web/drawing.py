"""The map of the page: the layers of the offline map, live; only shapes and colours, no words."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from bokeh.models import (
    BBoxTileSource,
    CDSView,
    ColumnDataSource,
    CustomJS,
    GlyphRenderer,
    HoverTool,
    IndexFilter,
    PanTool,
    PointDrawTool,
    Range1d,
    ScaleBar,
    TapTool,
    WheelZoomTool,
)
from bokeh.plotting import figure

from accessibility.analysis.simulate_result import Simulation
from accessibility.report.map_changes import GAINED, LOST, MOVED, site_changes
from accessibility.report.map_drawing import (
    AREA_LOOK,
    CANTON_LOOK,
    GROUND,
    HATCH_WEIGHT,
    LATE,
    LOOKS,
    MARKS,
    polygons,
)
from accessibility.report.map_layers import band_colours, drawable_areas, time_classes
from accessibility.web.desk import Desk
from accessibility.web.ground import Ground
from accessibility.web.plan import Plan, moved_or_added
from accessibility.web.view import classes_of

ROADS_BELOW_M = {60_000: ("motorway", "trunk", "primary"), 30_000: ("secondary",),
                 15_000: ("tertiary",), 6_000: ("unclassified", "residential")}  # fmt: skip
"""Which roads are drawn where the view is narrower than so many metres."""

ROAD_WIDTH = {"motorway": 3.5, "trunk": 3.0, "primary": 2.6, "secondary": 2.0, "tertiary": 1.4}
OTHER_ROAD_WIDTH = 0.8
ROAD_COLOUR = "#7a4a12"

MOST_ROADS = 6_000
"""Drawn at once; a narrower view shows all of its own."""

IGN = (
    "https://data.geopf.fr/wms-r?SERVICE=WMS&VERSION=1.3.0&REQUEST=GetMap&STYLES=&FORMAT=image/png"
    "&LAYERS=GEOGRAPHICALGRIDSYSTEMS.PLANIGNV2&CRS=EPSG:2154&WIDTH=256&HEIGHT=256"
    "&BBOX={XMIN},{YMIN},{XMAX},{YMAX}"
)
"""Géoplateforme of IGN; asked for only when a visitor switches the background on."""

ORANGE, BLUE = "#d55e00", "#0072b2"
"""Of Okabe and Ito, which colour-blind readers tell apart: closed roads; where one would help."""

LAYERS = (
    ("background", False), ("communes", True), ("late", True), ("changes", True), ("areas", False),
    ("cantons", True), ("roads", True), ("gain", True), ("names", True), ("sites", True),
)  # fmt: skip
"""Those that a visitor may switch, and whether they are on at first."""


class Drawing:
    """The map of one visitor.

    Attributes
    ----------
    plot : figure
    asked, told : ColumnDataSource
        One cell each, JSON: what the page asks, and what it is told.
    sites, closed : ColumnDataSource
        Sites as they are drawn; roads that are closed.
    """

    def __init__(self, desk: Desk, ground: Ground) -> None:
        self._desk, self._ground = desk, ground
        self.asked = ColumnDataSource({"json": [""]}, name="asked")
        self.told = ColumnDataSource({"json": [""]}, name="told")
        self._communes = ColumnDataSource(
            {**ground.communes, "colour": ["white"] * len(ground.boxes)}, name="communes"
        )
        # the browser makes a picture of each hatched commune: no others are told
        self._marked = {kind: IndexFilter(indices=[]) for kind in LOOKS}
        self.sites = ColumnDataSource(_columns("id name change x y marker size fill edge"),
                                      name="sites")  # fmt: skip
        self._names = ColumnDataSource(_columns("x y text alpha"), name="names")
        self._areas = ColumnDataSource(_columns("xs ys colour edge width"))
        self._gain = ColumnDataSource(_columns("x y size people"), name="gain")
        self._roads = ColumnDataSource(_columns("xs ys width"), name="roads")
        self.closed = ColumnDataSource(_columns("xs ys"), name="closed")
        self._ways = ColumnDataSource(_columns("xs ys dash"), name="ways")
        self._leftover = ColumnDataSource(_columns("x y"))
        self._off_road_m: dict[str, int] = {}
        self.plot = self._make()

    def show(self, plan: Plan, done: Simulation) -> None:
        """Draw an answer."""
        table = done.by_commune
        late = (done.after.by_commune["travel_time_s"] > done.after.minutes * 60.0).to_numpy()
        kind = np.where(late, LATE, "").astype(object)
        kind[(table["population_gained"] > 0).to_numpy()] = GAINED
        kind[(table["population_lost"] > 0).to_numpy()] = LOST
        for name, marked in self._marked.items():
            rows = np.flatnonzero(kind == name).tolist()
            if marked.indices != rows:
                marked.indices = rows
        # each change has the browser draw the whole map again
        pairs = zip(self._communes.data["colour"], classes_of(done)[0], strict=True)
        if changed := [(i, new) for i, (old, new) in enumerate(pairs) if old != new]:
            self._communes.patch({"colour": changed})
        self._show_names(done, kind)
        self._show_sites(plan, done)
        self._show_closed(plan)

    def _show_names(self, done: Simulation, kind: npt.NDArray[np.object_]) -> None:
        rows = np.flatnonzero(kind != "")
        rank = pd.DataFrame({
            "stays": kind[rows] == LATE,
            "people": -done.by_commune["population"].fillna(0.0).to_numpy()[rows],
            "row": rows,
        }).sort_values(["stays", "people", "row"])  # fmt: skip
        first = rank["row"].to_numpy()
        at = np.round(self._ground.names_at[first])
        _set(self._names, {
            "x": at[:, 0].tolist(), "y": at[:, 1].tolist(),
            "text": done.by_commune["name"].iloc[first].tolist(), "alpha": [0.0] * len(first),
        })  # fmt: skip

    def _show_sites(self, plan: Plan, done: Simulation) -> None:
        changes = site_changes(self._desk.study, done.before, done.after)
        ids, change = changes["facility_id"].tolist(), changes["change"].tolist()
        xy = np.column_stack([changes.geometry.x, changes.geometry.y]) - self._ground.origin
        _set(self.sites, {
            "id": ids, "name": changes["name"].tolist(), "change": change,
            "x": np.round(xy[:, 0], 1).tolist(), "y": np.round(xy[:, 1], 1).tolist(),
            "marker": [MARKS[one][0] for one in change],
            "size": [MARKS[one][1] + 2 for one in change],
            "fill": ["white"] * len(ids),
            "edge": ["black"] * len(ids),
        })  # fmt: skip
        new = done.after.sites
        placed = new[new["facility_id"].astype(str).isin(moved_or_added(plan.scenario))]
        found = self._desk.ways_to_road(placed)
        self._off_road_m = {
            site: round(way.length)
            for site, way in zip(placed["facility_id"].astype(str), found, strict=True)
            if way is not None
        }
        ways = [(way, "dotted") for way in found if way is not None]
        moved = changes[(changes["change"] == MOVED).to_numpy()]
        ways += [
            (shapely.LineString([before, now]), "solid")
            for before, now in zip(moved["before"], moved.geometry, strict=True)
        ]
        lines = [shapely.get_coordinates(way) - self._ground.origin for way, _ in ways]
        _set(
            self._ways,
            {
                "xs": [line[:, 0].round(1).tolist() for line in lines],
                "ys": [line[:, 1].round(1).tolist() for line in lines],
                "dash": [dash for _, dash in ways],
            },
        )
        at = np.array([(p.x, p.y) for p in moved["before"]]).reshape(-1, 2) - self._ground.origin
        _set(self._leftover, {"x": at[:, 0].tolist(), "y": at[:, 1].tolist()})

    def site_rows(self) -> list[list[Any]]:
        """Sites in the order of their points: id, name, change, x, y, metres from its road."""
        data = self.sites.data
        told = zip(*(data[name] for name in ("id", "name", "change", "x", "y")), strict=True)
        return [[*row, self._off_road_m.get(row[0])] for row in told]

    def _show_closed(self, plan: Plan) -> None:
        found = [self._desk.road_at(road.at) for road in plan.scenario.road if hasattr(road, "at")]
        lines = [shapely.get_coordinates(road[1]) - self._ground.origin for road in found if road]
        _set(
            self.closed,
            {
                "xs": [line[:, 0].round(1).tolist() for line in lines],
                "ys": [line[:, 1].round(1).tolist() for line in lines],
            },
        )

    def show_gain(self, junctions: gpd.GeoDataFrame | None) -> None:
        """Draw where one more site would newly cover people; nothing if None."""
        if junctions is None:
            self._gain.data = _columns("x y size people")
            return
        found = junctions[junctions["people_gained"] > 0].sort_values("people_gained")
        # one dot in each square of 1 km is enough: the best one
        metric = found.to_crs(self._desk.study.metric_crs)
        xy = shapely.get_coordinates(metric.geometry.to_numpy()) - self._ground.origin
        cell = pd.DataFrame(np.floor(xy / 1000.0))
        best = ~cell.duplicated(keep="last").to_numpy()
        people = found["people_gained"].to_numpy()[best]
        most = float(people.max(initial=1.0))
        self._gain.data = {
            "x": xy[best, 0].round().tolist(), "y": xy[best, 1].round().tolist(),
            "size": (3.0 + 9.0 * np.sqrt(people / most)).round(1).tolist(),
            "people": people.tolist(),
        }  # fmt: skip

    def show_areas(self, areas: gpd.GeoDataFrame | None, done: Simulation) -> list[tuple[str, str]]:
        """Draw areas within cut-offs, from the longest to the shortest; nothing if None.

        Returns
        -------
        list of (str, str)
            Colour and minutes of each band.
        """
        if areas is None:
            self._areas.data = _columns("xs ys colour edge width")
            return []
        nested = drawable_areas(areas, self._desk.study, done.after)
        nested = nested.set_geometry(nested.translate(*-self._ground.origin))
        classes = time_classes(done.by_commune["travel_time_s_after"].to_numpy())
        colours = band_colours(nested, classes)
        nested = nested.iloc[::-1]
        asked = nested["asked"].tolist()
        self._areas.data = {
            **polygons(nested.geometry),
            "colour": [colours[s] for s in nested["cutoff_s"]],
            "edge": ["black" if one else "white" for one in asked],
            "width": [AREA_LOOK["line_width"] if one else 0.8 for one in asked],
        }
        ends = [f"{s / 60:g}" for s in colours]
        names = [f"{a}–{b}" for a, b in zip(["0", *ends[:-1]], ends, strict=True)]
        return list(zip(colours.values(), names, strict=True))

    def show_roads(self, box: tuple[float, float, float, float]) -> None:
        """Draw the roads of a view, the more classes the narrower it is."""
        west, south, east, north = box
        classes = [
            name for limit, names in ROADS_BELOW_M.items() if east - west < limit for name in names
        ]
        if not classes:
            self._roads.data = _columns("xs ys width")
            return
        wanted = (*classes, *(f"{name}_link" for name in classes))
        x, y = self._ground.origin
        found = self._desk.roads_in((west + x, south + y, east + x, north + y), wanted)
        found.sort(key=lambda road: -ROAD_WIDTH.get(road[0], OTHER_ROAD_WIDTH))
        lines = [shapely.get_coordinates(line) - (x, y) for _, line in found[:MOST_ROADS]]
        self._roads.data = {
            "xs": [line[:, 0].round(1).tolist() for line in lines],
            "ys": [line[:, 1].round(1).tolist() for line in lines],
            "width": [ROAD_WIDTH.get(name, OTHER_ROAD_WIDTH) for name, _ in found[:MOST_ROADS]],
        }

    def _make(self) -> figure:
        plot = figure(
            name="map", sizing_mode="stretch_both", x_range=Range1d(0, 1), y_range=Range1d(0, 1),
            toolbar_location=None, tools="", min_border=0, outline_line_color=None,
            background_fill_color=GROUND, border_fill_color=GROUND, output_backend="canvas",
        )  # fmt: skip
        plot.axis.visible = False
        plot.grid.visible = False
        layers: dict[str, list[GlyphRenderer]] = {}
        if self._ground.tiled:
            tiles = BBoxTileSource(
                url=IGN, x_origin_offset=0.0, y_origin_offset=-6_000_000.0,
                initial_resolution=8192.0, attribution="© IGN, Géoplateforme", use_latlon=False,
                wrap_around=False,
            )  # fmt: skip
            layers["background"] = [plot.add_tile(tiles, alpha=0.9)]
        source = self._communes
        shades = plot.multi_polygons(source=source, fill_color="colour", line_color=None)
        layers["communes"] = [shades]
        layers["areas"] = [
            plot.multi_polygons(
                source=self._areas, fill_color="colour", fill_alpha=0.75, line_color="black",
                line_width="width",
            )
        ]  # fmt: skip
        marked = {
            kind: plot.multi_polygons(
                source=source, view=CDSView(filter=self._marked[kind]), fill_alpha=0,
                line_color="black", line_width=look["width"], hatch_pattern=look["pattern"],
                hatch_color=look["colour"], hatch_scale=look["scale"], hatch_weight=HATCH_WEIGHT,
            )
            for kind, look in LOOKS.items()
        }  # fmt: skip
        layers["late"] = [marked[LATE]]
        layers["changes"] = [marked[GAINED], marked[LOST]]
        # on top of all areas, so that a commune can be pointed at whatever is shown
        edges = plot.multi_polygons(
            source=source, fill_alpha=0, line_color="white", line_width=0.5, line_alpha=0.8,
            selection_fill_color="white", selection_fill_alpha=0.35, selection_line_color="black",
            selection_line_width=3.5, selection_line_alpha=1,
        )  # fmt: skip
        edges.nonselection_glyph = edges.glyph
        for drawn in (shades, *marked.values()):
            drawn.nonselection_glyph = drawn.selection_glyph = drawn.glyph
        layers["cantons"] = [plot.multi_line(**self._ground.cantons, **CANTON_LOOK)]
        layers["roads"] = [
            plot.multi_line(
                source=self._roads, line_color=ROAD_COLOUR, line_width="width", line_alpha=0.9
            )
        ]
        layers["gain"] = [
            plot.scatter(
                source=self._gain, x="x", y="y", size="size", fill_color=BLUE, line_color="white",
                line_width=0.6, fill_alpha=0.85,
            )
        ]  # fmt: skip
        layers["names"] = [
            plot.text(
                source=self._names, text="text", text_font={"value": "sans-serif"},
                text_font_size="12px", text_color="black", text_alpha="alpha",
                anchor="bottom_center", y_offset=-8, background_fill_color="white",
                background_fill_alpha="alpha", padding=2,
            )
        ]  # fmt: skip
        closed = [
            plot.multi_line(source=self.closed, line_color=colour, line_width=width,
                            line_dash=dash)
            for colour, width, dash in (("white", 9, "solid"), (ORANGE, 6, "solid"),
                                        ("black", 6, "dotted"))
        ]  # fmt: skip
        ways = [
            plot.multi_line(source=self._ways, line_color=colour, line_width=width,
                            line_dash="dash" if colour == "black" else "solid")
            for colour, width in (("white", 5), ("black", 2))
        ]  # fmt: skip
        left = plot.scatter(source=self._leftover, x="x", y="y", marker="circle", size=7,
                            fill_color="white", line_color="black", line_width=2)  # fmt: skip
        dots = plot.scatter(
            source=self.sites, x="x", y="y", marker="marker", size="size", fill_color="fill",
            line_color="edge", line_width=2.5,
        )  # fmt: skip
        for drawn in (dots, *closed, *ways, left, *layers["gain"]):
            drawn.nonselection_glyph = drawn.selection_glyph = drawn.glyph
        layers["sites"] = [*closed, *ways, left, dots]
        for name, on in LAYERS:
            for drawn in layers.get(name, []):
                drawn.tags = [name]
                drawn.visible = on
        wheel = WheelZoomTool()
        drag = PointDrawTool(renderers=[dots], add=False, name="drag")
        plot.add_tools(
            PanTool(name="pan"), wheel, drag,
            TapTool(renderers=[edges], mode="replace", name="tap"),
            *(
                HoverTool(renderers=[drawn], tooltips=None, callback=CustomJS(code=(
                    "window.accessibilityPage?.pointed("
                    f"'{what}', cb_data.index.indices, cb_data.geometry)"
                )))
                for what, drawn in (("commune", edges), ("site", dots),
                                    ("gain", layers["gain"][0]))
            ),
        )  # fmt: skip
        plot.toolbar.active_scroll = wheel
        for what in ("tap", "panstart", "panend", "doubletap"):
            plot.js_on_event(what, CustomJS(code=f"window.accessibilityPage?.{what}(cb_obj)"))
        # the two cells hang on the map, so that the page finds them
        plot.js_on_event("reset", CustomJS(args={"asked": self.asked, "told": self.told}, code=""))
        self.told.js_on_change(
            "data", CustomJS(code="window.accessibilityPage?.told(cb_obj.data.json[0])")
        )
        source.selected.js_on_change(
            "indices", CustomJS(code="window.accessibilityPage?.picked(cb_obj.indices)")
        )
        for side in ("inner_width", "inner_height"):
            plot.js_on_change(side, CustomJS(code="window.accessibilityPage?.resized()"))
        plot.x_range.js_on_change("start", CustomJS(code="window.accessibilityPage?.viewed()"))
        self._names.js_on_change("data", CustomJS(code="window.accessibilityPage?.viewed()"))
        plot.add_layout(
            ScaleBar(
                range=plot.x_range, unit="m", location="bottom_left", background_fill_alpha=0.8,
                border_line_color=None, length_sizing="adaptive", bar_length=0.12,
            )
        )  # fmt: skip
        # what the page changes of the map by itself is nothing to the program
        for model in plot.references():
            if model is not self.asked:
                model.syncable = False
        return plot


def _set(source: ColumnDataSource, data: dict[str, list[Any]]) -> None:
    """Give a source its data where they are others: each time the browser draws all again."""
    if dict(source.data) != data:
        source.data = data


def _columns(names: str) -> dict[str, list[Any]]:
    return {name: [] for name in names.split()}
