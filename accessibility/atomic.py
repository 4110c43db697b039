"""How an output appears: whole or not at all, and never over another unasked."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from accessibility.errors import AccessibilityError, OutputError


def check_free(path: Path, *, overwrite: bool) -> None:
    """Refuse to write where something stands already.

    Long work calls it first, so that nobody waits for a result that has no place.

    Raises
    ------
    OutputError
        If `path` exists and `overwrite` is false, or its folder cannot be written.
    """
    if path.is_dir() and not any(path.iterdir()):
        pass  # an empty folder holds nothing that could be lost
    elif path.exists() and not overwrite:
        raise OutputError(f"{path} exists already; give --overwrite to replace it.")
    parent = next((p for p in path.absolute().parents if p.exists()), None)
    if parent is None or not parent.is_dir() or not os.access(parent, os.W_OK):
        raise OutputError(f"{path} cannot be written: {parent} is not a folder one may write in.")


def write_whole(path: Path, write: Callable[[Path], None], *, overwrite: bool) -> None:
    """Write a file or a folder under a temporary name beside it, then rename.

    Parameters
    ----------
    path : Path
        Where the output shall stand.
    write : callable
        Called with the temporary path; makes the file or folder there.
    overwrite : bool
        Replace what stands at `path`.

    Raises
    ------
    OutputError
        If `path` exists and `overwrite` is false, or the disk refuses.
    """
    write_together({path: write}, overwrite=overwrite)


def write_together(writers: dict[Path, Callable[[Path], None]], *, overwrite: bool) -> None:
    """Write files of one folder that belong together: all are made before any is renamed.

    Parameters
    ----------
    writers : dict of Path to callable
        Each is called with its temporary path, in order; the earlier ones stand beside it.
    overwrite : bool

    Raises
    ------
    OutputError
        As in `write_whole`.
    """
    for path in writers:
        check_free(path, overwrite=overwrite)
    path = next(iter(writers))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
            made = {path: Path(folder) / path.name for path in writers}
            for path, write in writers.items():
                write(made[path])
                if path.is_dir() and not made[path].is_dir():
                    raise OutputError(f"{path} is a folder; the name of a file is expected.")
            for path in writers:
                if path.is_dir():
                    _swap(made[path], path, old=Path(folder) / f"{path.name}.old")
                else:
                    made[path].replace(path)
    except AccessibilityError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"{path} cannot be written: {reason}.") from error


def _swap(made: Path, path: Path, *, old: Path) -> None:
    """Put a new folder in the place of an old one, which comes back if that fails."""
    path.rename(old)
    try:
        made.rename(path)
    except OSError:
        old.rename(path)
        raise
