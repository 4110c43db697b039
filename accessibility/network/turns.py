"""Pairs of directed edges that follow one another -> what the turn costs, or that it is closed.

An edge is a road driven in one direction. Searching over edges, not nodes, is what lets a
left turn cost more than a right one and a restriction forbid one movement only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from accessibility.network.profile import Profile
from accessibility.network.speeds import ALLOWED, FORBIDDEN, MODES

Ints = npt.NDArray[np.signedinteger[Any]]
Floats = npt.NDArray[np.float64]

OPEN_BARRIERS = frozenset(
    "cattle_grid border_control toll_booth sally_port no entrance height_restrictor arch".split()
)
"""Barriers that a car passes; every other value closes the road at its node."""

KERB_IS_FLAT = frozenset({"lowered", "flush"})


@dataclass(frozen=True)
class Edges:
    """Directed edges at the moment the turns are made, one row each.

    Attributes
    ----------
    tail, head : int32 array
        Nodes.
    segment : int32 array
    bearing_out, bearing_in : float array
        Direction of travel at the tail and at the head, degrees.
    roundabout : bool array
    """

    tail: Ints
    head: Ints
    segment: Ints
    bearing_out: Floats
    bearing_in: Floats
    roundabout: npt.NDArray[np.bool_]


def turn_table(
    edges: Edges,
    *,
    n_nodes: int,
    node_seconds: Floats,
    node_closed: npt.NDArray[np.bool_],
    profile: Profile,
) -> tuple[Ints, Ints, Floats]:
    """Every turn that is allowed, with its cost.

    Parameters
    ----------
    edges : Edges
    n_nodes : int
    node_seconds : float array (nodes,)
        What passing a node costs: signals, stops, gates.
    node_closed : bool array (nodes,)
        Nodes that nobody passes; one may turn round there.
    profile : Profile

    Returns
    -------
    from_edge, to_edge : int32 arrays (turns,)
        Sorted by from_edge, then to_edge.
    seconds : float array (turns,)
    """
    by_tail = np.argsort(edges.tail, kind="stable").astype(np.int32)
    leaving = np.bincount(edges.tail, minlength=n_nodes)
    first = np.concatenate([[0], np.cumsum(leaving)])
    options = leaving[edges.head]
    from_edge = np.repeat(np.arange(len(edges.tail), dtype=np.int32), options)
    rank = np.arange(len(from_edge)) - np.repeat(np.cumsum(options) - options, options)
    to_edge = by_tail[first[edges.head[from_edge]] + rank]

    back = edges.segment[from_edge] == edges.segment[to_edge]
    back &= edges.head[to_edge] == edges.tail[from_edge]
    back &= edges.tail[to_edge] == edges.head[from_edge]
    back &= from_edge != to_edge
    via = edges.head[from_edge]
    others = np.bincount(from_edge[~back], minlength=len(edges.tail))
    stuck = (others == 0) | node_closed[edges.head]
    kept = np.where(back, stuck[from_edge], ~node_closed[via])

    angle = (edges.bearing_out[to_edge] - edges.bearing_in[from_edge] + 180.0) % 360.0 - 180.0
    seconds = turn_seconds(
        angle,
        roads=_roads_at(edges, n_nodes)[via],
        u_turn=back,
        roundabout=edges.roundabout[from_edge] | edges.roundabout[to_edge],
        profile=profile,
    )
    seconds += node_seconds[via]
    return from_edge[kept], to_edge[kept], seconds[kept]


def turn_seconds(
    angle: Floats,
    *,
    roads: npt.NDArray[np.int64],
    u_turn: npt.NDArray[np.bool_],
    roundabout: npt.NDArray[np.bool_],
    profile: Profile,
) -> Floats:
    """What turns cost by their angle, traffic on the right.

    Parameters
    ----------
    angle : float array
        Degrees from straight on, right positive, -180 to 180.
    roads : int array
        Roads that meet at the node; where only two do, a bend is no turn.
    u_turn : bool array
    roundabout : bool array
        One of both edges is part of a roundabout: nothing comes from ahead.
    profile : Profile

    Returns
    -------
    float array, seconds

    Notes
    -----
    A sigmoid of the angle that ends at `sharp_s`, leaning by `bias` against turns to the
    left; to these `oncoming_s` is added, tapering with the angle. Source: OSRM's default car
    profile (profiles/car.lua), release 26.10.

    Examples
    --------
    >>> from accessibility.network.profile import load_profile
    >>> none = np.zeros(2, dtype=bool)
    >>> turn_seconds(np.array([90.0, -90.0]), roads=np.array([4, 4]), u_turn=none,
    ...              roundabout=none, profile=load_profile("osrm-car")).round(2)
    array([2.11, 7.32])
    """
    part = np.abs(angle) / 180.0
    lean = np.where(angle >= 0, profile.bias, 1.0 / profile.bias)
    seconds = profile.sharp_s / (1.0 + np.exp(-(13.0 / lean * part - 6.5 * lean)))
    crosses = (angle < 0) & ~u_turn & (roads > 2) & ~roundabout
    seconds += np.where(crosses, profile.oncoming_s / (1.0 + np.exp(-(13.0 * part - 3.25))), 0.0)
    seconds += np.where(u_turn, profile.u_turn_s, 0.0)
    return np.where((roads > 2) | u_turn, seconds, 0.0)


def node_costs(nodes: pd.DataFrame, profile: Profile) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Seconds lost at each row of the nodes table, and whether it closes the road."""
    rows = nodes.drop(columns="geometry").astype(object).to_dict("records")
    tags = [{str(k): v for k, v in row.items() if isinstance(v, str)} for row in rows]
    seconds = [_node_seconds(t, profile) for t in tags]
    return np.array(seconds, dtype=float), np.array([_closes(t) for t in tags], dtype=bool)


def _node_seconds(tags: dict[str, str], profile: Profile) -> float:
    return profile.nodes_s.get(tags.get("highway", ""), 0.0) + profile.nodes_s.get(
        tags.get("barrier", ""), 0.0
    )


def _closes(tags: dict[str, str]) -> bool:
    access = next((tags[mode] for mode in MODES if mode in tags), None)
    if access is not None:
        return access in FORBIDDEN and access not in ALLOWED
    barrier = tags.get("barrier")
    if barrier is None or barrier in OPEN_BARRIERS or barrier in ("gate", "lift_gate"):
        return False
    flat = tags.get("kerb") in KERB_IS_FLAT or tags.get("highway") == "crossing"
    return not (
        tags.get("bollard") == "rising"
        or (barrier == "kerb" and flat)
        or (barrier == "fence" and tags.get("sensory") in ("audible", "audio"))
    )


def _roads_at(edges: Edges, n_nodes: int) -> npt.NDArray[np.int64]:
    """Number of road ends that meet at each node, whatever their direction."""
    ends = np.concatenate([edges.tail, edges.head])
    # an edge and its reverse are one road; a loop has two ends at its node
    reverse = np.zeros(len(edges.tail), dtype=bool)
    reverse[1:] = edges.segment[1:] == edges.segment[:-1]
    side = np.concatenate([edges.segment * 2 + reverse, edges.segment * 2 + 1 - reverse])
    distinct = np.unique(np.stack([ends, side]), axis=1)
    return np.bincount(distinct[0], minlength=n_nodes)
