"""The command gain, and the files that it writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import typer
from networks import lonlat
from studies import BIEF, COMBE, write_study
from test_cli import RUNNER
from typer.testing import Result

from accessibility.analysis.gain import GAINS, gain
from accessibility.analysis.gain_raster import gain_raster
from accessibility.cli import gain as gain_command
from accessibility.errors import InputError, MissingInputError, OutputError, SettingError
from accessibility.schema import WGS84
from accessibility.study.study import Study, load_study

APP = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
APP.command("gain")(gain_command.command)


def run(study: Study, *arguments: object) -> Result:
    words = ["--study", study.folder, *arguments]
    return RUNNER.invoke(APP, [str(word) for word in words])


def error(study: Study, *arguments: object) -> Any:
    return run(study, *arguments).exception


def test_the_list_and_its_order(small_study: Study) -> None:
    answer = json.loads(run(small_study, "--json").stdout)
    assert (answer["minutes"], answer["junctions"]) == (20, 6)
    assert (answer["people_at"], answer["places"]) == ("chefs-lieux", 6)
    (best,) = answer["top"]
    assert (best["code_insee"], best["people_gained"]) == (COMBE, 200)
    assert best["minutes_gained"] == pytest.approx(200 * 1_200.001 / 60)
    answer = json.loads(run(small_study, "--json", "--by", "people_faster").stdout)
    assert [row["people_faster"] for row in answer["top"]] == [400, 300, 200]
    assert "Combe" in run(small_study, "--top", 1).stdout
    assert "nobody" in run(small_study, "--minutes", 60).stdout
    assert "Example: accessibility gain" in run(small_study, "--help").stdout


def test_options_reach_the_figures(small_study: Study) -> None:
    def covered(*options: object) -> float:
        answer = json.loads(run(small_study, "--json", *options).stdout)
        return max((row["people_gained"] for row in answer["top"]), default=0)

    assert covered("--as-of", "2021-01-01", "--minutes", 15) == 2000
    assert covered("--population", 2021) == 500
    assert covered("--direction", "from", "--minutes", 30) == 400
    assert covered("--around") == 0  # n1 is near Combe


def test_what_lies_beyond_the_data_is_said(small_study: Study, tmp_path: Path) -> None:
    assert json.loads(run(small_study, "--json").stdout)["junctions_complete"] == 6
    rim = load_study(write_study(tmp_path / "rim", rim=(1,)))
    answer = json.loads(run(rim, "--json").stdout)
    assert answer["junctions_complete"] == 4
    assert [row["complete"] for row in answer["top"]] == [False]
    assert "could change the figures of Combe." in run(rim).stdout


def test_layers_of_all_junctions(small_study: Study, tmp_path: Path) -> None:
    found = gain(small_study)
    for name in ("gain.gpkg", "gain.parquet", "gain.csv"):
        out = tmp_path / name
        result = run(small_study, "--top", 1, "--out", out)
        assert f"Written: {out}, {name}.manifest.json" in result.stdout
        read = {".gpkg": gpd.read_file, ".parquet": gpd.read_parquet, ".csv": pd.read_csv}
        layer = read[out.suffix](out, **({"dtype": {"code_insee": str}} if "csv" in name else {}))
        for column in GAINS:
            assert layer[column].tolist() == found[column].tolist()
        assert layer["code_insee"].fillna("").tolist() == found["code_insee"].fillna("").tolist()
        x = layer["lon"] if out.suffix == ".csv" else layer.geometry.x
        assert x.to_numpy() == pytest.approx(found.geometry.x, abs=1e-8)
        manifest = json.loads((tmp_path / f"{name}.manifest.json").read_text(encoding="utf-8"))
        assert manifest["answer"]["top"][0]["code_insee"] == COMBE
        assert manifest["answer"]["as_of"] == "2022-11-15"
        assert isinstance(error(small_study, "--out", out), OutputError)
        assert run(small_study, "--out", out, "--overwrite").exit_code == 0


def test_a_raster_keeps_the_best_junction_of_a_cell(small_study: Study, tmp_path: Path) -> None:
    out = tmp_path / "gain.tif"
    assert run(small_study, "--out", out, "--cell-m", 500).exit_code == 0
    found = gain(small_study)
    xy = found.to_crs(small_study.metric_crs).get_coordinates().to_numpy()
    with rasterio.open(out) as file:
        assert (file.count, file.crs.to_epsg(), file.res) == (3, 2154, (500, 500))
        assert np.isnan(file.nodata)
        assert file.units == ("inhabitants", "inhabitants", "min")
        assert "best junction in it" in file.tags()["TIFFTAG_IMAGEDESCRIPTION"]
        assert json.loads(file.tags()["SETTINGS"])["minutes"] == 20
        values = file.read()
        inside = range(1, len(xy))  # the first lies west of the territory
        for i in inside:  # each alone in its cell
            row, column = (int(at) for at in file.index(*xy[i]))
            expected = found.loc[i, list(GAINS)].to_numpy(dtype=float)
            assert values[:, row, column] == pytest.approx(expected, rel=1e-6)
            # a cell beside it has no junction: it takes the value of the nearest one
            assert values[:, row, column + 1] == pytest.approx(expected, rel=1e-6)
            assert np.isnan(values[:, row, column + 4]).all()
    manifest = json.loads((tmp_path / "gain.tif.manifest.json").read_text(encoding="utf-8"))
    assert manifest["answer"]["cell_m"] == 500
    assert "gain.tif" in manifest["files"]
    coarse = gain_raster(small_study, found, cell_m=10_000).values
    assert all(np.nanmax(coarse[name]) == pytest.approx(found[name].max()) for name in GAINS)
    with pytest.raises(SettingError, match="size of a cell"):
        gain_raster(small_study, found, cell_m=0)


def test_people_on_buildings(small_study: Study, tmp_path: Path) -> None:
    file = tmp_path / "buildings.parquet"
    at = gpd.points_from_xy(*lonlat([(12_000, 0), (12_800, 0), (-12_000.01, 0)]).T, crs=WGS84)
    gpd.GeoDataFrame({"footprint_m2": [100.0, 200.0, 50.0]}, geometry=at).to_parquet(file)
    out = tmp_path / "gain.parquet"
    result = run(small_study, "--buildings", file, "--json", "--by", "people_faster", "--out", out)
    answer = json.loads(result.stdout)
    assert (answer["people_at"], answer["places"]) == ("buildings", 7)
    assert {row["code_insee"]: row["people_faster"] for row in answer["top"]}[BIEF] == 300
    manifest = json.loads((tmp_path / "gain.parquet.manifest.json").read_text(encoding="utf-8"))
    assert [own["file"] for own in manifest["own_inputs"]] == ["buildings.parquet"]
    assert isinstance(error(small_study, "--buildings", tmp_path / "no"), MissingInputError)
    wrong = tmp_path / "wrong.parquet"
    wrong.write_bytes(b"PAR1")
    assert isinstance(error(small_study, "--buildings", wrong), InputError)


def test_what_cannot_be_asked(small_study: Study, tmp_path: Path) -> None:
    assert isinstance(error(small_study, "--out", tmp_path / "gain.xlsx"), OutputError)
    assert isinstance(error(small_study, "--walk-kph", 0), SettingError)
    assert isinstance(
        error(small_study, "--cell-m", 0, "--out", tmp_path / "gain.tif"), SettingError
    )
    assert run(small_study, "--top", 0).exit_code == 2
    assert run(small_study, "--by", "money").exit_code == 2
    assert list(tmp_path.glob("gain*")) == []
