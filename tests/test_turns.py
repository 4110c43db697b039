from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import shapely
from networks import (
    CAR,
    LINE,
    NO_TURN_COSTS,
    ONE_WAY,
    STREET,
    edge,
    facilities,
    points,
    road_tables,
    turn_s,
)

from accessibility.network.bearings import bearings
from accessibility.network.graph import RoadNetwork, build_network
from accessibility.network.profile import Profile
from accessibility.network.turns import turn_seconds
from accessibility.routing.times import travel_times

CROSS = {0: (0, 0), 1: (-200, 0), 2: (0, 200), 3: (200, 0), 4: (0, -200)}
ARMS = [(0, 1, STREET), (0, 2, STREET), (0, 3, STREET), (0, 4, STREET)]
HALFWAY = {"west": (-100, 0), "north": (0, 100), "east": (100, 0), "south": (0, -100)}


def seconds(
    angle: float,
    *,
    roads: int = 4,
    u_turn: bool = False,
    roundabout: bool = False,
    profile: Profile = CAR,
) -> float:
    return float(
        turn_seconds(
            np.array([angle]),
            roads=np.array([roads]),
            u_turn=np.array([u_turn]),
            roundabout=np.array([roundabout]),
            profile=profile,
        )[0]
    )


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def to_right(angle: float) -> float:
    return 7.5 * sigmoid(13 / 1.075 * angle / 180 - 6.5 * 1.075)


def to_left(angle: float) -> float:
    return 7.5 * sigmoid(13 * 1.075 * angle / 180 - 6.5 / 1.075)


def oncoming(angle: float) -> float:
    return 2 * sigmoid(13 * angle / 180 - 3.25)


@pytest.mark.parametrize("angle", [0.0, 10.0, 45.0, 90.0, 135.0, 180.0])
def test_a_turn_to_the_right_costs_a_sigmoid_of_its_angle(angle: float) -> None:
    assert seconds(angle) == pytest.approx(to_right(angle), abs=1e-12)


@pytest.mark.parametrize("angle", [10.0, 45.0, 90.0, 135.0, 180.0])
def test_a_turn_to_the_left_also_waits_for_oncoming_traffic(angle: float) -> None:
    assert seconds(-angle) == pytest.approx(to_left(angle) + oncoming(angle), abs=1e-12)
    assert seconds(-angle, roundabout=True) == pytest.approx(to_left(angle), abs=1e-12)
    earlier = replace(CAR, oncoming_s=0.0)
    assert seconds(-angle, profile=earlier) == pytest.approx(to_left(angle), abs=1e-12)


def test_known_turns() -> None:
    assert seconds(90) == pytest.approx(2.11, abs=0.005)
    assert seconds(-90) == pytest.approx(7.32, abs=0.005)
    assert seconds(0) < 0.01
    assert seconds(180) == pytest.approx(7.5, abs=0.1)


def test_without_bias_both_sides_cost_the_same() -> None:
    even = replace(CAR, bias=1.0, oncoming_s=0.0)
    assert seconds(90, profile=even) == pytest.approx(3.75)
    assert seconds(-90, profile=even) == pytest.approx(3.75)


def test_the_wait_tapers_with_the_angle() -> None:
    waits = [seconds(-a) - seconds(-a, roundabout=True) for a in (5, 30, 60, 90, 150)]
    assert waits == sorted(waits)
    assert waits[0] < 0.15 < 1.9 < waits[-1] < 2


def test_a_bend_where_two_roads_meet_is_no_turn() -> None:
    assert seconds(90, roads=2) == 0
    assert seconds(-90, roads=2) == 0


def test_turning_round_costs_more_and_waits_for_nobody() -> None:
    assert seconds(180, roads=1, u_turn=True) == pytest.approx(20 + to_right(180))
    assert seconds(180, roads=4, u_turn=True) == pytest.approx(20 + to_right(180))


def drive(network: RoadNetwork, start: tuple[float, float], end: tuple[float, float]) -> float:
    table = travel_times(network, points([start]), facilities([end]))
    return float(table["travel_time_s"].iloc[0])


@pytest.mark.parametrize(
    ("start", "end", "turn"),
    [
        ("south", "north", to_right(0)),
        ("south", "east", to_right(90)),
        ("south", "west", to_left(90) + oncoming(90)),
        ("west", "south", to_right(90)),
        ("north", "east", to_left(90) + oncoming(90)),
    ],
)
def test_a_crossing_costs_by_the_side_one_turns_to(start: str, end: str, turn: float) -> None:
    network = build_network(road_tables(CROSS, ARMS))
    assert drive(network, HALFWAY[start], HALFWAY[end]) == round(20 + turn, 3)


def test_a_one_way_arm_still_counts_as_a_road() -> None:
    roads = [(1, 0, STREET), (0, 3, STREET), (0, 2, ONE_WAY), (2, 1, STREET)]
    network = build_network(road_tables(CROSS, roads))
    assert drive(network, HALFWAY["west"], HALFWAY["east"]) == round(20 + to_right(0), 3)


def test_a_bend_costs_nothing() -> None:
    network = build_network(road_tables(CROSS, [(1, 0, STREET), (0, 2, STREET)]))
    assert drive(network, HALFWAY["west"], HALFWAY["north"]) == 20


def test_no_wait_for_oncoming_traffic_on_a_roundabout() -> None:
    ring = {**STREET, "junction": "roundabout"}
    places = {**CROSS, 5: (0, 400)}
    roads = [(4, 0, STREET), (0, 1, ring), (1, 2, ring), (2, 0, ring), (2, 5, STREET)]
    network = build_network(road_tables(places, roads))
    assert turn_s(network, edge(network, 0), edge(network, 1)) == round(to_left(90), 3)


def test_a_loop_has_two_ends_at_its_node() -> None:
    network = build_network(road_tables(LINE, [(1, 2, STREET), (2, 2, STREET)]))
    onto = turn_s(network, edge(network, 0), edge(network, 1))
    slant = math.degrees(math.atan2(200, 100))
    assert onto == round(to_left(90 - slant) + oncoming(90 - slant), 3)
    # at its own end the loop goes on, round or out
    assert turn_s(network, edge(network, 1), edge(network, 0, backward=True)) is not None
    assert turn_s(network, edge(network, 1), edge(network, 1)) is not None
    assert turn_s(network, edge(network, 1), edge(network, 1, backward=True)) is None


def test_one_turns_round_at_dead_ends_only() -> None:
    network = build_network(road_tables(LINE, [(1, 2, STREET), (2, 3, STREET)]))
    there, back = edge(network, 1), edge(network, 1, backward=True)
    assert turn_s(network, there, back) == round(20 + to_right(180), 3)
    assert turn_s(network, back, there) is None
    first = edge(network, 0)
    assert turn_s(network, first, edge(network, 0, backward=True)) is None
    assert turn_s(network, first, there) == 0


def test_one_turns_round_where_the_only_way_on_comes_against() -> None:
    network = build_network(road_tables(LINE, [(1, 2, STREET), (3, 2, ONE_WAY), (1, 3, STREET)]))
    there, back = edge(network, 0), edge(network, 0, backward=True)
    assert turn_s(network, there, back) == round(20 + to_right(180), 3)


BARRED = [
    {"barrier": "bollard"},
    {"barrier": "block"},
    {"barrier": "gate", "access": "no"},
    {"motor_vehicle": "no"},
    {"barrier": "kerb"},
    {"barrier": "fence"},
    {"barrier": "lift_gate", "access": "yes", "vehicle": "no"},
]
OPEN = [
    {"barrier": "cattle_grid"},
    {"barrier": "toll_booth"},
    {"barrier": "entrance"},
    {"barrier": "bollard", "motor_vehicle": "yes"},
    {"barrier": "bollard", "access": "private"},
    {"barrier": "bollard", "bollard": "rising"},
    {"barrier": "kerb", "kerb": "lowered"},
    {"barrier": "kerb", "highway": "crossing"},
    {"barrier": "fence", "sensory": "audible"},
]
SLOW = [
    ({"highway": "traffic_signals"}, 2),
    ({"highway": "stop"}, 2),
    ({"highway": "give_way"}, 1),
    ({"barrier": "gate"}, 60),
    ({"barrier": "lift_gate"}, 60),
    ({"barrier": "gate", "access": "yes", "highway": "stop"}, 62),
]


def line_with(tags: dict[str, str], profile: str = "osrm-car") -> RoadNetwork:
    roads = [(1, 2, STREET), (2, 3, STREET)]
    return build_network(road_tables(LINE, roads, {2: tags}), profile=profile)


@pytest.mark.parametrize("tags", BARRED, ids=str)
def test_barriers_close_a_node_and_one_turns_round_there(tags: dict[str, str]) -> None:
    network = line_with(tags)
    there, back = edge(network, 0), edge(network, 0, backward=True)
    assert turn_s(network, there, edge(network, 1)) is None
    assert turn_s(network, there, back) is not None
    assert network.segment_main.sum() == 1


@pytest.mark.parametrize("tags", OPEN, ids=str)
def test_some_barriers_let_cars_pass(tags: dict[str, str]) -> None:
    assert drive(line_with(tags), (500, 0), (1_500, 0)) == 100


@pytest.mark.parametrize(("tags", "cost"), SLOW, ids=str)
def test_passing_some_nodes_takes_time(tags: dict[str, str], cost: float) -> None:
    network = line_with(tags)
    assert drive(network, (500, 0), (1_500, 0)) == 100 + cost
    assert drive(network, (1_500, 0), (500, 0)) == 100 + cost


def test_the_earlier_profile_knows_signals_only() -> None:
    assert drive(line_with({"barrier": "gate"}, "osrm-car-5"), (500, 0), (1_500, 0)) == 100
    signals = line_with({"highway": "traffic_signals"}, "osrm-car-5")
    assert drive(signals, (500, 0), (1_500, 0)) == 102


def test_a_node_that_no_road_meets_changes_nothing() -> None:
    tables = road_tables(
        {**LINE, 9: (5, 5)},
        [(1, 2, STREET), (2, 3, STREET)],
        {9: {"barrier": "bollard"}},
    )
    network = build_network(tables, profile=NO_TURN_COSTS)
    assert drive(network, (500, 0), (1_500, 0)) == 100


ALONG_AND_BACK = [
    ({"highway": "traffic_signals"}, 2.0, 2.0),
    ({"highway": "traffic_signals", "direction": "forward"}, 2.0, 0.0),
    ({"highway": "traffic_signals", "traffic_signals:direction": "backward"}, 0.0, 2.0),
    (
        {
            "highway": "traffic_signals",
            "direction": "forward",
            "traffic_signals:direction": "backward",
        },
        0.0,
        2.0,
    ),
    ({"highway": "traffic_signals", "traffic_signals:direction": "both"}, 2.0, 2.0),
    ({"highway": "stop", "direction": "backward"}, 0.0, 2.0),
    ({"highway": "give_way", "direction": "forward"}, 1.0, 0.0),
    ({"highway": "give_way"}, 1.0, 1.0),
    ({"highway": "stop"}, 2.0, 2.0),
]


@pytest.mark.parametrize(("tags", "along", "back"), ALONG_AND_BACK)
def test_a_sign_holds_in_the_direction_that_it_tells(
    tags: dict[str, str], along: float, back: float
) -> None:
    tables = road_tables(LINE, [(1, 2, STREET), (2, 3, STREET)], nodes={2: tags})
    network = build_network(tables, profile=NO_TURN_COSTS)
    assert turn_s(network, edge(network, 0), edge(network, 1)) == along
    assert turn_s(network, edge(network, 1, backward=True), edge(network, 0, backward=True)) == back


def test_a_stop_without_direction_does_not_hold_for_who_comes_from_its_junction() -> None:
    places = {1: (-1_000, 0), 2: (0, 0), 3: (10, 0), 4: (10, 500), 5: (10, -500)}
    roads = [(1, 2, STREET), (2, 3, STREET), (3, 4, STREET), (3, 5, STREET)]
    tables = road_tables(places, roads, nodes={2: {"highway": "stop"}})
    network = build_network(tables, profile=NO_TURN_COSTS)
    assert turn_s(network, edge(network, 0), edge(network, 1)) == 2.0
    assert turn_s(network, edge(network, 1, backward=True), edge(network, 0, backward=True)) == 0.0


def test_a_stop_for_the_minor_roads_spares_the_fastest() -> None:
    fast = {**STREET, "maxspeed": "90"}
    places = {1: (-1_000, 0), 2: (0, 0), 3: (1_000, 0), 4: (0, -1_000)}
    roads = [(1, 2, fast), (2, 3, fast), (4, 2, STREET)]
    tables = road_tables(places, roads, nodes={2: {"highway": "stop", "stop": "minor"}})
    network = build_network(tables, profile=NO_TURN_COSTS)
    assert turn_s(network, edge(network, 0), edge(network, 1)) == 0.0
    assert turn_s(network, edge(network, 2), edge(network, 1)) == 2.0


@pytest.mark.parametrize("bearing", np.linspace(0, 360, 40))
def test_turning_round_costs_the_same_whatever_way_the_road_points(bearing: float) -> None:
    end = (500 * math.sin(math.radians(bearing)), 500 * math.cos(math.radians(bearing)))
    network = build_network(road_tables({1: (0, 0), 2: end}, [(1, 2, STREET)]))
    for ahead in (True, False):
        there, back = edge(network, 0, backward=not ahead), edge(network, 0, backward=ahead)
        assert turn_s(network, there, back) == round(20 + to_right(180), 3)


def test_bearings_are_taken_where_a_walk_along_the_road_comes_to() -> None:
    drawn = np.random.default_rng(5)
    lines = [np.cumsum(drawn.normal(0, 6, (n, 2)), axis=0) for n in drawn.integers(2, 9, 300)]
    lines[0] = np.array([[0, 0], [0, 0], [3, 0], [3, 0]])  # points that stand twice
    ring = drawn.random(len(lines)) < 0.3
    start = np.concatenate([[0], np.cumsum([len(line) for line in lines])])
    out, into = bearings(start, np.concatenate(lines), ring)
    for line, reach, first, last in zip(lines, np.where(ring, 2, 10), out, into, strict=True):
        shape = shapely.LineString(line)
        (x, y), (x2, y2) = line[0], line[-1]
        ahead, behind = shape.interpolate(reach), shape.interpolate(-reach)
        assert first == pytest.approx(math.degrees(math.atan2(ahead.x - x, ahead.y - y)))
        assert last == pytest.approx(math.degrees(math.atan2(x2 - behind.x, y2 - behind.y)))
