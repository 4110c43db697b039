"""Where sites should stand to cover people, on arrays: most people, fewest sites; exact."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from accessibility.analysis.siting_given import (
    WHOLE_GAP,
    NoChoiceError,
    Rows,
    Solution,
    certified,
    covered_by,
    deadline,
    forced_and_allowed,
    incidence,
    joined,
    out_of_time,
    people_of,
    rules_for,
    whole_gap,
    without_idle,
)
from accessibility.analysis.siting_lagrange import relax
from accessibility.analysis.siting_presolve import Bools, Floats, Ints, Reduced, reduce_cover
from accessibility.analysis.siting_rules import Rules
from accessibility.analysis.siting_search import covered_weight, greedy_cover
from accessibility.analysis.siting_solver import REL_GAP, Program, solve
from accessibility.errors import SettingError, first_of

CORE = 100
"""Candidates that are tried first: the most promising, a multiple of what is chosen."""


def max_coverage(
    cover: Any,
    weights: Floats,
    p: int,
    *,
    covered: Bools | None = None,
    force: Rows = (),
    forbid: Rows = (),
    rules: Rules | None = None,
    time_limit_s: float = 60.0,
) -> Solution:
    """At most p new sites that cover as much as possible: maximal covering (MCLP).

    Parameters
    ----------
    cover : sparse array (candidates, demand)
        Nonzero where a candidate covers a demand point.
    weights : float array (demand,)
        People at each demand point, 0 or more.
    p : int
        New sites, forced ones among them.
    covered : bool array (demand,), optional
        Demand that existing sites cover.
    force, forbid : sequence of int
        Rows of candidates that must, or must not, be chosen.
    rules : Rules, optional
        What the choice must obey beside.
    time_limit_s : float
        Seconds after which the best choice so far is returned.

    Returns
    -------
    Solution
        The objective is the weight covered, that of existing sites included. Of equal
        candidates the first is chosen.

    Raises
    ------
    SettingError
        If p is below 1 or above the candidates, force and forbid contradict, or no choice
        obeys the rules.
    InputError
        If shapes do not fit or a weight is below 0.

    Notes
    -----
    Church, R. and ReVelle, C. (1974), "The maximal covering location problem", Papers of the
    Regional Science Association 32. A Lagrangian bound (`relax`) leaves the few candidates that
    a better choice than the best one known may hold; the mixed-integer program is solved on
    these, the most promising first. A group of demand that one candidate alone covers needs no
    variable of its own.

    Examples
    --------
    >>> cover = sp.csr_array([[1, 1, 0], [0, 1, 1], [0, 0, 1]])
    >>> found = max_coverage(cover, np.array([5.0, 1.0, 3.0]), 1)
    >>> found.selected.tolist(), found.objective, found.optimal
    ([0], 6.0, True)
    """
    until = deadline(time_limit_s)
    cover = incidence(cover)
    weights = people_of(weights, cover)
    forced, allowed = forced_and_allowed(cover.shape[0], force, forbid, p)
    left = rules_for(rules, forced, allowed, p)
    done = covered_by(cover, covered, forced)
    base = float(weights[done].sum())
    whole = whole_gap(weights)
    problem, left = reduced(cover, weights, done, allowed, left)
    more = p - len(forced)

    def value_of(chosen: Ints) -> float:
        return float(weights[covered_by(cover, covered, chosen)].sum())

    def of(rows: Ints) -> tuple[Ints, float]:
        chosen = joined(forced, problem.candidates[rows])
        return chosen, value_of(chosen)

    rows, gain = greedy_cover(problem, most=more, rules=left)
    greedy, reached = of(rows)
    obeys = left.obeyed(rows)
    if more == 0 or (obeys and gain >= problem.weights.sum()):
        best = without_idle(greedy, forced, rules, value_of)
        return certified(best, reached, reached, True, reached, greedy)
    found = _proven(problem, more, left, rows if obeys else None, until=until, whole=whole)
    if found.rows is None and found.optimal:
        raise NoChoiceError(f"no choice of {p} sites obeys all rules: {first_of(left.names)}.")
    if found.rows is None:
        raise SettingError(out_of_time(time_limit_s))
    best, value = of(found.rows) if found.gain > gain or not obeys else (greedy, reached)
    best = without_idle(best, forced, rules, value_of)
    bound = value if found.optimal else max(value, base + found.bound)
    by_greedy = reached if obeys else float("nan")
    return certified(best, value, bound, found.optimal, by_greedy, greedy)


def set_cover(
    cover: Any,
    weights: Floats,
    *,
    target: float = 1.0,
    covered: Bools | None = None,
    force: Rows = (),
    forbid: Rows = (),
    rules: Rules | None = None,
    time_limit_s: float = 60.0,
) -> Solution:
    """Fewest new sites that cover a share of the demand, or all of it (LSCP).

    Parameters
    ----------
    cover, weights, covered, force, forbid, rules, time_limit_s
        As in `max_coverage`.
    target : float
        Share of all weights that must be covered, above 0 to 1.

    Returns
    -------
    Solution
        The objective is the number of new sites, forced ones among them.

    Raises
    ------
    SettingError
        If the target is out of its range or all candidates together do not reach it, or force
        and forbid contradict.
    InputError
        If shapes do not fit or a weight is below 0.

    Notes
    -----
    Toregas, C., Swain, R., ReVelle, C. and Bergman, L. (1971), "The location of emergency
    service facilities", Operations Research 19. Shares are met to one in 10^9.

    Examples
    --------
    >>> cover = sp.csr_array([[1, 1, 0], [0, 1, 1], [0, 0, 1]])
    >>> set_cover(cover, np.ones(3)).selected.tolist()
    [0, 1]
    >>> set_cover(cover, np.ones(3), target=0.6).selected.tolist()
    [0]
    """
    until = deadline(time_limit_s)
    if not 0 < target <= 1:
        raise SettingError(f"the target is {target:g}; a share above 0, up to 1, is expected.")
    cover = incidence(cover)
    weights = people_of(weights, cover)
    forced, allowed = forced_and_allowed(cover.shape[0], force, forbid)
    left = rules_for(rules, forced, allowed, None)
    done = covered_by(cover, covered, forced)
    problem, left = reduced(cover, weights, done, allowed, left)
    total, base = float(weights.sum()), float(weights[done].sum())
    whole = whole_gap(weights)
    need = target * total * (1 - 1e-12) - base
    need = float(np.ceil(need - 1e-6)) if whole else need
    within = float(problem.weights.sum())
    if need > within * (1 + 1e-12):
        raise NoChoiceError(
            f"a coverage of {target:.2%} cannot be reached: all sites and candidates together "
            f"cover {(base + within) / total:.2%}."
        )
    need = min(need, within)
    chosen, reached = greedy_cover(problem, need=need, rules=left)
    greedy = joined(forced, problem.candidates[chosen])
    obeys = reached >= need * (1 - 1e-12) and left.obeyed(chosen)
    number = float(len(greedy)) if obeys else np.inf
    if obeys and len(chosen) <= 1:
        return certified(greedy, number, number, True, number, greedy)
    everything = need >= within * (1 - 1e-12)
    if obeys and not everything:
        rows, fewest, proven = _fewest(problem, left, chosen, need, until=until, whole=whole)
        best = joined(forced, problem.candidates[rows]) if len(rows) < len(chosen) else greedy
        bound = float(len(best) if proven else len(forced) + fewest)
        return certified(best, float(len(best)), bound, proven, number, greedy)
    if everything:  # no group may be left out
        count = problem.cover.shape[0]
        program = Program(
            np.ones(count), np.ones(count), problem.cover.T.tocsr(),
            np.ones(len(problem.weights)), count,
        )  # fmt: skip
    else:
        gains = _covering(problem)
        # a sum of whole numbers that misses by less than one misses by nothing
        program = Program(
            np.r_[np.ones(gains.whole), np.zeros(len(gains.cost) - gains.whole)],
            gains.upper, gains.rows, gains.least, gains.whole,
        ).also(gains.cost, need - 0.5 if whole else need)  # fmt: skip
    answer = solve(program.obeying(left), time_limit_s=until - time.monotonic(), abs_gap=WHOLE_GAP)
    if answer.infeasible:
        raise NoChoiceError(
            f"a coverage of {target:.2%} cannot be reached under the rules; in the way: "
            f"{first_of(left.names)}."
        )
    bound = len(forced) + max(0.0, float(np.ceil(answer.bound - 1e-6)))
    if answer.values is None:
        if not obeys:
            raise SettingError(out_of_time(time_limit_s))
        return certified(greedy, number, min(bound, number), False, number, greedy)
    best = joined(forced, problem.candidates[answer.values[: program.whole] > 0.5])
    best = best if len(best) < number else greedy
    bound = float(len(best)) if answer.optimal else bound
    return certified(best, float(len(best)), bound, answer.optimal, number, greedy)


@dataclass(frozen=True)
class _Found:
    rows: Ints | None  # of the problem
    gain: float
    bound: float
    optimal: bool


def _proven(
    problem: Reduced,
    p: int,
    rules: Rules,
    start: Ints | None,
    *,
    until: float,
    whole: float,
    enough: float | None = None,
) -> _Found:
    """Most that at most p candidates cover; or whether they cover enough, which may be sooner."""
    relaxed = relax(problem, p, start, until=until, rules=rules)
    rows, gain = (relaxed.chosen if np.isfinite(relaxed.value) else None), relaxed.value
    bound, core = relaxed.bound, max(CORE, 4 * p)
    solved = np.zeros(len(relaxed.value_of), dtype=bool)
    while enough is None or gain < enough:
        better = gain + 1.0 if whole else gain * (1 + REL_GAP)
        kept = relaxed.may_reach(better if enough is None else enough)
        if not (kept & ~solved).any():
            return _Found(rows, gain, bound, True)
        if time.monotonic() >= until:
            return _Found(rows, gain, bound, False)
        part = kept & (relaxed.value_of >= np.sort(relaxed.value_of)[-min(core, len(kept))])
        everything = bool((part == kept).all())
        spare = until - time.monotonic()
        answer = _most(problem, p, rules, part, spare if everything else spare / 2, whole)
        if answer.rows is not None and answer.gain > gain:
            rows, gain = answer.rows, answer.gain
        if everything:
            return _Found(rows, gain, min(bound, max(gain, answer.bound)), answer.optimal)
        solved = part if answer.optimal else solved
        core *= 4
    return _Found(rows, gain, bound, True)


def _fewest(
    problem: Reduced, rules: Rules, start: Ints, need: float, *, until: float, whole: float
) -> tuple[Ints, int, bool]:
    """Fewest candidates that cover what is needed, no fewer than, and whether that is proven.

    Asks with one site less each time how much can be covered.
    """
    best = start
    while len(best) > 1:
        p = len(best) - 1
        rows, _ = greedy_cover(problem, most=p, rules=rules)
        found = _proven(
            problem, p, rules, rows if rules.obeyed(rows) else None,
            until=until, whole=whole, enough=need,
        )  # fmt: skip
        if found.rows is not None and found.gain >= need:
            best = found.rows
        elif found.optimal:
            return best, p + 1, True
        else:
            while p > 1 and relax(problem, p - 1, None, until=until, rules=rules).bound >= need:
                p -= 1
            return best, p, False
    return best, 1, True


def _most(
    problem: Reduced, p: int, rules: Rules, part: Bools, time_limit_s: float, whole: float
) -> _Found:
    """Most that at most p candidates of a part cover."""
    nothing = np.zeros(len(problem.weights), dtype=bool)
    small, few = reduced(problem.cover, problem.weights, nothing, part, rules.of(part))
    program = _covering(small)
    number = np.r_[-np.ones(program.whole), np.zeros(len(program.cost) - program.whole)]
    program = Program(-program.cost, program.upper, program.rows, program.least, program.whole)
    answer = solve(
        program.also(number, -float(p)).obeying(few), time_limit_s=time_limit_s, abs_gap=whole
    )
    if answer.values is None:
        return _Found(None, -np.inf, -answer.bound, answer.infeasible)
    rows = small.candidates[answer.values[: program.whole] > 0.5]
    return _Found(rows, covered_weight(problem, rows), -answer.bound, answer.optimal)


def reduced(
    cover: Any, weights: Floats, done: Bools, allowed: Bools, rules: Rules
) -> tuple[Reduced, Rules]:
    """The problem without what changes no optimum, and the rules for what is left of it."""
    kinds = None
    if len(rules):
        kinds = np.arange(cover.shape[0], dtype=np.int64)
        if not rules.need_some:
            kinds[allowed] = rules.kinds()
    problem = reduce_cover(cover, weights, covered=done, allowed=allowed, kinds=kinds)
    return problem, rules.of(np.searchsorted(np.flatnonzero(allowed), problem.candidates))


def _covering(problem: Reduced) -> Program:
    """Variables of sites, then of groups; a group counts only where a site covers it."""
    columns = problem.cover.tocsc()
    shared = np.diff(columns.indptr) > 1
    alone = columns[:, np.flatnonzero(~shared)] @ problem.weights[~shared]
    groups = np.flatnonzero(shared)
    n, m = problem.cover.shape[0], len(groups)
    rows = sp.hstack([columns[:, groups].T, -sp.eye_array(m)], format="csr")
    cost = np.r_[alone, problem.weights[groups]]
    return Program(cost, np.ones(n + m), rows, np.zeros(m), n)
