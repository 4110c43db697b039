"""Drive times by OSRM itself; runs in the Python 3.12 of `requirements-osrm.txt`.

    python osrm_table.py EXTRACT POINTS OUT [CHANGE ...]

Prepares the extract with OSRM's car profile (MLD) in a temporary folder, reads POINTS, JSON
with "origins" and "destinations" as [longitude, latitude], and writes OUT, JSON with
"durations" in seconds (null where not reached), "origins" and "destinations" as OSRM snapped
them, and "prepare_s". Each CHANGE, a name of `CHANGES`, changes the profile.
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
AFTER = {"MLD": ("osrm-partition", "osrm-customize"), "CH": ("osrm-contract",)}
"""The programs that follow osrm-extract."""

CHANGES = {
    # The weight of a road is its duration: no factor for narrow roads, parking aisles or
    # driveways. Roads for residents only stay closed to who drives through.
    "least-duration": """
local process_way = car.process_way
car.process_way = function(profile, way, result, relations)
  process_way(profile, way, result, relations)
  if result.forward_speed > 0 then result.forward_rate = result.forward_speed / 3.6 end
  if result.backward_speed > 0 then result.backward_rate = result.backward_speed / 3.6 end
  if result.duration > 0 then result.weight = result.duration end
end
""",
    # The setting that car.lua names for the least duration. It also opens roads for residents
    # to who drives through, since these are closed by weight alone.
    "weight-name": """
local setup_weight = car.setup
car.setup = function()
  local profile = setup_weight()
  profile.properties.weight_name = 'duration'
  return profile
end
""",
    # Turns cost nothing by their angle; signals, signs and gates still do.
    "no-turns": """
local setup_turns = car.setup
car.setup = function()
  local profile = setup_turns()
  profile.turn_penalty = 0
  profile.oncoming_turn_penalty = 0
  profile.properties.u_turn_penalty = 0
  return profile
end
""",
}
"""Lua that lays itself over `car`, OSRM's car profile, which is loaded unchanged."""


def write_profile(folder: Path, changes: list[str]) -> Path:
    """Write a profile that loads OSRM's own from beside it and changes it."""
    for name in ("car.lua", "lib"):
        (folder / name).symlink_to(HOME / "share" / "profiles" / name)
    profile = folder / "changed.lua"
    lines = ["local car = require('car')", *(CHANGES[change] for change in changes), "return car"]
    profile.write_text("\n".join(lines))
    return profile


def prepare(extract: Path, folder: Path, changes: list[str], algorithm: str = "MLD") -> Path:
    """Run extract, and what the algorithm asks for: partition and customize, or contract."""
    copy = folder / "region.osm.pbf"
    copy.symlink_to(extract.resolve())
    base = folder / "region.osrm"
    for program, arguments in (
        ("osrm-extract", ["-p", write_profile(folder, changes), copy]),
        *((program, [base]) for program in AFTER[algorithm]),
    ):
        subprocess.run([HOME / "bin" / program, *arguments], check=True, stdout=subprocess.DEVNULL)
    return base


def table(
    base: Path, origins: list[list[float]], destinations: list[list[float]]
) -> dict[str, list[object]]:
    """All durations, in blocks of origins, and where OSRM snapped the points."""
    engine = osrm.OSRM(storage_config=str(base), algorithm="MLD", use_shared_memory=False)
    found: dict[str, list[object]] = {"durations": [], "origins": [], "destinations": []}
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
        found["durations"] += [list(row) for row in answer["durations"]]
        found["origins"] += [list(place["location"]) for place in answer["sources"]]
        found["destinations"] = [list(place["location"]) for place in answer["destinations"]]
    return found


def main() -> None:
    """Read, prepare, answer."""
    extract, points, out = (Path(p) for p in sys.argv[1:4])
    wanted = json.loads(points.read_text())
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        base = prepare(extract, Path(folder), sys.argv[4:])
        took = time.perf_counter() - began
        found = table(base, wanted["origins"], wanted["destinations"])
    out.write_text(json.dumps({**found, "prepare_s": took}))


if __name__ == "__main__":
    main()
