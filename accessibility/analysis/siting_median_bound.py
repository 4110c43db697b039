"""How much is driven at least, and which candidates a better choice may hold."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from accessibility.analysis.siting_lagrange import MEMORY, PATIENCE, ROUNDS, SHORTEST
from accessibility.analysis.siting_presolve import Bools, Floats, Ints
from accessibility.analysis.siting_rules import Rules

NEVER_S = 1e7
"""Seconds that stand for a place nobody reaches, where choices are compared: over 100 days."""


@dataclass(frozen=True)
class RelaxedMedian:
    """Bound of a p-median, and the best choice that was met on the way.

    Attributes
    ----------
    bound : float
        No choice of at most p candidates has less people times seconds.
    value_of : float array (candidates,)
        No choice that holds the candidate has less than this.
    chosen : int array
        Obeys the rules.
    value : float
        People times seconds; inf where no choice that reaches all is known.
    """

    bound: float
    value_of: Floats
    chosen: Ints
    value: float

    def may_reach(self, need: float) -> Bools:
        """Candidates that a choice with so little, or less, may hold."""
        kept: Bools = self.value_of <= need + 1e-9 * max(1.0, abs(need))
        return kept


def relax_median(
    times: Any, people: Floats, now: Floats, p: int, start: Ints, *, until: float, rules: Rules
) -> RelaxedMedian:
    """Bound a p-median by Lagrange multipliers on the trips of each place.

    Parameters
    ----------
    times : CSR array (candidates, demand)
        Seconds; what is not stored is not reached.
    people, now : float array (demand,)
        People, and seconds to the sites that are there; inf where there is none.
    p : int
        Sites at most, 1 or more.
    start : int array
        A choice to begin with.
    until : float
        Moment of `time.monotonic` at which to stop.
    rules : Rules
        Only the choices that are met obey them; the bound holds without them, so with them.

    Notes
    -----
    Cornuejols, G., Fisher, M. and Nemhauser, G. (1977), "Location of bank accounts to optimize
    float", Management Science 23: a multiplier is what a place pays for being served; the p
    candidates that would save most below these prices are best. Choices are bettered by
    exchanges (Teitz and Bart 1968).
    """
    count, where = times.shape[0], times.indices
    row = np.repeat(np.arange(count), np.diff(times.indptr))
    cost, stay = people[where] * times.data, people * now
    p = min(p, count)
    chosen, value = np.zeros(0, dtype=np.int64), np.inf
    prices = people * np.minimum(nearest_of(times, now, start), NEVER_S)
    reachable = np.full(len(people), 0.0)
    np.maximum.at(reachable, where, cost)
    prices = np.minimum(prices, np.where(np.isfinite(stay), stay, reachable))
    if len(start) <= p and rules.obeyed(start):
        chosen, value = exchanged_median(times, people, now, start, until=until, rules=rules)
    bound, best, scale = -np.inf, prices, people
    step, tried, trend = 1.0, 0, np.zeros(len(people))
    for _ in range(ROUNDS):
        saved = np.bincount(row, np.minimum(cost - prices[where], 0.0), minlength=count)
        top = np.argpartition(saved, p - 1)[:p]
        kept = np.minimum(stay - prices, 0.0)
        found = float(prices.sum() + kept.sum() + saved[top].sum())
        if rules.obeyed(top):
            met = float((people * nearest_of(times, now, top)).sum())
            if met < value:
                chosen, value = np.sort(top), met
        tried = 0 if found > bound + 1e-6 * abs(bound) else tried + 1
        if found > bound:
            bound, best = found, prices
        if tried >= PATIENCE:
            step, tried, prices, trend = step * 0.6, 0, best, np.zeros(len(people))
        slope = 1.0 - (stay < prices)
        for site in top:
            part = slice(times.indptr[site], times.indptr[site + 1])
            slope[where[part]] -= cost[part] < prices[where[part]]
        trend = slope + MEMORY * trend
        steep = float(trend**2 @ scale)
        if steep == 0 or step < SHORTEST or bound >= value or time.monotonic() >= until:
            break
        aim = 1.002 * value if np.isfinite(value) else 1.1 * max(found, 1.0)
        prices = np.maximum(prices + step * max(aim - found, 0.0) / steep * scale * trend, 0.0)
    if np.isfinite(value):
        chosen, value = exchanged_median(times, people, now, chosen, until=until, rules=rules)
    saved = np.bincount(row, np.minimum(cost - best[where], 0.0), minlength=count)
    order = np.sort(saved)
    bound = float(best.sum() + np.minimum(stay - best, 0.0).sum() + order[:p].sum())
    return RelaxedMedian(
        min(bound, value), bound + np.maximum(saved - order[p - 1], 0.0), chosen, value
    )


def exchanged_median(
    times: Any, people: Floats, now: Floats, start: Ints, *, until: float, rules: Rules
) -> tuple[Ints, float]:
    """Exchange one site for one candidate, the best exchange first, while people drive less."""
    sites, count = list(map(int, start)), times.shape[0]
    row, where = np.repeat(np.arange(count), np.diff(times.indptr)), times.indices

    def least(chosen: list[int]) -> Floats:
        near = nearest_of(times, now, np.array(chosen, dtype=np.int64))
        reached: Floats = np.minimum(near, NEVER_S)
        return reached

    value = float(people @ least(sites))
    while time.monotonic() < until:
        best_value, best = value * (1 - 1e-12), None
        for place in range(len(sites)):
            others = sites[:place] + sites[place + 1 :]
            near = least(others)
            saving = people[where] * np.maximum(near[where] - times.data, 0.0)
            gain = np.bincount(row, saving, minlength=count).astype(float)
            if len(rules):
                gain[~rules.instead(np.array(others, dtype=np.int64))] = -np.inf
            gain[sites] = -np.inf
            other = int(gain.argmax())
            found = float(people @ near - gain[other])
            if found < best_value:
                best_value, best = found, (place, other)
        if best is None:
            break
        sites[best[0]] = best[1]
        value = float(people @ least(sites))
    chosen = np.sort(np.array(sites, dtype=np.int64))
    return chosen, float((people * nearest_of(times, now, chosen)).sum())


def nearest_of(times: Any, now: Floats, chosen: Ints) -> Floats:
    """Seconds to the nearest of the sites that are there and the chosen ones."""
    near = now.copy()
    for site in chosen:
        part = slice(times.indptr[site], times.indptr[site + 1])
        at = times.indices[part]
        near[at] = np.minimum(near[at], times.data[part])
    return near
