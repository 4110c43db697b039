"""What a site at each junction would save the people of many places; compiled by numba.

People who stand on the same road leave it by the same edges. From these one search is made for
all of them: a label is a time since one of the edges was left, and each edge of the network
keeps one for each way out. A label is not followed further where another way out is at least
as fast for everybody on the road, nor where everybody's nearest site is as near.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from accessibility.routing.kernels import NEVER, _larger, _pop, _push


@njit(cache=True, nogil=True)
def _bounds(rest, bound):
    """When each way out is too late for everybody, and how much one may trail another.

    Everybody is as fast by way out l as by k if the label of l plus `trail[l, k]` is no more
    than the label of k.
    """
    people, ways = rest.shape
    limit = np.full(ways, -NEVER, dtype=np.int64)
    trail = np.full((ways, ways), -NEVER, dtype=np.int64)
    for p in range(people):
        for k in range(ways):
            limit[k] = max(limit[k], bound[p] - rest[p, k])
            for other in range(ways):
                trail[other, k] = max(trail[other, k], rest[p, other] - rest[p, k])
    return limit, trail


@njit(cache=True, nogil=True)
def _beaten(entry, edge, way, at, trail):
    """Whether another way out enters an edge soon enough for everybody."""
    for other in range(len(trail)):
        entered = entry[edge, other]
        if other != way and entered < NEVER and entered + trail[other, way] <= at:
            return True
    return False


@njit(cache=True, nogil=True)
def _enter_next(
    start, edge, turn_ms, edge_ms, e, way, t, ahead_ms, limit, trail, entry, touched, n_touched,
    heap, size,
):  # fmt: skip
    """Enter the edges that follow one; returns how many states are touched and in the heap."""
    width = entry.shape[1]
    for k in range(start[e], start[e + 1]):
        f = edge[k]
        at = t + turn_ms[k]
        if at >= limit[way] or at >= entry[f, way] or _beaten(entry, f, way, at, trail):
            continue
        state = np.int64(f) * width + way
        if entry[f, way] == NEVER:
            touched[n_touched] = state
            n_touched += 1
        entry[f, way] = at
        end = at + edge_ms[f]
        if end < limit[way]:
            _push(heap, size, ((end + ahead_ms[way]) << 32) | state)
            size += 1
    return n_touched, size


@njit(cache=True, nogil=True)
def _enter(
    start, edge, turn_ms, edge_ms, ahead_ms, limit, trail, entry, touched, n_touched, heap, size
):  # fmt: skip
    """Write when edges are entered by each way out; states, `edge * width + way`, are touched.

    The heap holds times as one person in the middle of the road has them, so that of two ways
    out the faster one is mostly first. Returns how many states are touched, and how many keys
    are left where the heap has no room for more.
    """
    width = entry.shape[1]
    while size > 0:
        state = heap[0] & 0xFFFFFFFF
        e, way = state // width, state % width
        if start[e + 1] - start[e] > len(heap) - size:
            break
        t = (_pop(heap, size) >> 32) - ahead_ms[way]
        size -= 1
        at = t - edge_ms[e]
        if at > entry[e, way] or _beaten(entry, e, way, at, trail):
            continue
        n_touched, size = _enter_next(
            start, edge, turn_ms, edge_ms, e, way, t, ahead_ms, limit, trail, entry, touched,
            n_touched, heap, size,
        )  # fmt: skip
    return n_touched, size


@njit(cache=True, nogil=True)
def _add(least, junction, direct, rest, bound, now, people, cutoff, total):
    """Add what a site at one junction saves; `direct` are times that leave the road by no end."""
    gained = faster = saved = 0.0
    for p in range(len(bound)):
        t = direct[p]
        for k in range(rest.shape[1]):
            t = min(t, least[k] + rest[p, k])
        if t >= bound[p]:
            continue
        if t <= cutoff < now[p]:
            gained += people[p]
        if now[p] < NEVER:
            faster += people[p]
            saved += people[p] * (now[p] - t)
    total[0, junction] += gained
    total[1, junction] += faster
    total[2, junction] += saved


@njit(cache=True, nogil=True)
def add_gains(
    start, edge, turn_ms, edge_ms, on_first, on_junction, on_ms, group, group_first, ways_first,
    seed_edge, part_ms, rest_ms, off_ms, now_ms, people, cutoff_ms, width, n_junctions,
):  # fmt: skip
    """People newly covered, people faster and what they save, for a site at each junction.

    Parameters
    ----------
    start, edge, turn_ms, edge_ms : arrays
        Turns in the direction of the search, and the time to drive each edge.
    on_first, on_junction, on_ms : arrays
        Junctions on edge e at `on_first[e]:on_first[e + 1]`, and how far along it they are.
    group : int array
        Groups to look at: the places `group_first[g]:group_first[g + 1]` stand on one road.
    ways_first, seed_edge, part_ms, rest_ms : arrays
        Ways out of place p at `ways_first[p]:ways_first[p + 1]`: the edge, the time along it
        before and after the place. The places of a group have the same edges.
    off_ms, now_ms, people : arrays
        Time off the road, time to the nearest site (`NEVER`: none), and inhabitants.
    cutoff_ms, width, n_junctions : int
        `width` is the greatest number of ways out.

    Returns
    -------
    float array (3, junctions)
        People newly covered, people faster, milliseconds times people.
    """
    entry = np.full((len(edge_ms), width), NEVER, dtype=np.int32)
    least = np.full((n_junctions, width), NEVER, dtype=np.int32)
    seen = np.zeros(n_junctions, dtype=np.bool_)
    total = np.zeros((3, n_junctions))
    touched = np.empty(entry.size, dtype=np.int64)
    near = np.empty(n_junctions, dtype=np.int64)
    heap = np.empty(4096, dtype=np.int64)
    for g in group:
        a, b = group_first[g], group_first[g + 1]
        ways = ways_first[a + 1] - ways_first[a]
        seeds = seed_edge[ways_first[a] : ways_first[a] + ways]
        rest = np.empty((b - a, ways), dtype=np.int64)
        part = np.empty((b - a, ways), dtype=np.int64)
        bound = np.empty(b - a, dtype=np.int64)
        for p in range(a, b):
            for k in range(ways):
                rest[p - a, k] = np.int64(rest_ms[ways_first[p] + k]) + off_ms[p]
                part[p - a, k] = part_ms[ways_first[p] + k]
            # of who reaches no site now, only being covered counts
            bound[p - a] = now_ms[p] if now_ms[p] < NEVER else cutoff_ms + 1
        limit, trail = _bounds(rest, bound)
        ahead = rest[len(rest) // 2]
        n_touched = size = n_near = 0
        for k in range(ways):
            while start[seeds[k] + 1] - start[seeds[k]] > len(heap) - size:
                heap = _larger(heap)
            n_touched, size = _enter_next(
                start, edge, turn_ms, edge_ms, seeds[k], k, np.int64(0), ahead, limit, trail,
                entry, touched, n_touched, heap, size,
            )  # fmt: skip
        n_touched, size = _enter(
            start, edge, turn_ms, edge_ms, ahead, limit, trail, entry, touched, n_touched, heap,
            size,
        )  # fmt: skip
        while size > 0:
            heap = _larger(heap)
            n_touched, size = _enter(
                start, edge, turn_ms, edge_ms, ahead, limit, trail, entry, touched, n_touched,
                heap, size,
            )  # fmt: skip

        for i in range(n_touched):
            e, k = touched[i] // width, touched[i] % width
            for j in range(on_first[e], on_first[e + 1]):
                junction = on_junction[j]
                least[junction, k] = min(np.int64(least[junction, k]), entry[e, k] + on_ms[j])
                if not seen[junction]:
                    seen[junction] = True
                    near[n_near] = junction
                    n_near += 1
            entry[e, k] = NEVER

        now, many = now_ms[a:b], people[a:b]
        direct = np.full(b - a, NEVER, dtype=np.int64)
        for k in range(ways):  # junctions on the road itself
            for j in range(on_first[seeds[k]], on_first[seeds[k] + 1]):
                junction = on_junction[j]
                met = False
                for other in range(ways):
                    for i in range(on_first[seeds[other]], on_first[seeds[other] + 1]):
                        if on_junction[i] != junction:
                            continue
                        met = met or other < k  # counted with an earlier edge
                        for p in range(b - a):
                            if on_ms[i] >= part[p, other]:
                                along = on_ms[i] - part[p, other] + off_ms[a + p]
                                direct[p] = min(direct[p], along)
                if not met:
                    _add(least[junction], junction, direct, rest, bound, now, many, cutoff_ms,
                         total)  # fmt: skip
                    least[junction] = NEVER
                direct[:] = NEVER
        for i in range(n_near):
            junction = near[i]
            _add(least[junction], junction, direct, rest, bound, now, many, cutoff_ms, total)
            least[junction] = NEVER
            seen[junction] = False
    return total
