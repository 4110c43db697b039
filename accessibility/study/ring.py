"""What the data hold of the territory and of the ring around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import geopandas as gpd
import numpy as np
import shapely

from accessibility.inputs.rim import held_by
from accessibility.schema import WGS84

Box = tuple[float, float, float, float]
"""West, south, east, north: degrees."""


@dataclass(frozen=True)
class Ring:
    """What is missing around a territory.

    Attributes
    ----------
    missing_km2 : float
        Of the territory and its ring, what no extract states that it holds, or where gaps
        between roads are so wide that it may not (`accessibility.inputs.rim`): another region
        that the extract leaves out, a lake, high mountains.
    missing_share : float
        The same as a share.
    off_road : list of str
        Communes whose chef-lieu has no road in reach.
    unknown : list of str
        Those of them that lie where the data end: more data might show a road.
    """

    missing_km2: float
    missing_share: float
    off_road: list[str]
    unknown: list[str]

    def as_dict(self) -> dict[str, object]:
        """Plain values, for a manifest."""
        return asdict(self)


def ring(
    area: shapely.Geometry,
    extents: Sequence[Box],
    roads: gpd.GeoDataFrame,
    off_road: gpd.GeoDataFrame,
    *,
    metric_crs: str,
    max_snap_m: float,
) -> Ring:
    """Compare a territory and its ring with what the extracts hold.

    Parameters
    ----------
    area : shapely geometry
        Territory and ring, WGS 84.
    extents : sequence of (west, south, east, north)
        What the extracts state that they hold; none where one states nothing.
    roads : GeoDataFrame
        The roads table.
    off_road : GeoDataFrame
        Demand points without a road in reach: `code_insee`.
    metric_crs : str
    max_snap_m : float
    """
    outline = gpd.GeoSeries([area], crs=WGS84).to_crs(metric_crs).iloc[0]
    stated = outline
    if extents:
        boxes = gpd.GeoSeries([shapely.box(*box) for box in extents], crs=WGS84)
        # a straight side in degrees is a curve in metres
        stated = outline.intersection(boxes.segmentize(0.05).to_crs(metric_crs).union_all())
    missing_m2 = outline.area - stated.area + held_by(roads, metric_crs).missing_m2(stated)
    near = at_the_end(off_road, extents, metric_crs=metric_crs, max_snap_m=max_snap_m)
    return Ring(
        missing_km2=round(missing_m2 / 1e6, 1),
        missing_share=round(missing_m2 / outline.area, 4),
        off_road=sorted(off_road["code_insee"]),
        unknown=sorted(off_road.loc[near, "code_insee"]),
    )


def at_the_end(
    points: gpd.GeoDataFrame | gpd.GeoSeries,
    extents: Sequence[Box],
    *,
    metric_crs: str,
    max_snap_m: float,
) -> np.ndarray:
    """Tell which points lie where a road in reach might be beyond the data.

    Returns
    -------
    bool array
        Not within any extent, or within `max_snap_m` of the end of all; where no extract states
        its extent nothing is known, and all are.
    """
    if not extents:
        return np.ones(len(points), dtype=bool)
    held = gpd.GeoSeries([shapely.box(*box) for box in extents], crs=WGS84)
    inner = shapely.buffer(held.segmentize(0.05).to_crs(metric_crs).union_all(), -max_snap_m)
    outside: np.ndarray = ~shapely.contains(inner, points.geometry.to_crs(metric_crs).values)
    return outside
