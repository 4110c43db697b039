"""Drive times and what sites offer -> how much each place reaches of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from accessibility.analysis.choices import checked_minutes
from accessibility.analysis.decay import Decay, read_decay
from accessibility.errors import InputError, first_of

Floats = npt.NDArray[np.float64]


def cumulative(time_s: Any, supply: Any, *, minutes: float) -> Floats:
    """Supply within a cut-off: with a supply of 1 for each site, the number of sites.

    Parameters
    ----------
    time_s : float array (demand, sites)
        Drive times, seconds; inf where a site is not reached.
    supply : float array (sites,)
        Finite, 0 or more.
    minutes : float
        The cut-off, inclusive.

    Returns
    -------
    float array (demand,)

    Raises
    ------
    InputError
        If times or supply are missing or negative, or their numbers differ.
    SettingError
        If the cut-off is not above 0.

    Examples
    --------
    >>> cumulative([[300, 900], [1200, np.inf]], [1, 1], minutes=15).tolist()
    [2.0, 0.0]
    """
    return gravity(time_s, supply, decay=read_decay("binary", minutes=checked_minutes(minutes)))


def gravity(time_s: Any, supply: Any, *, decay: Decay) -> Floats:
    """Supply of all sites, each weighted by a decay of the drive time to it.

    Parameters
    ----------
    time_s, supply : float array
        As for `cumulative`.
    decay : Decay

    Returns
    -------
    float array (demand,)
        Σ over sites of supply × weight.

    Raises
    ------
    InputError
        As `cumulative` does.

    Notes
    -----
    Hansen (1959), How accessibility shapes land use.

    Examples
    --------
    >>> half = read_decay("binary", minutes=10)
    >>> gravity([[300, 900]], [1, 2], decay=half).tolist()
    [1.0]
    """
    times, offered = _checked(time_s, supply)
    found: Floats = decay.weights(times) @ offered
    return found


def two_step(
    time_s: Any, supply: Any, population: Any, *, decay: Decay, minutes: float | None = None
) -> Floats:
    """Supply for each inhabitant, shared with all others who reach the same sites.

    With a binary decay it is 2SFCA (Luo and Wang 2003), with any other E2SFCA (Luo and Qi 2009).

    Parameters
    ----------
    time_s, supply : float array
        As for `cumulative`.
    population : float array (demand,)
        People at each point, 0 or more.
    decay : Decay
    minutes : float, optional
        End of the catchments, inclusive; where the decay's steps end, or none, if absent.

    Returns
    -------
    float array (demand,)
        First each site's supply is divided by the people in its catchment, each counted with his
        weight; then these ratios are summed over the sites of a point, with its weights. The
        supply of a site with nobody in its catchment is shared out to nobody: its ratio is 0. The
        scores times the people sum to the supply of the other sites.

    Raises
    ------
    InputError
        As `cumulative` does, or if people are missing or negative.

    Notes
    -----
    Luo and Wang (2003), Measures of spatial accessibility to health care in a GIS environment.
    Luo and Qi (2009), An enhanced two-step floating catchment area (E2SFCA) method for measuring
    spatial accessibility to primary care physicians.

    Examples
    --------
    >>> ten = read_decay("binary", minutes=10)
    >>> two_step([[300, 900], [600, 60]], [1, 1], [50, 150], decay=ten).round(5).tolist()
    [0.005, 0.01167]
    """
    times, offered = _checked(time_s, supply)
    people = np.asarray(population, dtype=float)
    if people.shape != times.shape[:1]:
        raise InputError(
            f"there are {people.size} numbers of people for {len(times)} rows of times; one for "
            "each row is expected."
        )
    refuse_numbers(people, "the numbers of people", "places")
    weights = decay.weights(times)
    if minutes is not None:
        weights = np.where(times <= checked_minutes(minutes) * 60.0, weights, 0.0)
    found: Floats = weights @ _ratio(offered, people @ weights)
    return found


def _checked(time_s: Any, supply: Any) -> tuple[Floats, Floats]:
    times, offered = np.asarray(time_s, dtype=float), np.asarray(supply, dtype=float)
    if times.ndim != 2 or offered.shape != times.shape[1:]:
        raise InputError(
            f"there are times of shape {times.shape} and supply of shape {offered.shape}; a row "
            "for each place with people, a column and a supply for each site are expected."
        )
    if (wrong := ~(times >= 0)).any():
        raise InputError(
            f"drive times are missing or below 0 in rows {first_of(np.unique(wrong.nonzero()[0]))}"
            "; seconds, or inf where a site is not reached, are expected."
        )
    refuse_numbers(offered, "the supply", "sites")
    return times, offered


def refuse_numbers(values: Floats, what: str, of: str, names: Sequence[str] | None = None) -> None:
    """Refuse what is no finite number, 0 or more."""
    wrong = np.flatnonzero(~(values >= 0) | ~np.isfinite(values))
    if len(wrong):
        shown = [f"{wrong[i] if names is None else names[wrong[i]]}: {values[wrong[i]]:g}"
                 for i in range(len(wrong))]  # fmt: skip
        raise InputError(
            f"{what} of {of} {first_of(shown)} cannot be; finite numbers, 0 or more, are expected."
        )


def _ratio(supply: Floats, people: Floats) -> Floats:
    """Supply for each inhabitant of a catchment; 0 where there is none."""
    found: Floats = np.divide(supply, people, out=np.zeros(len(supply)), where=people > 0)
    return found
