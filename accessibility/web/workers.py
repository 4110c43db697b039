"""Threads that compute for the visitors, so that the server's own loop goes on answering."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

QUICK = 2
"""Threads for what takes a tenth of a second; compiled loops leave Python's lock to others."""


class Workers:
    """Two queues: short steps never wait behind long ones.

    Attributes
    ----------
    quick : ThreadPoolExecutor
        Steps of a scenario, tables.
    long : ThreadPoolExecutor
        One thread: networks with changed roads, gain, best sites, areas, reports.
    """

    def __init__(self) -> None:
        self.quick = ThreadPoolExecutor(QUICK, thread_name_prefix="quick")
        self.long = ThreadPoolExecutor(1, thread_name_prefix="long")

    def stop(self) -> None:
        """Leave out what waits; what runs comes to its end."""
        for pool in (self.quick, self.long):
            pool.shutdown(wait=False, cancel_futures=True)
