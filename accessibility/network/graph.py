"""The road network: read-only arrays, built from road tables under one profile, saved and loaded.

Three levels, each an index into flat arrays:

- a *segment* is one row of the roads table that the profile opens;
- an *edge* is a segment driven in one direction. A road that serves only to start or end a
  trip has two edges for a direction: one on which trips begin and one on which they end, so
  that no path leads through. So has a road within a turn restriction that leads through ways:
  one for cars that entered as the restriction says, one for the others;
- a *turn* is a pair of edges that may follow one another.

Costs are whole milliseconds: sums of whole numbers do not depend on their order, so that two
searches that meet the same path agree to the bit.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
from pyproj import CRS

from accessibility.errors import CrsError, InputError, first_of
from accessibility.inputs.territory import Drawn
from accessibility.network.bearings import bearings
from accessibility.network.profile import Profile, load_profile
from accessibility.network.restrictions import double_edges, open_turns
from accessibility.network.speeds import TableSpeeds, table_speeds
from accessibility.network.turns import Edges, node_costs, turn_table
from accessibility.parallel import in_threads
from accessibility.schema import LAMBERT_93, NODES, RESTRICTIONS, ROADS, RoadTables, validate

if TYPE_CHECKING:
    from accessibility.network.road_index import RoadIndex
    from accessibility.network.shortcuts import Shortcuts

Ints = npt.NDArray[np.signedinteger[Any]]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

FORMAT = 7
"""Version of the saved arrays; part of the key under which a network is cached."""

SHORTCUTS = "shortcuts."
INDEX = "road_index."
"""Before the names of arrays that are kept with those of the network."""

LONGEST_S = 5 * 86_400.0
"""Sums of whole milliseconds stay within 32 bits; the longest ferries take less by far."""


@dataclass(frozen=True)
class Turns:
    """Edges that follow each edge: those of edge e stand at `start[e]:start[e + 1]`."""

    start: Ints
    edge: Ints
    cost_ms: Ints


@dataclass(frozen=True, eq=False)
class RoadNetwork:
    """Roads as a car drives them under one profile; see the module for the three levels.

    Attributes
    ----------
    profile : str
        Name of the speed profile.
    metric_crs : str
        CRS of `xy`, for snapping.
    segment_road : int32 array (segments,)
        Row of the roads table.
    segment_edges : int32 array (segments, 2)
        Edge forward and backward, -1 where closed; of a restricted road the one on which
        trips end.
    segment_main : bool array (segments,)
        Whether the segment belongs to the largest part in which everything is reached from
        everything; only there do points snap.
    segment_rim : bool array (segments,)
        Whether the segment ends where the data end.
    segment_length_m : float array (segments,)
        Geodesic.
    segment_kph : float array (segments, 2)
        Forward and backward, 0 where closed.
    segment_origin : int8 array (segments,)
        Where the speed comes from: `accessibility.network.speeds.ORIGINS`.
    line_start : int32 array (segments + 1,), xy : float array (points, 2)
        Geometry.
    edge_segment : int32 array (edges,), edge_backward : bool array (edges,)
    edge_ms : int32 array (edges,)
        Time to drive the edge.
    edge_base : int32 array (edges,)
        The edge of `segment_edges` that this one stands for: itself, but where restrictions
        double an edge. A trip that arrives on a road may do so on any of them.
    edge_departure : int32 array (edges,)
        The edge on which a trip starts: itself, but on restricted roads.
    following, preceding : Turns
        Edges after and before each edge.
    """

    profile: str
    metric_crs: str
    segment_road: Ints
    segment_edges: Ints
    segment_main: Bools
    segment_rim: Bools
    segment_length_m: Floats
    segment_kph: Floats
    segment_origin: Ints
    line_start: Ints
    xy: Floats
    edge_segment: Ints
    edge_backward: Bools
    edge_ms: Ints
    edge_base: Ints
    edge_departure: Ints
    following: Turns
    preceding: Turns

    def __repr__(self) -> str:
        return (
            f"<RoadNetwork {self.profile}: {len(self.segment_road):,} segments, "
            f"{self.segment_length_m.sum() / 1000:,.0f} km, {len(self.edge_ms):,} edges, "
            f"{len(self.following.edge):,} turns>"
        )

    @cached_property
    def doubles(self) -> Ints:
        """Edges that stand for another one, in the order of `edge_base`."""
        found = np.flatnonzero(self.edge_base != np.arange(len(self.edge_base)))
        return found[np.argsort(self.edge_base[found], kind="stable")]

    @cached_property
    def road_index(self) -> RoadIndex:
        """Finds the nearest road of the main part; made when the first point is snapped."""
        from accessibility.network.road_index import index_roads

        return index_roads(np.flatnonzero(self.segment_main), self.line_start, self.xy)

    @cached_property
    def shortcuts(self) -> Shortcuts:
        """Lead searches over many roads past most of them; found when the first one begins."""
        from accessibility.network.shortcuts import find_shortcuts

        return find_shortcuts(self)

    def prepare(self) -> RoadNetwork:
        """Make what the first questions would have to wait for, and return the network."""
        in_threads(lambda part: getattr(self, part), ["shortcuts", "road_index"])
        return self

    def save(self, folder: Path) -> None:
        """Write the arrays as `.npy` files, which open memory-mapped."""
        self.prepare()
        folder.mkdir(parents=True)
        facts = {
            "format": FORMAT,
            "profile": self.profile,
            "metric_crs": self.metric_crs,
            "core": self.shortcuts.core,
        }
        arrays = (
            _arrays(self) | _arrays(self.shortcuts, SHORTCUTS) | _arrays(self.road_index, INDEX)
        )
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array)
        (folder / "network.json").write_text(json.dumps(facts), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> RoadNetwork:
        """Open a saved network, memory-mapped: nothing is read before it is used.

        Raises
        ------
        InputError
            If the folder holds no network of this version.
        """
        try:
            facts = json.loads((folder / "network.json").read_text(encoding="utf-8"))
            if facts.pop("format") != FORMAT:
                raise InputError(f"{folder} holds a network of another version; build it again.")
            arrays: dict[str, Any] = {
                p.stem: np.asarray(np.load(p, mmap_mode="r")) for p in folder.glob("*.npy")
            }
            from accessibility.network.road_index import RoadIndex
            from accessibility.network.shortcuts import Shortcuts

            for name in ("following", "preceding", f"{SHORTCUTS}ahead", f"{SHORTCUTS}behind"):
                arrays[name] = Turns(*(arrays.pop(f"{name}.{f.name}") for f in fields(Turns)))
            arrays[f"{SHORTCUTS}core"] = int(facts.pop("core"))
            kept = {
                name: table(*(arrays.pop(f"{prefix}{f.name}") for f in fields(table)))
                for name, prefix, table in (
                    ("shortcuts", SHORTCUTS, Shortcuts),
                    ("road_index", INDEX, RoadIndex),
                )
            }
            network = cls(**facts, **arrays)
            vars(network).update(kept)  # where `cached_property` looks
            return network
        except InputError:
            raise
        except (OSError, EOFError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"{folder} holds no whole network ({error}).") from error


def _arrays(
    table: RoadNetwork | Shortcuts | RoadIndex | Turns, prefix: str = ""
) -> dict[str, npt.NDArray[Any]]:
    """Arrays by the names under which they are saved."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    for item in fields(table):
        value = getattr(table, item.name)
        if isinstance(value, Turns):
            arrays |= _arrays(value, f"{prefix}{item.name}.")
        elif isinstance(value, np.ndarray):
            arrays[f"{prefix}{item.name}"] = value
    return arrays


def build_network(
    tables: RoadTables,
    *,
    profile: str | Path | Profile = "osrm-car",
    metric_crs: str = LAMBERT_93,
    speeds: TableSpeeds | None = None,
) -> RoadNetwork:
    """Build the network that a car drives from road tables.

    Parameters
    ----------
    tables : RoadTables
        From `read_roads` or a study.
    profile : str, Path or Profile
        Name of a speed profile or a TOML file.
    metric_crs : str
        CRS for snapping, in metres; Lambert-93 unless the roads lie elsewhere.
    speeds : TableSpeeds, optional
        How fast each road is driven, where that is not what the profile makes of its tags.

    Returns
    -------
    RoadNetwork

    Raises
    ------
    InputError
        If the tables have faults, or the profile opens no road.
    CrsError
        If the roads lie outside the area of `metric_crs`.

    Examples
    --------
    >>> import accessibility as acc
    >>> network = acc.build_network(acc.load_study("jura").roads)  # doctest: +SKIP
    """
    rules = load_profile(profile)
    validate(tables.roads, ROADS)
    validate(tables.nodes, NODES)
    validate(tables.restrictions, RESTRICTIONS)
    _check_area(tables.roads, metric_crs)
    roads = tables.roads
    speeds = table_speeds(roads, rules) if speeds is None else speeds
    kph, restricted = speeds.kph, speeds.restricted
    used = np.flatnonzero((kph > 0).any(axis=1)).astype(np.int32)
    if not len(used):
        raise InputError(f"no road of {len(roads)} is open to cars under profile {rules.name}.")
    kph, restricted = kph[used], restricted[used]
    length_m = roads["length_m"].to_numpy(dtype=float)[used]

    ends = roads[["from_node", "to_node"]].to_numpy()[used]
    node_id, node = np.unique(ends, return_inverse=True)
    node = node.reshape(-1, 2).astype(np.int32)
    line_start, xy = _drawn(roads, used, metric_crs)
    ring = roads["junction"].isin(["roundabout", "circular"]).to_numpy()[used]
    out, into = bearings(line_start, xy, ring)

    segment, way = np.nonzero(kph > 0)
    backward = way == 1
    with np.errstate(over="ignore"):  # what overflows is told below
        seconds = length_m[segment] / kph[segment, way] * 3.6
    if (slow := seconds > LONGEST_S).any():
        ways = np.unique(roads["osm_way_id"].to_numpy()[used[segment[slow]]])
        raise InputError(
            f"under profile {rules.name} a car takes longer than five days on ways "
            f"{first_of(ways)}: a speed of the profile is next to nothing."
        )
    edges = Edges(
        tail=node[segment, way],
        head=node[segment, 1 - way],
        segment=segment.astype(np.int32),
        bearing_out=np.where(backward, into[segment] + 180.0, out[segment]),
        bearing_in=np.where(backward, out[segment] + 180.0, into[segment]),
        roundabout=ring[segment],
        backward=backward,
        length_m=length_m[segment],
        kph=kph[segment, way],
    )
    known = np.flatnonzero(np.isin(tables.nodes["node_id"].to_numpy(), node_id))
    place = np.searchsorted(node_id, tables.nodes["node_id"].to_numpy()[known])
    rim = np.zeros(len(node_id), dtype=bool)
    rim[place] = tables.nodes["rim"].to_numpy()[known]
    costs = node_costs(tables.nodes, rules).at(known, place, len(node_id))
    from_edge, to_edge, turn_s = turn_table(edges, n_nodes=len(node_id), nodes=costs, profile=rules)
    way_id = roads["osm_way_id"].to_numpy()[used]
    free = open_turns(
        pd.DataFrame(
            {
                "from_edge": from_edge,
                "via_node": node_id[edges.head[from_edge]],
                "from_way": way_id[edges.segment[from_edge]],
                "to_way": way_id[edges.segment[to_edge]],
                "back": edges.segment[from_edge] == edges.segment[to_edge],
            }
        ),
        tables.restrictions,
    )
    from_edge, to_edge, turn_s = from_edge[free], to_edge[free], turn_s[free]
    main = _largest_part(from_edge, to_edge, len(segment))

    segment_edges = np.full((len(used), 2), -1, dtype=np.int32)
    segment_edges[segment, way] = np.arange(len(segment))

    doubled = double_edges(
        from_edge,
        to_edge,
        edge_way=way_id[segment],
        edge_segment=segment,
        restrictions=tables.restrictions,
    )
    from_edge, to_edge, turn_s = doubled.from_edge, doubled.to_edge, turn_s[doubled.turn]
    base = np.append(np.arange(len(segment)), doubled.base)
    limited = np.flatnonzero(restricted[segment[base], way[base]])
    departure = np.arange(len(base), dtype=np.int32)
    departure[limited] = len(base) + np.arange(len(limited))
    from_edge, to_edge, turn_s = _end_only(from_edge, to_edge, turn_s, departure)
    base = np.append(base, base[limited])
    edge_ms = np.maximum(1, np.rint(seconds[base] * 1000)).astype(np.int32)
    turn_ms = np.rint(turn_s * 1000).astype(np.int32)
    return _frozen(
        RoadNetwork(
            profile=rules.name,
            metric_crs=metric_crs,
            segment_road=used,
            segment_edges=segment_edges,
            segment_main=np.isin(np.arange(len(used)), edges.segment[main]),
            segment_rim=np.any(rim[node], axis=1),
            segment_length_m=length_m,
            segment_kph=kph,
            segment_origin=speeds.origin[used],
            line_start=line_start,
            xy=xy,
            edge_segment=segment[base].astype(np.int32),
            edge_backward=backward[base],
            edge_ms=edge_ms,
            edge_base=base.astype(np.int32),
            edge_departure=np.append(departure, departure[limited]).astype(np.int32),
            following=_turns(from_edge, to_edge, turn_ms, len(base)),
            preceding=_turns(to_edge, from_edge, turn_ms, len(base)),
        )
    )


def _check_area(roads: gpd.GeoDataFrame, metric_crs: str) -> None:
    area = CRS.from_user_input(metric_crs).area_of_use
    west, south, east, north = roads.total_bounds
    inside = (
        roads.empty
        or area is None
        or (west >= area.west and east <= area.east and south >= area.south and north <= area.north)
    )
    if not inside:
        raise CrsError(
            f"the roads reach from {west:.2f}, {south:.2f} to {east:.2f}, {north:.2f}, outside "
            f"the area of {metric_crs} ({area.name}): give the metric CRS of the territory, "
            f"such as {roads.estimate_utm_crs().to_string()}."
        )


def _drawn(roads: gpd.GeoDataFrame, used: Ints, metric_crs: str) -> tuple[Ints, Floats]:
    """Points of the roads that are used, in metres, and where those of each begin."""
    drawn = Drawn.of(roads, metric_crs)
    size = np.diff(drawn.start)[used]
    start = np.concatenate([[0], np.cumsum(size)])
    point = np.repeat(drawn.start[used] - start[:-1], size) + np.arange(start[-1])
    return start.astype(np.int32), drawn.xy[point]


def _largest_part(from_edge: Ints, to_edge: Ints, n_edges: int) -> Bools:
    """Edges of the largest strongly connected part."""
    # heavy, and not needed where a network is loaded
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    ones = np.ones(len(from_edge), dtype=np.int8)
    links = coo_matrix((ones, (from_edge, to_edge)), shape=(n_edges, n_edges))
    _, part = connected_components(links, directed=True, connection="strong")
    largest: Bools = part == np.bincount(part).argmax()
    return largest


def _end_only(
    from_edge: Ints, to_edge: Ints, seconds: Floats, departure: Ints
) -> tuple[Ints, Ints, Floats]:
    """Give restricted roads a second edge, on which trips start, and close the way through.

    A trip may start on a restricted road and leave it, and may enter one and end there; it
    never enters and leaves again.
    """
    limited = departure != np.arange(len(departure))
    onto, off = limited[to_edge], limited[from_edge]
    ending = ~off | onto  # entering, or going on towards the end
    starting = off
    from_all = np.concatenate([from_edge[ending], departure[from_edge[starting]]])
    to_all = np.concatenate([to_edge[ending], departure[to_edge[starting]]])
    return from_all, to_all, np.concatenate([seconds[ending], seconds[starting]])


def _turns(key: Ints, other: Ints, cost_ms: Ints, n_edges: int) -> Turns:
    order = np.lexsort((other, key))
    start = np.concatenate([[0], np.cumsum(np.bincount(key, minlength=n_edges))])
    return Turns(start.astype(np.int32), other[order].astype(np.int32), cost_ms[order])


def _frozen(network: RoadNetwork) -> RoadNetwork:
    for array in _arrays(network).values():
        array.setflags(write=False)
    return network
