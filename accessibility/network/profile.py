"""A speed profile: a TOML file -> checked values."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path

from accessibility.errors import SettingError, UnknownNameError
from accessibility.inputs.settings import number, numbers, read_toml

_FOLDER = Path(str(resources.files("accessibility.network") / "profiles"))


@dataclass(frozen=True)
class Profile:
    """How fast a car drives and what turns and nodes cost; speeds in km/h, costs in seconds."""

    name: str
    description: str
    speeds_kph: dict[str, float]
    routes_kph: dict[str, float]
    implicit_kph: dict[str, float]
    surface_kph: dict[str, float]
    tracktype_kph: dict[str, float]
    smoothness_kph: dict[str, float]
    nodes_s: dict[str, float]
    default_kph: float
    maxspeed_factor: float
    movable_bridge_kph: float
    sharp_s: float
    bias: float
    oncoming_s: float
    u_turn_s: float

    @cached_property
    def digest(self) -> str:
        """Fingerprint of all values: two profiles that differ give different networks."""
        values = sorted((k, v) for k, v in vars(self).items() if k != "digest")
        return hashlib.sha256(repr(values).encode()).hexdigest()[:16]


def profile_names() -> list[str]:
    """Names of the profiles that come with the package.

    Examples
    --------
    >>> profile_names()
    ['osrm-car', 'osrm-car-5']
    """
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def load_profile(profile: str | Path | Profile) -> Profile:
    """Load a speed profile by name, or from a TOML file of one's own.

    Parameters
    ----------
    profile : str, Path or Profile
        A name of `profile_names`, or a file that ends in `.toml`.

    Raises
    ------
    UnknownNameError
        If no profile has the name.
    SettingError
        If a value is missing or out of its range.

    Examples
    --------
    >>> load_profile("osrm-car").speeds_kph["primary"]
    65.0
    """
    if isinstance(profile, Profile):
        return profile
    is_file = Path(profile).suffix == ".toml"
    if not is_file and profile not in profile_names():
        raise UnknownNameError(
            f"there is no profile {profile!r}; known are {', '.join(profile_names())}, "
            "or a file that ends in .toml."
        )
    path = Path(profile) if is_file else _FOLDER / f"{profile}.toml"
    settings = read_toml(path, what="the profile")
    known = {"name", "description", "speeds_kph", "other", "routes_kph", "implicit_kph", "turns",
             "surface_kph", "tracktype_kph", "smoothness_kph", "nodes_s"}  # fmt: skip
    if unknown := sorted(set(settings) - known):
        raise SettingError(f"{path}: unknown settings {', '.join(unknown)}; known are {known}.")
    source = str(path)
    other, turns = settings.get("other", {}), settings.get("turns", {})
    speeds = numbers(settings, "speeds_kph", source=source)
    if not speeds:
        raise SettingError(f"{path}: [speeds_kph] is missing: no road would be open.")
    return Profile(
        name=str(settings.get("name", path.stem)),
        description=str(settings.get("description", "")),
        speeds_kph=speeds,
        routes_kph=numbers(settings, "routes_kph", source=source),
        implicit_kph=numbers(settings, "implicit_kph", source=source),
        surface_kph=numbers(settings, "surface_kph", source=source),
        tracktype_kph=numbers(settings, "tracktype_kph", source=source),
        smoothness_kph=numbers(settings, "smoothness_kph", source=source),
        nodes_s=numbers(settings, "nodes_s", source=source),
        default_kph=number(other, "default_kph", source=f"{path} [other]"),
        maxspeed_factor=number(other, "maxspeed_factor", source=f"{path} [other]"),
        movable_bridge_kph=number(other, "movable_bridge_kph", source=f"{path} [other]"),
        sharp_s=number(turns, "sharp_s", source=f"{path} [turns]"),
        bias=number(turns, "bias", source=f"{path} [turns]", minimum=0.1),
        oncoming_s=number(turns, "oncoming_s", source=f"{path} [turns]"),
        u_turn_s=number(turns, "u_turn_s", source=f"{path} [turns]"),
    )
