from __future__ import annotations

import pytest
from networks import NO_TURN_COSTS, STREET, points, restriction_table, road_tables

from accessibility.network.graph import build_network
from accessibility.network.restrictions import applied, not_applied
from accessibility.routing.times import travel_time_matrix

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
    assert len(applied(table)) == 1
    assert not_applied(table) == 2
