"""Work of osmium's in a program of its own.

Some broken files make libosmium end the program that reads them, without a word; and what a
large file takes of memory is given back when it is done.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

PIPE_BYTES = 1 << 20


def run_alone(module: str, *arguments: str) -> None:
    """Run a module of this package, which calls `end_alone` with its work.

    Raises
    ------
    RuntimeError
        If it fails or ends; the message is the last that it told.
    """
    for _ in lines_alone(module, *arguments):
        pass


def lines_alone(module: str, *arguments: str) -> Iterator[bytes]:
    """Lines that a module writes to standard output, read while it still writes.

    Both take their time at once, and no more than a pipe holds is kept of the text.

    Raises
    ------
    RuntimeError
        As in `run_alone`, perhaps after some lines.
    """
    with subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=PIPE_BYTES,
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        for line in child.stdout:
            if line.endswith(b"\n"):  # the last one of a program that ended early is cut
                yield line
        told = child.stderr.read().decode(errors="replace").strip().splitlines()
    if child.returncode:
        raise RuntimeError(told[-1] if told else f"osmium ended with {child.returncode}")


def end_alone(work: Callable[..., None]) -> None:
    """Do the work of this program with its arguments, and tell why it failed."""
    try:
        work(*sys.argv[1:])
    except Exception as error:
        print(error, file=sys.stderr, flush=True)
        os._exit(1)  # a writer that failed ends the program when it is let go
