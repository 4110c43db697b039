"""Outlines of cells: they fit, they nest, they hold just the cells that they are of."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from accessibility.analysis import outline_kernels as kernels
from accessibility.analysis.outlines import absorbed, filled, outlines, simplified, without_specks


def framed(cells: np.ndarray) -> np.ndarray:
    return np.pad(cells, 1)


@st.composite
def cells(draw: st.DrawFn, labels: int = 3) -> np.ndarray:
    rows, columns = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    values = draw(
        st.lists(st.integers(0, labels), min_size=rows * columns, max_size=rows * columns)
    )
    return framed(np.array(values, dtype=np.int8).reshape(rows, columns))


def middles(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    row, column = np.indices(shape)
    return column + 0.5, -(row + 0.5)


@given(cells())
@settings(deadline=None, max_examples=200)
def test_an_outline_holds_its_cells_and_no_other(labels: np.ndarray) -> None:
    shapes, label = outlines(labels)
    x, y = middles(labels.shape)
    found = np.zeros(labels.shape, dtype=int)
    for shape, one in zip(shapes, label, strict=True):
        inside = shapely.contains_xy(shape, x, y)
        assert (found[inside] == 0).all()
        found[inside] = one
    assert np.array_equal(found, labels)
    assert shapely.is_valid(shapes).all()
    assert len(shapes) == 0 or shapely.coverage_is_valid(shapes)
    assert shapely.area(shapes).sum() == (labels > 0).sum()


@given(cells(2), st.integers(1, 5))
@settings(deadline=None, max_examples=100)
def test_parts_are_those_of_another_library(labels: np.ndarray, least: int) -> None:
    part, size = kernels.components(labels)
    for value in range(3):
        expected, n = ndimage.label(labels == value)
        pairs = {
            (a, b) for a, b in zip(part[labels == value], expected[labels == value], strict=True)
        }
        assert len(pairs) == n == len({a for a, _ in pairs})
    assert size.tolist() == np.bincount(part.ravel()).tolist()


@given(cells(3), st.integers(1, 6))
@settings(deadline=None, max_examples=200)
def test_smoothed_sets_have_no_small_island_or_hole_and_stay_nested(
    labels: np.ndarray, least: int
) -> None:
    found = without_specks(labels, 3, least)
    for k in (1, 2, 3):
        inside = (found > 0) & (found <= k)
        islands, n = ndimage.label(inside)
        assert n == 0 or np.bincount(islands.ravel())[1:].min() >= least
        holes, n = ndimage.label(~inside)
        assert np.bincount(holes.ravel())[1:].min() >= min(least, (~inside).sum())
        # one more inner cell never takes a cell away
        more = np.where((labels > k) | (labels == 0), labels, 1)
        wider = without_specks(more, 3, least)
        assert ((wider > 0) & (wider <= k))[inside].all()


def test_holes_and_islands_stay_from_their_area_on() -> None:
    labels = np.zeros((12, 12), dtype=np.int8)
    labels[1:8, 1:8] = 1
    labels[3, 3:5] = 0  # a hole of two cells
    labels[10, 10] = 1  # an island of one
    assert np.array_equal(without_specks(labels, 1, 1), labels)
    two = without_specks(labels, 1, 2)
    assert two[10, 10] == 0
    assert two[3, 3] == 0
    assert without_specks(labels, 1, 3)[3, 3:5].tolist() == [1, 1]


def test_parts_that_meet_at_a_corner_are_two_and_a_part_that_meets_itself_has_a_hole() -> None:
    corner = framed(np.array([[1, 0], [0, 1]], dtype=np.int8))
    shapes, _ = outlines(corner)
    assert len(shapes) == 2
    pinch = framed(np.array([[1, 1, 1], [1, 0, 1], [1, 1, 0]], dtype=np.int8))
    shapes, _ = outlines(pinch)
    assert len(shapes) == 1
    assert len(shapes[0].interiors) == 1
    assert shapes[0].is_valid


@given(cells(4), st.sampled_from([0.0, 1.0, 1.5, 3.0]))
@settings(deadline=None, max_examples=100)
def test_straightened_outlines_still_fit(labels: np.ndarray, tolerance: float) -> None:
    shapes, label = outlines(labels)
    straight = simplified(shapes, tolerance)
    if not len(shapes):
        return
    assert shapely.is_valid(straight).all()
    assert shapely.coverage_is_valid(straight)
    sets = [shapely.coverage_union_all(straight[label <= k]) for k in (1, 2, 3, 4)]
    for inner, outer in itertools.pairwise(sets):
        assert shapely.area(shapely.difference(inner, outer)) < 1e-9


def test_a_staircase_is_straightened() -> None:
    steps = np.zeros((40, 40), dtype=np.int8)
    for i in range(1, 39):
        steps[i, 1 : i + 1] = 1
    (shape,), _ = outlines(steps)
    (straight,) = simplified(np.array([shape]), 1.0)
    assert shapely.get_num_coordinates(straight) < shapely.get_num_coordinates(shape) / 5
    assert straight.hausdorff_distance(shape) < 1
    assert simplified(np.array([shape]), 0.0)[0].equals(shape)


def test_cells_without_an_owner_take_the_nearest() -> None:
    inside = np.array([[1, 1, 1, 1, 0]], dtype=bool)
    assert filled(np.array([[3, 0, 0, 5, 0]]), inside).tolist() == [[3, 3, 5, 5, 0]]
    assert filled(np.zeros((1, 5), dtype=int), inside).tolist() == [[0] * 5]


def test_small_parts_go_to_a_larger_neighbour_but_islands_stay_divided() -> None:
    owner = np.array(
        [[1, 1, 1, 2, 0, 1, 2],
         [1, 3, 1, 2, 0, 0, 0],
         [1, 1, 1, 2, 0, 0, 0]]
    )  # fmt: skip
    assert absorbed(owner, 3).tolist() == [
        [1, 1, 1, 2, 0, 1, 2],
        [1, 1, 1, 2, 0, 0, 0],
        [1, 1, 1, 2, 0, 0, 0],
    ]
    assert np.array_equal(absorbed(owner, 1), owner)


def test_nothing_has_no_outline() -> None:
    nothing = np.zeros((5, 5), dtype=np.int8)
    shapes, label = outlines(nothing)
    assert (len(shapes), len(label)) == (0, 0)
    assert len(simplified(shapes, 1.0)) == 0
    assert not without_specks(nothing, 2, 4).any()


@pytest.mark.parametrize("n", [300])
def test_room_grows_for_many_parts(n: int) -> None:
    board = np.indices((n, n)).sum(axis=0) % 2
    shapes, _ = outlines(framed(board.astype(np.int8)))
    assert len(shapes) == n * n // 2
    assert shapely.area(shapes).sum() == n * n // 2
