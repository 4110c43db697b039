"""Coverage before and after scenarios, from times that are kept: only what changed is searched."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from accessibility.analysis.choices import (
    OWN_PLACES,
    checked_minutes,
    longest_covered_s,
    people_at,
    sites_and_trips,
)
from accessibility.analysis.completeness import rim_positions
from accessibility.analysis.coverage import Coverage, summed_up, zones_of
from accessibility.analysis.coverage_communes import commune_rows
from accessibility.analysis.scenario import NewRoad, RoadChange, Scenario, Speed
from accessibility.analysis.scenario_roads import changed_roads
from accessibility.analysis.scenario_sites import resolve
from accessibility.analysis.simulate_result import Simulation, compared
from accessibility.network.graph import build_network
from accessibility.network.snap import Positions, snap
from accessibility.routing.times import Direction, cutoff_ms, nearest, position_matrix, seconds
from accessibility.study.ring import at_the_end
from accessibility.study.study import Study

Floats = npt.NDArray[np.float64]
RoadChanges = tuple[tuple[RoadChange | NewRoad, ...], tuple[Speed, ...]]


def simulate(
    study: Study,
    scenario: Scenario,
    *,
    demand: str | gpd.GeoDataFrame | None = None,
    minutes: float | None = None,
    as_of: dt.date | str | None = None,
    population: int | None = None,
    direction: Direction | None = None,
    around: bool = False,
    sites: gpd.GeoDataFrame | None = None,
    max_snap_m: float | None = None,
    inclusive: bool = True,
) -> Simulation:
    """Coverage before and after a scenario, and the differences.

    Parameters
    ----------
    study : Study
    scenario : Scenario
    demand, minutes, as_of, population, direction, around, sites, max_snap_m, inclusive
        As for `coverage`. For several scenarios keep a `Simulator` of these.

    Returns
    -------
    Simulation

    Raises
    ------
    SettingError, UnknownNameError, InputError, CrsError
        As `coverage`, `resolve` and `changed_roads` do.

    Examples
    --------
    >>> import accessibility as acc
    >>> jura = acc.load_study("jura")
    >>> simulate(jura, Scenario())
    <Simulation: 97.58% -> 97.58%, 0 people gained, 0 lost>
    """
    simulator = Simulator(
        study, demand, minutes=minutes, as_of=as_of, population=population, direction=direction,
        around=around, sites=sites, max_snap_m=max_snap_m, inclusive=inclusive,
    )  # fmt: skip
    return simulator.simulate(scenario)


def on_roads_of(scenario: Scenario, study: Study) -> Study:
    """The study with the roads of a scenario; their network is built in memory and not kept."""
    tables, speeds = changed_roads(
        scenario, study.roads, study.profile, metric_crs=study.metric_crs
    )
    there = replace(study)
    # what the study would read from its folder when first asked for
    vars(there).update(
        roads=tables,
        network=build_network(
            tables, profile=study.profile, metric_crs=study.metric_crs, speeds=speeds
        ),
    )
    return there


class Simulator:
    """The times between people and sites, kept, so that a scenario costs only what it changes.

    A removed site leaves out a column of the kept times. An added or a moved one, and each stop
    of an itinerant service, takes one search, as far as it could be anybody's nearest. Where
    roads change, the network is built again, in memory; the one of the last such scenario is
    kept, so that other sites on the same roads cost as little.

    Parameters
    ----------
    study, demand, minutes, as_of, population, direction, around, sites, max_snap_m, inclusive
        As for `coverage`; `sites` may have no rows here.
    known : Simulator, optional
        One of the same study and trips, whose times are not searched again; see `asking`.

    Attributes
    ----------
    study : Study
    sites : GeoDataFrame
        The sites that are counted before any scenario.
    before : Coverage
        What `coverage` gives of the same choices.

    Examples
    --------
    >>> import accessibility as acc
    >>> simulator = Simulator(acc.load_study("jura"))
    >>> simulator.asking(minutes=15).before
    <Coverage: 91.59% within 15 minutes of 25 sites>
    """

    def __init__(
        self,
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
        inclusive: bool = True,
        known: Simulator | None = None,
    ) -> None:
        self.study = study
        self._given = sites
        self._minutes = checked_minutes(study.default("minutes") if minutes is None else minutes)
        self._inclusive = inclusive
        self._cutoff_s = longest_covered_s(self._minutes, inclusive=inclusive)
        self._year = study.default("population") if population is None else population
        self._around = around
        nowhere = sites is not None and sites.empty
        counted, self._day, self._direction, self._snap_m = sites_and_trips(
            study, as_of=as_of, direction=direction, around=around,
            sites=None if nowhere else sites, max_snap_m=max_snap_m,
        )  # fmt: skip
        self.sites = counted.iloc[:0] if nowhere else counted
        self._demand, self._method = people_at(study, demand, self._year)
        commune_rows(self._demand["code_insee"], study.communes)
        self._zones = zones_of(study.communes)
        network = study.network
        self._changed: tuple[RoadChanges, Simulator] | None = None
        self._here = snap(network, self._demand, max_snap_m=self._snap_m)
        rim = rim_positions(network)
        self._places = Positions(
            *(np.concatenate([getattr(p, name) for p in (self._here, rim)])
              for name in ("segment", "share", "snap_m"))
        )  # fmt: skip
        limit = cutoff_ms(self._cutoff_s)
        time_ms, _ = nearest(
            network, self._here, rim, limit_ms=limit, towards=self._direction == "to"
        )
        self._rim_s = seconds(time_ms)
        on_road = self._here.segment >= 0
        self._held = not at_the_end(
            self._demand[~on_road], study.settings["extents"], metric_crs=study.metric_crs,
            max_snap_m=self._snap_m,
        ).any()  # fmt: skip
        self._kept = snap(network, self.sites, max_snap_m=self._snap_m)
        self._kept_s = self._kept_times(known)
        self.before = self.coverage(self.sites)

    def asking(
        self,
        *,
        minutes: float | None = None,
        as_of: dt.date | str | None = None,
        population: int | None = None,
    ) -> Simulator:
        """The same trips under other choices; what is not told stays as it is.

        Times that are kept are not searched again, nor is the network of changed roads built
        again.
        """
        day = self._day if as_of is None else as_of

        def other(one: Simulator, sites: gpd.GeoDataFrame | None) -> Simulator:
            return Simulator(
                one.study, one._people, minutes=one._minutes if minutes is None else minutes,
                as_of=day, population=one._year if population is None else population,
                direction=one._direction, around=one._around, sites=sites,
                max_snap_m=one._snap_m, inclusive=one._inclusive, known=one,
            )  # fmt: skip

        asked = other(self, self._given)
        if self._changed is not None:
            changes, there = self._changed
            asked._changed = changes, other(there, asked.sites)
        return asked

    def simulate(self, scenario: Scenario) -> Simulation:
        """Coverage before and after a scenario, and the differences; raises as `resolve` does."""
        sites = resolve(scenario, self.study, sites=self.sites)
        known = sites["facility_id"].astype(str).isin(self.sites["facility_id"].astype(str))
        moved = sites.loc[known.to_numpy() & (self._column(sites) < 0), "facility_id"]
        there = self._after_roadworks(scenario)
        return compared(
            scenario,
            there.study,
            self.before,
            there.coverage(sites),
            zones=self._zones,
            moved=moved.astype(str).tolist(),
            grant_eur=self.study.settings.get("grant", {}).get("yearly_per_site_eur", np.nan),
        )

    @property
    def _people(self) -> str | gpd.GeoDataFrame:
        """Where people are counted, as it was asked."""
        return self._demand if self._method == OWN_PLACES else self._method

    def _after_roadworks(self, scenario: Scenario) -> Simulator:
        """The same choices on the roads of a scenario."""
        if not scenario.changes_roads:
            return self
        changes = scenario.road, scenario.speed
        if self._changed is None or self._changed[0] != changes:
            there = Simulator(
                on_roads_of(scenario, self.study),
                self._people,
                minutes=self._minutes, as_of=self._day, population=self._year,
                direction=self._direction, around=self._around, sites=self.sites,
                max_snap_m=self._snap_m, inclusive=self._inclusive,
            )  # fmt: skip
            self._changed = changes, there
        return self._changed[1]

    def coverage(self, sites: gpd.GeoDataFrame) -> Coverage:
        """What `accessibility.analysis.coverage.coverage` gives of these sites.

        Parameters
        ----------
        sites : GeoDataFrame
            As `resolve` gives them. Times of sites that stood there before are not searched
            again.
        """
        study, cutoff_s = self.study, self._cutoff_s
        column = self._column(sites)
        kept, fresh = np.flatnonzero(column >= 0), np.flatnonzero(column < 0)
        time_s = np.full((len(self._places), len(sites)), np.inf)
        snap_m = np.full(len(sites), np.inf)
        time_s[:, kept] = self._kept_s[:, column[kept]]
        snap_m[kept] = self._kept.snap_m[column[kept]]
        if len(fresh):
            on_road = np.flatnonzero(self._here.segment >= 0)
            worst = time_s[on_road].min(axis=1, initial=np.inf).max(initial=cutoff_s)
            there = snap(self.study.network, sites.iloc[fresh], max_snap_m=self._snap_m)
            # beyond the worst time nobody would go to another site
            time_s[:, fresh] = self._search(there, float(worst) if np.isfinite(worst) else None)
            snap_m[fresh] = there.snap_m
        people = len(self._here)
        times = self._nearest(sites, time_s[:people], snap_m)
        beyond_s = 0.0 if self._around else time_s[people:].min(initial=np.inf)
        late = (times["travel_time_s"] > cutoff_s).to_numpy()
        outside = late & (self._rim_s + beyond_s <= cutoff_s)
        return summed_up(
            study,
            self._demand,
            times,
            sites,
            sites_off_road=sites.loc[~np.isfinite(snap_m), "facility_id"].astype(str).tolist(),
            complete=self._held and not bool(outside.any()),
            minutes=self._minutes,
            as_of=self._day,
            population_year=self._year,
            direction=self._direction,
            around=self._around,
            demand_method=self._method,
            inclusive=self._inclusive,
            zones=self._zones,
        )

    def _column(self, sites: gpd.GeoDataFrame) -> npt.NDArray[np.int64]:
        """Column of the kept times for each site; -1 where it stands nowhere or elsewhere."""
        old = pd.Index(self.sites["facility_id"].astype(str))
        new = pd.Index(sites["facility_id"].astype(str))
        column: npt.NDArray[np.int64] = np.asarray(old.get_indexer(new), dtype=np.int64)
        at = np.flatnonzero(column >= 0)
        now, then = sites.geometry.to_numpy()[at], self.sites.geometry.to_numpy()[column[at]]
        column[at[[a != b for a, b in zip(now, then, strict=True)]]] = -1
        return column

    def _kept_times(self, known: Simulator | None) -> Floats:
        """Seconds between each place and each counted site, as far as known from another."""
        # people of another year may live at other places
        if known is None or not self._places.same_as(known._places):
            return self._search(self._kept, None)
        column = known._column(self.sites)
        time_s = np.empty((len(self._places), len(self.sites)))
        old, new = np.flatnonzero(column >= 0), np.flatnonzero(column < 0)
        time_s[:, old] = known._kept_s[:, column[old]]
        if len(new):
            time_s[:, new] = self._search(self._kept.take(new), None)
        return time_s

    def _search(self, there: Positions, cutoff_s: float | None) -> Floats:
        """Seconds between each place (people, then rim) and each site."""
        network, here, towards = self.study.network, self._places, self._direction == "to"
        if len(there) == 1:  # waking the other cores would take longer than the search
            time_ms, _ = nearest(
                network, here, there, limit_ms=cutoff_ms(cutoff_s), towards=towards
            )
            return seconds(time_ms)[:, None]
        if towards:
            return position_matrix(network, here, there, cutoff_s=cutoff_s)
        return position_matrix(network, there, here, cutoff_s=cutoff_s).T

    def _nearest(self, sites: gpd.GeoDataFrame, time_s: Floats, snap_m: Floats) -> pd.DataFrame:
        """Table of `travel_times`: of equally near sites the one of the lowest id."""
        n = len(time_s)
        ids = sites["facility_id"].astype(object).to_numpy()
        order = np.argsort(sites["facility_id"].astype(str).to_numpy(), kind="stable")
        best = order[time_s[:, order].argmin(axis=1)] if len(sites) else np.zeros(n, dtype=int)
        least = time_s[np.arange(n), best] if len(sites) else np.full(n, np.inf)
        reached = np.isfinite(least)
        none = np.full(n, None, dtype=object)
        name = pd.Series(ids[best] if len(sites) else none, dtype=object)
        return pd.DataFrame(
            {
                "demand_id": self._demand["demand_id"].to_numpy(),
                "facility_id": name.where(reached, None),
                "travel_time_s": least,
                "demand_snap_m": self._here.snap_m,
                "facility_snap_m": np.where(reached, snap_m[best] if len(sites) else 0.0, np.nan),
            }
        )
