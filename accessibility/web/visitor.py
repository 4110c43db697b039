"""One visitor: what is asked is done one after another, and only this visitor is told of it."""

from __future__ import annotations

import base64
import json
import time
import traceback
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

import geopandas as gpd
from pyproj import Transformer

from accessibility.analysis.simulate_result import Simulation
from accessibility.analysis.siting import Siting
from accessibility.errors import AccessibilityError, InputError
from accessibility.schema import WGS84
from accessibility.web import plan as edit
from accessibility.web.address import packed
from accessibility.web.beside import Kept, keep, restored
from accessibility.web.desk import Desk
from accessibility.web.drawing import Drawing
from accessibility.web.exports import EXPORTS, export
from accessibility.web.ground import Ground
from accessibility.web.page_words import page_words
from accessibility.web.plan import History, Plan
from accessibility.web.refusals import RefusedError, sentence
from accessibility.web.steps import STEPS, Command, Step, box_of, kept_number, number_of
from accessibility.web.view import BANDS_MIN, best_told, help_rows, side_told, told
from accessibility.web.workers import Workers

MOST_WAITING = 50
"""Steps of one visitor that wait; more come from no hand."""


class Visitor:
    """What one visitor asked for, and what the page shows of it.

    Parameters
    ----------
    desk : Desk
        Shared by all; the visitor only asks it.
    workers : Workers
    ground : Ground
    later : callable
        Runs a function on the server's own loop, from any thread.
    lang : {"en", "fr"}
    address : str
        What the page's address holds of a scenario; empty if nothing.
    """

    def __init__(
        self,
        desk: Desk,
        workers: Workers,
        ground: Ground,
        *,
        later: Callable[[Callable[[], None]], object],
        lang: str,
        address: str = "",
    ) -> None:
        self._desk, self._workers, self._later = desk, workers, later
        self.drawing = Drawing(desk, ground)
        metric = Transformer.from_crs(desk.study.metric_crs, WGS84, always_xy=True)
        x0, y0 = ground.origin
        self._degrees = lambda x, y: metric.transform(x + x0, y + y0)
        self.lang = lang
        self.history = History(edit.start(desk.study))
        self.done = desk.start
        self.kept: tuple[Kept, ...] = ()
        self._help: tuple[Plan, gpd.GeoDataFrame] | None = None
        self._best: tuple[Plan, Siting] | None = None
        self._areas_of: Plan | None = None
        self._areas_wanted = False
        self._seen = 0.0, 0.0, 0.0, 0.0
        self._bands: list[tuple[str, str]] = []
        self._waiting: deque[tuple[Command, float]] = deque()
        self._at_work: Command | None = None
        self._asides: set[str] = set()
        self._closed = False
        self._version = 0
        self._labels: dict[str, str] | None = None
        self._file: dict[str, str] | None = None
        self._notice: dict[str, str] = {"kind": "", "text": ""}
        self._took_ms = 0.0
        self._last_id = 0
        self.drawing.asked.on_change("data", self._on_asked)
        self._show()
        if address:
            self.ask({"do": "address", "text": address})

    def close(self) -> None:
        """Forget what waits: the visitor has left."""
        self._closed = True
        self._waiting.clear()

    # -- what comes in ------------------------------------------------------------------------

    def _on_asked(self, _name: str, _old: object, new: dict[str, Any]) -> None:
        try:
            command = json.loads(new["json"][0])
        except (ValueError, KeyError, IndexError, TypeError):
            return
        if isinstance(command, dict):
            self.ask(command)

    def ask(self, command: Command) -> None:
        """Do a command when those before it are done; called on the server's loop."""
        if len(self._waiting) >= MOST_WAITING:
            self._refuse(RefusedError("many_visitors"))
            self._tell()
            return
        self._waiting.append((command, time.perf_counter()))
        self._next()

    def _next(self) -> None:
        while self._waiting and self._at_work is None and not self._closed:
            command, since = self._waiting.popleft()
            number = command.get("n")
            self._last_id = number if isinstance(number, int) else self._last_id
            self._notice = {"kind": "", "text": ""}
            self._file = None
            try:
                self._start(command, since)
            except AccessibilityError as error:
                self._refuse(error)
                self._tell()
            except Exception:
                self._defect()

    def _start(self, command: Command, since: float) -> None:
        what = command.get("do")
        simple: dict[str, Callable[[Command], None]] = {
            "lang": self._set_lang, "keep": self._keep, "drop": self._drop,
            "help_off": self._help_off, "areas_off": self._areas_off, "tell": lambda _: None,
        }  # fmt: skip
        long: dict[str, Callable[[Command], None]] = {
            "help": self._ask_help, "best": self._ask_best, "areas": self._ask_areas,
            "export": self._ask_export, "restore": self._ask_restore,
        }  # fmt: skip
        if what == "view":
            self._set_view(command)  # no answer: only the drawing changes
        elif what in simple:
            simple[what](command)
            self._took_ms = (time.perf_counter() - since) * 1000
            self._tell()
        elif what in long:
            long[what](command)
            self._tell()
        elif what in STEPS:
            self._step(command, since)
        else:
            raise InputError(f"the page asked for {what!r}, which is not known.")

    # -- steps of the scenario ------------------------------------------------------------------

    def _step(self, command: Command, since: float) -> None:
        """Compute the next plan in a thread, then show it; until then other steps wait."""
        self._at_work = command
        step = Step(
            command, self.history, self.done, desk=self._desk, degrees=self._degrees,
            kept=tuple(one.plan for one in self.kept), best=self._best, lang=self.lang,
        )  # fmt: skip
        ahead = self._workers.long if self._builds_network(command) else self._workers.quick
        if ahead is self._workers.long or not self._desk.ready:
            self._tell()

        def work() -> tuple[History, Simulation]:
            then = STEPS[command["do"]](step)
            if then.now.scenario.changes_roads:
                self._desk.roads_ready()  # they will be named and drawn
            return then, step.done if then is step.history else self._desk.simulate(then.now)

        future = ahead.submit(work)
        future.add_done_callback(lambda f: self._come_back(partial(self._stepped, f, step, since)))

    def _builds_network(self, command: Command) -> bool:
        """Whether a step may have to build a network, or takes long for another reason."""
        what = command["do"]
        if what in ("road", "drop_road", "drop_speed", "load", "address", "show_kept"):
            return True
        steps = {"undo": self.history.undone(), "redo": self.history.redone()}
        return self._desk.takes_long(steps.get(what, self.history).now)

    def _stepped(
        self, future: Future[tuple[History, Simulation]], step: Step, since: float
    ) -> None:
        self._at_work = None
        try:
            self.history, self.done = future.result()
            if step.notice:
                self._notice = {"kind": "done", "text": step.notice}
            self._show(since)
        except AccessibilityError as error:
            self._refuse(error)
            self._tell()
        except Exception:
            self._defect()
        self._next()

    # -- what needs no computing ------------------------------------------------------------------

    def _set_lang(self, command: Command) -> None:
        page_words(str(command.get("lang")))  # refuses a language that it does not speak
        self.lang = str(command["lang"])

    def _keep(self, _command: Command) -> None:
        unnamed = page_words(self.lang)["side_unnamed"]
        self.kept = keep(self.kept, self.history.now, self.done, unnamed=unnamed)

    def _drop(self, command: Command) -> None:
        number = kept_number(command, len(self.kept))
        self.kept = self.kept[:number] + self.kept[number + 1 :]

    def _set_view(self, command: Command) -> None:
        if (box := box_of(command)) is None:
            return
        self._seen = box  # the last one, where several are asked for
        self._aside(
            "view", self._workers.quick, self._desk.roads_ready,
            lambda _: self.drawing.show_roads(self._seen),
        )  # fmt: skip

    def _help_off(self, _command: Command) -> None:
        self._help = None
        self.drawing.show_gain(None)

    def _areas_off(self, _command: Command) -> None:
        self._areas_wanted, self._areas_of = False, None
        self._bands = self.drawing.show_areas(None, self.done)

    # -- what takes some seconds, beside the steps ------------------------------------------------

    def _ask_help(self, _command: Command) -> None:
        plan = self.history.now

        def shown(junctions: gpd.GeoDataFrame) -> None:
            self._help = plan, junctions
            self.drawing.show_gain(junctions)

        self._aside("help", self._workers.long, partial(self._desk.gains, plan), shown)

    def _ask_best(self, command: Command) -> None:
        plan, number = self.history.now, int(number_of(command, "number"))
        budget = None if command.get("budget") in (None, "") else number_of(command, "budget")

        def shown(found: Siting) -> None:
            self._best = plan, found

        self._aside(
            "best", self._workers.long, partial(self._desk.best, plan, number, budget), shown
        )

    def _ask_restore(self, command: Command) -> None:
        """Put beside again what the browser kept, after a reload or a lost connection."""

        def shown(kept: tuple[Kept, ...]) -> None:
            self.kept = (*kept, *self.kept)

        work = partial(restored, self._desk, command.get("kept"))
        self._aside("restore", self._workers.long, work, shown)

    def _ask_areas(self, _command: Command) -> None:
        self._areas_wanted = True
        plan, done = self.history.now, self.done
        cutoffs = tuple(sorted({*BANDS_MIN, plan.minutes}))

        def shown(areas: gpd.GeoDataFrame) -> None:
            if not self._areas_wanted:
                return
            if plan == self.history.now:
                self._areas_of = plan
                self._bands = self.drawing.show_areas(areas, done)
            else:  # the scenario has moved on
                self._ask_areas({})

        self._aside("areas", self._workers.long, partial(self._desk.areas, plan, cutoffs), shown)

    def _ask_export(self, command: Command) -> None:
        kind, plan, done, lang = command.get("kind"), self.history.now, self.done, self.lang
        if kind not in EXPORTS:
            raise InputError(f"{kind!r} is no kind of file that this page makes.")

        def shown(made: tuple[str, str, bytes]) -> None:
            name, media, content = made
            self._file = {
                "name": name, "media": media, "content": base64.b64encode(content).decode(),
            }  # fmt: skip
            self._notice = {
                "kind": "done", "text": page_words(self.lang)["written"].format(name=name)
            }  # fmt: skip

        workers = self._workers.long if kind == "pdf" else self._workers.quick
        self._aside("export", workers, partial(export, kind, self._desk, plan, done, lang), shown)

    def _aside(
        self, what: str, workers: Any, work: Callable[[], Any], shown: Callable[[Any], None]
    ) -> None:
        """Work in a thread while other steps go on; one of each kind at a time."""
        if what in self._asides:
            return
        self._asides.add(what)

        def asked() -> Any:
            return None if self._closed else work()

        def back(future: Future[Any]) -> None:
            self._asides.discard(what)
            self._file = None
            try:
                shown(future.result())
            except AccessibilityError as error:
                self._refuse(error)
            except Exception:
                self._defect()
            if what != "view" or self._notice["kind"] == "error":
                self._tell()

        future = workers.submit(asked)
        future.add_done_callback(lambda f: self._come_back(partial(back, f)))

    # -- what goes out ----------------------------------------------------------------------------

    def _come_back(self, what: Callable[[], None]) -> None:
        if not self._closed:
            self._later(what)

    def _show(self, since: float | None = None) -> None:
        """Draw and tell the plan of now."""
        plan, done = self.history.now, self.done
        self.drawing.show(plan, done)
        if self._areas_of is not None and self._areas_of != plan:
            self._areas_of = None
            self._bands = self.drawing.show_areas(None, done)
            self._ask_areas({})
        if self._help is not None and self._help[0] != plan:
            self.drawing.show_gain(None)
        if since is not None:
            self._took_ms = (time.perf_counter() - since) * 1000
        self._version += 1
        self._tell()

    def _tell(self) -> None:
        """Tell the page everything it shows."""
        plan = self.history.now
        answer = told(self._desk, plan, self.done, self.lang)
        # a page that has asked nothing yet may have missed what it was told before
        if answer["labels"] == self._labels and self._last_id:
            del answer["labels"]
        else:
            self._labels = answer["labels"]
        busy = ""
        if self._at_work is not None:
            busy = "working_roads" if self._builds_network(self._at_work) else "working"
        elif self._asides - {"view"}:
            busy = "working_long"
        answer |= {
            "version": self._version,
            "n": self._last_id,
            "took_ms": round(self._took_ms, 1),
            "undo": bool(self.history.past),
            "redo": bool(self.history.future),
            "address": self._address_of(plan),
            "notice": self._notice,
            "busy": page_words(self.lang)[busy] if busy else "",
            "bands": self._bands,
            "pending": self._at_work is not None,
            "sites": self.drawing.site_rows(),
            "closed_roads": bool(self.drawing.closed.data["xs"]),
            "side": side_told(self._desk.start, self.kept, self.lang),
            "help": None if self._help is None else {
                "rows": help_rows(self._help[1], self.lang), "stale": self._help[0] != plan,
            },
            "best": None if self._best is None else {
                **best_told(self._best[1], self.lang), "stale": self._best[0] != plan,
            },
            "file": self._file,
        }  # fmt: skip
        self._file = None  # taken away once
        self.drawing.told.data = {"json": [json.dumps(answer, allow_nan=False)]}

    def _address_of(self, plan: Plan) -> str | None:
        """What the address holds of a plan: nothing of the first one; None if it is too long."""
        return "" if plan == edit.start(self._desk.study) else packed(plan) or None

    def _refuse(self, error: AccessibilityError) -> None:
        reason = sentence(error, self.lang)
        self._notice = {
            "kind": "error", "text": page_words(self.lang)["refused"].format(reason=reason)
        }  # fmt: skip

    def _defect(self) -> None:
        """Say that we failed; the trace is for the terminal, not for the page."""
        traceback.print_exc()
        self._notice = {"kind": "error", "text": page_words(self.lang)["defect"]}
        self._tell()
