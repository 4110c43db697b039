"""Where the junctions are, and what a site at each of them would save people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Transformer

from accessibility.analysis.completeness import rim_positions
from accessibility.analysis.gain_kernels import add_gains
from accessibility.network.graph import RoadNetwork
from accessibility.network.snap import Positions
from accessibility.parallel import in_threads
from accessibility.routing.kernels import NEVER
from accessibility.routing.times import Direction, nearest, on_edges, turns_of, walk_ms
from accessibility.schema import WGS84

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.signedinteger[Any]]

PARTS = 16
"""Of the roads where people live, searched apart and added up in order: the sums are the same
to the bit on any number of cores."""


@dataclass(frozen=True, eq=False)
class People:
    """Where people are on the roads, and how they fare now.

    Attributes
    ----------
    here : Positions
        All on a road.
    number : float array
    now_ms : int array
        Time to the nearest site, `NEVER` where none is reached.
    cutoff_ms : int
    direction : {"to", "from"}
    walk_kph : float or None
    """

    here: Positions
    number: Floats
    now_ms: Ints
    cutoff_ms: np.int64
    direction: Direction
    walk_kph: float | None

    @property
    def bound_ms(self) -> Ints:
        """A site from this time on would change nothing for them."""
        return np.where(self.now_ms == NEVER, self.cutoff_ms + 1, self.now_ms).astype(np.int64)

    def take(self, which: Ints | Bools) -> People:
        """Some of them."""
        return People(
            self.here.take(which), self.number[which], self.now_ms[which], self.cutoff_ms,
            self.direction, self.walk_kph,
        )  # fmt: skip


def junction_positions(
    network: RoadNetwork, *, max_snap_m: float
) -> tuple[gpd.GeoSeries, Positions]:
    """Points at which segments of the main part end, each once, from west to east.

    Parameters
    ----------
    network : RoadNetwork
    max_snap_m : float
        As in `snap`; a junction lies on its road.

    Returns
    -------
    GeoSeries, Positions
        The points in WGS 84, and where a site there would stand.
    """
    main = np.flatnonzero(network.segment_main)
    both = np.stack([network.line_start[main], network.line_start[main + 1] - 1], axis=1).ravel()
    x, y = np.asarray(network.xy)[both].T
    order = np.lexsort((y, x))
    x, y = x[order], y[order]
    new = np.r_[True, (np.diff(x) != 0) | (np.diff(y) != 0)][: len(x)]
    to_wgs84 = Transformer.from_crs(network.metric_crs, WGS84, always_xy=True)
    to_metric = Transformer.from_crs(WGS84, network.metric_crs, always_xy=True)
    lon, lat = to_wgs84.transform(x[new], y[new])
    # of roads that meet at a point the nearest is chosen by the last bit: it is the one that
    # `snap` gives of the point in WGS 84
    xy = np.stack(to_metric.transform(lon, lat), axis=1)
    points = gpd.GeoSeries(shapely.points(lon, lat), crs=WGS84)
    return points, Positions(*network.road_index.nearest(xy, max_snap_m))


def gains_at(network: RoadNetwork, people: People, there: Positions) -> Floats:
    """People gained, people faster and milliseconds times people, for a site at each position.

    Returns
    -------
    float array (3, positions)
    """
    if not len(people.here):
        return np.zeros((3, len(there)))
    people = people.take(_by_road(network, people.here.segment))
    back = people.direction == "from"
    ways = on_edges(network, people.here, towards=back, arriving=back)
    at = on_edges(network, there, towards=back, arriving=not back)
    turns, _ = turns_of(network, towards=back)
    order = np.argsort(at.edge, kind="stable")
    on_first = np.searchsorted(at.edge[order], np.arange(len(network.edge_ms) + 1))
    n = len(people.here)
    first = np.flatnonzero(np.diff(people.here.segment, prepend=-1))
    ways_first = np.searchsorted(ways.row, np.arange(n + 1))
    off_ms = walk_ms(people.here, people.walk_kph)
    blocks = np.array_split(np.arange(len(first)), PARTS * PARTS)

    def part(k: int) -> Floats:
        found: Floats = add_gains(
            turns.start, turns.edge, turns.cost_ms, network.edge_ms, on_first, at.row[order],
            at.part_ms[order], np.concatenate(blocks[k::PARTS]), np.append(first, n), ways_first,
            ways.edge, ways.part_ms, ways.rest_ms, off_ms, people.now_ms, people.number,
            people.cutoff_ms, int(np.diff(ways_first).max(initial=1)), len(there),
        )  # fmt: skip
        return found

    total = np.zeros((3, len(there)))
    for found in in_threads(part, range(PARTS)):
        total += found
    return total


def _by_road(network: RoadNetwork, segment: Ints) -> Ints:
    """Order of people in which those on a road stand together, and near roads near one another.

    Searches over the same roads one after the other find them in the processor's cache: they
    take two thirds of the time.
    """
    roads, road = np.unique(segment, return_inverse=True)
    x, y = np.asarray(network.xy)[network.line_start[roads]].T
    along: Ints = gpd.GeoSeries(shapely.points(x, y)).hilbert_distance().to_numpy()
    return np.lexsort((road, along[road]))


def complete_at(
    network: RoadNetwork, people: People, there: Positions, sites: Positions, *, around: bool
) -> Bools:
    """Tell for which positions no trip over the rim of the data could change the gains.

    A trip over the rim takes at least the time to it and that back from it. It could lead to
    the position sooner than anybody's bound; or, for some people, to a site sooner than now,
    and then the gains of these are unsure. With `around` sites beyond the rim count too.
    """
    rim = rim_positions(network)
    whole = np.ones(len(there), dtype=bool)
    if not len(rim) or not len(people.here):
        return whole
    towards, bound = people.direction == "to", people.bound_ms
    out, _ = nearest(
        network, people.here, rim, limit_ms=bound.max(), towards=towards, walk_kph=people.walk_kph
    )
    beyond = 0
    if not around:
        time_ms, _ = nearest(network, rim, sites, limit_ms=bound.max(), towards=towards)
        beyond = int(time_ms.min(initial=NEVER))
    if (unsure := out.astype(np.int64) + beyond < bound).any():
        gained, faster, _ = gains_at(network, people.take(unsure), there)
        whole &= (gained == 0) & (faster == 0)
    if (left := (bound - out).max()) > 0:
        time_ms, _ = nearest(network, there, rim, limit_ms=left, towards=not towards)
        whole &= time_ms >= left
    return whole
