"""How much less a site counts, the longer the drive to it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from accessibility.errors import SettingError

Floats = npt.NDArray[np.float64]

BETAS = {"exponential": 0.12, "power": 0.8, "gaussian": 180.0}
"""Parameters of Kwan (1998), Space-time and integral measures of individual accessibility: of
her four for each function those by which a place 20 minutes away counts about a tenth."""

ZONE_WEIGHTS = (1.0, 0.68, 0.22)
"""Weights of three equal sub-zones of a catchment: Luo and Qi (2009), An enhanced two-step floating
catchment area (E2SFCA) method, whose zones end at 10, 20 and 30 minutes."""

DECAYS = ("binary", "steps", *BETAS)


@dataclass(frozen=True)
class Decay:
    """A weight for each drive time: 1 on the spot, less with time, 0 where a site is not reached.

    Attributes
    ----------
    kind : str
        `binary`: 1 up to a time, then 0; `steps`: a weight for each zone of time;
        `exponential`: exp(-beta t); `power`: t ** -beta, and 1 below a minute; `gaussian`:
        exp(-t² / beta); t in minutes.
    beta : float or None
        Per minute (exponential), a bare number (power), square minutes (gaussian).
    steps : tuple of (minutes, weight)
        End of each zone, inclusive, and its weight; of `binary` there is one.
    """

    kind: str
    beta: float | None = None
    steps: tuple[tuple[float, float], ...] = ()

    def __repr__(self) -> str:
        return f"<Decay {self}>"

    def __str__(self) -> str:
        if self.beta is not None:
            return f"{self.kind}:{self.beta:g}"
        return f"{self.kind}:" + ",".join(f"{end:g}={weight:g}" for end, weight in self.steps)

    def weights(self, time_s: Any) -> Floats:
        """Weights of drive times in seconds, of any shape; 0 for inf.

        Examples
        --------
        >>> read_decay("power:1", minutes=20).weights([0, 60, 300, np.inf]).tolist()
        [1.0, 1.0, 0.2, 0.0]
        """
        time_min = np.asarray(time_s, dtype=float) / 60.0
        if self.beta is None:
            found: Floats = np.zeros(time_min.shape)
            for end, weight in reversed(self.steps):
                found[np.asarray(time_s) <= end * 60.0] = weight
            return found
        if self.kind == "exponential":
            found = np.exp(-self.beta * time_min)
        elif self.kind == "gaussian":
            found = np.exp(-(time_min**2) / self.beta)
        else:
            found = np.maximum(time_min, 1.0) ** -self.beta
        return found

    def words(self) -> str:
        """What it does, for a reader."""
        if self.kind == "binary":
            return f"a site counts in full up to {self.steps[0][0]:g} minutes, not beyond"
        if self.beta is None:
            zones = ", ".join(f"{weight:g} up to {end:.4g}" for end, weight in self.steps)
            return f"weights by zone of minutes: {zones}; 0 beyond"
        half = {
            "exponential": np.log(2.0) / self.beta,
            "power": 2.0 ** (1.0 / self.beta),
            "gaussian": np.sqrt(self.beta * np.log(2.0)),
        }[self.kind]
        unit = {"exponential": " per minute", "power": "", "gaussian": " square minutes"}
        return f"{self.kind}, beta {self.beta:g}{unit[self.kind]}: half at {half:.1f} minutes"


def read_decay(choice: str | Decay, *, minutes: float) -> Decay:
    """Read how weights fade from a word, with a parameter after a colon where one is wanted.

    Parameters
    ----------
    choice : str or Decay
        `binary`, `binary:15`, `steps`, `steps:10=1,20=0.68,30=0.22`, `exponential`,
        `exponential:0.12`, `power:0.8`, `gaussian:180`; see `Decay`.
    minutes : float
        Up to which `binary` counts a site, and which the three zones of `steps` share out
        evenly, where they are not told.

    Returns
    -------
    Decay

    Raises
    ------
    SettingError
        For another word, a parameter that is not above 0, or zones whose ends do not ascend, or
        whose weights are not above 0 and up to 1 or rise.

    Examples
    --------
    >>> read_decay("steps", minutes=30)
    <Decay steps:10=1,20=0.68,30=0.22>
    >>> read_decay("exponential", minutes=30).words()
    'exponential, beta 0.12 per minute: half at 5.8 minutes'
    """
    if isinstance(choice, Decay):
        return choice
    kind, _, told = str(choice).partition(":")
    if kind not in DECAYS:
        raise SettingError(
            f"the decay is {choice!r}; expected is {', '.join(DECAYS)}, each with a parameter of "
            "your own after a colon if you wish: exponential:0.12."
        )
    if kind == "steps":
        ends = [minutes / 3.0, minutes * 2.0 / 3.0, minutes]
        steps = _read_steps(told) if told else list(zip(ends, ZONE_WEIGHTS, strict=True))
        return Decay(kind, steps=tuple(steps))
    value = _number(told) if told else BETAS.get(kind, minutes)
    if not 0 < value < np.inf:
        raise SettingError(f"the parameter of the decay {choice!r} must be a number above 0.")
    return Decay(kind, steps=((value, 1.0),)) if kind == "binary" else Decay(kind, value)


def _read_steps(told: str) -> list[tuple[float, float]]:
    parts = [part.partition("=") for part in told.split(",")]
    steps = [(_number(end), _number(weight)) for end, _, weight in parts]
    ends, weights = zip(*steps, strict=True)
    if not (
        all(a < b for a, b in pairwise((0.0, *ends, np.inf)))
        and all(a >= b for a, b in pairwise((1.0, *weights)))
        and weights[-1] > 0
    ):
        raise SettingError(
            f"the steps {told!r} are not understood; the minutes at which each ends, ascending, "
            "with weights from 1 down that stay above 0 are expected: 10=1,20=0.68,30=0.22."
        )
    return steps


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
