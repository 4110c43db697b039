"""Pairs of directed edges that follow one another -> what the turn costs, or that it is closed.

An edge is a road driven in one direction. Searching over edges, not nodes, is what lets a
left turn cost more than a right one and a restriction forbid one movement only.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from accessibility.network.profile import Profile
from accessibility.network.speeds import ALLOWED, FORBIDDEN, MODES, metres

Ints = npt.NDArray[np.signedinteger[Any]]
Floats = npt.NDArray[np.float64]

OPEN_BARRIERS = frozenset(
    "cattle_grid border_control toll_booth sally_port no entrance height_restrictor arch".split()
)
"""Barriers that a car passes; every other value closes the road at its node."""

STOP_M = 20.0
"""A stop sign stands no farther than this from its junction (OSRM's default car profile)."""

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
    roundabout, backward : bool array
        Part of a roundabout; driven against the way as it is drawn.
    length_m, kph : float array
    """

    tail: Ints
    head: Ints
    segment: Ints
    bearing_out: Floats
    bearing_in: Floats
    roundabout: npt.NDArray[np.bool_]
    backward: npt.NDArray[np.bool_]
    length_m: Floats
    kph: Floats


@dataclass(frozen=True)
class NodeCosts:
    """What nodes cost or close, one row each.

    Attributes
    ----------
    seconds : float array (nodes, 2)
        Lost when arriving along the way, and against it: signals, signs, gates.
    closed : bool array (nodes,)
        Nodes that nobody passes; one may turn round there.
    loose_stop : bool array (nodes,)
        Stop signs that do not tell their direction.
    minor_stop : bool array (nodes,)
        Stop signs that hold for the minor roads of a junction.
    """

    seconds: Floats
    closed: npt.NDArray[np.bool_]
    loose_stop: npt.NDArray[np.bool_]
    minor_stop: npt.NDArray[np.bool_]

    def at(self, row: Ints, place: Ints, n_nodes: int) -> NodeCosts:
        """Spread some rows over all nodes of a network; the other nodes cost nothing."""
        spread = {}
        for item in fields(self):
            found = getattr(self, item.name)
            spread[item.name] = np.zeros((n_nodes, *found.shape[1:]), dtype=found.dtype)
            spread[item.name][place] = found[row]
        return NodeCosts(**spread)


def turn_table(
    edges: Edges,
    *,
    n_nodes: int,
    nodes: NodeCosts,
    profile: Profile,
) -> tuple[Ints, Ints, Floats]:
    """Every turn that is allowed, with its cost.

    Parameters
    ----------
    edges : Edges
    n_nodes : int
    nodes : NodeCosts
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
    stuck = (others == 0) | nodes.closed[edges.head]
    kept = np.where(back, stuck[from_edge], ~nodes.closed[via])

    # rounded, so that straight on and right round do not depend on the last bit of a bearing;
    # right round is to the right, as in OSRM
    bend = np.round(180.0 - edges.bearing_out[to_edge] + edges.bearing_in[from_edge], 6)
    angle = 180.0 - bend % 360.0
    roads = _roads_at(edges, n_nodes)[via]
    seconds = turn_seconds(
        angle,
        roads=roads,
        u_turn=back,
        roundabout=edges.roundabout[from_edge] | edges.roundabout[to_edge],
        profile=profile,
    )
    seconds += np.where(
        _passes_sign(edges, nodes, from_edge, to_edge, via, roads),
        0.0,
        nodes.seconds[via, edges.backward[from_edge].astype(int)],
    )
    return from_edge[kept], to_edge[kept], seconds[kept]


def _passes_sign(
    edges: Edges, nodes: NodeCosts, from_edge: Ints, to_edge: Ints, via: Ints, roads: Ints
) -> npt.NDArray[np.bool_]:
    """Turns for which a stop sign at their node does not hold.

    A sign that does not tell its direction stands within 20 m of its junction: who comes from
    the junction passes it. One for the minor roads does not hold for the fastest road.
    """
    leaving = (edges.length_m[from_edge] < STOP_M) & (edges.length_m[to_edge] > STOP_M)
    fastest = np.zeros(len(nodes.closed))
    np.maximum.at(fastest, edges.head, edges.kph)
    np.maximum.at(fastest, edges.tail, edges.kph)
    major = edges.kph[from_edge] >= fastest[via]
    passed: npt.NDArray[np.bool_] = (nodes.loose_stop[via] & (roads == 2) & leaving) | (
        nodes.minor_stop[via] & major
    )
    return passed


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
        Degrees from straight on, right positive, above -180 to 180.
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


def node_costs(nodes: pd.DataFrame, profile: Profile) -> NodeCosts:
    """What each row of the nodes table costs or closes."""
    rows = nodes.drop(columns="geometry").astype(object).to_dict("records")
    tags = [{str(k): v for k, v in row.items() if isinstance(v, str)} for row in rows]
    stop = np.array([t.get("highway") == "stop" for t in tags], dtype=bool)
    minor = np.array([t.get("stop") == "minor" for t in tags], dtype=bool)
    aimed = np.array([_direction(t) is not None for t in tags], dtype=bool)
    return NodeCosts(
        seconds=np.array([_node_seconds(t, profile) for t in tags], dtype=float).reshape(-1, 2),
        closed=np.array([_closes(t, profile) for t in tags], dtype=bool),
        loose_stop=stop & ~minor & ~aimed,
        minor_stop=stop & minor,
    )


def _direction(tags: dict[str, str]) -> str | None:
    """Direction of a way in which a signal or sign holds, where it is told."""
    told = tags.get("direction")
    if tags.get("highway") == "traffic_signals":
        told = tags.get("traffic_signals:direction", told)
    return told if told in ("forward", "backward") else None


def _node_seconds(tags: dict[str, str], profile: Profile) -> tuple[float, float]:
    """Seconds lost when arriving along the way and against it."""
    sign = profile.nodes_s.get(tags.get("highway", ""), 0.0)
    barrier = profile.nodes_s.get(tags.get("barrier", ""), 0.0)
    told = _direction(tags)
    return (
        barrier + (0.0 if told == "backward" else sign),
        barrier + (0.0 if told == "forward" else sign),
    )


def _closes(tags: dict[str, str], profile: Profile) -> bool:
    access = next((tags[mode] for mode in MODES if mode in tags), None)
    if access is not None:
        return access in FORBIDDEN and access not in ALLOWED
    barrier = tags.get("barrier")
    if barrier == "height_restrictor" and metres(tags.get("maxheight", "")) < profile.height_m:
        return True
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
    # both edges of a road have the same two ends
    one = np.diff(edges.segment, prepend=-1) != 0
    return np.bincount(np.concatenate([edges.tail[one], edges.head[one]]), minlength=n_nodes)
