"""Why a commune is covered or not: by hand on the small study, and for all of the Jura's."""

from __future__ import annotations

import csv
import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
import typer
from networks import ORIGIN, lonlat
from rich.console import Console
from studies import AVAL, BIEF, COMBE, ILOT, MONT, VILLE, write_study
from test_cli import RUNNER
from typer.testing import Result

from accessibility.analysis.coverage import coverage
from accessibility.analysis.explain import Explanation, explain, explain_all, row_of_commune
from accessibility.analysis.explain_route import by_road_class, cut_where_time_is_up
from accessibility.cli import explain as explain_command
from accessibility.errors import InputError, OutputError, SettingError, UnknownNameError
from accessibility.report.explain import answer_of, explain_text, roads_driven
from accessibility.schema import LAMBERT_93, WGS84
from accessibility.study.study import Study, load_study

APP = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
APP.command("explain")(explain_command.command)


def run(study: Study, *arguments: object) -> Result:
    words = [*arguments, "--study", study.folder]
    return RUNNER.invoke(APP, [str(word) for word in words])


def text(study: Study, one: Explanation) -> str:
    console = Console(width=200)
    with console.capture() as said:
        console.print(explain_text(study, one))
    return said.get()


def x_of(line: shapely.LineString) -> list[int]:
    where = gpd.GeoSeries([line], crs=WGS84).to_crs(LAMBERT_93)
    return [round(x - ORIGIN[0]) for x, _ in where.iloc[0].coords]


def at(xy: list[tuple[float, float]]) -> gpd.GeoDataFrame:
    ids = [f"s{i}" for i in range(len(xy))]
    return gpd.GeoDataFrame({"facility_id": ids}, geometry=shapely.points(lonlat(xy)), crs=WGS84)


# -- by hand -------------------------------------------------------------------------------------


def test_a_commune_that_is_late_by_a_millisecond(small_study: Study) -> None:
    one = explain(small_study, COMBE)
    assert (one.state, one.covered, one.name, one.population) == ("late", False, "Combe", 200)
    assert one.travel_time_s == 1_200.001
    assert one.seconds_over == pytest.approx(0.001)
    assert one.nearest["facility_id"].tolist() == ["f1"]  # Ville's takes over an hour
    assert one.nearest["commune"].tolist() == ["Aval"]
    assert one.across["facility_id"].tolist() == ["n1"]
    assert one.across["travel_time_s"].tolist() == [pytest.approx(199.999)]
    assert one.route["beyond"].tolist() == [False, True]
    assert one.route["drive_s"].tolist() == [1_200, 0.001]
    assert one.route["length_m"].tolist() == pytest.approx([12_000, 0.01], abs=1e-4)
    assert one.speed_factor == pytest.approx(1_200.001 / 1_200)
    assert one.candidates["candidate_id"].tolist() == [COMBE]  # no house is known
    assert one.candidates["people_gained"].tolist() == [200]
    assert answer_of(one) == (
        "Not covered: site f1 takes 20 min 00 s, 0.001 s more than 20 minutes."
    )
    said = text(small_study, one)
    for words in (
        "Combe (39003), 200 inhabitants", "12.0 km from its chef-lieu to site f1, at 36 km/h",
        "the trip must take 0.001 s less", "driven 0.1 % faster", "after 20 minutes:",
        "site n1, 3 min 20 s: within 20 minutes, but sites of other départements are not",
        "no: over the border", "middle of the village",
    ):  # fmt: skip
        assert words in said


def test_a_commune_that_is_covered(small_study: Study) -> None:
    one = explain(small_study, BIEF)
    assert (one.state, one.travel_time_s, one.seconds_over) == ("covered", 1_200, 0)
    assert not one.route["beyond"].any()
    assert one.speed_factor == 1
    assert one.candidates.empty
    assert answer_of(one) == "Covered: site f1 takes 20 min 00 s, 0 s less than 20 minutes."
    assert "may be driven up to 0 % slower" in text(small_study, one)
    assert "another computation could say otherwise" in text(small_study, one)
    assert "another computation" not in text(small_study, explain(small_study, BIEF, minutes=21))
    assert "One more site" not in text(small_study, one)


def test_a_commune_with_a_site(small_study: Study) -> None:
    one = explain(small_study, AVAL)
    assert (one.state, one.travel_time_s, one.own_sites) == ("covered", 0, ["site f1"])
    assert one.route.empty
    assert one.by_class.empty
    assert "site f1 stands here" in text(small_study, one)


def test_a_commune_off_the_roads(small_study: Study) -> None:
    one = explain(small_study, ILOT)
    assert (one.state, one.travel_time_s) == ("off-road", np.inf)
    assert one.road_m == pytest.approx(20_000, abs=1)
    assert one.route.empty
    assert one.candidates.empty
    assert one.complete
    said = text(small_study, one)
    assert "Not covered: its chef-lieu lies 20,000 m from the nearest road" in said
    assert "No post office, town hall or chef-lieu" in said


def test_without_a_site_in_reach(small_study: Study) -> None:
    one = explain(small_study, BIEF, sites=at([(25_000, 20_000)]))
    assert (one.state, one.travel_time_s) == ("unreached", np.inf)
    assert one.nearest.empty
    assert one.across.empty
    assert "no road leads from its chef-lieu to any counted site" in text(small_study, one)
    # before the first label there is none to be reached; the neighbours' have none either
    early = explain(small_study, BIEF, as_of="2019-01-01")
    assert (early.state, len(early.nearest), len(early.across)) == ("unreached", 0, 0)


def test_what_is_not_known_of_the_people_is_said(small_study: Study) -> None:
    one = explain(small_study, ILOT, population=2020)
    assert np.isnan(one.population)
    said = text(small_study, one)
    assert "population unknown" in said
    assert "the commune is left out of the figure" in said
    assert "nobody lives here" in text(small_study, explain(small_study, ILOT, population=2021))


def test_the_other_direction_is_cut_from_its_start(small_study: Study) -> None:
    one = explain(small_study, MONT, direction="from")  # 10 km out at 5 m/s
    assert (one.state, one.travel_time_s) == ("late", 2_000)
    assert [x_of(leg) for leg in one.route.geometry] == [[40_000, 46_000], [46_000, 50_000]]
    assert one.route["time_s"].tolist() == [1_200, 2_000]
    assert one.speed_factor == pytest.approx(2_000 / 1_200)
    assert "from site f2 to its chef-lieu" in text(small_study, one)
    assert explain(small_study, MONT).state == "covered"


def test_choices_are_those_of_the_figure(small_study: Study) -> None:
    around = explain(small_study, COMBE, around=True)
    assert (around.state, around.nearest["facility_id"][0]) == ("covered", "n1")
    assert around.across.empty
    longer = explain(small_study, COMBE, minutes=30)
    assert longer.covered
    assert longer.nearest["facility_id"].tolist() == ["f1", "f2"]
    assert longer.nearest["seconds_over"].round(3).tolist() == [-599.999, 3_400.001]
    early = explain(small_study, VILLE, as_of="2021-01-01")
    assert early.nearest["facility_id"].tolist() == ["f1"]  # alone, though it takes long
    assert early.travel_time_s == 4_000
    walked = explain(small_study, BIEF, sites=at([(11_000, 300)]), walk_kph=3.6, minutes=6)
    assert walked.travel_time_s == 400
    assert walked.route["road"].tolist()[-1] == -1
    assert walked.by_class["highway"].tolist() == ["primary", "off the road"]
    assert walked.by_class["time_s"].tolist() == [100, 300]
    assert walked.speed_factor == pytest.approx(100 / 60)
    never = explain(small_study, BIEF, sites=at([(11_000, 300)]), walk_kph=3.6, minutes=5)
    assert never.speed_factor == np.inf
    assert "no speed would do" in text(small_study, never)


def test_a_trip_over_the_rim_is_not_certain(small_study: Study, tmp_path: Path) -> None:
    rim = load_study(write_study(tmp_path / "rim", rim=(1,)))
    assert not explain(rim, COMBE, around=True, sites=None, as_of="2020-06-01").complete
    assert explain(small_study, COMBE).complete
    assert explain(rim, BIEF).complete


def test_all_that_are_not_covered(small_study: Study) -> None:
    result, found = explain_all(small_study)
    assert [one.code_insee for one in found] == result.uncovered["code_insee"].tolist()
    assert [one.code_insee for one in found] == [COMBE, ILOT]
    assert repr(found[0]) == "<Explanation 39003 Combe: late, 20.0 minutes>"
    assert repr(found[1]) == "<Explanation 39006 Ilot: off-road, not reached>"
    assert [one.code_insee for one in explain_all(small_study, minutes=21)[1]] == [ILOT]


@pytest.mark.parametrize("told", [COMBE, "Combe", "combe", " COMBE "])
def test_a_commune_by_code_or_name(small_study: Study, told: str) -> None:
    assert row_of_commune(small_study, told) == 2


def test_communes_that_are_none(small_study: Study) -> None:
    with pytest.raises(UnknownNameError, match=r"no commune Combes; its 6 .* such as 39003 Combe"):
        explain(small_study, "Combes")
    with pytest.raises(UnknownNameError, match=r"no commune 39007; .* such as 3900"):
        explain(small_study, "39007")
    names = small_study.communes.assign(name="Aval")
    twice = replace(small_study, communes=names)
    with pytest.raises(UnknownNameError, match="several communes: 39001 Aval, 39002 Aval"):
        row_of_commune(twice, "aval")
    with pytest.raises(SettingError, match="minutes"):
        explain(small_study, COMBE, minutes=0)


def legs(*rows: tuple[float, float, str]) -> gpd.GeoDataFrame:
    """Legs of turns and drives one after another along a line, 10 m in a second."""
    turn, drive, kind = zip(*rows, strict=True)
    ends = np.r_[0, np.cumsum(drive)] * 10.0
    lines = [shapely.LineString([(a, 0), (b, 0)]) for a, b in itertools.pairwise(ends)]
    columns = {
        "sequence": range(1, len(rows) + 1), "road": 0, "highway": kind, "name": None,
        "ref": None, "length_m": np.array(drive) * 10.0, "kph": 36.0, "turn_s": turn,
        "drive_s": drive, "time_s": np.cumsum(np.add(turn, drive)),
    }  # fmt: skip
    return gpd.GeoDataFrame(columns, geometry=lines, crs=LAMBERT_93)


@pytest.mark.parametrize(
    ("cutoff_s", "expected"),
    [
        (100, [(10, False), (20, False), (30, False)]),
        (45, [(10, False), (20, False), (12, False), (18, True)]),
        (33, [(10, False), (20, False), (30, True)]),  # the time is up when the turn is done
        (31, [(10, False), (20, False), (30, True)]),  # and while it is made
        (30, [(10, False), (20, False), (30, True)]),
        (5, [(5, False), (5, True), (20, True), (30, True)]),
    ],
)
def test_a_way_is_cut_where_the_time_is_up(cutoff_s: float, expected: list) -> None:
    whole = legs((0, 10, "primary"), (0, 20, "tertiary"), (3, 30, "primary"))
    cut = cut_where_time_is_up(whole, cutoff_s)
    assert list(zip(cut["drive_s"], cut["beyond"], strict=True)) == expected
    assert cut["sequence"].tolist() == list(range(1, len(cut) + 1))
    assert cut["turn_s"].sum() == 3
    assert cut["time_s"].iloc[-1] == 63
    assert cut["length_m"].sum() == pytest.approx(600)
    assert cut.geometry.length.sum() == pytest.approx(600)
    assert by_road_class(cut)[["highway", "time_s"]].values.tolist() == [
        ["primary", 40], ["tertiary", 20], ["junctions", 3],
    ]  # fmt: skip


def test_roads_are_read_by_what_one_calls_them(small_study: Study) -> None:
    one = explain(small_study, COMBE)
    way = legs((0, 10, "primary"), (1, 20, "primary"), (0, 5, "primary_link"), (2, 30, "tertiary"))
    way["ref"], way["name"] = ["D 1", "D 1", None, None], ["A", "B", None, "Rue"]
    table = roads_driven(replace(one, route=way.assign(beyond=False)))
    assert table["road"].tolist() == ["D 1", "(slip road (primary road))", "Rue"]
    assert table["time_s"].tolist() == [31, 5, 32]
    assert table["km"].tolist() == pytest.approx([0.3, 0.05, 0.3])
    assert table["kph"].tolist() == pytest.approx([36, 36, 36])


# -- the command ---------------------------------------------------------------------------------


def test_the_command_prints_json(small_study: Study) -> None:
    answer = json.loads(run(small_study, COMBE, "--json").stdout)
    assert (answer["state"], answer["seconds_over"]) == ("late", pytest.approx(0.001))
    assert (answer["minutes"], answer["profile"]) == (20, "osrm-car")
    assert [leg["drive_s"] for leg in answer["legs"]] == [1_200, 0.001]
    assert answer["nearest"][0]["facility_id"] == "f1"
    assert answer["candidates"][0]["people_gained"] == 200
    answer = json.loads(run(small_study, ILOT, "--json").stdout)
    assert (answer["travel_time_s"], answer["legs"]) == (None, [])
    answer = json.loads(run(small_study, "--all", "--json").stdout)
    assert (answer["communes"], [row["name"] for row in answer["rows"]]) == (2, ["Combe", "Ilot"])
    answer = json.loads(run(small_study, MONT, "--json", "--direction", "from", "--minutes", 40,
                            "--population", 2021, "--as-of", "2022-06-01").stdout)  # fmt: skip
    assert (answer["state"], answer["population"], answer["as_of"]) == (
        "covered", 200, "2022-06-01",
    )  # fmt: skip


def test_the_command_prints_words(small_study: Study) -> None:
    assert "Not covered: site f1" in run(small_study, COMBE).stdout
    said = run(small_study, "--all").stdout
    assert "2 communes, 300 inhabitants" in said
    assert "off the roads" in said
    # no cut-off brings a place without a road within it
    said = run(small_study, "--all", "--around", "--walk-kph", 5, "--minutes", 1_000).stdout
    assert "1 commune, 100 inhabitants" in said
    assert "Example: accessibility explain" in run(small_study, "--help").stdout


def test_what_the_command_refuses(small_study: Study, tmp_path: Path) -> None:
    assert run(small_study).exit_code == 2
    assert run(small_study, COMBE, "--all").exit_code == 2
    assert run(small_study, COMBE, "--minutes", 0).exit_code == 2
    assert isinstance(run(small_study, "Paris").exception, UnknownNameError)
    assert isinstance(run(small_study, COMBE, "--plot", tmp_path / "a.bmp").exception, OutputError)
    (tmp_path / "kept.png").touch()
    for option in ("--out", "--plot"):
        taken = run(small_study, COMBE, option, tmp_path / "kept.png")
        assert isinstance(taken.exception, OutputError)


def test_files_hold_all_ways(small_study: Study, tmp_path: Path) -> None:
    out, plot = tmp_path / "out", tmp_path / "way.png"
    result = run(small_study, "--all", "--out", out, "--plot", plot)
    assert f"Written: {out}/" in result.stdout
    layers = sorted(name for name, _ in pyogrio.list_layers(out / "explain.gpkg"))
    assert layers == ["beyond", "candidates", "communes", "legs", "sites"]
    legs = gpd.read_file(out / "explain.gpkg", layer="legs")
    assert legs["code_insee"].tolist() == [COMBE, COMBE]
    assert [x_of(leg)[-1] for leg in legs.geometry] == [0, 0]
    communes = gpd.read_file(out / "explain.gpkg", layer="communes")
    assert communes["state"].tolist() == ["late", "off-road"]
    assert communes["travel_time_s"].isna().tolist() == [False, True]
    sites = gpd.read_file(out / "explain.gpkg", layer="sites")
    assert dict(zip(sites["facility_id"], sites["counted"], strict=True)) == {
        "f1": True, "n1": False,
    }  # fmt: skip
    with (out / "explain.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["answer"].startswith("Not covered: site f1")
    assert rows[0]["across_id"] == "n1"
    table = pd.read_csv(out / "route.csv", dtype={"code_insee": str})
    assert table["drive_s"].sum() == pytest.approx(1_200.001)
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert set(manifest["files"]) == {"explain.csv", "route.csv"}
    assert manifest["answer"]["communes"] == 2
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "way.png.manifest.json").is_file()
    # a commune without a way, and one that is covered
    for code, kept, *more in (
        (ILOT, ["communes"], "--plot", plot),
        (BIEF, ["communes", "legs", "sites"]),
    ):
        assert run(small_study, code, "--out", out, "--overwrite", *more).exit_code == 0
        found = sorted(name for name, _ in pyogrio.list_layers(out / "explain.gpkg"))
        assert set(kept) <= set(found)
        assert "beyond" not in found


def test_own_sites_are_named_in_the_trail(small_study: Study, tmp_path: Path) -> None:
    own = tmp_path / "own.geojson"
    at([(-11_000, 0)]).rename(columns={"facility_id": "id"}).to_file(own, driver="GeoJSON")
    out = tmp_path / "out"
    answer = json.loads(run(small_study, COMBE, "--sites", own, "--json", "--out", out).stdout)
    assert answer["travel_time_s"] == pytest.approx(100, abs=0.01)
    assert answer["across"] == []
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert [given["file"] for given in manifest["own_inputs"]] == ["own.geojson"]


def test_a_picture_shows_what_is_too_much(small_study: Study) -> None:
    from accessibility.report.explain_map import IN_TIME, TOO_MUCH, explain_figure

    result, _ = explain_all(small_study)
    one = explain(small_study, MONT, direction="from")
    figure = explain_figure(small_study, one.coverage, [one])
    drawn = {line.get_color() for line in figure.axes[0].lines}
    assert {IN_TIME["color"], TOO_MUCH["color"]} <= drawn
    words = " ".join(t.get_text() for t in figure.texts)
    assert "Mont (39005)" in words
    assert "13 min 20 s more than 20 minutes" in words.replace("\n", " ")
    legend = {t.get_text() for t in figure.legends[0].get_texts()}
    assert {"within 20 minutes", "after 20 minutes", "chef-lieu"} <= legend
    covered = explain(small_study, BIEF)
    legend = explain_figure(small_study, result, [covered]).legends[0]
    assert "after 20 minutes" not in {t.get_text() for t in legend.get_texts()}
    with pytest.raises(InputError, match="no way to draw"):
        explain_figure(small_study, result, [])


# -- on the Jura ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def all_late(jura: Study) -> tuple[Any, list[Explanation]]:
    return explain_all(jura)


@pytest.mark.jura
def test_every_uncovered_commune_of_the_jura_is_explained(
    jura: Study, all_late: tuple[Any, list[Explanation]]
) -> None:
    result, found = all_late
    assert result.share == coverage(jura).share
    assert [one.code_insee for one in found] == result.uncovered["code_insee"].tolist()
    assert len(found) == 21
    for one, row in zip(found, result.uncovered.to_dict("records"), strict=True):
        assert one.state == "late"
        assert one.route["time_s"].iloc[-1] == one.travel_time_s == row["travel_time_s"]
        assert one.by_class["time_s"].sum() == pytest.approx(one.travel_time_s)
        after = one.route[one.route["beyond"]]
        # a turn during which the time is up counts as made after it
        turning = after["turn_s"].iloc[0]
        rest = (after["turn_s"] + after["drive_s"]).sum()
        assert one.seconds_over - 1e-6 <= rest <= one.seconds_over + turning + 1e-6
        assert one.nearest["facility_id"][0] == row["facility_id"]
        assert one.nearest["travel_time_s"].is_monotonic_increasing
        assert one.seconds_over > 0
        assert one.speed_factor > 1
        assert len(one.neighbours) > 0
        assert len(one.across) > 0
        assert one.code_insee in one.candidates["code_insee"].tolist()
        assert one.candidates["people_gained"].min() >= one.population
        assert one.complete
        assert answer_of(one).startswith(f"Not covered: {row['facility_name']} takes 2")


@pytest.mark.jura
def test_jura_candidates_cover_whom_the_coverage_says(
    jura: Study, all_late: tuple[Any, list[Explanation]]
) -> None:
    before, found = all_late
    for one in (found[1], found[3]):  # Viry, Aromas
        row = one.candidates.iloc[1]
        new = gpd.GeoDataFrame({"facility_id": ["new"]}, geometry=[row["geometry"]], crs=WGS84)
        sites = pd.concat([before.sites[["facility_id", "geometry"]], new], ignore_index=True)
        after = coverage(jura, sites=sites)
        assert after.population_covered - before.population_covered == row["people_gained"]
        time_s = after.by_commune.set_index("code_insee")["travel_time_s"][one.code_insee]
        assert time_s == row["travel_time_s"] <= 1_200


@pytest.mark.jura
def test_jura_viry_is_near_a_site_over_the_border(jura: Study) -> None:
    one = explain(jura, "viry")
    assert (one.code_insee, one.state, one.travel_time_s) == ("39579", "late", 1_204.475)
    assert "Oyonnax" in one.across["name"][0]
    assert one.across["seconds_over"][0] < 0
    with_neighbours = coverage(jura, around=True).by_commune.set_index("code_insee")
    assert with_neighbours["travel_time_s"]["39579"] == one.across["travel_time_s"][0]
    assert "Choux" in one.neighbours["name"].tolist()
