"""Tags of a road -> km/h in each direction, under one profile.

The rules are written for one road and read like the fact sheet; they run once for each
distinct set of tags (some thousands in a region), never once for each road.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from accessibility.errors import SettingError
from accessibility.network.profile import Profile
from accessibility.schema import ROAD_TAGS

Tags = Mapping[str, str]

MODES = ("motorcar", "motor_vehicle", "vehicle", "access")
"""Access keys, the most specific first."""

ALLOWED = frozenset("yes motorcar motor_vehicle vehicle permissive designated hov".split())
RESTRICTED = frozenset("private delivery destination customers permit residents unknown".split())
FORBIDDEN = frozenset(
    "no agricultural forestry emergency psv taxi share_taxi minibus bus foot emergency_vehicle "
    "restricted military official".split()
)
AVOIDED = frozenset("steps construction proposed reversible impassable".split())
FINISHED = frozenset({"no", "widening", "minor"})

KM_PER_MILE, KM_PER_NAUTICAL_MILE = 1.609344, 1.852
METRES_PER_FOOT, METRES_PER_INCH, KG_PER_POUND = 0.3048, 0.0254, 0.45359237

WIDE_LANES, WIDE_M = 2, 5.0
"""A road of so many lanes or so many metres lets two cars pass at speed."""

LOWEST_LIMIT_KPH, HIGHEST_LIMIT_KPH = 1.0, 200.0
"""No country signs a limit beyond these: a tag that does is a slip and tells nothing."""

ORIGINS = ("assumed", "implicit", "tagged")
"""Where a speed comes from: the class of the road, a limit given by a word, or by a number."""


class RoadSpeeds(NamedTuple):
    """Speeds of one road, 0 where the direction is closed, and who may use it.

    `origin` is that of the forward speed, or of the backward one where forward is closed.
    """

    forward_kph: float
    backward_kph: float
    forward_restricted: bool
    backward_restricted: bool
    origin: str


CLOSED = RoadSpeeds(0.0, 0.0, False, False, ORIGINS[0])


@dataclass(frozen=True)
class TableSpeeds:
    """Speeds of every road of a table, forward first.

    Attributes
    ----------
    kph : float array (roads, 2)
        0 where the direction is closed.
    restricted : bool array (roads, 2)
    origin : int8 array (roads,)
        Index into `ORIGINS`.
    """

    kph: npt.NDArray[np.float64]
    restricted: npt.NDArray[np.bool_]
    origin: npt.NDArray[np.int8]


def road_speeds(tags: Tags, profile: Profile, *, urban: bool = False) -> RoadSpeeds:
    """Speed of a road in each direction, from its tags.

    Parameters
    ----------
    tags : mapping of str to str
        OpenStreetMap tags of the way.
    profile : Profile
    urban : bool
        The road lies in a built-up area; matters where the profile has speeds of its own there.

    Returns
    -------
    RoadSpeeds
        km/h; 0 is closed. A restricted direction serves only to start or end a trip.

    Examples
    --------
    >>> from accessibility.network.profile import load_profile
    >>> car = load_profile("osrm-car")
    >>> road_speeds({"highway": "secondary", "maxspeed": "80"}, car)[:2]
    (64.0, 64.0)
    >>> road_speeds({"highway": "residential", "oneway": "-1"}, car)[:2]
    (0.0, 25.0)
    """
    if _blocked(tags):
        return CLOSED
    access = {way: _access(tags, way) for way in ("forward", "backward")}
    one_way = _one_way(tags)
    speeds, origins = {}, {}
    for way in ("forward", "backward"):
        open_ = one_way in ("both", way) and not (
            _forbidden(tags, access[way]) or _too_small(tags, way, profile)
        )
        speeds[way], origins[way] = (
            _speed(tags, way, access[way], profile, urban) if open_ else (0.0, ORIGINS[0])
        )
    classed = tags.get("highway") in profile.speeds_kph
    limited = {
        way: (classed and access[way] in RESTRICTED) or _needs_passengers(tags, way)
        for way in speeds
    }
    return RoadSpeeds(
        speeds["forward"],
        speeds["backward"],
        limited["forward"],
        limited["backward"],
        origins["forward" if speeds["forward"] else "backward"],
    )


def table_speeds(roads: pd.DataFrame, profile: Profile) -> TableSpeeds:
    """Speeds and restrictions of every road.

    Raises
    ------
    SettingError
        If the profile has speeds for built-up areas, and no land use tells where these are.
    """
    present = [tag for tag in ROAD_TAGS if roads[tag].notna().any()]
    if not present:
        none = np.zeros((len(roads), 2))
        return TableSpeeds(none, none.astype(bool), np.zeros(len(roads), dtype=np.int8))
    keys = [*present, "country"] if profile.countries else present
    code = roads.groupby(keys, dropna=False, observed=True, sort=False).ngroup().to_numpy()
    _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
    kinds = roads.iloc[first][keys].astype(object).to_dict("records")
    there = {code: profile.in_country(code) for code in profile.countries}
    rules = [there.get(str(row.get("country")), profile) for row in kinds]
    tags = [
        {str(k): v for k, v in row.items() if isinstance(v, str) and k != "country"}
        for row in kinds
    ]
    outside = [road_speeds(t, r) for t, r in zip(tags, rules, strict=True)]
    values = np.array([row[:4] for row in outside], dtype=float).reshape(-1, 4)[inverse]
    origin = np.array([ORIGINS.index(row.origin) for row in outside], dtype=np.int8)[inverse]
    kph = values[:, :2]
    if profile.urban_kph:
        within = [road_speeds(t, r, urban=True)[:2] for t, r in zip(tags, rules, strict=True)]
        share = _urban_share(roads, profile)[:, None]
        kph = _mean_speed(kph, np.array(within).reshape(-1, 2)[inverse], share)
    timed = roads["duration_s"].to_numpy(dtype=float)
    known = np.flatnonzero(timed > 0)
    told = roads["length_m"].to_numpy(dtype=float)[known] / timed[known] * 3.6
    kph[known] = np.where(kph[known] > 0, told[:, None], 0.0)
    origin[known] = ORIGINS.index("tagged")
    return TableSpeeds(kph, values[:, 2:].astype(bool), origin)


def _urban_share(roads: pd.DataFrame, profile: Profile) -> npt.NDArray[np.float64]:
    share = roads["urban"].to_numpy(dtype=float)
    unknown = np.isnan(share)
    if unknown.any() and profile.built_up_unknown == "refuse":
        raise SettingError(
            f"profile {profile.name} has speeds for built-up areas, and the extract holds no land "
            f"use: {unknown.sum():,} of {len(share):,} roads tell nothing. Read an extract with "
            "land use, or take all roads as outside built-up areas with the change "
            "built_up.unknown=rural."
        )
    return np.where(unknown, 0.0, share)


def _mean_speed(
    outside: npt.NDArray[np.float64],
    within: npt.NDArray[np.float64],
    share: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Speed over a road of which a share of the length is driven at another speed."""
    open_ = (outside > 0) & (within > 0)
    safe = np.where(open_, outside, 1.0), np.where(open_, within, 1.0)
    return np.where(open_, 1.0 / ((1.0 - share) / safe[0] + share / safe[1]), 0.0)


def _blocked(tags: Tags) -> bool:
    construction = tags.get("construction")
    return (
        tags.get("highway") in AVOIDED
        or tags.get("area") == "yes"
        or (construction is not None and construction not in FINISHED)
        or tags.get("oneway") == "reversible"
        or tags.get("impassable") == "yes"
        or tags.get("status") == "impassable"
        or tags.get("service") == "emergency_access"
    )


def _access(tags: Tags, way: str) -> str | None:
    """Value of the most specific access key; the most open of a list."""
    keys = [k for mode in MODES for k in (f"{mode}:{way}", mode)]
    value = next((tags[k] for k in keys if k in tags), None)
    if value is None or ";" not in value:
        return value
    parts = [part.strip() for part in value.split(";")]
    ranked = sorted(parts, key=lambda p: (p not in ALLOWED, p not in RESTRICTED))
    return ranked[0]


def _forbidden(tags: Tags, access: str | None) -> bool:
    if access in FORBIDDEN:
        return True
    if access == "private" and tags.get("highway") == "service":
        return True
    return access in RESTRICTED - {"unknown"} and "highway" not in tags


def _too_small(tags: Tags, way: str, profile: Profile) -> bool:
    """Whether the car is too high, wide, long or heavy for the road."""
    width = metres(_first(tags, way, "maxwidth:physical", "maxwidth", "width", "est_width"))
    return (
        metres(_first(tags, way, "maxheight:physical", "maxheight")) < profile.height_m
        or width <= profile.width_m
        or metres(_first(tags, way, "maxlength")) < profile.length_m
        or _kilograms(_first(tags, way, "maxweightrating", "maxweight")) < profile.weight_kg
    )


def _first(tags: Tags, way: str, *keys: str) -> str:
    """Value of the first key that is set, that of the direction before the plain one."""
    return next((tags[k] for key in keys for k in (f"{key}:{way}", key) if k in tags), "")


def metres(value: str) -> float:
    """A measure in metres, or in feet and inches (6'7"); infinite where it tells no number."""
    found = re.search(r"[0-9]{1,9}\.?[0-9]{0,9}", value.replace(",", "."))
    if not found:
        return np.inf
    _, foot, inches = value.partition("'")
    if not foot:
        return float(found[0])
    more = re.search(r"[0-9]{1,9}", inches)
    return float(found[0]) * METRES_PER_FOOT + (int(more[0]) if more else 0) * METRES_PER_INCH


def _kilograms(value: str) -> float:
    """A mass in kilograms, from tonnes unless a unit is given; infinite where it tells none."""
    found = re.search(r"[0-9]{1,9}\.?[0-9]{0,9}", value.replace(",", "."))
    if not found:
        return np.inf
    unit = KG_PER_POUND if "lbs" in value else 1.0 if "kg" in value else 1_000.0
    return float(found[0]) * unit


def _needs_passengers(tags: Tags, way: str) -> bool:
    """Whether every lane is for cars with several people."""
    lanes = _first(tags, way, "hov:lanes")
    return tags.get("hov") == "designated" or (
        lanes != "" and set(lanes.split("|")) == {"designated"}
    )


def _one_way(tags: Tags) -> str:
    keys = [*(f"oneway:{mode}" for mode in MODES[:3]), "oneway"]
    value = next((tags[k] for k in keys if k in tags), None)
    if value == "-1":
        return "backward"
    if value in ("yes", "1", "true"):
        return "forward"
    implied = tags.get("highway") == "motorway" or tags.get("junction") in (
        "roundabout",
        "circular",
    )
    return "forward" if implied and value != "no" else "both"


def _speed(
    tags: Tags, way: str, access: str | None, profile: Profile, urban: bool
) -> tuple[float, str]:
    """Speed in a direction that is open, km/h, and its origin."""
    highway, origin = tags.get("highway", ""), "assumed"
    if tags.get("route", "") in profile.routes_kph:
        speed = profile.routes_kph[tags["route"]]
    elif tags.get("bridge") == "movable":
        speed = profile.movable_bridge_kph
    elif highway in profile.speeds_kph:
        speed = _class_kph(tags, profile, urban)
    elif access is not None and access not in FORBIDDEN | (RESTRICTED - {"unknown"}):
        speed = profile.default_kph
    else:
        return 0.0, origin
    limit, told = _limit_kph(tags, way, profile)
    if limit > 0:
        speed, origin = limit * profile.maxspeed_factor, told
    for tag, caps in (
        ("surface", profile.surface_kph),
        ("tracktype", profile.tracktype_kph),
        ("smoothness", profile.smoothness_kph),
    ):
        speed = min(speed, caps.get(tags.get(tag, ""), speed))
    return speed, origin


def _class_kph(tags: Tags, profile: Profile, urban: bool) -> float:
    """Speed of a class of road where no limit is tagged; the most particular table counts."""
    highway = tags["highway"]
    if tags.get("motorroad") == "yes" and highway in profile.motorroad_kph:
        return profile.motorroad_kph[highway]
    if urban and highway in profile.urban_kph:
        return profile.urban_kph[highway]
    if _one_way(tags) != "both" and highway in profile.one_way_kph:
        return profile.one_way_kph[highway]
    if highway in profile.wide_kph and _is_wide(tags):
        return profile.wide_kph[highway]
    return profile.speeds_kph[highway]


def _is_wide(tags: Tags) -> bool:
    lanes = re.match(r"[0-9]{1,9}", tags.get("lanes", ""))
    width = metres(tags.get("width", ""))
    return (lanes is not None and int(lanes[0]) >= WIDE_LANES) or WIDE_M <= width < np.inf


def _limit_kph(tags: Tags, way: str, profile: Profile) -> tuple[float, str]:
    """Speed limit in km/h, 0 where none is known, and whether a number or a word tells it."""
    value = _first(tags, way, *profile.limit_tags)
    found = re.match(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(mph|knots)?", value)
    if found:
        unit = {"mph": KM_PER_MILE, "knots": KM_PER_NAUTICAL_MILE}.get(found[2] or "", 1.0)
        limit = float(found[1]) * unit
        return (limit if LOWEST_LIMIT_KPH <= limit <= HIGHEST_LIMIT_KPH else 0.0), "tagged"
    word = value.strip().lower()
    if word not in profile.implicit_kph:
        zone = re.match(r"[a-z]{2}:([a-z]+)", word)
        word = zone[1] if zone else ""
    return profile.implicit_kph.get(word, 0.0), "implicit"
