"""What a visitor's step makes of the plan: one function for each, and none changes anything."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from accessibility.analysis.choices import checked_minutes
from accessibility.analysis.scenario import WITHIN_M, Scenario
from accessibility.analysis.scenario_form import FARTHEST_M, scenario_of
from accessibility.analysis.simulate_result import Simulation
from accessibility.analysis.siting import Siting
from accessibility.errors import InputError, SettingError
from accessibility.inputs.settings import parse_toml
from accessibility.web import plan as edit
from accessibility.web.beside import opened
from accessibility.web.desk import Desk
from accessibility.web.page_words import page_words
from accessibility.web.plan import MOST_NAME, History, Plan
from accessibility.web.refusals import RefusedError

MOST_FILE_BYTES = 200_000
"""Of a scenario that is opened: thousands of entries."""

Command = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """A command and all that it may look at.

    Attributes
    ----------
    command : dict
        What the page asked.
    history : History
        The plan that is shown, and those around it.
    done : Simulation
        Its answer.
    desk : Desk
    degrees : callable
        Longitude and latitude of a place that the page tells in metres.
    kept : tuple of Plan
        Those side by side.
    best : (Plan, Siting), optional
        The best new sites, and for which plan.
    lang : {"en", "fr"}
    """

    command: Command
    history: History
    done: Simulation
    desk: Desk
    degrees: Callable[[float, float], tuple[float, float]]
    kept: tuple[Plan, ...]
    best: tuple[Plan, Siting] | None
    lang: str

    @property
    def notice(self) -> str:
        """What the page says when it is done; empty if nothing."""
        key = {"load": "loaded", "address": "address_restored"}.get(self.command["do"])
        return page_words(self.lang)[key].format(name=self.source) if key else ""

    @property
    def source(self) -> str:
        """Name of the file that is opened."""
        return str(self.command.get("name") or "the file")[:MOST_NAME]

    @property
    def scenario(self) -> Scenario:
        """The scenario that is shown."""
        return self.history.now.scenario

    def then(self, scenario: Scenario) -> History:
        """The same choices with another scenario."""
        return self.history.then(replace(self.history.now, scenario=scenario))


def number_of(command: Command, key: str) -> float:
    """A number that a command tells."""
    value = command.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"{key} is {value!r}; a number is expected.")
    return float(value)


def kept_number(command: Command, kept: int) -> int:
    """Which of the scenarios side by side a command means."""
    number = int(number_of(command, "number"))
    if not 0 <= number < kept:
        raise InputError(f"there is no scenario {number + 1} beside this one.")
    return number


def box_of(command: Command) -> tuple[float, float, float, float] | None:
    """West, south, east and north of a view in metres; None if it is none."""
    box = command.get("box")
    if not isinstance(box, list) or len(box) != 4:
        return None
    try:
        west, south, east, north = map(float, box)
    except (TypeError, ValueError):
        return None
    there = all(map(math.isfinite, (west, south, east, north))) and west < east and south < north
    return (west, south, east, north) if there else None


def _add(step: Step) -> History:
    lon, lat = _place(step)
    name = step.desk.place_for_site(lon, lat)
    return step.then(edit.with_site(step.scenario, lon, lat, name=name))


def _move(step: Step) -> History:
    site, (lon, lat) = _site(step), _place(step)
    step.desk.place_for_site(lon, lat)
    if site in {place.id for place in step.scenario.remove}:
        raise RefusedError("closed_moves")
    return step.then(edit.with_moved(step.scenario, site, lon, lat))


def _toggle(step: Step) -> History:
    site = _site(step)
    if site in {place.id for place in step.scenario.remove}:
        return step.then(edit.with_reopened(step.scenario, site))
    return step.then(edit.without_site(step.scenario, site))


def _put_back(step: Step) -> History:
    return step.then(edit.put_back(step.scenario, _site(step)))


def _road(step: Step) -> History:
    within_m = min(max(number_of(step.command, "within_m"), WITHIN_M), FARTHEST_M)
    lon, lat = step.desk.point_on_road(*_clicked(step), within_m=within_m)
    return step.then(edit.with_closed_road(step.scenario, lon, lat))


def _drop_road(step: Step) -> History:
    number = int(number_of(step.command, "number"))
    return step.then(edit.without_road(step.scenario, number))


def _drop_speed(step: Step) -> History:
    number = int(number_of(step.command, "number"))
    return step.then(edit.without_speed(step.scenario, number))


def _set(step: Step) -> History:
    now, command = step.history.now, step.command
    if "minutes" in command:
        now = replace(now, minutes=checked_minutes(command["minutes"]))
    if "day" in command:
        days, at = list(step.desk.days), int(number_of(command, "day"))
        if not 0 <= at < len(days):
            raise SettingError(f"day {at} is not on the slider.")
        now = replace(now, as_of=days[at])
    if "population" in command:
        now = replace(now, population=int(number_of(command, "population")))
    return step.history.then(now)


def _reset(step: Step) -> History:
    return step.history.then(edit.start(step.desk.study))


def _undo(step: Step) -> History:
    return step.history.undone()


def _redo(step: Step) -> History:
    return step.history.redone()


def _name(step: Step) -> History:
    name = str(step.command.get("name", ""))[:MOST_NAME].strip()
    return step.then(replace(step.scenario, name=name))


def _load(step: Step) -> History:
    text = step.command.get("text")
    if not isinstance(text, str):
        raise InputError("the file holds no text.")
    if (size := len(text.encode())) > MOST_FILE_BYTES:
        raise RefusedError("too_large", size=-(-size // 1000), most=MOST_FILE_BYTES // 1000)
    scenario = scenario_of(parse_toml(text, source=step.source), source=step.source)
    sites = step.desk.sites_before(step.history.now)
    return step.then(edit.by_ids(scenario, step.desk.study, sites=sites))


def _address(step: Step) -> History:
    return step.history.then(opened(step.desk, str(step.command.get("text", ""))))


def _take_best(step: Step) -> History:
    if step.best is None or step.best[0] != step.history.now:
        raise RefusedError("stale")
    scenario = step.scenario
    for row in step.best[1].selected.itertuples():
        scenario = edit.with_site(scenario, row.geometry.x, row.geometry.y, name=str(row.name))
    return step.then(scenario)


def _show_kept(step: Step) -> History:
    return step.history.then(step.kept[kept_number(step.command, len(step.kept))])


def _place(step: Step) -> tuple[float, float]:
    """Degrees of a commune's chef-lieu, of a place in degrees, or of a click."""
    if isinstance(code := step.command.get("code"), str):
        communes = step.desk.study.communes
        row = communes[communes["code_insee"] == code]
        if row.empty:
            raise InputError(f"no commune has the code {code}.")
        return float(row["chef_lieu_lon"].iloc[0]), float(row["chef_lieu_lat"].iloc[0])
    if "lon" in step.command:
        return number_of(step.command, "lon"), number_of(step.command, "lat")
    return _clicked(step)


def _clicked(step: Step) -> tuple[float, float]:
    x, y = (number_of(step.command, axis) for axis in ("x", "y"))
    lon, lat = step.degrees(x, y)
    if not (math.isfinite(lon) and math.isfinite(lat)):
        raise RefusedError("outside", place=step.desk.study.title)
    return float(lon), float(lat)


def _site(step: Step) -> str:
    return edit.check_site(step.scenario, str(step.command.get("site")), step.done.after.sites)


STEPS: dict[str, Callable[[Step], History]] = {
    "add": _add,
    "move": _move,
    "toggle": _toggle,
    "put_back": _put_back,
    "road": _road,
    "drop_road": _drop_road,
    "drop_speed": _drop_speed,
    "set": _set,
    "reset": _reset,
    "undo": _undo,
    "redo": _redo,
    "name": _name,
    "load": _load,
    "address": _address,
    "take_best": _take_best,
    "show_kept": _show_kept,
}
"""Steps that give another plan; each can be undone."""
