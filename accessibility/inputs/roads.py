"""OpenStreetMap ways -> road segments between junctions.

A way is cut where another one meets it, at a node that costs time or closes the road and
at a member of a turn restriction; pieces that meet two and two with equal tags are joined.
Everything here works on whole arrays: one row per pair of consecutive nodes.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from accessibility.parallel import in_threads
from accessibility.schema import GRS80, ROAD_TAGS, WGS84

Ints = npt.NDArray[np.int64]
Small = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

CHUNK = 1 << 17
"""Links whose length is found at once."""

IMPLIES_ONEWAY = {("junction", "roundabout"), ("junction", "circular"), ("highway", "motorway")}


@dataclass(frozen=True)
class Ways:
    """Ways as they were read, flat: way i holds nodes `start[i]:start[i + 1]`.

    `s_per_m` is the pace of a way that tells how long it takes, NaN of all others.
    """

    way_id: Ints
    tags: list[dict[str, str]]
    tag_set: Ints
    start: Ints
    node_id: Ints
    lonlat: Floats
    s_per_m: Floats


@dataclass(frozen=True)
class _Links:
    """Pairs of consecutive nodes of a way, by position in the table of distinct nodes."""

    tail: Small
    head: Small
    way: Small


def join_roads(
    ways: Ways, *, area: shapely.Geometry | None, breaks: Ints, members: Ints
) -> tuple[gpd.GeoDataFrame, Ints]:
    """Cut and join ways into the roads table.

    Parameters
    ----------
    ways : Ways
    area : shapely geometry, optional
        Longitude and latitude. A pair of nodes is kept when one of them lies inside.
    breaks : int64 array
        Ids of nodes at which a road ends whatever meets there.
    members : int64 array
        Ids of ways that belong to a turn restriction; they keep their own id.

    Returns
    -------
    roads : GeoDataFrame
        The roads table (`accessibility.schema.ROADS`) without `urban` and `country`, in the
        order of a Hilbert curve: what is near on the ground is near in memory and on disk.
    cut : int64 array
        Ids of nodes where the edge of `area` cuts a road.
    """
    node_id, first, position = np.unique(ways.node_id, return_index=True, return_inverse=True)
    lonlat = ways.lonlat[first]
    links = _links(ways, position.astype(np.int32))
    del first, position
    cut = np.zeros(0, dtype=np.int64)
    if area is not None:
        shapely.prepare(area)
        inside = shapely.contains_xy(area, lonlat[:, 0], lonlat[:, 1])
        kept = inside[links.tail] | inside[links.head]
        links = _Links(links.tail[kept], links.head[kept], links.way[kept])
        met = np.zeros(len(node_id), dtype=bool)
        met[links.tail] = met[links.head] = True
        cut = node_id[met & ~inside]
    broken = np.isin(node_id, np.concatenate([breaks, cut]))
    runs = _runs(links, broken, len(node_id))
    chain, place, turned = _chains(links, runs, ways, broken, members, len(node_id))
    return _assemble(links, runs, chain, place, turned, ways, node_id, lonlat), cut


def _links(ways: Ways, position: Ints) -> _Links:
    last = np.zeros(len(position), dtype=bool)
    last[ways.start[1:] - 1] = True
    tail = position[:-1][~last[:-1]]
    head = position[1:][~last[:-1]]
    way = np.repeat(np.arange(len(ways.way_id), dtype=np.int32), np.diff(ways.start) - 1)
    real = tail != head  # a node listed twice in a row makes no road
    return _Links(tail[real], head[real], way[real])


def _runs(links: _Links, broken: Bools, n_nodes: int) -> Ints:
    """Start of each run of links within one way that no junction interrupts."""
    meets = np.bincount(links.tail, minlength=n_nodes) + np.bincount(links.head, minlength=n_nodes)
    follows = np.zeros(len(links.way), dtype=bool)
    follows[1:] = (links.way[1:] == links.way[:-1]) & (links.tail[1:] == links.head[:-1])
    through = follows & (meets[links.tail] == 2) & ~broken[links.tail]
    return np.append(np.flatnonzero(~through), len(links.way))


def _chains(
    links: _Links, runs: Ints, ways: Ways, broken: Bools, members: Ints, n_nodes: int
) -> tuple[Ints, Ints, Bools]:
    """Chain of each run, its place in it, and whether it is walked backwards."""
    n_runs = len(runs) - 1
    first, last = links.tail[runs[:-1]], links.head[runs[1:] - 1]
    way = links.way[runs[:-1]]
    tag_set = ways.tag_set[way]
    two_way = np.array([_reversible(tags) for tags in ways.tags], dtype=bool)[tag_set]
    alone = np.isin(ways.way_id[way], members) | ~np.isnan(ways.s_per_m[way])

    # The two run ends at each node where just two meet: end 2r is the first node of run r.
    ends = np.stack([first, last], axis=1).ravel()
    order = np.argsort(ends, kind="stable")
    counts = np.bincount(ends, minlength=n_nodes)
    offset = np.concatenate([[0], np.cumsum(counts)])
    at = np.flatnonzero((counts == 2) & ~broken)
    a, b = order[offset[at]], order[offset[at] + 1]
    run_a, run_b = a // 2, b // 2
    same = (tag_set[run_a] == tag_set[run_b]) & (run_a != run_b)
    same &= ~alone[run_a] & ~alone[run_b]
    same &= (a % 2 != b % 2) | two_way[run_a]  # head to tail, or direction says nothing
    mate = np.full(2 * n_runs, -1, dtype=np.int64)
    mate[a[same]], mate[b[same]] = b[same], a[same]

    chain = np.full(n_runs, -1, dtype=np.int64)
    place = np.zeros(n_runs, dtype=np.int64)
    turned = np.zeros(n_runs, dtype=bool)
    joined = (mate[0::2] >= 0) | (mate[1::2] >= 0)
    chain[~joined] = np.flatnonzero(~joined)
    for run in np.flatnonzero(joined):
        if chain[run] >= 0:
            continue
        start = _walk_to_start(int(run), mate)
        end, step = start, 0
        while True:  # from run to run, entering each at `end`
            current = end // 2
            chain[current], place[current], turned[current] = start // 2, step, end % 2 == 1
            end, step = mate[end ^ 1], step + 1
            if end < 0 or chain[end // 2] >= 0:
                break
    return chain, place, turned


def _walk_to_start(run: int, mate: Ints) -> int:
    """Go back to the end by which a chain is entered; on a ring, to where the walk began."""
    end = 2 * run
    while mate[end] >= 0:
        end = int(mate[end]) ^ 1
        if end // 2 == run:
            break
    return end


def _reversible(tags: dict[str, str]) -> bool:
    if IMPLIES_ONEWAY & set(tags.items()):
        return False
    return not any(
        key.startswith("oneway") or key.endswith((":forward", ":backward")) for key in tags
    )


def _assemble(
    links: _Links,
    runs: Ints,
    chain: Ints,
    place: Ints,
    turned: Bools,
    ways: Ways,
    node_id: Ints,
    lonlat: Floats,
) -> gpd.GeoDataFrame:
    link, tail, head, road = _in_order(links, runs, chain, place, turned)
    starts = np.flatnonzero(np.diff(road, prepend=-1))
    ends = np.append(starts[1:], len(road))[: len(starts)] - 1
    length_m = np.bincount(road, weights=_metres(lonlat, tail, head))
    first_way = links.way[link[starts]]
    table: dict[str, npt.NDArray[np.generic]] = {
        "from_node": node_id[tail[starts]],
        "to_node": node_id[head[ends]],
        "osm_way_id": ways.way_id[first_way],
        "length_m": np.round(length_m, 3),
        "duration_s": np.round(length_m * ways.s_per_m[first_way], 3),
    }
    lines = _lines(lonlat, tail, head, starts, road)
    along = gpd.GeoSeries(lines).hilbert_distance().to_numpy() if len(lines) else road[:0]
    keys = [table[k] for k in ("length_m", "osm_way_id", "to_node", "from_node")]
    near = np.lexsort([*keys, along])
    carried: dict[str, dict[int, str]] = {tag: {} for tag in (*ROAD_TAGS, "name", "ref")}
    for number, tags in enumerate(ways.tags):
        for tag, value in tags.items():
            carried[tag][number] = value
    sets = ways.tag_set[first_way[near]]
    return gpd.GeoDataFrame(
        {name: values[near] for name, values in table.items()}
        | {tag: _spread(values, len(ways.tags), sets) for tag, values in carried.items()},
        geometry=lines[near],
        crs=WGS84,
    )


def _in_order(
    links: _Links, runs: Ints, chain: Ints, place: Ints, turned: Bools
) -> tuple[Small, Small, Small, Small]:
    """Links road by road, each as it is walked: link, tail, head, and the number of its road."""
    runs = runs.astype(np.int32)  # there is one link for each point of each road
    order = np.lexsort((place, chain))  # runs, chain by chain
    sizes = np.diff(runs)[order]
    base = np.repeat(runs[:-1][order], sizes)
    within = np.arange(len(base), dtype=np.int32)
    within -= np.repeat(np.cumsum(sizes, dtype=np.int32) - sizes, sizes)
    back = np.repeat(turned[order], sizes)
    link = np.where(back, base + np.repeat(sizes, sizes) - 1 - within, base + within)
    tail = np.where(back, links.head[link], links.tail[link])
    head = np.where(back, links.tail[link], links.head[link])
    begins = np.diff(chain[order], prepend=chain[order][:1]) != 0
    return link, tail, head, np.repeat(np.cumsum(begins, dtype=np.int32), sizes)


def _metres(lonlat: Floats, tail: Small, head: Small) -> Floats:
    """Geodesic length of each link; in parts, as the library takes six numbers for each."""

    def some(begin: int) -> Floats:
        part = slice(begin, begin + CHUNK)
        length: Floats = GRS80.inv(*lonlat[tail[part]].T, *lonlat[head[part]].T)[2]
        return length

    return np.concatenate([np.zeros(0), *in_threads(some, range(0, len(tail), CHUNK))])


def _lines(
    lonlat: Floats, tail: Small, head: Small, starts: Ints, road: Small
) -> npt.NDArray[np.object_]:
    """Lines of roads: the first node of each, then the head of each of its links."""
    points = np.insert(head, starts, tail[starts])
    return np.asarray(
        shapely.linestrings(lonlat[points], indices=np.insert(road, starts, road[starts]))
    )


def _spread(values: dict[int, str], n_sets: int, sets: Ints) -> pd.Categorical:
    """Values of tag sets as a column of roads; only what some road carries is a category."""
    code, names = pd.factorize(np.array(list(values.values()), dtype=object), sort=True)
    of_set = np.full(n_sets, -1)
    of_set[list(values)] = code
    codes = of_set[sets]
    used = np.bincount(codes[codes >= 0], minlength=len(names)) > 0
    rank = np.append(np.where(used, np.cumsum(used) - 1, -1), -1)
    return pd.Categorical.from_codes(rank[codes], categories=pd.Index(names[used], dtype="string"))
