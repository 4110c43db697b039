"""An OpenStreetMap extract -> roads, restrictions, built-up areas, places, points of interest.

What a car can never use is left out and counted; every tag that a speed profile may read is
kept, so that one set of road tables serves all profiles.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from accessibility.errors import InputError, MissingInputError, first_of
from accessibility.inputs.built_up import built_up_areas, urban_share
from accessibility.inputs.countries import country_of
from accessibility.inputs.durations import duration_s
from accessibility.inputs.pbf import FERRIES, TOO_SHORT, Found, Lines, member_ways, read_files
from accessibility.inputs.rim import rim_nodes
from accessibility.inputs.roads import Ways, join_roads
from accessibility.inputs.territory import Drawn, buffered, metric_crs
from accessibility.memory import give_back
from accessibility.schema import GRS80, NODE_TAGS, WGS84, RoadTables

Ints = npt.NDArray[np.int64]

DIRECTION_TAGS = frozenset({"direction", "traffic_signals:direction"})


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
        `.osm.pbf`, `.osm`, `.osm.gz` or `.osm.bz2` files; of a way that several hold, the first
        one counts.
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
    if not files:
        raise MissingInputError("no extract is given; at least one .osm.pbf is expected.")
    area = None if within is None else buffered(within, buffer_km)
    read = read_files(files, None if area is None else area.bounds)
    roads, cut = _roads(read, files, area)
    give_back()
    places = _points(read.places, ["place", "name"], area)
    built_up = built_up_areas(*_land(read), area)
    drawn = Drawn.of(roads, metric_crs(roads))
    coast = _coast(read)
    urban = urban_share(drawn, built_up, places)
    country = country_of(roads)
    rim = rim_nodes(roads, drawn, cut, area, files, coast)
    roads.insert(4, "urban", urban)
    roads.insert(5, "country", country)
    nodes = _nodes(read.nodes, roads, drawn, rim)
    known = members_known(read.restrictions, roads)
    if lost := known.count(False):
        read.counts["turn restrictions left out: a member is not among the roads"] = lost
    restrictions = _restriction_table(list(itertools.compress(read.restrictions, known)))
    read.counts.update({"roads": len(roads), "rim nodes": len(rim)})
    del drawn
    give_back()
    return OsmExtract(
        roads=RoadTables(roads, nodes, restrictions),
        built_up=built_up,
        places=places,
        points_of_interest=_points(read.points, ["osm_id", "kind", "name"], area),
        counts=dict(sorted(read.counts.items())),
    )


def _roads(
    read: Found, files: list[Path], area: shapely.Geometry | None
) -> tuple[gpd.GeoDataFrame, Ints]:
    """The roads, and the nodes at which the area or the extract cuts them."""
    ways, ends = _ways(read)
    elsewhere = (
        f"{files[0]} holds no road in the area asked for: it is an extract of another region."
    )
    if not len(ways.way_id):
        short = read.counts[TOO_SHORT]
        if area is not None and read.counts["ways with highway or ferry"] and not short:
            raise InputError(elsewhere)
        why = f": its {short} ways lack nodes, or these have ids below 1" if short else ""
        raise InputError(f"{first_of(files)} holds no road that a car may use{why}.")
    read.ways = Lines()  # nobody needs them any more, and they are large
    special = np.array(sorted({n[0] for n in read.nodes}), dtype=np.int64)
    via = [r["via_node"] for r in read.restrictions if r["via_node"] is not None]
    members = {way for r in read.restrictions for way in member_ways(r)}
    # a sign that tells its direction tells it by its way: that way keeps how it was drawn
    aimed = [n[0] for n in read.nodes if DIRECTION_TAGS & n[3].keys()]
    way_of = np.repeat(ways.way_id, np.diff(ways.start))
    members |= set(way_of[np.isin(ways.node_id, aimed)].tolist())
    roads, cut = join_roads(
        ways,
        area=area,
        breaks=np.concatenate([special, np.array(via, dtype=np.int64), ends]),
        members=np.array(sorted(members), dtype=np.int64),
    )
    if roads.empty:
        raise InputError(elsewhere)
    return roads, np.union1d(cut, ends)


def _ways(read: Found) -> tuple[Ways, Ints]:
    """Stretches of ways whose nodes the extract holds, and the nodes at which it cuts them."""
    start, node_id, lonlat = read.ways.arrays()
    way = np.repeat(np.arange(len(read.way_id), dtype=np.int32), np.diff(start))
    held = ~np.isnan(lonlat[:, 0])
    # a stretch begins where another way or a missing node was before
    begins = np.diff(way, prepend=-1) != 0
    begins[1:] |= ~held[:-1]
    ends = np.append(begins[1:] | ~held[1:], True)[: len(way)]
    first, last = np.flatnonzero(begins & held), np.flatnonzero(ends & held)
    cut_before = np.diff(way, prepend=-1)[first] == 0
    cut_after = (last + 1 < len(way)) & (way[np.minimum(last + 1, len(way) - 1)] == way[last])
    differs = np.diff(node_id, prepend=-1) != 0
    turns = np.cumsum(differs & ~begins, dtype=np.int32)
    real = turns[last] > turns[first]  # two nodes at least

    several = np.bincount(way[1:][(differs[1:]) & (way[1:] == way[:-1])], minlength=len(start) - 1)
    torn = np.zeros(len(start) - 1, dtype=bool)
    torn[way[~held]] = True
    if lost := int((torn & (several > 0)).sum()):
        read.counts["ways with missing nodes"] = lost
    if short := len(start) - 1 - len(np.unique(way[first[real]])):
        read.counts[TOO_SHORT] = short
    known = several[way[first]] > 0
    cut = np.concatenate([node_id[last[cut_after & known]], node_id[first[cut_before & known]]])

    first, size = first[real], (last - first + 1)[real]
    start = np.concatenate([[0], np.cumsum(size)])
    node = np.repeat(first - start[:-1], size) + np.arange(start[-1])
    node_id, lonlat = node_id[node], lonlat[node]
    tags = [dict(items) for items in read.tag_sets]
    tag_set = np.array(read.tag_set, dtype=np.int64)[way[first]]
    way_id = np.array(read.way_id, dtype=np.int64)[way[first]]
    return Ways(
        way_id=way_id,
        tags=tags,
        tag_set=tag_set,
        start=start,
        node_id=node_id,
        lonlat=lonlat,
        s_per_m=_pace(tags, tag_set, way_id, start, lonlat),
    ), cut


def _pace(
    tags: list[dict[str, str]], tag_set: Ints, way_id: Ints, start: Ints, lonlat: np.ndarray
) -> np.ndarray:
    """Seconds for a metre of the ways that tell how long they take, NaN of all others."""
    timed = [
        duration_s(t.get("duration", ""))
        if t.get("route") in FERRIES or t.get("bridge") == "movable"
        else np.nan
        for t in tags
    ]
    duration = np.array(timed)[tag_set]
    known = np.flatnonzero(~np.isnan(duration))
    pace = np.full(len(way_id), np.nan)
    if len(known):
        length = np.array([GRS80.line_length(*lonlat[start[i] : start[i + 1]].T) for i in known])
        _, way = np.unique(way_id[known], return_inverse=True)
        whole = np.bincount(way, weights=length)[way]  # a way with missing nodes is in pieces
        pace[known] = np.divide(
            duration[known], whole, out=np.full(len(known), np.nan), where=whole > 0
        )
    return pace


def _land(read: Found) -> tuple[list[str], np.ndarray]:
    """Land use and outer rings of what is built up, closed ways only."""
    start, node_id, _ = read.land.arrays()
    size = np.diff(start)
    closed = size > 3
    closed[closed] = node_id[start[:-1][closed]] == node_id[start[1:][closed] - 1]
    whole, lines = read.land.whole()
    closed[whole] &= shapely.length(lines) > 0  # all nodes in one place enclose nothing
    for what, lost in (
        ("land use that is no closed ring, left out", ~closed),
        ("land use with missing nodes, left out", closed & ~whole),
    ):
        if lost.any():
            read.counts[what] = int(lost.sum())
    kept = closed & whole
    return list(itertools.compress(read.land_use, kept)), lines[kept[whole]]


def _coast(read: Found) -> np.ndarray:
    """Coastlines."""
    whole, lines = read.coast.whole()
    if not whole.all():
        read.counts["coastlines with missing nodes, left out"] = int((~whole).sum())
    return lines


def members_known(rows: list[dict[str, object]], roads: gpd.GeoDataFrame) -> list[bool]:
    """Which restrictions have all their members among the roads."""
    ways = set(roads["osm_way_id"])
    nodes = {None, *roads["from_node"], *roads["to_node"]}
    return [ways.issuperset(member_ways(row)) and row["via_node"] in nodes for row in rows]


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


def _nodes(
    found: list[tuple[int, float, float, dict[str, str]]],
    roads: gpd.GeoDataFrame,
    drawn: Drawn,
    rim: np.ndarray,
) -> gpd.GeoDataFrame:
    """Nodes that cost, close or are cut, among those that roads meet or end at."""
    known, first = np.unique(
        np.concatenate([roads["from_node"], roads["to_node"]]), return_index=True
    )
    met = np.isin([node for node, *_ in found], known)
    tags = {row[0]: row[3] for row in itertools.compress(found, met)}
    ids = sorted({*tags, *rim.tolist()})
    where = shapely.points(drawn.ends[first[np.searchsorted(known, ids)]])
    table: dict[str, object] = {
        "node_id": np.array(ids, dtype=np.int64),
        "rim": np.isin(ids, rim) if ids else np.zeros(0, dtype=bool),
    }
    for tag in NODE_TAGS:
        table[tag] = pd.Categorical([tags.get(node, {}).get(tag) for node in ids])
    return gpd.GeoDataFrame(table, geometry=where, crs=WGS84)
