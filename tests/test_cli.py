"""The command line: what it prints, what it writes, and how it fails."""

from __future__ import annotations

import json
import re
from inspect import signature
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from networks import LINE, STREET, lonlat, write_extract
from studies import AVAL, BIEF, COMBE, MONT, VILLE, write_study
from typer.testing import CliRunner, Result

import accessibility
from accessibility import cli
from accessibility.analysis.coverage import coverage
from accessibility.study.study import Study, load_study

COMMANDS = [
    "coverage",
    "times",
    "compare",
    "isochrones",
    "surface",
    "simulate",
    "gain",
    "map",
    "optimise",
    "measures",
    "hours",
    "timeline",
    "variants",
    "sensitivity",
    "border",
    "network",
    "build",
    "data",
]

CLASSES = (
    "motorway trunk primary secondary tertiary unclassified residential living_street service road "
    "motorway_link trunk_link primary_link secondary_link"
).split()

# click before 8.2 mixes standard error into standard output unless told otherwise
SEPARATE = {"mix_stderr": False} if "mix_stderr" in signature(CliRunner).parameters else {}
RUNNER = CliRunner(**SEPARATE)


def run(*arguments: object) -> Result:
    return RUNNER.invoke(cli.app, [str(a) for a in arguments])


@pytest.fixture
def study(small_study: Study) -> Path:
    coverage(small_study)  # builds the network and compiles, which the first run would tell
    return small_study.folder


@pytest.fixture
def fail(monkeypatch, capsys):
    """Run `accessibility` as a terminal does and expect one sentence and an exit code."""

    def command(*arguments: object, code: int = 1) -> str:
        monkeypatch.setattr("sys.argv", ["accessibility", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        told = capsys.readouterr()
        assert caught.value.code == code
        assert told.out == ""
        assert "Traceback" not in told.err
        if code == 1:
            (line,) = told.err.strip().splitlines()[-1:]
            assert len(told.err.strip().splitlines()) == 1, told.err
            assert line.startswith("Error: ")
            assert line.endswith(".")
        return told.err

    return command


# -- help ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example(name: str) -> None:
    for flag in ("--help", "-h"):
        result = run(name, flag)
        assert result.exit_code == 0
        assert f"Example: accessibility {name}" in result.stdout


def test_help_and_version() -> None:
    result = run("--help")
    assert result.exit_code == 0
    assert all(re.search(rf"^\s*{name}\b", result.stdout, re.M) for name in COMMANDS)
    assert run("--version").stdout == f"accessibility-toolkit {accessibility.__version__}\n"
    assert run().exit_code in (0, 2)
    assert "Usage" in run().output


def test_main_ends_with_0(monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.argv", ["accessibility", "--version"])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code in (0, None)
    assert capsys.readouterr().err == ""


# -- coverage -----------------------------------------------------------------------------------


def test_coverage_prints_the_figure(study: Path) -> None:
    result = run("coverage", "--study", study)
    assert result.exit_code == 0
    assert "92.50 %" in result.stdout
    assert result.stderr == ""


def test_first_use_says_what_it_waits_for(small_study: Study) -> None:
    first, second = (run("coverage", "--study", small_study.folder, "--json") for _ in range(2))
    assert "First use of these roads with this profile: building the network" in first.stderr
    assert "First use" not in second.stderr
    assert first.stdout == second.stdout


@pytest.mark.parametrize(
    ("options", "share"),
    [
        ([], 0.925),
        (["--minutes", "19.99"], 0.85),
        (["--minutes", "10"], 0.75),
        (["--as-of", "2021-12-31"], 0.325),
        (["--around"], 0.975),
        (["--population", "2020"], 0.95),
        (["--direction", "from"], 0.825),
        (["--direction", "to"], 0.925),
        (["--profile", "osrm-car-5"], 0.925),
        (["--as-of", "2019-01-01"], 0.0),
    ],
)
def test_json_alone_on_stdout(study: Path, options: list[str], share: float) -> None:
    result = run("coverage", "--study", study, "--json", *options)
    assert result.exit_code == 0
    answer = json.loads(result.stdout, parse_constant=lambda c: pytest.fail(f"{c} in JSON"))
    assert answer["share_covered"] == share
    assert "rows" not in answer


@pytest.mark.parametrize(("by", "n"), [("commune", 6), ("canton", 4), ("epci", 2)])
def test_coverage_by(study: Path, by: str, n: int) -> None:
    answer = json.loads(run("coverage", "--study", study, "--json", "--by", by).stdout)
    assert len(answer["rows"]) == n
    assert f"By {by}" in run("coverage", "--study", study, "--by", by).stdout


def test_out_writes_three_files(study: Path, tmp_path) -> None:
    out = tmp_path / "deep" / "out"
    result = run("coverage", "--study", study, "--out", out)
    assert result.exit_code == 0
    assert sorted(p.name for p in out.iterdir()) == [
        "communes.gpkg", "coverage.csv", "manifest.json",
    ]  # fmt: skip
    assert f"Written: {out}/coverage.csv, communes.gpkg, manifest.json" in result.stdout
    assert sorted(p.name for p in out.parent.iterdir()) == ["out"]
    json.loads(run("coverage", "--study", study, "--out", tmp_path / "b", "--json").stdout)
    manifests = [(p / "manifest.json").read_bytes() for p in (out, tmp_path / "b")]
    assert manifests[0] == manifests[1]


def test_out_refuses_what_exists(study: Path, tmp_path, fail) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("precious", encoding="utf-8")
    message = fail("coverage", "--study", study, "--out", out)
    assert "exists already; give --overwrite" in message
    assert [p.name for p in out.iterdir()] == ["mine.txt"]
    assert run("coverage", "--study", study, "--out", out, "--overwrite").exit_code == 0
    assert (out / "coverage.csv").is_file()


def test_out_is_refused_before_the_work(tmp_path, fail) -> None:
    (tmp_path / "out").write_text("a file", encoding="utf-8")
    # the study does not exist either: the output is looked at first
    assert "exists already" in fail("coverage", "--study", "none", "--out", tmp_path / "out")


@pytest.mark.parametrize("name", ["coverage", "times"])
def test_output_that_cannot_be_written(study: Path, tmp_path, fail, name: str) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    out = tmp_path / "file" / "out.csv"
    points = tmp_path / "p.csv"
    points.write_text(f"code_insee\n{AVAL}\n", encoding="utf-8")
    more = ["--from", points, "--to", points] if name == "times" else []
    assert "cannot be written" in fail(name, "--study", study, "--out", out, *more)


@pytest.mark.parametrize(
    "options",
    [
        ["--minutes", "0"],
        ["--minutes", "-5"],
        ["--minutes", "twenty"],
        ["--minutes", "nan"],
        ["--minutes", "inf"],
        ["--as-of", "2022-02-30"],
        ["--as-of", "15/11/2022"],
        ["--by", "street"],
        ["--direction", "up"],
        ["--population", "many"],
        ["--nonsense"],
    ],
)
def test_impossible_options(study: Path, options: list[str], fail) -> None:
    message = fail("coverage", "--study", study, *options, code=2)
    assert "Error: " in message
    assert options[0] in message


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--study", "atlantis"], "'atlantis' is not a bundled study"),
        (["--profile", "rocket"], "there is no profile 'rocket'"),
        (["--profile", "none.toml"], "none.toml cannot be read"),
        (["--population", "1999"], "no population of 1999; known are 2019, 2020, 2021"),
        (["--sites", "none.csv"], "none.csv is not there"),
    ],
)
def test_unknown_names(study: Path, options: list[str], text: str, fail) -> None:
    given = options if "--study" in options else ["--study", study, *options]
    assert text in fail("coverage", *given)


def test_incomplete_study(study: Path, fail) -> None:
    (study / "osm" / "roads.parquet").unlink()
    assert "lacks osm/roads.parquet" in fail("coverage", "--study", study)


def test_sites_of_ones_own(study: Path, tmp_path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(f"code_insee\n{COMBE}\n{VILLE}\n", encoding="utf-8")
    out = tmp_path / "out"
    result = run("coverage", "--study", study, "--sites", path, "--json", "--out", out)
    answer = json.loads(result.stdout)
    assert answer["share_covered"] == (200 + 2000 + 400) / 4000
    assert answer["sites"] == 2
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["own_inputs"][0]["file"] == "mine.csv"
    shown = run("coverage", "--study", study, "--sites", path).stdout
    assert "2, from mine.csv, labelled by" in shown
    assert "not the same question" in " ".join(shown.split())


def test_bad_sites(study: Path, tmp_path, fail) -> None:
    path = tmp_path / "mine.csv"
    ((lon, lat),) = lonlat([(0, 0)])
    path.write_text(f"lon,lat\n{lat},{lon}\n", encoding="utf-8")
    assert "seem swapped in rows 1" in fail("coverage", "--study", study, "--sites", path)


def test_interrupted_writer_leaves_nothing(study: Path, tmp_path, fail, monkeypatch) -> None:
    def interrupt(result: object, folder: Path) -> None:
        folder.mkdir()
        (folder / "half.csv").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr("accessibility.report.tables.write_coverage", interrupt)
    before = sorted(p for p in tmp_path.iterdir())
    out = tmp_path / "out"
    fail("coverage", "--study", study, "--out", out, code=130)
    assert sorted(p for p in tmp_path.iterdir()) == before
    # what stood there before stays as it was
    out.mkdir()
    (out / "old.csv").touch()
    fail("coverage", "--study", study, "--out", out, "--overwrite", code=130)
    assert [p.name for p in out.iterdir()] == ["old.csv"]


def test_error_of_the_disk_is_one_sentence(study: Path, tmp_path, fail, monkeypatch) -> None:
    def full(result: object, folder: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("accessibility.report.tables.write_coverage", full)
    message = fail("coverage", "--study", study, "--out", tmp_path / "out")
    assert message == f"Error: {tmp_path}/out cannot be written: No space left on device.\n"
    assert not (tmp_path / "out").exists()


# -- times --------------------------------------------------------------------------------------


@pytest.fixture
def points(tmp_path) -> tuple[Path, Path]:
    """Three communes, and two places on the road at 0 and 40,000 m."""
    codes = tmp_path / "homes.csv"
    codes.write_text(f"id;code_insee\nb;{BIEF}\nm;{MONT}\nc;{COMBE}\n", encoding="utf-8")
    (west, south), (east, north) = lonlat([(0, 0), (40_000, 0)])
    places = tmp_path / "schools.csv"
    places.write_text(f"id,lon,lat\ns0,{west},{south}\ns4,{east},{north}\n", encoding="utf-8")
    return codes, places


EXPECTED = {
    ("b", "s0"): 1200.0, ("b", "s4"): 2800.0, ("m", "s0"): 5000.0, ("m", "s4"): 1000.0,
    ("c", "s0"): 1200.001, ("c", "s4"): 5200.001,
}  # fmt: skip


def pairs(table: pd.DataFrame) -> dict[tuple[str, str], float]:
    keys = zip(table["from_id"], table["to_id"], strict=True)
    return dict(zip(keys, table["travel_time_s"], strict=True))


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_times_between_all_pairs(study: Path, points, tmp_path, suffix: str) -> None:
    out = tmp_path / f"times{suffix}"
    result = run("times", "--study", study, "--from", points[0], "--to", points[1], "--out", out)
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "3 origins, 2 destinations: 6 times" in result.stderr
    table = pd.read_csv(out) if suffix == ".csv" else pd.read_parquet(out)
    assert table.columns.tolist() == [
        "from_id", "to_id", "travel_time_s", "minutes", "from_snap_m", "to_snap_m",
    ]  # fmt: skip
    assert pairs(table) == EXPECTED
    assert table["from_id"].tolist() == ["b", "b", "m", "m", "c", "c"]
    assert table["minutes"].tolist()[0] == 20.0
    assert (table[["from_snap_m", "to_snap_m"]] == 0).all(axis=None)


def test_times_to_the_nearest(study: Path, points, tmp_path) -> None:
    out = tmp_path / "times.csv"
    result = run("times", "--study", study, "--from", points[0], "--to", points[1], "--out", out,
                 "--nearest")  # fmt: skip
    assert result.exit_code == 0
    nearest = [("b", "s0"), ("m", "s4"), ("c", "s0")]
    assert pairs(pd.read_csv(out)) == {key: EXPECTED[key] for key in nearest}


def test_times_are_directed(study: Path, points, tmp_path) -> None:
    out = tmp_path / "times.csv"
    run("times", "--study", study, "--from", points[1], "--to", points[0], "--out", out)
    assert pairs(pd.read_csv(out))[("s4", "m")] == 2000.0


def test_times_within_a_cutoff_inclusive(study: Path, points, tmp_path) -> None:
    out = tmp_path / "times.csv"
    common = ["times", "--study", study, "--from", points[0], "--to", points[1], "--out", out]
    assert run(*common, "--minutes", "20").exit_code == 0
    assert set(pairs(pd.read_csv(out))) == {("b", "s0"), ("m", "s4")}
    result = run(*common, "--minutes", "20", "--nearest", "--overwrite")
    assert "2 times in" in result.stderr
    table = pd.read_csv(out)
    assert table["from_id"].tolist() == ["b", "m", "c"]
    assert table["travel_time_s"].isna().tolist() == [False, False, True]
    assert table["to_id"].isna().tolist() == [False, False, True]


def test_times_refuses(study: Path, points, tmp_path, fail) -> None:
    common = ["times", "--study", study, "--from", points[0], "--to", points[1]]
    wrong = fail(*common, "--out", tmp_path / "t.xlsx")
    assert "ends in .csv or .parquet" in wrong
    assert not (tmp_path / "t.xlsx").exists()
    (tmp_path / "t.csv").write_text("precious", encoding="utf-8")
    assert "exists already" in fail(*common, "--out", tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text(encoding="utf-8") == "precious"
    fail(*common, "--out", tmp_path / "u.csv", "--minutes", "0", code=2)
    fail(*common, code=2)  # --out is missing
    none = tmp_path / "none.csv"
    message = fail("times", "--study", study, "--from", none, "--to", points[1], "--out",
                   tmp_path / "u.csv")  # fmt: skip
    assert "none.csv is not there" in message


def test_times_from_a_layer(study: Path, points, tmp_path) -> None:
    table = pd.read_csv(points[1])
    at = gpd.points_from_xy(table["lon"], table["lat"], crs="EPSG:4326").to_crs("EPSG:2154")
    gpd.GeoDataFrame({"id": table["id"]}, geometry=at).to_file(tmp_path / "schools.gpkg")
    out = tmp_path / "times.csv"
    result = run("times", "--study", study, "--from", points[0], "--to",
                 tmp_path / "schools.gpkg", "--out", out)  # fmt: skip
    assert result.exit_code == 0
    found = pairs(pd.read_csv(out))
    assert found == pytest.approx(EXPECTED, abs=0.002)


def test_times_interrupted(study: Path, points, tmp_path, fail, monkeypatch) -> None:
    def interrupt(table: object, path: Path) -> object:
        def write(to: Path) -> None:
            to.write_text("half", encoding="utf-8")
            raise KeyboardInterrupt

        return write

    monkeypatch.setattr("accessibility.report.tables.table_writer", interrupt)
    before = sorted(tmp_path.iterdir())
    fail("times", "--study", study, "--from", points[0], "--to", points[1], "--out",
         tmp_path / "t.csv", code=130)  # fmt: skip
    assert sorted(tmp_path.iterdir()) == before


# -- build --------------------------------------------------------------------------------------


def test_build_then_coverage(inputs: Path, tmp_path) -> None:
    out = tmp_path / "built"
    result = run("build", "--departement", "39", "--inputs", inputs, "--out", out,
                 "--buffer-km", "5")  # fmt: skip
    assert result.exit_code == 0
    assert "5  communes" in result.stdout
    assert f"Written: {out}" in result.stdout
    assert "roads of line.osm.pbf ..." in result.stderr
    answer = json.loads(run("coverage", "--study", out, "--json", "--minutes", "21").stdout)
    assert answer["population_covered"] == 1500
    assert answer["study"] == "jura"
    assert load_study(out).settings["buffer_km"] == 5


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--departement", "99"], "there is no département '99'"),
        (["--inputs", "nowhere"], "the inputs folder nowhere is not there"),
        (["--osm", "none.osm.pbf"], "none.osm.pbf"),
    ],
)
def test_build_errors(inputs: Path, tmp_path, monkeypatch, capsys, options, text: str) -> None:
    chosen = {"--departement": "39", "--inputs": str(inputs), "--out": str(tmp_path / "out")}
    chosen |= dict([options])
    arguments = [word for pair in chosen.items() for word in pair]
    monkeypatch.setattr("sys.argv", ["accessibility", "build", *arguments])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    told = capsys.readouterr()
    assert caught.value.code == 1
    # the steps stand on stderr as well; the error is the last line
    assert told.err.splitlines()[-1].startswith("Error: ")
    assert text in told.err.splitlines()[-1]
    assert sum(line.startswith("Error") for line in told.err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_build_usage(inputs: Path, tmp_path, fail) -> None:
    common = ["build", "--departement", "39", "--inputs", inputs, "--out", tmp_path / "out"]
    fail(*common, "--buffer-km", "-1", code=2)
    fail(*common, "--buffer-km", "far", code=2)
    fail("build", code=2)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    assert "exists already" in fail(*common)


def test_build_prints_no_progress_on_stdout(inputs: Path, tmp_path) -> None:
    result = run("build", "--departement", "39", "--inputs", inputs, "--out", tmp_path / "o")
    assert "..." not in result.stdout


# -- the Jura -----------------------------------------------------------------------------------


@pytest.mark.jura
def test_the_figure_of_the_jura(jura: Study) -> None:
    result = run("coverage", "--json")
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    assert answer["share_covered"] == pytest.approx(0.9758, abs=0.0005)
    assert (answer["cantons_covered"], answer["cantons"], answer["sites"]) == (15, 17, 25)
    assert answer["published_share"] == 0.977
    names = [row["name"] for row in answer["uncovered"]]
    assert {"Viry", "Menétrux-en-Joux"} < set(names)  # late by a few seconds
    assert not {"Châtillon", "Les Bouchoux"} & set(names)
    people = [row["population"] for row in answer["uncovered"]]
    assert people == sorted(people, reverse=True)
    shown = run("coverage").stdout
    assert "97.7 % (Prefect of the Jura" in shown
    assert "15 of 17 (published: 15 of 17)" in shown


def test_the_study_is_written_where_it_is_asked(tmp_path) -> None:
    """The bare study without a table of cantons prints as well."""
    folder = write_study(tmp_path / "bare", published=False, cantons=False)
    result = run("coverage", "--study", folder, "--by", "canton")
    assert result.exit_code == 0
    assert "(total unknown)" in result.stdout


# -- network ------------------------------------------------------------------------------------


def test_network_tells_what_the_roads_are_made_of(study: Path) -> None:
    result = run("network", "--study", study)
    assert result.exit_code == 0
    assert "Roads of the study" in result.stdout
    assert re.search(r"Speeds\s+100\.0% of the km by a tagged limit", result.stdout)
    assert re.search(r"primary\s+│\s+5 │\s+65\.0", result.stdout)


def test_network_as_json(study: Path) -> None:
    answer = json.loads(run("network", "--study", study, "--json").stdout)
    assert answer["segments"] == 5
    assert answer["tagged_share"] == 1
    assert [row["class"] for row in answer["by_class"]] == ["primary"]


def test_network_of_an_extract(tmp_path: Path) -> None:
    tracks = [(i, [i, i + 1], {"highway": kind, "access": "no"}) for i, kind in
              enumerate(CLASSES, start=2)]  # fmt: skip
    places = {i: (i * 1_000, 0) for i in range(1, 30)}
    path = write_extract(tmp_path / "x.osm", places, [(1, [1, 2], STREET), *tracks])
    result = run("network", "--osm", path)
    assert result.exit_code == 0
    assert "Roads of x.osm" in result.stdout
    assert "Closed under this profile: 14 roads, 14.0 km" in result.stdout
    assert "2 more kinds" in result.stdout
    legal = run("network", "--osm", path, "--profile", "legal", "--set", "built_up.unknown=rural")
    assert "legal (built_up.unknown=rural)" in legal.stdout


def test_network_refuses_the_law_without_land_use(fail, tmp_path: Path) -> None:
    path = write_extract(tmp_path / "x.osm", LINE, [(1, [1, 2], STREET)])
    told = fail("network", "--osm", path, "--profile", "legal")
    assert "holds no land use" in told
    assert "built_up.unknown=rural" in told


def test_a_change_of_the_profile_is_told_with_the_figure(study: Path) -> None:
    changed = ["--set", "other.maxspeed_factor=0.4", "--json"]
    plain = json.loads(run("coverage", "--study", study, "--json").stdout)
    slow = json.loads(run("coverage", "--study", study, *changed).stdout)
    assert slow["profile"] == "osrm-car (other.maxspeed_factor=0.4)"
    assert slow["share_covered"] < plain["share_covered"]
    assert plain["speeds"] == {"assumed": 0, "implicit": 0, "tagged": 1}


def test_a_change_that_is_none_is_told(fail, study: Path) -> None:
    assert "is no change" in fail("coverage", "--study", study, "--set", "fast")
    assert "no setting 'turns.fast'" in fail("times", "--study", study, "--set", "turns.fast=1",
        "--from", "a.csv", "--to", "b.csv", "--out", "c.csv")  # fmt: skip
