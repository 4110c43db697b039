from __future__ import annotations

import heapq

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from networks import NO_TURN_COSTS, STREET, facilities, points, restriction_table, road_tables

from accessibility.network.graph import build_network
from accessibility.network.restrictions import applied, not_applied
from accessibility.routing.times import travel_time_matrix, travel_times
from accessibility.schema import RoadTables

# A cross of four streets of 1 km around node 5; ways are numbered 1 to 4 in this order.
CROSS = {1: (-1_000, 0), 2: (0, 1_000), 3: (1_000, 0), 4: (0, -1_000), 5: (0, 0)}
STREETS = [(1, 5, STREET), (2, 5, STREET), (3, 5, STREET), (4, 5, STREET)]
FROM_WEST = {"from_way": 1, "via_node": 5}


def reached(restrictions: list[dict[str, object]]) -> set[int]:
    """Arms that are reached from the middle of the western one."""
    tables = road_tables(CROSS, STREETS, restrictions=restrictions)
    network = build_network(tables, profile=NO_TURN_COSTS)
    middles = points([(0, 500), (500, 0), (0, -500)])
    times = travel_time_matrix(network, points([(-500, 0)]), middles)
    return {arm for arm, time in zip((2, 3, 4), times[0], strict=True) if time == 100.0}


@pytest.mark.parametrize(
    ("restriction", "open_arms"),
    [
        ({"kind": "no_left_turn", "to_way": 2}, {3, 4}),
        ({"kind": "no_straight_on", "to_way": 3}, {2, 4}),
        ({"kind": "no_entry", "to_way": 4}, {2, 3}),
        ({"kind": "only_straight_on", "to_way": 3}, {3}),
        ({"kind": "only_right_turn", "to_way": 4}, {4}),
        ({"kind": "no_u_turn", "to_way": 1}, {2, 3, 4}),
        ({"kind": "no_left_turn", "to_way": 2, "except": "psv;motorcar"}, {2, 3, 4}),
        ({"kind": "no_left_turn", "to_way": 2, "except": "psv;bicycle"}, {3, 4}),
        ({"kind": "no_left_turn @ (Mo-Fr 07:00-09:00)", "to_way": 2}, {2, 3, 4}),
    ],
)
def test_closes_just_the_turns_that_it_names(
    restriction: dict[str, object], open_arms: set[int]
) -> None:
    assert reached([{**FROM_WEST, **restriction}]) == open_arms


def test_two_only_restrictions_leave_both_their_turns_open() -> None:
    rules = [{"kind": "only_straight_on", "to_way": 3}, {"kind": "only_right_turn", "to_way": 4}]
    assert reached([{**FROM_WEST, **rule} for rule in rules]) == {3, 4}


def test_other_arms_keep_their_turns() -> None:
    tables = road_tables(
        CROSS, STREETS, restrictions=[{**FROM_WEST, "kind": "only_straight_on", "to_way": 3}]
    )
    network = build_network(tables, profile=NO_TURN_COSTS)
    times = travel_time_matrix(network, points([(0, 500)]), points([(-500, 0), (500, 0)]))
    assert times.tolist() == [[100.0, 100.0]]


def test_what_is_left_out_is_counted() -> None:
    table = restriction_table(
        [
            {"kind": "no_left_turn", "from_way": 1, "via_node": 5, "to_way": 2},
            {"kind": "no_left_turn", "from_way": 1, "via_ways": "3", "to_way": 2},
            {"kind": "no_left_turn @ (12:00-14:00)", "from_way": 1, "via_node": 5, "to_way": 2},
            {"kind": "no_left_turn", "from_way": 1, "via_ways": "3", "to_way": 2,
             "except": "motorcar"},
        ]
    )  # fmt: skip
    assert len(applied(table)) == 2
    assert not_applied(table) == 1


# A street of three roads with an arm at each inner node: 1 - 2 - 3 - 4, 2 - 5, 3 - 6.
STREET_OF_THREE = {1: (-1_000, 0), 2: (0, 0), 3: (1_000, 0), 4: (2_000, 0), 5: (0, 500),
                   6: (1_000, 500)}  # fmt: skip
ALONG = [(1, 2, STREET), (2, 3, STREET), (3, 4, STREET), (2, 5, STREET), (3, 6, STREET)]
OUT_OF_ONE = {"from_way": 1, "via_ways": "2", "to_way": 5}


def arrivals(rule: dict[str, object], origin: tuple[float, float]) -> list[float]:
    """Seconds to the ends of the street and of the second arm."""
    network = build_network(
        road_tables(STREET_OF_THREE, ALONG, restrictions=[rule]), profile=NO_TURN_COSTS
    )
    ends = points([(1_500, 0), (1_000, 400)])
    return travel_time_matrix(network, points([origin]), ends)[0].round(1).tolist()


def test_a_restriction_through_a_way_closes_the_movement_not_the_turn() -> None:
    rule = {"kind": "no_left_turn", **OUT_OF_ONE}
    straight, arm = arrivals(rule, (-500, 0))
    assert straight == 200.0
    assert arm > 190.0  # on to the end of the street, round, and back
    assert arrivals(rule, (0, 400)) == [190.0, 180.0]  # who comes from the first arm may turn
    assert arrivals(rule, (500, 0)) == [100.0, 90.0]  # and who starts on the way itself


def test_an_only_restriction_through_a_way_closes_the_other_turns() -> None:
    rule = {"kind": "only_left_turn", **OUT_OF_ONE}
    straight, arm = arrivals(rule, (-500, 0))
    assert arm == 190.0
    assert straight > 200.0
    assert arrivals(rule, (0, 400)) == [190.0, 180.0]


def test_a_restriction_leads_through_all_the_roads_of_its_way() -> None:
    tables = road_tables(
        STREET_OF_THREE, ALONG, restrictions=[{"kind": "no_left_turn", **OUT_OF_ONE}]
    )
    # the same street with a junction on the way between: its two roads are one way
    places = {**STREET_OF_THREE, 7: (500, 0), 8: (500, -300)}
    roads = [(1, 2, STREET), (2, 7, STREET), (7, 3, STREET), (3, 4, STREET), (3, 6, STREET),
             (7, 8, STREET)]  # fmt: skip
    longer = road_tables(places, roads)
    longer.roads["osm_way_id"] = [1, 2, 2, 3, 5, 6]
    longer = RoadTables(longer.roads, longer.nodes, tables.restrictions)
    network = build_network(longer, profile=NO_TURN_COSTS)
    ends = points([(1_500, 0), (1_000, 400)])
    straight, arm = travel_time_matrix(network, points([(-500, 0)]), ends)[0].round(1)
    assert straight == 200.0
    assert arm > 190.0
    aside = travel_time_matrix(network, points([(500, -200)]), ends)[0].round(1)
    assert aside.tolist() == [120.0, 110.0]


def test_one_may_arrive_on_the_way_of_a_restriction() -> None:
    rule = {"kind": "no_left_turn", **OUT_OF_ONE}
    network = build_network(
        road_tables(STREET_OF_THREE, ALONG, restrictions=[rule]), profile=NO_TURN_COSTS
    )
    middle = points([(500, 0)])
    both = points([(-500, 0), (0, 400)])
    assert travel_time_matrix(network, both, middle).ravel().round(1).tolist() == [100.0, 90.0]
    near = travel_times(network, both, facilities([(500, 0)]))
    assert near["travel_time_s"].round(1).tolist() == [100.0, 90.0]


# -- against a search that remembers where it came from --------------------------------------------

GRID = {3 * row + column: (column * 100.0, row * 100.0) for row in range(3) for column in range(3)}
SIDES = [(a, b) for a in GRID for b in (a + 1, a + 3) if b in GRID and (b - a == 3 or b % 3)]
Step = tuple[int, int, int]  # way, from node, to node


def brute_force(
    roads: list[tuple[int, int]], rules: list[dict[str, object]], start: int, end: int
) -> float:
    """Least seconds from the middle of one road to that of another, a road taking 10 s."""
    steps: list[Step] = [
        (way, *ends) for way, (a, b) in enumerate(roads, 1) for ends in ((a, b), (b, a))
    ]
    if start == end:
        return 0.0
    queue: list[tuple[float, tuple[Step, ...]]] = [(5.0, (s,)) for s in steps if s[0] == start]
    seen: set[tuple[Step, ...]] = set()
    while queue:
        time, past = heapq.heappop(queue)
        if past[-3:] in seen:
            continue
        seen.add(past[-3:])
        last = past[-1]
        on = [s for s in steps if s[1] == last[2] and s[0] != last[0]]
        for step in on or [s for s in steps if s[1] == last[2]]:
            if breaks_a_rule((*past, step), rules):
                continue
            if step[0] == end:
                return time + 5.0
            heapq.heappush(queue, (time + 10.0, (*past[-2:], step)))
    return float("inf")


def breaks_a_rule(past: tuple[Step, ...], rules: list[dict[str, object]]) -> bool:
    for rule in rules:
        if rule.get("via_ways"):
            through = [int(w) for w in str(rule["via_ways"]).split(";")]
            ways = [rule["from_way"], *through]
        else:
            ways = [rule["from_way"]]
        recent = past[-len(ways) - 1 : -1]
        if [s[0] for s in recent] != ways:
            continue
        if rule.get("via_node") is not None and recent[-1][2] != rule["via_node"]:
            continue
        if not any(s[0] == rule["to_way"] for s in follow(recent, rule)):
            continue  # the restriction leads nowhere: its ways do not meet
        if str(rule["kind"]).startswith("no_") == (past[-1][0] == rule["to_way"]):
            return True
    return False


def follow(recent: tuple[Step, ...], rule: dict[str, object]) -> list[Step]:
    node = recent[-1][2]
    return [(way, node, -1) for way, ends in enumerate(SIDES_OF[0], 1) if node in ends]


SIDES_OF: list[list[tuple[int, int]]] = [[]]


@st.composite
def towns(
    draw: st.DrawFn,
) -> tuple[list[tuple[int, int]], list[dict[str, object]]]:
    roads = draw(st.lists(st.sampled_from(SIDES), min_size=6, max_size=12, unique=True))
    rules: list[dict[str, object]] = []
    for _ in range(draw(st.integers(0, 4))):
        path = [draw(st.integers(1, len(roads)))]
        node = draw(st.sampled_from(roads[path[0] - 1]))
        via_node = node
        for _ in range(draw(st.integers(1, 3))):
            near = [w for w, ends in enumerate(roads, 1) if node in ends and w not in path]
            if not near:
                break
            path.append(draw(st.sampled_from(near)))
            node = sum(roads[path[-1] - 1]) - node
        if len(path) < 2:
            continue
        rule: dict[str, object] = {
            "kind": draw(st.sampled_from(["no_left_turn", "only_straight_on"])),
            "from_way": path[0],
            "to_way": path[-1],
        }
        rule |= (
            {"via_node": via_node}
            if len(path) == 2
            else {"via_ways": ";".join(map(str, path[1:-1]))}
        )
        rules.append(rule)
    return roads, rules


@settings(max_examples=60, deadline=None)
@given(towns())
def test_times_equal_those_of_a_search_that_remembers(
    town: tuple[list[tuple[int, int]], list[dict[str, object]]],
) -> None:
    roads, rules = town
    lasts = {int(str(r["via_ways"]).split(";")[-1]) for r in rules if "via_ways" in r}
    only = [
        (r["from_way"], r.get("via_ways"), r.get("via_node"))
        for r in rules
        if r["kind"] == "only_straight_on"
    ]
    # rules that demand what others forbid have no right answer
    assume(len(set(only)) == len(only))
    assume(not any("via_node" in r and r["from_way"] in lasts for r in rules))
    SIDES_OF[0] = roads
    tables = road_tables(GRID, [(a, b, STREET) for a, b in roads], restrictions=rules)
    network = build_network(tables, profile=NO_TURN_COSTS)
    main = [w for w in range(1, len(roads) + 1) if network.segment_main[w - 1]]
    middles = [tuple(np.mean([GRID[a], GRID[b]], axis=0)) for a, b in roads]
    where = points([middles[w - 1] for w in main])
    found = travel_time_matrix(network, where, where)
    expected = [[brute_force(roads, rules, a, b) for b in main] for a in main]
    np.testing.assert_allclose(found, expected, atol=0.01)
