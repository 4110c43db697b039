"""The figure under every choice of method: one choice changed at a time, and all together."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

import geopandas as gpd
import numpy as np
import pandas as pd

from accessibility.analysis.choices import (
    checked_minutes,
    counted_sites,
    longest_covered_s,
    sites_and_trips,
)
from accessibility.analysis.coverage import coverage, share
from accessibility.analysis.own_roads import on_own_roads
from accessibility.analysis.variants_search import (
    ANY_M,
    People,
    Places,
    Snapping,
    TripsUnder,
)
from accessibility.errors import InputError, SettingError, UnknownNameError
from accessibility.network.profile import load_profile, profile_names
from accessibility.routing.times import Direction
from accessibility.study.demand import METHODS
from accessibility.study.study import Study

WALK_KPH = 5.0
"""Of the variant that walks to the road: the walking speed of OSRM's foot profile
(profiles/foot.lua)."""

NEAR_POINTS = 0.1
"""A share is near a published one that is given to a tenth of a point."""

COMBINED = ("demand", "population", "sites", "profile", "direction", "snapping", "cut-off")
"""Choices of which every combination is computed."""

FIGURES = ("share", "population_covered", "complete")
OWN_ROADS = "territory's own"
LeftOut = tuple[str, str, str]
"""Choice, value and why."""

OPTIONS = ("demand", "population_year", "around", "profile", "direction", "max_snap_m", "walk_kph",
           "inclusive")  # fmt: skip
"""Columns that name the options of `coverage` (`population_year` is its `population`, and the
profile that of the study)."""


@dataclass(frozen=True)
class Variants:
    """The figure under every choice of method.

    Attributes
    ----------
    reference : Series
        The row of `combinations` that `coverage` gives by the study's defaults.
    one_at_a_time : DataFrame
        One row for each choice that alone is made otherwise, those that change the figure most
        first: `choice`, `value` (what is chosen instead), `share`, `difference_points`
        (percentage points from the reference), `difference_people` (covered, likewise),
        `complete`.
    combinations : DataFrame
        One row for each combination: `demand`, `population_year`, `around`, `profile`,
        `direction`, `max_snap_m`, `walk_kph` (NaN: the way off the road takes no time),
        `inclusive`, which are the options of `coverage`; `population`, `population_covered`,
        `share`, `difference_points`, `difference_people`, `changes` (how many choices are not
        the reference's), `complete`. The reference comes first.
    values : DataFrame
        What there is to choose, and how far the figure goes with it: `choice`, `value`,
        `reference` (whether it is the reference's), `combinations` (that have it), `share_min`,
        `share_max`, `near_published` (of them; 0 where nothing is published).
    left_out : DataFrame
        `choice`, `value`, `reason`: variants that the study cannot give.
    published : float or None
        The published share, where it was published for this very question.
    near_published : DataFrame
        Rows of `combinations` within `NEAR_POINTS` of the published share, those with the fewest
        changes first; empty where nothing is published.
    minutes, as_of
        The question.
    sites : int
        Sites of the territory, or of one's own, that are counted.
    own_sites : bool
        Whether the sites are one's own.
    profiles : dict of str to str
        Digest of each profile.
    """

    reference: pd.Series
    one_at_a_time: pd.DataFrame
    combinations: pd.DataFrame
    values: pd.DataFrame
    left_out: pd.DataFrame
    published: float | None
    near_published: pd.DataFrame
    minutes: float
    as_of: dt.date
    sites: int
    own_sites: bool
    profiles: dict[str, str]

    def __repr__(self) -> str:
        shares = self.combinations["share"]
        return (
            f"<Variants: {self.reference['share']:.2%} by the reference, {shares.min():.2%} to "
            f"{shares.max():.2%} by {len(shares):,} combinations>"
        )


def variants(
    study: Study,
    *,
    minutes: float | None = None,
    as_of: dt.date | str | None = None,
    sites: gpd.GeoDataFrame | None = None,
) -> Variants:
    """Compute the figure under every choice of method that can be defended.

    Parameters
    ----------
    study : Study
        Its profile and defaults are the reference.
    minutes : float, optional
        The cut-off.
    as_of : date or ISO text, optional
        Sites labelled by that day are counted.
    sites : GeoDataFrame, optional
        Sites of one's own, as for `coverage`; whether neighbours' count is then no choice.

    Returns
    -------
    Variants

    Raises
    ------
    SettingError, InputError, CrsError
        As `coverage` does; also where nobody is known to live in the territory.

    Notes
    -----
    The choices are where people are counted (each method for which the study holds places), the
    census year, whether the neighbours' sites count, the speed profile (the study's and those that
    come with the package), the direction, how a place gets to its road (free of time up to the
    study's `max_snap_m`; the same, but walked at 5 km/h, the speed of OSRM's foot profile; or free
    at any distance, as OSRM has it), whether a trip of exactly the cut-off is covered and, one at
    a time only, whether cars may leave the territory (see `accessibility.analysis.own_roads`).

    None of them is fitted. A published figure lies within the range of many methods: to meet it
    proves none of them.

    Examples
    --------
    >>> import accessibility as acc
    >>> found = acc.variants(acc.load_study("jura"))  # doctest: +SKIP
    """
    cutoff = checked_minutes(study.default("minutes") if minutes is None else minutes)
    counted, day, _, _ = sites_and_trips(
        study, as_of=as_of, direction=None, around=False, sites=sites, max_snap_m=None
    )
    left_out: list[LeftOut] = []
    counted_by = {False: counted}
    if sites is None:
        counted_by[True] = counted_sites(study.sites, day, around=True)
    else:
        left_out.append(("sites", "with the neighbours'", "all sites of one's own are counted"))
    places = Places()
    people = _people(study, places, left_out)
    searches, profiles = {}, {}
    for there in _under_each_profile(study):
        name, digest = there.profile.name, there.profile.digest
        try:
            searches[name] = TripsUnder(
                there, places.all(), counted_by, max_snap_m=ANY_M, cutoff_s=cutoff * 60.0
            )
        except (InputError, SettingError) as error:
            if there is study:
                raise
            left_out.append(("profile", name, str(error)))
        else:
            profiles[name] = digest
    table = _compared(_combinations(study, searches, people, counted_by, cutoff))
    if np.isnan(table["share"].iloc[0]):
        raise InputError(
            f"no inhabitants are known in the study {study.title} for {study.default('population')}"
            ": no shares can be compared."
        )
    published = _published(study, cutoff, day) if sites is None else None
    near = table.iloc[:0]
    if published is not None:
        # shares are sums of floats: a hair decides nothing
        off = (table["share"] - published).abs() * 100
        near = table[(off <= NEAR_POINTS + 1e-9).to_numpy()]
    roads = []
    try:
        inside = on_own_roads(study).study
    except InputError as error:
        left_out.append(("roads", OWN_ROADS, str(error)))
    else:  # the same choices as the reference, and no road beyond the border
        result = coverage(inside, minutes=cutoff, as_of=day, sites=sites)
        told_of_roads = {"choice": "roads", "value": OWN_ROADS}
        figures = {name: getattr(result, name) for name in FIGURES}
        roads.append(told_of_roads | figures)
    return Variants(
        reference=table.iloc[0],
        one_at_a_time=_one_at_a_time(table, roads),
        combinations=table,
        values=_values(table, near),
        left_out=pd.DataFrame(left_out, columns=["choice", "value", "reason"]),
        published=published,
        near_published=near.sort_values("changes", kind="stable", ignore_index=True),
        minutes=cutoff,
        as_of=day,
        sites=len(counted),
        own_sites=sites is not None,
        profiles=profiles,
    )


def told(choice: str, row: pd.Series | Mapping[Hashable, Any]) -> str:
    """What a row of the combinations has chosen, in words.

    Examples
    --------
    >>> told("cut-off", {"inclusive": False})
    'less than (<)'
    """
    if choice == "snapping":
        walk_kph = row["walk_kph"]
        return str(Snapping(row["max_snap_m"], None if np.isnan(walk_kph) else float(walk_kph)))
    if choice == "sites":
        return "with the neighbours'" if row["around"] else "territory's own"
    if choice == "direction":
        return "to the site" if row["direction"] == "to" else "from the site"
    if choice == "cut-off":
        return "at most (<=)" if row["inclusive"] else "less than (<)"
    return str(row[{"population": "population_year"}.get(choice, choice)])


def other_profiles(study: Study) -> list[Study]:
    """The study under the profiles of the package that are not its own."""
    return [
        replace(study, profile=load_profile(name))
        for name in profile_names()
        if name != study.profile.name
    ]


def _under_each_profile(study: Study) -> Iterator[Study]:
    """The study as it is, then under the other profiles."""
    yield study
    others = other_profiles(study)
    new = [there for there in others if not there.network_is_kept]
    for there in new[1:]:  # the roads are read once
        vars(there)["roads"] = new[0].roads
    yield from others


def _people(study: Study, places: Places, left_out: list[LeftOut]) -> dict[tuple[str, int], People]:
    """People by method and year, the reference first."""
    year = study.default("population")
    years = [year, *(other for other in study.population_years if other != year)]
    people = {}
    for method in METHODS:
        try:
            tables = {when: study.demand_by(method, year=when) for when in years}
        except UnknownNameError as error:  # the study holds no such places
            left_out.append(("demand", method, str(error)))
            continue
        for when, table in tables.items():
            people[str(method), when] = places.add(table, study.communes)
    return people


def _combinations(
    study: Study,
    searches: dict[str, TripsUnder],
    people: dict[tuple[str, int], People],
    around: Iterable[bool],
    cutoff: float,
) -> pd.DataFrame:
    """The figure of every combination, the reference first."""
    way, snap_m = study.default("direction"), float(study.default("max_snap_m"))
    ways: list[Direction] = sorted(get_args(Direction), key=lambda one: one != way)
    snappings = (Snapping(snap_m, None), Snapping(snap_m, WALK_KPH), Snapping(ANY_M, None))
    n = len(study.communes)
    totals = {key: group.total(n) for key, group in people.items()}
    longest_s = {flag: longest_covered_s(cutoff, inclusive=flag) for flag in (True, False)}
    rows = []
    for profile, beyond, direction, snapping in itertools.product(
        searches, around, ways, snappings
    ):
        found = searches[profile].search(around=beyond, direction=direction, snapping=snapping)
        for (method, year), inclusive in itertools.product(people, longest_s):
            group, total = people[method, year], totals[method, year]
            reached = found.time_s[group.place] <= longest_s[inclusive]
            covered = group.covered(reached, n)
            rows.append(
                {
                    "demand": method,
                    "population_year": year,
                    "around": beyond,
                    "profile": profile,
                    "direction": direction,
                    "max_snap_m": snapping.max_snap_m,
                    "walk_kph": snapping.walk_kph,
                    "inclusive": inclusive,
                    "population": total,
                    "population_covered": covered,
                    "share": share(covered, total),
                    "complete": found.complete(group.place, reached, longest_s[inclusive]),
                }
            )
    return pd.DataFrame(rows).astype({"walk_kph": float})


def _published(study: Study, minutes: float, day: dt.date) -> float | None:
    told = study.settings.get("published", {})
    same = told.get("minutes") == minutes and told.get("as_of") == day
    return float(told["share_covered"]) if same and "share_covered" in told else None


def _compared(table: pd.DataFrame) -> pd.DataFrame:
    """Add what lies between each row and the reference, which is the first."""
    first = table.iloc[0]
    words = _words(table)
    complete = table.pop("complete")
    return table.assign(
        difference_points=(table["share"] - first["share"]) * 100,
        difference_people=table["population_covered"] - first["population_covered"],
        changes=(words != words.iloc[0]).sum(axis=1),
        complete=complete,
    )


def _words(table: pd.DataFrame) -> pd.DataFrame:
    """What each row has chosen."""
    rows = table.to_dict("records")
    return pd.DataFrame({choice: [told(choice, row) for row in rows] for choice in COMBINED})


def _one_at_a_time(table: pd.DataFrame, others: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows of the combinations with one change, and others, the largest change first."""
    first = table.iloc[0]
    rows = []
    for row in table[table["changes"] == 1].to_dict("records"):
        (choice,) = (c for c in COMBINED if told(c, row) != told(c, first))
        rows.append({"choice": choice, "value": told(choice, row), **row})
    found = pd.DataFrame([*rows, *others], columns=["choice", "value", *FIGURES]).astype(
        {"complete": bool}
    )
    covered = found.pop("population_covered")
    found.insert(3, "difference_points", (found["share"] - first["share"]) * 100)
    found.insert(4, "difference_people", covered - first["population_covered"])
    size = found["difference_points"].abs().round(9)
    return found.iloc[np.lexsort((found["value"], -size))].reset_index(drop=True)


def _values(table: pd.DataFrame, near: pd.DataFrame) -> pd.DataFrame:
    """How far the figure goes with each value of each choice."""
    rows = []
    for choice, words in _words(table).items():
        for value in words.unique():
            has = (words == value).to_numpy()
            rows.append(
                {
                    "choice": choice,
                    "value": value,
                    "reference": value == words.iloc[0],
                    "combinations": int(has.sum()),
                    "share_min": table.loc[has, "share"].min(),
                    "share_max": table.loc[has, "share"].max(),
                    "near_published": int(near.index.isin(table.index[has]).sum()),
                }
            )
    return pd.DataFrame(rows)
