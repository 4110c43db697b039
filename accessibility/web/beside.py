"""Scenarios side by side: kept while the visitor stays, and by the browser over a reload."""

from __future__ import annotations

from dataclasses import dataclass, replace

from accessibility.analysis.simulate_result import Simulation
from accessibility.web.address import packed, unpacked
from accessibility.web.desk import Desk
from accessibility.web.plan import MOST_NAME, Plan, by_ids
from accessibility.web.refusals import RefusedError

MOST_KEPT = 6


@dataclass(frozen=True)
class Kept:
    """A scenario that stays beside the one that is shown.

    Attributes
    ----------
    name : str
    plan : Plan
    done : Simulation
    letters : str
        The plan as an address holds it.
    """

    name: str
    plan: Plan
    done: Simulation
    letters: str


def opened(desk: Desk, letters: str) -> Plan:
    """Read an address, each site told by its id; raises as `unpacked` and `by_ids` do."""
    asked = unpacked(letters)
    sites = desk.sites_before(asked)
    return replace(asked, scenario=by_ids(asked.scenario, desk.study, sites=sites))


def keep(kept: tuple[Kept, ...], plan: Plan, done: Simulation, *, unnamed: str) -> tuple[Kept, ...]:
    """Keep one more; the oldest goes where there are too many.

    Parameters
    ----------
    kept : tuple of Kept
    plan : Plan
    done : Simulation
        Its answer.
    unnamed : str
        Name with a {number}, where the scenario has none of its own.
    """
    kept = kept[-MOST_KEPT + 1 :]
    taken = {one.name for one in kept}
    free = (unnamed.format(number=n) for n in range(1, MOST_KEPT + 1))
    name = plan.scenario.name
    if not name or name in taken:
        name = next(each for each in free if each not in taken)
    return (*kept, Kept(name, plan, done, packed(plan)))


def restored(desk: Desk, told: object) -> tuple[Kept, ...]:
    """What a browser kept: name and letters of each.

    Raises
    ------
    InputError, SettingError, UnknownNameError
        If it is damaged, or made for another study.
    """
    if not isinstance(told, list) or len(told) > MOST_KEPT:
        raise RefusedError("damaged_address")
    kept = []
    for row in told:
        if not (isinstance(row, list) and len(row) == 2 and all(isinstance(v, str) for v in row)):
            raise RefusedError("damaged_address")
        name, letters = row
        plan = opened(desk, letters)
        kept.append(Kept(name[:MOST_NAME], plan, desk.simulate(plan), letters))
    return tuple(kept)
