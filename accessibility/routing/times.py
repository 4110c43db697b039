"""Seconds by car between points: to the nearest facility, and from all to all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from accessibility.errors import InputError, SettingError
from accessibility.network.graph import RoadNetwork, Turns
from accessibility.network.snap import MAX_SNAP_M, Positions, snap
from accessibility.parallel import in_threads
from accessibility.routing import kernels

Direction = Literal["to", "from"]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.signedinteger[Any]]

SOURCES = 8
"""Sources that one thread takes at once."""

MANY = 4
"""Where positions are this part of all edges, the times of all are found: choosing takes longer."""

LONG = ["from_id", "to_id", "travel_time_s", "from_snap_m", "to_snap_m"]
NEAREST = ["facility_id", "travel_time_s", "demand_snap_m", "facility_snap_m"]


@dataclass(frozen=True)
class OnEdges:
    """Positions as places along edges: a two-way road gives a point two of them."""

    row: Ints
    edge: Ints
    part_ms: Ints  # time along the edge, in the direction of the search, before the place
    rest_ms: Ints  # time along the edge after the place


def travel_times(
    network: RoadNetwork,
    demand: gpd.GeoDataFrame,
    facilities: gpd.GeoDataFrame,
    *,
    cutoff_s: float | None = None,
    direction: Direction = "to",
    max_snap_m: float = MAX_SNAP_M,
    walk_kph: float | None = None,
) -> pd.DataFrame:
    """Drive time of each demand point to its nearest facility.

    Parameters
    ----------
    network : RoadNetwork
    demand : GeoDataFrame
        Points with `demand_id`.
    facilities : GeoDataFrame
        Points with `facility_id`.
    cutoff_s : float, optional
        Longest time that is looked for, inclusive; none by default.
    direction : {"to", "from"}
        People drive to the facility, or the facility's staff drive to them.
    max_snap_m : float
        A point farther from any road is not reached.
    walk_kph : float, optional
        Speed at which the way between a point and its road is walked, at both ends of the
        trip; it takes no time if absent.

    Returns
    -------
    DataFrame
        One row for each demand point, in the order given: `demand_id`, `facility_id` (the
        lowest of equally near ones, missing where none is reached), `travel_time_s` (inf
        where none is reached), `demand_snap_m`, `facility_snap_m`.

    Raises
    ------
    InputError
        If an id is missing or repeats, or a geometry is no point.
    CrsError
        If a table has no CRS.

    Examples
    --------
    >>> import accessibility as acc
    >>> jura = acc.load_study("jura")
    >>> near = acc.travel_times(jura.network, jura.demand, jura.sites)
    >>> near.columns.tolist()
    ['demand_id', 'facility_id', 'travel_time_s', 'demand_snap_m', 'facility_snap_m']
    """
    if direction not in get_args(Direction):
        raise SettingError(f"the direction is {direction!r}; 'to' or 'from' is expected.")
    check_ids(demand, "demand_id")
    check_ids(facilities, "facility_id")
    order = np.argsort(facilities["facility_id"].astype(str).to_numpy(), kind="stable")
    ranked = facilities.iloc[order]
    here, there = (snap(network, t, max_snap_m=max_snap_m) for t in (demand, ranked))
    time_ms, rank = nearest(
        network, here, there, limit_ms=cutoff_ms(cutoff_s), towards=direction == "to",
        walk_kph=walk_kph,
    )  # fmt: skip
    reached = rank >= 0
    found = np.where(reached, rank, 0)
    table = pd.DataFrame({"demand_id": demand["demand_id"].to_numpy()})
    ids = ranked["facility_id"].astype(object).to_numpy()
    table["facility_id"] = pd.Series(
        ids[found] if len(ids) else np.full(len(table), None, dtype=object), dtype=object
    ).where(reached, None)
    table["travel_time_s"] = seconds(time_ms)
    table["demand_snap_m"] = here.snap_m
    snap_m = there.snap_m[found] if len(ids) else np.full(len(table), np.inf)
    table["facility_snap_m"] = np.where(reached, snap_m, np.nan)
    return table


def travel_time_matrix(
    network: RoadNetwork,
    origins: gpd.GeoDataFrame | gpd.GeoSeries,
    destinations: gpd.GeoDataFrame | gpd.GeoSeries,
    *,
    cutoff_s: float | None = None,
    max_snap_m: float = MAX_SNAP_M,
    walk_kph: float | None = None,
) -> Floats:
    """Drive time from every origin to every destination.

    Parameters
    ----------
    network : RoadNetwork
    origins, destinations : GeoDataFrame or GeoSeries
        Points.
    cutoff_s : float, optional
        Longest time that is looked for, inclusive; none by default.
    max_snap_m : float
        A point farther from any road is not reached.
    walk_kph : float, optional
        As in `travel_times`.

    Returns
    -------
    float array (origins, destinations)
        Seconds; inf where the destination is not reached.

    Raises
    ------
    CrsError, InputError
        If a table has no CRS, or a geometry is no point.

    Examples
    --------
    >>> import accessibility as acc
    >>> jura = acc.load_study("jura")
    >>> acc.travel_time_matrix(jura.network, jura.demand[:3], jura.sites[:2]).shape
    (3, 2)
    """
    here, there = (snap(network, t, max_snap_m=max_snap_m) for t in (origins, destinations))
    return position_matrix(network, here, there, cutoff_s=cutoff_s, walk_kph=walk_kph)


def times_table(
    network: RoadNetwork,
    origins: gpd.GeoDataFrame,
    destinations: gpd.GeoDataFrame,
    *,
    nearest_only: bool = False,
    cutoff_s: float | None = None,
) -> pd.DataFrame:
    """Drive times between two sets of points as a long table.

    Parameters
    ----------
    network : RoadNetwork
    origins, destinations : GeoDataFrame
        Points with `id`.
    nearest_only : bool
        One row for each origin, with its nearest destination; empty where none is reached.
    cutoff_s : float, optional
        Leave out what takes longer.

    Returns
    -------
    DataFrame
        `from_id`, `to_id`, `travel_time_s`, `minutes`, `from_snap_m`, `to_snap_m`, ordered as
        the origins, then as the destinations.
    """
    if nearest_only:
        near = travel_times(
            network,
            origins.rename(columns={"id": "demand_id"}),
            destinations.rename(columns={"id": "facility_id"}),
            cutoff_s=cutoff_s,
        )
        names = dict(zip(["demand_id", *NEAREST], LONG, strict=True))
        table = near.rename(columns=names).replace(np.inf, np.nan)
    else:
        here, there = snap(network, origins), snap(network, destinations)
        time_s = position_matrix(network, here, there, cutoff_s=cutoff_s)
        row, column = np.nonzero(np.isfinite(time_s))
        table = pd.DataFrame(
            {
                "from_id": origins["id"].to_numpy()[row],
                "to_id": destinations["id"].to_numpy()[column],
                "travel_time_s": time_s[row, column],
                "from_snap_m": here.snap_m[row],
                "to_snap_m": there.snap_m[column],
            }
        )
    table.insert(3, "minutes", (table["travel_time_s"] / 60.0).round(3))
    return table.round({"from_snap_m": 1, "to_snap_m": 1})


def position_matrix(
    network: RoadNetwork,
    origins: Positions,
    destinations: Positions,
    *,
    cutoff_s: float | None,
    walk_kph: float | None = None,
) -> Floats:
    """`travel_time_matrix` for points that are snapped already."""
    # The search starts from whichever side has fewer points.
    towards = len(destinations) < len(origins)
    sources, targets = (destinations, origins) if towards else (origins, destinations)
    times, _ = _least_times(
        network, sources, targets, apart=True, limit_ms=cutoff_ms(cutoff_s), towards=towards,
        walk_kph=walk_kph,
    )  # fmt: skip
    return seconds(times.T if towards else times)


def nearest(
    network: RoadNetwork,
    here: Positions,
    facilities: Positions,
    *,
    limit_ms: np.int64,
    towards: bool = True,
    walk_kph: float | None = None,
) -> tuple[Ints, Ints]:
    """Milliseconds between each position and its nearest facility, and its row (-1: none)."""
    (time_ms,), (source,) = _least_times(
        network, facilities, here, apart=False, limit_ms=limit_ms, towards=towards,
        walk_kph=walk_kph,
    )  # fmt: skip
    return time_ms, np.where(time_ms == kernels.NEVER, -1, source)


def _least_times(
    network: RoadNetwork,
    sources: Positions,
    targets: Positions,
    *,
    apart: bool,
    limit_ms: np.int64,
    towards: bool,
    walk_kph: float | None,
) -> tuple[Ints, Ints]:
    """Milliseconds from each source apart, or from the nearest of all, to each target.

    Returns these, (sources or 1, targets), and the rows of the sources.
    """
    seeds = on_edges(network, sources, towards=towards, arriving=towards)
    at = on_edges(network, targets, towards=towards, arriving=not towards)
    first = np.array([0, len(seeds.row)])
    if apart:  # the seeds come by row
        order = np.arange(len(seeds.row))
        first = np.searchsorted(seeds.row, np.arange(len(sources) + 1))
    else:
        order = np.lexsort((seeds.row, seeds.edge))
    row = seeds.row[order]
    off = walk_ms(sources, walk_kph)[row]
    seeded = seeds.edge[order], seeds.rest_ms[order] + off, seeds.part_ms[order], off, row
    placed = at.edge, at.part_ms, walk_ms(targets, walk_kph)[at.row], at.row
    short = network.shortcuts
    ahead, behind = (short.behind, short.ahead) if towards else (short.ahead, short.behind)
    links = (
        short.number, ahead.start, ahead.edge, ahead.cost_ms, behind.start, behind.edge,
        behind.cost_ms,
    )  # fmt: skip
    _, enter = turns_of(network, towards=towards)
    sweep = np.arange(short.core, len(short.number), dtype=np.int32)
    if len(at.edge) < len(sweep) // MANY:
        sweep = kernels.to_sweep(
            short.core, short.number, behind.start, behind.edge, enter.start, enter.edge, at.edge
        )
    times = np.empty((len(first) - 1, len(targets)), dtype=np.int32)
    rows = np.empty_like(times)

    def search_from(begin: int) -> None:
        end = min(begin + SOURCES, len(times))
        times[begin:end], rows[begin:end] = kernels.least_times(
            *links, first[begin : end + 1], *seeded, enter.start, enter.edge, enter.cost_ms,
            network.edge_ms, *placed, sweep, limit_ms, len(targets), towards,
        )  # fmt: skip

    in_threads(search_from, range(0, len(times), SOURCES))
    return times, rows


def seconds(time_ms: Ints) -> Floats:
    """Milliseconds of a kernel as seconds, inf where nothing is reached."""
    return np.where(time_ms == kernels.NEVER, np.inf, time_ms / 1000.0)


def check_ids(table: pd.DataFrame, key: str) -> None:
    """Refuse a table whose key is absent, empty or repeated."""
    if key not in table.columns:
        raise InputError(f"the table has no column {key}; it has {', '.join(map(str, table))}.")
    if table[key].isna().any():
        raise InputError(f"{key} is empty in {int(table[key].isna().sum())} rows.")
    if table[key].duplicated().any():
        repeated = ", ".join(map(str, table.loc[table[key].duplicated(), key].unique()[:5]))
        raise InputError(f"{key} repeats: {repeated}; each row needs its own.")


def cutoff_ms(cutoff_s: float | None) -> np.int64:
    """Whole milliseconds of a cut-off, which is inclusive; the longest time where none is set."""
    if cutoff_s is None:
        return np.int64(kernels.NEVER - 1)
    if not cutoff_s > 0:
        raise SettingError(f"the cut-off is {cutoff_s:g} s; a time above 0 is expected.")
    return np.int64(min(np.floor(np.round(cutoff_s * 1000, 3)), kernels.NEVER - 1))


def walk_ms(positions: Positions, walk_kph: float | None) -> Ints:
    """Milliseconds of the way between points and their roads; none where nobody walks it."""
    if walk_kph is None:
        return np.zeros(positions.snap_m.shape, dtype=np.int32)
    if isinstance(walk_kph, bool) or not 0 < walk_kph < np.inf:
        raise SettingError(f"the walking speed is {walk_kph!r} km/h; more than 0 is expected.")
    off_m = np.where(np.isfinite(positions.snap_m), positions.snap_m, 0.0)
    slow = np.minimum(np.rint(off_m / walk_kph * 3600.0), kernels.NEVER // 4)
    return slow.astype(np.int32)


def turns_of(network: RoadNetwork, *, towards: bool) -> tuple[Turns, Turns]:
    """Turns in the direction of the search, and against it."""
    return (
        (network.preceding, network.following)
        if towards
        else (network.following, network.preceding)
    )


def on_edges(
    network: RoadNetwork, positions: Positions, *, towards: bool, arriving: bool
) -> OnEdges:
    """Edges on which the positions lie.

    A trip departs on the edges for departures; it may arrive on any that stands for the road.
    """
    row = np.flatnonzero(positions.segment >= 0)
    both = network.segment_edges.take(positions.segment[row], axis=0)  # rows: three times as fast
    rows, edges = np.repeat(row, 2), both.ravel()
    rows, edges = rows[edges >= 0], edges[edges >= 0]
    if arriving:
        bases = network.edge_base[network.doubles]
        first, last = (np.searchsorted(bases, edges, side=s) for s in ("left", "right"))
        more = last - first
        place = np.repeat(first - np.cumsum(more) + more, more) + np.arange(more.sum())
        rows = np.append(rows, np.repeat(rows, more))
        edges = np.append(edges, network.doubles[place])
    else:
        edges = network.edge_departure[edges]
    key = (rows << 32) | edges
    if (key[1:] < key[:-1]).any():  # most often they are in order already
        key.sort()
        rows, edges = key >> 32, key & 0xFFFFFFFF
    whole = network.edge_ms[edges]
    part = np.rint(positions.share[rows] * whole).astype(np.int32)
    rest = whole - part
    # drawn forwards and driven backwards, or the search runs backwards: count from the far end
    reverse = network.edge_backward[edges] != towards
    part, rest = np.where(reverse, rest, part), np.where(reverse, part, rest)
    return OnEdges(rows.astype(np.int32), edges.astype(np.int32), part, rest)
