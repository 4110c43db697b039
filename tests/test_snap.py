from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from networks import LINE, PRIVATE, STREET, lonlat, points, road_tables

from accessibility.errors import CrsError, InputError, SettingError
from accessibility.network.graph import RoadNetwork, build_network
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
