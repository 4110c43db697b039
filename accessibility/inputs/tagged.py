"""What may matter of an OpenStreetMap file, as text: all in osmium's own code.

It runs as a program of its own. Some broken files make libosmium end the program that reads
them, without a word; and what a large file takes of memory is given back when it is done.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

MODES = ("motorcar", "motor_vehicle", "vehicle", "access")
NODE_KEYS = ("amenity", "shop", "place", "barrier", "highway", *MODES)
WAY_KEYS = ("highway", "route", "landuse", "natural")
"""Nodes and ways with none of these are never looked at."""

PIPE_BYTES = 1 << 20


def tagged(extract: Path) -> Iterator[bytes]:
    """Lines of OPL: tagged objects of an extract, ways with the places of their nodes.

    They are read while the program still writes: both take their time at once, and no more than
    a pipe holds is kept of the text.

    Raises
    ------
    RuntimeError
        If the extract cannot be read, perhaps after some lines.
    """
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-m", __name__, str(extract.resolve())],
        cwd=root,
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


def _write(extract: str) -> None:
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
        writer = osmium.SimpleWriter(osmium.io.File("-", options))  # to standard output
        osmium.apply(extract, places, *filters, writer)
        writer.close()
    except Exception as error:
        print(error, file=sys.stderr, flush=True)
        os._exit(1)  # a writer that failed ends the program when it is let go


if __name__ == "__main__":
    _write(sys.argv[1])
