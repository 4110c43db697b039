"""Which edges must a search settle, and which follow from these? A core, and links around the rest.

A search over many roads settles the few edges of the core one after the other. The others lie
on dead ends, on chains, and between roads of the core; their times follow in one sweep. Only
how a least time is found changes, and never the time: links hold exact sums of milliseconds.

Notes
-----
A contraction hierarchy (Geisberger et al. 2008) over edges with turn costs, ended early: the
core that remains is searched plainly. The sweep is that of PHAST (Delling et al. 2011).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from accessibility.memory import give_back
from accessibility.network.graph import RoadNetwork, Turns

Ints = npt.NDArray[np.signedinteger[Any]]


@dataclass(frozen=True, eq=False)
class Shortcuts:
    """Links between edges under numbers of their own: the core first.

    Attributes
    ----------
    core : int
        How many edges the core has.
    number : int32 array (edges,)
        Number of each edge of the network.
    ahead, behind : Turns
        Links from the end of each edge to the end of others, with and against the traffic.
        Those of the core stay within it, those of any other edge lead to lower numbers.
    """

    core: int
    number: Ints
    ahead: Turns
    behind: Turns


def find_shortcuts(network: RoadNetwork) -> Shortcuts:
    """Find the core of a network, and the links around the other edges."""
    # compiled, and not needed where they are kept
    from accessibility.network import shortcut_kernels as kernels

    give_back()  # what building the network has left: this is the peak of a build
    turns = network.following
    level, *links = kernels.pass_over(turns.start, turns.edge, turns.cost_ms, network.edge_ms)
    # edges of one level stand in the order of the roads, so that neighbours are near in memory
    order = np.argsort(np.where(level < 0, -level.max(initial=0) - 1, -level), kind="stable")
    number = np.empty(len(order), dtype=np.int32)
    number[order] = np.arange(len(order))
    ahead, behind = (
        Turns(*kernels.links_of(order, number, *links, side)) for side in (kernels.OUT, kernels.IN)
    )
    return Shortcuts(int((level < 0).sum()), number, ahead, behind)
