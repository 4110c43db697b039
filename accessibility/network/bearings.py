"""Direction in which a road leaves its first node and reaches its last one: what makes a turn."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.signedinteger[Any]]
Floats = npt.NDArray[np.float64]

BEARING_M = 10.0
"""A road's direction at a junction is taken towards the point this far along it, so that the
last metre of a drawn line does not make a turn out of a straight road."""

BEARING_ON_RING_M = 2.0
"""The same on a roundabout, whose bend 10 m would reach round; both as OSRM has them."""


def bearings(line_start: Ints, xy: Floats, ring: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Direction of each line at its first and its last point, in degrees clockwise from north.

    Parameters
    ----------
    line_start : int array (lines + 1,), xy : float array (points, 2)
        Geometry, metres.
    ring : bool array (lines,)
        Parts of roundabouts.

    Examples
    --------
    >>> import numpy as np
    >>> bent = np.array([[0.0, 0.0], [0.0, 50.0], [50.0, 50.0]])
    >>> bearings(np.array([0, 3]), bent, np.array([False]))
    (array([0.]), array([90.]))
    """
    first, last = line_start[:-1], line_start[1:] - 1
    along_m = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
    reach_m = np.minimum(
        np.where(ring, BEARING_ON_RING_M, BEARING_M), along_m[last] - along_m[first]
    )

    def at(place_m: Floats) -> Floats:
        piece = np.searchsorted(along_m, place_m, side="right") - 1
        piece = np.clip(piece, first, last - 1)
        length = along_m[piece + 1] - along_m[piece]
        share = np.divide(
            place_m - along_m[piece], length, out=np.zeros(len(first)), where=length > 0
        )
        place: Floats = xy[piece] + share[:, None] * (xy[piece + 1] - xy[piece])
        return place

    ahead, behind = at(along_m[first] + reach_m), at(along_m[last] - reach_m)
    return _direction(ahead - xy[first]), _direction(xy[last] - behind)


def _direction(step: Floats) -> Floats:
    return np.degrees(np.arctan2(step[:, 0], step[:, 1]))
