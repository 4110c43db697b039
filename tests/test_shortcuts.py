"""Do the links around edges keep every least time?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from networks import STREET, facilities, points, road_tables
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra
from test_times import Description, built, descriptions

from accessibility.network import shortcut_kernels as kernels
from accessibility.network.graph import RoadNetwork, Turns, build_network
from accessibility.network.shortcuts import Shortcuts, find_shortcuts
from accessibility.routing.times import travel_times

GRID = {10 * i + j: (300.0 * i, 250.0 * j) for i in range(7) for j in range(7)}


def grid() -> RoadNetwork:
    """Streets of 7 by 7 crossings: no dead end, no chain."""
    roads = [(a, b, STREET) for a in GRID for b in (a + 1, a + 10) if b in GRID]
    return build_network(road_tables(GRID, roads))


def pairs(turns: Turns) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    tail = np.repeat(np.arange(len(turns.start) - 1), np.diff(turns.start))
    return tail, np.asarray(turns.edge), np.asarray(turns.cost_ms)


def least(n: int, tail: np.ndarray, head: np.ndarray, ms: np.ndarray) -> np.ndarray:
    found: np.ndarray = dijkstra(coo_matrix((ms.astype(float), (tail, head)), shape=(n, n)).tocsr())
    return found


def between_edges(network: RoadNetwork) -> np.ndarray:
    """From the end of each edge to the end of each other, turn by turn."""
    tail, head, ms = pairs(network.following)
    return least(len(network.edge_ms), tail, head, ms + network.edge_ms[head])


def by_links(short: Shortcuts) -> np.ndarray:
    """The same up the links to the core, through it, and down: the way a search takes."""
    n = len(short.number)
    tail, head, ms = pairs(short.ahead)
    to, back, back_ms = pairs(short.behind)
    up = least(n, tail, head, ms)
    down = to >= short.core
    # a second copy of the edges, from which only links to higher numbers lead
    both = least(2 * n, np.r_[back[down] + n], np.r_[to[down] + n], back_ms[down])[n:, n:]
    found = (up[:, :, None] + both[None, :, :]).min(axis=1)
    number = short.number
    whole: np.ndarray = found[np.ix_(number, number)]
    return whole


@settings(max_examples=25, deadline=None)
@given(descriptions())
def test_links_keep_every_least_time(description: Description) -> None:
    network = built(description)
    assert (by_links(network.shortcuts) == between_edges(network)).all()


def test_links_of_a_grid_keep_every_least_time_and_order() -> None:
    network = grid()
    short = network.shortcuts
    assert (by_links(short) == between_edges(network)).all()
    assert sorted(short.number) == list(range(len(network.edge_ms)))
    for links in (short.ahead, short.behind):
        tail, head, ms = pairs(links)
        assert (ms > 0).all()
        assert (head[tail < short.core] < short.core).all()
        assert (head[tail >= short.core] < tail[tail >= short.core]).all()


def test_a_core_that_is_not_empty_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a large network: edges stay that would need too many links."""
    monkeypatch.setattr(kernels, "SPARE", (0,))
    plain = getattr(kernels.pass_over, "py_func", kernels.pass_over)
    monkeypatch.setattr(kernels, "pass_over", plain)
    network = grid()
    assert 0 < network.shortcuts.core < len(network.edge_ms)
    assert (by_links(network.shortcuts) == between_edges(network)).all()
    here, there = points([(10, 5), (1_700, 1_400)]), facilities([(900, 740), (1_500, 20)])
    cored = travel_times(network, here, there)
    monkeypatch.undo()
    assert cored.equals(travel_times(grid(), here, there))


def test_other_times_on_the_edges_are_other_links() -> None:
    network = grid()
    slow = replace(network, edge_ms=2 * network.edge_ms)
    assert network.shortcuts is network.shortcuts
    assert (by_links(slow.shortcuts) == between_edges(slow)).all()


def test_a_sum_beyond_all_limits_is_no_time_at_all() -> None:
    network = grid()
    days = replace(network, edge_ms=np.full_like(network.edge_ms, 10**9))
    here, there = points([(10, 5)]), facilities([(1_799, 1_499)])
    assert np.isinf(travel_times(days, here, there)["travel_time_s"]).all()
    assert np.isfinite(travel_times(network, here, there)["travel_time_s"]).all()


def test_links_are_kept_with_the_network(tmp_path: Path) -> None:
    network = grid()
    network.save(tmp_path / "network")
    loaded = RoadNetwork.load(tmp_path / "network")
    kept = vars(loaded)["shortcuts"]
    found = find_shortcuts(network)
    assert kept.core == found.core
    assert (kept.number == found.number).all()
    for name in ("ahead", "behind"):
        for part in ("start", "edge", "cost_ms"):
            array = getattr(getattr(kept, name), part)
            assert (array == getattr(getattr(found, name), part)).all()
            assert not array.flags.writeable
