"""One pass over an OpenStreetMap file: what a study takes from it, as plain lists.

pyosmium's filters, in C++, hand Python only what is tagged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import osmium
import shapely

from accessibility.errors import InputError, MissingInputError
from accessibility.schema import NODE_TAGS, ROAD_TAGS

SUFFIXES = (".osm.pbf", ".osm", ".osm.gz", ".osm.bz2")
"""How the names of extracts end."""

ROAD_CLASSES = frozenset(
    "motorway motorway_link trunk trunk_link primary primary_link secondary secondary_link "
    "tertiary tertiary_link unclassified residential living_street service road winter_road "
    "ice_road".split()
)
"""Values of `highway` that are kept whatever else is tagged: a profile decides on them."""

FERRIES = frozenset({"ferry", "shuttle_train"})
MODES = ("motorcar", "motor_vehicle", "vehicle", "access")
KEEPS_CARS_OUT = frozenset(
    "no private agricultural forestry emergency psv bus foot military official customers delivery "
    "destination permit residents".split()
)
"""Access of a track or path that no profile opens; any other value is left to the profile."""

BUILT_UP = frozenset({"residential", "commercial", "retail", "industrial"})
TOO_SHORT = "left out: way without two nodes that have a place"
PLACES = frozenset({"city", "town", "suburb", "village", "hamlet"})
NODE_KINDS = ("traffic_signals", "stop", "give_way", "mini_roundabout")


@dataclass
class Found:
    """What one pass collects, as lists that grow."""

    way_id: list[int] = field(default_factory=list)
    tag_set: list[int] = field(default_factory=list)
    tag_sets: dict[tuple[tuple[str, str], ...], int] = field(default_factory=dict)
    refs: list[list[int]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    nodes: list[tuple[int, float, float, dict[str, str]]] = field(default_factory=list)
    restrictions: list[dict[str, object]] = field(default_factory=list)
    land: list[tuple[str, str]] = field(default_factory=list)
    places: list[tuple[str, str | None, float, float]] = field(default_factory=list)
    points: list[tuple[int, str, str | None, float, float]] = field(default_factory=list)
    cut: list[int] = field(default_factory=list)
    coast: list[str] = field(default_factory=list)
    seen: dict[str, set[int]] = field(default_factory=lambda: {"n": set(), "w": set(), "r": set()})
    counts: Counter[str] = field(default_factory=Counter)


def extent(path: Path) -> shapely.Polygon | None:
    """Bounding box that the header of an extract states, longitude and latitude."""
    try:
        box = osmium.io.Reader(str(path), osmium.osm.osm_entity_bits.NOTHING).header().box()
    except RuntimeError as error:
        raise _unreadable(path, error) from error
    if not box.valid():
        return None
    return shapely.box(
        box.bottom_left.lon, box.bottom_left.lat, box.top_right.lon, box.top_right.lat
    )


def read_files(paths: Sequence[Path]) -> Found:
    """Read extracts in turn; of what several hold, the first one counts.

    Raises
    ------
    MissingInputError, InputError
        If a file is absent, cut short or of another format.
    """
    found = Found()
    for path in paths:
        _read_file(path, found)
    return found


def _read_file(path: Path, found: Found) -> None:
    if not path.is_file():
        raise MissingInputError(
            f"{path} is not there; an OpenStreetMap extract ({', '.join(SUFFIXES)}) is expected."
        )
    keep_way, keep_node = frozenset((*ROAD_TAGS, "name", "ref")), frozenset(NODE_TAGS)
    factory = osmium.geom.WKBFactory()
    try:
        source = osmium.FileProcessor(str(path)).with_locations()
        for item in source.with_filter(osmium.filter.EmptyTagFilter()):
            if not item.visible:
                found.counts["left out: deleted"] += 1
            elif item.is_way():
                _take_way(item, found, keep_way, factory)
            elif item.is_node():
                _take_node(item, found, keep_node)
            elif item.is_relation():
                _take_relation(item, found)
    # pyosmium tells a broken file in any of these ways
    except (RuntimeError, ValueError, osmium.InvalidLocationError) as error:
        raise _unreadable(path, error) from error


def _take_way(
    way: osmium.osm.Way,
    found: Found,
    keep: frozenset[str],
    factory: osmium.geom.WKBFactory,
) -> None:
    tags = way.tags
    highway = tags.get("highway")
    if highway is None and tags.get("route") not in FERRIES:
        if tags.get("landuse") in BUILT_UP and _is_new(found, "w", way.id):
            _take_land(way, found, factory)
        elif tags.get("natural") == "coastline":
            _take_coast(way, found, factory)
        return
    found.counts["ways with highway or ferry"] += 1
    if highway is not None and highway not in ROAD_CLASSES and not _may_let_cars_in(tags):
        found.counts[f"left out: highway={highway} not open to cars"] += 1
        return
    if not _is_new(found, "w", way.id):
        found.counts["left out: way read already"] += 1
        return
    key = tuple(sorted((t.k, t.v) for t in tags if t.k in keep))
    tag_set = found.tag_sets.setdefault(key, len(found.tag_sets))
    refs = [n.ref for n in way.nodes]
    if len(refs) == refs.count(refs[0] if refs else 0):
        found.counts[TOO_SHORT] += 1
        return
    try:
        _add_piece(found, way.id, tag_set, refs, factory.create_linestring(way, osmium.geom.ALL))
    except (osmium.InvalidLocationError, RuntimeError):
        _take_located(way, found, tag_set)


def _is_new(found: Found, kind: str, ref: int) -> bool:
    """Whether nothing of this kind and id was read before, in this file or another."""
    known = ref in found.seen[kind]
    found.seen[kind].add(ref)
    return not known


def _take_land(way: osmium.osm.Way, found: Found, factory: osmium.geom.WKBFactory) -> None:
    if not way.is_closed() or len(way.nodes) < 4:
        found.counts["land use that is no closed ring, left out"] += 1
        return
    try:
        found.land.append((way.tags["landuse"], factory.create_linestring(way)))
    except (osmium.InvalidLocationError, RuntimeError):
        found.counts["land use with missing nodes, left out"] += 1


def _take_coast(way: osmium.osm.Way, found: Found, factory: osmium.geom.WKBFactory) -> None:
    try:
        found.coast.append(factory.create_linestring(way))
    except (osmium.InvalidLocationError, RuntimeError):
        found.counts["coastlines with missing nodes, left out"] += 1


def _may_let_cars_in(tags: osmium.osm.TagList) -> bool:
    """Whether the most specific access tag, in either direction, may be one that opens a road."""
    for way in ("forward", "backward"):
        told = (tags[k] for mode in MODES for k in (f"{mode}:{way}", mode) if k in tags)
        if next(told, "no") not in KEEPS_CARS_OUT:
            return True
    return False


def _take_located(way: osmium.osm.Way, found: Found, tag_set: int) -> None:
    """Keep the stretches of a way whose nodes the extract holds; their ends are cut."""
    stretch: list[osmium.osm.NodeRef] = []
    found.counts["ways with missing nodes"] += 1
    before = len(found.way_id)
    missing_before = False
    for node in [*way.nodes, None]:
        if node is not None and node.location.valid():
            stretch.append(node)
            continue
        if len({n.ref for n in stretch}) > 1:
            points = [(n.location.lon, n.location.lat) for n in stretch]
            line = shapely.to_wkb(shapely.LineString(points), hex=True)
            _add_piece(found, way.id, tag_set, [n.ref for n in stretch], line)
        if stretch and node is not None:
            found.cut.append(stretch[-1].ref)
        if stretch and missing_before:
            found.cut.append(stretch[0].ref)
        missing_before, stretch = True, []
    if len(found.way_id) == before:
        found.counts[TOO_SHORT] += 1


def _add_piece(found: Found, way_id: int, tag_set: int, refs: list[int], line: str) -> None:
    found.way_id.append(way_id)
    found.tag_set.append(tag_set)
    found.refs.append(refs)
    found.lines.append(line)


def _take_node(node: osmium.osm.Node, found: Found, keep: frozenset[str]) -> None:
    tags, at = node.tags, node.location
    kind = tags.get("amenity") or tags.get("shop")
    is_place = tags.get("place") in PLACES
    matters = (
        "barrier" in tags or tags.get("highway") in NODE_KINDS or any(k in tags for k in MODES)
    )
    if not (kind or is_place or matters):
        return
    if not at.valid():
        found.counts["nodes without a place, left out"] += 1
        return
    if not _is_new(found, "n", node.id):
        return
    if is_place:
        found.places.append((tags["place"], tags.get("name"), at.lon, at.lat))
    if kind:
        found.points.append((node.id, kind, tags.get("name"), at.lon, at.lat))
    if matters:
        kept = {t.k: t.v for t in tags if t.k in keep}
        found.nodes.append((node.id, at.lon, at.lat, kept))


def _take_relation(relation: osmium.osm.Relation, found: Found) -> None:
    tags = relation.tags
    if tags.get("landuse") in BUILT_UP:
        found.counts["land use of several ways, left out"] += 1
    what, _, whom = tags.get("type", "").partition(":")
    if what != "restriction" or not _is_new(found, "r", relation.id):
        return
    if whom not in ("", "conditional", *MODES):
        found.counts["restrictions left out: not for cars"] += 1
        return
    kind = next((tags[k] for k in _kind_keys(tags)), None)
    roles: dict[str, list[tuple[str, int]]] = {}
    for member in relation.members:
        roles.setdefault(member.role, []).append((member.type, member.ref))
    froms = [ref for kind_, ref in roles.get("from", []) if kind_ == "w"]
    tos = [ref for kind_, ref in roles.get("to", []) if kind_ == "w"]
    via = roles.get("via", [])
    if kind is None or not froms or not tos or not via:
        found.counts["restrictions left out: a member or the kind is missing"] += 1
        return
    nodes = [ref for kind_, ref in via if kind_ == "n"]
    through = [str(ref) for kind_, ref in via if kind_ == "w"]
    if len(nodes) + len(through) < len(via) or len(nodes) > 1 or (nodes and through):
        found.counts["restrictions left out: via is neither one node nor ways"] += 1
        return
    for from_way in froms:
        for to_way in tos:
            found.restrictions.append(
                {
                    "relation_id": relation.id,
                    "kind": kind,
                    "from_way": from_way,
                    "via_node": nodes[0] if nodes else None,
                    "via_ways": ";".join(through) or None,
                    "to_way": to_way,
                    "except": tags.get("except"),
                }
            )


def _kind_keys(tags: osmium.osm.TagList) -> list[str]:
    """Keys that may hold the kind of a restriction, those for cars first."""
    names = ("restriction:motorcar", "restriction:motor_vehicle", "restriction:vehicle")
    keys = [*names, "restriction", "restriction:conditional"]
    return [key for key in keys if key in tags]


def member_ways(restriction: dict[str, object]) -> list[int]:
    """Ids of the ways that a restriction names."""
    through = restriction["via_ways"]
    via = [int(way) for way in str(through).split(";")] if through else []
    return [int(str(restriction["from_way"])), *via, int(str(restriction["to_way"]))]


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(
        f"{path} cannot be read as OpenStreetMap data ({error}): "
        "the file is cut short or of another format; fetch it again."
    )
