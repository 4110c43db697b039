"""The hot loops: Dijkstra's search over edges with turn costs, compiled by numba.

One kernel serves both directions. Searching forwards, `start, edge, turn_ms` are the edges
that follow each edge; searching backwards, those that precede it. A label is the time from a
source until the edge has been driven whole in the direction of the search; the time at a
position part of the way along is read from the labels of the edges before it.

Times are whole milliseconds in int32 (24 days at most).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numba import njit

NEVER = np.int32(2**31 - 1)
"""A time that is not reached."""


@njit(cache=True)
def _push(heap, size, key):
    if size == len(heap):
        grown = np.empty(2 * len(heap), dtype=np.int64)
        grown[:size] = heap
        heap = grown
    child = size
    while child > 0:
        parent = (child - 1) >> 2
        if heap[parent] <= key:
            break
        heap[child] = heap[parent]
        child = parent
    heap[child] = key
    return heap


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
    heap = np.empty(1024, dtype=np.int64)
    size = 0
    for i in range(len(seed_edge)):
        e, t = seed_edge[i], seed_ms[i]
        if t < label[e] or (t == label[e] and seed_rank[i] < rank[e]):
            label[e] = t
            rank[e] = seed_rank[i]
            heap = _push(heap, size, (np.int64(t) << 32) | np.int64(e))
            size += 1
    while size > 0:
        key = _pop(heap, size)
        size -= 1
        t = np.int32(key >> 32)
        e = np.int32(key & 0xFFFFFFFF)
        if t > label[e]:
            continue
        if t > limit_ms:
            break
        for k in range(start[e], start[e + 1]):
            f = edge[k]
            reached = np.int64(t) + turn_ms[k] + edge_ms[f]
            if reached < label[f] or (reached == label[f] and rank[e] < rank[f]):
                label[f] = reached
                rank[f] = rank[e]
                heap = _push(heap, size, (reached << 32) | np.int64(f))
                size += 1
    return label, rank


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
def matrix(
    start, edge, turn_ms, back_start, back_edge, back_ms, edge_ms,
    seed_first, seed_edge, seed_ms, seed_part_ms, seed_off_ms, at_edge, at_ms, at_off_ms, at_row,
    limit_ms, n_rows,
):  # fmt: skip
    """Times from each source to each row of positions.

    The seeds of source i, sorted by edge, stand at `seed_first[i]:seed_first[i + 1]`.
    """
    n_sources = len(seed_first) - 1
    times = np.empty((n_sources, n_rows), dtype=np.int32)
    for i in range(n_sources):
        a, b = seed_first[i], seed_first[i + 1]
        none = np.zeros(b - a, dtype=np.int32)
        label, rank = search(
            start, edge, turn_ms, edge_ms, seed_edge[a:b], seed_ms[a:b], none, limit_ms
        )
        times[i], _ = read_positions(
            back_start, back_edge, back_ms, label, rank, at_edge, at_ms, at_off_ms, at_row,
            seed_edge[a:b], seed_part_ms[a:b], seed_off_ms[a:b], none, limit_ms, n_rows,
        )  # fmt: skip
    return times


def compiled(kernel: object = search) -> bool:
    """Whether a kernel was compiled on this machine before (numba keeps it on disk)."""
    cache = getattr(kernel, "stats", None)  # plain Python where the compiler is switched off
    if cache is None:
        return True
    module = kernel.__module__.rpartition(".")[2]
    return any(Path(cache.cache_path).glob(f"{module}.{kernel.__name__}-*.nbi"))  # type: ignore[attr-defined]
