"""What a network is made of: kilometres by class, where speeds come from, what is closed."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from accessibility.network.graph import RoadNetwork
from accessibility.network.restrictions import applied, not_applied
from accessibility.network.speeds import MODES, ORIGINS
from accessibility.schema import RoadTables

LIMIT_TAGS = ["maxspeed", "maxspeed:forward", "maxspeed:backward"]

CLOSING_TAGS = (*MODES, "area", "construction", "impassable", "status", "service")
"""Tags that say why a road is closed, the likeliest first."""


@dataclass(frozen=True)
class NetworkSummary:
    """What a network is made of, and what was left out of it.

    Attributes
    ----------
    by_class : DataFrame
        One row for each class of road: `class`, `roads`, `km`, `one_way_km`, `restricted_km`
        (only to start or end a trip), `tagged_km`, `implicit_km`, `assumed_km` (where the speed
        comes from), `mean_kph` (by length).
    closed : DataFrame
        Roads that the profile does not open: `class`, `tag` (the likeliest reason, empty where
        it is the class itself), `roads`, `km`; the longest first.
    nodes : DataFrame
        `tag` (such as barrier=gate), `nodes`: what costs time or closes a road.
    parts : DataFrame
        Parts in which everything is reached from everything: `segments`, `km`; the largest
        first. Points snap to the first only.
    totals : dict of str to float
        Counts and kilometres of the whole.
    """

    by_class: pd.DataFrame
    closed: pd.DataFrame
    nodes: pd.DataFrame
    parts: pd.DataFrame
    totals: dict[str, float]


def summarise(tables: RoadTables, network: RoadNetwork) -> NetworkSummary:
    """Describe a network and the road tables that it was built from.

    Parameters
    ----------
    tables : RoadTables
    network : RoadNetwork
        Built from these tables.

    Returns
    -------
    NetworkSummary

    Examples
    --------
    >>> import accessibility as acc
    >>> study = acc.load_study("jura")
    >>> summarise(study.roads, study.network).by_class  # doctest: +SKIP
    """
    roads = tables.roads
    kinds = roads["highway"].astype(object).fillna(roads["route"].astype(object)).to_numpy()
    by_class = _by_class(kinds[network.segment_road], network)
    parts = _parts(network)
    km = by_class[["km", "tagged_km", "implicit_km", "assumed_km"]].sum()
    told = roads[LIMIT_TAGS].notna().any(axis=1).to_numpy()
    unread = told[network.segment_road] & (network.segment_origin == 0)
    return NetworkSummary(
        by_class=by_class,
        closed=_closed(roads, kinds, network),
        nodes=_node_tags(tables.nodes),
        parts=parts,
        totals={
            "roads": len(roads),
            "segments": len(network.segment_road),
            "edges": len(network.edge_ms),
            "turns": len(network.following.edge),
            "km": float(km["km"]),
            "tagged_share": float(km["tagged_km"] / km["km"]),
            "implicit_share": float(km["implicit_km"] / km["km"]),
            "assumed_share": float(km["assumed_km"] / km["km"]),
            "limits_not_understood": int(unread.sum()),
            "main_share": float(parts["km"].iloc[0] / parts["km"].sum()),
            "rim_nodes": int(tables.nodes["rim"].sum()),
            "rim_segments": int(network.segment_rim.sum()),
            "restrictions": len(tables.restrictions),
            "restrictions_applied": len(applied(tables.restrictions)),
            "restrictions_at_some_hours": not_applied(tables.restrictions),
        },
    )


def speed_origins(network: RoadNetwork) -> dict[str, float]:
    """Share of the length whose speed is tagged, implicit or assumed from the class."""
    length = np.bincount(network.segment_origin, network.segment_length_m, len(ORIGINS))
    return dict(zip(ORIGINS, (length / length.sum()).tolist(), strict=True))


def _by_class(kinds: np.ndarray, network: RoadNetwork) -> pd.DataFrame:
    km = network.segment_length_m / 1_000.0
    open_ = network.segment_kph > 0
    departs = network.edge_departure != np.arange(len(network.edge_departure))
    limited = np.zeros(len(km), dtype=bool)
    limited[network.edge_segment[departs]] = True
    table = pd.DataFrame({"class": kinds, "roads": 1, "km": km})
    table["one_way_km"] = km * (open_.sum(axis=1) == 1)
    table["restricted_km"] = km * limited
    for code, name in reversed(list(enumerate(ORIGINS))):
        table[f"{name}_km"] = km * (network.segment_origin == code)
    table["hours"] = km / np.where(open_[:, 0], *network.segment_kph.T)
    found = table.groupby("class", as_index=False).sum()
    found["mean_kph"] = found["km"] / found.pop("hours")
    return found.sort_values("km", ascending=False, ignore_index=True)


def _closed(roads: pd.DataFrame, kinds: np.ndarray, network: RoadNetwork) -> pd.DataFrame:
    shut = np.ones(len(roads), dtype=bool)
    shut[network.segment_road] = False
    rows = roads.loc[shut, list(CLOSING_TAGS)].astype(object).to_dict("records")
    table = pd.DataFrame({"class": kinds[shut], "tag": [_reason(row) for row in rows], "roads": 1})
    table["km"] = roads.loc[shut, "length_m"].to_numpy() / 1_000.0
    found = table.groupby(["class", "tag"], as_index=False).sum()
    return found.sort_values(["km", "class"], ascending=[False, True], ignore_index=True)


def _reason(row: dict[Hashable, Any]) -> str:
    return next((f"{key}={row[key]}" for key in CLOSING_TAGS if isinstance(row[key], str)), "")


def _node_tags(nodes: pd.DataFrame) -> pd.DataFrame:
    counts = [
        pd.DataFrame({"tag": key + "=" + found.index.astype(str), "nodes": found.to_numpy()})
        for key in ("highway", "barrier")
        if len(found := nodes[key].value_counts())
    ]
    table = pd.concat(counts) if counts else pd.DataFrame({"tag": [], "nodes": []})
    table = table[table["nodes"] > 0]
    return table.sort_values(["nodes", "tag"], ascending=[False, True], ignore_index=True)


def _parts(network: RoadNetwork) -> pd.DataFrame:
    # heavy, and not needed where a network is only searched
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    turns = network.following
    n = len(network.edge_ms)
    links = csr_matrix((np.ones(len(turns.edge), dtype=np.int8), turns.edge, turns.start), (n, n))
    _, part = connected_components(links, directed=True, connection="strong")
    forward, backward = network.segment_edges.T
    # the edges that restrictions double stand apart: a segment belongs where its own edge does
    own = part[np.where(forward >= 0, forward, backward)]
    km = network.segment_length_m / 1_000.0
    _, own = np.unique(np.where(network.segment_main, -1, own), return_inverse=True)
    found = pd.DataFrame({"segments": np.bincount(own), "km": np.bincount(own, weights=km)})
    return found.sort_values("km", ascending=False, ignore_index=True)
