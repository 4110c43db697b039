"""Cells -> areas: outlines of equal cells that fit together without gap or overlap."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from scipy.ndimage import distance_transform_edt

from accessibility.analysis import outline_kernels as kernels

Ints = npt.NDArray[np.signedinteger[Any]]
Shapes = npt.NDArray[np.object_]


def without_specks(labels: Ints, n_labels: int, least_cells: int) -> Ints:
    """Leave out islands and fill holes of fewer cells, for each label with all before it.

    Both are increasing: what holds a set before holds it afterwards, so that areas stay nested.

    Parameters
    ----------
    labels : int array (rows, columns)
        0 outside, then 1 to `n_labels` from the innermost area outwards; the rim is 0.
    n_labels : int
    least_cells : int
        Islands and holes of as many cells stay.

    Returns
    -------
    int16 array (rows, columns)

    Examples
    --------
    >>> labels = np.zeros((5, 6), dtype=np.int8)
    >>> labels[1:4, 1:4] = 1
    >>> labels[2, 2] = 0
    >>> without_specks(labels, 1, 2)[2].tolist()
    [0, 1, 1, 1, 0, 0]
    """
    found = np.zeros(labels.shape, dtype=np.int16)
    for label in range(n_labels, 0, -1):
        inside = (labels > 0) & (labels <= label)
        if not inside.any():
            break
        window = _window(inside)
        part = np.ascontiguousarray(inside[window])
        for keep in (True, False):  # islands, then holes
            number, size = kernels.components(part)
            size[number[0, 0]] = max(size[number[0, 0]], least_cells)  # the outside is no hole
            small = (size < least_cells)[number] & (part == keep)
            part = part ^ small
        found[window][part] = label
    return found


def filled(owner: Ints, inside: npt.NDArray[np.bool_]) -> Ints:
    """Give cells inside that have no owner the owner of the nearest cell that has one.

    Parameters
    ----------
    owner : int array (rows, columns)
        0 where there is none.
    inside : bool array (rows, columns)

    Returns
    -------
    int array (rows, columns)
        0 outside.
    """
    own = np.where(inside, owner, 0)
    if not own.any() or not (inside & (own == 0)).any():
        return own
    row, column = distance_transform_edt(own == 0, return_distances=False, return_indices=True)
    return np.where(inside, own[row, column], 0)


def absorbed(owner: Ints, least_cells: int) -> Ints:
    """Give parts of fewer cells to the nearest owner of a larger part: no slivers.

    Parameters
    ----------
    owner : int array (rows, columns)
        0 outside.
    least_cells : int
        Parts of as many cells stay.
    """
    number, size = kernels.components(owner)
    inside = owner > 0
    large = (size >= least_cells)[number] & inside
    # an island with small parts only stays as it is divided: no larger one touches them
    island, _ = kernels.components(inside)
    joined = np.zeros(island.max() + 1, dtype=bool)
    joined[island[large]] = True
    return filled(np.where(large | ~joined[island], owner, 0), inside)


def outlines(labels: Ints) -> tuple[Shapes, Ints]:
    """Polygons around equal cells, in rows and columns (x: column, y: minus row).

    Parameters
    ----------
    labels : int array (rows, columns)
        0 has no outline; the rim is 0.

    Returns
    -------
    array of Polygon
        A coverage: polygons that touch share their corners.
    int array
        Label of each.
    """
    window = _window(labels > 0)
    part = np.ascontiguousarray(labels[window])
    number, size = kernels.components(part)
    corner, first, owner = kernels.trace(part, number)
    if not len(owner):
        return np.empty(0, dtype=object), np.empty(0, dtype=np.int64)
    order = np.argsort(owner, kind="stable")
    length = np.diff(first)[order]
    start = np.r_[0, np.cumsum(length)]
    take = np.repeat(first[:-1][order] - start[:-1], length) + np.arange(start[-1])
    row, column = corner[take].T
    xy = np.stack([column + window[1].start, -(row + window[0].start)], axis=1).astype(float)
    parts, at = np.unique(owner[order], return_index=True)
    shapes: Shapes = shapely.from_ragged_array(
        shapely.GeometryType.POLYGON, xy, (start, np.r_[at, len(owner)])
    )
    label = np.zeros(len(size), dtype=np.int64)
    label[number.ravel()] = part.ravel()
    return shapes, label[parts]


def simplified(shapes: Shapes, tolerance: float) -> Shapes:
    """Straighten the outlines of a coverage together, so that they still fit.

    A corner goes where the triangle with its neighbours is smaller than the square of the
    tolerance (Visvalingam and Whyatt 1993), unless lines would then cross.
    """
    if not len(shapes) or tolerance <= 0:
        return shapes
    straight: Shapes = shapely.coverage_simplify(shapes, tolerance)
    return straight


def _window(inside: npt.NDArray[np.bool_]) -> tuple[slice, slice]:
    """Rows and columns that hold all that is inside, with one more around."""
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(rows[0] - 1, rows[-1] + 2), slice(columns[0] - 1, columns[-1] + 2)
