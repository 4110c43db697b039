"""Other choices of sites that are as good as the best one."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from accessibility.analysis.siting_given import NoChoiceError, Solution
from accessibility.analysis.siting_presolve import Ints
from accessibility.analysis.siting_rules import Rules
from accessibility.errors import SettingError


def ties(
    solve: Callable[[Rules, float], Solution],
    first: Solution,
    rules: Rules,
    *,
    most: int,
    until: float,
) -> tuple[list[Ints], bool]:
    """Find other choices of the same objective.

    Parameters
    ----------
    solve : callable
        Solves the same question under other rules, within some seconds.
    first : Solution
        Its answer.
    rules : Rules
        The rules of the question.
    most : int
        How many are looked for at most.
    until : float
        Moment of `time.monotonic` at which to stop.

    Returns
    -------
    list of int array
        Rows of the candidates; none holds another one, nor the first choice, as a part.
    bool
        Whether there is no further one.

    Notes
    -----
    Each choice that is found is forbidden together with all that hold it (a no-good cut), and
    the question is asked again, until its answer is worse (Balas, E. and Jeroslow, R. 1972,
    "Canonical cuts on the unit hypercube", SIAM Journal on Applied Mathematics 23).

    Examples
    --------
    >>> import numpy as np, scipy.sparse as sp
    >>> from accessibility.analysis.siting_covering import max_coverage
    >>> from accessibility.analysis.siting_rules import no_rules
    >>> def solve(rules, seconds):
    ...     return max_coverage(sp.eye_array(3), np.ones(3), 1, rules=rules)
    >>> first, now = solve(no_rules(3), 1.0), time.monotonic()
    >>> ties(solve, first, no_rules(3), most=5, until=now + 60)
    ([array([1]), array([2])], True)
    """
    if not first.optimal:
        return [], False
    found = [first.selected]
    while len(found[-1]) and time.monotonic() < until:
        rules = rules.without(found[-1])
        try:
            other = solve(rules, until - time.monotonic())
        except NoChoiceError:
            return found[1:], True
        except SettingError:  # the time was up before any choice was found
            return found[1:], False
        if not math.isclose(other.objective, first.objective, rel_tol=1e-9):
            apart = not math.isclose(other.bound, first.objective, rel_tol=1e-9)
            return found[1:], other.optimal or (apart and _worse(other, first))
        if len(found) > most:
            return found[1:], False
        found.append(other.selected)
    return found[1:], not len(found[-1])


def _worse(other: Solution, first: Solution) -> bool:
    """Whether even the bound of another answer does not reach the first."""
    less_is_better = other.bound <= other.objective
    return other.bound > first.objective if less_is_better else other.bound < first.objective
