"""The people of a territory -> points at which they are counted."""

from __future__ import annotations

import re

import geopandas as gpd

from accessibility.errors import UnknownNameError
from accessibility.schema import DEMAND, WGS84, validate


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
