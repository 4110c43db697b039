"""What may matter of an OpenStreetMap file, as text: all in osmium's own code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from accessibility.inputs.alone import end_alone, lines_alone

MODES = ("motorcar", "motor_vehicle", "vehicle", "access")
NODE_KEYS = ("amenity", "shop", "place", "barrier", "highway", *MODES)
WAY_KEYS = ("highway", "route", "landuse", "natural")
"""Nodes and ways with none of these are never looked at."""


def tagged(extract: Path) -> Iterator[bytes]:
    """Lines of OPL: tagged objects of an extract, ways with the places of their nodes.

    Raises
    ------
    RuntimeError
        If the extract cannot be read, perhaps after some lines.
    """
    yield from lines_alone(__name__, str(extract.resolve()))


def _write(extract: str) -> None:
    import osmium

    entity = osmium.osm.osm_entity_bits
    header = osmium.io.Reader(extract, entity.NOTHING).header()
    places = []
    features = [header.get(f"pbf_optional_feature_{i}") for i in range(8)]
    if "LocationsOnWays" not in features:  # else ways tell them
        places = [osmium.NodeLocationsForWays(osmium.index.create_map("flex_mem"))]
        places[0].ignore_errors()
    filters = (
        osmium.filter.EmptyTagFilter(),
        osmium.filter.KeyFilter(*NODE_KEYS).enable_for(entity.NODE),
        osmium.filter.KeyFilter(*WAY_KEYS).enable_for(entity.WAY),
    )
    options = "opl,locations_on_ways=true,add_metadata=version"
    writer = osmium.SimpleWriter(osmium.io.File("-", options))  # to standard output
    osmium.apply(extract, *places, *filters, writer)
    writer.close()


if __name__ == "__main__":
    end_alone(_write)
