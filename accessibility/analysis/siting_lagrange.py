"""How much sites can cover at most, and which candidates a better choice may hold."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from accessibility.analysis.siting_presolve import Bools, Floats, Ints, Reduced
from accessibility.analysis.siting_rules import Rules, no_rules
from accessibility.analysis.siting_search import counted, exchanged

ROUNDS = 400
"""Steps of the subgradient at most."""
PATIENCE = 8
"""Steps without a better bound after which the step is shortened."""
MEMORY = 0.8
"""Share of the last direction that is kept (Camerini, Fratta and Maffioli 1975)."""
SHORTEST = 1e-4
"""Share of the first step at which nothing more is to be had."""


@dataclass(frozen=True)
class Relaxed:
    """Bound of a maximal covering, and the best choice that was met on the way.

    Attributes
    ----------
    bound : float
        No choice of at most p candidates covers more.
    value_of : float array (candidates,)
        No choice that holds the candidate covers more than this.
    chosen : int array
        Rows of the reduced problem; obeys the rules.
    value : float
        Weight that they cover; -inf where no choice is known.
    """

    bound: float
    value_of: Floats
    chosen: Ints
    value: float

    def may_reach(self, need: float) -> Bools:
        """Candidates that a choice which covers so much may hold."""
        kept: Bools = self.value_of >= need - 1e-9 * max(1.0, abs(need))
        return kept


def relax(
    problem: Reduced,
    p: int,
    start: Ints | None,
    *,
    until: float,
    rules: Rules | None = None,
) -> Relaxed:
    """Bound a maximal covering by Lagrange multipliers on the links of demand to sites.

    Parameters
    ----------
    problem : Reduced
    p : int
        Sites at most, 1 or more.
    start : int array or None
        A choice that obeys the rules, at most p, where one is known.
    until : float
        Moment of `time.monotonic` at which to stop.
    rules : Rules, optional
        Only the choices that are met obey them; the bound holds without them, so with them.

    Returns
    -------
    Relaxed

    Notes
    -----
    Galvao, R. and ReVelle, C. (1996), "A Lagrangean heuristic for the maximal covering location
    problem", European Journal of Operational Research 88. With a multiplier between 0 and its
    weight on each group, the p candidates of the greatest sums of multipliers are best; a
    candidate beside these lowers the bound by what it falls short of the last of them
    (Beasley, J. E. 1993, "Lagrangean heuristics for location problems", same journal 65).
    """
    rules = no_rules(problem.cover.shape[0]) if rules is None else rules
    weights, count = problem.weights, problem.cover.shape[0]
    chosen, value = np.zeros(0, dtype=np.int64), -np.inf
    if start is not None:
        chosen, value = exchanged(problem, start, until=until, rules=rules)
    p = min(p, count)
    often = np.maximum(np.bincount(problem.cover.indices, minlength=len(weights)), 1)
    multipliers = weights / np.sqrt(often)
    bound, best = np.inf, multipliers
    scale, trend = np.sqrt(weights), np.zeros(len(weights))
    step, tried = 1.0, 0
    for _ in range(ROUNDS):
        worth = problem.cover @ multipliers
        top = np.argpartition(-worth, p - 1)[:p]
        times = counted(problem, top)
        found = float((weights - multipliers).sum() + worth[top].sum())
        met = float(weights[times > 0].sum())
        if met > value and rules.obeyed(top):
            chosen, value = np.sort(top), met
        tried = 0 if found < bound * (1 - 1e-5) else tried + 1
        if found < bound:
            bound, best = found, multipliers
        if tried >= PATIENCE:
            step, tried, multipliers, trend = step * 0.6, 0, best, np.zeros(len(weights))
        trend = times - 1.0 + MEMORY * trend
        slope = trend.copy()
        slope[(multipliers <= 0) & (slope > 0)] = 0.0
        slope[(multipliers >= weights) & (slope < 0)] = 0.0
        steep = float(slope**2 @ scale)
        if steep == 0 or step < SHORTEST or bound <= value or time.monotonic() >= until:
            break
        length = step * (found - 0.998 * max(value, 0.0)) / steep
        multipliers = np.clip(multipliers - length * scale * slope, 0.0, weights)
    if np.isfinite(value):
        chosen, value = exchanged(problem, chosen, until=until, rules=rules)
    worth = problem.cover @ best
    top = np.partition(worth, count - p)[count - p :]  # its least stands first
    bound = float((weights - best).sum() + top.sum())
    return Relaxed(max(bound, value), bound - np.maximum(top[0] - worth, 0.0), chosen, value)
