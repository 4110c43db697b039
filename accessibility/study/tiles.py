"""Roads of a region, kept once each by the département that they lie nearest to, in tiles.

A département's roads are those of its own tiles and of its neighbours' that touch its ring, so
that any one can be read without the region.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from pandas.api.types import union_categoricals

from accessibility.errors import InputError, MissingInputError
from accessibility.schema import NODE_TAGS, ROAD_TAGS, RoadTables

ROADS, NODES, RESTRICTIONS = "roads.parquet", "nodes.parquet", "restrictions.parquet"
"""Files of a tile."""

TILE_DEG = 0.5
"""Side of a tile: some ten thousand roads in France."""

FROM_MEETS, TO_MEETS = "from_meets", "to_meets"
"""Columns of a tile: how many road ends of the whole region meet at either end of a road."""


CODED = frozenset(("name", "ref", "country", *ROAD_TAGS, *NODE_TAGS))
"""Columns of roads and nodes whose values are categories."""


def owners(points: npt.NDArray[np.object_], territories: gpd.GeoSeries) -> npt.NDArray[np.object_]:
    """Code of the territory that each point lies in or nearest to; of equals the lowest.

    Parameters
    ----------
    points : array of shapely points
        In the CRS of the territories, in metres.
    territories : GeoSeries
        Contours by code.
    """
    codes = np.array(territories.index, dtype=object)
    order = np.argsort(codes)
    tree = shapely.STRtree(territories.to_numpy()[order])
    row, found = tree.query_nearest(points, all_matches=True)
    best = np.full(len(points), len(codes), dtype=np.int64)
    np.minimum.at(best, row, found)
    owner: npt.NDArray[np.object_] = codes[order][best]
    return owner


def tile_of(lonlat: npt.NDArray[np.float64]) -> npt.NDArray[np.object_]:
    """Name of the tile in which each place lies.

    Examples
    --------
    >>> tile_of(np.array([[5.55, 46.67], [-1.2, 44.0]])).tolist()
    ['x11y93', 'x-3y88']
    """
    cells = np.floor(np.asarray(lonlat) / TILE_DEG).astype(int)
    return np.array([f"x{x}y{y}" for x, y in cells], dtype=object)


def with_meets(roads: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Note at each road how many road ends meet at its two nodes."""
    ends = roads[["from_node", "to_node"]].to_numpy()
    _, node, meets = np.unique(ends, return_inverse=True, return_counts=True)
    counted = meets[node.reshape(-1, 2)].astype(np.int32)
    return roads.assign(**{FROM_MEETS: counted[:, 0], TO_MEETS: counted[:, 1]})


def write_tiles(tables: RoadTables, folder: Path) -> None:
    """Write roads, nodes and restrictions by tile.

    A road lies in the tile of its first point. A tile holds the nodes at the ends of its roads
    and the restrictions that lead from them, so some stand in several.
    """
    roads, nodes, rules = tables.roads, tables.nodes, tables.restrictions
    of_road = tile_of(shapely.get_coordinates(shapely.get_point(roads.geometry.values, 0)))
    for name in sorted(set(of_road)):
        into = folder / name
        into.mkdir(parents=True)
        part = roads[of_road == name].reset_index(drop=True)
        ends = np.union1d(part["from_node"], part["to_node"])
        part.to_parquet(into / ROADS, compression="zstd", index=False, geometry_encoding="geoarrow")
        nodes[nodes["node_id"].isin(ends)].reset_index(drop=True).to_parquet(
            into / NODES, compression="zstd", index=False
        )
        rules[rules["from_way"].isin(part["osm_way_id"])].to_parquet(
            into / RESTRICTIONS, index=False
        )


def tiles_near(folders: Iterable[Path], area: shapely.Geometry) -> list[Path]:
    """Tiles, of any département, that an area touches, with those beside them.

    A road lies in the tile of its first point and may reach into the next.
    """
    near = shapely.buffer(area, TILE_DEG)
    found = []
    for folder in folders:
        for tile in sorted(folder.iterdir()):
            x, y = (int(v) * TILE_DEG for v in tile.name[1:].split("y"))
            if near.intersects(shapely.box(x, y, x + TILE_DEG, y + TILE_DEG)):
                found.append(tile)
    return found


def files_of(tiles: Iterable[Path]) -> list[Path]:
    """The files of tiles, in order."""
    return [tile / name for tile in tiles for name in (ROADS, NODES, RESTRICTIONS)]


def read_tiles(tiles: Sequence[Path], area: shapely.Geometry) -> RoadTables:
    """Put together the roads of tiles that touch an area, WGS 84; see `touching`.

    Raises
    ------
    MissingInputError, InputError
        If a tile is not there, or is damaged.
    """
    shapely.prepare(area)
    try:
        parts = (gpd.read_parquet(tile / ROADS) for tile in tiles)
        roads = _together([part[shapely.intersects(area, part.geometry)] for part in parts])
        nodes = _together([gpd.read_parquet(tile / NODES) for tile in tiles])
        rules = pd.concat(
            [pd.read_parquet(tile / RESTRICTIONS) for tile in tiles], ignore_index=True
        )
    except FileNotFoundError as error:
        raise MissingInputError(
            f"{error.filename} is not there: build the region again."
        ) from error
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"tiles of the region cannot be read ({error}): build it again."
        ) from error
    rim = nodes.groupby("node_id")["rim"].transform("any")
    nodes = nodes.assign(rim=rim).drop_duplicates("node_id")
    return touching(RoadTables(roads, nodes, rules.drop_duplicates()), area)


def touching(tables: RoadTables, area: shapely.Geometry) -> RoadTables:
    """The roads that touch an area, whole, with their nodes and restrictions.

    A node at which roads meet that are not taken is marked as rim. A restriction counts where
    all its members are among the roads, as when an extract is read.

    Parameters
    ----------
    tables : RoadTables
        Roads as `with_meets` makes them.
    area : shapely geometry
        WGS 84.
    """
    shapely.prepare(area)
    roads = tables.roads[shapely.intersects(area, tables.roads.geometry.values)]
    keys = ["hilbert", "from_node", "to_node", "osm_way_id", "length_m"]
    hilbert = roads.hilbert_distance() if len(roads) else 0
    roads = roads.assign(hilbert=hilbert).sort_values(keys, ignore_index=True, kind="stable")
    roads = _narrowed(roads.drop(columns="hilbert"))
    nodes = _with_rim(roads, tables.nodes)
    rules = tables.restrictions
    rows = [
        {"from_way": a, "to_way": b, "via_node": None if pd.isna(n) else n,
         "via_ways": None if pd.isna(w) else w}
        for a, b, n, w in zip(rules["from_way"], rules["to_way"], rules["via_node"],
                              rules["via_ways"], strict=True)
    ]  # fmt: skip
    from accessibility.inputs.osm import members_known  # reads extracts: heavy

    known = np.array(members_known(rows, roads), dtype=bool)
    rules = rules[known].sort_values(["relation_id", "from_way", "to_way"], ignore_index=True)
    return RoadTables(roads.drop(columns=[FROM_MEETS, TO_MEETS]), nodes, rules)


def _together(parts: Sequence[gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    """Tables one below the other."""
    columns: dict[str, object] = {}
    for name in parts[0].columns:
        series = [part[name] for part in parts]
        columns[name] = (
            union_categoricals([_coded(one) for one in series], sort_categories=True)
            if name in CODED
            else pd.concat(series, ignore_index=True)
        )
    return gpd.GeoDataFrame(columns, crs=parts[0].crs)


def _coded(values: pd.Series) -> pd.Categorical:
    """Text as categories; a file keeps none of a column that is empty."""
    coded = values if isinstance(values.dtype, pd.CategoricalDtype) else values.astype("category")
    return pd.Categorical(
        coded.cat.rename_categories(pd.Index(coded.cat.categories, dtype="string"))
    )


def _narrowed(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Categories that some row has."""
    coded = [name for name in table if name in CODED]
    return table.assign(**{name: _coded(table[name]).remove_unused_categories() for name in coded})


def _with_rim(roads: gpd.GeoDataFrame, nodes: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Nodes of the roads; rim too are those at which more roads meet than were taken."""
    lines = roads.geometry.values
    ends = np.concatenate([roads["from_node"], roads["to_node"]])
    meets = np.concatenate([roads[FROM_MEETS], roads[TO_MEETS]])
    node, first, taken = np.unique(ends, return_index=True, return_counts=True)
    cut = node[taken < meets[first]]
    kept = nodes[nodes["node_id"].isin(node)]
    kept = kept.assign(rim=kept["rim"].to_numpy(dtype=bool) | kept["node_id"].isin(cut).to_numpy())
    bare = np.setdiff1d(cut, kept["node_id"])
    at = first[np.searchsorted(node, bare)]
    road = at % len(roads) if len(roads) else at
    place = shapely.get_point(lines[road], np.where(at < len(roads), 0, -1))
    rim: dict[str, object] = {"node_id": bare, "rim": np.ones(len(bare), dtype=bool)}
    none = pd.Categorical([None] * len(bare), categories=pd.Index([], dtype="string"))
    rim |= {name: none for name in kept if name in CODED}
    more = gpd.GeoDataFrame(rim, geometry=gpd.GeoSeries(place, crs=nodes.crs))
    whole = _together([kept, more[list(kept.columns)]])
    return _narrowed(whole.sort_values("node_id", ignore_index=True))
