"""`accessibility data`: what it prints, what it downloads, and how it fails."""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from accessibility.cli import data as cli
from accessibility.errors import (
    AccessibilityError,
    InputError,
    MissingInputError,
    SettingError,
    UnknownNameError,
)
from accessibility.inputs import catalogue
from accessibility.inputs.catalogue import Dataset
from accessibility.inputs.download import inputs_folder

# click before 8.2 mixes standard error into standard output unless told otherwise
SEPARATE = {"mix_stderr": False} if "mix_stderr" in signature(CliRunner).parameters else {}
RUNNER = CliRunner(**SEPARATE)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a publisher, and a small catalogue that knows its files."""
    there = tmp_path / "publisher"
    there.mkdir()
    for name in ("cog.csv", "doubs.osm.pbf", "today-25.json"):
        (there / name).write_bytes(name.encode() * 1000)
    monkeypatch.setenv("no_proxy", "*")
    serve = partial(Quiet, directory=str(there))
    with ThreadingHTTPServer(("127.0.0.1", 0), serve) as http:
        base = f"http://127.0.0.1:{http.server_port}"

        def entry(key: str, file: str = "", url: str = "", **more: Any) -> Dataset:
            address = f"{base}/{url}" if url else ""
            return Dataset(key, f"The {key}", "us", "free", "us", file=file, url=address, **more)

        entries = [
            entry("osm"),
            entry("cog", "communes/cog.csv", "cog.csv", vintage="2022"),
            entry("epci", "communes/epci.csv", made="it is drawn by hand"),
            entry("osm_doubs", "osm/doubs.osm.pbf", "doubs.osm.pbf", extent=("25", "39", "70"),
                  stands_for="osm", optional=True),
            entry("osm_corse", "osm/corse.osm.pbf", "corse.osm.pbf", extent=("2A", "2B"),
                  stands_for="osm", optional=True),
            entry("today", "communes/today-{departement}.json", "today-{departement}.json",
                  optional=True),
        ]  # fmt: skip
        monkeypatch.setattr(catalogue, "_read", lambda: {e.key: e for e in entries})
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield there
        http.shutdown()
        thread.join()


@pytest.fixture
def folder(published: Path, tmp_path: Path) -> Path:
    return tmp_path / "inputs"


def run(*arguments: object) -> Result:
    return RUNNER.invoke(cli.app, [str(a) for a in arguments])


def fails(kind: type[AccessibilityError], *arguments: object) -> str:
    """Message of a command that ends with exit code 1."""
    result = run(*arguments)
    assert result.exit_code == 1
    assert isinstance(result.exception, kind)
    message = str(result.exception)
    assert "\n" not in message
    assert message.endswith(".")
    return message


@pytest.mark.parametrize("name", ["list", "download", "verify", "where"])
def test_help_has_an_example(name: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0
    assert "Example: accessibility " in result.stdout
    assert f"accessibility data {name}" in result.stdout
    assert "Example: accessibility data" in run("--help").stdout


def test_the_list_tells_what_is_there(folder: Path) -> None:
    run("download", "cog", "--inputs", folder)
    result = run("list", "--inputs", folder)
    assert result.exit_code == 0
    head, *rows = result.stdout.splitlines()
    assert head.split() == ["KEY", "TITLE", "PUBLISHER", "VINTAGE", "EXTENT", "PRESENT"]
    assert [row.split()[0] for row in rows] == ["cog", "epci", "osm_doubs", "osm_corse", "today"]
    assert rows[0].split() == ["cog", "The", "cog", "us", "2022", "France", "yes"]
    assert rows[1].endswith("no, not to be downloaded")
    assert rows[2].endswith("25, 39, 70  no")
    assert result.stderr == ""


def test_the_list_of_a_departement_as_json(folder: Path) -> None:
    result = run("list", "--departement", "25", "--inputs", folder, "--json")
    rows = json.loads(result.stdout)
    assert [row["key"] for row in rows] == ["cog", "epci", "osm_doubs", "today"]
    assert [row["present"] for row in rows] == [False] * 4
    assert rows[3]["file"] == "communes/today-25.json"
    assert rows[3]["extent"] == ["25"]
    assert "no département '99'" in fails(UnknownNameError, "list", "--departement", "99")


def test_a_departement_is_downloaded(folder: Path) -> None:
    told = fails(MissingInputError, "download", "--departement", "25", "--inputs", folder)
    assert told == (
        f"the inputs folder {folder} lacks communes/epci.csv, which cannot be downloaded: "
        "it is drawn by hand."
    )
    (folder / "communes/epci.csv").touch()
    result = run("download", "--departement", "25", "--inputs", folder)
    assert result.exit_code == 0
    assert result.stdout == (
        f"All there: accessibility build --departement 25 --inputs {folder} --out OUT\n"
    )
    assert (folder / "osm/doubs.osm.pbf").read_bytes() == b"doubs.osm.pbf" * 1000
    again = run("download", "--departement", "25", "--inputs", folder, "--overwrite")
    assert again.stdout.splitlines()[:2] == [
        f"{folder}/communes/cog.csv",
        f"{folder}/osm/doubs.osm.pbf",
    ]
    assert "cog from http://127.0.0.1:" in again.stderr


def test_datasets_are_downloaded_by_name(folder: Path) -> None:
    options = ("--departement", "25", "--inputs", folder)
    result = run("download", "cog", "today", "cog", *options)
    assert result.exit_code == 0
    assert result.stdout.split() == [f"{folder}/communes/{n}" for n in ("cog.csv", "today-25.json")]
    for options in ((), ("--inputs", folder)):
        assert run("download", *options).exit_code == 2
    assert "name datasets, or give --departement" in run("download").stderr
    assert "no dataset 'x'" in fails(UnknownNameError, "download", "x", "cog")
    assert "for each département" in fails(SettingError, "download", "today")
    assert "'75x'" in fails(UnknownNameError, "download", "today", "--departement", "75x")
    told = fails(MissingInputError, "download", "epci", "--inputs", folder)
    assert told == "epci cannot be downloaded: it is drawn by hand."
    assert "any of the datasets osm_<region>" in fails(MissingInputError, "download", "osm")
    assert "answers HTTP 404" in fails(InputError, "download", "osm_corse", "--inputs", folder)


def test_all_studies_share_a_folder(published: Path) -> None:
    result = run("download", "cog")
    assert result.stdout == f"{inputs_folder()}/communes/cog.csv\n"
    assert run("where").stdout == f"{inputs_folder()}\n"
    assert run("where", "cog").stdout == result.stdout
    assert inputs_folder().parts[-2:] == ("accessibility-toolkit", "inputs")


def test_where_a_dataset_is(folder: Path) -> None:
    assert run("where", "--inputs", folder).stdout == f"{folder}\n"
    result = run("where", "today", "--departement", "25", "--inputs", folder)
    assert result.stdout == f"{folder}/communes/today-25.json\n"
    assert "no dataset 'x'" in fails(UnknownNameError, "where", "x")
    assert "osm_<region>" in fails(MissingInputError, "where", "osm")


def test_files_are_compared_with_their_checksums(folder: Path) -> None:
    options = ("--inputs", folder)
    assert "no file of the catalogue is in" in fails(MissingInputError, "verify", *options)
    run("download", "cog", "osm_doubs", "today", "--departement", "25", *options)
    (folder / "communes/epci.csv").touch()
    result = run("verify", *options)
    assert result.exit_code == 0
    assert [re.split("  +", line) for line in result.stdout.splitlines()] == [
        ["as expected", "communes/cog.csv"],
        ["no checksum known", "communes/epci.csv"],
        ["as expected", "osm/doubs.osm.pbf"],
        ["as expected", "communes/today-25.json"],
    ]
    for file in ("communes/cog.csv", "osm/doubs.osm.pbf"):
        (folder / file).write_bytes(b"x")
    told = fails(InputError, "verify", *options)
    assert told.startswith(f"communes/cog.csv, osm/doubs.osm.pbf in {folder} differ from what")
    assert "osm/doubs.osm.pbf in " in fails(InputError, "verify", "osm_doubs", *options)
    assert run("verify", "today", "--departement", "25", *options).exit_code == 0
    run("download", "cog", "osm_doubs", "--overwrite", *options)
    assert run("verify", *options).exit_code == 0


def test_bars_are_drawn_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    data = catalogue.dataset("cog")
    for stream, drawn in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr("sys.stderr", stream)
        with cli._bars() as advance:
            for done in (0, 500, 1000):
                advance(data, done, 1000)
        assert ("cog" in stream.getvalue()) is drawn
