from __future__ import annotations

import itertools
import random
import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import ORIGIN, STREET, XY, Tags, lonlat, write_extract
from pyproj import Geod

from accessibility.errors import CrsError, InputError, MissingInputError
from accessibility.inputs.osm import OsmExtract, read_osm, read_roads
from accessibility.inputs.pbf import extent
from accessibility.inputs.territory import buffered
from accessibility.schema import LAMBERT_93, NODES, RESTRICTIONS, ROADS, WGS84, validate

ROW = {i: (500.0 * (i - 1), 0.0) for i in range(1, 8)}  # nodes 1 to 7, each 500 m on
GRID = {**ROW, 12: (500.0, 500.0), 13: (1_000.0, 500.0), 22: (500.0, -500.0)}
ONE_WAY = {**STREET, "oneway": "yes"}
Way = tuple[int, list[int], Tags]


@pytest.fixture
def read(tmp_path: Path):  # type: ignore[no-untyped-def]
    def reader(places: dict[int, XY], ways: list[Way], **options: object) -> OsmExtract:
        area = {k: options.pop(k) for k in ("within", "buffer_km") if k in options}
        path = write_extract(tmp_path / "small.osm.pbf", places, ways, **options)  # type: ignore[arg-type]
        found = read_osm(path, **area)  # type: ignore[arg-type]
        validate(found.roads.roads, ROADS)
        validate(found.roads.nodes, NODES)
        validate(found.roads.restrictions, RESTRICTIONS)
        return found

    return reader


def ends(found: OsmExtract) -> list[tuple[int, int]]:
    roads = found.roads.roads
    pairs = zip(roads["from_node"], roads["to_node"], strict=True)
    return sorted((int(min(p)), int(max(p))) for p in pairs)


def directed(found: OsmExtract) -> list[tuple[int, int]]:
    roads = found.roads.roads
    return sorted(zip(roads["from_node"].tolist(), roads["to_node"].tolist(), strict=True))


def test_ways_are_cut_where_they_cross(read) -> None:  # type: ignore[no-untyped-def]
    found = read(GRID, [(1, [1, 2, 3], STREET), (2, [12, 2, 22], STREET)])
    assert ends(found) == [(1, 2), (2, 3), (2, 12), (2, 22)]
    assert found.counts["roads"] == 4
    assert sorted(found.roads.roads["osm_way_id"]) == [1, 1, 2, 2]


def test_a_way_that_ends_on_another_cuts_it(read) -> None:  # type: ignore[no-untyped-def]
    assert ends(read(GRID, [(1, [1, 2, 3], STREET), (2, [12, 2], STREET)])) == [
        (1, 2), (2, 3), (2, 12),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "ways",
    [
        [(1, [1, 2], STREET), (2, [2, 3], STREET), (3, [3, 4, 5], STREET)],
        [(1, [1, 2], STREET), (2, [3, 2], STREET), (3, [3, 4, 5], STREET)],  # head to head
        [(2, [3, 2], STREET), (1, [1, 2], STREET), (3, [5, 4, 3], STREET)],
        [(1, [3, 4, 5], STREET), (2, [3, 2], STREET), (3, [1, 2], STREET)],
    ],
)
def test_ways_of_equal_tags_become_one_road(read, ways: list[Way]) -> None:  # type: ignore[no-untyped-def]
    found = read(ROW, ways)
    assert ends(found) == [(1, 5)]
    (line,) = found.roads.roads.geometry
    xy = [lonlat([ROW[n]])[0] for n in range(1, 6)]
    either = min(
        np.abs(shapely.get_coordinates(line) - np.array(xy)[::step]).max() for step in (1, -1)
    )
    assert either < 1e-7


def test_a_one_way_chain_keeps_its_direction(read) -> None:  # type: ignore[no-untyped-def]
    ways = [(1, [3, 4], ONE_WAY), (2, [1, 2], ONE_WAY), (3, [2, 3], ONE_WAY)]
    assert directed(read(ROW, ways)) == [(1, 4)]


@pytest.mark.parametrize(
    "tags",
    [
        ONE_WAY,
        {**STREET, "oneway:motorcar": "yes"},
        {**STREET, "maxspeed:forward": "30"},
        {**STREET, "access:backward": "no"},
        {**STREET, "junction": "roundabout"},
        {"highway": "motorway"},
    ],
    ids=str,
)
def test_opposing_directions_are_not_joined(read, tags: Tags) -> None:  # type: ignore[no-untyped-def]
    opposed = read(ROW, [(1, [1, 2], tags), (2, [3, 2], tags)])
    assert directed(opposed) == [(1, 2), (3, 2)]


@pytest.mark.parametrize(
    "other", [{**STREET, "maxspeed": "80"}, {**STREET, "name": "Grande Rue"}, ONE_WAY], ids=str
)
def test_a_road_ends_where_a_tag_changes(read, other: Tags) -> None:  # type: ignore[no-untyped-def]
    assert ends(read(ROW, [(1, [1, 2], STREET), (2, [2, 3], other)])) == [(1, 2), (2, 3)]


def test_a_tag_that_nobody_reads_changes_nothing(read) -> None:  # type: ignore[no-untyped-def]
    lit = {**STREET, "lit": "yes"}
    assert ends(read(ROW, [(1, [1, 2], STREET), (2, [2, 3], lit)])) == [(1, 3)]


@pytest.mark.parametrize(
    "tags",
    [
        {"highway": "traffic_signals"},
        {"highway": "stop"},
        {"highway": "give_way"},
        {"barrier": "gate"},
        {"motor_vehicle": "no"},
    ],
    ids=str,
)
def test_a_node_that_costs_or_closes_ends_a_road(read, tags: Tags) -> None:  # type: ignore[no-untyped-def]
    within = read(ROW, [(1, [1, 2, 3], STREET)], nodes={2: tags})
    between = read(ROW, [(1, [1, 2], STREET), (2, [2, 3], STREET)], nodes={2: tags})
    for found in (within, between):
        assert ends(found) == [(1, 2), (2, 3)]
        row = found.roads.nodes.set_index("node_id").loc[2]
        assert {key: row[key] for key in tags} == tags


def test_a_node_of_no_consequence_does_not(read) -> None:  # type: ignore[no-untyped-def]
    assert ends(read(ROW, [(1, [1, 2, 3], STREET)], nodes={2: {"highway": "bus_stop"}})) == [(1, 3)]


def test_ways_of_a_turn_restriction_stand_alone(read) -> None:  # type: ignore[no-untyped-def]
    ways = [(i, [i, i + 1], STREET) for i in range(1, 7)]
    members = [("w", 2, "from"), ("n", 3, "via"), ("w", 3, "to")]
    rule = [(9, members, {"type": "restriction", "restriction": "no_right_turn"})]
    found = read(ROW, ways, relations=rule)
    assert ends(found) == [(1, 2), (2, 3), (3, 4), (4, 7)]


def test_turn_restrictions_are_listed(read) -> None:  # type: ignore[no-untyped-def]
    ways = [(1, [1, 2], STREET), (2, [2, 3], STREET), (3, [3, 13], STREET), (4, [2, 12], STREET)]
    plain = {"type": "restriction"}
    relations = [
        (33, [("w", 1, "from"), ("w", 2, "via"), ("w", 3, "to")],
         {**plain, "restriction": "no_u_turn"}),
        (31, [("w", 1, "from"), ("n", 2, "via"), ("w", 4, "to")],
         {**plain, "restriction": "no_left_turn", "except": "psv;bicycle"}),
        (32, [("w", 1, "from"), ("w", 4, "from"), ("n", 2, "via"), ("w", 2, "to")],
         {**plain, "restriction": "only_straight_on", "restriction:motorcar": "no_entry"}),
        (34, [("w", 1, "from"), ("w", 2, "to")], {**plain, "restriction": "no_left_turn"}),
        (35, [("w", 1, "from"), ("n", 2, "via"), ("w", 2, "to")], plain),
        (36, [("w", 1, "outer")], {"type": "multipolygon"}),
        (37, [("n", 1, "from"), ("n", 2, "via"), ("w", 2, "to")],
         {**plain, "restriction": "no_left_turn"}),
    ]  # fmt: skip
    found = read(GRID, ways, relations=relations)
    table = found.roads.restrictions.astype(object)
    rows = table.where(table.notna(), None).values.tolist()
    assert rows == [
        [31, "no_left_turn", 1, 2, None, 4, "psv;bicycle"],
        [32, "no_entry", 1, 2, None, 2, None],
        [32, "no_entry", 4, 2, None, 2, None],
        [33, "no_u_turn", 1, None, "2", 3, None],
    ]
    assert found.counts["restrictions left out: a member or the kind is missing"] == 3


RING = {1: (0, 0), 2: (100, 0), 3: (100, 100), 4: (0, 100), 5: (-300, 0), 6: (400, 100)}


def test_a_roundabout_is_cut_where_roads_meet_it(read) -> None:  # type: ignore[no-untyped-def]
    ring = {**STREET, "junction": "roundabout"}
    ways = [(1, [2, 3, 4, 1, 2], ring), (2, [5, 1], STREET), (3, [3, 6], STREET)]
    found = read(RING, ways)
    # the way begins at node 2, where no road meets it
    assert directed(found) == [(1, 3), (3, 1), (3, 6), (5, 1)]


@pytest.mark.parametrize("refs", [[1, 2, 3, 4, 1], [1, 4, 3, 2, 1]])
def test_an_isolated_ring_is_one_road(read, refs: list[int]) -> None:  # type: ignore[no-untyped-def]
    found = read(RING, [(1, refs, STREET)])
    assert directed(found) == [(1, 1)]
    assert found.roads.roads["length_m"][0] == pytest.approx(400, rel=2e-3)


@pytest.mark.parametrize(
    "ways",
    [
        [(1, [1, 2, 3], STREET), (2, [3, 4, 1], STREET)],
        [(1, [1, 2, 3], STREET), (2, [1, 4, 3], STREET)],
        [(1, [1, 2], STREET), (2, [3, 2], STREET), (3, [3, 4], STREET), (4, [1, 4], STREET)],
        [(1, [1, 2, 3], ONE_WAY), (2, [3, 4, 1], ONE_WAY)],
    ],
)
def test_a_ring_of_several_ways_is_one_road(read, ways: list[Way]) -> None:  # type: ignore[no-untyped-def]
    found = read(RING, ways)
    assert len(found.roads.roads) == 1
    assert found.roads.roads["from_node"][0] == found.roads.roads["to_node"][0]
    assert found.roads.roads["length_m"][0] == pytest.approx(400, rel=2e-3)


@pytest.mark.parametrize("refs", [[1, 2, 3, 4, 1], [3, 4, 1, 2, 3]])
def test_a_ring_with_one_junction_starts_and_ends_there(read, refs: list[int]) -> None:  # type: ignore[no-untyped-def]
    found = read(RING, [(1, refs, STREET), (2, [5, 1], {**STREET, "name": "Impasse"})])
    assert ends(found) == [(1, 1), (1, 5)]


def test_a_node_listed_twice_makes_no_road(read) -> None:  # type: ignore[no-untyped-def]
    found = read(ROW, [(1, [1, 2, 2, 3], STREET), (2, [4, 4, 5], STREET)])
    assert ends(found) == [(1, 3), (4, 5)]
    assert shapely.get_num_coordinates(found.roads.roads.geometry.to_numpy()).tolist() in (
        [3, 2], [2, 3],
    )  # fmt: skip


def test_lengths_are_geodesic(read) -> None:  # type: ignore[no-untyped-def]
    places = {1: (0, 0), 2: (300, 4_000), 3: (-7_000, 9_000)}
    found = read(places, [(1, [1, 2, 3], STREET)])
    xy = np.round(lonlat(places.values()), 7)  # as the file stores them
    expected = Geod(ellps="GRS80").line_length(*xy.T)
    assert found.roads.roads["length_m"][0] == pytest.approx(expected, abs=1e-3)


def territory(west: float, south: float, east: float, north: float) -> gpd.GeoSeries:
    x, y = ORIGIN
    return gpd.GeoSeries([shapely.box(x + west, y + south, x + east, y + north)], crs=LAMBERT_93)


@pytest.mark.parametrize("crs", [LAMBERT_93, WGS84])
def test_roads_are_read_within_the_territory_and_its_ring(read, crs: str) -> None:  # type: ignore[no-untyped-def]
    places = {**ROW, 8: (20_000, 0), 9: (20_500, 0)}
    ways = [(1, [1, 2, 3, 4, 5, 6, 7], STREET), (2, [8, 9], STREET)]
    area = territory(-100, -100, 700, 100).to_crs(crs)
    bare = read(places, ways, within=area, box=((-9_000, -9_000), (30_000, 9_000)))
    assert ends(bare) == [(1, 3)]
    ringed = read(places, ways, within=area, buffer_km=1, box=((-9_000, -9_000), (30_000, 9_000)))
    assert ends(ringed) == [(1, 5)]
    rim = ringed.roads.nodes.loc[ringed.roads.nodes["rim"], "node_id"].tolist()
    assert rim == [5]  # the dead end at node 1 is farther than 1 km from the limit
    assert read_names(ringed) == {"primary"}


def read_names(found: OsmExtract) -> set[str]:
    return set(found.roads.roads["highway"].astype(str))


def test_dead_ends_far_from_the_limit_are_real(read) -> None:  # type: ignore[no-untyped-def]
    ways = [(1, [1, 2, 3], STREET)]
    wide = ((-5_000, -5_000), (9_000, 5_000))
    assert read(ROW, ways, box=wide).counts["rim nodes"] == 0
    tight = ((-500, -5_000), (9_000, 5_000))
    found = read(ROW, ways, box=tight)
    assert found.roads.nodes.loc[found.roads.nodes["rim"], "node_id"].tolist() == [1]
    within = territory(-5_000, -5_000, 1_100, 5_000)
    found = read(ROW, ways, box=wide, within=within)
    assert found.roads.nodes.loc[found.roads.nodes["rim"], "node_id"].tolist() == [3]


def test_a_way_with_missing_nodes_is_kept_in_stretches(read) -> None:  # type: ignore[no-untyped-def]
    places = {k: v for k, v in ROW.items() if k not in (3, 6)}
    wide = ((-50_000, -50_000), (50_000, 50_000))
    ways = [(1, [1, 2, 3, 4, 5, 6, 7], STREET), (2, [3, 6], STREET)]
    found = read(places, ways, box=wide)
    assert ends(found) == [(1, 2), (4, 5)]
    assert found.counts["ways with missing nodes"] == 2
    assert found.roads.nodes.loc[found.roads.nodes["rim"], "node_id"].tolist() == [2, 4, 5]


def test_what_no_car_can_use_is_left_out_and_counted(read) -> None:  # type: ignore[no-untyped-def]
    ways = [
        (1, [1, 2], STREET),
        (2, [2, 3], {"highway": "track"}),
        (3, [3, 4], {"highway": "track", "motor_vehicle": "yes"}),
        (4, [4, 5], {"highway": "track", "access": "yes", "motorcar": "no"}),
        (5, [5, 6], {"highway": "path", "access": "forestry"}),
        (6, [6, 7], {"route": "ferry"}),
        (7, [5, 7], {"waterway": "river"}),
        (8, [1, 5], {"highway": "service", "access": "no"}),
    ]
    found = read(ROW, ways)
    assert ends(found) == [(1, 2), (1, 5), (3, 4), (6, 7)]
    assert found.counts["left out: highway=track not open to cars"] == 2
    assert found.counts["left out: highway=path not open to cars"] == 1
    assert found.counts["ways with highway or ferry"] == 7


def test_a_way_in_two_files_is_read_once(tmp_path: Path) -> None:
    a = write_extract(tmp_path / "a.osm.pbf", ROW, [(1, [1, 2], STREET), (2, [2, 3], STREET)])
    b = write_extract(tmp_path / "b.osm.pbf", ROW, [(2, [2, 3], STREET), (3, [3, 4], STREET)])
    found = read_osm([a, str(b)])
    assert ends(found) == [(1, 4)]
    assert found.counts["left out: way read already"] == 1
    assert found.roads.roads["length_m"].sum() == pytest.approx(1_500, rel=2e-3)
    assert len(read_roads(a).roads) == 1


TOWN = {
    **ROW, 31: (-50, -100), 32: (1_000, -100), 33: (1_000, 100), 34: (-50, 100),
    40: (100, 50), 41: (100, 60), 42: (9_000, 60),
}  # fmt: skip
LAND: Way = (50, [31, 32, 33, 34, 31], {"landuse": "residential"})


def test_built_up_land_near_a_place_makes_roads_urban(read) -> None:  # type: ignore[no-untyped-def]
    ways = [(1, [1, 2, 3, 4, 5], STREET), LAND]
    village = {40: {"place": "village", "name": "Arlay"}}
    found = read(TOWN, ways, nodes=village)
    assert found.roads.roads["urban"].tolist() == [0.5]
    assert found.built_up["landuse"].tolist() == ["residential"]
    assert found.places[["place", "name"]].values.tolist() == [["village", "Arlay"]]


def test_built_up_land_without_a_place_is_not_urban(read) -> None:  # type: ignore[no-untyped-def]
    ways = [(1, [1, 2, 3, 4, 5], STREET), LAND]
    assert read(TOWN, ways).roads.roads["urban"].tolist() == [0]
    far = read(TOWN, ways, nodes={42: {"place": "village"}})
    assert far.roads.roads["urban"].tolist() == [0]


def test_without_land_use_nobody_knows_what_is_urban(read) -> None:  # type: ignore[no-untyped-def]
    fields = (50, [31, 32, 33, 34, 31], {"landuse": "farmland"})
    opened = (51, [31, 32, 33, 34], {"landuse": "residential"})
    found = read(TOWN, [(1, [1, 2, 3], STREET), fields, opened])
    assert found.roads.roads["urban"].isna().all()
    assert found.built_up.empty


def test_land_use_with_missing_nodes_is_left_out(read) -> None:  # type: ignore[no-untyped-def]
    places = {k: v for k, v in TOWN.items() if k != 33}
    found = read(places, [(1, [1, 2, 3], STREET), LAND])
    assert found.built_up.empty
    assert found.counts["land use with missing nodes, left out"] == 1


def test_points_of_interest_and_land_are_those_of_the_area(read) -> None:  # type: ignore[no-untyped-def]
    nodes = {
        40: {"amenity": "pharmacy", "name": "Pharmacie"},
        41: {"shop": "bakery"},
        42: {"amenity": "school"},
    }
    ways = [(1, [1, 2, 3], STREET), LAND]
    found = read(TOWN, ways, nodes=nodes, within=territory(-500, -500, 2_000, 500))
    table = found.points_of_interest.drop(columns="geometry").astype(object)
    assert table.where(table.notna(), None).values.tolist() == [
        [40, "pharmacy", "Pharmacie"], [41, "bakery", None],
    ]  # fmt: skip
    assert len(found.built_up) == 1
    ways.append((2, [8, 9], STREET))
    places = {**TOWN, 8: (9_500, 0), 9: (9_800, 0)}
    elsewhere = read(places, ways, nodes=nodes, within=territory(8_500, -500, 9_900, 500))
    assert elsewhere.built_up.empty
    assert elsewhere.points_of_interest["osm_id"].tolist() == [42]


def test_extent_is_that_of_the_header(tmp_path: Path) -> None:
    corners = ((-1_000.0, -1_000.0), (2_000.0, 1_000.0))
    boxed = write_extract(tmp_path / "a.osm.pbf", ROW, [], box=corners)
    found = extent(boxed)
    assert found is not None
    (west, south), (east, north) = lonlat(corners)
    assert found.bounds == pytest.approx((west, south, east, north), abs=1e-6)
    assert extent(write_extract(tmp_path / "b.osm.pbf", ROW, [])) is None
    (tmp_path / "c.osm.pbf").write_bytes(b"no map")
    with pytest.raises(InputError, match="cannot be read as OpenStreetMap data"):
        extent(tmp_path / "c.osm.pbf")


def test_the_ring_is_as_wide_as_asked() -> None:
    area = territory(0, 0, 1_000, 1_000)
    ring = gpd.GeoSeries([buffered(area, 5)], crs=WGS84).to_crs(LAMBERT_93).iloc[0]
    x, y = ORIGIN
    bounds = (x - 5_000, y - 5_000, x + 6_000, y + 6_000)
    assert ring.bounds == pytest.approx(bounds, abs=60)
    with pytest.raises(CrsError, match="the territory has no CRS"):
        buffered(area.set_crs(None, allow_override=True), 5)


def test_a_territory_outside_france_is_ringed_in_its_own_zone() -> None:
    area = gpd.GeoSeries([shapely.box(18, 59, 18.1, 59.1)], crs=WGS84)
    ring = gpd.GeoSeries([buffered(area, 10)], crs=WGS84)
    north = Geod(ellps="GRS80").line_length([18.05, 18.05], [59.1, ring.total_bounds[3]])
    assert north == pytest.approx(10_000, rel=0.02)


def small(path: Path) -> bytes:
    write_extract(path, ROW, [(1, [1, 2, 3], STREET)])
    return path.read_bytes()


def test_a_file_cut_short_or_of_another_kind_is_told(tmp_path: Path) -> None:
    path = tmp_path / "small.osm.pbf"
    whole = small(path)
    noise = random.Random(1).randbytes(4_000)
    for content in (whole[:-20], whole[: len(whole) // 2], noise, b"", b"<osm/>"):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"small.osm.pbf cannot be read as") as caught:
            read_osm(path)
        message = str(caught.value)
        assert message.endswith("the file is cut short or of another format; fetch it again.")
        assert "\n" not in message


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.osm.pbf", tmp_path):
        with pytest.raises(MissingInputError, match="is not there; an OpenStreetMap extract"):
            read_osm(path)


def test_a_file_without_roads_is_told(tmp_path: Path) -> None:
    path = write_extract(tmp_path / "a.osm.pbf", ROW, [(1, [1, 2], {"highway": "footway"})])
    with pytest.raises(InputError, match=r"a\.osm\.pbf holds no road that a car may use"):
        read_osm(path)


def test_a_file_of_another_region_is_told(tmp_path: Path) -> None:
    path = write_extract(tmp_path / "a.osm.pbf", ROW, [(1, [1, 2], STREET)])
    with pytest.raises(InputError, match=r"holds no road in the area asked for: .* another region"):
        read_osm(path, within=territory(90_000, 0, 91_000, 1_000), buffer_km=1)


def test_a_way_of_one_place_only_is_no_road(tmp_path: Path) -> None:
    path = write_extract(tmp_path / "a.osm.pbf", ROW, [(1, [1, 1], STREET), (2, [2], STREET)])
    with pytest.raises(InputError, match="holds no road"):
        read_osm(path)


NODE = st.integers(1, 9)
WAY = st.tuples(
    st.lists(NODE, min_size=2, max_size=6),
    st.sampled_from([STREET, ONE_WAY, {**STREET, "junction": "roundabout"}]),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(WAY, min_size=1, max_size=6), st.sets(NODE, max_size=2))
def test_joining_keeps_the_length_whatever_the_cuts(
    drawn: list[tuple[list[int], Tags]], stops: set[int]
) -> None:
    places = {i: (130.0 * i, 40.0 * (i * i % 7)) for i in range(1, 10)}
    ways = [(i + 1, refs, tags) for i, (refs, tags) in enumerate(drawn)]
    xy = np.round(lonlat(places.values()), 7)
    links = [(a, b) for _, refs, _ in ways for a, b in itertools.pairwise(refs) if a != b]
    if not links:
        return
    a, b = (np.array(ends) - 1 for ends in zip(*links, strict=True))
    expected = Geod(ellps="GRS80").inv(*xy[a].T, *xy[b].T)[2].sum()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "small.osm.pbf"
        nodes = {n: {"highway": "stop"} for n in stops}
        found = read_osm(write_extract(path, places, ways, nodes=nodes)).roads.roads
    assert found["length_m"].sum() == pytest.approx(expected, abs=0.001 * len(links))
    drawn_m = Geod(ellps="GRS80")
    lengths = [drawn_m.geometry_length(line) for line in found.geometry]
    assert found["length_m"].tolist() == pytest.approx(lengths, abs=0.001)
    # no road runs through a node that others meet or that costs time
    inner = [p for line in found.geometry for p in list(line.coords)[1:-1]]
    stopped = {tuple(xy[n - 1]) for n in stops}
    assert not stopped & {(round(x, 7), round(y, 7)) for x, y in inner}


def test_no_extract_at_all_is_refused() -> None:
    with pytest.raises(MissingInputError, match="no extract is given"):
        read_osm([])


def test_a_way_with_a_sign_that_tells_its_direction_keeps_how_it_was_drawn(tmp_path: Path) -> None:
    places = {1: (0, 0), 2: (100, 0), 3: (200, 0), 4: (300, 0)}
    ways = [(10, [1, 2], STREET), (11, [4, 3, 2], STREET)]
    plain = read_roads(write_extract(tmp_path / "plain.osm.pbf", places, ways))
    assert len(plain.roads) == 1  # head to head, joined
    signs = {3: {"highway": "stop", "direction": "forward"}}
    path = write_extract(tmp_path / "sign.osm.pbf", places, ways, nodes=signs)
    drawn = read_roads(path).roads[["from_node", "to_node"]].to_numpy().tolist()
    assert sorted(drawn) == [[1, 2], [3, 2], [4, 3]]


@pytest.mark.parametrize(
    ("kind", "kept"),
    [("restriction", 1), ("restriction:motorcar", 1), ("restriction:hgv", 0), ("restrictions", 0)],
)
def test_a_restriction_for_lorries_does_not_bind_cars(tmp_path: Path, kind: str, kept: int) -> None:
    members = [("w", 1, "from"), ("n", 2, "via"), ("w", 2, "to")]
    rule = (1, members, {"type": kind, "restriction": "no_left_turn"})
    ways = [(1, [1, 2], STREET), (2, [2, 3], {**STREET, "name": "other"})]
    found = read_osm(write_extract(tmp_path / "x.osm.pbf", ROW, ways, relations=[rule]))
    assert len(found.roads.restrictions) == kept
    assert found.counts.get("restrictions left out: not for cars", 0) == (kind[-3:] == "hgv")
