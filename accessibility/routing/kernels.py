"""The hot loops: Dijkstra's search over edges with turn costs, compiled by numba.

One kernel serves both directions. Searching forwards, `start, edge, turn_ms` are the edges
that follow each edge; searching backwards, those that precede it. A label is the time from a
source until the edge has been driven whole in the direction of the search; the time at a
position part of the way along is read from the labels of the edges before it.

`search` settles every edge on its way. `least_times` gives the same times by way of the
network's shortcuts, ten times as fast; a search that is short or looks at each edge gains
nothing from these.

Times are whole milliseconds in int32 (24 days at most).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numba import njit

NEVER = np.int32(2**31 - 1)
"""A time that is not reached."""
UNMET = np.int64(2**63 - 1)
"""A packed time and rank, `time << 32 | rank`, that stands for nothing yet."""


@njit(cache=True)
def _larger(array):
    """The same array of int64 with more room.

    It is called outside hot loops: in them, an array that may become another one takes more
    time than all the rest. A copy of a slice would take the compiler ten times as long.
    """
    larger = np.empty(2 * len(array) + 64, dtype=np.int64)
    for i in range(len(array)):
        larger[i] = array[i]
    return larger


@njit(cache=True)
def _push(heap, size, key):
    """Put a key into a heap of `size` keys, which has room for it."""
    child = size
    while child > 0:
        parent = (child - 1) >> 2
        if heap[parent] <= key:
            break
        heap[child] = heap[parent]
        child = parent
    heap[child] = key


@njit(cache=True)
def _pop(heap, size):
    """Take the least key off a heap of `size` keys; four children to a parent."""
    least = heap[0]
    key = heap[size - 1]
    size -= 1
    parent = 0
    while True:
        child = 4 * parent + 1
        if child >= size:
            break
        best = child
        for other in range(child + 1, min(child + 4, size)):
            if heap[other] < heap[best]:
                best = other
        if heap[best] >= key:
            break
        heap[parent] = heap[best]
        parent = best
    heap[parent] = key
    return least


@njit(cache=True)
def search(start, edge, turn_ms, edge_ms, seed_edge, seed_ms, seed_rank, limit_ms):
    """Least time from the nearest source to the end of every edge, and which source it is.

    Of two sources equally near the one of lower rank is named. Labels beyond `limit_ms` are
    upper bounds only.
    """
    n = len(edge_ms)
    label = np.full(n, NEVER, dtype=np.int32)
    rank = np.full(n, NEVER, dtype=np.int32)
    heap = np.empty(1024 + len(seed_edge), dtype=np.int64)
    size = 0
    for i in range(len(seed_edge)):
        e, t = seed_edge[i], seed_ms[i]
        if t < label[e] or (t == label[e] and seed_rank[i] < rank[e]):
            label[e] = t
            rank[e] = seed_rank[i]
            _push(heap, size, (np.int64(t) << 32) | np.int64(e))
            size += 1
    size = _search(start, edge, turn_ms, edge_ms, limit_ms, label, rank, heap, size)
    while size > 0:
        heap = _larger(heap)
        size = _search(start, edge, turn_ms, edge_ms, limit_ms, label, rank, heap, size)
    return label, rank


@njit(cache=True)
def _search(start, edge, turn_ms, edge_ms, limit_ms, label, rank, heap, size):
    """Go on with a search; returns how many keys are left where the heap has no room for more."""
    while size > 0:
        e = np.int32(heap[0] & 0xFFFFFFFF)
        if start[e + 1] - start[e] > len(heap) - size:
            return size
        t = np.int32(_pop(heap, size) >> 32)
        size -= 1
        if t > limit_ms:
            break
        if t > label[e]:
            continue
        for k in range(start[e], start[e + 1]):
            f = edge[k]
            reached = np.int64(t) + turn_ms[k] + edge_ms[f]
            if reached < label[f] or (reached == label[f] and rank[e] < rank[f]):
                label[f] = reached
                rank[f] = rank[e]
                _push(heap, size, (reached << 32) | np.int64(f))
                size += 1
    return 0


@njit(cache=True)
def read_positions(
    start, edge, turn_ms, label, rank, at_edge, at_ms, at_off_ms, at_row,
    seed_edge, seed_part_ms, seed_off_ms, seed_rank, limit_ms, n_rows,
):  # fmt: skip
    """Least time at positions, and the source it comes from; `NEVER` and -1 beyond the limit.

    `start, edge, turn_ms` are the turns against the direction of the search. Position i lies
    `at_ms[i]` along edge `at_edge[i]` and belongs to row `at_row[i]`. Seeds, sorted by edge,
    say how far along their edge each source stands: one ahead of it on the same edge is
    reached without any turn. `at_off_ms` and `seed_off_ms` are the times off the road.
    """
    time = np.full(n_rows, NEVER, dtype=np.int32)
    source = np.full(n_rows, NEVER, dtype=np.int32)
    for i in range(len(at_edge)):
        e, row = at_edge[i], at_row[i]
        for k in range(start[e], start[e + 1]):
            if label[edge[k]] == NEVER:
                continue
            t = np.int64(label[edge[k]]) + turn_ms[k] + at_ms[i] + at_off_ms[i]
            s = rank[edge[k]]
            if t <= limit_ms and (t < time[row] or (t == time[row] and s < source[row])):
                time[row] = t
                source[row] = s
        k = np.searchsorted(seed_edge, e)
        while k < len(seed_edge) and seed_edge[k] == e:
            ahead = np.int64(at_ms[i]) - seed_part_ms[k]
            t = ahead + seed_off_ms[k] + at_off_ms[i]
            if (
                ahead >= 0
                and t <= limit_ms
                and (t < time[row] or (t == time[row] and seed_rank[k] < source[row]))
            ):
                time[row] = t
                source[row] = seed_rank[k]
            k += 1
    return time, source


@njit(cache=True, nogil=True)
def to_sweep(core, number, back_start, back_edge, at_start, at_enter, at_edge):
    """Edges beyond the core from which the times of positions follow, by number, ascending.

    `back_start, back_edge` are links against the direction of the search, `at_start, at_enter`
    turns against it.
    """
    needed = np.zeros(len(number), dtype=np.bool_)
    for e in at_edge:
        for k in range(at_start[e], at_start[e + 1]):
            needed[number[at_enter[k]]] = True
    n = 0
    for i in range(len(needed) - 1, core - 1, -1):
        if needed[i]:
            n += 1
            for k in range(back_start[i], back_start[i + 1]):
                needed[back_edge[k]] = True
    found = np.empty(n, dtype=np.int32)
    for i in range(len(needed) - 1, core - 1, -1):
        if needed[i]:
            n -= 1
            found[n] = i
    return found


@njit(cache=True, nogil=True)
def _climb(start, edge, link_ms, bound, label, heap, size, met, n_met):
    """Search from sources up to the core and through it, writing labels below the bound.

    Returns how many keys are left where the heap has no room for more, and how many edges were
    met; they stand in `met`.
    """
    while size > 0:
        i = heap[0] & 0xFFFFFFFF
        if start[i + 1] - start[i] > len(heap) - size:
            return size, n_met
        t = _pop(heap, size) >> 32
        size -= 1
        here = label[i]
        if t > here >> 32:
            continue
        for k in range(start[i], start[i + 1]):
            j, step = np.int64(edge[k]), np.int64(link_ms[k]) << 32
            if here < min(bound, label[j]) - step:
                if label[j] == UNMET:
                    met[n_met] = j
                    n_met += 1
                label[j] = here + step
                _push(heap, size, ((label[j] >> 32) << 32) | j)
                size += 1
    return size, n_met


@njit(cache=True, nogil=True)
def _sweep(start, edge, link_ms, bound, sweep, label):
    """Write the labels of edges beyond the core, which follow from those of lower numbers."""
    for i in sweep:
        least = min(label[i], bound)
        for k in range(start[i], start[i + 1]):
            step = np.int64(link_ms[k]) << 32
            if label[edge[k]] < least - step:
                least = label[edge[k]] + step
        if least < bound:
            label[i] = least


@njit(cache=True, nogil=True)
def least_times(
    number, start, edge, link_ms, back_start, back_edge, back_ms,
    seed_first, seed_edge, seed_ms, seed_part_ms, seed_off_ms, seed_rank,
    at_start, at_enter, at_turn_ms, edge_ms, at_edge, at_ms, at_off_ms, at_row,
    sweep, limit_ms, n_rows, towards,
):  # fmt: skip
    """Times from groups of sources to rows of positions, and which source of a group it is.

    Parameters
    ----------
    number, start, edge, link_ms, back_start, back_edge, back_ms : arrays
        `accessibility.network.shortcuts.Shortcuts`, links in and against the direction of the
        search.
    seed_first, seed_edge, seed_ms, seed_part_ms, seed_off_ms, seed_rank : arrays
        The seeds of group g, sorted by edge, stand at `seed_first[g]:seed_first[g + 1]`.
    at_start, at_enter, at_turn_ms : arrays
        Turns against the direction of the search.
    edge_ms, at_edge, at_ms, at_off_ms, at_row : arrays
        As in `read_positions`.
    sweep : int array
        From `to_sweep`.
    towards : bool
        The search runs against the traffic. Links measure from the end of an edge to the end
        of another: then the time on the edge itself comes on top.

    Returns
    -------
    time, source : int32 arrays (groups, rows)
        `NEVER` and any rank where the limit is exceeded.
    """
    n_groups = len(seed_first) - 1
    time = np.empty((n_groups, n_rows), dtype=np.int32)
    source = np.empty((n_groups, n_rows), dtype=np.int32)
    label = np.full(len(number), UNMET, dtype=np.int64)
    met = np.empty(len(number), dtype=np.int32)
    heap = np.empty(4096 + len(seed_edge), dtype=np.int64)
    bound = (np.int64(limit_ms) + 1) << 32
    for g in range(n_groups):
        a, b = seed_first[g], seed_first[g + 1]
        size = n_met = 0
        for k in range(a, b):
            i = np.int64(number[seed_edge[k]])
            t = np.int64(seed_ms[k]) - (edge_ms[seed_edge[k]] if towards else 0)
            packed = (t << 32) | np.int64(seed_rank[k])
            if packed < min(bound, label[i]):
                if label[i] == UNMET:
                    met[n_met] = i
                    n_met += 1
                label[i] = packed
                _push(heap, size, (t << 32) | i)
                size += 1
        size, n_met = _climb(start, edge, link_ms, bound, label, heap, size, met, n_met)
        while size > 0:
            heap = _larger(heap)
            size, n_met = _climb(start, edge, link_ms, bound, label, heap, size, met, n_met)
        _sweep(back_start, back_edge, back_ms, bound, sweep, label)
        for row in range(n_rows):
            time[g, row] = source[g, row] = NEVER
        for i in range(len(at_edge)):
            e, row = at_edge[i], at_row[i]
            best = (np.int64(time[g, row]) << 32) | np.int64(source[g, row])
            for k in range(at_start[e], at_start[e + 1]):
                entered = label[number[at_enter[k]]]
                if entered < UNMET:
                    on_top = np.int64(at_turn_ms[k]) + at_ms[i] + at_off_ms[i]
                    if towards:
                        on_top += edge_ms[at_enter[k]]
                    if (entered >> 32) + on_top <= limit_ms:
                        best = min(best, entered + (on_top << 32))
            k = a + np.searchsorted(seed_edge[a:b], e)
            while k < b and seed_edge[k] == e:
                ahead = np.int64(at_ms[i]) - seed_part_ms[k]
                t = ahead + seed_off_ms[k] + at_off_ms[i]
                if ahead >= 0 and t <= limit_ms:
                    best = min(best, (t << 32) | np.int64(seed_rank[k]))
                k += 1
            time[g, row], source[g, row] = best >> 32, best & 0xFFFFFFFF
        for i in sweep:
            label[i] = UNMET
        for i in range(n_met):
            label[met[i]] = UNMET
    return time, source


def compiled(kernel: object = least_times) -> bool:
    """Whether a kernel was compiled on this machine before (numba keeps it on disk)."""
    cache = getattr(kernel, "stats", None)  # plain Python where the compiler is switched off
    if cache is None:
        return True
    module = kernel.__module__.rpartition(".")[2]
    return any(Path(cache.cache_path).glob(f"{module}.{kernel.__name__}-*.nbi"))  # type: ignore[attr-defined]
