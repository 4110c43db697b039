"""How long planners wait on the bundled study: simulate, gain, optimise.

    python benchmarks/planning.py

Prints the least, the median and the most of several runs in one process; the study and its
network are loaded before. Machines are shared and noisy: compare within one run.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import accessibility as acc
from accessibility.analysis.scenario import Place, Scenario
from accessibility.analysis.simulate import Simulator

RUNS = 7


def timed(name: str, call: Callable[[], object], runs: int = RUNS) -> None:
    """Print the wall time of a call."""
    taken = []
    for _ in range(runs):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    middle = statistics.median(taken)
    print(f"{name:44}{min(taken):8.3f}{middle:8.3f}{max(taken):8.3f} s")


def main() -> None:
    """Time, print."""
    study = acc.load_study()
    acc.coverage(study)
    print(f"{'':44}{'least':>8}{'median':>8}{'most':>8}")
    timed("drive times of all to all sites, once", lambda: Simulator(study), 3)
    simulator = Simulator(study)
    add = Scenario(add=(Place(insee="39018"),))
    timed("one site added", lambda: simulator.simulate(add))
    remove = Scenario(remove=(Place(id="2756"),))
    timed("one site removed", lambda: simulator.simulate(remove))
    timed("gain at every junction", lambda: acc.gain(study), 3)
    timed("best 3 new sites among the chefs-lieux", lambda: acc.optimise(study, new_sites=3), 3)


if __name__ == "__main__":
    main()
