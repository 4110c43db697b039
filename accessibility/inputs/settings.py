"""TOML files that a planner may edit -> checked values."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from accessibility.errors import InputError, MissingInputError, SettingError


class NotTomlError(InputError):
    """A text is not TOML."""


def read_toml(path: Path, *, what: str) -> dict[str, Any]:
    """Read a TOML file.

    Parameters
    ----------
    path : Path
    what : str
        What the file is to the reader, for messages: "the profile".

    Raises
    ------
    MissingInputError, InputError
        If the file is absent, or is not TOML; the message names line and column.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise MissingInputError(f"{what} {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise NotTomlError(f"{what} {path} is not valid TOML: {error}.") from error
    return parse_toml(text, source=f"{what} {path}")


def parse_toml(text: str, *, source: str) -> dict[str, Any]:
    """Read TOML from a text; `source` tells in messages what it is.

    Raises
    ------
    InputError
        If it is not TOML; the message names line and column.

    Examples
    --------
    >>> parse_toml("minutes = 20", source="the choices")
    {'minutes': 20}
    """
    try:
        return tomllib.loads(text)
    # deep brackets run out of stack, and numbers of thousands of digits are refused by int
    except (tomllib.TOMLDecodeError, ValueError, RecursionError) as error:
        raise NotTomlError(f"{source} is not valid TOML: {error}.") from error


HIGHEST = 100_000.0
"""No speed, cost or size that a planner sets is above: 28 hours in seconds, 100 t in kilograms."""


def number(table: dict[str, Any], key: str, *, source: str, minimum: float = 0.0) -> float:
    """Take a number from a table of settings, not below a minimum nor above `HIGHEST`.

    Examples
    --------
    >>> number({"u_turn_s": 20}, "u_turn_s", source="turns")
    20.0
    """
    value = table.get(key)
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not minimum <= value <= HIGHEST
    ):
        raise SettingError(
            f"{source}: {key} is {value!r}; a number of at least {minimum:g} is expected, "
            f"and of at most {HIGHEST:g}."
        )
    return float(value)


def numbers(table: dict[str, Any], key: str, *, source: str) -> dict[str, float]:
    """Take a table of numbers, each at least 0; absent means empty."""
    inner = table.get(key, {})
    if not isinstance(inner, dict):
        raise SettingError(f"{source}: [{key}] is not a table of numbers.")
    return {name: number(inner, name, source=f"{source} [{key}]") for name in inner}
