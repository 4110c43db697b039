"""The trail of a figure: what it was made from and with which choices."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import accessibility
from accessibility.inputs.catalogue import sha256
from accessibility.study.study import Study


def write_manifest(
    study: Study, answer: dict[str, Any], folder: Path, *, own_inputs: list[Path]
) -> None:
    """Write `manifest.json` beside the files of a folder.

    It holds the figure with its choices, the sources of the study with vintage, licence and
    checksum, the files that the user gave, and the checksums of what was written; no date,
    host or path, so that the same question gives the same bytes.
    """
    written = sorted(p for p in folder.iterdir() if p.is_file())
    manifest = {
        "toolkit": f"accessibility-toolkit {accessibility.__version__}",
        "answer": {k: v for k, v in answer.items() if k not in ("uncovered", "rows")},
        "profile": {"name": study.profile.name, "digest": study.profile.digest},
        "study": {"name": study.name, "built_with": study.manifest["toolkit"]},
        "sources": study.manifest["sources"],
        "own_inputs": [{"file": p.name, "sha256": sha256(p)} for p in own_inputs],
        # a GeoPackage holds the moment of its making
        "files": {p.name: sha256(p) for p in written if p.suffix != ".gpkg"},
    }
    text = json.dumps(manifest, indent=2, ensure_ascii=False, sort_keys=False)
    (folder / "manifest.json").write_text(text + "\n", encoding="utf-8")
