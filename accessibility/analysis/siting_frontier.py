"""How far a number of new sites leads, and how many of the existing ones could close."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from accessibility.analysis.coverage import Coverage, coverage
from accessibility.analysis.siting_candidates import Candidates, Problem, pose
from accessibility.analysis.siting_covering import max_coverage, set_cover
from accessibility.analysis.siting_given import Solution
from accessibility.routing.times import Direction
from accessibility.study.study import Study


@dataclass(frozen=True)
class Closable:
    """Answer to: how many sites could close without anybody losing coverage.

    Attributes
    ----------
    closed, kept : GeoDataFrame
        The existing sites, as in `Coverage.sites`: one choice of the most that could close.
    before : Coverage
    solution : Solution
        The proof; its objective is the number of sites that are kept.
    """

    closed: gpd.GeoDataFrame
    kept: gpd.GeoDataFrame
    before: Coverage
    solution: Solution


def frontier(
    study: Study,
    *,
    candidates: Candidates = "chefs-lieux",
    most: int | None = None,
    weights: str | None = None,
    time_limit_s: float = 60.0,
    minutes: float | None = None,
    as_of: dt.date | str | None = None,
    population: int | None = None,
    direction: Direction | None = None,
    around: bool = False,
    max_snap_m: float | None = None,
) -> pd.DataFrame:
    """Coverage against the number of new sites, until no further one adds anybody.

    Parameters
    ----------
    study, candidates, weights, minutes, as_of, population, direction, around, max_snap_m
        As in `optimise`.
    most : int, optional
        Highest number of new sites that is looked at.
    time_limit_s : float
        Seconds for each number of sites.

    Returns
    -------
    DataFrame
        `new_sites`, `share_covered`, `population_covered`, `population_gained`, `bound` (people),
        `optimal`, `share_greedy`, `selected` (ids, separated by blanks).

    Raises
    ------
    SettingError, InputError, CrsError
        As in `optimise`.

    Examples
    --------
    >>> import accessibility as acc
    >>> table = frontier(acc.load_study("jura"), most=2)
    >>> table["new_sites"].tolist()
    [0, 1, 2]
    """
    before = coverage(
        study, minutes=minutes, as_of=as_of, population=population, direction=direction,
        around=around, max_snap_m=max_snap_m,
    )  # fmt: skip
    problem = pose(study, before, candidates, max_snap_m=max_snap_m, weights=weights)
    cover, people, covered = problem.cover, problem.weights, problem.covered
    reachable = covered.copy()
    reachable[cover.indices] = True
    total, base = float(people.sum()), float(people[covered].sum())
    whole = float(people[reachable].sum())
    ids = problem.table["candidate_id"].astype(str).to_numpy()
    rows: list[list[Any]] = [[0, base / total, base, 0.0, base, True, base / total, ""]]
    limit = len(ids) if most is None else min(most, len(ids))
    for number in range(1, limit + 1):
        if rows[-1][2] >= whole:
            break
        found = max_coverage(cover, people, number, covered=covered, time_limit_s=time_limit_s)
        rows.append(
            [number, found.objective / total, found.objective, found.objective - base,
             found.bound, found.optimal, found.greedy / total, " ".join(ids[found.selected])]
        )  # fmt: skip
    names = ["new_sites", "share_covered", "population_covered", "population_gained", "bound",
             "optimal", "share_greedy", "selected"]  # fmt: skip
    return pd.DataFrame(rows, columns=names)


def closable(
    study: Study,
    *,
    time_limit_s: float = 60.0,
    minutes: float | None = None,
    as_of: dt.date | str | None = None,
    population: int | None = None,
    direction: Direction | None = None,
    around: bool = False,
    max_snap_m: float | None = None,
) -> Closable:
    """Most of the existing sites that could close without anybody losing coverage.

    Parameters
    ----------
    study, time_limit_s, minutes, as_of, population, direction, around, max_snap_m
        As in `optimise`.

    Returns
    -------
    Closable

    Notes
    -----
    The fewest sites that cover all who are covered now: Toregas et al. (1971), see `set_cover`.

    Examples
    --------
    >>> import accessibility as acc
    >>> found = closable(acc.load_study("jura"))
    >>> len(found.closed) + len(found.kept), found.solution.optimal
    (25, True)
    """
    before = coverage(
        study, minutes=minutes, as_of=as_of, population=population, direction=direction,
        around=around, max_snap_m=max_snap_m,
    )  # fmt: skip
    problem = pose(study, before, "existing", max_snap_m=max_snap_m, may_close=True)
    solution = set_cover(problem.cover, _reached(problem), time_limit_s=time_limit_s)
    stay = np.isin(np.arange(len(problem.table)), solution.selected)
    return Closable(
        closed=before.sites[~stay].reset_index(drop=True),
        kept=before.sites[stay].reset_index(drop=True),
        before=before,
        solution=solution,
    )


def _reached(problem: Problem) -> npt.NDArray[np.float64]:
    """People whom the existing sites cover."""
    covered = problem.before.by_commune["population_covered"]
    found: npt.NDArray[np.float64] = covered.fillna(0.0).to_numpy(dtype=float)
    return found
