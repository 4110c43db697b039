"""Where the sites of a study should stand, with proof."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import geopandas as gpd
import numpy as np
import pandas as pd

from accessibility.analysis.coverage import Coverage, coverage
from accessibility.analysis.siting_candidates import Candidates, Problem, pose
from accessibility.analysis.siting_covering import max_coverage, set_cover
from accessibility.analysis.siting_distance import p_center, p_median
from accessibility.analysis.siting_given import Solution
from accessibility.analysis.siting_rules import Rules
from accessibility.analysis.siting_ties import ties as find_ties
from accessibility.analysis.siting_zones import (
    Zone,
    check_zone,
    one_at_least,
    one_at_most,
    within_budget,
)
from accessibility.errors import SettingError
from accessibility.routing.times import Direction
from accessibility.study.study import Study

Objective = Literal["coverage", "target", "p-median", "p-center"]


@dataclass(frozen=True)
class Siting:
    """Answer to: where should the sites stand.

    Attributes
    ----------
    selected : GeoDataFrame
        `candidate_id`, `name`, `code_insee`, `population_gained_alone` (people newly covered if
        this one alone were opened beside the existing sites), points; in the order of the
        candidates. New sites only.
    closed : GeoDataFrame
        Existing sites that would close, as in `Coverage.sites`; none unless they may.
    before, after : Coverage
        With the existing sites; with the selected ones beside them and without the closed ones.
    share_before, share_covered, population_gained : float
    objective : str
        coverage, target, p-median or p-center.
    weights : str
        What was counted: population, or a column of the communes.
    solution : Solution
        The proof: objective, bound, gap, optimal, greedy. In people (coverage), sites (target),
        people times seconds (p-median) or seconds (p-center).
    ties : list of list of str
        Other choices of equal value: ids of candidates, of existing sites that stay open where
        they may close. None of them holds another one or the best choice.
    ties_whole : bool
        Whether there is no further one; False where none were looked for.
    candidates : int
        How many could be chosen from, existing sites that may close among them.
    candidates_off_road : list of str
        Places of the study too far from any road: no candidates.
    unreached : list of str
        Communes that neither a site nor a candidate reaches; p-median and p-center leave
        them out.
    """

    selected: gpd.GeoDataFrame
    closed: gpd.GeoDataFrame
    before: Coverage
    after: Coverage
    objective: str
    weights: str
    solution: Solution
    ties: list[list[str]]
    ties_whole: bool
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


def optimise(
    study: Study,
    *,
    new_sites: int | None = 3,
    objective: Objective = "coverage",
    candidates: Candidates = "chefs-lieux",
    target: float | None = None,
    may_close: bool = False,
    open_sites: int | None = None,
    weights: str | None = None,
    force: Sequence[str] = (),
    forbid: Sequence[str] = (),
    at_most_one: Zone | None = None,
    at_least_one: Zone | None = None,
    budget: float | None = None,
    costs: Mapping[str, float] | None = None,
    ties: int = 0,
    time_limit_s: float = 60.0,
    minutes: float | None = None,
    as_of: dt.date | str | None = None,
    population: int | None = None,
    direction: Direction | None = None,
    around: bool = False,
    sites: gpd.GeoDataFrame | None = None,
    max_snap_m: float | None = None,
) -> Siting:
    """Best places for sites, with proof.

    Parameters
    ----------
    study : Study
    new_sites : int, optional
        At most so many beside the existing ones; any number that the rules allow if None. Not
        read where the objective is a target or existing sites may close.
    objective : {"coverage", "target", "p-median", "p-center"}
        Most people covered; fewest sites for a share; least time in all; shortest longest drive.
    candidates : "chefs-lieux", "junctions", "post-offices", "town-halls" or GeoDataFrame
        The study's own places, or points with a CRS and `candidate_id`, perhaps `name`,
        `code_insee` and `cost`.
    target : float, optional
        Share to be covered, above 0 to 1; all people if absent.
    may_close : bool
        Existing sites may close, at no cost; they are candidates as well, by their
        `facility_id`, and rules and numbers hold for all sites that are open.
    open_sites : int, optional
        At most so many sites open in all, existing ones among them, where these may close.
    weights : str, optional
        Column of the communes to count instead of the population, such as population_2021.
    force, forbid : sequence of str
        Ids of candidates (codes of communes) that must, or must not, be chosen.
    at_most_one : {"canton", "epci"}, optional
        At most one of the chosen sites in each; existing ones count where they may close.
    at_least_one : {"canton", "epci"}, optional
        At least one site in each, existing ones among them.
    budget : float, optional
        Costs of the chosen candidates in all; sites that exist cost nothing.
    costs : mapping of str to float, optional
        Cost of each candidate by its id; the column `cost` of the candidates if absent.
    ties : int
        How many other choices of equal value are looked for at most.
    time_limit_s : float
        Seconds after which the best choice so far is returned.
    minutes, as_of, population, direction, around, sites, max_snap_m
        As in `coverage`.

    Returns
    -------
    Siting

    Raises
    ------
    SettingError
        For an impossible number, target, force, forbid, zone or budget, with what is in the way.
    UnknownNameError
        For an id that is no candidate, or a column that the communes have not.
    InputError, CrsError
        For faults of the candidates, such as one that is off the network.

    Notes
    -----
    Church and ReVelle (1974), Toregas et al. (1971), Hakimi (1964): see `max_coverage`,
    `set_cover`, `p_median` and `p_center`, which solve the models on arrays.

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
    if isinstance(ties, bool) or not isinstance(ties, int) or ties < 0:
        raise SettingError(f"the number of ties is {ties!r}; a whole number from 0 is expected.")
    if not time_limit_s > 0:
        raise SettingError(f"the time limit is {time_limit_s:g} s; more than 0 is expected.")
    may_close = may_close or open_sites is not None
    if may_close and open_sites is None and objective != "target":
        raise SettingError("existing sites may close, but open_sites is not told; how many may "
                           "be open in all is expected.")  # fmt: skip
    for zone in (at_most_one, at_least_one):
        check_zone(zone)
    until = time.monotonic() + time_limit_s
    before = coverage(
        study, minutes=minutes, as_of=as_of, population=population, direction=direction,
        around=around, sites=sites, max_snap_m=max_snap_m,
    )  # fmt: skip
    problem = pose(
        study, before, candidates, max_snap_m=max_snap_m, may_close=may_close, weights=weights,
        by_time=objective in ("p-median", "p-center"),
    )  # fmt: skip
    rules = within_budget(problem.table, budget, costs)
    if at_most_one is not None:
        rules = rules.also(one_at_most(study, problem.table, at_most_one))
    if at_least_one is not None:
        stay = before.sites["code_insee"].iloc[: 0 if may_close else None]
        rules = rules.also(one_at_least(study, problem.table, at_least_one, stay))
    number = open_sites if may_close else new_sites
    solve, unreached = _question(
        problem, objective, number, target, force=problem.rows(force), forbid=problem.rows(forbid)
    )
    solution = solve(rules, time_limit_s)
    others, whole = (
        find_ties(solve, solution, rules, most=ties, until=until) if ties else ([], False)
    )
    table, ids = problem.table, problem.table["candidate_id"].astype(str).to_numpy()
    chosen = np.isin(np.arange(len(table)), solution.selected)
    existing = table["existing"].to_numpy(dtype=bool)
    selected = table[chosen & ~existing].drop(columns="existing").reset_index(drop=True)
    late = (before.by_commune["population"] - before.by_commune["population_covered"]).fillna(0.0)
    selected.insert(3, "population_gained_alone", (problem.cover @ late)[chosen & ~existing])
    shut = np.isin(before.sites["facility_id"].astype(str), ids[existing & ~chosen])
    closed = before.sites[shut].reset_index(drop=True)
    return Siting(
        selected=selected,
        closed=closed,
        before=before,
        after=_with(study, before, before.sites[~shut], selected, max_snap_m),
        objective=objective,
        weights=weights or "population",
        solution=solution,
        ties=[ids[rows].tolist() for rows in others],
        ties_whole=whole,
        candidates=len(table),
        candidates_off_road=problem.off_road,
        unreached=unreached,
    )


def _question(
    problem: Problem,
    objective: str,
    number: int | None,
    target: float | None,
    *,
    force: list[int],
    forbid: list[int],
) -> tuple[Callable[[Rules, float], Solution], list[str]]:
    """The model, ready to be solved under rules; and the communes that it leaves out."""
    given: dict[str, Any] = {"force": force, "forbid": forbid}
    number = max(1, len(problem.table) - len(forbid)) if number is None else number
    if objective == "coverage":
        return lambda rules, limit_s: max_coverage(
            problem.cover, problem.weights, number, covered=problem.covered, rules=rules,
            time_limit_s=limit_s, **given,
        ), []  # fmt: skip
    if objective == "target":
        share = 1.0 if target is None else target
        return lambda rules, limit_s: set_cover(
            problem.cover, problem.weights, target=share, covered=problem.covered, rules=rules,
            time_limit_s=limit_s, **given,
        ), []  # fmt: skip
    reached = np.isfinite(problem.current)
    reached[problem.times.indices] = True
    lost = problem.before.by_commune["code_insee"][~reached & (problem.weights > 0)]
    model = p_median if objective == "p-median" else p_center
    return lambda rules, limit_s: model(
        problem.times, problem.weights * reached, number, current=problem.current, rules=rules,
        time_limit_s=limit_s, **given,
    ), lost.tolist()  # fmt: skip


def _with(
    study: Study,
    before: Coverage,
    stay: gpd.GeoDataFrame,
    selected: gpd.GeoDataFrame,
    max_snap_m: float | None,
) -> Coverage:
    """Coverage with the selected sites beside those that stay."""
    if selected.empty and len(stay) == len(before.sites):
        return before
    columns = ["facility_id", "name", "code_insee", "geometry"]
    new = selected.assign(facility_id="new:" + selected["candidate_id"].astype(str))
    parts = [stay[columns], new[columns].to_crs(before.sites.crs)]
    sites = pd.concat([part for part in parts if len(part)], ignore_index=True)
    return coverage(
        study, minutes=before.minutes, as_of=before.as_of, population=before.population_year,
        direction=before.direction, around=before.around, sites=sites, max_snap_m=max_snap_m,
    )  # fmt: skip
