"""Where the data end: nodes at which a road goes on beyond what was read.

An extract of regions may state a box that holds other regions too, of which it has no roads.
What it truly holds is therefore also found from the roads: no gap between them is wider than
`GAP_M`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely

from accessibility.inputs.pbf import extent
from accessibility.inputs.territory import Drawn
from accessibility.schema import WGS84

RIM_BAND_M = 1_000.0
"""Dead ends this near to the limit of the data are taken as cut by it."""

CELL_M = 500.0
GAP_M = 10_000.0
"""A wider gap between roads is not held by the data: another region, a lake, high mountains."""


@dataclass(frozen=True)
class Held:
    """Cells that the roads hold, in a metric CRS, with as wide a margin as a gap is.

    Attributes
    ----------
    inside : bool array (rows, columns)
        From south to north and from west to east.
    west, south : float
        Corner of the first cell.
    """

    inside: np.ndarray
    west: float
    south: float

    def depth_m(self, xy: np.ndarray) -> np.ndarray:
        """Metres from points, (points, 2), to what is not held; 0 where that is where they lie."""
        column, row = self._cells(xy)
        found: np.ndarray = _depth_m(self.inside)[row, column]
        return found

    def missing_m2(self, outline: shapely.Geometry) -> float:
        """Area of an outline that is not held."""
        rows, columns = self.inside.shape
        x = self.west + (np.arange(columns) + 0.5) * CELL_M
        y = self.south + (np.arange(rows) + 0.5) * CELL_M
        shapely.prepare(outline)
        within = shapely.contains_xy(outline, *np.meshgrid(x, y))
        cells = shapely.box(
            self.west, self.south, self.west + columns * CELL_M, self.south + rows * CELL_M
        )
        bare = (within & ~self.inside).sum() * CELL_M**2
        return float(bare + shapely.difference(outline, cells).area)

    def _cells(self, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rows, columns = self.inside.shape
        at = np.floor((xy - [self.west, self.south]) / CELL_M).astype(int)
        return np.clip(at[:, 0], 0, columns - 1), np.clip(at[:, 1], 0, rows - 1)


def held_by(roads: gpd.GeoDataFrame, metric_crs: str) -> Held:
    """Find the cells that roads hold: no farther than a gap allows from roads on all sides."""
    return _held_by(Drawn.of(roads.to_crs(WGS84), metric_crs).xy)


def _held_by(xy: np.ndarray) -> Held:
    # nodes are seldom farther apart than a cell, and a gap is twenty cells
    low, high = _extremes(xy)
    west, south = low - 1.5 * GAP_M
    columns, rows = (np.ceil((high + 1.5 * GAP_M - [west, south]) / CELL_M)).astype(int)
    bare = np.ones((rows, columns), dtype=bool)
    found = Held(bare, float(west), float(south))
    column, row = found._cells(xy)
    bare[row, column] = False
    # a closing: grow by half a gap, then shrink by as much
    inside = _depth_m(_depth_m(bare) <= GAP_M / 2) > GAP_M / 2
    return Held(inside | ~bare, found.west, found.south)


def _extremes(xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest x and y; a column at a time, many times as fast as along an axis."""
    columns = np.ascontiguousarray(xy.T)
    return np.array([c.min() for c in columns]), np.array([c.max() for c in columns])


def _depth_m(cells: np.ndarray) -> np.ndarray:
    """Metres from cells that are set to the nearest one that is not."""
    from scipy import ndimage  # heavy, and not needed where a study is only asked

    return np.asarray(ndimage.distance_transform_edt(cells) * CELL_M)


def rim_nodes(
    roads: gpd.GeoDataFrame,
    drawn: Drawn,
    cut: np.ndarray,
    area: shapely.Geometry | None,
    files: list[Path],
    coast: np.ndarray,
) -> np.ndarray:
    """Ids of nodes where a road goes on beyond what was read.

    Known are the nodes at which the area or a missing node cuts a road. An extract that
    was cut tidily says nothing of it: a dead end near its limit, as its header states it or as
    the roads themselves show it, is taken as cut as well. At a coast (lines in WGS 84) the roads
    end because the land does.
    """
    ids = np.concatenate([roads["from_node"], roads["to_node"]])
    node, first, meets = np.unique(ids, return_index=True, return_counts=True)
    boxes = [box for box in (extent(path) for path in files) if box is not None]
    known = shapely.union_all(boxes) if len(boxes) == len(files) else None
    limit = area if known is None else known if area is None else area.intersection(known)
    if limit is None:
        limit = shapely.box(*roads.total_bounds)
    near = gpd.GeoSeries(shapely.points(drawn.ends[first[meets == 1]]), crs=WGS84)
    outside = ~shapely.contains(limit, near.values)
    near = near.to_crs(drawn.crs)
    edge = gpd.GeoSeries([limit.boundary], crs=WGS84).to_crs(drawn.crs).iloc[0]
    close = near.distance(edge).to_numpy() <= RIM_BAND_M
    shallow = _at_a_gap(near, drawn, coast)
    dead = node[meets == 1][outside | close | shallow]
    return np.union1d(np.intersect1d(cut, node), dead)


def _at_a_gap(points: gpd.GeoSeries, drawn: Drawn, coast: np.ndarray) -> np.ndarray:
    """Tell which points lie at the edge of what the roads hold, and not at a coast."""
    if np.ptp(_extremes(drawn.xy), axis=0).max() < GAP_M:
        return np.zeros(len(points), dtype=bool)  # less than a gap across tells nothing
    xy = shapely.get_coordinates(points.values)
    at: np.ndarray = _held_by(drawn.xy).depth_m(xy) <= RIM_BAND_M
    if len(coast):
        lines = gpd.GeoSeries(coast, crs=WGS84).to_crs(drawn.crs)
        seaside = shapely.STRtree(lines.values).query(
            points.values, predicate="dwithin", distance=GAP_M / 2
        )[0]
        at[seaside] = False
    return at
