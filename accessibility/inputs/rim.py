"""Where the data end: nodes at which a road goes on beyond what was read."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely

from accessibility.inputs.pbf import extent
from accessibility.inputs.territory import metric_crs
from accessibility.schema import WGS84

RIM_BAND_M = 1_000.0
"""Dead ends this near to the limit of the data are taken as cut by it."""


def rim_nodes(
    roads: gpd.GeoDataFrame, cut: np.ndarray, area: shapely.Geometry | None, files: list[Path]
) -> np.ndarray:
    """Ids of nodes where a road goes on beyond what was read.

    Known are the nodes at which the area or a missing node cuts a road. An extract that
    was cut tidily says nothing of it: a dead end near its limit is taken as cut as well.
    """
    ids = np.concatenate([roads["from_node"], roads["to_node"]])
    lines = roads.geometry.values
    ends = np.concatenate([shapely.get_point(lines, 0), shapely.get_point(lines, -1)])
    node, first, meets = np.unique(ids, return_index=True, return_counts=True)
    boxes = [box for box in (extent(path) for path in files) if box is not None]
    known = shapely.union_all(boxes) if len(boxes) == len(files) else None
    limit = area if known is None else known if area is None else area.intersection(known)
    if limit is None:
        limit = shapely.box(*roads.total_bounds)
    near = gpd.GeoSeries(ends[first[meets == 1]], crs=WGS84)
    edge = gpd.GeoSeries([limit.boundary], crs=WGS84)
    metric = metric_crs(roads)
    outside = ~shapely.contains(limit, near.values)
    close = near.to_crs(metric).distance(edge.to_crs(metric).iloc[0]).to_numpy() <= RIM_BAND_M
    dead = node[meets == 1][outside | close]
    return np.union1d(np.intersect1d(cut, node), dead)
