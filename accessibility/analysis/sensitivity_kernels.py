"""The hot loop of sensitivity: the times of a set of trips when what they cost is changed.

Roads are driven at a factor on their speed, each class with its own; turns cost a factor of what
they did; the way off the road takes a time for each metre. Every cost is a whole millisecond, so
that with factors of 1 the times are those of `accessibility.routing` to the bit.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from accessibility.routing.kernels import NEVER, read_positions, search


@njit(cache=True)
def _driven(ms, kind, speed, least):
    """Milliseconds of pieces of road at a factor on the speed of their class."""
    found = np.empty(len(ms), dtype=np.int32)
    for i in range(len(ms)):
        changed = np.rint(ms[i] / speed[kind[i]])
        found[i] = np.int32(min(max(changed, least), NEVER - 1))
    return found


@njit(cache=True)
def _times(ms, factor):
    """Milliseconds times a factor."""
    found = np.empty(len(ms), dtype=np.int32)
    for i in range(len(ms)):
        found[i] = np.int32(min(np.rint(ms[i] * factor), NEVER - 1))
    return found


@njit(cache=True)
def _with_walk(ms, off_ms):
    found = np.empty(len(ms), dtype=np.int32)
    for i in range(len(ms)):
        found[i] = np.int32(min(np.int64(ms[i]) + off_ms[i], np.int64(NEVER - 1)))
    return found


@njit(cache=True, nogil=True)
def changed_times(
    start, edge, turn_ms, edge_ms, edge_kind,
    seed_first, seed_edge, seed_ms, seed_kind, seed_off_m,
    back_start, back_edge, back_ms, at_ms, at_kind, at_off_m, at_row,
    direct_first, direct_ms, direct_kind, direct_from_m, direct_to_m, direct_row,
    groups, speed, turns, walk_ms_per_m, limit_ms, n_rows,
):  # fmt: skip
    """Times from groups of sources to each row of positions; `NEVER` beyond the limit.

    The seeds of group g stand at `seed_first[g]:seed_first[g + 1]`. `back_start[i]` is where the
    turns stand by which position i is reached. Direct trips stay on the road on which they
    begin, without any turn; those of group g stand at `direct_first[g]:direct_first[g + 1]`.
    """
    drive_ms = _driven(edge_ms, edge_kind, speed, 1)
    cost_ms, back_cost_ms = _times(turn_ms, turns), _times(back_ms, turns)
    off_ms = _times(seed_off_m, walk_ms_per_m)
    from_ms = _with_walk(_driven(seed_ms, seed_kind, speed, 0), off_ms)
    part_ms, part_off_ms = _driven(at_ms, at_kind, speed, 0), _times(at_off_m, walk_ms_per_m)
    straight_ms = _driven(direct_ms, direct_kind, speed, 0)
    out_ms, in_ms = _times(direct_from_m, walk_ms_per_m), _times(direct_to_m, walk_ms_per_m)
    at = np.arange(len(at_ms)).astype(np.int32)
    nowhere = np.zeros(0, dtype=np.int32)
    times = np.empty((len(groups), n_rows), dtype=np.int32)
    for i in range(len(groups)):
        a, b = seed_first[groups[i]], seed_first[groups[i] + 1]
        none = np.zeros(b - a, dtype=np.int32)
        label, rank = search(
            start, edge, cost_ms, drive_ms, seed_edge[a:b], from_ms[a:b], none, limit_ms
        )
        times[i], _ = read_positions(
            back_start, back_edge, back_cost_ms, label, rank, at, part_ms, part_off_ms, at_row,
            nowhere, nowhere, nowhere, nowhere, limit_ms, n_rows,
        )  # fmt: skip
        for k in range(direct_first[groups[i]], direct_first[groups[i] + 1]):
            t = np.int64(straight_ms[k]) + out_ms[k] + in_ms[k]
            if t <= limit_ms and t < times[i, direct_row[k]]:
                times[i, direct_row[k]] = t
    return times
