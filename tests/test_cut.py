"""Cuts of an extract: read within their box, they give what the extract gives."""

from __future__ import annotations

import geopandas as gpd
import osmium
import pandas as pd
import pytest
import shapely
from networks import STREET, lonlat, write_extract

from accessibility.errors import InputError, MissingInputError
from accessibility.inputs.cut import cut_extract
from accessibility.inputs.osm import read_osm
from accessibility.inputs.pbf import extent
from accessibility.schema import WGS84

TABLES = ("roads", "nodes", "restrictions")
BOX = ((-60_000, -60_000), (60_000, 60_000))
"""Of the extract, metres."""


def degrees(west: float, south: float, east: float, north: float) -> tuple[float, ...]:
    return tuple(float(v) for v in lonlat([(west, south), (east, north)]).ravel())


@pytest.fixture(scope="module")
def extract(tmp_path_factory):
    """Roads in the west and in the east, one across the west without a node in it."""
    places = {1: (-9_000, 0), 2: (-8_000, 0), 3: (-8_000, 500), 4: (-7_000, 0),
              5: (9_000, 0), 6: (9_900, 0), 7: (-20_000, 100), 8: (20_000, 100),
              9: (-8_500, 50), 10: (-8_400, 50), 11: (-8_400, 150), 12: (9_500, 0)}  # fmt: skip
    ways = [
        (1, [1, 2], STREET), (2, [2, 3], STREET), (3, [2, 4], STREET),
        (4, [5, 12, 6], STREET | {"name": "Rue Haute"}), (5, [7, 8], STREET),
        (6, [9, 10, 11, 9], {"landuse": "residential"}),
        (7, [4, 99], STREET),  # node 99 is missing
        (8, [5, 6], {"highway": "footway"}),
    ]  # fmt: skip
    nodes = {2: {"highway": "stop"}, 9: {"place": "village", "amenity": "townhall"},
             12: {"place": "hamlet", "shop": "bakery"}, 6: {"created_by": "nobody"}}  # fmt: skip
    no_left = [("w", 1, "from"), ("n", 2, "via"), ("w", 2, "to")]
    relations = [(1, no_left, {"type": "restriction", "restriction": "no_left_turn"}),
                 (2, no_left, {"type": "route"})]  # fmt: skip
    path = tmp_path_factory.mktemp("cut") / "whole.osm.pbf"
    return write_extract(path, places, ways, nodes=nodes, relations=relations, box=BOX)


def test_a_cut_gives_within_its_box_what_the_extract_gives(extract, tmp_path):
    west, east = degrees(-10_000, -5_000, -5_000, 5_000), degrees(5_000, -5_000, 10_000, 5_000)
    cuts = {tmp_path / "west" / "a.osm.pbf": west, tmp_path / "east" / "a.osm.pbf": east}
    cut_extract(extract, cuts)
    held = [{(o.type_str(), o.id) for o in osmium.FileProcessor(path)} for path in cuts]
    everywhere = {("w", 5), ("w", 7), ("r", 1)}
    assert held[0] == everywhere | {("w", 1), ("w", 2), ("w", 3), ("w", 6), ("n", 2), ("n", 9)}
    assert held[1] == everywhere | {("w", 4), ("w", 8), ("n", 12)}
    for path, box in cuts.items():
        assert extent(path).equals(extent(extract))
        within = gpd.GeoSeries([shapely.box(*box)], crs=WGS84)
        found, expected = read_osm(path, within=within), read_osm(extract, within=within)
        for name in TABLES:
            pd.testing.assert_frame_equal(getattr(found.roads, name), getattr(expected.roads, name))
        for name in ("built_up", "places", "points_of_interest"):
            pd.testing.assert_frame_equal(getattr(found, name), getattr(expected, name))
        assert len(found.points_of_interest) == 1


def test_what_cannot_be_cut_is_one_sentence(tmp_path):
    cuts = {tmp_path / "cut.osm.pbf": (5.0, 46.0, 6.0, 47.0)}
    with pytest.raises(MissingInputError, match="none is not there"):
        cut_extract(tmp_path / "none", cuts)
    broken = tmp_path / "broken.osm.pbf"
    broken.write_bytes(b"none")
    with pytest.raises(InputError, match=r"broken.osm.pbf cannot be read as OpenStreetMap data"):
        cut_extract(broken, cuts)
