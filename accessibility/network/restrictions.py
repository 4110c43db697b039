"""Turn restrictions of OpenStreetMap -> turns that are closed.

A restriction at a node closes turns. One that leads through ways closes a movement of several
turns: whether its last turn is open depends on where the car came from. Edges of such a way are
therefore doubled: a second edge, on which only cars are that entered as the restriction says.
One that holds at some hours only is left out and counted by `not_applied`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Ints = npt.NDArray[np.signedinteger[Any]]
Path = tuple[int, ...]

CAR_KEYS = frozenset({"motorcar", "motor_vehicle", "vehicle"})
"""Values of `except` that free a car from a restriction."""


def applied(restrictions: pd.DataFrame) -> pd.DataFrame:
    """Restrictions that hold for a car at all times."""
    kind = restrictions["kind"].astype("string")
    simple = kind.str.fullmatch(r"(no|only)_\w+", na=False)
    return restrictions[simple & ~_frees_cars(restrictions)]


def not_applied(restrictions: pd.DataFrame) -> int:
    """Number of restrictions that concern a car and are left out: they hold at some hours."""
    concern = ~_frees_cars(restrictions)
    return int(concern.sum()) - len(applied(restrictions))


def open_turns(turns: pd.DataFrame, restrictions: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Tell which turns no restriction closes.

    Parameters
    ----------
    turns : DataFrame
        One row each: `from_edge`, `via_node` (OpenStreetMap id), `from_way`, `to_way`, and
        `back` where the turn goes back on the same road.
    restrictions : DataFrame
        The restrictions table.

    Returns
    -------
    bool array (turns,)

    Examples
    --------
    >>> turns = pd.DataFrame({"from_edge": [0, 0], "via_node": [7, 7], "from_way": [1, 1],
    ...                       "to_way": [2, 3], "back": [False, False]})
    >>> rule = pd.DataFrame({"kind": ["no_left_turn"], "from_way": [1], "via_node": [7],
    ...                      "to_way": [2], "except": [None]})
    >>> open_turns(turns, rule).tolist()
    [False, True]
    """
    rules = applied(restrictions)
    rules = rules[rules["via_node"].notna()]
    rules = rules.astype({"via_node": "int64", "kind": str})
    near = turns[turns["via_node"].isin(rules["via_node"])]
    named = ["via_node", "from_way", "to_way"]
    meets = near.reset_index().merge(rules[[*named, "kind"]], on=named)
    # where a way runs through the node, going straight on and going back are two movements
    same = meets["from_way"] == meets["to_way"]
    meets = meets[~same | (meets["back"] == (meets["kind"] == "no_u_turn"))]
    only = meets["kind"].str.startswith("only_")
    closed = set(meets.loc[~only, "index"])
    bound = near[near["from_edge"].isin(meets.loc[only, "from_edge"])]
    closed |= set(bound.index.difference(pd.Index(meets.loc[only, "index"])))
    return ~turns.index.isin(sorted(closed))


def _frees_cars(restrictions: pd.DataFrame) -> pd.Series:
    excepted = restrictions["except"].astype("string").fillna("").str.split(";")
    return excepted.apply(lambda v: bool(CAR_KEYS & {e.strip() for e in v})).astype(bool)


@dataclass(frozen=True)
class Doubled:
    """Turns with the edges that restrictions through ways double.

    Attributes
    ----------
    base : int array (doubled edges,)
        The edge that each one doubles; they are numbered on from the last edge.
    from_edge, to_edge : int arrays (turns,)
    turn : int array (turns,)
        The turn given whose cost each one has.
    """

    base: Ints
    from_edge: Ints
    to_edge: Ints
    turn: Ints


def double_edges(
    from_edge: Ints,
    to_edge: Ints,
    *,
    edge_way: Ints,
    edge_segment: Ints,
    restrictions: pd.DataFrame,
) -> Doubled:
    """Close the movements that restrictions through ways forbid.

    Parameters
    ----------
    from_edge, to_edge : int arrays (turns,)
        Turns that are open, sorted by from_edge.
    edge_way, edge_segment : int arrays (edges,)
        OpenStreetMap way and segment of each edge.
    restrictions : DataFrame
        The restrictions table.

    Returns
    -------
    Doubled

    Notes
    -----
    A doubled edge remembers the edges by which it was entered: a beginning of a restricted
    movement, two edges long or more. From each, every open turn leads to the longest such
    beginning that the movement so far ends with, else to the plain edge.
    """
    rules = applied(restrictions)
    rules = rules[rules["via_node"].isna() & rules["via_ways"].notna()]
    n_edges = len(edge_way)
    start = np.searchsorted(from_edge, np.arange(n_edges + 1))
    forbidden: set[Path] = set()
    bound: dict[Path, set[int]] = {}
    for rule in rules.to_dict("records"):
        via = [int(way) for way in rule["via_ways"].split(";")]
        ways = [int(rule["from_way"]), *via, int(rule["to_way"])]
        for path in _paths(ways, edge_way, edge_segment, start, to_edge):
            if rule["kind"].startswith("no_"):
                forbidden.add(path)
            else:
                bound.setdefault(path[:-1], set()).add(path[-1])
    beginnings = {p[:-1] for p in forbidden} | set(bound)
    known = sorted({p[:k] for p in beginnings for k in range(2, len(p) + 1)})
    number = {path: n_edges + i for i, path in enumerate(known)}

    firsts = np.unique([path[0] for path in known]).astype(np.int64)
    plain = np.flatnonzero(~np.isin(from_edge, firsts))
    turns: list[tuple[int, int, int]] = []
    for path, edge in [*(((int(e),), int(e)) for e in firsts), *number.items()]:
        for t in range(start[path[-1]], start[path[-1] + 1]):
            movement = (*path, int(to_edge[t]))
            if _is_open(movement, forbidden, bound):
                turns.append((edge, _target(movement, number), t))
    table = np.array(turns, dtype=np.int64).reshape(-1, 3)
    base = np.array([path[-1] for path in known], dtype=np.int64)
    return Doubled(
        base,
        np.append(from_edge[plain], table[:, 0]),
        np.append(to_edge[plain], table[:, 1]),
        np.append(plain, table[:, 2]),
    )


def _paths(
    ways: list[int], edge_way: Ints, edge_segment: Ints, start: Ints, to_edge: Ints
) -> Iterator[Path]:
    """Movements over edges that go through the ways in this order, each once."""
    stack: list[tuple[Path, int]] = [((int(e),), 0) for e in np.flatnonzero(edge_way == ways[0])]
    while stack:
        path, i = stack.pop()
        for x in to_edge[start[path[-1]] : start[path[-1] + 1]].tolist():
            if edge_segment[x] in edge_segment[list(path)]:
                continue
            longer = (*path, x)
            if edge_way[x] == ways[i + 1]:
                if i + 2 == len(ways):
                    yield longer
                else:
                    stack.append((longer, i + 1))
            elif i > 0 and edge_way[x] == ways[i]:
                stack.append((longer, i))


def _is_open(movement: Path, forbidden: set[Path], bound: dict[Path, set[int]]) -> bool:
    for k in range(len(movement) - 2):
        tail = movement[k:]
        if tail in forbidden or movement[-1] not in bound.get(tail[:-1], {movement[-1]}):
            return False
    return True


def _target(movement: Path, number: dict[Path, int]) -> int:
    for k in range(len(movement) - 1):
        if movement[k:] in number:
            return number[movement[k:]]
    return movement[-1]
