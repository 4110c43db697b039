"""What lies over the border: neighbours' sites that people are nearer to, and their roads."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd

from accessibility.analysis.coverage import Coverage, coverage
from accessibility.analysis.own_roads import on_own_roads
from accessibility.routing.times import Direction
from accessibility.study.study import Study

CROSSING = ("minutes_there", "minutes_own", "minutes_saved", "people_covered_only_there")
DETOURS = ("minutes", "minutes_inside", "minutes_lost", "people_not_covered_inside")
"""Times along two ways, what lies between them, and for how many it decides."""


@dataclass(frozen=True)
class Border:
    """What the border means for who reaches a site.

    Attributes
    ----------
    figures : DataFrame
        Four rows, with and without the neighbours' sites and roads: `sites` and `roads` ("own" or
        "all"), `share`, `population_covered`, `people_not_covered`, `complete`.
    crossing : GeoDataFrame
        People whose nearest site lies over the border when the neighbours' sites count, one row
        for each commune and site, most people first: `code_insee`, `name`, `people`,
        `people_covered_only_there` (of them, not within the cut-off of an own site),
        `facility_id`, `facility_name`, `departement` (of the site), `minutes_there`,
        `minutes_own` (to the nearest own site; inf where none is reached), `minutes_saved`
        (means by people where a commune has several places), contour of the commune.
    by_departement : DataFrame
        `departement`, `communes`, `sites` (that somebody is nearest to), `people`,
        `people_covered_only_there`, `minutes_saved` (mean by people, over those who reach an own
        site too).
    detours : GeoDataFrame
        People whose quickest way to the nearest own site leaves the territory, one row for each
        commune and site, most people first: `code_insee`, `name`, `people`,
        `people_not_covered_inside` (of them, within the cut-off only by roads outside),
        `facility_id`, `facility_name`, `minutes`, `minutes_inside` (to the nearest own site on the
        territory's own roads; inf where there is no way), `minutes_lost`, contour.
    sites_own, sites_around : int
        Sites that count: the territory's, and the neighbours'.
    unknown : list of str
        Communes without a population in that year, which the lists leave out.
    own_km, all_km : float
        Kilometres of the territory's roads, and of all roads of the study.
    minutes, as_of, population_year, direction, profile, demand_method, walk_kph
        The choices behind the figures.
    """

    figures: pd.DataFrame
    crossing: gpd.GeoDataFrame
    by_departement: pd.DataFrame
    detours: gpd.GeoDataFrame
    sites_own: int
    sites_around: int
    unknown: list[str]
    own_km: float
    all_km: float
    minutes: float
    as_of: dt.date
    population_year: int
    direction: Direction
    profile: str
    demand_method: str
    walk_kph: float | None

    def __repr__(self) -> str:
        return (
            f"<Border: {self.crossing['people'].sum():,.0f} people nearer to a site beyond it, "
            f"{self.detours['people'].sum():,.0f} drive through it to their own>"
        )


def border(
    study: Study,
    demand: str | gpd.GeoDataFrame | None = None,
    *,
    minutes: float | None = None,
    as_of: dt.date | str | None = None,
    population: int | None = None,
    direction: Direction | None = None,
    max_snap_m: float | None = None,
    walk_kph: float | None = None,
) -> Border:
    """Tell who is nearer to a neighbour's site, and whose way leaves the territory.

    Parameters
    ----------
    study : Study
    demand, minutes, as_of, population, direction, max_snap_m, walk_kph
        As for `coverage`.

    Returns
    -------
    Border

    Raises
    ------
    SettingError, UnknownNameError, InputError, CrsError
        As `coverage` does.

    Notes
    -----
    A road, from junction to junction, is the territory's if at least half of its length lies
    within its communes or 100 m of them, since contours are drawn simplified. Places stay on their
    road where it is the territory's, and are else put on the nearest that is (see
    `accessibility.analysis.own_roads`).

    Examples
    --------
    >>> import accessibility as acc
    >>> found = acc.border(acc.load_study("jura"))  # doctest: +SKIP
    """
    inside = on_own_roads(study)
    found: dict[tuple[str, str], Coverage] = {}
    for sites in ("own", "all"):
        for roads, there in (("own", inside.study), ("all", study)):
            found[sites, roads] = coverage(
                there, demand, minutes=minutes, as_of=as_of, population=population,
                direction=direction, around=sites == "all", max_snap_m=max_snap_m,
                walk_kph=walk_kph,
            )  # fmt: skip
    own, everywhere, confined = found["own", "all"], found["all", "all"], found["own", "own"]
    crossing = _where_shorter(study, everywhere, own, CROSSING)
    site = everywhere.sites.set_index("facility_id")["code_insee"]
    crossing.insert(5, "departement", crossing["facility_id"].map(site).map(departement_of))
    return Border(
        figures=_figures(found),
        crossing=crossing,
        by_departement=_by_departement(crossing),
        detours=_where_shorter(study, own, confined, DETOURS),
        sites_own=len(own.sites),
        sites_around=len(everywhere.sites) - len(own.sites),
        unknown=own.unknown,
        own_km=inside.own_km,
        all_km=inside.all_km,
        minutes=own.minutes,
        as_of=own.as_of,
        population_year=own.population_year,
        direction=own.direction,
        profile=own.profile,
        demand_method=own.demand_method,
        walk_kph=walk_kph,
    )


def departement_of(code_insee: object) -> str:
    """Département of a commune's code.

    Examples
    --------
    >>> departement_of("01004"), departement_of("2A004"), departement_of("97411")
    ('01', '2A', '974')
    >>> departement_of(None)
    'unknown'
    """
    if not isinstance(code_insee, str):
        return "unknown"
    return code_insee[:3] if code_insee[:2] in ("97", "98") else code_insee[:2]


def _figures(found: dict[tuple[str, str], Coverage]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "sites": sites,
                "roads": roads,
                "share": result.share,
                "population_covered": result.population_covered,
                "people_not_covered": result.population - result.population_covered,
                "complete": result.complete,
            }
            for (sites, roads), result in found.items()
        ]
    )


def _where_shorter(
    study: Study, free: Coverage, bound: Coverage, names: tuple[str, str, str, str]
) -> gpd.GeoDataFrame:
    """People who are quicker with more sites or roads than without, by commune and site.

    Parameters
    ----------
    study : Study
    free, bound : Coverage
        With more, and without.
    names : tuple of str
        Columns of both times, of their difference, and of the people that only the first covers.
    """
    with_s, without_s, saved, only = names
    people = free.by_demand["population"].fillna(0.0).to_numpy()
    table = pd.DataFrame(
        {
            "code_insee": free.by_demand["code_insee"].array,
            "facility_id": free.by_demand["facility_id"].array,
            "people": people,
            only: people * (free.by_demand["covered"] & ~bound.by_demand["covered"]).to_numpy(),
            with_s: free.by_demand["travel_time_s"].to_numpy() / 60,
            without_s: bound.by_demand["travel_time_s"].to_numpy() / 60,
        }
    )
    table = table[(table[with_s] < table[without_s]).to_numpy() & (people > 0)]
    both = np.isfinite(table[without_s])
    # means by people; the time without is that of those who have a way
    table = table.assign(
        known=table["people"].where(both, 0.0),
        **{name: table[name].where(both, 0.0) * table["people"] for name in (without_s,)},
        shared=table[with_s].where(both, 0.0) * table["people"],
        **{with_s: table[with_s] * table["people"]},
    )
    sums = table.groupby(["code_insee", "facility_id"], sort=True).sum().reset_index()
    known = sums["known"].where(sums["known"] > 0)
    sums[without_s] = (sums[without_s] / known).fillna(np.inf)
    sums[saved] = sums[without_s] - (sums["shared"] / known).fillna(0.0)
    sums[with_s] /= sums["people"]
    communes = study.communes.set_index("code_insee")
    sums["name"] = sums["code_insee"].map(communes["name"])
    sites = free.sites.set_index("facility_id")["name"]
    sums["facility_name"] = sums["facility_id"].map(sites)
    sums = sums.sort_values(
        ["people", "code_insee", "facility_id"], ascending=[False, True, True], ignore_index=True
    )
    order = ["code_insee", "name", "people", only, "facility_id", "facility_name", *names[:3]]
    return gpd.GeoDataFrame(
        sums[order],
        geometry=communes.geometry.reindex(sums["code_insee"]).array,
        crs=study.communes.crs,
    )


def _by_departement(crossing: gpd.GeoDataFrame) -> pd.DataFrame:
    reached = np.isfinite(crossing["minutes_saved"])
    told = pd.DataFrame(crossing.drop(columns="geometry")).assign(
        known=crossing["people"].where(reached, 0.0),
        all_saved=crossing["minutes_saved"].where(reached, 0.0) * crossing["people"],
    )
    groups = told.groupby("departement", sort=True)
    found = groups.agg(
        communes=("code_insee", "nunique"),
        sites=("facility_id", "nunique"),
        people=("people", "sum"),
        people_covered_only_there=("people_covered_only_there", "sum"),
        known=("known", "sum"),
        all_saved=("all_saved", "sum"),
    ).reset_index()
    found["minutes_saved"] = found.pop("all_saved") / found.pop("known").replace(0.0, np.nan)
    return found.sort_values(["people", "departement"], ascending=[False, True], ignore_index=True)
