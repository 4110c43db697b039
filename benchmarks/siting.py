"""Maximal covering by this toolkit, by plain HiGHS, by greedy and by spopt with CBC.

    python -m venv .venv-siting
    .venv-siting/bin/pip install -e . -r benchmarks/requirements-siting.txt
    .venv-siting/bin/python benchmarks/siting.py [--buildings jura-buildings-2021-08.parquet]

Each method runs in a process of its own, so that its memory is its own. Times are seconds on
the wall, memory is the peak of the process with the instance loaded. The machine is shared and
noisy: compare within one run; CPU s is what the process used in all. On the smallest instance
spopt's optimum must be this toolkit's.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

SEED = 6
LIMIT_S = 60.0
SITES = 10
METHODS = ("this", "greedy", "plain HiGHS", "spopt + CBC")
SYNTHETIC = {"spopt's size": (1_000, 100, 8.0), "synthetic": (20_000, 2_000, 5.0)}
"""Demand points, candidates, radius of coverage in km."""
JURA = "the Jura's buildings"
SPOPT_POINTS = 2_000
"""Demand points up to which spopt is asked: it loops over demand times candidates."""


def synthetic(points: int, candidates: int, radius: float) -> tuple[Any, Any]:
    """People in 400 towns and between them on a square of 100 km; sites near some of them."""
    random = np.random.default_rng(SEED)
    towns = random.random((400, 2)) * 100
    size = random.lognormal(0, 1, 400)
    in_town = int(points * 0.6)
    town = random.choice(400, in_town, p=size / size.sum())
    at = np.vstack(
        [
            towns[town] + random.normal(0, 3, (in_town, 2)),
            random.random((points - in_town, 2)) * 100,
        ]
    )
    people = random.integers(1, 60, points).astype(float)
    sites = at[random.choice(points, candidates, replace=False)]
    sites = sites + random.normal(0, 0.3, sites.shape)
    blocks = [np.linalg.norm(at[None] - part[:, None], axis=2) <= radius
              for part in np.array_split(sites, max(1, candidates // 50))]  # fmt: skip
    return sp.vstack([sp.csr_array(block.astype(float)) for block in blocks], format="csr"), people


def jura(buildings: Path, points: int, candidates: int, minutes: float) -> tuple[Any, Any]:
    """People at buildings, gathered at some of them; junctions; minutes by car, no site open."""
    import geopandas as gpd
    from scipy.spatial import cKDTree

    import accessibility as acc
    from accessibility.analysis.siting_candidates import junctions
    from accessibility.inputs.buildings import read_buildings
    from accessibility.study.demand import demand_at_buildings

    study, random = acc.load_study("jura"), np.random.default_rng(SEED)
    demand = demand_at_buildings(study.communes, read_buildings(buildings), year=2019)
    metric = demand.geometry.to_crs(study.metric_crs)
    xy = np.c_[metric.x, metric.y]
    kept = np.sort(random.choice(len(xy), points, replace=False))
    people = np.bincount(cKDTree(xy[kept]).query(xy)[1], demand["population"], minlength=points)
    places = junctions(study)
    rows = np.sort(random.choice(len(places), candidates, replace=False))
    at = gpd.GeoDataFrame(geometry=demand.geometry.iloc[kept].reset_index(drop=True))
    blocks = []
    for part in np.array_split(rows, max(1, candidates // 200)):
        found = acc.travel_time_matrix(
            study.network, at, places.iloc[part], cutoff_s=minutes * 60.0
        )
        blocks.append(sp.csr_array(np.isfinite(found.T).astype(float)))
    return sp.vstack(blocks, format="csr"), people


def solved(method: str, cover: Any, people: Any) -> dict[str, Any]:
    """Answer of one method: objective, bound, and seconds to build and to solve."""
    began = time.perf_counter()
    if method == "this":
        from accessibility.analysis.siting_covering import max_coverage

        began = time.perf_counter()
        found = max_coverage(cover, people, SITES, time_limit_s=LIMIT_S)
        return _told(0.0, began, found.objective, found.bound)
    if method == "greedy":
        from accessibility.analysis.siting_presolve import Reduced
        from accessibility.analysis.siting_search import greedy_cover

        began = time.perf_counter()
        problem = Reduced(cover, people, np.arange(cover.shape[0]))
        return _told(0.0, began, greedy_cover(problem, most=SITES)[1], np.nan)
    if method == "plain HiGHS":
        from accessibility.analysis.siting_solver import Program, solve

        began = time.perf_counter()
        n, m = cover.shape
        rows = sp.hstack([cover.T, -sp.eye_array(m)], format="csr")
        program = Program(np.r_[np.zeros(n), -people], np.ones(n + m), rows, np.zeros(m), n)
        program = program.also(np.r_[-np.ones(n), np.zeros(m)], -float(SITES))
        built = time.perf_counter() - began
        began = time.perf_counter()
        answer = solve(program, time_limit_s=LIMIT_S, abs_gap=0.999)
        value = np.nan if answer.values is None else -float(program.cost @ answer.values)
        return _told(built, began, value, -answer.bound)
    import pulp
    from spopt.locate import MCLP

    began = time.perf_counter()
    cost = 1.0 - cover.T.toarray()
    model = MCLP.from_cost_matrix(cost, people, 0.5, p_facilities=SITES)
    built = time.perf_counter() - began
    began = time.perf_counter()
    model.solve(pulp.PULP_CBC_CMD(msg=False, timeLimit=LIMIT_S), results=False)
    value = float(pulp.value(model.problem.objective))
    proven = model.problem.sol_status == pulp.LpSolutionOptimal
    return _told(built, began, value, value if proven else np.nan)


def _told(built: float, began: float, value: float, bound: float) -> dict[str, Any]:
    taken = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {"build_s": built, "solve_s": taken, "cpu_s": time.process_time(),
            "objective": value, "bound": bound, "peak_mb": used.ru_maxrss / 1024}  # fmt: skip


def make(name: str, file: Path, buildings: Path | None, minutes: float) -> None:
    """Make an instance and write it."""
    if name == JURA:
        assert buildings is not None
        cover, people = jura(buildings, 20_000, 2_000, minutes)
    else:
        cover, people = synthetic(*SYNTHETIC[name])
    np.savez(file, indices=cover.indices, indptr=cover.indptr, shape=cover.shape, people=people)


def in_a_process(*arguments: object) -> dict[str, Any]:
    """Run a part of this file by itself: its memory is its own."""
    call = [sys.executable, __file__, *map(str, arguments)]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"error": (done.stderr.strip().splitlines() or ["no answer"])[-1]}
    return dict(json.loads(done.stdout.splitlines()[-1])) if done.stdout.strip() else {}


def compared(name: str, file: Path) -> dict[str, dict[str, Any]]:
    """Run and print all methods on one instance."""
    with np.load(file) as held:
        (candidates, points), reach = held["shape"], np.diff(held["indptr"])
    low, middle, high = np.percentile(reach, [5, 50, 95]).astype(int)
    print(
        f"\n{name}: {points:,} demand points x {candidates:,} candidates, {SITES} sites; a "
        f"candidate covers {low:,} to {high:,} points (5th and 95th of 100), median {middle:,}"
    )
    heads = ("build s", "solve s", "CPU s", "objective", "gap", "peak MB")
    print(f"{'':12}" + "".join(f"{head:>12}" for head in heads))
    found = {}
    for method in METHODS:
        if method == "spopt + CBC" and points > SPOPT_POINTS:
            continue
        answer = found[method] = in_a_process("--one", method, file)
        if "error" in answer:
            print(f"{method:12}{answer['error']}")
            continue
        gap = abs(answer["bound"] - answer["objective"]) / max(answer["objective"], 1e-12)
        cells = (
            f"{answer['build_s']:.2f}", f"{answer['solve_s']:.2f}", f"{answer['cpu_s']:.2f}",
            f"{answer['objective']:,.1f}", "none" if np.isnan(gap) else f"{gap:.4%}",
            f"{answer['peak_mb']:,.0f}",
        )  # fmt: skip
        print(f"{method:12}" + "".join(f"{cell:>12}" for cell in cells), flush=True)
    return found


def main() -> None:
    """Make the instances, compare the methods."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--buildings", type=Path, help="the Jura's buildings, GeoParquet")
    parser.add_argument("--minutes", type=float, default=10.0, help="cut-off among the buildings")
    parser.add_argument("--one", nargs=2, metavar=("METHOD", "FILE"), help=argparse.SUPPRESS)
    parser.add_argument("--make", nargs=2, metavar=("NAME", "FILE"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.make:
        make(asked.make[0], Path(asked.make[1]), asked.buildings, asked.minutes)
        return
    if asked.one:
        method, file = asked.one
        with np.load(file) as held:
            links = np.ones(len(held["indices"]))
            cover = sp.csr_array((links, held["indices"], held["indptr"]), shape=held["shape"])
            print(json.dumps(solved(method, cover, held["people"])))
        return
    names = [*SYNTHETIC, *([JURA] if asked.buildings else [])]
    own = ["--buildings", asked.buildings] if asked.buildings else []
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            file = Path(folder) / "instance.npz"
            made = in_a_process("--make", name, file, *own, "--minutes", asked.minutes)
            if "error" in made:
                sys.exit(f"{name}: {made['error']}")
            found = compared(name, file)
            ours, plain = (found[m] for m in ("this", "plain HiGHS"))
            times = [part["build_s"] + part["solve_s"] for part in (ours, plain)]
            least = "" if plain["solve_s"] < LIMIT_S else "at least "  # it was stopped
            ratio = f"{least}{times[1] / times[0]:.1f}"
            print(f"This is {ratio} times as fast as plain HiGHS.", flush=True)
            theirs = found.get("spopt + CBC", {})
            if "objective" in theirs:
                apart = abs(ours["objective"] - theirs["objective"])
                assert apart < 1e-6 * ours["objective"], f"spopt: {theirs['objective']}"
                print("The optimum is spopt's.", flush=True)


if __name__ == "__main__":
    main()
