"""Scenarios as planners write them: TOML files and typed places -> a checked `Scenario`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from accessibility.analysis.scenario import (
    CHANGES,
    HEAD,
    LISTS,
    PREFIXES,
    VERSION,
    WITHIN_M,
    LonLat,
    Move,
    NewRoad,
    Place,
    RoadAt,
    RoadChange,
    Scenario,
    Speed,
    Stop,
)
from accessibility.errors import InputError, first_of
from accessibility.inputs.settings import number, read_toml
from accessibility.network.speeds import HIGHEST_LIMIT_KPH, LOWEST_LIMIT_KPH

COSTS = ("yearly_eur", "eur")
ROAD_AT = ("lon", "lat", "ref", "name", "within_m")

MOST = {"kph": HIGHEST_LIMIT_KPH, "maxspeed_kph": HIGHEST_LIMIT_KPH, "factor": 10.0}
"""No car drives faster on a road of a study, and no works make it ten times faster."""

LEAST = {"maxspeed_kph": LOWEST_LIMIT_KPH}
"""A profile takes a lower limit for a slip and does not heed it."""

FARTHEST_M = 1_000.0
"""Nobody means a road that lies farther from a point than this."""


def parse_place(text: str, *, adding: bool) -> Place:
    """A site as it is typed.

    Raises
    ------
    InputError
        If the text tells no place.

    Examples
    --------
    >>> str(parse_place("39018", adding=True)), str(parse_place("2756", adding=False))
    ('insee:39018', 'id:2756')
    >>> str(parse_place("5.55,46.3", adding=True))
    '5.55,46.3'
    """
    prefix, _, rest = (part.strip() for part in text.partition(":"))
    if rest and prefix in PREFIXES:
        return replace(Place(), **{prefix: rest})  # type: ignore[arg-type]
    numbers = text.split(",")
    if len(numbers) == 2:
        try:
            lon, lat = (float(n) for n in numbers)
        except ValueError:
            pass
        else:
            _on_earth((lon, lat), source=text)
            return Place(lon=lon, lat=lat)
    if not adding and text.strip():
        return Place(id=text.strip())
    if re.fullmatch(r"\d[\dAB]\d{3}", text.strip()):
        return Place(insee=text.strip())
    raise InputError(
        f"{text!r} tells no place; expected is an INSEE code such as 39018, or insee:, id:, "
        "name: or lon,lat."
    )


def read_scenario(path: str | Path) -> Scenario:
    """Read a scenario from a TOML file; its form stands in `accessibility.analysis.scenario`.

    Raises
    ------
    MissingInputError, InputError, SettingError
        One sentence: the line and column of broken TOML, or the list and the key at fault.

    Examples
    --------
    >>> read_scenario("what-if.toml")  # doctest: +SKIP
    """
    path = Path(path)
    return scenario_of(read_toml(path, what="the scenario"), source=str(path))


def scenario_of(table: dict[str, Any], *, source: str = "the scenario") -> Scenario:
    """Check the values of a scenario's TOML form.

    Raises
    ------
    InputError, SettingError
        For an unknown key or version, a place or a road that is not told, a wrong value.

    Examples
    --------
    >>> scenario_of({"add": [{"insee": "39018"}]}).add[0].insee
    '39018'
    """
    _known(table, (*HEAD, *LISTS), source)
    if table.get("version", VERSION) != VERSION or isinstance(table.get("version"), bool):
        raise InputError(
            f"{source}: version is {table['version']!r}; this program reads version {VERSION}."
        )
    for key in ("study", "name", "notes"):
        _text(table, key, source)
    lists: dict[str, Any] = {}
    for key in LISTS:
        rows = table.get(key, [])
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise InputError(f"{source}: {key} is written as [[{key}]], once for each {_ONE[key]}.")
        lists[key] = tuple(
            _READERS[key](row, f"{source}: [[{key}]] {n}") for n, row in enumerate(rows, start=1)
        )
    head: dict[str, Any] = {key: table[key] for key in HEAD if key in table}
    return Scenario(**head, **lists)


def _known(table: dict[str, Any], keys: Sequence[str], source: str) -> None:
    if unknown := [key for key in table if key not in keys]:
        raise InputError(f"{source} has unknown keys {first_of(unknown)}; known are "
                         f"{', '.join(keys)}.")  # fmt: skip


def _text(table: dict[str, Any], key: str, source: str) -> str | None:
    value = table.get(key)
    if key in table and not isinstance(value, str):
        raise InputError(f"{source}: {key} is {value!r}; a text in quotes is expected.")
    return value


def _costs(table: dict[str, Any], source: str) -> dict[str, float]:
    found = {}
    for key in COSTS:
        if key in table:
            cost = table[key]
            if isinstance(cost, bool) or not isinstance(cost, int | float) or not 0 <= cost < 1e12:
                raise InputError(f"{source}: {key} is {cost!r}; euros of at least 0 are expected.")
            found[key] = float(cost)
    return found


def _added(table: dict[str, Any], source: str) -> Place:
    return _place(table, source, adding=True)


def _standing(table: dict[str, Any], source: str) -> Place:
    return _place(table, source, adding=False)


def _place(table: dict[str, Any], source: str, *, adding: bool) -> Place:
    keys = ["site", *(f.name for f in fields(Place) if adding or f.name not in COSTS)]
    _known(table, keys, source)
    texts: dict[str, Any] = {key: _text(table, key, source) for key in ("site", *PREFIXES)}
    place = Place(**{key: texts[key] for key in PREFIXES})
    if "lon" in table or "lat" in table:
        lon, lat = _lonlat(table, source)
        place = replace(place, lon=lon, lat=lat)
    if texts["site"] is not None:
        if str(place):
            raise InputError(f"{source} tells the place twice: site and {place}.")
        place = parse_place(texts["site"], adding=adding)
    told = [key for key in (*PREFIXES, "lon") if getattr(place, key) is not None]
    if not told or (len(told) > 1 and not adding):
        raise InputError(f"{source} tells {'several places' if told else 'no place'}; one of "
                         "site, insee, id, name, or lon and lat is expected.")  # fmt: skip
    return replace(place, **_costs(table, source))  # type: ignore[arg-type]


def _spot(value: Any, source: str) -> Place:
    """Where a site shall stand: a text or a table, neither an id nor a cost."""
    if not isinstance(value, str | dict):
        raise InputError(f'{source} is {value!r}; a place such as {{ insee = "39018" }} is '
                         "expected.")  # fmt: skip
    there = _place({"site": value} if isinstance(value, str) else value, source, adding=True)
    if there.id is not None or there.yearly_eur is not None or there.eur is not None:
        raise InputError(f"{source}: insee, name, or lon and lat are expected.")
    return there


def _move(table: dict[str, Any], source: str) -> Move:
    if "to" not in table:
        raise InputError(f'{source} lacks to: a place such as to = {{ insee = "39018" }}.')
    site = {key: value for key, value in table.items() if key not in ("to", *COSTS)}
    there = _spot(table["to"], f"{source} to")
    return Move(_standing(site, source), there, **_costs(table, source))


def _stop(table: dict[str, Any], source: str) -> Stop:
    _known(table, ("at", "name", "id", *COSTS), source)
    at = table.get("at")
    if not isinstance(at, list) or not at:
        raise InputError(f'{source}: at is {at!r}; a list of places such as ["39018", "39397"] is '
                         "expected.")  # fmt: skip
    places = tuple(_spot(value, f"{source} at {n}") for n, value in enumerate(at, start=1))
    name, id_ = (_text(table, key, source) for key in ("name", "id"))
    return Stop(places, name, id_, **_costs(table, source))


def _road(table: dict[str, Any], source: str) -> RoadChange | NewRoad:
    if "line" in table:
        return _new_road(table, source)
    _known(table, ("change", *ROAD_AT, "towards", "line", "class", *COSTS), source)
    change = table.get("change")
    if change not in CHANGES:
        raise InputError(f"{source}: change is {change!r}; expected is one of "
                         f"{', '.join(CHANGES)}, or a line of a new road.")  # fmt: skip
    _known(table, ("change", *ROAD_AT, "towards", *COSTS), source)
    towards = None
    if "towards" in table:
        towards = _pair(table["towards"], f"{source}: towards")
    if (change == "one-way") != (towards is not None):
        raise InputError(f"{source}: towards = [lon, lat] tells to which end a one-way road leads; "
                         f"change is {change}.")  # fmt: skip
    return RoadChange(change, _road_at(table, source), towards, **_costs(table, source))


def _new_road(table: dict[str, Any], source: str) -> NewRoad:
    keys = ("line", "class", "maxspeed_kph", "oneway", "ref", "name", "within_m", *COSTS)
    _known(table, keys, source)
    line = table["line"]
    if not isinstance(line, list) or len(line) < 2:
        raise InputError(f"{source}: line is {line!r}; at least two places are expected, such as "
                         "[[5.51, 46.35], [5.53, 46.36]].")  # fmt: skip
    points = tuple(_pair(value, f"{source}: place {n} of the line") for n, value
                   in enumerate(line, start=1))  # fmt: skip
    road_class = _text(table, "class", source)
    if road_class is None:
        raise InputError(f'{source} lacks class: that of the road, such as class = "secondary".')
    oneway = table.get("oneway", False)
    if not isinstance(oneway, bool):
        raise InputError(f"{source}: oneway is {oneway!r}; true or false is expected.")
    return NewRoad(
        line=points,
        road_class=road_class,
        maxspeed_kph=_above_0(table, "maxspeed_kph", source),
        oneway=oneway,
        ref=_text(table, "ref", source),
        name=_text(table, "name", source),
        within_m=_within_m(table, source),
        **_costs(table, source),
    )


def _speed(table: dict[str, Any], source: str) -> Speed:
    _known(table, ("class", *ROAD_AT, "kph", "factor", *COSTS), source)
    road_class = _text(table, "class", source)
    if (road_class is None) == ("lon" not in table and "lat" not in table):
        raise InputError(f"{source}: either class, or lon and lat of a road are expected.")
    if ("kph" in table) == ("factor" in table):
        raise InputError(f"{source}: either kph or factor is expected.")
    if road_class is not None:
        _known(table, ("class", "kph", "factor", *COSTS), f"{source}, of a class,")
    told = {key: _above_0(table, key, source) for key in ("kph", "factor")}
    at = _road_at(table, source) if road_class is None else None
    return Speed(road_class, at, **told, **_costs(table, source))


def _above_0(table: dict[str, Any], key: str, source: str) -> float | None:
    """A speed or a factor, where it is told."""
    if key not in table:
        return None
    value = number(table, key, source=source)
    if not LEAST.get(key, 0.0) <= value <= MOST[key] or not value:
        least = f"at least {LEAST[key]:g}" if key in LEAST else "more than 0"
        raise InputError(f"{source}: {key} is {value:g}; {least} and at most {MOST[key]:g} is "
                         'expected; [[road]] with change = "close" closes a road.')  # fmt: skip
    return value


def _road_at(table: dict[str, Any], source: str) -> RoadAt:
    lon, lat = _lonlat(table, source)
    texts: dict[str, Any] = {key: _text(table, key, source) for key in ("ref", "name")}
    return RoadAt(lon, lat, **texts, within_m=_within_m(table, source))


def _within_m(table: dict[str, Any], source: str) -> float:
    value = number({"within_m": WITHIN_M} | table, "within_m", source=source)
    if not 0 < value <= FARTHEST_M:
        raise InputError(f"{source}: within_m is {value:g}; metres above 0 and up to "
                         f"{FARTHEST_M:g} are expected.")  # fmt: skip
    return value


def _lonlat(table: dict[str, Any], source: str) -> LonLat:
    lon, lat = (number(table, k, source=source, minimum=-180.0) for k in ("lon", "lat"))
    return _on_earth((lon, lat), source=source)


def _pair(value: Any, source: str) -> LonLat:
    numbers = isinstance(value, list) and len(value) == 2
    if not numbers or not all(
        isinstance(v, int | float) and not isinstance(v, bool) for v in value
    ):
        raise InputError(f"{source} is {value!r}; [longitude, latitude] is expected.")
    return _on_earth((float(value[0]), float(value[1])), source=source)


def _on_earth(place: LonLat, *, source: str) -> LonLat:
    lon, lat = place
    if not (math.isfinite(lon) and abs(lon) <= 180 and math.isfinite(lat) and abs(lat) <= 90):
        raise InputError(f"{source}: {lon:g}, {lat:g} are no longitude and latitude in degrees.")
    return place


_ONE = dict.fromkeys(LISTS, "site") | {"road": "road", "speed": "change"}

_READERS: dict[str, Callable[[dict[str, Any], str], Any]] = {
    "add": _added,
    "remove": _standing,
    "close": _standing,
    "move": _move,
    "stop": _stop,
    "road": _road,
    "speed": _speed,
}
