"""A file of buildings -> points with their ground area."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd

from accessibility.errors import InputError, MissingInputError
from accessibility.schema import BUILDINGS, WGS84, validate


def read_buildings(path: str | Path) -> gpd.GeoDataFrame:
    """Read buildings as points with their ground area.

    Parameters
    ----------
    path : path
        GeoParquet with `footprint_m2` and a point inside each building.

    Returns
    -------
    GeoDataFrame
        `footprint_m2`, points in WGS 84.

    Raises
    ------
    MissingInputError, InputError, CrsError
        One sentence that names what is wrong.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingInputError(f"{path} is not there; a GeoParquet file of buildings is expected.")
    try:
        buildings = gpd.read_parquet(path)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path} is no GeoParquet file of buildings ({error}).") from error
    if buildings.crs is not None:
        buildings = buildings.to_crs(WGS84)
    validate(buildings, BUILDINGS, source=path.name)
    return buildings[["footprint_m2", "geometry"]].reset_index(drop=True)
