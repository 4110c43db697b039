"""Where sites should stand, on arrays: covering, fewest sites, p-median, p-center; exact."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from accessibility.analysis.siting_presolve import (
    Bools,
    Floats,
    Ints,
    Reduced,
    greedy_cover,
    reduce_cover,
)
from accessibility.analysis.siting_solver import Program, solve
from accessibility.errors import InputError, SettingError, first_of

Rows = Sequence[int] | Ints

WHOLE_GAP = 0.999
"""Two whole numbers that are nearer than this are equal."""


@dataclass(frozen=True)
class Solution:
    """Sites chosen among candidates, with the proof of how good they are.

    Attributes
    ----------
    selected : int array
        Rows of the candidates, ascending; forced ones among them. Fewer than were asked for
        where one more would better nothing.
    objective : float
        What was to be made large or small; each function tells its unit.
    bound : float
        No choice is better than this.
    gap : float
        Distance from the objective to the bound as a share of the objective.
    optimal : bool
        Proven; False where the time was up before.
    greedy : float
        Objective of choosing the best candidate again and again; inf where that fails.
    greedy_selected : int array
        Rows of the candidates so chosen, ascending.
    """

    selected: Ints
    objective: float
    bound: float
    gap: float
    optimal: bool
    greedy: float
    greedy_selected: Ints


def max_coverage(
    cover: Any,
    weights: Floats,
    p: int,
    *,
    covered: Bools | None = None,
    force: Rows = (),
    forbid: Rows = (),
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
        If p is below 1 or above the candidates, or force and forbid contradict.
    InputError
        If shapes do not fit or a weight is below 0.

    Notes
    -----
    Church, R. and ReVelle, C. (1974), "The maximal covering location problem", Papers of the
    Regional Science Association 32. A group of demand that one candidate alone covers needs no
    variable of its own.

    Examples
    --------
    >>> cover = sp.csr_array([[1, 1, 0], [0, 1, 1], [0, 0, 1]])
    >>> found = max_coverage(cover, np.array([5.0, 1.0, 3.0]), 1)
    >>> found.selected.tolist(), found.objective, found.optimal
    ([0], 6.0, True)
    """
    until = _deadline(time_limit_s)
    cover = _incidence(cover)
    weights = _weights(weights, cover)
    forced, allowed = _choice(cover.shape[0], force, forbid, p)
    done = _covered(cover, covered, forced)
    base = float(weights[done].sum())
    problem = reduce_cover(cover, weights, covered=done, allowed=allowed)
    more = p - len(forced)
    chosen, gain = greedy_cover(problem, most=more)
    greedy = _rows(forced, problem.candidates[chosen])
    most = base + float(problem.weights.sum())

    def value(rows: Ints) -> float:
        return float(weights[_covered(cover, covered, rows)].sum())

    reached = value(greedy)
    if more == 0 or gain >= problem.weights.sum():
        return _solution(greedy, reached, reached, True, reached, greedy)
    program = _covering(problem)
    limit = sp.csr_array(
        np.r_[-np.ones(program.whole), np.zeros(len(program.cost) - program.whole)]
    )
    program = Program(
        -program.cost, program.upper, _stack(program.rows, limit),
        np.r_[program.least, -float(more)], program.whole,
    )  # fmt: skip
    answer = solve(
        program,
        time_limit_s=until - time.monotonic(),
        abs_gap=_whole_gap(weights),
    )
    bound = min(base - answer.bound, most)
    if answer.values is None:
        return _solution(greedy, reached, bound, False, reached, greedy)
    best = _rows(forced, problem.candidates[answer.values[: program.whole] > 0.5])
    # HiGHS chooses among ties in its own way, greedy takes the first
    best = best if value(best) > reached else greedy
    bound = value(best) if answer.optimal else bound
    return _solution(best, value(best), bound, answer.optimal, reached, greedy)


def set_cover(
    cover: Any,
    weights: Floats,
    *,
    target: float = 1.0,
    covered: Bools | None = None,
    force: Rows = (),
    forbid: Rows = (),
    time_limit_s: float = 60.0,
) -> Solution:
    """Fewest new sites that cover a share of the demand, or all of it (LSCP).

    Parameters
    ----------
    cover, weights, covered, force, forbid, time_limit_s
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
    until = _deadline(time_limit_s)
    if not 0 < target <= 1:
        raise SettingError(f"the target is {target:g}; a share above 0, up to 1, is expected.")
    cover = _incidence(cover)
    weights = _weights(weights, cover)
    forced, allowed = _choice(cover.shape[0], force, forbid)
    done = _covered(cover, covered, forced)
    problem = reduce_cover(cover, weights, covered=done, allowed=allowed)
    total, base = float(weights.sum()), float(weights[done].sum())
    whole = _whole_gap(weights) > 0
    need = target * total * (1 - 1e-12) - base
    need = float(np.ceil(need - 1e-6)) if whole else need
    within = float(problem.weights.sum())
    if need > within * (1 + 1e-12):
        raise SettingError(
            f"a coverage of {target:.2%} cannot be reached: all sites and candidates together "
            f"cover {(base + within) / total:.2%}."
        )
    need = min(need, within)
    chosen, _ = greedy_cover(problem, need=need)
    greedy = _rows(forced, problem.candidates[chosen])
    number = float(len(greedy))
    if len(chosen) <= 1:
        return _solution(greedy, number, number, True, number, greedy)
    if need >= within * (1 - 1e-12):  # all that can be covered: no group may be left out
        count = problem.cover.shape[0]
        program = Program(
            np.ones(count), np.ones(count), problem.cover.T.tocsr(),
            np.ones(len(problem.weights)), count,
        )  # fmt: skip
    else:
        gains = _covering(problem)
        rows = _stack(gains.rows, sp.csr_array(gains.cost))
        # a sum of whole numbers that misses by less than one misses by nothing
        least = np.r_[gains.least, need - 0.5 if whole else need]
        ones = np.r_[np.ones(gains.whole), np.zeros(len(gains.cost) - gains.whole)]
        program = Program(ones, gains.upper, rows, least, gains.whole)
    answer = solve(program, time_limit_s=until - time.monotonic(), abs_gap=WHOLE_GAP)
    bound = len(forced) + max(1.0, float(np.ceil(answer.bound - 1e-6)))
    if answer.values is None:
        return _solution(greedy, number, min(bound, number), False, number, greedy)
    best = _rows(forced, problem.candidates[answer.values[: program.whole] > 0.5])
    best = best if len(best) < number else greedy
    bound = float(len(best)) if answer.optimal else bound
    return _solution(best, float(len(best)), bound, answer.optimal, number, greedy)


def p_median(
    times: Any,
    weights: Floats,
    p: int,
    *,
    current: Floats | None = None,
    force: Rows = (),
    forbid: Rows = (),
    time_limit_s: float = 60.0,
) -> Solution:
    """At most p new sites to which people drive least in all: p-median.

    Parameters
    ----------
    times : sparse array (candidates, demand)
        Seconds; what is not stored is not reached, a stored 0 is no time at all.
    weights : float array (demand,)
        People; demand of weight 0 need not be reached.
    p, force, forbid, time_limit_s
        As in `max_coverage`.
    current : float array (demand,), optional
        Seconds to the nearest existing site; inf where none is reached.

    Returns
    -------
    Solution
        The objective is the sum of people times seconds to their nearest site.

    Raises
    ------
    SettingError
        If p sites do not reach all demand, p is below 1 or above the candidates, or force and
        forbid contradict.
    InputError
        If shapes do not fit, or a weight or time is below 0.

    Notes
    -----
    Hakimi, S. (1964), "Optimum locations of switching centers and the absolute centers and
    medians of a graph", Operations Research 12. One variable for each demand point and distinct
    time below the present one (Cornuejols, Nemhauser and Wolsey 1980): nearer sites are all that
    can better anything.

    Examples
    --------
    >>> times = sp.csr_array([[1.0, 9.0, 9.0], [9.0, 2.0, 3.0]])
    >>> found = p_median(times, np.ones(3), 1)
    >>> found.selected.tolist(), found.objective
    ([1], 14.0)
    """
    until = _deadline(time_limit_s)
    times = _times(times)
    weights = _weights(weights, times)
    forced, allowed = _choice(times.shape[0], force, forbid, p)
    at_first = _current(times, current, np.zeros(0, dtype=np.int64))
    now = _current(times, current, forced)
    _check_reach(times, weights, now, allowed)
    rows, columns = np.flatnonzero(allowed), np.flatnonzero(weights > 0)
    part, people, now = times[rows][:, columns], weights[columns], now[columns]
    more = p - len(forced)

    def value(chosen: Ints) -> float:
        return float((people * _current(times, at_first, chosen)[columns]).sum())

    greedy = _rows(forced, rows[_greedy_median(part, people, now, more)])
    cost = value(greedy)
    levels = part.tocoo()
    nearer = levels.data < now[levels.col]
    site, place, seconds = levels.row[nearer], levels.col[nearer], levels.data[nearer]
    if more == 0 or not len(site):
        if not np.isfinite(cost):
            raise SettingError(_too_few(p))
        return _solution(greedy, cost, cost, True, cost, greedy)
    order = np.lexsort((site, seconds, place))
    site, place, seconds = site[order], place[order], seconds[order]
    first_of_place = np.r_[True, place[1:] != place[:-1]]
    new = first_of_place | np.r_[True, seconds[1:] != seconds[:-1]]
    level, at = np.cumsum(new) - 1, np.flatnonzero(new)
    where, when, first = place[at], seconds[at], first_of_place[at]
    last = np.r_[first[1:], True]
    # who has no site within a level goes on to the next, at last to the present site
    then = np.where(last, now[where], np.r_[when[1:], 0.0])
    must = np.isinf(then)
    n, m = len(rows), len(at)
    later = np.flatnonzero(~first)
    matrix = sp.csr_array(
        (
            np.r_[np.ones(len(site) + m), -np.ones(len(later))],
            (np.r_[level, np.arange(m), later], np.r_[site, n + np.arange(m), n + later - 1]),
        ),
        shape=(m, n + m),
    )
    limit = sp.csr_array(np.r_[-np.ones(n), np.zeros(m)])
    program = Program(
        np.r_[np.zeros(n), people[where] * np.where(must, 0.0, then - when)],
        np.r_[np.ones(n), np.where(must, 0.0, 1.0)],
        _stack(matrix, limit), np.r_[first.astype(float), -float(more)], n,
    )  # fmt: skip
    least = now.copy()
    least[where[first]] = when[first]
    base = float((people * least).sum())
    answer = solve(program, time_limit_s=until - time.monotonic())
    if answer.infeasible:
        raise SettingError(_too_few(p))
    bound = base + max(answer.bound, 0.0)
    if answer.values is None:
        if not np.isfinite(cost):
            raise SettingError(_out_of_time(time_limit_s))
        return _solution(greedy, cost, bound, False, cost, greedy)
    best = _rows(forced, rows[answer.values[:n] > 0.5])
    best = best if value(best) < cost else greedy
    bound = value(best) if answer.optimal else bound
    return _solution(best, value(best), bound, answer.optimal, cost, greedy)


def p_center(
    times: Any,
    weights: Floats,
    p: int,
    *,
    current: Floats | None = None,
    force: Rows = (),
    forbid: Rows = (),
    time_limit_s: float = 60.0,
) -> Solution:
    """At most p new sites with the shortest longest drive: p-center.

    Parameters
    ----------
    times, weights, p, current, force, forbid, time_limit_s
        As in `p_median`; demand of weight 0 does not count, all other counts alike.

    Returns
    -------
    Solution
        The objective is the longest of all drives to the nearest site, seconds.

    Raises
    ------
    SettingError, InputError
        As in `p_median`.

    Notes
    -----
    Hakimi (1964). The answer is one of the times; a search by halves asks each time whether
    p sites cover all demand within it (Minieka, E. 1970, "The m-center problem", SIAM Review 12).

    Examples
    --------
    >>> times = sp.csr_array([[1.0, 9.0, 9.0], [7.0, 2.0, 3.0]])
    >>> found = p_center(times, np.ones(3), 1)
    >>> found.selected.tolist(), found.objective
    ([1], 7.0)
    """
    until = _deadline(time_limit_s)
    times = _times(times)
    weights = _weights(weights, times)
    forced, allowed = _choice(times.shape[0], force, forbid, p)
    at_first = _current(times, current, np.zeros(0, dtype=np.int64))
    now = _current(times, current, forced)
    counted = (weights > 0).astype(float)
    best = _check_reach(times, weights, now, allowed)
    more = p - len(forced)
    shortest, longest = (float(t[counted > 0].max(initial=0.0)) for t in (best, now))
    levels = np.unique(np.r_[times[np.flatnonzero(allowed)].data, now, shortest])
    levels = levels[np.isfinite(levels) & (levels >= shortest) & (levels <= longest)]

    def problem(k: int) -> tuple[Any, Bools]:
        within = times.copy()
        within.data = (times.data <= levels[k]).astype(float)
        within.eliminate_zeros()
        return within, now <= levels[k]

    def by_greedy(k: int) -> Ints | None:
        within, done = problem(k)
        left = reduce_cover(within, counted, covered=done, allowed=allowed)
        chosen, _ = greedy_cover(left)
        return left.candidates[chosen] if len(chosen) <= more else None

    def value(chosen: Ints) -> float:
        return float(_current(times, at_first, chosen)[counted > 0].max(initial=0.0))

    low, high, found = 0, len(levels) - 1, by_greedy(len(levels) - 1)
    while found is not None and low < high:
        middle = (low + high) // 2
        tried = by_greedy(middle)
        if tried is None:
            low = middle + 1
        else:
            high, found = middle, tried
    greedy = _rows(forced, np.zeros(0, dtype=np.int64) if found is None else found)
    reached = value(greedy)
    low, high = 0, len(levels) - 1 if found is None else high
    others = np.flatnonzero(~allowed)
    optimal = True
    while low < high or found is None:
        # without any choice so far the longest time is asked first: is there one at all?
        middle = high if found is None else (low + high) // 2
        spare = until - time.monotonic()
        if spare <= 0:
            optimal = False
            break
        within, done = problem(middle)
        fewest = set_cover(within, counted, covered=done, forbid=others, time_limit_s=spare)
        if fewest.objective <= more:
            high, found = middle, fewest.selected
        elif fewest.bound > more:
            if middle == high:
                raise SettingError(_too_few(p))
            low = middle + 1
        else:
            optimal = False
            break
    if found is None:
        raise SettingError(_out_of_time(time_limit_s))
    chosen = _rows(forced, found)
    chosen = chosen if value(chosen) < reached else greedy
    bound = value(chosen) if optimal else float(levels[low])
    return _solution(chosen, value(chosen), bound, optimal, reached, greedy)


# -- models --------------------------------------------------------------------------------------


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


def _stack(rows: Any, last: Any) -> Any:
    return sp.vstack([rows, last.reshape(1, -1)], format="csr")


def _greedy_median(times: Any, weights: Floats, now: Floats, most: int) -> Ints:
    best, chosen = now.copy(), []
    table = times.tocoo()
    for _ in range(most):
        before = best[table.col]
        unreached = np.isinf(before)
        saved = np.where(unreached, 0.0, np.maximum(before - table.data, 0.0))
        people = weights[table.col]
        gain, reach = (
            np.bincount(table.row, people * part, minlength=times.shape[0])
            for part in (saved, unreached)
        )
        # who is not reached comes before who drives long
        pick = int(np.lexsort((-gain, -reach))[0])
        if gain[pick] <= 0 and reach[pick] <= 0:
            break
        chosen.append(pick)
        part = slice(times.indptr[pick], times.indptr[pick + 1])
        np.minimum.at(best, times.indices[part], times.data[part])
    return np.array(chosen, dtype=np.int64)


def _solution(
    rows: Ints, objective: float, bound: float, optimal: bool, greedy: float, by_greedy: Ints
) -> Solution:
    apart = abs(bound - objective)
    gap = 0.0 if apart == 0 else apart / max(abs(objective), 1e-12)
    return Solution(rows, objective, float(bound), gap, optimal, greedy, by_greedy)


# -- what was given ------------------------------------------------------------------------------


def _deadline(time_limit_s: float) -> float:
    if not time_limit_s > 0:
        raise SettingError(f"the time limit is {time_limit_s:g} s; more than 0 is expected.")
    return time.monotonic() + float(time_limit_s)


def _incidence(cover: Any) -> Any:
    table = sp.csr_array(cover, dtype=float, copy=True)
    table.sum_duplicates()
    table.eliminate_zeros()
    table.data[:] = 1.0
    return table


def _times(times: Any) -> Any:
    table = sp.csr_array(times, dtype=float, copy=True)
    if not (np.isfinite(table.data) & (table.data >= 0)).all():
        raise InputError("a drive time is below 0 or not finite; leave out what is not reached.")
    return table


def _weights(weights: Any, table: Any) -> Floats:
    found = np.asarray(weights, dtype=float)
    if found.shape != table.shape[1:]:
        raise InputError(
            f"{len(found)} weights were given for {table.shape[1]} demand points; one for each "
            "is expected."
        )
    if not (np.isfinite(found) & (found >= 0)).all():
        raise InputError("a weight is below 0 or not finite; a number of people is expected.")
    return found


def _choice(candidates: int, force: Rows, forbid: Rows, p: int | None = None) -> tuple[Ints, Bools]:
    """Rows that are forced, and which may be chosen beside them."""
    forced, forbidden = (np.unique(np.asarray(r, dtype=np.int64)) for r in (force, forbid))
    for rows in (forced, forbidden):
        if ((rows < 0) | (rows >= candidates)).any():
            raise SettingError(f"there are {candidates} candidates; row {rows.max()} is none.")
    both = np.intersect1d(forced, forbidden)
    if len(both):
        raise SettingError(f"candidates {first_of(both)} are forced and forbidden at once.")
    allowed = np.ones(candidates, dtype=bool)
    allowed[forced] = allowed[forbidden] = False
    if p is None:
        return forced, allowed
    if isinstance(p, bool) or not isinstance(p, int | np.integer) or p < 1:
        raise SettingError(f"{p!r} new sites were asked for; a whole number from 1 is expected.")
    if p > candidates - len(forbidden):
        raise SettingError(
            f"{p} new sites were asked for, but only {candidates - len(forbidden)} candidates "
            "may be chosen."
        )
    if p < len(forced):
        raise SettingError(f"{len(forced)} candidates are forced, but only {p} may be chosen.")
    return forced, allowed


def _covered(cover: Any, covered: Bools | None, rows: Ints) -> Bools:
    done = np.zeros(cover.shape[1], dtype=bool)
    if covered is not None:
        done |= np.asarray(covered, dtype=bool)
    done[cover[rows].indices] = True
    return done


def _current(times: Any, current: Floats | None, rows: Ints) -> Floats:
    """Seconds to the nearest of the existing sites and some candidates."""
    best = np.full(times.shape[1], np.inf)
    if current is not None:
        best = np.array(current, dtype=float)
    part = times[rows]
    np.minimum.at(best, part.indices, part.data)
    return best


def _check_reach(times: Any, weights: Floats, now: Floats, allowed: Bools) -> Floats:
    """Least seconds with every candidate; refuse demand that no one reaches."""
    best = _current(times, now, np.flatnonzero(allowed))
    lost = np.flatnonzero(np.isinf(best) & (weights > 0))
    if len(lost):
        raise SettingError(f"no site and no candidate reaches the demand in rows {first_of(lost)}.")
    return best


def _rows(forced: Ints, chosen: Ints) -> Ints:
    return np.sort(np.r_[forced, chosen]).astype(np.int64)


def _whole_gap(weights: Floats) -> float:
    whole = bool((weights == np.rint(weights)).all()) and weights.sum() < 2**53
    return WHOLE_GAP if whole else 0.0


def _too_few(p: int) -> str:
    return f"{p} new sites do not reach all demand; more sites are needed."


def _out_of_time(limit_s: float) -> str:
    return f"no choice of sites was found within {limit_s:g} s; a longer time limit is needed."
