"""How many people of several départements reach a site in time, each and together."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from accessibility.analysis.coverage import Coverage, coverage, share
from accessibility.errors import InputError, first_of
from accessibility.routing.times import Direction
from accessibility.study.study import load_study

CHOICES = ("minutes", "as_of", "population_year", "direction", "around", "profile", "walk_kph",
           "demand_method", "inclusive", "service")  # fmt: skip
"""What has to be the same in all départements that are summed up."""

COMMUNE = ("code_insee", "name", "population", "population_covered", "share_covered",
           "travel_time_s", "seconds_over", "facility_id")  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """What is asked of each département; what is absent comes from its study.

    Attributes
    ----------
    minutes, demand, as_of, population, direction, around, walk_kph, inclusive
        As in `coverage`; `as_of` as ISO text, `demand` a method.
    profile, changes
        As in `load_study`.
    """

    minutes: float | None = None
    demand: str | None = None
    as_of: str | None = None
    population: int | None = None
    direction: Direction | None = None
    around: bool = False
    walk_kph: float | None = None
    inclusive: bool = True
    profile: str | None = None
    changes: Mapping[str, object] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True)
class RegionalCoverage:
    """Coverage of several départements.

    Attributes
    ----------
    share : float
        Of the people of all; NaN where nobody lives.
    population, population_covered : float
    by_departement : DataFrame
        `code`, `title`, `communes`, `population`, `population_covered`, `share_covered`,
        `sites`, `communes_unknown` (without a population), `complete`.
    by_commune : DataFrame
        `departement` and the columns of `Coverage.by_commune`, without the contour.
    complete : bool
        Whether all are.
    choices : dict
        Behind the figure: minutes, as_of, population_year, ...
    """

    share: float
    population: float
    population_covered: float
    by_departement: pd.DataFrame
    by_commune: pd.DataFrame
    complete: bool
    choices: dict[str, Any]

    def __repr__(self) -> str:
        return (
            f"<RegionalCoverage: {self.share:.2%} of {len(self.by_departement)} départements "
            f"within {self.choices['minutes']:g} minutes>"
        )


def coverage_of_departement(folder: str, asked: Asked) -> dict[str, Any]:
    """Coverage of one study as plain values: the work of one task, wherever it runs.

    Parameters
    ----------
    folder : str
        Folder of the study, where the worker sees it.
    asked : Asked

    Returns
    -------
    dict
        JSON has a form for all of it; times that are not reached are None.
    """
    study = load_study(folder, profile=asked.profile, changes=asked.changes)
    result = coverage(
        study,
        asked.demand,
        minutes=asked.minutes,
        as_of=asked.as_of,
        population=asked.population,
        direction=asked.direction,
        around=asked.around,
        walk_kph=asked.walk_kph,
        inclusive=asked.inclusive,
    )
    return {
        "code": study.departement,
        "title": study.title,
        "sites": int(result.sites["in_study"].sum()),
        "communes_unknown": len(result.unknown),
        "complete": bool(result.complete),
        "choices": _choices(result, study.service),
        "communes": _communes(result),
    }


def _choices(result: Coverage, service: str) -> dict[str, Any]:
    told = {name: getattr(result, name) for name in CHOICES if name != "service"}
    plain = {k: v.isoformat() if isinstance(v, dt.date) else v for k, v in told.items()}
    return plain | {"population_year": int(result.population_year), "service": service}


def _communes(result: Coverage) -> list[dict[str, Any]]:
    table = pd.DataFrame(result.by_commune)[list(COMMUNE)].sort_values("code_insee")
    for name in table.columns:
        if pd.api.types.is_float_dtype(table[name]):
            # whole milliseconds and people; a hair less or more would be another text
            values = table[name].to_numpy(dtype=float).round(6)
            table[name] = np.where(np.isfinite(values), values, np.nan)
    plain = table.astype(object).where(table.notna(), None)
    return [{str(k): v for k, v in row.items()} for row in plain.to_dict("records")]


def added_up(results: Mapping[str, Mapping[str, Any]]) -> RegionalCoverage:
    """Sum up what `coverage_of_departement` gave, by code of the département.

    Raises
    ------
    InputError
        If the départements were asked unlike things.
    """
    codes = sorted(results)
    first = results[codes[0]]["choices"]
    for code in codes:
        other = results[code]["choices"]
        if unlike := [name for name in first if other[name] != first[name]]:
            raise InputError(
                f"the départements {codes[0]} and {code} differ in {first_of(unlike)}, so they "
                "cannot be summed up: give it as an option."
            )
    rows = [{"departement": code, **row} for code in codes for row in results[code]["communes"]]
    communes = pd.DataFrame(rows, columns=["departement", *COMMUNE])
    numbers = [n for n in COMMUNE if n not in ("code_insee", "name", "facility_id")]
    communes = communes.astype(dict.fromkeys(numbers, "float64"))
    people = communes.groupby("departement")[["population", "population_covered"]].sum()
    table = pd.DataFrame(
        {
            "code": codes,
            "title": [results[code]["title"] for code in codes],
            "communes": [len(results[code]["communes"]) for code in codes],
            "population": people["population"].reindex(codes).to_numpy(),
            "population_covered": people["population_covered"].reindex(codes).to_numpy(),
            "sites": [results[code]["sites"] for code in codes],
            "communes_unknown": [results[code]["communes_unknown"] for code in codes],
            "complete": [results[code]["complete"] for code in codes],
        }
    )
    shares = [
        share(covered, total)
        for covered, total in zip(table["population_covered"], table["population"], strict=True)
    ]
    table.insert(5, "share_covered", shares)
    population = float(table["population"].sum())
    covered = float(table["population_covered"].sum())
    return RegionalCoverage(
        share=share(covered, population),
        population=population,
        population_covered=covered,
        by_departement=table,
        by_commune=communes,
        complete=bool(table["complete"].all()),
        choices=dict(first),
    )
