"""Good choices of sites without proof: the best one again and again, then exchanges."""

from __future__ import annotations

import time

import numpy as np

from accessibility.analysis.siting_presolve import Ints, Reduced
from accessibility.analysis.siting_rules import Rules, no_rules


def greedy_cover(
    problem: Reduced,
    *,
    most: int | None = None,
    need: float | None = None,
    rules: Rules | None = None,
) -> tuple[Ints, float]:
    """Choose again and again the candidate that adds most, the first of equal ones.

    Parameters
    ----------
    problem : Reduced
    most : int, optional
        How many may be chosen.
    need : float, optional
        Weight at which it is enough.
    rules : Rules, optional
        What the choice must obey; what they need comes first.

    Returns
    -------
    int array
        Rows of the reduced problem in the order in which they were chosen. It may still fail
        rules or need: what comes first may close the way to the rest.
    float
        Weight that they cover.
    """
    count = problem.cover.shape[0]
    rules = no_rules(count) if rules is None else rules
    left, value = problem.weights.copy(), 0.0
    chosen: list[int] = []
    while most is None or len(chosen) < most:
        lacking = bool(len(rules)) and not rules.obeyed(np.array(chosen, dtype=np.int64))
        if need is not None and value >= need and not lacking:
            break
        gain = problem.cover @ left
        if len(rules):
            gain[~rules.beside(np.array(chosen, dtype=np.int64))] = -1.0
        gain[chosen] = -1.0
        if not len(gain) or gain.max() < 0 or (gain.max() == 0 and not lacking):
            break
        best = int(gain.argmax())
        chosen.append(best)
        value += float(gain[best])
        left[_reach(problem, best)] = 0
    return np.array(chosen, dtype=np.int64), value


def exchanged(
    problem: Reduced, chosen: Ints, *, until: float, rules: Rules | None = None
) -> tuple[Ints, float]:
    """Exchange one site for one candidate, the best exchange first, while that covers more.

    Parameters
    ----------
    problem : Reduced
    chosen : int array
        Rows of the reduced problem that obey the rules.
    until : float
        Moment of `time.monotonic` at which to stop.
    rules : Rules, optional

    Returns
    -------
    int array
    float
        Weight that they cover.

    Notes
    -----
    Teitz, M. and Bart, P. (1968), "Heuristic methods for estimating the generalized vertex
    median of a weighted graph", Operations Research 16.
    """
    sites = list(map(int, chosen))
    value = covered_weight(problem, np.array(sites, dtype=np.int64))
    while sites and time.monotonic() < until:
        times = counted(problem, np.array(sites, dtype=np.int64))
        best_value, best = value * (1 + 1e-12), None
        for place, site in enumerate(sites):
            kept = times.copy()
            kept[_reach(problem, site)] -= 1
            open_ = np.where(kept == 0, problem.weights, 0.0)
            gain = problem.cover @ open_
            if rules is not None and len(rules):
                others = np.array(sites[:place] + sites[place + 1 :], dtype=np.int64)
                gain[~rules.instead(others)] = -np.inf
            gain[sites] = -np.inf
            other = int(gain.argmax())
            found = float(problem.weights[kept > 0].sum() + gain[other])
            if found > best_value:
                best_value, best = found, (place, other)
        if best is None:
            break
        sites[best[0]] = best[1]
        value = covered_weight(problem, np.array(sites, dtype=np.int64))
    return np.array(sites, dtype=np.int64), value


def covered_weight(problem: Reduced, chosen: Ints) -> float:
    """Weight that some candidates cover together."""
    return float(problem.weights[counted(problem, chosen) > 0].sum())


def counted(problem: Reduced, chosen: Ints) -> Ints:
    """How many of some candidates cover each group."""
    reached = [_reach(problem, int(i)) for i in chosen]
    together = np.concatenate(reached) if reached else np.zeros(0, dtype=np.int64)
    return np.bincount(together, minlength=len(problem.weights))


def _reach(problem: Reduced, site: int) -> Ints:
    start = problem.cover.indptr
    reached: Ints = problem.cover.indices[start[site] : start[site + 1]]
    return reached
