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
import pandas as pd
import shapely

from accessibility.errors import InputError, MissingInputError, first_of
from accessibility.inputs.built_up import built_up_areas, urban_share
from accessibility.inputs.countries import country_of
from accessibility.inputs.durations import duration_s
from accessibility.inputs.pbf import FERRIES, TOO_SHORT, Found, member_ways, read_files
from accessibility.inputs.rim import rim_nodes
from accessibility.inputs.roads import Ways, join_roads
from accessibility.inputs.territory import buffered
from accessibility.schema import GRS80, NODE_TAGS, WGS84, RoadTables

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
    read = read_files(files)
    if not read.way_id:
        short = read.counts[TOO_SHORT]
        why = f": its {short} ways lack nodes, or these have ids below 1" if short else ""
        raise InputError(f"{first_of(files)} holds no road that a car may use{why}.")
    area = None if within is None else buffered(within, buffer_km)
    special = np.array(sorted({n[0] for n in read.nodes}), dtype=np.int64)
    via = [r["via_node"] for r in read.restrictions if r["via_node"] is not None]
    members = {way for r in read.restrictions for way in member_ways(r)}
    ways = _ways(read)
    # a sign that tells its direction tells it by its way: that way keeps how it was drawn
    aimed = [n[0] for n in read.nodes if DIRECTION_TAGS & n[3].keys()]
    way_of = np.repeat(ways.way_id, np.diff(ways.start))
    members |= set(way_of[np.isin(ways.node_id, aimed)].tolist())
    roads, cut = join_roads(
        ways,
        area=area,
        breaks=np.concatenate([special, np.array(via + read.cut, dtype=np.int64)]),
        members=np.array(sorted(members), dtype=np.int64),
    )
    if roads.empty:
        raise InputError(
            f"{files[0]} holds no road in the area asked for: it is an extract of another region."
        )
    places = _points(read.places, ["place", "name"], area)
    built_up = built_up_areas(read.land, area)
    roads.insert(4, "urban", urban_share(roads, built_up, places))
    roads.insert(5, "country", country_of(roads))
    rim = rim_nodes(
        roads, np.union1d(cut, np.array(read.cut, dtype=np.int64)), area, files, read.coast
    )
    nodes = _nodes(read.nodes, roads, rim)
    known = _members_known(read.restrictions, roads)
    if lost := known.count(False):
        read.counts["turn restrictions left out: a member is not among the roads"] = lost
    restrictions = _restriction_table(list(itertools.compress(read.restrictions, known)))
    read.counts.update({"roads": len(roads), "rim nodes": len(rim)})
    return OsmExtract(
        roads=RoadTables(roads, nodes, restrictions),
        built_up=built_up,
        places=places,
        points_of_interest=_points(read.points, ["osm_id", "kind", "name"], area),
        counts=dict(sorted(read.counts.items())),
    )


def _ways(read: Found) -> Ways:
    start = np.concatenate([[0], np.cumsum([len(r) for r in read.refs])])
    lines = shapely.from_wkb(read.lines)
    tags = [dict(items) for items in read.tag_sets]
    timed = [
        duration_s(t.get("duration", ""))
        if t.get("route") in FERRIES or t.get("bridge") == "movable"
        else np.nan
        for t in tags
    ]
    way_id = np.array(read.way_id, dtype=np.int64)
    duration = np.array(timed)[read.tag_set]
    known = np.flatnonzero(~np.isnan(duration))
    s_per_m = np.full(len(way_id), np.nan)
    if len(known):
        length = np.array([GRS80.geometry_length(line) for line in lines[known]])
        _, way = np.unique(way_id[known], return_inverse=True)
        whole = np.bincount(way, weights=length)[way]  # a way with missing nodes is in pieces
        s_per_m[known] = np.divide(
            duration[known], whole, out=np.full(len(known), np.nan), where=whole > 0
        )
    return Ways(
        way_id=way_id,
        tags=tags,
        tag_set=np.array(read.tag_set, dtype=np.int64),
        start=start.astype(np.int64),
        node_id=np.fromiter((n for r in read.refs for n in r), dtype=np.int64, count=start[-1]),
        lonlat=shapely.get_coordinates(lines),
        s_per_m=s_per_m,
    )


def _members_known(rows: list[dict[str, object]], roads: gpd.GeoDataFrame) -> list[bool]:
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
