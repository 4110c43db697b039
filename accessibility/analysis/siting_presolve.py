"""What of a siting problem need not be solved: covered and equal demand, dominated candidates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

BLOCK = 512
"""Candidates that are compared with all others at once; bounds the memory."""


@dataclass(frozen=True)
class Reduced:
    """A covering problem with the same optimum as the one it was made of.

    Attributes
    ----------
    cover : CSR array (candidates left, groups of demand left)
        1 where a candidate covers a group.
    weights : float array (groups of demand left,)
    candidates : int array (candidates left,)
        Rows of the candidates before, ascending.
    """

    cover: Any
    weights: Floats
    candidates: Ints


PAIRS = 20_000_000
"""Pairs of candidates with demand in common that are compared at most: some seconds."""


def reduce_cover(
    cover: Any,
    weights: Floats,
    *,
    covered: Bools,
    allowed: Bools,
    kinds: Ints | None = None,
) -> Reduced:
    """Leave out what changes no optimum of a covering problem.

    Parameters
    ----------
    cover : CSR array (candidates, demand)
    weights : float array (demand,)
    covered : bool array (demand,)
        Demand that is covered whatever is chosen.
    allowed : bool array (candidates,)
        Candidates that may be chosen.
    kinds : int array (candidates,), optional
        Only a candidate of the same kind takes the place of another; all are of one kind if
        absent.

    Returns
    -------
    Reduced
        Without demand that is covered, weighs nothing or is in reach of no candidate; demand
        that the same candidates cover is one group; no candidate covers only what another
        covers as well (of equal ones the first stays). Where too many pairs would have to be
        compared, only equal ones are left out.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> cover = sp.csr_array([[1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 0, 1]])
    >>> none, all_ = np.zeros(4, bool), np.ones(3, bool)
    >>> left = reduce_cover(cover, np.ones(4), covered=none, allowed=all_)
    >>> left.candidates.tolist(), left.weights.tolist()
    ([1, 2], [3.0, 1.0])
    """
    candidates = np.flatnonzero(allowed)
    kind = np.zeros(cover.shape[0], dtype=np.int64) if kinds is None else kinds
    kept = np.flatnonzero(~covered & (weights > 0))
    if kinds is None:  # what covers nothing can only be of use to a rule
        candidates = candidates[np.diff(cover[candidates][:, kept].indptr) > 0]
    part, weights = cover[candidates][:, kept], weights[kept]
    while True:
        part, weights = _merge_equal(part, weights)
        stay = _first_of_equal(part, kind[candidates])
        part, candidates = part[stay], candidates[stay]
        often = np.bincount(part.indices, minlength=part.shape[1]).astype(float)
        if often @ often > PAIRS:
            return Reduced(part, weights, candidates)
        stay = _undominated(part, kind[candidates])
        part, candidates = part[stay], candidates[stay]
        if stay.all():
            return Reduced(part, weights, candidates)


def _first_of_equal(cover: Any, kinds: Ints) -> Bools:
    """The first of the candidates of a kind that cover the same."""
    cover.sort_indices()
    seen: set[tuple[int, bytes]] = set()
    stay = np.zeros(cover.shape[0], dtype=bool)
    for i in range(cover.shape[0]):
        key = int(kinds[i]), cover.indices[cover.indptr[i] : cover.indptr[i + 1]].tobytes()
        stay[i] = key not in seen
        seen.add(key)
    return stay


def _merge_equal(cover: Any, weights: Floats) -> tuple[Any, Floats]:
    """Make one column of all that the same candidates cover; columns of none are left out."""
    columns = cover.tocsc()
    columns.sort_indices()
    groups: dict[bytes, int] = {}
    first: list[int] = []
    total: list[float] = []
    for j in range(columns.shape[1]):
        key = columns.indices[columns.indptr[j] : columns.indptr[j + 1]].tobytes()
        if not key:
            continue
        if key in groups:
            total[groups[key]] += weights[j]
        else:
            groups[key] = len(first)
            first.append(j)
            total.append(weights[j])
    return columns[:, np.array(first, dtype=np.int64)].tocsr(), np.array(total, dtype=float)


def _undominated(cover: Any, kinds: Ints) -> Bools:
    """Candidates that cover something which no other one covers as well."""
    size = np.diff(cover.indptr)
    stay = np.ones(len(size), dtype=bool)
    turned = cover.T.tocsr()
    for start in range(0, cover.shape[0], BLOCK):
        shared = (cover[start : start + BLOCK] @ turned).tocoo()
        row, other = shared.row + start, shared.col
        within = (shared.data >= size[row]) & (row != other) & (kinds[row] == kinds[other])
        # of two equal candidates the first stays
        beaten = within & ((size[other] > size[row]) | (other < row))
        stay[row[beaten]] = False
    return np.asarray(stay)
