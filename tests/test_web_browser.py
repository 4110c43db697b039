"""The planners' page in a real browser: each step shows the figure that Python gives."""

from __future__ import annotations

import asyncio
import csv
import os
import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import geopandas as gpd
import openpyxl
import pytest
from networks import lonlat
from pypdf import PdfReader
from studies import COMBE, write_study

from accessibility.analysis.coverage import coverage
from accessibility.analysis.scenario import Place, Scenario
from accessibility.analysis.scenario_form import read_scenario
from accessibility.analysis.simulate import simulate
from accessibility.report.map_words import percent
from accessibility.study.study import Study, load_study
from accessibility.web.address import unpacked
from accessibility.web.plan import start
from accessibility.web.server import PageServer

api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
if CHROMIUM is None:
    pytest.skip("chromium is not installed: apt-get install chromium", allow_module_level=True)

EVIL = "<script>document.title = 'taken over'</script>"

PLACE = """([x, y]) => {
  const map = Bokeh.documents[0].get_model_by_name("map");
  const box = document.getElementById("frame").getBoundingClientRect();
  const [across, up] = [map.x_range, map.y_range];
  return [box.left + (x - across.start) / (across.end - across.start) * box.width,
          box.bottom - (y - up.start) / (up.end - up.start) * box.height];
}"""
"""Pixel of a place of the map."""

SCREENS = Path(
    os.environ.get("ACCESSIBILITY_SCREENS")
    or Path(__file__).resolve().parents[1] / "outputs" / "screens"
)
"""Where a run leaves what the page looked like."""

COLOURS = """() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const seen = [...document.querySelectorAll("body *")].filter((e) => e.checkVisibility() &&
    !e.disabled && [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()));
  return seen.map((e) => {
    let ground = e;
    const colour = () => rgb(getComputedStyle(ground).backgroundColor);
    while (ground.parentElement && colour()[3] === 0) ground = ground.parentElement;
    const style = getComputedStyle(e);
    const size = parseFloat(style.fontSize), bold = style.fontWeight >= 700;
    return [e.textContent, rgb(style.color), colour(), size >= 24 || (bold && size >= 18.7)];
  });
}"""
"""Each text that is seen: its colour, that of its ground, and whether it is large."""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    folder = tmp_path_factory.mktemp("web")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        study = load_study(write_study(folder / "small"))
        names = ["Aval", "Bief-sur-Œuf", "Combe", "Saint-Étienne", "Mont", EVIL]
        named = replace(study, communes=study.communes.assign(name=names))
        assert named.network is not None
        yield named


@pytest.fixture(scope="module")
def address(study: Study) -> Iterator[str]:
    found: list[PageServer] = []
    ready = threading.Event()

    def run() -> None:
        asyncio.set_event_loop(asyncio.new_event_loop())
        found.append(PageServer(study))
        ready.set()
        found[0].run()

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(60)
    yield found[0].address
    found[0].stop()
    thread.join(20)
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def page(browser: Any, address: str, tmp_path: Path) -> Iterator[Any]:
    """The page, opened; in the end nothing was complained of, and nobody else was asked."""
    yield from opened(browser, address, "en-GB")


def opened(browser: Any, address: str, locale: str) -> Iterator[Any]:
    told: list[str] = []
    asked: list[str] = []
    SCREENS.mkdir(parents=True, exist_ok=True)
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale=locale)
    page = context.new_page()
    page.on("console", lambda m: m.type in ("error", "warning") and told.append(m.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.set_default_timeout(20_000)
    page.goto(address)
    settle(page)
    yield page
    context.close()
    assert told == []
    own = address.split("?")[0]
    assert [url for url in asked if not url.startswith((own, "data:", "blob:"))] == []


def settle(page: Any) -> None:
    page.wait_for_selector("body[data-ready]")
    page.wait_for_function("Bokeh.documents[0].get_model_by_name('map').x_range.end > 1")
    page.wait_for_timeout(150)


def doing(page: Any, act: Any) -> None:
    """Do something and wait until the page was told of it."""
    before = page.evaluate("Number(document.body.dataset.done || 0)")
    act()
    page.wait_for_function(f"Number(document.body.dataset.done) > {before}")
    page.wait_for_function("document.getElementById('busy').hidden")


def at(page: Any, study: Study, x: float, y: float = 0.0) -> tuple[float, float]:
    """Pixel of a place of the small study."""
    lon, lat = lonlat([(x, y)])[0]
    where = gpd.GeoSeries.from_xy([lon], [lat], crs="EPSG:4326").to_crs(study.metric_crs).iloc[0]
    px, py = page.evaluate(PLACE, [where.x, where.y])
    return px, py


def tool(page: Any, name: str) -> None:
    page.check(f"[name=tool][value={name}]", force=True)


def python(page: Any, study: Study) -> str:
    """The share that Python gives of the scenario in the page's address."""
    letters = parse_qs(urlparse(page.url).query).get("s")
    asked = start(study) if letters is None else unpacked(letters[0])
    done = simulate(
        study, asked.scenario, minutes=asked.minutes, as_of=asked.as_of,
        population=asked.population,
    )  # fmt: skip
    return percent(done.after.share, "en")


def share(page: Any) -> str:
    return str(page.inner_text("#share"))


def screen(page: Any, name: str) -> None:
    page.screenshot(path=SCREENS / f"{name}.png")


def facts(page: Any) -> dict[str, str]:
    """The rows of figures that the page shows."""
    rows = "[...document.querySelectorAll('#facts tr')]"
    return dict(page.evaluate(
        f"{rows}.map(({{ cells }}) => [cells[0].textContent, cells[1].firstChild.textContent])"
    ))  # fmt: skip


def taken(page: Any, kind: str, folder: Path) -> Path:
    """A file that the page gives at a click."""
    with page.expect_download() as made:
        page.click(f"[data-export={kind}]")
    path = folder / made.value.suggested_filename
    made.value.save_as(path)
    return path


def test_add_drag_close_undo_and_redo(page: Any, study: Study) -> None:
    today = percent(coverage(study).share, "en")
    assert share(page) == today
    screen(page, "start")
    tool(page, "add")
    doing(page, lambda: page.mouse.click(*at(page, study, -12_000)))
    added = python(page, study)
    assert added != today
    assert share(page) == added
    assert "Opens: Combe" in page.inner_text("#edits")
    assert page.inner_text("#gained-number") == "1"
    page.click("#gained li button")
    assert "Newly covered: within 20 minutes" in page.inner_text("#panel")
    assert "{" not in page.inner_text("body")  # every word is filled in
    page.click("#whole")
    page.wait_for_timeout(150)
    screen(page, "added")

    def drag() -> None:
        page.mouse.move(*at(page, study, -12_000))
        page.mouse.down()
        page.mouse.move(*at(page, study, 20_000), steps=4)
        page.mouse.move(*at(page, study, 39_000), steps=4)
        page.mouse.up()

    doing(page, drag)
    assert share(page) == python(page, study) == today
    x, y = at(page, study, 39_000)
    sites = "Bokeh.documents[0].get_model_by_name('sites').data"
    moved = page.evaluate(PLACE, page.evaluate(f"[{sites}.x, {sites}.y].map((v) => [...v].at(-1))"))
    assert moved == pytest.approx([x, y], abs=3)
    doing(page, lambda: page.click("#undo"))
    assert share(page) == python(page, study) == added
    tool(page, "toggle")
    page.wait_for_timeout(500)  # two clicks in a hurry are a double click
    doing(page, lambda: page.mouse.click(*at(page, study, 0)))
    closed = python(page, study)
    assert "Closes: site f1" in page.inner_text("#edits")
    assert share(page) == closed != added
    page.wait_for_timeout(500)
    doing(page, lambda: page.mouse.click(*at(page, study, 0)))
    assert share(page) == python(page, study) == added
    doing(page, lambda: page.keyboard.press("Control+z"))
    assert share(page) == python(page, study) == closed
    doing(page, lambda: page.click("#undo"))
    assert share(page) == python(page, study) == added
    doing(page, lambda: page.click("#redo"))
    assert share(page) == python(page, study) == closed
    screen(page, "closed")
    doing(page, lambda: page.click("#reset"))
    assert share(page) == today
    assert "s=" not in page.url


def test_the_keyboard_alone_is_enough(page: Any, study: Study) -> None:
    page.focus("#search")
    page.keyboard.type("combe")
    page.keyboard.press("Enter")
    assert "39003" in page.inner_text("#panel")
    page.focus("#add-here")
    doing(page, lambda: page.keyboard.press("Enter"))
    added = percent(simulate(study, Scenario(add=(Place(insee=COMBE),))).after.share, "en")
    assert share(page) == added
    page.focus("#minutes")
    doing(page, lambda: page.keyboard.press("ArrowLeft"))
    python = simulate(study, Scenario(add=(Place(insee=COMBE),)), minutes=19)
    assert share(page) == percent(python.after.share, "en")
    assert page.inner_text("#minutes-text") == "19 minutes"
    page.focus("#sites-now summary")
    page.keyboard.press("Enter")
    page.focus("#sites li:has-text('Combe') button:has-text('Remove')")
    doing(page, lambda: page.keyboard.press("Space"))
    assert "Nothing yet" in page.inner_text("#edits")
    unnamed = page.evaluate(
        "[...document.querySelectorAll('button, input, select')].filter((e) => "
        "!(e.textContent.trim() || e.getAttribute('aria-label') || "
        "e.labels?.[0]?.textContent.trim())).map((e) => e.id || e.name)"
    )
    assert unnamed == []


def test_the_readers_language_and_the_other(browser: Any, address: str, study: Study) -> None:
    for page in opened(browser, address, "fr-FR"):
        assert page.inner_text("#share") == percent(coverage(study).share, "fr")
        assert page.get_attribute("html", "lang") == "fr"
        screen(page, "french")
        assert "Communes non couvertes" in page.inner_text("#late-now")
        doing(page, lambda page=page: page.click("[data-lang=en]"))
        assert "Communes not covered" in page.inner_text("#late-now")
        assert page.get_attribute("html", "lang") == "en"
        assert "lang=en" in page.url
        screen(page, "english")


def test_a_commune_of_the_list_is_shown(page: Any) -> None:
    names = page.locator("#late li button").all_inner_texts()
    assert names == ["Combe", EVIL]  # as text; the most populous first
    before = page.evaluate(PLACE, [0, 0])
    page.click("#late li button >> nth=1")
    page.wait_for_timeout(200)
    assert page.evaluate(PLACE, [0, 0]) != before
    assert EVIL in page.inner_text("#panel")
    assert page.title() == "Small: try sites out"


def test_save_load_and_reload(page: Any, study: Study, tmp_path: Path) -> None:
    tool(page, "add")
    doing(page, lambda: page.mouse.click(*at(page, study, -12_000)))
    shown = share(page)
    page.click("#side-now summary")
    doing(page, lambda: page.click("#keep"))
    beside = page.inner_text("#side")
    assert shown in beside
    page.click("#files-now summary")
    path = taken(page, "toml", tmp_path)
    python = simulate(study, read_scenario(path))
    assert percent(python.after.share, "en") == shown
    assert "s=" in page.url
    page.reload()  # what a lost connection leaves: the address, and what the tab keeps
    settle(page)
    page.wait_for_function("document.getElementById('edits').innerText.includes('Combe')")
    assert share(page) == shown
    page.wait_for_function("document.getElementById('side').rows.length > 1")
    page.click("#side-now summary")
    assert page.inner_text("#side") == beside
    doing(page, lambda: page.click("#side button >> text=Drop"))
    page.reload()
    settle(page)
    assert page.evaluate("document.getElementById('side').rows.length") == 0
    doing(page, lambda: page.click("#reset"))
    page.click("#files-now summary")
    doing(page, lambda: page.set_input_files("#load", path))
    assert share(page) == shown
    path.write_text('study = "doubs"', encoding="utf-8")
    doing(page, lambda: page.set_input_files("#load", path))
    assert "made for the study doubs" in page.inner_text("#notice")
    path.write_text("#" * 5_000_000, encoding="utf-8")
    page.set_input_files("#load", path)
    page.wait_for_function("document.getElementById('notice').innerText.includes('too large')")
    assert share(page) == shown
    doing(page, lambda: page.click("[data-lang=fr]"))
    same_in_files(page, tmp_path)
    page.evaluate("document.querySelectorAll('details').forEach((e) => { e.open = true; })")
    page.set_input_files("#load", path)
    page.wait_for_function("document.getElementById('notice').innerText.includes('trop grand')")
    contrasts(page)


def same_in_files(page: Any, folder: Path) -> None:
    """What the page gives away in French, opened as a planner does, holds what it shows."""
    shown, told = share(page), facts(page)
    reached, mean = told["Habitants couverts"], told["Temps moyen"]
    inhabitants = int(re.sub(r"\D", "", reached.split("sur")[0]))
    late = int(page.inner_text("#late-number"))

    text = taken(page, "csv", folder).read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(text.splitlines(), delimiter=";"))
    assert sum(row["Couverte après"] == "0" for row in rows) == late
    covered = [row for row in rows if row["Couverte après"] == "1"]
    assert sum(int(row["Habitants"]) for row in covered) == inhabitants
    minutes = [float(row["Minutes après"].replace(",", ".") or "inf") for row in rows]
    assert sum(time <= 20 for time in minutes) == len(covered)
    assert {row["Minutes après"].strip("0123456789") for row in rows} == {"", ","}

    figure, communes, sites = openpyxl.load_workbook(taken(page, "xlsx", folder)).worksheets
    assert percent(figure["B2"].value, "fr") == shown
    written = {row[0].value: row[1].value for row in figure.iter_rows()}
    assert told.items() <= written.items()
    heads, *table = communes.iter_rows(values_only=True)
    people, is_covered = heads.index("Habitants"), heads.index("Couverte après")
    assert sum(row[people] for row in table if row[is_covered]) == inhabitants
    assert sites.max_row - 1 == int(told["Sites"])

    layers = taken(page, "gpkg", folder)
    drawn = gpd.read_file(layers, layer="communes")
    assert (drawn["covered_after"] == 0).sum() == late
    assert drawn.loc[drawn["covered_after"] == 1, "population"].sum() == inhabitants
    assert len(gpd.read_file(layers, layer="sites")) == int(told["Sites"])

    (report,) = PdfReader(taken(page, "pdf", folder)).pages
    said = " ".join(report.extract_text().split())
    for part in (shown, reached.replace(" sur ", " habitants sur "), f"Temps moyen : {mean}"):
        assert " ".join(part.split()) in said


def contrasts(page: Any) -> None:
    """Every text that is seen is as readable as WCAG 2 asks for at level AA."""

    def light(colour: list[float]) -> float:
        parts = [value / 255 for value in colour[:3]]
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    found = page.evaluate(COLOURS)
    assert len(found) > 100
    for text, *colours, large in found:
        dark, bright = sorted(light(colour) for colour in colours)
        assert (bright + 0.05) / (dark + 0.05) >= (3 if large else 4.5), (text, colours)


def test_a_click_outside_is_a_sentence(page: Any, study: Study) -> None:
    tool(page, "add")
    shown = share(page)
    doing(page, lambda: page.mouse.click(*at(page, study, 25_000, 8_000)))
    assert "outside of Small" in page.inner_text("#notice")
    assert share(page) == shown


def test_two_visitors_are_apart(browser: Any, page: Any, address: str, study: Study) -> None:
    tool(page, "add")
    doing(page, lambda: page.mouse.click(*at(page, study, -12_000)))
    for other in opened(browser, address, "en-GB"):
        assert share(other) == percent(coverage(study).share, "en")
        assert "Nothing yet" in other.inner_text("#edits")


def test_another_sites_page_may_not_open_the_connection(address: str) -> None:
    import http.client

    host = address.split("/")[2]
    for origin, status in ((f"http://{host}", 401), ("http://evil.example", 403)):
        asked = http.client.HTTPConnection(host)
        asked.request("GET", "/ws", headers={
            "Origin": origin, "Upgrade": "websocket", "Connection": "Upgrade",
            "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Version": "13",
        })  # fmt: skip
        answer = asked.getresponse()
        assert answer.status == status or (origin.endswith(host) and answer.status in (101, 401))
        asked.close()
    asked = http.client.HTTPConnection(host)
    asked.request("GET", "/?bokeh-session-id=chosen")
    assert asked.getresponse().status == 403
    asked.close()


def test_the_page_fits_desks_tablets_and_paper(page: Any) -> None:
    for width, height in ((1280, 800), (1024, 768), (768, 1024)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(200)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        box = page.locator("#frame").bounding_box()
        assert min(box["width"], box["height"]) > 300
        aside = page.locator("aside").bounding_box()
        table = page.locator("#facts").bounding_box()
        assert table["x"] + table["width"] <= aside["x"] + aside["width"] - 15
        screen(page, f"{width}x{height}")
    page.click("#whole")
    page.wait_for_timeout(200)
    before = page.evaluate(PLACE, [0, 0])
    page.pdf(path=SCREENS / "paper.pdf", prefer_css_page_size=True)
    (paper,) = PdfReader(SCREENS / "paper.pdf").pages
    assert [round(float(side) / 72 * 25.4) for side in paper.mediabox[2:]] == [210, 297]
    said = paper.extract_text()
    assert share(page) in said
    for name in ("Combe", EVIL[:20]):  # on the map, as a line of the list
        assert said.count(name) >= 2
    assert " km" in said
    page.wait_for_timeout(200)
    assert page.evaluate(PLACE, [0, 0]) == pytest.approx(before, abs=1)
