"""What may matter of an OpenStreetMap file, as text: all in osmium's own code.

It runs as a program of its own. Some broken files make libosmium end the program that reads
them, without a word; and what a large file takes of memory is given back when it is done.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

MODES = ("motorcar", "motor_vehicle", "vehicle", "access")
NODE_KEYS = ("amenity", "shop", "place", "barrier", "highway", *MODES)
WAY_KEYS = ("highway", "route", "landuse", "natural")
"""Nodes and ways with none of these are never looked at."""


def write_tagged(extract: Path, text: Path) -> None:
    """Write tagged objects of an extract as OPL, ways with the places of their nodes.

    Raises
    ------
    RuntimeError
        If the extract cannot be read.
    """
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", __name__, str(extract.resolve()), str(text.resolve())],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        told = done.stderr.strip().splitlines()
        raise RuntimeError(told[-1] if told else f"osmium ended with {done.returncode}")


def _write(extract: str, text: str) -> None:
    import osmium

    places = osmium.NodeLocationsForWays(osmium.index.create_map("flex_mem"))
    places.ignore_errors()
    entity = osmium.osm.osm_entity_bits
    filters = (
        osmium.filter.EmptyTagFilter(),
        osmium.filter.KeyFilter(*NODE_KEYS).enable_for(entity.NODE),
        osmium.filter.KeyFilter(*WAY_KEYS).enable_for(entity.WAY),
    )
    options = "opl,locations_on_ways=true,add_metadata=version"
    try:
        writer = osmium.SimpleWriter(osmium.io.File(text, options))
        osmium.apply(extract, places, *filters, writer)
        writer.close()
    except Exception as error:
        print(error, file=sys.stderr, flush=True)
        os._exit(1)  # a writer that failed ends the program when it is let go


if __name__ == "__main__":
    _write(*sys.argv[1:])
