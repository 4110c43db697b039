"""Work of osmium's in a program of its own.

Some broken files make libosmium end the program that reads them, without a word; and what a
large file takes of memory is given back when it is done.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path


def run_alone(module: str, *arguments: str) -> None:
    """Run a module of this package, which calls `end_alone` with its work.

    Raises
    ------
    RuntimeError
        If it fails or ends; the message is the last that it told.
    """
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        told = done.stderr.strip().splitlines()
        raise RuntimeError(told[-1] if told else f"osmium ended with {done.returncode}")


def end_alone(work: Callable[..., None]) -> None:
    """Do the work of this program with its arguments, and tell why it failed."""
    try:
        work(*sys.argv[1:])
    except Exception as error:
        print(error, file=sys.stderr, flush=True)
        os._exit(1)  # a writer that failed ends the program when it is let go
