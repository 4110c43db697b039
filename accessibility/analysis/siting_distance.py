"""Where sites should stand for short drives, on arrays: p-median and p-center, exact."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import scipy.sparse as sp

from accessibility.analysis.siting_covering import reduced, set_cover
from accessibility.analysis.siting_given import (
    NoChoiceError,
    Rows,
    Solution,
    certified,
    check_reach,
    deadline,
    drive_times,
    forced_and_allowed,
    joined,
    nearest_s,
    out_of_time,
    people_of,
    rules_for,
    too_few,
    without_idle,
)
from accessibility.analysis.siting_median_bound import relax_median
from accessibility.analysis.siting_presolve import Bools, Floats, Ints
from accessibility.analysis.siting_rules import Rules
from accessibility.analysis.siting_search import greedy_cover
from accessibility.analysis.siting_solver import REL_GAP, Program, solve
from accessibility.errors import SettingError

MOST_LEVELS = 400_000
"""Places times distinct times up to which the mixed-integer program fits into 1 GB or so."""


def p_median(
    times: Any,
    weights: Floats,
    p: int,
    *,
    current: Floats | None = None,
    force: Rows = (),
    forbid: Rows = (),
    rules: Rules | None = None,
    time_limit_s: float = 60.0,
) -> Solution:
    """At most p new sites to which people drive least in all: p-median.

    Parameters
    ----------
    times : sparse array (candidates, demand)
        Seconds; what is not stored is not reached, a stored 0 is no time at all.
    weights : float array (demand,)
        People; demand of weight 0 need not be reached.
    p, force, forbid, rules, time_limit_s
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
    medians of a graph", Operations Research 12. A Lagrangian bound (`relax_median`) often proves
    the best choice at once, or leaves few candidates to the mixed-integer program. That has one
    variable for each demand point and distinct time below the present one (Cornuejols, Nemhauser
    and Wolsey 1980): nearer sites are all that can better anything.

    Examples
    --------
    >>> times = sp.csr_array([[1.0, 9.0, 9.0], [9.0, 2.0, 3.0]])
    >>> found = p_median(times, np.ones(3), 1)
    >>> found.selected.tolist(), found.objective
    ([1], 14.0)
    """
    until = deadline(time_limit_s)
    times = drive_times(times)
    weights = people_of(weights, times)
    forced, allowed = forced_and_allowed(times.shape[0], force, forbid, p)
    left = rules_for(rules, forced, allowed, p)
    at_first = nearest_s(times, current, np.zeros(0, dtype=np.int64))
    now = nearest_s(times, current, forced)
    check_reach(times, weights, now, allowed)
    rows, columns = np.flatnonzero(allowed), np.flatnonzero(weights > 0)
    part, people, now = times[rows][:, columns], weights[columns], now[columns]
    more = p - len(forced)

    def value(chosen: Ints) -> float:
        return float((people * nearest_s(times, at_first, chosen)[columns]).sum())

    picked = _greedy_median(part, people, now, more, left)
    greedy = joined(forced, rows[picked])
    cost = value(greedy) if left.obeyed(picked) else np.inf
    if more == 0 and not np.isfinite(cost):
        raise NoChoiceError(too_few(p))
    if more == 0:
        return certified(greedy, cost, cost, True, cost, greedy)
    relaxed = relax_median(part, people, now, more, picked, until=until, rules=left)
    best, reached = greedy, cost
    if relaxed.value < cost:
        best = joined(forced, rows[relaxed.chosen])
        reached = value(best)
    bound, proven = relaxed.bound, relaxed.bound >= reached * (1 - REL_GAP)
    kept = np.flatnonzero(relaxed.may_reach(reached))
    model = None if proven else _median_program(part[kept], people, now)
    if model is not None and len(model[0].least) <= MOST_LEVELS:
        program, base = model
        number = np.r_[-np.ones(program.whole), np.zeros(len(program.cost) - program.whole)]
        program = program.also(number, -float(more)).obeying(left.of(kept))
        answer = solve(program, time_limit_s=until - time.monotonic())
        if answer.infeasible and not np.isfinite(reached):
            raise NoChoiceError(too_few(p))
        bound = max(bound, min(reached, base + max(answer.bound, 0.0)))
        proven = answer.optimal or answer.infeasible
        if answer.values is not None:
            other = joined(forced, rows[kept[answer.values[: program.whole] > 0.5]])
            best, reached = (other, value(other)) if value(other) < reached else (best, reached)
    if not np.isfinite(reached):
        raise SettingError(out_of_time(time_limit_s))
    best = without_idle(best, forced, rules, value)
    bound = reached if proven else min(bound, reached)
    return certified(best, reached, bound, proven, cost, greedy)


def p_center(
    times: Any,
    weights: Floats,
    p: int,
    *,
    current: Floats | None = None,
    force: Rows = (),
    forbid: Rows = (),
    rules: Rules | None = None,
    time_limit_s: float = 60.0,
) -> Solution:
    """At most p new sites with the shortest longest drive: p-center.

    Parameters
    ----------
    times, weights, p, current, force, forbid, rules, time_limit_s
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
    until = deadline(time_limit_s)
    times = drive_times(times)
    weights = people_of(weights, times)
    forced, allowed = forced_and_allowed(times.shape[0], force, forbid, p)
    left = rules_for(rules, forced, allowed, p)
    at_first = nearest_s(times, current, np.zeros(0, dtype=np.int64))
    now = nearest_s(times, current, forced)
    counted = (weights > 0).astype(float)
    best = check_reach(times, weights, now, allowed)
    more = p - len(forced)
    shortest, longest = (float(t[counted > 0].max(initial=0.0)) for t in (best, now))
    levels = np.unique(np.r_[times[np.flatnonzero(allowed)].data, now, shortest])
    levels = levels[np.isfinite(levels) & (levels >= shortest) & (levels <= longest)]

    def covering(k: int) -> tuple[Any, Bools]:
        within = times.copy()
        within.data = (times.data <= levels[k]).astype(float)
        within.eliminate_zeros()
        return within, now <= levels[k]

    def by_greedy(k: int) -> Ints | None:
        within, done = covering(k)
        problem, few = reduced(within, counted, done, allowed, left)
        chosen, reached = greedy_cover(problem, most=more, rules=few)
        enough = reached >= problem.weights.sum() and few.obeyed(chosen)
        return problem.candidates[chosen] if enough else None

    def value(chosen: Ints) -> float:
        return float(nearest_s(times, at_first, chosen)[counted > 0].max(initial=0.0))

    low, high, found = 0, len(levels) - 1, by_greedy(len(levels) - 1)
    while found is not None and low < high:
        middle = (low + high) // 2
        tried = by_greedy(middle)
        if tried is None:
            low = middle + 1
        else:
            high, found = middle, tried
    greedy = joined(forced, np.zeros(0, dtype=np.int64) if found is None else found)
    reached = value(greedy)
    low, high = 0, len(levels) - 1 if found is None else high
    others = np.flatnonzero(~allowed)
    beside = None if rules is None else rules.beside_these(forced)
    optimal = True
    while low < high or found is None:
        # without any choice so far the longest time is asked first: is there one at all?
        middle = high if found is None else (low + high) // 2
        spare = until - time.monotonic()
        if spare <= 0:
            optimal = False
            break
        within, done = covering(middle)
        try:
            fewest = set_cover(
                within, counted, covered=done, forbid=others, rules=beside, time_limit_s=spare
            )
        except NoChoiceError:  # under the rules
            fewest = None
        if fewest is None:
            if middle == high:
                raise NoChoiceError(too_few(p))
            low = middle + 1
        elif fewest.objective <= more:
            high, found = middle, fewest.selected
        elif fewest.bound > more:
            if middle == high:
                raise NoChoiceError(too_few(p))
            low = middle + 1
        else:
            optimal = False
            break
    if found is None:
        raise SettingError(out_of_time(time_limit_s))
    chosen = joined(forced, found)
    chosen = without_idle(chosen if value(chosen) < reached else greedy, forced, rules, value)
    bound = value(chosen) if optimal else float(levels[low])
    return certified(chosen, value(chosen), bound, optimal, reached, greedy)


def _median_program(times: Any, people: Floats, now: Floats) -> tuple[Program, float]:
    """Variables of sites, then of levels (a place and a time); and what is driven at least."""
    table = times.tocoo()
    nearer = table.data < now[table.col]
    site, place, seconds = table.row[nearer], table.col[nearer], table.data[nearer]
    order = np.lexsort((site, seconds, place))
    site, place, seconds = site[order], place[order], seconds[order]
    first_of_place = np.diff(place, prepend=-1) != 0
    new = first_of_place | (np.diff(seconds, prepend=-1.0) != 0)
    level, at = np.cumsum(new) - 1, np.flatnonzero(new)
    where, when, first = place[at], seconds[at], first_of_place[at]
    last = np.r_[first[1:], True][: len(at)]
    # who has no site within a level goes on to the next, at last to the present site
    then = np.where(last, now[where], np.r_[when[1:], 0.0][: len(at)])
    must = np.isinf(then)
    n, m = times.shape[0], len(at)
    later = np.flatnonzero(~first)
    matrix = sp.csr_array(
        (
            np.r_[np.ones(len(site) + m), -np.ones(len(later))],
            (np.r_[level, np.arange(m), later], np.r_[site, n + np.arange(m), n + later - 1]),
        ),
        shape=(m, n + m),
    )
    program = Program(
        np.r_[np.zeros(n), people[where] * np.where(must, 0.0, then - when)],
        np.r_[np.ones(n), np.where(must, 0.0, 1.0)],
        matrix, first.astype(float), n,
    )  # fmt: skip
    least = now.copy()
    least[where[first]] = when[first]
    return program, float((people * least).sum())


def _greedy_median(times: Any, weights: Floats, now: Floats, most: int, rules: Rules) -> Ints:
    best = now.copy()
    chosen: list[int] = []
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
        so_far = np.array(chosen, dtype=np.int64)
        closed = ~rules.beside(so_far)
        closed[so_far] = True
        # who is not reached comes before who drives long
        pick = int(np.lexsort((-gain, -reach, closed))[0])
        idle = gain[pick] <= 0 and reach[pick] <= 0
        if closed[pick] or (idle and rules.obeyed(so_far)):
            break
        chosen.append(pick)
        part = slice(times.indptr[pick], times.indptr[pick + 1])
        np.minimum.at(best, times.indices[part], times.data[part])
    return np.array(chosen, dtype=np.int64)
