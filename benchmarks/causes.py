"""Our network with one thing done as OSRM does it, to see what each thing is worth.

`benchmarks/agreement.py --causes` prints the table. What OSRM does was read in its sources and
checked against what it prepares: with `lengths` and `pieces`, every piece of road that both
open takes the same time to the tenth of a second.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

import accessibility as acc
from accessibility.inputs.roads import GRS80
from accessibility.network.snap import snap

Floats = npt.NDArray[np.float64]

TENTH_MS = 100
BAND_DEG = 0.05
"""OSRM measures with a flat ruler of its own for each band of latitude as high as this."""

GRID_DEG = 1e-6
"""OSRM keeps coordinates to a millionth of a degree."""


def _on_grid(lonlat: Floats) -> Floats:
    # half a step goes up, also where a float lies just below the half
    return np.floor(lonlat / GRID_DEG + 0.501) * GRID_DEG


def ruler_m(start: Floats, end: Floats) -> Floats:
    """Length of straight pieces as OSRM 26.10 measures it: on WGS 84, flat within a band."""
    radius_m, e2 = 6_378_137.0, 0.00669437999014
    middle = np.abs(start[:, 1] + end[:, 1]) / 2
    latitude = np.radians((np.floor(middle / BAND_DEG) + 0.5) * BAND_DEG)
    shrink = 1 / (1 - e2 * np.sin(latitude) ** 2)
    east, north = np.radians(end - start).T * radius_m * np.sqrt(shrink)
    return np.hypot(east * np.cos(latitude), north * shrink * (1 - e2))


def like_osrm(
    network: acc.RoadNetwork,
    roads: gpd.GeoDataFrame,
    *,
    lengths: bool = False,
    pieces: bool = False,
    turns: bool = False,
) -> acc.RoadNetwork:
    """Copy a network with its times as OSRM has them.

    Parameters
    ----------
    network : RoadNetwork
    roads : GeoDataFrame
        The roads table that the network was built from.
    lengths : bool
        Measure with OSRM's ruler, between coordinates on its grid.
    pieces : bool
        Round each piece between two nodes to tenths of a second, 0.1 s at least.
    turns : bool
        Cut the cost of each turn to tenths of a second.
    """
    shapes = roads.geometry.to_numpy()[network.segment_road]
    lonlat, owner = shapely.get_coordinates(shapes, return_index=True)
    joined = owner[1:] == owner[:-1]
    start, end, owner = lonlat[:-1][joined], lonlat[1:][joined], owner[:-1][joined]
    if lengths:
        length_m = ruler_m(_on_grid(start), _on_grid(end))
    else:
        length_m = GRS80.inv(*start.T, *end.T)[2]
    time_ms = np.zeros(network.segment_kph.shape)
    for way in (0, 1):
        kph = network.segment_kph[owner, way]
        piece_ms = np.divide(length_m * 3600, kph, out=np.zeros(len(kph)), where=kph > 0)
        if pieces:
            piece_ms = np.maximum(1, np.floor(piece_ms / TENTH_MS + 0.5)) * TENTH_MS
        time_ms[:, way] = np.bincount(owner, piece_ms, minlength=len(time_ms))
    # departure and doubled edges stand for the same segment, so they get the same time
    edge_ms = np.rint(time_ms[network.edge_segment, network.edge_backward.astype(int)])
    copy = replace(network, edge_ms=np.maximum(1, edge_ms).astype(np.int32))
    if turns:
        cut = {
            name: replace(table, cost_ms=table.cost_ms // TENTH_MS * TENTH_MS)
            for name, table in (("following", copy.following), ("preceding", copy.preceding))
        }
        copy = replace(copy, **cut)
    return copy


def snapped_apart_m(
    network: acc.RoadNetwork, points: gpd.GeoDataFrame, theirs: list[list[float]]
) -> Floats:
    """Metres between the places on a road at which we and OSRM set each point; inf if none."""
    at = snap(network, points)
    apart = np.full(len(points), np.inf)
    other = gpd.points_from_xy(*np.array(theirs).T, crs="EPSG:4326").to_crs(network.metric_crs)
    for i in np.flatnonzero(at.segment >= 0):
        first, last = network.line_start[at.segment[i] : at.segment[i] + 2]
        line = shapely.LineString(network.xy[first:last])
        apart[i] = line.interpolate(at.share[i], normalized=True).distance(other[i])
    return apart


@dataclass(frozen=True)
class Difference:
    """How times differ, relative to OSRM's, over pairs above one minute in OSRM."""

    pairs: int
    low: float
    median: float
    high: float
    p95: float
    worst: float
    pair: tuple[int, int]

    @classmethod
    def of(cls, ours: Floats, theirs: Floats, where: npt.NDArray[np.bool_]) -> Difference:
        """Measure the pairs of `where`, a mask as large as both."""
        kept = where & np.isfinite(ours) & np.isfinite(theirs) & (theirs > 60)
        signed = np.divide(ours, theirs, out=np.ones(ours.shape), where=kept) - 1
        low, median, high = np.percentile(signed[kept], [5, 50, 95])
        worst = np.unravel_index(np.argmax(np.abs(signed)), signed.shape)
        return cls(
            pairs=int(kept.sum()),
            low=low,
            median=median,
            high=high,
            p95=np.percentile(np.abs(signed[kept]), 95),
            worst=signed[worst],
            pair=(int(worst[0]), int(worst[1])),
        )
