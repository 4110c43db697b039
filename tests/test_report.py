"""Answers as text, as tables, as JSON, and the trail that goes with them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from studies import AVAL, COMBE, ILOT, own_sites, write_study

from accessibility.analysis.cantons import Cantons
from accessibility.analysis.coverage import Coverage, coverage
from accessibility.errors import OutputError
from accessibility.inputs.catalogue import sha256
from accessibility.report import text
from accessibility.report.manifest import write_manifest
from accessibility.report.tables import coverage_table, table_writer, write_coverage
from accessibility.study.study import Study, load_study


@pytest.fixture
def result(small_study: Study) -> Coverage:
    return coverage(small_study)


def shown(study: Study, result: Coverage, capsys, **options) -> str:
    text.show(text.coverage_text(study, result, **{"own_sites": None, "by": None, **options}))
    return capsys.readouterr().out


# -- numbers as words ---------------------------------------------------------------------------


def test_numbers_as_words() -> None:
    assert text.percent(0.97581) == "97.58 %"
    assert text.percent(0.0) == "0.00 %"
    assert text.percent(float("nan")) == "unknown"
    assert text.people(259_199.0) == "259,199"
    assert text.people(0) == "0"
    assert text.minutes(1204.4) == "20 min 04 s"
    assert text.minutes(59.6) == "1 min 00 s"  # never 0 min 60 s
    assert text.minutes(0) == "0 min 00 s"
    assert text.minutes(float("inf")) == text.minutes(float("nan")) == "not reached"


# -- text ---------------------------------------------------------------------------------------


def test_text_holds_the_figure_and_its_choices(small_study: Study, result, capsys) -> None:
    out = shown(small_study, result, capsys)
    assert "92.50 % of the inhabitants of the study Small reach a site within 20 minutes" in out
    assert "3,700 of 4,000" in out
    assert "93.0 % (a letter)" in out
    assert "-0.50 points" in out
    assert "2 of 3 (published: 2 of 3)" in out
    assert "2 France services, the territory's own, labelled by 2022-11-15" in out
    assert "osrm-car: " in out
    assert "from home to the site" in out
    assert "population municipale 2019, at the chef-lieu" in out
    assert "line.osm.pbf; © OpenStreetMap contributors, ODbL 1.0" in out
    assert "Not covered: 2 communes, 300 inhabitants" in out
    combe = next(line for line in out.splitlines() if COMBE in line)
    assert "20 min 00 s" in combe
    assert "site f1" in combe
    assert "not reached" in next(line for line in out.splitlines() if ILOT in line)
    assert "Not complete" not in out
    assert "No population is known" not in out


@pytest.mark.parametrize(
    "options",
    [{"minutes": 15}, {"as_of": "2022-01-01"}, {"around": True}, {"sites": own_sites([0])}],
)
def test_another_question_is_not_compared(small_study: Study, options, capsys) -> None:
    name = "from mine.csv" if "sites" in options else None
    out = shown(small_study, coverage(small_study, **options), capsys, own_sites=name)
    assert "not the same question: published for 20 minutes, 2022-11-15" in " ".join(out.split())
    assert "points;" not in out
    assert ("from mine.csv" in out) == (name is not None)


def test_text_without_published_figures(tmp_path, capsys) -> None:
    study = load_study(write_study(tmp_path / "s", published=False, cantons=False))
    out = shown(study, coverage(study, direction="from", around=True), capsys)
    assert "Published" not in out
    assert "Difference" not in out
    assert "are reached from a site within 20 minutes" in out
    assert "from the site to home" in out
    assert "with the neighbours'" in out
    assert "1 to 2 (total unknown)" in out


def test_text_says_what_is_missing(tmp_path, capsys) -> None:
    study = load_study(write_study(tmp_path / "s", rim=(1,)))
    result = coverage(study, around=True, as_of="2021-01-01", population=2020)
    out = shown(study, result, capsys, by="commune")
    assert "Not complete: trips through roads beyond the data" in out
    assert f"No population is known of: {ILOT}." in out
    rows = [line for line in out.splitlines() if f"│ {ILOT}" in line]
    assert len(rows) == 2  # among the uncovered, and in the breakdown
    assert all("unknown" in row for row in rows)


def test_text_where_everybody_is_covered(small_study: Study, capsys) -> None:
    out = shown(small_study, coverage(small_study, minutes=60, max_snap_m=30_000), capsys)
    assert "100.00 %" in out
    assert "Every commune is covered." in out


def test_text_where_nobody_lives(small_study: Study, capsys) -> None:
    communes = small_study.communes.assign(population_2019=0.0)
    result = coverage(replace(small_study, communes=communes))
    for by in ("commune", "canton", "epci"):
        assert "unknown of the inhabitants" in shown(small_study, result, capsys, by=by)


@pytest.mark.parametrize(
    ("by", "row"),
    [
        ("commune", [AVAL, "Aval", "1,000", "1,000", "100.00 %", "0.0"]),
        ("canton", ["3903", "Mont", "500", "400", "80.00 %", "0"]),
        ("epci", ["200002", "CC du Mont", "2,500", "2,400", "96.00 %", "1"]),
    ],
)
def test_breakdown(small_study: Study, result, by: str, row: list[str], capsys) -> None:
    out = shown(small_study, result, capsys, by=by)
    after = out[out.index(f"By {by}") :]
    line = next(x for x in after.splitlines() if f" {row[0]} " in x)
    assert [cell.strip() for cell in line.split("│")[1:-1]] == row


def test_text_names_sites_that_nobody_reaches(small_study: Study, capsys) -> None:
    far = own_sites([0, 300_000])
    result = coverage(small_study, sites=far)
    assert result.sites_off_road == ["own1"]
    assert "Too far from any road to be reached: site own1." in shown(small_study, result, capsys)
    assert coverage(small_study).sites_off_road == []


def test_text_says_how_itinerant_sites_are_counted(small_study: Study, capsys) -> None:
    sites = small_study.sites.assign(format=["Fixe", "Itinérante", "Fixe", "Fixe"])
    result = coverage(replace(small_study, sites=sites))
    assert "1 of them with several places or itinerant" in shown(small_study, result, capsys)


def test_comparable() -> None:
    published = {"minutes": 20, "as_of": pd.Timestamp("2022-11-15").date()}

    class Asked:
        around, minutes, as_of = False, 20.0, published["as_of"]

    assert text.comparable(Asked(), published, own_sites=False)
    assert not text.comparable(Asked(), published, own_sites=True)
    assert not text.comparable(Asked(), {}, own_sites=False)


# -- JSON ---------------------------------------------------------------------------------------

FIELDS = {
    "share_covered", "population_covered", "population", "cantons_covered", "cantons_covered_max",
    "cantons", "sites", "published_share", "profile", "minutes", "as_of", "complete", "uncovered",
}  # fmt: skip


def strictly(answer: dict) -> dict:
    """JSON as the standard has it: no NaN, no Infinity."""
    return json.loads(
        json.dumps(answer, allow_nan=False), parse_constant=lambda c: pytest.fail(f"{c} in JSON")
    )


def test_json_fields(small_study: Study, result) -> None:
    answer = strictly(text.coverage_json(small_study, result, by=None))
    assert set(answer) >= FIELDS
    assert "rows" not in answer
    assert {k: answer[k] for k in FIELDS - {"uncovered"}} == {
        "share_covered": 0.925, "population_covered": 3700, "population": 4000,
        "cantons_covered": 2, "cantons_covered_max": 2, "cantons": 3, "sites": 2,
        "published_share": 0.93, "profile": "osrm-car", "minutes": 20, "as_of": "2022-11-15",
        "complete": True,
    }  # fmt: skip
    late, never = answer["uncovered"]
    assert {k: late[k] for k in ("code", "name", "population", "travel_time_s")} == {
        "code": COMBE, "name": "Combe", "population": 200, "travel_time_s": 1200.001,
    }  # fmt: skip
    assert (never["code"], never["travel_time_s"], never["seconds_over"]) == (ILOT, None, None)


@pytest.mark.parametrize(("by", "n"), [("commune", 6), ("canton", 4), ("epci", 2)])
@pytest.mark.parametrize("year", [2019, 2020, 2021])
def test_json_rows(small_study: Study, by: str, n: int, year: int) -> None:
    result = coverage(small_study, population=year)
    answer = strictly(text.coverage_json(small_study, result, by=by))
    rows = answer["rows"]
    assert len(rows) == n
    assert all({"code", "name", "population", "share_covered"} <= set(row) for row in rows)
    assert sum(row["population"] or 0 for row in rows) == answer["population"]
    assert sum(row["population_covered"] or 0 for row in rows) == answer["population_covered"]


def test_json_where_nothing_is_known(tmp_path) -> None:
    study = load_study(write_study(tmp_path / "s", published=False, cantons=False))
    communes = study.communes.assign(population_2019=np.nan, canton_code=None, canton_name=None)
    study = replace(study, communes=communes)
    result = coverage(study, as_of="2000-01-01")
    for by in ("commune", "canton", "epci"):
        answer = strictly(text.coverage_json(study, result, by=by))
        assert answer["share_covered"] is None
        assert answer["published_share"] is None
        assert answer["cantons"] is None
        assert answer["sites"] == 0
        assert len(answer["unknown_population"]) == 6


# -- tables -------------------------------------------------------------------------------------


def test_coverage_table_sums(result) -> None:
    table = coverage_table(result)
    assert table.columns[0] == "level"
    assert table["level"].value_counts().to_dict() == {
        "territory": 1, "canton": 4, "epci": 2, "commune": 6,
    }  # fmt: skip
    sums = table.groupby("level")[["population", "population_covered"]].sum()
    assert (sums["population"] == 4000).all()
    assert (sums["population_covered"] == 3700).all()
    assert table.loc[table["level"] == "territory", "share_covered"].item() == 0.925
    sites = table.groupby("level")["sites"].sum()
    assert sites["territory"] == sites["canton"] == sites["epci"] == 2


def test_files_read_back(result, tmp_path) -> None:
    write_coverage(result, tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "coverage.csv", dtype={"code": str})
    assert len(table) == 13
    assert table["code"][1] == "3901"
    communes = gpd.read_file(tmp_path / "out" / "communes.gpkg", layer="communes")
    assert communes["code_insee"].tolist() == result.by_commune["code_insee"].tolist()
    assert communes["travel_time_s"][1] == 1200.0
    assert communes["travel_time_s"].isna().tolist() == [False] * 5 + [True]
    assert communes["seconds_over"].isna().sum() == 1
    assert communes.crs.to_epsg() == 4326
    assert communes.geometry.geom_equals_exact(result.by_commune.geometry, 1e-9).all()
    sites = gpd.read_file(tmp_path / "out" / "communes.gpkg", layer="sites")
    assert sites["facility_id"].tolist() == ["f1", "f2"]
    # the answer itself is left as it was
    assert np.isinf(result.by_commune["travel_time_s"].iloc[-1])


@pytest.mark.parametrize(
    "options", [{"as_of": "2000-01-01"}, {"population": 2020}, {"sites": own_sites([25_000])}]
)
def test_files_of_unusual_answers(small_study: Study, tmp_path, options) -> None:
    write_coverage(coverage(small_study, **options), tmp_path / "out")
    assert len(gpd.read_file(tmp_path / "out" / "communes.gpkg", layer="communes")) == 6


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_table_writer(tmp_path, name: str) -> None:
    table = pd.DataFrame({"a": ["x", "é"], "b": [1.5, np.nan]})
    table_writer(table, tmp_path / name)(tmp_path / name)
    read = pd.read_csv if name.endswith("csv") else pd.read_parquet
    pd.testing.assert_frame_equal(read(tmp_path / name), table)


@pytest.mark.parametrize("name", ["t.xlsx", "t", "t.CSV.gz"])
def test_table_writer_of_unknown_suffix(name: str) -> None:
    with pytest.raises(OutputError, match=r"ends in \.csv or \.parquet"):
        table_writer(pd.DataFrame(), Path(name))


# -- the trail ----------------------------------------------------------------------------------


def test_manifest_is_the_same_for_the_same_question(small_study: Study, tmp_path) -> None:
    own = tmp_path / "mine.csv"
    own.write_text("lon,lat\n", encoding="utf-8")
    for name in ("a", "b"):
        result = coverage(load_study(small_study.folder))
        folder = tmp_path / name
        write_coverage(result, folder)
        answer = text.coverage_json(small_study, result, by="canton")
        write_manifest(small_study, answer, folder, own_inputs=[own])
    a, b = ((tmp_path / n / "manifest.json").read_bytes() for n in ("a", "b"))
    assert a == b
    manifest = json.loads(a)
    assert manifest["answer"]["share_covered"] == 0.925
    assert not {"rows", "uncovered"} & set(manifest["answer"])
    assert manifest["files"] == {"coverage.csv": sha256(tmp_path / "a" / "coverage.csv")}
    assert manifest["own_inputs"] == [{"file": "mine.csv", "sha256": sha256(own)}]
    assert manifest["sources"][0]["licence"] == "ODbL 1.0"
    assert manifest["profile"] == {"name": "osrm-car", "digest": small_study.profile.digest}
    assert manifest["study"] == {"name": "small", "built_with": "accessibility-toolkit 0"}
    assert str(tmp_path) not in a.decode()


def test_bounds_of_cantons_are_told(small_study: Study, result, capsys) -> None:
    wide = replace(result, cantons=Cantons(1, 3, 4))
    assert "1 to 3 of 4" in shown(small_study, wide, capsys)
