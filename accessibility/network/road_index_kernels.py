"""The nearest piece of road to many points: a search through buckets, compiled by numba."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def _columns(ax, ay, bx, by, low, high, west, size, n_columns):
    """First and last column of buckets that a piece crosses between two heights."""
    left, right = min(ax, bx), max(ax, bx)
    if ay != by:
        # where the piece enters and leaves the row; its ends bound what rounding adds
        u = ax + (bx - ax) * (max(min(ay, by), low) - ay) / (by - ay)
        v = ax + (bx - ax) * (min(max(ay, by), high) - ay) / (by - ay)
        left, right = max(left, min(u, v)), min(right, max(u, v))
    first = int(np.floor((left - west) / size - 1e-9))
    last = int(np.floor((right - west) / size + 1e-9))
    return max(first, 0), min(last, n_columns - 1)


@njit(cache=True)
def fill_buckets(start, xy, west, south, size, n_columns, n_rows):
    """Which pieces cross each bucket: those of bucket b stand at `first[b]:first[b + 1]`.

    Line i has the points `start[i]:start[i + 1]`; a piece is named by its first point.
    """
    first = np.zeros(n_columns * n_rows + 1, dtype=np.int64)
    piece = np.empty(0, dtype=np.int32)
    for filling in (False, True):
        if filling:
            for b in range(n_columns * n_rows):  # writing a slice takes the compiler ten seconds
                first[b + 1] += first[b]
            piece = np.empty(first[-1], dtype=np.int32)
            at = first.copy()
        for line in range(len(start) - 1):
            for p in range(start[line], start[line + 1] - 1):
                ax, ay, bx, by = xy[p, 0], xy[p, 1], xy[p + 1, 0], xy[p + 1, 1]
                bottom = max(int(np.floor((min(ay, by) - south) / size - 1e-9)), 0)
                top = min(int(np.floor((max(ay, by) - south) / size + 1e-9)), n_rows - 1)
                for row in range(bottom, top + 1):
                    low = south + row * size
                    a, b = _columns(ax, ay, bx, by, low, low + size, west, size, n_columns)
                    for column in range(a, b + 1):
                        bucket = row * n_columns + column
                        if filling:
                            piece[at[bucket]] = p
                            at[bucket] += 1
                        else:
                            first[bucket + 1] += 1
    return first, piece


@njit(cache=True)
def _along(px, py, xy, p):
    """Squared distance from a point to a piece, and where on the piece it is nearest."""
    ax, ay = xy[p, 0], xy[p, 1]
    dx, dy = xy[p + 1, 0] - ax, xy[p + 1, 1] - ay
    square = dx * dx + dy * dy
    t = 0.0
    if square > 0.0:
        t = min(max(((px - ax) * dx + (py - ay) * dy) / square, 0.0), 1.0)
    # at an end its own coordinates count: pieces that share it are equally near, to the bit
    x, y = (xy[p + 1, 0], xy[p + 1, 1]) if t == 1.0 else (ax + t * dx, ay + t * dy)
    return (px - x) ** 2 + (py - y) ** 2, t


@njit(cache=True)
def _outside(x, low, size):
    """Distance along one axis from a place to a bucket that begins at `low`."""
    return max(low - x, x - low - size, 0.0)


@njit(cache=True)
def _nearest(
    px, py, max_m, guess, xy, first, piece, west, south, size, n_columns, n_rows
):  # fmt: skip
    """Squared distance, piece (-1: none within the bound) and place on it; the first of equals.

    Rings of buckets around the point's own, until what is left is farther than what is found.
    A guess, a piece that was near to another point, bounds the search from the start.
    """
    best, chosen, place = max_m * max_m, np.int64(-1), 0.0
    if guess >= 0:
        square, t = _along(px, py, xy, guess)
        if square <= best:
            best, chosen, place = square, guess, t
    x, y = (px - west) / size, (py - south) / size
    column, row = int(np.floor(x)), int(np.floor(y))
    inner = min(x - column, column + 1 - x, y - row, row + 1 - y)
    # rings that end before the first bucket hold none
    ring = max(0, -column, column - n_columns + 1, -row, row - n_rows + 1)
    while True:
        gap = (ring - 1 + inner) * size
        if ring > 0 and gap * gap > best * (1 + 1e-9) + 1e-6:
            break
        left, right, low, high = column - ring, column + ring, row - ring, row + ring
        for j in range(max(low, 0), min(high, n_rows - 1) + 1):
            if j in (low, high):  # a whole side of the ring, or only its two ends
                a, b, step = max(left, 0), min(right, n_columns - 1), 1
            else:
                a, b, step = left, right, 2 * ring
            for i in range(a, b + 1, step):
                if i < 0 or i >= n_columns:
                    continue
                aside = _outside(px, west + i * size, size)
                away = _outside(py, south + j * size, size)
                # the hair is for what rounding takes off a bucket's side
                if aside * aside + away * away > best * (1 + 1e-9) + 1e-6:
                    continue
                bucket = j * n_columns + i
                for k in range(first[bucket], first[bucket + 1]):
                    p = np.int64(piece[k])
                    square, t = _along(px, py, xy, p)
                    if square < best or (square == best and (chosen < 0 or p < chosen)):
                        best, chosen, place = square, p, t
        if left <= 0 and low <= 0 and right >= n_columns - 1 and high >= n_rows - 1:
            break
        ring += 1
    return best, chosen, place


@njit(cache=True, nogil=True)
def nearest_lines(
    points, max_m, xy, along_m, line_of, line_start, first, piece, west, south, size, n_columns,
    n_rows, line, share, distance,
):  # fmt: skip
    """Write the nearest line to each point, the share of its length before the place, and how far.

    Where none is within `max_m` the arrays stay as they are.
    """
    guess = np.int64(-1)
    for i in range(len(points)):
        if not (np.isfinite(points[i, 0]) and np.isfinite(points[i, 1])):
            continue
        square, p, t = _nearest(
            points[i, 0], points[i, 1], max_m, guess, xy, first, piece, west, south, size,
            n_columns, n_rows,
        )  # fmt: skip
        guess = np.int64(p)
        if p < 0:
            continue
        line[i] = line_of[p]
        whole = along_m[line_start[line[i] + 1] - 1]
        if whole > 0:
            place = along_m[p] + t * (along_m[p + 1] - along_m[p])
            share[i] = min(place / whole, 1.0)
        distance[i] = np.sqrt(square)
