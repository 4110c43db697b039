"""In which country a road lies, and how long a ferry says that it takes."""

from __future__ import annotations

import math
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from networks import LINE, STREET, write_extract

from accessibility.inputs.countries import country_of
from accessibility.inputs.durations import duration_s
from accessibility.inputs.osm import read_osm
from accessibility.schema import LAMBERT_93, WGS84


@pytest.mark.parametrize(
    ("lon", "lat", "country"),
    [
        (5.55, 46.67, "FR"), (6.14, 46.20, "CH"), (9.52, 47.14, "LI"), (1.52, 42.51, "AD"),
        (7.42, 43.73, "MC"), (8.69, 47.69, "CH"), (8.41, 49.01, "DE"), (4.35, 50.85, "BE"),
        (9.15, 42.30, "FR"), (-61.5, 16.2, "GP"), (-30.0, 20.0, None),
    ],
)  # fmt: skip
def test_places_lie_in_their_country(lon: float, lat: float, country: str | None) -> None:
    line = shapely.LineString([(lon, lat), (lon + 0.001, lat)])
    found = country_of(gpd.GeoDataFrame(geometry=[line], crs="EPSG:4326"))
    assert [c if isinstance(c, str) else None for c in found] == [country]


def test_no_road_lies_in_no_country() -> None:
    assert len(country_of(gpd.GeoDataFrame(geometry=[], crs="EPSG:4326"))) == 0


def test_the_border_agrees_with_the_contours_of_the_communes(shared_data: Path) -> None:
    contours = gpd.read_file(shared_data / "communes" / "contours-cog2022.gpkg")
    departements = contours[contours["dep"].isin(["39", "25", "01"])].to_crs(LAMBERT_93)
    france = departements.union_all().simplify(20)
    border = shapely.get_coordinates(france.boundary.segmentize(1_000))
    ring = shapely.get_coordinates(shapely.buffer(shapely.points(border), 300, quad_segs=2))
    points = gpd.GeoSeries(shapely.points(ring), crs=LAMBERT_93)
    inside = shapely.contains(france.buffer(-250), points.values)
    # south-east of the Jura what is not France is Switzerland
    beside = ~shapely.contains(france.buffer(250), points.values)
    beside &= points.to_crs(WGS84).geometry.within(shapely.box(6.1, 46.4, 6.5, 46.8)).to_numpy()
    steps = shapely.linestrings(np.stack([ring, ring + 1.0], axis=1))
    found = country_of(gpd.GeoDataFrame(geometry=steps, crs=LAMBERT_93).to_crs(WGS84))
    assert inside.sum() > 1_000
    assert beside.sum() > 150
    assert set(found[inside]) == {"FR"}
    assert set(found[beside]) == {"CH"}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("25", 1500), ("90", 5400), ("0:25", 1500), ("01:30", 5400), ("1:30:10", 5410),
        ("23:59", 86340), ("PT20M", 1200), ("PT1H30M", 5400), ("pt45s", 45), ("P1D", 86400),
        (" 25 ", 1500),
    ],
)  # fmt: skip
def test_durations(text: str, seconds: float) -> None:
    assert duration_s(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "soon", "-5", "0", "00:00", "PT", "P", "1:2:3:4", "5 min", "26:00", "P2D"]
)
def test_durations_that_tell_nothing(text: str) -> None:
    assert math.isnan(duration_s(text))


def test_a_ferry_shares_its_time_by_length(tmp_path: Path) -> None:
    places = LINE | {4: (6_000, 0), 5: (2_000, 1_000)}
    ferry = {"route": "ferry", "duration": "00:30"}
    ways = [(1, [1, 2], STREET), (2, [2, 3, 4], ferry), (3, [3, 5], STREET)]
    roads = read_osm(write_extract(tmp_path / "x.osm.pbf", places, ways)).roads.roads
    took = roads.set_index(["from_node", "to_node"])["duration_s"]
    assert took[2, 3] == pytest.approx(1800 / 5, rel=1e-4)
    assert took[3, 4] == pytest.approx(1800 * 4 / 5, rel=1e-4)
    assert took.drop([(2, 3), (3, 4)]).isna().all()


def test_two_ferries_with_equal_tags_keep_their_own_time(tmp_path: Path) -> None:
    ferry = {"route": "ferry", "duration": "10"}
    ways = [(1, [1, 2], ferry), (2, [2, 3], ferry)]
    roads = read_osm(write_extract(tmp_path / "x.osm.pbf", LINE, ways)).roads.roads
    assert roads["duration_s"].tolist() == pytest.approx([600, 600])


def test_only_ferries_and_movable_bridges_tell_a_time(tmp_path: Path) -> None:
    timed = {**STREET, "duration": "10"}
    ways = [(1, [1, 2], timed), (2, [2, 3], {**timed, "bridge": "movable"})]
    roads = read_osm(write_extract(tmp_path / "x.osm.pbf", LINE, ways)).roads.roads
    took = roads.set_index("osm_way_id")["duration_s"]
    assert math.isnan(took[1])
    assert took[2] == pytest.approx(600)
