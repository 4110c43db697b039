"""Siting under rules: the best of all choices that obey them, each tie once, bounds that hold."""

from __future__ import annotations

import time
from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from test_siting import PROPERTY, SEEDS, certified, choices, instance, seconds, stored

from accessibility.analysis.siting_covering import max_coverage, set_cover
from accessibility.analysis.siting_distance import p_center, p_median
from accessibility.analysis.siting_given import NoChoiceError
from accessibility.analysis.siting_lagrange import relax
from accessibility.analysis.siting_median_bound import relax_median
from accessibility.analysis.siting_presolve import Reduced
from accessibility.analysis.siting_rules import Rules, at_least, at_most, no_rules
from accessibility.analysis.siting_search import exchanged, greedy_cover
from accessibility.analysis.siting_ties import ties
from accessibility.errors import InputError, SettingError


def random_rules(seed: int, n: int) -> Rules:
    """Zones with at most one, a budget, or a zone with at least one."""
    random = np.random.default_rng(seed + 2)
    zone = random.integers(0, 3, n)
    rules = no_rules(n)
    if random.random() < 0.6:
        rows = np.array([zone == z for z in range(3)], dtype=float)
        rules = rules.also(at_most(rows, np.ones(3), ["at most one in a zone"] * 3))
    if random.random() < 0.6:
        costs = random.integers(0, 6, n).astype(float)
        rules = rules.also(at_most(costs[None], np.array([random.integers(3, 12)]), ["a budget"]))
    if random.random() < 0.5:
        row = (zone == random.integers(0, 3)).astype(float)
        rules = rules.also(at_least(row[None], np.ones(1), ["at least one in a zone"]))
    return rules


def obeying(rules: Rules, n: int, most: int, force=()):
    for rows in choices(n, most, force):
        if rules.obeyed(np.array(rows, dtype=np.int64)):
            yield rows


def value_of(model, times, people, current, rows, target: float) -> float:
    """What the model makes small; inf where the choice does not do."""
    some = people > 0
    if model in (max_coverage, set_cover):
        reached = people[(current <= 5) | (times[rows] <= 5).any(axis=0)].sum()
        if model is max_coverage:
            return -float(reached)
        return float(len(rows)) if reached >= target * people.sum() else np.inf
    time_s = seconds(times, current, rows)[some]
    return time_s.max(initial=0.0) if model is p_center else float((people[some] * time_s).sum())


def asked(model, times, people, current, p: int, target: float, **given_):
    if model in (max_coverage, set_cover):
        how = {"p": p} if model is max_coverage else {"target": target}
        cover = sp.csr_array(times <= 5)
        return partial(model, cover, people, covered=current <= 5, **how, **given_)
    return partial(model, stored(times), people, p, current=current, **given_)


MODELS = st.sampled_from([max_coverage, set_cover, p_median, p_center])


@PROPERTY
@given(SEEDS, MODELS, st.floats(0.05, 1))
def test_best_of_all_that_obey_the_rules(seed: int, model, target: float) -> None:
    times, people, current = instance(seed)
    n = len(times)
    random = np.random.default_rng(seed + 1)
    force = random.permutation(n)[: random.integers(0, 2)].tolist()
    p = int(random.integers(max(1, len(force)), n + 1))
    rules = random_rules(seed, n)
    most = n if model is set_cover else p
    values = [
        value_of(model, times, people, current, rows, target)
        for rows in obeying(rules, n, most, force)
    ]
    best = min(values, default=np.inf)
    question = asked(model, times, people, current, p, target, force=force, rules=rules)
    if np.isinf(best):
        with pytest.raises(SettingError, match=r"reach|rules"):
            question()
        return
    found = question()
    certified(found)
    rows = found.selected.tolist()
    assert value_of(model, times, people, current, rows, target) == best
    assert found.objective == (-best if model is max_coverage else best)
    assert rules.obeyed(found.selected)
    assert set(force) <= set(rows)
    worse = -found.greedy if model is max_coverage else found.greedy
    assert not worse < best


@PROPERTY
@given(SEEDS, MODELS)
def test_ties_are_all_choices_of_equal_value(seed: int, model) -> None:
    """All smallest ones: a site that betters nothing makes no other choice."""
    times, people, current = instance(seed)
    n, target = len(times), 0.7
    p = min(n, 3)
    most = n if model is set_cover else p
    question = asked(model, times, people, current, p, target)
    try:
        first = question()
    except SettingError:
        return
    best = -first.objective if model is max_coverage else first.objective
    equal = [
        set(rows)
        for rows in choices(n, most)
        if value_of(model, times, people, current, rows, target) == best
    ]
    smallest = [rows for rows in equal if not any(other < rows for other in equal)]
    others, whole = ties(
        lambda rules, limit_s: question(rules=rules, time_limit_s=limit_s),
        first, no_rules(n), most=1000, until=time.monotonic() + 60,
    )  # fmt: skip
    assert whole
    found = [frozenset(map(int, rows)) for rows in [first.selected, *others]]
    assert len(set(found)) == len(found)
    assert set(found) == {frozenset(rows) for rows in smallest}


def test_a_list_of_ties_may_not_be_whole() -> None:
    question = partial(max_coverage, sp.eye_array(4), np.ones(4), 1)
    first = question()
    for most, whole in ((0, False), (2, False), (3, True), (9, True)):
        others, all_ = ties(
            lambda rules, limit_s: question(rules=rules, time_limit_s=limit_s),
            first, no_rules(4), most=most, until=time.monotonic() + 60,
        )  # fmt: skip
        assert ([rows.tolist() for rows in others], all_) == ([[1], [2], [3]][:most], whole)


@PROPERTY
@given(SEEDS)
def test_the_bound_holds_for_every_choice(seed: int) -> None:
    times, people, _ = instance(seed)
    n = len(times)
    cover = sp.csr_array((times <= 5).astype(float))
    problem = Reduced(cover, people, np.arange(n))
    for p in range(1, n + 1):
        start, value = greedy_cover(problem, most=p)
        better, more = exchanged(problem, start, until=time.monotonic() + 60)
        assert more >= value
        assert len(better) <= p
        found = relax(problem, p, start, until=time.monotonic() + 60)
        assert found.value >= value
        for rows in choices(n, p):
            reached = people[(times[rows] <= 5).any(axis=0)].sum()
            assert reached <= found.bound * (1 + 1e-9)
            assert all(reached <= found.value_of[i] + 1e-9 * (1 + reached) for i in rows)


@PROPERTY
@given(SEEDS)
def test_the_bound_of_drives_holds_for_every_choice(seed: int) -> None:
    times, people, current = instance(seed)
    n = len(times)
    people += 1
    now = np.minimum(current, 99.0)
    for p in range(1, n + 1):
        start = np.arange(p)
        found = relax_median(
            stored(times), people, now, p, start, until=time.monotonic() + 60, rules=no_rules(n)
        )
        for rows in choices(n, p):
            driven = people @ seconds(times, now, rows)
            assert driven >= found.bound - 1e-9 * (1 + driven)
            assert all(driven >= found.value_of[i] - 1e-9 * (1 + driven) for i in rows)
        assert found.value == pytest.approx(people @ seconds(times, now, found.chosen.tolist()))


@PROPERTY
@given(SEEDS)
def test_one_more_site_never_covers_less(seed: int) -> None:
    times, people, current = instance(seed)
    cover = sp.csr_array(times <= 5)
    reached = [
        max_coverage(cover, people, p, covered=current <= 5).objective
        for p in range(1, len(times) + 1)
    ]
    assert reached == sorted(reached)
    within = (current <= 5) | (times <= 5).any(axis=0)
    assert reached[-1] == people[within].sum()


def test_many_candidates_are_proven_from_a_few() -> None:
    """More than are tried first; the mixed program alone needs a minute."""
    random = np.random.default_rng(5)
    at, sites = random.random((4000, 2)), random.random((600, 2))
    cover = sp.csr_array(np.linalg.norm(at[None] - sites[:, None], axis=2) < 0.07)
    people = random.integers(1, 60, 4000).astype(float)
    found = max_coverage(cover, people, 8)
    certified(found)
    shares = max_coverage(cover, people / 7, 8)
    assert shares.optimal
    assert shares.objective == pytest.approx(found.objective / 7)


def test_what_is_in_the_way() -> None:
    cover, people = sp.eye_array(4), np.ones(4)
    north = np.array([[1.0, 1.0, 0.0, 0.0]])
    need = at_least(north, np.array([2.0]), ["at least 2 sites in Nord"])
    with pytest.raises(NoChoiceError, match="the rules need 2 sites, but only 1 may be chosen"):
        max_coverage(cover, people, 1, rules=need)
    both = need.also(at_most(north, np.ones(1), ["at most one site in Nord"]))
    with pytest.raises(NoChoiceError, match="in the way: at least 2 sites in Nord, at most one"):
        max_coverage(cover, people, 3, rules=both)
    with pytest.raises(NoChoiceError, match="in the way: at least 2 sites in Nord"):
        max_coverage(cover, people, 3, forbid=[0], rules=need)
    with pytest.raises(NoChoiceError, match="under the rules; in the way: a budget"):
        set_cover(cover, people, rules=at_most(np.ones((1, 4)), np.array([3.0]), ["a budget"]))
    with pytest.raises(InputError, match="the rules are for 4 candidates; there are 2"):
        max_coverage(cover.tocsr()[:2], people, 1, rules=need)
