"""One pass over an OpenStreetMap file: what a study takes from it, as lists and arrays.

`tagged.py` has osmium write what may matter as text (OPL, one object to a line, ways with the
places of their nodes). Python looks at each line once and at each set of tags
once; the numbers of millions of nodes are read as a table.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely

from accessibility.errors import InputError, MissingInputError
from accessibility.inputs.tagged import MODES, tagged
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
KEEPS_CARS_OUT = frozenset(
    "no private agricultural forestry emergency psv bus foot military official customers delivery "
    "destination permit residents".split()
)
"""Access of a track or path that no profile opens; any other value is left to the profile."""

BUILT_UP = frozenset({"residential", "commercial", "retail", "industrial"})
ROAD_KEYS = frozenset((*ROAD_TAGS, "name", "ref"))
TOO_SHORT = "left out: way without two nodes that have a place"
PLACES = frozenset({"city", "town", "suburb", "village", "hamlet"})
NODE_KINDS = ("traffic_signals", "stop", "give_way", "mini_roundabout")


Tags = dict[str, str]

Box = tuple[float, float, float, float]
"""West, south, east, north: degrees."""

_ESCAPED = re.compile("%([0-9a-f]+)%")
_AS_TABLE = bytes.maketrans(b"xy,", b",,\n")
_TEXT_BYTES = 1 << 22
"""Text of nodes that is turned into numbers at once."""


class Lines:
    """Ways as lines: their nodes and where these lie, NaN where the extract does not say.

    With a box (west, south, east, north) those that lie wholly beside it are forgotten as soon as
    their numbers are read, so that memory is in proportion to the box and not to the file.
    """

    def __init__(self, box: Box | None = None) -> None:
        self._box = box
        self._kept: list[npt.NDArray[np.bool_]] = []
        self._text: list[bytes] = []
        self._size: list[int] = []
        self._bytes = 0
        self._parsed = 0
        self._read: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]] = []

    def __len__(self) -> int:
        return len(self._size) if self._box is None else int(self.kept().sum())

    def kept(self) -> npt.NDArray[np.bool_]:
        """Which of the lines that were added are not forgotten."""
        self._parse()
        if self._box is None:
            return np.ones(len(self._size), dtype=bool)
        rest = np.ones(len(self._size) - self._parsed, dtype=bool)  # lines without nodes
        return np.concatenate([*self._kept, rest])

    def add(self, nodes: bytes) -> None:
        """Take the nodes of one way as OPL has them: `n1x5.1y46.2,n2x5.2y46.2`."""
        self._size.append(nodes.count(b",") + 1 if nodes else 0)
        if nodes:
            self._text.append(nodes)
            self._bytes += len(nodes)
        if self._bytes > _TEXT_BYTES:
            self._parse()

    def arrays(
        self,
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Where each line begins (and the last one ends), ids of nodes, longitude and latitude."""
        self._parse()
        size = np.array(self._size, dtype=np.int64)
        start = np.concatenate([[0], np.cumsum(size[self.kept()])])
        node_id = [ids for ids, _ in self._read]
        lonlat = [places for _, places in self._read]
        if not node_id:
            return start, np.zeros(0, dtype=np.int64), np.zeros((0, 2))
        return start, np.concatenate(node_id), np.concatenate(lonlat)

    def whole(self) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.object_]]:
        """Which lines lie where the extract says, with two nodes at least; and these."""
        start, _, lonlat = self.arrays()
        owner = np.repeat(np.arange(len(self)), np.diff(start))
        whole = np.diff(start) > 1
        whole[owner[np.isnan(lonlat).any(axis=1)]] = False
        kept = whole[owner]
        number = np.cumsum(whole) - 1
        return whole, shapely.linestrings(lonlat[kept], indices=number[owner[kept]])

    def _parse(self) -> None:
        if not self._text:
            return
        from pyarrow import BufferReader, csv, float64, int64  # heavy, and only builds need it

        text = b"\n".join(self._text).translate(_AS_TABLE, b"n")
        self._text, self._bytes = [], 0
        names = ["id", "lon", "lat"]
        table = csv.read_csv(
            BufferReader(text),
            read_options=csv.ReadOptions(column_names=names),
            convert_options=csv.ConvertOptions(
                column_types=dict(zip(names, (int64(), float64(), float64()), strict=True))
            ),
        )
        node_id, lon, lat = (table[name].to_numpy() for name in names)
        lonlat = np.column_stack([lon, lat])
        lonlat[(np.abs(lonlat) > [180, 90]).any(axis=1)] = np.nan  # no place on earth
        if self._box is not None:
            size = np.array(self._size[self._parsed :], dtype=np.int64)
            kept = ~_beside(lonlat, size, self._box)
            self._kept.append(kept)
            self._parsed = len(self._size)
            held = np.repeat(kept, size)
            node_id, lonlat = node_id[held], lonlat[held]
        self._read.append((node_id, lonlat))


def _beside(
    lonlat: npt.NDArray[np.float64], size: npt.NDArray[np.int64], box: Box
) -> npt.NDArray[np.bool_]:
    """Which lines lie wholly beside a box; one of which a place is missing does not."""
    found = np.zeros(len(size), dtype=bool)
    some = np.flatnonzero(size)  # reduceat would give an empty line the next one's point
    first = (np.cumsum(size) - size)[some]
    with np.errstate(invalid="ignore"):
        low, high = np.minimum.reduceat(lonlat, first), np.maximum.reduceat(lonlat, first)
        found[some] = (high < box[:2]).any(axis=1) | (low > box[2:]).any(axis=1)
    return found


@dataclass
class Found:
    """What one pass collects, as lists that grow."""

    way_id: list[int] = field(default_factory=list)
    tag_set: list[int] = field(default_factory=list)
    tag_sets: dict[tuple[tuple[str, str], ...], int] = field(default_factory=dict)
    ways: Lines = field(default_factory=Lines)
    nodes: list[tuple[int, float, float, dict[str, str]]] = field(default_factory=list)
    restrictions: list[dict[str, object]] = field(default_factory=list)
    land_use: list[str] = field(default_factory=list)
    land: Lines = field(default_factory=Lines)
    places: list[tuple[str, str | None, float, float]] = field(default_factory=list)
    points: list[tuple[int, str, str | None, float, float]] = field(default_factory=list)
    coast: Lines = field(default_factory=Lines)
    seen: dict[str, set[int]] = field(default_factory=lambda: {"n": set(), "w": set(), "r": set()})
    counts: Counter[str] = field(default_factory=Counter)


def extent(path: Path) -> shapely.Polygon | None:
    """Bounding box that the header of an extract states, longitude and latitude."""
    import osmium  # only builds need it

    try:
        box = osmium.io.Reader(str(path), osmium.osm.osm_entity_bits.NOTHING).header().box()
    except RuntimeError as error:
        raise _unreadable(path, error) from error
    if not box.valid():
        return None
    return shapely.box(
        box.bottom_left.lon, box.bottom_left.lat, box.top_right.lon, box.top_right.lat
    )


def read_files(paths: Sequence[Path], box: Box | None = None) -> Found:
    """Read extracts in turn; of what several hold, the first one counts.

    Parameters
    ----------
    paths : sequence of Path
    box : (west, south, east, north), optional
        Ways and land use that lie wholly beside it, in degrees, are left out.

    Raises
    ------
    MissingInputError, InputError
        If a file is absent, cut short or of another format.
    """
    found = Found(ways=Lines(box), land=Lines(box))
    for path in paths:
        _read_file(path, found)
    if box is not None:
        kept = found.ways.kept()
        found.way_id = list(itertools.compress(found.way_id, kept))
        found.tag_set = list(itertools.compress(found.tag_set, kept))
        found.land_use = list(itertools.compress(found.land_use, found.land.kept()))
    return found


def _read_file(path: Path, found: Found) -> None:
    if not path.is_file():
        raise MissingInputError(
            f"{path} is not there; an OpenStreetMap extract ({', '.join(SUFFIXES)}) is expected."
        )
    known: dict[bytes, _WayKind] = {}
    try:
        for line in tagged(path):
            # id, version, deleted or not, tags, and what comes after
            name, _, state, told, rest = line.rstrip(b"\r\n").split(b" ", 4)
            if state == b"dD":
                found.counts["left out: deleted"] += 1
            elif name[:1] == b"w":
                kind = known.get(told)
                if kind is None:
                    kind = known[told] = _way_kind(_tags(told), found)
                _take_way(int(name[1:]), kind, rest[1:], found)
            elif name[:1] == b"n":
                _take_node(int(name[1:]), _tags(told), rest, found)
            else:
                _take_relation(int(name[1:]), _tags(told), rest[1:], found)
    except RuntimeError as error:
        raise _unreadable(path, error) from error


def _tags(told: bytes) -> Tags:
    """Tags of an object: `Thighway=residential,name=Rue%20%Haute`."""
    pairs = (pair.partition("=") for pair in told[1:].decode().split(","))
    return {_plain(key): _plain(value) for key, _, value in pairs}


def _plain(text: str) -> str:
    """Text without escapes: `%20%` is a blank."""
    return _ESCAPED.sub(lambda code: chr(int(code[1], 16)), text) if "%" in text else text


@dataclass(frozen=True)
class _WayKind:
    """What is done with all ways of the same tags."""

    road: bool = False
    left_out: str | None = None  # why, of a road
    tag_set: int = -1
    land_use: str | None = None
    coast: bool = False


def _way_kind(tags: Tags, found: Found) -> _WayKind:
    highway = tags.get("highway")
    if highway is None and tags.get("route") not in FERRIES:
        land_use = tags.get("landuse")
        return _WayKind(
            land_use=land_use if land_use in BUILT_UP else None,
            coast=tags.get("natural") == "coastline",
        )
    if highway is not None and highway not in ROAD_CLASSES and not _may_let_cars_in(tags):
        return _WayKind(road=True, left_out=f"left out: highway={highway} not open to cars")
    key = tuple(sorted((k, v) for k, v in tags.items() if k in ROAD_KEYS))
    return _WayKind(road=True, tag_set=found.tag_sets.setdefault(key, len(found.tag_sets)))


def _take_way(way_id: int, kind: _WayKind, nodes: bytes, found: Found) -> None:
    if kind.road:
        found.counts["ways with highway or ferry"] += 1
        if kind.left_out is not None:
            found.counts[kind.left_out] += 1
        elif not _is_new(found, "w", way_id):
            found.counts["left out: way read already"] += 1
        else:
            found.way_id.append(way_id)
            found.tag_set.append(kind.tag_set)
            found.ways.add(nodes)
    elif kind.land_use is not None and _is_new(found, "w", way_id):
        found.land_use.append(kind.land_use)
        found.land.add(nodes)
    elif kind.coast:
        found.coast.add(nodes)


def _is_new(found: Found, kind: str, ref: int) -> bool:
    """Whether nothing of this kind and id was read before, in this file or another."""
    known = ref in found.seen[kind]
    found.seen[kind].add(ref)
    return not known


def _may_let_cars_in(tags: Tags) -> bool:
    """Whether the most specific access tag, in either direction, may be one that opens a road."""
    for way in ("forward", "backward"):
        told = (tags[k] for mode in MODES for k in (f"{mode}:{way}", mode) if k in tags)
        if next(told, "no") not in KEEPS_CARS_OUT:
            return True
    return False


def _take_node(node_id: int, tags: Tags, place: bytes, found: Found) -> None:
    kind = tags.get("amenity") or tags.get("shop")
    is_place = tags.get("place") in PLACES
    matters = (
        "barrier" in tags or tags.get("highway") in NODE_KINDS or any(k in tags for k in MODES)
    )
    if not (kind or is_place or matters):
        return
    lon, lat = (float(part[1:] or "nan") for part in place.split(b" "))
    if not (abs(lon) <= 180 and abs(lat) <= 90):
        found.counts["nodes without a place, left out"] += 1
        return
    if not _is_new(found, "n", node_id):
        return
    if is_place:
        found.places.append((tags["place"], tags.get("name"), lon, lat))
    if kind:
        found.points.append((node_id, kind, tags.get("name"), lon, lat))
    if matters:
        kept = {k: v for k, v in tags.items() if k in NODE_TAGS}
        found.nodes.append((node_id, lon, lat, kept))


def _members(told: bytes) -> Iterator[tuple[str, int, str]]:
    """Members of a relation, `w10@from,n2@via`: kind, id and role of each."""
    for member in told.decode().split(",") if told else []:
        ref, _, role = member.partition("@")
        yield ref[0], int(ref[1:]), _plain(role)


def _take_relation(relation_id: int, tags: Tags, members: bytes, found: Found) -> None:
    if tags.get("landuse") in BUILT_UP:
        found.counts["land use of several ways, left out"] += 1
    what, _, whom = tags.get("type", "").partition(":")
    if what != "restriction" or not _is_new(found, "r", relation_id):
        return
    if whom not in ("", "conditional", *MODES):
        found.counts["restrictions left out: not for cars"] += 1
        return
    kind = next((tags[k] for k in _kind_keys(tags)), None)
    roles: dict[str, list[tuple[str, int]]] = {}
    for kind_, ref, role in _members(members):
        roles.setdefault(role, []).append((kind_, ref))
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
                    "relation_id": relation_id,
                    "kind": kind,
                    "from_way": from_way,
                    "via_node": nodes[0] if nodes else None,
                    "via_ways": ";".join(through) or None,
                    "to_way": to_way,
                    "except": tags.get("except"),
                }
            )


def _kind_keys(tags: Tags) -> list[str]:
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
