"""`optimise` on studies and from a terminal: equal to coverage, and one sentence when it fails."""

from __future__ import annotations

import json
from inspect import signature
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import typer
from networks import points
from studies import BIEF, COMBE, ILOT, VILLE
from typer.testing import CliRunner, Result

from accessibility.analysis.coverage import coverage
from accessibility.analysis.siting import optimise
from accessibility.analysis.siting_frontier import frontier
from accessibility.cli.optimise import command
from accessibility.errors import AccessibilityError, InputError, SettingError, UnknownNameError
from accessibility.study.study import Study

SEPARATE = {"mix_stderr": False} if "mix_stderr" in signature(CliRunner).parameters else {}
RUNNER = CliRunner(**SEPARATE)
APP = typer.Typer()
APP.command()(command)


def run(study: Study, *arguments: object) -> Result:
    return RUNNER.invoke(APP, ["--study", str(study.folder), *map(str, arguments)])


def test_the_one_commune_that_is_late(small_study: Study) -> None:
    """Combe, 200 people, is 0.001 s late; Ilot has no road."""
    found = optimise(small_study, new_sites=1)
    assert found.selected["candidate_id"].tolist() == [COMBE]
    assert (found.share_before, found.share_covered, found.population_gained) == (0.925, 0.975, 200)
    assert found.solution.objective == found.after.population_covered == 3900
    assert found.candidates_off_road == [ILOT]
    assert found.selected["population_gained_alone"].tolist() == [200]


@pytest.mark.parametrize("objective", ["p-median", "p-center"])
def test_drives_are_those_of_coverage(small_study: Study, objective: str) -> None:
    found = optimise(small_study, new_sites=2, objective=objective)
    table = found.after.by_commune
    table = table[table["code_insee"] != ILOT]
    expected = (table["population"] * table["travel_time_s"]).sum()
    if objective == "p-center":
        expected = table["travel_time_s"].max()
    assert found.solution.objective == pytest.approx(expected)
    assert found.unreached == [ILOT]


def test_force_forbid_and_direction(small_study: Study) -> None:
    found = optimise(small_study, new_sites=1, force=[VILLE])
    assert found.selected["candidate_id"].tolist() == [VILLE]
    assert found.population_gained == 0
    found = optimise(small_study, new_sites=1, forbid=[COMBE], direction="from")
    assert COMBE not in found.selected["candidate_id"].tolist()
    assert found.solution.objective == found.after.population_covered


def test_frontier_ends_where_nobody_is_left(small_study: Study) -> None:
    table = frontier(small_study)
    assert table["share_covered"].tolist() == [0.925, 0.975]
    assert table["selected"].tolist() == ["", COMBE]
    assert table["optimal"].all()


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"new_sites": 0}, SettingError, "0 sites"),
        ({"new_sites": 6}, SettingError, "only 5 candidates"),
        ({"force": [BIEF], "forbid": [BIEF]}, SettingError, "forced and forbidden"),
        ({"force": ["x"]}, UnknownNameError, "x is no candidate"),
        ({"objective": "target"}, SettingError, "100.00% cannot be reached"),
        ({"target": 0.9}, SettingError, "a target was given"),
        ({"objective": "best"}, SettingError, "the objective is 'best'"),
        ({"candidates": "towns"}, SettingError, "junctions, post-offices, town-halls or a"),
        (
            {"candidates": points([(25_000, 20_000)], key="candidate_id")},
            InputError,
            "candidates p0 lie more than 1000 m from any road",
        ),
    ],
)
def test_impossible_questions(small_study: Study, arguments, error, text: str) -> None:
    with pytest.raises(error, match=text):
        optimise(small_study, **arguments)


def test_json_and_files(small_study: Study, tmp_path: Path) -> None:
    coverage(small_study)
    for name in ("new.csv", "new.gpkg", "new.geojson"):
        out = tmp_path / name
        told = run(small_study, "--new-sites", 1, "--json", "--out", out)
        assert told.exit_code == 0, told.stderr
        answer = json.loads(told.stdout)
        assert answer["share_before"] == 0.925
        assert answer["share_covered"] == 0.975
        assert answer["population_gained"] == 200
        assert [row["candidate_id"] for row in answer["selected"]] == [COMBE]
        assert answer["optimal"]
        assert (answer["bound"], answer["gap"]) == (3900, 0)
        if name.endswith("csv"):
            written = pd.read_csv(out, dtype={"candidate_id": str})
        else:
            written = gpd.read_file(out)
        assert written["candidate_id"].tolist() == [COMBE]
    told = run(small_study, "--out", tmp_path / "new.csv")
    assert isinstance(told.exception, AccessibilityError)
    told = run(small_study, "--out", tmp_path / "new.txt")
    assert "expected is a file that ends in" in str(told.exception)


def test_text_and_a_file_of_candidates(small_study: Study, tmp_path: Path) -> None:
    file = tmp_path / "places.csv"
    file.write_text(f"insee\n{BIEF}\n{COMBE}\n", encoding="utf-8")
    told = run(small_study, "--candidates", file, "--objective", "target", "--target", 0.97)
    assert told.exit_code == 0, told.exception
    assert "97.50 %" in told.stdout
    assert "Proven" in told.stdout
    told = run(small_study, "--candidates", tmp_path / "none.csv")
    assert "is not there" in str(told.exception)
    assert "Example: accessibility optimise" in " ".join(run(small_study, "--help").stdout.split())


@pytest.mark.jura
def test_jura_three_new_sites(jura: Study) -> None:
    found = optimise(jura, new_sites=3)
    assert found.solution.optimal
    assert found.solution.gap == 0
    assert len(found.selected) == 3
    assert found.share_before == coverage(jura).share
    assert found.solution.objective == found.after.population_covered
    assert found.share_covered == pytest.approx(0.9924, abs=0.0005)
