"""Why is this commune covered, or not: the way to its site, and what would change it."""

from __future__ import annotations

import datetime as dt
import difflib
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from accessibility.analysis.choices import counted_sites, sites_and_trips
from accessibility.analysis.completeness import is_complete
from accessibility.analysis.coverage import Coverage, coverage
from accessibility.analysis.explain_route import (
    by_road_class,
    cut_where_time_is_up,
    factor_to_be_in_time,
)
from accessibility.analysis.explain_sites import (
    Remedies,
    Trips,
    candidates_of_study,
    nearest_sites,
    times_to_sites,
)
from accessibility.errors import UnknownNameError, first_of
from accessibility.network.snap import snap
from accessibility.routing.route import legs, paths
from accessibility.routing.times import Direction, cutoff_ms
from accessibility.schema import WGS84
from accessibility.study.demand import demand_at_chefs_lieux
from accessibility.study.ring import at_the_end
from accessibility.study.study import Study

State = Literal["covered", "late", "unreached", "off-road"]

NAMED = 5
"""Sites and candidates that are told of."""

FARTHEST_M = 1_000_000.0
"""How far the nearest road of a place off the roads is looked for."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why one commune is covered, or not.

    Attributes
    ----------
    code_insee, name : str
    population : float
        NaN where none is known.
    state : {"covered", "late", "unreached", "off-road"}
        Within the cut-off; beyond it; no road leads to a counted site; the chef-lieu lies too
        far from any road.
    travel_time_s, seconds_over : float
        To the nearest counted site, and what is too much (below 0: to spare); inf where none
        is reached.
    own_sites : list of str
        Names of the counted sites that stand in the commune.
    road_m : float
        From the chef-lieu to the nearest road of the network, however far.
    nearest : GeoDataFrame
        The first five counted sites, within three times the cut-off, or the nearest one:
        `facility_id`, `name`, `code_insee`, `commune` (missing outside of the territory),
        `in_study`, `travel_time_s`, `seconds_over`, points.
    across : GeoDataFrame
        The same of sites of the neighbouring départements, where these are not counted.
    route : GeoDataFrame
        The way to the nearest counted site, or from it: what `accessibility.routing.route`
        gives, and `beyond`: driven after the cut-off. No rows where there is no way.
    by_class : DataFrame
        The way by class of road: `highway`, `length_m`, `time_s`, `kph`.
    speed_factor : float
        How many times as fast the roads of this way must be driven to take the cut-off (below
        1: by so much slower they may be); NaN without a way.
    candidates : GeoDataFrame
        Where one more site would cover the commune, by the people whom it would newly cover:
        `candidate_id`, `name`, `kind`, `code_insee`, `commune`, `travel_time_s`,
        `people_gained`, points. No rows where the commune is covered.
    neighbours : DataFrame
        Communes that touch it: `code_insee`, `name`, `population`, `travel_time_s`, `covered`,
        `facility_name`.
    complete : bool
        False where a trip that leaves the data could cover the commune.
    chef_lieu : Point
        WGS 84.
    coverage : Coverage
        The answer for the whole territory, with the choices behind it.
    """

    code_insee: str
    name: str
    population: float
    state: State
    travel_time_s: float
    seconds_over: float
    own_sites: list[str]
    road_m: float
    nearest: gpd.GeoDataFrame
    across: gpd.GeoDataFrame
    route: gpd.GeoDataFrame
    by_class: pd.DataFrame
    speed_factor: float
    candidates: gpd.GeoDataFrame
    neighbours: pd.DataFrame
    complete: bool
    chef_lieu: shapely.Point
    coverage: Coverage

    @property
    def covered(self) -> bool:
        """Whether a counted site is reached within the cut-off."""
        return self.state == "covered"

    def __repr__(self) -> str:
        time = "not reached"
        if np.isfinite(self.travel_time_s):
            time = f"{self.travel_time_s / 60:.1f} minutes"
        return f"<Explanation {self.code_insee} {self.name}: {self.state}, {time}>"


def explain(
    study: Study,
    commune: str,
    *,
    minutes: float | None = None,
    as_of: dt.date | str | None = None,
    population: int | None = None,
    direction: Direction | None = None,
    around: bool = False,
    sites: gpd.GeoDataFrame | None = None,
    max_snap_m: float | None = None,
    walk_kph: float | None = None,
) -> Explanation:
    """Tell why a commune is covered by a site, or not.

    Parameters
    ----------
    study : Study
    commune : str
        INSEE code, or the name if only one commune has it.
    minutes, as_of, population, direction, around, sites, max_snap_m, walk_kph
        As for `coverage`.

    Returns
    -------
    Explanation

    Raises
    ------
    UnknownNameError
        If the study has no such commune, or several of the name.
    SettingError, InputError, CrsError
        As `coverage` does.

    Notes
    -----
    Times, people and the way are those of the figure: the way takes `travel_time_s` to the
    millisecond, and a candidate covers anew whom `simulate` would find with a site there.

    Examples
    --------
    >>> import accessibility as acc
    >>> jura = acc.load_study("jura")
    >>> acc.explain(jura, "39579")
    <Explanation 39579 Viry: late, 20.1 minutes>
    """
    row = row_of_commune(study, commune)
    return _Explainer(
        study, [row], minutes=minutes, as_of=as_of, population=population, direction=direction,
        around=around, sites=sites, max_snap_m=max_snap_m, walk_kph=walk_kph,
    ).all()[0]  # fmt: skip


def explain_all(
    study: Study,
    *,
    minutes: float | None = None,
    as_of: dt.date | str | None = None,
    population: int | None = None,
    direction: Direction | None = None,
    around: bool = False,
    sites: gpd.GeoDataFrame | None = None,
    max_snap_m: float | None = None,
    walk_kph: float | None = None,
) -> tuple[Coverage, list[Explanation]]:
    """Explain every commune that is not covered, the most populous first.

    Parameters
    ----------
    study, minutes, as_of, population, direction, around, sites, max_snap_m, walk_kph
        As for `coverage`.

    Returns
    -------
    Coverage
        The answer for the whole territory.
    list of Explanation
        In the order of its `uncovered`.

    Raises
    ------
    SettingError, UnknownNameError, InputError, CrsError
        As `coverage` does.

    Examples
    --------
    >>> import accessibility as acc
    >>> _, found = explain_all(acc.load_study("jura"))
    >>> len(found), found[0]
    (21, <Explanation 39059 Bois-d'Amont: late, 21.1 minutes>)
    """
    explainer = _Explainer(
        study, None, minutes=minutes, as_of=as_of, population=population, direction=direction,
        around=around, sites=sites, max_snap_m=max_snap_m, walk_kph=walk_kph,
    )  # fmt: skip
    return explainer.result, explainer.all()


def row_of_commune(study: Study, told: str) -> int:
    """Row of a commune by its INSEE code or its name, in any letters.

    Raises
    ------
    UnknownNameError
        If there is none, or there are several.

    Examples
    --------
    >>> import accessibility as acc
    >>> row_of_commune(acc.load_study("jura"), "menetrux en joux")
    274
    """
    codes, names = study.communes["code_insee"], study.communes["name"]
    wanted = _plain(str(told))
    plain = names.map(_plain)
    found = np.flatnonzero((codes == str(told).strip().upper()) | (plain == wanted))
    if len(found) == 1:
        return int(found[0])
    listed = (codes + " " + names).to_numpy()
    if len(found):
        raise UnknownNameError(
            f"{told} is the name of several communes: {first_of(listed[found])}; give the code."
        )
    by_key = {**dict(zip(plain, listed, strict=True)), **dict(zip(codes, listed, strict=True))}
    near = [by_key[key] for key in difflib.get_close_matches(wanted, list(by_key), 3, 0.6)]
    raise UnknownNameError(
        f"the study {study.name} has no commune {told}; its {len(codes)} communes are told by an "
        f"INSEE code or a name, such as {', '.join(near or listed[:3])}."
    )


def _plain(text: str) -> str:
    """Letters of a name without accents, hyphens and case."""
    apart = unicodedata.normalize("NFKD", text.casefold().replace("œ", "oe"))
    kept = "".join(c if c.isalnum() else " " for c in apart if not unicodedata.combining(c))
    return " ".join(kept.split())


class _Explainer:
    """What the explanations of a territory share; each kept search is made once."""

    def __init__(
        self,
        study: Study,
        rows: list[int] | None,
        *,
        minutes: float | None,
        as_of: dt.date | str | None,
        population: int | None,
        direction: Direction | None,
        around: bool,
        sites: gpd.GeoDataFrame | None,
        max_snap_m: float | None,
        walk_kph: float | None,
    ) -> None:
        self.study = study
        self.result = coverage(
            study, minutes=minutes, as_of=as_of, population=population, direction=direction,
            around=around, sites=sites, max_snap_m=max_snap_m, walk_kph=walk_kph,
        )  # fmt: skip
        *_, way, snap_m = sites_and_trips(
            study, as_of=as_of, direction=direction, around=around, sites=sites,
            max_snap_m=max_snap_m,
        )  # fmt: skip
        self.trips = Trips(way, snap_m, walk_kph)
        self.cutoff_s = int(cutoff_ms(self.result.minutes * 60.0)) / 1000.0
        self.demand = demand_at_chefs_lieux(study.communes, year=self.result.population_year)
        self.here = snap(study.network, self.demand, max_snap_m=snap_m)
        if rows is None:
            codes = pd.Index(self.result.by_commune["code_insee"])
            rows = codes.get_indexer(pd.Index(self.result.uncovered["code_insee"])).tolist()
        self.rows = rows
        counted = self.result.sites.to_crs(WGS84)
        beyond = counted.iloc[:0]
        if sites is None and not around:
            listed = counted_sites(study.sites, self.result.as_of, around=True)
            beyond = listed[~listed["in_study"].to_numpy(dtype=bool)]
        self.counts = np.r_[np.ones(len(counted), bool), np.zeros(len(beyond), bool)]
        parts = [part for part in (counted, beyond) if len(part)] or [counted]
        self.sites = pd.concat([_told(part, study) for part in parts], ignore_index=True)
        self.there = snap(study.network, self.sites, max_snap_m=snap_m)

    @cached_property
    def remedies(self) -> Remedies:
        return Remedies(
            self.study, self.result.by_commune, self.demand, self.trips, self.cutoff_s
        )  # fmt: skip

    def all(self) -> list[Explanation]:
        """Explain each commune that was asked for."""
        if not self.rows:
            return []
        time_s = times_to_sites(
            self.study, self.here.take(self.rows), self.there, self.trips,
            cutoff_s=self.cutoff_s, groups=self.counts,
        )  # fmt: skip
        found = [
            [nearest_sites(self.sites[g], times[g], self.cutoff_s, NAMED)
             for g in (self.counts, ~self.counts)]
            for times in time_s
        ]  # fmt: skip
        routes = self._routes()
        return [
            self._one(row, near, across, route)
            for row, (near, across), route in zip(self.rows, found, routes, strict=True)
        ]

    def _one(
        self, row: int, near: gpd.GeoDataFrame, across: gpd.GeoDataFrame, route: gpd.GeoDataFrame
    ) -> Explanation:
        told = self.result.by_commune.iloc[row]
        time_s, code = float(told["travel_time_s"]), str(told["code_insee"])
        state: State = "covered"
        if self.here.segment[row] < 0:
            state = "off-road"
        elif not np.isfinite(time_s):
            state = "unreached"
        elif time_s > self.cutoff_s:
            state = "late"
        own = self.sites[self.counts & (self.sites["code_insee"] == code).to_numpy()]
        if state == "covered":
            none = np.zeros(0)
            table = candidates_of_study(self.study, self.demand).iloc[:0]
            candidates = table.assign(travel_time_s=none, people_gained=none)
        else:
            candidates = self.remedies.of(code, NAMED)
        anywhere = snap(self.study.network, self.demand.iloc[[row]], max_snap_m=FARTHEST_M)
        return Explanation(
            code_insee=code,
            name=str(told["name"]),
            population=float(told["population"]),
            state=state,
            travel_time_s=time_s,
            seconds_over=time_s - self.cutoff_s,
            own_sites=own["name"].tolist(),
            road_m=float(anywhere.snap_m[0]),
            nearest=near.reset_index(drop=True),
            across=across.reset_index(drop=True),
            route=route,
            by_class=by_road_class(route),
            speed_factor=factor_to_be_in_time(route, self.cutoff_s) if len(route) else np.nan,
            candidates=candidates,
            neighbours=self._neighbours(row),
            complete=self._complete(row, state),
            chef_lieu=self.demand.geometry.iloc[row],
            coverage=self.result,
        )

    def _routes(self) -> list[gpd.GeoDataFrame]:
        """The way of each commune to its nearest site, or from it."""
        ids = self.result.by_commune["facility_id"].iloc[self.rows]
        known = pd.Index(self.result.sites["facility_id"])  # the first rows of the sites
        site = known.get_indexer(pd.Index(ids)).tolist()
        reached = [k for k, at in enumerate(site) if at >= 0]
        metric = self.study.metric_crs
        homes = self.demand.geometry.iloc[self.rows].to_crs(metric).to_numpy()
        sites = self.sites.geometry.to_crs(metric).to_numpy()
        here = self.here.take([self.rows[k] for k in reached])
        there = self.there.take([site[k] for k in reached])
        towards = self.trips.direction == "to"
        ends = (here, there) if towards else (there, here)
        network, walk = self.study.network, self.trips.walk_kph
        ways = dict(zip(reached, paths(network, *ends, walk_kph=walk), strict=True))
        roads = self.study.roads.roads
        found = []
        for k in range(len(self.rows)):
            if (path := ways.get(k)) is None:
                found.append(no_way())
                continue
            points = (homes[k], sites[site[k]]) if towards else (sites[site[k]], homes[k])
            table = legs(network, path, roads=roads, ends=points, walk_kph=walk)
            found.append(cut_where_time_is_up(table, self.cutoff_s))
        return found

    def _neighbours(self, row: int) -> pd.DataFrame:
        """Communes that touch one, in the order of their codes."""
        table = self.result.by_commune
        near = table.sindex.query(table.geometry.iloc[row], predicate="intersects")
        near = np.sort(near[near != row])
        columns = ["code_insee", "name", "population", "travel_time_s", "facility_name"]
        found = pd.DataFrame(table.iloc[near][columns]).reset_index(drop=True)
        found.insert(4, "covered", found["travel_time_s"] <= self.cutoff_s)
        return found

    def _complete(self, row: int, state: State) -> bool:
        """Whether no trip that leaves the data could cover the commune."""
        if state == "covered" or self.result.complete:
            return True
        demand, snap_m = self.demand.iloc[[row]], self.trips.max_snap_m
        if state == "off-road":
            return not at_the_end(
                demand, self.study.settings["extents"], metric_crs=self.study.metric_crs,
                max_snap_m=snap_m,
            ).any()  # fmt: skip
        return is_complete(
            self.study.network, demand, self.result.by_commune.iloc[[row]], self.result.sites,
            self.cutoff_s, direction=self.trips.direction, sites_beyond=self.result.around,
            max_snap_m=snap_m,
        )  # fmt: skip


def _told(sites: gpd.GeoDataFrame, study: Study) -> gpd.GeoDataFrame:
    """What is told of sites, with the name of the commune where the study knows it."""
    place = study.communes.set_index("code_insee")["name"]
    columns = {name: sites[name].to_numpy() for name in ("facility_id", "name", "code_insee")}
    columns["commune"] = sites["code_insee"].map(place).to_numpy()
    columns["in_study"] = sites["in_study"].to_numpy(dtype=bool)
    return gpd.GeoDataFrame(columns, geometry=sites.geometry.to_numpy(), crs=sites.crs)


def no_way() -> gpd.GeoDataFrame:
    """A route without legs."""
    numbers = ["length_m", "kph", "turn_s", "drive_s", "time_s"]
    kinds = {"sequence": int, "road": int, "name": object, "ref": object, "highway": object,
             **dict.fromkeys(numbers, float), "beyond": bool}  # fmt: skip
    columns = {name: pd.Series([], dtype=kind) for name, kind in kinds.items()}
    return gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries([], crs=WGS84))
