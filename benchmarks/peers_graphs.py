"""Libraries that search graphs, asked what they can answer; runs in `requirements-peers.txt`.

    python peers_graphs.py QUESTION OUT scipy|igraph|networkx|pandana|osmnx

See `peers_harness.py`. All but osmnx search this toolkit's graph (`peers_graph.py`), which is made
of the extract first, as part of getting ready: none of them reads an extract. People drive to
the sites, so the arcs are turned round and a search begins at each site, not at each commune;
pandana does not need that. The nearest site is one search from all sites where a library has it.

osmnx reads the extract by itself, once it is written as XML: the ways that cars drive by its
filter, and their nodes; its own speeds, no turns. Its questions are networkx's.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from peers_harness import Asked, Engine, Question, run

MS = 1000
BLOCK = 25
"""Searches whose times to all nodes are held at once."""


def load(asked: Asked, folder: Path) -> dict[str, np.ndarray]:
    """Let this toolkit make its graph of the extract."""
    script, out = Path(__file__).with_name("peers_graph.py"), folder / "graph.npz"
    subprocess.run([asked["toolkit_python"], script, sys.argv[1], out], check=True)
    with np.load(out) as file:
        return dict(file)


def seconds(time_ms: np.ndarray) -> Any:
    """Milliseconds as seconds in JSON, null where nothing is reached."""
    return np.where(np.isfinite(time_ms), np.divide(time_ms, MS), None).tolist()


def by_origin(time_ms: np.ndarray) -> Any:
    """Rows of a search from each destination as seconds from each origin."""
    return seconds(np.transpose(time_ms))


def sums(graph: dict[str, np.ndarray], time_ms: Iterable[np.ndarray]) -> list[list[int]]:
    """How many sides of segments each reach enters, and the sum of the times."""
    side, found = graph["side"], []
    for times in time_ms:
        least = np.full(side.max() + 1, np.inf)
        np.minimum.at(least, side, times[: len(side)])
        least = least[np.isfinite(least)]
        found.append([len(least), int(least.sum())])
    return found


def use_scipy(asked: Asked, folder: Path) -> Engine:
    """`scipy.sparse.csgraph.dijkstra`."""
    import scipy
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    g = load(asked, folder)
    arcs = g["cost_ms"].astype(float), (g["head"], g["tail"])
    search = partial(dijkstra, csr_array(arcs, shape=(g["nodes"], g["nodes"])))
    limit_ms = asked["minutes"] * 60 * MS

    def all_to_all() -> np.ndarray:
        blocks = np.split(g["end"], range(BLOCK, len(g["end"]), BLOCK))
        return np.concatenate([search(indices=block)[:, g["start"]] for block in blocks])

    return Engine(
        scipy.__version__,
        {
            "nearest": Question(
                lambda: search(indices=g["sites"], min_only=True)[g["start"]], seconds
            ),
            "added": Question(lambda: search(indices=g["added"])[0, g["start"]], seconds),
            "reach": Question(lambda: search(indices=g["sites"], limit=limit_ms), partial(sums, g)),
            "sites": Question(lambda: search(indices=g["sites"])[:, g["start"]], by_origin),
            "communes": Question(all_to_all, by_origin),
        },
    )


def use_igraph(asked: Asked, folder: Path) -> Engine:
    """`igraph.Graph.distances`: no limit, and no search from several nodes at once."""
    import igraph

    g = load(asked, folder)
    graph = igraph.Graph(
        n=int(g["nodes"]), edges=np.column_stack([g["tail"], g["head"]]), directed=True
    )
    graph.es["ms"] = g["cost_ms"].tolist()
    start = g["start"].tolist()

    def search(to: str) -> Any:
        return graph.distances(g[to].tolist(), start, weights="ms", mode="in")

    return Engine(
        igraph.__version__,
        {
            "nearest": Question(lambda: np.min(search("sites"), axis=0), seconds),
            "added": Question(lambda: search("added")[0], seconds),
            "sites": Question(lambda: search("sites"), by_origin),
            "communes": Question(lambda: search("end"), by_origin),
        },
    )


def use_pandana(asked: Asked, folder: Path) -> Engine:
    """`pandana.Network`: contraction hierarchies; its ranges lead away from a place only."""
    import pandana
    import pandas as pd

    g = load(asked, folder)
    x = pd.Series(np.arange(g["nodes"], dtype=float))  # a place is found by where it lies
    # pandana cuts seconds to whole milliseconds: a fifth of one keeps them from falling below
    cost_s = pd.DataFrame({"s": (g["cost_ms"] + 0.2) / MS})
    flat = pd.Series(np.zeros(g["nodes"]))
    graph = pandana.Network(
        x, flat, pd.Series(g["tail"]), pd.Series(g["head"]), cost_s, twoway=False
    )
    furthest_s = 86_400.0
    for name in ("sites", "added"):
        graph.set_pois(name, furthest_s, 1, x[g[name]], flat[g[name]])

    def nearest(of: str) -> np.ndarray:
        return graph.nearest_pois(furthest_s, of)[1].to_numpy()[g["start"]]

    def pairs(to: np.ndarray) -> np.ndarray:
        found = graph.shortest_path_lengths(np.repeat(g["start"], len(to)),
                                            np.tile(to, len(g["start"])))  # fmt: skip
        return np.reshape(found, (-1, len(to)))

    return Engine(
        version("pandana"),
        {
            "nearest": Question(lambda: nearest("sites"), np.ndarray.tolist),
            "added": Question(lambda: nearest("added"), np.ndarray.tolist),
            "sites": Question(lambda: pairs(g["sites"]), np.ndarray.tolist),
            "communes": Question(lambda: pairs(g["end"]), np.ndarray.tolist),
        },
    )


def use_networkx(asked: Asked, folder: Path) -> Engine:
    """Dijkstra's search of networkx on this toolkit's graph."""
    import networkx as nx

    g = load(asked, folder)
    graph = nx.DiGraph()
    arcs = (g[name].tolist() for name in ("head", "tail", "cost_ms"))
    graph.add_weighted_edges_from(zip(*arcs, strict=True), weight="travel_time")
    places = {name: g[name].tolist() for name in ("start", "end", "sites", "added")}
    found = search_networkx(graph, places, asked["minutes"] * 60 * MS, by_origin, seconds)
    n = int(g["nodes"])

    def dense(reaches: list[dict[int, int]]) -> Iterable[np.ndarray]:
        for reach in reaches:
            times = np.full(n, np.inf)
            times[list(reach)] = list(reach.values())
            yield times

    found["reach"] = Question(found["reach"].ask, lambda answer: sums(g, dense(answer)))
    return Engine(nx.__version__, found)


def search_networkx(
    graph: Any,
    places: dict[str, list[Any]],
    limit: float,
    matrix: Callable[[Any], Any],
    vector: Callable[[Any], Any],
) -> dict[str, Question]:
    """Questions to a graph whose arcs are turned round; `matrix` and `vector` tell answers."""
    import networkx as nx

    search = partial(nx.single_source_dijkstra_path_length, graph, weight="travel_time")

    def at_start(times: dict[Any, float]) -> list[float]:
        return [times.get(node, np.inf) for node in places["start"]]

    def table(to: str) -> list[list[float]]:
        return [at_start(search(node)) for node in places[to]]

    def nearest() -> list[float]:
        sites = set(places["sites"])
        return at_start(nx.multi_source_dijkstra_path_length(graph, sites, weight="travel_time"))

    return {
        "nearest": Question(nearest, vector),
        "added": Question(lambda: table("added")[0], vector),
        "reach": Question(lambda: [search(node, cutoff=limit) for node in places["sites"]], len),
        "sites": Question(lambda: table("sites"), matrix),
        "communes": Question(lambda: table("end"), matrix),
    }


def use_osmnx(asked: Asked, folder: Path) -> Engine:
    """The recipe of osmnx, from the extract as XML."""
    import osmnx as ox

    xml = folder / "drivable.osm"
    write_drivable(Path(asked["extract"]), xml)
    graph = ox.truncate.largest_component(ox.graph_from_xml(xml), strongly=True)
    graph = ox.add_edge_travel_times(ox.add_edge_speeds(graph))
    places = {
        name: ox.nearest_nodes(graph, *zip(*asked[of], strict=True)).tolist()
        for name, of in (("start", "communes"), ("sites", "sites"), ("added", "added"))
    }
    places["end"] = places["start"]

    def transposed(times: Any) -> Any:
        return by_origin(np.array(times) * MS)

    def vector(times: Any) -> Any:
        return seconds(np.array(times) * MS)

    found = search_networkx(graph.reverse(), places, asked["minutes"] * 60, transposed, vector)
    del found["reach"]  # of another graph: there is nothing to hold it against
    return Engine(ox.__version__, found)


def write_drivable(extract: Path, xml: Path) -> None:
    """Write the ways that cars drive, by the words of osmnx's filter "drive", and their nodes."""
    import osmium

    closed = """abandoned bridleway bus_guideway construction corridor cycleway elevator escalator
        footway no path pedestrian planned platform proposed raceway razed rest_area service
        services steps track""".split()
    with osmium.BackReferenceWriter(xml, ref_src=extract, overwrite=True) as writer:
        ways = osmium.FileProcessor(extract, osmium.osm.WAY)
        for way in ways.with_filter(osmium.filter.KeyFilter("highway")):
            if way.tags["highway"] not in closed and way.tags.get("area") != "yes":
                writer.add(way)


if __name__ == "__main__":
    use = {
        "scipy": use_scipy,
        "igraph": use_igraph,
        "networkx": use_networkx,
        "pandana": use_pandana,
        "osmnx": use_osmnx,
    }
    run(use[sys.argv[3]])
