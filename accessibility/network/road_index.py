"""Where roads lie: buckets over their lines, to find the nearest road to a point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from accessibility.parallel import in_threads

Ints = npt.NDArray[np.signedinteger[Any]]
Floats = npt.NDArray[np.float64]

CHUNK = 1 << 16
"""Points that one thread takes at once; neighbours in it help each other."""
BUCKET_M = 200.0
"""Side of a bucket: a few pieces of road in each where people live."""
MOST_BUCKETS = 8_000_000
"""Where roads lie far apart the buckets grow; bounds the memory to 64 MB."""


@dataclass(frozen=True, eq=False)
class RoadIndex:
    """Pieces of road between two drawn points, by bucket; see `index_roads`.

    Attributes
    ----------
    segment : int32 array (lines,)
        Segment of the network that each line is.
    start : int32 array (lines + 1,), xy : float array (points, 2)
        Drawn points of each line, metres.
    along_m : float array (points,)
        Length of the line before each of its points.
    line_of : int32 array (points,)
    first, piece : int arrays
        Pieces in each bucket.
    corner : float array (3,)
        West and south of the first bucket, and the side of all, metres.
    shape : int array (2,)
        Columns and rows of buckets.
    """

    segment: Ints
    start: Ints
    xy: Floats
    along_m: Floats
    line_of: Ints
    first: Ints
    piece: Ints
    corner: Floats
    shape: Ints

    def nearest(
        self, points: Floats, max_m: float, *, dtype: npt.DTypeLike = float
    ) -> tuple[npt.NDArray[np.int64], Floats, Floats]:
        """Segment (-1: none within `max_m`), share of its length before the place, distance.

        Of segments equally near the first is taken. `dtype` is that of share and distance.
        """
        from accessibility.network import road_index_kernels as kernels  # compiled

        points = np.ascontiguousarray(points, dtype=float)
        line = np.full(len(points), -1, dtype=np.int32)
        share, distance = np.zeros(len(points), dtype), np.full(len(points), np.inf, dtype)

        def look(begin: int) -> None:
            some = slice(begin, begin + CHUNK)
            kernels.nearest_lines(
                points[some], float(max_m), self.xy, self.along_m, self.line_of, self.start,
                self.first, self.piece, *self.corner.tolist(), *self.shape.tolist(),
                line[some], share[some], distance[some],
            )  # fmt: skip

        in_threads(look, range(0, len(points), CHUNK))
        return np.where(line >= 0, self.segment[line], -1), share, distance


def index_roads(segment: Ints, line_start: Ints, xy: Floats) -> RoadIndex:
    """Sort the lines of some segments into buckets.

    Parameters
    ----------
    segment : int array (lines,)
        Segments that points may snap to.
    line_start : int array (segments + 1,), xy : float array (points, 2)
        Geometry of all segments, metres.
    """
    from accessibility.network import road_index_kernels as kernels  # compiled

    size = np.diff(line_start)[segment].astype(np.int64)
    start = np.r_[0, np.cumsum(size)]
    line_of = np.repeat(np.arange(len(segment), dtype=np.int32), size)
    drawn = np.ascontiguousarray(
        xy[np.repeat(line_start[segment] - start[:-1], size) + np.arange(start[-1])]
    )
    step = np.r_[0.0, np.hypot(*np.diff(drawn, axis=0).T)]
    step[start[:-1]] = 0.0
    # sums within each line, so that a long network costs no precision
    total = np.cumsum(step)
    along = total - np.repeat(total[start[:-1]], size)
    west, south = drawn.min(axis=0)
    wide, high = drawn.max(axis=0) - (west, south)
    side = BUCKET_M
    while (wide // side + 1) * (high // side + 1) > MOST_BUCKETS:
        side *= 2
    columns, rows = int(wide // side) + 1, int(high // side) + 1
    first, piece = kernels.fill_buckets(start, drawn, west, south, side, columns, rows)
    return RoadIndex(
        segment.astype(np.int32), start.astype(np.int32), drawn, along, line_of, first, piece,
        np.array([west, south, side]), np.array([columns, rows]),
    )  # fmt: skip
