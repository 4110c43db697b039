"""How is work shared among processes or machines? One by one here, or by Dask.

Both give the same results, each as soon as it is there; what could not be done comes back as
`Lost`, so that one failure does not take the others with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from accessibility.errors import AccessibilityError, SettingError

if TYPE_CHECKING:
    from distributed import Client, Future

Item = TypeVar("Item")
Result = TypeVar("Result")

RETRIES = 2
"""How often work is given to another worker after one that broke off with an unknown error."""

POLL_S = 0.05
CONNECT_S = 10.0


@dataclass(frozen=True)
class Lost:
    """Why there is no result."""

    why: str


GONE = Lost("the connection to the scheduler was lost")
ENDED = Lost("workers ended at it again and again, perhaps for lack of memory")


def one_by_one(
    work: Callable[[Item], Result], items: Sequence[Item]
) -> Iterator[tuple[Item, Result | Lost]]:
    """Results of work in this process.

    Examples
    --------
    >>> list(one_by_one(abs, [-1, 2]))
    [(-1, 1), (2, 2)]
    """
    for item in items:
        try:
            yield item, work(item)
        except AccessibilityError as error:
            yield item, Lost(str(error))


def on_dask(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    workers: int | None = None,
    scheduler: str | None = None,
) -> Iterator[tuple[Item, Result | Lost]]:
    """Results of work that Dask's workers do.

    A worker that ends on the way is replaced, and its work given to another. Work at which
    workers end again and again, as for lack of memory, is lost; so is all that is not done when
    the scheduler is gone.

    Parameters
    ----------
    work : callable
        A function of a module that the workers have too.
    items : sequence
    workers : int, optional
        Processes to start on this machine.
    scheduler : str, optional
        Address of a scheduler that runs: tcp://HOST:PORT.

    Yields
    ------
    item, result or Lost
        In the order in which they are done.

    Raises
    ------
    SettingError
        If Dask is not installed, or there is no scheduler at the address.
    """
    with _client(workers, scheduler) as client:
        suspects = []
        for item, result in _all_of(client, work, items):
            if result == ENDED:
                suspects.append(item)
            else:
                yield item, result
        # Dask holds the end of a worker against all that waited there: each alone shows whose
        for item in suspects:
            yield from _all_of(client, work, [item])


def _all_of(
    client: Client, work: Callable[[Item], Result], items: Sequence[Item]
) -> Iterator[tuple[Item, Result | Lost]]:
    futures = {item: client.submit(work, item, pure=False, retries=RETRIES) for item in items}
    while futures:
        done = [item for item, future in futures.items() if future.done()]
        for item in done:
            yield item, _result(futures.pop(item))
        if not done and client.status != "running":
            for item in futures:
                yield item, GONE
            return
        if not done:
            time.sleep(POLL_S)


def _result(future: Future[Result]) -> Result | Lost:
    if future.status in ("lost", "cancelled"):
        return GONE
    try:
        error = future.exception(timeout=CONNECT_S)
        if error is None:
            result: Result = future.result(timeout=CONNECT_S)
            return result
    except (OSError, CancelledError):  # the scheduler went while it was asked
        return GONE
    if isinstance(error, AccessibilityError):
        return Lost(str(error))
    if type(error).__name__ == "KilledWorker":
        return ENDED
    return Lost(f"{type(error).__name__}: {error}")


@contextmanager
def _client(workers: int | None, scheduler: str | None) -> Iterator[Client]:
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise SettingError(
            "several workers need Dask, which is not installed: "
            "pip install 'accessibility-toolkit[cluster]'."
        ) from error
    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=CONNECT_S, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise SettingError(
                f"there is no Dask scheduler at {scheduler} ({error}); start one with dask "
                "scheduler, and workers with dask worker."
            ) from error
        try:
            yield client
        finally:
            client.close(timeout=CONNECT_S)
        return
    with LocalCluster(
        n_workers=workers, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0",
        host="127.0.0.1",
    ) as cluster, Client(cluster, set_as_default=False) as client:  # fmt: skip
        yield client
