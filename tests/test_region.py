"""Several départements: each as if it were alone, each road stored once, broken runs taken up."""

from __future__ import annotations

import json
import os
import shutil
import signal
from inspect import signature
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from networks import STREET, lonlat, write_extract
from regions import BUFFER_KM, write_region_inputs
from typer.testing import CliRunner

from accessibility.analysis.coverage import coverage
from accessibility.analysis.regional import Asked, added_up, coverage_of_departement
from accessibility.analysis.regional_run import coverage_of_region
from accessibility.cli import app
from accessibility.errors import (
    InputError,
    MissingInputError,
    OutputError,
    SettingError,
    UnfinishedError,
    UnknownNameError,
)
from accessibility.inputs.osm import read_roads
from accessibility.study import region_build
from accessibility.study.build import build_study
from accessibility.study.region import Region, load_region
from accessibility.study.region_build import build_departement, build_region
from accessibility.study.study import load_study
from accessibility.study.tiles import ROADS, owners, touching, with_meets

CODES = ["01", "25", "39"]


def all_built_here(codes, where, workers, progress):
    """What `_build_all` does, without the seconds that processes take to begin."""
    for code in codes:
        build_departement(code, *where)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_region_inputs(tmp_path_factory.mktemp("upstream") / "inputs")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, inputs: Path) -> Path:
    out = tmp_path_factory.mktemp("made") / "region"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(region_build, "_build_all", all_built_here)
        build_region(["39", "01", "25", "39"], inputs, out, buffer_km=BUFFER_KM)
    return out


@pytest.fixture(autouse=True)
def one_cache(own_cache, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies of a region have the same roads, so the same networks."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(made.parent / "cache"))


@pytest.fixture
def region(made: Path, tmp_path: Path) -> Region:
    """A copy that a test may break."""
    return load_region(shutil.copytree(made, tmp_path / "region"))


# click before 8.2 mixes what goes to the terminal into the answer, unless told not to
SEPARATE = {"mix_stderr": False} if "mix_stderr" in signature(CliRunner).parameters else {}


def run(*arguments: str):
    return CliRunner(**SEPARATE).invoke(app, [str(a) for a in arguments])


@pytest.mark.parametrize("code", CODES)
def test_a_departement_of_a_region_is_answered_as_if_built_alone(code, region, inputs, tmp_path):
    build_study(code, inputs, tmp_path / "alone", buffer_km=BUFFER_KM)
    alone, part = load_study(tmp_path / "alone"), load_study(region.folder_of(code))
    for around in (False, True):
        expected, found = coverage(alone, around=around), coverage(part, around=around)
        pd.testing.assert_frame_equal(
            pd.DataFrame(found.by_commune).drop(columns="geometry"),
            pd.DataFrame(expected.by_commune).drop(columns="geometry"),
        )
        assert (found.share, found.complete) == (expected.share, expected.complete)
    assert part.sites.equals(alone.sites)
    assert len(part.roads.restrictions) == len(alone.roads.restrictions)


def test_the_times_are_those_of_the_road(region):
    """Bief is 12 km from Aval at 10 m/s; of 25, Mont is 10 km beyond Ville.

    Lambert-93 is a thousandth off, and a turn costs a little.
    """
    found = coverage_of_region(region).by_commune.set_index("code_insee")
    assert found["travel_time_s"]["39002"] == pytest.approx(1200, abs=4)
    assert found["travel_time_s"]["25005"] == pytest.approx(1000, abs=4)
    assert np.isnan(found["travel_time_s"]["01003"])  # no site of its own


def test_each_road_is_stored_once_and_none_is_lost(region):
    keys = ["osm_way_id", "from_node", "to_node"]
    tables = [
        gpd.read_parquet(path)[keys].assign(owner=path.parts[-5])
        for code in CODES
        for path in sorted((region.folder_of(code) / "osm" / "tiles").glob(f"*/{ROADS}"))
    ]
    stored = pd.concat(tables)
    assert not stored.duplicated(keys).any()
    assert set(stored["osm_way_id"]) == {1, 2, 3, 4, 11, 12, 13, 14, 15, 16}
    assert stored["owner"].nunique() == 3


def test_roads_belong_to_the_nearest_and_of_equals_to_the_lowest_code():
    contours = gpd.GeoSeries(
        [shapely.box(10, 0, 20, 10), shapely.box(0, 0, 10, 10)], index=["39", "25"]
    )
    points = shapely.points([[5, 5], [10, 5], [15, 5], [-9, 5], [40, 5]])
    assert owners(points, contours).tolist() == ["25", "25", "39", "25", "39"]


def test_a_study_is_the_same_from_tiles_as_from_the_extract(region, inputs):
    read = read_roads(inputs / "osm" / "line.osm.pbf")
    ring = region.ring("39")
    expected = touching(type(read)(with_meets(read.roads), read.nodes, read.restrictions), ring)
    found = load_study(region.folder_of("39")).roads
    columns = ["from_node", "to_node", "osm_way_id", "length_m", "highway", "geometry"]
    assert found.roads[columns].astype(object).equals(expected.roads[columns].astype(object))
    assert found.nodes["node_id"].tolist() == expected.nodes["node_id"].tolist()
    assert found.nodes["rim"].tolist() == expected.nodes["rim"].tolist()
    assert found.restrictions["relation_id"].tolist() == [1]


def test_where_roads_go_on_that_were_not_taken_is_rim(region):
    nodes = load_study(region.folder_of("39")).roads.nodes.set_index("node_id")
    assert nodes.loc[5, "rim"]  # at Ville, beyond the ring of 39
    assert 4 not in nodes.index or not nodes.loc[4, "rim"]


def test_a_ring_is_the_same_wherever_it_is_asked(region):
    """The ring of 39 ends 17 km west of Aval's middle: 2 km of contour, 15 of ring."""
    west = region.ring("39").bounds[0]
    assert west == pytest.approx(lonlat([(-17_000, 0)])[0, 0], abs=2e-3)


def test_a_neighbour_that_is_gone_is_one_sentence(region):
    shutil.rmtree(region.folder_of("25"))
    with pytest.raises(MissingInputError, match=r"roads of the département 39 lie with 25, which"):
        _ = load_study(region.folder_of("39")).network
    assert load_region(region.folder).missing == ["25"]


def test_a_tile_that_is_damaged_is_one_sentence(region):
    tile = next((region.folder_of("39") / "osm" / "tiles").glob(f"*/{ROADS}"))
    tile.write_bytes(b"none")
    with pytest.raises(InputError, match="tiles of the region cannot be read"):
        _ = load_study(region.folder_of("39")).roads


def test_changed_tiles_are_another_network(region):
    before = load_study(region.folder_of("39"))._network_folder
    tile = next((region.folder_of("01") / "osm" / "tiles").glob(f"*/{ROADS}"))
    tile.write_bytes(tile.read_bytes() + b" ")
    assert load_study(region.folder_of("39"))._network_folder != before


def test_a_build_goes_on_where_it_broke_off(region, inputs, monkeypatch):
    monkeypatch.setattr(region_build, "_build_all", all_built_here)
    kept = (region.folder_of("01") / "manifest.json").stat().st_mtime_ns
    before = (region.folder_of("39") / "manifest.json").read_bytes()
    shutil.rmtree(region.folder_of("39"))
    build_region(CODES, inputs, region.folder, buffer_km=BUFFER_KM)
    assert (region.folder_of("01") / "manifest.json").stat().st_mtime_ns == kept
    assert (region.folder_of("39") / "manifest.json").read_bytes() == before
    with pytest.raises(OutputError, match="built with other departements, buffer_km"):
        build_region(["39"], inputs, region.folder, buffer_km=5.0)
    with pytest.raises(SettingError, match="no département is given"):
        build_region([], inputs, region.folder)


def test_processes_build_and_say_what_they_could_not(tmp_path, inputs):
    """The real processes, one at a time; extracts of elsewhere and broken ones are refused."""
    out = tmp_path / "region"
    told: list[str] = []
    built = build_region(["39"], inputs, out, buffer_km=BUFFER_KM, progress=told.append)
    assert built.missing == []
    assert told[-1].startswith("39: ")
    far = write_extract(
        tmp_path / "far.osm.pbf", {1: (0, 9e5), 2: (99, 9e5)}, [(1, [1, 2], STREET)]
    )
    with pytest.raises(
        OutputError, match=r"1 of 1 départements are not built \(39: .*far.* no road"
    ):
        build_region(["39"], inputs, tmp_path / "other", osm=far, buffer_km=BUFFER_KM)
    broken = tmp_path / "broken.osm.pbf"
    broken.write_bytes(b"none")
    with pytest.raises(InputError, match=r"broken.osm.pbf cannot be read"):
        build_region(["39"], inputs, tmp_path / "third", osm=broken, buffer_km=BUFFER_KM)


def test_people_are_summed_over_the_region(region):
    result = coverage_of_region(region)
    parts = [coverage(load_study(region.folder_of(code))) for code in CODES]
    assert result.population == sum(part.population for part in parts)
    assert result.population_covered == sum(part.population_covered for part in parts)
    assert result.share == result.population_covered / result.population
    assert result.by_departement["code"].tolist() == CODES
    some = coverage_of_region(region, ["39"])
    assert some.share == parts[2].share


def test_unlike_choices_are_not_summed(region):
    results = {code: coverage_of_departement(str(region.folder_of(code)), Asked())
               for code in CODES}  # fmt: skip
    results["39"] = {**results["39"], "choices": {**results["39"]["choices"], "minutes": 15}}
    with pytest.raises(InputError, match="01 and 39 differ in minutes"):
        added_up(results)


def test_a_run_that_broke_off_is_taken_up(region, tmp_path):
    keep = tmp_path / "out.partial"
    whole = coverage_of_region(region)
    shutil.move(region.folder_of("25") / "sites", tmp_path / "aside")
    facts = region.folder_of("25") / "manifest.json"
    before = facts.read_bytes()
    with pytest.raises(UnfinishedError, match=r"1 of 3 départements are missing \(25: .*lacks"):
        coverage_of_region(region, keep=keep)
    assert sorted(p.name for p in keep.iterdir()) == ["01.json", "39.json"]
    assert facts.read_bytes() == before
    shutil.move(tmp_path / "aside", region.folder_of("25") / "sites")
    told: list[str] = []
    found = coverage_of_region(region, keep=keep, progress=told.append)
    assert told == ["2 of 3 départements were answered before", "25: done (3 of 3)"]
    assert found.by_commune.equals(whole.by_commune)
    assert found.by_departement.equals(whole.by_departement)
    with pytest.raises(OutputError, match="keeps results of a run with other options"):
        coverage_of_region(region, asked=Asked(minutes=5), keep=keep)
    less = coverage_of_region(region, asked=Asked(minutes=5), keep=keep, overwrite=True)
    assert less.population_covered < whole.population_covered


def test_a_kept_result_that_is_cut_short_is_computed_again(region, tmp_path):
    keep = tmp_path / "keep"
    whole = coverage_of_region(region, keep=keep)
    (keep / "39.json").write_text('{"toolkit"', encoding="utf-8")
    assert coverage_of_region(region, keep=keep).by_commune.equals(whole.by_commune)


def test_names_that_are_not_known(region, tmp_path):
    with pytest.raises(UnknownNameError, match="does not hold the département '75'; it has 01, 25"):
        coverage_of_region(region, ["39", "75"])
    with pytest.raises(UnknownNameError, match="is no region"):
        load_region(tmp_path)
    with pytest.raises(SettingError, match="not both"):
        coverage_of_region(region, workers=1, scheduler="tcp://127.0.0.1:1")


def test_the_command_line_tells_writes_and_takes_up(region, tmp_path):
    out = tmp_path / "out"
    first = run("coverage", "--study", region.folder, "--out", out)
    assert first.exit_code == 0, first.output
    assert "39" in first.output
    assert sorted(p.name for p in out.iterdir()) == [
        "coverage.csv", "departements.csv", "manifest.json"]  # fmt: skip
    assert not (tmp_path / "out.partial").exists()
    table = pd.read_csv(out / "departements.csv", dtype={"code": str})
    assert table["code"].tolist() == [*CODES, "region"]
    assert table["population"].iloc[:3].sum() == table["population"].iloc[3]
    again = run("coverage", "--study", region.folder, "--out", tmp_path / "again")
    assert again.exit_code == 0
    for file in out.iterdir():
        assert file.read_bytes() == (tmp_path / "again" / file.name).read_bytes()
    answer = run("coverage", "--study", region.folder, "--departements", "25,39", "--json")
    told = json.loads(answer.stdout)
    assert [row["code"] for row in told["departements"]] == ["25", "39"]
    assert told["population"] == table["population"].iloc[1:3].sum()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["coverage", "--study", "{region}", "--by", "canton"], "--by is for one département"),
        (["coverage", "--study", "{region}", "--demand", "none"], "is no way to place people"),
        (["coverage", "--study", "{region}/39", "--workers", "2"], "needs no --workers"),
        (["coverage", "--study", "{region}", "--departements", " ,"], "names no département"),
        (["build", "--out", "o"], "give either --departement"),
        (["build", "--out", "o", "--departement", "39", "--workers", "2"], "is for a region"),
        (["build", "--out", "o", "--departements", "39", "--overpass"], "is for one département"),
    ],
)
def test_options_that_do_not_fit_are_refused(arguments, message, region):
    found = run(*[a.format(region=region.folder) for a in arguments])
    assert message in str(found.exception)


def test_two_workers_of_dask_give_the_same_as_one_process(region, tmp_path):
    distributed = pytest.importorskip("distributed")
    whole = coverage_of_region(region)
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", host="127.0.0.1"
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        first = min(client.run(os.getpid).values())

        def end_a_worker(step: str) -> None:
            if step.endswith("done (1 of 3)"):
                os.kill(first, signal.SIGKILL)

        found = coverage_of_region(
            region,
            scheduler=cluster.scheduler_address,
            keep=tmp_path / "keep",
            progress=end_a_worker,
        )
    assert found.by_commune.equals(whole.by_commune)
    assert found.by_departement.equals(whole.by_departement)
    assert (found.share, found.choices) == (whole.share, whole.choices)
    assert sorted(path.stem for path in (tmp_path / "keep").iterdir()) == CODES
