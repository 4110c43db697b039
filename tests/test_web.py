"""The planners' page without a browser: steps and undoing, files, what is told, bad input."""

from __future__ import annotations

import asyncio
import csv
import datetime as dt
import gc
import io
import json
import random
import re
import time
import tomllib
import weakref
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import openpyxl
import pytest
from networks import lonlat
from studies import AVAL, COMBE, MONT, VILLE, write_study
from tornado.httpclient import AsyncHTTPClient
from typer.main import get_command
from typer.testing import CliRunner

from accessibility.analysis.coverage import coverage
from accessibility.analysis.gain import gain, top_communes
from accessibility.analysis.scenario import Place, RoadAt, RoadChange, Scenario, Speed
from accessibility.analysis.scenario_form import scenario_of
from accessibility.analysis.scenario_sites import resolve
from accessibility.analysis.simulate import Simulator, simulate
from accessibility.analysis.siting import optimise
from accessibility.cli import app
from accessibility.errors import AccessibilityError, InputError, SettingError
from accessibility.report.map_words import LANGUAGES, percent, words
from accessibility.study.study import Study, load_study
from accessibility.web import plan as edit
from accessibility.web.address import packed, unpacked
from accessibility.web.desk import Desk
from accessibility.web.drawing import LAYERS
from accessibility.web.exports import export
from accessibility.web.ground import ground_of
from accessibility.web.page_words import page_words, preferred
from accessibility.web.plan import History, Plan
from accessibility.web.server import PageServer, is_loopback
from accessibility.web.view import told
from accessibility.web.visitor import Visitor
from accessibility.web.workers import Workers

EVIL = '<script>alert("x")</script>'
FORMULA = '=HYPERLINK("http://example.org")'


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("web")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        study = load_study(write_study(folder / "small"))
        study.settings["grant"] = {"yearly_per_site_eur": 35_000}
        assert study.network is not None
        yield study


@pytest.fixture(scope="module")
def desk(study: Study) -> Desk:
    return Desk(study)


@pytest.fixture(scope="module")
def workers() -> Any:
    made = Workers()
    yield made
    made.stop()


class Loop:
    """Stands for the server's own loop: what threads bring back is done when it is asked."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def until(self, visitor: Visitor) -> dict[str, Any]:
        """What the page is told once nothing is at work."""
        for _ in range(6000):
            while self.waiting:
                self.waiting.pop(0)()
            if visitor._at_work is None and not visitor._asides and not visitor._waiting:
                return json.loads(visitor.drawing.told.data["json"][0])
            time.sleep(0.005)
        raise AssertionError("the page is at work for 30 seconds")


class Page:
    """A visitor and the loop."""

    def __init__(self, desk: Desk, workers: Workers, lang: str = "en", address: str = "") -> None:
        self.loop = Loop()
        self.visitor = Visitor(
            desk, workers, ground_of(desk.study), later=self.loop.waiting.append, lang=lang,
            address=address,
        )  # fmt: skip
        self.count = 0

    def ask(self, do: str, **told: Any) -> dict[str, Any]:
        self.count += 1
        self.visitor.drawing.asked.data = {
            "json": [json.dumps({"do": do, "n": self.count, **told})]
        }
        return self.loop.until(self.visitor)

    @property
    def told(self) -> dict[str, Any]:
        return self.loop.until(self.visitor)


@pytest.fixture
def page(desk: Desk, workers: Workers) -> Page:
    return Page(desk, workers)


def metres(study: Study, x: float, y: float = 0.0) -> dict[str, float]:
    """A place of the small study as the page tells it."""
    lon, lat = lonlat([(x, y)])[0]
    at = gpd.GeoSeries.from_xy([lon], [lat], crs="EPSG:4326").to_crs(study.metric_crs)
    origin = ground_of(study).origin
    return {"x": at.x.iloc[0] - origin[0], "y": at.y.iloc[0] - origin[1]}


def sites(told: dict[str, Any]) -> dict[str, str]:
    return {row[0]: row[2] for row in told["sites"]}


def marked(page: Page) -> dict[str, Any]:
    return {kind: one.indices for kind, one in page.visitor.drawing._marked.items()}


# -- steps --------------------------------------------------------------------------------------


def test_add_drag_close_undo_and_redo(page: Page, study: Study) -> None:
    start = page.told
    assert start["figure"]["share"] == percent(coverage(study).share, "en")
    assert not start["undo"]
    added = page.ask("add", **metres(study, -12_000))
    assert sites(added)["new-1"] == "opened"
    at = added["sites"][[row[0] for row in added["sites"]].index("new-1")]
    assert at[1] == "Combe"
    scenario = page.visitor.history.now.scenario
    assert added["figure"]["share"] == percent(simulate(study, scenario).after.share, "en")
    assert added["communes"]["gained"] == [2]
    assert marked(page) == {"late": [5], "gained": [2], "lost": []}
    moved = page.ask("move", site="new-1", **metres(study, 40_500))
    assert moved["communes"]["gained"] == []
    assert page.visitor.history.now.scenario.add[0].name == "Combe"
    closed = page.ask("toggle", site="f1")
    assert sites(closed) == {"f2": "stays", "new-1": "opened", "f1": "closed"}
    assert closed["communes"]["lost"] == [0, 1]
    assert marked(page)["lost"] == [0, 1]
    assert marked(page)["late"] == [2, 5]
    for expected in (moved, added, start):
        again = page.ask("undo")
        assert again["figure"] == expected["figure"]
        assert again["sites"] == expected["sites"]
    assert not again["undo"]
    for expected in (added, moved, closed):
        again = page.ask("redo")
        assert again["figure"] == expected["figure"]
    assert not again["redo"]
    assert page.ask("toggle", site="f1")["figure"] == moved["figure"]  # reopened
    gone = page.ask("toggle", site="new-1")
    assert gone["figure"]["share"] == start["figure"]["share"]
    assert gone["edits"] == []
    assert page.ask("reset")["address"] == ""


def test_each_layer_that_can_be_switched_is_drawn(page: Page) -> None:
    drawn = {tag for one in page.visitor.drawing.plot.renderers for tag in one.tags}
    assert drawn | {"background"} == {name for name, _ in LAYERS} | {"background"}


def test_a_listed_site_is_moved_and_put_back(page: Page, study: Study) -> None:
    moved = page.ask("move", site="f1", **metres(study, 11_000))
    assert sites(moved)["f1"] == "moved"
    scenario = page.visitor.history.now.scenario
    assert scenario.move[0].site == Place(id="f1")
    twice = page.ask("move", site="f1", **metres(study, 12_000))
    assert len(page.visitor.history.now.scenario.move) == 1
    assert twice["edits"][0][0] == "Moves: site f1"
    assert page.ask(**twice["edits"][0][1])["edits"] == []
    closed = page.ask("toggle", site="f2")
    assert closed["edits"][0][1] == {"do": "toggle", "site": "f2"}
    refused = page.ask("move", site="f2", **metres(study, 12_000))
    assert "reopen it first" in refused["notice"]["text"]


def test_cut_off_day_and_year(page: Page, study: Study) -> None:
    for asked, options in (
        ({"minutes": 15}, {"minutes": 15}),
        ({"day": 0}, {"minutes": 15, "as_of": "2020-01-31"}),
        ({"population": 2021}, {"minutes": 15, "as_of": "2020-01-31", "population": 2021}),
    ):
        answer = page.ask("set", **asked)
        assert answer["figure"]["share"] == percent(coverage(study, **options).share, "en")
    assert answer["minutes"] == 15
    assert answer["days"][0] == "31 January 2020: 1 site"
    assert "another question" in answer["figure"]["difference"]
    for wrong in ({"minutes": 0}, {"minutes": None}, {"day": 99}, {"population": 1850}):
        refused = page.ask("set", **wrong)
        assert refused["notice"]["kind"] == "error"
        assert refused["figure"] == answer["figure"]


def test_history_forgets_what_was_undone_and_the_oldest() -> None:
    plans = [
        Plan(Scenario(name=str(n)), 20.0, dt.date(2022, 1, 1), 2019)
        for n in range(edit.MOST_STEPS + 5)
    ]
    history = History(plans[0])
    for plan in plans[1:]:
        history = history.then(plan)
    assert len(history.past) == edit.MOST_STEPS
    assert history.then(history.now) is history
    back = history.undone().undone()
    assert back.now == plans[-3]
    assert back.redone().redone() == history
    assert back.then(plans[0]).future == ()
    assert History(plans[0]).undone().now == History(plans[0]).redone().now == plans[0]


def test_a_written_scenario_is_told_by_ids_and_says_the_same(study: Study, desk: Desk) -> None:
    written = scenario_of({
        "add": [{"insee": COMBE}, {"name": "Mont"}],
        "remove": [{"name": "site f1"}],
        "move": [{"insee": VILLE, "to": {"insee": MONT}}],
        "stop": [{"name": "Bus", "at": [AVAL, COMBE]}],
    })  # fmt: skip
    same = edit.by_ids(written, study, sites=desk.start.before.sites)
    assert [place.id for place in same.add] == [f"added-{COMBE}", f"added-{MONT}"]
    assert [place.id for place in same.remove] == ["f1"]
    assert same.move[0].site.id == "f2"
    assert same.stop[0].id == "stop-Bus"
    one, other = (resolve(s, study) for s in (written, same))
    assert one["facility_id"].tolist() == other["facility_id"].tolist()
    assert one.geometry.tolist() == other.geometry.tolist()
    assert edit.by_ids(same, study, sites=desk.start.before.sites) == same
    moved = edit.with_moved(same, "stop-Bus/2", 5.5, 46.5)
    assert moved.stop[0].at[1] == Place(lon=5.5, lat=46.5)
    assert len(edit.without_site(same, "stop-Bus/2").stop[0].at) == 1
    twice = edit.without_site(edit.without_site(same, "stop-Bus/2"), "stop-Bus/1")
    assert twice.stop == ()
    assert edit.without_site(same, f"added-{COMBE}").add[0].id == f"added-{MONT}"
    assert edit.with_moved(same, f"added-{COMBE}", 5.5, 46.5).add[0].insee is None


def test_a_scenario_too_long_for_hands_is_refused() -> None:
    places = (Place(lon=5.0 + n / 1000, lat=46.0) for n in range(edit.MOST_ENTRIES))
    many = Scenario(add=tuple(places))
    with pytest.raises(InputError, match="at most 100 are expected"):
        edit.with_site(many, 5.5, 46.5, name="one more")


# -- the same figures ----------------------------------------------------------------------------


def random_plan(draw: random.Random, desk: Desk) -> Plan:
    """A scenario that changes one to five sites, half of them under other choices."""
    study, plan = desk.study, edit.start(desk.study)
    if draw.random() < 0.5:
        plan = replace(
            plan, minutes=float(draw.choice([10, 15, 20, 30])), as_of=draw.choice(list(desk.days)),
            population=draw.choice(study.population_years),
        )  # fmt: skip
    scenario, communes = plan.scenario, study.communes

    def somewhere() -> tuple[float, float]:
        row = communes.iloc[draw.randrange(len(communes))]
        near = [draw.uniform(-0.01, 0.01) for _ in range(2)]
        return row["chef_lieu_lon"] + near[0], row["chef_lieu_lat"] + near[1]

    for n in range(draw.randint(1, 3)):
        scenario = edit.with_site(scenario, *somewhere(), name=f"Site {n}")
    sites = desk.sites_before(plan)["facility_id"].astype(str).tolist()
    for site in draw.sample(sites, min(draw.randint(0, 2), len(sites))):
        if draw.random() < 0.5:
            scenario = edit.without_site(scenario, site)
        else:
            scenario = edit.with_moved(scenario, site, *somewhere())
    return replace(plan, scenario=scenario)


def by_command(study: Study, *options: str) -> dict[str, Any]:
    """What the command line prints of a study that is loaded already."""
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(printed):
        patch.setattr("accessibility.study.study.load_study", lambda *_, **__: study)
        command_line().main([*options, "--json"], standalone_mode=False)
    answer: dict[str, Any] = json.loads(printed.getvalue())
    return answer


@cache
def command_line() -> Any:
    """The commands, made once: Typer reads the options of all for each run."""
    return get_command(app)


def same_as_command(desk: Desk, plan: Plan, saved: Path) -> float:
    """Every figure that the page tells is the command's, of the file that the page saves."""
    done = desk.simulate(plan)
    page = told(desk, plan, done, "en")
    saved.write_bytes(export("toml", desk, plan, done, "en")[2])
    cli = by_command(
        desk.study, "simulate", "--scenario", str(saved), "--minutes", str(plan.minutes),
        "--as-of", plan.as_of.isoformat(), "--population", str(plan.population),
    )  # fmt: skip

    def time_of(seconds: float | None) -> str:
        if seconds is None:
            return "Not reached by road"
        return f"{round(seconds) // 60} min {round(seconds) % 60:02d} s"

    def signed(points: float) -> str:
        return f"{points:+.2f} points".replace("-", "−")

    figure = page["figure"]
    assert figure["share"] == f"{cli['share_covered'] * 100:.2f} %"
    change = signed((cli["share_covered"] - cli["share_before"]) * 100)
    assert figure["today"] == f"{change} against {cli['share_before'] * 100:.2f} % today"
    least, most = cli["cantons_covered"], cli["cantons_covered_max"]
    covered, gained = cli["population_covered"], cli["population_gained"]
    facts = {name: (now, was) for name, now, was in page["facts"]}
    expected = {
        "Inhabitants covered": f"{covered:,.0f} of {cli['population']:,.0f}",
        "Newly covered": f"{gained:,.0f}",
        "No longer covered": f"{cli['population_lost']:,.0f}",
        "Cantons with a site": f"{least if most == least else f'{least} to {most}'} of "
        f"{cli['cantons']}",
        "Mean time": time_of(cli["mean_s"]),
        "Longest time": time_of(cli["worst_s"]),
        "Sites": str(cli["sites"]),
        "Communes that change site": str(len(cli["changed"])),
        "Cost a year": f"{cli['yearly_eur']:,.0f} €",
        "A year for each one newly covered": "nobody gains"
        if cli["eur_per_gained"] is None
        else f"{cli['eur_per_gained']:,.0f} €",
    }
    assert {name: now for name, (now, _) in facts.items()} == expected
    before = {
        "Inhabitants covered": f"{cli['population_covered_before']:,.0f} of "
        f"{cli['population']:,.0f}",
        "Mean time": time_of(cli["mean_s_before"]),
        "Longest time": time_of(cli["worst_s_before"]),
        "Sites": str(cli["sites_before"]),
    }
    for name, was in before.items():
        assert facts[name][1] == ("" if was == facts[name][0] else was)
    communes, codes = page["communes"], desk.study.communes["code_insee"].tolist()
    late = {codes[i]: over for i, over in enumerate(communes["over_s"]) if communes["late"][i]}
    assert late == {
        row["code"]: None if row["seconds_over"] is None else round(row["seconds_over"])
        for row in cli["uncovered"]
    }
    people = {codes[i]: communes["population"][i] for i in range(len(codes))}
    assert {code: people[code] for code in late} == {
        row["code"]: row["population"] for row in cli["uncovered"]
    }
    for way in ("gained", "lost"):
        assert [codes[i] for i in communes[way]] == [
            row["code"] for row in cli["by_commune"] if row[f"population_{way}"] > 0
        ]
    return float(cli["share_covered"])


@pytest.mark.jura
def test_thirty_random_scenarios_of_the_jura_have_the_figures_of_the_command(
    jura: Study, tmp_path: Path
) -> None:
    desk, draw = Desk(jura), random.Random(39)
    plans = [random_plan(draw, desk) for _ in range(30)]
    shares = {same_as_command(desk, plan, tmp_path / "plan.toml") for plan in plans}
    assert len(shares) > 20
    assert len({(plan.minutes, plan.as_of, plan.population) for plan in plans}) > 8
    start = told(desk, edit.start(jura), desk.start, "en")["figure"]
    cli = by_command(jura, "coverage")
    assert start["share"] == f"{cli['share_covered'] * 100:.2f} %"
    assert start["published"] == f"Published: {cli['published_share'] * 100:g} %"
    difference = (cli["share_covered"] - cli["published_share"]) * 100
    assert start["difference"].startswith(f"{difference:+.2f}".replace("-", "−"))


def test_closed_roads_have_the_figures_of_the_command(
    study: Study, desk: Desk, tmp_path: Path
) -> None:
    draw = random.Random(9)
    for x in (-6_000, 6_000, 20_000):
        plan = random_plan(draw, desk)
        at = desk.point_on_road(*lonlat([(x, 0)])[0], within_m=100)
        plan = replace(plan, scenario=edit.with_closed_road(plan.scenario, *at))
        same_as_command(desk, plan, tmp_path / "plan.toml")


def test_one_simulator_asked_otherwise_says_what_a_new_one_says(study: Study) -> None:
    first = Simulator(study)
    slower = Scenario(speed=(Speed(road_class="primary", factor=0.5),), add=(Place(insee=COMBE),))
    first.simulate(slower)
    for options in ({"minutes": 33}, {"minutes": 5, "as_of": "2022-12-01", "population": 2020}):
        asked, new = first.asking(**options), Simulator(study, **options)
        for scenario in (Scenario(), Scenario(add=(Place(insee=MONT),)), slower):
            one, other = asked.simulate(scenario), new.simulate(scenario)
            assert one.after.share == other.after.share
            assert one.before.as_of == other.before.as_of
            assert one.by_commune.equals(other.by_commune)
            assert one.after.complete == other.after.complete


def test_gain_and_best_are_those_of_python(page: Page, study: Study) -> None:
    page.ask("toggle", site="f1")
    helped = page.ask("help")["help"]
    after = simulate(study, page.visitor.history.now.scenario).after
    stands = after.sites.drop(columns="label_date")
    junctions = gain(study, sites=stands)
    assert [row[0] for row in helped["rows"]] == top_communes(junctions, 10)["name"].tolist()
    best = page.ask("best", number=1)["best"]
    found = optimise(study, new_sites=1, sites=stands)
    assert found.solution.optimal
    assert best["lines"][0].startswith(percent(found.share_covered, "en"))
    assert "Proven" in best["lines"][1]
    taken = page.ask("take_best")
    assert taken["figure"]["share"] == percent(found.share_covered, "en")
    assert taken["best"]["stale"]
    assert taken["help"]["stale"]
    assert "earlier state" in page.ask("take_best")["notice"]["text"]
    poor = page.ask("best", number=3, budget=40_000)["best"]
    assert len(poor["sites"]) <= 1
    for wrong in ({"number": 0}, {"number": 99}, {"number": "3"}, {"number": 2, "budget": -5}):
        assert page.ask("best", **wrong)["notice"]["kind"] == "error"
    assert page.ask("help_off")["help"] is None


def test_roads_close_and_open_again(page: Page, study: Study) -> None:
    before = page.told
    closed = page.ask("road", **metres(study, 20_000, 100), within_m=300)
    assert closed["closed_roads"]
    road = page.visitor.history.now.scenario.road[0]
    assert isinstance(road, RoadChange)
    there = RoadAt(road.at.lon, road.at.lat)
    python = simulate(study, Scenario(road=(RoadChange("close", there),)))
    assert closed["figure"]["share"] == percent(python.after.share, "en")
    assert closed["edits"][0][1] == {"do": "drop_road", "number": 0}
    assert page.ask("drop_road", number=0)["figure"] == before["figure"]
    assert page.ask("undo")["figure"] == closed["figure"]
    assert "is under this click" in page.ask("road", **metres(study, 20_000, 5_000),
                                             within_m=300)["notice"]["text"]  # fmt: skip
    assert page.ask("drop_road", number=7)["notice"]["kind"] == "error"


def test_areas_are_drawn_and_follow_the_scenario(page: Page, study: Study) -> None:
    shown = page.ask("areas")
    assert [name for _, name in shown["bands"]] == ["0–10", "10–20"]
    assert len(page.visitor.drawing._areas.data["xs"]) == 2
    first = page.visitor.drawing._areas.data["xs"]
    page.ask("add", **metres(study, -12_000))
    assert page.visitor.drawing._areas.data["xs"] != first
    assert page.ask("areas_off")["bands"] == []
    assert page.visitor.drawing._areas.data["xs"] == []


def test_roads_come_with_a_near_view(page: Page, study: Study) -> None:
    x, y = metres(study, 0).values()
    page.ask("view", box=[x - 500, y - 500, x + 500, y + 500])
    assert page.visitor.drawing._roads.data["xs"]
    page.ask("view", box=[x - 90_000, y - 90_000, x + 90_000, y + 90_000])
    assert page.visitor.drawing._roads.data["xs"] == []
    for wrong in (None, [1, 2], ["a", 0, 1, 1], [0, 0, float("inf"), 1], [3, 3, 1, 1]):
        page.ask("view", box=wrong if wrong != [0, 0, float("inf"), 1] else [0, 0, 1e999, 1])
        assert page.visitor.drawing._roads.data["xs"] == []


# -- files and addresses --------------------------------------------------------------------------


def taken(page: Page, kind: str) -> bytes:
    """Bytes of a file that the page makes."""
    from base64 import b64decode

    page.ask("tell")
    made: list[dict[str, str]] = []
    told_data = page.visitor.drawing.told
    told_data.on_change("data", lambda _n, _o, new: made.append(json.loads(new["json"][0])["file"]))
    page.ask("export", kind=kind)
    (file,) = [one for one in made if one]
    assert file["name"].endswith(f".{kind}")
    return b64decode(file["content"])


@pytest.fixture
def evil_page(study: Study, workers: Workers) -> Page:
    names = ["Aval", "Bief", FORMULA, "Ville", "Mont", EVIL]
    dirty = replace(study, communes=study.communes.assign(name=names))
    vars(dirty).update(network=study.network, roads=study.roads)
    page = Page(Desk(dirty), workers)
    page.ask("add", code=COMBE)
    page.ask("name", name=FORMULA)
    return page


def test_a_saved_scenario_opens_again_here_and_in_the_command(
    evil_page: Page, study: Study
) -> None:
    text = taken(evil_page, "toml").decode()
    assert tomllib.loads(text)["study"] == "small"
    shown = evil_page.told
    evil_page.ask("reset")
    opened = evil_page.ask("load", text=text, name="mine.toml")
    assert opened["notice"] == {"kind": "done", "text": "Opened: mine.toml"}
    assert opened["figure"] == shown["figure"]
    assert opened["name"] == FORMULA
    python = simulate(study, scenario_of(tomllib.loads(text)))
    assert opened["figure"]["share"] == percent(python.after.share, "en")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_tables_hold_the_figures_and_no_formula(evil_page: Page, lang: str) -> None:
    evil_page.ask("lang", lang=lang)
    done = evil_page.visitor.done
    text = taken(evil_page, "csv").decode("utf-8-sig")
    french = lang == "fr"
    rows = list(csv.DictReader(io.StringIO(text), delimiter=";" if french else ","))
    after, people = ("Minutes après", "Habitants") if french else ("Minutes after", "Inhabitants")
    assert len(rows) == 6
    found = [row[after].replace(",", ".") if french else row[after] for row in rows]
    for minutes, seconds in zip(found, done.after.by_commune["travel_time_s"], strict=True):
        assert (minutes == "") if not np.isfinite(seconds) else (
            float(minutes) == pytest.approx(seconds / 60, abs=6e-4)
        )  # fmt: skip
    covered = "Couverte après" if french else "Covered after"
    assert sum(float(r[people]) for r in rows if r[covered] == "1") == done.after.population_covered
    assert [row["Commune"] for row in rows][2] == f"'{FORMULA}"
    assert [row["Commune"] for row in rows][5] == EVIL

    book = openpyxl.load_workbook(io.BytesIO(taken(evil_page, "xlsx")))
    figure, communes, sites = book.worksheets
    assert figure["B2"].value == done.after.share
    assert figure["C2"].value == done.before.share
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} <= {"s", "inlineStr", "n"}
    assert FORMULA in {cell.value for cell in cells}
    heads = [cell.value for cell in communes[1]]
    column = heads.index(people)
    total = sum(row[column].value for row in communes.iter_rows(min_row=2))
    assert total == done.after.population
    assert sites.max_row == 1 + len(done.after.sites)


def test_the_layers_hold_the_figures(evil_page: Page, tmp_path: Path) -> None:
    path = tmp_path / "made.gpkg"
    path.write_bytes(taken(evil_page, "gpkg"))
    done = evil_page.visitor.done
    communes, sites = (gpd.read_file(path, layer=name) for name in ("communes", "sites"))
    is_covered = communes["covered_after"] == 1
    assert communes.loc[is_covered, "population"].sum() == done.after.population_covered
    assert communes.crs.to_epsg() == 4326
    assert sites.set_index("facility_id")["change"].to_dict() == {
        "f1": "stays", "f2": "stays", "new-1": "opened"
    }  # fmt: skip


def test_the_report_is_one_page_with_the_figure(page: Page, study: Study) -> None:
    from accessibility.web.exports import report_figure

    page.ask("add", **metres(study, -12_000))
    content = taken(page, "pdf")
    assert content.startswith(b"%PDF")
    assert content.count(b"/Type /Page ") == 1
    visitor = page.visitor
    for lang in LANGUAGES:
        figure = report_figure(visitor._desk, visitor.history.now, visitor.done, lang)
        texts = " ".join(text.get_text() for text in figure.texts)
        assert percent(visitor.done.after.share, lang) in texts
        assert page_words(lang)["made_on"].split("{")[0] in texts
        assert "93" in texts  # published
    assert export("toml", visitor._desk, visitor.history.now, visitor.done, "fr")[1] == (
        "application/toml"
    )
    assert page.ask("export", kind="exe")["notice"]["kind"] == "error"


def test_the_address_holds_the_scenario(page: Page, desk: Desk, workers: Workers) -> None:
    page.ask("add", code=COMBE)
    shown = page.ask("set", minutes=25, population=2021)
    other = Page(desk, workers, address=shown["address"]).told
    assert other["figure"] == shown["figure"]
    assert other["sites"] == shown["sites"]
    assert (other["minutes"], other["population"]) == (25, 2021)
    assert other["address"] == shown["address"]
    assert other["notice"]["kind"] == "done"


def test_a_damaged_address_is_a_sentence(desk: Desk, workers: Workers) -> None:
    bomb = urlsafe_b64encode(zlib.compress(b"a = 1\n" * 1_000_000)).decode()
    whole = packed(edit.start(desk.study))
    other = unpacked(whole)
    stranger = packed(replace(other, scenario=replace(other.scenario, study="doubs")))
    bare = urlsafe_b64encode(zlib.compress(b"minutes = 20")).decode()
    changed = whole[:20] + "A" + whole[21:]
    for letters in ("x", "%%%", bomb, whole[:-5], changed, bare, stranger):
        answer = Page(desk, workers, address=letters).told
        assert answer["notice"]["kind"] == "error"
        assert answer["figure"]["share"] == percent(coverage(desk.study).share, "en")
    long = replace(other, scenario=Scenario(notes="".join(
        random.Random(n).choice("abcdefgh ijklmnop") for n in range(20_000)
    )))  # fmt: skip
    assert packed(long) == ""


def test_scenarios_side_by_side(page: Page, study: Study) -> None:
    page.ask("add", code=COMBE)
    page.ask("name", name=EVIL)
    page.ask("keep")
    page.ask("toggle", site="f1")
    side = page.ask("keep")["side"]
    assert [row[0] for row in side["rows"]] == ["Today", EVIL, "Scenario 1"]
    shares = [row[1] for row in side["rows"]]
    python = simulate(study, Scenario(add=(Place(insee=COMBE),)))
    assert shares[1] == percent(python.after.share, "en")
    assert len(side["names"]) == len(side["rows"][0])
    shown = page.ask("show_kept", number=0)
    assert shown["figure"]["share"] == shares[1]
    assert shown["name"] == EVIL
    assert len(page.ask("drop", number=0)["side"]["rows"]) == 2
    for number in (5, -1, "0", None):
        assert page.ask("drop", number=number)["notice"]["kind"] == "error"


def test_scenarios_side_by_side_come_back_from_the_browser(
    page: Page, desk: Desk, workers: Workers
) -> None:
    page.ask("add", code=COMBE)
    for minutes in (11, 12, 13, 14, 15, 16, 17):
        page.ask("set", minutes=minutes)
        shown = page.ask("keep")["side"]
    assert [name for name, _ in shown["kept"]] == [f"Scenario {n}" for n in (2, 3, 4, 5, 6, 1)]
    other = Page(desk, workers)
    assert other.ask("restore", kept=shown["kept"])["side"] == shown
    name, letters = shown["kept"][0]
    for damaged in (None, "x", [name], [[name, letters[:-9]]], [[name, 3]], [[name, letters]] * 7):
        refused = other.ask("restore", kept=damaged)
        assert "damaged" in refused["notice"]["text"]
        assert refused["side"] == shown


def test_an_address_written_by_hand_is_told_by_ids(
    page: Page, desk: Desk, workers: Workers
) -> None:
    shown = page.ask("add", code=COMBE)
    by_hand = Scenario(add=(Place(insee=COMBE),), remove=(Place(name="site f1"),))
    letters = packed(replace(edit.start(desk.study), scenario=by_hand))
    other = Page(desk, workers, address=letters)
    assert sites(other.told) == {"f2": "stays", f"added-{COMBE}": "opened", "f1": "closed"}
    reopened = other.ask("toggle", site="f1")
    assert reopened["figure"] == shown["figure"]


# -- bad input, and others ------------------------------------------------------------------------


BAD_FILES = {
    'study = "doubs"\n': ("made for the study doubs", "fait pour un autre territoire"),
    "[[add]\n": ("not valid TOML", "pas un scénario lisible"),
    "x = " + "[" * 5000: ("not valid TOML", "pas un scénario lisible"),
    '[[add]]\ninsee = "99999"\n': ("no commune of the study has the code 99999", "inconnu ici"),
    '[[remove]]\nid = "nobody"\n': ("a site id:nobody is not known", "inconnu ici"),
    "[[add]]\nlon = 0\nlat = 0\n": ("is not on the study's roads", "contient une erreur"),
    "[[launch]]\nrocket = 1\n": ("unknown keys launch", "contient une erreur"),
    '[[speed]]\nclass = "primary"\nkph = "x"\n': ("a number of at least", "ne convient pas"),
    "[[remove]]\nid = 'f1'\n" * 101: ("at most 100 are expected", "100 au plus"),
    "#" * 300_000: ("too large (300 kB)", "trop grand (300 ko)"),
}
"""What a file may hold, and a part of the sentence in English and in French."""


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_wrong_file_is_a_sentence_and_loses_nothing(page: Page, lang: str) -> None:
    page.ask("lang", lang=lang)
    shown = page.ask("add", code=COMBE)
    for text, sentences in BAD_FILES.items():
        refused = page.ask("load", text=text, name="x.toml")
        refused_in(refused, lang, *sentences)
        for key in ("figure", "sites", "address", "edits", "undo"):
            assert refused[key] == shown[key]
    assert page.ask("load", name="x.toml")["notice"]["kind"] == "error"


def refused_in(told: dict[str, Any], lang: str, english: str, french: str) -> None:
    """A sentence in that language; in French the library's own follows as a detail."""
    notice = told["notice"]
    assert notice["kind"] == "error"
    assert "Traceback" not in notice["text"]
    if lang == "en":
        assert english in notice["text"]
        return
    said, _, detail = notice["text"].partition("Détail (en anglais) : ")
    assert said.startswith("Non fait : ")
    assert french in said
    assert not detail or english in detail


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_click_where_nothing_can_stand_is_a_sentence(page: Page, study: Study, lang: str) -> None:
    page.ask("lang", lang=lang)
    before = page.told
    beyond, ilot = metres(study, 30_000, -9_000), metres(study, 25_000, 20_000)
    for place, english, french in (
        (beyond, "this place lies outside of Small", "hors du territoire (Small)"),
        (ilot, "no road lies within 1,000 m", "aucune route à moins de 1"),  # as in a lake
    ):
        for command in ({"do": "add"}, {"do": "move", "site": "f1"}):
            refused = page.ask(**command, **place)
            refused_in(refused, lang, english, french)
            assert refused["sites"] == before["sites"]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_search_that_cannot_be_done_is_a_sentence(page: Page, lang: str) -> None:
    page.ask("lang", lang=lang)
    before = page.told
    for asked, english, french in (
        ({"number": 0}, "1 to 20 are expected", "de 1 à 20"),
        ({"number": 20}, "only 5 candidates may be chosen", "ne convient pas"),
        ({"number": 1, "budget": 34_000}, "each costs 35,000 €", "chacun coûte 35"),
    ):
        refused = page.ask("best", **asked)
        refused_in(refused, lang, english, french)
        assert refused["figure"] == before["figure"]
    page.ask("toggle", site="f1")
    page.ask("toggle", site="f2")
    for asked in ({"do": "areas"}, {"do": "best", "number": 1}):
        refused_in(page.ask(**asked), lang, "leaves no site", "ne laisse aucun site")
    assert page.ask("help")["help"]["rows"]


def test_what_no_page_asks_is_refused(page: Page) -> None:
    before = page.told["figure"]
    for command in (
        {"do": "launch"}, {}, {"do": None}, {"do": "add"}, {"do": "add", "x": "1", "y": 2},
        {"do": "add", "x": 1e300, "y": 1e300}, {"do": "add", "code": "00000"},
        {"do": "move", "site": "f1"}, {"do": "move", "site": EVIL, "x": 1, "y": 1},
        {"do": "toggle"}, {"do": "toggle", "site": "n1"}, {"do": "lang", "lang": "de"},
        {"do": "drop", "number": True}, {"do": "set", "minutes": "20"},
        {"do": "road", "x": 0, "y": 0},
    ):  # fmt: skip
        answer = page.ask(**{"do": None, **command})
        assert answer["notice"]["kind"] == "error", command
        assert answer["figure"] == before
    for text in ("", "[]", "{", "3"):
        page.visitor.drawing.asked.data = {"json": [text]}
        assert page.told["figure"] == before
    page.visitor.drawing.asked.data = {"other": []}
    assert page.told["figure"] == before


def test_a_defect_of_ours_is_said_and_changes_nothing(
    page: Page, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = page.told["figure"]

    def broken(*_: object) -> None:
        raise ZeroDivisionError("within")

    monkeypatch.setattr(page.visitor._desk, "simulate", broken)
    answer = page.ask("add", code=COMBE)
    assert "should not have" in answer["notice"]["text"]
    assert "within" not in json.dumps(answer["notice"])
    assert "ZeroDivisionError" in capsys.readouterr().err
    monkeypatch.undo()
    assert page.told["figure"] == before
    assert page.ask("add", code=COMBE)["edits"]


def test_visitors_do_not_see_one_another(desk: Desk, workers: Workers, study: Study) -> None:
    pages = [Page(desk, workers) for _ in range(4)]
    start = pages[0].told["figure"]
    codes = [COMBE, MONT, VILLE]
    for page, code in zip(pages, codes, strict=False):
        page.visitor.ask({"do": "add", "code": code, "n": 1})
        page.visitor.ask({"do": "set", "minutes": 15, "n": 2})
    for page, code in zip(pages, codes, strict=False):
        answer = page.told
        alone = simulate(study, Scenario(add=(Place(insee=code),)), minutes=15).after.share
        assert answer["figure"]["share"] == percent(alone, "en")
        assert len(answer["edits"]) == 1
    assert pages[3].told["figure"] == start


def test_one_who_left_is_not_worked_for(desk: Desk, workers: Workers) -> None:
    page = Page(desk, workers)
    page.visitor.ask({"do": "add", "code": COMBE, "n": 1})
    page.visitor.ask({"do": "add", "code": MONT, "n": 2})
    page.visitor.close()
    time.sleep(0.3)
    assert page.loop.waiting == []
    assert not page.visitor._waiting


def test_nothing_is_held_of_those_who_left(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accessibility.web.server.UNUSED_S", 0.3)
    server = PageServer(study)
    loop = server._server.io_loop
    server._server.start()
    held: list[weakref.ref[Any]] = []
    assert not server._desk._first.sites.empty  # the times are there

    async def come_and_go() -> None:
        await AsyncHTTPClient().fetch(server.address)
        (visitor,) = server.visitors
        document = visitor.drawing.plot.document
        held.extend(map(weakref.ref, (visitor, visitor.drawing, document)))
        for step in ({"do": "add", "code": COMBE}, {"do": "keep"}, {"do": "toggle", "site": "f1"}):
            document.add_next_tick_callback(partial(visitor.ask, step))
        del visitor, document
        while server.visitors:
            await asyncio.sleep(0.01)

    loop.run_sync(come_and_go)
    server._workers.quick.shutdown()
    server._server.stop()
    gc.collect()
    assert [one() for one in held] == [None] * 3


def test_a_flood_of_steps_is_refused(
    desk: Desk, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accessibility.web.visitor.MOST_WAITING", 3)
    page = Page(desk, workers)
    for _ in range(5):
        page.visitor.ask({"do": "set", "minutes": 15})
    refused = json.loads(page.visitor.drawing.told.data["json"][0])
    assert "too many steps" in refused["notice"]["text"]
    assert page.told["minutes"] == 15


def test_the_page_speaks_both_languages(desk: Desk) -> None:
    from accessibility.web.page_words import files

    text = (files("accessibility.web") / "page_words.toml").read_text(encoding="utf-8")
    own = tomllib.loads(text)
    assert own["en"].keys() == own["fr"].keys()
    assert not own["en"].keys() & words("en").keys()
    for key in own["en"]:
        one, other = (own[lang][key] for lang in LANGUAGES)
        assert sorted(part.split("}")[0] for part in one.split("{")[1:]) == sorted(
            part.split("}")[0] for part in other.split("{")[1:]
        ), key
    page = told(desk, edit.start(desk.study), desk.start, "fr")
    assert page["figure"]["published"] == "Publié : 93\xa0%"
    with pytest.raises(SettingError):
        page_words("de")
    assert preferred("de,en;q=0.5", otherwise="fr") == "en"


def test_the_words_of_the_page_are_all_there(desk: Desk) -> None:
    from importlib.resources import files

    web = files("accessibility.web")
    page, script = ((web / name).read_text(encoding="utf-8") for name in ("page.html", "page.js"))
    said = told(desk, edit.start(desk.study), desk.start, "en")["labels"]
    for key in re.findall(r'data-(?:word|label)="(\w+)"', page) + re.findall(
        r"words\.(\w+)", script
    ):
        assert key in said, key


def test_a_listener_elsewhere_is_no_loopback() -> None:
    assert is_loopback("127.0.0.1")
    assert is_loopback("localhost")
    for host in ("0.0.0.0", "192.168.1.3", "example.org"):
        assert not is_loopback(host)


def test_a_port_that_is_taken_is_a_sentence(study: Study) -> None:
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(AccessibilityError, match="another --port"):
            PageServer(study, port=other.getsockname()[1])
    for wrong in ({"host": "::1"}, {"lang": "de"}, {"host": "203.0.113.7"}):
        with pytest.raises(AccessibilityError):
            PageServer(study, **wrong)


def test_the_command_says_what_it_takes(tmp_path: Path) -> None:
    run = CliRunner().invoke(app, ["serve", "--help"])
    assert run.exit_code == 0
    for part in ("--study", "--port", "--host", "--lang", "accessibility serve --lang fr"):
        assert part in run.output
    for wrong in (["--lang", "de"], ["--port", "70000"], ["--port", "x"]):
        assert CliRunner().invoke(app, ["serve", *wrong]).exit_code == 2
    run = CliRunner().invoke(app, ["serve", "--study", str(tmp_path / "none")])
    assert isinstance(run.exception, AccessibilityError)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_the_command_serves_until_it_ends(
    study: Study, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    monkeypatch.setattr("webbrowser.open", shown.append)
    monkeypatch.setattr(PageServer, "run", lambda self: self._server.stop())
    options = ["serve", "--study", str(study.folder), "--port", "0", "--host", host]
    run = CliRunner().invoke(app, options)
    assert run.exit_code == 0, run.output
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", shown[0])
    assert shown[0] in run.output
    assert ("WARNING: everybody who reaches 0.0.0.0" in run.output) is (host == "0.0.0.0")
