"""The catalogue of upstream datasets: where each stands in an inputs folder, and what it is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from accessibility.errors import MissingInputError
from accessibility.inputs.settings import read_toml


@dataclass(frozen=True)
class Dataset:
    """One upstream dataset; `departement` where it holds only that one."""

    key: str
    title: str
    publisher: str
    licence: str
    attribution: str
    file: str = ""
    vintage: str = ""
    sha256: str = ""
    departement: str = ""


def catalogue() -> dict[str, Dataset]:
    """All datasets by key.

    Examples
    --------
    >>> catalogue()["cog"].publisher
    'INSEE'
    """
    path = Path(str(resources.files("accessibility.inputs") / "catalogue.toml"))
    return {k: Dataset(key=k, **v) for k, v in read_toml(path, what="the catalogue").items()}


def locate(folder: Path, departement: str) -> dict[str, Path]:
    """Files of an inputs folder that a study of a département needs, by dataset key.

    Raises
    ------
    MissingInputError
        Names every file that is missing.
    """
    if not folder.is_dir():
        raise MissingInputError(f"the inputs folder {folder} is not there.")
    wanted = {
        key: folder / data.file
        for key, data in catalogue().items()
        if data.file and data.departement in ("", departement)
    }
    missing = [str(path.relative_to(folder)) for path in wanted.values() if not path.is_file()]
    if missing:
        raise MissingInputError(f"the inputs folder {folder} lacks {', '.join(missing)}.")
    return wanted


def sha256(path: Path) -> str:
    """Checksum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
