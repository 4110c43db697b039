"""What its peers are asked, asked of this toolkit; see `peers_harness.py`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
from peers_harness import Asked, Engine, Question, run

import accessibility as acc
from accessibility.network.snap import Positions, snap
from accessibility.routing.reach import Spread, Spreader
from accessibility.routing.reach_kernels import EMPTY
from accessibility.routing.times import cutoff_ms, nearest
from accessibility.schema import WGS84


def points(lonlat: list[list[float]], key: str) -> gpd.GeoDataFrame:
    """A table of points with ids that sort as they stand."""
    ids = [f"{i:06}" for i in range(len(lonlat))]
    return gpd.GeoDataFrame({key: ids}, geometry=gpd.points_from_xy(*zip(*lonlat, strict=True)),
                            crs=WGS84)  # fmt: skip


def table(answer: Any) -> Any:
    """Seconds as JSON, null where nothing is reached."""
    return np.where(np.isfinite(answer), answer, None).tolist()


def reached(spreads: list[Spread]) -> list[list[int]]:
    """For each reach how many sides of segments are entered in time, and the sum of the times."""
    found = []
    for spread in spreads:
        met = spread.packed[spread.packed != EMPTY] >> 32
        found.append([len(met), int(met.sum())])
    return found


def ready(asked: Asked, folder: Path) -> Engine:
    """Read the extract, build the network with its shortcuts and its index of roads."""
    network = acc.build_network(acc.read_roads(asked["extract"])).prepare()
    communes = points(asked["communes"], "demand_id")
    sites, added = (points(asked[name], "facility_id") for name in ("sites", "added"))
    limit_s = asked["minutes"] * 60.0
    every = np.arange(len(network.segment_road))
    middles = Positions(every, np.full(len(every), 0.5), np.zeros(len(every)))
    longest_s = np.inf

    def near() -> Any:
        nonlocal longest_s
        times = acc.travel_times(network, communes, sites)["travel_time_s"].to_numpy()
        longest_s = times.max()
        return times

    def spread() -> list[Spread]:
        return Spreader(network).each(snap(network, sites), int(cutoff_ms(limit_s)))

    def spread_on_one_core() -> list[Spread]:
        allowed = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(allowed)})
        try:
            return spread()
        finally:
            os.sched_setaffinity(0, allowed)

    def one_more() -> Any:
        # nobody is helped by a site that is farther than the farthest one now
        times = acc.travel_times(network, communes, added, cutoff_s=longest_s)
        return times["travel_time_s"].to_numpy()

    return Engine(
        acc.__version__,
        {
            "nearest": Question(near, table),
            "added": Question(one_more, table),
            "sites": Question(lambda: acc.travel_time_matrix(network, communes, sites), table),
            "segments": Question(
                lambda: nearest(network, middles, snap(network, sites), limit_ms=cutoff_ms(None)),
                lambda answer: len(answer[0]),
            ),
            "reach": Question(spread, reached),
            "reach_one_core": Question(spread_on_one_core, reached),
            "drawn": Question(lambda: acc.reach(network, sites, cutoffs_s=limit_s), len),
            "communes": Question(
                lambda: acc.travel_time_matrix(network, communes, communes), table
            ),
        },
    )


if __name__ == "__main__":
    run(ready)
