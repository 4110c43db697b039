"""Roads within a cut-off: exact on networks computed by hand, and as the times say on any."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import LINE, ONE_WAY, PRIVATE, STREET, facilities, road_tables
from test_restrictions import GRID, towns
from test_times import (
    SQUARE,
    Description,
    built,
    descriptions,
    drawn_positions,
)

import accessibility as acc
from accessibility.analysis.choices import counted_sites
from accessibility.errors import CrsError, InputError, SettingError
from accessibility.network.graph import RoadNetwork, build_network
from accessibility.network.snap import Positions, snap
from accessibility.routing.kernels import NEVER
from accessibility.routing.reach import Pieces, Spreader, cut_pieces, reach
from accessibility.routing.times import nearest, position_matrix, seconds, travel_times

DIRECTIONS = st.sampled_from(["to", "from"])


def line() -> RoadNetwork:
    return build_network(road_tables(LINE, [(1, 2, STREET), (2, 3, STREET)]))


def rows(network: RoadNetwork, x: float, cutoff_s: float, **options: object) -> list[list[float]]:
    """Pieces as road, first and last metre, times there."""
    found = reach(network, facilities([(x, 0)]), cutoffs_s=[cutoff_s], **options)  # type: ignore[arg-type]
    ends = [line.coords[:: len(line.coords) - 1] for line in found.geometry]
    return [
        [row.road, *(round(p[0] - 900_000) for p in xy), round(row.start_s, 3), round(row.end_s, 3)]
        for row, xy in zip(found.itertuples(), ends, strict=True)
    ]


def test_roads_are_cut_where_the_time_is_up() -> None:
    assert rows(line(), 500, 60) == [
        [0, 0, 500, 50, 0],
        [0, 500, 1_000, 0, 50],
        [1, 1_000, 1_100, 50, 60],
    ]
    assert rows(line(), 500, 12.5) == [[0, 375, 500, 12.5, 0], [0, 500, 625, 0, 12.5]]
    assert rows(line(), 1_000, 1) == [[0, 990, 1_000, 1, 0], [1, 1_000, 1_010, 0, 1]]


def test_the_cutoff_is_inclusive_where_roads_meet() -> None:
    network = line()
    there = Positions(np.array([0]), np.array([0.5]), np.zeros(1))
    at_the_junction = Positions(np.array([1]), np.array([0.0]), np.zeros(1))
    for limit, reached in ((50_000, True), (49_999, False)):
        for direction in ("to", "from"):
            spreader = Spreader(network, direction=direction)
            time_ms, _ = spreader.read(spreader.spread(there, limit), at_the_junction)
            assert (time_ms == 50_000).tolist() == [reached]


def test_a_road_reached_from_both_ends_is_cut_where_the_times_are_equal() -> None:
    triangle = {1: (0, 0), 2: (1_000, 0), 3: (400, 0)}
    roads = [(1, 2, STREET), (1, 3, STREET), (3, 2, {**STREET, "maxspeed": "15"})]
    network = build_network(road_tables(triangle, roads))
    # 12 km/h on the last road, 36 on the others; the facility stands at their common end
    found = reach(network, facilities([(0, 0)]), cutoffs_s=[1_000]).query("road == 2")
    assert len(found) == 2
    first, second = found.itertuples()
    assert first.end_s == pytest.approx(second.start_s)
    assert first.end_s > max(first.start_s, second.end_s)


@pytest.mark.parametrize(
    ("direction", "expected"),
    [("to", [[0, 300, 500, 20, 0]]), ("from", [[0, 500, 700, 0, 20]])],
)
def test_a_one_way_road_is_reached_on_one_side(direction: str, expected: list) -> None:
    ring = [(1, 2, ONE_WAY), (2, 3, ONE_WAY), (3, 4, ONE_WAY), (4, 1, ONE_WAY)]
    network = build_network(road_tables(SQUARE, ring))
    assert rows(network, 500, 20, direction=direction) == expected


def test_a_whole_ring_is_reached_once() -> None:
    ring = [(1, 2, ONE_WAY), (2, 3, ONE_WAY), (3, 4, ONE_WAY), (4, 1, ONE_WAY)]
    network = build_network(road_tables(SQUARE, ring))
    found = reach(network, facilities([(250, 0)]), cutoffs_s=[400])
    assert found["length_m"].sum() == pytest.approx(4_000)
    assert found["start_s"].max() == pytest.approx(400)


def test_nobody_drives_through_a_private_road() -> None:
    roads = [(1, 2, PRIVATE), (2, 3, STREET)]
    network = build_network(road_tables({**LINE, 4: (-1_000, 0)}, [*roads, (4, 1, STREET)]))
    # only the largest part takes points: from the east the private road is reached, no more
    assert [row[0] for row in rows(network, 1_500, 1_000)] == [0, 1, 1]


def test_facilities_on_one_road_share_it() -> None:
    two = facilities([(200, 0), (800, 0)], ids=["b", "a"])
    together = reach(line(), two, cutoffs_s=[1_000], each=False)
    assert set(together["facility_id"]) == {"any"}
    assert together["length_m"].sum() == pytest.approx(2_000)
    road = together.query("road == 0")
    assert road["start_s"].round(6).tolist() == [20, 0, 30, 0]
    assert road["end_s"].round(6).tolist() == [0, 30, 0, 20]
    each = reach(line(), two, cutoffs_s=[10, 20])
    assert each.groupby(["facility_id", "cutoff_s"])["length_m"].sum().round(6).to_dict() == {
        ("a", 10): 200, ("a", 20): 400, ("b", 10): 200, ("b", 20): 400,
    }  # fmt: skip


def test_a_facility_off_the_road_is_walked_to_where_that_is_asked() -> None:
    off = facilities([(500, 100)])
    assert reach(line(), off, cutoffs_s=[10])["length_m"].sum() == pytest.approx(200)
    walked = reach(line(), off, cutoffs_s=[100], walk_kph=3.6)  # 100 m in 100 s
    assert walked["length_m"].sum() == pytest.approx(0, abs=1e-6)
    walked = reach(line(), off, cutoffs_s=[110], walk_kph=3.6)
    assert walked["length_m"].sum() == pytest.approx(200)
    assert walked["start_s"].max() == pytest.approx(110)


def test_without_facilities_nothing_is_reached() -> None:
    for each in (True, False):
        assert len(reach(line(), facilities([]), cutoffs_s=60, each=each)) == 0


def test_a_facility_too_far_from_any_road_reaches_nothing() -> None:
    found = reach(line(), facilities([(500, 2_000), (500, 0)]), cutoffs_s=[10])
    assert set(found["facility_id"]) == {"f1"}
    nothing = reach(line(), facilities([(500, 2_000)]), cutoffs_s=[10])
    assert len(nothing) == 0
    assert nothing.crs == "EPSG:2154"


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"cutoffs_s": []}, SettingError, "at least one"),
        ({"cutoffs_s": [0]}, SettingError, "above 0"),
        ({"cutoffs_s": [60], "direction": "up"}, SettingError, "'to' or 'from'"),
        ({"cutoffs_s": [60], "walk_kph": 0}, SettingError, "walking speed"),
        ({"cutoffs_s": [60], "walk_kph": np.inf}, SettingError, "walking speed"),
    ],
)
def test_settings_that_make_no_sense_are_refused(options: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        reach(line(), facilities([(0, 0)]), **options)


def test_tables_with_faults_are_refused() -> None:
    with pytest.raises(InputError, match="repeats"):
        reach(line(), facilities([(0, 0), (1, 0)], ids=["a", "a"]), cutoffs_s=[60])
    with pytest.raises(CrsError, match="no CRS"):
        reach(line(), facilities([(0, 0)]).set_crs(None, allow_override=True), cutoffs_s=[60])


# -- on random networks --------------------------------------------------------------------------


def one_piece(pieces: Pieces, segment: int, share: float) -> list[float]:
    """Times at a place by the pieces that hold it."""
    found = []
    for i in np.flatnonzero(pieces.segment == segment):
        a, b = pieces.start_share[i], pieces.end_share[i]
        if a - 1e-12 <= share <= b + 1e-12:
            part = (share - a) / (b - a)
            found.append(pieces.start_ms[i] + part * (pieces.end_ms[i] - pieces.start_ms[i]))
    return found


@settings(max_examples=40, deadline=None)
@given(descriptions(), DIRECTIONS, st.sampled_from([None, 5.0]), st.data())
def test_reading_a_search_gives_the_times_of_the_others(
    description: Description, direction: str, walk: float | None, data: st.DataObject
) -> None:
    network = built(description)
    here, there = (drawn_positions(data, network, n) for n in (6, 3))
    off = data.draw(st.lists(st.floats(0, 500), min_size=9, max_size=9))
    here, there = (
        Positions(p.segment, p.share, np.array(m)) for p, m in ((here, off[:6]), (there, off[6:]))
    )
    limit = np.int64(data.draw(st.integers(1_000, 900_000)))
    spreader = Spreader(network, direction=direction, walk_kph=walk)  # type: ignore[arg-type]
    together, rank = spreader.read(spreader.spread(there, int(limit)), here)
    time_ms, row = nearest(
        network, here, there, limit_ms=limit, towards=direction == "to", walk_kph=walk
    )
    assert together.tolist() == time_ms.tolist()
    assert rank.tolist() == row.tolist()
    alone = [spreader.read(spread, here)[0] for spread in spreader.each(there, int(limit))]
    ends = (here, there) if direction == "to" else (there, here)
    matrix = position_matrix(network, *ends, cutoff_s=limit / 1000, walk_kph=walk)
    matrix = matrix if direction == "to" else matrix.T
    assert np.array_equal(seconds(np.array(alone)).T, matrix)


@settings(max_examples=25, deadline=None)
@given(towns(), DIRECTIONS)
def test_reading_a_search_minds_restrictions_through_ways(town: tuple, direction: str) -> None:
    roads, rules = town
    tables = road_tables(GRID, [(a, b, STREET) for a, b in roads], restrictions=rules)
    network = build_network(tables)
    n = len(network.segment_road)
    where = Positions(np.repeat(np.arange(n), 2), np.tile([0.25, 0.75], n), np.zeros(2 * n))
    spreader = Spreader(network, direction=direction)  # type: ignore[arg-type]
    found = np.array([spreader.read(s, where)[0] for s in spreader.each(where, 10**8)])
    matrix = position_matrix(network, where, where, cutoff_s=10**5)
    assert np.array_equal(seconds(found), matrix.T if direction == "to" else matrix)


@settings(max_examples=40, deadline=None)
@given(descriptions(), DIRECTIONS, st.booleans(), st.data())
def test_a_place_is_on_a_piece_if_its_time_is_within_the_limit(
    description: Description, direction: str, each: bool, data: st.DataObject
) -> None:
    network = built(description)
    here, there = (drawn_positions(data, network, n) for n in (8, 3))
    # never just where a facility stands: one point of a road is no piece of it
    here = Positions(here.segment, here.share * 0.9 + 0.05, here.snap_m)
    limits = sorted(data.draw(st.sets(st.integers(1_000, 600_000), min_size=1, max_size=3)))
    spreader = Spreader(network, direction=direction)  # type: ignore[arg-type]
    spreads = spreader.each(there, limits[-1]) if each else [spreader.spread(there, limits[-1])]
    pieces = cut_pieces(spreader, spreads, limits)
    assert (pieces.end_share > pieces.start_share).all()
    assert (
        np.maximum(pieces.start_ms, pieces.end_ms) <= np.array(limits)[pieces.cutoff] + 1e-6
    ).all()
    for s, spread in enumerate(spreads):
        time_ms, _ = spreader.read(spread, here)
        for k, limit in enumerate(limits):
            mine = (pieces.spread == s) & (pieces.cutoff == k)
            some = Pieces(*(getattr(pieces, name)[mine] for name in Pieces.__dataclass_fields__))
            for i in range(len(here)):
                times = one_piece(some, here.segment[i], here.share[i])
                if time_ms[i] <= limit - 2:
                    assert min(times) == pytest.approx(time_ms[i], abs=1.01)
                elif time_ms[i] == NEVER or time_ms[i] > limit + 2:
                    assert not times


@settings(max_examples=25, deadline=None)
@given(descriptions(), DIRECTIONS, st.data())
def test_a_larger_cutoff_never_loses_a_road(
    description: Description, direction: str, data: st.DataObject
) -> None:
    network = built(description)
    there = drawn_positions(data, network, 2)
    limits = sorted(data.draw(st.sets(st.integers(1_000, 600_000), min_size=2, max_size=4)))
    spreader = Spreader(network, direction=direction)  # type: ignore[arg-type]
    pieces = cut_pieces(spreader, [spreader.spread(there, limits[-1])], limits)
    length = np.zeros((len(limits), len(network.segment_road)))
    np.add.at(length, (pieces.cutoff, pieces.segment), pieces.length_m(network))
    assert (np.diff(length, axis=0) >= -1e-6).all()
    assert (length <= network.segment_length_m + 1e-6).all()


# -- on the Jura ---------------------------------------------------------------------------------


@pytest.mark.jura
@pytest.mark.parametrize("direction", ["to", "from"])
def test_jura_people_by_reach_are_those_of_the_coverage(jura: acc.Study, direction: str) -> None:
    sites = counted_sites(jura.sites, jura.default("as_of"))
    spreader = Spreader(jura.network, direction=direction)  # type: ignore[arg-type]
    here, there = snap(jura.network, jura.demand), snap(jura.network, sites)
    time_ms, _ = spreader.read(spreader.spread(there, 1_200_000), here)
    expected = travel_times(jura.network, jura.demand, sites, cutoff_s=1_200, direction=direction)
    assert seconds(time_ms).tolist() == expected["travel_time_s"].tolist()
    people = jura.demand["population"].to_numpy()
    result = acc.coverage(jura, direction=direction)
    assert people[time_ms <= 1_200_000].sum() == result.population_covered


@pytest.mark.jura
def test_jura_pieces_lie_on_their_roads(jura: acc.Study) -> None:
    found = reach(jura.network, jura.sites[:3], cutoffs_s=[600, 1_200])
    assert found.geometry.is_valid.all()
    drawn = found.geometry.length
    # Lambert-93 and the ellipsoid differ by up to three metres in a kilometre
    assert drawn.sum() == pytest.approx(found["length_m"].sum(), rel=3e-3)
    roads = jura.roads.roads.geometry.to_crs(jura.metric_crs).to_numpy()[found["road"]]
    assert shapely.distance(shapely.get_point(found.geometry.to_numpy(), 0), roads).max() < 1e-6
