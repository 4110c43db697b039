"""The quickest way as its roads: by hand, as the times say on any network, and in the Jura."""

from __future__ import annotations

import itertools
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import LINE, ORIGIN, PRIVATE, STREET, XY, points, road_tables
from test_restrictions import GRID, towns
from test_times import RING, SQUARE, Description, built, descriptions, drawn_positions, oracle_s

import accessibility as acc
from accessibility.errors import CrsError, InputError
from accessibility.network.graph import RoadNetwork, build_network
from accessibility.network.snap import Positions, snap
from accessibility.routing.route import Path, legs, paths, route
from accessibility.routing.times import position_matrix, travel_time_matrix
from accessibility.schema import GRS80, LAMBERT_93

NAMED = {**STREET, "name": "Grande Rue", "ref": "D 1"}


def line() -> RoadNetwork:
    # the second road is drawn against the way that is driven below
    return build_network(road_tables(LINE, [(1, 2, STREET), (3, 2, STREET)]))


def way(network: RoadNetwork, start: XY, end: XY, **options: Any) -> gpd.GeoDataFrame:
    return route(network, points([start]), points([end]), **options)


def drawn(table: gpd.GeoDataFrame) -> list[list[tuple[int, int]]]:
    """Corners of the legs in metres."""
    return [
        [(round(x - ORIGIN[0]), round(y - ORIGIN[1])) for x, y in leg.coords]
        for leg in table.geometry.to_crs(LAMBERT_93)
    ]


def test_a_way_over_two_roads_by_hand() -> None:
    tables = road_tables(LINE, [(1, 2, NAMED), (3, 2, STREET)])
    table = way(build_network(tables), (250, 0), (1_600, 0), roads=tables.roads)
    assert table["sequence"].tolist() == [1, 2]
    assert table["road"].tolist() == [0, 1]
    assert table["name"].fillna("").tolist() == ["Grande Rue", ""]
    assert table["ref"].fillna("").tolist() == ["D 1", ""]
    assert table["highway"].tolist() == ["primary", "primary"]
    assert table["length_m"].tolist() == pytest.approx([750, 600])
    assert table["kph"].tolist() == [36, 36]
    assert table["turn_s"].tolist() == [0, 0]
    assert table["drive_s"].tolist() == [75, 60]
    assert table["time_s"].tolist() == [75, 135]
    assert drawn(table) == [[(250, 0), (1_000, 0)], [(1_000, 0), (1_600, 0)]]
    assert table.crs == "EPSG:4326"


def test_both_ends_on_one_road() -> None:
    table = way(line(), (750, 0), (250, 0))
    assert drawn(table) == [[(750, 0), (250, 0)]]
    assert table["time_s"].tolist() == [50]
    assert "name" not in table


def test_a_way_of_no_length_has_no_legs() -> None:
    assert len(way(line(), (400, 0), (400, 0))) == 0


def test_round_a_ring_of_one_way_roads() -> None:
    table = way(build_network(road_tables(SQUARE, RING)), (750, 0), (250, 0))
    assert table["road"].tolist() == [0, 1, 2, 3, 0]
    assert table["time_s"].iloc[-1] == pytest.approx(350)
    assert drawn(table)[0] == [(750, 0), (1_000, 0)]
    assert drawn(table)[-1] == [(0, 0), (250, 0)]


def test_a_place_that_rounding_puts_behind_is_reached_at_once() -> None:
    network = build_network(road_tables(SQUARE, RING))
    here, there = (
        Positions(np.zeros(1, int), np.array([s]), np.zeros(1)) for s in (0.5 + 1e-9, 0.5)
    )
    (path,) = paths(network, here, there)
    assert path is not None
    assert path.total_ms == 0
    assert len(legs(network, path)) == 0  # and no piece that is driven backwards
    (ahead,) = paths(network, there, here)
    assert ahead is not None
    assert legs(network, ahead)["length_m"].tolist() == [pytest.approx(1e-6)]


def test_a_turn_counts_where_it_is_made() -> None:
    corner = {1: (0, 0), 2: (1_000, 0), 3: (1_000, 1_000), 4: (2_000, 0)}
    roads = [(1, 2, STREET), (2, 3, STREET), (2, 4, STREET)]
    table = way(build_network(road_tables(corner, roads)), (0, 0), (1_000, 500))
    assert table["turn_s"].iloc[0] == 0
    assert table["turn_s"].iloc[1] > 1
    whole = travel_time_matrix(build_network(road_tables(corner, roads)), points([(0, 0)]),
                               points([(1_000, 500)]))  # fmt: skip
    assert table["time_s"].iloc[1] == whole[0, 0] == 150 + table["turn_s"].iloc[1]


def test_the_way_off_the_road_is_a_leg_where_it_is_walked() -> None:
    table = way(line(), (250, 10), (750, 20), walk_kph=3.6)
    assert table["road"].tolist() == [-1, 0, -1]
    assert table["length_m"].tolist() == pytest.approx([10, 500, 20], abs=1e-6)
    assert table["kph"].tolist() == [3.6, 36, 3.6]
    assert table["drive_s"].tolist() == [10, 50, 20]
    assert drawn(table) == [
        [(250, 10), (250, 0)], [(250, 0), (750, 0)], [(750, 0), (750, 20)],
    ]  # fmt: skip
    assert way(line(), (250, 10), (750, 20))["road"].tolist() == [0]


def test_of_equally_quick_ways_always_the_same_is_taken() -> None:
    places = {1: (0, 0), 2: (1_000, 1_000), 3: (1_000, -1_000), 4: (2_000, 0)}
    roads = [(1, 3, STREET), (3, 4, STREET), (1, 2, STREET), (2, 4, STREET)]
    ends = {0: (-500, 0), 5: (2_500, 0)}
    network = build_network(
        road_tables({**places, **ends}, [*roads, (0, 1, STREET), (4, 5, STREET)])
    )
    there = way(network, (-500, 0), (2_500, 0))
    by = {tuple(leg) for leg in drawn(there)}
    assert len(there) == 4
    again = way(network, (-500, 0), (2_500, 0))
    assert {tuple(leg) for leg in drawn(again)} == by


def test_what_has_no_way_is_told() -> None:
    network = line()
    with pytest.raises(InputError, match="the destination lies more than 1000 m from any road"):
        way(network, (0, 0), (0, 1_500))
    with pytest.raises(InputError, match="the origin lies more than 100 m from any road"):
        way(network, (0, 150), (0, 0), max_snap_m=100)
    with pytest.raises(InputError, match="the origin has 2 rows; one point is expected"):
        route(network, points([(0, 0), (1, 0)]), points([(0, 0)]))
    with pytest.raises(CrsError, match="has no CRS"):
        route(network, points([(0, 0)]).set_crs(None, allow_override=True), points([(9, 0)]))
    tables = road_tables(LINE, [(1, 2, STREET), (3, 2, STREET)])
    with pytest.raises(InputError, match="1 rows and the way is on row 1: it is not the one"):
        way(network, (0, 0), (2_000, 0), roads=tables.roads.iloc[:1])


def test_nobody_drives_through_a_private_road() -> None:
    # the private road would be shorter
    places = {1: (0, 0), 2: (1_000, 0), 3: (500, 600)}
    roads = [(1, 2, PRIVATE), (1, 3, STREET), (3, 2, STREET)]
    ends = {4: (-500, 0), 5: (1_500, 0)}
    network = build_network(
        road_tables({**places, **ends}, [*roads, (4, 1, STREET), (2, 5, STREET)])
    )
    assert way(network, (-500, 0), (1_500, 0))["road"].tolist() == [3, 1, 2, 4]
    assert way(network, (-500, 0), (500, 0))["road"].tolist() == [3, 0]
    assert way(network, (500, 0), (1_500, 0))["road"].tolist() == [0, 4]


def test_no_way_between_two_parts() -> None:
    apart = {**LINE, 4: (0, 5_000), 5: (500, 5_000)}
    network = build_network(road_tables(apart, [(1, 2, STREET), (2, 3, STREET), (4, 5, STREET)]))
    here = Positions(np.array([0, 0]), np.array([0.5, 0.5]), np.zeros(2))
    there = Positions(np.array([2, -1]), np.array([0.5, 0.0]), np.array([0.0, np.inf]))
    assert paths(network, here, there) == [None, None]


# -- on random networks --------------------------------------------------------------------------


def check(network: RoadNetwork, path: Path, here: Positions, there: Positions, i: int) -> None:
    """A path may be driven and drawn: one edge follows another, from the one place to the other."""
    turns = network.following
    for a, b, cost in zip(path.edge, path.edge[1:], path.turn_ms[1:], strict=False):
        follow = slice(turns.start[a], turns.start[a + 1])
        (k,) = np.flatnonzero(turns.edge[follow] == b)
        assert turns.cost_ms[follow][k] == cost
    first, last = path.edge[0], path.edge[-1]
    assert network.edge_segment[first] == here.segment[i]
    assert network.edge_segment[last] == there.segment[i]
    assert network.edge_departure[first] == first
    assert path.share[0, 0] == here.share[i]
    assert path.share[-1, 1] == pytest.approx(there.share[i], abs=1e-3)
    if i % 4:
        return  # drawing takes longer than all else
    table = legs(network, path)
    ends = [np.array(leg.coords)[[0, -1]] for leg in table.geometry.to_crs(LAMBERT_93)]
    for (_, end), (start, _) in itertools.pairwise(ends):
        assert end == pytest.approx(start, abs=1e-4)
    whole = network.segment_length_m[network.edge_segment[path.edge]]
    part = np.abs(path.share[:, 1] - path.share[:, 0])
    assert table["length_m"].sum() == pytest.approx((whole * part).sum())
    if len(table):
        assert table["time_s"].iloc[-1] == (path.total_ms - sum(path.off_ms)) / 1000


@settings(max_examples=30, deadline=None)
@given(descriptions(), st.sampled_from([None, 5.0]), st.data())
def test_a_way_takes_what_other_searches_say(
    description: Description, walk: float | None, data: st.DataObject
) -> None:
    network = built(description)
    few, many = drawn_positions(data, network, 2), drawn_positions(data, network, 4)
    off = np.array(data.draw(st.lists(st.floats(0, 300), min_size=6, max_size=6)))
    few = Positions(few.segment, few.share, off[: len(few)])
    many = Positions(many.segment, many.share, off[2 : 2 + len(many)])
    row, column = (a.ravel() for a in np.indices((len(few), len(many))))
    here, there = few.take(row), many.take(column)
    found = paths(network, here, there, walk_kph=walk)
    if walk is None:
        expected = oracle_s(network, few, many)
    else:
        expected = position_matrix(network, few, many, cutoff_s=None, walk_kph=walk)
    time_s = [np.inf if path is None else path.total_ms / 1000 for path in found]
    assert time_s == expected.ravel().tolist()
    for i, path in enumerate(found):
        if path is not None:
            check(network, path, here, there, i)


@settings(max_examples=20, deadline=None)
@given(towns())
def test_a_way_minds_restrictions_through_ways(town: tuple) -> None:
    roads, rules = town
    tables = road_tables(GRID, [(a, b, STREET) for a, b in roads], restrictions=rules)
    network = build_network(tables)
    n = min(len(network.segment_road), 8)
    where = Positions(np.arange(n), np.full(n, 0.25), np.zeros(n))
    row, column = (a.ravel() for a in np.indices((n, n)))
    here, there = where.take(row), where.take(column)
    found = paths(network, here, there)
    expected = position_matrix(network, where, where, cutoff_s=None).ravel()
    assert [np.inf if p is None else p.total_ms / 1000 for p in found] == expected.tolist()
    for i, path in enumerate(found):
        if path is not None:
            check(network, path, here, there, i)


# -- on the Jura ---------------------------------------------------------------------------------


@pytest.mark.jura
def test_jura_ways_are_those_of_the_figure(jura: acc.Study) -> None:
    result = acc.coverage(jura)
    table = result.by_commune
    late = np.flatnonzero(table["travel_time_s"] > 1_200)
    rows = np.r_[late, np.random.default_rng(7).choice(len(table), 50, replace=False)]
    site = [result.sites["facility_id"].tolist().index(i) for i in table["facility_id"].iloc[rows]]
    here = snap(jura.network, jura.demand).take(rows)
    there = snap(jura.network, result.sites).take(site)
    found = paths(jura.network, here, there)
    time_s = [path.total_ms / 1000 for path in found if path is not None]
    assert time_s == table["travel_time_s"].iloc[rows].tolist()
    for i, path in enumerate(found):
        assert path is not None
        check(jura.network, path, here, there, i)


@pytest.mark.jura
def test_jura_legs_are_as_long_as_they_are_drawn(jura: acc.Study) -> None:
    viry = jura.demand[(jura.demand["code_insee"] == "39579").to_numpy()]
    table = route(jura.network, viry, jura.sites[jura.sites["facility_id"] == "2196"],
                  roads=jura.roads.roads)  # fmt: skip
    assert table["time_s"].iloc[-1] == 1_204.475
    drawn_m = [GRS80.geometry_length(leg) for leg in table.geometry]
    # lengths are written to the millimetre, parts of a road are by their share
    assert drawn_m == pytest.approx(table["length_m"].tolist(), rel=1e-3, abs=0.01)
    assert (table["length_m"] / table["kph"] * 3.6).tolist() == pytest.approx(
        table["drive_s"].tolist(), abs=0.002
    )
    whole = jura.roads.roads.iloc[table["road"]]
    assert table["ref"].fillna("").tolist() == whole["ref"].astype(object).fillna("").tolist()
    away = shapely.distance(table.geometry.to_numpy(), whole.geometry.to_numpy())
    assert away.max() < 1e-8
