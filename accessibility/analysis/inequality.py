"""How unequally a thing is shared among people: quantiles, Lorenz curve, Gini, Palma ratio."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from accessibility.errors import InputError, SettingError, first_of

Floats = npt.NDArray[np.float64]


def quantiles(values: Any, weights: Any, shares: Sequence[float]) -> Floats:
    """Values below which given shares of the people lie.

    Parameters
    ----------
    values : array (places,)
        What people have at each place, such as seconds to a site; inf, which stands last, where
        a site is not reached.
    weights : array (places,)
        People at each place.
    shares : sequence of float
        From 0 to 1.

    Returns
    -------
    float array (shares,)
        For each share q the least value v such that at least q of the people have v or less:
        what the person has who stands at place q × people, rounded up, when all stand in order.
        For 0 the least value that anybody has. NaN where there are no people.

    Raises
    ------
    InputError
        If a value is missing, or a weight is missing or below 0.
    SettingError
        If a share is not from 0 to 1.

    Notes
    -----
    Nothing is interpolated: the answer is the value of some person. It is definition 1 of
    Hyndman and Fan (1996), Sample quantiles in statistical packages, with weights.

    Examples
    --------
    >>> quantiles([5.0, 10.0, np.inf], [40, 50, 10], [0.25, 0.5, 0.9, 0.95]).tolist()
    [5.0, 10.0, 10.0, inf]
    """
    asked = np.asarray(shares, dtype=float)
    if not ((asked >= 0) & (asked <= 1)).all():
        raise SettingError(f"the shares are {first_of(shares)}; each from 0 to 1 is expected.")
    value, people = _in_order(values, weights)
    if not len(value):
        return np.full(len(asked), np.nan)
    below = np.cumsum(people)
    # a share times the people may come out a hair above the whole number that it is
    place = asked * below[-1] * (1 - 1e-12)
    found: Floats = value[np.minimum(np.searchsorted(below, place), len(value) - 1)]
    return found


def mean(values: Any, weights: Any) -> float:
    """Mean over the people; inf where anybody has inf, NaN where there are no people.

    Parameters
    ----------
    values, weights : array (places,)
        As for `quantiles`.

    Examples
    --------
    >>> mean([5.0, 10.0], [300, 100])
    6.25
    """
    value, people = _in_order(values, weights)
    return float(value @ people / people.sum()) if len(value) else float("nan")


def lorenz(values: Any, weights: Any) -> pd.DataFrame:
    """Lorenz curve: which share of the whole the people with the least hold together.

    Parameters
    ----------
    values : array (places,)
        What each person has at each place: finite, 0 or more.
    weights : array (places,)
        People at each place.

    Returns
    -------
    DataFrame
        `people_share` and `value_share`, from (0, 0) to (1, 1), a row for each value that
        anybody has; straight between the rows. `value_share` is NaN above the first row where
        all have 0, and only the first row is there where there are no people.

    Raises
    ------
    InputError
        If a value is missing, infinite or below 0, or a weight is missing or below 0.

    Notes
    -----
    People at one place or with one value share a straight piece, so the curve does not depend on
    how they are cut into places. Lorenz (1905), Methods of measuring the concentration of wealth.

    Examples
    --------
    >>> lorenz([1.0, 3.0], [50, 50])
       people_share  value_share
    0           0.0         0.00
    1           0.5         0.25
    2           1.0         1.00
    """
    value, people = _in_order(values, weights, whole=True)
    if not len(value):
        return pd.DataFrame({"people_share": [0.0], "value_share": [0.0]})
    last = np.append(np.flatnonzero(np.diff(value)), len(value) - 1)
    below = np.cumsum(people)[last]
    held = np.cumsum(value * people)[last]
    part = held / held[-1] if held[-1] > 0 else np.full(len(held), np.nan)
    return pd.DataFrame(
        {"people_share": np.append(0.0, below / below[-1]), "value_share": np.append(0.0, part)}
    )


def gini(values: Any, weights: Any) -> float:
    """Gini coefficient over people: 0 where all have the same, near 1 where one has all.

    Parameters
    ----------
    values, weights : array (places,)
        As for `lorenz`.

    Returns
    -------
    float
        1 less twice the area under the Lorenz curve; NaN where all have 0 or there are no
        people.

    Raises
    ------
    InputError
        As `lorenz` does.

    Notes
    -----
    Half the mean difference between two people drawn at random, each time from all, as a share
    of the mean. Of n people of whom one has all it is 1 - 1/n. Gini (1912), Variabilità e
    mutabilità.

    Examples
    --------
    >>> gini([2.0, 2.0], [10, 5]), gini([0.0, 1.0], [3, 1])
    (0.0, 0.75)
    """
    curve = lorenz(values, weights)
    if len(curve) == 1:
        return float("nan")
    people, held = curve["people_share"].to_numpy(), curve["value_share"].to_numpy()
    doubled = np.diff(people) @ (held[1:] + held[:-1])
    return float(np.maximum(1.0 - doubled, 0.0))  # equal values may miss 0 by a rounding


def palma(values: Any, weights: Any) -> float:
    """Palma ratio: what the tenth with the most holds over what the four tenths with the least do.

    Parameters
    ----------
    values, weights : array (places,)
        As for `lorenz`.

    Returns
    -------
    float
        0.25 where all have the same; inf where the four tenths have nothing; NaN where all have
        0 or there are no people. A group of equal people is cut where a tenth ends.

    Raises
    ------
    InputError
        As `lorenz` does.

    Notes
    -----
    Palma (2011), Homogeneous middles vs. heterogeneous tails, and the end of the inverted-U.

    Examples
    --------
    >>> round(palma([1.0, 1.0], [10, 5]), 9), palma([0.0, 1.0], [50, 50])
    (0.25, inf)
    """
    curve = lorenz(values, weights)
    if len(curve) == 1 or curve["value_share"].isna().any():
        return float("nan")
    least, rest = np.interp([0.4, 0.9], curve["people_share"], curve["value_share"])
    return float((1.0 - rest) / least) if least > 0 else float("inf")


def _in_order(values: Any, weights: Any, *, whole: bool = False) -> tuple[Floats, Floats]:
    """Values from least to most with their people; places without people are left out."""
    value, people = np.asarray(values, dtype=float), np.asarray(weights, dtype=float)
    if value.ndim != 1 or value.shape != people.shape:
        raise InputError(
            f"there are values of shape {value.shape} and weights of shape {people.shape}; one "
            "weight for each value is expected."
        )
    wrong = ~(people >= 0) | ~np.isfinite(people)
    if wrong.any():
        raise InputError(
            f"the weights of rows {first_of(np.flatnonzero(wrong))} are not numbers of people, 0 "
            "or more: set them, or leave the rows out."
        )
    wrong = np.isnan(value) | (whole & (~np.isfinite(value) | (value < 0)))
    if wrong.any():
        expected = "finite numbers, 0 or more" if whole else "numbers"
        raise InputError(
            f"the values of rows {first_of(np.flatnonzero(wrong))} are not {expected}: set them, "
            "or leave the rows out and say so."
        )
    order = np.argsort(value, kind="stable")
    order = order[people[order] > 0]
    return value[order], people[order]
