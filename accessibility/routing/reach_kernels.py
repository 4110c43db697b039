"""How far one search gets within a time, and the times along the roads that it met; compiled.

A search writes into scratch arrays of the whole network and puts back what it touched, so that
many short searches cost no more than the roads they meet. A value packs a time and a rank:
`time << 32 | rank`, so that of two sources equally near the one of lower rank is the least.

A road is entered at its first drawn point (its *rising* side: time grows with the share of its
length) or at its last (its *falling* side).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from accessibility.routing.kernels import NEVER, _pop, _push

EMPTY = np.int64(2**62)
"""A packed value that stands for nothing yet."""


@njit(cache=True, nogil=True)
def spread(
    start, edge, turn_ms, edge_ms, edge_side, seed_edge, seed_ms, seed_rank, limit_ms,
    label, entry, side,
):  # fmt: skip
    """Segments that a search enters within the limit.

    Parameters
    ----------
    start, edge, turn_ms, edge_ms : arrays
        Turns in the direction of the search, and the time to drive each edge.
    edge_side : int32 array (edges,)
        Twice the segment, plus 1 where the edge enters it on its falling side.
    seed_edge, seed_ms, seed_rank : arrays
        Sources: time from the place to the end of its edge.
    label, entry : int64 arrays (edges,); side : int64 array (2 * segments,)
        Scratch, full of `EMPTY`, and so again at the end.

    Returns
    -------
    segment : int32 array
        Segments entered, in no order.
    packed : int64 array (segments entered, 2)
        Time and rank at which each is entered on its rising and on its falling side.
    """
    heap = np.empty(1024, dtype=np.int64)
    size = 0
    touched = np.empty(1024, dtype=np.int32)
    n_touched = 0
    for i in range(len(seed_edge)):
        e = seed_edge[i]
        packed = (np.int64(seed_ms[i]) << 32) | np.int64(seed_rank[i])
        if packed < label[e]:
            label[e] = packed
            heap = _push(heap, size, (np.int64(seed_ms[i]) << 32) | np.int64(e))
            size += 1
    while size > 0:
        key = _pop(heap, size)
        size -= 1
        t = key >> 32
        e = np.int32(key & 0xFFFFFFFF)
        if t > label[e] >> 32 or t > limit_ms:
            continue
        rank = label[e] & 0xFFFFFFFF
        for k in range(start[e], start[e + 1]):
            f = edge[k]
            at = t + turn_ms[k]
            if at > limit_ms:
                continue
            packed = (at << 32) | rank
            if packed < entry[f]:
                if entry[f] == EMPTY:
                    if n_touched == len(touched):
                        grown = np.empty(2 * n_touched, dtype=np.int32)
                        grown[:n_touched] = touched
                        touched = grown
                    touched[n_touched] = f
                    n_touched += 1
                entry[f] = packed
                end = at + edge_ms[f]
                packed = (end << 32) | rank
                if end <= limit_ms and packed < label[f]:
                    label[f] = packed
                    heap = _push(heap, size, (end << 32) | np.int64(f))
                    size += 1
    sides = np.empty(n_touched, dtype=np.int64)
    n_sides = 0
    for i in range(n_touched):
        e = touched[i]
        # of several edges that stand for one road the least time is that of the one which a trip
        # may take: the others lead to fewer turns
        s = edge_side[e]
        if side[s] == EMPTY:
            sides[n_sides] = s
            n_sides += 1
        side[s] = min(side[s], entry[e])
        label[e] = EMPTY
        entry[e] = EMPTY
    for i in range(len(seed_edge)):
        label[seed_edge[i]] = EMPTY
    segment = np.empty(n_sides, dtype=np.int32)
    packed_side = np.empty((n_sides, 2), dtype=np.int64)
    n = 0
    for i in range(n_sides):
        s = sides[i]
        if s % 2 == 0 or side[s - 1] == EMPTY:  # of a segment entered on both sides, once
            segment[n] = s // 2
            packed_side[n, 0], packed_side[n, 1] = side[s - s % 2], side[s - s % 2 + 1]
            n += 1
    for i in range(n_sides):
        side[sides[i]] = EMPTY
    return segment[:n].copy(), packed_side[:n].copy()


@njit(cache=True, nogil=True)
def _at(
    segment, share, off_ms, side, side_ms, seed_segment, seed_share, seed_off_ms, seed_rank,
    limit_ms,
):  # fmt: skip
    """Packed time at one place: from either side of its road, or from a source on the road."""
    best = EMPTY
    for k in range(2):
        whole = side_ms[2 * segment + k]
        if whole < 0:
            continue
        # as `accessibility.routing.times` rounds: the share counts from the first drawn point
        part = np.int64(np.rint(share * whole))
        along = part if k == 0 else whole - part
        entered = side[2 * segment + k]
        if entered < EMPTY:
            best = min(best, entered + ((along + off_ms) << 32))
        i = np.searchsorted(seed_segment, segment)
        while i < len(seed_segment) and seed_segment[i] == segment:
            stands = np.int64(np.rint(seed_share[i] * whole))
            ahead = along - (stands if k == 0 else whole - stands)
            if ahead >= 0:
                packed = ((ahead + seed_off_ms[i] + off_ms) << 32) | np.int64(seed_rank[i])
                best = min(best, packed)
            i += 1
    return best if best >> 32 <= limit_ms else EMPTY


@njit(cache=True, nogil=True)
def read_places(
    segment, share, off_ms, met, packed, side, side_ms, seed_segment, seed_share, seed_off_ms,
    seed_rank, limit_ms,
):  # fmt: skip
    """Time and rank at places in rows and columns; `NEVER` and -1 where none is in reach.

    `met` and `packed` are what `spread` found, `side` is scratch.
    """
    for i in range(len(met)):
        side[2 * met[i]], side[2 * met[i] + 1] = packed[i, 0], packed[i, 1]
    rows, columns = segment.shape
    time = np.full((rows, columns), NEVER, dtype=np.int32)
    rank = np.full((rows, columns), -1, dtype=np.int32)
    for j in range(rows):
        for i in range(columns):
            s = segment[j, i]
            if s < 0:
                continue
            least = _at(
                s, share[j, i], off_ms[j, i], side, side_ms, seed_segment, seed_share,
                seed_off_ms, seed_rank, limit_ms,
            )  # fmt: skip
            if least < EMPTY:
                time[j, i] = least >> 32
                rank[j, i] = least & 0xFFFFFFFF
    for i in range(len(met)):
        side[2 * met[i]] = side[2 * met[i] + 1] = EMPTY
    return time, rank


@njit(cache=True, nogil=True)
def cut_lines(segment, start_share, end_share, line_start, xy, length):
    """Drawn points of pieces of segments between two shares of their length.

    Returns the points of all pieces, and where those of each piece begin.
    """
    n = len(segment)
    first = np.zeros(n + 1, dtype=np.int64)
    for i in range(n):
        a, b = line_start[segment[i]], line_start[segment[i] + 1]
        low, high = start_share[i] * length[b - 1], end_share[i] * length[b - 1]
        within = 0
        for p in range(a, b):
            if low < length[p] < high:
                within += 1
        first[i + 1] = within + 2
    first = np.cumsum(first)
    points = np.empty((first[-1], 2), dtype=np.float64)
    for i in range(n):
        a, b = line_start[segment[i]], line_start[segment[i] + 1]
        low, high = start_share[i] * length[b - 1], end_share[i] * length[b - 1]
        at = first[i]
        points[at] = _point(low, a, b, xy, length)
        at += 1
        for p in range(a, b):
            if low < length[p] < high:
                points[at] = xy[p]
                at += 1
        points[at] = _point(high, a, b, xy, length)
    return points, first


@njit(cache=True)
def _point(along, a, b, xy, length):
    """Point of a line some way along it."""
    p = a + np.searchsorted(length[a:b], along)
    if p <= a:
        return xy[a]
    if p >= b:
        return xy[b - 1]
    step = length[p] - length[p - 1]
    part = (along - length[p - 1]) / step if step > 0 else 1.0
    if part >= 1.0:
        return xy[p]
    return xy[p - 1] + part * (xy[p] - xy[p - 1])
