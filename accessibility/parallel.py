"""How is independent work shared among the processors? By threads of this process."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Results in order, of work that leaves Python's lock to others.

    Threads of numba's own (`parallel=True`) would not outlive a fork of the process.

    Examples
    --------
    >>> in_threads(abs, [-1, 2])
    [1, 2]
    """
    if len(items) <= 1:
        return [work(item) for item in items]
    # a container may allow fewer processors than there are
    few = hasattr(os, "sched_getaffinity")
    processors = len(os.sched_getaffinity(0)) if few else os.cpu_count() or 1
    with ThreadPoolExecutor(min(len(items), processors)) as pool:
        return list(pool.map(work, items))
