"""Rasters of drive times, and the files that areas and rasters are written to."""

from __future__ import annotations

import json
import sqlite3
import xml.etree.ElementTree as ET
from contextlib import closing
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import rasterio
import shapely
from networks import points
from test_cli import RUNNER

import accessibility as acc
from accessibility.analysis.grid import Grid, grid_over, near_roads, snap_cells
from accessibility.analysis.isochrones import isochrones
from accessibility.analysis.surface import surface
from accessibility.cli import app
from accessibility.errors import OutputError, SettingError
from accessibility.network.snap import snap
from accessibility.report.layers import area_writer, surface_writer
from accessibility.routing.times import travel_times
from accessibility.schema import WGS84
from accessibility.study.study import Study

MINUTES = [10.0, 20.0, 30.0]


def run(*arguments: object) -> tuple[int, str]:
    result = RUNNER.invoke(app, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        return 1, str(result.exception)
    return result.exit_code, result.stdout if result.exit_code == 0 else result.stderr


# -- the grid ------------------------------------------------------------------------------------


def test_a_window_of_a_grid_is_a_grid() -> None:
    grid = grid_over((0, 0, 1_000, 500), 100)
    assert (grid.rows, grid.columns) == (5, 10)
    window = grid.window((210, 110, 390, 290))
    assert window == (slice(2, 4), slice(2, 4))
    assert grid.part(window).bounds == (200, 100, 400, 300)
    assert grid.window((-500, -500, 5_000, 5_000)) == (slice(0, 5), slice(0, 10))


def test_cells_stand_where_points_at_their_middles_do(small_study: Study) -> None:
    grid = grid_over((899_000, 6_619_000, 903_000, 6_621_500), 150)
    cells = snap_cells(small_study.network, grid, max_snap_m=1_000)
    row, column = np.indices((grid.rows, grid.columns))
    x = (grid.west + column + 0.5) * 150
    y = (grid.north - row - 0.5) * 150
    middles = gpd.GeoSeries(shapely.points(x.ravel(), y.ravel()), crs="EPSG:2154")
    expected = snap(small_study.network, middles, max_snap_m=1_000)
    assert cells.segment.ravel().tolist() == expected.segment.tolist()
    assert cells.share.ravel() == pytest.approx(expected.share, abs=1e-6)
    assert cells.snap_m.ravel() == pytest.approx(expected.snap_m, rel=1e-6)
    some = snap_cells(small_study.network, grid, max_snap_m=1_000, wanted=cells.segment == 1)
    assert np.array_equal(some.segment == 1, cells.segment == 1)
    assert (some.segment[cells.segment != 1] == -1).all()


def test_cells_near_a_road_are_all_found(small_study: Study) -> None:
    network = small_study.network
    grid = grid_over((880_000, 6_610_000, 960_000, 6_630_000), 170)
    cells = snap_cells(network, grid, max_snap_m=1_000)
    for segment in range(len(network.segment_road)):
        near = near_roads(network, np.array([segment]), grid, 1_000)
        assert near[cells.segment == segment].all()
        assert near.mean() < 0.5


# -- the surface ---------------------------------------------------------------------------------


def test_a_cell_has_the_time_of_a_point_at_its_middle(small_study: Study) -> None:
    for options in ({}, {"site": "f2"}, {"direction": "from"}, {"walk_kph": 4.0}):
        found = surface(small_study, cell_m=500, **options)
        rows, columns = found.time_s.shape
        row, column = np.indices((rows, columns))
        west, _, _, north = found.grid.bounds
        middles = points([(0, 0)] * (rows * columns))
        middles = middles.set_geometry(
            gpd.GeoSeries(
                shapely.points(
                    west + (column.ravel() + 0.5) * 500, north - (row.ravel() + 0.5) * 500
                ),
                crs="EPSG:2154",
            )
        )
        trips = {k: v for k, v in options.items() if k != "site"}
        expected = travel_times(small_study.network, middles, found.choices.sites, **trips)
        time_s = expected["travel_time_s"].replace(np.inf, np.nan).to_numpy()
        np.testing.assert_allclose(found.time_s.ravel(), time_s, atol=0.002)
        assert np.isfinite(time_s).any()
        assert np.isnan(time_s).any()


def test_a_surface_says_up_to_where_it_is_exact(tmp_path: Path) -> None:
    from studies import write_study

    whole = surface(acc.load_study(write_study(tmp_path / "whole")), cell_m=1_000)
    assert whole.exact_to_s == np.inf
    rim = surface(acc.load_study(write_study(tmp_path / "rim", rim=(1,))), cell_m=1_000)
    # from the end of the road at -15 km, or from its last junction, to Aval at 10 m/s
    assert rim.exact_to_s == pytest.approx(1_200.001, abs=0.01)


def test_cells_where_the_data_end_have_no_time(small_study: Study) -> None:
    bounds = small_study.settings["extents"][0]
    west, south, _, north = bounds
    cut = {**small_study.settings, "extents": [[west, south, 5.7, north]]}
    fields = {name: getattr(small_study, name) for name in Study.__dataclass_fields__}
    study = Study(**{**fields, "settings": cut})
    assert np.isfinite(surface(study, cell_m=500).time_s).sum() < (
        0.6 * np.isfinite(surface(small_study, cell_m=500).time_s).sum()
    )


def test_a_cell_needs_a_size(small_study: Study) -> None:
    for cell_m in (0, -1, float("inf"), "50"):
        with pytest.raises(SettingError, match="size of a cell"):
            surface(small_study, cell_m=cell_m)  # type: ignore[arg-type]


# -- files ---------------------------------------------------------------------------------------


@pytest.fixture
def areas(small_study: Study) -> gpd.GeoDataFrame:
    return isochrones(small_study, minutes=MINUTES, kind="each")


def written(areas: gpd.GeoDataFrame, study: Study, path: Path) -> Path:
    area_writer(areas, study.sites, path)(path)
    return path


def test_geopackage_and_geoparquet_read_back_equal(
    areas: gpd.GeoDataFrame, small_study: Study, tmp_path: Path
) -> None:
    back = gpd.read_parquet(written(areas, small_study, tmp_path / "a.parquet"))
    pd.testing.assert_frame_equal(back, areas, check_dtype=False)
    file = written(areas, small_study, tmp_path / "a.gpkg")
    back = gpd.read_file(file, layer="isochrones")
    assert back.crs == areas.crs
    assert (back.geometry.to_numpy() == areas.geometry.to_numpy()).all()
    for name in areas.columns.drop("geometry"):
        assert back[name].tolist() == areas[name].tolist(), name
    sites = gpd.read_file(file, layer="sites")
    assert sites["facility_id"].tolist() == small_study.sites["facility_id"].tolist()


def test_a_geopackage_carries_a_style_for_each_layer(
    areas: gpd.GeoDataFrame, small_study: Study, tmp_path: Path
) -> None:
    file = written(areas, small_study, tmp_path / "a.gpkg")
    with closing(sqlite3.connect(file)) as base:
        rows = base.execute(
            "SELECT f_table_name, f_geometry_column, useAsDefault, styleQML FROM layer_styles"
        ).fetchall()
    assert {row[0] for row in rows} == {"isochrones", "sites"}
    for layer, column, default, qml in rows:
        assert (column, default) == ("geom", 1)
        renderer = ET.fromstring(qml).find("renderer-v2")
        assert renderer is not None
        if layer == "isochrones":
            assert renderer.get("attr") == "cutoff_s"
            spans = [(float(r.get("lower")), float(r.get("upper"))) for r in renderer.iter("range")]
            for cutoff in areas["cutoff_s"].unique():
                assert sum(low <= cutoff <= high for low, high in spans) == 1
            assert len(list(renderer.iter("symbol"))) == len(spans)
            # opaque areas on a translucent layer: those that overlap do not mix their colours
            assert float(ET.fromstring(qml).findtext("layerOpacity") or 1) < 1
            assert qml.count(',255"') == 2 * len(spans)
            order = renderer.find("orderby/orderByClause")
            assert order is not None
            assert (order.text, order.get("asc")) == ('"cutoff_s"', "0")
    # it stays a GeoPackage that GDAL lists without complaint
    assert {name for name, _ in pyogrio.list_layers(file)} >= {"isochrones", "sites"}


def test_geojson_is_within_a_centimetre_valid_and_nested(
    areas: gpd.GeoDataFrame, small_study: Study, tmp_path: Path
) -> None:
    file = written(areas, small_study, tmp_path / "a.geojson")
    raw = json.loads(file.read_text(encoding="utf-8"))
    assert "crs" not in raw  # RFC 7946: longitude and latitude, always
    first = shapely.from_geojson(json.dumps(raw["features"][0]["geometry"]))
    assert shapely.get_parts(first)[0].exterior.is_ccw  # the right-hand rule
    back = gpd.read_file(file)
    assert back.crs.equals(WGS84)
    assert back.geometry.is_valid.all()
    metric = back.to_crs(areas.crs)
    for mine, given in zip(metric.geometry, areas.geometry, strict=True):
        there = shapely.get_coordinates(given)
        near = shapely.distance(shapely.points(there), shapely.boundary(mine))
        assert near.max() < 0.01
    for _, mine in back.groupby("facility_id"):
        inner, middle, outer = mine.geometry
        assert middle.covers(inner)
        assert outer.covers(middle)


def test_csv_holds_the_attributes(
    areas: gpd.GeoDataFrame, small_study: Study, tmp_path: Path
) -> None:
    back = pd.read_csv(written(areas, small_study, tmp_path / "a.csv"))
    assert back.columns.tolist() == areas.columns.drop("geometry").tolist()
    assert back["population"].tolist() == areas["population"].tolist()


def test_geotiff_opens_with_its_place_unit_and_source(small_study: Study, tmp_path: Path) -> None:
    found = surface(small_study, cell_m=100)
    path = tmp_path / "s.tif"
    surface_writer(found, path, settings={"profile": "osrm-car"}, licences=["© OSM, ODbL"])(path)
    with rasterio.open(path) as file:
        assert file.crs.to_epsg() == 2154
        assert file.transform[:6] == (100, 0, found.grid.bounds[0], 0, -100, found.grid.bounds[3])
        assert np.isnan(file.nodata)
        assert file.units == ("s",)
        assert file.overviews(1)
        assert file.tags()["TIFFTAG_COPYRIGHT"] == "© OSM, ODbL"
        assert json.loads(file.tags()["SETTINGS"]) == {"profile": "osrm-car"}
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        np.testing.assert_array_equal(file.read(1), found.time_s)
    again = tmp_path / "again.tif"
    surface_writer(found, again, settings={"profile": "osrm-car"}, licences=["© OSM, ODbL"])(again)
    assert path.read_bytes() == again.read_bytes()


@pytest.mark.parametrize("name", ["a.shp", "a", "a.kml", "a.tif"])
def test_other_suffixes_are_refused(areas: gpd.GeoDataFrame, small_study: Study, name: str) -> None:
    with pytest.raises(OutputError, match=r"ends in \.gpkg, \.parquet, \.geojson or \.csv"):
        area_writer(areas, small_study.sites, Path(name))


# -- the commands --------------------------------------------------------------------------------


def test_isochrones_prints_and_writes_with_a_manifest(small_study: Study, tmp_path: Path) -> None:
    out = tmp_path / "new" / "areas.parquet"
    command = ["isochrones", "--study", small_study.folder, "--minutes", "10,20", "--each"]
    code, text = run(*command, "--check", "--out", out)
    assert code == 0, text
    for part in ("f1 site f1", "1,300", "Error of the drawing", "6 chefs-lieux", "Written:"):
        assert part in text
    assert len(gpd.read_parquet(out)) == 4
    trail = json.loads((out.parent / "areas.parquet.manifest.json").read_text(encoding="utf-8"))
    assert trail["answer"]["cell_m"] == 50
    assert trail["answer"]["kind"] == "each"
    assert trail["answer"]["site_ids"] == ["f1", "f2"]
    assert trail["answer"]["minutes"] == [10, 20]
    assert trail["sources"][0]["licence"] == "ODbL 1.0"
    assert set(trail["files"]) == {"areas.parquet"}
    code, text = run(*command, "--out", out)
    assert code == 1
    assert "give --overwrite" in text
    folder = tmp_path / "folder.parquet"
    (folder / "kept").mkdir(parents=True)
    code, text = run(*command, "--out", folder, "--overwrite")
    assert (code, "is a folder" in text, (folder / "kept").is_dir()) == (1, True, True)
    assert run(*command, "--out", out, "--overwrite")[0] == 0
    assert sorted(p.name for p in out.parent.iterdir()) == [
        "areas.parquet", "areas.parquet.manifest.json",
    ]  # fmt: skip


def test_isochrones_as_json(small_study: Study) -> None:
    code, text = run(
        "isochrones", "--study", small_study.folder, "--minutes", "20", "--check", "--json",
        "--walk-kph", "5",
    )  # fmt: skip
    assert code == 0
    answer = json.loads(text)
    assert answer["walk_kph"] == 5
    assert answer["areas"][0]["facility_id"] == "any"
    assert answer["error"]["by_cutoff"][0]["false_in_people"] == 0


def test_surface_writes_with_a_manifest(small_study: Study, tmp_path: Path) -> None:
    out = tmp_path / "s.tif"
    code, text = run(
        "surface", "--study", small_study.folder, "--cell-m", "500", "--site", "f1", "--out", out
    )
    assert code == 0, text
    assert "cells of 500 m in EPSG:2154" in text
    trail = json.loads((tmp_path / "s.tif.manifest.json").read_text(encoding="utf-8"))
    assert trail["answer"]["site_ids"] == ["f1"]
    with rasterio.open(out) as file:
        assert "© OpenStreetMap contributors" in file.tags()["TIFFTAG_COPYRIGHT"]


def test_an_area_at_the_rim_is_told(tmp_path: Path) -> None:
    from studies import write_study

    folder = write_study(tmp_path / "rim", rim=(1,))
    code, text = run("isochrones", "--study", folder, "--minutes", "30")
    assert code == 0
    assert "1 of 1 areas get to where the data end" in text
    answer = json.loads(run("isochrones", "--study", folder, "--minutes", "30", "--json")[1])
    assert answer["complete"] is False


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["isochrones", "--minutes", "20,10"], 2, "ascending"),
        (["isochrones", "--minutes", "10,10"], 2, "ascending"),
        (["isochrones", "--minutes", "0,10"], 2, "above 0"),
        (["isochrones", "--minutes", "ten"], 2, "such as"),
        (["isochrones", "--each", "--merged"], 2, "one of --merged"),
        (["isochrones", "--cell-m", "0"], 1, "size of a cell"),
        (["isochrones", "--walk-kph", "-1"], 1, "walking speed"),
        (["isochrones", "--site", "nobody"], 1, "no site counted"),
        (["isochrones", "--out", "a.shp"], 1, "ends in .gpkg"),
        (["isochrones", "--out", "/proc/none/a.gpkg"], 1, "cannot be written"),
        (["isochrones", "--buildings", "none.parquet"], 1, "not there"),
        (["surface", "--out", "a.png"], 1, "ends in .tif"),
        (["surface", "--out", "/proc/none/a.tif"], 1, "cannot be written"),
        (["surface"], 2, "--out"),
        (["surface", "--cell-m", "0", "--out", "a.tif"], 1, "size of a cell"),
    ],
)
def test_bad_input_is_one_sentence(
    small_study: Study,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    found, text = run(arguments[0], "--study", small_study.folder, *arguments[1:])
    assert (found, message in " ".join(text.split())) == (code, True), text
    assert sorted(p for p in tmp_path.rglob("*") if "cache" not in p.parts) == [
        p for p in before if "cache" not in p.parts
    ]


@pytest.mark.parametrize("name", ["a.gpkg", "a.parquet", "a.geojson", "a.csv", "a.tif"])
def test_a_full_disk_is_told_and_leaves_nothing(
    small_study: Study, tmp_path: Path, name: str
) -> None:
    """A process that may write 100 bytes to a file, no more."""
    import resource
    import signal

    command = "surface" if name.endswith(".tif") else "isochrones"
    arguments = [command, "--study", small_study.folder, "--cell-m", "100", "--out"]
    # what is compiled and kept is there before the disk is full
    assert run(*arguments, tmp_path / f"before{Path(name).suffix}")[0] == 0
    out = tmp_path / "out" / name
    out.parent.mkdir()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        code, text = run(*arguments, out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, previous)
    assert code == 1
    assert "cannot be written" in text
    assert list(out.parent.iterdir()) == []


@pytest.mark.jura
def test_jura_surface_is_what_coverage_says(jura: Study) -> None:
    found = surface(jura, cell_m=200)
    assert isinstance(found.grid, Grid)
    result = acc.coverage(jura)
    where = result.by_commune
    at = jura.demand.geometry.to_crs(jura.metric_crs)
    west, _, _, north = found.grid.bounds
    column = ((at.x - west) // 200).astype(int)
    row = ((north - at.y) // 200).astype(int)
    apart = np.abs(found.time_s[row, column] - where["travel_time_s"].to_numpy())
    # the middle of a cell is up to 141 m from a chef-lieu in it
    assert np.nanmedian(apart) < 15
