"""What a site at each junction would save the people of many places; compiled by numba.

People who stand on the same road leave it by the same edges. From these one search is made for
all of them: a label is a time since one of the edges was left, and each edge of the network
keeps one for each way out. A label is not followed further where another way out is at least
as fast for everybody on the road, nor where everybody's nearest site is as near.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from accessibility.routing.kernels import NEVER, _pop, _push


@njit(cache=True, nogil=True)
def _grown(array, size):
    if size < len(array):
        return array
    larger = np.empty(2 * len(array), dtype=array.dtype)
    larger[:size] = array
    return larger


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
def _enter(start, edge, turn_ms, edge_ms, seed_edge, rest, limit, trail, entry):
    """Write when edges are entered by each way out; returns these edges, `edge * ways + way`."""
    width, ways = entry.shape[1], len(seed_edge)
    touched = np.empty(1024, dtype=np.int64)
    heap = np.empty(1024, dtype=np.int64)
    n_touched = size = 0
    # the heap holds times as one person in the middle of the road has them, so that of two
    # ways out the faster one is mostly first
    ahead = rest[len(rest) // 2]
    for first in range(-ways, 2**31):
        if first < 0:
            way = first + ways
            e, t = seed_edge[way], np.int64(0)
        elif size == 0:
            break
        else:
            key = _pop(heap, size)
            size -= 1
            state = key & 0xFFFFFFFF
            e, way = state // width, state % width
            t = (key >> 32) - ahead[way]
            at = t - edge_ms[e]
            if at > entry[e, way] or _beaten(entry, e, way, at, trail):
                continue
        for k in range(start[e], start[e + 1]):
            f = edge[k]
            at = t + turn_ms[k]
            if at >= limit[way] or at >= entry[f, way] or _beaten(entry, f, way, at, trail):
                continue
            state = np.int64(f) * width + way
            if entry[f, way] == NEVER:
                touched = _grown(touched, n_touched)
                touched[n_touched] = state
                n_touched += 1
            entry[f, way] = at
            end = at + edge_ms[f]
            if end < limit[way]:
                heap = _push(heap, size, ((end + ahead[way]) << 32) | state)
                size += 1
    return touched[:n_touched]


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
        touched = _enter(start, edge, turn_ms, edge_ms, seeds, rest, limit, trail, entry)

        near = np.empty(256, dtype=np.int64)
        n_near = 0
        for i in range(len(touched)):
            e, k = touched[i] // width, touched[i] % width
            for j in range(on_first[e], on_first[e + 1]):
                junction = on_junction[j]
                least[junction, k] = min(np.int64(least[junction, k]), entry[e, k] + on_ms[j])
                if not seen[junction]:
                    seen[junction] = True
                    near = _grown(near, n_near)
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
