"""Isochrones and times by Valhalla; runs in the Python 3.12 of `requirements-valhalla.txt`.

    python valhalla_isochrones.py EXTRACT QUESTION OUT

Builds Valhalla's tiles of the extract in a temporary folder, without elevation, admins and
time zones. Reads QUESTION, JSON with "sites" and "places" as [longitude, latitude] and
"minutes". Writes OUT, JSON with

- "polygons": for each of the minutes, the area of each site from which it is reached in time,
  as a geometry of GeoJSON; neither denoised nor generalized;
- "polygons_s": for each of the minutes, the wall time of these requests;
- "durations": for each place, the whole seconds to each site (null where not reached, or where
  the site is too far off to be reached in time).

The durations are those of the action `sources_to_targets` by Valhalla's default algorithm, the
cost matrix. Of 400 buildings of the Jura, nine in ten come within 3 s of the action `route`, and
the labels of the search behind the isochrones (action `expansion`) agree as well. The other
algorithm, `timedistancematrix`, asked from several places to one site, gives times that differ
from `route` by a median of +90 s: it is no truth to measure by.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import batched, groupby
from pathlib import Path

import valhalla

Place = list[float]

CELL_DEG = 0.05
"""Places of one cell are asked for together: their searches cover the same ground."""

BATCH = 100
"""No more places than this in one request."""

FASTEST_M_S = 130 / 3.6
"""Nobody gets ahead faster than this, as the crow flies."""

DEGREE_M = 111_320.0


def prepare(extract: Path, folder: Path) -> valhalla.Actor:
    """Build the tiles, and open them without limits on the size of a request."""
    config = valhalla.get_config(tile_extract="", tile_dir=folder)
    config["service_limits"]["auto"] |= {
        "max_locations": 10**6,
        "max_matrix_location_pairs": 10**9,
        "max_matrix_distance": 1e6,
    }
    settings = folder / "valhalla.json"
    settings.write_text(json.dumps(config))
    program = valhalla.PYVALHALLA_DIR / "bin" / "valhalla_build_tiles"
    subprocess.run([program, "-c", settings, extract], check=True, stdout=subprocess.DEVNULL)
    return valhalla.Actor(config)


def area(actor: valhalla.Actor, site: Place, minutes: float) -> dict[str, object]:
    """From where the site is reached within the cut-off."""
    answer = actor.isochrone(
        {
            "locations": _located([site]),
            "costing": "auto",
            "contours": [{"time": minutes}],
            "reverse": True,
            "polygons": True,
            "denoise": 0,
            "generalize": 0,
        }
    )
    return answer["features"][0]["geometry"]


def matrix(
    actor: valhalla.Actor, places: list[Place], sites: list[Place]
) -> list[list[int | None]]:
    """Seconds from each place to each site, in one request."""
    answer = actor.matrix(
        {
            "sources": _located(places),
            "targets": _located(sites),
            "costing": "auto",
            "verbose": False,
        }
    )
    return answer["sources_to_targets"]["durations"]


def durations(
    actor: valhalla.Actor, places: list[Place], sites: list[Place], within_m: float
) -> list[list[int | None]]:
    """Seconds from each place to each site not farther than `within_m` as the crow flies."""
    found: list[list[int | None]] = [[None] * len(sites) for _ in places]
    for batch in _batches(places):
        near = [
            column
            for column, site in enumerate(sites)
            if any(_apart_m(places[row], site) <= within_m for row in batch)
        ]
        if not near:
            continue
        answer = matrix(actor, [places[row] for row in batch], [sites[column] for column in near])
        for row, times in zip(batch, answer, strict=True):
            for column, seconds in zip(near, times, strict=True):
                found[row][column] = seconds
    return found


def _batches(places: list[Place]) -> Iterator[tuple[int, ...]]:
    """Rows of places that stand near one another."""

    def cell(row: int) -> tuple[int, ...]:
        return tuple(math.floor(degrees / CELL_DEG) for degrees in places[row])

    for _, rows in groupby(sorted(range(len(places)), key=cell), key=cell):
        yield from batched(rows, BATCH)


def _located(places: list[Place]) -> list[dict[str, float]]:
    return [{"lon": lon, "lat": lat} for lon, lat in places]


def _apart_m(one: Place, other: Place) -> float:
    east = (one[0] - other[0]) * math.cos(math.radians(one[1]))
    return DEGREE_M * math.hypot(east, one[1] - other[1])


def main() -> None:
    """Read, prepare, answer."""
    extract, question, out = (Path(p) for p in sys.argv[1:4])
    asked = json.loads(question.read_text())
    sites, places, minutes = asked["sites"], asked["places"], asked["minutes"]
    with tempfile.TemporaryDirectory() as folder:
        actor = prepare(extract, Path(folder))
        polygons, polygons_s = {}, {}
        for cutoff in minutes:
            area(actor, sites[0], cutoff)  # tiles that are read once are kept
            began = time.perf_counter()
            polygons[cutoff] = [area(actor, site, cutoff) for site in sites]
            polygons_s[cutoff] = time.perf_counter() - began
        times = durations(actor, places, sites, FASTEST_M_S * 60 * max(minutes))
    found = {"polygons": polygons, "polygons_s": polygons_s, "durations": times}
    out.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
