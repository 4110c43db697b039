"""Where the names stand on a static map: none on another, on a site or over the frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

STEPS_PX = (0, 14, 22, 32, 44, 58, 76, 98, 124)
"""How far a name may stand from its place."""

ANGLES = np.radians(np.arange(0, 360, 15))

MARGIN_PX = 2.0
"""Free space around a name."""

OVER_MARKED = 60.0
"""Pixels of distance that a name is worth which covers no marked commune."""

OVER_LAND = 14.0
"""Pixels of distance that a name is worth which stands beside the territory."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Label:
    """Where a name stands, in pixels.

    Attributes
    ----------
    index : int
        Row of the place.
    x, y : float
        Centre of the text.
    leader : (float, float) or None
        End of a line from the place to the text; None where the text is beside it.
    """

    index: int
    x: float
    y: float
    leader: tuple[float, float] | None


def place_labels(
    places: npt.NDArray[np.float64],
    sizes: npt.NDArray[np.float64],
    *,
    frame: Box,
    taken: Sequence[Box],
    marked: shapely.Geometry,
    land: shapely.Geometry,
) -> list[Label]:
    """Find room for names, the first ones first; those without room are left out.

    Parameters
    ----------
    places : array (n, 2)
        Points that the names belong to, in pixels.
    sizes : array (n, 2)
        Width and height of each text.
    frame : (left, bottom, right, top)
        What a name must not leave.
    taken : sequence of boxes
        What a name must not touch.
    marked, land : geometry
        Areas that a name had better not cover: communes that are marked, the territory.

    Returns
    -------
    list of Label

    Examples
    --------
    >>> nothing = shapely.Polygon()
    >>> place_labels(np.array([[50.0, 50.0]]), np.array([[30.0, 10.0]]), frame=(0, 0, 100, 100),
    ...              taken=[], marked=nothing, land=nothing)
    [Label(index=0, x=50.0, y=50.0, leader=None)]
    """
    shapely.prepare(marked)
    shapely.prepare(land)
    full = [shapely.box(*box) for box in taken]
    placed: list[Label] = []
    for index, ((x, y), (width, height)) in enumerate(zip(places, sizes, strict=True)):
        at = _candidates(x, y, width, height)
        halves = np.array([width, height]) / 2 + MARGIN_PX
        low, high = at - halves, at + halves
        boxes = shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1])
        ends = np.clip((x, y), low, high)
        leaders = shapely.linestrings(np.stack([np.tile((x, y), (len(at), 1)), ends], axis=1))
        tree = shapely.STRtree(full)
        free = np.all((low >= frame[:2]) & (high <= frame[2:]), axis=1)
        free[tree.query(boxes, predicate="intersects")[0]] = False
        # the place itself may lie in one, such as on a site
        line, met = tree.query(leaders, predicate="intersects")
        free[line[~shapely.covers(np.array(full, dtype=object)[met], shapely.Point(x, y))]] = False
        if not free.any():
            continue
        away = np.hypot(*(ends - (x, y)).T)
        cost = away + OVER_MARKED * _share(boxes, marked) + OVER_LAND * _share(boxes, land)
        best = int(np.argmin(np.where(free, cost, np.inf)))
        far = away[best] > MARGIN_PX
        placed.append(
            Label(
                index,
                float(at[best, 0]),
                float(at[best, 1]),
                (float(ends[best, 0]), float(ends[best, 1])) if far else None,
            )
        )
        full.append(boxes[best])
        if far:
            full.append(leaders[best])
    return placed


def _candidates(x: float, y: float, width: float, height: float) -> npt.NDArray[np.float64]:
    """Centres of the text whose nearest edge is each step from the place, all around it."""
    steps = np.array(STEPS_PX[1:], dtype=float)[:, None]
    dx, dy = np.cos(ANGLES), np.sin(ANGLES)
    around = np.stack(
        [x + dx * steps + dx * width / 2, y + dy * steps + dy * height / 2], axis=-1
    ).reshape(-1, 2)
    return np.concatenate([[[x, y]], around])


def _share(boxes: npt.NDArray[np.object_], area: shapely.Geometry) -> npt.NDArray[np.float64]:
    overlap: npt.NDArray[np.float64] = shapely.area(shapely.intersection(boxes, area))
    whole: npt.NDArray[np.float64] = shapely.area(boxes)
    return overlap / whole
