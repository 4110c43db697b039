"""How often the sites of a plan stay the best choice when speeds are not what the profile says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from accessibility.analysis.sensitivity_trips import Costs, Trips
from accessibility.analysis.siting import Siting
from accessibility.analysis.siting_covering import max_coverage
from accessibility.errors import SettingError
from accessibility.parallel import in_threads
from accessibility.routing import kernels

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SAME_PEOPLE = 1e-6
"""Two choices that differ by less cover as many people."""


@dataclass(frozen=True)
class PlanDraws:
    """How a plan for new sites fares over draws, against every other choice of as many.

    Attributes
    ----------
    by_draw : DataFrame
        `draw`, `population_gained` (by the plan), `population_gained_best` (by the best choice
        in this draw), `regret` (the difference), `is_best`, `proven`.
    by_candidate : DataFrame
        `candidate_id`, `name`, `code_insee`, `in_plan`, `share_of_draws` (in which it belongs to
        the best choice: the plan where it is as good as any, else the one that was found),
        `share_of_draws_greedy` (the same for choosing the best one after another); those that are
        in none are left out.
    new_sites : int
        How many sites the plan opens.
    candidates : int
        Among how many was chosen.
    """

    by_draw: pd.DataFrame
    by_candidate: pd.DataFrame
    new_sites: int
    candidates: int

    def __repr__(self) -> str:
        return (
            f"<PlanDraws: {self.new_sites} sites best in {self.share_best:.0%} of "
            f"{len(self.by_draw)} draws>"
        )

    @property
    def share_best(self) -> float:
        """Share of the draws in which no other choice covers more people."""
        return float(self.by_draw["is_best"].mean())


def candidates_of(plan: Siting, demand: gpd.GeoDataFrame, names: pd.Series) -> gpd.GeoDataFrame:
    """The chefs-lieux, and the places of the plan that are none.

    Returns
    -------
    GeoDataFrame
        `candidate_id`, `name`, `code_insee`, `in_plan`, points.

    Raises
    ------
    SettingError
        If the plan opens no site, closes one, or was made for something else than coverage.
    """
    if plan.objective != "coverage" or len(plan.closed) or plan.weights != "population":
        raise SettingError(
            "the plan was made for another question; one of new sites that cover the most people, "
            "with no site closed, is expected."
        )
    if plan.selected.empty:
        raise SettingError("the plan opens no site; at least one is expected.")
    columns = ["candidate_id", "name", "code_insee", "geometry"]
    own = plan.selected[columns]
    all_ = gpd.GeoDataFrame(
        {"candidate_id": demand["code_insee"], "name": names, "code_insee": demand["code_insee"]},
        geometry=demand.geometry,
    )
    chosen = set(own["candidate_id"].astype(str))
    more = own[~own["candidate_id"].astype(str).isin(all_["candidate_id"]).to_numpy()]
    table = pd.concat([all_, more.to_crs(all_.crs)], ignore_index=True) if len(more) else all_
    return table.assign(in_plan=table["candidate_id"].astype(str).isin(chosen))


def plan_over_draws(
    candidates: gpd.GeoDataFrame,
    population: Floats,
    trips: Trips,
    covered: Callable[[Costs], Bools],
    costs: list[Costs],
) -> PlanDraws:
    """Choose anew in each draw, and hold the plan against that.

    Parameters
    ----------
    candidates : GeoDataFrame
        From `candidates_of`, all on the road.
    population : float array (demand,)
        At the places from which the trips lead.
    trips : Trips
        Between each place and all candidates.
    covered : callable
        Which of the places the sites that exist cover, under given costs.
    costs : list of Costs
        One for each draw.

    Notes
    -----
    The best choice is solved to proof in each draw (`max_coverage`).
    """
    plan = np.flatnonzero(candidates["in_plan"].to_numpy())
    people = np.nan_to_num(population)

    def reach(cost: Costs) -> tuple[sp.csr_array, Floats]:
        late = np.flatnonzero(~covered(cost) & (people > 0))
        within = trips.time_ms(cost, late) != kernels.NEVER
        return sp.csr_array(within.T, dtype=float), people[late]

    rows, times = [], np.zeros((2, len(candidates)), dtype=np.int64)
    for draw, (cover, weights) in enumerate(in_threads(reach, costs)):
        gained = float(weights[np.diff(cover[plan].tocsc().indptr) > 0].sum())
        if not len(weights):
            rows.append((draw, 0.0, 0.0, 0.0, True, True))
            times[:, plan] += 1
            continue
        found = max_coverage(cover, weights, len(plan))
        best = max(found.objective, gained)
        is_best = gained >= found.objective - SAME_PEOPLE
        times[0, plan if is_best else found.selected] += 1
        times[1, found.greedy_selected] += 1
        rows.append((draw, gained, best, best - gained, is_best, found.optimal))
    names = ["draw", "population_gained", "population_gained_best", "regret", "is_best", "proven"]
    table = pd.DataFrame(candidates.drop(columns="geometry")).assign(
        share_of_draws=times[0] / len(costs), share_of_draws_greedy=times[1] / len(costs)
    )
    named: Bools = table["in_plan"].to_numpy(dtype=bool) | (times[0] > 0) | (times[1] > 0)
    table = table[named].sort_values(
        ["share_of_draws", "share_of_draws_greedy", "candidate_id"],
        ascending=[False, False, True],
        ignore_index=True,
    )
    by_draw = pd.DataFrame(rows, columns=names)
    return PlanDraws(by_draw, table, len(plan), len(candidates))
