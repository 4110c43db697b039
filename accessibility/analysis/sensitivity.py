"""How far a figure of coverage hangs on speeds, turns and the way off the road."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from accessibility.analysis.choices import longest_covered_s
from accessibility.analysis.completeness import rim_positions
from accessibility.analysis.coverage import Coverage, coverage
from accessibility.analysis.coverage_communes import commune_rows
from accessibility.analysis.sensitivity_curve import STEPS, Thresholds, thresholds
from accessibility.analysis.sensitivity_draws import (
    Distributions,
    costs_of,
    draw,
    fastest_of,
    read_distributions,
)
from accessibility.analysis.sensitivity_plan import PlanDraws, candidates_of, plan_over_draws
from accessibility.analysis.sensitivity_published import PublishedFigure, published_figure
from accessibility.analysis.sensitivity_trips import Costs, Trips, at_speed, trips_within
from accessibility.analysis.siting import Siting
from accessibility.errors import SettingError
from accessibility.network.snap import Positions, snap
from accessibility.parallel import in_threads
from accessibility.routing.times import Direction, cutoff_ms
from accessibility.study.road_classes import edge_classes
from accessibility.study.study import Study

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

FACTORS = (0.7, 1.3)
"""Factors on all driving speeds that are looked at unless others are asked for."""
CURVE_STEP = 100
"""The curve has a point for each hundredth of a factor."""
LEAST_FACTOR, MOST_FACTOR = 0.1, 10.0
COARSE = 10
"""Where people are counted at many places, thresholds are exact to so many steps."""
CHUNK = 8
"""Draws that a thread takes at once."""


@dataclass(frozen=True)
class Sensitivity:
    """Answer to: how sure is the figure.

    Attributes
    ----------
    base : Coverage
        The figure itself.
    curve : DataFrame
        `speed_factor`, `share_covered`, `population_covered`, `communes_covered` (all of their
        people), one row for each hundredth.
    by_commune : DataFrame
        `code_insee`, `name`, `population`, `travel_time_s`, `covered_from` (the speed factor from
        which all of its people are covered, to one ten-thousandth, or one thousandth where they
        are counted at several points of a commune; the least factor that was looked at where they
        are covered at less; NaN where they are at none), `share_there` (the figure at that
        factor), `share_of_draws` (in which it is covered; of its people, where
        they are counted at several points; NaN without draws).
    published : PublishedFigure or None
        None where nothing was published for this question.
    draws : DataFrame
        One row for each draw: what was drawn, `share_covered`, `population_covered`.
    seed : int
    distributions : Distributions
    factors : tuple of float
        Least and greatest speed factor.
    complete : bool
        False where a trip that leaves the data could change one of these figures.
    plan : PlanDraws or None
        How a plan for new sites fares.
    """

    base: Coverage
    curve: pd.DataFrame
    by_commune: pd.DataFrame
    published: PublishedFigure | None
    draws: pd.DataFrame
    seed: int
    distributions: Distributions
    factors: tuple[float, float]
    complete: bool
    plan: PlanDraws | None

    def __repr__(self) -> str:
        if not len(self.draws):
            return f"<Sensitivity: {self.base.share:.2%}>"
        low, _, high = self.quantiles
        return f"<Sensitivity: {self.base.share:.2%}, {low:.2%} to {high:.2%} in 95 % of the draws>"

    @property
    def quantiles(self) -> tuple[float, float, float]:
        """Shares below which 2.5, 50 and 97.5 % of the draws lie; NaN without draws."""
        if not len(self.draws):
            return (float("nan"),) * 3
        low, middle, high = np.quantile(self.draws["share_covered"], [0.025, 0.5, 0.975])
        return float(low), float(middle), float(high)

    @property
    def flipping(self) -> pd.DataFrame:
        """Rows of `by_commune` that are covered in some draws and not in others."""
        some = self.by_commune["share_of_draws"].between(0, 1, inclusive="neither")
        return self.by_commune[some].sort_values(
            ["population", "code_insee"], ascending=[False, True], ignore_index=True
        )


def sensitivity(
    study: Study,
    demand: str | gpd.GeoDataFrame | None = None,
    *,
    draws: int = 1_000,
    seed: int = 0,
    factors: tuple[float, float] = FACTORS,
    distributions: Distributions | str | Path | None = None,
    plan: Siting | None = None,
    plan_draws: int = 200,
    minutes: float | None = None,
    as_of: dt.date | str | None = None,
    population: int | None = None,
    direction: Direction | None = None,
    around: bool = False,
    sites: gpd.GeoDataFrame | None = None,
    max_snap_m: float | None = None,
) -> Sensitivity:
    """How the share of the inhabitants who are covered hangs on what drives cost.

    Parameters
    ----------
    study : Study
    demand : str or GeoDataFrame, optional
        As in `coverage`.
    draws : int
        How many times speeds, turns and the way off the road are drawn; 0 for none.
    seed : int
        The same seed gives the same draws, and the same figures.
    factors : tuple of float
        Least and greatest factor on all driving speeds for the curve; 1 lies between.
    distributions : Distributions, str or Path, optional
        From what is drawn: a TOML file; that of the package if absent.
    plan : Siting, optional
        Answer of `optimise` for new sites with the same choices, to be held against every other
        choice of as many chefs-lieux.
    plan_draws : int
        In how many of the draws, the first ones, the plan is held against others.
    minutes, as_of, population, direction, around, sites, max_snap_m
        As in `coverage`.

    Returns
    -------
    Sensitivity

    Raises
    ------
    SettingError
        For a number of draws, a seed, factors or distributions out of their range, or a plan that
        was made for another question.
    UnknownNameError, InputError, CrsError
        As `coverage` does.

    Notes
    -----
    The curve takes all driving speeds times a factor: a road takes rint(ms / factor), at least a
    millisecond; turns, signals and the way off the road cost what they did. In the draws each
    class of road has a factor of its own beside the common one, turns and nodes have one
    together, and the metres off the road take a time; where places stand on the roads does not
    change. Only edges that can be reached within the cut-off at the greatest speeds are searched,
    which changes no figure. Log-normal and even distributions, by inversion of one table of
    uniform numbers; quantiles as `numpy.quantile` has them.

    Examples
    --------
    >>> import accessibility as acc
    >>> found = acc.sensitivity(acc.load_study("jura"), draws=0, factors=(0.99, 1.01))
    >>> found.curve["speed_factor"].tolist()
    [0.99, 1.0, 1.01]
    """
    low, high = _checked_factors(factors)
    if not isinstance(distributions, Distributions):
        distributions = read_distributions(distributions)
    drawn = draw(distributions, draws, seed)
    if plan is not None:
        _check_plan_draws(plan_draws, draws)
    base = coverage(
        study, demand, minutes=minutes, as_of=as_of, population=population, direction=direction,
        around=around, sites=sites, max_snap_m=max_snap_m,
    )  # fmt: skip
    snap_m = float(study.default("max_snap_m") if max_snap_m is None else max_snap_m)
    places = base.by_demand
    here, there = (snap(study.network, table, max_snap_m=snap_m) for table in (places, base.sites))
    limit = cutoff_ms(longest_covered_s(base.minutes, inclusive=base.inclusive))
    costs = costs_of(drawn)
    fastest = fastest_of([*costs, at_speed(high / STEPS), at_speed(1.0)])
    kinds = edge_classes(study)
    towards = base.direction == "to"

    def between(
        sources: Positions, targets: Positions, *, towards: bool, apart: bool = False
    ) -> Trips:
        return trips_within(
            study.network, sources, targets, towards=towards, apart=apart, edge_class=kinds,
            fastest=fastest, limit_ms=limit,
        )  # fmt: skip

    trips = between(there, here, towards=towards)
    found = thresholds(trips, low, high, every=COARSE if base.is_finer else 1)
    row = commune_rows(places["code_insee"], study.communes)
    people = places["population"].to_numpy(dtype=float)
    covered_people, counts = _over_draws(trips, costs, people)
    drawn = drawn.assign(population_covered=covered_people, share_covered=covered_people)
    total = base.population if base.population > 0 else np.nan
    drawn["share_covered"] /= total
    by_commune = pd.DataFrame(
        base.by_commune[["code_insee", "name", "population", "travel_time_s"]]
    )
    last, mean = _by_commune(people, found.step, counts, row, len(by_commune))
    by_commune["covered_from"] = np.where(last <= high, last / STEPS, np.nan)
    share_there = found.people(people, last) / total
    by_commune["share_there"] = np.where(last <= high, share_there, np.nan)
    by_commune["share_of_draws"] = mean / draws if draws else np.nan
    unsure = counts < draws if draws else np.ones(len(places), dtype=bool)
    unsure |= found.step > low
    on_road = here.segment >= 0
    complete = base.complete and not _beyond(
        between, here.take(on_road & unsure), there, rim_positions(study.network),
        fastest, limit, towards=towards, around=around,
    )  # fmt: skip
    return Sensitivity(
        base=base,
        curve=_curve(found, people, total, last),
        by_commune=by_commune,
        published=published_figure(study, base, sites, found, people, drawn["share_covered"]),
        draws=drawn,
        seed=seed,
        distributions=distributions,
        factors=(low / STEPS, high / STEPS),
        complete=complete,
        plan=None
        if plan is None
        else _plan(study, plan, base, sites, between, trips, here, costs[:plan_draws], snap_m),
    )


def _checked_factors(factors: tuple[float, float]) -> tuple[int, int]:
    """Least and greatest factor in steps."""
    wrong = SettingError(
        f"the speed factors are {factors!r}; two numbers from {LEAST_FACTOR:g} to "
        f"{MOST_FACTOR:g}, with 1 between them, are expected."
    )
    try:
        low, high = factors
    except (TypeError, ValueError) as error:
        raise wrong from error
    for one in (low, high):
        if not isinstance(one, int | float | np.number) or isinstance(one, bool):
            raise wrong
    if not LEAST_FACTOR <= low <= 1 <= high <= MOST_FACTOR:
        raise wrong
    return round(float(low) * STEPS), round(float(high) * STEPS)


def _check_plan_draws(plan_draws: int, draws: int) -> None:
    if isinstance(plan_draws, bool) or not isinstance(plan_draws, int) or plan_draws < 1:
        raise SettingError(
            f"the number of draws for the plan is {plan_draws!r}; a whole number from 1 is "
            "expected."
        )
    if draws < 1:
        raise SettingError("a plan is held against others over draws; at least one is expected.")


def _over_draws(
    trips: Trips, costs: list[Costs], people: Floats
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """People covered in each draw, and in how many draws each place is."""
    known = np.nan_to_num(people)

    def some(start: int) -> tuple[list[float], npt.NDArray[np.int64]]:
        sums, counts = [], np.zeros(trips.rows, dtype=np.int64)
        for cost in costs[start : start + CHUNK]:
            covered = trips.reached(cost)
            sums.append(float(known[covered].sum()))
            counts += covered
        return sums, counts

    parts = in_threads(some, range(0, len(costs), CHUNK))
    counts = np.sum([counts for _, counts in parts], axis=0, dtype=np.int64)
    total = np.array([one for sums, _ in parts for one in sums], dtype=float)
    return total, np.zeros(trips.rows, dtype=np.int64) + counts


def _by_commune(
    people: Floats, step: npt.NDArray[np.int64], counts: npt.NDArray[np.int64],
    row: npt.NDArray[np.int64], n: int,
) -> tuple[npt.NDArray[np.int64], Floats]:  # fmt: skip
    """Step from which all people of each commune are covered; in how many draws they are.

    Where nobody lives, or how many do is unknown, points count alike.
    """
    total = np.bincount(row, people, minlength=n)
    weight = np.where(total[row] > 0, people, 1.0)
    last = np.zeros(n, dtype=np.int64)
    np.maximum.at(last, row[weight > 0], step[weight > 0])
    whole = np.bincount(row, weight, minlength=n)
    mean = np.bincount(row, weight * counts, minlength=n) / np.where(whole > 0, whole, np.nan)
    # a commune without any point is covered at no speed
    return np.where(whole > 0, last, MOST_FACTOR * STEPS + 1).astype(np.int64), mean


def _curve(
    found: Thresholds, people: Floats, total: float, last: npt.NDArray[np.int64]
) -> pd.DataFrame:
    every = STEPS // CURVE_STEP
    steps = np.arange(-(-found.low // every), found.high // every + 1) * every
    steps = np.unique(np.r_[found.low, steps, found.high])
    covered = found.people(people, steps)
    return pd.DataFrame(
        {
            "speed_factor": steps / STEPS,
            "share_covered": covered / total,
            "population_covered": covered,
            "communes_covered": np.searchsorted(np.sort(last), steps, side="right"),
        }
    )


def _beyond(
    between: Callable[..., Trips],
    here: Positions,
    there: Positions,
    rim: Positions,
    fastest: Costs,
    limit_ms: np.int64,
    *,
    towards: bool,
    around: bool,
) -> bool:
    """Whether a trip that leaves the data could be within the limit at the greatest speeds.

    As `completeness.is_complete`: at least the way to the rim and, where sites beyond it do not
    count, from the rim to a site.
    """
    if not len(rim) or not len(here):
        return False
    to_rim = between(rim, here, towards=towards).time_ms(fastest)[0].astype(np.int64)
    if around:
        return bool((to_rim <= limit_ms).any())
    from_rim = between(there, rim, towards=towards).time_ms(fastest)[0].astype(np.int64)
    return bool((to_rim + from_rim.min() <= limit_ms).any())


def _plan(
    study: Study,
    plan: Siting,
    base: Coverage,
    sites: gpd.GeoDataFrame | None,
    between: Callable[..., Trips],
    trips: Trips,
    here: Positions,
    costs: list[Costs],
    snap_m: float,
) -> PlanDraws:
    if base.demand_method != "chefs-lieux" or sites is not None:
        raise SettingError(
            "plans are made for the people at the chefs-lieux and the study's own sites; neither "
            "other places of people nor other sites are expected with one."
        )
    for name in ("minutes", "as_of", "population_year", "direction", "around", "profile"):
        made, asked = getattr(plan.before, name), getattr(base, name)
        if made != asked:
            raise SettingError(
                f"the plan was made for {name} = {made}; here it is {asked}: the same is expected."
            )
    names = base.by_commune["name"]
    table = candidates_of(plan, base.by_demand, names)
    there = snap(study.network, table, max_snap_m=snap_m)
    on_road = there.segment >= 0
    people = base.by_demand["population"].to_numpy(dtype=float)
    # who is covered in every draw needs no other site
    late = np.flatnonzero(~np.all(in_threads(trips.reached, costs), axis=0))
    to_new = between(
        here.take(late), there.take(on_road), towards=base.direction == "from", apart=True
    )
    return plan_over_draws(
        table[on_road].reset_index(drop=True), people[late], to_new,
        lambda cost: trips.reached(cost)[late], costs,
    )  # fmt: skip
