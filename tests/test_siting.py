"""Siting is exact: the best of all choices, as trying every one of them shows."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from accessibility.analysis.siting_covering import max_coverage, set_cover
from accessibility.analysis.siting_distance import p_center, p_median
from accessibility.analysis.siting_given import (
    Solution,
)
from accessibility.analysis.siting_presolve import reduce_cover
from accessibility.errors import InputError, SettingError

PROPERTY = settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def instance(seed: int, *, share: float = 0.4):
    """Times (candidates, demand), inf where not reached, people, and seconds to existing sites."""
    random = np.random.default_rng(seed)
    n, m = random.integers(2, 8), random.integers(1, 12)
    times = random.integers(0, 12, (n, m)).astype(float)
    times[random.random((n, m)) > share + 0.4] = np.inf
    people = random.integers(0, 9, m).astype(float)
    current = np.where(random.random(m) < 0.6, random.integers(3, 15, m), np.inf)
    return times, people, current.astype(float)


def stored(times: np.ndarray) -> sp.csr_array:
    row, column = np.nonzero(np.isfinite(times))
    return sp.csr_array((times[row, column], (row, column)), shape=times.shape)


def choices(n: int, most: int, force=(), forbid=()):
    for k in range(most + 1):
        for rows in itertools.combinations(range(n), k):
            if set(force) <= set(rows) and not set(forbid) & set(rows):
                yield list(rows)


def seconds(times: np.ndarray, current: np.ndarray, rows: list[int]) -> np.ndarray:
    return np.minimum(current, times[rows].min(axis=0, initial=np.inf))


def limits(seed: int, n: int) -> tuple[int, list[int], list[int]]:
    """How many sites, and candidates that must and must not be chosen."""
    random = np.random.default_rng(seed + 1)
    order = random.permutation(n).tolist()
    force, forbid = order[: random.integers(0, 2)], order[n - random.integers(0, 2) :][:1]
    forbid = [] if set(forbid) & set(force) or len(order) < 3 else forbid
    return int(random.integers(max(1, len(force)), n - len(forbid) + 1)), force, forbid


SEEDS = st.integers(0, 10**6)


def certified(found: Solution) -> None:
    assert found.optimal
    assert found.gap == 0
    assert found.bound == found.objective


@PROPERTY
@given(SEEDS)
def test_max_coverage_is_the_best_of_all(seed: int) -> None:
    times, people, current = instance(seed)
    p, force, forbid = limits(seed, len(times))
    cover, covered = times <= 5, current <= 5
    best = max(
        people[covered | cover[rows].any(axis=0)].sum()
        for rows in choices(len(times), p, force, forbid)
    )
    found = max_coverage(
        sp.csr_array(cover), people, p, covered=covered, force=force, forbid=forbid
    )
    certified(found)
    assert found.objective == best
    assert people[covered | cover[found.selected].any(axis=0)].sum() == best
    assert found.greedy <= best
    assert set(force) <= set(found.selected)
    assert not set(forbid) & set(found.selected)
    assert len(found.selected) <= p


@PROPERTY
@given(SEEDS, st.floats(0.05, 1))
def test_set_cover_is_the_fewest_of_all(seed: int, target: float) -> None:
    times, people, current = instance(seed)
    _, force, forbid = limits(seed, len(times))
    cover, covered = times <= 5, current <= 5
    enough = [
        len(rows)
        for rows in choices(len(times), len(times), force, forbid)
        if people[covered | cover[rows].any(axis=0)].sum() >= target * people.sum()
    ]
    arguments = {"target": target, "covered": covered, "force": force, "forbid": forbid}
    if not enough:
        with pytest.raises(SettingError, match="cannot be reached: all sites and candidates"):
            set_cover(sp.csr_array(cover), people, **arguments)
        return
    found = set_cover(sp.csr_array(cover), people, **arguments)
    certified(found)
    assert found.objective == len(found.selected) == min(enough)
    reached = people[covered | cover[found.selected].any(axis=0)].sum()
    assert reached >= target * people.sum() * (1 - 1e-9)
    assert found.greedy >= found.objective


@PROPERTY
@example(34051, p_median)  # HiGHS, given a start, called it optimal
@example(775, p_median)
@example(2612, p_median)
@given(SEEDS, st.sampled_from([p_median, p_center]))
def test_drives_are_the_shortest_of_all(seed: int, model: Callable[..., Solution]) -> None:
    times, people, current = instance(seed)
    p, force, forbid = limits(seed, len(times))
    some = people > 0

    def value(rows: list[int]) -> float:
        time_s = seconds(times, current, rows)[some]
        if model is p_center:
            return time_s.max(initial=0.0)
        return float((people[some] * time_s).sum())

    best = min(value(rows) for rows in choices(len(times), p, force, forbid))
    arguments = {"current": current, "force": force, "forbid": forbid}
    if np.isinf(best):
        with pytest.raises(SettingError, match=r"reach all demand|no candidate reaches"):
            model(stored(times), people, p, **arguments)
        return
    found = model(stored(times), people, p, **arguments)
    certified(found)
    assert found.objective == best == value(found.selected.tolist())
    assert found.greedy >= best
    assert set(force) <= set(found.selected)
    assert not set(forbid) & set(found.selected)
    assert len(found.selected) <= p


@PROPERTY
@given(SEEDS)
def test_presolve_changes_no_optimum(seed: int) -> None:
    times, people, current = instance(seed)
    cover, covered = times <= 5, current <= 5
    left = reduce_cover(
        sp.csr_array(cover.astype(float)), people, covered=covered,
        allowed=np.ones(len(times), dtype=bool),
    )  # fmt: skip
    small = left.cover.toarray() > 0
    for p in range(1, len(times) + 1):
        gain = max(
            people[~covered & cover[rows].any(axis=0)].sum() for rows in choices(len(times), p)
        )
        assert gain == max(
            left.weights[small[rows].any(axis=0)].sum() for rows in choices(len(small), p)
        )


@PROPERTY
@given(SEEDS)
def test_relabelling_changes_nothing(seed: int) -> None:
    times, people, current = instance(seed)
    random = np.random.default_rng(seed)
    row, column = random.permutation(len(times)), random.permutation(len(people))
    other = times[row][:, column]
    p = limits(seed, len(times))[0]
    one = max_coverage(sp.csr_array(times <= 5), people, p, covered=current <= 5)
    two = max_coverage(sp.csr_array(other <= 5), people[column], p, covered=current[column] <= 5)
    assert one.objective == two.objective
    reach = np.isfinite(seconds(times, current, list(range(len(times)))))
    weights = people * reach
    now = np.where(np.isinf(current), 99.0, current)
    for model in (p_median, p_center):
        one = model(stored(times), weights, p, current=now)
        two = model(stored(other), weights[column], p, current=now[column])
        assert one.objective == two.objective


def test_greedy_is_not_enough(capfd: pytest.CaptureFixture[str]) -> None:
    """The one that covers most, 4, leaves 1 and 1; the two others cover all."""
    cover = sp.csr_array([[0, 1, 1, 1, 1, 0], [1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]])
    found = max_coverage(cover, np.ones(6), 2)
    assert (found.selected.tolist(), found.objective, found.greedy) == ([1, 2], 6.0, 5.0)
    found = set_cover(cover, np.ones(6))
    assert (found.selected.tolist(), found.objective, found.greedy) == ([1, 2], 2.0, 3.0)
    assert found.optimal
    assert capfd.readouterr() == ("", "")  # the solver says nothing between lines of JSON


def test_of_equal_candidates_the_first() -> None:
    cover = sp.csr_array([[0, 0], [1, 1], [1, 1]])
    assert max_coverage(cover, np.ones(2), 1).selected.tolist() == [1]
    assert set_cover(cover, np.ones(2)).selected.tolist() == [1]


def test_larger_instance_is_proven() -> None:
    random = np.random.default_rng(7)
    at, sites = random.random((800, 2)), random.random((150, 2))
    cover = sp.csr_array(np.linalg.norm(at[None] - sites[:, None], axis=2) < 0.12)
    people = random.integers(1, 200, 800).astype(float)
    found = max_coverage(cover, people, 8)
    certified(found)
    assert found.greedy <= found.objective
    fewest = set_cover(cover, people, target=0.9 * found.objective / people.sum())
    certified(fewest)
    assert fewest.objective <= 8


def test_time_that_is_up_is_told() -> None:
    random = np.random.default_rng(3)
    at, sites = random.random((3000, 2)), random.random((400, 2))
    cover = sp.csr_array(np.linalg.norm(at[None] - sites[:, None], axis=2) < 0.1)
    found = max_coverage(cover, random.random(3000), 15, time_limit_s=1e-6)
    assert not found.optimal
    assert found.bound >= found.objective == found.greedy
    assert found.gap > 0


COVER = sp.csr_array([[1, 0, 0], [0, 1, 0]])


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"p": 0}, "0 sites were asked for; a whole number from 1"),
        ({"p": 3}, "3 sites were asked for, but only 2 candidates"),
        ({"p": 2, "forbid": [0]}, "only 1 candidates"),
        ({"p": 1, "force": [0], "forbid": [0]}, "candidates 0 are forced and forbidden at once"),
        ({"p": 1, "force": [0, 1]}, "2 candidates are forced, but only 1"),
        ({"p": 1, "force": [2]}, "there are 2 candidates; row 2 is none"),
        ({"p": 1, "time_limit_s": 0}, "the time limit is 0 s"),
    ],
)
def test_impossible_choices(arguments: dict, text: str) -> None:
    with pytest.raises(SettingError, match=text):
        max_coverage(COVER, np.ones(3), **arguments)


def test_impossible_inputs() -> None:
    with pytest.raises(SettingError, match=r"a coverage of 100.00% cannot .* cover 66.67%"):
        set_cover(COVER, np.ones(3))
    with pytest.raises(SettingError, match=r"the target is 1\.2"):
        set_cover(COVER, np.ones(3), target=1.2)
    with pytest.raises(SettingError, match="reaches the demand in rows 2"):
        p_median(COVER, np.ones(3), 1)
    with pytest.raises(SettingError, match="1 sites do not reach all demand"):
        p_center(COVER, np.array([1.0, 1.0, 0.0]), 1)
    with pytest.raises(InputError, match="2 weights were given for 3 demand points"):
        max_coverage(COVER, np.ones(2), 1)
    with pytest.raises(InputError, match="a weight is below 0"):
        max_coverage(COVER, -np.ones(3), 1)
    with pytest.raises(InputError, match="a drive time is below 0"):
        p_median(-COVER, np.ones(3), 1)
