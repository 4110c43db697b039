"""How wrong drawn areas are: places inside them against the times on the network."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from accessibility.analysis.choices import choices
from accessibility.errors import InputError, UnknownNameError, first_of
from accessibility.network.snap import snap
from accessibility.routing.kernels import NEVER
from accessibility.routing.reach import Spreader
from accessibility.routing.times import Direction, cutoff_ms
from accessibility.schema import check_crs
from accessibility.study.study import Study


def isochrone_error(
    study: Study,
    areas: gpd.GeoDataFrame,
    places: gpd.GeoDataFrame,
    *,
    nearest: bool = False,
    site: str | Sequence[str] | None = None,
    as_of: dt.date | str | None = None,
    direction: Direction | None = None,
    around: bool = False,
    sites: gpd.GeoDataFrame | None = None,
    max_snap_m: float | None = None,
    walk_kph: float | None = None,
) -> pd.DataFrame:
    """Compare membership of drawn areas with the drive times of places.

    A place is truly in an area if the time at its snapped position is within the cut-off (and
    above the lower end of a band), as `coverage` counts it.

    Parameters
    ----------
    study : Study
    areas : GeoDataFrame
        From `isochrones`, or drawn by any other means: `facility_id` ("any" for all sites
        together), `cutoff_s`, `from_s` (0 if absent), polygons.
    places : GeoDataFrame
        Points with `population`: demand points or buildings.
    nearest : bool
        An area holds only places whose nearest site it is of.
    site, as_of, direction, around, sites, max_snap_m, walk_kph
        Those that the areas were drawn with.

    Returns
    -------
    DataFrame
        One row for each area, in the order given: `facility_id`, `cutoff_s`, `places_in` and
        `people_in` (truly), `false_in_places`, `false_out_places`, `false_in_people`,
        `false_out_people` (numbers), and `error_places`, `error_people`: the sum of both kinds
        as a share of what is truly in.

    Raises
    ------
    InputError
        If there are no places, or they are no points.
    UnknownNameError
        If an area belongs to a site that is not counted.

    Examples
    --------
    >>> import accessibility as acc
    >>> jura = acc.load_study("jura")
    >>> areas = acc.isochrones(jura, minutes=[20], cell_m=500)
    >>> error = acc.isochrone_error(jura, areas, jura.demand)
    >>> bool(error["error_people"].max() < 0.01)
    True
    """
    if not len(places):
        raise InputError("there are no places to check the areas at; at least one is expected.")
    for table, what, names in ((areas, "areas", ("facility_id", "cutoff_s")),
                               (places, "places", ("population",))):  # fmt: skip
        if absent := [name for name in names if name not in table]:
            raise InputError(f"the table of {what} has no column {first_of(absent)}.")
    if not len(areas):
        raise InputError("there are no areas to check; at least one is expected.")
    check_crs(areas, study.metric_crs, what="the table of areas")
    chosen = choices(
        study, site=site, as_of=as_of, direction=direction, around=around, sites=sites,
        max_snap_m=max_snap_m, walk_kph=walk_kph,
    )  # fmt: skip
    ids = chosen.sites["facility_id"].astype(str).tolist()
    wanted = areas["facility_id"].astype(str)
    if absent := sorted(set(wanted) - {*ids, "any"}):
        raise UnknownNameError(f"areas belong to sites {first_of(absent)}, which are not counted.")
    spreader = Spreader(study.network, direction=chosen.direction, walk_kph=walk_kph)
    here = snap(study.network, places, max_snap_m=chosen.max_snap_m)
    people = places["population"].fillna(0.0).to_numpy(dtype=float)
    xy = shapely.get_coordinates(places.geometry.to_crs(study.metric_crs).to_numpy())
    limit = int(cutoff_ms(float(areas["cutoff_s"].max())))
    times: dict[str, np.ndarray] = {}
    if nearest or (wanted == "any").any():
        times["any"], rank = spreader.read(spreader.spread(chosen.there, limit), here)
        if nearest:
            times |= {i: np.where(rank == r, times["any"], NEVER) for r, i in enumerate(ids)}
    for one in set(wanted) - set(times):
        alone = [ids.index(one)]
        spread = spreader.spread(chosen.there.take(alone), limit)
        times[one] = spreader.read(spread, here)[0]
    found: list[dict[str, Any]] = []
    lower = areas["from_s"] if "from_s" in areas else pd.Series(0.0, index=areas.index)
    for one, cutoff_s, from_s, shape in zip(
        wanted, areas["cutoff_s"], lower, areas.geometry, strict=True
    ):
        time_ms = times[one]
        truth = (time_ms <= cutoff_ms(cutoff_s)) & (time_ms != NEVER)
        if from_s > 0:
            truth &= time_ms > cutoff_ms(from_s)
        shapely.prepare(shape)
        drawn = shapely.contains_xy(shape, *xy.T)
        row: dict[str, Any] = {"facility_id": one, "cutoff_s": cutoff_s}
        for what, weight in (("places", np.ones(len(people))), ("people", people)):
            row[f"{what}_in"] = weight[truth].sum()
            row[f"false_in_{what}"] = weight[drawn & ~truth].sum()
            row[f"false_out_{what}"] = weight[truth & ~drawn].sum()
            wrong = row[f"false_in_{what}"] + row[f"false_out_{what}"]
            row[f"error_{what}"] = wrong / row[f"{what}_in"] if row[f"{what}_in"] else np.nan
        found.append(row)
    return pd.DataFrame(found)
