"""The figure under every choice of method: each combination is what coverage gives of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tomli_w
import typer
from networks import lonlat
from studies import AVAL, BIEF, ILOT, MONT, VILLE, own_sites, write_study
from test_cli import RUNNER
from typer.testing import Result

from accessibility.analysis import variants as module
from accessibility.analysis.coverage import Coverage, coverage
from accessibility.analysis.own_roads import on_own_roads
from accessibility.analysis.variants import NEAR_POINTS, OPTIONS, Variants, told, variants
from accessibility.analysis.variants_search import ANY_M
from accessibility.cli import variants as variants_command
from accessibility.errors import InputError, OutputError, SettingError
from accessibility.inputs.settings import read_toml
from accessibility.report.map_figure import save_figure
from accessibility.report.tornado import tornado
from accessibility.report.variants import meaning, variants_json
from accessibility.study import bundle
from accessibility.study.study import Study, load_study

APP = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
APP.command("variants")(variants_command.command)


def run(study: Study, *arguments: object) -> Result:
    words = ["--study", study.folder, *arguments]
    return RUNNER.invoke(APP, [str(word) for word in words])


def spoken(study: Study, *arguments: object) -> str:
    """What the command prints, however it breaks its lines."""
    return " ".join(run(study, *arguments).stdout.split())


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Variants]:
    """The small study and its variants, made once for those who only look at them."""
    folder = tmp_path_factory.mktemp("variants")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        study = load_study(write_study(folder / "small"))
        return study, variants(study)


def asked(there: Study, row: dict[str, Any], **options: Any) -> Coverage:
    """What coverage gives of the options that a row of the combinations names."""
    walk_kph = None if np.isnan(row["walk_kph"]) else row["walk_kph"]
    return coverage(
        there, row["demand"], population=row["population_year"], around=row["around"],
        direction=row["direction"], max_snap_m=row["max_snap_m"], walk_kph=walk_kph,
        inclusive=row["inclusive"], **options,
    )  # fmt: skip


def compare(study: Study, found: Variants, rows: pd.DataFrame, **options: Any) -> None:
    under = {study.profile.name: study}
    for row in rows.to_dict("records"):
        if row["profile"] not in under:
            under[row["profile"]] = load_study(study.folder, profile=row["profile"])
        expected = asked(under[row["profile"]], row, minutes=found.minutes, **options)
        same = (row["share"], row["population_covered"], row["population"], row["complete"])
        assert same == (
            expected.share, expected.population_covered, expected.population, expected.complete
        ), row  # fmt: skip


def with_grid(folder: Path) -> Path:
    """Places of a grid, some a walk off the road, some too far; Ilot's at the end of the data."""
    places = [(AVAL, 3.0, (-300, 0)), (AVAL, 1.0, (12_500, 600)), (AVAL, 2.0, (3_000, 1_500)),
              (BIEF, 1.0, (11_990, 150)), (VILLE, 2.0, (28_100, 40)), (VILLE, 1.0, (41_000, 0)),
              (MONT, 1.0, (49_900, 700)), (ILOT, 1.0, (25_000, 29_500))]  # fmt: skip
    code, weight, xy = zip(*places, strict=True)
    lon, lat = lonlat(xy).T
    table = pd.DataFrame(
        {"method": "grid-2021", "code_insee": code, "share": weight, "lon": lon, "lat": lat}
    )
    (folder / bundle.DEMAND).parent.mkdir(exist_ok=True)
    table.to_parquet(folder / bundle.DEMAND)
    return folder


# -- exact answers ----------------------------------------------------------------------------


def test_the_reference_is_what_coverage_gives(small: tuple[Study, Variants]) -> None:
    study, found = small
    expected = coverage(study)
    reference = found.reference
    assert reference["share"] == expected.share == 0.925
    assert reference["population_covered"] == expected.population_covered
    assert bool(reference["complete"]) is expected.complete
    assert reference[["demand", "population_year", "around", "profile"]].tolist() == [
        "chefs-lieux", 2019, False, "osrm-car",
    ]  # fmt: skip
    assert (found.combinations["changes"] == 0).tolist()[:2] == [True, False]
    assert repr(found).startswith("<Variants: 92.50% by the reference, ")


def test_each_combination_is_there_once(small: tuple[Study, Variants]) -> None:
    _, found = small
    # demands, years, sites, profiles without legal, directions, snappings, cut-offs
    assert len(found.combinations) == 2 * 3 * 2 * 2 * 2 * 3 * 2
    assert not found.combinations.duplicated(list(OPTIONS)).any()
    most = found.combinations.groupby("changes").size()
    assert most.index.tolist() == list(range(8))
    assert most[0] == 1


def test_one_change_at_a_time(small: tuple[Study, Variants]) -> None:
    _, found = small
    alone = {(row["choice"], row["value"]): row for row in found.one_at_a_time.to_dict("records")}
    # n1 beyond the border covers Combe's 200; exactly 1,200 s is Bief's 300, who are then out
    assert alone["sites", "with the neighbours'"]["difference_people"] == 200
    assert alone["sites", "with the neighbours'"]["difference_points"] == pytest.approx(5.0)
    assert alone["cut-off", "less than (<)"]["share"] == 0.85
    # out to Mont takes 2,000 s
    assert alone["direction", "from the site"]["difference_people"] == -400
    # 2021: 3,500 of 4,000
    assert alone["population", "2021"]["share"] == 0.875
    assert alone["population", "2020"]["share"] == 3800 / 4000
    # Ilot is 20 km off, and joins the road at 25,000: 1,500 s from Ville
    assert alone["snapping", "free, at any distance"]["difference_people"] == 0
    assert alone["profile", "osrm-car-5"]["difference_people"] == 0
    size = found.one_at_a_time["difference_points"].abs()
    assert (size.diff().dropna() <= 1e-9).all()
    assert len(alone) == 1 + 2 + 1 + 1 + 1 + 2 + 1 + 1 == len(found.one_at_a_time)


def test_roads_of_the_territory_alone(small: tuple[Study, Variants]) -> None:
    study, found = small
    alone = found.one_at_a_time.set_index("choice")
    expected = coverage(on_own_roads(study).study)
    assert alone.loc["roads", "value"] == "territory's own"
    # squares of 4 km hold no road but the one west of Combe: sites reach who stands beside them
    assert alone.loc["roads", "share"] == expected.share < 0.925
    assert alone.loc["roads", "difference_people"] == expected.population_covered - 3700


# -- any combination --------------------------------------------------------------------------


@pytest.mark.parametrize("rim", [(), (1,)])
def test_a_combination_is_what_coverage_gives(tmp_path: Path, rim: tuple[int, ...]) -> None:
    study = load_study(with_grid(write_study(tmp_path / "study", rim=rim)))
    found = variants(study)
    assert set(found.combinations["demand"]) == {"chefs-lieux", "centroids", "grid-2021"}
    compare(study, found, found.combinations.sample(20, random_state=7))
    # far, walked and at any distance differ, and so do the ends of the data
    grid = found.combinations[found.combinations["demand"] == "grid-2021"]
    most = grid.groupby(["max_snap_m", grid["walk_kph"].fillna(0)])["share"].max()
    assert len(set(most)) == 3
    assert grid["complete"].nunique() == 2


def test_another_question(small_study: Study) -> None:
    found = variants(small_study, minutes=15, as_of="2021-01-01")
    assert (found.minutes, found.as_of.isoformat(), found.sites) == (15, "2021-01-01", 1)
    compare(small_study, found, found.combinations.iloc[::41], as_of="2021-01-01")
    assert found.published is None  # published for 20 minutes
    assert found.near_published.empty
    assert (found.values["near_published"] == 0).all()


def test_sites_of_ones_own(small_study: Study) -> None:
    sites = own_sites([12_000, -13_000])
    found = variants(small_study, sites=sites)
    assert (found.own_sites, found.published, set(found.combinations["around"])) == (
        True, None, {False},
    )  # fmt: skip
    compare(small_study, found, found.combinations.iloc[::37], sites=sites)
    (reason,) = found.left_out.loc[found.left_out["choice"] == "sites", "reason"]
    assert "own" in reason


@pytest.mark.jura
def test_some_of_the_jura(jura: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    # the other profiles, whose networks take long to build, are left to the small study
    monkeypatch.setattr(module, "profile_names", lambda: ["osrm-car"])
    found = variants(jura)
    assert len(found.combinations) == len(jura.demand_methods) * 3 * 2 * 2 * 3 * 2
    first, others = found.combinations.iloc[[0]], found.combinations.iloc[1:]
    compare(jura, found, pd.concat([first, others.sample(2, random_state=3)]))
    assert found.published == 0.977
    alone = found.one_at_a_time.set_index("value")["share"].map("{:.2%}".format)
    told_in_docs = {"with the neighbours'": "98.06%", "2020": "97.60%", "2021": "97.61%"}
    assert {value: alone[value] for value in told_in_docs} == told_in_docs


# -- what is published, and what cannot be -------------------------------------------------------


def test_near_the_published_figure(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "study")
    settings = read_toml(folder / bundle.SETTINGS, what="the study")
    # 93.0 % is what nobody gets; 92.6 % is a tenth of a point from the reference
    settings["published"]["share_covered"] = 0.926
    (folder / bundle.SETTINGS).write_text(tomli_w.dumps(settings), encoding="utf-8")
    study = load_study(folder)
    found = variants(study)
    shares = found.combinations["share"]
    expected = int((np.abs(shares * 100 - 92.6) <= NEAR_POINTS + 1e-9).sum())
    assert expected > 1
    assert len(found.near_published) == expected
    assert found.near_published["changes"].is_monotonic_increasing
    assert found.near_published.iloc[0]["changes"] == 0
    for _, group in found.values.groupby("choice"):
        assert group["near_published"].sum() == expected
        assert group["combinations"].sum() == len(shares)
        assert group["share_min"].min() == shares.min()
        assert group["share_max"].max() == shares.max()
        assert group["reference"].sum() == 1
    said = spoken(study)
    assert f"{expected} of {len(shares)} combinations come within 0.1 point" in said
    assert "proves no method: several different methods do." in said
    assert "nothing: the reference itself" in said


def test_what_is_said(small: tuple[Study, Variants], small_study: Study) -> None:
    _, found = small
    assert found.near_published.empty
    said = spoken(small_study)
    assert "0 of 288 combinations come within 0.1 point of the published 93.0 %" in said
    assert "None of the methods tried here gives it." in said
    assert "another method may do so too" in meaning(1)
    # what the study cannot give is named, with the reason
    assert "Left out: profile legal: profile legal has speeds for built-up areas" in said
    out = {(r["choice"], r["value"]): r["reason"] for r in found.left_out.to_dict("records")}
    assert "no land use" in out["profile", "legal"]
    for method in ("buildings", "grid-2018", "grid-2021"):
        assert "holds no places of people" in out["demand", method]


def test_nothing_published_is_no_matter(tmp_path: Path) -> None:
    study = load_study(write_study(tmp_path / "study", published=False))
    found = variants(study)
    answer = variants_json(study, found)
    assert (answer["published_share"], answer["near_published"]) == (None, None)
    assert "ublished" not in spoken(study)
    labels = tornado(study, found).legends[0].get_texts()
    assert [label.get_text() for label in labels] == ["reference 92.50 %"]


def test_another_question_than_the_published_one(small_study: Study) -> None:
    said = spoken(small_study, "--minutes", 15)
    assert "for another question: not compared" in said
    assert "come within" not in said


def test_a_reference_that_fails_is_an_error(small_study: Study) -> None:
    legal = load_study(small_study.folder, profile="legal")
    with pytest.raises(SettingError, match="no land use"):
        variants(legal)
    with pytest.raises(SettingError, match="number above 0"):
        variants(small_study, minutes=0)
    with pytest.raises(InputError, match="no rows"):
        variants(small_study, sites=own_sites([0]).iloc[:0])
    vars(small_study)["communes"] = small_study.communes.assign(population_2019=np.nan)
    with pytest.raises(InputError, match="no inhabitants are known in the study Small for 2019"):
        variants(small_study)


def test_no_site_is_labelled_yet(small_study: Study) -> None:
    found = variants(small_study, as_of="2019-01-01")
    assert (found.combinations["share"] == 0).all()
    assert found.sites == 0


def test_the_profile_of_the_study_is_the_reference(small_study: Study) -> None:
    slow = load_study(small_study.folder, changes={"turns.u_turn_s": 30})
    found = variants(slow)
    assert found.reference["profile"] == "osrm-car (turns.u_turn_s=30)"
    assert set(found.profiles) == {found.reference["profile"], "osrm-car", "osrm-car-5"}


def test_inputs_stay_as_they_are(small_study: Study) -> None:
    before, sites = small_study.communes.copy(), small_study.sites.copy()
    variants(small_study)
    pd.testing.assert_frame_equal(small_study.communes, before)
    pd.testing.assert_frame_equal(small_study.sites, sites)


# -- the command ------------------------------------------------------------------------------


def test_files_and_their_trail(
    small: tuple[Study, Variants], small_study: Study, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = run(small_study, "--json", "--out", out)
    assert "with legal and osrm-car-5: about 10 seconds each" in result.stderr
    answer = json.loads(result.stdout)
    _, found = small
    table = pd.read_csv(out / "variants.csv")
    assert table["share"].tolist() == found.combinations["share"].tolist()
    assert pd.read_csv(out / "one_at_a_time.csv")["value"].astype(str).tolist() == (
        found.one_at_a_time["value"].tolist()
    )
    assert (out / "tornado.png").read_bytes().startswith(b"\x89PNG")
    assert len(answer["rows"]) == answer["combinations"] == 288
    assert (answer["reference"]["share"], answer["published_share"]) == (0.925, 0.93)
    assert answer["reference"]["walk_kph"] is None
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert set(manifest["files"]) == {"variants.csv", "one_at_a_time.csv", "tornado.png",
                                      "tornado.svg"}  # fmt: skip
    assert "rows" not in manifest["answer"]
    assert set(manifest["answer"]["profiles"]) == {"osrm-car", "osrm-car-5"}
    assert isinstance(run(small_study, "--out", out).exception, OutputError)
    assert "Written:" in spoken(small_study, "--out", out, "--overwrite")
    second = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert second["files"] == manifest["files"]  # the same question, the same bytes


def test_own_sites_come_from_a_file(small_study: Study, tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    lon, lat = lonlat([(12_000, 0)])[0]
    file.write_text(f"id,lon,lat\nx,{lon},{lat}\n", encoding="utf-8")
    out = tmp_path / "out"
    result = run(small_study, "--sites", file, "--out", out)
    assert "1 sites of one's own" in result.stdout
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert [own["file"] for own in manifest["own_inputs"]] == ["mine.csv"]
    assert run(small_study, "--minutes", -1).exit_code == 2
    assert "Example: accessibility variants" in run(small_study, "--help").stdout


def test_the_picture_tells_the_figures(small: tuple[Study, Variants], tmp_path: Path) -> None:
    study, found = small
    figure = tornado(study, found)
    (axes,) = figure.axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == [f"{r.choice}: {r.value}" for r in found.one_at_a_time.itertuples()]
    widths = [bar.get_width() for bar in axes.patches]
    assert widths == pytest.approx(found.one_at_a_time["difference_points"])
    for name in ("one.svg", "two.svg"):
        save_figure(tornado(study, found), tmp_path / name)
    text = (tmp_path / "one.svg").read_text(encoding="utf-8")
    for word in ("reference 92.50 %", "published 93.0 %", "+5.00", "-10.00", "0.00"):
        assert word in text
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_words_of_a_row() -> None:
    row = {"walk_kph": 5.0, "max_snap_m": ANY_M, "around": True, "direction": "to",
           "inclusive": True, "population_year": 2019, "demand": "centroids",
           "profile": "legal"}  # fmt: skip
    assert told("snapping", row) == "walked at 5 km/h, at any distance"
    assert [told(name, row) for name in ("sites", "direction", "cut-off", "population")] == [
        "with the neighbours'", "to the site", "at most (<=)", "2019",
    ]  # fmt: skip
    assert told("demand", row) == "centroids"
