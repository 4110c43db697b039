"""Whether trips through what lies beyond the data could change a figure."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from accessibility.network.graph import RoadNetwork
from accessibility.network.snap import Positions, snap
from accessibility.routing.times import Direction, cutoff_ms, nearest, seconds


def is_complete(
    network: RoadNetwork,
    demand: gpd.GeoDataFrame,
    times: pd.DataFrame,
    sites: gpd.GeoDataFrame,
    cutoff_s: float,
    *,
    direction: Direction,
    sites_beyond: bool,
    max_snap_m: float,
) -> bool:
    """Whether no trip that leaves the data could cover anybody who is not covered.

    A trip over the rim takes at least the time from the demand point to the rim and, where
    sites beyond it do not count, from the rim back to a site.
    """
    late = (times["travel_time_s"] > cutoff_s).to_numpy() & np.isfinite(times["demand_snap_m"])
    rim = rim_positions(network)
    if not late.any() or not len(rim):
        return True
    towards = direction == "to"
    limit = cutoff_ms(cutoff_s)
    beyond_s = 0.0
    if not sites_beyond:
        there = snap(network, sites, max_snap_m=max_snap_m)
        time_ms, _ = nearest(network, rim, there, limit_ms=limit, towards=towards)
        beyond_s = float(seconds(time_ms).min())
    here = snap(network, demand[late], max_snap_m=max_snap_m)
    time_ms, _ = nearest(network, here, rim, limit_ms=limit, towards=towards)
    return not bool((seconds(time_ms) + beyond_s <= cutoff_s).any())


def rim_positions(network: RoadNetwork) -> Positions:
    """Both ends of the segments that end where the data end.

    Either may be the rim: the nearer one bounds a trip from below.
    """
    cut = np.flatnonzero(np.asarray(network.segment_rim) & np.asarray(network.segment_main))
    return Positions(
        np.repeat(cut, 2).astype(np.int64),
        np.tile([0.0, 1.0], len(cut)),
        np.zeros(2 * len(cut)),
    )
