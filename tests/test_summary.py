"""What a network is made of: each number counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from networks import CAR, road_tables

from accessibility.network.graph import build_network
from accessibility.network.summary import speed_origins, summarise
from accessibility.report.network import network_json

# 1 -- 2 -- 3 -- 4, all of 1 km; 5 - 6 stands apart
PLACES = {1: (0, 0), 2: (1_000, 0), 3: (2_000, 0), 4: (3_000, 0), 5: (0, 5_000), 6: (1_000, 5_000)}
ROADS = [
    (1, 2, {"highway": "primary", "maxspeed": "80"}),
    (2, 3, {"highway": "primary", "maxspeed": "FR:urban"}),
    (3, 4, {"highway": "residential", "access": "private"}),
    (5, 6, {"highway": "primary", "oneway": "yes", "maxspeed": "signals"}),
    (1, 3, {"highway": "residential", "access": "no"}),
    (2, 4, {"highway": "track"}),
    (2, 4, {"highway": "service", "area": "yes"}),
    (1, 4, {"route": "ferry"}),
]
RULES = [
    {"kind": "no_left_turn", "from_way": 1, "via_node": 2, "to_way": 2},
    {"kind": "no_left_turn @ (08:00-09:00)", "from_way": 1, "via_node": 2, "to_way": 2},
]


@pytest.fixture(scope="module")
def tables():
    nodes = {2: {"barrier": "gate"}, 3: {"highway": "stop"}, 1: {"barrier": "gate"}}
    return road_tables(PLACES, ROADS, nodes, rim=[4], restrictions=RULES)


@pytest.fixture(scope="module")
def summary(tables):
    return summarise(tables, build_network(tables))


def test_kilometres_by_class(summary) -> None:
    table = summary.by_class.set_index("class")
    assert table["roads"].to_dict() == {"primary": 3, "ferry": 1, "residential": 1}
    assert table["km"].round(2).to_dict() == {"primary": 3.0, "ferry": 3.0, "residential": 1.0}
    assert table["one_way_km"].round(2).to_dict() == {"primary": 1, "ferry": 0, "residential": 0}
    assert table["restricted_km"].round(2).tolist() == [
        0.0 if name != "residential" else 1.0 for name in table.index
    ]
    primary = table.loc["primary"]
    assert primary[["tagged_km", "implicit_km", "assumed_km"]].round(2).tolist() == [1, 1, 1]
    # 64, 40 and 65 km/h over a kilometre each
    assert primary["mean_kph"] == pytest.approx(3 / (1 / 64 + 1 / 40 + 1 / 65), rel=1e-3)


def test_what_is_closed_and_why(summary) -> None:
    found = {(row["class"], row["tag"], row["roads"]) for row in summary.closed.to_dict("records")}
    assert found == {
        ("residential", "access=no", 1),
        ("track", "", 1),
        ("service", "area=yes", 1),
    }
    assert summary.closed["km"].sum() == pytest.approx(6, rel=1e-2)


def test_nodes_parts_rim_and_restrictions(summary) -> None:
    assert summary.nodes.to_dict("list") == {
        "tag": ["barrier=gate", "highway=stop"], "nodes": [2, 1]
    }  # fmt: skip
    assert summary.parts["segments"].tolist() == [4, 1]
    assert summary.parts["km"].round(1).tolist() == [6.0, 1.0]
    totals = summary.totals
    assert totals["main_share"] == pytest.approx(6 / 7, rel=1e-2)
    assert (totals["rim_nodes"], totals["rim_segments"]) == (1, 2)
    assert totals["restrictions"] == 2
    assert (totals["restrictions_applied"], totals["restrictions_at_some_hours"]) == (1, 1)
    assert totals["limits_not_understood"] == 1
    shares = [totals[f"{name}_share"] for name in ("tagged", "implicit", "assumed")]
    assert sum(shares) == pytest.approx(1)
    assert shares[0] == pytest.approx(1 / 7, rel=1e-2)


def test_origins_of_speeds_sum_to_one(tables) -> None:
    found = speed_origins(build_network(tables))
    assert found == pytest.approx({"assumed": 5 / 7, "implicit": 1 / 7, "tagged": 1 / 7}, rel=1e-2)


def test_an_open_network_has_nothing_closed() -> None:
    tables = road_tables(PLACES, ROADS[:2])
    summary = summarise(tables, build_network(tables))
    assert summary.closed.empty
    assert summary.nodes.empty
    answer = network_json("here", CAR, summary, {"roads": 2})
    assert answer["reading"] == {"roads": 2}
    assert answer["closed"] == []
    assert answer["parts"] == 1


@pytest.mark.jura
def test_the_whole_jura(jura) -> None:
    summary = summarise(jura.roads, jura.network)
    assert summary.totals["km"] == pytest.approx(jura.network.segment_length_m.sum() / 1000)
    assert summary.totals["assumed_share"] == 1  # the extract carries no limits
    assert summary.parts["segments"].iloc[0] == jura.network.segment_main.sum()
    assert summary.parts["segments"].sum() == len(jura.network.segment_road)
    closed = summary.closed["roads"].sum()
    assert closed + len(jura.network.segment_road) == len(jura.roads.roads)
    assert np.isfinite(summary.by_class["mean_kph"]).all()
