"""The network as a graph of networkx, as osmnx has them, and such graphs as road tables.

Such a graph has nodes with longitude and latitude, and an edge for each direction in which a
road is driven. The tags of a way stand in its edges, but for `oneway`: there it tells whether
the road has one edge or two.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterable, Iterator
from importlib import import_module
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError

from accessibility.errors import CrsError, InputError, MissingInputError, first_of
from accessibility.inputs.countries import country_of
from accessibility.inputs.roads import IMPLIES_ONEWAY
from accessibility.network.graph import RoadNetwork
from accessibility.schema import (
    GRS80,
    NODES,
    RESTRICTIONS,
    ROADS,
    WGS84,
    Column,
    RoadTables,
    validate,
)

if TYPE_CHECKING:
    import networkx as nx  # type: ignore[import-untyped, unused-ignore]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Lines = npt.NDArray[np.object_]
Data = dict[str, Any]
Edge = tuple[int, int, Data]

MADE = ("from_node", "to_node", "osm_way_id", "length_m", "oneway")
"""Columns of a road that its edges tell in another way; they have all others by their name."""

ROAD_COLUMNS = {name: column for name, column in ROADS.columns.items() if name not in MADE}
NODE_TAGS = tuple(name for name in NODES.columns if name not in ("node_id", "rim"))

UNSET = "unset"
"""`oneway_tag` of an edge whose way has no tag `oneway`."""


def to_networkx(tables: RoadTables, network: RoadNetwork) -> nx.MultiDiGraph:
    """Make a graph of a network that networkx and osmnx can work with.

    Parameters
    ----------
    tables : RoadTables
    network : RoadNetwork
        Built from these tables.

    Returns
    -------
    networkx.MultiDiGraph
        Of the whole graph: `crs` (epsg:4326), `profile`, `simplified` (True), `restrictions`
        (the table of turn restrictions, as JSON).

        One node for each OpenStreetMap node at which a road ends: `x` and `y` (longitude and
        latitude, degrees), `street_count` (road ends that meet there), the tags that are set,
        `rim` (True) where the data end.

        One edge for each direction that the profile opens: `osmid` (id of the way), `length`
        (metres), `travel_time` (seconds), `speed_kph`, `geometry` (LineString in the direction
        of travel), `oneway` (whether the other direction is closed), `reversed` (whether this
        one runs against the way as it is drawn), and what is set of the other columns of the
        roads table. Where `oneway` is True, `oneway_tag` is the tag of the way, or "unset".

    Raises
    ------
    MissingInputError
        If networkx is not installed.
    InputError
        If the network was not built from these tables.

    Notes
    -----
    Paths in such a graph lead from node to node. They cannot heed what a `RoadNetwork` knows of
    the way from one road to the next:

    - turns cost nothing, nor do signals, signs and barriers;
    - turn restrictions and barriers close nothing;
    - a road that serves only to start or to end a trip (private, customers) is passed through
      like any other. Its edges have `restricted` (True), so that they can be left out.

    Shortest paths by `travel_time` are therefore somewhat shorter than ours. Roads that the
    profile closes are not in the graph.

    Examples
    --------
    >>> import accessibility as acc
    >>> import networkx as nx
    >>> streets = nx.MultiDiGraph(crs="epsg:4326")
    >>> streets.add_nodes_from([(1, {"x": 5.55, "y": 46.67}), (2, {"x": 5.56, "y": 46.67})])
    >>> _ = streets.add_edge(1, 2, osmid=7, highway="residential")
    >>> tables = from_networkx(streets)
    >>> graph = to_networkx(tables, acc.build_network(tables))
    >>> nx.shortest_path_length(graph, 1, 2, weight="travel_time")
    110.193

    >>> import osmnx as ox  # doctest: +SKIP
    >>> jura = acc.load_study("jura")  # doctest: +SKIP
    >>> figure, axes = ox.plot_graph(to_networkx(jura.roads, jura.network))  # doctest: +SKIP
    """
    networkx = _networkx()
    row, length_m = network.segment_road, tables.roads["length_m"].to_numpy(dtype=float)
    if row.max() >= len(length_m) or (length_m[row] != network.segment_length_m).any():
        raise InputError(
            "the network was not built from these road tables: give those that it was built from."
        )
    roads = tables.roads.iloc[row]
    ends = roads[["from_node", "to_node"]].to_numpy(dtype=np.int64)
    lines = roads.geometry.to_numpy()

    segment, way = np.nonzero(network.segment_edges >= 0)
    edge, against = network.segment_edges[segment, way], way == 1
    one_way: Bools = np.any(network.segment_edges < 0, axis=1)
    told = roads["oneway"].astype(object).where(roads["oneway"].notna(), UNSET).where(one_way)
    tags = _filled(roads.assign(oneway_tag=told), [*ROAD_COLUMNS, "oneway_tag"])
    facts = {
        "osmid": roads["osm_way_id"].to_numpy()[segment],
        "length": network.segment_length_m[segment],
        "travel_time": network.edge_ms[edge] / 1000.0,
        "speed_kph": network.segment_kph[segment, way],
        "oneway": one_way[segment],
        "reversed": against,
        "geometry": _turned(lines[segment], against),
    }
    rows = zip(*(values.tolist() for values in facts.values()), strict=True)
    data = [
        {**tags[road], **dict(zip(facts, values, strict=True))}
        for road, values in zip(segment.tolist(), rows, strict=True)
    ]
    for i in np.flatnonzero(network.edge_departure[edge] != edge).tolist():
        data[i]["restricted"] = True

    graph = networkx.MultiDiGraph(
        crs=WGS84.lower(),  # as osmnx writes it
        profile=network.profile,
        simplified=True,
        restrictions=json.dumps(_filled(tables.restrictions, RESTRICTIONS.columns)),
    )
    graph.add_nodes_from(_nodes_with_data(tables.nodes, ends, lines))
    tail, head = ends[segment, way].tolist(), ends[segment, 1 - way].tolist()
    graph.add_edges_from(zip(tail, head, data, strict=True))
    return graph


def from_networkx(graph: nx.DiGraph) -> RoadTables:
    """Take the road tables out of a graph of osmnx, or out of one of `to_networkx`.

    Parameters
    ----------
    graph : networkx.MultiDiGraph or networkx.DiGraph
        In longitude and latitude, simplified or not; it stays as it is. Nodes are whole numbers
        with `x` and `y`. Edges have `osmid` and `highway` or `route`, and may have `geometry`
        (else the road is straight), `reversed` and tags.

    Returns
    -------
    RoadTables
        Two edges that are each other's reverse (the same `osmid`, the mirrored geometry,
        opposite `reversed`) are one road, drawn as the way is. An edge alone is a one-way road.
        So the edges tell the tag `oneway`; what is tagged for cars in particular, such as
        `oneway:motorcar`, stands beside it. `length_m` is measured on the geometry: the
        attributes `length`, `travel_time` and `speed_kph` are not read.

    Raises
    ------
    MissingInputError
        If networkx is not installed.
    CrsError
        If the graph is not in longitude and latitude (EPSG:4326).
    InputError
        If it is not directed, or has no nodes or edges, and for nodes and edges that lack what
        is told above.

    Warns
    -----
    UserWarning
        Where a road has several values of a tag, of which the first stands; where the edge
        against the way has other tags, which are dropped; and where an edge has no reverse and
        says that the road is no one-way.

    Notes
    -----
    What osmnx does not keep is not in the tables:

    - It keeps the tags named in its settings. All that a profile may read are kept with
      `ox.settings.useful_tags_way = [*ROAD_TAGS, "name", "ref"]` and
      `ox.settings.useful_tags_node = list(NODE_TAGS)`, from `accessibility.schema`.
    - Simplifying merges ways whose tags differ, and drops signals and barriers between
      junctions. `simplify=False` keeps them.
    - A way tagged `oneway=-1` is turned, but not its tags that end in `:forward` or `:backward`.
    - Turn restrictions, land use (`urban`), how long a ferry takes (`duration_s`) and where the
      data end (`rim`) are unknown. The graphs of `to_networkx` have all of these.

    Examples
    --------
    >>> import networkx as nx
    >>> graph = nx.MultiDiGraph(crs="epsg:4326")
    >>> graph.add_nodes_from([(1, {"x": 5.55, "y": 46.67}), (2, {"x": 5.56, "y": 46.67})])
    >>> _ = graph.add_edge(1, 2, osmid=7, highway="residential")
    >>> from_networkx(graph).roads[["from_node", "to_node", "oneway", "length_m"]]
       from_node  to_node oneway  length_m
    0          1        2    yes    765.23
    """
    edges = _checked_edges(graph)
    roads = _roads(graph, edges)
    nodes = _nodes(graph)
    restrictions = _restrictions(graph.graph.get("restrictions", "[]"))
    for table, schema in ((roads, ROADS), (nodes, NODES), (restrictions, RESTRICTIONS)):
        validate(table, schema, source="the graph")
    # as `read_roads` orders them: what is near on the ground is near in memory
    roads["hilbert"] = roads.hilbert_distance()
    keys = ["hilbert", "from_node", "to_node", "osm_way_id", "length_m"]
    roads = roads.sort_values(keys, ignore_index=True, kind="stable").drop(columns="hilbert")
    return RoadTables(roads, nodes, restrictions)


def _networkx() -> Any:
    try:
        return import_module("networkx")
    except ImportError as error:
        raise MissingInputError(
            'networkx is not installed: pip install "accessibility-toolkit[osmnx]".'
        ) from error


def _turned(lines: Lines, against: Bools) -> Lines:
    """Lines, some of them drawn the other way round."""
    lines = lines.copy()
    lines[against] = shapely.reverse(lines[against])
    return lines


def _filled(table: pd.DataFrame, names: Iterable[str]) -> list[Data]:
    """For each row, what is set in it."""
    found: list[Data] = [{} for _ in range(len(table))]
    for name in names:
        rows = np.flatnonzero(table[name].notna())
        for row, value in zip(rows.tolist(), table[name].iloc[rows].tolist(), strict=True):
            found[row][name] = value
    return found


def _nodes_with_data(
    nodes: gpd.GeoDataFrame, ends: Ints, lines: Lines
) -> Iterator[tuple[int, Data]]:
    node_id, first, meet = np.unique(ends, return_index=True, return_counts=True)
    at = np.stack([shapely.get_point(lines, 0), shapely.get_point(lines, -1)], axis=1).ravel()
    x, y = shapely.get_coordinates(at[first]).T.tolist()
    rim = nodes["rim"].astype(object).where(nodes["rim"])
    marks = _filled(nodes.assign(rim=rim), ["rim", *NODE_TAGS])
    marked = dict(zip(nodes["node_id"].tolist(), marks, strict=True))
    for node, lon, lat, n in zip(node_id.tolist(), x, y, meet.tolist(), strict=True):
        yield node, {"x": lon, "y": lat, "street_count": n, **marked.get(node, {})}


def _checked_edges(graph: nx.DiGraph) -> list[Edge]:
    """Edges of a graph that has all that road tables need."""
    if not isinstance(graph, _networkx().DiGraph):
        raise InputError(
            f"a {type(graph).__name__} is given; a graph of networkx with directed edges "
            "(MultiDiGraph or DiGraph) is expected."
        )
    _check_crs(graph.graph.get("crs"))
    nodes, edges = graph.nodes(data=True), list(graph.edges(data=True))
    if not edges:
        raise InputError(f"the graph has no {'edges' if len(nodes) else 'nodes'}.")
    faulty: dict[str, list[object]] = {
        "nodes whose id is no whole number": [n for n in graph if not isinstance(n, Integral)],
        "nodes without a finite x and y": [n for n, found in nodes if not _is_placed(found)],
        "edges without highway and route": [
            f"{u}-{v}"
            for u, v, d in edges
            if not (_text(d.get("highway")) or _text(d.get("route")))
        ],
        "edges whose osmid is no whole number": [
            f"{u}-{v}" for u, v, d in edges if not isinstance(_first(d.get("osmid")), Integral)
        ],
        "edges whose geometry is no LineString": [
            f"{u}-{v}" for u, v, d in edges if not _is_drawn(d.get("geometry"))
        ],
    }
    faults = [f"has {what} ({first_of(where)})" for what, where in faulty.items() if where]
    if faults:
        raise InputError(f"the graph {'; it '.join(faults)}.")
    return edges


def _check_crs(crs: object) -> None:
    if crs is None:
        raise CrsError(f"the graph has no crs; {WGS84} is expected: set G.graph['crs'].")
    try:
        found = CRS.from_user_input(crs)
    except CRSError as error:
        raise CrsError(f"the crs of the graph, {crs!r}, is none; {WGS84} is expected.") from error
    if not found.equals(WGS84, ignore_axis_order=True):
        raise CrsError(
            f"the graph is in {found.to_string()}, expected is {WGS84}: "
            "convert it with ox.projection.project_graph(G, to_latlong=True)."
        )


def _is_placed(node: Data) -> bool:
    xy = node.get("x"), node.get("y")
    return all(isinstance(value, Real) and math.isfinite(value) for value in xy)


def _is_drawn(line: object) -> bool:
    """Whether this may be the geometry of an edge; one without any is straight."""
    return line is None or (isinstance(line, shapely.LineString) and not line.is_empty)


def _roads(graph: nx.DiGraph, edges: list[Edge]) -> gpd.GeoDataFrame:
    """The roads table, in the order in which the graph has their edges."""
    data = [found for _, _, found in edges]
    ends = np.array([edge[:2] for edge in edges], dtype=np.int64)
    lines = _lines(graph, ends, data)
    along, against = _pairs(ends, lines, data).T
    both = (along >= 0) & (against >= 0)
    lead = np.where(along >= 0, along, against)
    first = [data[i] for i in lead.tolist()]
    other = [data[i] for i in np.where(both, against, lead).tolist()]
    # a road with none but the edge against the way is still drawn as the way is
    back = np.array([_flag(found.get("reversed")) is True for found in first])
    drawn = _turned(lines[lead], back)
    table: dict[str, Any] = {
        "from_node": np.where(back, ends[lead, 1], ends[lead, 0]),
        "to_node": np.where(back, ends[lead, 0], ends[lead, 1]),
        "osm_way_id": np.array([_first(found["osmid"]) for found in first], dtype=np.int64),
        "length_m": _length_m(drawn),
    }
    several, differ = np.zeros((2, len(lead)), dtype=bool)
    present = set[str]().union(*data)
    for name, column in ROAD_COLUMNS.items():
        if name not in present:
            table[name] = _column(name, column, [None]).repeat(len(lead))
            continue
        values = [found.get(name) for found in first]
        table[name] = _column(name, column, values)
        several |= [isinstance(value, list) for value in values]
        pairs = zip(values, (found.get(name) for found in other), strict=True)
        differ |= [a != b and _text(a) != _text(b) for a, b in pairs]
    _warn(several, differ & ~several, both, first)
    implied = np.any([table[tag] == value for tag, value in sorted(IMPLIES_ONEWAY)], axis=0)
    told = [_text(found.get("oneway_tag")) for found in first]
    kinds = zip(both.tolist(), implied.tolist(), back.tolist(), told, strict=True)
    table["oneway"] = pd.Categorical([_oneway_tag(*kind) for kind in kinds])
    roads = gpd.GeoDataFrame(table, geometry=drawn, crs=WGS84)
    if "country" not in present:
        roads["country"] = country_of(roads)
    return roads[[*ROADS.columns, "geometry"]]


def _oneway_tag(both: bool, implied: bool, back: bool, told: str | None) -> str | None:
    """The tag with which a road has the edges that the graph has."""
    if both:
        return "no" if implied else None
    if told is not None:  # where other tags close the road in one direction, there may be none
        return None if told == UNSET else told
    return "-1" if back else "yes"


def _warn(several: Bools, differ: Bools, both: Bools, data: list[Data]) -> None:
    """Tell what the edges of roads say that the roads table does not hold."""
    alone = (data[i] for i in np.flatnonzero(~both).tolist())
    counts = {
        "edges have a list for a tag: its first value stands": sum(several * (1 + both)),
        "roads have other tags in the edge against the way: those along it stand": sum(differ),
        "edges say oneway=False and have no reverse: they are read as one-way roads (a graph "
        "made with ox.settings.all_oneway tells no directions)": sum(
            found.get("oneway") in (False, "no") for found in alone
        ),
    }
    for what, count in counts.items():
        if count:
            warnings.warn(f"{count:,} {what}.", stacklevel=4)


def _lines(graph: nx.DiGraph, ends: Ints, data: list[Data]) -> Lines:
    """Geometry of each edge in its direction; a straight line where it has none."""
    place = {node: (found["x"], found["y"]) for node, found in graph.nodes(data=True)}
    tail, head = (np.array([place[n] for n in side], dtype=float) for side in ends.T.tolist())
    lines = np.array([found.get("geometry") for found in data], dtype=object)
    bare = shapely.is_missing(lines)
    lines[bare] = shapely.linestrings(np.stack([tail[bare], head[bare]], axis=1))
    # an edge that was turned by hand, or made of one without direction, keeps its old geometry
    start = shapely.get_coordinates(shapely.get_point(lines, 0))
    return _turned(lines, np.hypot(*(start - head).T) < np.hypot(*(start - tail).T))


def _pairs(ends: Ints, lines: Lines, data: list[Data]) -> Ints:
    """Edges of each road, shape (roads, 2): along the way and against it, -1 where there is none.

    A merged edge of ways that are drawn in opposite directions does not tell its own. Of two such
    edges either may count as the one along the way.
    """
    tail, head = ends.T
    shape, mirrored = shapely.to_wkb(lines), shapely.to_wkb(shapely.reverse(lines))
    flags = [_flag(found.get("reversed")) for found in data]
    untold = np.array([flag is None for flag in flags])
    second = (tail > head) | ((tail == head) & (shape > mirrored))
    against = np.where(untold, second, np.array([flag is True for flag in flags]))
    edges = pd.DataFrame(
        {
            "from_node": np.where(against, head, tail),
            "to_node": np.where(against, tail, head),
            "ways": [_ways(found["osmid"]) for found in data],
            "shape": np.where(against, mirrored, shape),
        }
    )
    place = edges.groupby(list(edges), sort=False).ngroup()
    # roads may lie upon one another: the first edge each way makes one road, and so on
    nth = edges.groupby([place, against]).cumcount()
    road = edges.groupby([place, nth], sort=False).ngroup().to_numpy()
    pairs = np.full((road.max() + 1, 2), -1)
    pairs[road, against.astype(int)] = np.arange(len(edges))
    return pairs


def _ways(osmid: object) -> str:
    ids = osmid if isinstance(osmid, list) else [osmid]
    return ";".join(sorted(map(str, ids)))


def _length_m(lines: Lines) -> npt.NDArray[np.float64]:
    """Geodesic length as `read_roads` measures it."""
    xy, owner = shapely.get_coordinates(lines, return_index=True)
    along = owner[1:] == owner[:-1]
    steps = GRS80.inv(*xy[:-1][along].T, *xy[1:][along].T)[2]
    return np.round(np.bincount(owner[1:][along], weights=steps, minlength=len(lines)), 3)


def _column(name: str, column: Column, values: list[Any]) -> Any:
    if column.kind == "text":
        return pd.Categorical([v if type(v) is str else _text(v) for v in values])
    try:
        return np.array([np.nan if v is None else float(_first(v)) for v in values])
    except (TypeError, ValueError) as error:
        raise InputError(f"the graph has edges whose {name} is no number ({error}).") from error


def _nodes(graph: nx.DiGraph) -> gpd.GeoDataFrame:
    """Nodes with tags, and those where the data end."""
    told = {"rim", *NODE_TAGS}
    marked = {n: found for n, found in graph.nodes(data=True) if not told.isdisjoint(found)}
    rim = {n for n, found in marked.items() if _flag(found.get("rim"))}
    tags = {n: [_text(found.get(tag)) for tag in NODE_TAGS] for n, found in marked.items()}
    ids = sorted(n for n, found in tags.items() if n in rim or any(found))
    table: dict[str, Any] = {
        "node_id": np.array(ids, dtype=np.int64),
        "rim": np.array([n in rim for n in ids], dtype=bool),
    }
    for i, tag in enumerate(NODE_TAGS):
        table[tag] = pd.Categorical([tags[n][i] for n in ids])
    at = np.array([(graph.nodes[n]["x"], graph.nodes[n]["y"]) for n in ids], dtype=float)
    return gpd.GeoDataFrame(table, geometry=shapely.points(at.reshape(-1, 2)), crs=WGS84)


def _restrictions(text: Any) -> pd.DataFrame:
    """The restrictions table out of the JSON of `to_networkx`; empty in a graph of osmnx."""
    kinds = {
        name: "string" if column.kind == "text" else "Int64" if column.empty else "int64"
        for name, column in RESTRICTIONS.columns.items()
    }
    try:
        return pd.DataFrame(json.loads(text), columns=list(kinds), dtype=object).astype(kinds)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"the graph's attribute restrictions is not what to_networkx writes ({error})."
        ) from error


def _first(value: Any) -> Any:
    """The first of several values; merged edges have lists of them."""
    return (value or [None])[0] if isinstance(value, list) else value


def _text(value: Any) -> str | None:
    """A value as OpenStreetMap writes it."""
    value = _first(value)
    if isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    return None if value is None or pd.isna(value) else str(value).removesuffix(".0")


def _flag(value: object) -> bool | None:
    """True and False, also out of GraphML; None of anything else, such as a list of both."""
    return next((flag for flag in (True, False) if value in (flag, str(flag))), None)
