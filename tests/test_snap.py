from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import LINE, PRIVATE, STREET, lonlat, points, road_tables

from accessibility.errors import CrsError, InputError, SettingError
from accessibility.network.graph import RoadNetwork, build_network
from accessibility.network.road_index import RoadIndex, index_roads
from accessibility.network.snap import snap
from accessibility.schema import WGS84


def line() -> RoadNetwork:
    return build_network(road_tables(LINE, [(1, 2, STREET), (3, 2, STREET)]))


@pytest.mark.parametrize(
    ("xy", "segment", "share", "distance"),
    [
        ((250, 0), 0, 0.25, 0),
        ((250, 40), 0, 0.25, 40),
        ((-30, 40), 0, 0, 50),
        ((1_250, -7), 1, 0.75, 7),  # drawn from the east
        ((2_300, 400), 1, 0, 500),
    ],
)
def test_a_point_stands_at_the_nearest_place(
    xy: tuple[float, float], segment: int, share: float, distance: float
) -> None:
    found = snap(line(), points([xy]))
    assert found.segment.tolist() == [segment]
    assert found.share == pytest.approx(share, abs=1e-9)
    assert found.snap_m == pytest.approx(distance, abs=1e-6)
    assert len(found) == 1


def test_a_point_too_far_from_any_road_stands_nowhere() -> None:
    found = snap(line(), points([(250, 99.9), (250, 100.1)]), max_snap_m=100)
    assert found.segment.tolist() == [0, -1]
    assert found.snap_m[1] == np.inf
    assert snap(line(), points([(250, 999.9), (250, 1_000.1)])).segment.tolist() == [0, -1]


def test_points_may_come_in_any_crs() -> None:
    table = points([(250, 40)])
    for crs in ("EPSG:2154", "EPSG:3857", "OGC:CRS84"):
        found = snap(line(), table.geometry.to_crs(crs))
        assert found.share == pytest.approx(0.25, abs=1e-6)
        assert found.snap_m == pytest.approx(40, abs=1e-4)


def test_no_point_stands_on_an_island() -> None:
    places = {**LINE, 4: (0, 100), 5: (500, 100)}
    roads = [(4, 5, STREET), (1, 2, STREET), (2, 3, STREET)]
    found = snap(build_network(road_tables(places, roads)), points([(250, 99)]))
    assert found.segment.tolist() == [1]
    assert found.snap_m == pytest.approx(99)


def test_a_private_road_takes_points() -> None:
    network = build_network(road_tables(LINE, [(1, 2, STREET), (2, 3, PRIVATE)]))
    assert snap(network, points([(1_500, 1)])).segment.tolist() == [1]


def test_of_two_equally_near_the_first_is_taken() -> None:
    roads = [(2, 3, STREET), (1, 2, STREET), (2, 2, STREET), (1, 2, STREET)]
    network = build_network(road_tables(LINE, roads))
    at_node, at_twin = snap(network, points([(1_000, 0), (500, 3)])).segment
    assert (at_node, at_twin) == (0, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        shapely.Point(),
        shapely.Point(np.nan, np.nan),
        shapely.Point(5.6, np.nan),
        shapely.box(5, 46, 6, 47),
        shapely.MultiPoint([(5, 46)]),
    ],
    ids=str,
)
def test_what_is_no_point_is_told_by_its_row(wrong: object) -> None:
    good = shapely.Point(*lonlat([(250, 0)])[0])
    with pytest.raises(InputError, match="points are expected; rows 1 hold none or another"):
        snap(line(), gpd.GeoSeries([good, wrong, good], crs=WGS84))


def test_points_without_a_crs_are_refused() -> None:
    with pytest.raises(CrsError, match="the table of points has no CRS"):
        snap(line(), points([(250, 0)]).set_crs(None, allow_override=True))


@pytest.mark.parametrize("limit", [0, -1, np.nan])
def test_a_snap_distance_is_above_0(limit: float) -> None:
    with pytest.raises(SettingError, match="more than 0 is expected"):
        snap(line(), points([(250, 0)]), max_snap_m=limit)


def test_no_points_give_no_positions() -> None:
    assert len(snap(line(), points([]))) == 0


# -- the index of roads --------------------------------------------------------------------------


def index(lines: list[list[tuple[float, float]]]) -> RoadIndex:
    start = np.cumsum([0, *(len(line) for line in lines)])
    return index_roads(
        np.arange(len(lines)),
        start,
        np.concatenate([np.array(line, dtype=float) for line in lines]),
    )


def test_of_lines_equally_near_the_first_is_taken_whatever_was_looked_at_before() -> None:
    lines = index([[(0, 300), (1_000, 300)], [(0, -300), (1_000, -300)]])
    between = (500.0, 0.0)
    for before in ((500.0, -200.0), (500.0, 200.0)):
        segment, share, distance = lines.nearest(np.array([before, between]), 1_000)
        assert segment[1] == 0
        assert (share[1], distance[1]) == (0.5, 300)


def test_a_line_of_no_length_has_a_place() -> None:
    segment, share, distance = index([[(5, 5), (5, 5)]]).nearest(np.array([[8.0, 9.0]]), 10)
    assert (segment.tolist(), share.tolist(), distance.tolist()) == ([0], [0], [5])


def test_a_wide_search_ends_with_the_roads() -> None:
    lines = index([[(0, 0), (100, 0)]])
    where = np.array([[1e7, 0.0], [-3e6, 4e6], [1e12, 0.0], [np.nan, 0.0]])
    segment, _, distance = lines.nearest(where, np.inf)
    assert segment.tolist() == [0, 0, 0, -1]
    assert distance.tolist() == [1e7 - 100, 5e6, 1e12 - 100, np.inf]


def test_a_place_does_not_hang_on_what_was_looked_at_before() -> None:
    bend = index([[(0, 0), (40, 0), (40, 100), (0, 100)]])
    alone = bend.nearest(np.array([[20.0, 50.0]]), 1_000)
    after = bend.nearest(np.array([[20.0, 90.0], [20.0, 50.0]]), 1_000)
    assert alone[1][0] == after[1][1]


SPOTS = st.tuples(st.integers(-900, 900), st.integers(-900, 900))


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.lists(SPOTS, min_size=2, max_size=4), min_size=1, max_size=8),
    st.lists(SPOTS, min_size=1, max_size=20),
    st.sampled_from([50.0, 400.0, 5_000.0]),
)
def test_the_nearest_line_is_that_of_another_library(
    lines: list, where: list, max_m: float
) -> None:
    found = index(lines)
    segment, share, distance = found.nearest(np.array(where, dtype=float), max_m)
    drawn = np.array([shapely.LineString(line) for line in lines])
    for i, point in enumerate(shapely.points(where)):
        apart = shapely.distance(drawn, point)
        if apart.min() > max_m:
            assert segment[i] == -1
            assert distance[i] == np.inf
            continue
        assert distance[i] == pytest.approx(apart.min(), abs=1e-9)
        assert apart[segment[i]] == pytest.approx(apart.min(), abs=1e-9)
        place = shapely.line_interpolate_point(drawn[segment[i]], share[i], normalized=True)
        assert shapely.distance(place, point) == pytest.approx(apart.min(), abs=1e-6)
