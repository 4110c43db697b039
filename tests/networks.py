"""Small road tables, points and extracts from compact descriptions in metres."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import osmium
import pandas as pd
import shapely
from osmium.osm import mutable
from pyproj import Transformer

from accessibility.network.graph import RoadNetwork
from accessibility.network.profile import load_profile
from accessibility.schema import LAMBERT_93, NODE_TAGS, RESTRICTIONS, ROAD_TAGS, WGS84, RoadTables

Tags = Mapping[str, str]
XY = tuple[float, float]
Road = tuple[int, int, Tags]

ORIGIN = np.array([900_000.0, 6_620_000.0])  # in the Jura, Lambert-93
TO_LONLAT = Transformer.from_crs(LAMBERT_93, WGS84, always_xy=True)

STREET = {"highway": "primary", "maxspeed": "45"}  # 36 km/h: 10 m in a second
ONE_WAY = {**STREET, "oneway": "yes"}
PRIVATE = {**STREET, "access": "private"}
LINE = {1: (0, 0), 2: (1_000, 0), 3: (2_000, 0)}

CAR = load_profile("osrm-car")
NO_TURN_COSTS = replace(CAR, name="no turn costs", sharp_s=0.0, oncoming_s=0.0, u_turn_s=0.0)


def lonlat(xy: Iterable[XY]) -> np.ndarray:
    x, y = (np.array(list(xy), dtype=float).reshape(-1, 2) + ORIGIN).T
    return np.stack(TO_LONLAT.transform(x, y), axis=1)


def road_tables(
    places: Mapping[int, XY],
    roads: Sequence[Road],
    nodes: Mapping[int, Tags] | None = None,
    *,
    rim: Sequence[int] = (),
    restrictions: Sequence[Mapping[str, object]] = (),
) -> RoadTables:
    nodes = nodes or {}
    drawn = [_drawn(places[a], places[b]) for a, b, _ in roads]
    table = {
        "from_node": np.array([a for a, _, _ in roads], dtype=np.int64),
        "to_node": np.array([b for _, b, _ in roads], dtype=np.int64),
        "osm_way_id": np.arange(len(roads), dtype=np.int64) + 1,
        "length_m": [float(line.length) for line in drawn],
        "urban": np.full(len(roads), np.nan),
        "country": pd.Categorical(np.full(len(roads), "FR")),
        "duration_s": np.full(len(roads), np.nan),
        **{
            tag: pd.Categorical([tags.get(tag) for _, _, tags in roads])
            for tag in ("name", "ref", *ROAD_TAGS)
        },
    }
    lines = [shapely.LineString(lonlat(line.coords)) for line in drawn]
    ids = sorted({*nodes, *rim})
    marks = {
        "node_id": np.array(ids, dtype=np.int64),
        "rim": np.array([node in rim for node in ids], dtype=bool),
        **{tag: pd.Categorical([nodes.get(n, {}).get(tag) for n in ids]) for tag in NODE_TAGS},
    }
    at = shapely.points(lonlat(places[node] for node in ids))
    return RoadTables(
        gpd.GeoDataFrame(table, geometry=lines, crs=WGS84),
        gpd.GeoDataFrame(marks, geometry=at, crs=WGS84),
        restriction_table(restrictions),
    )


def restriction_table(rows: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    empty = dict.fromkeys(RESTRICTIONS.columns)
    table = pd.DataFrame(
        [{**empty, "relation_id": i, **row} for i, row in enumerate(rows)], columns=list(empty)
    )
    whole = {"relation_id": "int64", "from_way": "int64", "to_way": "int64", "via_node": "Int64"}
    return table.astype({**whole, "kind": "string", "via_ways": "string", "except": "string"})


def _drawn(a: XY, b: XY) -> shapely.LineString:
    if a != b:
        return shapely.LineString([a, b])
    x, y = a
    return shapely.LineString([a, (x + 200, y + 100), (x + 200, y - 100), a])


def points(
    xy: Sequence[XY], *, key: str = "demand_id", ids: Sequence[str] | None = None
) -> gpd.GeoDataFrame:
    names = [f"p{i}" for i in range(len(xy))] if ids is None else list(ids)
    return gpd.GeoDataFrame(
        {key: pd.Series(names, dtype=object)}, geometry=shapely.points(lonlat(xy)), crs=WGS84
    )


def facilities(xy: Sequence[XY], ids: Sequence[str] | None = None) -> gpd.GeoDataFrame:
    names = [f"f{i}" for i in range(len(xy))] if ids is None else ids
    return points(xy, key="facility_id", ids=names)


def edge(network: RoadNetwork, road: int, *, backward: bool = False) -> int:
    (segment,) = np.flatnonzero(network.segment_road == road)
    return int(network.segment_edges[segment, int(backward)])


def turn_s(network: RoadNetwork, before: int, after: int) -> float | None:
    turns = network.following
    for k in range(turns.start[before], turns.start[before + 1]):
        if turns.edge[k] == after:
            return turns.cost_ms[k] / 1000
    return None


def write_extract(
    path: Path,
    places: Mapping[int, XY],
    ways: Sequence[tuple[int, Sequence[int], Tags]],
    *,
    nodes: Mapping[int, Tags] | None = None,
    relations: Sequence[tuple[int, Sequence[tuple[str, int, str]], Tags]] = (),
    box: tuple[XY, XY] | None = None,
) -> Path:
    nodes = nodes or {}
    header = osmium.io.Header()
    if box is not None:
        (west, south), (east, north) = lonlat(box)
        header.add_box(osmium.osm.Box(west, south, east, north))
    path.unlink(missing_ok=True)
    with osmium.SimpleWriter(str(path), header=header) as file:
        for (ref, _), where in zip(places.items(), lonlat(places.values()), strict=True):
            tags = dict(nodes.get(ref, {}))
            file.add_node(mutable.Node(id=ref, location=tuple(where), tags=tags))
        for ref, refs, tags in ways:
            file.add_way(mutable.Way(id=ref, nodes=list(refs), tags=dict(tags)))
        for ref, members, tags in relations:
            file.add_relation(mutable.Relation(id=ref, members=list(members), tags=dict(tags)))
    return path
