"""The people of a territory -> points at which they are counted."""

from __future__ import annotations

import re

import geopandas as gpd
import numpy as np
import pandas as pd

from accessibility.errors import UnknownNameError
from accessibility.schema import DEMAND, WGS84, validate
from accessibility.study.sites import place_in_communes


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
    inside = code.notna().to_numpy()
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
