"""ANCT's national list of France services."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from studies import sites_table

from accessibility.analysis.choices import counted_sites
from accessibility.errors import InputError
from accessibility.inputs.catalogue import catalogue
from accessibility.inputs.csv import read_csv
from accessibility.inputs.sites import DAYS, read_france_services

HEAD = ["id_fs", "insee_dep", "lib_fs", "adresse", "insee_com", "latitude", "longitude", *DAYS,
        "prise_rdv", "commentaire", "type_fs", "format_fs", "labellisation_fs"]  # fmt: skip


def site(number: int, **values: str) -> dict[str, str]:
    return {
        "id_fs": str(number), "insee_dep": "39", "lib_fs": f"site {number}", "insee_com": "39001",
        "latitude": "46.5", "longitude": "5.5", "type_fs": "Principal", "format_fs": "Fixe",
        "labellisation_fs": "Espace labellisé 01/02/2020", **values,
    }  # fmt: skip


def write(path: Path, *sites: dict[str, str], without: str = "") -> Path:
    head = [name for name in HEAD if name != without]
    pd.DataFrame(list(sites), columns=head).to_csv(path, index=False)
    return path


def test_dates_are_day_first(tmp_path) -> None:
    path = write(
        tmp_path / "s.csv",
        site(1),
        site(2, labellisation_fs="Espace labellisé 31/12/2021"),
        site(3, labellisation_fs="labellisé le 15/11/2022, renouvelé"),
    )
    sites = read_france_services(path, "39")
    days = [str(d.date()) for d in sites["label_date"]]
    assert days == ["2020-02-01", "2021-12-31", "2022-11-15"]


def test_sites_of_the_departement_are_in_the_study(tmp_path) -> None:
    path = write(
        tmp_path / "s.csv",
        site(1, longitude="5.25", latitude="46.75", h_lundi="09:00 - 12:00"),
        site(2, insee_dep="01", type_fs="Antenne"),
    )
    sites = read_france_services(path, "39")
    assert sites["facility_id"].tolist() == ["1", "2"]
    assert sites["in_study"].tolist() == [True, False]
    assert sites["kind"].tolist() == ["Principal", "Antenne"]
    assert (sites.geometry.x[0], sites.geometry.y[0]) == (5.25, 46.75)
    assert sites.crs.to_epsg() == 4326
    assert sites["h_lundi"][0] == "09:00 - 12:00"
    assert sites["format"].tolist() == ["Fixe", "Fixe"]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"labellisation_fs": "bientôt"}, "no label date can be read in lines 3"),
        ({"labellisation_fs": ""}, "no label date can be read in lines 3"),
        ({"labellisation_fs": "31/02/2020"}, "no label date can be read in lines 3"),
        ({"latitude": "north"}, "no coordinates can be read in lines 3"),
        ({"longitude": ""}, "no coordinates can be read in lines 3"),
        ({"id_fs": "1"}, "repeats facility_id 1"),
        ({"id_fs": ""}, "has no facility_id in rows 1"),
    ],
)
def test_faulty_rows_are_named(tmp_path, fault: dict[str, str], message: str) -> None:
    path = write(tmp_path / "s.csv", site(1), site(2, **fault))
    with pytest.raises(InputError, match=message) as caught:
        read_france_services(path, "39")
    assert "s.csv" in str(caught.value)


@pytest.mark.parametrize("column", ["id_fs", "labellisation_fs", "latitude", "insee_dep"])
def test_missing_column_is_named(tmp_path, column: str) -> None:
    path = write(tmp_path / "s.csv", site(1), without=column)
    with pytest.raises(InputError, match=f"France services .* lacks the columns {column}"):
        read_france_services(path, "39")


def test_counted_are_principal_sites_labelled_by_the_day() -> None:
    sites = sites_table()
    day = dt.date(2021, 6, 1)
    assert counted_sites(sites, day)["facility_id"].tolist() == ["f1"]
    assert counted_sites(sites, day, around=True)["facility_id"].tolist() == ["f1", "n1"]
    before = day - dt.timedelta(days=1)
    assert counted_sites(sites, before, around=True)["facility_id"].tolist() == ["f1"]
    undated = sites.assign(label_date=pd.NaT)
    assert counted_sites(undated, day)["facility_id"].tolist() == ["f1", "f2"]


# -- the list as it is --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def listed(shared_data: Path) -> gpd.GeoDataFrame:
    return read_france_services(shared_data / catalogue()["sites"].file, "39")


@pytest.mark.parametrize(
    ("day", "n"),
    [
        ("2020-01-31", 3),
        ("2020-08-31", 5),
        ("2020-12-01", 8),
        ("2021-01-15", 14),
        ("2022-07-31", 24),
        ("2022-11-14", 24),
        ("2022-11-15", 25),
    ],
)
def test_sites_of_the_jura_by_date(listed: gpd.GeoDataFrame, day: str, n: int) -> None:
    assert len(counted_sites(listed, dt.date.fromisoformat(day))) == n


def test_the_national_list(listed: gpd.GeoDataFrame) -> None:
    assert len(listed) == 2_845
    assert listed["kind"].value_counts().to_dict() == {"Principal": 2_721, "Antenne": 124}
    by_then = counted_sites(listed, dt.date(2022, 11, 15), around=True)
    assert len(by_then) == 2_538


def test_the_25_sites(listed: gpd.GeoDataFrame, shared_data: Path) -> None:
    known = read_csv(shared_data / "sites" / "france-services-jura-2022-11.csv", what="the sites")
    found = counted_sites(listed, dt.date(2022, 11, 15)).set_index("facility_id")
    assert sorted(found.index) == sorted(known["id_fs"])
    known = known.set_index("id_fs").loc[found.index]
    assert found["code_insee"].tolist() == known["code_insee"].tolist()
    assert found["name"].tolist() == known["nom"].tolist()
    assert [str(d.date()) for d in found["label_date"]] == known["date_label"].tolist()
    assert found.geometry.x.tolist() == pytest.approx(known["lon"].astype(float).tolist())
    assert found.geometry.y.tolist() == pytest.approx(known["lat"].astype(float).tolist())
