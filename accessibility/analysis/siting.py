"""Where the next sites of a study should stand, and how far a number of them leads."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import geopandas as gpd
import numpy as np
import pandas as pd
import scipy.sparse as sp

from accessibility.analysis.coverage import Coverage, coverage
from accessibility.analysis.siting_models import (
    Solution,
    max_coverage,
    p_center,
    p_median,
    set_cover,
)
from accessibility.errors import InputError, SettingError, UnknownNameError, first_of
from accessibility.network.snap import snap
from accessibility.routing.times import Direction, check_ids, travel_time_matrix
from accessibility.schema import WGS84, check_crs
from accessibility.study.demand import demand_at_chefs_lieux
from accessibility.study.sites import place_in_communes
from accessibility.study.study import Study

Objective = Literal["coverage", "target", "p-median", "p-center"]
CELLS = 4_000_000
"""Drive times that are held at once before those beyond the cut-off are left out."""


@dataclass(frozen=True)
class Siting:
    """Answer to: where should the next sites stand.

    Attributes
    ----------
    selected : GeoDataFrame
        `candidate_id`, `name`, `code_insee`, `population_gained_alone` (people newly covered if
        this one alone were opened), points; in the order of the candidates.
    before, after : Coverage
        With the existing sites, and with the selected ones beside them.
    share_before, share_covered, population_gained : float
    objective : str
        coverage, target, p-median or p-center.
    solution : Solution
        The proof: objective, bound, gap, optimal, greedy. In people (coverage), sites (target),
        people times seconds (p-median) or seconds (p-center).
    candidates : int
        How many could be chosen from.
    candidates_off_road : list of str
        Chefs-lieux too far from any road: no candidates.
    unreached : list of str
        Communes that neither a site nor a candidate reaches; p-median and p-center leave
        them out.
    """

    selected: gpd.GeoDataFrame
    before: Coverage
    after: Coverage
    objective: str
    solution: Solution
    candidates: int
    candidates_off_road: list[str]
    unreached: list[str]

    @property
    def share_before(self) -> float:
        """Share covered by the existing sites."""
        return self.before.share

    @property
    def share_covered(self) -> float:
        """Share covered with the selected sites."""
        return self.after.share

    @property
    def population_gained(self) -> float:
        """People newly covered."""
        return self.after.population_covered - self.before.population_covered


@dataclass(frozen=True)
class _Problem:
    before: Coverage
    table: gpd.GeoDataFrame  # candidates
    off_road: list[str]
    times: Any  # CSR array (candidates, demand), seconds
    weights: Any
    current: Any

    @property
    def cover(self) -> Any:
        within = self.times.copy()
        within.data = (within.data <= self.before.minutes * 60.0).astype(float)
        within.eliminate_zeros()
        return within

    @property
    def covered(self) -> Any:
        return self.current <= self.before.minutes * 60.0


def optimise(
    study: Study,
    *,
    new_sites: int = 3,
    objective: Objective = "coverage",
    candidates: Literal["chefs-lieux"] | gpd.GeoDataFrame = "chefs-lieux",
    target: float | None = None,
    force: Sequence[str] = (),
    forbid: Sequence[str] = (),
    time_limit_s: float = 60.0,
    minutes: float | None = None,
    as_of: dt.date | str | None = None,
    population: int | None = None,
    direction: Direction | None = None,
    around: bool = False,
    max_snap_m: float | None = None,
) -> Siting:
    """Best places for new sites beside the existing ones, with proof.

    Parameters
    ----------
    study : Study
    new_sites : int
        At most so many; not read where the objective is a target.
    objective : {"coverage", "target", "p-median", "p-center"}
        Most people covered; fewest sites for a share; least time in all; shortest longest drive.
    candidates : "chefs-lieux" or GeoDataFrame
        Points with a CRS and `candidate_id`, perhaps `name` and `code_insee`.
    target : float, optional
        Share to be covered, above 0 to 1; all people if absent.
    force, forbid : sequence of str
        Ids of candidates (codes of communes) that must, or must not, be chosen.
    time_limit_s : float
        Seconds after which the best choice so far is returned.
    minutes, as_of, population, direction, around, max_snap_m
        As in `coverage`.

    Returns
    -------
    Siting

    Raises
    ------
    SettingError
        For an impossible number, target, force or forbid.
    UnknownNameError
        For an id that is no candidate.
    InputError, CrsError
        For faults of the candidates, such as one that is off the network.

    Notes
    -----
    Church and ReVelle (1974), Toregas et al. (1971), Hakimi (1964); see `siting_models`.

    Examples
    --------
    >>> import accessibility as acc
    >>> found = optimise(acc.load_study("jura"), new_sites=3)
    >>> len(found.selected), found.solution.optimal
    (3, True)
    """
    if objective not in get_args(Objective):
        raise SettingError(
            f"the objective is {objective!r}; {', '.join(get_args(Objective))} are expected."
        )
    if target is not None and objective != "target":
        raise SettingError(f"a target was given, but the objective is {objective}, not target.")
    before = coverage(
        study, minutes=minutes, as_of=as_of, population=population, direction=direction,
        around=around, max_snap_m=max_snap_m,
    )  # fmt: skip
    problem = _problem(
        study, before, candidates, max_snap_m, by_time=objective in ("p-median", "p-center")
    )
    chosen: dict[str, Any] = {
        "force": _rows(problem.table, force),
        "forbid": _rows(problem.table, forbid),
        "time_limit_s": time_limit_s,
    }
    unreached: list[str] = []
    if objective == "coverage":
        solution = max_coverage(
            problem.cover, problem.weights, new_sites, covered=problem.covered, **chosen
        )
    elif objective == "target":
        solution = set_cover(
            problem.cover, problem.weights, covered=problem.covered,
            target=1.0 if target is None else target, **chosen,
        )  # fmt: skip
    else:
        reached = np.isfinite(problem.current)
        reached[problem.times.indices] = True
        lost = before.by_commune["code_insee"][~reached & (problem.weights > 0)]
        unreached = lost.tolist()
        model = p_median if objective == "p-median" else p_center
        solution = model(
            problem.times, problem.weights * reached, new_sites, current=problem.current, **chosen
        )
    selected = problem.table.iloc[solution.selected].reset_index(drop=True)
    gains = problem.cover @ np.where(problem.covered, 0.0, problem.weights)
    selected.insert(3, "population_gained_alone", gains[solution.selected])
    return Siting(
        selected=selected,
        before=before,
        after=_with(study, before, selected, max_snap_m),
        objective=objective,
        solution=solution,
        candidates=len(problem.table),
        candidates_off_road=problem.off_road,
        unreached=unreached,
    )


def frontier(
    study: Study,
    *,
    candidates: Literal["chefs-lieux"] | gpd.GeoDataFrame = "chefs-lieux",
    most: int | None = None,
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
    study, candidates, minutes, as_of, population, direction, around, max_snap_m
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
    problem = _problem(study, before, candidates, max_snap_m, by_time=False)
    cover, weights, covered = problem.cover, problem.weights, problem.covered
    reachable = covered.copy()
    reachable[cover.indices] = True
    total, base = float(weights.sum()), float(weights[covered].sum())
    whole = float(weights[reachable].sum())
    ids = problem.table["candidate_id"].astype(str).to_numpy()
    rows: list[list[Any]] = [[0, base / total, base, 0.0, base, True, base / total, ""]]
    limit = len(ids) if most is None else min(most, len(ids))
    for number in range(1, limit + 1):
        if rows[-1][2] >= whole:
            break
        found = max_coverage(cover, weights, number, covered=covered, time_limit_s=time_limit_s)
        rows.append(
            [number, found.objective / total, found.objective, found.objective - base,
             found.bound, found.optimal, found.greedy / total, " ".join(ids[found.selected])]
        )  # fmt: skip
    names = ["new_sites", "share_covered", "population_covered", "population_gained", "bound",
             "optimal", "share_greedy", "selected"]  # fmt: skip
    return pd.DataFrame(rows, columns=names)


def _problem(
    study: Study,
    before: Coverage,
    candidates: str | gpd.GeoDataFrame,
    max_snap_m: float | None,
    *,
    by_time: bool,
) -> _Problem:
    snap_m = float(study.default("max_snap_m") if max_snap_m is None else max_snap_m)
    demand = demand_at_chefs_lieux(study.communes, year=before.population_year)
    table = _candidates(study, demand, candidates)
    far = snap(study.network, table, max_snap_m=snap_m).segment < 0
    off_road = table.loc[far, "candidate_id"].astype(str).tolist()
    if off_road and not isinstance(candidates, str):
        raise InputError(
            f"candidates {first_of(off_road)} lie more than {snap_m:g} m from any road; move "
            "them or leave them out."
        )
    table = table[~far].reset_index(drop=True)
    current = before.by_commune["travel_time_s"].to_numpy(dtype=float)
    cutoff_s: float | None = before.minutes * 60.0 + 1.0  # compared as `coverage` does, below
    if by_time:
        # a drive longer than any at present betters nothing, unless somebody has none
        on_road = np.isfinite(before.by_commune["demand_snap_m"].to_numpy(dtype=float))
        longest = current[on_road].max(initial=0.0)
        cutoff_s = max(cutoff_s or 0.0, longest) if np.isfinite(longest) else None
    return _Problem(
        before=before,
        table=table,
        off_road=off_road,
        times=_times(study, demand, table, before.direction, cutoff_s, snap_m),
        weights=before.by_commune["population"].fillna(0.0).to_numpy(dtype=float),
        current=current,
    )


def _candidates(
    study: Study, demand: gpd.GeoDataFrame, candidates: str | gpd.GeoDataFrame
) -> gpd.GeoDataFrame:
    if isinstance(candidates, str):
        if candidates != "chefs-lieux":
            raise SettingError(
                f"the candidates are {candidates!r}; chefs-lieux or a table is expected."
            )
        codes = demand["code_insee"].to_numpy()
        names = study.communes["name"].to_numpy()
        return gpd.GeoDataFrame(
            {"candidate_id": codes, "name": names, "code_insee": codes}, geometry=demand.geometry
        )
    if candidates.empty:
        raise InputError("the table of candidates has no rows; at least one is expected.")
    check_ids(candidates, "candidate_id")
    if candidates.crs is None:
        check_crs(candidates, WGS84, what="the table of candidates")
    table = candidates.reset_index(drop=True)
    ids = table["candidate_id"].astype(str)
    return gpd.GeoDataFrame(
        {
            "candidate_id": ids,
            "name": table.get("name", ids),
            "code_insee": table["code_insee"]
            if "code_insee" in table
            else place_in_communes(table, study.communes),
        },
        geometry=table.geometry,
    ).to_crs(WGS84)


def _times(
    study: Study,
    demand: gpd.GeoDataFrame,
    table: gpd.GeoDataFrame,
    direction: Direction,
    cutoff_s: float | None,
    snap_m: float,
) -> Any:
    """Seconds between candidates and demand, sparse; a stored 0 is no time at all."""
    parts = []
    step = max(1, CELLS // max(1, len(demand)))
    for start in range(0, max(1, len(table)), step):
        block = table.iloc[start : start + step]
        ends = (demand, block) if direction == "to" else (block, demand)
        found = travel_time_matrix(study.network, *ends, cutoff_s=cutoff_s, max_snap_m=snap_m)
        found = found.T if direction == "to" else found
        row, column = np.nonzero(np.isfinite(found))
        parts.append(sp.csr_array((found[row, column], (row, column)), shape=found.shape))
    return sp.vstack(parts, format="csr")


def _rows(table: gpd.GeoDataFrame, ids: Sequence[str]) -> list[int]:
    place = {str(name): i for i, name in enumerate(table["candidate_id"])}
    unknown = [str(name) for name in ids if str(name) not in place]
    if unknown:
        raise UnknownNameError(f"{first_of(unknown)} is no candidate; ids of candidates are "
                               f"expected, such as {next(iter(place), 'none')}.")  # fmt: skip
    return [place[str(name)] for name in ids]


def _with(
    study: Study, before: Coverage, selected: gpd.GeoDataFrame, max_snap_m: float | None
) -> Coverage:
    """Coverage with the selected sites beside those that were counted."""
    if selected.empty:
        return before
    columns = ["facility_id", "name", "code_insee", "geometry"]
    new = selected.assign(facility_id="new:" + selected["candidate_id"].astype(str))
    parts = [before.sites[columns], new[columns].to_crs(before.sites.crs)]
    sites = pd.concat([part for part in parts if len(part)], ignore_index=True)
    return coverage(
        study, minutes=before.minutes, as_of=before.as_of, population=before.population_year,
        direction=before.direction, around=before.around, sites=sites, max_snap_m=max_snap_m,
    )  # fmt: skip
