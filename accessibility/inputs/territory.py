"""Where a territory lies: its metric CRS, the ring around it, and its roads in metres."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from pyproj import Transformer

from accessibility.errors import CrsError
from accessibility.schema import LAMBERT_93, WGS84, check_crs


def buffered(within: gpd.GeoDataFrame | gpd.GeoSeries, buffer_km: float) -> shapely.Geometry:
    """Union of a territory and the ring around it, longitude and latitude.

    The ring is drawn in a metric CRS and simplified by 50 m: it only says what is read.
    """
    if within.crs is None:
        check_crs(within, WGS84, what="the territory")
    metric = metric_crs(within)
    shape = within.to_crs(metric).union_all().buffer(buffer_km * 1_000.0).simplify(50.0)
    return gpd.GeoSeries([shape], crs=metric).to_crs(WGS84).iloc[0]


def metric_crs(within: gpd.GeoDataFrame | gpd.GeoSeries) -> str:
    """Lambert-93 in and around metropolitan France, the UTM zone elsewhere."""
    west, south, east, north = within.to_crs(WGS84).total_bounds
    if west > -6 and east < 11 and south > 41 and north < 52:
        return LAMBERT_93
    try:
        return str(within.estimate_utm_crs().to_string())
    except RuntimeError as error:
        raise CrsError(
            f"no CRS in metres is known for {west:.2f}, {south:.2f} to {east:.2f}, {north:.2f}: "
            "it lies at a pole, or is no place on earth."
        ) from error


@dataclass(frozen=True, eq=False)
class Drawn:
    """Drawn points of roads: those of road i stand at `start[i]:start[i + 1]`.

    Attributes
    ----------
    crs : str
        Metric CRS of `xy`.
    start : int64 array (roads + 1,)
    lonlat, xy : float array (points, 2)
    """

    crs: str
    start: np.ndarray
    lonlat: np.ndarray
    xy: np.ndarray

    @classmethod
    def of(cls, roads: gpd.GeoDataFrame, crs: str) -> Drawn:
        """Points of a table of roads in WGS 84."""
        lonlat, owner = shapely.get_coordinates(roads.geometry.values, return_index=True)
        start = np.searchsorted(owner, np.arange(len(roads) + 1))
        to_metric = Transformer.from_crs(WGS84, crs, always_xy=True)
        return cls(crs, start, lonlat, np.column_stack(to_metric.transform(*lonlat.T)))

    @property
    def ends(self) -> np.ndarray:
        """Longitude and latitude of the first points of all roads, then of the last ones."""
        ends: np.ndarray = self.lonlat[np.concatenate([self.start[:-1], self.start[1:] - 1])]
        return ends
