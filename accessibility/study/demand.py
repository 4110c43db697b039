"""The people of a territory -> points at which they are counted."""

from __future__ import annotations

import re

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from accessibility.errors import UnknownNameError
from accessibility.inputs.territory import metric_crs
from accessibility.schema import DEMAND, WGS84, validate
from accessibility.study.sites import place_in_communes

METHODS = ("chefs-lieux", "centroids", "buildings", "grid-2018", "grid-2021")
"""Where the people of a commune may be counted; the first is the reference."""


def population_years(communes: gpd.GeoDataFrame) -> list[int]:
    """Years for which the communes table has a population."""
    found = (re.fullmatch(r"population_(\d{4})", str(name)) for name in communes.columns)
    return sorted(int(match[1]) for match in found if match)


def demand_at_chefs_lieux(communes: gpd.GeoDataFrame, *, year: int) -> gpd.GeoDataFrame:
    """Count all inhabitants of a commune at its chef-lieu: the reference of INSEE's METRIC.

    Parameters
    ----------
    communes : GeoDataFrame
        The communes table with `population_<year>`.
    year : int
        Census year of the *population municipale*.

    Returns
    -------
    GeoDataFrame
        `demand_id` and `code_insee` (both the commune's code), `population`, points.

    Raises
    ------
    UnknownNameError
        If the table has no population of that year.

    Examples
    --------
    >>> import accessibility as acc
    >>> jura = acc.load_study("jura")
    >>> int(demand_at_chefs_lieux(jura.communes, year=2019).population.sum())
    259199
    """
    known = population_years(communes)
    if year not in known:
        raise UnknownNameError(
            f"the study has no population of {year}; known are {', '.join(map(str, known))}."
        )
    demand = gpd.GeoDataFrame(
        {
            "demand_id": communes["code_insee"],
            "code_insee": communes["code_insee"],
            "population": communes[f"population_{year}"].astype(float),
        },
        geometry=gpd.points_from_xy(
            communes["chef_lieu_lon"], communes["chef_lieu_lat"], crs=WGS84
        ),
    )
    validate(demand, DEMAND)
    return demand


def demand_at_centroids(communes: gpd.GeoDataFrame, *, year: int) -> gpd.GeoDataFrame:
    """Count all inhabitants of a commune at the centre of area of its contour.

    The centre is taken in a metric CRS. Where it falls outside of the contour, the nearest point
    of the contour stands for it.

    Parameters
    ----------
    communes : GeoDataFrame
        The communes table with `population_<year>`, contours.
    year : int
        Census year of the *population municipale*.

    Returns
    -------
    GeoDataFrame
        `demand_id` and `code_insee` (both the commune's code), `population`, points.

    Raises
    ------
    UnknownNameError
        If the table has no population of that year.

    Examples
    --------
    >>> import accessibility as acc
    >>> jura = acc.load_study("jura")
    >>> int(demand_at_centroids(jura.communes, year=2021).population.sum())
    258555
    """
    demand = demand_at_chefs_lieux(communes, year=year)
    contours = communes.geometry.to_crs(metric_crs(communes))
    # a line from the contour to the centre begins at the centre where it is within
    nearest = shapely.get_point(shapely.shortest_line(contours.values, contours.centroid.values), 0)
    places = gpd.GeoSeries(nearest, crs=contours.crs)
    demand = demand.set_geometry(places.to_crs(WGS84).values)
    validate(demand, DEMAND)
    return demand


def demand_by_shares(
    communes: gpd.GeoDataFrame, shares: pd.DataFrame, *, year: int
) -> gpd.GeoDataFrame:
    """Share the inhabitants of a commune out among places that are known with their weights.

    Parameters
    ----------
    communes : GeoDataFrame
        The communes table with `population_<year>`.
    shares : DataFrame
        `code_insee`, `share` (any weight: only its part of the commune's sum counts), `lon`,
        `lat`; places in other communes are left out.
    year : int
        Census year of the *population municipale*.

    Returns
    -------
    GeoDataFrame
        `demand_id` (the commune's code with the rank of the place in it), `code_insee`,
        `population`, points, by commune. The points of a commune sum to its population. A
        commune without any weight keeps its people at its chef-lieu: `demand_id` is then its
        code; see `at_chefs_lieux`.

    Raises
    ------
    UnknownNameError
        If the table has no population of that year.
    """
    whole = demand_at_chefs_lieux(communes, year=year)
    place = pd.Index(whole["code_insee"])
    row = place.get_indexer(pd.Index(shares["code_insee"].astype(str)))
    weight = shares["share"].to_numpy(dtype=float)
    kept = (row >= 0) & (weight > 0)
    row, weight = row[kept], weight[kept]
    lon, lat = (shares[name].to_numpy(dtype=float)[kept] for name in ("lon", "lat"))
    order = np.lexsort((weight, lat, lon, row))
    row, weight, lon, lat = row[order], weight[order], lon[order], lat[order]
    total = np.bincount(row, weight, minlength=len(whole))
    first = np.searchsorted(row, row)
    code = whole["code_insee"].to_numpy(dtype=object)[row]
    found = gpd.GeoDataFrame(
        {
            "demand_id": [f"{c}-{k}" for c, k in zip(code, np.arange(len(row)) - first + 1,
                                                     strict=True)],
            "code_insee": code,
            "population": whole["population"].to_numpy()[row] * (weight / total[row]),
        },
        geometry=gpd.points_from_xy(lon, lat, crs=WGS84),
    )  # fmt: skip
    rest = whole[total == 0]
    if len(rest):
        demand = pd.concat([found, rest], ignore_index=True) if len(found) else rest
        found = demand.sort_values("code_insee", kind="stable", ignore_index=True)
    validate(found, DEMAND)
    return found


def at_chefs_lieux(demand: pd.DataFrame) -> list[str]:
    """Codes of the communes whose people stay at the chef-lieu for want of another place."""
    return sorted(demand.loc[demand["demand_id"] == demand["code_insee"], "code_insee"].astype(str))


def demand_at_buildings(
    communes: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame, *, year: int
) -> gpd.GeoDataFrame:
    """Share the inhabitants of a commune out among its buildings, by their ground area.

    Parameters
    ----------
    communes : GeoDataFrame
        The communes table with `population_<year>`, contours.
    buildings : GeoDataFrame
        Points with `footprint_m2`, as `accessibility.inputs.buildings` reads them.
    year : int
        Census year of the *population municipale*.

    Returns
    -------
    GeoDataFrame
        `demand_id` (row of the buildings), `code_insee`, `population`, points; buildings
        outside the communes are left out. A commune without a building keeps its people at
        its chef-lieu: `demand_id` is then its code.

    Raises
    ------
    UnknownNameError
        If the table has no population of that year.
    """
    whole = demand_at_chefs_lieux(communes, year=year).set_index("code_insee")["population"]
    points = buildings.geometry.to_crs(WGS84)
    code = place_in_communes(buildings, communes)
    # a commune whose buildings have no ground area keeps its people at its chef-lieu too
    inside = code.notna().to_numpy() & (buildings["footprint_m2"] > 0).to_numpy()
    code, area = code[inside], buildings.loc[inside, "footprint_m2"].to_numpy(dtype=float)
    total = pd.Series(area).groupby(code.to_numpy()).transform("sum").to_numpy()
    found = gpd.GeoDataFrame(
        {
            "demand_id": np.flatnonzero(inside).astype(str),
            "code_insee": code.to_numpy(),
            "population": whole.reindex(code).to_numpy() * area / total,
        },
        geometry=points[inside].to_numpy(),
        crs=WGS84,
    )
    without = ~communes["code_insee"].isin(found["code_insee"])
    rest = demand_at_chefs_lieux(communes[without.to_numpy()], year=year)
    demand = pd.concat([found, rest], ignore_index=True) if len(rest) else found
    validate(demand, DEMAND)
    return demand
