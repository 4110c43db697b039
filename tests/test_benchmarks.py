from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import PRIVATE, STREET, lonlat, points, road_tables
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from accessibility.network.graph import build_network
from accessibility.routing.times import travel_time_matrix

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
OURS = {"nearest": [70.0, 200.0], "sites": [[70.0, 90.0], [300.0, 200.0]], "added": [None, 150.0]}


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module


def test_peers_search_a_graph_that_gives_our_times(benchmark: Any) -> None:
    crossing = {1: (0, 0), 2: (1_000, 0), 3: (2_000, 0), 4: (1_000, 900), 5: (1_000, -700)}
    roads = [(1, 2, STREET), (2, 3, STREET), (2, 4, STREET), (5, 2, PRIVATE)]
    network = build_network(road_tables(crossing, roads))
    # two on one road, one ahead of the other, and one on a road that is closed to through traffic
    here, there = [(250, 5), (750, 5), (995, -400)], [(1_500, 0), (1_000, 800)]
    asked = {
        name: lonlat(places).tolist()
        for name, places in (("communes", here), ("sites", there), ("added", here[:1]))
    }
    graph = benchmark("peers_graph").graph(network, asked)
    arcs = graph["cost_ms"].astype(float), (graph["tail"], graph["head"])
    search = csr_array(arcs, shape=(graph["nodes"], graph["nodes"]))
    from_here = dijkstra(search, indices=graph["start"]) / 1000
    for name, places in (("end", here), ("sites", there), ("added", here[:1])):
        ours = travel_time_matrix(network, points(here), points(places))
        np.testing.assert_array_equal(from_here[:, graph[name]], ours)


@pytest.mark.parametrize(
    ("kind", "changes", "right"),
    [
        ("same graph", {}, True),
        ("same graph", {"sites": [[70.0, 90.0], [300.0, 200.001]]}, False),
        ("same graph", {"sites": [[70.0, 90.0], [300.0, None]]}, False),
        ("same profile", {"sites": [[70.1, 90.1], [300.5, 200.2]]}, True),
        ("same profile", {"sites": [[71.0, 91.0], [303.0, 202.0]]}, False),
        ("other speeds", {"sites": [[61.0, 80.0], [200.0, 150.0]]}, True),
        ("other speeds", {"sites": [[150.0, 200.0], [61.0, 80.0]]}, False),
        ("other speeds", {"sites": [[61.0, 80.0], [200.0, None]]}, False),
    ],
)
def test_only_right_answers_of_peers_count(
    benchmark: Any, kind: str, changes: dict[str, Any], right: bool
) -> None:
    theirs = {"engine": "scipy", **OURS, **changes}
    found, words = benchmark("peers_checks").check(kind, "sites", OURS, theirs)
    assert (found, bool(words)) == (right, True)


def test_an_added_site_counts_for_whom_it_is_nearer(benchmark: Any) -> None:
    theirs = {"engine": "scipy", **OURS, "added": [80.0, 150.0]}
    assert benchmark("peers_checks").check("same graph", "added", OURS, theirs)[0]


def test_a_wrong_answer_of_a_peer_has_no_time(benchmark: Any) -> None:
    report = benchmark("peers_report")
    ready = {"wall_s": 2.0, "questions": ["sites", "communes"]}
    run = {"ready": ready, "sites": {"again_s": 0.5}, "stopped": "communes"}
    runs = {report.OURS: [run], "scipy": [run]}
    figures = report.Figures(runs, {("scipy", "sites")}, {"question": 600})

    def cell(engine: str, name: str) -> str:
        ours = figures.of(report.OURS, name, "again_s")
        return str(figures.cell(engine, name, figures.of(engine, name, "again_s"), ours))

    assert cell(report.OURS, "sites") == "0.5 s"
    assert [cell("scipy", name) for name in ("sites", "communes", "drawn")] == [
        "wrong", "> 600 s", "none",
    ]  # fmt: skip
