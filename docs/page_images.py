"""The pictures of the page in README and docs/page.md, made in Chromium: run it after a change.

`python docs/page_images.py` needs the extra "test" and Debian's chromium.
"""

from __future__ import annotations

import asyncio
import io
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from accessibility.study.study import load_study
from accessibility.web.server import PageServer

IMAGES = Path(__file__).parent / "images"


def serve(found: list[PageServer], ready: threading.Event) -> None:
    """Serve the Jura until told to stop."""
    asyncio.set_event_loop(asyncio.new_event_loop())
    found.append(PageServer(load_study("jura")))
    ready.set()
    found[0].run()


def doing(page: Any, act: Callable[[], object]) -> None:
    """Do something and wait for its answer."""
    before = page.evaluate("Number(document.body.dataset.done || 0)")
    act()
    page.wait_for_function(f"Number(document.body.dataset.done) > {before}")
    page.wait_for_function("document.getElementById('busy').hidden")


def add_in(page: Any, commune: str) -> None:
    """Open a site at the chef-lieu of a commune."""
    page.fill("#search", commune)
    page.press("#search", "Enter")
    doing(page, lambda: page.click("#add-here"))


def picture(page: Any, name: str, *, top: str) -> None:
    """Keep what is seen of the whole territory, the column from some place on."""
    page.click("#whole")
    page.evaluate(
        "(top) => document.querySelector('aside').scrollBy(0, "
        "document.querySelector(top).getBoundingClientRect().top - 57)",
        top,
    )
    page.wait_for_timeout(3_000)  # roads of the nearer view go when the farther one has come
    seen = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    seen.quantize(256, dither=Image.Dither.NONE).save(IMAGES / f"{name}.png", optimize=True)


def main() -> None:
    """Make the pictures."""
    found: list[PageServer] = []
    ready = threading.Event()
    thread = threading.Thread(target=serve, args=(found, ready))
    thread.start()
    ready.wait()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800}, locale="en-GB")
        page.set_default_timeout(120_000)
        page.goto(found[0].address)
        page.wait_for_selector("body[data-ready]")
        add_in(page, "Bois-d'Amont")
        add_in(page, "Les Bouchoux")
        page.fill("#search", "")
        picture(page, "page-scenario", top="#figure")
        page.click("#side-now summary")
        doing(page, lambda: page.click("#keep"))
        page.click("#help-now summary")
        doing(page, lambda: page.click("#help-ask"))
        picture(page, "page-help", top="#help-now")
        doing(page, lambda: page.click("#help-off"))
        page.click("#help-now summary")
        doing(page, lambda: page.click("#reset"))
        page.click("#best-now summary")
        doing(page, lambda: page.click("#best-ask"))
        doing(page, lambda: page.click("#best-take"))
        doing(page, lambda: page.click("#keep"))
        picture(page, "page-best", top="#best-now")
        browser.close()
    found[0].stop()
    thread.join()


if __name__ == "__main__":
    main()
