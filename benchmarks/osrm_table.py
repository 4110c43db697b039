"""Drive times by OSRM itself; runs in the Python 3.12 of `requirements-osrm.txt`.

    python osrm_table.py EXTRACT POINTS OUT

Prepares the extract with OSRM's car profile (MLD) in a temporary folder, reads POINTS, JSON
with "origins" and "destinations" as [longitude, latitude], and writes OUT, JSON with
"durations" in seconds (null where not reached) and "prepare_s".
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import osrm

HOME = Path(osrm.__file__).parent
BLOCK = 100


def prepare(extract: Path, folder: Path) -> Path:
    """Run extract, partition and customize."""
    copy = folder / "region.osm.pbf"
    copy.symlink_to(extract.resolve())
    base = folder / "region.osrm"
    profile = HOME / "share" / "profiles" / "car.lua"
    for program, arguments in (
        ("osrm-extract", ["-p", profile, copy]),
        ("osrm-partition", [base]),
        ("osrm-customize", [base]),
    ):
        subprocess.run([HOME / "bin" / program, *arguments], check=True, stdout=subprocess.DEVNULL)
    return base


def table(base: Path, origins: list[list[float]], destinations: list[list[float]]) -> list[object]:
    """All durations, in blocks of origins."""
    engine = osrm.OSRM(storage_config=str(base), algorithm="MLD", use_shared_memory=False)
    rows: list[object] = []
    for first in range(0, len(origins), BLOCK):
        block = origins[first : first + BLOCK]
        places = [tuple(p) for p in [*block, *destinations]]
        answer = engine.Table(
            osrm.TableParameters(
                coordinates=places,
                sources=list(range(len(block))),
                destinations=list(range(len(block), len(places))),
                annotations=["duration"],
            )
        )
        rows += [list(row) for row in answer["durations"]]
    return rows


def main() -> None:
    """Read, prepare, answer."""
    extract, points, out = (Path(p) for p in sys.argv[1:4])
    wanted = json.loads(points.read_text())
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        base = prepare(extract, Path(folder))
        took = time.perf_counter() - began
        rows = table(base, wanted["origins"], wanted["destinations"])
    out.write_text(json.dumps({"durations": rows, "prepare_s": took}))


if __name__ == "__main__":
    main()
