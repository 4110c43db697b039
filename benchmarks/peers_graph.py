"""The network of an extract as a plain graph; runs in the Python of this toolkit.

    python peers_graph.py QUESTION OUT.npz

Edges are nodes, a turn is an arc that costs the turn and the edge after it, in milliseconds. Each
commune is a node from which trips start, and each commune, site and the added site one at which
they end, with arcs for the parts of edges between. So least costs between such nodes are this
toolkit's times to the millisecond, and whoever searches the graph need not snap. Arrays:

    tail, head, cost_ms      arcs, each pair of nodes once
    nodes                    how many nodes
    start, end, sites, added the nodes of the communes, where trips start and end, and of the sites
    side                     for each edge twice its segment, plus 1 where it is driven backwards
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from peers_toolkit import points

import accessibility as acc
from accessibility.network.snap import snap
from accessibility.routing.times import on_edges


def graph(network: acc.RoadNetwork, asked: dict[str, list[list[float]]]) -> dict[str, np.ndarray]:
    """Arcs between edges, and between edges and places."""
    n, turns = len(network.edge_ms), network.following
    groups = ("communes", "communes", "sites", "added")
    first = np.cumsum([n, *(len(asked[name]) for name in groups)])
    start, *ends = (np.arange(a, b) for a, b in pairwise(first))
    communes = snap(network, points(asked["communes"], "id"))
    places = snap(network, points(asked["communes"] + asked["sites"] + asked["added"], "id"))
    out = pd.DataFrame(asdict(on_edges(network, communes, towards=False, arriving=False)))
    into = pd.DataFrame(asdict(on_edges(network, places, towards=False, arriving=True)))
    driven = pd.DataFrame(
        {
            "tail": np.repeat(np.arange(n), np.diff(turns.start)),
            "edge": turns.edge,
            "turn_ms": turns.cost_ms,
        }
    )
    arriving = driven.merge(into, on="edge")
    along = out.merge(into, on="edge", suffixes=("", "_there"))
    along["ahead_ms"] = along["part_ms_there"] - along["part_ms"]
    along = along[along["ahead_ms"] >= 0]
    arcs = pd.concat(
        [
            _arcs(driven["tail"], driven["edge"],
                  driven["turn_ms"] + network.edge_ms[driven["edge"]]),
            _arcs(first[0] + out["row"], out["edge"], out["rest_ms"]),
            _arcs(arriving["tail"], first[1] + arriving["row"],
                  arriving["turn_ms"] + arriving["part_ms"]),
            _arcs(first[0] + along["row"], first[1] + along["row_there"], along["ahead_ms"]),
        ]
    )  # fmt: skip
    arcs = arcs.groupby(["tail", "head"], as_index=False)["cost_ms"].min()
    return {
        **{name: column.to_numpy() for name, column in arcs.items()},
        "nodes": first[-1],
        "start": start,
        **dict(zip(("end", "sites", "added"), ends, strict=True)),
        "side": 2 * network.edge_segment + network.edge_backward,
    }


def _arcs(tail: pd.Series, head: pd.Series, cost_ms: pd.Series) -> pd.DataFrame:
    return pd.DataFrame({"tail": tail, "head": head, "cost_ms": cost_ms}, dtype=np.int64)


def main() -> None:
    """Read, build, write."""
    asked = json.loads(Path(sys.argv[1]).read_text())
    network = acc.build_network(acc.read_roads(asked["extract"]))
    np.savez(sys.argv[2], **graph(network, asked))


if __name__ == "__main__":
    main()
