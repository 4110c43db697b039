"""Whether what an engine answered is right, before its time counts.

Engines that search this toolkit's graph must give its times: to the millisecond, pandana to two
(it counts arcs of no cost as one millisecond, and tells the nearest in 32 bits). OSRM has the same
profile and is held to the bounds below, at pairs above a minute; both must find every pair.
Valhalla and osmnx have speeds of their own: the order of the pairs must be much the same. They
may put a place on another road, so they may miss a few pairs, which are counted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

OSRM_MEDIAN, OSRM_P95 = 0.003, 0.01
"""OSRM 26.10 differs by +0.16 % and 0.31 % over all pairs (docs/method.md), short trips by more."""
LEAST_RANK_CORRELATION, MOST_MISSED = 0.95, 0.005
EQUAL_S, PANDANA_S = 0.0005, 0.002

TIMES = ("nearest", "added", "sites", "communes")
UNCHECKED = ("drawn", "segments", "reach_one_core")
"""Drawings are judged by `isochrones.py`; the others are asked of this toolkit alone."""


def check(kind: str, name: str, ours: dict[str, Any], theirs: dict[str, Any]) -> tuple[bool, str]:
    """Whether the answers to a question agree as the kind of engine lets expect, and how."""
    if name in UNCHECKED:
        return True, "not compared"
    if name == "reach":
        return ours[name] == theirs[name], "roads entered and the sum of the times"
    mine, other = (_times(answers, name) for answers in (ours, theirs))
    found = np.isfinite(mine) & np.isfinite(other)
    missed = f"{np.sum(~found):,} of {found.size:,} pairs not found"
    if np.mean(~found) > (MOST_MISSED if kind == "other speeds" else 0):
        return False, missed
    if kind == "same graph":
        tolerance_s = PANDANA_S if theirs["engine"] == "pandana" else EQUAL_S
        apart_s = np.abs(mine - other).max()
        return bool(apart_s <= tolerance_s), f"largest difference {apart_s * 1000:.0f} ms"
    counted = found & (other > 60)
    if kind == "same profile":
        signed = mine[counted] / other[counted] - 1
        median, p95 = np.median(signed), np.percentile(np.abs(signed), 95)
        right = abs(median) <= OSRM_MEDIAN and p95 <= OSRM_P95
        return bool(right), f"median {median:+.2%}, 95th percentile of the difference {p95:.2%}"
    correlation = np.corrcoef(*(_ranks(times[counted]) for times in (mine, other)))[0, 1]
    ratio = np.median(other[counted] / mine[counted])
    words = f"median ratio {ratio:.2f}, rank correlation {correlation:.4f}; {missed}"
    return bool(correlation >= LEAST_RANK_CORRELATION), words


def _times(answers: dict[str, Any], name: str) -> Floats:
    """Seconds, inf where not found; those to the added site are of whom it is the nearest now."""
    found = np.array(answers[name], dtype=float)
    found[np.isnan(found)] = np.inf
    return np.minimum(found, _times(answers, "nearest")) if name == "added" else found


def _ranks(values: Floats) -> Floats:
    """Ranks of values, equal ones alike."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - count / 2)[place]
