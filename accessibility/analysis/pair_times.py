"""Drive times between every place with people and each counted site, computed once."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from accessibility.analysis.choices import (
    checked_minutes,
    longest_covered_s,
    people_at,
    sites_and_trips,
)
from accessibility.analysis.completeness import rim_positions
from accessibility.analysis.coverage_communes import commune_rows
from accessibility.network.snap import Positions, snap
from accessibility.parallel import in_threads
from accessibility.routing.times import Direction, cutoff_ms, nearest, position_matrix, seconds
from accessibility.study.ring import at_the_end
from accessibility.study.study import Study

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PairTimes:
    """Times of all pairs, and the choices behind them.

    Attributes
    ----------
    demand : GeoDataFrame
        `accessibility.schema.DEMAND`.
    sites : GeoDataFrame
        The counted sites.
    group : int array (sites,)
        Column of `time_s` for each site: its own, or that of the sites labelled on the same day.
    time_s : float array (demand, groups)
        Seconds to the nearest site of the group; inf where none is reached.
    commune : int array (demand,)
        Row of the study's communes.
    complete : bool
        False where a trip that leaves the data could bring any place within the cut-off of any
        group. So no choice among the groups can make a figure incomplete that is complete here.
    sites_off_road : list of str
        Ids of sites that lie too far from any road.
    minutes, as_of, population_year, direction, around, profile, walk_kph, demand_method
        The choices.
    """

    demand: gpd.GeoDataFrame
    sites: gpd.GeoDataFrame
    group: Ints
    time_s: Floats
    commune: Ints
    complete: bool
    sites_off_road: list[str]
    minutes: float
    as_of: dt.date
    population_year: int
    direction: Direction
    around: bool
    profile: str
    walk_kph: float | None
    demand_method: str

    @property
    def people(self) -> Floats:
        """Inhabitants of each place; none where their number is unknown."""
        known: Floats = np.nan_to_num(self.demand["population"].to_numpy(dtype=float))
        return known

    @property
    def cutoff_s(self) -> float:
        """Longest time within the cut-off, seconds."""
        return longest_covered_s(self.minutes, inclusive=True)

    @property
    def reached(self) -> npt.NDArray[np.bool_]:
        """Whether each place is within the cut-off of each group."""
        return self.time_s <= self.cutoff_s


def pair_times(
    study: Study,
    demand: str | gpd.GeoDataFrame | None = None,
    *,
    minutes: float | None = None,
    as_of: dt.date | str | None = None,
    population: int | None = None,
    direction: Direction | None = None,
    around: bool = False,
    sites: gpd.GeoDataFrame | None = None,
    max_snap_m: float | None = None,
    walk_kph: float | None = None,
    within_cutoff: bool = False,
    by_label_date: bool = False,
) -> PairTimes:
    """Compute the times that `hours` and `timeline` stand on; the options are `coverage`'s.

    Parameters
    ----------
    study, demand, minutes, as_of, population, direction, around, sites, max_snap_m, walk_kph
        As in `coverage`.
    within_cutoff : bool
        Look for no time beyond the cut-off, which is several times faster: such a pair has inf.
    by_label_date : bool
        Take the sites that were labelled on one day together, and those without a day.

    Returns
    -------
    PairTimes
        The least time of a row is what `coverage` finds for it, to the millisecond.

    Raises
    ------
    SettingError, UnknownNameError, InputError, CrsError
        As `coverage` does.

    Examples
    --------
    >>> import accessibility as acc
    >>> pair_times(acc.load_study("jura"), within_cutoff=True).time_s.shape
    (494, 25)
    """
    cutoff = checked_minutes(study.default("minutes") if minutes is None else minutes)
    year = study.default("population") if population is None else population
    counted, day, way, snap_m = sites_and_trips(
        study, as_of=as_of, direction=direction, around=around, sites=sites, max_snap_m=max_snap_m
    )
    places, method = people_at(study, demand, year)
    commune = commune_rows(places["code_insee"], study.communes)
    here, there = (snap(study.network, t, max_snap_m=snap_m) for t in (places, counted))
    group = np.arange(len(counted), dtype=np.int64)
    if by_label_date:
        dates = pd.to_datetime(counted["label_date"]).to_numpy()
        group = np.unique(dates, return_inverse=True)[1].reshape(-1).astype(np.int64)
    time_s = _group_times(
        study, here, there, group, way,
        cutoff_s=cutoff * 60.0 if within_cutoff else None, walk_kph=walk_kph,
    )  # fmt: skip
    held = not at_the_end(
        places[here.segment < 0], study.settings["extents"],
        metric_crs=study.metric_crs, max_snap_m=snap_m,
    ).any()  # fmt: skip
    return PairTimes(
        demand=places,
        sites=counted,
        group=group,
        time_s=time_s,
        commune=commune,
        complete=held
        and _is_complete(study, here, there, group, time_s, cutoff * 60.0, way, around),
        sites_off_road=counted.loc[there.segment < 0, "facility_id"].astype(str).tolist(),
        minutes=cutoff,
        as_of=day,
        population_year=year,
        direction=way,
        around=around,
        profile=study.profile.name,
        walk_kph=walk_kph,
        demand_method=method,
    )


def _group_times(
    study: Study,
    here: Positions,
    there: Positions,
    group: Ints,
    direction: Direction,
    *,
    cutoff_s: float | None,
    walk_kph: float | None,
) -> Floats:
    """Seconds between each place and the nearest site of each group."""
    number = int(group.max(initial=-1)) + 1
    if number == len(group):
        ends = (here, there) if direction == "to" else (there, here)
        found = position_matrix(study.network, *ends, cutoff_s=cutoff_s, walk_kph=walk_kph)
        by_site = found if direction == "to" else found.T
        return by_site[:, np.argsort(group)]
    limit = cutoff_ms(cutoff_s)

    def to_group(column: int) -> Floats:
        time_ms, _ = nearest(
            study.network, here, _chosen(there, group == column), limit_ms=limit,
            towards=direction == "to", walk_kph=walk_kph,
        )  # fmt: skip
        return seconds(time_ms)

    return np.stack(in_threads(to_group, range(number)), axis=1)


def _chosen(positions: Positions, which: npt.NDArray[np.bool_]) -> Positions:
    return Positions(positions.segment[which], positions.share[which], positions.snap_m[which])


def _is_complete(
    study: Study,
    here: Positions,
    there: Positions,
    group: Ints,
    time_s: Floats,
    cutoff_s: float,
    direction: Direction,
    sites_beyond: bool,
) -> bool:
    """Whether no trip over the rim could bring any place within the cut-off of any group.

    Such a trip takes at least the time between the place and the nearest end of the data and,
    where sites beyond do not count, that between this and the site.
    """
    rim = rim_positions(study.network)
    if not len(rim):
        return True
    towards, limit = direction == "to", cutoff_ms(cutoff_s)
    away_ms, _ = nearest(study.network, here, rim, limit_ms=limit, towards=towards)
    back_ms, _ = nearest(study.network, there, rim, limit_ms=limit, towards=not towards)
    away_s = seconds(away_ms)
    back_s = np.full(time_s.shape[1], np.inf)
    np.minimum.at(back_s, group, seconds(back_ms))
    snapped = (here.segment >= 0)[:, None]
    if sites_beyond:
        late = (time_s > cutoff_s).any(axis=1) if time_s.shape[1] else np.ones(len(here), bool)
        return not bool((snapped[:, 0] & late & (away_s <= cutoff_s)).any())
    over_rim = away_s[:, None] + back_s[None, :] <= cutoff_s
    return not bool((snapped & over_rim & (time_s > cutoff_s)).any())
