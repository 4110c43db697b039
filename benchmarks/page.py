"""The planners' page under load: visitors at once, each adding, moving and removing sites.

    python benchmarks/page.py                          # 20 visitors for a minute, as the issue asks
    python benchmarks/page.py --visitors 8 --seconds 20
    python benchmarks/page.py --browser                # one visitor, until it is on the screen

Starts `accessibility serve` on the loopback, opens one connection for each visitor as a browser
does, and lets each take a step, wait for its answer and think for some seconds. Afterwards every
answer is compared with what `simulate` says of the scenario that this visitor had built: a wrong
figure or a scenario of somebody else would show. Tells how long answers took at the visitor and in
the server, the server's processor time, and its memory every 15 seconds and after all have left.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import numpy as np
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from accessibility.analysis.scenario import Scenario
from accessibility.analysis.simulate import Simulator
from accessibility.report.map_words import percent
from accessibility.study.study import Study, load_study
from accessibility.web.address import unpacked
from accessibility.web.server import UNUSED_S

EVERY_S = 15
"""Between two looks at the memory."""

STEPS = ("add", "add", "add", "move", "toggle", "undo", "set")


class Visitor:
    """One connection: asks as the page does, and reads what the page is told."""

    def __init__(self, connection: WebSocketClientConnection) -> None:
        self.connection = connection
        self.asked_id = self.told_id = ""
        self.told: dict[str, Any] = {}
        self.count = 0

    async def start(self) -> None:
        """Pull the document, in which the two cells have their ids."""
        await self.receive()  # ACK
        await self.send("PULL-DOC-REQ", {})
        found: dict[str, Any] = {}
        while "doc" not in found:
            found = await self.receive()
        for model in models(found["doc"]):
            name = model.get("attributes", {}).get("name")
            if name == "asked":
                self.asked_id = model["id"]
            elif name == "told":
                self.told_id = model["id"]
                self.told = json.loads(cell(model["attributes"]["data"]))

    async def send(self, kind: str, content: dict[str, Any]) -> None:
        """Send a message in its three parts."""
        self.count += 1
        header = {"msgid": f"m{self.count}", "msgtype": kind}
        for part in (header, {}, content):
            await self.connection.write_message(json.dumps(part))

    async def receive(self) -> dict[str, Any]:
        """Content of the next message; the parts between that are binary are passed over."""
        header = json.loads(await self.text())
        await self.text()
        content: dict[str, Any] = json.loads(await self.text())
        for _ in range(header.get("num_buffers", 0)):
            await self.connection.read_message()
            await self.connection.read_message()
        return content

    async def text(self) -> str:
        """One part of a message."""
        message = await self.connection.read_message()
        if message is None:
            raise ConnectionError("the server closed the connection")
        return str(message)

    async def ask(self, number: int, command: dict[str, Any]) -> float:
        """Seconds until the page is told the answer."""
        text = json.dumps({**command, "n": number})
        new = {"type": "map", "entries": [["json", [text]]]}
        event = {"kind": "ModelChanged", "model": {"id": self.asked_id}, "attr": "data", "new": new}
        began = time.perf_counter()
        await self.send("PATCH-DOC", {"events": [event]})
        while True:
            content = await asyncio.wait_for(self.receive(), 60)
            for event in content.get("events", []):
                if event["model"]["id"] != self.told_id:
                    continue
                data = event["data"]
                self.told = json.loads(cell(data))
                if self.told["n"] == number and not self.told["pending"]:
                    return time.perf_counter() - began


def models(value: Any) -> Iterator[dict[str, Any]]:
    """All models of a document as Bokeh writes it."""
    if isinstance(value, dict):
        if value.get("type") == "object" and "id" in value:
            yield value
        for inner in value.values():
            yield from models(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from models(inner)


def cell(data: dict[str, Any]) -> str:
    """Text of the one cell of a source."""
    entries = dict(data["entries"]) if "entries" in data else data
    return str(entries["json"][0])


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[Visitor]:
    """A visitor who opened the page."""
    page = await AsyncHTTPClient().fetch(address, request_timeout=120)
    (token,) = re.findall(r'"token":"([^"]+)"', page.body.decode())
    host = urlparse(address).netloc
    request = HTTPRequest(
        f"ws://{host}/ws", headers={"Origin": f"http://{host}"}, request_timeout=120
    )
    connection = await websocket_connect(request, subprotocols=["bokeh", token])
    visitor = Visitor(connection)
    await visitor.start()
    yield visitor
    connection.close()


async def visit(
    address: str, study: Study, seed: int, until: float, think_s: float
) -> list[dict[str, Any]]:
    """Steps of one visitor with their answers."""
    draw, steps = random.Random(seed), []
    codes = study.communes["code_insee"].tolist()
    own: list[str] = []  # communes in which this visitor opened sites, in their order
    async with connected(address) as visitor:
        await asyncio.sleep(draw.uniform(0, think_s))
        number = 0
        while time.perf_counter() < until:
            number += 1
            kind = draw.choice(STEPS) if own else "add"
            code = draw.choice(codes)
            sites = [row[0] for row in visitor.told["sites"] if row[2] != "closed"]
            added = [site for site in sites if site.startswith("new-")]
            command: dict[str, Any] = {"do": kind}
            if kind == "add":
                command["code"] = code
            elif kind == "move":
                command |= {"code": code, "site": draw.choice(added or sites)}
            elif kind == "toggle":
                command["site"] = draw.choice(added or sites)
            elif kind == "set":
                command["minutes"] = draw.choice([15, 20, 25])
            own.append(code)
            took = await visitor.ask(number, command)
            steps.append({
                "took_s": took, "server_ms": visitor.told["took_ms"], "do": kind,
                "share": visitor.told["figure"]["share"], "address": visitor.told["address"],
                "error": visitor.told["notice"]["kind"] == "error", "own": set(own),
            })  # fmt: skip
            await asyncio.sleep(draw.uniform(0.5, 1.5) * think_s)
    return steps


def wrong_figures(study: Study, visits: list[list[dict[str, Any]]]) -> tuple[int, int]:
    """Answers that Python gives otherwise, and scenarios with a site of somebody else."""
    base, wrong, crossed = Simulator(study), 0, 0
    names = study.communes.set_index("code_insee")["name"].to_dict()
    known: dict[str, str] = {}
    for steps in visits:
        for step in steps:
            letters = step["address"]
            scenario, minutes = Scenario(), float(study.default("minutes"))
            if letters:
                plan = unpacked(letters)
                scenario, minutes = plan.scenario, plan.minutes
            if letters not in known:
                share = base.asking(minutes=minutes).simulate(scenario).after.share
                known[letters] = percent(share, "en")
            wrong += known[letters] != step["share"]
            mine = {names[code] for code in step["own"]}
            crossed += not {place.name for place in scenario.add} <= mine
    return wrong, crossed


def memory_mb(process: int) -> tuple[float, float]:
    """Memory of a process of its own, and pages of files that the system lends it while it may."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    kb = dict(re.findall(r"^(\w+):\s+(\d+) kB$", status, re.MULTILINE))
    return int(kb["RssAnon"]) / 1000, int(kb["RssFile"]) / 1000


def processor_s(process: int) -> float:
    """Seconds of processor that a process took."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measured(arguments: argparse.Namespace, study: Study, address: str, server: int) -> None:
    """Let the visitors work, then print what was measured."""
    async with connected(address) as first:  # what is compiled and read once
        await first.ask(1, {"do": "add", "code": study.communes["code_insee"].iloc[0]})
        await first.ask(2, {"do": "toggle", "site": "new-1"})
    before_s, began = processor_s(server), time.perf_counter()
    until = began + arguments.seconds
    memory = [("before", *memory_mb(server))]

    async def watch() -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            memory.append((f"{time.perf_counter() - began:.0f} s", *memory_mb(server)))

    load = os.getloadavg()[0]
    watching = asyncio.create_task(watch())
    visits = await asyncio.gather(
        *(visit(address, study, seed, until, arguments.think) for seed in range(arguments.visitors))
    )
    watching.cancel()
    took, spent_s = time.perf_counter() - began, processor_s(server) - before_s
    steps = [step for steps in visits for step in steps]
    at_visitor = np.array([step["took_s"] for step in steps]) * 1000
    at_server = np.array([step["server_ms"] for step in steps])
    print(
        f"{arguments.visitors} visitors for {took:.0f} s, {len(steps)} steps, "
        f"{sum(step['error'] for step in steps)} refused; load of the machine before: {load:.1f}"
    )
    spread("at the visitor", at_visitor)
    spread("in the server", at_server)
    print(f"processor: {1000 * spent_s / len(steps):.0f} ms a step, {spent_s / took:.2f} cores")
    memory.append(("end", *memory_mb(server)))
    await asyncio.sleep(UNUSED_S + EVERY_S)
    memory.append(("all have left", *memory_mb(server)))
    print("memory, MB (and pages of files): "
          + ", ".join(f"{when} {own:.0f} ({lent:.0f})" for when, own, lent in memory))  # fmt: skip
    wrong, crossed = wrong_figures(study, visits)
    print(f"wrong figures: {wrong}; scenarios with somebody else's site: {crossed}")
    if wrong or crossed:
        sys.exit(1)


def in_browser(study: Study) -> None:
    """Open the page in Chromium, add, move and remove sites: until it is on the screen."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        began = time.perf_counter()
        with serving() as (address, _):
            page.goto(address)
            page.wait_for_selector("body[data-ready]")
            page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
            print(f"in a browser that was open: usable after {time.perf_counter() - began:.1f} s")
            load = os.getloadavg()[0]
            _, *steps = steps_in(page, study.communes["code_insee"].tolist()[::12])
        browser.close()
    print(f"{len(steps)} sites added, moved and removed; load of the machine before: {load:.1f}")
    for name, values in zip(("on the screen", "in the server"), np.array(steps).T, strict=True):
        spread(name, values)


def steps_in(page: Any, codes: list[str]) -> Iterator[tuple[float, float]]:
    """Milliseconds until a step is on the screen, and in the server; the first waits for times."""
    page.click("#sites-now summary")
    for n, code in enumerate(codes, start=1):
        page.fill("#search", code)
        page.keyboard.press("Enter")
        page.wait_for_timeout(500)  # the map moves there
        page.evaluate("delete document.body.dataset.tookMs")
        if n % 3 == 1:
            page.click("#add-here")
        else:
            row = page.locator("#sites li", has_text="new").first
            name = "Move to the commune shown" if n % 3 == 2 else "Remove"
            row.get_by_role("button", name=name, exact=True).click()
        page.wait_for_selector("body[data-took-ms]")
        told = "Bokeh.documents[0].get_model_by_name('told').data.json[0]"
        yield (float(page.evaluate("document.body.dataset.tookMs")),
               float(page.evaluate(f"JSON.parse({told}).took_ms")))  # fmt: skip


def spread(name: str, values: np.ndarray) -> None:
    """Print the middle and the end of some milliseconds."""
    middle, most = np.percentile(values, [50, 95])
    print(f"{name}: median {middle:.0f} ms, 95th percentile {most:.0f} ms, "
          f"longest {values.max():.0f} ms")  # fmt: skip


@contextmanager
def serving() -> Iterator[tuple[str, int]]:
    """Address and process of a page that is served."""
    began = time.perf_counter()
    command = [sys.executable, "-c", "from accessibility.cli import main; main()", "serve",
               "--port", "0", "--lang", "en"]  # fmt: skip
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "BROWSER": "true"}
    ) as server:
        try:
            assert server.stdout is not None
            address = re.findall(r"http://\S+", server.stdout.readline())[0]
            print(f"the page answers after {time.perf_counter() - began:.1f} s")
            yield address, server.pid
        finally:
            server.terminate()


def main() -> None:
    """Start the page and put the load on it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--think", type=float, default=3.0, help="seconds between steps, mean")
    parser.add_argument("--browser", action="store_true", help="one visitor, in Chromium")
    arguments = parser.parse_args()
    study = load_study("jura")
    if arguments.browser:
        in_browser(study)
        return
    with serving() as (address, process):
        asyncio.run(measured(arguments, study, address, process))


if __name__ == "__main__":
    main()
