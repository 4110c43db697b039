"""Buildings and grids -> the places of people that a study keeps, few enough to travel with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from accessibility.inputs.buildings import read_buildings
from accessibility.inputs.population import read_grid
from accessibility.inputs.territory import metric_crs
from accessibility.schema import WGS84
from accessibility.study.demand_grid import cells_in_communes, pieces_told
from accessibility.study.sites import place_in_communes

DATASETS = {"buildings": "osm_buildings_jura", "grid-2018": "popgrid_2018",
            "grid-2021": "popgrid_2021"}  # fmt: skip
"""Which dataset of the catalogue a method of `accessibility.study.demand.METHODS` stands on."""

SQUARE_M = 100.0
"""Side of the squares in which the buildings of a commune are taken together.

Measured on the Jura (profile osrm-car, population of 2019): 44,185 places stand for 243,915
buildings. Within 10, 15, 20 and 30 minutes the coverage differs by -0.035, -0.011, +0.005 and
-0.001 points, the mean time of a commune by 0.7 s on average and 4.9 s at most. Squares of 50 m
need twice the space, those of 200 m differ by up to 0.08 points and 10 s.
"""

DECIMALS = 6
"""Of a degree, about 0.1 m.

Rounded to a metre, a cell of 235 people stands nearer to another road, which takes it over the
cut-off; rounded so, the grids give the coverage of the unrounded places.
"""

Floats = npt.NDArray[np.float64]


def places_of(files: Mapping[str, Path], communes: gpd.GeoDataFrame, *, year: int) -> pd.DataFrame:
    """Read where people live, for each method whose file is there.

    Parameters
    ----------
    files : mapping of str to Path
        By method: a GeoParquet of buildings, CSV grids.
    communes : GeoDataFrame
        The communes table with `population_<year>`, contours.
    year : int
        Census year against which the grids are checked; see `pieces_told`.

    Returns
    -------
    DataFrame
        `method`, `code_insee`, `share` (part of the commune's people, of any census), `lon`,
        `lat`: what `accessibility.study.demand.demand_by_shares` takes.
    """
    found = []
    for method, path in sorted(files.items()):
        if method == "buildings":
            places = places_of_buildings(communes, read_buildings(path))
        else:
            pieces = cells_in_communes(communes, read_grid(path))
            places = _compact(pieces_told(pieces, communes, year=year))
        found.append(places.assign(method=method))
    table = pd.concat(found, ignore_index=True)
    for name in ("method", "code_insee"):
        table[name] = table[name].astype("category")
    return table[["method", "code_insee", "share", "lon", "lat"]]


def places_of_buildings(
    communes: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame, *, side_m: float = SQUARE_M
) -> pd.DataFrame:
    """Take the buildings of a commune together that stand in the same square.

    Parameters
    ----------
    communes : GeoDataFrame
        `code_insee`, contours.
    buildings : GeoDataFrame
        Points with `footprint_m2`; those outside of the communes are left out.
    side_m : float
        Side of a square in a metric CRS.

    Returns
    -------
    DataFrame
        `code_insee`, `share` (part of the ground area of the commune's buildings), `lon`, `lat`
        (mean of the square's buildings, by their ground area).
    """
    metric = metric_crs(communes)
    code = place_in_communes(buildings, communes).to_numpy()
    inside = pd.notna(code)
    at = buildings.geometry[inside].to_crs(metric)
    x, y = at.x.to_numpy(), at.y.to_numpy()
    area = buildings["footprint_m2"].to_numpy(dtype=float)[inside]
    squares = pd.DataFrame(
        {
            "code_insee": code[inside],
            "row": np.floor(y / side_m),
            "column": np.floor(x / side_m),
            "share": area,
            "x": x * area,
            "y": y * area,
        }
    )
    sums = squares.groupby(["code_insee", "row", "column"], as_index=False).sum()
    sums = sums[sums["share"] > 0]
    centres = gpd.points_from_xy(sums["x"] / sums["share"], sums["y"] / sums["share"], crs=metric)
    where = gpd.GeoSeries(centres).to_crs(WGS84)
    return _compact(sums.assign(lon=where.x.to_numpy(), lat=where.y.to_numpy()))


def _compact(places: pd.DataFrame) -> pd.DataFrame:
    """Parts of one by commune, in single precision: they are scaled to a census when used."""
    total = places.groupby("code_insee")["share"].transform("sum")
    return pd.DataFrame(
        {
            "code_insee": places["code_insee"].to_numpy(),
            "share": (places["share"] / total).to_numpy(dtype="float32"),
            "lon": places["lon"].to_numpy().round(DECIMALS),
            "lat": places["lat"].to_numpy().round(DECIMALS),
        }
    )
