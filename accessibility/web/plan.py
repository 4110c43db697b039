"""What a visitor asks for, step by step: a scenario with its choices, undone and redone."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace

import geopandas as gpd

from accessibility.analysis.scenario import (
    Move,
    Place,
    RoadAt,
    RoadChange,
    Scenario,
)
from accessibility.analysis.scenario_sites import resolve, service_ids
from accessibility.errors import InputError, UnknownNameError
from accessibility.study.study import Study
from accessibility.web.refusals import RefusedError

MOST_STEPS = 200
"""Steps that can be undone; older ones are forgotten."""

MOST_ENTRIES = 100
"""Entries of one scenario: more are not made by hand."""

MOST_NAME = 120
"""Letters of the name of a scenario or a file."""

DECIMALS = 6
"""Of degrees: 0.1 m."""


@dataclass(frozen=True)
class Plan:
    """One question: a scenario and the choices under which it is counted.

    Attributes
    ----------
    scenario : Scenario
        Sites told by their ids; see `by_ids`.
    minutes : float
    as_of : date
    population : int
        Census year.
    """

    scenario: Scenario
    minutes: float
    as_of: dt.date
    population: int


@dataclass(frozen=True)
class History:
    """The plan that is shown, those before it and those that were undone.

    Examples
    --------
    >>> one, two = (Plan(Scenario(), m, dt.date(2022, 1, 1), 2019) for m in (10, 20))
    >>> done = History(one).then(two)
    >>> done.undone().now.minutes, done.undone().redone().now.minutes
    (10, 20)
    """

    now: Plan
    past: tuple[Plan, ...] = field(default=(), repr=False)
    future: tuple[Plan, ...] = field(default=(), repr=False)

    def then(self, plan: Plan) -> History:
        """Take a step; what was undone is forgotten."""
        if plan == self.now:
            return self
        return History(plan, (*self.past, self.now)[-MOST_STEPS:])

    def undone(self) -> History:
        """Take a step back, where there is one."""
        if not self.past:
            return self
        return History(self.past[-1], self.past[:-1], (self.now, *self.future))

    def redone(self) -> History:
        """Take again the step that was undone last, where there is one."""
        if not self.future:
            return self
        return History(self.future[0], (*self.past, self.now), self.future[1:])


def start(study: Study) -> Plan:
    """What a study asks by itself."""
    return Plan(
        scenario=Scenario(study=study.name),
        minutes=float(study.default("minutes")),
        as_of=study.default("as_of"),
        population=int(study.default("population")),
    )


def with_site(scenario: Scenario, lon: float, lat: float, *, name: str) -> Scenario:
    """Open a site at a place.

    Examples
    --------
    >>> with_site(Scenario(), 5.55, 46.3, name="Aromas").add[0].id
    'new-1'
    """
    taken = {place.id for place in scenario.add}
    number = next(n for n in range(1, len(taken) + 2) if f"new-{n}" not in taken)
    place = Place(id=f"new-{number}", name=name, lon=round(lon, DECIMALS), lat=round(lat, DECIMALS))
    return _checked(replace(scenario, add=(*scenario.add, place)))


def with_moved(scenario: Scenario, site: str, lon: float, lat: float) -> Scenario:
    """Move a site, whatever it is: added, a stop, or one that stood there before."""
    lon, lat = round(lon, DECIMALS), round(lat, DECIMALS)
    if site in _added(scenario):
        add = tuple(
            replace(p, insee=None, lon=lon, lat=lat) if p.id == site else p for p in scenario.add
        )
        return replace(scenario, add=add)
    if site in service_ids(scenario):
        return replace(scenario, stop=tuple(
            replace(s, at=tuple(
                Place(lon=lon, lat=lat) if f"{s.id}/{n}" == site else p
                for n, p in enumerate(s.at, start=1)
            ))
            for s in scenario.stop
        ))  # fmt: skip
    to = Place(lon=lon, lat=lat)
    if any(move.site.id == site for move in scenario.move):
        return replace(scenario, move=tuple(
            replace(move, to=to) if move.site.id == site else move for move in scenario.move
        ))  # fmt: skip
    return _checked(replace(scenario, move=(*scenario.move, Move(Place(id=site), to))))


def without_site(scenario: Scenario, site: str) -> Scenario:
    """Close a site: one that was added is added no longer, a stop is left out.

    Examples
    --------
    >>> without_site(Scenario(), "2756").remove
    (Place(insee=None, id='2756', name=None, lon=None, lat=None, yearly_eur=None, eur=None),)
    """
    if site in _added(scenario):
        return replace(scenario, add=tuple(p for p in scenario.add if p.id != site))
    if site in service_ids(scenario):
        stops = []
        for stop in scenario.stop:
            at = tuple(p for n, p in enumerate(stop.at, start=1) if f"{stop.id}/{n}" != site)
            stops += [replace(stop, at=at)] if at else []
        return replace(scenario, stop=tuple(stops))
    moves = tuple(move for move in scenario.move if move.site.id != site)
    remove = (*scenario.remove, Place(id=site))
    return _checked(replace(scenario, move=moves, remove=remove))


def with_reopened(scenario: Scenario, site: str) -> Scenario:
    """Let a closed site stand where it stood."""
    kept = tuple(place for place in scenario.remove if place.id != site)
    return replace(scenario, remove=kept)


def put_back(scenario: Scenario, site: str) -> Scenario:
    """Let a moved site stand where it stood."""
    kept = tuple(move for move in scenario.move if move.site.id != site)
    return replace(scenario, move=kept)


def with_closed_road(scenario: Scenario, lon: float, lat: float) -> Scenario:
    """Close the road nearest to a place, from junction to junction."""
    at = RoadAt(round(lon, DECIMALS), round(lat, DECIMALS))
    return _checked(replace(scenario, road=(*scenario.road, RoadChange("close", at))))


def without_road(scenario: Scenario, number: int) -> Scenario:
    """Leave out a change of a road, told by its place in the scenario."""
    if not 0 <= number < len(scenario.road):
        raise InputError(f"the scenario changes no road {number + 1}.")
    return replace(
        scenario, road=tuple(road for n, road in enumerate(scenario.road) if n != number)
    )


def without_speed(scenario: Scenario, number: int) -> Scenario:
    """Leave out a change of speed, told by its place in the scenario."""
    if not 0 <= number < len(scenario.speed):
        raise InputError(f"the scenario changes no speed {number + 1}.")
    return replace(
        scenario, speed=tuple(speed for n, speed in enumerate(scenario.speed) if n != number)
    )


def by_ids(scenario: Scenario, study: Study, *, sites: gpd.GeoDataFrame) -> Scenario:
    """The same scenario with each site told by its id, so that it can be edited.

    Parameters
    ----------
    scenario : Scenario
        As a planner wrote it.
    study : Study
    sites : GeoDataFrame
        Those that count before it.

    Raises
    ------
    UnknownNameError, InputError
        As `resolve` does.
    """
    _checked(scenario)
    after = resolve(scenario, study, sites=sites)
    before = sites["facility_id"].astype(str)

    def closed(part: Scenario) -> tuple[Place, ...]:
        left = set(resolve(part, study, sites=sites)["facility_id"].astype(str))
        return tuple(Place(id=site) for site in before if site not in left)

    moves = [replace(move, site=closed(Scenario(remove=(move.site,)))[0]) for move in scenario.move]
    stops = sum(len(stop.at) for stop in scenario.stop)
    new = after.iloc[len(after) - stops - len(scenario.add) : len(after) - stops]
    services = list(dict.fromkeys(service_ids(scenario).values()))
    return replace(
        scenario,
        study=study.name,
        add=tuple(
            # an id beside a name alone would mean a site that the study lists
            replace(place, id=str(site), insee=code if named_alone(place) else place.insee)
            for place, site, code in zip(
                scenario.add, new["facility_id"], new["code_insee"], strict=True
            )
        ),
        remove=closed(Scenario(remove=scenario.remove, close=scenario.close)),
        close=(),
        move=tuple(moves),
        stop=tuple(
            replace(stop, id=service) for stop, service in zip(scenario.stop, services, strict=True)
        ),
    )


def named_alone(place: Place) -> bool:
    """Whether nothing but the name of a commune says where a site is added."""
    return place.insee is None and place.lon is None and place.id is None


def check_site(scenario: Scenario, site: str, sites: gpd.GeoDataFrame) -> str:
    """Refuse the id of a site that neither stands nor is closed by the scenario."""
    known = {*sites["facility_id"].astype(str), *(str(place.id) for place in scenario.remove)}
    if site not in known:
        raise UnknownNameError(f"there is no site {site} on this page.")
    return site


def moved_or_added(scenario: Scenario) -> set[str]:
    """Ids of the sites that the scenario placed."""
    return _added(scenario) | set(service_ids(scenario)) | {
        str(move.site.id) for move in scenario.move
    }  # fmt: skip


def _added(scenario: Scenario) -> set[str]:
    return {str(place.id) for place in scenario.add}


def _checked(scenario: Scenario) -> Scenario:
    entries = [*scenario.add, *scenario.remove, *scenario.move, *scenario.close, *scenario.road,
               *scenario.speed, *(at for stop in scenario.stop for at in stop.at)]  # fmt: skip
    if len(entries) > MOST_ENTRIES:
        raise RefusedError("too_many_entries", number=len(entries), most=MOST_ENTRIES)
    return scenario
