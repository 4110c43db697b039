"""What a region costs by its size: time and memory per département, growth, projection.

Each département is built, its network made and its coverage answered in a process of its own,
one after the other, and CPU seconds and the peak of memory of that process are taken, so that
others at work on the machine count little. Prints two tables and a projection; no seed, nothing is
drawn. Of what is built already only the answer is measured.

    python benchmarks/scale.py --inputs ../shared/data --out outputs/scale \
        --osm ../shared/data/osm/bfc-rhone-alpes-suisse-2021-08.osm.pbf --departements 01,25,39
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import resource
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from accessibility.analysis.regional import Asked, coverage_of_departement
from accessibility.study.region_build import begin_region, build_departement
from accessibility.study.study import load_study

METROPOLITAN = 96
"""Départements of metropolitan France."""

MB = 1024 if platform.system() == "Linux" else 1024**2  # ru_maxrss is in kB or bytes


def measured(work: Callable[..., Any], *arguments: object) -> tuple[float, float, Any]:
    """CPU seconds and peak MB of work in a process of its own, and its result."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(_measured, work, arguments).result()


def _measured(work: Callable[..., Any], arguments: tuple[object, ...]) -> tuple[float, float, Any]:
    result = work(*arguments)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime, used.ru_maxrss / MB, result


def network_segments(folder: str) -> int:
    """Make and keep the network of a study."""
    return len(load_study(folder).network.segment_road)


def answer(folder: str) -> int:
    """Answer a study's coverage; the number of its communes."""
    return len(coverage_of_departement(folder, Asked())["communes"])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--osm", type=Path, required=True)
    parser.add_argument("--departements", required=True)
    given = parser.parse_args()
    codes = sorted(given.departements.split(","))
    region, extracts = begin_region(codes, given.inputs, given.out, osm=given.osm)
    rows: dict[str, dict[str, float]] = {code: {} for code in codes}
    for code in region.missing:
        arguments = (code, given.out, given.inputs, extracts, None)
        cpu_s, peak_mb, _ = measured(build_departement, *arguments)
        rows[code] |= {"build_cpu_s": cpu_s, "build_mb": peak_mb}
        print(f"built {code}: {cpu_s:.1f} s CPU, {peak_mb:.0f} MB", flush=True)
    for code in codes:
        folder = str(region.folder_of(code))
        cpu_s, peak_mb, segments = measured(network_segments, folder)
        warm_s, warm_mb, communes = measured(answer, folder)
        rows[code] |= {
            "segments": segments, "network_cpu_s": cpu_s, "network_mb": peak_mb,
            "communes": communes, "answer_cpu_s": warm_s, "answer_mb": warm_mb,
        }  # fmt: skip
        print(f"answered {code}", flush=True)
    report(pd.DataFrame.from_dict(rows, orient="index"))
    print(f"\nparent: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MB:.0f} MB; "
          f"{os.cpu_count()} CPUs, Python {platform.python_version()}")  # fmt: skip


def report(table: pd.DataFrame) -> None:
    """Print départements, growing subsets with the fitted growth, and the projection."""
    print("\n| département | segments | build, s | MB | network, s | MB | answer, s | MB |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    order = ["segments", "build_cpu_s", "build_mb", "network_cpu_s", "network_mb",
             "answer_cpu_s", "answer_mb"]  # fmt: skip
    for code, row in table.reindex(columns=order).iterrows():
        cells = " | ".join("-" if np.isnan(row[name]) else
                           f"{row[name]:,.0f}" if name.endswith(("mb", "segments")) else
                           f"{row[name]:.1f}" for name in order)  # fmt: skip
        print(f"| {code} | {cells} |")
    steps = ["build_cpu_s", "network_cpu_s", "answer_cpu_s"]
    known = [name for name in steps if name in table and table[name].notna().all()]
    total_s = table[known].sum(axis=1).cumsum().to_numpy()
    segments = table["segments"].cumsum().to_numpy()
    sizes = [n for n in (1, 2, 4, 8, 16, 32, 64) if n < len(table)] + [len(table)]
    print(f"\n| départements | segments | CPU s ({', '.join(known)}) | per 100,000 segments |")
    print("|---:|---:|---:|---:|")
    for n in sizes:
        per = total_s[n - 1] / segments[n - 1] * 1e5
        print(f"| {n} | {segments[n - 1]:,.0f} | {total_s[n - 1]:.1f} | {per:.1f} |")
    if len(sizes) > 2:
        power = np.polyfit(np.log(segments), np.log(total_s), 1)[0]
        print(f"\nfitted: CPU s = a x segments^{power:.2f}")
    each = total_s[-1] / len(table)
    print(f"projected, {METROPOLITAN} départements like these: {METROPOLITAN * each / 3600:.1f} h "
          "of CPU")  # fmt: skip


if __name__ == "__main__":
    main()
