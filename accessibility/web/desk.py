"""What all visitors share: the study and its drive times; nothing of any visitor is kept here."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, lru_cache
from threading import Lock

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from accessibility.analysis.choices import counted_sites
from accessibility.analysis.coverage import Coverage, coverage, zones_of
from accessibility.analysis.gain import gain
from accessibility.analysis.isochrones import isochrones
from accessibility.analysis.scenario import RoadAt, Scenario
from accessibility.analysis.simulate import Simulator
from accessibility.analysis.simulate_result import Simulation, compared
from accessibility.analysis.siting import Siting, optimise
from accessibility.network.snap import snap
from accessibility.schema import WGS84
from accessibility.study.sites import place_in_communes
from accessibility.study.study import Study
from accessibility.web.plan import Plan, start
from accessibility.web.refusals import RefusedError

CHOICES_KEPT = 64
"""Cut-offs, days and years whose figures are kept; each takes some 5 MB."""

NETWORKS_KEPT = 2
"""Networks with changed roads that are kept; each takes some 150 MB."""

LONG_ANSWERS_KEPT = 8
"""Gain layers, areas and best sites that are kept."""

LAST_DAY = dt.date(2200, 1, 1)
"""By which every site is labelled."""

MOST_NEW_SITES = 20
SOLVER_LIMIT_S = 30.0

Choices = tuple[float, dt.date, int]


class Desk:
    """Answers the questions of all visitors, each by the function that Python and CLI call.

    Parameters
    ----------
    study : Study

    Attributes
    ----------
    study : Study
    start : Simulation
        What the study says by itself.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        before = coverage(study)
        # a removed site needs the times to all others: searched while the page opens
        self._times = ThreadPoolExecutor(1, thread_name_prefix="times").submit(Simulator, study)
        self._building = Lock()
        self._roads: dict[tuple[object, object], Simulator] = {}
        self._asking = lru_cache(CHOICES_KEPT)(self._ask)
        self.gains = lru_cache(LONG_ANSWERS_KEPT)(self._gains)
        self.areas = lru_cache(LONG_ANSWERS_KEPT)(self._areas)
        self.best = lru_cache(LONG_ANSWERS_KEPT)(self._best)
        self.start = compared(
            start(study).scenario, study, before, before, zones=zones_of(study.communes), moved=[],
            grant_eur=float("nan") if self.grant_eur is None else self.grant_eur,
        )  # fmt: skip

    @property
    def _first(self) -> Simulator:
        return self._times.result()

    @property
    def ready(self) -> bool:
        """Whether the times to each site are known, so that a step need not wait for them."""
        return self._times.done()

    def takes_long(self, plan: Plan) -> bool:
        """Whether a network has to be built first."""
        return plan.scenario.changes_roads and _roadworks(plan.scenario) not in self._roads

    def simulate(self, plan: Plan) -> Simulation:
        """What `accessibility.simulate` answers."""
        choices = plan.minutes, plan.as_of, plan.population
        if not plan.scenario.changes_roads:
            return self._asking(choices).simulate(plan.scenario)
        return self._on_roads_of(plan.scenario).asking(
            minutes=plan.minutes, as_of=plan.as_of, population=plan.population
        ).simulate(plan.scenario)  # fmt: skip

    def sites_before(self, plan: Plan) -> gpd.GeoDataFrame:
        """The sites that count on the day of a plan, before its scenario."""
        return self._asking((plan.minutes, plan.as_of, plan.population)).sites

    def _ask(self, choices: Choices) -> Simulator:
        minutes, day, year = choices
        return self._first.asking(minutes=minutes, as_of=day, population=year)

    def _on_roads_of(self, scenario: Scenario) -> Simulator:
        """A simulator that holds the network of the scenario's roads."""
        works = _roadworks(scenario)
        with self._building:
            there = self._roads.pop(works, None)
            if there is None:
                there = self._first.asking()
                there.simulate(Scenario(road=scenario.road, speed=scenario.speed))
                while len(self._roads) >= NETWORKS_KEPT:
                    del self._roads[next(iter(self._roads))]
            self._roads[works] = there  # the last one used stands last
        return there

    def _gains(self, plan: Plan) -> gpd.GeoDataFrame:
        """What `accessibility.gain` answers after a plan: where one more would help."""
        done = self.simulate(plan)
        return gain(
            done.study, minutes=plan.minutes, as_of=plan.as_of, population=plan.population,
            sites=standing(done.after),
        )  # fmt: skip

    def _areas(self, plan: Plan, minutes: tuple[float, ...]) -> gpd.GeoDataFrame:
        """What `accessibility.isochrones` answers after a plan."""
        done = _with_sites(self.simulate(plan))
        return isochrones(
            done.study, minutes=list(minutes), as_of=plan.as_of, sites=standing(done.after)
        )

    def _best(self, plan: Plan, number: int, budget: float | None) -> Siting:
        """What `accessibility.optimise` answers after a plan."""
        if not 1 <= number <= MOST_NEW_SITES:
            raise RefusedError("number_of_new_sites", number=number, most=MOST_NEW_SITES)
        done = _with_sites(self.simulate(plan))
        costs = None
        if budget is not None:
            if self.grant_eur is None:
                raise RefusedError("no_cost_known")
            if budget < self.grant_eur:
                raise RefusedError("small_budget", cost=round(self.grant_eur))
            costs = dict.fromkeys(self.study.communes["code_insee"], self.grant_eur)
        return optimise(
            done.study, new_sites=number, budget=budget, costs=costs, minutes=plan.minutes,
            as_of=plan.as_of, population=plan.population, sites=standing(done.after), ties=5,
            time_limit_s=SOLVER_LIMIT_S,
        )  # fmt: skip

    @property
    def grant_eur(self) -> float | None:
        """Euros a year that the study tells for a site."""
        told = self.study.settings.get("grant", {}).get("yearly_per_site_eur")
        return None if told is None else float(told)

    @cached_property
    def days(self) -> dict[dt.date, int]:
        """Days from which another number of sites counts, and the study's own; how many count."""
        sites = self.study.sites
        counted = counted_sites(sites, LAST_DAY)
        labelled = counted["label_date"]
        days = sorted({*(day.date() for day in labelled.dropna()), self.study.default("as_of")})
        return {day: int((~(labelled > pd.Timestamp(day))).sum()) for day in days}

    def place_for_site(self, lon: float, lat: float) -> str:
        """Name of the commune in which a site may stand at a place.

        Raises
        ------
        InputError
            If it lies outside of the territory, or no road is in reach.
        """
        where = gpd.GeoSeries([shapely.Point(lon, lat)], crs=WGS84)
        code = place_in_communes(where, self.study.communes).iloc[0]
        if not isinstance(code, str):
            raise RefusedError("outside", place=self.study.title)
        snap_m = float(self.study.default("max_snap_m"))
        if snap(self.study.network, where, max_snap_m=snap_m).segment[0] < 0:
            raise RefusedError("off_the_road", metres=round(snap_m))
        communes = self.study.communes
        return str(communes["name"].iloc[communes["code_insee"].tolist().index(code)])

    def ways_to_road(self, sites: gpd.GeoDataFrame) -> list[shapely.LineString | None]:
        """Straight lines from sites to where they stand on their roads, in metres."""
        network = self.study.network
        found = snap(network, sites, max_snap_m=float(self.study.default("max_snap_m")))
        points = sites.geometry.to_crs(network.metric_crs)
        ways: list[shapely.LineString | None] = []
        for point, segment in zip(points, found.segment, strict=True):
            if segment < 0:
                ways.append(None)
                continue
            first, last = network.line_start[segment : segment + 2]
            ways.append(shapely.shortest_line(point, shapely.LineString(network.xy[first:last])))
        return ways

    def road_at(self, at: RoadAt) -> tuple[str, shapely.LineString] | None:
        """Name and line, in metres, of the road that a scenario means; None if there is none."""
        segment = self._nearest(at.lon, at.lat, at.within_m)
        return None if segment is None else (self._name(segment), self._lines.geometries[segment])

    def point_on_road(self, lon: float, lat: float, *, within_m: float) -> tuple[float, float]:
        """Middle of the road nearest to a place, in degrees: there no other road is as near.

        Raises
        ------
        InputError
            If none is so near.
        """
        segment = self._nearest(lon, lat, within_m)
        if segment is None:
            raise RefusedError("no_road")
        middle = self._lines.geometries[segment].interpolate(0.5, normalized=True)
        at = gpd.GeoSeries([middle], crs=self.study.metric_crs).to_crs(WGS84).iloc[0]
        return float(at.x), float(at.y)

    def _nearest(self, lon: float, lat: float, within_m: float) -> int | None:
        point = gpd.GeoSeries.from_xy([lon], [lat], crs=WGS84).to_crs(self.study.metric_crs)
        found = self._lines.query_nearest(point.iloc[0], max_distance=within_m)
        return int(found[0]) if len(found) else None

    def _name(self, segment: int) -> str:
        row = self.study.roads.roads.iloc[int(self.study.network.segment_road[segment])]
        told = [value for key in ("ref", "name") if isinstance(value := row[key], str)]
        return " ".join(told) or str(row["highway"])

    def roads_in(
        self, box: tuple[float, float, float, float], classes: tuple[str, ...]
    ) -> list[tuple[str, shapely.LineString]]:
        """Class and line of the roads of some classes in a box of metres."""
        rows = np.sort(self._lines.query(shapely.box(*box)))
        roads = self.study.roads.roads["highway"]
        kind = roads.iloc[self.study.network.segment_road[rows]].astype(object).to_numpy()
        return [
            (name, self._lines.geometries[row])
            for name, row in zip(kind, rows, strict=True)
            if name in classes
        ]

    def roads_ready(self) -> None:
        """Read the roads and their index, which takes seconds the first time."""
        self.roads_in((0.0, 0.0, 1.0, 1.0), ())

    @cached_property
    def _lines(self) -> shapely.STRtree:
        """The network's roads, one line each, in metres."""
        network = self.study.network
        part = np.repeat(np.arange(len(network.segment_road)), np.diff(network.line_start))
        return shapely.STRtree(shapely.linestrings(network.xy, indices=part))


def standing(after: Coverage) -> gpd.GeoDataFrame:
    """The sites of an answer, counted whenever they were labelled."""
    return after.sites.drop(columns="label_date", errors="ignore")


def _with_sites(done: Simulation) -> Simulation:
    if done.after.sites.empty:
        raise RefusedError("no_site")
    return done


def _roadworks(scenario: Scenario) -> tuple[object, object]:
    return scenario.road, scenario.speed
