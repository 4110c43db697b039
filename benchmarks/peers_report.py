"""Tables of what the engines took, in Markdown."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from peers_harness import AGAIN_S

OURS = "this toolkit"
CH, MLD, VALHALLA = "OSRM CH", "OSRM MLD", "Valhalla"

QUESTIONS = {
    "nearest": "nearest of {sites} sites for {communes} communes",
    "added": "one added site: times to it",
    "sites": "{communes} x {sites} matrix",
    "reach": "{sites} reaches at {minutes:g} minutes: times of roads",
    "drawn": "{sites} reaches, drawn: cut roads, or polygons",
    "communes": "{communes} x {communes} matrix",
}
"""Rows of the table."""

READY = {
    "wall_s": "extract to ready, wall",
    "cpu_s": "extract to ready, CPU",
    "peak_mb": "extract to ready, peak MB",
}


class Figures:
    """Medians over the rounds of what each engine took.

    Parameters
    ----------
    runs : dict of str to list of dict
        For each engine and round, the records of `peers_harness.py` by what ended; "stopped" is
        what was begun when time ran out, None if nothing; "whole" holds "peak_mb" of the process.
    wrong : set of (engine, question)
        Answers that were not right: their times do not count.
    limits : dict of str to float
        Seconds that "ready" and each other question may take.
    """

    def __init__(
        self,
        runs: dict[str, list[dict[str, Any]]],
        wrong: set[tuple[str, str]],
        limits: dict[str, float],
    ) -> None:
        self.runs, self.wrong, self.limits = runs, wrong, limits

    def of(self, engine: str, name: str, key: str) -> float | None:
        """One figure, None where there is none that counts."""
        found = [run[name][key] for run in self.runs.get(engine, []) if name in run]
        return median(found) if found and (engine, name) not in self.wrong else None

    def total_s(self, engine: str) -> float | None:
        """From the extract to the full matrix, at its first call."""
        ready_s = self.of(engine, "ready", "wall_s")
        matrix_s = self.of(engine, "communes", "first_s")
        return None if ready_s is None or matrix_s is None else ready_s + matrix_s

    def cell(self, engine: str, name: str, value: float | None, ours: float | None) -> str:
        """A figure and its ratio to this toolkit's, or why there is none."""
        if value is not None:
            told = f"{value:,.0f}" if name == "memory" else seconds(value)
            alone = engine == OURS or not ours
            return told if alone else f"{told} ({value / ours:.3g} x)"
        if (engine, name) in self.wrong:
            return "wrong"
        if name in ("CPU", "memory"):
            return "not known"
        stopped = [run["stopped"] for run in self.runs[engine]]
        if name in stopped:
            return f"> {self.limits.get(name, self.limits['question']):g} s"
        offered = [run["ready"]["questions"] for run in self.runs[engine] if "ready" in run]
        return "none" if any(name not in names for names in offered) else "not asked"


def seconds(value: float) -> str:
    """Three figures at most, in seconds or milliseconds."""
    if value < 0.1:
        return f"{value * 1000:.3g} ms"
    return f"{value:.0f} s" if value >= 100 else f"{value:.3g} s"


def table(figures: Figures, words: dict[str, float]) -> Iterator[str]:
    """What each engine took, with ratios to this toolkit."""
    engines = list(figures.runs)
    yield f"| | {' | '.join(engines)} |"
    yield f"|---|{'---:|' * len(engines)}"

    def row(title: str, name: str, values: dict[str, float | None]) -> str:
        cells = (figures.cell(e, name, values[e], values[OURS]) for e in engines)
        return f"| {title} | {' | '.join(cells)} |"

    for key, title in READY.items():
        name = {"wall_s": "ready", "cpu_s": "CPU", "peak_mb": "memory"}[key]
        yield row(title, name, {e: figures.of(e, "ready", key) for e in engines})
    whole = {e: figures.of(e, "whole", "peak_mb") for e in engines}
    yield row("whole process, peak MB", "memory", whole)
    for name, title in QUESTIONS.items():
        again = {e: figures.of(e, name, "again_s") for e in engines}
        yield row(title.format(**words), name, again)
    total = {e: figures.total_s(e) for e in engines}
    yield row("extract to {communes} x {communes} matrix".format(**words), "communes", total)


def first_calls(figures: Figures) -> str:
    """First calls that took over twice the second, which is the one in the table."""
    told = []
    for engine in figures.runs:
        for name in QUESTIONS:
            first, again = (figures.of(engine, name, key) for key in ("first_s", "again_s"))
            if first and again and first > 2 * again:
                told.append(f"{engine}, {name}: {seconds(first)}, then {seconds(again)}")
    return (
        f"Questions are asked twice and the second call counts, unless the first took over "
        f"{AGAIN_S:g} s. First calls that took over twice the second: {'; '.join(told) or 'none'}."
    )


def asked_for(figures: Figures) -> Iterator[str]:
    """What issue 8 asks for, what was measured, and whether that is met."""

    def ready(engine: str) -> float | None:
        return figures.of(engine, "ready", "wall_s")

    def part(of: float | None, share: float) -> float | None:
        return None if of is None else of * share

    ours, memory = ready(OURS), figures.of(OURS, "ready", "peak_mb")
    total, theirs = figures.total_s(OURS), figures.total_s(CH)
    lines = (
        ("ready in a fifth of OSRM's extract + contract", ours, part(ready(CH), 1 / 5)),
        ("in half of OSRM's extract + partition + customize", ours, part(ready(MLD), 1 / 2)),
        ("below Valhalla's tile build", ours, ready(VALHALLA)),
        ("peak memory to ready, MB", memory, 800.0),
        ("matrix of communes and sites as fast as OSRM's CH table",
         figures.of(OURS, "sites", "again_s"), figures.of(CH, "sites", "again_s")),
        ("nearest site for all segments", figures.of(OURS, "segments", "again_s"), 0.05),
        ("all reaches on one core", figures.of(OURS, "reach_one_core", "again_s"), 0.03),
        ("full matrix of the communes", figures.of(OURS, "communes", "again_s"), 6.0),
        ("extract to full matrix in a third of OSRM's CH", total, part(theirs, 1 / 3)),
    )  # fmt: skip
    yield "| asked | at most | measured | |"
    yield "|---|---:|---:|---|"
    for words, found, most in lines:
        if found is None or most is None:
            yield f"| {words} | | | not measured |"
            continue
        told = [f"{v:,.0f}" if words.endswith("MB") else seconds(v) for v in (most, found)]
        yield f"| {words} | {told[0]} | {told[1]} | {'met' if found <= most else 'not met'} |"


def machine() -> str:
    """The processor, cores that this process may use, memory, system, and load now."""
    facts = Path("/proc/cpuinfo").read_text().splitlines()
    model = next(line.split(":")[1].strip() for line in facts if line.startswith("model name"))
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{model}, {len(os.sched_getaffinity(0))} cores, {memory_gb:.0f} GB, "
        f"Linux {platform.release()}, load {os.getloadavg()[0]:.1f}"
    )
