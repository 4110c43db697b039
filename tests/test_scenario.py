"""A scenario gives what computing everything again gives, and says clearly what it cannot."""

from __future__ import annotations

import json
import tomllib
from inspect import signature
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import lonlat
from studies import AVAL, BIEF, CHEFS_LIEUX, COMBE, MONT, VILLE, write_study
from typer.testing import CliRunner, Result

from accessibility.analysis.coverage import Coverage, coverage
from accessibility.analysis.scenario import (
    Move,
    NewRoad,
    Place,
    RoadAt,
    RoadChange,
    Scenario,
    Speed,
    Stop,
)
from accessibility.analysis.scenario_form import parse_place, read_scenario, scenario_of
from accessibility.analysis.scenario_sites import resolve
from accessibility.analysis.simulate import Simulator, simulate
from accessibility.cli import simulate as simulate_command
from accessibility.errors import AccessibilityError, InputError, OutputError
from accessibility.study.study import Study, load_study

CODES = list(CHEFS_LIEUX)
ADD_BIEF = Scenario(add=(Place(insee=BIEF),))


def same(a: Coverage, b: Coverage) -> None:
    for name in ("share", "population", "population_covered", "cantons", "complete", "unknown",
                 "sites_off_road", "minutes", "as_of", "direction", "around"):  # fmt: skip
        x, y = getattr(a, name), getattr(b, name)
        assert x == y or (x != x and y != y), name
    for name in ("by_commune", "by_canton", "by_epci", "uncovered"):
        pd.testing.assert_frame_equal(
            pd.DataFrame(getattr(a, name)), pd.DataFrame(getattr(b, name)), check_dtype=False
        )


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return load_study(write_study(tmp_path_factory.mktemp("scenario") / "small", rim=(1,)))


# -- figures ------------------------------------------------------------------------------------


def test_figures_by_hand(small_study: Study) -> None:
    result = simulate(small_study, Scenario(add=(Place(insee=COMBE),), remove=(Place(id="f2"),)))
    assert (result.population_gained, result.population_lost) == (200, 2400)
    assert (result.before.population_covered, result.after.population_covered) == (3700, 1500)
    assert (result.added, result.removed, result.moved) == ([f"added-{COMBE}"], ["f2"], [])
    assert result.changed["code"].tolist() == [COMBE, VILLE, MONT]
    assert result.worst_s_before == result.worst_s_after == np.inf  # Ilot
    # Bief, Combe and Mont drive 1200, 1200.001 and 1000 seconds
    assert result.mean_s_before == pytest.approx((300 * 1200 + 200 * 1200.001 + 4e5) / 3900)
    assert result.by_canton.set_index("code")["population_gained"].to_dict() == {
        "3901": 0, "3902": 200, "3903": 0, "3999": 0,
    }  # fmt: skip
    assert result.by_epci["population_lost"].tolist() == [0, 2400]
    assert np.isnan(result.eur_per_gained)  # the study tells no grant
    assert repr(result) == "<Simulation: 92.50% -> 37.50%, 200 people gained, 2,400 lost>"


def test_cost_is_the_grant_or_what_the_scenario_says(small_study: Study) -> None:
    small_study.settings["grant"] = {"yearly_per_site_eur": 35_000}
    result = simulate(small_study, Scenario(add=(Place(insee=COMBE),)))
    assert (result.yearly_eur, result.eur_per_gained) == (35_000, 175)
    own = Scenario(add=(Place(insee=COMBE, yearly_eur=10_000.0),))
    assert simulate(small_study, own).eur_per_gained == 50
    nobody = simulate(small_study, ADD_BIEF)  # its people are covered already
    assert nobody.population_gained == 0
    assert np.isnan(nobody.eur_per_gained)


def test_moved_site_keeps_its_id(small_study: Study) -> None:
    result = simulate(small_study, Scenario(move=(Move(Place(id="f1"), Place(insee=COMBE)),)))
    assert (result.added, result.removed, result.moved) == ([], [], ["f1"])
    assert result.after.sites["code_insee"].tolist() == [COMBE, VILLE]
    assert result.population_gained == 200
    assert result.population_lost == 1300  # Aval and Bief
    same(result.after, coverage(small_study, sites=result.after.sites))


def test_remove_all(small_study: Study) -> None:
    result = simulate(small_study, Scenario(remove=(Place(id="f1"), Place(id="f2"))))
    assert len(result.after.sites) == 0
    assert (result.after.share, result.population_lost) == (0.0, 3700)
    assert np.isnan(result.mean_s_after)
    same(result.after, coverage(small_study, as_of="2019-01-01").__class__(
        **{**vars(coverage(small_study, as_of="2019-01-01")), "as_of": result.after.as_of}
    ))  # fmt: skip
    again = Simulator(small_study, sites=result.after.sites)
    assert again.simulate(ADD_BIEF).population_gained == 1300  # Aval and Bief


def test_add_then_remove_gives_the_same_figures(small_study: Study) -> None:
    first = Simulator(small_study)
    opened = first.simulate(ADD_BIEF)
    closed = Simulator(small_study, sites=opened.after.sites).simulate(
        Scenario(remove=(Place(insee=BIEF),))
    )
    same(closed.after, first.before)
    assert (closed.population_lost, closed.population_gained) == (0, 0)
    same(first.simulate(Scenario()).after, first.before)


def test_a_listed_site_may_be_added(small_study: Study) -> None:
    result = simulate(small_study, Scenario(add=(Place(id="a1"), Place(id="n1"))))
    assert result.added == ["a1", "n1"]
    assert result.population_gained == 200
    same(result.after, coverage(small_study, sites=result.after.sites))


PLACES = st.one_of(
    st.sampled_from(CODES).map(lambda code: Place(insee=code)),
    st.integers(-15_000, 52_000).map(
        lambda x: Place(**dict(zip(("lon", "lat"), map(float, lonlat([(x, 0)])[0]), strict=True)))
    ),
)


@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(
    add=st.lists(PLACES, max_size=3, unique_by=str),
    fate=st.tuples(*[st.one_of(st.sampled_from(["stay", "remove", "close"]), PLACES)] * 2),
    minutes=st.sampled_from([5.0, 16.6, 20.0, 40.0]),
    direction=st.sampled_from(["to", "from"]),
)
def test_equals_computing_everything_again(small, add, fate, minutes, direction) -> None:
    ids = [Place(id="f1"), Place(id="f2")]
    scenario = Scenario(
        add=tuple(add),
        remove=tuple(p for p, f in zip(ids, fate, strict=True) if f == "remove"),
        close=tuple(p for p, f in zip(ids, fate, strict=True) if f == "close"),
        move=tuple(Move(p, f) for p, f in zip(ids, fate, strict=True) if isinstance(f, Place)),
    )
    options = {"minutes": minutes, "direction": direction}
    result = simulate(small, scenario, **options)
    same(result.before, coverage(small, **options))
    if len(result.after.sites):
        same(result.after, coverage(small, sites=result.after.sites, **options))
    change = result.after.population_covered - result.before.population_covered
    assert result.population_gained - result.population_lost == pytest.approx(change)


@pytest.mark.jura
def test_jura_equals_computing_everything_again(jura: Study) -> None:
    simulator, draw = Simulator(jura), np.random.default_rng(6)
    same(simulator.before, coverage(jura))
    ids, codes = simulator.sites["facility_id"].to_numpy(), jura.communes["code_insee"].to_numpy()
    for _ in range(20):
        gone = [Place(id=i) for i in draw.choice(ids, draw.integers(1, 5), replace=False)]
        new = [Place(insee=c) for c in draw.choice(codes, draw.integers(1, 5), replace=False)]
        scenario = Scenario(add=tuple(new[1:]), remove=tuple(gone[1:]),
                            move=(Move(gone[0], new[0]),))  # fmt: skip
        after = simulator.simulate(scenario).after
        same(after, coverage(jura, sites=after.sites))


# -- the file -----------------------------------------------------------------------------------

FULL = """
study = "small"
version = 1
name = "All kinds"
notes = "For the test."
[[add]]
insee = "39002"
yearly_eur = 30000
[[add]]
site = "5.55,46.65"
[[remove]]
id = "f1"
[[move]]
name = "site f2"
to = { lon = 5.5, lat = 46.6 }
[[close]]
site = "insee:39003"
[[stop]]
at = ["39002", { lon = 5.6, lat = 46.5 }, "5.55,46.65"]
name = "Bus"
eur = 90000
[[road]]
change = "one-way"
lon = 5.5
lat = 46.6
towards = [5.51, 46.6]
ref = "D 678"
within_m = 20
[[road]]
line = [[5.5, 46.6], [5.52, 46.61]]
class = "secondary"
maxspeed_kph = 80
oneway = true
name = "Bypass"
eur = 1500000
[[speed]]
class = "primary"
factor = 0.9
[[speed]]
lon = 5.5
lat = 46.6
kph = 70
yearly_eur = 100
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "scenario.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_file_is_read_and_written(tmp_path: Path) -> None:
    scenario = read_scenario(write(tmp_path, FULL))
    assert scenario == Scenario(
        study="small",
        name="All kinds",
        notes="For the test.",
        add=(Place(insee="39002", yearly_eur=30_000.0), Place(lon=5.55, lat=46.65)),
        remove=(Place(id="f1"),),
        move=(Move(Place(name="site f2"), Place(lon=5.5, lat=46.6)),),
        close=(Place(insee="39003"),),
        stop=(
            Stop((Place(insee="39002"), Place(lon=5.6, lat=46.5), Place(lon=5.55, lat=46.65)),
                 "Bus", eur=90_000.0),
        ),
        road=(
            RoadChange("one-way", RoadAt(5.5, 46.6, ref="D 678", within_m=20.0), (5.51, 46.6)),
            NewRoad(((5.5, 46.6), (5.52, 46.61)), "secondary", 80.0, True, name="Bypass",
                    eur=1_500_000.0),
        ),
        speed=(
            Speed(road_class="primary", factor=0.9),
            Speed(at=RoadAt(5.5, 46.6), kph=70.0, yearly_eur=100.0),
        ),
    )  # fmt: skip
    assert read_scenario(write(tmp_path, scenario.to_toml())) == scenario


WORDS = st.text("abÉ '\"\\\n:,]#", min_size=1, max_size=6)
DEGREES = st.tuples(st.floats(-180, 180), st.floats(-90, 90))
COSTS = {"yearly_eur": st.none() | st.floats(0, 1e9), "eur": st.none() | st.floats(0, 1e9)}
MAYBE = st.none() | WORDS
POINTS = DEGREES.map(lambda d: Place(lon=d[0], lat=d[1]))
SPOTS = st.one_of(POINTS, st.builds(Place, insee=WORDS, name=MAYBE), st.builds(Place, name=WORDS))
TOLD = st.one_of(POINTS, *(st.builds(Place, **{k: WORDS}) for k in ("insee", "id", "name")))
ROAD_AT = st.builds(
    RoadAt, st.floats(-180, 180), st.floats(-90, 90), MAYBE, MAYBE,
    st.floats(0, 1000, exclude_min=True),
)  # fmt: skip
SPEEDS = st.floats(0, 200, exclude_min=True)


def lists(*kinds: st.SearchStrategy) -> st.SearchStrategy:
    return st.lists(st.one_of(*kinds), max_size=2).map(tuple)


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(
    scenario=st.builds(
        Scenario,
        study=MAYBE, name=WORDS, notes=WORDS,
        add=lists(st.builds(Place, insee=WORDS, id=MAYBE, name=MAYBE, **COSTS)),
        remove=lists(TOLD), close=lists(TOLD), move=lists(st.builds(Move, TOLD, SPOTS, **COSTS)),
        stop=lists(st.builds(
            Stop, st.lists(SPOTS, min_size=1, max_size=3).map(tuple), MAYBE, MAYBE, **COSTS
        )),
        road=lists(
            st.builds(RoadChange, st.sampled_from(["close", "open", "two-way"]), ROAD_AT, **COSTS),
            st.builds(RoadChange, st.just("one-way"), ROAD_AT, DEGREES, **COSTS),
            st.builds(
                NewRoad, st.lists(DEGREES, min_size=2, max_size=4).map(tuple), WORDS,
                st.none() | st.floats(1, 200), st.booleans(), MAYBE, MAYBE,
                st.floats(0, 1000, exclude_min=True), **COSTS,
            ),
        ),
        speed=lists(
            st.builds(Speed, road_class=WORDS, kph=SPEEDS, **COSTS),
            st.builds(Speed, at=ROAD_AT, factor=st.floats(0, 10, exclude_min=True), **COSTS),
        ),
    )
)  # fmt: skip
def test_every_scenario_survives_its_file(scenario: Scenario) -> None:
    assert scenario_of(tomllib.loads(scenario.to_toml())) == scenario


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[add]\n", "line 1, column"),
        ("colour = 1", "unknown keys colour"),
        ("version = 2", "version is 2"),
        ("version = true", "version is True"),
        ("name = 3", "name is 3; a text"),
        ("[add]\ninsee = '39001'", r"written as [[add]]"),
        ("[[add]]\ninsee = 39001", "[[add]] 1: insee is 39001; a text"),
        ("[[add]]\nwhere = '39001'", "[[add]] 1 has unknown keys where"),
        ("[[add]]", "tells no place"),
        ("[[add]]\nlon = 5.5", "lat is None"),
        ("[[add]]\nlon = 5.5\nlat = 120", "no longitude and latitude"),
        ("[[add]]\nlon = nan\nlat = 46.0", "lon is nan"),
        ("[[add]]\nsite = '2756'", "'2756' tells no place"),
        ("[[add]]\nsite = '39001'\ninsee = '39001'", "twice"),
        ("[[add]]\ninsee = '39001'\nyearly_eur = -1", "yearly_eur is -1"),
        ("[[remove]]\nid = 'f1'\ninsee = '39001'", "several places"),
        ("[[remove]]\nid = 'f1'\nyearly_eur = 1", "unknown keys yearly_eur"),
        ("[[move]]\nid = 'f1'", "lacks to"),
        ("[[move]]\nid = 'f1'\nto = 'id:f2'", "insee, name, or lon and lat"),
        ("[[move]]\nid = 'f1'\nto = 3", "[[move]] 1 to is 3; a place such as"),
        ("[[stop]]\nname = 'Bus'", "at is None; a list of places"),
        ("[[stop]]\nat = []", "at is []; a list of places"),
        ("[[stop]]\nat = ['39001', 'id:f1']", "[[stop]] 1 at 2: insee, name"),
        ("[[road]]\nlon = 5.5\nlat = 46.6", "change is None; expected is one of close, open"),
        ("[[road]]\nchange = 'shut'\nlon = 5.5\nlat = 46.6", "change is 'shut'; expected"),
        ("[[road]]\nchange = 'close'\nlon = 5.5", "lat is None"),
        ("[[road]]\nchange = 'close'\nlon = 5.5\nlat = 46.6\nlane = 1", "unknown keys lane"),
        ("[[road]]\nchange = 'one-way'\nlon = 5.5\nlat = 46.6", "towards = [lon, lat]"),
        ("[[road]]\nchange = 'close'\nlon = 5.5\nlat = 46.6\ntowards = [5.5, 46.6]", "towards"),
        ("[[road]]\nchange = 'close'\nlon = 5.5\nlat = 46.6\nwithin_m = 0", "within_m is 0"),
        ("[[road]]\nline = [[5.5, 46.6]]\nclass = 'primary'", "at least two places"),
        (
            "[[road]]\nline = [[5.5, 46.6], [5.5]]\nclass = 'primary'",
            "place 2 of the line is [5.5]",
        ),
        ("[[road]]\nline = [[5.5, 46.6], [5.5, 96]]\nclass = 'primary'", "no longitude and lat"),
        ("[[road]]\nline = [[5.5, 46.6], [5.5, 46.7]]", "lacks class"),
        ("[[road]]\nline = [[5.5, 46.6], [5.5, 46.7]]\nclass = 'x'\noneway = 1", "oneway is 1"),
        (
            "[[road]]\nline = [[5.5, 46.6], [5.5, 46.7]]\nclass = 'x'\nmaxspeed_kph = 0.5",
            "maxspeed_kph is 0.5; at least 1 and at most 200",
        ),
        ("[[speed]]\nkph = 70", "either class, or lon and lat"),
        ("[[speed]]\nclass = 'primary'", "either kph or factor"),
        ("[[speed]]\nclass = 'primary'\nkph = 0", "kph is 0; more than 0"),
        ("[[speed]]\nclass = 'primary'\nfactor = 11", "factor is 11; more than 0 and at most 10"),
        ("[[speed]]\nclass = 'primary'\nref = 'D 1'\nkph = 70", "unknown keys ref"),
    ],
)
def test_faults_of_the_file_are_one_sentence(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(AccessibilityError) as caught:
        read_scenario(write(tmp_path, text))
    assert told in str(caught.value)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("scenario", "told"),
    [
        ({"study": "jura"}, "made for the study jura"),
        ({"add": [{"insee": "99999"}]}, "no commune of the study has the code 99999"),
        ({"add": [{"name": "Nowhere"}]}, "a commune Nowhere is expected"),
        ({"add": [{"id": "zz"}]}, "lists no site zz"),
        ({"add": [{"id": "f1"}]}, "f1 counts already"),
        ({"add": [{"insee": AVAL}, {"insee": AVAL}]}, "added twice"),
        ({"add": [{"insee": AVAL}, {"name": "Aval", "id": f"added-{AVAL}", "insee": AVAL}]},
         "added twice"),
        ({"add": [{"lon": 46.6, "lat": 5.5}]}, "longitude first"),
        ({"add": [{"id": "f1"}], "remove": [{"id": "f1"}]}, "added and removed"),
        ({"remove": [{"id": "zz"}]}, "a site id:zz is not known"),
        ({"remove": [{"id": "a1"}]}, "listed by the study but does not count"),
        ({"remove": [{"insee": MONT}]}, f"a site insee:{MONT} is not known"),
        ({"remove": [{"name": "site"}]}, "several sites are meant by name:site: f1, f2"),
        ({"remove": [{"id": "f1"}, {"id": "f1"}]}, "f1 is removed, closed or moved twice"),
        ({"remove": [{"id": "f1"}], "close": [{"insee": AVAL}]}, "twice"),
        ({"remove": [{"id": "f1"}], "move": [{"id": "f1", "to": BIEF}]}, "twice"),
        ({"remove": [{"lon": 0.0, "lat": 0.0}]}, "0,0 is not known"),
    ],
)  # fmt: skip
def test_contradictions_are_one_sentence(small_study: Study, scenario: dict, told: str) -> None:
    with pytest.raises(AccessibilityError) as caught:
        resolve(scenario_of(scenario), small_study)
    assert told in str(caught.value)
    assert str(caught.value).endswith(".")


def test_sites_are_found_as_a_planner_names_them(small_study: Study) -> None:
    for place in (
        Place(id="f1"), Place(insee=AVAL), Place(name="Site F1"), Place(name="f1"),
        Place(**dict(zip(("lon", "lat"), lonlat([(100, 0)])[0], strict=True))),
    ):  # fmt: skip
        assert resolve(Scenario(remove=(place,)), small_study)["facility_id"].tolist() == ["f2"]
    after = resolve(Scenario(close=(Place(name="site"),)), small_study)
    assert after.empty
    after = resolve(scenario_of({"add": [{"name": "bief"}]}), small_study)
    assert after["facility_id"].tolist() == ["f1", "f2", f"added-{BIEF}"]
    assert after["name"].iloc[-1] == "Bief"
    named = {"insee": BIEF, "name": "Library", "id": "new"}
    after = resolve(scenario_of({"add": [named]}), small_study)
    assert (after["name"].iloc[-1], after["facility_id"].iloc[-1]) == ("Library", "new")
    assert after.dtypes.equals(small_study.sites.dtypes)


@pytest.mark.parametrize("text", ["", "2756", "id", "1,2,3", "nan,46", "200,46"])
def test_text_that_tells_no_place(text: str) -> None:
    with pytest.raises(InputError):
        parse_place(text, adding=True)


# -- the command --------------------------------------------------------------------------------

APP = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
APP.command("simulate")(simulate_command.command)
# click before 8.2 mixes standard error into standard output unless told otherwise
SEPARATE = {"mix_stderr": False} if "mix_stderr" in signature(CliRunner).parameters else {}


def run(study: Study, *arguments: object) -> Result:
    text = ["--study", str(study.folder), *map(str, arguments)]
    return CliRunner(**SEPARATE).invoke(APP, text)


def test_command_prints_json(small_study: Study) -> None:
    simulate(small_study, ADD_BIEF)  # builds the network, which the first run would tell
    result = run(small_study, "--add", COMBE, "--remove", "f2", "--json")
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    told = {"share_before": 0.925, "share_covered": 0.375, "population_gained": 200,
            "population_lost": 2400, "population_covered_before": 3700, "worst_s": None,
            "added": [f"added-{COMBE}"], "removed": ["f2"], "yearly_eur": None}  # fmt: skip
    assert {key: answer[key] for key in told} == told
    assert [row["code"] for row in answer["by_commune"]] == [COMBE, VILLE, MONT]
    assert [row["code"] for row in answer["changed"]] == [COMBE, VILLE, MONT]
    assert [row["population_lost"] for row in answer["by_epci"]] == [0, 2400]


def test_command_prints_tables_and_writes(small_study: Study, tmp_path: Path) -> None:
    file = write(tmp_path, '[[move]]\nid = "f1"\nto = "39003"\n')
    out = tmp_path / "communes.csv"
    result = run(small_study, "--scenario", file, "--minutes", 20, "--out", out)
    assert result.exit_code == 0
    assert "92.50 % -> 65.00 %" in result.stdout
    assert "No longer covered" in result.stdout
    table = pd.read_csv(out, dtype={"code": str})
    assert table["population_lost"].sum() == 1300
    assert table["code"].tolist() == CODES
    again = run(small_study, "--scenario", file, "--out", out)
    assert isinstance(again.exception, OutputError)
    assert run(small_study, "--scenario", file, "--out", out, "--overwrite").exit_code == 0


def test_command_writes_a_folder(small_study: Study, tmp_path: Path) -> None:
    out = tmp_path / "outputs"
    file = write(tmp_path, 'name = "Move"\n[[move]]\nid = "f1"\nto = "39003"\neur = 5000\n')
    result = run(small_study, "--scenario", file, "--add", BIEF, "--out", out, "--by", "epci")
    assert result.exit_code == 0
    assert "EPCI" in result.stdout
    assert "CC du Mont" in result.stdout
    assert {path.name for path in out.iterdir()} == {
        "communes.csv", "cantons.csv", "epci.csv", "sites.csv", "scenario.toml", "manifest.json",
    }  # fmt: skip
    sites = pd.read_csv(out / "sites.csv").fillna("")
    assert sites["change"].tolist() == ["moved", "", "added"]
    cantons = pd.read_csv(out / "cantons.csv", dtype={"code": str})
    assert cantons.set_index("code")["population_lost"]["3901"] == 0
    kept = read_scenario(out / "scenario.toml")
    assert (kept.move[0].eur, kept.add[0].insee) == (5000, BIEF)
    trail = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert trail["answer"]["eur"] == 5000
    assert [row["file"] for row in trail["own_inputs"]] == ["scenario.toml"]
    assert isinstance(run(small_study, "--add", BIEF, "--out", out).exception, OutputError)


def test_command_compares(small_study: Study, tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text(
        '[[add]]\ninsee = "39003"\nyearly_eur = 20000\n', encoding="utf-8"
    )
    (tmp_path / "two.toml").write_text('name = "Shut"\n[[remove]]\nid = "f2"\n', encoding="utf-8")
    files = ["--compare", tmp_path / "one.toml", "--compare", tmp_path / "two.toml"]
    out = tmp_path / "all.csv"
    result = run(small_study, *files, "--out", out)
    assert result.exit_code == 0
    assert "97.50 %" in result.stdout
    for told in ("one", "Shut", "2,400", "20,000", "100"):
        assert told in result.stdout
    table = pd.read_csv(out).set_index("scenario")
    assert table["population_gained"].to_dict() == {"one": 200, "Shut": 0}
    assert table["eur_per_gained"]["one"] == 100
    assert (tmp_path / "all.csv.manifest.json").is_file()
    answer = json.loads(run(small_study, *files, "--add", BIEF, "--json").stdout)
    assert answer["share_before"] == 0.925
    assert [s["scenario"] for s in answer["scenarios"]] == ["The scenario", "one", "Shut"]
    assert [s["population_lost"] for s in answer["scenarios"]] == [0, 0, 2400]
    assert run(small_study, *files, *files).exit_code == 2  # each name once
    folder = tmp_path / "folder"
    assert run(small_study, *files, "--out", folder).exit_code == 0
    assert read_scenario(folder / "scenario-2.toml").name == "Shut"


def test_command_without_a_change_or_with_a_wrong_one(small_study: Study) -> None:
    assert run(small_study).exit_code == 2
    assert run(small_study, "--add", BIEF, "--minutes", 0).exit_code == 2
    assert isinstance(run(small_study, "--remove", "zz").exception, AccessibilityError)
    assert "Example: accessibility simulate" in run(small_study, "--help").stdout
