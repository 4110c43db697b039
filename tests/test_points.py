"""Files of points as people make them: the good ones, and one clear sentence for the bad."""

from __future__ import annotations

import re
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from studies import AVAL, VILLE, communes_table

from accessibility.errors import AccessibilityError, CrsError, InputError, MissingInputError
from accessibility.inputs.points import read_points

BOUNDS = (5.0, 46.0, 6.5, 47.5)
TWO = shapely.points([(5.5, 46.5), (5.6, 46.6)])


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def layer(path: Path, shapes, crs: str | None = "EPSG:4326", **columns) -> Path:
    table = gpd.GeoDataFrame(columns, geometry=list(shapes), crs=crs)
    if path.suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_file(path, engine="pyogrio")
    return path


def places(points: gpd.GeoDataFrame) -> list[tuple[float, float]]:
    assert points.crs.to_epsg() == 4326
    xy = zip(points.geometry.x, points.geometry.y, strict=True)
    return [(round(float(x), 6), round(float(y), 6)) for x, y in xy]


def refuse(path: Path, error: type[Exception] = InputError, **known) -> str:
    """One sentence that names the file."""
    with pytest.raises(error) as caught:
        read_points(path, **known)
    message = str(caught.value)
    assert isinstance(caught.value, AccessibilityError)
    assert path.name in message
    assert "\n" not in message
    assert "Traceback" not in message
    return message


# -- what is read -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("id,lon,lat\na,5.5,46.5\nb,5.6,46.6\n", "utf-8"),
        ("id;lon;lat\na;5,5;46,5\nb;5,6;46,6\n", "utf-8"),  # a French spreadsheet
        ("id,lon,lat\na,5.5,46.5\nb,5.6,46.6\n", "utf-8-sig"),
        ("id\tlat\tlon\r\na\t46.5\t5.5\r\nb\t46.6\t5.6\r\n", "utf-8"),
        ("facility_id,Longitude,LATITUDE,x\na,5.5,46.5,?\nb, 5.6 ,46.6,?\n", "utf-8"),
        ('id,lon,lat\na,"5,5","46,5"\nb,"5,6","46,6"\n', "utf-8"),
    ],
)
def test_csv_with_coordinates(tmp_path, text: str, encoding: str) -> None:
    points = read_points(write(tmp_path / "p.csv", text, encoding), bounds=BOUNDS)
    assert points["id"].tolist() == ["a", "b"]
    assert places(points) == [(5.5, 46.5), (5.6, 46.6)]


def test_rows_without_an_id_are_numbered(tmp_path) -> None:
    points = read_points(write(tmp_path / "p.csv", "lon,lat\n5.5,46.5\n5.6,46.6\n"))
    assert points["id"].tolist() == ["1", "2"]
    points = read_points(layer(tmp_path / "p.geojson", TWO))
    assert points["id"].tolist() == ["1", "2"]


@pytest.mark.parametrize("name", ["code_insee", "INSEE", "codgeo", "Code"])
def test_insee_codes_stand_for_chefs_lieux(tmp_path, name: str) -> None:
    communes = communes_table()
    path = write(tmp_path / "p.csv", f"{name},nom\n{VILLE},Mairie\n{AVAL},École\n{VILLE},Poste\n")
    points = read_points(path, communes=communes)
    known = communes.set_index("code_insee")
    lon = known["chef_lieu_lon"].loc[[VILLE, AVAL, VILLE]]
    assert points.geometry.x.tolist() == lon.tolist()
    assert points["name"].tolist() == ["Mairie", "École", "Poste"]
    assert points["code_insee"].tolist() == [VILLE, AVAL, VILLE]
    assert points["id"].tolist() == ["1", "2", "3"]


def test_coordinates_go_before_codes(tmp_path) -> None:
    path = write(tmp_path / "p.csv", "code_insee,lon,lat\n99999,5.5,46.5\n")
    points = read_points(path, communes=communes_table())
    assert places(points) == [(5.5, 46.5)]
    assert points["code_insee"].tolist() == ["99999"]


@pytest.mark.parametrize("name", ["p.geojson", "p.json", "p.gpkg", "p.parquet"])
def test_layers(tmp_path, name: str) -> None:
    made = tmp_path / ("p.geojson" if name == "p.json" else name)
    layer(made, TWO, id=["a", "b"], nom=["x", "y"], autre=[1, 2])
    path = made.rename(tmp_path / name)
    points = read_points(path, bounds=BOUNDS)
    assert places(points) == [(5.5, 46.5), (5.6, 46.6)]
    assert points["id"].tolist() == ["a", "b"]
    assert points["name"].tolist() == ["x", "y"]
    assert "autre" not in points


@pytest.mark.parametrize("name", ["p.gpkg", "p.parquet"])
def test_layer_in_lambert_93(tmp_path, name: str) -> None:
    shapes = gpd.GeoSeries(TWO, crs="EPSG:4326").to_crs("EPSG:2154")
    points = read_points(layer(tmp_path / name, shapes, "EPSG:2154", id=[7, 8]), bounds=BOUNDS)
    assert places(points) == [(5.5, 46.5), (5.6, 46.6)]
    assert points["id"].tolist() == ["7", "8"]


def test_dates_of_labels(tmp_path) -> None:
    path = write(tmp_path / "p.csv", "lon,lat,label_date\n5.5,46.5,2022-11-15\n5.6,46.6,\n")
    dates = read_points(path)["label_date"]
    assert dates[0] == pd.Timestamp("2022-11-15")
    assert pd.isna(dates[1])
    write(path, "lon,lat,date_label\n5.5,46.5,01/02/2020\n")
    assert read_points(path)["label_date"][0] == pd.Timestamp("2020-02-01")


def test_one_point_inside_is_enough(tmp_path) -> None:
    path = write(tmp_path / "p.csv", "lon,lat\n5.5,46.5\n2.35,48.86\n")
    assert len(read_points(path, bounds=BOUNDS)) == 2


# -- what is refused ----------------------------------------------------------------------------

CSV = {
    "lon,lat\n5.5,46.5\n5.6,\n": "lon or lat is no number in lines 3",
    "lon,lat\nnan,46.5\n5.6,46.6\ninf,1\n": "lon or lat is no number in lines 2, 4",
    "lon,lat\n5.5,46.5\nest,46\n": "lon or lat is no number in lines 3",
    "lon,lat\n": "has no rows; at least one point",
    "lon,lat\n46.5,5.5\n46.6,5.6\n": "longitude and latitude seem swapped in rows 1, 2",
    "lon,lat\n5.5,46.5\n46.6,5.6\n": "longitude and latitude seem swapped in rows 2",
    "lon,lat\n2.35,48.86\n": "none of 1 points lies on the study's roads",
    "lon,lat\n900000,6600000\n": "rows 1 are no longitude and latitude in degrees",
    "lon,lat\n5.5,46.5\n5.5,91\n181,0\n": "rows 2, 3 are no longitude and latitude",
    "id,lon,lat\na,5.5,46.5\nb,5.5,46.5\na,5.6,46.6\n": "the id repeats: a;",
    "adresse,ville\nrue,Dole\n": "has neither lon and lat nor INSEE codes; its columns are adresse",
    "lon,ville\n5.5,Dole\n": "has neither lon and lat nor INSEE codes",
    "code_insee\n39001\n39999\n75056\n": "not communes of the study: 39999, 75056; codes such as",
    "code_insee,x\n39001,1\n,2\n": "not communes of the study: (empty)",
    "code_insee\n1\n": "not communes of the study: 1",
    "lon,lat\n1,2,3\n1,2\n1,2,3,4\n": "another number of cells in lines 2, 4",
    "lon,lat\n5,5,46.5\n": "another number of cells in lines 2",
    "": "is empty",
    "id,lon,lat\na,5.5,46.5\n,5.6,46.6\n": "the id is empty in rows 2",
    "lon,lat,label_date\n5.5,46.5,2022-11-15\n5.6,46.6,soon\n": "'soon' is no label date in rows 2",
    "lon,lat,label_date\n5.5,46.5,31/02/2022\n": "is no label date in rows 1",
}


@pytest.mark.parametrize(("text", "expected"), CSV.items())
def test_bad_csv(tmp_path, text: str, expected: str) -> None:
    path = write(tmp_path / "bad.csv", text)
    message = refuse(path, communes=communes_table(), bounds=BOUNDS)
    assert expected in message


def test_codes_where_there_are_no_communes(tmp_path) -> None:
    path = write(tmp_path / "bad.csv", "code_insee\n39001\n")
    assert "INSEE codes only; lon and lat are expected" in refuse(path)


def test_wrong_encoding(tmp_path) -> None:
    path = write(tmp_path / "bad.csv", "nom,lon,lat\nÉcole,5.5,46.5\n", "latin-1")
    assert "is not UTF-8" in refuse(path)


@pytest.mark.parametrize("name", ["p.xlsx", "p", "p.txt", "p.shp"])
def test_unknown_suffix(tmp_path, name: str) -> None:
    path = write(tmp_path / name, "lon,lat\n5,46\n")
    assert "is not known; expected are .csv, .geojson, .gpkg or .parquet" in refuse(path)


def test_absent_file_and_folder(tmp_path) -> None:
    assert "is not there" in refuse(tmp_path / "none.csv", MissingInputError)
    (tmp_path / "folder.gpkg").mkdir()
    assert "is not there" in refuse(tmp_path / "folder.gpkg", MissingInputError)


@pytest.mark.parametrize("name", ["p.gpkg", "p.parquet"])
def test_layer_without_crs(tmp_path, name: str) -> None:
    if name == "p.gpkg":
        with pytest.warns(UserWarning, match="crs"):
            path = layer(tmp_path / name, TWO, None)
    else:
        path = layer(tmp_path / name, TWO, None)
    assert "has no CRS" in refuse(path, CrsError)


@pytest.mark.parametrize("name", ["p.gpkg", "p.geojson", "p.parquet"])
def test_layer_of_polygons(tmp_path, name: str) -> None:
    path = layer(tmp_path / name, [shapely.Point(5, 46).buffer(1)] * 2)
    assert "points are expected; features 1, 2 hold none" in refuse(path)


@pytest.mark.parametrize("name", ["p.gpkg", "p.geojson", "p.parquet"])
def test_layer_with_an_empty_feature(tmp_path, name: str) -> None:
    path = layer(tmp_path / name, [shapely.Point(5, 46), None])
    assert "features 2 hold none" in refuse(path)


def test_layer_whose_coordinates_are_not_finite(tmp_path) -> None:
    shapes = [shapely.Point(700_000, 5_200_000), shapely.Point(1e9, 1e9)]
    path = layer(tmp_path / "p.parquet", shapes, "EPSG:32631")
    assert "some coordinates are not finite in EPSG:32631" in refuse(path)


@pytest.mark.parametrize("name", ["p.gpkg", "p.geojson", "p.parquet"])
def test_layer_without_rows(tmp_path, name: str) -> None:
    table = gpd.GeoDataFrame({"id": pd.Series([], dtype=str)}, geometry=[], crs="EPSG:4326")
    path = tmp_path / name
    table.to_parquet(path) if name == "p.parquet" else table.to_file(path, geometry_type="Point")
    assert "has no rows" in refuse(path, bounds=BOUNDS)


def test_tables_without_geometry(tmp_path) -> None:
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "plain.parquet")
    refuse(tmp_path / "plain.parquet")
    write(tmp_path / "plain.json", '{"a": 1}')
    refuse(tmp_path / "plain.json")


@pytest.mark.parametrize("name", ["p.gpkg", "p.geojson", "p.json", "p.parquet", "p.csv"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_random_bytes(tmp_path, name: str, seed: int) -> None:
    path = tmp_path / name
    path.write_bytes(np.random.default_rng(seed).bytes(2000))
    refuse(path)


@pytest.mark.parametrize("name", ["p.gpkg", "p.geojson", "p.parquet"])
def test_file_cut_short(tmp_path, name: str) -> None:
    path = layer(tmp_path / name, list(TWO) * 50)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refuse(path)


def test_repeated_ids_in_a_layer(tmp_path) -> None:
    assert "the id repeats: 4" in refuse(layer(tmp_path / "p.gpkg", TWO, id=[4, 4]))


@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.tuples(st.floats(5, 6.5, width=32), st.floats(46, 47.5, width=32)),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from([(",", "."), (";", ","), (";", "."), ("\t", ",")]),
)
def test_whatever_the_spreadsheet_writes_comes_back(tmp_path_factory, xy, marks) -> None:
    separator, decimal = marks
    rows = [separator.join(repr(float(v)).replace(".", decimal) for v in row) for row in xy]
    path = tmp_path_factory.mktemp("p") / "p.csv"
    write(path, "\n".join([f"lon{separator}lat", *rows]) + "\n")
    points = read_points(path, bounds=BOUNDS)
    found = np.column_stack([points.geometry.x, points.geometry.y])
    assert np.array_equal(found, np.array(xy, dtype=float))


def test_messages_are_one_sentence(tmp_path) -> None:
    path = write(tmp_path / "bad.csv", "lon,lat\n46.5,5.5\n")
    message = refuse(path, bounds=BOUNDS)
    assert re.fullmatch(r".*bad\.csv: longitude and latitude seem swapped in rows 1 "
                        r"\(found 46\.5, 5\.5\); exchange the two columns\.", message)  # fmt: skip


def test_layer_of_attributes_alone(tmp_path) -> None:
    path = tmp_path / "plain.gpkg"
    pyogrio.write_dataframe(pd.DataFrame({"code": ["39001"]}), path, driver="GPKG")
    assert "has no geometry; points are expected" in refuse(path)
