"""A study: found, loaded, its network kept; and built, the same bytes every time."""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import fields
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from geopandas.testing import assert_geodataframe_equal
from networks import STREET, write_extract
from studies import ILOT, communes_table, extract, write_study

import accessibility as acc
from accessibility.errors import (
    InputError,
    MissingInputError,
    OutputError,
    UnknownNameError,
)
from accessibility.inputs.catalogue import catalogue, sha256
from accessibility.network.graph import RoadNetwork
from accessibility.network.profile import load_profile
from accessibility.study import build, bundle
from accessibility.study.build import build_study, choose_extract
from accessibility.study.cache import cached_network, keep_network, network_folder
from accessibility.study.demand import METHODS, demand_at_chefs_lieux, population_years
from accessibility.study.study import Study, load_study

FILES = (bundle.ROADS, bundle.NODES, bundle.RESTRICTIONS, bundle.COMMUNES, bundle.CANTONS,
         bundle.SITES, bundle.MANIFEST)  # fmt: skip


def checksums(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): sha256(p) for p in folder.rglob("*") if p.is_file()}


def arrays(network: RoadNetwork) -> dict[str, np.ndarray]:
    values = {f.name: getattr(network, f.name) for f in fields(network)}
    return {k: v for k, v in values.items() if isinstance(v, np.ndarray)}


# -- finding and loading ------------------------------------------------------------------------


def test_find_study_by_name_or_folder(tmp_path) -> None:
    assert bundle.find_study("jura") == bundle.bundled()
    folder = write_study(tmp_path / "mine")
    assert bundle.find_study(folder) == folder
    assert bundle.find_study(str(folder)) == folder


def test_unknown_study_says_what_is_known(tmp_path) -> None:
    with pytest.raises(UnknownNameError, match=r"'doubs' is not a bundled study \(jura\) nor a"):
        bundle.find_study("doubs")
    with pytest.raises(UnknownNameError, match=r"has no study\.toml"):
        bundle.find_study(tmp_path)


def test_find_study_where_none_is_bundled(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(bundle, "bundled", lambda: None)
    with pytest.raises(UnknownNameError, match="none is installed"):
        bundle.find_study("jura")
    assert bundle.find_study(write_study(tmp_path / "mine")) == tmp_path / "mine"


def test_load(small_study: Study) -> None:
    assert repr(small_study) == "<Study small: 6 communes, 3 sites, profile osrm-car>"
    assert small_study.title == "Small"
    assert small_study.population_years == [2019, 2020, 2021]
    assert small_study.default("minutes") == 20
    assert small_study.metric_crs == small_study.network.metric_crs == "EPSG:2154"
    assert small_study.settings["published"]["share_covered"] == 0.93
    assert len(small_study.roads.roads) == 5
    assert small_study.manifest["sources"][0]["dataset"] == "osm"
    west, south, east, north = small_study.network_bounds
    assert west < east
    assert south < north
    assert small_study.cantons["split_town"].notna().tolist() == [False, True, True]


def test_demand_is_at_the_chefs_lieux(small_study: Study) -> None:
    demand = small_study.demand
    assert demand["demand_id"].tolist() == small_study.communes["code_insee"].tolist()
    assert demand["population"].sum() == 4000
    assert demand.geometry.x.tolist() == small_study.communes["chef_lieu_lon"].tolist()
    later = demand_at_chefs_lieux(small_study.communes, year=2020)
    assert later.loc[later["population"].isna(), "code_insee"].tolist() == [ILOT]
    with pytest.raises(UnknownNameError, match="no population of 2022; known are 2019, 2020, 2021"):
        demand_at_chefs_lieux(small_study.communes, year=2022)


def test_population_years_are_read_from_the_columns() -> None:
    names = [
        "population_2021",
        "population_2019",
        "population",
        "population_20",
        "xpopulation_2020",
    ]
    assert population_years(gpd.GeoDataFrame(columns=names)) == [2019, 2021]


@pytest.mark.parametrize("file", FILES)
def test_missing_file_is_named(tmp_path, file: str) -> None:
    folder = write_study(tmp_path / "s")
    (folder / file).unlink()
    with pytest.raises(MissingInputError, match=f"lacks {file}: build it again"):
        load_study(folder)


def test_all_missing_files_are_named_at_once(tmp_path) -> None:
    folder = write_study(tmp_path / "s")
    for file in FILES[:3]:
        (folder / file).unlink()
    with pytest.raises(MissingInputError, match=", ".join(FILES[:3])):
        load_study(folder)


@pytest.mark.parametrize("file", [bundle.COMMUNES, bundle.SITES])
def test_damaged_table_is_an_input_error(tmp_path, file: str) -> None:
    folder = write_study(tmp_path / "s")
    (folder / file).write_bytes(b"PAR1 not a table PAR1")
    with pytest.raises(InputError, match="cannot be read"):
        load_study(folder)


def test_damaged_settings(tmp_path) -> None:
    folder = write_study(tmp_path / "s")
    (folder / bundle.SETTINGS).write_text('name = "s"\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"lacks title, .*metric_crs.*defaults\.max_snap_m"):
        load_study(folder)
    (folder / bundle.SETTINGS).write_text("name = \n", encoding="utf-8")
    with pytest.raises(InputError, match="is not valid TOML"):
        load_study(folder)


@pytest.mark.parametrize(
    ("file", "table", "text"),
    [
        (bundle.COMMUNES, communes_table().drop(columns="name"), "communes has no column name"),
        (bundle.COMMUNES, communes_table().to_crs("EPSG:2154"), "is in EPSG:2154"),
    ],
)
def test_tables_are_validated(tmp_path, file: str, table: gpd.GeoDataFrame, text: str) -> None:
    folder = write_study(tmp_path / "s")
    table.to_parquet(folder / file)
    with pytest.raises(InputError, match=text):
        load_study(folder)


def test_absent_profile_file_is_not_blamed_on_the_study(small_study: Study, tmp_path) -> None:
    with pytest.raises(MissingInputError, match=r"the profile .*mine\.toml cannot be read"):
        load_study(small_study.folder, profile=tmp_path / "mine.toml")


def test_profile_of_the_study_or_another(tmp_path, small_study: Study) -> None:
    assert load_study(small_study.folder, profile="osrm-car-5").profile.name == "osrm-car-5"
    own = load_profile("osrm-car")
    assert load_study(small_study.folder, profile=own).profile is own
    with pytest.raises(UnknownNameError, match="there is no profile 'rocket'"):
        load_study(small_study.folder, profile="rocket")


# -- the cache ----------------------------------------------------------------------------------


def test_network_is_kept_and_opened_memory_mapped(small_study: Study, monkeypatch) -> None:
    folder = network_folder(small_study.folder, small_study.profile, small_study.metric_crs)
    assert Path(os.environ["XDG_CACHE_HOME"]) in folder.parents
    assert cached_network(folder) is None
    assert not small_study.network_is_kept
    first = small_study.network
    assert small_study.network_is_kept
    assert (folder / "network.json").is_file()

    def never(*args: object, **kwargs: object) -> None:
        raise AssertionError("the network was built again")

    monkeypatch.setattr("accessibility.study.study.build_network", never)
    again = load_study(small_study.folder).network
    for network in (first, again):
        assert isinstance(network.edge_ms.base, np.memmap)
        assert not network.edge_ms.flags.writeable
    for name, array in arrays(first).items():
        assert np.array_equal(array, arrays(again)[name]), name


def test_other_roads_or_profile_are_another_network(tmp_path) -> None:
    car, older = load_profile("osrm-car"), load_profile("osrm-car-5")
    a, b = write_study(tmp_path / "a"), write_study(tmp_path / "b")

    def key(study: Path, profile=car, crs: str = "EPSG:2154") -> Path:
        return network_folder(study, profile, crs)

    assert key(a) == key(b)  # the bytes count, not the folder
    assert key(a) != key(a, older)
    assert key(a) != key(a, crs="EPSG:32631")
    roads = gpd.read_parquet(b / bundle.ROADS)
    roads.loc[0, "length_m"] += 0.001
    roads.to_parquet(b / bundle.ROADS, geometry_encoding="geoarrow")
    assert key(a) != key(b)
    nodes = write_study(tmp_path / "c", rim=(1,))
    assert key(a) != key(nodes)


def test_damaged_cache_is_built_again(small_study: Study) -> None:
    folder = network_folder(small_study.folder, small_study.profile, small_study.metric_crs)
    expected = acc.coverage(small_study).share
    (folder / "edge_ms.npy").write_bytes(b"")
    assert cached_network(folder) is None
    assert acc.coverage(load_study(small_study.folder)).share == expected
    assert cached_network(folder) is not None


def test_unwritable_cache_still_answers(small_study: Study, tmp_path, monkeypatch, capsys) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert acc.coverage(small_study).share == 0.925
    told = capsys.readouterr()
    assert "The network is not kept for the next run: " in told.err
    assert told.out == ""


def test_a_network_that_cannot_be_kept_is_returned(small_study: Study, tmp_path) -> None:
    network = small_study.network
    (tmp_path / "file").touch()
    assert keep_network(network, tmp_path / "file" / "n") is network
    assert keep_network(network, tmp_path / "n") is not network


# -- building -----------------------------------------------------------------------------------


def test_build_from_files_to_the_figure(inputs: Path, tmp_path) -> None:
    steps: list[str] = []
    counts = build_study("39", inputs, tmp_path / "out", buffer_km=5, progress=steps.append)
    none = "no places of people by buildings, grid-2018, grid-2021: the inputs hold none of them"
    assert steps == ["communes", "roads of line.osm.pbf", "network", none, "writing"]
    assert (counts["communes"], counts["sites"]) == (5, 1)  # Paris lies too far
    study = load_study(tmp_path / "out")
    assert study.name == "jura"
    assert cached_network(study._network_folder) is not None
    result = acc.coverage(study, minutes=20.1)
    # the site of Aval; geodesic metres are longer than Lambert's by a tenth of a per cent
    assert result.population_covered == 1000 + 300 + 200
    times = dict(zip(result.by_commune["name"], result.by_commune["travel_time_s"], strict=True))
    assert times["Bief"] == pytest.approx(1200, rel=0.002)
    assert result.cantons == acc.coverage(study).cantons
    assert result.cantons.total == 3
    assert study.cantons["split_town"].tolist()[1:] == ["39004", "39004"]


def test_build_is_the_same_bytes(inputs: Path, tmp_path) -> None:
    for name in ("a", "b"):
        build_study("39", inputs, tmp_path / name, buffer_km=5)
    assert checksums(tmp_path / "a") == checksums(tmp_path / "b")


def test_manifest_names_sources_and_files(inputs: Path, tmp_path) -> None:
    out = tmp_path / "out"
    build_study("39", inputs, out, buffer_km=5)
    manifest = json.loads((out / bundle.MANIFEST).read_text(encoding="utf-8"))
    files = {f: s for f, s in checksums(out).items() if f != bundle.MANIFEST}
    assert manifest["files"] == files
    held = {s["dataset"]: s for s in manifest["sources"]}
    assert set(held) == set(catalogue())
    assert held["osm"]["sha256"] == sha256(inputs / "osm" / "line.osm.pbf")
    assert held["osm"]["licence"] == "ODbL 1.0"
    assert manifest["settings"] == {
        "departement": "39", "buffer_km": 5, "service": "France services"
    }  # fmt: skip
    assert str(tmp_path) not in json.dumps(manifest)


def test_build_of_a_departement_of_which_nothing_is_published(inputs: Path, tmp_path) -> None:
    for name in ("cog-communes-2022", "populations-legales-2019", "populations-legales-2020",
                 "populations-legales-2021", "epci-2022"):  # fmt: skip
        path = inputs / "communes" / f"{name}.csv"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("3900", "2500").replace(",39,", ",25,"), encoding="utf-8")
    for name, column in (
        ("chefs-lieux-2020.geojson", "cinseea"),
        ("contours-cog2022.gpkg", "code"),
    ):
        path = inputs / "communes" / name
        layer = gpd.read_file(path)
        layer[column] = layer[column].str.replace("39", "25")
        path.unlink()
        layer.to_file(path)
    (inputs / "communes" / "cantons-jura.csv").unlink()
    out = tmp_path / "out"
    build_study("25", inputs, out, buffer_km=5)
    settings = tomllib.loads((out / bundle.SETTINGS).read_text(encoding="utf-8"))
    assert settings["name"] == "25"
    assert settings["title"] == "département 25"
    assert "published" not in settings
    assert settings["defaults"]["population"] == 2019
    study = load_study(out)
    assert study.cantons.empty
    result = acc.coverage(study, around=True)
    assert result.cantons.total is None
    assert result.population_covered > 0


def test_default_year_is_one_that_the_study_has(monkeypatch) -> None:
    communes = communes_table().drop(columns="population_2019")
    assert build._settings("25", communes, 5.0, "France services")["defaults"]["population"] == 2020


def test_smallest_extract_that_holds_the_territory_is_chosen(inputs: Path) -> None:
    communes = communes_table()
    osm = inputs / "osm"
    (osm / "bigger.osm.pbf").write_bytes((osm / "line.osm.pbf").read_bytes())
    extract(osm / "little.osm.pbf", box=((-100, -100), (100, 100)))
    extract(osm / "silent.osm.pbf", box=None)
    assert choose_extract(osm, communes).name == "bigger.osm.pbf"  # equal size: by name
    (osm / "bigger.osm.pbf").unlink()
    assert choose_extract(osm, communes).name == "line.osm.pbf"
    (osm / "line.osm.pbf").unlink()
    with pytest.raises(MissingInputError, match=r"silent\.osm.*little\.osm.*give one with --osm"):
        choose_extract(osm, communes)
    with pytest.raises(MissingInputError, match="none there"):
        choose_extract(inputs / "sites", communes)


def fails(inputs: Path, tmp_path: Path, error: type[Exception], **options) -> str:
    """The build fails with one sentence, and nothing of it is left."""
    before = set(tmp_path.iterdir())
    departement = options.pop("departement", "39")
    with pytest.raises(error) as caught:
        build_study(departement, inputs, tmp_path / "out", **options)
    assert set(tmp_path.iterdir()) - before <= {tmp_path / "cache"}
    assert not (tmp_path / "cache" / "accessibility-toolkit").exists()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_build_of_an_unknown_departement(inputs: Path, tmp_path) -> None:
    assert "no département '99'" in fails(inputs, tmp_path, UnknownNameError, departement="99")


def test_build_names_all_missing_inputs_at_once(inputs: Path, tmp_path) -> None:
    gone = ["communes/epci-2022.csv", "sites/liste-france-services-2024-08-01.csv"]
    for name in gone:
        (inputs / name).unlink()
    message = fails(inputs, tmp_path, MissingInputError)
    assert all(name in message for name in gone)
    assert "is not there" in fails(tmp_path / "nowhere", tmp_path, MissingInputError)


@pytest.mark.parametrize("content", [b"", b"\x00\xff" * 3000, b"<osm></osm>"])
def test_build_from_bytes_that_are_no_extract(inputs: Path, tmp_path, content: bytes) -> None:
    path = inputs / "bad.osm.pbf"
    path.write_bytes(content)
    assert "bad.osm.pbf" in fails(inputs, tmp_path, InputError, osm=path)


def test_build_from_an_extract_cut_short(inputs: Path, tmp_path) -> None:
    whole = (inputs / "osm" / "line.osm.pbf").read_bytes()
    path = inputs / "cut.osm.pbf"
    path.write_bytes(whole[: len(whole) - 40])
    assert "cut.osm.pbf" in fails(inputs, tmp_path, InputError, osm=path)
    assert "none.pbf" in fails(inputs, tmp_path, MissingInputError, osm=inputs / "none.pbf")


def test_build_from_an_extract_that_leaves_the_communes_without_roads(
    inputs: Path, tmp_path
) -> None:
    path = inputs / "part.osm.pbf"
    write_extract(path, {1: (0, 0), 2: (1000, 0)}, [(1, [1, 2], STREET)])
    message = fails(inputs, tmp_path, InputError, osm=path)
    assert "only 1 of 5 chefs-lieux" in message
    assert "--osm" in message


def test_build_refuses_what_exists(inputs: Path, tmp_path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("precious", encoding="utf-8")
    with pytest.raises(OutputError, match="exists already; give --overwrite"):
        build_study("39", inputs, out, buffer_km=5)
    assert [p.name for p in out.iterdir()] == ["mine.txt"]
    build_study("39", inputs, out, buffer_km=5, overwrite=True)
    assert load_study(out).name == "jura"
    assert not (out / "mine.txt").exists()


def test_interrupted_build_leaves_nothing(inputs: Path, tmp_path, monkeypatch) -> None:
    def interrupt(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(build.tomli_w, "dumps", interrupt)
    before = set(tmp_path.iterdir())
    with pytest.raises(KeyboardInterrupt):
        build_study("39", inputs, tmp_path / "out", buffer_km=5)
    assert set(tmp_path.iterdir()) == before


# -- the Jura -----------------------------------------------------------------------------------


def test_bundled_study_is_what_its_manifest_says() -> None:
    folder = bundle.bundled()
    assert folder is not None
    manifest = json.loads((folder / bundle.MANIFEST).read_text(encoding="utf-8"))
    for file, expected in manifest["files"].items():
        assert sha256(folder / file) == expected, file
    assert manifest["counts"]["communes"] == 494


def test_bundled_study_comes_from_the_files_of_the_catalogue(shared_data: Path) -> None:
    folder = bundle.bundled()
    assert folder is not None
    manifest = json.loads((folder / bundle.MANIFEST).read_text(encoding="utf-8"))
    known = catalogue(everything=True)
    for source in manifest["sources"]:
        file = known[source["dataset"]].file or f"osm/{source['file']}"
        assert sha256(shared_data / file) == source["sha256"], file
        assert source["sha256"] == (known[source["dataset"]].sha256 or source["sha256"])


def test_jura_fixture(jura: Study) -> None:
    assert len(jura.communes) == 494
    assert jura.demand["population"].sum() == 259_199
    assert len(jura.cantons) == 17


@pytest.mark.parametrize("name", ["andorra-2013-05.osm.pbf", "liechtenstein-2015-07.osm.pbf"])
def test_build_from_another_region(shared_data: Path, tmp_path, name: str) -> None:
    message = fails(shared_data, tmp_path, InputError, osm=shared_data / "osm" / name)
    assert name in message
    assert "another region" in message


def test_build_from_a_truncated_download(shared_data: Path, tmp_path) -> None:
    with (shared_data / "osm" / "jura-30km-2021-08.osm.pbf").open("rb") as file:
        (tmp_path / "half.osm.pbf").write_bytes(file.read(3_000_000))
    message = fails(shared_data, tmp_path, InputError, osm=tmp_path / "half.osm.pbf")
    assert "half.osm.pbf" in message


@pytest.mark.jura
def test_a_build_is_the_bundled_study_and_gives_its_figure(
    shared_data: Path, tmp_path, jura: Study
) -> None:
    build_study("39", shared_data, tmp_path / "a")
    built = load_study(tmp_path / "a")
    names = ["from_node", "to_node", "osm_way_id", "length_m", "highway"]
    pd.testing.assert_frame_equal(built.roads.roads[names], jura.roads.roads[names])
    assert built.candidates["facility_id"].tolist() == jura.candidates["facility_id"].tolist()
    found, expected = acc.coverage(built), acc.coverage(jura)
    assert found.share == expected.share
    assert found.cantons == expected.cantons
    times = [r.by_commune["travel_time_s"].tolist() for r in (found, expected)]
    assert times[0] == times[1]
    assert built.demand_methods == jura.demand_methods == list(METHODS)
    places = [study.demand_by("buildings", year=2019) for study in (built, jura)]
    assert_geodataframe_equal(*places)


@pytest.mark.parametrize("name", [bundle.ROADS, bundle.NODES, bundle.RESTRICTIONS])
def test_damaged_road_table_is_an_input_error(tmp_path, name: str) -> None:
    study = load_study(write_study(tmp_path / "s"))
    (study.folder / name).write_bytes(b"no parquet at all")
    with pytest.raises(InputError, match="build it again"):
        _ = study.roads


def test_damaged_manifest_is_an_input_error(tmp_path) -> None:
    study = load_study(write_study(tmp_path / "s"))
    (study.folder / bundle.MANIFEST).write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="build it again"):
        _ = study.manifest
