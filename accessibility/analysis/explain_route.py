"""The way from a commune to its site, cut where the time is up, and what it is made of."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely.ops import substring

OFF_ROAD_CLASS = "off the road"
TURNS_CLASS = "junctions"

LEAST_S = 0.001
"""Times are whole milliseconds."""


def cut_where_time_is_up(legs: gpd.GeoDataFrame, cutoff_s: float) -> gpd.GeoDataFrame:
    """Mark what is driven after the cut-off; a leg within which it falls becomes two.

    Parameters
    ----------
    legs : GeoDataFrame
        From `route`.
    cutoff_s : float

    Returns
    -------
    GeoDataFrame
        The legs with `beyond`, numbered anew. The sums stay as they are. A turn during which
        the time is up counts as made after it.
    """
    ready_s = (legs["time_s"] - legs["drive_s"]).to_numpy()  # when the turn is done
    beyond = legs["time_s"].to_numpy() > cutoff_s
    cut = np.flatnonzero(beyond & (cutoff_s - ready_s >= LEAST_S))
    parts = [legs.assign(beyond=beyond)]
    if len(cut):
        (i,) = cut
        leg, row = legs.iloc[i], legs.index[i]
        part = float((cutoff_s - ready_s[i]) / leg["drive_s"])
        line = leg.geometry
        before, after = (
            legs.iloc[[i]].assign(
                length_m=leg["length_m"] * share,
                drive_s=drive_s,
                turn_s=turn_s,
                time_s=time_s,
                beyond=late,
                geometry=[substring(line, *ends, normalized=True)],
            )
            for share, drive_s, turn_s, time_s, late, ends in (
                (part, cutoff_s - ready_s[i], leg["turn_s"], cutoff_s, False, (0.0, part)),
                (1 - part, leg["time_s"] - cutoff_s, 0.0, leg["time_s"], True, (part, 1.0)),
            )
        )
        whole = parts[0]
        parts = [p for p in (whole.loc[: row - 1], before, after, whole.loc[row + 1 :]) if len(p)]
    table = parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)
    # sums of floats of milliseconds: the last digits are noise
    seconds = ["turn_s", "drive_s", "time_s"]
    return table.assign(sequence=np.arange(1, len(table) + 1)).round(dict.fromkeys(seconds, 3))


def by_road_class(legs: gpd.GeoDataFrame) -> pd.DataFrame:
    """Sum up a way by class of road.

    Parameters
    ----------
    legs : GeoDataFrame
        From `route`, with `highway`.

    Returns
    -------
    DataFrame
        `highway`, `length_m`, `time_s` and the mean `kph`, the longest time first; then
        "off the road" and "junctions" (what turns, signals and signs cost) where they take
        time. The times sum up to that of the way.
    """
    names = legs["highway"].where(legs["road"] >= 0, OFF_ROAD_CLASS)
    sums = legs.groupby(names.astype(str), sort=True)[["length_m", "drive_s"]].sum()
    sums = sums.sort_values("drive_s", ascending=False, kind="stable")
    table = sums.rename(columns={"drive_s": "time_s"}).rename_axis("highway").reset_index()
    table["kph"] = table["length_m"] / table["time_s"].where(table["time_s"] > 0) * 3.6
    last = table["highway"] == OFF_ROAD_CLASS
    parts = [table[~last], table[last]]
    turn_s = float(legs["turn_s"].sum())
    if turn_s > 0:
        row = {"highway": [TURNS_CLASS], "length_m": [0.0], "time_s": [turn_s], "kph": [np.nan]}
        parts.append(pd.DataFrame(row))
    found: pd.DataFrame = pd.concat([p for p in parts if len(p)] or [table], ignore_index=True)
    return found.round({"time_s": 3})


def factor_to_be_in_time(legs: gpd.GeoDataFrame, cutoff_s: float) -> float:
    """How many times as fast the roads of a way must be driven for it to take the cut-off.

    Turns, and the way off the road, take as long as before; inf where they alone take longer.
    """
    on_road = legs["road"] >= 0
    drive_s = float(legs.loc[on_road, "drive_s"].sum())
    other_s = float(legs["turn_s"].sum() + legs.loc[~on_road, "drive_s"].sum())
    return drive_s / (cutoff_s - other_s) if cutoff_s > other_s else np.inf
