"""Which way is the quickest: the roads of a trip, in the order in which they are driven."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from shapely.ops import substring

from accessibility.errors import InputError
from accessibility.network.graph import RoadNetwork
from accessibility.network.snap import MAX_SNAP_M, Positions, snap
from accessibility.routing import kernels
from accessibility.routing.times import on_edges, turns_of, walk_ms
from accessibility.schema import WGS84

Ints = npt.NDArray[np.signedinteger[Any]]
Floats = npt.NDArray[np.float64]
Piece = tuple[int, int, int, float, float]
"""Edge, time along it, turn into it, and where on the segment it begins and ends."""

FIRST_LIMIT_MS = 900_000
"""A search goes a quarter of an hour far, then twice as far until the trip is found."""

OFF_ROAD = -1
"""What stands for the row of the roads table on the way off the road."""


@dataclass(frozen=True, eq=False)
class Path:
    """The quickest way between two positions, as pieces of edges in driving order.

    Attributes
    ----------
    edge : int array (pieces,)
    drive_ms : int array (pieces,)
        Time along the piece.
    turn_ms : int array (pieces,)
        Cost of the turn into it; 0 of the first.
    share : float array (pieces, 2)
        Where on the drawn segment the piece begins and ends; falling where it is driven
        against the drawing.
    off_ms : (int, int)
        Time off the road at both ends of the trip.
    """

    edge: Ints
    drive_ms: Ints
    turn_ms: Ints
    share: Floats
    off_ms: tuple[int, int]

    @property
    def total_ms(self) -> int:
        """Time of the whole trip."""
        return int(self.drive_ms.sum() + self.turn_ms.sum()) + sum(self.off_ms)


def route(
    network: RoadNetwork,
    origin: gpd.GeoDataFrame | gpd.GeoSeries,
    destination: gpd.GeoDataFrame | gpd.GeoSeries,
    *,
    roads: pd.DataFrame | None = None,
    max_snap_m: float = MAX_SNAP_M,
    walk_kph: float | None = None,
) -> gpd.GeoDataFrame:
    """Quickest way between two points, road by road.

    Parameters
    ----------
    network : RoadNetwork
    origin, destination : GeoDataFrame or GeoSeries
        One point each.
    roads : DataFrame, optional
        The roads table that the network was built from, such as `study.roads.roads`: the
        legs then have its `name`, `ref` and `highway`.
    max_snap_m : float
        A point farther from any road is not reached.
    walk_kph : float, optional
        As in `travel_times`: the way off the road is then a leg of its own at both ends.

    Returns
    -------
    GeoDataFrame
        One row for each leg, in driving order: `sequence` from 1, `road` (row of the roads
        table, -1 off the road), `name`, `ref` and `highway` where `roads` is given,
        `length_m` (geodesic), `kph`, `turn_s` (cost of the turn into the leg), `drive_s`
        (time along it), `time_s` (from the start of the trip to the end of the leg), the line
        driven in WGS 84. No rows where the trip has no length.

    Raises
    ------
    InputError
        If a table has not one row, a point lies too far from any road, no way leads from one
        point to the other, or the roads are not those of the network.
    CrsError
        If a table has no CRS.

    Notes
    -----
    Exact: `turn_s` and `drive_s` sum up to what `travel_time_matrix` gives, to the
    millisecond. The way is read from the labels of Dijkstra's search from the destination: an
    edge is followed by one whose label is smaller by just what lies between. Of equally quick
    ways the one is taken that ends first, then the one over the edge of the lowest number.

    Examples
    --------
    >>> import accessibility as acc
    >>> jura = acc.load_study("jura")
    >>> legs = acc.route(jura.network, jura.demand[:1], jura.sites[:1])
    >>> time_s = acc.travel_time_matrix(jura.network, jura.demand[:1], jura.sites[:1])
    >>> bool(legs["time_s"].iloc[-1] == time_s[0, 0])
    True
    """
    ends = {"origin": origin, "destination": destination}
    for name, table in ends.items():
        if len(table) != 1:
            raise InputError(f"the {name} has {len(table)} rows; one point is expected.")
    here, there = (snap(network, table, max_snap_m=max_snap_m) for table in ends.values())
    for name, at in zip(ends, (here, there), strict=True):
        if at.segment[0] < 0:
            raise InputError(f"the {name} lies more than {max_snap_m:g} m from any road.")
    (found,) = paths(network, here, there, walk_kph=walk_kph)
    if found is None:
        raise InputError("no road that is open to cars leads from the origin to the destination.")
    first, last = (table.geometry.to_crs(network.metric_crs).iloc[0] for table in ends.values())
    return legs(network, found, roads=roads, ends=(first, last), walk_kph=walk_kph)


def paths(
    network: RoadNetwork,
    origins: Positions,
    destinations: Positions,
    *,
    walk_kph: float | None = None,
) -> list[Path | None]:
    """Quickest way from each origin to the destination of the same row; None where there is none.

    Trips to one place share a search.
    """
    found: list[Path | None] = [None] * len(origins)
    by_place: dict[tuple[int, float, float], list[int]] = defaultdict(list)
    for i, to in enumerate(zip(*(getattr(destinations, f) for f in ("segment", "share", "snap_m")),
                               strict=True)):  # fmt: skip
        if to[0] >= 0 and origins.segment[i] >= 0:
            by_place[to].append(i)
    for rows in by_place.values():
        there, here = destinations.take(rows[:1]), origins.take(rows)
        ways = _Descent(network, here, there, walk_kph)
        for i, row in enumerate(rows):
            found[row] = ways.path(i)
    return found


def legs(
    network: RoadNetwork,
    path: Path,
    *,
    roads: pd.DataFrame | None = None,
    ends: tuple[shapely.Point, shapely.Point] | None = None,
    walk_kph: float | None = None,
) -> gpd.GeoDataFrame:
    """Table of a path; see `route`.

    Parameters
    ----------
    network : RoadNetwork
    path : Path
    roads : DataFrame, optional
    ends : (Point, Point), optional
        Where the trip starts and ends off the road, in the network's metric CRS; needed with
        `walk_kph`.
    walk_kph : float, optional
    """
    # a piece of no length says nothing, unless a turn leads into it
    length = path.share[:, 1] - path.share[:, 0]
    kept = (length != 0) | (path.drive_ms > 0) | (path.turn_ms > 0)
    edge, share = path.edge[kept], path.share[kept]
    segment = network.edge_segment[edge]
    columns = {
        "road": network.segment_road[segment].astype(np.int64),
        "length_m": network.segment_length_m[segment] * np.abs(length[kept]),
        "kph": network.segment_kph[segment, network.edge_backward[edge].astype(int)],
        "turn_ms": path.turn_ms[kept].astype(np.int64),
        "drive_ms": path.drive_ms[kept].astype(np.int64),
    }
    lines = [_driven(network, int(s), *ab) for s, ab in zip(segment, share.tolist(), strict=True)]
    if walk_kph is not None and ends is not None and len(path.edge):
        on_road = [_place(network, path, 0), _place(network, path, -1)]
        for last, (off_ms, point) in enumerate(zip(path.off_ms, ends, strict=True)):
            if off_ms:
                at = len(lines) if last else 0
                line = shapely.LineString([on_road[1], point] if last else [point, on_road[0]])
                walked = [OFF_ROAD, line.length, walk_kph, 0, off_ms]
                for name, value in zip(columns, walked, strict=True):
                    columns[name] = np.insert(columns[name], at, value)
                lines.insert(at, line)
    turn_ms, drive_ms = columns.pop("turn_ms"), columns.pop("drive_ms")
    table = gpd.GeoDataFrame(
        {"sequence": np.arange(1, len(lines) + 1), **_named(columns["road"], roads), **columns,
         "turn_s": turn_ms / 1000.0, "drive_s": drive_ms / 1000.0,
         "time_s": np.cumsum(turn_ms + drive_ms) / 1000.0},
        geometry=gpd.GeoSeries(lines, crs=network.metric_crs).to_crs(WGS84),
    )  # fmt: skip
    first = ["sequence", "road"]
    return table[[*first, *(name for name in table.columns if name not in first)]]


def _named(road: Ints, roads: pd.DataFrame | None) -> dict[str, npt.NDArray[np.object_]]:
    """Name, ref and class of roads, None where there is none."""
    if roads is None:
        return {}
    if len(road) and road.max() >= len(roads):
        raise InputError(
            f"the roads table has {len(roads)} rows and the way is on row {road.max()}: it is not "
            "the one that the network was built from."
        )
    on = road != OFF_ROAD
    named = {}
    for name in ("name", "ref", "highway"):
        values = np.full(len(road), None, dtype=object)
        told = roads[name].iloc[road[on]].astype(object)
        values[on] = told.where(told.notna(), None).to_numpy()
        named[name] = values
    return named


def _driven(network: RoadNetwork, segment: int, a: float, b: float) -> shapely.LineString:
    """The part of a segment from one share of its length to another, in driving order."""
    start, end = network.line_start[segment : segment + 2]
    line = shapely.LineString(np.asarray(network.xy)[start:end])
    if (a, b) == (0.0, 1.0):
        return line
    if (a, b) == (1.0, 0.0):
        return shapely.reverse(line)
    if a == b:  # a turn, and then no way
        return shapely.LineString([line.interpolate(a, normalized=True)] * 2)
    return substring(line, a, b, normalized=True)


def _place(network: RoadNetwork, path: Path, end: int) -> shapely.Point:
    """Where the way on the road begins or ends."""
    segment = int(network.edge_segment[path.edge[end]])
    start, stop = network.line_start[segment : segment + 2]
    line = shapely.LineString(np.asarray(network.xy)[start:stop])
    return line.interpolate(path.share[end, end], normalized=True)


class _Descent:
    """One search from a destination, and the ways down its labels."""

    def __init__(
        self, network: RoadNetwork, origins: Positions, there: Positions, walk_kph: float | None
    ) -> None:
        self.network, self.there = network, there
        self.at = on_edges(network, origins, towards=True, arriving=False)
        seeds = on_edges(network, there, towards=True, arriving=True)  # one place: by edge
        self.seeds, self.origins = seeds, origins
        self.off_ms, self.end_ms = walk_ms(origins, walk_kph), int(walk_ms(there, walk_kph)[0])
        self.seed_of = {int(e): i for i, e in enumerate(seeds.edge)}
        ahead, self.on = turns_of(network, towards=True)
        limit = FIRST_LIMIT_MS
        while True:
            limit = min(limit, int(kernels.NEVER) - 1)
            off = np.full(len(seeds.edge), self.end_ms, dtype=np.int32)
            self.label, rank = kernels.search(
                ahead.start, ahead.edge, ahead.cost_ms, network.edge_ms, seeds.edge,
                seeds.rest_ms + off, seeds.row, np.int64(limit),
            )  # fmt: skip
            self.time_ms, _ = kernels.read_positions(
                self.on.start, self.on.edge, self.on.cost_ms, self.label, rank, self.at.edge,
                self.at.part_ms, self.off_ms[self.at.row], self.at.row, seeds.edge,
                seeds.part_ms, off, seeds.row, np.int64(limit), len(origins),
            )  # fmt: skip
            if (self.time_ms != kernels.NEVER).all() or limit == kernels.NEVER - 1:
                break
            limit *= 2

    def path(self, row: int) -> Path | None:
        """Way from one origin, down the labels."""
        total = int(self.time_ms[row])
        if total == kernels.NEVER:
            return None
        total -= int(self.off_ms[row])
        off_ms = int(self.off_ms[row]), self.end_ms
        here, there = float(self.origins.share[row]), float(self.there.share[0])
        for i in np.flatnonzero(self.at.row == row):
            e, part = int(self.at.edge[i]), int(self.at.part_ms[i])
            seed = self.seed_of.get(e)
            if seed is not None:
                ahead = part - int(self.seeds.part_ms[seed])
                if ahead + self.end_ms == total:
                    # within one millisecond the place may lie behind: there is no way then
                    behind = self.network.edge_backward[e] == (there > here)
                    return _path([(e, ahead, 0, here, here if behind else there)], off_ms)
        for i in np.flatnonzero(self.at.row == row):
            e, part = int(self.at.edge[i]), int(self.at.part_ms[i])
            onward = self._next(e, total - part)
            if onward is not None:
                return _path([(e, part, 0, here, self._end(e)), *self._down(*onward)], off_ms)
        raise AssertionError("a label without a way down")

    def _down(self, e: int, turn: int) -> list[Piece]:
        """Pieces from the start of an edge to the destination."""
        pieces: list[Piece] = []
        while True:
            label, begin = int(self.label[e]), 1.0 - self._end(e)
            seed = self.seed_of.get(e)
            if seed is not None and int(self.seeds.rest_ms[seed]) + self.end_ms == label:
                drive = int(self.seeds.rest_ms[seed])
                return [*pieces, (e, drive, turn, begin, float(self.there.share[0]))]
            drive = int(self.network.edge_ms[e])
            onward = self._next(e, label - drive)
            assert onward is not None
            pieces.append((e, drive, turn, begin, self._end(e)))
            e, turn = onward

    def _next(self, e: int, left_ms: int) -> tuple[int, int] | None:
        """The first edge after one from which the destination is just so far, and the turn."""
        for k in range(int(self.on.start[e]), int(self.on.start[e + 1])):
            f, turn = int(self.on.edge[k]), int(self.on.cost_ms[k])
            if self.label[f] != kernels.NEVER and int(self.label[f]) + turn == left_ms:
                return f, turn
        return None

    def _end(self, e: int) -> float:
        return 0.0 if self.network.edge_backward[e] else 1.0


def _path(pieces: list[Piece], off_ms: tuple[int, int]) -> Path:
    edge, drive, turn, begin, end = zip(*pieces, strict=True)
    return Path(
        np.array(edge, dtype=np.int64),
        np.array(drive, dtype=np.int64),
        np.array(turn, dtype=np.int64),
        np.stack([begin, end], axis=1),
        off_ms,
    )
