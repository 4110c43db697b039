"""What a scenario changes: who is newly covered, who no longer, and what it costs."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import get_args

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from accessibility.analysis.choices import (
    checked_day,
    checked_minutes,
    counted_sites,
    own_sites,
)
from accessibility.analysis.completeness import rim_positions
from accessibility.analysis.coverage import Coverage, mean_time_s, summed_up
from accessibility.analysis.scenario import Scenario, resolve
from accessibility.errors import SettingError
from accessibility.network.snap import Positions, snap
from accessibility.routing.times import Direction, cutoff_ms, nearest, position_matrix, seconds
from accessibility.study.demand import demand_at_chefs_lieux
from accessibility.study.ring import at_the_end
from accessibility.study.study import Study

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Simulation:
    """Answer to: what would change if these sites opened, closed or moved.

    Attributes
    ----------
    scenario : Scenario
    before, after : Coverage
    population_gained, population_lost : float
        People newly covered, and covered no longer.
    mean_s_before, mean_s_after : float
        Seconds to the nearest site, weighted by people, over those who reach one; NaN if none.
    worst_s_before, worst_s_after : float
        Longest time of an inhabited commune, seconds; inf where one reaches no site.
    by_commune : DataFrame
        `code`, `name`, `canton_code`, `epci_code`, `population`, `population_gained`,
        `population_lost`, `travel_time_s_before`, `travel_time_s_after`,
        `facility_id_before`, `facility_id_after`, and the facilities' names likewise.
    by_canton, by_epci : DataFrame
        `code`, `name`, `population`, `population_gained`, `population_lost`,
        `share_before`, `share_covered`.
    changed : DataFrame
        Rows of `by_commune` whose nearest site is another one after the scenario.
    added, removed, moved : list of str
        Ids of sites.
    yearly_eur : float
        What the added sites cost, euros a year; NaN where neither scenario nor study tells.
    eur_per_gained : float
        The same for each newly covered inhabitant; NaN where nobody is gained.
    """

    scenario: Scenario
    before: Coverage
    after: Coverage
    population_gained: float
    population_lost: float
    mean_s_before: float
    mean_s_after: float
    worst_s_before: float
    worst_s_after: float
    by_commune: pd.DataFrame
    by_canton: pd.DataFrame
    by_epci: pd.DataFrame
    changed: pd.DataFrame
    added: list[str]
    removed: list[str]
    moved: list[str]
    yearly_eur: float
    eur_per_gained: float

    def __repr__(self) -> str:
        return (
            f"<Simulation: {self.before.share:.2%} -> {self.after.share:.2%}, "
            f"{self.population_gained:,.0f} people gained, {self.population_lost:,.0f} lost>"
        )


def simulate(
    study: Study,
    scenario: Scenario,
    *,
    minutes: float | None = None,
    as_of: dt.date | str | None = None,
    population: int | None = None,
    direction: Direction | None = None,
    around: bool = False,
    sites: gpd.GeoDataFrame | None = None,
    max_snap_m: float | None = None,
) -> Simulation:
    """Coverage before and after a scenario, and the differences.

    Parameters
    ----------
    study : Study
    scenario : Scenario
    minutes, as_of, population, direction, around, sites, max_snap_m
        As for `coverage`. For several scenarios keep a `Simulator` of these.

    Returns
    -------
    Simulation

    Raises
    ------
    SettingError, UnknownNameError, InputError, CrsError
        As `coverage` and `resolve` do.

    Examples
    --------
    >>> import accessibility as acc
    >>> jura = acc.load_study("jura")
    >>> simulate(jura, Scenario())
    <Simulation: 97.58% -> 97.58%, 0 people gained, 0 lost>
    """
    simulator = Simulator(
        study, minutes=minutes, as_of=as_of, population=population, direction=direction,
        around=around, sites=sites, max_snap_m=max_snap_m,
    )  # fmt: skip
    return simulator.simulate(scenario)


class Simulator:
    """The times between people and sites, kept, so that a scenario costs only what it changes.

    A removed site leaves out a column of the kept times. An added or a moved one takes one
    search, as far as it could be anybody's nearest.

    Parameters
    ----------
    study, minutes, as_of, population, direction, around, sites, max_snap_m
        As for `coverage`; `sites` may have no rows here.

    Attributes
    ----------
    study : Study
    sites : GeoDataFrame
        The sites that are counted before any scenario.
    before : Coverage
        What `coverage` gives of the same choices.
    """

    def __init__(
        self,
        study: Study,
        *,
        minutes: float | None = None,
        as_of: dt.date | str | None = None,
        population: int | None = None,
        direction: Direction | None = None,
        around: bool = False,
        sites: gpd.GeoDataFrame | None = None,
        max_snap_m: float | None = None,
    ) -> None:
        self.study = study
        self._minutes = checked_minutes(study.default("minutes") if minutes is None else minutes)
        self._cutoff_s = self._minutes * 60.0
        self._day = checked_day(study.default("as_of") if as_of is None else as_of)
        self._year = study.default("population") if population is None else population
        way = study.default("direction") if direction is None else direction
        if way not in get_args(Direction):
            raise SettingError(f"the direction is {way!r}; 'to' or 'from' the site is expected.")
        self._direction: Direction = way
        self._around = around
        self._snap_m = float(study.default("max_snap_m") if max_snap_m is None else max_snap_m)
        if sites is None:
            self.sites = counted_sites(study.sites, self._day, around=around)
        elif sites.empty:
            self.sites = counted_sites(study.sites, self._day).iloc[:0]
        else:
            self.sites = own_sites(sites, study, self._day)
        self._demand = demand_at_chefs_lieux(study.communes, year=self._year)
        network = study.network
        self._here = snap(network, self._demand, max_snap_m=self._snap_m)
        rim = rim_positions(network)
        self._places = Positions(
            *(np.concatenate([getattr(p, name) for p in (self._here, rim)])
              for name in ("segment", "share", "snap_m"))
        )  # fmt: skip
        limit = cutoff_ms(self._cutoff_s)
        time_ms, _ = nearest(network, self._here, rim, limit_ms=limit, towards=way == "to")
        self._rim_s = seconds(time_ms)
        on_road = self._here.segment >= 0
        self._held = not at_the_end(
            self._demand[~on_road], study.settings["extents"], metric_crs=study.metric_crs,
            max_snap_m=self._snap_m,
        ).any()  # fmt: skip
        self._kept = snap(network, self.sites, max_snap_m=self._snap_m)
        self._kept_s = self._search(self._kept, None)
        self.before = self.coverage(self.sites)

    def simulate(self, scenario: Scenario) -> Simulation:
        """Coverage before and after a scenario, and the differences; raises as `resolve` does."""
        sites = resolve(scenario, self.study, sites=self.sites)
        old, new = (t["facility_id"].astype(str) for t in (self.sites, sites))
        column = self._column(sites)
        stays = new.isin(old).to_numpy()
        added = new[~stays].tolist()
        grant = self.study.settings.get("grant", {}).get("yearly_per_site_eur", np.nan)
        costs = [grant if p.yearly_eur is None else p.yearly_eur for p in scenario.add]
        after = self.coverage(sites)
        table = _differences(self.before, after)
        gained, lost = table["population_gained"].sum(), table["population_lost"].sum()
        mean_before, worst_before = _times(self.before)
        mean_after, worst_after = _times(after)
        other = table["facility_id_before"].fillna("") != table["facility_id_after"].fillna("")
        return Simulation(
            scenario=scenario,
            before=self.before,
            after=after,
            population_gained=float(gained),
            population_lost=float(lost),
            mean_s_before=mean_before,
            mean_s_after=mean_after,
            worst_s_before=worst_before,
            worst_s_after=worst_after,
            by_commune=table,
            by_canton=_zones(table, self.before.by_canton, after.by_canton, "canton"),
            by_epci=_zones(table, self.before.by_epci, after.by_epci, "epci"),
            changed=table[other].reset_index(drop=True),
            added=added,
            removed=old[~old.isin(new)].tolist(),
            moved=new[stays & (column < 0)].tolist(),
            yearly_eur=float(sum(costs)),
            eur_per_gained=float(sum(costs) / gained) if gained > 0 and added else float("nan"),
        )

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
            there = snap(study.network, sites.iloc[fresh], max_snap_m=self._snap_m)
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

    def _search(self, there: Positions, cutoff_s: float | None) -> Floats:
        """Seconds between each place (people, then rim) and each site."""
        network, here = self.study.network, self._places
        if self._direction == "to":
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


def _differences(before: Coverage, after: Coverage) -> pd.DataFrame:
    old, new = before.by_commune, after.by_commune
    people = old["population"].fillna(0.0)
    was, is_ = old["seconds_over"] == 0, new["seconds_over"] == 0
    zones = ["name", "canton_code", "canton_name", "epci_code", "epci_name", "population"]
    table = pd.DataFrame(old[["code_insee", *zones]]).rename(columns={"code_insee": "code"})
    table["population_gained"] = people.where(is_ & ~was, 0.0)
    table["population_lost"] = people.where(was & ~is_, 0.0)
    for name in ("travel_time_s", "facility_id", "facility_name"):
        table[f"{name}_before"], table[f"{name}_after"] = old[name], new[name]
    return table


def _zones(
    table: pd.DataFrame, before: pd.DataFrame, after: pd.DataFrame, zone: str
) -> pd.DataFrame:
    columns = ["population_gained", "population_lost"]
    sums = table.groupby([f"{zone}_code", f"{zone}_name"], dropna=False, as_index=False)[columns]
    # both tables come from the same grouping, so their rows stand in the same order
    rows = before[["code", "name", "population"]].reset_index(drop=True)
    rows[columns] = sums.sum()[columns]
    return rows.assign(share_before=before["share_covered"], share_covered=after["share_covered"])


def _times(result: Coverage) -> tuple[float, float]:
    """Mean time by people over those who reach a site, and the worst; seconds."""
    people = result.by_commune["population"].fillna(0.0).to_numpy()
    time_s = result.by_commune["travel_time_s"].to_numpy()
    return mean_time_s(result), float(time_s[people > 0].max(initial=0.0))
