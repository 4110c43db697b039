"""Work on Dask: a real scheduler and real workers, some of which end on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from functools import partial
from pathlib import Path

import pytest

from accessibility.cluster import GONE, Lost, _result, on_dask, one_by_one
from accessibility.errors import InputError, SettingError

distributed = pytest.importorskip("distributed")
# Dask leaves sockets and loops of a lost scheduler to the end of the process
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)

MEMORY_BYTES = 400_000_000
"""Of a worker."""


def doubled(item: int) -> int:
    if item < 0:
        raise InputError(f"{item} is below 0.")
    return 2 * item


def killed_at_first(marks: Path, item: int) -> int:
    """Ends its worker at item 2, the first time that any worker comes to it."""
    mark = marks / "killed"
    if item == 2 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * item


def hungry(item: int) -> int:
    """Takes at item 2 more memory than a worker may have, until its nanny ends it."""
    if item == 2:
        taken = b"x" * (2 * MEMORY_BYTES)
        time.sleep(60)
        return len(taken)
    return 2 * item


def slow_after(first: int, item: int) -> int:
    if item != first:
        time.sleep(60)
    return 2 * item


@pytest.fixture
def two_workers() -> Iterator[str]:
    from dask import config
    from distributed import LocalCluster

    with (
        config.set({"distributed.scheduler.allowed-failures": 1}),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0",
                     host="127.0.0.1", memory_limit=MEMORY_BYTES) as cluster,
    ):  # fmt: skip
        yield cluster.scheduler_address


def test_workers_that_end_on_the_way_change_nothing(two_workers, tmp_path):
    items = [1, 2, 3, 4]
    expected = dict(one_by_one(doubled, items))
    work = partial(killed_at_first, tmp_path)
    assert dict(on_dask(work, items, scheduler=two_workers)) == expected
    assert (tmp_path / "killed").exists()
    # a fault of the input is told as such, and work that no worker has the memory for is given up
    assert dict(on_dask(doubled, [-1, 3], scheduler=two_workers)) == {
        -1: Lost("-1 is below 0."), 3: 6}  # fmt: skip
    found = dict(on_dask(hungry, [2, 3], scheduler=two_workers))
    assert found[3] == 6
    assert found[2] == Lost("workers ended at it again and again, perhaps for lack of memory")


@pytest.mark.parametrize("error", [ConnectionResetError(), TimeoutError(), CancelledError()])
@pytest.mark.parametrize("asked", ["exception", "result"])
def test_a_scheduler_that_goes_while_it_is_asked_is_gone(asked, error):
    class Answer:
        status = "finished"

        def exception(self, timeout: float) -> None:
            self.tell("exception")

        def result(self, timeout: float) -> int:
            self.tell("result")
            return 1

        def tell(self, name: str) -> None:
            if name == asked:
                raise error

    assert _result(Answer()) == GONE


def test_what_is_not_done_is_lost_with_the_scheduler(tmp_path):
    file = tmp_path / "scheduler.json"
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    told = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL,
            "env": {**os.environ, "PYTHONPATH": path}}  # fmt: skip
    code = "from distributed.cli.dask_{0} import main; main()"
    scheduler = subprocess.Popen(
        [sys.executable, "-c", code.format("scheduler"), "--host", "127.0.0.1", "--port", "0",
         "--no-dashboard", "--scheduler-file", str(file)], **told,
    )  # fmt: skip
    worker = subprocess.Popen(
        [sys.executable, "-c", code.format("worker"), "--nthreads", "1", "--no-nanny",
         "--no-dashboard", "--scheduler-file", str(file), "--local-directory", str(tmp_path)],
        **told,
    )  # fmt: skip
    try:
        for _ in range(600):
            if file.is_file() and file.read_text():
                break
            time.sleep(0.1)
        address = json.loads(file.read_text())["address"]
        found = {}
        for item, result in on_dask(partial(slow_after, 1), [1, 2, 3], scheduler=address):
            found[item] = result
            scheduler.kill()
        assert found[1] == 2
        assert found[2] == found[3] == Lost("the connection to the scheduler was lost")
    finally:
        for process in (worker, scheduler):
            process.kill()
            process.wait()


def test_no_scheduler_is_one_sentence(monkeypatch):
    monkeypatch.setattr("accessibility.cluster.CONNECT_S", 0.5)
    with pytest.raises(SettingError, match=r"no Dask scheduler at tcp://127\.0\.0\.1:9"):
        list(on_dask(doubled, [1], scheduler="tcp://127.0.0.1:9"))
    with pytest.raises(SettingError, match="no Dask scheduler at nowhere"):
        list(on_dask(doubled, [1], scheduler="nowhere"))


def test_without_dask_it_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(SettingError, match=r"pip install 'accessibility-toolkit\[cluster\]'"):
        list(on_dask(doubled, [1], workers=2))
