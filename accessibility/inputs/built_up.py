"""Land use -> built-up areas, and the share of each road that lies within them."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from accessibility.inputs.territory import Drawn
from accessibility.parallel import in_threads
from accessibility.schema import WGS84

PLACE_REACH_M = 1_000.0
"""Land use counts as a built-up area where a named place lies within this distance."""

ROADSIDE_M = 15.0
"""Land use is drawn to the plot line: a road along it lies at most about this far outside."""

PARTS = 16
"""Threads take a share of the areas at a time."""


def built_up_areas(
    land_use: list[str], rings: np.ndarray, area: shapely.Geometry | None
) -> gpd.GeoDataFrame:
    """Polygons of land use that is built up, valid, from their outer rings."""
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    shapes = shapely.make_valid(shapely.polygons(shapely.linearrings(xy, indices=ring)))
    table = gpd.GeoDataFrame({"landuse": land_use}, geometry=shapes, crs=WGS84)
    if area is not None:
        table = table[shapely.intersects(area, table.geometry.values)]
    return table.reset_index(drop=True)


def urban_share(
    drawn: Drawn, built_up: gpd.GeoDataFrame, places: gpd.GeoDataFrame
) -> npt.NDArray[np.float32]:
    """Share of each road's length within built-up areas; NaN where no land use is known.

    Each straight piece counts wholly by its midpoint.
    """
    n = len(drawn.start) - 1
    if built_up.empty:
        return np.full(n, np.nan, dtype=np.float32)
    towns = built_up.to_crs(drawn.crs).geometry
    centres = shapely.STRtree(places.to_crs(drawn.crs).geometry.values)
    near = np.unique(centres.query(towns.values, predicate="dwithin", distance=PLACE_REACH_M)[0])
    parts = np.array_split(np.asarray(towns.values[near]), PARTS)
    grown = in_threads(lambda part: shapely.buffer(part, ROADSIDE_M, quad_segs=2), parts)
    areas = np.concatenate(grown)
    owner = np.repeat(np.arange(n), np.diff(drawn.start))
    within = owner[1:] == owner[:-1]
    xy = drawn.xy
    inside = _in_any(((xy[1:] + xy[:-1]) / 2)[within], areas)
    size = np.hypot(*(xy[1:] - xy[:-1]).T)[within]
    piece = owner[1:][within]
    total = np.bincount(piece, weights=size, minlength=n)
    urban = np.bincount(piece, weights=size * inside, minlength=n)
    share = np.divide(urban, total, out=np.zeros(n), where=total > 0)
    rounded: npt.NDArray[np.float32] = np.round(share, 3).astype(np.float32)
    return rounded


def _in_any(xy: npt.NDArray[np.float64], areas: npt.NDArray[np.object_]) -> npt.NDArray[np.bool_]:
    """Tell which of many points lie in one of some thousand areas.

    The areas are prepared, not the points as in a query of a tree: a tenth of the time.
    """
    order = np.argsort(xy[:, 0])
    x, y = xy[order].T.copy()
    west, south, east, north = shapely.bounds(areas).T
    first, last = np.searchsorted(x, west), np.searchsorted(x, east, side="right")
    shapely.prepare(areas)
    found = np.zeros(len(x), dtype=bool)
    for i, area in enumerate(areas):
        band = slice(first[i], last[i])
        left = (y[band] >= south[i]) & (y[band] <= north[i]) & ~found[band]
        some = first[i] + np.flatnonzero(left)
        found[some] = shapely.intersects_xy(area, x[some], y[some])
    inside = np.zeros(len(x), dtype=bool)
    inside[order] = found
    return inside
