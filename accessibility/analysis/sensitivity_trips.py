"""Trips within a cut-off, ready to be timed again and again at other speeds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from accessibility.analysis import sensitivity_kernels
from accessibility.network.graph import RoadNetwork, Turns
from accessibility.network.snap import Positions
from accessibility.routing import kernels
from accessibility.routing.times import Ints, OnEdges, on_edges, turns_of
from accessibility.study.road_classes import CLASSES

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Costs:
    """What is changed in the costs of trips.

    Attributes
    ----------
    speed : float array (classes,)
        Factor on the speed of each class of road.
    turns : float
        Factor on what turns and nodes cost.
    walk_s_per_m : float
        Seconds for each metre between a place and its road, at both ends of a trip.
    """

    speed: Floats
    turns: float = 1.0
    walk_s_per_m: float = 0.0

    def within(self, fastest: Costs) -> bool:
        """Whether no trip takes less than under other costs."""
        return bool(
            (self.speed <= fastest.speed).all()
            and self.turns >= fastest.turns
            and self.walk_s_per_m >= fastest.walk_s_per_m
        )


def at_speed(factor: float) -> Costs:
    """All driving speeds times a factor, all else as it was."""
    return Costs(np.full(len(CLASSES), factor))


@dataclass(frozen=True, eq=False)
class Trips:
    """The part of a network on which trips within a limit can run, and their ends.

    It is made by `trips_within`. Edges are numbered anew; what cannot be reached within the limit
    under the fastest costs is left out, which changes no time within it.

    Attributes
    ----------
    ahead, back : Turns
        Turns in the direction of the search; those by which each position is reached.
    edge_ms, edge_class : int32 array (edges,)
    seed_first : int64 array (groups + 1,)
        Where the seeds of each group of sources stand.
    seed_edge, seed_ms, seed_class, seed_off_m : arrays (seeds,)
    at_ms, at_class, at_off_m, at_row : arrays (positions,)
    direct_first : int64 array (groups + 1,)
    direct_ms, direct_class, direct_from_m, direct_to_m, direct_row : arrays (direct trips,)
        Trips that stay on one road.
    fastest : Costs
    limit_ms : int64
    rows : int
        Number of targets.
    """

    ahead: Turns
    back: Turns
    edge_ms: Ints
    edge_class: Ints
    seed_first: Ints
    seed_edge: Ints
    seed_ms: Ints
    seed_class: Ints
    seed_off_m: Floats
    at_ms: Ints
    at_class: Ints
    at_off_m: Floats
    at_row: Ints
    direct_first: Ints
    direct_ms: Ints
    direct_class: Ints
    direct_from_m: Floats
    direct_to_m: Floats
    direct_row: Ints
    fastest: Costs
    limit_ms: np.int64
    rows: int

    def __repr__(self) -> str:
        return f"<Trips to {self.rows} places over {len(self.edge_ms):,} edges>"

    def time_ms(self, costs: Costs, groups: Ints | None = None) -> Ints:
        """Least milliseconds from each group of sources to each target, `NEVER` beyond the limit.

        Other threads may run meanwhile.
        """
        if not costs.within(self.fastest):
            raise ValueError("these costs are below those for which the trips were put together")
        asked = np.arange(len(self.seed_first) - 1) if groups is None else groups
        found: Ints = sensitivity_kernels.changed_times(
            self.ahead.start, self.ahead.edge, self.ahead.cost_ms, self.edge_ms, self.edge_class,
            self.seed_first, self.seed_edge, self.seed_ms, self.seed_class, self.seed_off_m,
            self.back.start, self.back.edge, self.back.cost_ms,
            self.at_ms, self.at_class, self.at_off_m, self.at_row,
            self.direct_first, self.direct_ms, self.direct_class, self.direct_from_m,
            self.direct_to_m, self.direct_row,
            np.asarray(asked, dtype=np.int64), costs.speed, costs.turns,
            costs.walk_s_per_m * 1000.0, self.limit_ms, self.rows,
        )  # fmt: skip
        return found

    def reached(self, costs: Costs) -> npt.NDArray[np.bool_]:
        """Which targets some source reaches within the limit."""
        found: npt.NDArray[np.bool_] = (self.time_ms(costs) != kernels.NEVER).any(axis=0)
        return found


def trips_within(
    network: RoadNetwork,
    sources: Positions,
    targets: Positions,
    *,
    towards: bool,
    apart: bool,
    edge_class: Ints,
    fastest: Costs,
    limit_ms: np.int64,
) -> Trips:
    """Put together the trips between sources and targets that a limit allows.

    Parameters
    ----------
    network : RoadNetwork
    sources, targets : Positions
    towards : bool
        Whether people drive to the sources, and not from them.
    apart : bool
        Whether each source is a group of its own; else the nearest of all counts.
    edge_class : int array (edges,)
        See `edge_classes`.
    fastest : Costs
        No trip will be timed at less.
    limit_ms : int

    Returns
    -------
    Trips
    """
    seeds = on_edges(network, sources, towards=towards, arriving=towards)
    at = on_edges(network, targets, towards=towards, arriving=not towards)
    ahead, behind = turns_of(network, towards=towards)
    order = np.lexsort((seeds.edge, seeds.row if apart else np.zeros_like(seeds.row)))
    seeds = OnEdges(*(part[order] for part in vars(seeds).values()))
    new, used = _numbered(network, ahead, seeds, edge_class, fastest, limit_ms)
    groups = len(sources) if apart else 1
    group = seeds.row if apart else np.zeros_like(seeds.row)
    begin, end = _on_one_road(seeds, at)
    by_group = np.argsort(group[begin], kind="stable")
    begin, end = begin[by_group], end[by_group]
    back = _turns_of(behind, at.edge, new)
    entered = np.diff(back.start) > 0
    kept = new[seeds.edge] >= 0
    off_m, to_m = (np.where(np.isfinite(p.snap_m), p.snap_m, 0.0) for p in (sources, targets))
    bounds = np.arange(groups + 1)
    return Trips(
        ahead=_turns_of(ahead, used, new),
        back=Turns(np.append(0, np.cumsum(np.diff(back.start)[entered])).astype(np.int32),
                   back.edge, back.cost_ms),
        edge_ms=np.array(network.edge_ms[used]),
        edge_class=edge_class[used],
        seed_first=np.searchsorted(group[kept], bounds),
        seed_edge=new[seeds.edge[kept]],
        seed_ms=seeds.rest_ms[kept],
        seed_class=edge_class[seeds.edge[kept]],
        seed_off_m=off_m[seeds.row[kept]],
        at_ms=at.part_ms[entered],
        at_class=edge_class[at.edge[entered]],
        at_off_m=to_m[at.row[entered]],
        at_row=at.row[entered],
        direct_first=np.searchsorted(group[begin], bounds),
        direct_ms=(at.part_ms[end] - seeds.part_ms[begin]).astype(np.int32),
        direct_class=edge_class[at.edge[end]],
        direct_from_m=off_m[seeds.row[begin]],
        direct_to_m=to_m[at.row[end]],
        direct_row=at.row[end],
        fastest=fastest,
        limit_ms=np.int64(limit_ms),
        rows=len(targets),
    )  # fmt: skip


def _numbered(
    network: RoadNetwork,
    ahead: Turns,
    seeds: OnEdges,
    edge_class: Ints,
    fastest: Costs,
    limit_ms: np.int64,
) -> tuple[Ints, Ints]:
    """New number of each edge, -1 where none is reached in time; and the edges that are."""
    pace = fastest.speed[edge_class]
    most = float(kernels.NEVER - 1)
    edge_ms = np.clip(np.rint(network.edge_ms / pace), 1, most).astype(np.int32)
    turn_ms = np.minimum(np.rint(ahead.cost_ms * fastest.turns), most).astype(np.int32)
    # as the network's own arrays, for which the search is compiled already
    edge_ms.setflags(write=False)
    turn_ms.setflags(write=False)
    from_ms = np.minimum(np.rint(seeds.rest_ms / pace[seeds.edge]), most).astype(np.int32)
    label, _ = kernels.search(
        ahead.start, ahead.edge, turn_ms, edge_ms, seeds.edge, from_ms, seeds.row, limit_ms
    )
    used = np.flatnonzero(label <= limit_ms)
    new = np.full(len(label), -1, dtype=np.int32)
    new[used] = np.arange(len(used))
    return new, used


def _turns_of(turns: Turns, rows: Ints, new: Ints) -> Turns:
    """Turns of some edges that lead to numbered ones, under the new numbers."""
    first = turns.start[rows].astype(np.int64)
    count = turns.start[rows + 1] - first
    place = np.repeat(first - np.cumsum(count) + count, count) + np.arange(count.sum())
    edge = new[turns.edge[place]]
    owner, kept = np.repeat(np.arange(len(rows)), count), edge >= 0
    start = np.searchsorted(owner[kept], np.arange(len(rows) + 1)).astype(np.int32)
    return Turns(start, edge[kept], np.array(turns.cost_ms[place[kept]]))


def _on_one_road(seeds: OnEdges, at: OnEdges) -> tuple[Ints, Ints]:
    """Pairs of a seed and a position ahead of it on the same edge."""
    order = np.argsort(seeds.edge, kind="stable")
    edges = seeds.edge[order]
    first, last = (np.searchsorted(edges, at.edge, side=s) for s in ("left", "right"))
    count = last - first
    place = np.repeat(first - np.cumsum(count) + count, count) + np.arange(count.sum())
    begin, end = order[place], np.repeat(np.arange(len(at.edge)), count)
    ahead = at.part_ms[end] >= seeds.part_ms[begin]
    return begin[ahead], end[ahead]
