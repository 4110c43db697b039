"""Land use -> built-up areas, and the share of each road that lies within them."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from accessibility.inputs.territory import metric_crs
from accessibility.schema import WGS84

PLACE_REACH_M = 1_000.0
"""Land use counts as a built-up area where a named place lies within this distance."""

ROADSIDE_M = 15.0
"""Land use is drawn to the plot line: a road along it lies at most about this far outside."""


def built_up_areas(rows: list[tuple[str, str]], area: shapely.Geometry | None) -> gpd.GeoDataFrame:
    """Polygons of land use that is built up, valid; outer rings of closed ways only."""
    lines = shapely.from_wkb([line for _, line in rows])
    xy, ring = shapely.get_coordinates(lines, return_index=True)
    shapes = shapely.make_valid(shapely.polygons(shapely.linearrings(xy, indices=ring)))
    table = gpd.GeoDataFrame({"landuse": [land for land, _ in rows]}, geometry=shapes, crs=WGS84)
    if area is not None:
        table = table[shapely.intersects(area, table.geometry.values)]
    return table.reset_index(drop=True)


def urban_share(
    roads: gpd.GeoDataFrame, built_up: gpd.GeoDataFrame, places: gpd.GeoDataFrame
) -> pd.Series:
    """Share of each road's length within built-up areas; NaN where no land use is known.

    Each straight piece counts wholly by its midpoint.
    """
    if built_up.empty:
        return pd.Series(np.nan, index=roads.index, dtype="float32")
    metric = metric_crs(roads)
    towns = built_up.to_crs(metric).geometry
    centres = shapely.STRtree(places.to_crs(metric).geometry.values)
    near = np.unique(centres.query(towns.values, predicate="dwithin", distance=PLACE_REACH_M)[0])
    tree = shapely.STRtree(shapely.buffer(towns.values[near], ROADSIDE_M, quad_segs=2))
    xy, owner = shapely.get_coordinates(roads.to_crs(metric).geometry.values, return_index=True)
    within = owner[1:] == owner[:-1]
    middle = ((xy[1:] + xy[:-1]) / 2)[within]
    size = np.hypot(*(xy[1:] - xy[:-1]).T)[within]
    piece = owner[1:][within]
    inside = np.zeros(len(middle), dtype=bool)
    inside[tree.query(shapely.points(middle), predicate="intersects")[0]] = True
    total = np.bincount(piece, weights=size, minlength=len(roads))
    urban = np.bincount(piece, weights=size * inside, minlength=len(roads))
    share = np.divide(urban, total, out=np.zeros(len(roads)), where=total > 0)
    return pd.Series(np.round(share, 3).astype("float32"), index=roads.index)
