"""The command measures, and the files that it writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import typer
from studies import COMBE, ILOT, own_sites
from test_cli import RUNNER
from typer.testing import Result

from accessibility.analysis.inequality import lorenz
from accessibility.analysis.measures import MEASURES, measures
from accessibility.cli import measures as measures_command
from accessibility.errors import InputError, MissingInputError, OutputError, SettingError
from accessibility.inputs.supply import read_supply
from accessibility.report.measures import measures_json, notes
from accessibility.study.study import Study

APP = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
APP.command("measures")(measures_command.command)


def run(study: Study, *arguments: object) -> Result:
    words = ["--study", study.folder, *arguments]
    return RUNNER.invoke(APP, [str(word) for word in words])


def error(study: Study, *arguments: object) -> Any:
    return run(study, *arguments).exception


def test_what_is_printed(small_study: Study) -> None:
    text = run(small_study).stdout
    assert "Half of the inhabitants of the study Small reach a site within 0 min 00 s" in text
    assert "nine in ten within 20 min 00 s" in text
    assert "Sites within 20 minutes" in text
    assert "exponential, beta 0.12 per minute: half at 5.8 minutes" in text
    # 300 of 4,000 have no site, the others one: Gini 0.075; E2SFCA gives more to those who are near
    gini = measures(small_study).summary.loc["e2sfca", "gini"]
    assert f"Gini {gini:.2f} (E2SFCA): two inhabitants picked at random differ by " in text
    assert f" {200 * gini:.0f} % of the mean" in text
    assert "100 inhabitants reach no site by road" in text
    assert "200 inhabitants (5.00 %) also have a site of the neighbours within 20 minutes" in text
    assert "too high near the border: people from beyond the border" in text
    assert "Example: accessibility measures" in run(small_study, "--help").stdout
    around = run(small_study, "--around", "--measure", "2sfca").stdout
    assert "shared among the territory's inhabitants alone" in around
    assert "also have a site" not in around


def test_json_alone(small_study: Study) -> None:
    result = run(small_study, "--json", "--measure", "2sfca", "--minutes", 20)
    answer = json.loads(result.stdout)
    assert list(answer["summary"]) == ["minutes", "2sfca"]
    assert answer["summary"]["2sfca"]["mean"] == pytest.approx(2 / 4000)
    assert answer["summary"]["minutes"]["palma"] is None  # four tenths stand at a site
    assert answer["summary"]["minutes"]["people_without"] == 100
    assert [site["people"] for site in answer["sites"]] == [1300, 2400]
    assert (answer["supply"], answer["demand"], answer["complete"]) == ("site", "chefs-lieux", True)
    assert answer["decays"] == {}
    # one site is left: nine in ten need as long as from Mont to Aval
    late = json.loads(run(small_study, "--json", "--as-of", "2021-01-01").stdout)
    assert late["summary"]["minutes"]["q90"] == pytest.approx(5000 / 60)


def test_options_reach_the_figures(small_study: Study, tmp_path: Path) -> None:
    def mean(name: str, *options: object) -> float:
        answer = json.loads(run(small_study, "--json", *options).stdout)
        return float(answer["summary"][name]["mean"])

    assert mean("cumulative") == pytest.approx(3700 / 4000)
    assert mean("cumulative", "--around") == pytest.approx(3900 / 4000)
    assert mean("cumulative", "--minutes", 21) == pytest.approx(3900 / 4000)
    assert mean("cumulative", "--direction", "from") == pytest.approx(3300 / 4000 + 200 / 4000 * 0)
    assert mean("gravity", "--decay", "binary") == pytest.approx(3700 / 4000)
    assert mean("cumulative", "--population", 2021) == pytest.approx(3500 / 4000)
    file = tmp_path / "desks.csv"
    file.write_text("facility_id;supply\nf2;3\nf1;0.5\n", encoding="utf-8")
    expected = (1300 * 0.5 + 2400 * 3) / 4000
    assert mean("cumulative", "--supply", file) == pytest.approx(expected)
    sites = tmp_path / "sites.geojson"
    own_sites([0], facility_id=["here"]).to_file(sites)
    assert mean("cumulative", "--sites", sites) == pytest.approx(1300 / 4000)
    assert "1, from sites.geojson" in run(small_study, "--sites", sites).stdout


def test_files(small_study: Study, tmp_path: Path) -> None:
    file = tmp_path / "desks.csv"
    file.write_text("facility_id,supply\nf1,2\nf2,1\n", encoding="utf-8")
    out = tmp_path / "out"
    result = run(small_study, "--out", out, "--supply", file)
    found = measures(small_study, supply=pd.Series({"f1": 2.0, "f2": 1.0}))
    names = ["measures.csv", "summary.csv", "lorenz.csv", "communes.gpkg", "lorenz.png",
             "manifest.json"]  # fmt: skip
    assert f"Written: {out}/{', '.join(names)}" in result.stdout
    assert sorted(path.name for path in out.iterdir()) == sorted(names)
    table = pd.read_csv(out / "measures.csv", dtype={"code_insee": str})
    near = {"rel": 1e-12}  # pandas before 3 reads the last digit otherwise
    assert table["e2sfca"].tolist() == pytest.approx(found.by_commune["e2sfca"].tolist(), **near)
    assert table["travel_time_s"].tolist()[-1] == np.inf
    summary = pd.read_csv(out / "summary.csv", index_col="measure")
    assert summary["gini"].tolist() == pytest.approx(found.summary["gini"].tolist(), **near)
    curves = pd.read_csv(out / "lorenz.csv")
    assert curves["measure"].unique().tolist() == ["minutes", *MEASURES]
    one = curves[curves["measure"] == "cumulative"]
    whole = lorenz(found.by_demand["cumulative"], found.by_demand["population"])
    assert one["people_share"].tolist() == pytest.approx([k / 100 for k in range(101)], **near)
    expected = np.interp(one["people_share"], whole["people_share"], whole["value_share"])
    assert one["value_share"].to_numpy() == pytest.approx(expected)
    communes = gpd.read_file(out / "communes.gpkg", layer="communes").set_index("code_insee")
    assert np.isnan(communes.loc[ILOT, "travel_time_s"])
    assert communes.loc[COMBE, "2sfca"] == 0
    sites = gpd.read_file(out / "communes.gpkg", layer="sites")
    assert sites["supply"].tolist() == [2, 1]
    assert (out / "lorenz.png").read_bytes()[:4] == b"\x89PNG"
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert [own["file"] for own in manifest["own_inputs"]] == ["desks.csv"]
    assert manifest["answer"]["supply"] == "given"
    assert isinstance(error(small_study, "--out", out), OutputError)
    again = run(small_study, "--out", out, "--overwrite", "--demand", "centroids", "--json")
    assert json.loads(again.stdout)["demand"] == "centroids"


def test_points_where_people_are_counted_finer(small_study: Study, tmp_path: Path) -> None:
    file, out = tmp_path / "buildings.parquet", tmp_path / "out"
    places = own_sites([0, 100, 12_000, -12_000.01, 40_000, 50_000, 900], facility_id=range(7))
    places[["geometry"]].assign(footprint_m2=10.0).to_parquet(file)
    run(small_study, "--out", out, "--demand", file, "--measure", "cumulative")
    found = gpd.read_file(out / "points.gpkg")
    assert len(found) == 8  # no building at Ilot: its people stay at the chef-lieu
    assert found["population"].sum() == pytest.approx(4000)
    assert found["cumulative"].sum() == 6
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["answer"]["demand"] == "buildings.parquet"
    assert manifest["own_inputs"][0]["file"] == "buildings.parquet"


def test_who_reaches_nothing_at_all(small_study: Study, tmp_path: Path) -> None:
    out = tmp_path / "out"
    file = tmp_path / "none.csv"
    file.write_text("facility_id,supply\nf1,0\nf2,0\n", encoding="utf-8")
    text = run(small_study, "--supply", file, "--out", out).stdout
    assert "Gini: unknown, since nobody reaches anything." in text
    assert (out / "lorenz.png").is_file()
    at_ilot = small_study.communes["code_insee"] == ILOT
    alone = small_study.demand_by("chefs-lieux")[at_ilot.to_numpy()]
    found = measures(small_study, alone)
    assert found.sites_without_demand == ["f1", "f2"]
    assert any(
        "within 20 minutes of 2 of the sites: f1, f2; 2SFCA" in line for line in notes(found)
    )
    answer = measures_json(small_study, found)
    assert json.dumps(answer, allow_nan=False)
    assert answer["summary"]["minutes"]["mean"] is None


def test_what_cannot_be_asked(small_study: Study, tmp_path: Path) -> None:
    assert run(small_study, "--measure", "3sfca").exit_code == 2
    assert run(small_study, "--minutes", 0).exit_code == 2
    assert isinstance(error(small_study, "--decay", "linear"), SettingError)
    assert isinstance(error(small_study, "--supply", "desks"), MissingInputError)
    assert isinstance(error(small_study, "--supply", "hours"), InputError)
    out = tmp_path / "out"
    file = tmp_path / "desks.csv"
    for text, words in {
        "facility_id,supply\nf1,2\n": "no supply is known of sites f2",
        "facility_id,supply\nf1,2\nf2,\n": "no number in lines 3",
        'facility_id,supply\nf1,2\nf2,"1,5"\n': "no number in lines 3",
        "facility_id,supply\n,2\n": "no site or no number in lines 2",
        "facility_id,supply\n": "has no rows",
        "site,supply\nf1,2\n": "lacks the columns facility_id",
        "facility_id,supply\nf1,2\nf1,2\nf2,1\n": "repeats sites f1",
        "facility_id,supply\nf1,-2\nf2,1\n": "supply of sites f1: -2 cannot be",
    }.items():
        file.write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match=words):
            measures(small_study, supply=read_supply(file))
        assert isinstance(error(small_study, "--supply", file, "--out", out), InputError)
    assert not out.exists()
