from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import shapely
from networks import (
    CAR,
    LINE,
    NO_TURN_COSTS,
    ONE_WAY,
    PRIVATE,
    STREET,
    lonlat,
    road_tables,
    write_extract,
)
from pyproj import Geod

from accessibility.errors import CrsError, InputError, MissingInputError
from accessibility.inputs.osm import read_roads
from accessibility.network.graph import RoadNetwork, build_network
from accessibility.network.interchange import from_networkx, to_networkx
from accessibility.routing.times import travel_time_matrix
from accessibility.schema import NODE_TAGS, ROAD_TAGS, WGS84, RoadTables
from accessibility.study.study import Study

GEOD = Geod(ellps="GRS80")
SQUARE = {1: (0, 0), 2: (1_000, 0), 3: (1_000, 1_000), 4: (0, 1_000)}
BACK = {**STREET, "oneway": "-1"}
RING = {"highway": "primary", "junction": "roundabout"}
AIMED = {"highway": "stop", "direction": "forward"}

# Every network is of one part, so that a point is reached from every other.
NETWORKS: dict[str, dict[str, Any]] = {
    "one-ways": {
        "roads": [(1, 2, STREET), (2, 3, ONE_WAY), (4, 3, BACK), (4, 1, STREET), (1, 3, STREET)],
    },
    "closed in one direction by other tags": {
        "roads": [
            (1, 2, {**STREET, "motor_vehicle:backward": "no"}),
            (3, 2, {**STREET, "access:forward": "no"}),
            (3, 4, {**STREET, "oneway": "yes", "oneway:motorcar": "no"}),
            (4, 1, {**STREET, "oneway:motor_vehicle": "yes"}),
        ],
    },
    "a roundabout": {
        "roads": [(1, 2, RING), (2, 3, RING), (3, 4, RING), (4, 1, RING), (1, 5, STREET)],
        "nodes": {1: {"highway": "give_way"}},
    },
    "two-way where one-way is implied": {
        "roads": [
            (1, 2, {**RING, "oneway": "no"}),
            (2, 3, {"highway": "motorway", "oneway": "no"}),
            (3, 4, {"highway": "primary", "junction": "circular", "oneway": "no"}),
        ],
    },
    "loops": {
        "roads": [(1, 2, STREET), (2, 2, STREET), (1, 1, ONE_WAY), (2, 3, STREET), (3, 3, BACK)],
    },
    "restricted roads": {
        "roads": [
            (1, 2, PRIVATE),
            (1, 4, STREET),
            (4, 3, {**STREET, "access:forward": "private"}),
            (3, 2, STREET),
        ],
    },
    "signs and barriers": {
        "roads": [(1, 2, STREET), (3, 2, STREET), (3, 4, STREET), (1, 4, BACK), (1, 5, STREET)],
        "nodes": {
            2: AIMED,
            3: {**AIMED, "direction": "backward"},
            4: {"highway": "traffic_signals", "traffic_signals:direction": "backward"},
            1: {"barrier": "gate"},
        },
        "rim": [5],
    },
    "limits with a direction": {
        "roads": [
            (1, 2, {**STREET, "maxspeed:forward": "30", "maxspeed:backward": "70"}),
            (3, 2, {**BACK, "maxspeed:forward": "30", "maxspeed:backward": "70"}),
            (4, 3, {**BACK, "maxspeed:backward": "50"}),
            (4, 1, {**ONE_WAY, "maxspeed:forward": "90"}),
        ],
    },
    "restrictions": {
        "roads": [(1, 2, STREET), (2, 3, STREET), (3, 4, STREET), (4, 1, STREET), (2, 4, STREET)],
        "restrictions": [
            {"kind": "no_left_turn", "from_way": 1, "via_node": 2, "to_way": 2},
            {"kind": "no_u_turn", "from_way": 2, "via_ways": "3", "to_way": 4},
            {"kind": "only_straight_on", "from_way": 5, "via_node": 4, "to_way": 4,
             "except": "bus"},
        ],
    },
    "roads that are closed": {
        "roads": [(1, 2, STREET), (2, 4, {"highway": "steps"}), (2, 3, STREET), (1, 3, STREET)],
    },
    "a ferry": {"roads": [(1, 2, STREET), (2, 3, {"route": "ferry"}), (3, 4, STREET)]},
}  # fmt: skip
PLACES = {**SQUARE, 5: (0, -700)}


def measured(tables: RoadTables) -> RoadTables:
    """The tables with lengths measured on the ellipsoid, as `read_roads` does."""
    length = [round(GEOD.geometry_length(line), 3) for line in tables.roads.geometry]
    return replace(tables, roads=tables.roads.assign(length_m=length))


def small(name: str) -> RoadTables:
    return measured(road_tables(PLACES, **NETWORKS[name]))


def bent(tables: RoadTables, row: int, xy: tuple[float, float]) -> RoadTables:
    """The tables with one road that leads through a point."""
    lines = tables.roads.geometry.to_numpy().copy()
    first, last = lines[row].coords
    lines[row] = shapely.LineString([first, *lonlat([xy]), last])
    return measured(replace(tables, roads=tables.roads.set_geometry(lines, crs=WGS84)))


def on_roads(tables: RoadTables) -> gpd.GeoSeries:
    """A point on each road, nearer to its first node."""
    at = shapely.line_interpolate_point(tables.roads.geometry.to_numpy(), 0.3, normalized=True)
    return gpd.GeoSeries(at, crs=WGS84)


def again(tables: RoadTables, **given: Any) -> tuple[RoadNetwork, RoadNetwork]:
    """A network, and the one that is built from its graph."""
    network = build_network(tables, **given)
    return network, build_network(from_networkx(to_networkx(tables, network)), **given)


def graph_of(tables: RoadTables, **given: Any) -> nx.MultiDiGraph:
    return to_networkx(tables, build_network(tables, **given))


def edge(graph: nx.MultiDiGraph, tail: int, head: int) -> dict[str, Any]:
    (found,) = graph.get_edge_data(tail, head).values()
    return dict(found)


def plain(edges: list[tuple[int, int, dict[str, Any]]], crs: object = WGS84) -> nx.MultiDiGraph:
    """A graph as osmnx makes them, of edges in the square."""
    graph = nx.MultiDiGraph(crs=crs)
    for (node, _), (lon, lat) in zip(PLACES.items(), lonlat(PLACES.values()), strict=True):
        graph.add_node(node, x=float(lon), y=float(lat))
    graph.add_edges_from(edges)
    return graph


def both_ways(tail: int, head: int, **data: Any) -> list[tuple[int, int, dict[str, Any]]]:
    data = {"osmid": 1, "highway": "primary", "oneway": False, **data}
    return [
        (tail, head, {**data, "reversed": False}),
        (head, tail, {**data, "reversed": True}),
    ]


# There and back


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("profile", [CAR, NO_TURN_COSTS], ids=["turn costs", "none"])
def test_times_are_the_same_after_a_round_trip(name: str, profile: Any) -> None:
    tables = small(name)
    network, found = again(tables, profile=profile)
    assert len(found.segment_road) == len(network.segment_road)
    assert len(found.edge_ms) == len(network.edge_ms)
    assert len(found.following.edge) == len(network.following.edge)
    assert sorted(found.edge_ms) == sorted(network.edge_ms)
    xy = on_roads(tables)
    times = travel_time_matrix(network, xy, xy)
    assert np.isfinite(times).sum() > len(xy)
    assert (travel_time_matrix(found, xy, xy) == times).all()


def test_roads_between_the_same_nodes_stay_apart() -> None:
    tables = road_tables(
        SQUARE,
        [(1, 2, STREET), (1, 2, ONE_WAY), (2, 1, {**BACK, "maxspeed": "30"}), (2, 3, STREET)],
    )
    tables = bent(bent(tables, 1, (500, 300)), 2, (500, -300))
    network, found = again(tables)
    assert len(found.segment_road) == 4
    xy = on_roads(tables)
    times = travel_time_matrix(network, xy, xy)
    assert (travel_time_matrix(found, xy, xy) == times).all()
    graph = to_networkx(tables, network)
    assert graph.number_of_edges(1, 2) == 3
    assert graph.number_of_edges(2, 1) == 1


def test_what_is_in_the_tables_comes_back() -> None:
    tags = {**STREET, "name": "Grande Rue", "ref": "D 1", "surface": "gravel", "lanes": "2"}
    closed = {**STREET, "access:backward": "no"}
    roads = [(1, 2, tags), (2, 3, {**ONE_WAY, "access": "private"}), (4, 3, BACK), (1, 4, closed)]
    tables = measured(road_tables(SQUARE, roads, {2: AIMED, 3: {"barrier": "gate"}}, rim=[1]))
    tables = replace(
        tables, roads=tables.roads.assign(urban=[0.25, np.nan, 1, 0], duration_s=[np.nan, 90, 1, 5])
    )
    found = from_networkx(graph_of(tables))
    order = found.roads["osm_way_id"].to_numpy() - 1
    same(found.roads, tables.roads.iloc[order].reset_index(drop=True))
    same(found.nodes, tables.nodes)


def same(found: gpd.GeoDataFrame, expected: gpd.GeoDataFrame) -> None:
    assert found.columns.tolist() == expected.columns.tolist()
    assert found.geometry.tolist() == expected.geometry.tolist()
    for name in found.columns.drop("geometry"):
        ours, theirs = found[name].astype(object), expected[name].astype(object)
        assert (ours.isna() == theirs.isna()).all(), name
        assert ours.dropna().tolist() == theirs.dropna().tolist(), name


def test_a_second_round_trip_changes_nothing() -> None:
    first = from_networkx(graph_of(small("signs and barriers")))
    second = from_networkx(graph_of(first))
    pd.testing.assert_frame_equal(second.roads, first.roads)
    pd.testing.assert_frame_equal(second.nodes, first.nodes)
    pd.testing.assert_frame_equal(second.restrictions, first.restrictions)


def test_restrictions_come_back() -> None:
    tables = small("restrictions")
    found = from_networkx(graph_of(tables)).restrictions
    pd.testing.assert_frame_equal(found, tables.restrictions)


def test_the_order_of_a_graph_does_not_matter() -> None:
    graph = graph_of(small("signs and barriers"))
    mixed = nx.MultiDiGraph(**graph.graph)
    mixed.add_nodes_from(reversed(list(graph.nodes(data=True))))
    mixed.add_edges_from(reversed(list(graph.edges(data=True))))
    first, second = from_networkx(graph), from_networkx(mixed)
    pd.testing.assert_frame_equal(second.roads, first.roads)
    pd.testing.assert_frame_equal(second.nodes, first.nodes)


def test_a_road_closed_by_its_access_is_no_one_way_road() -> None:
    dual = replace(CAR, name="dual carriageways", one_way_kph={"primary": 110.0})
    roads = [
        (1, 2, {"highway": "primary", "motor_vehicle:backward": "no"}),
        (2, 3, {"highway": "primary", "oneway": "yes"}),
        (3, 1, {"highway": "primary"}),
    ]
    network, found = again(measured(road_tables(SQUARE, roads)), profile=dual)
    assert sorted(network.segment_kph[:, 0]) == [65.0, 65.0, 110.0]
    assert sorted(found.segment_kph[:, 0]) == [65.0, 65.0, 110.0]


@pytest.mark.jura
def test_a_part_of_the_jura_comes_back(jura: Study) -> None:
    tables = jura.roads
    near = shapely.intersects_xy(
        shapely.box(5.4, 46.6, 5.7, 46.8),
        *shapely.get_coordinates(shapely.get_point(tables.roads.geometry.to_numpy(), 0)).T,
    )
    part = replace(tables, roads=tables.roads[near].reset_index(drop=True))
    assert len(part.roads) > 10_000
    network, found = again(part)
    assert len(found.segment_road) == len(network.segment_road)
    assert len(found.edge_ms) == len(network.edge_ms)
    assert (np.sort(found.segment_length_m) == np.sort(network.segment_length_m)).all()
    xy = on_roads(part)[::200]
    times = travel_time_matrix(network, xy, xy)
    assert np.isfinite(times).mean() > 0.9
    assert (travel_time_matrix(found, xy, xy) == times).all()


# To networkx


def test_an_edge_has_what_is_known_of_its_road() -> None:
    tags = {**STREET, "name": "Grande Rue", "maxspeed:backward": "90", "oneway": "no"}
    tables = measured(road_tables(LINE, [(1, 2, tags), (3, 2, {**BACK, "access": "private"})]))
    tables = replace(tables, roads=tables.roads.assign(urban=[0.5, np.nan]))
    graph = graph_of(tables)
    length_m = tables.roads["length_m"].tolist()
    there, back = edge(graph, 1, 2), edge(graph, 2, 1)
    line = tables.roads.geometry[0]
    assert there.pop("travel_time") == pytest.approx(length_m[0] / 10, abs=5e-4)
    assert back.pop("travel_time") == pytest.approx(length_m[0] / 20, abs=5e-4)
    assert there == {
        "osmid": 1, "length": length_m[0], "speed_kph": pytest.approx(36), "geometry": line,
        "oneway": False, "reversed": False, "urban": 0.5, "country": "FR", "name": "Grande Rue",
        "highway": "primary", "maxspeed": "45", "maxspeed:backward": "90",
    }  # fmt: skip
    assert back == {
        **there, "speed_kph": pytest.approx(72), "reversed": True, "geometry": line.reverse()
    }  # fmt: skip
    alone = edge(graph, 2, 3)
    assert alone.pop("travel_time") == pytest.approx(length_m[1] / 10, abs=5e-4)
    assert alone == {
        "osmid": 2, "length": length_m[1], "speed_kph": pytest.approx(36),
        "geometry": tables.roads.geometry[1].reverse(), "oneway": True, "reversed": True,
        "oneway_tag": "-1", "restricted": True, "country": "FR", "highway": "primary",
        "maxspeed": "45", "access": "private",
    }  # fmt: skip
    assert set(graph.edges(keys=True)) == {(1, 2, 0), (2, 1, 0), (2, 3, 0)}
    plain_kinds = {int, float, str, bool, shapely.LineString}
    assert {type(v) for _, _, d in graph.edges(data=True) for v in d.values()} <= plain_kinds


def test_a_node_has_its_place_and_tags() -> None:
    roads = [(1, 2, STREET), (2, 2, STREET), (2, 3, STREET), (3, 4, {"highway": "steps"})]
    signs = {2: {"highway": "stop", "stop": "minor"}, 4: {"barrier": "gate"}}
    graph = graph_of(road_tables(SQUARE, roads, signs, rim=[1]))
    (lon, lat), *_ = lonlat([SQUARE[2]])
    assert graph.nodes[2] == {
        "x": pytest.approx(lon), "y": pytest.approx(lat), "street_count": 4,
        "highway": "stop", "stop": "minor",
    }  # fmt: skip
    assert set(graph) == {1, 2, 3}  # steps are closed
    assert graph.nodes[1]["rim"] is True
    assert graph.nodes[3].keys() == {"x", "y", "street_count"}


def test_a_graph_tells_its_crs_and_profile() -> None:
    graph = graph_of(small("loops"), profile=NO_TURN_COSTS)
    assert isinstance(graph, nx.MultiDiGraph)
    assert graph.graph == {
        "crs": "epsg:4326", "profile": "no turn costs", "simplified": True, "restrictions": "[]"
    }  # fmt: skip


def test_a_network_of_other_tables_is_refused() -> None:
    tables = small("loops")
    network = build_network(tables)
    fewer = replace(tables, roads=tables.roads.iloc[:-1])
    longer = replace(tables, roads=tables.roads.assign(length_m=tables.roads["length_m"] + 1))
    for other in (fewer, longer):
        with pytest.raises(InputError, match="the network was not built from these road tables"):
            to_networkx(other, network)


def grid(n: int, seed: int, **given: Any) -> tuple[RoadTables, list[int]]:
    """A town of n by n junctions, and the ends of the blind alleys that lead out of it."""
    chance = np.random.default_rng(seed)
    places = {i * n + j: (i * 300.0, j * 200.0) for i in range(n) for j in range(n)}
    streets = [(a, a + 1) for a in places if a % n < n - 1]
    streets += [(a, a + n) for a in places if a < n * (n - 1)]
    kinds = [STREET, ONE_WAY, BACK, {**STREET, "maxspeed": "90"}, {"highway": "service"}]
    drawn = zip(streets, chance.integers(0, 5, len(streets)).tolist(), strict=True)
    # the street from alley to alley is slow and open, so that none of them is cut off
    roads = [(a, b, kinds[4] if a % n == b % n == 0 else kinds[i]) for (a, b), i in drawn]
    alleys = {100 + i: (i * 300.0, -150.0) for i in range(n)}
    roads += [(end, i * n, STREET) for i, end in enumerate(alleys)]
    return measured(road_tables({**places, **alleys}, roads, **given)), list(alleys)


def by_networkx(graph: nx.MultiDiGraph, nodes: list[int]) -> np.ndarray:
    weights = {n: nx.single_source_dijkstra_path_length(graph, n, weight="travel_time")
               for n in nodes}  # fmt: skip
    return np.array([[weights[a].get(b, np.inf) for b in nodes] for a in nodes])


def between(network: RoadNetwork, graph: nx.MultiDiGraph, nodes: list[int]) -> np.ndarray:
    at = shapely.points([(graph.nodes[n]["x"], graph.nodes[n]["y"]) for n in nodes])
    xy = gpd.GeoSeries(at, crs=WGS84)
    return travel_time_matrix(network, xy, xy)


@pytest.mark.parametrize("seed", range(5))
def test_where_turns_cost_nothing_networkx_finds_our_times(seed: int) -> None:
    tables, ends = grid(7, seed)
    network = build_network(tables, profile=NO_TURN_COSTS)
    graph = to_networkx(tables, network)
    times = between(network, graph, ends)
    assert np.isfinite(times).all()
    assert by_networkx(graph, ends) == pytest.approx(times, abs=1e-6)


def test_with_turn_costs_networkx_is_never_slower() -> None:
    signals = {n: {"highway": "traffic_signals"} for n in (8, 16, 24)}
    tables, ends = grid(7, 1, nodes=signals)
    network = build_network(tables)
    graph = to_networkx(tables, network)
    ours, theirs = between(network, graph, ends), by_networkx(graph, ends)
    apart = ~np.eye(len(ends), dtype=bool)
    assert (theirs[apart] < ours[apart]).all()
    assert (theirs[apart] > 0.5 * ours[apart]).all()


# From networkx


def test_a_pair_of_edges_is_one_road() -> None:
    roads = from_networkx(plain(both_ways(2, 1, maxspeed="50"))).roads
    assert roads[["from_node", "to_node", "osm_way_id"]].to_numpy().tolist() == [[2, 1, 1]]
    assert roads["oneway"].isna().all()
    assert roads["maxspeed"].tolist() == ["50"]


@pytest.mark.parametrize(
    "change",
    [
        {"osmid": 2},
        {"reversed": False},
        {"geometry": shapely.LineString(lonlat([SQUARE[2], (500, 100), SQUARE[1]]))},
    ],
    ids=["osmid", "reversed", "geometry"],
)
def test_edges_that_are_not_each_others_reverse_are_two_roads(change: dict[str, Any]) -> None:
    there, (tail, head, back) = both_ways(1, 2)
    found = from_networkx(
        plain(
            [(1, 2, {**there[2], "oneway": True}), (tail, head, {**back, "oneway": True, **change})]
        )
    ).roads
    assert len(found) == 2
    assert found["oneway"].notna().all()
    network = build_network(measured(from_networkx(plain([*both_ways(2, 3), *both_ways(1, 3)]))))
    assert len(network.segment_road) == 2


@pytest.mark.parametrize(
    ("tags", "oneway"),
    [
        ({"junction": "roundabout"}, "no"),
        ({"junction": "circular"}, "no"),
        ({"highway": "motorway"}, "no"),
        ({"highway": "motorway_link"}, None),
        ({"highway": "trunk"}, None),
    ],
)
def test_a_pair_stays_two_way_where_one_way_is_implied(
    tags: dict[str, str], oneway: str | None
) -> None:
    tables = from_networkx(plain(both_ways(1, 2, **tags)))
    assert (
        tables.roads["oneway"].astype(object).where(tables.roads["oneway"].notna(), None)[0]
        == oneway
    )
    assert (build_network(tables).segment_edges >= 0).all()


def test_an_edge_alone_is_a_one_way_road() -> None:
    data = {"osmid": 4, "highway": "primary", "oneway": True}
    edges = [(1, 2, {**data, "reversed": False}), (2, 3, {**data, "reversed": True}), (3, 4, data)]
    roads = from_networkx(plain(edges)).roads.sort_values(["from_node", "to_node"])
    assert roads[["from_node", "to_node"]].to_numpy().tolist() == [[1, 2], [3, 2], [3, 4]]
    assert roads["oneway"].tolist() == ["yes", "-1", "yes"]
    starts = shapely.get_coordinates(shapely.get_point(roads.geometry.to_numpy(), 0))
    assert starts == pytest.approx(lonlat([SQUARE[1], SQUARE[3], SQUARE[3]]))


def test_what_is_open_is_what_has_an_edge() -> None:
    graph = graph_of(measured(road_tables(SQUARE, [(1, 2, STREET), (2, 3, STREET)])))
    graph.remove_edge(2, 1)  # what if this street became one-way?
    with pytest.warns(UserWarning, match=r"^1 edges say oneway=False and have no reverse"):
        tables = from_networkx(graph)
    assert tables.roads.set_index("from_node")["oneway"].dropna().to_dict() == {1: "yes"}


def test_merged_edges_do_not_tell_their_direction_and_still_make_a_pair() -> None:
    merged = {"reversed": [False, True], "osmid": [3, 5]}
    (u, v, there), (_, _, back) = both_ways(1, 2, **merged)
    there, back = there | merged, back | {"reversed": [True, False], "osmid": [5, 3]}
    for edges in ([(u, v, there), (v, u, back)], [(v, u, back), (u, v, there)]):
        roads = from_networkx(plain(edges)).roads
        assert len(roads) == 1
        assert roads["oneway"].isna().all()
        assert roads["osm_way_id"].tolist() == [3]
    alone = from_networkx(plain([(2, 1, {**back, "oneway": True})])).roads
    assert alone[["from_node", "to_node", "oneway"]].to_numpy().tolist() == [[2, 1, "yes"]]


@pytest.mark.parametrize("told", [True, False])
def test_a_loop_that_is_driven_both_ways_is_one_road(told: bool) -> None:
    line = shapely.LineString(lonlat([SQUARE[1], SQUARE[2], SQUARE[3], SQUARE[1]]))
    (_, _, there), (_, _, back) = both_ways(1, 1, geometry=line)
    back["geometry"] = line.reverse()
    if not told:
        del there["reversed"], back["reversed"]
    roads = from_networkx(plain([(1, 1, there), (1, 1, back)])).roads
    assert len(roads) == 1
    assert roads["oneway"].isna().all()
    assert len(from_networkx(plain([(1, 1, {**there, "oneway": True})])).roads["oneway"]) == 1


def test_roads_that_lie_upon_one_another_are_all_kept() -> None:
    roads = from_networkx(plain([*both_ways(1, 2), *both_ways(1, 2)])).roads
    assert len(roads) == 2
    assert roads["oneway"].isna().all()


def test_an_edge_without_geometry_is_straight_and_measured_on_the_ellipsoid() -> None:
    roads = from_networkx(plain(both_ways(1, 3, length=5.0))).roads
    line = shapely.LineString(lonlat([SQUARE[1], SQUARE[3]]))
    assert shapely.get_coordinates(roads.geometry[0]) == pytest.approx(
        shapely.get_coordinates(line)
    )
    assert roads["length_m"].tolist() == [round(GEOD.geometry_length(line), 3)]


def test_a_geometry_that_is_drawn_against_its_edge_is_turned() -> None:
    line = shapely.LineString(lonlat([SQUARE[1], (900, 200), SQUARE[2]]))
    edges = both_ways(1, 2, geometry=line)  # as made of a graph without directions
    assert from_networkx(plain(edges)).roads.geometry.tolist() == [line]
    turned = [(2, 1, {**edges[0][2], "oneway": True})]
    assert from_networkx(plain(turned)).roads.geometry.tolist() == [line.reverse()]


def test_a_graph_without_parallel_edges_is_read() -> None:
    tables = from_networkx(nx.DiGraph(plain(both_ways(1, 2))))
    assert len(tables.roads) == 1


def test_values_are_written_as_openstreetmap_does() -> None:
    odd = {"maxspeed": 50.0, "lanes": 2, "bridge": True, "toll": False, "width": 3.5,
           "name": np.nan, "ref": None}  # fmt: skip
    row = from_networkx(plain(both_ways(1, 2, **odd))).roads.iloc[0]
    assert [row[k] for k in ("maxspeed", "lanes", "bridge", "toll", "width")] == [
        "50", "2", "yes", "no", "3.5",
    ]  # fmt: skip
    assert row[["name", "ref"]].isna().all()


def test_of_several_values_the_first_stands_and_this_is_told() -> None:
    edges = [*both_ways(1, 2, maxspeed=["50", "80"], lanes=["1", "2"]), *both_ways(2, 3)]
    edges += [(3, 4, {"osmid": 1, "highway": ["tertiary", "primary"], "maxspeed": []})]
    edges[1][2]["maxspeed"] = ["80", "50"]  # the order of a set
    with pytest.warns(UserWarning, match=r"^3 edges have a list for a tag") as told:
        roads = from_networkx(plain(edges)).roads.sort_values("from_node")
    assert len(told) == 1
    assert told[0].filename == __file__
    assert roads["highway"].tolist() == ["primary", "primary", "tertiary"]
    assert roads["maxspeed"].dropna().tolist() == ["50"]


def test_tags_that_differ_by_direction_are_told() -> None:
    there, back = both_ways(1, 2, maxspeed="50")
    back[2]["maxspeed"] = "80"
    with pytest.warns(UserWarning, match=r"^1 roads have other tags in the edge against the way"):
        roads = from_networkx(plain([there, back])).roads
    assert roads["maxspeed"].tolist() == ["50"]


def test_nodes_with_tags_are_kept() -> None:
    graph = plain(both_ways(1, 2))
    graph.nodes[3].update(highway="stop", direction="forward", junction="yes")
    graph.nodes[2].update(barrier="gate", rim="True")  # as GraphML has it
    graph.nodes[1].update(highway=None, rim=False)
    nodes = from_networkx(graph).nodes
    assert nodes["node_id"].tolist() == [2, 3]
    assert nodes["rim"].tolist() == [True, False]
    assert nodes["barrier"].dropna().tolist() == ["gate"]
    assert nodes["direction"].dropna().tolist() == ["forward"]
    assert nodes.geometry[1].coords[0] == pytest.approx(tuple(lonlat([SQUARE[3]])[0]))


def test_a_graph_of_osmnx_knows_its_country_but_no_built_up_areas() -> None:
    tables = from_networkx(plain(both_ways(1, 2)))
    assert tables.roads["country"].tolist() == ["FR"]
    assert tables.roads[["urban", "duration_s"]].isna().all(axis=None)
    assert tables.nodes.empty
    assert tables.restrictions.empty
    assert len(build_network(tables).edge_ms) == 2


def test_the_graph_stays_as_it_is() -> None:
    graph = graph_of(small("signs and barriers"))
    graph.add_edges_from(both_ways(1, 3, maxspeed=["50", "80"]))
    before = nx.MultiDiGraph(**graph.graph)
    before.add_nodes_from((n, dict(d)) for n, d in graph.nodes(data=True))
    before.add_edges_from((u, v, k, dict(d)) for u, v, k, d in graph.edges(keys=True, data=True))
    with pytest.warns(UserWarning, match="2 edges have a list"):
        from_networkx(graph)
    assert nx.utils.graphs_equal(graph, before)


def test_the_tables_stay_as_they_are() -> None:
    tables = small("signs and barriers")
    roads, nodes = tables.roads.copy(), tables.nodes.copy()
    graph_of(tables)
    pd.testing.assert_frame_equal(tables.roads, roads)
    pd.testing.assert_frame_equal(tables.nodes, nodes)


# What is refused


def without(part: str) -> nx.MultiDiGraph:
    graph = plain(both_ways(1, 2))
    if part in ("x", "y"):
        del graph.nodes[3][part], graph.nodes[5][part]
    else:
        del graph.edges[1, 2, 0][part]
    return graph


def with_node(**data: Any) -> nx.MultiDiGraph:
    graph = plain(both_ways(1, 2))
    graph.nodes[3].update(data)
    return graph


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        ("graph.graphml", r"^a str is given; a graph of networkx with directed edges"),
        (nx.MultiGraph(crs=WGS84), r"^a MultiGraph is given; .*\(MultiDiGraph or DiGraph\)"),
        (nx.MultiDiGraph(crs=WGS84), r"^the graph has no nodes\.$"),
        (plain([]), r"^the graph has no edges\.$"),
        (nx.relabel_nodes(plain(both_ways(1, 2)), {1: "a", 2: 2.0}),
         r"^the graph has nodes whose id is no whole number \(a, 2\.0\)\.$"),
        (without("x"), r"^the graph has nodes without a finite x and y \(3, 5\)\.$"),
        (without("y"), r"nodes without a finite x and y \(3, 5\)\.$"),
        (with_node(x=np.nan), r"nodes without a finite x and y \(3\)\.$"),
        (with_node(y=np.inf), r"nodes without a finite x and y \(3\)\.$"),
        (with_node(y="46.5"), r"nodes without a finite x and y \(3\)\.$"),
        (without("highway"), r"^the graph has edges without highway and route \(1-2\)\.$"),
        (without("osmid"), r"^the graph has edges whose osmid is no whole number \(1-2\)\.$"),
        (plain(both_ways(1, 2, osmid="w1")), r"osmid is no whole number \(1-2, 2-1\)\.$"),
        (plain(both_ways(1, 2, geometry="LINESTRING (5 46, 6 46)")),
         r"^the graph has edges whose geometry is no LineString \(1-2, 2-1\)\.$"),
        (plain(both_ways(1, 2, geometry=shapely.LineString())), r"geometry is no LineString"),
        (plain(both_ways(1, 2, urban="half")), r"^the graph has edges whose urban is no number"),
        (plain(both_ways(1, 2, urban=-1.0)), r"the table of roads has urban under 0 in rows 0\.$"),
        (plain([(1, 2, {}), (2, 1, {"osmid": 1, "route": "ferry"})]),
         r"highway and route \(1-2\); it has edges whose osmid is no whole number \(1-2\)\.$"),
    ],
)  # fmt: skip
def test_a_graph_that_lacks_something_is_told(graph: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        from_networkx(graph)


@pytest.mark.parametrize("text", ["no table", "[{]", '[{"kind": "no_exit"}]', None, [1]])
def test_restrictions_that_cannot_be_read_are_told(text: object) -> None:
    graph = plain(both_ways(1, 2))
    graph.graph["restrictions"] = text
    with pytest.raises(InputError, match="attribute restrictions is not what to_networkx writes"):
        from_networkx(graph)


@pytest.mark.parametrize(
    ("crs", "message"),
    [
        ("EPSG:2154", r"^the graph is in EPSG:2154, expected is EPSG:4326: convert it with "
                      r"ox\.projection\.project_graph\(G, to_latlong=True\)\.$"),
        ("here", r"^the crs of the graph, 'here', is none; EPSG:4326 is expected\.$"),
        (None, r"^the graph has no crs; EPSG:4326 is expected"),
    ],
)  # fmt: skip
def test_a_graph_in_another_crs_is_refused(crs: object, message: str) -> None:
    with pytest.raises(CrsError, match=message):
        from_networkx(plain(both_ways(1, 2), crs=crs))


@pytest.mark.parametrize("crs", ["epsg:4326", 4326, "OGC:CRS84"])
def test_longitude_and_latitude_have_several_names(crs: object) -> None:
    assert len(from_networkx(plain(both_ways(1, 2), crs=crs)).roads) == 1


def test_what_to_install_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = small("loops")
    network, graph = build_network(tables), plain(both_ways(1, 2))
    monkeypatch.setitem(sys.modules, "networkx", None)
    message = r'^networkx is not installed: pip install "accessibility-toolkit\[osmnx\]"\.$'
    with pytest.raises(MissingInputError, match=message):
        to_networkx(tables, network)
    with pytest.raises(MissingInputError, match=message):
        from_networkx(graph)


def test_networkx_is_loaded_when_it_is_needed() -> None:
    code = "import sys, accessibility.network.interchange; print('networkx' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


# With osmnx


@pytest.fixture
def ox(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    osmnx: ModuleType = pytest.importorskip("osmnx")
    monkeypatch.setattr(osmnx.settings, "useful_tags_way", [*ROAD_TAGS, "name", "ref"])
    monkeypatch.setattr(osmnx.settings, "useful_tags_node", list(NODE_TAGS))
    return osmnx


def test_osmnx_plots_our_graph(ox: ModuleType) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    _, axes = ox.plot_graph(graph_of(small("loops")), show=False, close=True)
    assert axes.collections


def test_osmnx_finds_paths_in_our_graph(ox: ModuleType) -> None:
    graph = graph_of(small("one-ways"))
    path = ox.routing.shortest_path(graph, 3, 4, weight="travel_time")
    assert path == [3, 4]
    assert ox.routing.shortest_path(graph, 4, 3, weight="travel_time") == [4, 1, 3]
    told = ox.routing.route_to_gdf(graph, path, weight="travel_time")
    assert told["reversed"].tolist() == [True]


def test_osmnx_makes_tables_of_our_graph(ox: ModuleType) -> None:
    graph = graph_of(small("signs and barriers"))
    nodes, edges = ox.graph_to_gdfs(graph)
    assert len(edges) == graph.number_of_edges()
    assert nodes.crs == edges.crs == WGS84
    starts = shapely.get_coordinates(shapely.get_point(edges.geometry.to_numpy(), 0))
    tails = nodes.loc[edges.index.get_level_values("u"), ["x", "y"]]
    assert (starts == tails.to_numpy()).all()
    streets = ox.stats.count_streets_per_node(graph)
    assert streets == nx.get_node_attributes(graph, "street_count")
    found = from_networkx(ox.graph_from_gdfs(nodes, edges))
    same(found.roads, from_networkx(graph).roads)
    same(found.nodes, from_networkx(graph).nodes)


def test_osmnx_projects_our_graph_and_finds_nodes_in_it(ox: ModuleType) -> None:
    tables = small("limits with a direction")
    network = build_network(tables)
    flat = ox.projection.project_graph(to_networkx(tables, network))
    x, y = flat.nodes[3]["x"], flat.nodes[3]["y"]
    assert ox.distance.nearest_nodes(flat, x + 20, y - 20) == 3
    with pytest.raises(CrsError, match="project_graph"):
        from_networkx(flat)
    found = build_network(from_networkx(ox.projection.project_graph(flat, to_latlong=True)))
    assert len(found.edge_ms) == len(network.edge_ms)
    xy = on_roads(tables)
    expected = travel_time_matrix(network, xy, xy)
    assert travel_time_matrix(found, xy, xy) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("name", NETWORKS)
def test_our_graph_survives_a_file(ox: ModuleType, tmp_path: Path, name: str) -> None:
    tables = small(name)
    graph = graph_of(tables)
    ox.save_graphml(graph, tmp_path / "graph.graphml")
    loaded = ox.load_graphml(tmp_path / "graph.graphml")
    found, expected = from_networkx(loaded), from_networkx(graph)
    pd.testing.assert_frame_equal(found.roads, expected.roads)
    pd.testing.assert_frame_equal(found.nodes, expected.nodes)
    pd.testing.assert_frame_equal(found.restrictions, expected.restrictions)


# A village: a way with bends, a roundabout, one-ways, a private road, a loop, signals and a gate.
VILLAGE = {
    1: (0, 0), 2: (300, 40), 3: (600, 0), 4: (1_000, 0), 5: (1_000, 500), 6: (600, 500),
    7: (600, 250), 8: (0, 500), 9: (-400, 0), 10: (1_400, 0), 11: (1_030, 30), 12: (1_060, 0),
    13: (1_030, -30), 14: (600, 800), 15: (700, 900), 16: (500, 900), 17: (0, 900),
    18: (1_400, 500),
}  # fmt: skip
WAYS = [
    (1, [9, 1, 2, 3], {"highway": "primary", "maxspeed": "80", "name": "Grande Rue"}),
    (2, [3, 4], {"highway": "primary", "maxspeed": "50", "name": "Grande Rue"}),
    (3, [4, 13, 12, 11, 4], {"highway": "primary", "junction": "roundabout"}),
    (4, [12, 10], {"highway": "secondary", "maxspeed:forward": "70", "maxspeed:backward": "30"}),
    (5, [11, 5], {"highway": "tertiary", "oneway": "yes"}),
    (6, [3, 7, 6, 5], {"highway": "residential", "oneway": "yes"}),
    (7, [6, 8], {"highway": "residential", "oneway": "-1"}),
    (8, [8, 1], {"highway": "residential", "access": "private"}),
    (9, [6, 14, 15, 16, 14], {"highway": "service"}),
    (10, [8, 17], {"highway": "unclassified", "surface": "gravel"}),
    (11, [5, 18], {"highway": "unclassified", "access": "no"}),
    (12, [5, 4], {"highway": "residential"}),
    (13, [9, 17], {"highway": "residential"}),
]
SIGNS = {3: {"highway": "traffic_signals"}, 8: {"barrier": "gate"}}


def village(path: Path) -> Path:
    return write_extract(path, VILLAGE, WAYS, nodes=SIGNS)


def test_the_tables_of_a_file_come_back(tmp_path: Path) -> None:
    tables = read_roads(village(tmp_path / "village.osm"))
    found = from_networkx(graph_of(tables))
    open_ = tables.roads[tables.roads["access"] != "no"].reset_index(drop=True)
    same(found.roads, open_[found.roads.columns])
    same(found.nodes, tables.nodes[tables.nodes["node_id"] != 18].reset_index(drop=True))


def along(tables: RoadTables) -> gpd.GeoSeries:
    """Points on all roads that are not within a stone's throw of a junction."""
    lines = tables.roads.to_crs(2154).geometry
    lines = lines[(lines.length > 150) & (tables.roads["access"] != "no").to_numpy()]
    return gpd.GeoSeries(lines.interpolate(60), crs=2154).to_crs(WGS84)


@pytest.mark.parametrize(
    "simplify",
    [
        lambda ox, graph: graph,
        lambda ox, graph: ox.simplify_graph(
            graph, node_attrs_include=["highway", "barrier"], edge_attrs_differ=["osmid"]
        ),
    ],
    ids=["as it is", "simplified"],
)
@pytest.mark.parametrize("profile", [CAR, NO_TURN_COSTS], ids=["turn costs", "none"])
def test_a_graph_of_osmnx_gives_the_times_of_its_file(
    ox: ModuleType, tmp_path: Path, simplify: Callable[..., nx.MultiDiGraph], profile: Any
) -> None:
    file = village(tmp_path / "village.osm")
    ours = read_roads(file)
    graph = simplify(ox, ox.graph_from_xml(file, simplify=False))
    theirs = from_networkx(graph)
    xy = along(ours)
    expected = travel_time_matrix(build_network(ours, profile=profile), xy, xy)
    found = travel_time_matrix(build_network(theirs, profile=profile), xy, xy)
    assert len(xy) >= 10
    assert np.isfinite(expected).all()
    assert found == pytest.approx(expected, abs=0.02)  # each edge is rounded to a millisecond
    assert theirs.roads["length_m"].sum() == pytest.approx(ours.roads["length_m"].sum(), abs=0.1)


def test_a_graph_simplified_by_default_is_read(ox: ModuleType, tmp_path: Path) -> None:
    file = village(tmp_path / "village.osm")
    ours = read_roads(file)
    with pytest.warns(UserWarning, match="edges have a list for a tag"):
        theirs = from_networkx(ox.graph_from_xml(file))
    assert theirs.roads["length_m"].sum() == pytest.approx(ours.roads["length_m"].sum(), abs=0.1)
    assert len(build_network(theirs).edge_ms) > 20


def test_a_graph_with_one_edge_for_each_way_is_told(
    ox: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ox.settings, "all_oneway", True)
    ways = [(1, [1, 2], STREET), (2, [2, 3], {**STREET, "oneway": "no"})]
    file = write_extract(tmp_path / "line.osm", LINE, ways)
    with pytest.warns(UserWarning, match=r"^1 edges say oneway=False .*all_oneway"):
        from_networkx(ox.graph_from_xml(file))
