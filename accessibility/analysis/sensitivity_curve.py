"""From which speed on each place is covered, and what that adds up to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from accessibility.analysis.sensitivity_trips import Trips, at_speed
from accessibility.parallel import in_threads
from accessibility.routing import kernels

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

STEPS = 10_000
"""Factors are looked at in steps of one in this many."""

AT_ONCE = 16
"""Factors whose times are held at once."""


@dataclass(frozen=True, eq=False)
class Thresholds:
    """The least factor on all driving speeds at which each place is covered.

    Attributes
    ----------
    step : int64 array (places,)
        In steps of one ten-thousandth; `low` also where the place is covered at less, `high` + 1
        where it is not covered at any factor that was looked at.
    low, high : int
        Least and greatest factor that were looked at, in the same steps.
    """

    step: Ints
    low: int
    high: int

    def people(self, population: Floats, steps: Ints) -> Floats:
        """People covered at some factors, given in steps."""
        order = np.argsort(self.step, kind="stable")
        total = np.append(0.0, np.cumsum(np.nan_to_num(population[order])))
        covered: Floats = total[np.searchsorted(self.step[order], steps, side="right")]
        return covered


def thresholds(trips: Trips, low: int, high: int, *, every: int = 1) -> Thresholds:
    """Find from which factor on each place is covered, exact to some steps.

    Parameters
    ----------
    trips : Trips
        From all sites together; their fastest costs allow for the greatest factor.
    low, high : int
        Least and greatest factor, in steps; both are looked at.
    every : int
        Between these only factors of so many steps are looked at.

    Notes
    -----
    A road takes rint(ms / factor) milliseconds, at least 1: never more at a greater factor. So
    each place has one threshold, between a factor at which it is covered and one at which it is
    not. Costs of turns are not divided, so that at the factor f, with a time t within the limit
    L, the threshold is at most f t / L but for roundings: that is looked at next, or the factor
    before f, until the two are neighbours.
    """
    between = np.arange(-(-low // every), high // every + 1) * every
    grid = np.unique(np.r_[low, between, high]).astype(np.int64)

    def time_ms(place: int) -> Ints:
        found: Ints = trips.time_ms(at_speed(float(grid[place]) / STEPS))[0].astype(np.int64)
        return found

    # rows of the grid, one after the last where a place is not covered
    within, time = np.full(trips.rows, len(grid)), np.full(trips.rows, trips.limit_ms)
    beyond = np.full(trips.rows, -1)
    probes = [0, len(grid) - 1]
    while len(probes):
        for start in range(0, len(probes), AT_ONCE):
            some = probes[start : start + AT_ONCE]
            for place, found in zip(some, in_threads(time_ms, some), strict=True):
                covered = found != kernels.NEVER
                nearer = covered & (place < within)
                within[nearer], time[nearer] = place, found[nearer]
                beyond[~covered] = np.maximum(beyond[~covered], place)
        open_ = within - beyond > 1
        most = np.ceil(grid[within[open_]] * time[open_] / float(trips.limit_ms))
        guess = np.searchsorted(grid, most)
        probes = np.unique(np.clip(guess, beyond[open_] + 1, within[open_] - 1)).tolist()
    return Thresholds(np.append(grid, high + 1)[within], low, high)
