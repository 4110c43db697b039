"""Tags of a road -> km/h in each direction, under one profile.

The rules are written for one road and read like the fact sheet; they run once for each
distinct set of tags (some thousands in a region), never once for each road.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

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

MPH, KNOTS = 1.609344, 1.852


class RoadSpeeds(NamedTuple):
    """Speeds of one road, 0 where the direction is closed, and who may use it."""

    forward_kph: float
    backward_kph: float
    forward_restricted: bool
    backward_restricted: bool


CLOSED = RoadSpeeds(0.0, 0.0, False, False)


def road_speeds(tags: Tags, profile: Profile) -> RoadSpeeds:
    """Speed of a road in each direction, from its tags.

    Parameters
    ----------
    tags : mapping of str to str
        OpenStreetMap tags of the way.
    profile : Profile

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
    speeds = {}
    for way in ("forward", "backward"):
        open_ = one_way in ("both", way) and not _forbidden(tags, access[way])
        speeds[way] = _speed(tags, way, access[way], profile) if open_ else 0.0
    classed = tags.get("highway") in profile.speeds_kph
    limited = {way: classed and access[way] in RESTRICTED for way in speeds}
    return RoadSpeeds(
        speeds["forward"], speeds["backward"], limited["forward"], limited["backward"]
    )


def table_speeds(
    roads: pd.DataFrame, profile: Profile
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Speeds and restrictions of every road: arrays of shape (roads, 2), forward first."""
    present = [tag for tag in ROAD_TAGS if roads[tag].notna().any()]
    if not present:
        return np.zeros((len(roads), 2)), np.zeros((len(roads), 2), dtype=bool)
    code = roads.groupby(present, dropna=False, observed=True, sort=False).ngroup().to_numpy()
    _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
    kinds = roads.iloc[first][present].astype(object)
    found = [
        road_speeds({str(k): v for k, v in row.items() if isinstance(v, str)}, profile)
        for row in kinds.to_dict("records")
    ]
    values = np.array(found, dtype=float).reshape(-1, 4)[inverse]
    return values[:, :2], values[:, 2:].astype(bool)


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


def _speed(tags: Tags, way: str, access: str | None, profile: Profile) -> float:
    route, highway = tags.get("route", ""), tags.get("highway", "")
    if route in profile.routes_kph:
        speed = profile.routes_kph[route]
    elif tags.get("bridge") == "movable":
        speed = profile.movable_bridge_kph
    elif highway in profile.speeds_kph:
        speed = profile.speeds_kph[highway]
    elif access is not None and access not in FORBIDDEN | RESTRICTED:
        speed = profile.default_kph
    else:
        return 0.0
    limit = _limit_kph(tags, way, profile)
    if limit > 0:
        speed = limit * profile.maxspeed_factor
    for tag, caps in (
        ("surface", profile.surface_kph),
        ("tracktype", profile.tracktype_kph),
        ("smoothness", profile.smoothness_kph),
    ):
        speed = min(speed, caps.get(tags.get(tag, ""), speed))
    return speed


def _limit_kph(tags: Tags, way: str, profile: Profile) -> float:
    """Speed limit in km/h, 0 where none is known."""
    keys = ("maxspeed:advisory", "maxspeed", "source:maxspeed", "maxspeed:type")
    value = next((tags[k] for key in keys for k in (f"{key}:{way}", key) if k in tags), "")
    found = re.match(r"\s*(\d+(?:\.\d+)?)\s*(mph|knots)?", value)
    if found:
        unit = {"mph": MPH, "knots": KNOTS}.get(found[2] or "", 1.0)
        return float(found[1]) * unit
    word = value.strip().lower()
    if word in profile.implicit_kph:
        return profile.implicit_kph[word]
    zone = re.match(r"[a-z]{2}:([a-z]+)", word)
    return profile.implicit_kph.get(zone[1], 0.0) if zone else 0.0
