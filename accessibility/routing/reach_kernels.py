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

from accessibility.routing.kernels import NEVER

EMPTY = np.int64(2**62)
"""A packed value that stands for nothing yet."""
NOT_QUEUED = np.int32(-(2**31))
SPAN_BITS = 9
"""A bucket of the queue holds what is entered within 512 ms, in longer searches twice that, ..."""
MOST_BUCKETS = 1 << 16


@njit(cache=True, nogil=True)
def _enter_next(
    start, edge, turn_ms, e, end_ms, rank, limit_ms, bits, entry, first, after, before, touched,
    n_touched,
):  # fmt: skip
    """Enter the edges that follow one, where that is sooner, and queue them.

    The queue is made of buckets: each chains the edges that are entered within one span of
    time, which may be looked at in any order, and once more where they turn out to be entered
    sooner. `before` tells the bucket, negative, of the first edge in a chain.
    """
    for k in range(start[e], start[e + 1]):
        f = edge[k]
        at = end_ms + turn_ms[k]
        packed = (at << 32) | rank
        if at > limit_ms or packed >= entry[f]:
            continue
        if entry[f] == EMPTY:
            touched[n_touched] = f
            n_touched += 1
        elif before[f] != NOT_QUEUED:
            if before[f] < 0:
                first[-1 - before[f]] = after[f]
            else:
                after[before[f]] = after[f]
            if after[f] >= 0:
                before[after[f]] = before[f]
        entry[f] = packed
        bucket = at >> bits
        if first[bucket] >= 0:
            before[first[bucket]] = f
        after[f], before[f], first[bucket] = first[bucket], -1 - bucket, f
    return n_touched


@njit(cache=True, nogil=True)
def spread(
    start, edge, turn_ms, edge_ms, edge_side, seed_edge, seed_ms, seed_rank, limit_ms,
    entry, side, after, before, touched,
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
    entry : int64 array (edges,); side : int64 array (2 * segments,)
        Scratch, full of `EMPTY`, and so again at the end.
    after, before, touched : int32 arrays (edges,)
        Scratch; `before` is full of `NOT_QUEUED`, and so again at the end.

    Returns
    -------
    segment : int32 array
        Segments entered, in no order.
    packed : int64 array (segments entered, 2)
        Time and rank at which each is entered on its rising and on its falling side.
    """
    limit_ms = np.int64(limit_ms)
    bits = SPAN_BITS
    while limit_ms >> bits > MOST_BUCKETS:
        bits += 1
    first = np.full((limit_ms >> bits) + 1, -1, dtype=np.int32)
    n_touched = 0
    for i in range(len(seed_edge)):
        n_touched = _enter_next(
            start, edge, turn_ms, seed_edge[i], np.int64(seed_ms[i]), np.int64(seed_rank[i]),
            limit_ms, bits, entry, first, after, before, touched, n_touched,
        )  # fmt: skip
    for bucket in range(len(first)):
        while first[bucket] >= 0:
            e = first[bucket]
            first[bucket] = after[e]
            if after[e] >= 0:
                before[after[e]] = before[e]
            before[e] = NOT_QUEUED
            n_touched = _enter_next(
                start, edge, turn_ms, e, (entry[e] >> 32) + edge_ms[e], entry[e] & 0xFFFFFFFF,
                limit_ms, bits, entry, first, after, before, touched, n_touched,
            )  # fmt: skip
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
        entry[e] = EMPTY
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
