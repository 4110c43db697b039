"""The study whose cars stay on the territory's own roads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from accessibility.errors import InputError
from accessibility.network.graph import RoadNetwork, Turns
from accessibility.study.study import Study

Bools = npt.NDArray[np.bool_]

OWN_SHARE = 0.5
"""Share of a road's length, from junction to junction, within the territory from which on it is
its own: one that ends a few metres beyond is."""

CONTOUR_M = 100.0
"""Metres beyond the contours that still count as within: contours are drawn simplified, and roads
beside the border would be broken in pieces. Those of the bundled study have a vertex every 281 m
along the border (median); any margin from 50 to 200 m gives the Jura the same figures."""


@dataclass(frozen=True)
class OwnRoads:
    """A territory's own roads, and the study on which cars stay on them.

    Attributes
    ----------
    study : Study
        The same places, sites and roads; no trip uses a road that is not the territory's.
    own_km, all_km : float
        Kilometres of the territory's roads, and of all that the study holds.
    """

    study: Study
    own_km: float
    all_km: float


def on_own_roads(study: Study) -> OwnRoads:
    """Close the roads beyond the border; everything else stays as it is.

    A junction costs what it does with all its roads, and a place stays on its road where that is
    the territory's, though no other of its roads may lead there: so a trip on its own roads never
    takes less than one on all. A place on another road is put on the nearest own one.

    Parameters
    ----------
    study : Study

    Returns
    -------
    OwnRoads

    Raises
    ------
    InputError
        If the study holds no road within its communes.

    Examples
    --------
    >>> import accessibility as acc
    >>> jura = acc.load_study("jura")
    >>> found = on_own_roads(jura)
    >>> found.own_km < found.all_km
    True
    """
    network = study.network
    own = own_share(study) >= OWN_SHARE
    if not (own & network.segment_main).any():
        raise InputError(
            f"no road of the study {study.title} lies within its communes: one at least is "
            "expected; build it with roads of its territory."
        )
    there = replace(study)
    # what the study would read from its cache when first asked for
    vars(there)["network"] = confined(network, own)
    length_m = np.asarray(network.segment_length_m)
    return OwnRoads(there, float(length_m[own].sum() / 1e3), float(length_m.sum() / 1e3))


def own_share(study: Study) -> npt.NDArray[np.float64]:
    """Share of the length of each segment that lies within the communes and their margin."""
    network = study.network
    area = study.communes.geometry.to_crs(network.metric_crs).union_all().buffer(CONTOUR_M)
    start, xy = np.asarray(network.line_start), np.asarray(network.xy)
    owner = np.repeat(np.arange(len(start) - 1), np.diff(start))
    share = np.zeros(len(start) - 1)
    west, south, east, north = area.bounds
    near = (xy[:, 0] >= west) & (xy[:, 0] <= east) & (xy[:, 1] >= south) & (xy[:, 1] <= north)
    at = np.unique(owner[near])
    kept = np.isin(owner, at)
    lines = shapely.linestrings(xy[kept], indices=np.searchsorted(at, owner[kept]))
    shapely.prepare(area)
    inside = shapely.contains_properly(area, lines)
    share[at[inside]] = 1.0
    crossing = np.flatnonzero(~inside & shapely.intersects(area, lines))
    cut_m = shapely.length(shapely.intersection(lines[crossing], area))
    whole_m = shapely.length(lines[crossing])
    share[at[crossing]] = cut_m / np.where(whole_m > 0, whole_m, np.inf)
    return share


def confined(network: RoadNetwork, kept: Bools) -> RoadNetwork:
    """The network on which no point snaps to other segments than those kept, and no turn leads."""
    edge_kept: Bools = kept[np.asarray(network.edge_segment)]
    return replace(
        network,
        segment_main=network.segment_main & kept,
        following=_between(network.following, edge_kept),
        preceding=_between(network.preceding, edge_kept),
    )


def _between(turns: Turns, edge_kept: Bools) -> Turns:
    count = np.diff(turns.start)
    owner = np.repeat(np.arange(len(count)), count)
    stays = edge_kept[owner] & edge_kept[np.asarray(turns.edge)]
    start = np.zeros(len(count) + 1, dtype=np.int32)
    np.cumsum(np.bincount(owner[stays], minlength=len(count)), out=start[1:])
    arrays: list[npt.NDArray[Any]] = [start, turns.edge[stays], turns.cost_ms[stays]]
    for array in arrays:
        array.setflags(write=False)
    return Turns(*arrays)
