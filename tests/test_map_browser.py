"""The page in a browser that has no network: it opens, tells minutes, searches, switches."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import shapely
from studies import write_study
from test_map import EVIL, areas_of, what_if

from accessibility.analysis.coverage import coverage
from accessibility.analysis.simulate import simulate
from accessibility.report.map_page import map_page
from accessibility.study.study import load_study

api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
if CHROMIUM is None:
    pytest.skip("chromium is not installed: apt-get install chromium", allow_module_level=True)

DESK, PHONE = (1280, 800), (390, 844)
on_both = pytest.mark.parametrize("page", [DESK, PHONE], indirect=True, ids=["desk", "phone"])

PLACE = """([x, y]) => {
  const map = Bokeh.documents[0].get_model_by_name("map");
  const box = document.getElementById("map").getBoundingClientRect();
  const [across, up] = [map.x_range, map.y_range];
  return [box.left + (x - across.start) / (across.end - across.start) * box.width,
          box.bottom - (y - up.start) / (up.end - up.start) * box.height];
}"""
"""Pixel of a point of the map."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        study = load_study(write_study(folder / "small"))
        names = ["Aval", "Bief-sur-Œuf", "Combe", "Saint-Étienne", "Mont", EVIL]
        study = replace(study, communes=study.communes.assign(name=names))
        page = map_page(study, coverage(study), areas_of(study, (10, 20, 30)))
    path = folder / "map.html"
    path.write_text(page, encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def scenario_address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("scenario")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        study = load_study(write_study(folder / "small"))
        done = simulate(study, what_if())
        page = map_page(
            study, done.after, areas_of(study), before=done.before, scenario=done.scenario
        )
    path = folder / "map.html"
    path.write_text(page, encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def page(browser: Any, address: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The page, opened; in the end nothing was complained of, and nothing asked for."""
    yield from opened_page(browser, address, request)


@pytest.fixture
def scenario_page(
    browser: Any, scenario_address: str, request: pytest.FixtureRequest
) -> Iterator[Any]:
    """As `page`, of a scenario."""
    yield from opened_page(browser, scenario_address, request)


def opened_page(browser: Any, address: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    told: list[str] = []
    asked: list[str] = []
    width, height = getattr(request, "param", DESK)
    context = browser.new_context(viewport={"width": width, "height": height}, offline=True)
    opened = context.new_page()
    opened.on("console", lambda m: m.type in ("error", "warning") and told.append(m.text))
    opened.on("pageerror", lambda error: told.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url))
    opened.set_default_timeout(15_000)
    opened.goto(address)
    opened.wait_for_selector("body[data-ready]")
    settle(opened)
    yield opened
    context.close()
    assert told == []
    assert asked == [address]


def settle(page: Any) -> None:
    """Wait until the view has its place: the page fits it once its size is known."""
    page.wait_for_function("Bokeh.documents[0].get_model_by_name('map').x_range.end > 1")
    page.wait_for_timeout(120)


def pixel(page: Any, commune: int) -> tuple[float, float]:
    box = page.evaluate(f"JSON.parse(answer.textContent).communes.box[{commune}]")
    centre = shapely.box(*box).centroid
    page.evaluate("document.getElementById('map').scrollIntoView()")
    x, y = page.evaluate(PLACE, [centre.x, centre.y])
    return x, y


def shown(page: Any, layer: str) -> list[bool]:
    return page.evaluate(
        "(name) => Bokeh.documents[0].get_model_by_name('map').renderers"
        ".filter((r) => r.tags.includes(name)).map((r) => r.visible)",
        layer,
    )


def choose(page: Any, typed: str) -> None:
    page.fill("#search", typed)
    page.keyboard.press("Enter")
    settle(page)


@on_both
def test_a_click_on_a_commune_shows_its_minutes(page: Any) -> None:
    assert "Click a commune" in page.inner_text("#panel")
    page.mouse.click(*pixel(page, 4))
    page.wait_for_function("document.getElementById('panel').innerText.includes('39005')")
    told = page.inner_text("#panel")
    for part in ("Mont", "400", "16 min 40 s", "site f2", "Covered: within 20 minutes"):
        assert part in told
    page.wait_for_timeout(500)  # two clicks in a hurry are a double click
    page.mouse.click(*pixel(page, 2))
    page.wait_for_function("document.getElementById('panel').innerText.includes('39003')")
    assert "Not covered: over by 0 min 00 s" in page.inner_text("#panel")


def test_hovering_tells_the_numbers(page: Any) -> None:
    page.mouse.move(*pixel(page, 1))
    page.wait_for_selector("#tip:not([hidden])")
    assert "Bief-sur-Œuf" in page.inner_text("#tip")
    assert "20 min 00 s" in page.inner_text("#tip")
    page.mouse.move(*pixel(page, 5))
    page.wait_for_function("document.getElementById('tip').innerText.includes('39006')")
    told = page.inner_text("#tip")
    assert EVIL in told  # as text
    assert "Not reached by road" in told
    page.mouse.move(*page.evaluate(PLACE, [70_000, 8_000]))
    page.wait_for_selector("#tip", state="hidden")


def test_search_finds_a_commune(page: Any) -> None:
    page.fill("#search", "bief sur oeuf")
    assert page.inner_text("#found") == "Bief-sur-Œuf (39002)"
    choose(page, "st etienne")
    assert "39004" in page.inner_text("#panel")
    assert page.input_value("#search") == "Saint-Étienne"
    choose(page, "39006")
    assert EVIL in page.inner_text("#panel")
    choose(page, "MONT")
    assert "39005" in page.inner_text("#panel")
    before = page.evaluate(PLACE, [0, 0])
    page.click("#whole")
    assert page.evaluate(PLACE, [0, 0]) != before
    page.fill("#search", "3900")
    page.keyboard.press("ArrowDown")
    assert page.get_attribute("#search", "aria-activedescendant") == "found-1"
    page.keyboard.press("Escape")
    assert page.is_hidden("#found")
    page.fill("#search", "nowhere")
    assert "No commune" in page.inner_text("#found")


def test_layers_switch_on_and_off(page: Any) -> None:
    assert shown(page, "bands") == [False] * 3
    assert "15–20 min" in page.inner_text("#legend")
    page.check("#layer-bands")
    assert shown(page, "bands") == [True] * 3
    assert shown(page, "communes") == [False]
    assert "10–20 min" in page.inner_text("#legend")
    assert "15–20 min" not in page.inner_text("#legend")
    page.check("#layer-communes")
    assert shown(page, "bands") == [False] * 3
    for layer in ("communes", "late", "names", "outline", "cantons", "sites"):
        assert shown(page, layer) == [True], layer
        page.uncheck(f"#layer-{layer}")
        assert shown(page, layer) == [False], layer
    # a commune can still be clicked where nothing is shown
    page.mouse.click(*pixel(page, 4))
    page.wait_for_function("document.getElementById('panel').innerText.includes('39005')")


def test_the_language_switches(page: Any) -> None:
    choose(page, "combe")
    assert page.get_attribute("html", "lang") == "en"
    english = page.inner_text("body")
    page.click("[data-lang=fr]")
    assert page.get_attribute("html", "lang") == "fr"
    assert re.match(r"Small.: 92,50.% des habitants", page.title())
    french = page.inner_text("body")
    for text in ("Couches", "Temps de trajet", "Non couverte", "Comment c'est compté", "Habitants"):
        assert text in french
        assert text not in english
    assert page.get_attribute("[data-lang=fr]", "aria-pressed") == "true"
    page.click("[data-lang=en]")
    assert page.inner_text("body") == english


def test_what_is_not_covered_is_listed(page: Any) -> None:
    page.click("#late summary")
    assert "Combe, 20 min 00 s" in page.inner_text("#late")
    page.click("#late button >> nth=0")
    assert "39003" in page.inner_text("#panel")


@pytest.mark.parametrize("scenario_page", [DESK, PHONE], indirect=True, ids=["desk", "phone"])
def test_a_scenario_tells_before_and_after(scenario_page: Any) -> None:
    page = scenario_page
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    told = page.inner_text("#changes")
    for part in (EVIL, "3,700 inhabitants, 92.50 %", "200 inhabitants of 1 commune", "site f1",
                 "Combe, 20 min 00 s → 0 min 00 s"):  # fmt: skip
        assert part in told
    legend = page.inner_text("#legend")
    for part in ("Commune newly covered", "Commune no longer covered", "Commune not covered",
                 "Site that opens", "Site that closes", "Site that moves"):  # fmt: skip
        assert part in legend
    page.mouse.click(*pixel(page, 2))
    page.wait_for_function("document.getElementById('panel').innerText.includes('39003')")
    told = page.inner_text("#panel")
    for part in ("0 min 00 s", "20 min 00 s", "Newly covered: within 20 minutes", "Combe",
                 "site f1"):  # fmt: skip
        assert part in told
    page.click("#change-list button >> nth=2")
    told = page.inner_text("#panel")
    assert "39002" in told
    assert "No longer covered: over by 20 min 00 s" in told
    assert shown(page, "changes") == [True, True]
    page.uncheck("#layer-changes")
    assert shown(page, "changes") == [False, False]
    page.click("[data-lang=fr]")
    assert "N'est plus couverte : 20 min 00 s de trop" in page.inner_text("#panel").replace(
        "\xa0", " "
    )
    assert "Ne sont plus couverts" in page.inner_text("#changes")


@on_both
def test_the_page_does_not_scroll_aside(page: Any) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_every_control_has_a_name(page: Any) -> None:
    unnamed = page.evaluate(
        "[...document.querySelectorAll('button, input')].filter((e) => !(e.textContent.trim() ||"
        " e.getAttribute('aria-label') || e.labels?.[0]?.innerText)).map((e) => e.id)"
    )
    assert unnamed == []


def test_the_map_keeps_its_shape(browser: Any, address: str, tmp_path: Path) -> None:
    context = browser.new_context(viewport={"width": 1200, "height": 700}, offline=True)
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("body[data-ready]")
    for size in ({"width": 1200, "height": 700}, {"width": 900, "height": 800}):
        page.set_viewport_size(size)
        settle(page)
        (x0, y0), (x1, y1) = (page.evaluate(PLACE, at) for at in ([0, 0], [10_000, 10_000]))
        assert x1 - x0 == pytest.approx(y0 - y1, rel=0.02)
    context.close()
