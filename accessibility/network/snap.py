"""Points -> positions on the network: the nearest place on a segment of the main part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from accessibility.errors import InputError, SettingError, first_of
from accessibility.network.graph import RoadNetwork
from accessibility.schema import check_crs

MAX_SNAP_M = 1_000.0
"""A point farther from any road than this is not reached."""


@dataclass(frozen=True)
class Positions:
    """Where points stand on a network, one row each.

    Attributes
    ----------
    segment : int64 array
        -1 where no road is near enough.
    share : float array
        Part of the segment's length that lies before the position, 0 to 1.
    snap_m : float array
        Straight distance from the point to the position, metres; inf where there is none.
    """

    segment: npt.NDArray[np.int64]
    share: npt.NDArray[np.float64]
    snap_m: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.segment)

    def same_as(self, other: Positions) -> bool:
        """Whether these are the same places on the same roads."""
        return np.array_equal(self.segment, other.segment) and np.array_equal(
            self.share, other.share
        )

    def take(self, which: Any) -> Positions:
        """Some of the positions: rows, or a window of a grid."""
        return Positions(self.segment[which], self.share[which], self.snap_m[which])


def snap(
    network: RoadNetwork,
    points: gpd.GeoDataFrame | gpd.GeoSeries,
    *,
    max_snap_m: float = MAX_SNAP_M,
) -> Positions:
    """Find the nearest place on the network for each point.

    Parameters
    ----------
    network : RoadNetwork
    points : GeoDataFrame or GeoSeries
        Points in any CRS.
    max_snap_m : float
        Farthest that a point may lie from a road, metres.

    Returns
    -------
    Positions
        Of several segments equally near the first is taken.

    Raises
    ------
    CrsError
        If the points have no CRS.
    InputError
        If a geometry is empty or is no point.
    SettingError
        If `max_snap_m` is not above 0.
    """
    if not 0 < max_snap_m < np.inf:
        raise SettingError(f"the snap distance is {max_snap_m:g} m; more than 0 is expected.")
    if points.crs is None:
        check_crs(points, "EPSG:4326", what="the table of points")
    shapes = points.geometry
    wrong = np.array(shapes.isna() | shapes.is_empty | (shapes.geom_type != "Point"))
    xy = shapely.get_coordinates(shapes.to_numpy()[~wrong])
    wrong[~wrong] = ~np.isfinite(xy).all(axis=1)
    if wrong.any():
        rows = first_of(np.flatnonzero(wrong))
        raise InputError(f"points are expected; rows {rows} hold none or another geometry.")
    where = shapely.get_coordinates(shapes.to_crs(network.metric_crs).to_numpy())
    return snap_xy(network, where, max_snap_m=max_snap_m)


def snap_xy(
    network: RoadNetwork, xy: npt.NDArray[np.float64], *, max_snap_m: float = MAX_SNAP_M
) -> Positions:
    """`snap` for coordinates in the metric CRS of the network, shape (points, 2)."""
    return Positions(*network.road_index.nearest(xy, max_snap_m))
