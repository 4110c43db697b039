"""The roads after a scenario: some closed, opened, turned or new, some driven at other speeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from pyproj import Transformer

from accessibility.analysis.scenario import LonLat, NewRoad, RoadAt, RoadChange, Scenario, Speed
from accessibility.errors import InputError, first_of
from accessibility.network.profile import Profile
from accessibility.network.speeds import TableSpeeds, table_speeds
from accessibility.network.turns import node_costs
from accessibility.schema import GRS80, WGS84, RoadTables

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

AT_JUNCTION_M = 5.0
"""A new road that ends this near to a junction is joined to it: half the width of one."""

SAME_M = 0.01
"""Roads whose distances from a point differ by less are equally near."""

METRES_PER_DEGREE = 110_000.0
"""Of latitude, from below; only to look for roads in a box that is wide enough."""

OPENED: dict[str, str | None] = {
    "motorcar": "yes",
    "motorcar:forward": None,
    "motorcar:backward": None,
    "construction": None,
    "area": None,
    "impassable": None,
    "status": None,
}
"""Tags of a road that is opened to cars."""


def changed_roads(
    scenario: Scenario, tables: RoadTables, profile: Profile, *, metric_crs: str
) -> tuple[RoadTables, TableSpeeds]:
    """Road tables after a scenario, and how fast each road is driven.

    Parameters
    ----------
    scenario : Scenario
    tables : RoadTables
        Of the study; they stay as they are.
    profile : Profile
    metric_crs : str
        CRS in metres, in which distances are taken.

    Returns
    -------
    tables : RoadTables
    speeds : TableSpeeds
        For `build_network`.

    Raises
    ------
    InputError
        If a road is not there, is another one than its check says, is already as it shall be,
        or a new one joins nothing.

    Examples
    --------
    >>> import accessibility as acc
    >>> jura = acc.load_study("jura")
    >>> slower = Scenario(speed=(Speed(road_class="primary", factor=0.9),))
    >>> tables, speeds = changed_roads(
    ...     slower, jura.roads, jura.profile, metric_crs=jura.metric_crs
    ... )
    >>> bool((speeds.kph[(tables.roads["highway"] == "primary").to_numpy()] <= 65 * 0.9).all())
    True
    """
    work = _Roads(tables, profile, metric_crs)
    for n, road in enumerate(scenario.road, start=1):
        if isinstance(road, NewRoad):
            work.build(road, f"[[road]] {n}")
        else:
            work.change(road, f"[[road]] {n}")
    speeds = table_speeds(work.roads, profile)
    kph = speeds.kph.copy()
    for n, speed in enumerate(scenario.speed, start=1):
        rows = work.meant(speed, kph, f"[[speed]] {n}")
        own = kph[rows]
        new = own * speed.factor if speed.factor is not None else np.full(own.shape, speed.kph)
        kph[rows] = np.where(own > 0, new, 0.0)
    after = RoadTables(work.roads, work.nodes, tables.restrictions)
    return after, replace(speeds, kph=kph)


class _Roads:
    """Road tables at work: each change is made on what the earlier ones left."""

    def __init__(self, tables: RoadTables, profile: Profile, metric_crs: str) -> None:
        self.roads = tables.roads.copy(deep=False)
        self.nodes = tables.nodes.copy(deep=False)
        self.profile = profile
        self.crs = metric_crs
        self.to_metric = Transformer.from_crs(WGS84, metric_crs, always_xy=True)
        self.to_degrees = Transformer.from_crs(metric_crs, WGS84, always_xy=True)

    def change(self, road: RoadChange, source: str) -> None:
        """Close or open a road, or change its directions."""
        row = self._told(road.at, source, closed_too=road.change == "open")
        found = f"{source}: the road at {road.at}, {self._label(row)},"
        if road.change == "close":
            self._set(row, {"motorcar": "no", "motorcar:forward": None, "motorcar:backward": None})
        elif road.change == "open":
            self._open(row, found)
        else:
            self._turn(row, road, found)

    def build(self, road: NewRoad, source: str) -> None:
        """Add a new road and join its ends to the network."""
        first, like = self._join(road.line[0], road.within_m, f"{source}: the beginning")
        last, _ = self._join(road.line[-1], road.within_m, f"{source}: the end")
        places = [first[1], *road.line[1:-1], last[1]]
        if first[0] == last[0] and len(places) < 3:
            raise InputError(f"{source}: both ends of the new road join the network at the same "
                             "place; a line that leads elsewhere is expected.")  # fmt: skip
        limit = None if road.maxspeed_kph is None else f"{road.maxspeed_kph:g}"
        tags = {"highway": road.road_class, "maxspeed": limit, "name": road.name, "ref": road.ref,
                "oneway": "yes" if road.oneway else None}  # fmt: skip
        lon, lat = zip(*places, strict=True)
        there = self.roads[["urban", "country"]].iloc[like].to_dict()
        row = dict.fromkeys(self.roads.columns) | there | {
            "from_node": first[0],
            "to_node": last[0],
            "osm_way_id": min(int(self.roads["osm_way_id"].min()), 0) - 1,
            "length_m": GRS80.line_length(lon, lat),
            "geometry": shapely.LineString(places),
        }  # fmt: skip
        kinds = self.roads.dtypes.drop("geometry").to_dict()
        new = gpd.GeoDataFrame([row], crs=WGS84).astype(kinds)
        self.roads = _stacked(self.roads, new)
        self._set(len(self.roads) - 1, tags)
        if not self._kph([len(self.roads) - 1]).any():
            raise InputError(f"{source}: a new road of the class {road.road_class} is not driven "
                             f"under profile {self.profile.name}; expected is one of "
                             f"{first_of(self.profile.speeds_kph)}.")  # fmt: skip

    def meant(self, speed: Speed, kph: Floats, source: str) -> Ints:
        """Rows whose speed a line of the scenario changes; at least one."""
        if speed.at is not None:
            return np.array([self._told(speed.at, source)])
        open_ = (kph > 0).any(axis=1)
        rows = np.flatnonzero(open_ & (self.roads["highway"] == speed.road_class).to_numpy())
        if not len(rows):
            known = self.roads["highway"].astype(object)[open_].value_counts().index
            raise InputError(f"{source}: no road of the class {speed.road_class} is open to cars; "
                             f"found are {first_of(known)}.")  # fmt: skip
        return rows

    def _open(self, row: int, found: str) -> None:
        ends = self.roads[["from_node", "to_node"]].iloc[row].tolist()
        at = np.flatnonzero(self.nodes["node_id"].isin(ends))
        barriers = at[node_costs(self.nodes.iloc[at], self.profile).closed]
        speeds = table_speeds(self.roads.iloc[[row]], self.profile)
        through = ((speeds.kph > 0) & ~speeds.restricted).any()
        if through and not len(barriers):
            raise InputError(f"{found} is open to cars already.")
        for node in barriers:
            closing = ("barrier", "access", "vehicle", "motor_vehicle", "motorcar")
            self.nodes = _with(self.nodes, node, dict.fromkeys(closing))
        tags = dict(OPENED)
        if self._tag(row, "highway") == "construction":
            tags["highway"] = self._tag(row, "construction")
        if self._tag(row, "service") == "emergency_access":
            tags["service"] = None
        if self._tag(row, "oneway") == "reversible":
            tags["oneway"] = None
        if not through:
            self._set(row, tags)
        if not self._kph([row]).any():
            raise InputError(f"{found} stays closed under profile {self.profile.name}: its class "
                             "or a limit of size is not for cars.")  # fmt: skip

    def _turn(self, row: int, road: RoadChange, found: str) -> None:
        """Make a road one-way or two-way."""
        if road.towards is None:
            wanted = np.array([True, True])
        else:
            ends = shapely.get_coordinates(self._line(row))[[0, -1]]
            away = np.hypot(*(ends - self._metric(road.towards)).T)
            if abs(away[0] - away[1]) < 1.0:
                lon, lat = road.towards
                raise InputError(f"{found} has both ends equally far from {lon:g}, {lat:g}; a "
                                 "point near one end is expected.")  # fmt: skip
            wanted = np.array([away[1] < away[0], away[0] < away[1]])
        if ((self._kph([row])[0] > 0) == wanted).all():
            raise InputError(f"{found} is {road.change} in this direction already."
                             if road.towards else f"{found} is two-way already.")  # fmt: skip
        value = "no" if wanted.all() else "yes" if wanted[0] else "-1"
        self._set(row, {"oneway:motorcar": value})
        for way, asked, kph in zip(
            ("forward", "backward"), wanted, self._kph([row])[0], strict=True
        ):
            if asked and not kph:
                self._set(row, {f"motorcar:{way}": "yes"})
        if ((self._kph([row])[0] > 0) != wanted).any():
            raise InputError(f"{found} cannot be {road.change}: a limit of size or its kind closes "
                             "it in a direction.")  # fmt: skip

    def _join(self, end: LonLat, within_m: float, what: str) -> tuple[tuple[int, LonLat], int]:
        """Node at which an end of a new road meets the network, where it is, and a road there."""
        rows, away = self._near(end, within_m)
        if not len(rows):
            raise InputError(
                f"{what} of the new road joins nothing: no road open to cars lies within "
                f"{within_m:g} m of {end[0]:g}, {end[1]:g}; move it or raise within_m."
            )
        row = int(rows[away.argmin()])
        line = self._line(row)
        along = line.project(shapely.Point(self._metric(end)))
        for node, rest, k in (("from_node", along, 0), ("to_node", line.length - along, -1)):
            if rest <= AT_JUNCTION_M:
                lon, lat = self.roads.geometry.iloc[row].coords[k][:2]
                return (int(self.roads[node].iloc[row]), (lon, lat)), row
        return self._split(row, line, along), row

    def _split(self, row: int, line: shapely.LineString, along: float) -> tuple[int, LonLat]:
        """Cut a road in two, `along` metres from its beginning; the second part comes last."""
        share = along / line.length
        place = self.to_degrees.transform(*line.interpolate(along).coords[0])
        node = min(int(self.roads[["from_node", "to_node"]].to_numpy().min()), 0) - 1
        drawn = shapely.get_coordinates(line)
        run = np.r_[0.0, np.cumsum(np.hypot(*np.diff(drawn, axis=0).T))]
        degrees = shapely.get_coordinates(self.roads.geometry.iloc[row])
        halves = []
        for part, points in (
            (share, [*degrees[run < along - SAME_M], place]),
            (1.0 - share, [place, *degrees[run > along + SAME_M]]),
        ):
            half = self.roads.iloc[[row]].copy()
            half[["length_m", "duration_s"]] *= part
            halves.append(half.set_geometry(
                gpd.GeoSeries([shapely.LineString(points)], half.index, crs=WGS84)
            ))  # fmt: skip
        halves[0]["to_node"] = halves[1]["from_node"] = node
        first, second = halves
        self.roads = _stacked(self.roads.iloc[:row], first, self.roads.iloc[row + 1 :], second)
        return node, place

    def _told(self, at: RoadAt, source: str, *, closed_too: bool = False) -> int:
        """Row of the road that a point tells; its ref or name must be as the scenario says."""
        rows, away = self._near((at.lon, at.lat), at.within_m, closed_too=closed_too)
        if not len(rows):
            raise InputError(
                f"{source}: no road{'' if closed_too else ' open to cars'} lies within "
                f"{at.within_m:g} m of {at}; a point on the road is expected, longitude first."
            )
        nearest = rows[away <= away.min() + SAME_M]
        if len(nearest) > 1:
            raise InputError(
                f"{source}: {at} lies on the junction of {first_of(map(self._label, nearest))}; "
                "a point farther along the one road is expected."
            )
        row = int(nearest[0])
        for key, told in (("ref", at.ref), ("name", at.name)):
            if told is not None and _plain(told) not in map(
                _plain, (self._tag(row, key) or "").split(";")
            ):
                raise InputError(
                    f"{source}: the road at {at} is {self._label(row)}; {key} {told} is expected."
                )
        return row

    def _near(
        self, place: LonLat, within_m: float, *, closed_too: bool = False
    ) -> tuple[Ints, Floats]:
        """Rows within a distance of a place, and how far each is; metres."""
        high = within_m / METRES_PER_DEGREE
        wide = high / max(np.cos(np.radians(abs(place[1]) + high)), 0.01)
        box = shapely.box(place[0] - wide, place[1] - high, place[0] + wide, place[1] + high)
        rows = self.roads.sindex.query(box, predicate="intersects")
        rows = np.sort(rows)
        if not closed_too and len(rows):
            rows = rows[(self._kph(rows) > 0).any(axis=1)]
        lines = self.roads.geometry.iloc[rows].to_crs(self.crs).to_numpy()
        away = shapely.distance(lines, shapely.Point(self._metric(place)))
        return rows[away <= within_m], away[away <= within_m]

    def _kph(self, rows: npt.ArrayLike) -> Floats:
        return table_speeds(self.roads.iloc[np.asarray(rows)], self.profile).kph

    def _line(self, row: int) -> shapely.LineString:
        return self.roads.geometry.iloc[[row]].to_crs(self.crs).iloc[0]

    def _metric(self, place: LonLat) -> LonLat:
        x, y = self.to_metric.transform(*place)
        return x, y

    def _tag(self, row: int, tag: str) -> str | None:
        value = self.roads[tag].iloc[row]
        return value if isinstance(value, str) else None

    def _label(self, row: int) -> str:
        """What a planner calls a road: its number and name, else its class and way."""
        told = [value for key in ("ref", "name") if (value := self._tag(row, key))]
        kind = self._tag(row, "highway") or self._tag(row, "route") or "road"
        return " ".join(told) or f"a {kind} without ref or name"

    def _set(self, row: int, tags: Mapping[str, str | None]) -> None:
        self.roads = _with(self.roads, row, tags)


def _with(table: gpd.GeoDataFrame, row: int, tags: Mapping[str, str | None]) -> gpd.GeoDataFrame:
    """A table with other tags in one row."""
    changed = {}
    for tag, value in tags.items():
        column = table[tag]
        if not isinstance(column.dtype, pd.CategoricalDtype):
            column = column.astype(object)
        elif value is not None and value not in column.cat.categories:
            column = column.cat.add_categories([value])
        column = column.copy()
        column.iloc[row] = value
        changed[tag] = column
    return table.assign(**changed)


def _stacked(*parts: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    whole: gpd.GeoDataFrame = pd.concat([p for p in parts if len(p)], ignore_index=True)
    return whole


def _plain(text: str) -> str:
    """A ref or a name without what people write differently: D678, D 678, d678."""
    return "".join(text.split()).casefold()
