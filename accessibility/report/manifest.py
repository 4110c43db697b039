"""The trail of a figure: what it was made from and with which choices."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import accessibility
from accessibility.atomic import check_free, write_together
from accessibility.errors import OutputError
from accessibility.inputs.catalogue import sha256
from accessibility.study.study import Study


def write_manifest(
    study: Study, answer: dict[str, Any], folder: Path, *, own_inputs: list[Path]
) -> None:
    """Write `manifest.json` beside the files of a folder; see `manifest`."""
    written = sorted(p for p in folder.iterdir() if p.is_file())
    _write(manifest(study, answer, written, own_inputs=own_inputs), folder / "manifest.json")


def write_with_manifest(
    study: Study,
    answer: dict[str, Any],
    path: Path,
    write: Callable[[Path], None],
    *,
    own_inputs: list[Path],
    overwrite: bool,
) -> None:
    """Write a file and, beside it, its `<file>.manifest.json`: both or none.

    Parameters
    ----------
    study : Study
    answer : dict
        The figure with its choices.
    path : Path
    write : callable
        Makes the file at a temporary path.
    own_inputs : list of Path
        Files that the user gave.
    overwrite : bool
    """

    def trail(made: Path) -> None:
        file = made.with_name(path.name)
        _write(manifest(study, answer, [file], own_inputs=own_inputs), made)

    write_together({path: write, manifest_of(path): trail}, overwrite=overwrite)


def manifest_of(path: Path) -> Path:
    """Where the manifest of a file stands.

    Examples
    --------
    >>> manifest_of(Path("areas.gpkg")).name
    'areas.gpkg.manifest.json'
    """
    return path.with_name(f"{path.name}.manifest.json")


def check_free_with_manifest(path: Path, *, overwrite: bool) -> None:
    """Refuse early what `write_with_manifest` would refuse."""
    if path.is_dir():
        raise OutputError(f"{path} is a folder; the name of a file is expected.")
    check_free(path, overwrite=overwrite)
    check_free(manifest_of(path), overwrite=overwrite)


def licence_lines(study: Study) -> list[str]:
    """Sources of a study with their licences, each once, as one quotes them."""
    return list(dict.fromkeys(source["attribution"] for source in study.manifest["sources"]))


def manifest(
    study: Study, answer: dict[str, Any], written: list[Path], *, own_inputs: list[Path]
) -> dict[str, Any]:
    """Tell where files come from.

    It holds the figure with its choices, the sources of the study with vintage, licence and
    checksum, the files that the user gave, and the checksums of what was written; no date,
    host or path, so that the same question gives the same bytes.
    """
    return {
        "toolkit": f"accessibility-toolkit {accessibility.__version__}",
        "answer": {k: v for k, v in answer.items() if k not in ("uncovered", "rows")},
        "profile": {"name": study.profile.name, "digest": study.profile.digest},
        "study": {"name": study.name, "built_with": study.manifest["toolkit"]},
        "sources": study.manifest["sources"],
        "own_inputs": [{"file": p.name, "sha256": sha256(p)} for p in own_inputs],
        # a GeoPackage holds the moment of its making
        "files": {p.name: sha256(p) for p in written if p.suffix != ".gpkg"},
    }


def _write(found: dict[str, Any], path: Path) -> None:
    text = json.dumps(found, indent=2, ensure_ascii=False, sort_keys=False)
    path.write_text(text + "\n", encoding="utf-8")
