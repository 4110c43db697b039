"""The catalogue: complete, true to the files that were held, and able to say what is missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from accessibility.errors import MissingInputError, SettingError, UnknownNameError
from accessibility.inputs.catalogue import (
    catalogue,
    check_departement,
    dataset,
    locate,
    sha256,
    to_download,
)

KNOWN = catalogue(everything=True)
STUDY = {
    "osm", "cog", "population_2019", "population_2020", "population_2021", "epci", "chefs_lieux",
    "contours", "cantons", "sites",
}  # fmt: skip
METROPOLE = [f"{n:02}" for n in range(1, 96) if n != 20] + ["2A", "2B"]
DEPARTEMENTS = sorted([*METROPOLE, "971", "972", "973", "974", "976"])


def put(folder: Path, *keys: str) -> Path:
    for key in keys:
        path = folder / KNOWN[key].file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


@pytest.mark.parametrize("key", KNOWN)
def test_each_entry_tells_what_it_is(key: str) -> None:
    data = KNOWN[key]
    assert data.title
    assert data.publisher
    assert data.licence
    assert data.attribution
    assert data.format
    assert data.extent
    assert data.stands_for in ("", *STUDY)
    assert data.optional == (key not in STUDY)
    assert re.fullmatch(r"[0-9a-f]{64}|", data.sha256)
    if key != "osm":
        assert data.vintage
        assert bool(data.url) != bool(data.made), "either an address, or how it was made"
        assert data.unverified == bool(data.url), "no address could be tried here"
        assert data.sha256 or data.url
    for address in (data.url, data.md5_url, data.landing):
        assert address == "" or re.match(r"https://[^ ]+$", address)


def test_each_entry_has_a_file_of_its_own() -> None:
    files = [data.file for key, data in KNOWN.items() if key != "osm"]
    assert len(set(files)) == len(files)
    assert all(re.fullmatch(r"(osm|communes|population|sites)/[^/]+", file) for file in files)


def test_each_file_that_was_held_has_its_checksum(shared_data: Path) -> None:
    held = {
        path.relative_to(shared_data).as_posix(): sha256(path)
        for path in shared_data.rglob("*")
        if path.is_file() and path.name != "README.md"
    }
    assert {data.file: data.sha256 for data in KNOWN.values() if data.sha256} == held


def test_a_study_is_built_from_few_of_them() -> None:
    assert set(catalogue()) == STUDY
    assert catalogue().items() <= KNOWN.items()


def test_one_extract_of_geofabrik_for_each_departement() -> None:
    extracts = [data for data in KNOWN.values() if "geofabrik.de" in data.url]
    covered = [code for data in extracts for code in data.extent if code[0].isdigit()]
    assert sorted(covered) == DEPARTEMENTS
    data = KNOWN["osm_franche_comte"]
    assert data.file == "osm/franche-comte-230101.osm.pbf"
    assert data.url == f"https://download.geofabrik.de/europe/france/{data.file[4:]}"
    assert data.md5_url == f"{data.url}.md5"
    assert data.vintage == "2023-01-01"
    assert "https://download.geofabrik.de/europe/switzerland-230101.osm.pbf" in {
        data.url for data in extracts
    }


def test_a_dataset_by_its_key() -> None:
    assert dataset("cog") == dataset("cog", "39") == KNOWN["cog"]
    part = dataset("contours_today", "2A")
    assert part.file == "communes/contours-today-2A.geojson"
    assert part.extent == ("2A",)
    assert "/departements/2A/communes?" in part.url
    with pytest.raises(UnknownNameError, match=r"no dataset 'cogg'; `accessibility data list`"):
        dataset("cogg")
    with pytest.raises(SettingError, match="contours_today has a file for each département"):
        dataset("contours_today")


def test_departements_are_known() -> None:
    assert [check_departement(code) for code in DEPARTEMENTS] == DEPARTEMENTS
    for code in ("99", "20", "1", "", "France", "Switzerland"):
        with pytest.raises(
            UnknownNameError, match=rf"no département '{code}'; known are 01 to 976"
        ):
            check_departement(code)


def test_what_is_missing_is_named_with_what_brings_it(tmp_path: Path) -> None:
    folder = tmp_path / "my inputs"
    command = f"`accessibility data download --departement 25 --inputs '{folder}'`"
    with pytest.raises(MissingInputError, match=re.escape(f"is not there; {command} fills one")):
        locate(folder, "25")
    put(folder, "cog", "population_2019", "population_2020", "population_2021")
    with pytest.raises(MissingInputError) as caught:
        locate(folder, "25")
    assert str(caught.value) == (
        f"the inputs folder {folder} lacks communes/epci-2022.csv or communes/epcicom2022.xlsx, "
        "communes/chefs-lieux-2020.geojson or communes/chefs-lieux-2022.geojson, "
        "communes/contours-cog2022.gpkg or communes/contours-2022.geojson, "
        f"{KNOWN['sites'].file}, which {command} fetches."
    )
    put(folder, "contours", "sites", "chefs_lieux", "epci")
    assert set(locate(folder, "25")) == STUDY - {"osm", "cantons"}
    with pytest.raises(MissingInputError, match=r"lacks communes/cantons-jura.csv, which cannot"):
        locate(folder, "39")


def test_what_stands_for_another_is_found_under_its_key(tmp_path: Path) -> None:
    folder = put(tmp_path, *STUDY - {"osm", "contours"})
    with pytest.raises(MissingInputError, match=r"lacks communes/contours-2022.geojson, which `"):
        locate(folder, "75")
    put(folder, "contours")
    assert locate(folder, "75")["contours"].name == "contours-cog2022.gpkg"  # better than none
    put(folder, "contours_2022")
    assert locate(folder, "75")["contours"].name == "contours-2022.geojson"
    assert locate(folder, "25")["contours"].name == "contours-cog2022.gpkg"


def test_what_is_to_be_downloaded(tmp_path: Path) -> None:
    def keys(departement: str, *, overwrite: bool = False) -> set[str]:
        return {d.key for d in to_download(tmp_path, departement, overwrite=overwrite)}

    national = {"cog", "population_2019", "population_2020", "population_2021", "sites",
                "epci_xlsx", "chefs_lieux_2022"}  # fmt: skip
    assert keys("971") == national | {"contours_2022", "osm_guadeloupe"}
    put(tmp_path, "cog", "contours", "osm_jura", "osm_bfc_rhone_alpes_suisse")
    assert keys("39") == national - {"cog"}
    assert keys("39", overwrite=True) == national
    assert keys("25") == national - {"cog"} | {"osm_franche_comte"}  # roads alone are not enough
    put(tmp_path, "osm_franche_comte")
    assert keys("25", overwrite=True) == national | {"osm_franche_comte"}
