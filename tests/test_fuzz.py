"""Whatever a file holds: a clear error, or tables that pass and of which nothing was lost unsaid.

Run as a program, this file reads what it is told on its standard input, one line each: damaged
files are read in a process of their own, since a library in C++ may take its process with it.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
import random
import select
import string
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import geopandas as gpd
import numpy as np
import osmium
import pandas as pd
import pyarrow as pa
import pytest
import shapely
import tomli_w
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from networks import ORIGIN, STREET, XY, Tags, lonlat, write_extract
from pyarrow import parquet
from pyproj import Geod
from studies import AVAL, VILLE, communes_table

from accessibility.errors import AccessibilityError, CrsError, InputError
from accessibility.inputs.osm import OsmExtract, read_osm
from accessibility.inputs.points import read_points
from accessibility.inputs.settings import read_toml
from accessibility.network.graph import RoadNetwork, build_network
from accessibility.network.profile import Profile, load_profile, parse_change, profile_names
from accessibility.network.speeds import road_speeds
from accessibility.schema import (
    LAMBERT_93,
    NODES,
    RESTRICTIONS,
    ROAD_TAGS,
    ROADS,
    WGS84,
    RoadTables,
    validate,
)

GRS80 = Geod(ellps="GRS80")
PROFILES = {name: load_profile(name) for name in profile_names()}
QUIET = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)


def fuzz(examples: int) -> Callable[[Any], Any]:
    if os.environ.get("CI"):  # each reading starts a program, and a judge has little time
        examples = max(examples // 4, 1)
    phases = [phase for phase in Phase if phase is not Phase.explain]
    return settings(
        max_examples=examples, deadline=None, suppress_health_check=QUIET, phases=phases
    )


# -- what is asked of whatever is read ------------------------------------------------------------


def told(error: AccessibilityError) -> None:
    """One sentence for a user, not a page."""
    assert str(error).strip()


def check_network(network: RoadNetwork) -> None:
    """Times that a search can add up: whole, at least 1 ms on an edge and none below 0."""
    assert (network.edge_ms >= 1).all()
    assert (network.following.cost_ms >= 0).all()
    assert np.isfinite(network.segment_length_m).all()
    assert np.isfinite(network.segment_kph).all()
    assert (network.segment_kph >= 0).all()
    assert np.isfinite(network.xy).all()


def built_or_told(tables: RoadTables, profile: str | Profile) -> None:
    try:
        network = build_network(tables, profile=profile)
    except AccessibilityError as error:
        told(error)
    else:
        check_network(network)


def read_or_told(*paths: Path, **area: Any) -> OsmExtract | None:
    try:
        found = read_osm(paths, **area)
    except AccessibilityError as error:
        told(error)
        return None
    validate(found.roads.roads, ROADS)
    validate(found.roads.nodes, NODES)
    validate(found.roads.restrictions, RESTRICTIONS)
    assert np.isfinite(found.roads.roads["length_m"]).all()
    assert not np.isinf(found.roads.roads["duration_s"].to_numpy(dtype=float)).any()
    return found


def read_and_built_or_told(path: Path, profile: str = "osrm-car") -> OsmExtract | None:
    found = read_or_told(path)
    if found is not None:
        built_or_told(found.roads, PROFILES[profile])
    return found


def points_or_told(path: Path, **known: Any) -> gpd.GeoDataFrame | None:
    try:
        points = read_points(path, **known)
    except AccessibilityError as error:
        told(error)
        return None
    assert len(points)
    assert points.crs.equals(WGS84)
    assert points["id"].notna().all()
    assert points["id"].is_unique
    assert (points.geometry.geom_type == "Point").all()
    assert (points.geometry.x.abs() <= 180).all()
    assert (points.geometry.y.abs() <= 90).all()
    return points


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


# -- damaged files --------------------------------------------------------------------------------


def serve() -> None:
    """Read the files named on standard input; say of each how it went."""
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        path = Path(json.loads(line))
        try:
            read = read_and_built_or_told if ".osm" in path.name else points_or_told
            answer = "told" if read(path) is None else "read"
        except Exception as error:
            answer = f"{type(error).__name__}: {error}"
        print(json.dumps(answer), flush=True)


class Reader:
    """A process that reads files; what ends it or makes it hang is told as its answer."""

    HANGS_S = 60

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None

    def __call__(self, path: Path) -> str:
        if self.process is None:
            self.process = subprocess.Popen(
                [sys.executable, __file__], text=True, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )  # fmt: skip
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(str(path)), file=self.process.stdin, flush=True)
        if not select.select([self.process.stdout], [], [], self.HANGS_S)[0]:
            self.close()
            return "hangs"
        if answer := self.process.stdout.readline():
            return str(json.loads(answer))
        code = self.process.wait()
        self.close()
        return f"dies with {code}"

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    process = Reader()
    yield process
    process.close()


PACKED = (".osm.pbf", ".osm.gz", ".osm.bz2")
FORMATS = (".osm", *PACKED)
SQUARE: dict[int, XY] = {
    1: (0, 0), 2: (500, 0), 3: (1_000, 0), 4: (1_000, 500), 5: (500, 500), 6: (0, 500), 7: (50, 60),
}  # fmt: skip


@cache
def whole(suffix: str) -> bytes:
    """A small extract with everything that is read from one."""
    nodes = {
        2: {"highway": "stop", "direction": "forward"},
        5: {"amenity": "bank", "name": "Crédit"},
        7: {"place": "village", "name": "Arlay"},
    }
    ways = [
        (1, [1, 2, 3], STREET),
        (2, [4, 3], {"highway": "residential", "oneway": "yes", "name": "Rue de l’Église"}),
        (3, [4, 5, 6], {"highway": "track", "motorcar": "yes"}),
        (4, [1, 3, 4, 6, 1], {"landuse": "residential"}),
        (5, [6, 1], {"route": "ferry", "duration": "0:10"}),
    ]
    members = [("w", 1, "from"), ("n", 3, "via"), ("w", 2, "to")]
    relations = [(1, members, {"type": "restriction", "restriction": "no_left_turn"})]
    box = ((-5_000.0, -5_000.0), (5_000.0, 5_000.0))
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / f"whole{suffix}"
        write_extract(path, SQUARE, ways, nodes=nodes, relations=relations, box=box)
        return path.read_bytes()


@cache
def unpacked() -> bytes:
    """The same as a .pbf without compression: no checksum tells that a byte was changed."""
    with tempfile.TemporaryDirectory() as name:
        packed, plain = Path(name) / "packed.osm.pbf", Path(name) / "plain.osm.pbf"
        packed.write_bytes(whole(".osm.pbf"))
        with osmium.SimpleWriter(osmium.io.File(str(plain), "pbf,pbf_compression=none")) as file:
            for item in osmium.FileProcessor(str(packed)):
                file.add(item)
        return plain.read_bytes()


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Cut anywhere, or with some bytes changed."""
    place = st.integers(0, len(content) - 1)
    if draw(st.booleans()):
        return content[: draw(place)]
    changed = bytearray(content)
    for i, byte in draw(st.lists(st.tuples(place, st.integers(0, 255)), min_size=1, max_size=3)):
        changed[i] = byte
    return bytes(changed)


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_undamaged_file_is_read(reader: Reader, folder: Path, suffix: str) -> None:
    path = folder / f"whole{suffix}"
    path.write_bytes(whole(suffix))
    assert reader(path) == "read"


@pytest.mark.parametrize("suffix", FORMATS)
@fuzz(15)
@given(content=st.binary(max_size=300))
@example(content=b"")
def test_noise_is_no_extract(reader: Reader, folder: Path, suffix: str, content: bytes) -> None:
    path = folder / f"noise{suffix}"
    path.write_bytes(content)
    assert reader(path) == "told"


@pytest.mark.parametrize("suffix", PACKED)
@fuzz(40)
@given(data=st.data())
def test_a_damaged_extract_is_told_or_read(
    reader: Reader, folder: Path, suffix: str, data: st.DataObject
) -> None:
    path = folder / f"damaged{suffix}"
    path.write_bytes(data.draw(damaged(whole(suffix))))
    assert reader(path) in ("told", "read")


@fuzz(60)
@given(content=damaged(whole(".osm")))
@example(content=whole(".osm").replace(b'lat="46', b'lat="4x', 1))
@example(content=whole(".osm").replace(b'ref="1', b'ref="x', 1))
def test_a_damaged_text_is_told_or_read(reader: Reader, folder: Path, content: bytes) -> None:
    path = folder / "damaged.osm"
    path.write_bytes(content)
    assert reader(path) in ("told", "read")


@pytest.mark.parametrize("suffix", [".osm", ".osm.gz", ".osm.bz2"])
def test_an_extract_that_is_cut_is_told(reader: Reader, folder: Path, suffix: str) -> None:
    content = whole(suffix)
    for end in range(0, len(content) - 10, len(content) // 25):
        (folder / f"cut{suffix}").write_bytes(content[:end])
        assert reader(folder / f"cut{suffix}") == "told"


def test_changed_bytes_that_no_checksum_tells_are_told_or_read(
    reader: Reader, folder: Path
) -> None:
    content, pick = unpacked(), random.Random(5)
    for _ in range(40):
        changed = bytearray(content)
        changed[pick.randrange(len(content))] ^= 1 << pick.randrange(8)
        (folder / "changed.osm.pbf").write_bytes(changed)
        assert reader(folder / "changed.osm.pbf") in ("told", "read")


def test_a_text_that_is_not_utf8_is_told(reader: Reader, folder: Path) -> None:
    for word in (b"highway", b"primary", b"village", b"Arlay", b"from", b"no_left_turn"):
        (folder / "text.osm.pbf").write_bytes(unpacked().replace(word, b"\xff" + word[1:]))
        assert reader(folder / "text.osm.pbf") in ("told", "read")


def test_a_zero_byte_in_a_text_does_not_end_the_program(reader: Reader, folder: Path) -> None:
    for word in (b"highway", b"primary", b"village", b"Arlay"):
        (folder / "zero.osm.pbf").write_bytes(unpacked().replace(word, b"\0" + word[1:]))
        assert reader(folder / "zero.osm.pbf") in ("told", "read")


@pytest.mark.parametrize("content", FORMATS)
@pytest.mark.parametrize("name", [*FORMATS, ".osm.zip", ".osm.txt"])
def test_a_suffix_that_lies_is_told_or_seen_through(
    reader: Reader, folder: Path, content: str, name: str
) -> None:
    path = folder / f"lies{name}"
    path.write_bytes(whole(content))
    assert reader(path) in ("told", "read")


# -- extracts that are written well and hold nonsense ---------------------------------------------

ODD_TEXT = st.one_of(
    st.sampled_from(
        ["", " ", ";", ";;", "yes;no", "∞", "-1", "no", "yes", "maybe", "0", "-50", "1e400", "nan",
         "inf", "999999999", "50 mph", "0.0001", "50;80", "FR:urban", "fr:", "none", "walk",
         "१२", "²", "1'", "'1", "6'7\"", "1,5", "2.", "P", "PT", "P99999999D", "PT1H", "0:00",
         "::", "99:99:99", "designated|designated", "|", "x" * 255, "\u200f\u202e", "𝟙" * 255,
         "9" * 255, "9" * 900, "P" + "9" * 900 + "D", "9" * 900 + ":00", "\n", "a\nb", "\x01\x7f"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12),
)  # fmt: skip
PLAIN_TEXT = st.sampled_from(
    ["yes", "no", "private", "destination", "80", "30", "-1", "gravel", "grade3", "2", "movable",
     "FR:rural", "designated", "unknown", "reversible", "3.5", "roundabout"]
)  # fmt: skip
KEYS = st.sampled_from([*ROAD_TAGS, "name", "ref", "landuse", "unheard_of"])
HIGHWAYS = st.sampled_from(
    ["primary", "residential", "service", "motorway", "motorway_link", "road", "track", "path",
     "footway", "construction", ""]
)  # fmt: skip
ANY_TAGS = st.builds(
    lambda main, more: {**more, **main},
    st.one_of(
        HIGHWAYS.map(lambda value: {"highway": value}),
        st.just({"route": "ferry"}),
        st.just({}),
        ODD_TEXT.map(lambda value: {"highway": value}),
    ),
    st.dictionaries(KEYS, st.one_of(ODD_TEXT, PLAIN_TEXT), max_size=5),
)
PLACES = st.sampled_from([(0, 0), (0, 0), (1, 1), (500, 0), (500, 500), (0, 500), (250, 900)])
NODE = st.integers(1, 9)
ROLE = st.sampled_from(["from", "via", "to", "", "From", "location_hint"])
KIND = st.sampled_from(["no_left_turn", "only_straight_on", "no_u_turn", "no_", "only", "", "∞"])


@dataclass
class Drawn:
    """An extract as it was drawn."""

    places: dict[int, XY] = field(default_factory=dict)
    ways: list[tuple[int, list[int], Tags]] = field(default_factory=list)
    nodes: dict[int, Tags] = field(default_factory=dict)
    relations: list[tuple[int, list[tuple[str, int, str]], Tags]] = field(default_factory=list)

    def write(self, path: Path) -> Path:
        return write_extract(
            path, self.places, self.ways, nodes=self.nodes, relations=self.relations
        )


def extracts(
    way_tags: st.SearchStrategy[Tags], relations: st.SearchStrategy[Any]
) -> st.SearchStrategy[Drawn]:
    node_tags = st.dictionaries(
        st.sampled_from(["highway", "barrier", "access", "motorcar", "direction", "place",
                         "amenity", "shop", "name", "stop", "maxheight", "kerb"]),
        st.one_of(st.sampled_from(["stop", "gate", "bollard", "backward", "village", "minor"]),
                  ODD_TEXT),
        max_size=3,
    )  # fmt: skip
    return st.builds(
        Drawn,
        st.dictionaries(NODE, PLACES, min_size=1),
        st.lists(
            st.tuples(st.integers(1, 7), st.lists(NODE, max_size=8), way_tags),
            min_size=1,
            max_size=7,
        ),
        st.dictionaries(NODE, node_tags, max_size=4),
        relations,
    )


MEMBER = st.tuples(st.sampled_from("nwr"), st.integers(1, 9), ROLE)
RELATION_TAGS = st.fixed_dictionaries(
    {"type": st.sampled_from(["restriction", "restriction:hgv", "multipolygon", ""])},
    optional={
        "restriction": KIND,
        "restriction:motorcar": KIND,
        "restriction:conditional": st.just("no_left_turn @ (07:00-09:00)"),
        "except": st.sampled_from(["", "bicycle", ";;", "motorcar ; psv"]),
    },
)
ANY_RELATIONS = st.lists(
    st.tuples(st.integers(1, 5), st.lists(MEMBER, max_size=5), RELATION_TAGS), max_size=4
)


@fuzz(50)
@given(drawn=extracts(ANY_TAGS, ANY_RELATIONS), profile=st.sampled_from(profile_names()))
@example(Drawn(SQUARE, [(1, [1, 2], {"highway": "primary", "maxspeed": "0.0001"})]), "osrm-car")
@example(Drawn(SQUARE, [(1, [1, 2], {"route": "ferry", "duration": "P99D"})]), "osrm-car")
@example(Drawn(SQUARE, [(1, [1, 2], {"route": "ferry", "duration": f"P{'9' * 400}D"})]), "legal")
def test_nonsense_is_told_or_read(folder: Path, drawn: Drawn, profile: str) -> None:
    read_and_built_or_told(drawn.write(folder / "nonsense.osm.pbf"), profile)


@fuzz(20)
@given(drawn=extracts(ANY_TAGS, ANY_RELATIONS))
def test_nonsense_takes_no_sound_road_away(folder: Path, drawn: Drawn) -> None:
    drawn = Drawn(
        {**drawn.places, 101: (0, 300), 102: (900, 300)}, [*drawn.ways, (100, [101, 102], STREET)]
    )
    found = read_osm(drawn.write(folder / "sound.osm.pbf")).roads
    network = build_network(found, profile=PROFILES["osrm-car"])
    open_roads = found.roads["osm_way_id"].to_numpy()[network.segment_road]
    assert 100 in open_roads


LONG_FERRY = {
    "without a duration": {"route": "ferry"},
    "of two days": {"route": "ferry", "duration": "43:00"},  # Sète to Tanger
    "of years": {"route": "ferry", "duration": "P9999D"},
}


@pytest.mark.parametrize("tags", LONG_FERRY.values(), ids=list(LONG_FERRY))
def test_a_long_ferry_takes_no_road_away(folder: Path, tags: Tags) -> None:
    places = {**SQUARE, 8: (0, -200_000)}
    ways = [(1, [1, 2, 3], STREET), (2, [1, 8], tags)]
    found = read_osm(write_extract(folder / "ferry.osm.pbf", places, ways)).roads
    check_network(build_network(found, profile="osrm-car"))


def test_every_format_says_the_same(folder: Path) -> None:
    found = []
    for suffix in FORMATS:
        (folder / f"same{suffix}").write_bytes(whole(suffix))
        found.append(read_osm(folder / f"same{suffix}"))
    for other in found[1:]:
        assert_same(found[0], other)
        assert other.counts == found[0].counts


def assert_same(a: OsmExtract, b: OsmExtract) -> None:
    for one, two in (
        (a.roads.roads, b.roads.roads),
        (a.roads.nodes, b.roads.nodes),
        (a.roads.restrictions, b.roads.restrictions),
        (a.places, b.places),
        (a.points_of_interest, b.points_of_interest),
        (a.built_up, b.built_up),
    ):
        pd.testing.assert_frame_equal(pd.DataFrame(one), pd.DataFrame(two))


# -- extracts that no program of repute writes ----------------------------------------------------

ID = st.sampled_from(["1", "2", "3", "4", "5", "0", "-1", "-2", "1099511627776", "1e3", ""])
DEGREES = st.sampled_from(
    ["46.6", "46.61", "46.62", "5.5", "0", "-0", "90", "-90", "180", "-180", "95", "-200", "1e300",
     "nan", "inf", "", "99999", "46.60000001", "4 6", None]
)  # fmt: skip


def element(kind: str, inside: str = "", /, **attributes: str | None) -> str:
    stated = "".join(f" {k}={quoteattr(v)}" for k, v in attributes.items() if v is not None)
    return f"<{kind}{stated}>{inside}</{kind}>"


def tagged(tags: Mapping[str, str]) -> str:
    return "".join(element("tag", k=k, v=v) for k, v in tags.items())


def xml_node(ref: str, lat: str | None, lon: str | None, **tags: str) -> str:
    return element("node", tagged(tags), id=ref, lat=lat, lon=lon)


def xml_way(ref: str, refs: Sequence[str], **tags: str) -> str:
    nodes = "".join(element("nd", ref=node) for node in refs)
    return element("way", nodes + tagged(tags), id=ref)


def write_xml(path: Path, *elements: str) -> Path:
    path.write_text(f'<osm version="0.6">{"".join(elements)}</osm>', encoding="utf-8")
    return path


HERE = [xml_node(str(i), f"46.6{i}", "5.5") for i in (1, 2, 3)]
XML_NODE = st.builds(
    lambda ref, lat, lon, tags: xml_node(ref, lat, lon, **tags),
    ID, DEGREES, DEGREES,
    st.sampled_from([{}, {}, {"highway": "stop"}, {"place": "village"}, {"amenity": "bank"}]),
)  # fmt: skip
XML_WAY = st.builds(
    lambda ref, refs, tags: xml_way(ref, refs, **tags),
    ID, st.lists(ID, max_size=5),
    st.sampled_from([{"highway": "primary"}, {"route": "ferry"}, {"landuse": "retail"}]),
)  # fmt: skip


@fuzz(40)
@given(elements=st.lists(st.one_of(XML_NODE, XML_WAY), max_size=8))
@example(elements=[xml_node("9", "95", "5.5", highway="stop")])
@example(elements=[xml_node("9", None, None, amenity="bank")])
@example(elements=[xml_node("9", "46.6x", "5.5")])
@example(elements=[xml_node("x", "46.6", "5.5")])
@example(elements=[xml_node("9", "46.6", "5.5", name="x" * 2_000)])
def test_places_and_ids_that_are_none_are_told_or_read(folder: Path, elements: list[str]) -> None:
    road = xml_way("1", ["1", "2", "3"], highway="primary")
    read_and_built_or_told(write_xml(folder / "odd.osm", *HERE, road, *elements))


@fuzz(20)
@given(elements=st.lists(st.one_of(XML_NODE, XML_WAY), max_size=8))
@example(elements=[])
@example(elements=[xml_node("9", None, None, amenity="bank")])
def test_an_extract_of_little_else_is_told_or_read(folder: Path, elements: list[str]) -> None:
    read_and_built_or_told(write_xml(folder / "odd.osm", *elements))


@pytest.mark.parametrize("lat", ["90", "-90", "89.99"])
def test_roads_at_a_pole_are_told_or_read(folder: Path, lat: str) -> None:
    ends = [xml_node("1", lat, "5.5"), xml_node("2", lat, "7.5")]
    road = xml_way("1", ["1", "2"], highway="primary")
    read_and_built_or_told(write_xml(folder / "pole.osm", *ends, road))


@pytest.mark.parametrize(
    ("nodes", "ways"),
    [
        ([("-1", "46.6"), ("-2", "46.7")], [["-1", "-2"]]),  # as JOSM numbers what is new
        ([], [["1", "2"]]),  # ways without their nodes
    ],
)
def test_why_ways_without_places_make_no_roads_is_told(
    folder: Path, nodes: list[tuple[str, str]], ways: list[list[str]]
) -> None:
    elements = [xml_node(ref, lat, "5.5") for ref, lat in nodes]
    elements += [xml_way(str(i + 1), refs, highway="primary") for i, refs in enumerate(ways)]
    with pytest.raises(InputError, match="node"):
        read_osm(write_xml(folder / "nowhere.osm", *elements))


def test_a_way_that_was_deleted_is_no_road(folder: Path) -> None:
    road = xml_way("1", ["1", "2"], highway="primary")
    gone = xml_way("2", ["2", "3"], highway="service").replace("<way", '<way visible="false"')
    found = read_or_told(write_xml(folder / "gone.osm", *HERE, road, gone))
    assert found is None or found.roads.roads["osm_way_id"].tolist() == [1]


# -- nothing is lost unsaid -----------------------------------------------------------------------

KEPT = [
    STREET,
    {**STREET, "oneway": "yes"},
    {"highway": "residential", "junction": "roundabout"},
    {"highway": "service", "access": "no"},
    {"highway": "road", "maxspeed:forward": ";;"},
    {"route": "ferry", "duration": "0:20"},
    {"highway": "living_street", "name": ""},
]
LEFT_OUT = {"highway": "footway"}
NO_ROAD = {"waterway": "river"}
SURE_TAGS = st.sampled_from([*KEPT, *KEPT, LEFT_OUT, NO_ROAD])
READ = "ways with highway or ferry"
LEFT = "left out: highway=footway not open to cars"
NOWHERE = "without two places"
READ_ALREADY = "left out: way read already"
WITH_MISSING = "ways with missing nodes"
INCOMPLETE = "restrictions left out: a member or the kind is missing"
UNKNOWN_MEMBER = "turn restrictions left out: a member is not among the roads"
Pair = tuple[XY, ...]


@dataclass
class Expected:
    """What is to be found in files, told the slow way."""

    pairs: Counter[tuple[int, int]] = field(default_factory=Counter)
    one_way: Counter[tuple[int, int]] = field(default_factory=Counter)
    ways: set[int] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    cut: int = 0
    open_ended: set[int] = field(default_factory=set)


def one_way(tags: Mapping[str, object]) -> bool:
    return tags.get("oneway") == "yes" or tags.get("junction") == "roundabout"


def expected(*files: Drawn) -> Expected:
    known, seen = Expected(), set[int]()
    for file in files:
        for way, refs, tags in file.ways:
            if tags == NO_ROAD:
                continue
            known.counts[READ] += 1
            if tags == LEFT_OUT:
                known.counts[LEFT] += 1
            elif way in seen:
                known.counts[READ_ALREADY] += 1
            else:
                seen.add(way)
                both = [(a, b) for a, b in itertools.pairwise(refs)
                        if a != b and a in file.places and b in file.places]  # fmt: skip
                known.open_ended |= {a for p in itertools.pairwise(refs) for a, b in (p, p[::-1])
                                     if b not in file.places}  # fmt: skip
                known.pairs.update((min(p), max(p)) for p in both)
                if one_way(tags):
                    known.one_way.update(both)
                if both:
                    known.ways.add(way)
                    known.cut += any(ref not in file.places for ref in refs)
                else:
                    known.counts[NOWHERE] += 1
    return known


def drawn_pairs(roads: gpd.GeoDataFrame) -> Counter[Pair]:
    """Pairs of consecutive places along all roads, in the order of their lines."""
    found: Counter[Pair] = Counter()
    for line in roads.geometry:
        at = [(round(x, 7), round(y, 7)) for x, y in line.coords]
        found.update(itertools.pairwise(at))
    return found


def undirected(pairs: Counter[Pair]) -> Counter[Pair]:
    found: Counter[Pair] = Counter()
    for pair, times in pairs.items():
        found[tuple(sorted(pair))] += times
    return found


def placed(places: Mapping[int, XY]) -> dict[int, XY]:
    """Longitude and latitude as a file stores them."""
    at = np.round(lonlat(places.values()), 7).tolist()
    return {node: (x, y) for node, (x, y) in zip(places, at, strict=True)}


def check_lengths(roads: gpd.GeoDataFrame) -> None:
    for line, length_m in zip(roads.geometry, roads["length_m"], strict=True):
        pairs = list(itertools.pairwise(line.coords))
        apart = [GRS80.inv(*a, *b)[2] for a, b in pairs]
        assert length_m == pytest.approx(sum(apart), abs=0.001)
        assert length_m > 0 or all(a == b for a, b in pairs)


def on_the_ground(pairs: Counter[tuple[int, int]], at: Mapping[int, XY]) -> Counter[Pair]:
    found: Counter[Pair] = Counter()
    for (a, b), times in pairs.items():
        found[at[a], at[b]] += times
    return found


def check_nothing_lost(found: OsmExtract, known: Expected, at: Mapping[int, XY]) -> None:
    roads = found.roads.roads
    assert undirected(drawn_pairs(roads)) == undirected(on_the_ground(known.pairs, at))
    directed = roads[[one_way(row) for row in roads.to_dict("records")]]
    assert drawn_pairs(directed) == on_the_ground(known.one_way, at)
    check_lengths(roads)
    assert set(roads["osm_way_id"]) <= known.ways
    for key in (READ, LEFT, READ_ALREADY):
        assert found.counts.get(key, 0) == known.counts[key], key
    assert known.cut <= found.counts.get(WITH_MISSING, 0) <= known.cut + known.counts[NOWHERE]
    assert found.counts["roads"] == len(found.roads.roads)
    assert found.counts["rim nodes"] == found.roads.nodes["rim"].sum()


@st.composite
def chains(draw: st.DrawFn) -> Drawn:
    """A road in pieces, some of them drawn the other way round: most are joined again."""
    places = {node: (100 * node, node * node) for node in range(1, 10)}
    ends = sorted({1, 9} | draw(st.sets(st.integers(2, 8), max_size=5)))
    tags = st.sampled_from([STREET, STREET, STREET, {**STREET, "oneway": "yes"}])
    ways = [
        (a, list(range(a, b + 1))[:: draw(st.sampled_from([1, -1]))], draw(tags))
        for a, b in itertools.pairwise(ends)
    ]
    return Drawn(places, draw(st.permutations(ways)))


SURE_EXTRACTS = st.one_of(extracts(SURE_TAGS, st.just([])), chains())


@fuzz(50)
@given(drawn=SURE_EXTRACTS)
def test_each_pair_of_nodes_of_a_way_is_in_one_road(folder: Path, drawn: Drawn) -> None:
    known = expected(drawn)
    found = read_or_told(drawn.write(folder / "sure.osm.pbf"))
    assert (found is None) == (not known.pairs)
    if found is not None:
        check_nothing_lost(found, known, placed(drawn.places))


@fuzz(20)
@given(one=SURE_EXTRACTS, other=SURE_EXTRACTS)
def test_two_files_lose_nothing_either(folder: Path, one: Drawn, other: Drawn) -> None:
    other.places = {node: one.places.get(node, xy) for node, xy in other.places.items()}
    known = expected(one, other)
    found = read_or_told(one.write(folder / "a.osm.pbf"), other.write(folder / "b.osm.pbf"))
    assert (found is None) == (not known.pairs)
    if found is not None:
        check_nothing_lost(found, known, placed({**other.places, **one.places}))


WITHIN = gpd.GeoSeries(
    [shapely.box(ORIGIN[0] - 200, ORIGIN[1] - 200, ORIGIN[0] + 300, ORIGIN[1] + 700)],
    crs=LAMBERT_93,
)


def is_within(places: Mapping[int, XY]) -> set[int]:
    return {node for node, (x, y) in places.items() if x < 300 and y < 700}


@fuzz(20)
@given(drawn=SURE_EXTRACTS)
def test_a_territory_keeps_each_pair_with_an_end_inside(folder: Path, drawn: Drawn) -> None:
    known, inside = expected(drawn), is_within(drawn.places)
    for pairs in (known.pairs, known.one_way):
        for pair in [p for p in pairs if not inside & set(p)]:
            del pairs[pair]
    found = read_or_told(drawn.write(folder / "within.osm.pbf"), within=WITHIN)
    assert (found is None) == (not known.pairs)
    if found is not None:
        check_nothing_lost(found, known, placed(drawn.places))


@fuzz(20)
@given(drawn=SURE_EXTRACTS)
@example(drawn=Drawn(SQUARE, [(1, [1, 2, 6], STREET), (2, [2, 3], STREET)]))
def test_where_a_territory_takes_a_pair_off_is_rim(folder: Path, drawn: Drawn) -> None:
    pairs, inside = expected(drawn).pairs, is_within(drawn.places)
    kept = {node for pair in pairs for node in pair if inside & set(pair)}
    gone = {node for pair in pairs for node in pair if not inside & set(pair)}
    if kept:
        nodes = read_osm(drawn.write(folder / "rim.osm.pbf"), within=WITHIN).roads.nodes
        assert kept & gone <= set(nodes.loc[nodes["rim"], "node_id"])


@fuzz(20)
@given(drawn=SURE_EXTRACTS)
@example(drawn=Drawn(SQUARE, [(1, [1, 2, 99], STREET), (2, [2, 3], STREET)]))
def test_where_a_missing_node_takes_a_pair_off_is_rim(folder: Path, drawn: Drawn) -> None:
    known = expected(drawn)
    kept = {node for pair in known.pairs for node in pair}
    if kept:
        nodes = read_osm(drawn.write(folder / "rim.osm.pbf")).roads.nodes
        assert kept & known.open_ended <= set(nodes.loc[nodes["rim"], "node_id"])


@fuzz(20)
@given(drawn=SURE_EXTRACTS)
@example(drawn=Drawn(SQUARE, [(1, [1, 2], STREET), (2, [1, 1], STREET)]))
def test_each_way_makes_a_road_or_is_counted_as_left_out(folder: Path, drawn: Drawn) -> None:
    known = expected(drawn)
    if known.pairs:
        counts = read_osm(drawn.write(folder / "ways.osm.pbf")).counts
        left = sum(n for key, n in counts.items() if key.startswith("left out: "))
        assert counts[READ] == len(known.ways) + left


@pytest.mark.parametrize("refs", [[], [1], [1, 1], [1, 99], [98, 99]], ids=str)
def test_a_way_that_makes_no_road_is_counted(folder: Path, refs: list[int]) -> None:
    road, other = (1, [1, 2], STREET), (2, refs, {**STREET, "name": "other"})
    alone = read_osm(Drawn(SQUARE, [road]).write(folder / "alone.osm.pbf")).counts
    both = read_osm(Drawn(SQUARE, [road, other]).write(folder / "both.osm.pbf")).counts
    more = {key for key in both if both[key] != alone.get(key)}
    assert {key for key in more if "left out" in key}


@pytest.mark.parametrize(
    "refs",
    [
        [1, 3, 4, 6],
        [1, 3, 1],
        [1, 3, 4, 99, 1],
        [1, 1, 1, 1],
    ],
    ids=str,
)
def test_land_use_that_makes_no_area_is_counted(folder: Path, refs: list[int]) -> None:
    road, land = (1, [1, 2], STREET), (2, refs, {"landuse": "residential"})
    counts = read_osm(Drawn(SQUARE, [road, land]).write(folder / "land.osm.pbf")).counts
    assert {key for key in counts if "land use" in key}


def test_land_use_of_several_ways_is_counted(folder: Path) -> None:
    ways = [(1, [1, 2], STREET), (2, [1, 3, 4], {}), (3, [4, 6, 1], {})]
    members = [("w", 2, "outer"), ("w", 3, "outer")]
    town = (1, members, {"type": "multipolygon", "landuse": "residential"})
    counts = read_osm(Drawn(SQUARE, ways, {}, [town]).write(folder / "town.osm.pbf")).counts
    assert {key for key in counts if "land use" in key}


def test_a_file_read_twice_says_the_same_as_read_once(folder: Path) -> None:
    path = folder / "twice.osm.pbf"
    path.write_bytes(whole(".osm.pbf"))
    assert_same(read_osm(path), read_osm([path, path]))


# -- turn restrictions ----------------------------------------------------------------------------

Member = tuple[str, int, str]


def rows_of(
    relation: tuple[int, Sequence[Member], Tags],
) -> list[tuple[int, int, int | None, tuple[int, ...], int]]:
    """Relation, from, via node, via ways and to: one row for each pair; none if incomplete."""
    ref, members, tags = relation
    part = {(kind, role): [m[1] for m in members if (m[0], m[2]) == (kind, role)]
            for kind in "nw" for role in ("from", "via", "to")}  # fmt: skip
    told = any(key.startswith("restriction") for key in tags)
    via = part["n", "via"], part["w", "via"]
    if not told or not any(via):
        return []
    return [
        (ref, a, via[0][0] if via[0] else None, tuple(via[1]), b)
        for a in part["w", "from"]
        for b in part["w", "to"]
    ]


CROSS = [
    (1, [1, 2], STREET), (2, [2, 3], STREET), (3, [2, 5], {"highway": "road"}),
    (4, [3, 4, 5, 6], STREET), (5, [6, 1, 99], STREET), (6, [98, 6], STREET), (7, [1, 3], LEFT_OUT),
]  # fmt: skip


@st.composite
def restrictions(draw: st.DrawFn) -> tuple[int, list[Member], Tags]:
    """A restriction with one via node or via ways, or parts that are missing or of another type."""
    way = st.integers(1, 8)
    members = [("w", draw(way), "from"), ("w", draw(way), "to")]
    members += draw(
        st.one_of(
            NODE.map(lambda node: [("n", node, "via")]),
            st.lists(way, min_size=1, max_size=3).map(lambda ways: [("w", w, "via") for w in ways]),
        )
    )
    more = st.tuples(st.sampled_from("wwnr"), way, st.sampled_from(["from", "to", "", "From"]))
    members = draw(st.permutations(members + draw(st.lists(more, max_size=2))))
    if draw(st.integers(0, 4)) == 0:
        members = members[: draw(st.integers(0, len(members)))]
    return draw(st.integers(1, 99)), members, {**draw(RELATION_TAGS), "type": "restriction"}


def crossing(relations: list[tuple[int, list[Member], Tags]]) -> Drawn:
    """Each relation once, as in any file."""
    return Drawn(
        SQUARE, CROSS, {}, list({relation[0]: relation for relation in relations}.values())
    )


def check_restrictions(found: OsmExtract, drawn: Drawn) -> None:
    known = expected(drawn)
    nodes = {node for pair in known.pairs for node in pair}
    rows = [row for relation in drawn.relations for row in rows_of(relation)]
    kept = [(ref, a, via, through, b) for ref, a, via, through, b in rows
            if {a, b, *through} <= known.ways and (via is None or via in nodes)]  # fmt: skip
    table = found.roads.restrictions.astype(object)
    table = table.where(table.notna(), None)
    there = [
        (r["relation_id"], r["from_way"], r["via_node"],
         tuple(int(w) for w in r["via_ways"].split(";")) if r["via_ways"] else (), r["to_way"])
        for r in table.to_dict("records")
    ]  # fmt: skip
    assert Counter(there) == Counter(kept)
    incomplete = sum(not rows_of(relation) for relation in drawn.relations)
    assert found.counts.get(INCOMPLETE, 0) == incomplete
    assert found.counts.get(UNKNOWN_MEMBER, 0) == len(rows) - len(kept)


@fuzz(50)
@given(drawn=st.lists(restrictions(), min_size=1, max_size=6).map(crossing))
def test_each_restriction_is_kept_or_counted(folder: Path, drawn: Drawn) -> None:
    found = read_or_told(drawn.write(folder / "turns.osm.pbf"))
    assert found is not None
    check_restrictions(found, drawn)


A_VIA = {"relation": [("r", 9, "via")], "two nodes": [("n", 2, "via"), ("n", 5, "via")],
         "a node and a way": [("n", 2, "via"), ("w", 3, "via")]}  # fmt: skip


@pytest.mark.parametrize("via", A_VIA.values(), ids=list(A_VIA))
def test_a_restriction_over_what_no_search_applies_is_counted(
    folder: Path, via: list[Member]
) -> None:
    members = [("w", 1, "from"), *via, ("w", 2, "to")]
    relation = (1, members, {"type": "restriction", "restriction": "no_left_turn"})
    found = read_osm(crossing([relation]).write(folder / "via.osm.pbf"))
    assert found.roads.restrictions.empty
    assert {key for key in found.counts if "restriction" in key}


@fuzz(25)
@given(drawn=extracts(st.sampled_from(KEPT), ANY_RELATIONS))
def test_relations_of_anything_are_told_or_read(folder: Path, drawn: Drawn) -> None:
    read_and_built_or_told(drawn.write(folder / "relations.osm.pbf"))


# -- files of points ------------------------------------------------------------------------------

COLUMNS = st.sampled_from(
    ["lon", "lat", "LON", "id", "ID", "name", "code_insee", "label_date", "longitude", "x", "",
     " ", "∞", "a\nb", "lon "]
)  # fmt: skip
CELLS = st.one_of(
    st.sampled_from(
        ["5.5", "46.6", "5,5", "-200", "91", "nan", "inf", "-inf", "1e400", "1e-400", "1_0", "١",
         "", " ", "a", "é", '"', "'", "\n", "\r", ";", "\t", VILLE, AVAL, "2022-11-15",
         "15/11/2022", "0000-00-00", "9999-12-31", "9" * 400, "x" * 2_000, "=1+1", "\ufeff",
         "0x1p3", "True"]
    ),
    st.text(st.characters(codec="utf-8"), max_size=8),
)  # fmt: skip
GOOD_ROW = st.sampled_from([["5.5", "46.6"], ["5,6", "46,7"], [" 5.5 ", "46.6"]])
KNOWN_COMMUNES = communes_table()


def as_csv(rows: Sequence[Sequence[str]], separator: str) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=separator, quoting=csv.QUOTE_ALL).writerows(rows)
    return out.getvalue()


@fuzz(40)
@given(content=st.binary(max_size=200), suffix=st.sampled_from([".csv", ".geojson", ".json"]))
@example(content=b"", suffix=".csv")
@example(content=b"lon,lat\n", suffix=".csv")
@example(content=b"lon,lat\n5.5,46.6\n,\n\n", suffix=".csv")
@example(content=b"\n\nlon,lat\n5.5,46.6\n", suffix=".csv")
@example(content=b'lon,lat\n"5.5,46.6\n', suffix=".csv")
@example(content=b"lon,lat\n5.5,46.6\0\n", suffix=".csv")
def test_noise_is_no_file_of_points(folder: Path, content: bytes, suffix: str) -> None:
    path = folder / f"noise{suffix}"
    path.write_bytes(content)
    points_or_told(path)


@pytest.mark.parametrize("suffix", [".gpkg", ".parquet"])
@fuzz(10)
@given(content=st.binary(max_size=200))
@example(content=b"")
def test_noise_is_no_layer(reader: Reader, folder: Path, suffix: str, content: bytes) -> None:
    path = folder / f"noise{suffix}"
    path.write_bytes(content)
    assert reader(path) == "told"


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    """Column names and rows: coordinates among anything, and most rows of the right length."""
    names = [*draw(st.sampled_from([["lon", "lat"], ["Latitude", "LON"], ["insee"], []])),
             *draw(st.lists(COLUMNS, max_size=3))]  # fmt: skip
    degrees = st.sampled_from(["5.5", "46,6", "91", "-181", "180.0001", "1e5", "nan", "inf", ""])
    cells = st.one_of(degrees, CELLS)
    exact = st.lists(cells, min_size=len(names), max_size=len(names))
    return [names, *draw(st.lists(st.one_of(exact, exact, st.lists(cells)), max_size=3))]


@fuzz(200)
@given(table=tables(), separator=st.sampled_from(",;\t"), known=st.booleans())
@example(table=[["lon", "lat", "id", "id"], ["5", "46", "a", "a"]], separator=",", known=False)
@example(table=[["lon", "lat", "lon"], ["5", "46", "5"]], separator=",", known=False)
def test_a_table_of_anything_is_told_or_read(
    folder: Path, table: list[list[str]], separator: str, known: bool
) -> None:
    path = folder / "table.csv"
    path.write_text(as_csv(table, separator), encoding="utf-8", newline="")
    points_or_told(path, communes=KNOWN_COMMUNES if known else None)


@fuzz(60)
@given(
    more=st.lists(COLUMNS, max_size=2),
    rows=st.lists(st.tuples(GOOD_ROW, st.lists(CELLS, min_size=2, max_size=2)), min_size=1),
    separator=st.sampled_from(",;\t"),
)
@example(more=["lon"], rows=[(["5.5", "46.6"], ["5.5", "5.5"])], separator=",")
def test_a_table_of_points_keeps_every_row(
    folder: Path, more: list[str], rows: list[tuple[list[str], list[str]]], separator: str
) -> None:
    table = [["lon", "lat", *more], *([*xy, *cells[: len(more)]] for xy, cells in rows)]
    path = folder / "rows.csv"
    path.write_text(as_csv(table, separator), encoding="utf-8", newline="")
    points = points_or_told(path)
    if points is not None:
        assert len(points) == len(rows)


def test_a_quote_that_is_never_closed_swallows_no_rows(folder: Path) -> None:
    path = folder / "quote.csv"
    path.write_text('lon,lat,name\n5.5,46.6,"Le Clos\n5.6,46.7,Mairie\n', encoding="utf-8")
    points = points_or_told(path)
    assert points is None or len(points) == 2


def test_the_lines_told_are_those_of_the_file(folder: Path) -> None:
    path = folder / "lines.csv"
    path.write_text("lon,lat\n\n\n5.5,46.6\nx,46.7\n", encoding="utf-8")
    with pytest.raises(InputError, match="in lines 5"):
        read_points(path)


def test_empty_columns_at_the_end_are_no_fault(folder: Path) -> None:
    path = folder / "spare.csv"
    path.write_text("id;lon;lat;;\na;5,5;46,6;;\nb;5,6;46,7;;\n", encoding="utf-8")
    assert len(read_points(path)) == 2


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-32", "cp037"])
def test_an_odd_encoding_is_told(folder: Path, encoding: str) -> None:
    path = folder / "odd.csv"
    path.write_bytes("id,lon,lat\nforêt,5.5,46.6\n".encode(encoding))
    assert points_or_told(path) is None


JSON_LEAF = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=5),
    st.sampled_from(["Point", "Feature", "EPSG:4326", "EPSG:2154", 5.5, 46.6]),
)  # fmt: skip
ANY_JSON = st.recursive(
    JSON_LEAF,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
GEOMETRY = st.one_of(
    st.builds(
        lambda kind, at: {"type": kind, "coordinates": at},
        st.sampled_from(["Point", "LineString", "MultiPoint", "Polygon", "point", ""]),
        st.one_of(
            st.lists(st.one_of(st.floats(), st.sampled_from([5.5, 46.6])), max_size=4),
            st.just([5.5, 46.6]),
            ANY_JSON,
        ),
    ),
    ANY_JSON,
)
PROPERTIES = st.one_of(
    st.dictionaries(
        st.sampled_from(["id", "ID", "name", "code_insee", "label_date", "fid", "geometry"]),
        st.one_of(ANY_JSON, st.just("2022-11-15")), max_size=3,
    ),
    ANY_JSON,
)  # fmt: skip
FEATURES = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {"type": st.just("Feature"), "geometry": GEOMETRY, "properties": PROPERTIES},
            optional={"id": JSON_LEAF},
        ),
        ANY_JSON,
    ),
    max_size=3,
)
COLLECTION = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("FeatureCollection"), "features": FEATURES},
        optional={"crs": st.one_of(
            ANY_JSON,
            st.just({"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::2154"}}),
        )},
    ),
    ANY_JSON,
)  # fmt: skip


@fuzz(120)
@given(collection=COLLECTION)
def test_a_layer_of_anything_is_told_or_read(reader: Reader, folder: Path, collection: Any) -> None:
    path = folder / "layer.geojson"
    path.write_text(json.dumps(collection), encoding="utf-8", errors="surrogatepass")
    assert reader(path) in ("told", "read")


@fuzz(80)
@given(properties=st.lists(PROPERTIES, min_size=1, max_size=3))
def test_a_layer_of_points_keeps_every_feature(folder: Path, properties: list[Any]) -> None:
    point = {"type": "Point", "coordinates": [5.5, 46.6]}
    features = [{"type": "Feature", "geometry": point, "properties": p} for p in properties]
    collection = {"type": "FeatureCollection", "features": features}
    path = folder / "points.geojson"
    path.write_text(json.dumps(collection), encoding="utf-8", errors="surrogatepass")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # GDAL tells of properties that it cannot read
        points = points_or_told(path)
    assert points is None or len(points) == len(features)


@cache
def layer(suffix: str) -> bytes:
    table = gpd.GeoDataFrame(
        {"id": ["a", "b"], "name": ["x", None]}, geometry=shapely.points([(5.5, 46.6), (5.6, 46.7)])
    ).set_crs(WGS84)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / f"layer{suffix}"
        if suffix == ".parquet":
            table.to_parquet(path)
        else:
            table.to_file(path, engine="pyogrio")
        return path.read_bytes()


@pytest.mark.parametrize("suffix", [".parquet", ".gpkg", ".geojson"])
@fuzz(40)
@given(data=st.data())
def test_a_damaged_layer_is_told_or_read(
    reader: Reader, folder: Path, suffix: str, data: st.DataObject
) -> None:
    path = folder / f"damaged{suffix}"
    path.write_bytes(data.draw(damaged(layer(suffix))))
    assert reader(path) in ("told", "read")


@pytest.mark.parametrize("part", ["crs", "geometry"])
def test_a_layer_with_a_part_that_another_library_refuses_is_told(folder: Path, part: str) -> None:
    path = folder / "part.parquet"
    path.write_bytes(layer(".parquet"))
    table = parquet.read_table(path)
    geo = json.loads(table.schema.metadata[b"geo"])
    if part == "crs":
        geo["columns"]["geometry"]["crs"] = {"type": "GeographicCRS", "name": "no more"}
    else:
        wkb = pa.array([b"\x01\x63\x00\x00\x00"] * len(table), pa.binary())
        table = table.set_column(table.schema.get_field_index("geometry"), "geometry", wkb)
    parquet.write_table(table.replace_schema_metadata({b"geo": json.dumps(geo)}), path)
    assert points_or_told(path) is None


NO_PLACE_ON_EARTH = {
    "local": 'LOCAL_CS["site",UNIT["metre",1]]',
    "vertical": "EPSG:5714",
}


@pytest.mark.parametrize("crs", NO_PLACE_ON_EARTH.values(), ids=list(NO_PLACE_ON_EARTH))
def test_a_crs_that_tells_no_place_on_earth_is_told(folder: Path, crs: str) -> None:
    path = folder / "crs.parquet"
    gpd.GeoDataFrame(geometry=shapely.points([(5.5, 46.6)]), crs=crs).to_parquet(path)
    with pytest.raises(CrsError, match=r"crs\.parquet"):
        read_points(path)


# -- settings and profiles ------------------------------------------------------------------------

NUMBER = st.one_of(
    st.sampled_from(
        [0, 1, 50, 0.1, 1e-3, 5e-324, 1e6, 1e300, 10**400, -1, -0.0, float("inf"), float("nan"),
         2**63, True]
    ),
    st.floats(),
    st.integers(),
)  # fmt: skip
VALUE = st.one_of(
    NUMBER, st.text(max_size=5), st.lists(NUMBER, max_size=2), st.dates(), st.just({}),
    st.sampled_from(["osrm-car", "legal", "mine.toml", "none.toml", "..", "a\0.toml", "rural"]),
)  # fmt: skip
TABLE_OF = {
    "speeds_kph": ["primary", "service", "x"], "one_way_kph": ["primary"], "urban_kph": ["primary"],
    "motorroad_kph": ["trunk"], "wide_kph": ["residential"], "routes_kph": ["ferry"],
    "implicit_kph": ["urban", "fr:rural"], "surface_kph": ["gravel"], "tracktype_kph": ["grade1"],
    "smoothness_kph": ["bad"], "nodes_s": ["traffic_signals", "stop"],
    "turns": ["sharp_s", "bias", "oncoming_s", "u_turn_s"], "built_up": ["unknown"],
    "other": ["default_kph", "maxspeed_factor", "movable_bridge_kph", "limit_tags"],
    "vehicle": ["height_m", "width_m", "length_m", "weight_kg"], "countries": ["CH", "FR"],
}  # fmt: skip
CHANGES = st.sampled_from([f"{table}.{key}" for table, keys in TABLE_OF.items() for key in keys])


@st.composite
def profiles(draw: st.DrawFn) -> dict[str, Any]:
    """Settings on the base of a good profile or on none, some of their values absurd."""
    found: dict[str, Any] = {}
    for table in draw(st.lists(st.sampled_from(sorted(TABLE_OF)), max_size=4, unique=True)):
        keys = st.sampled_from(TABLE_OF[table])
        found[table] = draw(st.dictionaries(keys, st.one_of(NUMBER, VALUE), max_size=3))
    if draw(st.booleans()):
        found["base"] = "osrm-car"
    return found | draw(
        st.dictionaries(
            st.sampled_from(["base", "name", "description", "turns", "countries", "x", ""]), VALUE,
            max_size=1,
        )
    )  # fmt: skip


@cache
def small_network() -> RoadTables:
    """A crossing with signals, a dead end and a ferry, in a town in part."""
    ways = [
        (1, [1, 2, 3], STREET), (2, [5, 2], {"highway": "primary", "surface": "gravel"}),
        (3, [3, 4], {"highway": "residential", "lanes": "2"}), (4, [4, 1], {"route": "ferry"}),
        (5, [1, 3, 4, 6, 1], {"landuse": "residential"}),
    ]  # fmt: skip
    nodes = {2: {"highway": "traffic_signals"}, 7: {"place": "village"}}
    with tempfile.TemporaryDirectory() as name:
        return read_osm(write_extract(Path(name) / "a.osm.pbf", SQUARE, ways, nodes=nodes)).roads


def profile_or_told(profile: str | Path, **changes: Any) -> Profile | None:
    try:
        found = load_profile(profile, **changes)
    except AccessibilityError as error:
        told(error)
        return None
    assert isinstance(found, Profile)
    built_or_told(small_network(), found)
    return found


@fuzz(100)
@given(drawn=profiles())
@example(drawn={"base": "osrm-car", "turns": {"u_turn_s": float("inf")}})
@example(drawn={"base": "osrm-car", "turns": {"u_turn_s": 1e300}})
@example(drawn={"base": "osrm-car", "turns": {"u_turn_s": 10**400}})
@example(drawn={"base": "osrm-car", "turns": {"bias": 1e4}})
@example(drawn={"base": "osrm-car", "speeds_kph": {"primary": float("inf")}})
@example(drawn={"base": "osrm-car", "speeds_kph": {"primary": 5e-324}})
@example(drawn={"base": "mine.toml"})
@example(drawn={"base": "\0.toml"})
def test_a_profile_of_anything_is_told_or_loaded(folder: Path, drawn: dict[str, Any]) -> None:
    path = folder / "mine.toml"
    path.write_text(tomli_w.dumps(drawn), encoding="utf-8")
    profile_or_told(path)


@fuzz(100)
@given(
    changes=st.dictionaries(st.one_of(CHANGES, st.text(max_size=9)), VALUE, min_size=1, max_size=3),
    base=st.sampled_from(profile_names()),
)
@example(changes={"turns.u_turn_s": float("inf")}, base="osrm-car")
@example(changes={"turns.bias": 110}, base="osrm-car")
def test_changes_of_anything_are_told_or_made(changes: dict[str, Any], base: str) -> None:
    profile_or_told(base, changes=changes)


@pytest.mark.parametrize("table", ["turns", "other", "vehicle", "built_up"])
def test_a_setting_that_nobody_reads_is_told(folder: Path, table: str) -> None:
    path = folder / "typo.toml"
    path.write_text(f'base = "osrm-car"\n[{table}]\nuturn_s = 3\n', encoding="utf-8")
    with pytest.raises(AccessibilityError, match="uturn_s"):
        load_profile(path)


def test_a_limit_tag_that_no_extract_keeps_is_told() -> None:
    with pytest.raises(AccessibilityError, match="maxspeed:practical"):
        load_profile("osrm-car", changes={"other.limit_tags": ["maxspeed:practical"]})


@fuzz(60)
@given(content=st.one_of(st.binary(max_size=60), st.text(max_size=60).map(str.encode)))
@example(content=b"a = " + b"[" * 3_000)
def test_noise_is_told_or_holds_settings(folder: Path, content: bytes) -> None:
    path = folder / "noise.toml"
    path.write_bytes(content)
    try:
        assert isinstance(read_toml(path, what="the file"), dict)
    except AccessibilityError as error:
        told(error)


@fuzz(100)
@given(text=st.one_of(st.text(max_size=30), st.text(string.punctuation + "a1\n", max_size=30)))
@example(text="turns.bias=" + "[" * 3_000)
def test_a_change_of_anything_is_told_or_parsed(text: str) -> None:
    try:
        key, _ = parse_change(text)
    except AccessibilityError as error:
        told(error)
    else:
        assert key


# -- tags to speeds -------------------------------------------------------------------------------

LIMITS = st.one_of(
    st.integers(0, 2_000).map(str), st.integers(0, 400).map(lambda n: f"{n} mph"),
    st.sampled_from(["FR:urban", "none", "rural", "DE:motorway", "signals"]), ODD_TEXT,
)  # fmt: skip
ACCESS = st.sampled_from(["no", "yes", "private", "destination", "no;yes", "designated", "psv"])
USUAL_TAGS = st.fixed_dictionaries(
    {},
    optional={
        "oneway": st.sampled_from(["yes", "-1", "1", "no", "maybe", "alternating"]),
        "oneway:motorcar": st.sampled_from(["yes", "-1", "no"]),
        "maxspeed": LIMITS, "maxspeed:forward": LIMITS, "maxspeed:backward": LIMITS,
        "access": ACCESS, "motor_vehicle:forward": ACCESS, "vehicle:backward": ACCESS,
        "lanes": st.sampled_from(["1", "2", "∞"]), "width": st.sampled_from(["0", "4", "6.5"]),
    },
)  # fmt: skip
SPEED_TAGS = st.builds(
    lambda main, usual, more: {**main, **usual, **more},
    st.one_of(HIGHWAYS.map(lambda value: {"highway": value}), st.just({"route": "ferry"})),
    USUAL_TAGS,
    st.dictionaries(st.sampled_from(ROAD_TAGS), st.one_of(PLAIN_TEXT, ODD_TEXT), max_size=3),
)
FORWARD, BACKWARD = ":forward", ":backward"
REVERSED = {"yes": "-1", "1": "-1", "true": "-1", "-1": "yes"}


class Asked(dict[str, str]):
    """Tags that note which of them were asked for."""

    def __init__(self, tags: Tags) -> None:
        super().__init__(tags)
        self.keys_asked: set[str] = set()

    def __getitem__(self, key: str) -> str:
        self.keys_asked.add(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self.keys_asked.add(str(key))
        return super().__contains__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self.keys_asked.add(key)
        return super().get(key, default)


def turned(tags: Tags) -> dict[str, str]:
    """The tags of the same road if it were drawn the other way round."""
    found = {}
    for key, value in tags.items():
        if key.endswith(FORWARD):
            key = key.removesuffix(FORWARD) + BACKWARD
        elif key.endswith(BACKWARD):
            key = key.removesuffix(BACKWARD) + FORWARD
        found[key] = REVERSED.get(value, value) if key.startswith("oneway") else value
    return found


@pytest.mark.parametrize("name", profile_names())
@fuzz(150)
@given(tags=SPEED_TAGS, urban=st.booleans())
@example(tags={"highway": "primary", "lanes": "9" * 5_000}, urban=False)
@example(tags={"highway": "primary", "width": "9'" + "9" * 5_000}, urban=False)
def test_speeds_are_those_of_a_car(name: str, tags: Tags, urban: bool) -> None:
    found = road_speeds(tags, PROFILES[name], urban=urban)
    assert all(0 <= kph < 300 for kph in found[:2])
    assert all(isinstance(restricted, bool) for restricted in found[2:4])


@pytest.mark.parametrize("name", profile_names())
@fuzz(60)
@given(tags=SPEED_TAGS, value=ODD_TEXT, key=st.sampled_from(["unheard_of", "maxspeed:lanes", ""]))
def test_a_tag_that_no_profile_reads_changes_nothing(
    name: str, tags: Tags, value: str, key: str
) -> None:
    assert road_speeds({**tags, key: value}, PROFILES[name]) == road_speeds(tags, PROFILES[name])


@pytest.mark.parametrize("name", profile_names())
@fuzz(60)
@given(tags=SPEED_TAGS)
@example(tags={"highway": "primary"})
def test_every_tag_that_a_profile_asks_for_is_kept(name: str, tags: Tags) -> None:
    asked = Asked(tags)
    road_speeds(asked, PROFILES[name])
    assert asked.keys_asked <= set(ROAD_TAGS)


@pytest.mark.parametrize("name", profile_names())
@fuzz(150)
@given(tags=SPEED_TAGS, urban=st.booleans())
def test_a_road_drawn_the_other_way_round_has_its_speeds_swapped(
    name: str, tags: Tags, urban: bool
) -> None:
    # a motorway and a roundabout are one way by themselves: only a tag can turn that round
    tags = {key: value for key, value in tags.items() if key != "junction"}
    if tags.get("highway") == "motorway":
        tags["highway"] = "trunk"
    here, there = (road_speeds(t, PROFILES[name], urban=urban) for t in (tags, turned(tags)))
    assert here[:2] == there[1::-1]
    assert here[2:4] == there[3:1:-1]


if __name__ == "__main__":
    serve()
