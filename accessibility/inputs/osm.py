"""An OpenStreetMap extract -> roads, restrictions, built-up areas, places, points of interest.

One pass with pyosmium, whose C++ filters hand Python only what is tagged. What a car can
never use is left out and counted; every tag that a speed profile may read is kept, so that
one set of road tables serves all profiles.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import geopandas as gpd
import numpy as np
import osmium
import pandas as pd
import shapely

from accessibility.errors import InputError, MissingInputError
from accessibility.inputs.roads import Ways, join_roads
from accessibility.schema import (
    LAMBERT_93,
    NODE_TAGS,
    ROAD_TAGS,
    WGS84,
    RoadTables,
    check_crs,
)

ROAD_CLASSES = frozenset(
    "motorway motorway_link trunk trunk_link primary primary_link secondary secondary_link "
    "tertiary tertiary_link unclassified residential living_street service road".split()
)
"""Values of `highway` that are kept whatever else is tagged: a profile decides on them."""

FERRIES = frozenset({"ferry", "shuttle_train"})
MODES = ("motorcar", "motor_vehicle", "vehicle", "access")
ALLOWS_CARS = frozenset({"yes", "permissive", "designated", "motorcar", "motor_vehicle", "vehicle"})
BUILT_UP = frozenset({"residential", "commercial", "retail", "industrial"})
PLACES = frozenset({"city", "town", "suburb", "village", "hamlet"})
NODE_KINDS = ("traffic_signals", "stop", "give_way", "mini_roundabout")

PLACE_REACH_M = 1_000.0
"""Land use counts as a built-up area where a named place lies within this distance."""

ROADSIDE_M = 15.0
"""Land use is drawn to the plot line: a road along it lies at most about this far outside."""

RIM_BAND_M = 1_000.0
"""Dead ends this near to the limit of the data are taken as cut by it."""


@dataclass(frozen=True)
class OsmExtract:
    """What an extract holds for a study; each table in WGS 84.

    Attributes
    ----------
    roads : RoadTables
    built_up : GeoDataFrame
        `landuse`; polygons (outer rings of closed ways).
    places : GeoDataFrame
        `place`, `name`; points.
    points_of_interest : GeoDataFrame
        `osm_id`, `kind` (value of amenity or shop), `name`; points.
    counts : dict of str to int
        What was read and what was left out, by reason.
    """

    roads: RoadTables
    built_up: gpd.GeoDataFrame
    places: gpd.GeoDataFrame
    points_of_interest: gpd.GeoDataFrame
    counts: dict[str, int]


@dataclass
class _Read:
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
    counts: Counter[str] = field(default_factory=Counter)


def read_roads(
    paths: str | Path | Sequence[str | Path],
    *,
    within: gpd.GeoDataFrame | gpd.GeoSeries | None = None,
    buffer_km: float = 0.0,
) -> RoadTables:
    """Read the roads that a car may use from OpenStreetMap extracts.

    Parameters
    ----------
    paths : path or sequence of paths
        `.osm.pbf` files.
    within : GeoDataFrame or GeoSeries, optional
        The territory, any CRS; all of the extract if absent.
    buffer_km : float
        Width of the ring around the territory that is read too, in kilometres: people
        at its edge drive outside it.

    Returns
    -------
    RoadTables
        Roads, nodes that cost or close, and turn restrictions.

    Raises
    ------
    MissingInputError
        If a file is not there.
    InputError
        If a file is no OpenStreetMap file, is cut short, or holds no road in the area.

    Examples
    --------
    >>> from accessibility.inputs.osm import read_roads
    >>> tables = read_roads("region.osm.pbf")  # doctest: +SKIP
    >>> tables.roads[["from_node", "to_node", "highway", "length_m"]]  # doctest: +SKIP
    """
    return read_osm(paths, within=within, buffer_km=buffer_km).roads


def read_osm(
    paths: str | Path | Sequence[str | Path],
    *,
    within: gpd.GeoDataFrame | gpd.GeoSeries | None = None,
    buffer_km: float = 0.0,
) -> OsmExtract:
    """Read everything that a study takes from OpenStreetMap; see `read_roads`."""
    files = [Path(p) for p in ([paths] if isinstance(paths, str | Path) else paths)]
    read = _Read()
    seen: set[int] = set()
    for path in files:
        _read_file(path, read, seen)
    if not read.way_id:
        raise InputError(f"{files[0]} holds no road that a car may use.")
    area = None if within is None else buffered(within, buffer_km)
    special = np.array(sorted({n[0] for n in read.nodes}), dtype=np.int64)
    via = [r["via_node"] for r in read.restrictions if r["via_node"] is not None]
    members = {way for r in read.restrictions for way in _member_ways(r)}
    start = np.concatenate([[0], np.cumsum([len(r) for r in read.refs])])
    ways = Ways(
        way_id=np.array(read.way_id, dtype=np.int64),
        tags=[dict(items) for items in read.tag_sets],
        tag_set=np.array(read.tag_set, dtype=np.int64),
        start=start.astype(np.int64),
        node_id=np.fromiter((n for r in read.refs for n in r), dtype=np.int64, count=start[-1]),
        lonlat=shapely.get_coordinates(shapely.from_wkb(read.lines)),
    )
    roads, cut = join_roads(
        ways,
        area=area,
        breaks=np.concatenate([special, np.array(via, dtype=np.int64)]),
        members=np.array(sorted(members), dtype=np.int64),
    )
    if roads.empty:
        raise InputError(
            f"{files[0]} holds no road in the area asked for: it is an extract of another region."
        )
    places = _points(read.places, ["place", "name"], area)
    built_up = _built_up(read.land, area)
    roads.insert(4, "urban", _urban_share(roads, built_up, places))
    rim = _rim(roads, np.union1d(cut, np.array(read.cut, dtype=np.int64)), area, files)
    nodes = _nodes(read.nodes, roads, rim)
    read.counts.update({"roads": len(roads), "rim nodes": len(rim)})
    return OsmExtract(
        roads=RoadTables(roads, nodes, _restriction_table(read.restrictions)),
        built_up=built_up,
        places=places,
        points_of_interest=_points(read.points, ["osm_id", "kind", "name"], area),
        counts=dict(sorted(read.counts.items())),
    )


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


def buffered(within: gpd.GeoDataFrame | gpd.GeoSeries, buffer_km: float) -> shapely.Geometry:
    """Union of a territory and the ring around it, longitude and latitude.

    The ring is drawn in a metric CRS and simplified by 50 m: it only says what is read.
    """
    if within.crs is None:
        check_crs(within, WGS84, what="the territory")
    metric = LAMBERT_93 if _in_france(within) else within.estimate_utm_crs()
    shape = within.to_crs(metric).union_all().buffer(buffer_km * 1_000.0).simplify(50.0)
    return gpd.GeoSeries([shape], crs=metric).to_crs(WGS84).iloc[0]


def _in_france(within: gpd.GeoDataFrame | gpd.GeoSeries) -> bool:
    west, south, east, north = within.to_crs(WGS84).total_bounds
    return bool(west > -6 and east < 11 and south > 41 and north < 52)


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(
        f"{path} cannot be read as OpenStreetMap data ({error}): "
        "the file is cut short or of another format; fetch it again."
    )


def _read_file(path: Path, read: _Read, seen: set[int]) -> None:
    if not path.is_file():
        raise MissingInputError(f"{path} is not there; an OpenStreetMap .osm.pbf is expected.")
    keep_way, keep_node = frozenset((*ROAD_TAGS, "name", "ref")), frozenset(NODE_TAGS)
    factory = osmium.geom.WKBFactory()
    try:
        source = osmium.FileProcessor(str(path)).with_locations()
        for item in source.with_filter(osmium.filter.EmptyTagFilter()):
            if item.is_way():
                _take_way(item, read, seen, keep_way, factory)
            elif item.is_node():
                _take_node(item, read, keep_node)
            elif item.is_relation():
                _take_relation(item, read)
    except RuntimeError as error:
        raise _unreadable(path, error) from error


def _take_way(
    way: osmium.osm.Way,
    read: _Read,
    seen: set[int],
    keep: frozenset[str],
    factory: osmium.geom.WKBFactory,
) -> None:
    tags = way.tags
    highway = tags.get("highway")
    if highway is None and tags.get("route") not in FERRIES:
        land = tags.get("landuse")
        if land in BUILT_UP and way.is_closed() and len(way.nodes) > 3:
            try:
                read.land.append((land, factory.create_linestring(way)))
            except (osmium.InvalidLocationError, RuntimeError):
                read.counts["land use with missing nodes, left out"] += 1
        return
    read.counts["ways with highway or ferry"] += 1
    allowed = next((tags[k] for k in MODES if k in tags), None)
    if highway is not None and highway not in ROAD_CLASSES and allowed not in ALLOWS_CARS:
        read.counts[f"left out: highway={highway} not open to cars"] += 1
        return
    if way.id in seen:
        read.counts["left out: way read already"] += 1
        return
    seen.add(way.id)
    key = tuple(sorted((t.k, t.v) for t in tags if t.k in keep))
    tag_set = read.tag_sets.setdefault(key, len(read.tag_sets))
    refs = [n.ref for n in way.nodes]
    try:
        _add_piece(read, way.id, tag_set, refs, factory.create_linestring(way, osmium.geom.ALL))
    except (osmium.InvalidLocationError, RuntimeError):
        _take_located(way, read, tag_set)


def _take_located(way: osmium.osm.Way, read: _Read, tag_set: int) -> None:
    """Keep the stretches of a way whose nodes the extract holds; their ends are cut."""
    stretch: list[osmium.osm.NodeRef] = []
    read.counts["ways with missing nodes"] += 1
    missing_before = False
    for node in [*way.nodes, None]:
        if node is not None and node.location.valid():
            stretch.append(node)
            continue
        if len(stretch) > 1:
            points = [(n.location.lon, n.location.lat) for n in stretch]
            line = shapely.to_wkb(shapely.LineString(points), hex=True)
            _add_piece(read, way.id, tag_set, [n.ref for n in stretch], line)
        if stretch and node is not None:
            read.cut.append(stretch[-1].ref)
        if stretch and missing_before:
            read.cut.append(stretch[0].ref)
        missing_before, stretch = True, []


def _add_piece(read: _Read, way_id: int, tag_set: int, refs: list[int], line: str) -> None:
    read.way_id.append(way_id)
    read.tag_set.append(tag_set)
    read.refs.append(refs)
    read.lines.append(line)


def _take_node(node: osmium.osm.Node, read: _Read, keep: frozenset[str]) -> None:
    tags, at = node.tags, node.location
    if tags.get("place") in PLACES:
        read.places.append((tags["place"], tags.get("name"), at.lon, at.lat))
    kind = tags.get("amenity") or tags.get("shop")
    if kind is not None:
        read.points.append((node.id, kind, tags.get("name"), at.lon, at.lat))
    if "barrier" in tags or tags.get("highway") in NODE_KINDS or any(k in tags for k in MODES):
        found = {t.k: t.v for t in tags if t.k in keep}
        read.nodes.append((node.id, at.lon, at.lat, found))


def _take_relation(relation: osmium.osm.Relation, read: _Read) -> None:
    tags = relation.tags
    if not tags.get("type", "").startswith("restriction"):
        return
    kind = next((tags[k] for k in tags_of_restriction(tags)), None)
    roles: dict[str, list[tuple[str, int]]] = {}
    for member in relation.members:
        roles.setdefault(member.role, []).append((member.type, member.ref))
    froms = [ref for kind_, ref in roles.get("from", []) if kind_ == "w"]
    tos = [ref for kind_, ref in roles.get("to", []) if kind_ == "w"]
    via = roles.get("via", [])
    if kind is None or not froms or not tos or not via:
        read.counts["restrictions left out: a member or the kind is missing"] += 1
        return
    nodes = [ref for kind_, ref in via if kind_ == "n"]
    through = [str(ref) for kind_, ref in via if kind_ == "w"]
    for from_way in froms:
        for to_way in tos:
            read.restrictions.append(
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


def tags_of_restriction(tags: osmium.osm.TagList) -> list[str]:
    """Keys that may hold the kind of a restriction, those for cars first."""
    names = ("restriction:motorcar", "restriction:motor_vehicle", "restriction:vehicle")
    keys = [*names, "restriction", "restriction:conditional"]
    return [key for key in keys if key in tags]


def _member_ways(restriction: dict[str, object]) -> list[int]:
    through = restriction["via_ways"]
    via = [int(way) for way in str(through).split(";")] if through else []
    return [int(str(restriction["from_way"])), *via, int(str(restriction["to_way"]))]


def _restriction_table(rows: list[dict[str, object]]) -> pd.DataFrame:
    names = ["relation_id", "kind", "from_way", "via_node", "via_ways", "to_way", "except"]
    table = pd.DataFrame(rows, columns=names)
    whole = {"relation_id": "int64", "from_way": "int64", "to_way": "int64", "via_node": "Int64"}
    table = table.astype({**whole, "kind": "string", "via_ways": "string", "except": "string"})
    return table.sort_values(["relation_id", "from_way", "to_way"], ignore_index=True)


def _points(
    rows: Sequence[tuple[object, ...]], names: list[str], area: shapely.Geometry | None
) -> gpd.GeoDataFrame:
    frame = pd.DataFrame(rows, columns=[*names, "lon", "lat"])
    inside = np.ones(len(frame), dtype=bool)
    if area is not None and len(frame):
        inside = shapely.contains_xy(area, frame["lon"], frame["lat"])
    frame = frame[inside].reset_index(drop=True)
    where = gpd.points_from_xy(frame["lon"], frame["lat"], crs=WGS84)
    return gpd.GeoDataFrame(frame[names], geometry=where)


def _built_up(rows: list[tuple[str, str]], area: shapely.Geometry | None) -> gpd.GeoDataFrame:
    lines = shapely.from_wkb([line for _, line in rows])
    xy, ring = shapely.get_coordinates(lines, return_index=True)
    shapes = shapely.make_valid(shapely.polygons(shapely.linearrings(xy, indices=ring)))
    table = gpd.GeoDataFrame({"landuse": [land for land, _ in rows]}, geometry=shapes, crs=WGS84)
    if area is not None:
        table = table[shapely.intersects(area, table.geometry.values)]
    return table.reset_index(drop=True)


def _urban_share(
    roads: gpd.GeoDataFrame, built_up: gpd.GeoDataFrame, places: gpd.GeoDataFrame
) -> pd.Series:
    """Share of each road's length within built-up areas; NaN where no land use is known.

    Each straight piece counts wholly by its midpoint.
    """
    if built_up.empty:
        return pd.Series(np.nan, index=roads.index, dtype="float32")
    metric = LAMBERT_93 if _in_france(roads) else roads.estimate_utm_crs()
    towns = built_up.to_crs(metric).geometry
    centres = shapely.STRtree(places.to_crs(metric).geometry.values)
    near = np.unique(centres.query(towns.values, predicate="dwithin", distance=PLACE_REACH_M)[0])
    tree = shapely.STRtree(shapely.buffer(towns.values[near], ROADSIDE_M, quad_segs=2))
    xy, owner = shapely.get_coordinates(roads.to_crs(metric).geometry.values, return_index=True)
    within = owner[1:] == owner[:-1]
    middle = ((xy[1:] + xy[:-1]) / 2)[within]
    size = np.hypot(*(xy[1:] - xy[:-1]).T)[within]
    piece = owner[1:][within]
    inside = np.zeros(len(middle), dtype=bool)
    inside[tree.query(shapely.points(middle), predicate="intersects")[0]] = True
    total = np.bincount(piece, weights=size, minlength=len(roads))
    urban = np.bincount(piece, weights=size * inside, minlength=len(roads))
    share = np.divide(urban, total, out=np.zeros(len(roads)), where=total > 0)
    return pd.Series(np.round(share, 3).astype("float32"), index=roads.index)


def _rim(
    roads: gpd.GeoDataFrame, cut: np.ndarray, area: shapely.Geometry | None, files: list[Path]
) -> np.ndarray:
    """Ids of nodes where a road goes on beyond what was read.

    Known are the nodes at which the area or a missing node cuts a road. An extract that
    was cut tidily says nothing of it: a dead end near its limit is taken as cut as well.
    """
    ids = np.concatenate([roads["from_node"], roads["to_node"]])
    lines = roads.geometry.values
    ends = np.concatenate([shapely.get_point(lines, 0), shapely.get_point(lines, -1)])
    node, first, meets = np.unique(ids, return_index=True, return_counts=True)
    boxes = [box for box in (extent(path) for path in files) if box is not None]
    known = shapely.union_all(boxes) if len(boxes) == len(files) else None
    limit = area if known is None else known if area is None else area.intersection(known)
    if limit is None:
        limit = shapely.box(*roads.total_bounds)
    near = gpd.GeoSeries(ends[first[meets == 1]], crs=WGS84)
    edge = gpd.GeoSeries([limit.boundary], crs=WGS84)
    metric = LAMBERT_93 if _in_france(roads) else roads.estimate_utm_crs()
    outside = ~shapely.contains(limit, near.values)
    close = near.to_crs(metric).distance(edge.to_crs(metric).iloc[0]).to_numpy() <= RIM_BAND_M
    dead = node[meets == 1][outside | close]
    return np.union1d(np.intersect1d(cut, node), dead)


def _nodes(
    found: list[tuple[int, float, float, dict[str, str]]],
    roads: gpd.GeoDataFrame,
    rim: np.ndarray,
) -> gpd.GeoDataFrame:
    """Nodes that cost, close or are cut, among those that roads meet or end at."""
    lines = roads.geometry.values
    ends = pd.Series(
        np.concatenate([shapely.get_point(lines, 0), shapely.get_point(lines, -1)]),
        index=np.concatenate([roads["from_node"], roads["to_node"]]),
    )
    ends = ends[~ends.index.duplicated()]
    tags = {node: row for node, _, _, row in found if node in ends.index}
    ids = sorted({*tags, *rim.tolist()})
    table: dict[str, object] = {
        "node_id": np.array(ids, dtype=np.int64),
        "rim": np.isin(ids, rim) if ids else np.zeros(0, dtype=bool),
    }
    for tag in NODE_TAGS:
        table[tag] = pd.Categorical([tags.get(node, {}).get(tag) for node in ids])
    return gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(ends.loc[ids].to_numpy(), crs=WGS84))
