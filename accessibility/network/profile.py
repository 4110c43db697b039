"""A speed profile: a TOML file -> checked values."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

from accessibility.errors import SettingError, UnknownNameError
from accessibility.inputs.settings import number, numbers, read_toml
from accessibility.schema import ROAD_TAGS

_FOLDER = Path(str(resources.files("accessibility.network") / "profiles"))

BY_CLASS = ("speeds_kph", "one_way_kph", "motorroad_kph", "wide_kph", "urban_kph")
"""Tables of speeds by class of road; a country may have its own."""

TABLES = (*BY_CLASS, "routes_kph", "implicit_kph", "surface_kph", "tracktype_kph",
          "smoothness_kph", "nodes_s")  # fmt: skip

NUMBERS = {
    "other": ("default_kph", "maxspeed_factor", "movable_bridge_kph"),
    "turns": ("sharp_s", "bias", "oncoming_s", "u_turn_s"),
    "vehicle": ("height_m", "width_m", "length_m", "weight_kg"),
}
LEAST = {"bias": 0.1, "maxspeed_factor": 0.01}
OTHERS = {"other": ("limit_tags",), "built_up": ("unknown",)}
MOST_BIAS = 10.0
"""Beyond, the sigmoid of a turn is a step."""

UNKNOWN = ("refuse", "rural")


@dataclass(frozen=True)
class Profile:
    """How fast a car drives and what turns and nodes cost.

    Attributes
    ----------
    name, description : str
    speeds_kph : dict
        km/h by class of road, where no limit is tagged.
    one_way_kph, motorroad_kph, wide_kph, urban_kph : dict
        The same for carriageways with one direction, for motor roads, for wide roads and in
        built-up areas; a class that one of them lacks keeps its plain speed.
    routes_kph, implicit_kph, surface_kph, tracktype_kph, smoothness_kph : dict
        km/h of ferries and shuttle trains, of limits given by a word, and at most on a surface.
    nodes_s : dict
        Seconds lost at signals, signs and gates.
    countries : dict of str to dict
        Tables of speeds by class that hold in a country (ISO 3166 code) only.
    limit_tags : tuple of str
        Tags that may hold a speed limit, the first that is set counts.
    default_kph, maxspeed_factor, movable_bridge_kph : float
    sharp_s, bias, oncoming_s, u_turn_s : float
        What turns cost.
    height_m, width_m, length_m, weight_kg : float
        The car, for limits of size.
    built_up_unknown : str
        "refuse" or "rural": what to do where no land use tells what is built up.
    """

    name: str
    description: str
    speeds_kph: dict[str, float]
    one_way_kph: dict[str, float]
    motorroad_kph: dict[str, float]
    wide_kph: dict[str, float]
    urban_kph: dict[str, float]
    routes_kph: dict[str, float]
    implicit_kph: dict[str, float]
    surface_kph: dict[str, float]
    tracktype_kph: dict[str, float]
    smoothness_kph: dict[str, float]
    nodes_s: dict[str, float]
    countries: dict[str, dict[str, dict[str, float]]]
    limit_tags: tuple[str, ...]
    default_kph: float
    maxspeed_factor: float
    movable_bridge_kph: float
    sharp_s: float
    bias: float
    oncoming_s: float
    u_turn_s: float
    height_m: float
    width_m: float
    length_m: float
    weight_kg: float
    built_up_unknown: str

    @cached_property
    def digest(self) -> str:
        """Fingerprint of all values: two profiles that differ give different networks."""
        values = sorted((k, v) for k, v in vars(self).items() if k != "digest")
        return hashlib.sha256(repr(values).encode()).hexdigest()[:16]

    def in_country(self, code: str) -> Profile:
        """The profile with the speeds that a country has of its own."""
        own = self.countries.get(code, {})
        return replace(self, **{name: getattr(self, name) | own[name] for name in own})


def profile_names() -> list[str]:
    """Names of the profiles that come with the package.

    Examples
    --------
    >>> profile_names()
    ['legal', 'osrm-car', 'osrm-car-5']
    """
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def load_profile(
    profile: str | Path | Profile, *, changes: Mapping[str, object] | None = None
) -> Profile:
    """Load a speed profile by name, or from a TOML file of one's own.

    A file may name another profile as its `base`, and then holds only what differs.

    Parameters
    ----------
    profile : str, Path or Profile
        A name of `profile_names`, or a file that ends in `.toml`.
    changes : mapping of str to object, optional
        Values to use instead of the file's: {"speeds_kph.secondary": 90}. The name of the
        profile then tells them.

    Raises
    ------
    UnknownNameError
        If no profile has the name, or no setting has that of a change.
    SettingError
        If a value is missing or out of its range.

    Examples
    --------
    >>> load_profile("osrm-car").speeds_kph["primary"]
    65.0
    >>> load_profile("osrm-car", changes={"turns.u_turn_s": 0}).name
    'osrm-car (turns.u_turn_s=0)'
    """
    if isinstance(profile, Profile):
        if changes:
            raise SettingError("changes apply to a profile by name or file, not to a loaded one.")
        return profile
    settings, source = _read(profile, seen=())
    told = []
    for key, value in (changes or {}).items():
        table, _, name = key.partition(".")
        known = settings.get(table)
        if not isinstance(known, dict) or name not in known:
            near = sorted(known) if isinstance(known, dict) else sorted(_known_tables(settings))
            raise UnknownNameError(
                f"profile {settings['name']} has no setting {key!r}; "
                f"known {'in ' + table if isinstance(known, dict) else 'tables'} are "
                f"{', '.join(near)}."
            )
        known[name] = value
        told.append(f"{key}={value}")
    if told:
        settings["name"] = f"{settings['name']} ({', '.join(told)})"
    return _checked(settings, source)


def parse_change(text: str) -> tuple[str, object]:
    """Read a change of a profile as it is typed: "speeds_kph.secondary=90".

    Examples
    --------
    >>> parse_change("built_up.unknown=rural")
    ('built_up.unknown', 'rural')
    """
    key, sign, value = (part.strip() for part in text.partition("="))
    if not (key and sign and value):
        raise SettingError(f"{text!r} is no change; one such as turns.u_turn_s=0 is expected.")
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except (tomllib.TOMLDecodeError, ValueError, RecursionError):
        return key, value  # a word, which TOML would want in quotes


def _known_tables(settings: dict[str, Any]) -> list[str]:
    return [name for name, value in settings.items() if isinstance(value, dict)]


def _read(profile: str | Path, *, seen: tuple[str, ...]) -> tuple[dict[str, Any], str]:
    """Settings of a profile laid over those of its base, and where they come from."""
    is_file = Path(profile).suffix == ".toml"
    if not is_file and profile not in profile_names():
        raise UnknownNameError(
            f"there is no profile {str(profile)!r}; known are {', '.join(profile_names())}, "
            "or a file that ends in .toml."
        )
    path = Path(profile) if is_file else _FOLDER / f"{profile}.toml"
    own = read_toml(path, what="the profile")
    known = {"name", "description", "base", "countries", "built_up", *TABLES, *NUMBERS}
    if unknown := sorted(set(own) - known):
        raise SettingError(
            f"{path}: unknown settings {', '.join(unknown)}; known are {', '.join(sorted(known))}."
        )
    own.setdefault("name", path.stem)
    base = own.pop("base", None)
    if base is None:
        return own, str(path)
    if not isinstance(base, str):
        raise SettingError(f"{path}: base is {base!r}; the name of a profile is expected.")
    if base in seen:
        raise SettingError(f"{path}: base {base} leads back to itself.")
    under = path.parent / base if base.endswith(".toml") else base
    settings, _ = _read(under, seen=(*seen, base))
    for key, value in own.items():
        both = isinstance(value, dict) and isinstance(settings.get(key), dict)
        settings[key] = settings[key] | value if both else value
    return settings, str(path)


def _checked(settings: dict[str, Any], source: str) -> Profile:
    values: dict[str, Any] = {name: numbers(settings, name, source=source) for name in TABLES}
    if not values["speeds_kph"]:
        raise SettingError(f"{source}: [speeds_kph] is missing: no road would be open.")
    values |= {
        name: number(
            _table(settings, table, source),
            name,
            source=f"{source} [{table}]",
            minimum=LEAST.get(name, 0.0),
        )
        for table, names in NUMBERS.items()
        for name in names
    }
    for table in {*NUMBERS, *OTHERS}:
        names = {*NUMBERS.get(table, ()), *OTHERS.get(table, ())}
        if strange := sorted(set(_table(settings, table, source)) - names):
            raise SettingError(
                f"{source} [{table}]: unknown settings {', '.join(strange)}; "
                f"known are {', '.join(sorted(names))}."
            )
    if values["bias"] > MOST_BIAS:
        raise SettingError(f"{source} [turns]: bias is {values['bias']:g}, above {MOST_BIAS:g}.")
    limit_tags = _table(settings, "other", source).get("limit_tags")
    if not isinstance(limit_tags, list) or not set(map(str, limit_tags)) <= set(ROAD_TAGS):
        raise SettingError(
            f"{source} [other]: limit_tags is {limit_tags!r}; a list of tags that are read is "
            'expected, such as ["maxspeed"].'
        )
    unknown = _table(settings, "built_up", source).get("unknown", UNKNOWN[0])
    if unknown not in UNKNOWN:
        raise SettingError(
            f"{source} [built_up]: unknown is {unknown!r}; one of {', '.join(UNKNOWN)} is expected."
        )
    return Profile(
        name=str(settings["name"]),
        description=str(settings.get("description", "")),
        countries=_countries(settings, source),
        limit_tags=tuple(limit_tags),
        built_up_unknown=unknown,
        **values,
    )


def _countries(settings: dict[str, Any], source: str) -> dict[str, dict[str, dict[str, float]]]:
    found = {}
    for code in (countries := _table(settings, "countries", source)):
        own = _table(countries, code, f"{source} [countries]")
        if unknown := sorted(set(own) - set(BY_CLASS)):
            raise SettingError(
                f"{source} [countries.{code}]: unknown tables {', '.join(unknown)}; "
                f"known are {', '.join(BY_CLASS)}."
            )
        found[code] = {name: numbers(own, name, source=f"{source} [{code}]") for name in own}
    return found


def _table(settings: dict[str, Any], name: str, source: str) -> dict[str, Any]:
    table = settings.get(name, {})
    if not isinstance(table, dict):
        raise SettingError(f"{source}: {name} is {table!r}; a table [{name}] is expected.")
    return table
