"""Downloads from a stand-in server that breaks off, lies, stalls, leads astray or is busy."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from accessibility.errors import AccessibilityError, InputError, MissingInputError, OutputError
from accessibility.inputs import download
from accessibility.inputs.catalogue import Dataset
from accessibility.inputs.download import AT_ONCE, PER_HOST, RECORD, WAITS_S, fetch, fetch_all
from accessibility.inputs.download import verify as compare

CONTENT = bytes(range(256)) * 4_000
OTHER = CONTENT[::-1]
HALF = len(CONTENT) // 2
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()

Fault = Callable[["Handler", bytes], None]


class Handler(BaseHTTPRequestHandler):
    """Serves what `files` hold as a good server does, unless a fault comes first."""

    def do_GET(self) -> None:
        server: Any = self.server
        server.asked.append((self.path, self.headers.get("Range"), self.headers.get("If-Range")))
        faults = server.faults.get(self.path)
        if faults:
            faults.pop(0)(self, server.files.get(self.path, CONTENT))
        elif self.path in server.files:
            whole()(self, server.files[self.path])
        else:
            self.answer(404, {}, b"no")

    def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def tag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:8]}"'


def whole(
    *,
    sent: int | None = None,
    announced: int = 0,
    headers: dict[str, str] | None = None,
    deaf_to: str = "",
    then: Callable[[], object] = lambda: None,
) -> Fault:
    """A good answer, or one with a fault.

    Of the content only `sent` bytes, `announced` more or less than there are, other `headers`;
    `deaf_to` a header of the request; `then` comes before the connection is closed.
    """

    def serve(handler: Handler, content: bytes) -> None:
        asked = {n: v for n, v in handler.headers.items() if n != deaf_to}
        start, status, extra = 0, 200, {"ETag": tag(content), **(headers or {})}
        if "Range" in asked and asked.get("If-Range", extra["ETag"]) == extra["ETag"]:
            start, status = int(asked["Range"][6:-1]), 206
            extra["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        if start >= len(content):
            handler.answer(416, {"Content-Range": f"bytes */{len(content)}"}, b"")
            return
        length = {"Content-Length": str(len(content) - start + announced)}
        handler.answer(status, length | extra, content[start:sent])
        handler.wfile.flush()
        then()

    return serve


def says(status: int, headers: dict[str, str] | None = None, body: bytes = b"x") -> Fault:
    return lambda handler, content: handler.answer(status, headers or {}, body)


def chunked(*, end: bytes) -> Fault:
    def serve(handler: Handler, content: bytes) -> None:
        headers = {"Transfer-Encoding": "chunked", "Content-Length": "", "ETag": tag(content)}
        handler.answer(200, headers, b"%X\r\n%s\r\n%s" % (len(content), content, end))

    return serve


class StandIn(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/a"
        self.files = {"/a": CONTENT}
        self.faults: dict[str, list[Fault]] = {}
        self.asked: list[tuple[str, str | None, str | None]] = []

    def will(self, *faults: Fault, path: str = "/a") -> None:
        self.faults[path] = list(faults)

    def handle_error(self, *_: object) -> None:
        pass  # a client that hangs up is part of the play


@pytest.fixture
def another(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], StandIn]]:
    monkeypatch.setenv("no_proxy", "*")
    with ExitStack() as stack:

        def start() -> StandIn:
            server = stack.enter_context(StandIn())
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            stack.callback(server.shutdown)
            return server

        yield start


@pytest.fixture
def server(another: Callable[[], StandIn]) -> StandIn:
    return another()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "inputs"


def dataset(url: str, file: str = "osm/a.bin", **fields: Any) -> Dataset:
    return Dataset("a", "A", "us", "free", "us", file=file, url=url, landing="page", **fields)


class Told:
    """What a download told and how long it waited."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.waits: list[float] = []
        self.bytes: list[tuple[int, int | None]] = []

    def fetch(self, data: Dataset, folder: Path, **options: Any) -> Path:
        return fetch(
            data,
            folder,
            progress=self.steps.append,
            advance=lambda data, done, total: self.bytes.append((done, total)),
            sleep=self.waits.append,
            **options,
        )


def left(folder: Path) -> list[str]:
    """Files of a folder but for locks, which stay."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(f.relative_to(folder).as_posix() for f in files if f.parent.name != ".locks")


def refused(kind: type[Exception], data: Dataset, folder: Path, **options: Any) -> str:
    """Message of a fetch that fails and leaves no file under its name."""
    with pytest.raises(kind) as caught:
        Told().fetch(data, folder, **options)
    assert not (folder / data.file).exists()
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message


# -- a good server ------------------------------------------------------------------------------


def test_a_file_comes_whole_and_is_recorded(server: StandIn, folder: Path) -> None:
    told = Told()
    path = told.fetch(dataset(server.url), folder)
    assert path == folder / "osm/a.bin"
    assert path.read_bytes() == CONTENT
    assert left(folder) == [RECORD, "osm/a.bin"]
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    assert record == {"osm/a.bin": {"sha256": SHA256, "url": server.url}}
    assert told.steps == [f"a from {server.url}"]
    assert (told.bytes[0], told.bytes[-1]) == ((0, len(CONTENT)), (len(CONTENT), len(CONTENT)))
    assert told.waits == []


def test_a_file_that_is_there_is_not_asked_for(server: StandIn, folder: Path) -> None:
    path = folder / "osm/a.bin"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"mine")
    assert fetch(dataset(server.url), folder).read_bytes() == b"mine"
    assert not server.asked
    server.will(says(404))
    with pytest.raises(InputError):
        fetch(dataset(server.url), folder, overwrite=True)
    assert path.read_bytes() == b"mine"
    assert fetch(dataset(server.url), folder, overwrite=True).read_bytes() == CONTENT


@pytest.mark.parametrize("known", [{"sha256": SHA256}, {}])
def test_chunks_have_no_length(server: StandIn, folder: Path, known: dict[str, str]) -> None:
    server.will(chunked(end=b"FF\r\nabc"), chunked(end=b"0\r\n\r\n"))
    told = Told()
    assert told.fetch(dataset(server.url, **known), folder).read_bytes() == CONTENT
    assert told.waits == [WAITS_S[0]]
    assert told.bytes[-1] == (len(CONTENT), None)


# -- broken off ---------------------------------------------------------------------------------


def test_a_download_that_broke_off_goes_on(server: StandIn, folder: Path) -> None:
    server.will(whole(sent=HALF))
    told = Told()
    assert told.fetch(dataset(server.url), folder).read_bytes() == CONTENT
    assert server.asked == [("/a", None, None), ("/a", f"bytes={HALF}-", tag(CONTENT))]
    assert told.waits == [WAITS_S[0]]
    assert f"broke off at {HALF:,} of {len(CONTENT):,} bytes, asked again in 2 s" in told.steps[1]
    assert left(folder) == [RECORD, "osm/a.bin"]


def test_a_server_that_always_breaks_off_is_told_and_its_part_is_kept(
    server: StandIn, folder: Path
) -> None:
    server.will(*[whole(sent=HALF + i) for i in range(len(WAITS_S) + 1)])
    told = refused(MissingInputError, dataset(server.url), folder)
    assert re.search(r"broke off at \S+ of \S+ bytes at attempt 4: give the command again", told)
    assert left(folder) == ["osm/a.bin.part", "osm/a.bin.part.json"]
    assert fetch(dataset(server.url), folder).read_bytes() == CONTENT
    assert server.asked[-1][1] == f"bytes={HALF + 3}-"


def test_last_modified_serves_where_the_etag_is_weak(server: StandIn, folder: Path) -> None:
    day = "Wed, 21 Oct 2015 07:28:00 GMT"
    headers = {"ETag": 'W/"1"', "Last-Modified": day}
    server.will(whole(sent=HALF, headers=headers), whole(headers=headers, deaf_to="If-Range"))
    assert Told().fetch(dataset(server.url), folder).read_bytes() == CONTENT
    assert server.asked[1] == ("/a", f"bytes={HALF}-", day)


def test_a_server_without_marks_of_the_file_starts_anew(server: StandIn, folder: Path) -> None:
    server.will(whole(sent=HALF, headers={"ETag": ""}))
    assert Told().fetch(dataset(server.url), folder).read_bytes() == CONTENT
    assert [ranges for _, ranges, _ in server.asked] == [None, None]


def test_a_server_that_ignores_ranges_starts_anew(server: StandIn, folder: Path) -> None:
    server.will(whole(sent=HALF), whole(deaf_to="Range"))
    assert Told().fetch(dataset(server.url), folder).read_bytes() == CONTENT


@pytest.mark.parametrize("deaf_to", ["", "If-Range"])
@pytest.mark.parametrize("changed", [OTHER, OTHER[:-9], OTHER[: HALF - 9], OTHER + b"more"])
def test_a_file_that_changes_in_between_is_not_mixed(
    server: StandIn, folder: Path, deaf_to: str, changed: bytes
) -> None:
    def change() -> None:
        server.files["/a"] = changed

    server.will(whole(sent=HALF, then=change), whole(deaf_to=deaf_to))
    assert Told().fetch(dataset(server.url), folder).read_bytes() == changed


def test_another_length_tells_of_another_file_too(server: StandIn, folder: Path) -> None:
    def change() -> None:
        server.files["/a"] = OTHER + b"more"

    unmarked = whole(deaf_to="If-Range", headers={"ETag": ""})
    server.will(whole(sent=HALF, then=change), unmarked)
    assert Told().fetch(dataset(server.url), folder).read_bytes() == OTHER + b"more"


def test_a_part_of_another_address_or_with_a_broken_note_is_not_gone_on_with(
    server: StandIn, folder: Path
) -> None:
    part, note = folder / "osm/a.bin.part", folder / "osm/a.bin.part.json"
    part.parent.mkdir(parents=True)
    fit = {"url": server.url, "validator": tag(CONTENT), "length": len(CONTENT)}
    for text in (json.dumps({**fit, "url": "x"}), "{", "[]", '{"url": 3}', json.dumps(fit)):
        part.write_bytes(CONTENT[:99])
        note.write_text(text, encoding="utf-8")
        assert fetch(dataset(server.url), folder, overwrite=True).read_bytes() == CONTENT
    assert [ranges for _, ranges, _ in server.asked] == [None] * 4 + ["bytes=99-"]
    part.write_bytes(CONTENT)
    note.write_text(json.dumps(fit), encoding="utf-8")
    server.asked.clear()
    assert fetch(dataset(server.url), folder, overwrite=True).read_bytes() == CONTENT
    assert not server.asked  # it was killed between the last byte and the name


# -- lies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("announced", "told"), [(50, "416|broke off"), (-50, "sends more than")])
@pytest.mark.parametrize("known", [{"sha256": SHA256}, {}])
def test_a_wrong_length_gives_no_file(
    server: StandIn, folder: Path, announced: int, told: str, known: dict[str, str]
) -> None:
    data = dataset(server.url, **known)
    server.will(*[whole(announced=announced, deaf_to="Range")] * 9)
    assert re.search(told, refused(MissingInputError, data, folder))
    server.will(*[whole(announced=announced)] * 9)
    assert re.search(told, refused(MissingInputError, data, folder))
    server.will()
    assert Told().fetch(data, folder).read_bytes() == CONTENT


def test_without_a_length_only_a_checksum_tells_that_it_is_whole(
    server: StandIn, folder: Path
) -> None:
    silent = {"Content-Length": ""}
    server.will(*[whole(headers=silent)] * 2, whole(headers=silent, sent=HALF))
    assert "does not tell how long" in refused(InputError, dataset(server.url), folder)
    data = dataset(server.url, sha256=SHA256)
    assert fetch(data, folder).read_bytes() == CONTENT
    (folder / data.file).unlink()
    assert "gives another file" in refused(InputError, data, folder)


def test_what_is_no_file_is_told(server: StandIn, folder: Path) -> None:
    data = dataset(server.url, unverified=True)
    for fault, expected in (
        (whole(headers={"Content-Type": "text/html; charset=utf-8"}), "gives a web page instead"),
        (whole(headers={"Content-Encoding": "gzip"}), "sends the file packed"),
        (says(404), r"HTTP 404 \(Not Found\); look for osm/a.bin at page, the address was never"),
        (says(403), r"HTTP 403 \(Forbidden\)"),
        (says(500), r"HTTP 500"),
    ):
        server.will(fault)
        assert re.search(expected, refused(InputError, data, folder))
        assert left(folder) == []


# -- checksums ----------------------------------------------------------------------------------


def test_wrong_bytes_are_refused(server: StandIn, folder: Path) -> None:
    data = dataset(server.url, sha256=SHA256)
    server.files["/a"] = OTHER
    told = refused(InputError, data, folder)
    assert f"gives another file than the one that was held (sha256 {tag(OTHER)[1:-1]}" in told
    assert left(folder) == []
    server.files["/a"] = CONTENT
    assert fetch(data, folder).read_bytes() == CONTENT


def test_the_md5_of_the_publisher_holds(server: StandIn, folder: Path) -> None:
    data = dataset(server.url, md5_url=f"{server.url}.md5")
    server.files["/a.md5"] = f"{'0' * 32}  a.bin\n".encode()
    assert f"came with an error (MD5 {MD5}, expected 000" in refused(InputError, data, folder)
    assert left(folder) == []
    server.files["/a.md5"] = b"soon"
    assert "a.md5 gives no MD5 checksum" in refused(InputError, data, folder)
    del server.files["/a.md5"]
    assert "a.md5 answers HTTP 404" in refused(InputError, data, folder)
    server.files["/a.md5"] = f"{MD5.upper()}  a.bin\n".encode()
    server.will(says(503), path="/a.md5")
    server.asked.clear()
    assert Told().fetch(data, folder).read_bytes() == CONTENT
    assert [path for path, *_ in server.asked] == ["/a.md5"] * 2  # the whole part was kept


def test_the_first_download_is_trusted_and_holds(server: StandIn, folder: Path) -> None:
    data = dataset(server.url)
    path = fetch(data, folder)
    assert compare([data], folder) == {"osm/a.bin": "as expected"}
    server.files["/a"] = OTHER
    with pytest.raises(InputError, match=r"than at the first download .*remove osm/a.bin from"):
        fetch(data, folder, overwrite=True)
    assert path.read_bytes() == CONTENT
    path.write_bytes(OTHER)
    assert compare([data], folder) == {"osm/a.bin": "differs"}
    (folder / RECORD).write_text("{}", encoding="utf-8")
    assert compare([data], folder) == {"osm/a.bin": "no checksum known"}
    assert fetch(data, folder, overwrite=True).read_bytes() == OTHER
    assert compare([data], folder) == {"osm/a.bin": "as expected"}
    assert compare([dataset("", file="b")], folder) == {}


@pytest.mark.parametrize("text", ["", "[]", '{"osm/a.bin": 3}', '{"osm/a.bin": {"sha256": 1}}'])
def test_a_broken_record_is_told(server: StandIn, folder: Path, text: str) -> None:
    folder.mkdir()
    (folder / RECORD).write_text(text, encoding="utf-8")
    assert "is not the record of downloads" in refused(InputError, dataset(server.url), folder)
    assert (folder / RECORD).read_text(encoding="utf-8") == text


def test_parts_of_a_dataset_by_departement_are_compared(server: StandIn, folder: Path) -> None:
    data = dataset(server.url, file="communes/a-{departement}.bin")
    for code in ("39", "25"):
        fetch(data.of(code), folder)
    assert list(compare([data], folder)) == ["communes/a-25.bin", "communes/a-39.bin"]


# -- led elsewhere ------------------------------------------------------------------------------


def test_redirects_are_followed(
    server: StandIn, another: Callable[[], StandIn], folder: Path
) -> None:
    host = another()
    server.files = {}
    to = {"Location": "/b"}, {"Location": host.url}
    server.will(*[says(302, to[0])] * 2)
    server.will(*[says(301, to[1])] * 2, path="/b")
    host.will(whole(sent=HALF))
    assert Told().fetch(dataset(server.url), folder).read_bytes() == CONTENT
    assert host.asked[1] == ("/a", f"bytes={HALF}-", tag(CONTENT))


def test_redirects_that_lead_nowhere_are_told(server: StandIn, folder: Path) -> None:
    data = dataset(server.url)
    server.will(*[says(302, {"Location": "/a"})] * 20)
    assert "HTTP 302 (The HTTP server returned a redirect" in refused(InputError, data, folder)
    server.will(says(302, {"Location": "file:///etc/passwd"}))
    assert "not allowed" in refused(InputError, data, folder)
    server.will(says(302, {"Location": "http://127.0.0.1:1/"}))
    assert "there is no connection" in refused(MissingInputError, data, folder)


def test_an_encrypted_address_does_not_lead_to_one_that_is_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Answer:
        url = "http://elsewhere/a"
        close = staticmethod(lambda: None)

    monkeypatch.setattr(download, "urlopen", lambda request, timeout: Answer)
    told = refused(InputError, dataset("https://here/a"), folder)
    assert told == "https://here/a leads to http://elsewhere/a, which is not encrypted."


# -- busy, silent, absent -----------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_server_is_asked_again(server: StandIn, folder: Path, status: int) -> None:
    server.will(says(status), says(status, {"Retry-After": "77"}))
    told = Told()
    assert told.fetch(dataset(server.url), folder).read_bytes() == CONTENT
    assert told.waits == [WAITS_S[0], 77]
    assert told.steps[2] == f"{server.url} is busy (HTTP {status}), asked again in 77 s"


def test_a_date_to_wait_for_is_understood(server: StandIn, folder: Path) -> None:
    dates = [formatdate(time.time() + s, usegmt=True) for s in (100, -100)]
    server.will(*[says(503, {"Retry-After": date}) for date in (*dates, "soon")])
    told = Told()
    told.fetch(dataset(server.url), folder)
    assert told.waits == [pytest.approx(100, abs=3), *WAITS_S[1:]]


def test_nobody_waits_for_ever(server: StandIn, folder: Path) -> None:
    server.will(*[says(429)] * 9)
    told = refused(MissingInputError, dataset(server.url), folder)
    assert "is busy (HTTP 429) at attempt 4: give the command again later" in told
    assert len(server.asked) == len(WAITS_S) + 1
    server.will(says(503, {"Retry-After": "3600"}))
    told = refused(MissingInputError, dataset(server.url), folder)
    assert "is busy (HTTP 503) at attempt 1 and asks to wait 3600 s" in told


def test_a_server_that_stalls_is_asked_again(server: StandIn, folder: Path) -> None:
    ended = threading.Event()
    server.will(
        lambda handler, content: ended.wait(9) and None,
        whole(sent=HALF, then=lambda: ended.wait(9)),
    )
    told = Told()
    assert told.fetch(dataset(server.url), folder, timeout_s=0.2).read_bytes() == CONTENT
    assert [step.split(" ", 1)[1] for step in told.steps[1:]] == [
        f"broke off (timed out), asked again in {wait} s" for wait in WAITS_S[:2]
    ]
    assert server.asked[-1][1] == f"bytes={HALF}-"
    ended.set()


def test_a_server_that_does_not_hang_up_is_waited_for_once(server: StandIn, folder: Path) -> None:
    ended = threading.Event()
    server.will(whole(then=lambda: ended.wait(9)))
    told = Told()
    assert told.fetch(dataset(server.url), folder, timeout_s=0.2).read_bytes() == CONTENT
    assert told.waits == []
    ended.set()


def test_no_connection_is_told_at_once(
    server: StandIn, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url in ("http://127.0.0.1:1/a", "http://nowhere.invalid/a"):
        assert f"no connection to {url} (" in refused(MissingInputError, dataset(url), folder)
    # one that has begun is tried again
    server.will(whole(sent=HALF, then=server.socket.close))
    told = refused(MissingInputError, dataset(server.url), folder)
    assert "at attempt 4" in told


def test_what_cannot_be_downloaded_says_how_it_is_had(folder: Path) -> None:
    told = refused(MissingInputError, dataset("", made="it is drawn by hand"), folder)
    assert told == "a cannot be downloaded: it is drawn by hand."


def test_a_folder_that_cannot_be_written_is_told(server: StandIn, folder: Path) -> None:
    folder.write_text("a file", encoding="utf-8")
    with pytest.raises(OutputError, match="cannot be written: Not a directory"):
        fetch(dataset(server.url), folder)
    assert not server.asked


def test_a_full_disk_is_told_and_not_taken_for_the_server(
    server: StandIn, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(download.os, "fsync", full)
    assert "No space left on device" in refused(OutputError, dataset(server.url), folder)
    assert len(server.asked) == 1


# -- processes ----------------------------------------------------------------------------------

CHILD = """
import sys
from accessibility.inputs.catalogue import Dataset
from accessibility.inputs.download import fetch
url, folder = sys.argv[1:]
data = Dataset("a", "A", "us", "free", "us", file="osm/a.bin", url=url)
fetch(data, folder, progress=lambda step: print(step, flush=True))
"""


def child(server: StandIn, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD, server.url, str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_killed_download_goes_on(server: StandIn, folder: Path) -> None:
    ended = threading.Event()
    server.will(whole(sent=HALF, then=lambda: ended.wait(9)))
    part = folder / "osm/a.bin.part"
    with child(server, folder) as process:
        deadline = time.monotonic() + 9
        while not part.exists() or part.stat().st_size < HALF // 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.kill()
    ended.set()
    assert left(folder) == ["osm/a.bin.part", "osm/a.bin.part.json"]
    held = part.stat().st_size
    assert fetch(dataset(server.url), folder).read_bytes() == CONTENT
    assert server.asked[1] == ("/a", f"bytes={held}-", tag(CONTENT))
    assert left(folder) == [RECORD, "osm/a.bin"]


def test_two_processes_download_once(server: StandIn, folder: Path) -> None:
    both = threading.Event()
    server.will(whole(sent=0, then=lambda: both.wait(9)), whole())
    server.will(lambda handler, content: both.wait(9) and whole()(handler, content))
    with child(server, folder) as one, child(server, folder) as two:
        first = {p: p.stdout.readline() for p in (one, two) if p.stdout}
        both.set()
        assert [p.wait(9) for p in (one, two)] == [0, 0]
    assert sorted(text.split()[0] for text in first.values()) == ["a", "osm/a.bin"]
    assert any("another process, waiting for it" in text for text in first.values())
    assert len(server.asked) == 1
    assert (folder / "osm/a.bin").read_bytes() == CONTENT


# -- several ------------------------------------------------------------------------------------


def test_four_at_once_and_two_of_a_host(another: Callable[[], StandIn], folder: Path) -> None:
    servers = [another() for _ in range(3)]
    lock, now, most = threading.Lock(), Counter[str](), Counter[str]()

    def counted(host: str) -> Fault:
        def serve(handler: Handler, content: bytes) -> None:
            with lock:
                now.update((host, "all"))
                for name in (host, "all"):
                    most[name] = max(most[name], now[name])
            time.sleep(0.1)
            with lock:
                now.subtract((host, "all"))
            whole()(handler, content)

        return serve

    wanted = [dataset(s.url, file=f"{i}-{j}") for i, s in enumerate(servers) for j in range(5)]
    for i, s in enumerate(servers):
        s.will(*[counted(str(i))] * 5)
    assert fetch_all(wanted, folder) == [folder / data.file for data in wanted]
    assert most == {"all": AT_ONCE, "0": PER_HOST, "1": PER_HOST, "2": PER_HOST}
    assert set(compare(wanted, folder).values()) == {"as expected"}
    assert len(json.loads((folder / RECORD).read_text(encoding="utf-8"))) == len(wanted)


def test_one_that_fails_does_not_stop_the_others(server: StandIn, folder: Path) -> None:
    good, bad = dataset(server.url, file="a"), dataset(f"{server.url}b", file="b")
    with pytest.raises(InputError, match="ab answers HTTP 404"):
        fetch_all([bad, good], folder)
    assert left(folder) == ["a", RECORD]
    worse = dataset("", file="c", made="it is drawn")
    with pytest.raises(AccessibilityError, match=r"^2 of 3 .*: http.*404.*; a cannot .* drawn\.$"):
        fetch_all([bad, good, worse], folder)


def test_an_interrupt_ends_the_downloads_under_way(server: StandIn, folder: Path) -> None:
    def drip(handler: Handler, content: bytes) -> None:
        handler.answer(200, {"Content-Length": "99999", "ETag": tag(content)}, b"")
        for _ in range(900):
            handler.wfile.write(b"x")
            time.sleep(0.01)

    def interrupt(data: Dataset, done: int, total: int | None) -> None:
        if data.file == "a":
            raise KeyboardInterrupt

    files = "abcd"
    for file in files[1:]:
        server.will(drip, path=f"/{file}")
    base = server.url[:-1]
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        fetch_all([dataset(base + f, file=f) for f in files], folder, advance=interrupt)
    assert time.monotonic() - began < 3
    assert not any((folder / file).exists() for file in files)
