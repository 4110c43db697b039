from __future__ import annotations

import json
import math
from dataclasses import fields, replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from networks import (
    LINE,
    NO_TURN_COSTS,
    ONE_WAY,
    PRIVATE,
    STREET,
    edge,
    facilities,
    points,
    road_tables,
    turn_s,
    write_extract,
)

from accessibility.errors import CrsError, InputError
from accessibility.inputs.osm import read_roads
from accessibility.network.graph import RoadNetwork, Turns, build_network
from accessibility.routing.times import travel_time_matrix, travel_times
from accessibility.schema import RoadTables

SQUARE = {1: (0, 0), 2: (1_000, 0), 3: (1_000, 1_000), 4: (0, 1_000)}
TOWN = [
    (1, 2, STREET),
    (2, 3, ONE_WAY),
    (3, 4, PRIVATE),
    (4, 1, {**STREET, "oneway": "-1"}),
    (1, 3, STREET),
    (2, 2, STREET),
    (2, 4, {"highway": "steps"}),
]


def town() -> RoadNetwork:
    return build_network(road_tables(SQUARE, TOWN, {2: {"highway": "stop"}}))


def arrays(network: RoadNetwork) -> dict[str, np.ndarray]:
    found = {}
    for item in fields(network):
        value = getattr(network, item.name)
        if isinstance(value, Turns):
            found |= {f"{item.name}.{f.name}": getattr(value, f.name) for f in fields(value)}
        elif isinstance(value, np.ndarray):
            found[item.name] = value
    return found


def pairs(turns: Turns) -> list[tuple[int, int, int]]:
    before = np.repeat(np.arange(len(turns.start) - 1), np.diff(turns.start))
    rows = zip(before, turns.edge, turns.cost_ms, strict=True)
    return [(int(a), int(b), int(c)) for a, b, c in rows]


def test_preceding_is_following_read_backwards() -> None:
    network = town()
    following, preceding = pairs(network.following), pairs(network.preceding)
    assert len(following) > 10
    assert sorted((b, a, c) for a, b, c in preceding) == following
    assert following == sorted(following)
    assert preceding == sorted(preceding)


def test_edges_follow_one_another_at_a_node() -> None:
    network = town()
    ends = [(a, b) for a, b, tags in TOWN if tags["highway"] != "steps"]

    def tail_head(e: int) -> tuple[int, int]:
        tail, head = ends[network.edge_segment[e]]
        return (head, tail) if network.edge_backward[e] else (tail, head)

    for before, after, _ in pairs(network.following):
        assert tail_head(before)[1] == tail_head(after)[0]


def test_arrays_agree_with_the_tables() -> None:
    network = town()
    assert network.segment_road.tolist() == [0, 1, 2, 3, 4, 5]  # steps are left out
    assert (network.segment_edges >= 0).tolist() == [
        [True, True], [True, False], [True, True], [False, True], [True, True], [True, True],
    ]  # fmt: skip
    assert ((network.segment_edges >= 0) == (network.segment_kph > 0)).all()
    for segment, (forward, backward) in enumerate(network.segment_edges):
        for e, reverse in ((forward, False), (backward, True)):
            if e >= 0:
                assert network.edge_segment[e] == segment
                assert network.edge_backward[e] == reverse
    assert network.edge_ms[edge(network, 0)] == 100_000
    assert network.edge_ms[edge(network, 4)] == round(1_000 * 2**0.5 * 100)
    assert network.line_start[-1] == len(network.xy) == 2 * 5 + 4


def test_a_restricted_road_has_an_edge_to_start_on_and_one_to_end_on() -> None:
    network = town()
    for backward in (False, True):
        end = edge(network, 2, backward=backward)
        start = network.edge_departure[end]
        assert start != end
        assert network.edge_departure[start] == start
        assert network.edge_segment[start] == network.edge_segment[end] == 2
        assert network.edge_backward[start] == network.edge_backward[end] == backward
        assert network.edge_ms[start] == network.edge_ms[end]
    public = edge(network, 0)
    assert network.edge_departure[public] == public


def test_no_road_is_driven_in_no_time() -> None:
    places = {1: (0, 0), 2: (0.001, 0)}
    network = build_network(road_tables(places, [(1, 2, STREET)]))
    assert network.edge_ms.tolist() == [1, 1]


def test_repr_tells_the_size() -> None:
    assert repr(town()).startswith("<RoadNetwork osrm-car: 6 segments, 6 km, 12 edges, ")


def test_arrays_cannot_be_changed() -> None:
    for name, array in arrays(town()).items():
        assert not array.flags.writeable, name


def test_a_saved_network_comes_back_as_it_was(tmp_path: Path) -> None:
    network = town()
    network.save(tmp_path / "deep" / "network")
    loaded = RoadNetwork.load(tmp_path / "deep" / "network")
    assert (loaded.profile, loaded.metric_crs) == (network.profile, network.metric_crs)
    assert arrays(loaded).keys() == arrays(network).keys()
    for name, array in arrays(network).items():
        found = arrays(loaded)[name]
        assert found.dtype == array.dtype
        assert (found == array).all(), name
        assert not found.flags.writeable
        assert found.base is not None  # memory-mapped
    demand, sites = points([(250, 10), (10, 500)]), facilities([(900, 900)])
    assert travel_times(loaded, demand, sites).equals(travel_times(network, demand, sites))


def test_a_network_without_turns_comes_back(tmp_path: Path) -> None:
    network = build_network(road_tables(LINE, [(1, 2, ONE_WAY)]))
    network.save(tmp_path / "network")
    assert len(RoadNetwork.load(tmp_path / "network").following.edge) == 0


@pytest.mark.parametrize("kept", [0, 100, 130])
def test_a_network_whose_file_is_cut_short_is_refused(tmp_path: Path, kept: int) -> None:
    town().save(tmp_path / "network")
    file = tmp_path / "network" / "xy.npy"
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(InputError, match="network holds no whole network"):
        RoadNetwork.load(tmp_path / "network")


def test_a_folder_without_a_whole_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no whole network"):
        RoadNetwork.load(tmp_path / "absent")
    for lost in ("xy.npy", "following.cost_ms.npy", "network.json"):
        folder = tmp_path / lost
        town().save(folder)
        (folder / lost).unlink()
        with pytest.raises(InputError, match="holds no whole network"):
            RoadNetwork.load(folder)
    (folder / "network.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="holds no whole network"):
        RoadNetwork.load(folder)


def test_a_network_of_another_version_is_refused(tmp_path: Path) -> None:
    town().save(tmp_path / "network")
    facts = tmp_path / "network" / "network.json"
    facts.write_text(json.dumps({**json.loads(facts.read_text()), "format": 0}), encoding="utf-8")
    with pytest.raises(InputError, match=r"a network of another version; build it again\.$"):
        RoadNetwork.load(tmp_path / "network")


def moved(tables: RoadTables, degrees: float) -> RoadTables:
    def shift(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        return table.set_geometry(table.geometry.translate(degrees))

    return RoadTables(shift(tables.roads), shift(tables.nodes), tables.restrictions)


def test_roads_outside_the_area_of_the_crs_are_refused() -> None:
    tables = moved(road_tables(LINE, [(1, 2, STREET)]), 8.0)
    with pytest.raises(CrsError, match=r"outside the area of EPSG:2154 .*such as EPSG:32633\."):
        build_network(tables)
    network = build_network(tables, metric_crs="EPSG:32633")
    assert network.segment_length_m.tolist() == [1_000]


def test_a_crs_without_an_area_takes_any_road() -> None:
    tables = road_tables(LINE, [(1, 2, STREET)])
    network = build_network(tables, metric_crs="+proj=laea +lat_0=46 +lon_0=5 +units=m")
    assert np.hypot(*(network.xy[1] - network.xy[0])) == pytest.approx(1_000, rel=2e-3)


def test_a_profile_that_opens_no_road_is_told() -> None:
    tables = road_tables(LINE, [(1, 2, {"highway": "steps"}), (2, 3, {"highway": "track"})])
    with pytest.raises(InputError, match="no road of 2 is open to cars under profile osrm-car"):
        build_network(tables)
    with pytest.raises(InputError, match="no road of 0 is open"):
        build_network(road_tables(LINE, []))


def test_faulty_tables_are_told() -> None:
    tables = road_tables(LINE, [(1, 2, STREET)])
    with pytest.raises(InputError, match="table of roads has no column length_m"):
        build_network(replace(tables, roads=tables.roads.drop(columns="length_m")))
    with pytest.raises(InputError, match="table of nodes has no column rim"):
        build_network(replace(tables, nodes=tables.nodes.drop(columns="rim")))
    with pytest.raises(CrsError, match="has no CRS"):
        build_network(replace(tables, roads=tables.roads.set_crs(None, allow_override=True)))


def test_main_is_the_largest_part_one_can_reach_and_leave() -> None:
    places = {**LINE, 4: (3_000, 0), 5: (0, 5_000), 6: (0, 6_000)}
    roads = [(1, 2, STREET), (2, 3, STREET), (2, 4, ONE_WAY), (5, 6, STREET)]
    network = build_network(road_tables(places, roads))
    assert network.segment_main.tolist() == [True, True, False, False]


def test_a_road_at_the_rim_is_known() -> None:
    network = build_network(road_tables(LINE, [(1, 2, STREET), (2, 3, STREET)], rim=[3]))
    assert network.segment_rim.tolist() == [False, True]


# A private short cut between two public ends, and the public way round it of 3,000 m.
AROUND = {0: (-1_000, 0), 5: (2_000, 0), **SQUARE}
DETOUR = [
    (0, 1, STREET),
    (1, 2, PRIVATE),
    (2, 5, STREET),
    (1, 4, STREET),
    (4, 3, STREET),
    (3, 2, STREET),
]
BEFORE, INSIDE, BEHIND = (-100, 0), (400, 0), (1_100, 0)


@pytest.mark.parametrize(
    ("start", "end", "seconds"),
    [
        (BEFORE, BEHIND, 10 + 300 + 10),
        (BEHIND, BEFORE, 10 + 300 + 10),
        (BEFORE, INSIDE, 10 + 40),
        (INSIDE, BEFORE, 40 + 10),
        (BEHIND, INSIDE, 10 + 60),
        (INSIDE, BEHIND, 60 + 10),
        (INSIDE, (900, 0), 50),
        ((900, 0), INSIDE, 50),
    ],
)
def test_a_private_road_serves_to_start_or_end_only(
    start: tuple[float, float], end: tuple[float, float], seconds: float
) -> None:
    network = build_network(road_tables(AROUND, DETOUR), profile=NO_TURN_COSTS)
    demand, sites = points([start]), facilities([end])
    assert travel_times(network, demand, sites)["travel_time_s"].tolist() == [seconds]
    back = travel_times(network, points([end]), facilities([start]), direction="from")
    assert back["travel_time_s"].tolist() == [seconds]
    assert travel_time_matrix(network, demand, sites).tolist() == [[seconds]]
    twice = travel_time_matrix(network, points([start, start]), sites)  # searched from the end
    assert twice.tolist() == [[seconds], [seconds]]


def test_one_private_road_leads_into_the_next() -> None:
    places = {0: (-1_000, 0), 1: (0, 0), 2: (1_000, 0), 3: (2_000, 0)}
    roads = [(0, 1, STREET), (1, 2, PRIVATE), (2, 3, PRIVATE)]
    network = build_network(road_tables(places, roads), profile=NO_TURN_COSTS)
    xy = [(-500, 0), (500, 0), (1_500, 0)]
    expected = [[0, 100, 200], [100, 0, 100], [200, 100, 0]]
    assert travel_time_matrix(network, points(xy), points(xy)).tolist() == expected


def test_a_road_may_be_private_in_one_direction_only() -> None:
    tags = {**STREET, "access:forward": "private"}
    roads = [(a, b, tags if (a, b) == (1, 2) else t) for a, b, t in DETOUR]
    network = build_network(road_tables(AROUND, roads), profile=NO_TURN_COSTS)
    times = travel_time_matrix(network, points([BEFORE, BEHIND]), points([BEFORE, BEHIND]))
    assert times.tolist() == [[0, 320], [120, 0]]


def test_passing_an_exit_of_a_small_roundabout_is_no_turn(tmp_path: Path) -> None:
    corners = [math.tau * i / 24 for i in range(24)]  # driven to the left, radius 8 m
    ring = {i + 1: (8 * math.cos(a), 8 * math.sin(a)) for i, a in enumerate(corners)}
    arms = {100: (60, 0), 101: (0, 60), 102: (-60, 0)}
    ways = [
        (1, [*ring, 1], {**STREET, "junction": "roundabout"}),
        (2, [1, 100], STREET), (3, [7, 101], STREET), (4, [13, 102], STREET),
    ]  # fmt: skip
    tables = read_roads(write_extract(tmp_path / "x.osm.pbf", ring | arms, ways))
    network = build_network(tables)
    ends = list(zip(tables.roads["from_node"], tables.roads["to_node"], strict=True))
    before, after = (edge(network, ends.index(pair)) for pair in ((1, 7), (7, 13)))
    passing = turn_s(network, before, after)
    assert passing is not None
    assert passing < 0.1  # 2.9 s if the point 10 m along told the direction
