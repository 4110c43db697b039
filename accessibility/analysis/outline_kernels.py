"""Regions of equal cells and the lines around them, compiled by numba.

The outermost cells of an array belong to label 0, which has no outline: no neighbour is missing.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def _root(parent, i):
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit(cache=True, nogil=True)
def components(labels):
    """Number the parts of equal cells that hang together by their sides, and count their cells."""
    rows, columns = labels.shape
    part = np.empty((rows, columns), dtype=np.int32)
    parent = np.empty(1024, dtype=np.int32)
    n = 0
    for j in range(rows):
        for i in range(columns):
            above = j > 0 and labels[j - 1, i] == labels[j, i]
            before = i > 0 and labels[j, i - 1] == labels[j, i]
            if above and before:
                a, b = _root(parent, part[j - 1, i]), _root(parent, part[j, i - 1])
                part[j, i] = parent[a] = parent[b] = min(a, b)
            elif above:
                part[j, i] = part[j - 1, i]
            elif before:
                part[j, i] = part[j, i - 1]
            else:
                if n == len(parent):
                    grown = np.empty(2 * n, dtype=np.int32)
                    grown[:n] = parent
                    parent = grown
                parent[n] = part[j, i] = n
                n += 1
    number = np.full(n, -1, dtype=np.int32)
    size = np.zeros(n, dtype=np.int64)
    m = 0
    for j in range(rows):
        for i in range(columns):
            r = _root(parent, part[j, i])
            if number[r] < 0:
                number[r] = m
                m += 1
            part[j, i] = number[r]
            size[number[r]] += 1
    return part, size[:m].copy()


@njit(cache=True, nogil=True)
def _cell(r, c, heading, ahead, right):
    """Row and column of one of the four cells around a corner, as seen by who arrives there."""
    # east, south, west, north; the cell to the south-east of corner (r, c) is cell (r, c)
    if heading == 0:
        row, column = (r if right else r - 1), (c if ahead else c - 1)
    elif heading == 1:
        row, column = (r if ahead else r - 1), (c - 1 if right else c)
    elif heading == 2:
        row, column = (r - 1 if right else r), (c - 1 if ahead else c)
    else:
        row, column = (r - 1 if ahead else r), (c if right else c - 1)
    return row, column


@njit(cache=True, nogil=True)
def trace(labels, part):
    """Rings around the parts whose label is above 0; of each part the outer one comes first.

    A ring has a corner where it turns, and where the cells on its far side change: so two parts
    that touch have the same corners where they do.

    Returns
    -------
    corner : int32 array (corners, 2)
        Row and column, closed rings one after the other.
    first : int64 array (rings + 1,)
    owner : int32 array (rings,)
        The part that the ring belongs to.
    """
    rows, columns = labels.shape
    seen = np.zeros((rows, columns), dtype=np.bool_)  # upper sides of cells
    corner = np.empty((4096, 2), dtype=np.int32)
    first = np.zeros(256, dtype=np.int64)
    owner = np.empty(256, dtype=np.int32)
    n = rings = 0
    for j in range(1, rows):
        for i in range(columns):
            own = labels[j, i]
            if own == 0 or labels[j - 1, i] == own or seen[j, i]:
                continue
            if rings + 1 == len(first):
                longer, more = (
                    np.zeros(2 * len(first), np.int64),
                    np.empty(2 * len(first), np.int32),
                )
                longer[: len(first)], more[: len(first)] = first, owner
                first, owner = longer, more
            mine = owner[rings] = part[j, i]
            r, c, heading = j, i, 0
            while True:
                # one side of a cell, which lies to the right
                if heading == 0:
                    if seen[r, c]:
                        break
                    seen[r, c] = True
                    c += 1
                elif heading == 1:
                    r += 1
                elif heading == 2:
                    c -= 1
                else:
                    r -= 1
                right = _cell(r, c, heading, True, True)
                left = _cell(r, c, heading, True, False)
                behind = _cell(r, c, heading, False, False)
                turn = 0
                if part[left] == mine:
                    turn = 3  # so a part that meets itself at a corner has a hole, not a pinch
                elif part[right] != mine:
                    turn = 1
                if turn or labels[left] != labels[behind]:
                    if n + 1 >= len(corner):
                        wider = np.empty((2 * len(corner), 2), dtype=np.int32)
                        wider[:n] = corner[:n]
                        corner = wider
                    corner[n, 0], corner[n, 1] = r, c
                    n += 1
                heading = (heading + turn) % 4
            corner[n] = corner[first[rings]]
            n += 1
            rings += 1
            first[rings] = n
    return corner[:n].copy(), first[: rings + 1].copy(), owner[:rings].copy()
