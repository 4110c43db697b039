"""How many people reach a site in time: overall, by commune, canton and EPCI."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from accessibility.analysis.cantons import Cantons, cantons_covered, divided_towns
from accessibility.analysis.choices import (
    checked_minutes,
    longest_covered_s,
    people_at,
    sites_and_trips,
)
from accessibility.analysis.completeness import is_complete
from accessibility.analysis.coverage_communes import added_up, commune_rows
from accessibility.network.snap import snap
from accessibility.routing.times import Direction, travel_times
from accessibility.study.ring import at_the_end
from accessibility.study.study import Study


@dataclass(frozen=True)
class Coverage:
    """Answer to: which share of the inhabitants reaches a site within the cut-off.

    Attributes
    ----------
    share : float
        Population-weighted; NaN where nobody lives.
    population, population_covered : float
        Inhabitants; communes without a population are left out and named in `unknown`.
    by_commune : GeoDataFrame
        `code_insee`, `name`, canton and EPCI, `population`, `population_covered`,
        `share_covered`, `travel_time_s` (inf: not reached), `seconds_over` (0 where
        covered), `facility_id`, `facility_name`, `demand_snap_m`, `facility_snap_m`, contour.
        Where people are counted at several points of a commune, times are means by people:
        `travel_time_s` over the points that reach a site, `seconds_over` over those that are
        not covered; the facility is the nearest of most people.
    by_demand : GeoDataFrame
        One row for each point at which people are counted: `demand_id`, `code_insee`,
        `population`, `travel_time_s`, `facility_id`, `covered`, points.
    by_canton, by_epci : DataFrame
        `code`, `name`, `population`, `population_covered`, `share_covered`, `sites`; cantons
        also `divided_town`: INSEE gives a town that cantons divide a code of its own.
    cantons : Cantons
    uncovered : DataFrame
        Rows of `by_commune` where people are not covered, those with most of them first.
    unknown : list of str
        Codes of communes without a population in that year.
    sites : GeoDataFrame
        The sites that were counted.
    sites_off_road : list of str
        Ids of sites that lie too far from any road: nobody reaches them.
    complete : bool
        False where a trip that leaves the data could cover more people, or a commune lies
        where the data end and has no road in reach.
    minutes, as_of, population_year, direction, around, profile, walk_kph
        The choices behind the figure.
    demand_method : str
        Where people are counted: a method of `Study.demand_by`, or "own places".
    inclusive : bool
        Whether a trip of exactly the cut-off is covered.
    """

    share: float
    population: float
    population_covered: float
    by_commune: gpd.GeoDataFrame
    by_demand: gpd.GeoDataFrame
    by_canton: pd.DataFrame
    by_epci: pd.DataFrame
    cantons: Cantons
    uncovered: pd.DataFrame
    unknown: list[str]
    sites: gpd.GeoDataFrame
    sites_off_road: list[str]
    complete: bool
    minutes: float
    as_of: dt.date
    population_year: int
    direction: Direction
    around: bool
    profile: str
    walk_kph: float | None = None
    demand_method: str = "chefs-lieux"
    inclusive: bool = True

    def __repr__(self) -> str:
        within = "within" if self.inclusive else "in less than"
        return (
            f"<Coverage: {self.share:.2%} {within} {self.minutes:g} minutes of "
            f"{len(self.sites)} sites>"
        )

    @property
    def cutoff_s(self) -> float:
        """Longest time that is covered, seconds."""
        return longest_covered_s(self.minutes, inclusive=self.inclusive)

    @property
    def is_finer(self) -> bool:
        """Whether people are counted at several points of a commune."""
        return len(self.by_demand) > len(self.by_commune)


def coverage(
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
    inclusive: bool = True,
) -> Coverage:
    """Share of the inhabitants who reach a site by car within the cut-off.

    Everything absent is taken from the study's defaults.

    Parameters
    ----------
    study : Study
    demand : str or GeoDataFrame, optional
        Where people are counted: a method of `Study.demand_by` ("chefs-lieux", "centroids",
        "buildings", "grid-2018", "grid-2021"), or places of one's own with their people:
        `demand_id`, `code_insee` of a commune of the study, `population`, points in WGS 84; the
        chefs-lieux if absent.
    minutes : float, optional
        The cut-off.
    as_of : date or ISO text, optional
        Sites labelled by that day are counted.
    population : int, optional
        Census year; of no effect where `demand` is a table.
    direction : {"to", "from"}, optional
        People drive to the site, or from it.
    around : bool
        Count the sites of the neighbouring départements too.
    sites : GeoDataFrame, optional
        Sites of one's own instead of the study's: `facility_id`, points with a CRS; rows with
        a `label_date` are counted from that day.
    max_snap_m : float, optional
        A place farther from any road is not reached.
    walk_kph : float, optional
        Speed at which the way between a place and its road is walked, at both ends of the
        trip; it takes no time if absent.
    inclusive : bool
        Whether a trip of exactly the cut-off, to the millisecond, is covered.

    Returns
    -------
    Coverage

    Raises
    ------
    SettingError
        For a cut-off that is not above 0, an impossible date or direction.
    UnknownNameError
        For a population year or a way to place people that the study has not.
    InputError, CrsError
        For faults of the sites or of the demand.

    Notes
    -----
    Coverage counts people, never communes or area. The reference variant counts the
    *population municipale* at the chef-lieu, as INSEE's METRIC does.

    Examples
    --------
    >>> import accessibility as acc
    >>> result = acc.coverage(acc.load_study("jura"), minutes=20)
    >>> result.cantons.covered, result.cantons.total
    (15, 17)
    """
    cutoff = checked_minutes(study.default("minutes") if minutes is None else minutes)
    year = study.default("population") if population is None else population
    counted, day, way, snap_m = sites_and_trips(
        study, as_of=as_of, direction=direction, around=around, sites=sites, max_snap_m=max_snap_m
    )
    places, method = people_at(study, demand, year)
    commune_rows(places["code_insee"], study.communes)
    times = travel_times(
        study.network, places, counted, direction=way, max_snap_m=snap_m, walk_kph=walk_kph
    )
    off_road = snap(study.network, counted, max_snap_m=snap_m).segment < 0
    held = not at_the_end(
        places[~np.isfinite(times["demand_snap_m"].to_numpy())], study.settings["extents"],
        metric_crs=study.metric_crs, max_snap_m=snap_m,
    ).any()  # fmt: skip
    complete = held and is_complete(
        study.network, places, times, counted, longest_covered_s(cutoff, inclusive=inclusive),
        direction=way, sites_beyond=around, max_snap_m=snap_m,
    )  # fmt: skip
    return summed_up(
        study,
        places,
        times,
        counted,
        sites_off_road=counted.loc[off_road, "facility_id"].astype(str).tolist(),
        complete=complete,
        minutes=cutoff,
        as_of=day,
        population_year=year,
        direction=way,
        around=around,
        walk_kph=walk_kph,
        demand_method=method,
        inclusive=inclusive,
    )


def summed_up(
    study: Study,
    demand: gpd.GeoDataFrame,
    times: pd.DataFrame,
    sites: gpd.GeoDataFrame,
    *,
    sites_off_road: list[str],
    complete: bool,
    minutes: float,
    as_of: dt.date,
    population_year: int,
    direction: Direction,
    around: bool,
    walk_kph: float | None = None,
    demand_method: str,
    inclusive: bool,
    zones: dict[str, Zones] | None = None,
) -> Coverage:
    """Sum up known drive times; see `coverage`.

    Parameters
    ----------
    study : Study
    demand : GeoDataFrame
        `accessibility.schema.DEMAND`, in communes of the study.
    times : DataFrame
        As `travel_times` gives them, in the same order.
    sites : GeoDataFrame
        Those that the times are to.
    sites_off_road, complete, minutes, as_of, population_year, direction, around, walk_kph, \
demand_method, inclusive
        Of the answer.
    zones : dict of str to Zones, optional
        What `zones_of` gives of the study's communes, where it is known already.
    """
    zones = zones_of(study.communes) if zones is None else zones
    covered = times["travel_time_s"].to_numpy() <= longest_covered_s(minutes, inclusive=inclusive)
    points = gpd.GeoDataFrame(
        {
            "demand_id": demand["demand_id"],
            "code_insee": demand["code_insee"],
            "population": demand["population"],
            "travel_time_s": times["travel_time_s"],
            "facility_id": times["facility_id"],
            "covered": covered,
            "geometry": demand.geometry.array,
        },
        geometry="geometry",  # faster than an array that is told beside
    )
    table, is_late = _by_commune(study.communes, demand, times, sites, covered, minutes * 60.0)
    total, reached = table["population"].sum(), table["population_covered"].sum()
    late = pd.DataFrame(table[is_late].drop(columns="geometry"))
    left = (late["population"] - late["population_covered"]).to_numpy()
    # unknown numbers last, as sort_values has them
    order = np.lexsort((late["code_insee"].to_numpy(), -left))
    codes = sites.loc[sites["in_study"].to_numpy(dtype=bool), "code_insee"]
    return Coverage(
        share=share(reached, total),
        population=float(total),
        population_covered=float(reached),
        by_commune=table,
        by_demand=points,
        by_canton=_by_zone(table, zones["canton"], codes).assign(
            divided_town=lambda t: t["code"].isin(divided_towns(study.communes, study.cantons))
        ),
        by_epci=_by_zone(table, zones["epci"], codes),
        cantons=cantons_covered(codes, study.communes, study.cantons),
        uncovered=late.iloc[order].reset_index(drop=True),
        unknown=table.loc[table["population"].isna(), "code_insee"].tolist(),
        sites=sites,
        sites_off_road=sites_off_road,
        complete=complete,
        minutes=minutes,
        as_of=as_of,
        population_year=population_year,
        direction=direction,
        around=around,
        profile=study.profile.name,
        walk_kph=walk_kph,
        demand_method=demand_method,
        inclusive=inclusive,
    )


def mean_time_s(result: Coverage) -> float:
    """Mean time to the nearest site, weighted by people, over those who reach one; seconds."""
    people = result.by_demand["population"].fillna(0.0).to_numpy()
    time_s = result.by_demand["travel_time_s"].to_numpy()
    reached = np.isfinite(time_s)
    return share(people[reached] @ time_s[reached], people[reached].sum())


def share(part: float, whole: float) -> float:
    """Part of a whole; NaN of nothing.

    Examples
    --------
    >>> share(1, 4), share(0, 0)
    (0.25, nan)
    """
    return float(part / whole) if whole > 0 else float("nan")


@dataclass(frozen=True)
class Zones:
    """The cantons or EPCI of a territory, and to which each commune belongs.

    Attributes
    ----------
    names : DataFrame
        `code`, `name`, sorted; of communes in none, the last row is empty.
    row : int array (communes,)
        Row of `names`.
    """

    names: pd.DataFrame
    row: npt.NDArray[np.int64]

    def sums(self, values: pd.Series) -> npt.NDArray[np.float64]:
        """Sums of a value of the communes; what is missing counts nothing."""
        weights = np.nan_to_num(values.to_numpy(dtype=float))
        return np.bincount(self.row, weights=weights, minlength=len(self.names)).astype(float)


def zones_of(communes: pd.DataFrame) -> dict[str, Zones]:
    """Cantons and EPCI of communes.

    Examples
    --------
    >>> import accessibility as acc
    >>> len(zones_of(acc.load_study("jura").communes)["epci"].names)
    14
    """
    found = {}
    for zone in ("canton", "epci"):
        keys = {f"{zone}_code": "code", f"{zone}_name": "name"}
        groups = communes.groupby(list(keys), dropna=False)
        names = groups.size().index.to_frame(index=False).rename(columns=keys)
        row: npt.NDArray[np.int64] = np.asarray(groups.ngroup(), dtype=np.int64)
        found[zone] = Zones(names, row)
    return found


def _by_commune(
    communes: gpd.GeoDataFrame,
    demand: gpd.GeoDataFrame,
    times: pd.DataFrame,
    sites: gpd.GeoDataFrame,
    covered: npt.NDArray[np.bool_],
    cutoff_s: float,
) -> tuple[gpd.GeoDataFrame, npt.NDArray[np.bool_]]:
    """Table of the communes, and in which of them people are not covered."""
    row = commune_rows(demand["code_insee"], communes)
    people = demand["population"].to_numpy(dtype=float)
    sums = added_up(people, times, covered, row, len(communes), cutoff_s)
    site = pd.Series(sums.facility_id, dtype=object)
    names = sites.set_index("facility_id")["name"]
    told_of = ["code_insee", "name", "canton_code", "canton_name", "epci_code", "epci_name"]
    columns = {name: communes[name].array for name in told_of} | {
        "population": sums.population,
        "population_covered": sums.covered,
        "share_covered": sums.covered / np.where(sums.population > 0, sums.population, np.nan),
        "travel_time_s": sums.time_s,
        "seconds_over": sums.over_s,
        "facility_id": site,
        "facility_name": site.map(names),
        "demand_snap_m": sums.demand_snap_m,
        "facility_snap_m": sums.facility_snap_m,
        "geometry": communes.geometry.array,
    }
    return gpd.GeoDataFrame(columns, geometry="geometry"), sums.late


def _by_zone(table: pd.DataFrame, zones: Zones, site_codes: pd.Series) -> pd.DataFrame:
    where = pd.Index(table["code_insee"]).get_indexer(pd.Index(site_codes))
    stand = np.bincount(zones.row[where[where >= 0]], minlength=len(zones.names))
    people, covered = (zones.sums(table[name]) for name in ("population", "population_covered"))
    told = {
        "population": people,
        "population_covered": covered,
        "share_covered": covered / np.where(people > 0, people, np.nan),
        "sites": stand,
    }
    return pd.DataFrame(dict(zones.names) | told)
