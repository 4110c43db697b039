"""What a region costs by its size: time and memory per département, growth, projection.

For growing subsets, in the order given, the region is begun and the extract cut; then each
département is built, its network made and its coverage answered. Each step runs in a process of
its own, one after the other, and its CPU seconds and peak of memory are taken with those of the
programs that it starts, so that others at work on the machine count little. What was measured is
kept in OUT.json: a run that broke off goes on. Prints tables, fitted growth with its 95 %
interval, and a projection; no seed, nothing is drawn. `--steps build` leaves the other two out.

    python benchmarks/scale.py --inputs ../shared/data --out outputs/scale \
        --osm ../shared/data/osm/bfc-rhone-alpes-suisse-2021-08.osm.pbf --sizes 1,2,3 \
        --departements 39,25,01
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import resource
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from accessibility.analysis.regional import Asked, coverage_of_departement
from accessibility.study.bundle import MANIFEST
from accessibility.study.region import load_region
from accessibility.study.region_build import begin_region, build_departement
from accessibility.study.region_cut import cut_extracts
from accessibility.study.study import load_study

METROPOLITAN = {"departements": 96, "communes": 35_000}
"""Of France without overseas."""

MB = 1024 if platform.system() == "Linux" else 1024**2  # ru_maxrss is in kB or bytes


def measured(name: str, work: Callable[..., Any], *arguments: object) -> dict[str, float]:
    """CPU seconds and peak MB of work in a process of its own, by the first word of its name."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        cpu_s, peak_mb = pool.submit(_measured, work, arguments).result()
    print(f"{name}: {cpu_s:.1f} s CPU, {peak_mb:.0f} MB", flush=True)
    return {f"{name.split()[0]}_s": cpu_s, f"{name.split()[0]}_mb": peak_mb}


def _measured(work: Callable[..., Any], arguments: tuple[object, ...]) -> tuple[float, float]:
    work(*arguments)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu_s = sum(one.ru_utime + one.ru_stime for one in used)
    return cpu_s, max(one.ru_maxrss for one in used) / MB


def begin(codes: Sequence[str], inputs: Path, out: Path, osm: Path) -> None:
    """Write what all départements share: what the parent of a build does."""
    begin_region(codes, inputs, out, osm=osm)


def cut(out: Path, codes: Sequence[str], osm: Path, folder: Path) -> None:
    """Cut the extract for some départements."""
    cut_extracts(load_region(out), codes, [osm], folder)


def build(code: str, out: Path, inputs: Path, osm: Path, folder: Path) -> None:
    """Build a département from its cut."""
    build_departement(code, out, inputs, [osm], folder, None)


def network(folder: str) -> None:
    """Make and keep the network of a study."""
    _ = load_study(folder).network


def answer(folder: str) -> None:
    """Answer a study's coverage."""
    coverage_of_departement(folder, Asked())


def size(folder: Path) -> dict[str, int]:
    """Communes of a study, and its roads with those of the ring: segments of its network."""
    counts = json.loads((folder / MANIFEST).read_text())["counts"]
    return {"communes": counts["communes"], "segments": counts["roads"]}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("inputs", "out", "osm"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--departements", required=True)
    parser.add_argument("--sizes", required=True)
    parser.add_argument("--steps", default="build,network,answer")
    given = parser.parse_args()
    codes, steps = given.departements.split(","), given.steps.split(",")
    sizes = sorted({*map(int, given.sizes.split(",")), len(codes)})
    kept = given.out.with_name(f"{given.out.name}.json")
    rows = json.loads(kept.read_text()) if kept.is_file() else {}

    def take(key: str, name: str, work: Callable[..., Any], *arguments: object) -> None:
        row = rows.setdefault(key, {})
        if f"{name.split()[0]}_s" not in row:
            row.update(measured(name, work, *arguments))
            kept.write_text(json.dumps(rows, indent=1))

    todo = [code for code in codes if "build_s" not in rows.get(code, {})]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for n in sizes:
            part, key = folder / f"region{n}", f"first {n}"
            out = given.out if n == len(codes) else part
            if "cut_s" in rows.get(key, {}) and not (todo and n == len(codes)):
                continue
            row = measured(f"begin {n}", begin, codes[:n], given.inputs, out, given.osm)
            row |= measured(f"cut {n}", cut, out, codes[:n], given.osm, folder / f"cuts{n}")
            rows.setdefault(key, row)
        for code in todo:
            take(code, f"build {code}", build, code, given.out, given.inputs, given.osm,
                 folder / f"cuts{len(codes)}")  # fmt: skip
    for code in codes:
        study = str(given.out / code)
        for name, work in (("network", network), ("answer", answer)):
            if name in steps:
                take(code, f"{name} {code}", work, study)
        rows[code] |= size(Path(study))
    report(pd.DataFrame.from_dict(rows, orient="index"), codes, sizes, steps)
    print(f"\n{os.cpu_count()} CPUs, {platform.machine()}, Python {platform.python_version()}")


def report(table: pd.DataFrame, codes: list[str], sizes: list[int], steps: list[str]) -> None:
    """Print départements, growing subsets, fitted growth and the projection."""
    each = table.loc[codes]
    each = each.assign(all_s=each[[f"{name}_s" for name in steps]].sum(axis=1))
    told = "".join(f" {step}, s | MB |" for step in steps)
    print(f"\n| département | communes | segments |{told} all, s per 100,000 segments |")
    print("|---|" + "---:|" * (2 * len(steps) + 3))
    for code, row in each.iterrows():
        cells = [f"{row[f'{name}_{unit}']:,.{digits}f}" for name in steps
                 for unit, digits in (("s", 1), ("mb", 0))]  # fmt: skip
        print(f"| {code} | {row['communes']:.0f} | {row['segments']:,.0f} | {' | '.join(cells)} | "
              f"{row['all_s'] / row['segments'] * 1e5:.1f} |")  # fmt: skip

    print("\n| départements | segments | begin (parent), s | MB | cut, s | MB | their steps, s | "
          "all, s for each | all, s per 100,000 segments |\n|---:|" + "---:|" * 8)  # fmt: skip
    for n in sizes:
        row, own_s = table.loc[f"first {n}"], each["all_s"].iloc[:n].sum()
        total_s, segments = row["begin_s"] + row["cut_s"] + own_s, each["segments"].iloc[:n].sum()
        print(f"| {n} | {segments:,.0f} | {row['begin_s']:.1f} | {row['begin_mb']:.0f} | "
              f"{row['cut_s']:.1f} | {row['cut_mb']:.0f} | {own_s:.1f} | {total_s / n:.1f} | "
              f"{total_s / segments * 1e5:.1f} |")  # fmt: skip

    print("\n| growth | exponent | 95 % interval |\n|---|---:|---|")
    for name in (*(f"{step}_{unit}" for step in steps for unit in ("s", "mb")), "all_s"):
        power, low, high = growth(each["segments"], each[name])
        print(f"| {name}, with segments | {power:.2f} | {low:.2f} to {high:.2f} |")
    for name in ("begin_s", "begin_mb", "cut_s", "cut_mb"):
        power, low, high = growth(pd.Series(sizes), table.loc[[f"first {n}" for n in sizes], name])
        print(f"| {name}, with départements | {power:.2f} | {low:.2f} to {high:.2f} |")

    print("\nprojected, metropolitan France from these:")
    whole = table.loc[f"first {len(codes)}"]
    total_s = whole["begin_s"] + whole["cut_s"] + each["all_s"].sum()
    for by, measured_n in (("departements", len(codes)), ("communes", each["communes"].sum())):
        hours = total_s * METROPOLITAN[by] / measured_n / 3600
        print(f"by {by}, {METROPOLITAN[by]:,} for {measured_n:,.0f}: {hours:.1f} h of CPU")
    peak = each[[f"{name}_mb" for name in steps]].max(axis=None)
    print(f"largest process of a département, measured: {peak:,.0f} MB")


def growth(sizes: pd.Series, cost: pd.Series) -> tuple[float, float, float]:
    """Exponent of cost by size, a line through the logarithms, with its 95 % interval."""
    line = stats.linregress(np.log(sizes.to_numpy(float)), np.log(cost.to_numpy(float)))
    half = stats.t.ppf(0.975, len(sizes) - 2) * line.stderr
    return line.slope, line.slope - half, line.slope + half


if __name__ == "__main__":
    main()
