"""The gain at a junction is the difference that a simulated site there makes."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from studies import COMBE
from typer.testing import CliRunner

from accessibility.analysis.gain import gain, top_communes
from accessibility.analysis.scenario import Place, Scenario
from accessibility.analysis.simulate import Simulator
from accessibility.cli import gain as gain_command
from accessibility.errors import OutputError, SettingError
from accessibility.study.study import Study


def gained(simulator: Simulator, x: float, y: float) -> float:
    return simulator.simulate(Scenario(add=(Place(lon=x, lat=y),))).population_gained


def test_gain_by_hand(small_study: Study) -> None:
    found = gain(small_study)
    # only Combe is late on the road; Ilot is reached from nowhere
    assert found["people_gained"].tolist() == [200, 200, 0, 0, 0, 0]
    assert found["name"].tolist()[1:] == ["Combe", "Aval", "Bief", "Ville", "Mont"]
    assert found.crs.to_epsg() == 4326
    top = top_communes(found)
    assert top[["code_insee", "people_gained"]].to_numpy().tolist() == [[COMBE, 200]]
    with pytest.raises(SettingError, match="at least 1"):
        top_communes(found, 0)


def test_nobody_to_gain(small_study: Study) -> None:
    found = gain(small_study, minutes=60)
    assert found["people_gained"].sum() == 0
    assert top_communes(found).empty


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    minutes=st.floats(1, 60),
    direction=st.sampled_from(["to", "from"]),
    day=st.sampled_from(["2019-01-01", "2020-06-01", "2022-11-15"]),
    around=st.booleans(),
)
def test_equals_simulate(
    small_study: Study, minutes: float, direction: str, day: str, around: bool
) -> None:
    options = {"minutes": minutes, "direction": direction, "as_of": day, "around": around}
    simulator = Simulator(small_study, **options)
    found = gain(small_study, **options)
    for people, point in zip(found["people_gained"], found.geometry, strict=True):
        assert gained(simulator, point.x, point.y) == people


@pytest.mark.jura
@pytest.mark.parametrize("direction", ["to", "from"])
def test_jura_equals_simulate_at_random_junctions(jura: Study, direction: str) -> None:
    simulator = Simulator(jura, direction=direction)
    found = gain(jura, direction=direction)
    assert len(found) > 200_000
    draw = np.random.default_rng(6)
    some = np.flatnonzero(found["people_gained"] > 0)
    picked = np.append(draw.choice(some, 70), draw.choice(len(found), 30))
    for row in found.iloc[picked].itertuples():
        assert gained(simulator, row.geometry.x, row.geometry.y) == row.people_gained


APP = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
APP.command("gain")(gain_command.command)


def test_command(small_study: Study, tmp_path: Path) -> None:
    assert isinstance(gain(small_study), gpd.GeoDataFrame)  # builds the network beforehand
    run = CliRunner().invoke
    study = ["--study", str(small_study.folder)]
    answer = json.loads(run(APP, [*study, "--json"]).stdout)
    assert (answer["minutes"], answer["junctions"]) == (20, 6)
    assert [row["code_insee"] for row in answer["top"]] == [COMBE]
    for name in ("gain.gpkg", "gain.parquet"):
        out = tmp_path / name
        result = run(APP, [*study, "--top", "1", "--out", str(out)])
        assert result.exit_code == 0
        assert "Combe" in result.stdout
        layer = gpd.read_parquet(out) if out.suffix == ".parquet" else gpd.read_file(out)
        assert layer["people_gained"].tolist() == [200, 200, 0, 0, 0, 0]
        assert isinstance(run(APP, [*study, "--out", str(out)]).exception, OutputError)
    assert "nobody" in run(APP, [*study, "--minutes", "60"]).stdout
    wrong = run(APP, [*study, "--out", str(tmp_path / "gain.csv")])
    assert isinstance(wrong.exception, OutputError)
    assert run(APP, [*study, "--top", "0"]).exit_code == 2
    assert "Example: accessibility gain" in run(APP, ["--help"]).stdout
