"""Where a territory lies: its metric CRS, and the ring of roads around it that is read."""

from __future__ import annotations

import geopandas as gpd
import shapely

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
