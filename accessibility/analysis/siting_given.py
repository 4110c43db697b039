"""What a question of siting is given, checked, and what its answer holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from accessibility.analysis.siting_presolve import Bools, Floats, Ints
from accessibility.analysis.siting_rules import Rules, no_rules
from accessibility.analysis.siting_solver import Program, solve
from accessibility.errors import InputError, SettingError, first_of

Rows = Sequence[int] | Ints

WHOLE_GAP = 0.999
"""Two whole numbers that are nearer than this are equal."""
RULES_S = 5.0
"""Seconds after which rules that look hard to obey are left to the whole model."""


class NoChoiceError(SettingError):
    """No choice of sites does what is asked."""


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
        Objective of choosing the best candidate again and again; inf where that fails, NaN where
        it ends against the rules.
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


def certified(
    rows: Ints, objective: float, bound: float, optimal: bool, greedy: float, by_greedy: Ints
) -> Solution:
    """Put a choice and its proof together."""
    apart = abs(bound - objective)
    gap = 0.0 if apart == 0 else apart / max(abs(objective), 1e-12)
    return Solution(rows, objective, float(bound), gap, optimal, greedy, by_greedy)


def deadline(time_limit_s: float) -> float:
    """Moment of `time.monotonic` at which the time is up."""
    if not time_limit_s > 0:
        raise SettingError(f"the time limit is {time_limit_s:g} s; more than 0 is expected.")
    return time.monotonic() + float(time_limit_s)


def incidence(cover: Any) -> Any:
    """1 where a candidate covers a demand point, as CSR array."""
    table = sp.csr_array(cover, dtype=float, copy=True)
    table.sum_duplicates()
    table.eliminate_zeros()
    table.data[:] = 1.0
    return table


def drive_times(times: Any) -> Any:
    """Seconds as CSR array, a stored 0 kept."""
    table = sp.csr_array(times, dtype=float, copy=True)
    if not (np.isfinite(table.data) & (table.data >= 0)).all():
        raise InputError("a drive time is below 0 or not finite; leave out what is not reached.")
    return table


def people_of(weights: Any, table: Any) -> Floats:
    """One weight for each demand point."""
    found = np.asarray(weights, dtype=float)
    if found.shape != table.shape[1:]:
        raise InputError(
            f"{len(found)} weights were given for {table.shape[1]} demand points; one for each "
            "is expected."
        )
    if not (np.isfinite(found) & (found >= 0)).all():
        raise InputError("a weight is below 0 or not finite; a number of people is expected.")
    return found


def forced_and_allowed(
    candidates: int, force: Rows, forbid: Rows, p: int | None = None
) -> tuple[Ints, Bools]:
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
        raise SettingError(f"{p!r} sites were asked for; a whole number from 1 is expected.")
    if p > candidates - len(forbidden):
        raise SettingError(
            f"{p} sites were asked for, but only {candidates - len(forbidden)} candidates "
            "may be chosen."
        )
    if p < len(forced):
        raise SettingError(f"{len(forced)} candidates are forced, but only {p} may be chosen.")
    return forced, allowed


def rules_for(rules: Rules | None, forced: Ints, allowed: Bools, p: int | None) -> Rules:
    """Rules for the candidates that may be chosen beside the forced ones; refuse what none obeys.

    Raises
    ------
    SettingError
        If no choice obeys the rules, with those that stand in the way, or p is too small.
    """
    if rules is None or not len(rules):
        return no_rules(int(allowed.sum()))
    if rules.rows.shape[1] != len(allowed):
        raise InputError(
            f"the rules are for {rules.rows.shape[1]} candidates; there are {len(allowed)}."
        )
    left = rules.after(forced, np.flatnonzero(allowed))
    needed = _fewest(left)
    if needed is None:
        kept = [np.arange(len(left)) != i for i in range(len(left))]
        guilty = [
            name
            for name, others in zip(left.names, kept, strict=True)
            if _fewest(Rules(left.rows[others], left.limits[others])) is not None
        ]
        raise NoChoiceError(
            f"no choice of sites obeys all rules; in the way: {first_of(guilty or left.names)}."
        )
    if p is not None and needed + len(forced) > p:
        raise NoChoiceError(
            f"the rules need {needed + len(forced)} sites, but only {p} may be chosen."
        )
    return left


def _fewest(rules: Rules) -> int | None:
    """Fewest sites that obey the rules; None where no choice does."""
    if (rules.limits >= 0).all():
        return 0
    count = rules.rows.shape[1]
    if count == 0:
        return None
    ones = np.ones(count)
    answer = solve(
        Program(ones, ones, sp.csr_array(-rules.rows), -rules.limits, count),
        time_limit_s=RULES_S, abs_gap=WHOLE_GAP,
    )  # fmt: skip
    if answer.infeasible:
        return None
    return max(0, int(np.ceil(answer.bound - 1e-6)))


def covered_by(cover: Any, covered: Bools | None, rows: Ints) -> Bools:
    """Demand that existing sites or some candidates cover."""
    done = np.zeros(cover.shape[1], dtype=bool)
    if covered is not None:
        done |= np.asarray(covered, dtype=bool)
    done[cover[rows].indices] = True
    return done


def nearest_s(times: Any, current: Floats | None, rows: Ints) -> Floats:
    """Seconds to the nearest of the existing sites and some candidates."""
    best = np.full(times.shape[1], np.inf)
    if current is not None:
        best = np.array(current, dtype=float)
    part = times[rows]
    np.minimum.at(best, part.indices, part.data)
    return best


def check_reach(times: Any, weights: Floats, now: Floats, allowed: Bools) -> Floats:
    """Least seconds with every candidate; refuse demand that no one reaches."""
    best = nearest_s(times, now, np.flatnonzero(allowed))
    lost = np.flatnonzero(np.isinf(best) & (weights > 0))
    if len(lost):
        raise SettingError(f"no site and no candidate reaches the demand in rows {first_of(lost)}.")
    return best


def joined(forced: Ints, chosen: Ints) -> Ints:
    """Forced and chosen rows, ascending."""
    return np.sort(np.r_[forced, chosen]).astype(np.int64)


def whole_gap(weights: Floats) -> float:
    """How far two sums of weights must lie apart to differ."""
    whole = bool((weights == np.rint(weights)).all()) and weights.sum() < 2**53
    return WHOLE_GAP if whole else 0.0


def without_idle(
    chosen: Ints, forced: Ints, rules: Rules | None, value: Callable[[Ints], float]
) -> Ints:
    """A choice without the sites that better nothing, the last candidates first."""
    whole = value(chosen)
    for row in chosen[::-1]:
        fewer = chosen[chosen != row]
        obeys = rules is None or rules.obeyed(fewer)
        if row not in forced and obeys and value(fewer) == whole:
            chosen = fewer
    return chosen


def too_few(p: int) -> str:
    """What is said where p sites cannot reach all."""
    return f"{p} sites do not reach all demand; more sites are needed."


def out_of_time(limit_s: float) -> str:
    """What is said where nothing was found in time."""
    return f"no choice of sites was found within {limit_s:g} s; a longer time limit is needed."
