"""The choices that drive times to sites stand on, taken from a study where they are not told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, get_args

import geopandas as gpd
import numpy as np
import pandas as pd

from accessibility.errors import InputError, SettingError, UnknownNameError, first_of
from accessibility.network.snap import Positions, snap
from accessibility.routing.times import Direction, check_ids
from accessibility.schema import DEMAND, WGS84, check_crs, validate
from accessibility.study.sites import place_in_communes
from accessibility.study.study import Study

LONGEST = 30_000
"""Minutes: three weeks, what milliseconds in 32 bits hold."""

OWN_PLACES = "own places"
"""Name of a demand that is a table of the user's."""


@dataclass(frozen=True)
class Choices:
    """Sites by rank of their id, where they stand on the roads, and how trips are made.

    Attributes
    ----------
    sites : GeoDataFrame
    there : Positions
    off_road : list of str
        Ids of sites that nobody reaches.
    direction : {"to", "from"}
    max_snap_m : float
    walk_kph : float or None
    as_of : date
    around : bool
    """

    sites: gpd.GeoDataFrame
    there: Positions
    off_road: list[str]
    direction: Direction
    max_snap_m: float
    walk_kph: float | None
    as_of: dt.date
    around: bool


def choices(
    study: Study,
    *,
    site: str | Sequence[str] | None = None,
    as_of: dt.date | str | None = None,
    direction: Direction | None = None,
    around: bool = False,
    sites: gpd.GeoDataFrame | None = None,
    max_snap_m: float | None = None,
    walk_kph: float | None = None,
) -> Choices:
    """Resolve what `coverage` and `isochrones` take alike; see there.

    Raises
    ------
    UnknownNameError
        If no counted site has an id that was asked for.
    InputError
        If a site that was asked for, or every site, lies too far from any road.
    """
    counted, day, way, snap_m = sites_and_trips(
        study, as_of=as_of, direction=direction, around=around, sites=sites, max_snap_m=max_snap_m
    )
    if site is not None:
        asked = [str(one) for one in (site if isinstance(site, list | tuple | set) else [site])]
        known = counted["facility_id"].astype(str)
        if absent := sorted(set(asked) - set(known)):
            raise UnknownNameError(
                f"no site counted on {day} has the id {first_of(absent)}; there are "
                f"{first_of(sorted(known))}."
            )
        counted = counted[known.isin(asked).to_numpy()]
    ranked = counted.sort_values(
        "facility_id", key=lambda ids: ids.astype(str), kind="stable", ignore_index=True
    )
    there = snap(study.network, ranked, max_snap_m=snap_m)
    off = ranked.loc[there.segment < 0, "facility_id"].astype(str).tolist()
    if off and (site is not None or len(off) == len(ranked)):
        raise InputError(
            f"sites {first_of(off)} lie more than {snap_m:g} m from any road: nobody reaches them."
        )
    if not len(ranked):
        raise InputError(f"no site is counted on {day}; at least one is expected.")
    return Choices(ranked, there, off, way, snap_m, walk_kph, day, around)


def sites_and_trips(
    study: Study,
    *,
    as_of: dt.date | str | None,
    direction: Direction | None,
    around: bool,
    sites: gpd.GeoDataFrame | None,
    max_snap_m: float | None,
) -> tuple[gpd.GeoDataFrame, dt.date, Direction, float]:
    """Take from a study what is not told.

    Returns
    -------
    GeoDataFrame
        The sites that are counted.
    date
        By which they are labelled.
    {"to", "from"}
        Which way people drive.
    float
        Metres from a road beyond which a place is not reached.
    """
    day = checked_day(study.default("as_of") if as_of is None else as_of)
    way = study.default("direction") if direction is None else direction
    if way not in get_args(Direction):
        raise SettingError(f"the direction is {way!r}; 'to' or 'from' the site is expected.")
    snap_m = float(study.default("max_snap_m") if max_snap_m is None else max_snap_m)
    if sites is None:
        return counted_sites(study.sites, day, around=around), day, way, snap_m
    return own_sites(sites, study, day), day, way, snap_m


def counted_sites(
    sites: gpd.GeoDataFrame, as_of: dt.date, *, around: bool = False
) -> gpd.GeoDataFrame:
    """Sites labelled by a day: the territory's, or the neighbours' as well.

    Antennas of France services are not counted: the official barometer agrees with the principal
    sites alone. A site without a date always counts.
    """
    kept = (sites["kind"] != "Antenne") & ~(sites["label_date"] > pd.Timestamp(as_of))
    if not around:
        kept &= sites["in_study"]
    return sites[kept.to_numpy()].reset_index(drop=True)


def checked_minutes(value: Any) -> float:
    """Refuse a cut-off that is no number of minutes above 0."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < float(value) <= LONGEST:
        raise SettingError(
            f"the cut-off is {value!r} minutes; a number above 0, up to {LONGEST:,}, is expected."
        )
    return float(value)


def longest_covered_s(minutes: float, *, inclusive: bool) -> float:
    """Longest time that a cut-off covers, seconds.

    Times are whole milliseconds; without the cut-off itself, that is the last one before it.

    Examples
    --------
    >>> longest_covered_s(20.0, inclusive=True), longest_covered_s(20.0, inclusive=False)
    (1200.0, 1199.999)
    >>> longest_covered_s(4.35, inclusive=True)
    261.0
    """
    whole_ms = np.round(minutes * 60_000.0, 3)  # 4.35 minutes are 261 s, not a hair less
    return float(np.floor(whole_ms) if inclusive else np.ceil(whole_ms) - 1.0) / 1000.0


def people_at(
    study: Study, demand: str | gpd.GeoDataFrame | None, year: int
) -> tuple[gpd.GeoDataFrame, str]:
    """Resolve where people are counted.

    Parameters
    ----------
    study : Study
    demand : str or GeoDataFrame, optional
        A method of `Study.demand_by`, or places of one's own; the chefs-lieux if absent.
    year : int
        Census year; a table of one's own holds its people itself.

    Returns
    -------
    GeoDataFrame
        `accessibility.schema.DEMAND`.
    str
        The method, or "own places".

    Raises
    ------
    UnknownNameError
        For a method or a year that the study has not.
    InputError, CrsError
        For faults of a table of one's own.
    """
    if demand is None or isinstance(demand, str):
        method = "chefs-lieux" if demand is None else demand
        return study.demand_by(method, year=year), method
    validate(demand, DEMAND)
    if demand.empty:
        raise InputError("the demand has no rows; at least one place with people is expected.")
    return demand.reset_index(drop=True), OWN_PLACES


def checked_day(value: dt.date | str) -> dt.date:
    """Read a date, or its text such as 2022-11-15."""
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise SettingError(
            f"{value!r} is no date ({error}); one such as 2022-11-15 is expected."
        ) from error


def own_sites(sites: gpd.GeoDataFrame, study: Study, day: dt.date) -> gpd.GeoDataFrame:
    """Give sites of one's own what a facility needs, the commune by where they stand."""
    if sites.empty:
        raise InputError("the table of sites has no rows; at least one site is expected.")
    check_ids(sites, "facility_id")
    if (sites["facility_id"].astype(str) == "any").any():
        raise InputError('a site has the id "any", which stands for all sites together; rename it.')
    if not isinstance(sites, gpd.GeoDataFrame):
        raise InputError("the table of sites has no geometry; a GeoDataFrame is expected.")
    if sites.crs is None:
        check_crs(sites, WGS84, what="the table of sites")
    own = sites.copy()
    if "label_date" in own:
        own = own[~(pd.to_datetime(own["label_date"]) > pd.Timestamp(day))]
    own = own.reset_index(drop=True)
    where = place_in_communes(own, study.communes)
    given = own.get("code_insee", where)
    own["code_insee"] = given.where(given.notna(), where)
    own["in_study"] = own["code_insee"].isin(study.communes["code_insee"])
    ids = own["facility_id"].astype(str)
    own["name"] = own["name"].where(own["name"].notna(), ids) if "name" in own else ids
    return own
