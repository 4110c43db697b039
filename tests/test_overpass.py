"""Asking an Overpass API: a stand-in server answers, whole, broken, busy or not at all."""

from __future__ import annotations

import datetime as dt
import gzip
import re
import threading
from collections.abc import Iterator
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import geopandas as gpd
import numpy as np
import osmium
import pandas as pd
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal
from networks import ORIGIN, STREET, lonlat, write_extract

import accessibility
from accessibility.errors import (
    CrsError,
    InputError,
    MissingInputError,
    OutputError,
    SettingError,
)
from accessibility.inputs import overpass
from accessibility.inputs.osm import OsmExtract, read_osm
from accessibility.inputs.overpass import BUSY, WAITS_S, data_date, fetch_overpass
from accessibility.inputs.pbf import BUILT_UP, FERRIES, PLACES, extent
from accessibility.schema import LAMBERT_93, WGS84

Reply = tuple[int, dict[str, str], bytes]

PLACES_XY = {
    1: (0, 0), 2: (500, 0), 3: (1_000, 0), 4: (1_000, 500), 5: (500, 500), 6: (9_600, 0),
    31: (-50, -100), 32: (600, -100), 33: (600, 100), 34: (-50, 100), 40: (100, 50), 41: (90, 60),
}  # fmt: skip
NODES = {
    2: {"highway": "traffic_signals"},
    40: {"place": "village", "name": "Arlay"},
    41: {"amenity": "townhall", "name": "Mairie d’Arlay & co"},
}
WAYS = [
    (1, [1, 2], STREET),
    (2, [2, 3], {**STREET, "name": "Grande Rue"}),
    (3, [3, 4], STREET),
    (4, [2, 5], STREET),
    (5, [3, 6], {"route": "ferry"}),
    (50, [31, 32, 33, 34, 31], {"landuse": "residential"}),
]
RULE = (
    70,
    [("w", 1, "from"), ("n", 2, "via"), ("w", 4, "to")],
    {"type": "restriction", "restriction": "no_left_turn"},
)
META = b'<note>ODbL</note>\n<meta osm_base="2024-05-01T20:21:22Z"/>\n'


class StandIn:
    """What a server answers, in turn, and what it was asked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.replies: list[Reply] = []
        self.queries: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.silent: threading.Event | None = None

    def will(self, *replies: Reply | bytes) -> None:
        self.replies += [(200, {}, r) if isinstance(r, bytes) else r for r in replies]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            asked = parse_qs(body, strict_parsing=True)
            assert list(asked) == ["data"]
            stand_in.queries += asked["data"]
            stand_in.paths.append(self.path)
            stand_in.headers.append(dict(self.headers))
            if stand_in.silent:
                stand_in.silent.wait(5)
                return
            status, headers, content = stand_in.replies.pop(0)
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(content))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    monkeypatch.setenv("no_proxy", "*")
    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        stand_in = StandIn(f"http://127.0.0.1:{http.server_port}/api")
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield stand_in
        http.shutdown()
        thread.join()


@pytest.fixture
def written(tmp_path: Path) -> Path:
    folder = tmp_path / "there"
    folder.mkdir()
    return write_extract(folder / "a.osm", PLACES_XY, WAYS, nodes=NODES, relations=[RULE])


@pytest.fixture
def answer(written: Path) -> bytes:
    """The file as Overpass writes it."""
    root = b'<osm version="0.6" generator="Overpass API">\n'
    return re.sub(rb"<osm [^>]*>\n", root + META, written.read_bytes())


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "here" / "area.osm"


def area(west: float = -200, south: float = -200, east: float = 1_200, north: float = 700):  # type: ignore[no-untyped-def]
    x, y = ORIGIN
    return gpd.GeoSeries([shapely.box(x + west, y + south, x + east, y + north)], crs=LAMBERT_93)


def tables(found: OsmExtract) -> list[pd.DataFrame]:
    roads = found.roads
    points = [found.built_up, found.places, found.points_of_interest]
    return [roads.roads, roads.nodes, roads.restrictions, *points]


@pytest.mark.parametrize("name", ["area.osm", "area.osm.gz"])
@pytest.mark.parametrize("packed", [False, True])
def test_what_is_fetched_reads_like_an_extract(
    server: StandIn, written: Path, answer: bytes, tmp_path: Path, name: str, packed: bool
) -> None:
    reply = (200, {"Content-Encoding": "gzip"}, gzip.compress(answer)) if packed else answer
    server.will(reply)
    path = fetch_overpass(area(), tmp_path / "here" / name, url=server.url)
    assert path == tmp_path / "here" / name
    assert [p.name for p in path.parent.iterdir()] == [name]
    found = read_osm(path, within=area())
    for told, expected in zip(tables(found), tables(read_osm(written, within=area())), strict=True):
        assert len(expected)
        if isinstance(expected, gpd.GeoDataFrame):
            assert_geodataframe_equal(told, expected)
        else:
            pd.testing.assert_frame_equal(told, expected)
    assert found.roads.restrictions["kind"].tolist() == ["no_left_turn"]
    assert found.roads.nodes["highway"].dropna().tolist() == ["traffic_signals"]
    assert found.roads.roads["urban"].max() == 1
    assert found.places["name"].tolist() == ["Arlay"]
    assert found.points_of_interest["name"].tolist() == ["Mairie d’Arlay & co"]


def asked_box(query: str) -> tuple[float, ...]:
    """West, south, east, north of the one box that a query names."""
    (box,) = set(re.findall(r"\(([-\d.]+),([-\d.]+),([-\d.]+),([-\d.]+)\)", query))
    south, west, north, east = map(float, box)
    return west, south, east, north


def test_the_query_asks_for_all_that_a_study_takes(
    server: StandIn, answer: bytes, out: Path
) -> None:
    server.will(answer)
    fetch_overpass(area(), out, url=server.url, timeout_s=240)
    (query,) = server.queries
    assert server.paths == ["/api/interpreter"]
    assert server.headers[0]["User-Agent"] == f"accessibility-toolkit/{accessibility.__version__}"
    assert query.startswith("[out:xml][timeout:240][maxsize:1073741824];")
    assert query.endswith("out body;\n")
    lines = [line.strip().split("](")[0] for line in query.splitlines()]
    for values, line in (
        (BUILT_UP, 'way["landuse"~"'),
        (PLACES, 'node["place"~"'),
        (FERRIES, 'way["route"~"'),
    ):
        (pattern,) = [name.removeprefix(line)[:-1] for name in lines if name.startswith(line)]
        assert all(re.search(pattern, value) for value in values)
        assert not any(re.search(pattern, value) for value in ("islet", "roads", "farmland"))
    for line in ('way["highway"', 'node["amenity"', 'node["shop"'):
        assert line in lines
    for line in ("node(w.ways);", 'relation(bw.ways)["type"~"^restriction"];'):
        assert line in [row.strip() for row in query.splitlines()]
    assert query.count("(") == query.count(")")


@pytest.mark.parametrize("crs", [LAMBERT_93, WGS84, "EPSG:3857"])
@pytest.mark.parametrize("buffer_km", [0, 5])
def test_the_box_holds_the_area_and_its_ring(
    server: StandIn, answer: bytes, out: Path, crs: str, buffer_km: float
) -> None:
    server.will(answer)
    fetch_overpass(area().to_crs(crs), out, url=server.url, buffer_km=buffer_km)
    box = asked_box(server.queries[0])
    ring = gpd.GeoSeries(area().buffer(1_000 * buffer_km), crs=LAMBERT_93).to_crs(WGS84)
    wanted = ring.total_bounds
    assert shapely.box(*box).contains(shapely.box(*wanted))
    assert np.abs(np.array(box) - wanted).max() < 0.003  # 200 m to 300 m
    held = extent(out)
    assert held is not None
    assert held.bounds == pytest.approx(box)


def test_roads_that_leave_the_box_end_at_the_rim(
    server: StandIn, answer: bytes, out: Path, tmp_path: Path
) -> None:
    wide = area(-9_000, -9_000, 9_000, 9_000)
    server.will(answer, answer)
    found = read_osm(fetch_overpass(wide, out, url=server.url))
    assert found.roads.nodes.query("rim")["node_id"].tolist() == [6]  # 1, 4 and 5 are dead ends
    tight = read_osm(fetch_overpass(area(), tmp_path / "tight.osm", url=server.url))
    assert tight.roads.nodes.query("rim")["node_id"].tolist() == [1, 4, 5, 6]


def test_a_table_with_several_shapes_and_the_address_of_the_interpreter_will_do(
    server: StandIn, answer: bytes, out: Path
) -> None:
    shapes = pd.concat([area(), area(2_000, 0, 3_000, 900)], ignore_index=True)
    table = gpd.GeoDataFrame({"code": ["a", "b"]}, geometry=shapes)
    server.will(answer)
    fetch_overpass(table, out, url=f"{server.url}/interpreter/")
    assert server.paths == ["/api/interpreter"]
    west, _, east, _ = asked_box(server.queries[0])
    (left, _), (right, _) = lonlat([(-200, 0), (3_000, 0)])
    assert west < left < right < east


def test_the_same_answer_gives_the_same_bytes(
    server: StandIn, answer: bytes, tmp_path: Path
) -> None:
    server.will(answer, answer)
    a, b = (fetch_overpass(area(), tmp_path / f"{n}.osm.gz", url=server.url) for n in "ab")
    assert a.read_bytes() == b.read_bytes()


def test_the_date_of_the_data_is_kept(
    server: StandIn, written: Path, answer: bytes, tmp_path: Path
) -> None:
    server.will(answer, answer)
    for name in ("a.osm", "a.osm.gz"):
        path = fetch_overpass(area(), tmp_path / name, url=server.url)
        assert data_date(path) == dt.datetime(2024, 5, 1, 20, 21, 22, tzinfo=dt.UTC)
    assert b"<note>ODbL</note>" in (tmp_path / "a.osm").read_bytes()
    assert data_date(written) is None


@pytest.mark.parametrize("piece", [200, 333, 1_000])
def test_pieces_of_any_size_make_the_same_file(
    server: StandIn, answer: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    broken = answer.replace(b"</osm>", b"<remark> runtime error: no </remark>\n</osm>")
    server.will(answer, answer, broken)
    a = fetch_overpass(area(), tmp_path / "a.osm", url=server.url)
    monkeypatch.setattr(overpass, "PIECE_BYTES", piece)
    b = fetch_overpass(area(), tmp_path / "b.osm", url=server.url)
    assert a.read_bytes() == b.read_bytes()
    with pytest.raises(InputError, match=r"broke the query off \(runtime error: no\)"):
        fetch_overpass(area(), tmp_path / "c.osm", url=server.url)


def test_an_area_without_a_crs_is_refused(out: Path) -> None:
    with pytest.raises(CrsError, match="the territory has no CRS"):
        fetch_overpass(area().set_crs(None, allow_override=True), out)
    with pytest.raises(CrsError, match="a geometry by itself has no CRS"):
        fetch_overpass(area().iloc[0], out)


@pytest.mark.parametrize("shapes", [[], [shapely.Polygon()], [None], [shapely.Point(5, 46)]])
def test_an_empty_area_is_refused(out: Path, shapes: list[object]) -> None:
    with pytest.raises(InputError, match="the area to fetch is empty"):
        fetch_overpass(gpd.GeoSeries(shapes, crs=WGS84), out)


def test_a_large_area_is_sent_to_the_extracts(server: StandIn, answer: bytes, out: Path) -> None:
    france = gpd.GeoSeries([shapely.box(-5, 42, 8, 51)], crs=WGS84)
    with pytest.raises(SettingError, match=r"a box of 99\d,\d{3} km².* up to 50,000.*geofabrik"):
        fetch_overpass(france, out, url=server.url)
    with pytest.raises(SettingError, match="up to 1:"):
        fetch_overpass(area(), out, url=server.url, max_area_km2=1)
    assert not server.queries
    server.will(answer)
    fetch_overpass(france, out, url=server.url, max_area_km2=2e6)


def test_what_is_no_address_and_what_is_no_name_are_refused(out: Path) -> None:
    for url in ("overpass-api.de/api", "file:///etc/passwd", "http://", ""):
        with pytest.raises(SettingError, match="is no address; one such as https://overpass-api"):
            fetch_overpass(area(), out, url=url)
    with pytest.raises(OutputError, match=r"area\.osm\.pbf is no name for OpenStreetMap XML"):
        fetch_overpass(area(), out.with_name("area.osm.pbf"))


def test_nothing_is_overwritten_unasked(server: StandIn, answer: bytes, tmp_path: Path) -> None:
    path = tmp_path / "kept.osm"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="exists already"):
        fetch_overpass(area(), path, url=server.url)
    assert not server.queries
    server.will(b"<html/>", answer)
    with pytest.raises(InputError):
        fetch_overpass(area(), path, url=server.url, overwrite=True)
    assert path.read_text(encoding="utf-8") == "mine"
    fetch_overpass(area(), path, url=server.url, overwrite=True)
    assert len(read_osm(path).roads.roads) == 5


def page(*errors: str) -> bytes:
    told = "".join(
        f'<p><strong style="color:#FF0000">Error</strong>: {error} </p>\n' for error in errors
    )
    head = "<head><title>OSM3S Response</title></head>"
    return f"<html>{head}<body>\n<p>The data included ...</p>\n{told}</body></html>".encode()


TIMED_OUT = 'runtime error: Query timed out in "query" at line 3 after 181 seconds.'


def refused(server: StandIn, out: Path, kind: type[Exception], reply: Reply | bytes) -> str:
    """Message of a fetch that fails at once; nothing is left of it."""
    server.will(reply)
    with pytest.raises(kind) as caught:
        fetch_overpass(area(), out, url=server.url, sleep=lambda _: pytest.fail("waits"))
    assert not server.replies
    assert not out.parent.exists() or not list(out.parent.iterdir())
    message = str(caught.value)
    assert server.url in message
    assert "\n" not in message
    assert message.endswith((".", "?"))
    return message


@pytest.mark.parametrize("late", [True, False])
def test_an_answer_with_a_remark_is_not_whole(
    server: StandIn, answer: bytes, out: Path, late: bool
) -> None:
    remark = f"<remark> {TIMED_OUT} </remark>\n".encode()
    ends = b"</osm>" if late else b"<node "
    reply = answer.replace(ends, remark + ends, 1)
    assert read_whole(reply, out), "what reads OpenStreetMap files passes the remark over"
    told = refused(server, out, InputError, reply)
    assert f"broke the query off ({TIMED_OUT.rstrip('.')}): ask for a smaller area" in told


def read_whole(reply: bytes, out: Path) -> bool:
    path = out.parent.parent / "remark.osm"
    path.write_bytes(reply)
    return len(read_osm(path).roads.roads) == 5


def test_an_answer_of_a_remark_alone_is_not_whole(server: StandIn, out: Path) -> None:
    memory = "runtime error: Query run out of memory in &quot;query&quot; using 1024 MB of RAM."
    reply = b"<osm>\n" + META + f"<remark> {memory} </remark>\n</osm>\n".encode()
    assert 'run out of memory in "query" using' in refused(server, out, InputError, reply)


def test_what_the_server_says_of_the_query_is_told(server: StandIn, out: Path) -> None:
    errors = page("line 1: parse error: &#39;;&#39; expected", "line 2: static error: no\nbox")
    told = refused(server, out, InputError, (400, {}, errors))
    assert "refuses the query (HTTP 400: line 1: parse error: ';' expected line 2: static" in told
    packed = (400, {"Content-Encoding": "gzip"}, gzip.compress(errors))
    assert "parse error: ';' expected" in refused(server, out, InputError, packed)
    assert "(HTTP 400: nothing)" in refused(server, out, InputError, (400, {}, b""))


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (page("open64: 2 No such file"), "OpenStreetMap data (open64: 2 No such file): the base"),
        (b"<html><title>x</title><p>Welcome</p></html>", "OpenStreetMap data (x Welcome): the"),
        (b'{"elements": []}', 'OpenStreetMap data ({"elements": []}): the base address'),
        (b"", "OpenStreetMap data (nothing): the base address"),
    ],
)
def test_another_kind_of_answer_is_told(
    server: StandIn, out: Path, reply: bytes, told: str
) -> None:
    assert told in refused(server, out, InputError, reply)


def test_another_server_is_told(server: StandIn, out: Path) -> None:
    told = refused(server, out, InputError, (404, {}, b"no"))
    assert "answers HTTP 404 Not Found; the base address of an Overpass API" in told


def test_an_answer_cut_short_is_told(server: StandIn, answer: bytes, out: Path) -> None:
    packed = gzip.compress(answer)
    unpack = {"Content-Encoding": "gzip"}
    longer = {"Content-Length": str(len(answer) + 99)}
    chunked = {"Content-Length": "", "Transfer-Encoding": "chunked"}
    for reply in (
        answer[: len(answer) // 2],
        answer.rstrip()[:-1],
        (200, longer, answer[:-30]),
        (200, unpack, packed[:-30]),
        (200, unpack, packed[: len(packed) // 2]),
        (200, unpack, b"no gzip at all"),
        (200, unpack, packed[:200] + bytes(99) + packed[300:]),
        (200, chunked, b"FFFF\r\n" + answer),
    ):
        assert "is cut short: try again" in refused(server, out, InputError, reply)


def test_an_answer_without_ways_is_told(server: StandIn, out: Path) -> None:
    reply = b"<osm>\n" + META + b'<node id="1" lat="46" lon="5"/>\n</osm>\n'
    assert "knows no road in the area" in refused(server, out, InputError, reply)


def test_no_connection_is_told(out: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as http:
        url = f"http://127.0.0.1:{http.server_port}/api"
    with pytest.raises(MissingInputError, match=rf"no connection to {url} \(.*refused\): try"):
        fetch_overpass(area(), out, url=url)
    with pytest.raises(MissingInputError, match=r"no connection to http://nowhere\.invalid"):
        fetch_overpass(area(), out, url="http://nowhere.invalid/api")
    assert not out.parent.exists() or not list(out.parent.iterdir())


def test_a_server_that_says_nothing_is_told(
    server: StandIn, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overpass, "GRACE_S", 0.05)
    server.silent = threading.Event()
    with pytest.raises(MissingInputError, match=r"no connection to .*timed out"):
        fetch_overpass(area(), out, url=server.url, timeout_s=0)
    server.silent.set()


@pytest.fixture
def fetch(server: StandIn, out: Path):  # type: ignore[no-untyped-def]
    """Fetch and say how long it waited and what it told."""

    def fetcher(*replies: Reply | bytes) -> tuple[list[float], list[str]]:
        server.will(*replies)
        waits, told = list[float](), list[str]()
        options = {"sleep": waits.append, "progress": told.append, "overwrite": True}
        try:
            fetch_overpass(area(), out, url=server.url, **options)  # type: ignore[arg-type]
        except MissingInputError as error:
            told.append(str(error))
        return waits, told

    return fetcher


@pytest.mark.parametrize("status", sorted(BUSY))
def test_a_busy_server_is_asked_again(  # type: ignore[no-untyped-def]
    server: StandIn, answer: bytes, out: Path, fetch, status: int
) -> None:
    waits, told = fetch((status, {}, page("too busy")), (status, {}, b""), answer)
    assert waits == [30, 60]
    assert len(server.queries) == 3
    assert len(set(server.queries)) == 1
    assert told == [
        f"OpenStreetMap data from {server.url}",
        f"{server.url} is busy (HTTP {status}), asked again in 30 s",
        f"{server.url} is busy (HTTP {status}), asked again in 60 s",
    ]
    assert len(read_osm(out).roads.roads) == 5


def test_a_server_that_stays_busy_is_told(server: StandIn, out: Path, fetch) -> None:  # type: ignore[no-untyped-def]
    waits, told = fetch(*[(504, {}, page("too busy"))] * 9)
    assert waits == list(WAITS_S)
    assert len(server.queries) == len(WAITS_S) + 1
    assert f"{server.url} is busy (HTTP 504 at attempt 4): try again later" in told[-1]
    assert list(out.parent.iterdir()) == []


def test_the_wait_is_as_long_as_the_server_asks(answer: bytes, fetch) -> None:  # type: ignore[no-untyped-def]
    soon = format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=200), usegmt=True)
    past = "Wed, 21 Oct 2015 07:28:00 GMT"
    for wish, wait in (("100", 100), ("7", 30), (soon, 200), (past, 30), ("soon", 30)):
        waits, _ = fetch((429, {"Retry-After": wish}, b""), answer)
        assert waits == pytest.approx([wait], abs=5)


def test_nobody_waits_for_an_hour(server: StandIn, fetch) -> None:  # type: ignore[no-untyped-def]
    waits, told = fetch((429, {"Retry-After": "3600"}, b""))
    assert waits == []
    assert "is busy (HTTP 429 at attempt 1, Retry-After: 3600): try again later" in told[-1]


def answer_from(extract: Path, box: shapely.Polygon, path: Path) -> bytes:
    """What Overpass would answer to the query, from an extract."""
    inside, ways, kept, rules = set[int](), set[int](), set[int](), set[int]()
    for item in osmium.FileProcessor(str(extract)).with_locations():
        tags = item.tags
        if item.is_node() and shapely.contains_xy(box, item.location.lon, item.location.lat):
            inside.add(item.id)
            if tags.get("place") in PLACES or "amenity" in tags or "shop" in tags:
                kept.add(item.id)
        elif item.is_way():
            asked = "highway" in tags or tags.get("route") in FERRIES
            refs = {node.ref for node in item.nodes}
            if (asked or tags.get("landuse") in BUILT_UP) and refs & inside:
                ways.add(item.id)
                kept |= refs
        elif item.is_relation() and ways & {m.ref for m in item.members if m.type == "w"}:
            rules |= {item.id} if tags.get("type", "").startswith("restriction") else set()
    chosen = {"n": kept, "w": ways, "r": rules}
    with osmium.SimpleWriter(str(path)) as file:
        for item in osmium.FileProcessor(str(extract)):
            if item.id in chosen[item.type_str()]:
                file.add(item)
    return path.read_bytes()


def test_of_a_real_place_the_answer_gives_the_same_as_an_extract(
    server: StandIn, shared_data: Path, out: Path, tmp_path: Path
) -> None:
    extract = shared_data / "osm" / "liechtenstein-2015-07.osm.pbf"
    bendern = gpd.GeoSeries([shapely.Point(9.504, 47.211).buffer(0.02)], crs=WGS84)
    server.will(b"<osm/>")
    with pytest.raises(InputError):
        fetch_overpass(bendern, out, url=server.url, buffer_km=1)
    box = shapely.box(*asked_box(server.queries[0]))
    server.will(answer_from(extract, box, tmp_path / "answer.osm"))
    path = fetch_overpass(bendern, out, url=server.url, buffer_km=1)
    found, expected = (read_osm(p, within=bendern, buffer_km=1) for p in (path, extract))
    assert len(expected.roads.restrictions)
    for a, b in zip(tables(found), tables(expected), strict=True):
        assert len(b)
        pd.testing.assert_frame_equal(pd.DataFrame(a), pd.DataFrame(b))
