"""Links around edges that a search need not settle one by one; compiled by numba.

A link leads from the end of one edge to the end of another and takes so many milliseconds. An
edge is *passed over* by giving each pair of its neighbours a link of their own, unless there is
a way between them that is as fast already. What is left in the end is the *core*.
"""

from __future__ import annotations

import numpy as np
from numba import njit

TAIL, HEAD, MS, NEXT = 0, 1, 2, 3
"""Columns of a link; `NEXT` and `NEXT + 1` chain the links out of an edge and into one."""
OUT, IN = 0, 1

NEVER = np.int64(2**31 - 1)
"""A sum that is not followed: longer than any limit."""

SPARE = (-1, 0, 2, 4, 8, 16)
"""In each round an edge is passed over if that adds no more links than it takes away and these."""

MOST_WAYS = 256
"""An edge with more ways through it stays in the core."""


@njit(cache=True, nogil=True)
def _shorten(link, first, tail, head, ms):
    """Shorten the link between two edges; tells whether there is one."""
    a = first[tail, OUT]
    while a >= 0:
        if link[a, HEAD] == head:
            link[a, MS] = min(np.int64(link[a, MS]), ms)
            return True
        a = link[a, NEXT + OUT]
    return False


@njit(cache=True, nogil=True)
def _add(link, n_links, first, degree, tail, head, ms):
    """Link two edges."""
    if n_links == len(link):
        grown = np.empty((2 * n_links, 5), dtype=np.int32)
        for i in range(n_links):  # compiles ten times faster than a copy of a slice does
            for column in range(5):
                grown[i, column] = link[i, column]
        link = grown
    link[n_links, TAIL], link[n_links, HEAD], link[n_links, MS] = tail, head, ms
    for side in (OUT, IN):
        edge = tail if side == OUT else head
        link[n_links, NEXT + side] = first[edge, side]
        first[edge, side] = n_links
        degree[edge, side] += 1
    return link, n_links + 1


@njit(cache=True, nogil=True)
def _unlink(link, first, degree, edge, side, a):
    """Take a link out of the chain of one of its edges."""
    x = first[edge, side]
    if x == a:
        first[edge, side] = link[a, NEXT + side]
    else:
        while link[x, NEXT + side] != a:
            x = link[x, NEXT + side]
        link[x, NEXT + side] = link[a, NEXT + side]
    degree[edge, side] -= 1


@njit(cache=True, nogil=True)
def _as_fast(link, first, around, tail, head, ms):
    """Whether one link or two lead from an edge to another as fast, around a third one."""
    a = first[tail, OUT]
    while a >= 0:
        via = link[a, HEAD]
        if via == head:
            if link[a, MS] <= ms:
                return True
        elif via != around and link[a, MS] < ms:
            b = first[via, OUT]
            while b >= 0:
                if link[b, HEAD] == head and np.int64(link[a, MS]) + link[b, MS] <= ms:
                    return True
                b = link[b, NEXT + OUT]
        a = link[a, NEXT + OUT]
    return False


@njit(cache=True, nogil=True)
def _needed(link, first, over, need):
    """Write the links that passing over an edge needs (tail, head, ms); returns how many."""
    n = 0
    a = first[over, IN]
    while a >= 0:
        b = first[over, OUT]
        while b >= 0:
            tail, head = link[a, TAIL], link[b, HEAD]
            ms = min(np.int64(link[a, MS]) + link[b, MS], NEVER)
            if tail != head and not _as_fast(link, first, over, tail, head, ms):
                need[n, TAIL], need[n, HEAD], need[n, MS] = tail, head, ms
                n += 1
            b = link[b, NEXT + OUT]
        a = link[a, NEXT + IN]
    return n


@njit(cache=True, nogil=True)
def pass_over(start, edge, turn_ms, edge_ms):
    """Pass over edges as long as that keeps links few.

    Parameters
    ----------
    start, edge, turn_ms, edge_ms : arrays
        Edges that follow each edge, and the time to drive each.

    Returns
    -------
    level : int32 array (edges,)
        -1 for the core. The links of an edge that is passed over lead to higher levels and to
        the core only.
    link : int32 array (at least n_links, 5); n_links : int; first : int32 array (edges, 2)
        Links out of and into each edge as they were when it was passed over.
    """
    n = len(edge_ms)
    link = np.empty((3 * len(edge) + 1, 5), dtype=np.int32)  # enough for most networks
    first = np.full((n, 2), -1, dtype=np.int32)
    degree = np.zeros((n, 2), dtype=np.int32)
    n_links = 0
    for e in range(n):
        for k in range(start[e], start[e + 1]):
            if edge[k] != e:
                link, n_links = _add(
                    link, n_links, first, degree, np.int64(e), np.int64(edge[k]),
                    min(np.int64(turn_ms[k]) + edge_ms[edge[k]], NEVER),
                )  # fmt: skip

    level = np.zeros(n, dtype=np.int32)
    passed = np.zeros(n, dtype=np.bool_)
    waits = np.zeros(n, dtype=np.bool_)
    queue = np.empty(n, dtype=np.int32)
    need = np.empty((MOST_WAYS, 3), dtype=np.int64)
    for spare in SPARE:
        begin = size = 0
        for e in range(n):
            if not passed[e]:
                queue[size], waits[e] = e, True
                size += 1
        while size > 0:
            e = queue[begin]
            begin, size, waits[e] = (begin + 1) % n, size - 1, False
            if degree[e, IN] * degree[e, OUT] > MOST_WAYS:
                continue
            n_need = _needed(link, first, e, need)
            if n_need > degree[e, IN] + degree[e, OUT] + spare:
                continue
            passed[e] = True
            for side in (OUT, IN):
                a = first[e, side]
                while a >= 0:
                    other = link[a, HEAD if side == OUT else TAIL]
                    _unlink(link, first, degree, other, 1 - side, a)
                    level[other] = max(level[other], level[e] + 1)
                    if not waits[other]:
                        queue[(begin + size) % n], waits[other] = other, True
                        size += 1
                    a = link[a, NEXT + side]
            for i in range(n_need):
                tail, head, ms = need[i, TAIL], need[i, HEAD], need[i, MS]
                if not _shorten(link, first, tail, head, ms):
                    link, n_links = _add(link, n_links, first, degree, tail, head, ms)
    for e in range(n):
        if not passed[e]:
            level[e] = -1
    return level, link, n_links, first


@njit(cache=True, nogil=True)
def links_of(order, number, link, n_links, first, side):
    """Links out of or into each edge, in an order of edges and under new numbers."""
    start = np.zeros(len(order) + 1, dtype=np.int32)
    edge = np.empty(n_links, dtype=np.int32)
    ms = np.empty(n_links, dtype=np.int32)
    at = 0
    for i in range(len(order)):
        a = first[order[i], side]
        while a >= 0:
            edge[at] = number[link[a, HEAD if side == OUT else TAIL]]
            ms[at] = link[a, MS]
            at += 1
            a = link[a, NEXT + side]
        start[i + 1] = at
    return start, edge[:at], ms[:at]
