from __future__ import annotations

from itertools import pairwise

import geopandas as gpd
import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import (
    CAR,
    LINE,
    NO_TURN_COSTS,
    ONE_WAY,
    PRIVATE,
    STREET,
    XY,
    Road,
    Tags,
    facilities,
    points,
    road_tables,
)
from numba import config
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra

from accessibility.errors import CrsError, InputError, SettingError
from accessibility.network.graph import RoadNetwork, build_network
from accessibility.network.snap import Positions
from accessibility.routing import kernels
from accessibility.routing.times import (
    nearest,
    position_matrix,
    seconds,
    times_table,
    travel_time_matrix,
    travel_times,
)

NO_LIMIT = np.int64(kernels.NEVER - 1)
SQUARE = {1: (0, 0), 2: (1_000, 0), 3: (1_000, 1_000), 4: (0, 1_000)}
RING = [(1, 2, ONE_WAY), (2, 3, ONE_WAY), (3, 4, ONE_WAY), (4, 1, ONE_WAY)]


def line() -> RoadNetwork:
    return build_network(road_tables(LINE, [(1, 2, STREET), (3, 2, STREET)]))


def times(network: RoadNetwork, start: XY, end: XY, **options: object) -> list[float]:
    table = travel_times(network, points([start]), facilities([end]), **options)  # type: ignore[arg-type]
    return [float(t) for t in table["travel_time_s"]]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ((250, 0), (1_750, 0), 150),
        ((250, 0), (750, 0), 50),
        ((750, 0), (250, 0), 50),
        ((1_250, 30), (1_750, -30), 50),
        ((400, 0), (400, 0), 0),
        ((0, 0), (2_000, 0), 200),
        ((-100, 0), (1_000, 0), 100),
    ],
)
def test_parts_of_roads_count_by_their_length(start: XY, end: XY, expected: float) -> None:
    assert times(line(), start, end) == [expected]
    assert times(line(), start, end, direction="from") == [expected]


@pytest.mark.parametrize(
    ("start", "end", "there", "back"),
    [
        ((250, 0), (750, 0), 50, 350),  # on one road, ahead and behind
        ((750, 0), (250, 0), 350, 50),
        ((250, 0), (1_000, 250), 100, 300),
        ((250, 0), (0, 250), 350, 50),
        ((250, 0), (250, 0), 0, 0),
    ],
)
def test_a_ring_of_one_way_roads(start: XY, end: XY, there: float, back: float) -> None:
    network = build_network(road_tables(SQUARE, RING))
    assert times(network, start, end) == [there]
    assert times(network, start, end, direction="from") == [back]
    assert travel_time_matrix(network, points([start]), facilities([end])).tolist() == [[there]]
    assert travel_time_matrix(network, facilities([end]), points([start])).tolist() == [[back]]


def test_roads_drawn_against_their_direction() -> None:
    against = {**STREET, "oneway": "-1"}
    roads = [(b, a, against) for a, b, _ in RING]
    network = build_network(road_tables(SQUARE, roads))
    assert times(network, (250, 0), (750, 0)) == [50]
    assert times(network, (750, 0), (250, 0)) == [350]


def test_speeds_may_differ_by_direction() -> None:
    tags = {**STREET, "maxspeed:backward": "90"}
    network = build_network(road_tables(LINE, [(1, 2, tags), (2, 3, tags)]))
    assert times(network, (500, 0), (1_500, 0)) == [100]
    assert times(network, (1_500, 0), (500, 0)) == [50]


def test_what_is_not_reached_has_no_facility() -> None:
    demand = points([(250, 0), (250, 5_000), (1_900, 0)], ids=["near", "off", "far"])
    table = travel_times(line(), demand, facilities([(300, 40)]), cutoff_s=60)
    assert table["demand_id"].tolist() == ["near", "off", "far"]
    assert table["travel_time_s"].tolist() == [5, np.inf, np.inf]
    assert table["facility_id"].isna().tolist() == [False, True, True]
    assert table["facility_snap_m"].isna().tolist() == [False, True, True]
    assert table["facility_snap_m"][0] == pytest.approx(40)
    assert table["demand_snap_m"].tolist() == pytest.approx([0, np.inf, 0], abs=1e-6)


def test_a_facility_off_the_roads_is_reached_by_nobody() -> None:
    assert times(line(), (250, 0), (300, 200), max_snap_m=100) == [np.inf]
    assert times(line(), (250, 0), (300, 200), max_snap_m=201) == [5]


def test_without_facilities_or_demand_nothing_is_reached() -> None:
    table = travel_times(line(), points([(250, 0)]), facilities([]))
    assert table["travel_time_s"].tolist() == [np.inf]
    assert table["facility_id"].isna().all()
    assert len(travel_times(line(), points([]), facilities([(250, 0)]))) == 0
    assert travel_time_matrix(line(), points([]), points([(250, 0)])).shape == (0, 1)


@pytest.mark.parametrize("ids", [["b", "a"], ["a", "b"]])
def test_of_equally_near_facilities_the_lowest_id_is_named(ids: list[str]) -> None:
    for sites in ([(250, 0), (750, 0)], [(250, 0), (250, 0)]):
        demand = points([(500, 0)])
        for direction in ("to", "from"):
            table = travel_times(line(), demand, facilities(sites, ids), direction=direction)
            assert table["facility_id"].tolist() == ["a"]
            assert table["travel_time_s"].tolist() == [25]


def test_a_tie_across_junctions_is_named_by_the_lowest_id() -> None:
    places = {**LINE, 0: (-1_000, 0), 4: (3_000, 0)}
    roads = [(a, b, STREET) for a, b in pairwise([0, 1, 2, 3, 4])]
    network = build_network(road_tables(places, roads))
    sites = [(-500, 0), (2_500, 0), (2_500, 5)]
    for ids in (["z", "m", "a"], ["a", "m", "z"], ["m", "a", "z"]):
        table = travel_times(network, points([(1_000, 0)]), facilities(sites, ids))
        assert table["facility_id"].tolist() == ["a"]
        assert table["travel_time_s"].tolist() == [150]


@pytest.mark.parametrize("ids", [["a", "b"], ["b", "a"]])
def test_a_tie_where_two_ways_meet_is_named_by_the_lowest_id(ids: list[str]) -> None:
    places = {**LINE, 4: (-600, 800), 5: (-600, -800)}
    roads = [(1, 4, STREET), (5, 1, STREET), (1, 2, STREET), (2, 3, STREET)]
    network = build_network(road_tables(places, roads), profile=NO_TURN_COSTS)
    sites = facilities([(-300, 400), (-300, -400)], ids)
    for direction in ("to", "from"):
        table = travel_times(network, points([(1_500, 0)]), sites, direction=direction)
        assert table["facility_id"].tolist() == ["a"]
        assert table["travel_time_s"].tolist() == [200]


@pytest.mark.parametrize(
    ("cutoff_s", "expected"), [(150, 150), (150.0004, 150), (149.999, np.inf), (np.inf, 150)]
)
def test_the_cutoff_is_inclusive(cutoff_s: float, expected: float) -> None:
    network, start, end = line(), (250, 0), (1_750, 0)
    assert times(network, start, end, cutoff_s=cutoff_s) == [expected]
    assert times(network, start, end, cutoff_s=cutoff_s, direction="from") == [expected]
    matrix = travel_time_matrix(network, points([start]), points([end]), cutoff_s=cutoff_s)
    assert matrix.tolist() == [[expected]]


@pytest.mark.parametrize("metres", [10.01, 5.01, 2.54, 11.13, 40.39])
def test_the_cutoff_is_inclusive_to_the_millisecond(metres: float) -> None:
    (found,) = times(line(), (0, 0), (metres, 0))
    assert found == pytest.approx(metres / 10, abs=1e-9)
    assert times(line(), (0, 0), (metres, 0), cutoff_s=found) == [found]
    assert times(line(), (0, 0), (metres, 0), cutoff_s=found - 0.001) == [np.inf]


@pytest.mark.parametrize("cutoff_s", [0, -1, np.nan])
def test_a_cutoff_is_above_0(cutoff_s: float) -> None:
    with pytest.raises(SettingError, match="a time above 0 is expected"):
        times(line(), (0, 0), (100, 0), cutoff_s=cutoff_s)
    with pytest.raises(SettingError, match="a time above 0 is expected"):
        travel_time_matrix(line(), points([(0, 0)]), points([(9, 0)]), cutoff_s=cutoff_s)


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (["a", "a", "b"], "demand_id repeats: a; each row needs its own"),
        (["a", None, "b"], "demand_id is empty in 1 rows"),
    ],
)
def test_every_row_needs_an_id_of_its_own(ids: list[str], message: str) -> None:
    sites = facilities([(0, 0)])
    with pytest.raises(InputError, match=message):
        travel_times(line(), points([(0, 0)] * 3, ids=ids), sites)
    with pytest.raises(InputError, match=message.replace("demand", "facility")):
        travel_times(line(), points([(0, 0)]), facilities([(0, 0)] * 3, ids))


def test_a_table_without_ids_or_crs_is_refused() -> None:
    demand, sites = points([(0, 0)]), facilities([(0, 0)])
    with pytest.raises(InputError, match="no column facility_id; it has demand_id, geometry"):
        travel_times(line(), demand, demand)
    with pytest.raises(CrsError, match="has no CRS"):
        travel_times(line(), demand.set_crs(None, allow_override=True), sites)
    with pytest.raises(CrsError, match="has no CRS"):
        travel_time_matrix(line(), demand, sites.set_crs(None, allow_override=True))


def test_ids_keep_their_kind_and_rows_their_order() -> None:
    demand = points([(900, 0), (100, 0)]).assign(demand_id=[20, 10])
    sites = facilities([(1_000, 0), (0, 0)]).assign(facility_id=[9, 10])
    table = travel_times(line(), demand, sites)
    assert table["demand_id"].tolist() == [20, 10]
    assert table["facility_id"].tolist() == [9, 10]


def test_whether_the_kernels_are_compiled_is_known() -> None:
    times(line(), (0, 0), (100, 0))
    assert kernels.compiled() is True


@pytest.mark.skipif(config.DISABLE_JIT, reason="a million turns take half a minute in Python")
def test_a_heap_larger_than_its_room_grows() -> None:
    arms = {i: (1_000 * np.cos(i), 1_000 * np.sin(i)) for i in range(1, 1_101)}
    network = build_network(road_tables({0: (0, 0), **arms}, [(0, i, STREET) for i in arms]))
    where = Positions(np.arange(1_100), np.full(1_100, 0.5), np.zeros(1_100))
    time_ms, rank = nearest(network, where, where, limit_ms=NO_LIMIT)
    assert (time_ms == 0).all()
    assert rank.tolist() == list(range(1_100))


def named(xy: list[XY]) -> gpd.GeoDataFrame:
    return points(xy, key="id", ids=[f"{x:g}" for x, _ in xy])


def test_a_long_table_holds_what_is_reached() -> None:
    origins, destinations = named([(250, 0), (1_750, 20)]), named([(0, 0), (1_950, 0)])
    table = times_table(line(), origins, destinations, cutoff_s=100)
    assert table.columns.tolist() == [
        "from_id", "to_id", "travel_time_s", "minutes", "from_snap_m", "to_snap_m",
    ]  # fmt: skip
    assert table.values.tolist() == [
        ["250", "0", 25, 0.417, 0, 0],
        ["1750", "1950", 20, 0.333, 20, 0],
    ]
    assert len(times_table(line(), origins, destinations)) == 4


def test_a_long_table_of_the_nearest_keeps_every_origin() -> None:
    origins, destinations = named([(250, 0), (1_000, 0)]), named([(0, 0), (2_000, 0)])
    table = times_table(line(), origins, destinations, nearest_only=True, cutoff_s=50)
    assert table["from_id"].tolist() == ["250", "1000"]
    assert table["to_id"].isna().tolist() == [False, True]
    assert table["travel_time_s"].isna().tolist() == [False, True]
    assert table["minutes"][0] == 0.417


# Random networks against other people's searches

TAGS: list[Tags] = [
    STREET,
    ONE_WAY,
    PRIVATE,
    {**STREET, "oneway": "-1"},
    {**STREET, "junction": "roundabout"},
    {**STREET, "access:backward": "destination"},
    {"highway": "residential", "maxspeed:forward": "50"},
]
MARKS: list[Tags] = [{"highway": "traffic_signals"}, {"barrier": "gate"}, {"barrier": "bollard"}]
Description = tuple[dict[int, XY], list[Road], dict[int, Tags]]


@st.composite
def descriptions(draw: st.DrawFn) -> Description:
    spots = st.tuples(st.integers(0, 12), st.integers(0, 12))
    found = draw(st.lists(spots, min_size=2, max_size=7, unique=True))
    places = {i + 1: (100.0 * x, 100.0 * y) for i, (x, y) in enumerate(found)}
    node = st.sampled_from(sorted(places))
    roads = draw(st.lists(st.tuples(node, node, st.sampled_from(TAGS)), min_size=1, max_size=12))
    marks = draw(st.dictionaries(node, st.sampled_from(MARKS), max_size=2))
    return places, roads, marks


def drawn_positions(data: st.DataObject, network: RoadNetwork, n: int) -> Positions:
    segment = st.integers(0, len(network.segment_road) - 1)
    at = data.draw(st.lists(st.tuples(segment, st.integers(0, 8)), min_size=1, max_size=n))
    return Positions(
        np.array([s for s, _ in at]), np.array([p / 8 for _, p in at]), np.zeros(len(at))
    )


def on_edges(
    network: RoadNetwork, positions: Positions, i: int, *, arriving: bool
) -> dict[int, int]:
    found = {}
    for way, e in enumerate(network.segment_edges[positions.segment[i]].tolist()):
        if e < 0:
            continue
        whole = int(network.edge_ms[e])
        part = int(np.rint(positions.share[i] * whole))
        starting = int(network.edge_departure[e])
        for one in {starting, e} if arriving else {starting}:
            found[one] = whole - part if way else part
    return found


def expanded(network: RoadNetwork) -> list[tuple[int, int, int]]:
    turns = network.following
    return [
        (e, int(turns.edge[k]), int(turns.cost_ms[k]))
        for e in range(len(network.edge_ms))
        for k in range(turns.start[e], turns.start[e + 1])
    ]


def from_end_to_end(network: RoadNetwork) -> np.ndarray:
    n = len(network.edge_ms)
    before, after, cost = np.array(expanded(network), dtype=int).reshape(-1, 3).T
    weight = (cost + network.edge_ms[after]).astype(float)
    by_scipy = dijkstra(coo_matrix((weight, (before, after)), shape=(n, n)).tocsr())
    graph = nx.DiGraph()
    graph.add_nodes_from(range(n))
    graph.add_weighted_edges_from(zip(before.tolist(), after.tolist(), weight, strict=True))
    by_networkx = np.full((n, n), np.inf)
    for e, reached in nx.all_pairs_dijkstra_path_length(graph):
        by_networkx[e, list(reached)] = list(reached.values())
    assert (by_scipy == by_networkx).all()
    return by_scipy


def oracle_s(network: RoadNetwork, origins: Positions, destinations: Positions) -> np.ndarray:
    between = from_end_to_end(network)
    entries: dict[int, list[tuple[int, int]]] = {}
    for e, f, cost in expanded(network):
        entries.setdefault(f, []).append((e, cost))
    found = np.full((len(origins), len(destinations)), np.inf)
    for i, j in np.ndindex(*found.shape):
        for a, gone in on_edges(network, origins, i, arriving=False).items():
            rest = int(network.edge_ms[a]) - gone
            for b, part in on_edges(network, destinations, j, arriving=True).items():
                if a == b and part >= gone:
                    found[i, j] = min(found[i, j], part - gone)
                for e, cost in entries.get(b, []):
                    found[i, j] = min(found[i, j], rest + between[a, e] + cost + part)
    return found / 1000


def permuted(description: Description, order: list[int]) -> Description:
    places, roads, marks = description
    return places, [roads[i] for i in order], marks


def built(description: Description, profile: object = CAR) -> RoadNetwork:
    return build_network(road_tables(*description), profile=profile)  # type: ignore[arg-type]


@settings(max_examples=40, deadline=None)
@given(descriptions(), st.data())
def test_times_are_those_of_other_searches(description: Description, data: st.DataObject) -> None:
    network = built(description)
    few, many = drawn_positions(data, network, 3), drawn_positions(data, network, 5)
    expected = oracle_s(network, few, many)
    assert position_matrix(network, few, many, cutoff_s=None).tolist() == expected.tolist()
    towards_s, towards = nearest(network, few, many, limit_ms=NO_LIMIT)
    assert seconds(towards_s).tolist() == expected.min(axis=1).tolist()
    lowest = np.where(np.isinf(expected).all(axis=1), -1, expected.argmin(axis=1))
    assert towards.tolist() == lowest.tolist()

    back = oracle_s(network, many, few)
    assert position_matrix(network, many, few, cutoff_s=None).tolist() == back.tolist()
    away_s, away = nearest(network, few, many, limit_ms=NO_LIMIT, towards=False)
    assert seconds(away_s).tolist() == back.min(axis=0).tolist()
    lowest = np.where(np.isinf(back).all(axis=0), -1, back.argmin(axis=0))
    assert away.tolist() == lowest.tolist()


@settings(max_examples=25, deadline=None)
@given(descriptions(), st.data())
def test_without_turn_costs_times_are_those_between_nodes(
    description: Description, data: st.DataObject
) -> None:
    places, roads, _ = description
    public = [(a, b, t) for a, b, t in roads if "access" not in " ".join(t) and a != b]
    if not public:
        return
    network = built((places, public, {}), NO_TURN_COSTS)
    few, many = drawn_positions(data, network, 3), drawn_positions(data, network, 3)
    graph = nx.DiGraph()
    for number, (a, b, _) in enumerate(public):
        for tail, head, e in ((a, b, 0), (b, a, 1)):
            edge = int(network.segment_edges[number, e])
            if edge >= 0:
                known = graph.get_edge_data(tail, head, {"ms": np.inf})["ms"]
                graph.add_edge(tail, head, ms=min(known, int(network.edge_ms[edge])))
    between = dict(nx.all_pairs_dijkstra_path_length(graph, weight="ms"))
    expected = np.full((len(few), len(many)), np.inf)
    for i, j in np.ndindex(*expected.shape):
        for a, gone in on_edges(network, few, i, arriving=False).items():
            leave = public[network.edge_segment[a]][int(not network.edge_backward[a])]
            rest = int(network.edge_ms[a]) - gone
            for b, part in on_edges(network, many, j, arriving=True).items():
                enter = public[network.edge_segment[b]][int(network.edge_backward[b])]
                if a == b and part >= gone:
                    expected[i, j] = min(expected[i, j], part - gone)
                onward = between[leave].get(enter, np.inf)
                expected[i, j] = min(expected[i, j], rest + onward + part)
    found = position_matrix(network, few, many, cutoff_s=None) * 1000
    assert np.rint(found).tolist() == expected.tolist()


@settings(max_examples=25, deadline=None)
@given(descriptions(), st.data())
def test_a_cutoff_takes_away_what_is_farther_and_nothing_else(
    description: Description, data: st.DataObject
) -> None:
    network = built(description)
    few, many = drawn_positions(data, network, 3), drawn_positions(data, network, 5)
    whole = position_matrix(network, few, many, cutoff_s=None)
    reached = sorted({t for t in whole.ravel().tolist() if 0 < t < np.inf}) or [1.0]
    cutoff = data.draw(st.sampled_from(reached))
    for a, b, times_s in ((few, many, whole), (many, few, None)):
        full = position_matrix(network, a, b, cutoff_s=None) if times_s is None else times_s
        expected = np.where(full <= cutoff, full, np.inf)
        assert position_matrix(network, a, b, cutoff_s=cutoff).tolist() == expected.tolist()


@settings(max_examples=25, deadline=None)
@given(descriptions(), st.data())
def test_one_more_facility_never_lengthens_a_trip(
    description: Description, data: st.DataObject
) -> None:
    network = built(description)
    here, sites = drawn_positions(data, network, 3), drawn_positions(data, network, 5)
    fewer = Positions(sites.segment[:-1], sites.share[:-1], sites.snap_m[:-1])
    for towards in (True, False):
        more_ms, _ = nearest(network, here, sites, limit_ms=NO_LIMIT, towards=towards)
        less_ms, _ = nearest(network, here, fewer, limit_ms=NO_LIMIT, towards=towards)
        assert (more_ms <= less_ms).all()


@settings(max_examples=25, deadline=None)
@given(descriptions(), st.data())
def test_the_order_of_roads_changes_no_time(description: Description, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(description[1]))))
    network, other = built(description), built(permuted(description, order))
    where = drawn_positions(data, network, 5)
    road = network.segment_road[where.segment]
    moved = [int(np.flatnonzero(other.segment_road == order.index(r))[0]) for r in road]
    there = Positions(np.array(moved), where.share, where.snap_m)
    expected = position_matrix(network, where, where, cutoff_s=None)
    assert position_matrix(other, there, there, cutoff_s=None).tolist() == expected.tolist()


SPOT = st.tuples(st.integers(-50, 1_250), st.integers(-50, 1_250))


@settings(max_examples=25, deadline=None)
@given(
    descriptions(),
    st.lists(SPOT, min_size=1, max_size=4),
    st.lists(SPOT, min_size=1, max_size=4),
    st.randoms(use_true_random=False),
)
def test_times_hold_whatever_facilities_are_called_and_agree_with_the_matrix(
    description: Description, people: list[XY], places: list[XY], random: object
) -> None:
    network = built(description)
    demand, sites = points(people), facilities(places)
    found = travel_times(network, demand, sites)
    shuffled: gpd.GeoDataFrame = sites.sample(frac=1, random_state=7)
    names = [f"n{i}" for i in range(len(sites))]
    random.shuffle(names)  # type: ignore[attr-defined]
    renamed = travel_times(network, demand, shuffled.assign(facility_id=names))
    assert renamed["travel_time_s"].tolist() == found["travel_time_s"].tolist()
    matrix = travel_time_matrix(network, demand, sites)
    assert found["travel_time_s"].tolist() == matrix.min(axis=1).tolist()
    away = travel_times(network, demand, sites, direction="from")["travel_time_s"]
    back = travel_time_matrix(network, sites, demand)
    assert away.tolist() == back.min(axis=0).tolist()


def test_a_direction_that_is_none_is_refused() -> None:
    network = build_network(road_tables(LINE, [(1, 2, STREET)]), profile=NO_TURN_COSTS)
    with pytest.raises(SettingError, match="sideways"):
        travel_times(
            network,
            points([(0, 0)]),
            facilities([(500, 0)]),
            direction="sideways",  # type: ignore[arg-type]
        )
