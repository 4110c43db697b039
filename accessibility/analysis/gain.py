"""For every junction: the people who would be newly covered if a site stood there."""

from __future__ import annotations

import datetime as dt
from typing import get_args

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from accessibility.analysis.choices import checked_day, checked_minutes, counted_sites
from accessibility.errors import SettingError
from accessibility.network.graph import RoadNetwork
from accessibility.network.snap import Positions, snap
from accessibility.routing.times import (
    Direction,
    cutoff_ms,
    nearest,
    position_matrix,
    travel_times,
)
from accessibility.schema import WGS84
from accessibility.study.demand import demand_at_chefs_lieux
from accessibility.study.sites import place_in_communes
from accessibility.study.study import Study

CHUNK = 32
"""Demand points searched at once: a table of them by all junctions in reach stays small."""


def gain(
    study: Study,
    *,
    minutes: float | None = None,
    as_of: dt.date | str | None = None,
    population: int | None = None,
    direction: Direction | None = None,
    around: bool = False,
    sites: gpd.GeoDataFrame | None = None,
    max_snap_m: float | None = None,
) -> gpd.GeoDataFrame:
    """People newly covered by one more site, for every junction of the network's main part.

    Parameters
    ----------
    study : Study
    minutes, as_of, population, direction, around, max_snap_m
        As for `coverage`.
    sites : GeoDataFrame, optional
        Sites that count before, as `Coverage.sites` has them.

    Returns
    -------
    GeoDataFrame
        One row for each place at which roads of the main part end, from west to east:
        `people_gained`, `code_insee` and `name` of its commune (missing outside of the
        territory), points in WGS 84.

    Raises
    ------
    SettingError, UnknownNameError, CrsError, InputError
        As `coverage` does.

    Notes
    -----
    Exact: a junction is snapped as any site at its point is, and one bounded search from each
    demand point that is not covered reads the time there. So the figure is the difference that
    `simulate` gives for a site at that point.

    Examples
    --------
    >>> import accessibility as acc
    >>> found = gain(acc.load_study("jura"))  # doctest: +SKIP
    >>> top_communes(found, 1)  # doctest: +SKIP
    """
    cutoff_s = checked_minutes(study.default("minutes") if minutes is None else minutes) * 60.0
    day = checked_day(study.default("as_of") if as_of is None else as_of)
    year = study.default("population") if population is None else population
    way = study.default("direction") if direction is None else direction
    if way not in get_args(Direction):
        raise SettingError(f"the direction is {way!r}; 'to' or 'from' the site is expected.")
    snap_m = float(study.default("max_snap_m") if max_snap_m is None else max_snap_m)
    counted = counted_sites(study.sites, day, around=around) if sites is None else sites
    demand = demand_at_chefs_lieux(study.communes, year=year)
    times = travel_times(study.network, demand, counted, direction=way, max_snap_m=snap_m)
    late = (times["travel_time_s"] > cutoff_s).to_numpy() & (demand["population"] > 0).to_numpy()

    points, ends, junction = _junctions(study.network)
    here = snap(study.network, demand[late], max_snap_m=snap_m)
    # only what somebody reaches is snapped, which takes longer than all searches
    time_ms, _ = nearest(
        study.network, ends, here, limit_ms=cutoff_ms(cutoff_s), towards=way == "from"
    )
    near = np.unique(junction[time_ms <= cutoff_ms(cutoff_s)])
    people = np.zeros(len(points))
    there = snap(study.network, points.iloc[near], max_snap_m=snap_m)
    population_late = demand.loc[late, "population"].to_numpy()
    for first in range(0, len(here) if len(near) else 0, CHUNK):
        part = slice(first, first + CHUNK)
        some = Positions(here.segment[part], here.share[part], here.snap_m[part])
        if way == "to":
            reached = np.isfinite(position_matrix(study.network, some, there, cutoff_s=cutoff_s))
        else:
            reached = np.isfinite(position_matrix(study.network, there, some, cutoff_s=cutoff_s)).T
        people[near] += population_late[part] @ reached
    code = place_in_communes(gpd.GeoDataFrame(geometry=points), study.communes)
    return gpd.GeoDataFrame(
        {
            "people_gained": people,
            "code_insee": code,
            "name": code.map(study.communes.set_index("code_insee")["name"]),
        },
        geometry=points,
    )


def top_communes(junctions: gpd.GeoDataFrame, n: int = 10) -> pd.DataFrame:
    """The communes with the best junctions.

    Parameters
    ----------
    junctions : GeoDataFrame
        From `gain`.
    n : int
        Rows at most.

    Returns
    -------
    DataFrame
        `code_insee`, `name`, `people_gained`, and `lon`, `lat` of the best junction, the
        westernmost of equal ones; communes in which nobody is gained are left out.

    Raises
    ------
    SettingError
        If `n` is below 1.
    """
    if n < 1:
        raise SettingError(f"the number of communes is {n}; at least 1 is expected.")
    found = junctions[(junctions["people_gained"] > 0) & junctions["code_insee"].notna()]
    best = found.sort_values(
        ["people_gained", "code_insee"], ascending=[False, True], kind="stable"
    )
    best = best.drop_duplicates("code_insee").head(n).reset_index(drop=True)
    table = pd.DataFrame(best[["code_insee", "name", "people_gained"]])
    return table.assign(lon=best.geometry.x, lat=best.geometry.y)


def _junctions(
    network: RoadNetwork,
) -> tuple[gpd.GeoSeries, Positions, npt.NDArray[np.int64]]:
    """Points at which segments of the main part end; the ends of these, and the point of each."""
    main = np.flatnonzero(network.segment_main)
    both = np.stack([network.line_start[main], network.line_start[main + 1] - 1], axis=1).ravel()
    xy = np.asarray(network.xy)[both]
    places, of = np.unique(xy[:, 0] + 1j * xy[:, 1], return_inverse=True)
    points = gpd.GeoSeries(
        shapely.points(places.real, places.imag), crs=network.metric_crs
    ).to_crs(WGS84)  # fmt: skip
    ends = Positions(
        np.repeat(main, 2).astype(np.int64),
        np.tile([0.0, 1.0], len(main)),
        np.zeros(2 * len(main)),
    )
    return points, ends, of.reshape(-1)
