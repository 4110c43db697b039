"""How coverage grew as sites were labelled, and the label dates against the barometer."""

from __future__ import annotations

import datetime as dt
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import tomli_w
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import lonlat
from rich.console import Console
from studies import AVAL, VILLE, own_sites, write_study
from test_cli import RUNNER
from typer.testing import Result

from accessibility.analysis.coverage import coverage, mean_time_s
from accessibility.analysis.pair_times import pair_times
from accessibility.analysis.timeline import labels_compared, timeline
from accessibility.cli import timeline as timeline_command
from accessibility.errors import InputError, MissingInputError, SettingError, UnknownNameError
from accessibility.inputs.barometer import published_labels, read_barometer
from accessibility.inputs.settings import read_toml
from accessibility.report.timeline import label_reason, timeline_text
from accessibility.schema import WGS84
from accessibility.study import bundle
from accessibility.study.study import Study, load_study

APP = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
APP.command("timeline")(timeline_command.command)

BAROMETER = "sites/barometre-labellisations.csv"
HEAD = "id_indicateur,code_departement,date,valeur\n"
NAME = "nb-labellisations-france-services"


def days(result) -> list[str]:
    return [day.date().isoformat() for day in result.dates["date"]]


def test_the_steps_by_hand(small_study: Study) -> None:
    # f1 (Aval) from 2020-01-31: Aval and Bief, 1,300 of 4,000; f2 (Ville) from 2022-01-01: Ville
    # and Mont as well; nothing new on the study's last day
    result = timeline(small_study)
    assert days(result) == ["2020-01-31", "2022-01-01", "2022-11-15"]
    table = result.dates
    assert table["labelled"].tolist() == [1, 1, 0]
    assert table["sites"].tolist() == [1, 2, 2]
    assert table["population_covered"].tolist() == [1300, 3700, 3700]
    assert table["share"].tolist() == [0.325, 0.925, 0.925]
    first = (300 * 1200 + 200 * 1200.001 + 2000 * 4000 + 400 * 5000) / 3900 / 60
    later = (300 * 1200 + 200 * 1200.001 + 400 * 1000) / 3900 / 60
    assert table["mean_minutes"].tolist() == pytest.approx([first, later, later])
    assert table["people_not_reached"].tolist() == [100, 100, 100]  # Ilot
    assert table["cantons_covered"].tolist() == [1, 2, 2]
    assert table["cantons_covered_max"].tolist() == [1, 2, 2]
    assert table["cantons"].tolist() == [3, 3, 3]
    assert repr(result) == (
        "<Timeline: 32.50% with 1 sites on 2020-01-31, 92.50% with 2 on 2022-11-15>"
    )
    assert (result.labels, result.labels_source, len(result.requests)) == (None, None, 0)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"minutes": 15.0, "population": 2020},
        {"direction": "from", "minutes": 30.0},
        {"around": True, "walk_kph": 4.0, "max_snap_m": 50_000.0, "minutes": 300.0},
    ],
)
def test_each_day_is_that_of_coverage(small_study: Study, options) -> None:
    result = timeline(small_study, until="2022-06-30", **options)
    assert len(result.dates) == (4 if "around" in options else 3)
    for row in result.dates.to_dict("records"):
        expected = coverage(small_study, as_of=row["date"].date(), **options)
        assert row["share"] == expected.share
        assert row["population_covered"] == expected.population_covered
        assert row["sites"] == len(expected.sites)
        assert row["mean_minutes"] == pytest.approx(mean_time_s(expected) / 60, rel=1e-12)
        assert row["cantons_covered"] == expected.cantons.covered
        assert row["cantons_covered_max"] == expected.cantons.covered_max


def test_days_between_and_beyond_the_labels(small_study: Study) -> None:
    result = timeline(small_study, since="2021-05-05", until=dt.date(2021, 12, 31))
    assert days(result) == ["2021-05-05", "2021-12-31"]
    assert result.dates["sites"].tolist() == [1, 1]
    assert days(timeline(small_study, until="2020-01-31")) == ["2020-01-31"]
    for options, message in [
        ({"until": "2020-01-30"}, "on 2020-01-30 no counted site had a label yet: the first was "
         "labelled on 2020-01-31; give a day from then on"),
        ({"since": "2019-12-31"}, "on 2019-12-31 no counted site had a label yet"),
        ({"since": "2022-01-01", "until": "2021-01-01"}, "the first day, 2022-01-01, lies after"),
        ({"until": "soon"}, "'soon' is no date"),
        ({"minutes": 0}, "the cut-off is 0 minutes"),
    ]:  # fmt: skip
        with pytest.raises(SettingError, match=message):
            timeline(small_study, **options)


def test_sites_of_ones_own(small_study: Study) -> None:
    own = own_sites([0, 40_000, 12_000], label_date=["2020-01-31", "2021-03-01", None])
    result = timeline(small_study, sites=own)
    assert result.undated == ["own2"]
    assert result.dates["sites"].tolist() == [2, 3, 3]
    assert result.dates["share"].tolist() == [1300 / 4000, 3700 / 4000, 3700 / 4000]
    assert "1 without a date count on every day" in shown(small_study, result)
    with pytest.raises(InputError, match="the sites have no label_date"):
        timeline(small_study, sites=own.drop(columns="label_date"))
    with pytest.raises(InputError, match="no site has a label date"):
        timeline(small_study, sites=own.assign(label_date=pd.NaT))


def test_people_at_several_points_of_a_commune(small_study: Study) -> None:
    demand = gpd.GeoDataFrame(
        {"demand_id": ["a", "b", "c"], "code_insee": [AVAL, AVAL, VILLE],
         "population": [300.0, 100.0, 600.0]},
        geometry=gpd.points_from_xy(*lonlat([(0, 0), (-12_000.01, 0), (40_000, 0)]).T, crs=WGS84),
    )  # fmt: skip
    result = timeline(small_study, demand)
    assert result.dates["share"].tolist() == [0.3, 0.9, 0.9]
    assert result.pairs.demand_method == "own places"


def test_pairs_of_single_sites_and_of_groups_agree(small_study: Study) -> None:
    options: dict[str, Any] = {"around": True, "sites": None}
    each = pair_times(small_study, **options)
    own = small_study.sites.assign(label_date=pd.Timestamp("2020-01-31"))
    one = pair_times(small_study, sites=own[own["kind"] != "Antenne"], by_label_date=True)
    assert (each.time_s.shape, one.time_s.shape) == ((6, 3), (6, 1))
    assert one.group.tolist() == [0, 0, 0]
    assert one.time_s[:, 0].tolist() == each.time_s.min(axis=1).tolist()
    near = pair_times(small_study, within_cutoff=True)
    assert near.time_s.tolist() == np.where(each.reached, each.time_s, np.inf)[:, :2].tolist()


def test_trips_beyond_the_data_are_said(tmp_path) -> None:
    rim = load_study(write_study(tmp_path / "rim", rim=(1,)))
    assert timeline(rim).pairs.complete
    result = timeline(rim, around=True)
    # until n1 was labelled, a site beyond the data could have been the nearest of Combe
    assert coverage(rim, around=True).complete
    assert not coverage(rim, around=True, as_of="2020-01-31").complete
    assert not result.pairs.complete
    assert "Not complete" in shown(rim, result)


def shown(study: Study, result) -> str:
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(timeline_text(study, result))
    return console.export_text()


label_days = st.lists(st.dates(dt.date(2020, 1, 1), dt.date(2020, 12, 31)), min_size=1, max_size=12)
counts = st.lists(st.integers(0, 14), min_size=12, max_size=12)


@settings(max_examples=25, deadline=None)
@given(label_days, counts)
def test_labels_are_compared_month_by_month(dates, numbers) -> None:
    sites = pd.DataFrame(
        {"facility_id": [str(i) for i in range(len(dates))], "label_date": pd.to_datetime(dates)}
    )
    told = pd.DataFrame(
        {"date": pd.date_range("2020-01-31", periods=12, freq="ME"), "labels": numbers}
    )
    table = labels_compared(sites, told)
    agree = [sum(d <= end.date() for d in dates) for end in told["date"]]
    assert table["list"].tolist() == agree
    assert table["difference"].tolist() == [n - k for n, k in zip(numbers, agree, strict=True)]
    for i, row in enumerate(table.to_dict("records")):
        named = [one for one in row["facility_ids"].split(", ") if one]
        end = row["date"].date()
        days = [dates[int(one)] for one in named]
        if row["difference"] > 0:
            later = sorted(d for d in dates if d > end)
            assert sorted(days) == later[: row["difference"]]
        else:
            earlier = sorted((d for d in dates if d <= end), reverse=True)
            assert sorted(days, reverse=True) == earlier[: -row["difference"]]
        assert row["label_dates"] == ", ".join(sorted({d.isoformat() for d in days}))
        equal = [table["date"][k] for k in range(i, 12) if table["difference"][k] == 0]
        if row["difference"] and equal:
            assert row["agree_again"] == equal[0]
        else:
            assert pd.isna(row["agree_again"])


def test_why_a_month_differs() -> None:
    row = {"date": "2020-12-31", "barometer": 3, "list": 1, "difference": 2, "facility_ids": "7",
           "label_dates": "2021-01-15", "agree_again": "2021-01-31"}  # fmt: skip
    told = label_reason(row, {"7": "Orgelet"})
    assert "made up by 1 site that the list dates next, on 2021-01-15: Orgelet. 1 more" in told
    assert "are in no later row of the list. Both agree on 2021-01-31." in told
    fewer = label_reason(row | {"list": 4, "difference": -1, "agree_again": None}, {})
    assert "does not yet count 1 site; the list dates last by then, on 2021-01-15: 7." in fewer


def test_the_barometer_is_read(tmp_path) -> None:
    path = tmp_path / "b.csv"
    rows = f"{NAME},39,2020-02-29,5.0\n{NAME},39,2020-01-31,3\nother,39,2020-01-31,7\n"
    path.write_text(f"{HEAD}{rows}{NAME},25,2020-01-31,9\n", encoding="utf-8")
    found = read_barometer(path, "39")
    assert [d.date().isoformat() for d in found["date"]] == ["2020-01-31", "2020-02-29"]
    assert found["labels"].tolist() == [3, 5]
    with pytest.raises(UnknownNameError, match="in département 01; it has 25, 39"):
        read_barometer(path, "01")
    with pytest.raises(MissingInputError, match=r"none\.csv is not there"):
        read_barometer(tmp_path / "none.csv", "39")
    for wrong, message in [
        ("2020-31-01,3", "lines 2"),
        ("2020-01-31,three", "lines 2"),
        ("2020-01-31,2.5", "lines 2"),
        ("2020-01-31,-1", "lines 2"),
        (f"2020-01-31,3\n{NAME},39,2020-01-31,4", "two numbers of labels on 2020-01-31"),
    ]:
        path.write_text(f"{HEAD}{NAME},39,{wrong}\n", encoding="utf-8")
        with pytest.raises(InputError, match=message):
            read_barometer(path, "39")
    path.write_text("code_departement,date\n39,2020-01-31\n", encoding="utf-8")
    with pytest.raises(InputError, match="lacks the columns id_indicateur, valeur"):
        read_barometer(path, "39")


def test_the_published_numbers_are_those_of_the_barometer(shared_data: Path) -> None:
    folder = Path(__file__).resolve().parents[1] / "accessibility" / "study"
    told = published_labels(read_toml(folder / "published.toml", what="it")["39"]["published"])
    assert told is not None
    expected = read_barometer(shared_data / BAROMETER, "39")
    assert told["date"].tolist() == expected["date"].tolist()
    assert told["labels"].tolist() == expected["labels"].tolist()
    assert len(told) == 36


def with_published(study: Study, **published: Any) -> Study:
    told = study.settings["published"] | published
    return replace(study, settings=study.settings | {"published": told})


LABELS = {"source": "a barometer", "first_month": dt.date(2021, 11, 1), "counts": [1, 2, 2]}


def test_published_labels_and_requests(small_study: Study) -> None:
    study = with_published(small_study, labels=LABELS, requests={"2021": 10, "2022": 30, "2023": 9})
    result = timeline(study, until="2022-01-15")
    # the list dates f2 a day after the end of December
    assert result.labels is not None
    assert result.labels[["barometer", "list", "facility_ids"]].values.tolist() == [
        [1, 1, ""], [2, 1, "f2"], [2, 2, ""],
    ]  # fmt: skip
    assert result.requests.values.tolist() == [[2021, 10, 1], [2022, 30, 2]]
    text = shown(study, result)
    assert "(a barometer), 2021-11 to 2022-01: equal in 2 of 3 months." in text
    assert "made up by 1 site that the list dates next, on 2022-01-01: site f2." in text
    assert "Requests served, as published: 10 in 2021, with 1 site by its end" in text


def run(folder: Path, *arguments: object) -> Result:
    return RUNNER.invoke(APP, [str(word) for word in ("--study", folder, *arguments)])


def test_the_command(small_study: Study, tmp_path) -> None:
    study = with_published(small_study, labels=LABELS, requests={"2021": 10, "2022": 30})
    (study.folder / bundle.SETTINGS).write_text(tomli_w.dumps(study.settings), encoding="utf-8")
    out = tmp_path / "out"
    written = run(study.folder, "--out", out).stdout
    assert f"Written: {out}/labels.csv, timeline.csv, timeline.png, manifest.json" in written
    assert "Population municipale 2019, at the chef-lieu, the same on every day" in written
    assert "32.50 % (1 site) to 92.50 % (2 sites)" in " ".join(written.split())
    table = pd.read_csv(out / "timeline.csv")
    assert table["date"].tolist() == ["2020-01-31", "2022-01-01", "2022-11-15"]
    assert table["share"].tolist() == [0.325, 0.925, 0.925]
    assert pd.read_csv(out / "labels.csv")["barometer"].tolist() == [1, 2, 2]
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert set(manifest["files"]) == {"labels.csv", "timeline.csv", "timeline.png"}
    assert manifest["answer"]["labels_equal"] == 2
    assert "closed before" in manifest["answer"]["note"]
    path = tmp_path / "b.csv"
    path.write_text(f"{HEAD}{NAME},39,2022-01-31,2\n", encoding="utf-8")
    options = ["--barometer", path, "--from", "2021-01-01", "--until", "2022-02-02", "--json"]
    answer = json.loads(run(study.folder, *options).stdout)
    assert (answer["from"], answer["until"]) == ("2021-01-01", "2022-02-02")
    assert (answer["labels_source"], answer["labels_months"], answer["labels_equal"]) == (
        "b.csv", 1, 1,
    )  # fmt: skip
    assert [row["date"] for row in answer["rows"]] == ["2021-01-01", "2022-01-01", "2022-02-02"]
    assert answer["last"]["mean_minutes"] == answer["rows"][-1]["mean_minutes"]
    assert isinstance(run(study.folder, "--until", "2019-01-01").exception, SettingError)
    assert run(study.folder, "--until", "2022").exit_code == 2
    assert "Example: accessibility timeline" in run(study.folder, "--help").stdout


@pytest.mark.jura
def test_the_jura_from_three_sites_to_twenty_five(jura: Study, shared_data: Path) -> None:
    result = timeline(jura, barometer=read_barometer(shared_data / BAROMETER, "39"))
    assert result.dates["sites"].tolist() == [3, 5, 8, 14, 16, 18, 24, 25]
    assert (days(result)[0], days(result)[-1]) == ("2020-01-01", "2022-11-15")
    assert result.dates["share"].is_monotonic_increasing
    assert result.dates["mean_minutes"].is_monotonic_decreasing
    last, expected = result.dates.iloc[-1], coverage(jura)
    assert last["share"] == expected.share
    assert last["mean_minutes"] == pytest.approx(mean_time_s(expected) / 60, rel=1e-12)
    assert (last["cantons_covered"], last["cantons_covered_max"], last["cantons"]) == (15, 15, 17)
    assert result.pairs.complete
    assert result.requests.values.tolist() == [[2020, 14_082, 8], [2022, 40_620, 25]]
    labels = result.labels
    assert labels is not None
    assert len(labels) == 36
    apart = labels[labels["difference"] != 0]
    assert apart[["barometer", "list", "label_dates"]].values.tolist() == [
        [14, 8, "2021-01-15"], [25, 24, "2022-11-15"],
    ]  # fmt: skip
    assert apart["facility_ids"].tolist() == ["1325, 1326, 1329, 1770, 1771, 1772", "3007"]
    assert [str(d.date()) for d in apart["agree_again"]] == ["2021-01-31", "2022-11-30"]
