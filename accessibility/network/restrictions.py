"""Turn restrictions of OpenStreetMap -> turns that are closed.

Applied are restrictions at a node that hold at all times. One that leads through a way, or
holds at some hours only, is left out and counted by `not_applied`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

CAR_KEYS = frozenset({"motorcar", "motor_vehicle", "vehicle"})
"""Values of `except` that free a car from a restriction."""


def applied(restrictions: pd.DataFrame) -> pd.DataFrame:
    """Restrictions that hold for a car at all times, at a node."""
    kind = restrictions["kind"].astype("string")
    simple = kind.str.fullmatch(r"(no|only)_\w+").fillna(False)
    return restrictions[simple & restrictions["via_node"].notna() & ~_frees_cars(restrictions)]


def not_applied(restrictions: pd.DataFrame) -> int:
    """Number of restrictions that concern a car and are left out."""
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
