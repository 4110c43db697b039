"""One reading of an extract -> a small extract for each of many boxes.

The ways of a cut tell the places of their nodes, so that it needs no nodes but tagged ones.
"""

from __future__ import annotations

import json
import tempfile
from array import array
from collections.abc import Mapping
from functools import cache
from math import floor
from pathlib import Path
from typing import Any

import osmium

from accessibility.errors import InputError, MissingInputError
from accessibility.inputs.alone import end_alone, run_alone
from accessibility.inputs.tagged import NODE_KEYS, WAY_KEYS

Box = tuple[float, float, float, float]
"""West, south, east, north: degrees."""

BUFFER_BYTES = 1 << 16
"""What each cut holds back before it writes: many are open at once."""


def cut_extract(extract: Path, cuts: Mapping[Path, Box]) -> None:
    """Cut an extract into what of it a study may take, by boxes; it is read once.

    A cut holds what touches its box, what has no known place, and all turn restrictions. It
    states the extent that the extract states.

    Parameters
    ----------
    extract : Path
    cuts : mapping of Path to (west, south, east, north)
        Files to write, `.osm.pbf`.

    Raises
    ------
    MissingInputError, InputError
        If the extract is absent, cut short or of another format.
    """
    if not extract.is_file():
        raise MissingInputError(f"{extract} is not there; an OpenStreetMap extract is expected.")
    for path in cuts:
        path.parent.mkdir(parents=True, exist_ok=True)
    boxes = json.dumps({str(path.resolve()): box for path, box in cuts.items()})
    try:
        run_alone(__name__, str(extract.resolve()), boxes)
    except RuntimeError as error:
        raise InputError(
            f"{extract} cannot be read as OpenStreetMap data ({error}): "
            "the file is cut short or of another format; fetch it again."
        ) from error


def _cut(extract: str, boxes: str) -> None:
    entity = osmium.osm.osm_entity_bits
    header = osmium.io.Reader(extract, entity.NOTHING).header()
    options = "pbf,locations_on_ways=true,add_metadata=none,pbf_compression=none"
    writers = [
        (box, osmium.SimpleWriter(osmium.io.File(path, options), BUFFER_BYTES, header))
        for path, box in json.loads(boxes).items()
    ]

    @cache
    def near(west: int, south: int, east: int, north: int) -> list[Any]:
        """Boxes and writers of some whole degrees; few boxes are worth a look at each way."""
        return [(b, w) for b, w in writers if _meet(b, (west, south, east + 1, north + 1))]

    shape = osmium.geom.WKBFactory()
    with tempfile.NamedTemporaryFile() as index:  # on disk: places of all nodes are many
        found = osmium.FileProcessor(extract).with_locations(f"sparse_file_array,{index.name}")
        for kept in (
            osmium.filter.EmptyTagFilter(),
            osmium.filter.KeyFilter(*NODE_KEYS).enable_for(entity.NODE),
            osmium.filter.KeyFilter(*WAY_KEYS).enable_for(entity.WAY),
        ):
            found.with_filter(kept)
        for item in found:
            if item.deleted or (item.is_relation() and not _matters(item.tags)):
                continue
            bounds = _bounds(item, shape)
            for box, writer in writers if bounds is None else near(*map(floor, bounds)):
                if bounds is None or _meet(box, bounds):
                    writer.add(item)
    for _, writer in writers:
        writer.close()


def _meet(one: Box, other: Box) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


def _bounds(item: Any, shape: Any) -> Box | None:
    """Box around a node or way, None where none is known."""
    if item.is_node():
        place = item.location
        return (place.lon, place.lat, place.lon, place.lat) if place.valid() else None
    if item.is_relation():
        return None
    try:
        line = array("d", bytes.fromhex(shape.create_linestring(item))[9:])
    except (osmium.InvalidLocationError, RuntimeError):  # a node without a place, or all in one
        return None
    x, y = line[::2], line[1::2]
    return min(x), min(y), max(x), max(y)


def _matters(tags: Any) -> bool:
    """Whether a relation is a turn restriction, or land use that is counted."""
    return "landuse" in tags or tags.get("type", "").startswith("restriction")


if __name__ == "__main__":
    end_alone(_cut)
