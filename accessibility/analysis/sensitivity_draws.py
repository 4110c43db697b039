"""How unsure speeds, turns and the way off the road are, and draws of them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri

from accessibility.analysis.sensitivity_trips import Costs
from accessibility.errors import SettingError, first_of
from accessibility.inputs.settings import read_toml
from accessibility.study.road_classes import CLASSES

Floats = npt.NDArray[np.float64]

DEFAULT = Path(str(resources.files("accessibility.analysis") / "distributions.toml"))

NAMES = {
    "speed": ("common", *CLASSES),
    "turns": ("costs",),
    "off_road": ("walk_s_per_m",),
}
"""What is drawn, in the order of the draws; names within the tables of the file."""

FACTOR = (0.1, 10.0)
"""A factor on a speed or a cost lies between these."""
WALK_S_PER_M = (0.0, 10.0)
"""10 s for a metre are 0.36 km/h."""
MOST_SPREAD = 3.0
"""95 % of the draws then lie between a third and three times the median."""
MOST_DRAWS = 1_000_000

OUTER = 1.959963984540054
"""Standard deviations within which 95 % of a normal distribution lie."""


@dataclass(frozen=True)
class Distribution:
    """Log-normal around a median, or even between two values.

    Attributes
    ----------
    first, second : float
        Median and spread, or the least and the greatest value.
    even : bool
        Which of the two.
    """

    first: float
    second: float
    even: bool

    def at(self, part: Floats) -> Floats:
        """Values below which parts of the draws lie.

        Examples
        --------
        >>> Distribution(1.0, 1.5, even=False).at(np.array([0.025, 0.5, 0.975])).round(3)
        array([0.667, 1.   , 1.5  ])
        >>> Distribution(0.0, 0.8, even=True).at(np.array([0.25]))
        array([0.2])
        """
        if self.even:
            found: Floats = self.first + (self.second - self.first) * part
            return found
        spread: Floats = self.first * self.second ** (ndtri(part) / OUTER)
        return spread

    def told(self) -> dict[str, float]:
        """As the file has it."""
        names = ("low", "high") if self.even else ("median", "spread")
        return dict(zip(names, (self.first, self.second), strict=True))


@dataclass(frozen=True)
class Distributions:
    """What is drawn, and from which distributions.

    Attributes
    ----------
    source : str
        Name of the file.
    by_name : dict of str to Distribution
        "speed.common", "speed.motorway", ..., "turns.costs", "off_road.walk_s_per_m".
    """

    source: str
    by_name: dict[str, Distribution]

    def told(self) -> dict[str, Any]:
        """Plain values, for a manifest."""
        return {name: one.told() for name, one in self.by_name.items()}


def read_distributions(path: str | Path | None = None) -> Distributions:
    """Read from which distributions is drawn.

    Parameters
    ----------
    path : str or Path, optional
        A TOML file; those that come with the package if absent.

    Raises
    ------
    MissingInputError, InputError
        If the file is absent or is not TOML.
    SettingError
        If a line is missing, unknown, or out of its range.

    Examples
    --------
    >>> read_distributions().by_name["speed.common"].told()
    {'median': 1.0, 'spread': 1.15}
    """
    where = DEFAULT if path is None else Path(path)
    tables = read_toml(where, what="the file of distributions")
    source = where.name
    known = [f"{table}.{name}" for table, names in NAMES.items() for name in names]
    found = {
        f"{table}.{name}": value
        for table, inner in tables.items()
        for name, value in (inner.items() if isinstance(inner, dict) else {"": inner}.items())
    }
    if strange := [name for name in found if name not in known]:
        raise SettingError(
            f"{source} holds {first_of(strange)}, which nothing is drawn from; known are "
            f"{', '.join(known)}."
        )
    if missing := [name for name in known if name not in found]:
        raise SettingError(
            f"{source} lacks {first_of(missing)}; a line for each is expected, as in the file that "
            f"comes with the package, {DEFAULT}."
        )
    return Distributions(
        source, {name: _checked(found[name], f"{source}: {name}", name) for name in known}
    )


def _checked(value: Any, where: str, name: str) -> Distribution:
    low, high = WALK_S_PER_M if name == "off_road.walk_s_per_m" else FACTOR
    keys = set(value) if isinstance(value, dict) else set()
    even = keys == {"low", "high"}
    if not even and keys != {"median", "spread"}:
        raise SettingError(
            f"{where} is {value!r}; {{ median = ..., spread = ... }} or "
            "{ low = ..., high = ... } is expected."
        )
    ranges = (
        {"low": (low, high), "high": (low, high)}
        if even
        else {"median": (low, high), "spread": (1.0, MOST_SPREAD)}
    )
    for key, (least, most) in ranges.items():
        one = value[key]
        wrong = isinstance(one, bool) or not isinstance(one, int | float)
        if wrong or not least <= one <= most:
            raise SettingError(
                f"{where} has {key} = {one!r}; a number from {least:g} to {most:g} is expected."
            )
    if even and value["low"] > value["high"]:
        raise SettingError(
            f"{where} has low = {value['low']:g} above high = {value['high']:g}; the lesser first "
            "is expected."
        )
    first, second = (float(value[key]) for key in ranges)
    return Distribution(first, second, even)


def draw(distributions: Distributions, draws: int, seed: int) -> pd.DataFrame:
    """Draw, each value independent of the others.

    Parameters
    ----------
    distributions : Distributions
    draws : int
        How many; a greater number begins with the draws of a smaller one.
    seed : int
        The same seed gives the same draws.

    Returns
    -------
    DataFrame
        One column for each name of `Distributions.by_name`, one row for each draw.

    Raises
    ------
    SettingError
        If the number of draws or the seed is not a whole number from 0.

    Examples
    --------
    >>> draw(read_distributions(), 3, seed=1).shape
    (3, 13)
    """
    for value, what, most in ((draws, "the number of draws", MOST_DRAWS), (seed, "the seed", None)):
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if not whole or value < 0 or (most is not None and value > most):
            limit = "" if most is None else f" to {most:,}"
            raise SettingError(f"{what} is {value!r}; a whole number from 0{limit} is expected.")
    part = np.random.default_rng(seed).random((draws, len(distributions.by_name)))
    part = np.maximum(part, 2.0**-54)  # a normal distribution has no value at 0
    return pd.DataFrame(
        {name: one.at(part[:, i]) for i, (name, one) in enumerate(distributions.by_name.items())}
    )


def costs_of(drawn: pd.DataFrame) -> list[Costs]:
    """The costs of trips in each draw."""
    speed = drawn[[f"speed.{name}" for name in CLASSES]].to_numpy()
    speed = speed * drawn[["speed.common"]].to_numpy()
    turns, walk = (drawn[name].tolist() for name in ("turns.costs", "off_road.walk_s_per_m"))
    return [Costs(*one) for one in zip(speed, turns, walk, strict=True)]


def fastest_of(costs: list[Costs]) -> Costs:
    """Costs below which none of some lies."""
    return Costs(
        np.max([one.speed for one in costs], axis=0),
        min(one.turns for one in costs),
        min(one.walk_s_per_m for one in costs),
    )
