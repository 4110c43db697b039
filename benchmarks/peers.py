"""Peers and this toolkit side by side: from one extract to drive times.

    python benchmarks/peers.py ../shared/data/osm/jura-30km-2021-08.osm.pbf \
        --osrm-python .venv-osrm/bin/python --valhalla-python .venv-valhalla/bin/python \
        --graphs-python .venv-graphs/bin/python --out outputs/peers.md

Each engine runs in an environment of its own; one whose Python is not given is left out, and a
line says how to make it. Asked are the times of the communes of the bundled study and its counted
sites, of the extract that the study was built from. docs/benchmarks.md tells what is compared.

In each round every engine gets ready once, one after the other, each in a new process: wall time
from its start, CPU seconds and the peak of memory (of the largest of it and its children). Then
it is asked in the same process. Medians of the rounds are printed, with the ratio to this
toolkit. Answers are checked first (`peers_checks.py`): a wrong one has no time, and the program
ends with 1. Nothing is drawn at random: there is no seed.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import peers_report as report

HERE = Path(__file__).parent
ADDED = "39018"
"""The commune in which a site is added: Aromas, the farthest from one in the README's list."""


@dataclass(frozen=True)
class Peer:
    """A script, what it is told, its environment, and how its answers are checked."""

    script: str
    arguments: tuple[str, ...]
    environment: str
    kind: str


PEERS = {
    report.OURS: Peer("peers_toolkit.py", (), "toolkit", "same graph"),
    report.CH: Peer("peers_osrm.py", ("CH",), "osrm", "same profile"),
    report.MLD: Peer("peers_osrm.py", ("MLD",), "osrm", "same profile"),
    report.VALHALLA: Peer("peers_valhalla.py", (), "valhalla", "other speeds"),
    **{
        name: Peer("peers_graphs.py", (name,), "graphs", "same graph")
        for name in ("pandana", "igraph", "scipy", "networkx")
    },
    "osmnx": Peer("peers_graphs.py", ("osmnx",), "graphs", "other speeds"),
}

NEEDS = {
    "osrm": ("python3.12", "requirements-osrm.txt"),
    "valhalla": ("python3.12", "requirements-valhalla.txt"),
    "graphs": ("python3", "requirements-peers.txt"),
}
"""The Python and the requirements of each environment."""


def places() -> dict[str, list[list[float]]]:
    """Longitude and latitude of communes, sites and the added site."""
    import shapely

    import accessibility as acc
    from accessibility.analysis.choices import counted_sites
    from accessibility.schema import WGS84

    study = acc.load_study("jura")
    tables = {
        "communes": study.demand,
        "sites": counted_sites(study.sites, study.default("as_of")),
        "added": study.demand[study.demand["code_insee"] == ADDED],
    }
    return {
        name: shapely.get_coordinates(table.geometry.to_crs(WGS84)).round(7).tolist()
        for name, table in tables.items()
    }


def chosen(options: argparse.Namespace) -> dict[str, str]:
    """The Python of each engine that can run; the others are named."""
    pythons = {"toolkit": sys.executable, **{name: getattr(options, name) for name in NEEDS}}
    for name, python in pythons.items():
        if python is None:
            version, file = NEEDS[name]
            engines = ", ".join(e for e, peer in PEERS.items() if peer.environment == name)
            print(
                f"left out: {engines}. {version} -m venv .venv-{name}; .venv-{name}/bin/python -m "
                f"pip install -r benchmarks/{file}; then --{name}-python .venv-{name}/bin/python"
            )
    return {
        engine: pythons[peer.environment]
        for engine, peer in PEERS.items()
        if pythons[peer.environment] and (engine != "osmnx" or options.with_osmnx)
    }


def run(engine: str, python: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Run an engine in a process of its own; what ended, by name."""
    peer = PEERS[engine]
    with tempfile.TemporaryDirectory() as folder:
        question, out, log = (Path(folder) / name for name in ("question.json", "out", "log"))
        question.write_text(json.dumps({**asked, "began": time.monotonic()}))
        command = [python, str(HERE / peer.script), str(question), str(out), *peer.arguments]
        with log.open("w") as words:
            # a group of its own: what the engine started ends with it
            process = subprocess.Popen(command, stdout=words, stderr=words, start_new_session=True)
            _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode == -signal.SIGALRM:
            end_group(process.pid)
        elif process.returncode:
            raise SystemExit(f"{engine} ended with {process.returncode}: {log.read_text()[-2000:]}")
        lines = [json.loads(line) for line in out.read_text().splitlines()]
    ended = {line["ended"]: line for line in lines if "ended" in line}
    ended["whole"] = {"peak_mb": used.ru_maxrss / 1024}
    ended["stopped"] = lines[-1]["begun"] if process.returncode else None
    return ended


def end_group(leader: int) -> None:
    """End what is left of the process group that an engine led."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return  # it left nothing


def main() -> None:
    """Run, check, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("extract", type=Path, help="the one that the bundled study was built from")
    for name in NEEDS:
        parser.add_argument(f"--{name}-python", dest=name, metavar="PYTHON")
    parser.add_argument("--with-osmnx", action="store_true", help="also osmnx from the extract")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=20.0, help="of a reach")
    parser.add_argument("--limit-s", type=int, default=600, help="for one question")
    parser.add_argument("--ready-limit-s", type=int, default=600, help="to get ready")
    parser.add_argument("--out", type=Path, help="the tables, as Markdown")
    options = parser.parse_args()
    pythons = chosen(options)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        # loaded elsewhere: the memory of this process is a floor under that of those it starts
        where = pool.submit(places).result()
    asked = {
        **where,
        "extract": str(options.extract.resolve()),
        "minutes": options.minutes,
        "limit_s": options.limit_s,
        "ready_limit_s": options.ready_limit_s,
        "toolkit_python": sys.executable,
    }
    began = report.machine()
    # compiles what is not compiled yet, and brings the extract into memory
    run(report.OURS, sys.executable, {**asked, "leave": []})
    runs: dict[str, list[dict[str, Any]]] = {engine: [] for engine in pythons}
    for number in range(options.rounds):
        for engine, python in pythons.items():
            if any(found["stopped"] == "ready" for found in runs[engine]):
                continue
            leave = [found["stopped"] for found in runs[engine] if found["stopped"]]
            found = run(engine, python, {**asked, "leave": leave})
            runs[engine].append(found)
            took = f"{found['ready']['wall_s']:.0f} s to ready" if "ready" in found else "too long"
            print(f"round {number + 1}, {engine}: {took}", file=sys.stderr, flush=True)
    text, wrong = tell(runs, asked, options, began)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    if wrong:
        sys.exit(1)


def tell(
    runs: dict[str, list[dict[str, Any]]],
    asked: dict[str, Any],
    options: argparse.Namespace,
    began: str,
) -> tuple[str, set[tuple[str, str]]]:
    """Check the answers; the tables, and the answers that were wrong."""
    from peers_checks import check

    answers = {
        engine: {"engine": engine}
        | {name: line["answer"] for found in rounds for name, line in found.items()
           if name in report.QUESTIONS}
        for engine, rounds in runs.items()
    }  # fmt: skip
    ours, wrong, checks = answers[report.OURS], set(), []
    for engine, theirs in answers.items():
        for name in report.QUESTIONS:
            if engine != report.OURS and name in theirs:
                right, words = check(PEERS[engine].kind, name, ours, theirs)
                checks.append(f"| {engine} | {name} | {words} | {'' if right else 'WRONG'} |")
                wrong |= set() if right else {(engine, name)}
    limits = {"ready": options.ready_limit_s, "question": options.limit_s}
    figures = report.Figures(runs, wrong, limits)
    words = {"communes": len(asked["communes"]), "sites": len(asked["sites"]),
             "minutes": options.minutes}  # fmt: skip
    versions = ", ".join(
        f"{engine} {found[0]['ready']['version']}"
        for engine, found in runs.items()
        if found and "ready" in found[0]
    )
    lines = [
        *report.table(figures, words),
        "",
        f"{options.extract.name}; rounds: {options.rounds}, interleaved, medians; in brackets the "
        f"ratio to this toolkit. {began} at the start, now: {os.getloadavg()[0]:.1f}. {versions}. "
        "Nothing is drawn at random: no seed.",
        "",
        report.first_calls(figures),
        "",
        *report.asked_for(figures),
        "",
        "| engine | question | checked against this toolkit | |",
        "|---|---|---|---|",
        *checks,
    ]
    return "\n".join(lines), wrong


if __name__ == "__main__":
    main()
