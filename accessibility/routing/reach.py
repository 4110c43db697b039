"""How far one gets in time: the roads within a cut-off of facilities, exact, and times on them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, get_args

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from accessibility.errors import SettingError
from accessibility.network.graph import RoadNetwork
from accessibility.network.snap import MAX_SNAP_M, Positions, snap
from accessibility.parallel import in_threads
from accessibility.routing import reach_kernels as kernels
from accessibility.routing.times import (
    Direction,
    check_ids,
    cutoff_ms,
    on_edges,
    turns_of,
    walk_ms,
)

Ints = npt.NDArray[np.signedinteger[Any]]
Floats = npt.NDArray[np.float64]


LEAST_SHARE = 1e-9
"""A piece that is a smaller part of its road is what rounding leaves, no road."""


@dataclass(frozen=True, eq=False)
class Spread:
    """What one search met: when it enters segments, and the facilities that it starts from.

    Attributes
    ----------
    segment : int32 array (met,)
    packed : int64 array (met, 2)
        Time and rank, as `accessibility.routing.reach_kernels` packs them, at which the
        segment is entered at its first and at its last drawn point.
    seed_segment, seed_share, seed_off_ms, seed_rank : arrays
        The facilities, by segment.
    limit_ms : int
    """

    segment: Ints
    packed: Ints
    seed_segment: Ints
    seed_share: Floats
    seed_off_ms: Ints
    seed_rank: Ints
    limit_ms: int


class Spreader:
    """Searches from facilities over one network; any number of threads may share it.

    Parameters
    ----------
    network : RoadNetwork
    direction : {"to", "from"}
        People drive to the facility, or the facility's staff drive to them.
    walk_kph : float, optional
        Speed at which the way off the road is walked; it takes no time if absent.
    """

    def __init__(
        self, network: RoadNetwork, *, direction: Direction = "to", walk_kph: float | None = None
    ) -> None:
        if direction not in get_args(Direction):
            raise SettingError(f"the direction is {direction!r}; 'to' or 'from' is expected.")
        self.network, self.walk_kph = network, walk_kph
        self._towards = direction == "to"
        self._turns, _ = turns_of(network, towards=self._towards)
        falling = network.edge_backward != self._towards
        self._edge_side = (2 * network.edge_segment + falling).astype(np.int32)
        # columns: rising, falling
        edges = network.segment_edges[:, ::-1] if self._towards else network.segment_edges
        self.side_ms = np.where(edges >= 0, network.edge_ms[edges], -1).astype(np.int32)
        self._scratch = threading.local()

    def spread(self, facilities: Positions, limit_ms: int) -> Spread:
        """Search from facilities as far as the limit; their row is their rank."""
        seeds = on_edges(self.network, facilities, towards=self._towards, arriving=self._towards)
        off = walk_ms(facilities, self.walk_kph)
        scratch = self._arrays()
        segment, packed = kernels.spread(
            self._turns.start, self._turns.edge, self._turns.cost_ms, self.network.edge_ms,
            self._edge_side, seeds.edge, seeds.rest_ms + off[seeds.row], seeds.row,
            np.int64(limit_ms), *scratch,
        )  # fmt: skip
        row = np.flatnonzero(facilities.segment >= 0)
        row = row[np.argsort(facilities.segment[row], kind="stable")]
        return Spread(
            segment, packed, facilities.segment[row], facilities.share[row], off[row],
            row.astype(np.int32), int(limit_ms),
        )  # fmt: skip

    def read(self, spread: Spread, places: Positions) -> tuple[Ints, Ints]:
        """Milliseconds between places and the nearest facility, and its rank (-1: none).

        Places may stand in rows and columns, as the cells of a grid do.
        """
        shape = places.segment.shape
        grid = (1, -1) if len(shape) == 1 else shape
        _, side, *_ = self._arrays()
        time, rank = kernels.read_places(
            places.segment.reshape(grid), places.share.reshape(grid),
            walk_ms(places, self.walk_kph).reshape(grid), spread.segment, spread.packed, side,
            self.side_ms.ravel(), spread.seed_segment, spread.seed_share, spread.seed_off_ms,
            spread.seed_rank, np.int64(spread.limit_ms),
        )  # fmt: skip
        return time.reshape(shape), rank.reshape(shape)

    def each(self, facilities: Positions, limit_ms: int) -> list[Spread]:
        """One search from each facility alone."""

        def alone(i: int) -> Spread:
            return self.spread(facilities.take([i]), limit_ms)

        return in_threads(alone, range(len(facilities)))

    def _arrays(self) -> tuple[Ints, ...]:
        """Scratch of this thread: made once, as long as the network."""
        if not hasattr(self._scratch, "arrays"):
            n = len(self.network.edge_ms)
            self._scratch.arrays = (
                np.full(n, kernels.EMPTY, dtype=np.int64),
                np.full(self.side_ms.size, kernels.EMPTY, dtype=np.int64),
                np.empty(n, dtype=np.int32),
                np.full(n, kernels.NOT_QUEUED, dtype=np.int32),
                np.empty(n, dtype=np.int32),
            )
        arrays: tuple[Ints, ...] = self._scratch.arrays
        return arrays


@dataclass(frozen=True, eq=False)
class Pieces:
    """Pieces of road within a cut-off; time changes evenly along each.

    Attributes
    ----------
    spread, cutoff : int array
        Which search and which cut-off a piece belongs to.
    segment : int array
    start_share, end_share : float array
        Where on the segment the piece begins and ends, as parts of its length.
    start_ms, end_ms : float array
        Time from there.
    rank : int array
        Which facility of the search is the nearest.
    """

    spread: Ints
    cutoff: Ints
    segment: Ints
    start_share: Floats
    end_share: Floats
    start_ms: Floats
    end_ms: Floats
    rank: Ints

    def length_m(self, network: RoadNetwork) -> Floats:
        """Geodesic length of each piece."""
        length: Floats = network.segment_length_m[self.segment] * (
            self.end_share - self.start_share
        )
        return length


def reach(
    network: RoadNetwork,
    facilities: gpd.GeoDataFrame,
    *,
    cutoffs_s: Sequence[float] | float,
    each: bool = True,
    direction: Direction = "to",
    max_snap_m: float = MAX_SNAP_M,
    walk_kph: float | None = None,
) -> gpd.GeoDataFrame:
    """Roads from which a facility is reached in time, cut where the time is up.

    Parameters
    ----------
    network : RoadNetwork
    facilities : GeoDataFrame
        Points with `facility_id`.
    cutoffs_s : float or sequence of float
        Seconds, inclusive.
    each : bool
        Of each facility alone, or of all together (`facility_id` is "any").
    direction : {"to", "from"}
        People drive to the facility, or the facility's staff drive to them.
    max_snap_m : float
        A facility farther from any road reaches nothing.
    walk_kph : float, optional
        Speed at which the facility's way off the road is walked; it takes no time if absent.

    Returns
    -------
    GeoDataFrame
        One row for each piece along which time changes evenly: `facility_id`, `cutoff_s`,
        `road` (row of the roads table), `start_s` and `end_s` (seconds from the piece's first
        and last point), `length_m` (geodesic), a LineString in the network's metric CRS. A road
        that is reached from both ends is two pieces that meet where the times are equal.

    Raises
    ------
    InputError, CrsError
        For faults of the facilities.
    SettingError
        If a cut-off is not above 0, or none is given.

    Examples
    --------
    >>> import accessibility as acc
    >>> jura = acc.load_study("jura")
    >>> roads = acc.reach(jura.network, jura.sites[:1], cutoffs_s=[60])
    >>> float(roads["end_s"].max()) <= 60
    True
    """
    check_ids(facilities, "facility_id")
    cutoffs_s = [float(s) for s in (cutoffs_s if np.iterable(cutoffs_s) else [cutoffs_s])]
    limits = [int(cutoff_ms(s)) for s in cutoffs_s]
    if not limits:
        raise SettingError("no cut-off is given; at least one is expected.")
    spreader = Spreader(network, direction=direction, walk_kph=walk_kph)
    ranked = facilities.sort_values("facility_id", key=lambda c: c.astype(str), kind="stable")
    there = snap(network, ranked, max_snap_m=max_snap_m)
    names = ranked["facility_id"].astype(object).to_numpy()
    if each and len(names):
        spreads = spreader.each(there, max(limits))
    else:
        spreads, names = [spreader.spread(there, max(limits))], np.array(["any"], dtype=object)
    pieces = cut_pieces(spreader, spreads, limits)
    order = np.lexsort((pieces.start_share, pieces.segment, pieces.cutoff, pieces.spread))
    pieces = Pieces(*(getattr(pieces, f.name)[order] for f in fields(pieces)))
    return gpd.GeoDataFrame(
        {
            "facility_id": pd.Series(names[pieces.spread], dtype=object),
            "cutoff_s": np.array(cutoffs_s, dtype=float)[pieces.cutoff],
            "road": network.segment_road[pieces.segment],
            "start_s": pieces.start_ms / 1000.0,
            "end_s": pieces.end_ms / 1000.0,
            "length_m": pieces.length_m(network),
        },
        geometry=piece_lines(network, pieces),
        crs=network.metric_crs,
    )


def cut_pieces(spreader: Spreader, spreads: Sequence[Spread], limits_ms: Sequence[int]) -> Pieces:
    """Pieces of road within each limit of each search."""
    parts = [_stretches(spreader, spread) for spread in spreads]
    which = np.repeat(np.arange(len(parts)), [len(part.segment) for part in parts])
    all_ = _Stretches(
        *(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(_Stretches))
    )
    rise, fall, up, down = all_.rise_ms, all_.fall_ms, all_.up_ms, all_.down_ms
    rows: list[tuple[Any, ...]] = []
    with np.errstate(invalid="ignore", divide="ignore"):
        # where the way back to one end takes as long as that to the other
        meet = ((fall + down - rise) / (up + down)).clip(0.0, 1.0)
        meet = np.where(np.isinf(rise + up), 0.0, np.where(np.isinf(fall + down), 1.0, meet))
        for k, limit in enumerate(limits_ms):
            last = np.where(rise <= limit, np.minimum((limit - rise) / up, meet), 0.0)
            first = np.where(fall <= limit, np.maximum(1 - (limit - fall) / down, meet), 1.0)
            for rising in (True, False):
                begin = np.zeros_like(last) if rising else first
                end = last if rising else np.ones_like(first)
                i = np.flatnonzero(end > begin + LEAST_SHARE)
                a, b, u, v = begin[i], end[i], all_.start[i], all_.end[i]
                rows.append(
                    (
                        which[i],
                        np.full(len(i), k),
                        all_.segment[i],
                        u + a * (v - u),
                        np.where(b == 1, v, u + b * (v - u)),
                        rise[i] + a * up[i] if rising else fall[i] + (1 - a) * down[i],
                        rise[i] + b * up[i] if rising else fall[i] + (1 - b) * down[i],
                        all_.rise_rank[i] if rising else all_.fall_rank[i],
                    )
                )
    return Pieces(*(np.concatenate(column) for column in zip(*rows, strict=True)))


def piece_lines(network: RoadNetwork, pieces: Pieces) -> npt.NDArray[np.object_]:
    """Pieces as lines in the network's metric CRS."""
    step = np.r_[0.0, np.hypot(*np.diff(network.xy, axis=0).T)]
    total = np.cumsum(step)
    length = total - np.repeat(total[network.line_start[:-1]], np.diff(network.line_start))
    points, first = kernels.cut_lines(
        pieces.segment, pieces.start_share, pieces.end_share, network.line_start,
        np.asarray(network.xy), length,
    )  # fmt: skip
    if not len(pieces.segment):
        return np.empty(0, dtype=object)
    lines: npt.NDArray[np.object_] = shapely.linestrings(
        points, indices=np.repeat(np.arange(len(first) - 1), np.diff(first))
    )
    return lines


@dataclass(frozen=True, eq=False)
class _Stretches:
    """Stretches of segments between places at which a time is known.

    A stretch from share `start` to `end` is entered at its start after `rise_ms` and crossed in
    `up_ms`, and entered at its end after `fall_ms` and crossed in `down_ms`; inf where not.
    """

    segment: Ints
    start: Floats
    end: Floats
    rise_ms: Floats
    fall_ms: Floats
    up_ms: Floats
    down_ms: Floats
    rise_rank: Ints
    fall_rank: Ints


def _stretches(spreader: Spreader, spread: Spread) -> _Stretches:
    """Stretches of the segments met; those on which facilities stand are cut there."""
    seeded = np.unique(spread.seed_segment)
    plain = ~np.isin(spread.segment, seeded)
    segment, packed = spread.segment[plain].astype(np.int64), spread.packed[plain]
    n = len(segment)
    whole = [segment, np.zeros(n), np.ones(n), *_entered(packed).T,
             *_crossing(spreader, segment).T, *_ranks(packed).T]  # fmt: skip
    cut = [row for one in seeded for row in _cut_at_facilities(spreader, spread, int(one))]
    if cut:
        whole = [
            np.r_[column, np.array(more, dtype=column.dtype)]
            for column, more in zip(whole, zip(*cut, strict=True), strict=True)
        ]
    return _Stretches(*whole)


def _cut_at_facilities(spreader: Spreader, spread: Spread, segment: int) -> list[tuple[float, ...]]:
    """Stretches of one segment between the facilities on it, as rows of `_Stretches`."""
    met = np.flatnonzero(spread.segment == segment)
    packed = spread.packed[met[0]] if len(met) else np.full(2, kernels.EMPTY)
    up, down = _crossing(spreader, np.array([segment]))[0]
    mine = np.flatnonzero(spread.seed_segment == segment)
    mine = mine[np.argsort(spread.seed_share[mine], kind="stable")]
    cuts = [0.0, *spread.seed_share[mine].tolist(), 1.0]
    stands = [(float(spread.seed_off_ms[i]), int(spread.seed_rank[i])) for i in mine]
    nobody = (np.inf, 0)
    rise, fall = zip(_entered(packed).tolist(), _ranks(packed).tolist(), strict=True)

    def crossed(known: tuple[float, int], share: float, ms: float) -> tuple[float, int]:
        return (known[0] + share * ms, known[1]) if share > 0 else known

    # time and rank at each cut, coming from before it and from behind it
    before, behind = [rise], [fall]
    for i, at in enumerate([*stands, nobody], start=1):
        before.append(min(crossed(before[-1], cuts[i] - cuts[i - 1], up), at))
    for i, at in reversed(list(enumerate([nobody, *stands]))):
        behind.insert(0, min(crossed(behind[0], cuts[i + 1] - cuts[i], down), at))
    return [
        (segment, a, b, before[i][0], behind[i + 1][0], (b - a) * up, (b - a) * down,
         before[i][1], behind[i + 1][1])
        for i, (a, b) in enumerate(pairwise(cuts)) if b > a
    ]  # fmt: skip


def _entered(packed: Ints) -> Floats:
    return np.where(packed == kernels.EMPTY, np.inf, (packed >> 32).astype(float))


def _ranks(packed: Ints) -> Ints:
    return np.where(packed == kernels.EMPTY, 0, packed & 0xFFFFFFFF)


def _crossing(spreader: Spreader, segment: Ints) -> Floats:
    ms = spreader.side_ms[segment].astype(float)
    return np.where(ms < 0, np.inf, ms)
