"""Opening hours: how cells are read, and who reaches an open site when."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import lonlat
from studies import AVAL, BIEF, COMBE, ILOT, MONT, VILLE, write_study
from test_cli import RUNNER
from typer.testing import Result

from accessibility.analysis.coverage import coverage
from accessibility.analysis.opening_hours import hours, read_moment
from accessibility.cli import hours as hours_command
from accessibility.errors import AccessibilityError, InputError, OutputError, SettingError
from accessibility.inputs.opening_hours import HOUR_COLUMNS, opening_hours, read_cell, written
from accessibility.inputs.remarks import flags_of, remarks
from accessibility.inputs.sites import read_france_services
from accessibility.report.opening_hours import best_span, hours_text, plot_hours
from accessibility.schema import WGS84
from accessibility.study import bundle
from accessibility.study.study import Study, load_study

APP = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
APP.command("hours")(hours_command.command)

LIST = "sites/liste-france-services-2024-08-01.csv"
MON, TUE, WED, THU, FRI, SAT = range(6)

# id in the list, weekday, cell, minutes as a person reads them, what is done
CELLS = [
    # nothing is done
    ("1", MON, "13:30 - 17:00", [(810, 1020)], "regular"),
    ("1", TUE, "09:00 - 12:00 / 13:30 - 17:00", [(540, 720), (810, 1020)], "regular"),
    ("1", FRI, "09:00 - 12:00 / 13:30 - 16:00", [(540, 720), (810, 960)], "regular"),
    ("2", SAT, "09:00 - 12:00", [(540, 720)], "regular"),
    ("10", FRI, "08:30 - 12:00", [(510, 720)], "regular"),
    ("243", TUE, "09:00 - 12:30 / 13:30 - 19:00", [(540, 750), (810, 1140)], "regular"),
    ("244", TUE, "09:30 - 12:00 / 14:00 - 18:00", [(570, 720), (840, 1080)], "regular"),
    ("299", FRI, "13:31 - 16:30", [(811, 990)], "regular"),
    ("331", MON, "08:30 - 12:00 / 13:30 - 16:29", [(510, 720), (810, 989)], "regular"),
    ("456", WED, "09:00 - 12:00 / 14:00 - 21:00", [(540, 720), (840, 1260)], "regular"),
    ("457", MON, "09:00 - 20:00", [(540, 1200)], "regular"),
    ("555", MON, "07:00 - 13:00 / 14:00 - 17:00", [(420, 780), (840, 1020)], "regular"),
    ("566", FRI, "07:00 - 11:00", [(420, 660)], "regular"),
    ("570", TUE, "08:30 - 12:15 / 14:00 - 16:15", [(510, 735), (840, 975)], "regular"),
    ("585", MON, "06:00 - 14:00", [(360, 840)], "regular"),
    ("644", TUE, "13:00 - 18:00", [(780, 1080)], "regular"),
    ("822", MON, "08:12 - 14:18", [(492, 858)], "regular"),
    ("858", THU, "09:00 - 12:30 / 14:00 - 20:00", [(540, 750), (840, 1200)], "regular"),
    ("1892", TUE, "08:45 - 10:00 / 10:30 - 11:30 / 13:30 - 14:30 / 15:00 - 16:15",
     [(525, 600), (630, 690), (810, 870), (900, 975)], "regular"),
    ("2885", TUE, "08:30 - 13:04", [(510, 784)], "regular"),
    ("3007", SAT, "09:00 - 12:15", [(540, 735)], "regular"),
    ("3241", MON, "07:30 - 13:00 / 14:00 - 17:30", [(450, 780), (840, 1050)], "regular"),
    # an empty slot of the form
    ("67", FRI, "00:00 - 00:00", [], "filler only"),
    ("2281", SAT, "00:00 - 00:00", [], "filler only"),
    ("2111", WED, "00:00 - 00:00", [], "filler only"),
    ("29", WED, "00:00 - 00:00 / 09:00 - 12:00", [(540, 720)], "filler dropped"),
    ("371", THU, "00:00 - 00:00 / 09:00 - 19:00", [(540, 1140)], "filler dropped"),
    ("807", MON, "00:00 - 00:00 / 00:00 - 00:00 / 08:30 - 16:00", [(510, 960)],
     "filler dropped"),
    ("972", MON, "00:00 - 00:00 / 09:00 - 12:00 / 14:00 - 17:00", [(540, 720), (840, 1020)],
     "filler dropped"),
    ("1415", MON, "00:00 - 00:00 / 00:00 - 00:00 / 09:00 - 12:00 / 13:30 - 16:30",
     [(540, 720), (810, 990)], "filler dropped"),
    ("1469", MON, "00:00 - 00:00 / 14:00 - 17:15", [(840, 1035)], "filler dropped"),
    ("3242", TUE, "00:00 - 00:00 / 15:30 - 17:00", [(930, 1020)], "filler dropped"),
    # the same twice
    ("724", MON, "13:30 - 16:00 / 13:30 - 16:00", [(810, 960)], "duplicate dropped"),
    ("828", MON, "09:00 - 12:30 / 13:30 - 16:30 / 13:30 - 16:30", [(540, 750), (810, 990)],
     "duplicate dropped"),
    ("1255", TUE, "08:30 - 11:30 / 08:30 - 11:30", [(510, 690)], "duplicate dropped"),
    ("1333", MON, "09:45 - 12:00 / 09:45 - 12:00 / 13:45 - 15:30", [(585, 720), (825, 930)],
     "duplicate dropped"),
    ("2098", WED, "09:15 - 12:15 / 09:15 - 12:15 / 14:00 - 17:00", [(555, 735), (840, 1020)],
     "duplicate dropped"),
    ("2384", FRI, "08:30 - 17:00 / 08:30 - 17:00", [(510, 1020)], "duplicate dropped"),
    # one ends when the next begins
    ("292", WED, "09:00 - 11:00 / 11:00 - 12:00", [(540, 720)], "touching joined"),
    ("292", MON, "09:00 - 11:00 / 11:00 - 12:00 / 13:30 - 17:00", [(540, 720), (810, 1020)],
     "touching joined"),
    ("892", WED, "09:00 - 14:00 / 14:00 - 19:00", [(540, 1140)], "touching joined"),
    ("1107", MON, "09:00 - 13:30 / 13:30 - 17:00", [(540, 1020)], "touching joined"),
    ("1821", WED, "08:30 - 12:30 / 12:30 - 17:00", [(510, 1020)], "touching joined"),
    ("3037", THU, "10:00 - 12:00 / 12:00 - 15:00", [(600, 900)], "touching joined"),
    # one lies in another, or reaches into it
    ("114", TUE, "09:00 - 12:00 / 09:00 - 16:30 / 14:00 - 16:30", [(540, 990)], "overlap merged"),
    ("291", THU, "08:30 - 12:00 / 08:30 - 16:00", [(510, 960)], "overlap merged"),
    ("319", FRI, "09:00 - 16:30 / 13:30 - 16:30", [(540, 990)], "overlap merged"),
    ("749", TUE, "09:00 - 16:00 / 13:00 - 16:00", [(540, 960)], "overlap merged"),
    ("892", THU, "09:00 - 14:00 / 11:00 - 12:30", [(540, 840)], "overlap merged"),
    ("1427", MON, "08:30 - 18:00 / 14:00 - 18:00", [(510, 1080)], "overlap merged"),
    ("1892", FRI,
     "08:45 - 10:15 / 10:30 - 11:30 / 10:30 - 12:00 / 13:30 - 14:30 / 15:00 - 16:15",
     [(525, 615), (630, 720), (810, 870), (900, 975)], "overlap merged"),
    ("2019", WED, "08:30 - 16:00 / 08:30 - 16:30", [(510, 990)], "overlap merged"),
    ("2651", MON, "09:00 - 12:30 / 09:00 - 17:00 / 14:00 - 17:00", [(540, 1020)],
     "overlap merged"),
    ("2862", MON, "08:00 - 15:00 / 08:30 - 13:30", [(480, 900)], "overlap merged"),
    # and out of order as well
    ("1355", THU, "08:30 - 17:30 / 08:30 - 12:30", [(510, 1050)], "overlap merged, put in order"),
    ("1980", MON, "09:00 - 17:30 / 09:00 - 12:00 / 13:30 - 17:30", [(540, 1050)],
     "overlap merged, put in order"),
    ("2446", MON, "09:00 - 16:30 / 09:00 - 11:30", [(540, 990)], "overlap merged, put in order"),
    # several at once
    ("1355", MON, "08:30 - 17:30 / 08:30 - 12:30 / 08:30 - 12:30 / 08:30 - 17:30", [(510, 1050)],
     "duplicate dropped, overlap merged, put in order"),
    ("1355", WED, "08:30 - 12:30 / 08:30 - 12:30 / 08:30 - 17:30", [(510, 1050)],
     "duplicate dropped, overlap merged"),
    ("1987", MON, "00:00 - 00:00 / 08:00 - 15:00 / 08:00 - 16:00 / 08:00 - 16:00", [(480, 960)],
     "filler dropped, duplicate dropped, overlap merged"),
    ("1987", TUE, "00:00 - 00:00 / 08:00 - 16:00 / 08:00 - 15:00 / 08:00 - 16:00", [(480, 960)],
     "filler dropped, duplicate dropped, overlap merged, put in order"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "intervals", "outcome"), [cell[2:] for cell in CELLS])
def test_real_cells_read_as_a_person_reads_them(text, intervals, outcome) -> None:
    cell = read_cell(text)
    assert list(cell.intervals) == intervals
    assert cell.outcome == outcome
    assert cell.known


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("fermé", "unreadable"),
        ("9h - 12h", "unreadable"),
        ("09:00 - 12:00 / sur rdv", "unreadable"),
        ("09:00 - 12:60", "unreadable"),
        ("09:00 - 25:00", "unreadable"),
        ("09:00 - 24:01", "unreadable"),
        ("09:00", "unreadable"),
        ("09:00 - 12:00 /", "unreadable"),
        ("14:00 - 09:00", "reversed"),
        ("09:00 - 12:00 / 18:00 - 17:00", "reversed"),
    ],
)
def test_what_cannot_be_read_makes_the_day_unknown(text, outcome) -> None:
    cell = read_cell(text)
    assert (cell.intervals, cell.outcome, cell.known) == ((), outcome, False)
    sites = pd.DataFrame(
        {"facility_id": ["a"], "h_lundi": [text], "h_mardi": ["09:00 - 24:00"], "h_mercredi": None}
    )
    read = opening_hours(sites)
    assert read.days["status"].tolist() == ["unknown", "open", "closed"]
    assert read.intervals.values.tolist() == [["a", 1, 540, 1440]]
    assert read.outcomes == {"regular": 1, outcome: 1}
    assert read.without_hours == []


minute = st.integers(0, 1440)
pieces = st.lists(st.tuples(minute, minute), min_size=1, max_size=6)


def mask(intervals) -> np.ndarray:
    found = np.zeros(1440, dtype=bool)
    for opens, closes in intervals:
        found[opens:closes] = True
    return found


@settings(max_examples=150, deadline=None)
@given(pieces, st.randoms(use_true_random=False))
def test_the_minutes_are_those_of_the_pieces_in_any_order(found, random) -> None:
    forwards = [tuple(sorted(piece)) for piece in found]
    cell = read_cell(written(forwards))
    assert (mask(cell.intervals) == mask(forwards)).all()
    ends = [minute for interval in cell.intervals for minute in interval]
    assert ends == sorted(set(ends))  # in order, apart from each other, none empty
    account = cell.fillers + cell.duplicates + cell.overlaps + cell.touching
    assert cell.pieces == len(forwards) == len(cell.intervals) + account
    if cell.intervals:
        again = read_cell(written(cell.intervals))
        assert (again.intervals, again.outcome) == (cell.intervals, "regular")
    random.shuffle(forwards)
    other = read_cell(written(forwards))
    assert other.intervals == cell.intervals
    assert other.fillers == cell.fillers
    assert other.duplicates == cell.duplicates
    assert other.reordered == (
        list(dict.fromkeys(p for p in forwards if p[0] < p[1]))
        != sorted({p for p in forwards if p[0] < p[1]})
    )


@settings(max_examples=50, deadline=None)
@given(pieces)
def test_every_piece_is_accounted_for(found) -> None:
    cell = read_cell(written(found))
    dropped = cell.fillers + cell.duplicates + cell.overlaps + cell.touching
    assert cell.pieces == len(cell.intervals) + dropped + cell.reversed + cell.set_aside
    assert cell.reversed == sum(closes < opens for opens, closes in found)


@pytest.fixture(scope="module")
def national(shared_data) -> gpd.GeoDataFrame:
    return read_france_services(shared_data / LIST, "39")


def test_every_cell_of_the_national_list_is_accounted_for(national) -> None:
    read = opening_hours(national)
    assert len(read.cells) == 13_949
    assert read.outcomes == {
        "regular": 13_792,
        "filler dropped": 58,
        "duplicate dropped": 31,
        "overlap merged": 28,
        "touching joined": 15,
        "overlap merged, put in order": 13,
        "filler only": 5,
        "duplicate dropped, overlap merged, put in order": 2,
        "filler dropped, duplicate dropped, overlap merged": 2,
        "filler dropped, duplicate dropped, overlap merged, put in order": 2,
        "duplicate dropped, overlap merged": 1,
    }
    assert sum(n for name, n in read.outcomes.items() if name != "regular") == 157
    names = ["pieces", "kept", "fillers", "duplicates", "overlaps", "touching"]
    totals = read.cells[names].sum().tolist()
    assert totals == [23_350, 23_157, 75, 40, 63, 15]
    assert totals[0] == sum(totals[1:])
    assert len(read.intervals) == 23_157
    assert read.weekdays == (0, 1, 2, 3, 4, 5)
    assert len(read.without_hours) == 48
    # 2,845 sites on six days; the 48 are unknown on each, the others closed where nothing is told
    days = read.days["status"].value_counts().to_dict()
    assert days == {"open": 13_949 - 5, "closed": 2_845 * 6 - 13_944 - 48 * 6, "unknown": 48 * 6}
    cells = {(i, day): text for i, day, text, *_ in read.cells.itertuples(index=False)}
    assert all(cells[i, day] == text for i, day, text, *_ in CELLS)
    assert len(CELLS) >= 60


def test_remarks_of_the_national_list_are_flagged_and_listed(national) -> None:
    told = remarks(national)
    assert int((told["remark"] != "").sum()) == 830
    assert int(told["takes_appointments"].sum()) == 992
    assert int(told["format"].ne("Fixe").sum()) == int(national["format"].ne("Fixe").sum())
    text = told.set_index("facility_id")
    assert text.loc["291", "remark"].startswith("Le lundi de 12")  # was escaped
    assert not told["remark"].str.contains(r"\\x").any()
    # more than fifty say "uniquement sur rendez-vous" in these very words
    words = "uniquement sur (?:rdv|rendez-vous)"
    plain = national["remark"].fillna("").str.contains(words, case=False)
    flagged = text["appointment_only"].reindex(national.loc[plain, "facility_id"])
    assert plain.sum() > 50
    assert flagged.all()


@pytest.mark.parametrize(
    ("remark", "flags"),
    [
        ("UNIQUEMENT SUR RENDEZ-VOUS", "appointment_only appointment"),
        ("Sur RDV uniquement", "appointment_only appointment"),
        ("Sur rendez-vous le samedi", "appointment weekdays"),
        ("Prise de rendez-vous obligatoire au 0805 290 440", "appointment_only appointment"),
        ("Prise de rendez-vous conseillée", ""),
        ("Accueil avec ou sans rendez-vous", ""),
        ("serendez-vousice", ""),
        ("Ouverture les samedi toutes les semaines impaires", "alternate_weeks weekdays"),
        ("Permanences les jeudis matins semaines paries à Mouchard et semaines impaires à La Loye",
         "alternate_weeks other_places weekdays"),
        ("Un lundi sur deux", "alternate_weeks weekdays"),
        ("Ouvert le premier samedi du mois de 9h à 12h", "days_of_month hours_told weekdays"),
        ("2ème et 4ème lundis du mois", "days_of_month weekdays"),
        ("Structure NON itinérante", ""),
        ("Itinérance dans 8 Communes", "other_places"),
        ("Bus Itinérant", "other_places"),
        ("permanence téléphonique le lundi après-midi", "weekdays"),
        ("Antenne à Arcey", "other_places"),
        ("Horaires d’été : 10:00-12h30", "holidays hours_told"),
        ("Fermeture pendant les vacances scolaires", "holidays closures"),
        ("Fermé du 9 au 30 août inclus pour congés annuels", "holidays closures dates"),
        ("Changement d'horaire à compter du 3 janvier 2023", "dates"),
        ("02.31.23.49.47", ""),
        ("384255406", ""),
    ],
)  # fmt: skip
def test_flags_of_real_remarks(remark, flags) -> None:
    assert flags_of(remark) == flags.split()


def test_remarks_of_sites_without_the_columns() -> None:
    bare = pd.DataFrame({"facility_id": ["a"], "name": ["A"]})
    assert remarks(bare).empty
    with pytest.raises(InputError, match="'peut-être'; Oui or Non is expected"):
        remarks(bare.assign(appointment="peut-être"))


def with_hours(study: Study, **cells: dict[str, str]) -> Study:
    """The small study with hours: f1={"lundi": "09:00 - 12:00"}."""
    sites = study.sites.copy()
    for column in HOUR_COLUMNS[:6]:
        day = column.removeprefix("h_")
        sites[column] = [cells.get(i, {}).get(day) for i in sites["facility_id"]]
    sites["remark"] = [None, "Sur RDV uniquement", None, None]
    sites["appointment"] = ["Non", "Oui", None, None]
    sites["format"] = "Fixe"
    return replace(study, sites=sites)


F1 = {"lundi": "09:00 - 12:00", "samedi": "09:00 - 12:00"}
F2 = {"lundi": "10:00 - 18:00", "mardi": "08:00 - 09:00"}


@pytest.fixture
def open_study(small_study: Study) -> Study:
    return with_hours(small_study, f1=F1, f2=F2)


def test_the_week_by_hand(open_study: Study) -> None:
    # f1 has Aval and Bief (1,300 people) within 20 minutes, f2 Ville and Mont (2,400) of 4,000
    result = hours(open_study)
    assert result.share_any_hour == 3700 / 4000
    for moment, covered, opened in [
        ("lundi 8:59", 0, []),
        ("lundi 9:00", 1300, ["f1"]),
        ("Monday 10:00", 3700, ["f1", "f2"]),
        ("lundi 11:59", 3700, ["f1", "f2"]),
        ("lundi 12:00", 2400, ["f2"]),
        ("lundi 18:00", 0, []),
        ("mardi 08h30", 2400, ["f2"]),
        ("Saturday 9h", 1300, ["f1"]),
        ("jeudi 10:00", 0, []),
    ]:
        found = result.at(moment)
        assert (found["population_covered_min"], found["open"]) == (covered, opened)
        assert found["share_min"] == found["share_max"] == covered / 4000
        assert found["sites_open"] == len(opened)
    assert result.mean_hours_min == (1300 * 6 + 2400 * 9) / 4000 == result.mean_hours_max
    assert result.outside["population_covered_min"].tolist() == [2400, 2400, 1300, 3700]
    table = result.by_commune.set_index("code_insee")
    assert table["hours_min"][[AVAL, BIEF, COMBE, VILLE, MONT, ILOT]].tolist() == [6, 6, 0, 9, 9, 0]
    assert table["hours_outside_min"][[AVAL, VILLE]].tolist() == [3, 2]
    assert table["share_ever_min"].tolist() == [1, 1, 0, 1, 1, 0]
    assert best_span(result) == {
        "weekday": 0, "from_min": 600, "until_min": 720, "share_min": 0.925, "share_max": 0.925,
    }  # fmt: skip
    assert result.all_known
    assert "92.50% at once" in repr(result)
    assert repr(result.hours) == "<OpeningHours: 2 sites, 4 intervals from 4 cells>"


def test_unknown_hours_make_bounds(small_study: Study) -> None:
    # f2 tells nothing at all: it may be open at any time, or never
    result = hours(with_hours(small_study, f1=F1))
    assert result.hours.without_hours == ["f2"]
    assert not result.all_known
    found = result.at("lundi 9:30")
    assert (found["population_covered_min"], found["population_covered_max"]) == (1300, 3700)
    assert (found["open"], found["unknown"]) == (["f1"], ["f2"])
    assert result.at("mardi 9:30")["share_min"] == 0
    assert result.at("mardi 9:30")["population_covered_max"] == 2400
    assert result.outside["population_covered_min"].tolist() == [0, 0, 1300, 1300]
    assert result.outside["population_covered_max"].tolist() == [2400, 2400, 3700, 3700]
    ville = result.by_commune.set_index("code_insee").loc[VILLE]
    assert (ville["hours_min"], ville["hours_max"]) == (0, 6 * 24)
    # one day that cannot be read is unknown, the others are not
    dark = hours(with_hours(small_study, f1=F1, f2=F2 | {"jeudi": "sur demande"}))
    assert (dark.at("jeudi 3:00")["share_min"], dark.at("jeudi 3:00")["share_max"]) == (0, 0.6)
    assert dark.at("mercredi 10:00")["share_max"] == 0


one_day = st.sampled_from(
    [None, "09:00 - 12:00", "08:30 - 12:30 / 13:30 - 17:30", "16:45 - 19:00", "00:00 - 24:00",
     "à voir"]
)  # fmt: skip
one_week = st.dictionaries(st.sampled_from(["lundi", "mardi", "vendredi", "samedi"]), one_day)
moments = st.lists(
    st.tuples(st.sampled_from(["lundi", "mardi", "vendredi", "samedi"]), st.integers(0, 1439)),
    min_size=1, max_size=3,
)  # fmt: skip


@pytest.fixture(scope="module")
def kept_study(tmp_path_factory) -> Study:
    return load_study(write_study(tmp_path_factory.mktemp("kept") / "small"))


@settings(max_examples=6, deadline=None)
@given(one_week, one_week, moments, st.booleans())
def test_any_week_agrees_with_coverage_by_the_open_sites(kept_study, f1, f2, asked, around) -> None:
    study = with_hours(kept_study, f1=f1, f2=f2, n1=f1)
    result = hours(study, around=around)
    week = result.week
    length = (week["until_min"] - week["from_min"]).to_numpy() / 60
    assert length.sum() == 6 * 24
    assert (week["share_min"] <= week["share_max"]).all()
    assert (week["share_max"] <= result.share_any_hour).all()
    assert (result.outside["share_min"] <= result.outside["share_max"]).all()
    table = result.by_commune
    assert (table["hours_outside_max"] <= table["hours_max"]).all()
    for bound in ("min", "max"):
        # people times hours, added up by moment and by commune
        by_moment = float(week[f"population_covered_{bound}"] @ length)
        by_commune = float(table["population"] @ table[f"hours_{bound}"])
        mean = getattr(result, f"mean_hours_{bound}")
        assert by_moment == pytest.approx(by_commune)
        assert by_moment == pytest.approx(mean * result.population)
    for day, minute in asked:
        found = result.at(f"{day} {minute // 60}:{minute % 60:02d}")
        for ids, bound in ((found["open"], "min"), (found["open"] + found["unknown"], "max")):
            chosen = study.sites[study.sites["facility_id"].isin(ids)]
            expected = coverage(study, sites=chosen).share if len(chosen) else 0.0
            assert found[f"share_{bound}"] == expected


def test_options_are_those_of_coverage(open_study: Study) -> None:
    for options in (
        {"minutes": 15},
        {"as_of": "2021-01-01", "population": 2020},
        {"direction": "from", "minutes": 30},
        {"around": True, "walk_kph": 4.0, "max_snap_m": 50_000.0, "minutes": 300},
    ):
        result, expected = hours(open_study, **options), coverage(open_study, **options)
        assert result.share_any_hour == expected.share
        assert len(result.pairs.sites) == len(expected.sites)
        assert result.population == expected.population
    assert hours(open_study, as_of="2019-01-01").week["share_max"].max() == 0


def test_people_at_several_points_of_a_commune(open_study: Study) -> None:
    x = [0, -12_000.01, 40_000]
    demand = gpd.GeoDataFrame(
        {"demand_id": ["a", "b", "c"], "code_insee": [AVAL, AVAL, VILLE],
         "population": [300.0, 100.0, 600.0]},
        geometry=gpd.points_from_xy(*lonlat([(v, 0) for v in x]).T, crs=WGS84),
    )  # fmt: skip
    result = hours(open_study, demand)
    assert result.at("lundi 9:00")["population_covered_min"] == 300
    table = result.by_commune.set_index("code_insee")
    assert (table.loc[AVAL, "hours_min"], table.loc[AVAL, "share_ever_min"]) == (4.5, 0.75)
    assert table["population"][[AVAL, VILLE]].tolist() == [400, 600]
    assert table.loc[BIEF, ["population", "hours_min"]].isna().all()


def test_a_commune_where_nobody_lives(open_study: Study) -> None:
    table = hours(open_study, population=2020).by_commune.set_index("code_insee")
    assert np.isnan(table.loc[ILOT, "population"])
    assert table.loc[ILOT, "hours_min"] == 0


def test_trips_beyond_the_data_are_said(tmp_path, open_study: Study) -> None:
    assert hours(open_study).pairs.complete
    rim = with_hours(load_study(write_study(tmp_path / "rim", rim=(1,))), f1=F1, f2=F2)
    assert hours(rim).pairs.complete  # no trip that leaves and comes back is short enough
    # Combe has n1 nearby; while that is closed, a site beyond the data could be the nearest
    assert coverage(rim, around=True).complete
    assert not hours(rim, around=True).pairs.complete


@pytest.mark.parametrize(
    ("moment", "message"),
    [
        ("mardy 18:30", "'mardy 18:30' does not begin with a weekday"),
        ("", "does not begin with a weekday"),
        ("18:30", "does not begin with a weekday"),
        ("mardi", "'' in 'mardi' is no time of day"),
        ("mardi 24:00", "'24:00' in 'mardi 24:00' is no time of day; one from 0:00 to 23:59"),
        ("mardi 18:60", "is no time of day"),
        ("mardi soir", "is no time of day"),
        ("mardi 18:30:00", "is no time of day"),
        ("dimanche 10:00", "nothing is known of Sunday: the list of sites tells the hours of Mon"),
    ],
)
def test_impossible_moments(open_study: Study, moment, message) -> None:
    with pytest.raises(SettingError, match=message):
        hours(open_study).at(moment)


def test_moments_in_both_languages() -> None:
    for text in ("mardi 18:30", "Tuesday 18h30", " MARDI  18:30 ", "tuesday 18 h 30"):
        assert read_moment(text) == (1, 1110)
    assert read_moment("Sunday 0:00") == (6, 0)


def test_sites_without_columns_of_hours(small_study: Study) -> None:
    with pytest.raises(InputError, match="has no opening hours; columns such as h_lundi"):
        hours(small_study)


def test_hours_on_a_sunday_are_read_where_they_are_told(small_study: Study) -> None:
    sites = small_study.sites.assign(h_dimanche=["10:00 - 12:00", None, None, None])
    result = hours(small_study, sites=sites[["facility_id", "geometry", "h_dimanche"]])
    assert result.hours.weekdays == (6,)
    assert result.at("dimanche 11:00")["open"] == ["f1"]
    # a site that tells of no day at all is unknown
    assert result.at("dimanche 11:00")["unknown"] == ["f2", "a1", "n1"]


def on_disk(study: Study) -> Path:
    study.sites.to_parquet(study.folder / bundle.SITES)
    return study.folder


def run(folder: Path, *arguments: object) -> Result:
    return RUNNER.invoke(APP, [str(word) for word in ("--study", folder, *arguments)])


def test_the_command(open_study: Study, tmp_path) -> None:
    folder = on_disk(open_study)
    shown = run(folder, "--at", "lundi 9:30").stdout
    assert "Monday at 09:30: 32.50 % of the inhabitants (1,300)" in shown
    assert "1 of 2 sites is open: site f1." in shown
    assert "Monday from 10:00 to 12:00" in shown
    assert "whatever the day of the labels (2022-11-15)" in shown
    assert "of Sunday the list tells nothing" in shown
    assert "12: 4 regular, 8 empty" in shown
    assert "Sur RDV uniquement" in shown
    out = tmp_path / "out"
    options = ["--at", "mardi 8h", "--out", out, "--demand", "centroids"]
    result = run(folder, "--json", *options)
    answer = json.loads(result.stdout)
    assert (answer["at"]["share_min"], answer["hours_as_of"]) == (0.6, None)
    assert answer["demand"] == "centroids"
    assert answer["outside"][-1]["population_covered_min"] == 3700
    assert answer["days"] == {"closed": 8, "open": 4}
    assert answer["flags"]["appointment_only"] == 1
    assert len(answer["rows"]) == len(pd.read_csv(out / "week.csv"))
    files = {path.name for path in out.iterdir()}
    assert files == {"hours.csv", "cells.csv", "week.csv", "communes.csv", "communes.gpkg",
                     "remarks.csv", "heatmap.png", "manifest.json"}  # fmt: skip
    intervals = pd.read_csv(out / "hours.csv")
    assert intervals[["facility_id", "day", "opens", "closes"]].values.tolist() == [
        ["f1", "Monday", "09:00", "12:00"],
        ["f1", "Saturday", "09:00", "12:00"],
        ["f2", "Monday", "10:00", "18:00"],
        ["f2", "Tuesday", "08:00", "09:00"],
    ]
    assert gpd.read_file(out / "communes.gpkg")["hours_min"].tolist() == [6, 6, 0, 9, 9, 0]
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert "whatever the day of the labels" in manifest["answer"]["note"]
    assert set(manifest["files"]) == files - {"communes.gpkg", "manifest.json"}
    assert isinstance(run(folder, "--out", out).exception, OutputError)
    assert 'Example: accessibility hours --at "mardi 18:30"' in run(folder, "--help").stdout


def test_the_command_with_unknown_hours(small_study: Study) -> None:
    folder = on_disk(with_hours(small_study, f1=F1))
    shown = run(folder, "--at", "lundi 9:30").stdout
    assert "32.50 % to 92.50 % of the inhabitants (1,300 to 3,700)" in shown
    assert "the hours of 1 are unknown" in shown
    assert "1 sites without any hours: f2" in shown
    assert "32-92 %" in shown


def test_what_the_command_refuses(open_study: Study, tmp_path) -> None:
    def error(*arguments: object) -> Any:
        return run(on_disk(open_study), *arguments).exception

    assert isinstance(error("--at", "mardi 25:00"), SettingError)
    assert isinstance(error("--at", "dimanche 9:00"), SettingError)
    assert isinstance(error("--list", tmp_path / "none.csv"), AccessibilityError)
    assert isinstance(error("--list", tmp_path / "none.csv", "--at", "lundi 9h"), SettingError)
    assert run(open_study.folder, "--minutes", 0).exit_code == 2


def test_the_account_of_a_list(inputs: Path, tmp_path) -> None:
    table = pd.read_csv(inputs / LIST, dtype=str)
    table["h_lundi"] = ["09:00 - 12:00 / 00:00 - 00:00", "sur demande"]
    table["commentaire"] = ["un samedi matin par mois", None]
    path = tmp_path / "list.csv"
    table.to_csv(path, index=False)
    answer = json.loads(run(inputs, "--list", path, "--json").stdout)
    assert answer["cells_by_outcome"] == {"filler dropped": 1, "unreadable": 1}
    assert (answer["cells"], answer["cells_empty"], answer["remarks"]) == (2, 10, 1)
    assert answer["sites_without_hours"] == ["2"]
    assert answer["flags"]["days_of_month"] == 1
    shown = run(inputs, "--list", path).stdout
    assert "2 cells with hours of 2 sites in list.csv" in shown
    assert "not readable: the day is unknown" in shown
    assert "1 sites have no hours at all: unknown, never closed" in shown


def test_the_heat_map_has_a_panel_for_each_bound(small_study: Study, tmp_path) -> None:
    import matplotlib.image

    height = {}
    for name, cells in (("known", {"f1": F1, "f2": F2}), ("unknown", {})):
        study = with_hours(small_study, **cells)
        plot_hours(study, hours(study), tmp_path / f"{name}.png")
        height[name] = matplotlib.image.imread(tmp_path / f"{name}.png").shape[0]
    assert height["known"] < height["unknown"]


def test_nothing_is_ever_open(small_study: Study) -> None:
    study = with_hours(small_study)
    result = hours(study, as_of="2019-01-01")
    assert best_span(result) is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert hours_text(study, result, None) is not None


@pytest.mark.jura
def test_the_jura(jura: Study) -> None:
    result = hours(jura)
    assert result.hours.outcomes == {"regular": 126}
    assert result.all_known
    assert result.pairs.complete
    assert result.share_any_hour == coverage(jura).share
    for moment, count in (("mardi 10:00", 23), ("samedi 10:00", 6)):
        found = result.at(moment)
        assert found["sites_open"] == count == len(found["open"])
        opened = jura.sites[jura.sites["facility_id"].isin(found["open"])]
        assert found["share_min"] == coverage(jura, sites=opened).share
    raised = result.remarks[result.remarks["alternate_weeks"]]
    assert raised["facility_id"].tolist() == ["243"]
