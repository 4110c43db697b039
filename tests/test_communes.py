"""INSEE's, DGCL's and IGN's files: their layouts, their defects, and the Jura in full."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from regions import write_region_inputs

from accessibility.errors import InputError, MissingInputError, UnknownNameError
from accessibility.inputs import communes as source
from accessibility.inputs.catalogue import Dataset, catalogue, locate, sha256
from accessibility.inputs.communes import (
    is_pseudo_canton,
    read_cantons,
    read_code_list,
    read_communes,
    read_contours,
    read_epci,
    read_population,
    read_successors,
)
from accessibility.inputs.csv import read_csv
from accessibility.inputs.settings import number, numbers, read_toml


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


# -- csv ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_of_any_spreadsheet(tmp_path, separator: str, encoding: str, end: str) -> None:
    rows = [["code", "nom"], ["01001", " L'Abergement-Clémenciat "], ["39001", ""], ["NA", "nan"]]
    path = write(tmp_path / "a.csv", end.join(separator.join(r) for r in rows) + end, encoding)
    table = read_csv(path, columns=["code"], what="the list")
    assert table.index.tolist() == [2, 3, 4]  # lines of the file
    assert table["code"].tolist() == ["01001", "39001", "NA"]  # text, leading zero kept
    assert table["nom"].tolist()[0] == "L'Abergement-Clémenciat"
    assert pd.isna(table["nom"].iloc[1])
    assert table["nom"].iloc[2] == "nan"  # a name, not an empty cell


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "is empty"),
        (b"a,b\n1,2\n1,2,3\n", "another number of cells in lines 3"),
        ("nom\nChâtillon\n".encode("latin-1"), "is not UTF-8"),
        (("nom\n" + "a\n" * 9000 + "Ch\xe2tillon\n").encode("latin-1"), "is not UTF-8"),
        (b"x,y\n1,2\n", "lacks the columns code, nom; it has x, y"),
    ],
)
def test_csv_that_cannot_be_read(tmp_path, content: bytes, text: str) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(InputError, match=text) as caught:
        read_csv(tmp_path / "a.csv", columns=["code", "nom"], what="the list")
    assert "the list" in str(caught.value)
    assert "a.csv" in str(caught.value)


def test_csv_that_is_absent(tmp_path) -> None:
    with pytest.raises(MissingInputError, match=r"the list .*none\.csv is not there"):
        read_csv(tmp_path / "none.csv", what="the list")


# -- populations --------------------------------------------------------------------------------

LAYOUTS = {
    2019: "REG;DEP;COM;PMUN;PCAP;PTOT\n84;01;01001;779;19;798\n94;2A;2A004;70 659;1;2\n"
    "01;971;97101;1\u202f234;1;2\n",
    2020: "CODREG;REG;CODDEP;CODARR;CODCAN;CODCOM;COM;PMUN;PCAP;PTOT\n"
    "84;Rhône;01;2;08;001;L'Abergement;779;15;821\n94;Corse;2A;1;01;004;Ajaccio;70\xa0659;1;2\n"
    "01;Guadeloupe;971;1;01;101;Les Abymes;1 234;1;2\n",
    2021: "REG;Région;DEP;CODARR;CODCAN;CODCOM;COM;Commune;PMUN;PCAP;PTOT\n"
    "84;Rhône;01;2;08;001;01001;L'Abergement;779;16;848\n"
    "94;Corse;2A;1;01;004;2A004;Ajaccio;70 659;1;2\n"
    "01;Guadeloupe;971;1;01;101;97101;Les Abymes;1234;1;2\n",
}


@pytest.mark.parametrize("year", LAYOUTS)
def test_population_in_the_layout_of_each_year(tmp_path, year: int) -> None:
    found = read_population(write(tmp_path / "p.csv", LAYOUTS[year]))
    assert found.to_dict() == {"01001": 779, "2A004": 70_659, "97101": 1234}
    assert found.index.name == "code_insee"


@pytest.mark.parametrize("departement", ["DEP", "CODDEP"])
def test_population_with_codes_that_lost_their_zeros(tmp_path, departement: str) -> None:
    text = f"{departement};CODCOM;PMUN\n39;1;5\n39;12;6\n39;345;7\n"
    found = read_population(write(tmp_path / "p.csv", text))
    assert found.to_dict() == {"39001": 5, "39012": 6, "39345": 7}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("COM;PTOT\n39001;5\n", "lacks the columns PMUN"),
        ("REG;PMUN\n27;5\n", "neither COM nor DEP with CODCOM"),
        ("CODCOM;PMUN\n001;5\n", "neither COM nor DEP with CODCOM"),
        ("COM;PMUN\n39001;5\n39001;6\n", "repeats in lines 3"),
        ("COM;PMUN\n39001;5\n39002;many\n39003;\n", "in lines 3, 4"),
        ("COM;PMUN\n3901;5\n39O02;6\n39002;7\n", "in lines 2, 3"),
        ("COM;PMUN\n39001;5\n;6\n", "in lines 3"),
    ],
)
def test_population_with_faults_names_the_lines(tmp_path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_population(write(tmp_path / "p.csv", text))
    assert "p.csv" in str(caught.value)


# -- the other lists ----------------------------------------------------------------------------


def test_code_list_keeps_communes_in_their_own_right(tmp_path) -> None:
    text = (
        "TYPECOM,COM,DEP,LIBELLE,CAN,COMPARENT\nCOM,39002,39,Beta,3901,\nCOMD,39001,,Old,,39001\n"
        "COM,39001,39,Alpha,3999,\nARM,69381,69,Lyon 1er,,69123\nCOM,69123,69,Lyon,,\n"
        "COMA,39003,,Gone,,39002\nCOMD,39004,,Gone too,,39002\n"
    )
    path = write(tmp_path / "c.csv", text)
    table = read_code_list(path)
    assert table["code_insee"].tolist() == ["39001", "39002", "69381"]
    assert table["name"].tolist() == ["Alpha", "Beta", "Lyon 1er"]
    assert table["canton_code"].isna().tolist() == [False, False, True]
    assert table["city"].tolist()[2] == "69123"
    assert read_successors(path).to_dict() == {"39003": "39002", "39004": "39002"}


def test_epci_mends_the_apostrophes(tmp_path) -> None:
    text = "insee,siren,raison_sociale\n39001,1,CC Terre d?Emeraude\n39001,2,Other\n39002,1,X\n"
    table = read_epci(write(tmp_path / "e.csv", text))
    assert table["epci_name"].tolist() == ["CC Terre d’Emeraude", "X"]
    assert table["epci_code"].tolist() == ["1", "1"]


def test_epci_as_the_publisher_has_it(tmp_path) -> None:
    table = pd.DataFrame({"dept": ["01"], "insee": ["01001"], "siren": ["200"],
                          "raison_sociale": [" CC d?Ain "]})  # fmt: skip
    table.to_excel(tmp_path / "e.xlsx", index=False)
    found = read_epci(tmp_path / "e.xlsx")
    assert found.to_numpy().tolist() == [["01001", "200", "CC d’Ain"]]
    table.drop(columns="siren").to_excel(tmp_path / "f.xlsx", index=False)
    with pytest.raises(InputError, match="lacks the columns siren"):
        read_epci(tmp_path / "f.xlsx")
    (tmp_path / "g.xlsx").write_bytes(b"no archive")
    with pytest.raises(InputError, match="cannot be read as XLSX"):
        read_epci(tmp_path / "g.xlsx")
    with pytest.raises(MissingInputError, match="is not there"):
        read_epci(tmp_path / "none.xlsx")


@pytest.mark.parametrize("column", ["insee_com", "code"])
def test_chefs_lieux_of_any_publisher(files, tmp_path, column: str) -> None:
    layer = gpd.read_file(files["chefs_lieux"]).rename(columns={"cinseea": column})
    files["chefs_lieux"] = tmp_path / "other.gpkg"
    layer.to_crs(2154).to_file(files["chefs_lieux"])
    communes = read_communes(files, "39")
    assert communes["chef_lieu_lon"].tolist() == pytest.approx([5.1, 5.2])
    layer.rename(columns={column: "commune"}).to_file(files["chefs_lieux"])
    with pytest.raises(InputError, match="lacks the column cinseea or insee_com or code"):
        read_communes(files, "39")


def test_cantons_say_which_town_they_divide(tmp_path) -> None:
    text = "canton_code,canton_nom,ville_partagee_code\n3902,B,39004\n3901,A,\n"
    table = read_cantons(write(tmp_path / "c.csv", text))
    assert table["canton_code"].tolist() == ["3901", "3902"]
    assert table["split_town"].isna().tolist() == [True, False]
    with pytest.raises(InputError, match="lacks the columns ville_partagee_code"):
        read_cantons(write(tmp_path / "d.csv", "canton_code,canton_nom\n1,A\n"))


def test_pseudo_cantons_are_numbered_downwards_from_99() -> None:
    codes = pd.Series(["3901", "3917", "5979", "5980", "3998", "3999", "2A01", "2A99", None])
    assert is_pseudo_canton(codes).tolist() == [
        False, False, False, True, True, True, False, True, False,
    ]  # fmt: skip


# -- all of it together -------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path) -> dict[str, Path]:
    write(
        tmp_path / "cog.csv",
        "TYPECOM,COM,DEP,LIBELLE,CAN,COMPARENT\nCOM,39002,39,Beta,3999,\n"
        "COM,39001,39,Alpha,3901,\nCOM,01001,01,Gamma,0101,\nCOMA,39009,,Gone,,39001\n",
    )
    write(tmp_path / "epci.csv", "insee,siren,raison_sociale\n39001,1,CC\n")
    write(tmp_path / "p.csv", "COM;PMUN\n39001;5\n01001;9\n")
    write(tmp_path / "k.csv", "canton_code,canton_nom,ville_partagee_code\n3901,Arbois,\n")
    codes = ["01001", "39002", "39001"]
    points = shapely.points([(5.0, 46.0), (5.2, 46.6), (5.1, 46.5)])
    at = gpd.GeoDataFrame({"cinseea": codes}, geometry=points, crs="EPSG:4326")
    at.to_file(tmp_path / "points.geojson")
    shapes = at.rename(columns={"cinseea": "code"}).to_crs("EPSG:2154")
    shapes["geometry"] = shapes.buffer(1000)
    shapes.to_file(tmp_path / "shapes.gpkg")
    return {
        "cog": tmp_path / "cog.csv",
        "epci": tmp_path / "epci.csv",
        "population_2019": tmp_path / "p.csv",
        "cantons": tmp_path / "k.csv",
        "chefs_lieux": tmp_path / "points.geojson",
        "contours": tmp_path / "shapes.gpkg",
    }


def test_communes_join_all_files(files: dict[str, Path]) -> None:
    communes = read_communes(files, "39")
    assert communes["code_insee"].tolist() == ["39001", "39002"]
    assert communes["canton_name"].tolist() == ["Arbois", "Beta (town, divided)"]
    assert communes["epci_name"].isna().tolist() == [False, True]
    assert communes["population_2019"][0] == 5
    assert np.isnan(communes["population_2019"][1])
    assert communes["chef_lieu_lon"].tolist() == pytest.approx([5.1, 5.2])
    assert communes["chef_lieu_lat"].tolist() == pytest.approx([46.5, 46.6])
    assert communes.crs.to_epsg() == 4326
    assert communes.geometry[0].contains(shapely.Point(5.1, 46.5))  # not the other commune's
    assert communes.geometry[1].contains(shapely.Point(5.2, 46.6))


def test_communes_without_a_table_of_cantons(files: dict[str, Path]) -> None:
    del files["cantons"]
    names = read_communes(files, "39")["canton_name"]
    assert pd.isna(names[0])
    assert names[1] == "Beta (town, divided)"


def test_unknown_departement(files: dict[str, Path]) -> None:
    with pytest.raises(UnknownNameError, match=r"no département '99'; known are 01 to 39 \(2\)"):
        read_communes(files, "99")


def test_commune_without_a_contour_is_named(files, tmp_path) -> None:
    layer = gpd.read_file(files["contours"])
    files["contours"] = tmp_path / "less.gpkg"
    layer[layer["code"] != "39002"].to_file(files["contours"])
    with pytest.raises(InputError, match="39002 of département 39 have no contour"):
        read_communes(files, "39")


def test_commune_without_a_chef_lieu_has_that_of_a_former_commune_or_a_point(
    files, tmp_path
) -> None:
    layer = gpd.read_file(files["chefs_lieux"]).replace({"cinseea": {"39001": "39009"}})
    files["chefs_lieux"] = tmp_path / "less.gpkg"
    layer[layer["cinseea"] != "39002"].to_file(files["chefs_lieux"])
    communes = read_communes(files, "39")
    assert communes["chef_lieu_source"].tolist() == ["former commune", "contour"]
    assert communes["chef_lieu_lon"][0] == pytest.approx(5.1)
    where = shapely.Point(*communes.loc[1, ["chef_lieu_lon", "chef_lieu_lat"]])
    assert communes.geometry[1].contains(where)


def test_an_older_geography_is_summed_into_the_communes_of_the_code_list(files, tmp_path) -> None:
    files["population_2018"] = write(tmp_path / "q.csv", "COM;PMUN\n39001;5\n39009;7\n39002;1\n")
    communes = read_communes(files, "39")
    assert communes["population_2018"].tolist() == [12, 1]
    assert communes["population_2019"][0] == 5


def test_a_city_is_counted_by_arrondissement(files, tmp_path) -> None:
    write(
        files["cog"],
        "TYPECOM,COM,DEP,LIBELLE,CAN,COMPARENT\nCOM,69123,69,Lyon,,\nCOM,69001,69,Affoux,6901,\n"
        "ARM,69381,69,Lyon 1,,69123\nARM,69382,69,Lyon 2,,69123\nARM,69383,69,Lyon 3,,69123\n",
    )
    write(files["epci"], "insee,siren,raison_sociale\n69123,9,Metropole\n69001,8,CC\n")
    write(files["population_2019"], "COM;PMUN\n69381;5\n69382;6\n69383;7\n69001;1\n")
    at = [(4.80, 45.75), (4.85, 45.75), (4.85, 45.75), (4.50, 45.80)]
    places = gpd.GeoDataFrame({"cinseea": ["69381", "69382", "69383", "69001"]},
                              geometry=shapely.points(at), crs="EPSG:4326")  # fmt: skip
    places.to_file(files["chefs_lieux"])
    city = shapely.box(4.78, 45.70, 4.90, 45.80)
    shapes = [city, shapely.box(4.4, 45.7, 4.6, 45.9)]
    contours = gpd.GeoDataFrame({"code": ["69123", "69001"]}, geometry=shapes, crs="EPSG:4326")
    files["contours"] = tmp_path / "city.gpkg"
    contours.to_file(files["contours"])
    communes = read_communes(files, "69").set_index("code_insee")
    assert list(communes.index) == ["69001", "69381", "69382", "69383"]
    assert communes["population_2019"].tolist() == [1, 5, 6, 7]
    assert communes["epci_name"].tolist() == ["CC", *["Metropole"] * 3]
    assert communes["canton_code"].isna().tolist() == [False, True, True, True]
    parts = communes.geometry[["69381", "69382"]]
    assert parts.union_all().equals(city)
    assert parts.iloc[0].intersection(parts.iloc[1]).area == pytest.approx(0)
    assert parts.iloc[0].contains(shapely.Point(at[0]))
    assert communes.geometry["69383"].equals(parts.iloc[1])  # one chef-lieu for both
    own = communes.reset_index()[["code_insee", "geometry"]].rename(columns={"code_insee": "code"})
    own.loc[own["code"] == "69381", "geometry"] = shapely.box(4.78, 45.70, 4.79, 45.71)
    own.to_file(files["contours"])
    again = read_communes(files, "69").set_index("code_insee").geometry
    assert again["69381"].area == pytest.approx(1e-4)


def test_layers_that_cannot_be_read(files: dict[str, Path], tmp_path) -> None:
    with pytest.raises(MissingInputError, match="is not there"):
        read_communes({**files, "contours": tmp_path / "none.gpkg"}, "39")
    bad = tmp_path / "bad.gpkg"
    bad.write_bytes(b"\x00\x01\x02 no layer")
    with pytest.raises(InputError, match=r"bad\.gpkg cannot be read as a layer"):
        read_communes({**files, "contours": bad}, "39")
    with pytest.raises(InputError, match="lacks the column code"):
        read_communes({**files, "contours": files["chefs_lieux"]}, "39")


# -- catalogue and settings ---------------------------------------------------------------------


def test_catalogue_tells_where_each_file_comes_from() -> None:
    for key, data in catalogue().items():
        assert isinstance(data, Dataset)
        assert data.key == key
        assert data.title
        assert data.publisher
        assert data.licence
        assert data.attribution
        if key != "osm":
            assert len(data.sha256) == 64
            assert data.file


def test_locate_names_every_missing_file_at_once(tmp_path) -> None:
    with pytest.raises(MissingInputError, match="is not there"):
        locate(tmp_path / "none", "39")
    with pytest.raises(MissingInputError) as caught:
        locate(tmp_path, "39")
    wanted = [d.file for d in catalogue().values() if d.file]
    assert all(file in str(caught.value) for file in wanted)
    for file in wanted:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    assert "cantons" in locate(tmp_path, "39")
    assert "cantons" not in locate(tmp_path, "01")  # a table of the Jura alone
    (tmp_path / catalogue()["cantons"].file).unlink()
    assert set(locate(tmp_path, "01")) == {k for k, d in catalogue().items() if d.file} - {
        "cantons"
    }


def test_sha256(tmp_path) -> None:
    assert sha256(write(tmp_path / "a", "abc")).startswith("ba7816bf8f01cfea")


def test_toml_and_numbers(tmp_path) -> None:
    with pytest.raises(MissingInputError, match=r"the profile .* cannot be read: No such file"):
        read_toml(tmp_path / "none.toml", what="the profile")
    with pytest.raises(InputError, match=r"is not valid TOML.*line 2"):
        read_toml(write(tmp_path / "a.toml", "a = 1\nb =\n"), what="the profile")
    with pytest.raises(InputError, match="is not valid TOML"):
        read_toml(write(tmp_path / "b.toml", "a = 'é'", "latin-1"), what="the profile")
    assert number({"a": 2}, "a", source="x") == 2.0
    assert numbers({}, "t", source="x") == {}
    assert numbers({"t": {"a": 1, "b": 2.5}}, "t", source="x") == {"a": 1.0, "b": 2.5}


@pytest.mark.parametrize("value", [None, True, "3", -0.1, float("nan"), [1]])
def test_what_is_no_number(value: object) -> None:
    with pytest.raises(ValueError, match=r"x: a is .*; a number of at least 0 is expected"):
        number({"a": value}, "a", source="x")
    with pytest.raises(ValueError, match=r"x: \[t\] is not a table"):
        numbers({"t": value}, "t", source="x")
    with pytest.raises(ValueError, match=r"x \[t\]: a is"):
        numbers({"t": {"a": value}}, "t", source="x")


# -- the Jura -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def jura_communes(shared_data: Path) -> gpd.GeoDataFrame:
    return read_communes(locate(shared_data, "39"), "39")


def test_the_494_communes(jura_communes: gpd.GeoDataFrame) -> None:
    assert len(jura_communes) == 494
    sums = {2019: 259_199, 2020: 258_798, 2021: 258_555}
    for year, people in sums.items():
        assert jura_communes[f"population_{year}"].sum() == people
        assert jura_communes[f"population_{year}"].notna().all()
    assert jura_communes["epci_code"].nunique() == 14
    pseudo = jura_communes[is_pseudo_canton(jura_communes["canton_code"])]
    assert dict(zip(pseudo["name"], pseudo["canton_code"], strict=True)) == {
        "Dole": "3998",
        "Lons-le-Saunier": "3999",
    }
    area_km2 = jura_communes.to_crs("EPSG:2154").area.sum() / 1e6
    assert area_km2 == pytest.approx(5_040.2, rel=0.003)  # Lambert-93 shortens


def test_the_joined_table_agrees(jura_communes: gpd.GeoDataFrame, shared_data: Path) -> None:
    joined = read_csv(shared_data / "communes" / "jura-communes.csv", what="the joined table")
    joined = joined.set_index("code").loc[jura_communes["code_insee"]].reset_index()
    assert jura_communes["name"].tolist() == joined["nom"].tolist()
    assert jura_communes["canton_code"].tolist() == joined["canton_code"].tolist()
    assert jura_communes["epci_code"].tolist() == joined["epci_siren"].tolist()
    # the EPCI list has no accent on a capital and a space too many; the joined table mends them
    names = [" ".join(n.replace("’", "'").split()) for n in jura_communes["epci_name"]]
    assert names == [n.replace("’", "'").replace("É", "E") for n in joined["epci_nom"]]
    for year in (2019, 2020, 2021):
        expected = joined[f"pmun_{year}"].astype(float)
        assert jura_communes[f"population_{year}"].tolist() == expected.tolist()
    for axis in ("lon", "lat"):
        expected = joined[f"chef_lieu_{axis}"].astype(float).to_numpy()
        assert np.allclose(jura_communes[f"chef_lieu_{axis}"], expected, atol=1e-6)
    whole = ~is_pseudo_canton(jura_communes["canton_code"])
    assert (jura_communes["canton_name"][whole] == joined["canton_nom"][whole]).all()


def test_contours_of_several_are_those_of_each_and_shared_files_are_read_once(tmp_path):
    inputs = write_region_inputs(tmp_path / "inputs")
    files = {code: locate(inputs, code) for code in ("25", "39")}
    with mock.patch.object(source, "read_csv", wraps=read_csv) as read:
        found = read_contours(files)
    read.assert_called_once()
    for code, contours in found.items():
        assert contours.geom_equals(read_communes(files[code], code).geometry).all()
    assert list(found) == ["25", "39"]
    with pytest.raises(UnknownNameError, match="there is no département '99'"):
        read_contours({"99": files["39"]})
