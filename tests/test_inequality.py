"""Quantiles, Lorenz curve, Gini and Palma over people, against closed forms and brute force."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accessibility.analysis.inequality import gini, lorenz, mean, palma, quantiles
from accessibility.errors import InputError, SettingError

SHARES = [Fraction(k, 20) for k in range(1, 21)]
PLACES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 12)), min_size=1, max_size=9).filter(
    lambda places: any(people for _, people in places)
)


def crowd(places: list[tuple[int, int]]) -> np.ndarray:
    """Everybody in a row, one number each, from least to most."""
    return np.sort(np.repeat(*np.array(places).T)).astype(float)


@given(PLACES)
@settings(max_examples=60, deadline=None)
def test_quantiles_are_those_of_everybody_in_a_row(places: list[tuple[int, int]]) -> None:
    values, people = np.array(places).T
    everybody = crowd(places)
    expected = [everybody[math.ceil(q * len(everybody)) - 1] for q in SHARES]
    assert quantiles(values, people, [float(q) for q in SHARES]).tolist() == expected
    assert quantiles(values, people, [0]).item() == everybody[0]
    assert mean(values, people) == pytest.approx(everybody.mean())


@given(PLACES)
@settings(max_examples=60, deadline=None)
def test_gini_is_half_the_mean_difference_of_two_people(places: list[tuple[int, int]]) -> None:
    values, people = np.array(places).T
    everybody = crowd(places)
    if not everybody.any():
        assert math.isnan(gini(values, people))
        assert math.isnan(palma(values, people))
        return
    difference = np.abs(everybody[:, None] - everybody[None, :]).mean()
    assert gini(values, people) == pytest.approx(difference / 2 / everybody.mean(), abs=1e-12)
    # ten of each, so that tenths are whole people
    ten = np.repeat(everybody, 10)
    least, most = ten[: 4 * len(everybody)].sum(), ten[9 * len(everybody) :].sum()
    assert palma(values, people) == pytest.approx(most / least if least else np.inf)


@given(PLACES, st.floats(0.001, 1000), st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_neither_the_unit_nor_the_cut_into_places_matters(
    places: list[tuple[int, int]], unit: float, parts: int
) -> None:
    values, people = np.array(places, dtype=float).T
    whole = [gini(values, people), palma(values, people)]
    cut = np.repeat(values, parts)[::-1], np.repeat(people / parts, parts)[::-1]
    assert [gini(*cut), palma(*cut)] == pytest.approx(whole, nan_ok=True)
    scaled = values * unit
    assert [gini(scaled, people), palma(scaled, people)] == pytest.approx(whole, nan_ok=True)
    assert len(lorenz(*cut)) == len(lorenz(values, people))


def test_closed_forms() -> None:
    for n in (2, 5, 100):
        one_has_all = np.eye(1, n)[0]
        assert gini(one_has_all, np.ones(n)) == pytest.approx(1 - 1 / n)
        assert gini(np.full(n, 0.1), np.arange(n)) == 0.0
        assert palma(np.full(n, 0.1), np.arange(n)) == pytest.approx(0.25)
    # a share p of the people has a share s of all: the Gini is p - s
    assert gini([1.0, 9.0], [30, 10]) == pytest.approx(0.75 - 30 / 120)
    # and the poorer four tenths hold 0.4 / 0.75 of theirs, the last tenth 0.1 / 0.25 of the rest
    assert palma([1.0, 9.0], [30, 10]) == pytest.approx(
        (0.1 / 0.25 * 90 / 120) / (0.4 / 0.75 * 30 / 120)
    )
    assert palma([0.0, 1.0], [50, 50]) == np.inf


def test_the_curve_bends_upwards_from_corner_to_corner() -> None:
    curve = lorenz([3.0, 1.0, 1.0, 0.0, 7.0], [10, 20, 5, 5, 0])
    assert curve["people_share"].tolist() == [0, 5 / 40, 30 / 40, 1]
    assert curve["value_share"].tolist() == [0, 0, 25 / 55, 1]
    slopes = np.diff(curve["value_share"]) / np.diff(curve["people_share"])
    assert (np.diff(slopes) > 0).all()


def test_nobody_and_nothing() -> None:
    assert lorenz([], []).to_numpy().tolist() == [[0, 0]]
    assert lorenz([1.0], [0]).to_numpy().tolist() == [[0, 0]]
    for nothing in (mean, gini, palma):
        assert math.isnan(nothing([5.0], [0]))
    assert math.isnan(quantiles([5.0], [0], [0.5]).item())
    assert lorenz([0.0, 0.0], [3, 4])["value_share"].isna().tolist() == [False, True]


def test_what_is_not_reached_stands_last() -> None:
    values, people = [np.inf, 5.0, 60.0], [10, 80, 10]
    assert quantiles(values, people, [0.8, 0.9, 0.91, 1]).tolist() == [5, 60, np.inf, np.inf]
    assert mean(values, people) == np.inf
    with pytest.raises(InputError, match=r"values of rows 0 are not finite numbers, 0 or more"):
        gini(values, people)


@pytest.mark.parametrize(
    ("values", "weights", "words"),
    [
        ([1.0, 2.0], [1.0], "shape"),
        ([[1.0]], [[1.0]], "shape"),
        ([1.0, np.nan], [1, 1], "values of rows 1 "),
        ([1.0, -2.0], [1, 1], "values of rows 1 "),
        ([1.0, 2.0], [-1, np.nan], "weights of rows 0, 1 "),
        ([1.0, 2.0], [np.inf, 1], "weights of rows 0 "),
    ],
)
def test_what_cannot_be_shared_out(values: list, weights: list, words: str) -> None:
    for question in (gini, palma, lorenz):
        with pytest.raises(InputError, match=words):
            question(values, weights)


def test_shares_lie_between_nobody_and_everybody() -> None:
    for wrong in (-0.1, 1.1, np.nan):
        with pytest.raises(SettingError, match="from 0 to 1"):
            quantiles([1.0], [1], [wrong])
