"""Zones and a budget of a study -> rules that a choice of sites obeys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd

from accessibility.analysis.cantons import divided_towns
from accessibility.analysis.siting_rules import Rules, at_least, at_most, no_rules
from accessibility.errors import InputError, SettingError, first_of
from accessibility.study.study import Study

Zone = Literal["canton", "epci"]
ZONES = ("canton", "epci")


def one_at_most(study: Study, table: gpd.GeoDataFrame, zone: Zone) -> Rules:
    """At most one of the candidates in each canton or EPCI.

    A town that cantons divide is a zone of its own, as INSEE codes it.

    Parameters
    ----------
    study : Study
    table : GeoDataFrame
        Candidates with `code_insee`.
    zone : {"canton", "epci"}
    """
    of_candidate = table["code_insee"].map(_codes(study, zone))
    count = of_candidate.value_counts()
    names = study.communes.drop_duplicates(f"{zone}_code").set_index(f"{zone}_code")[f"{zone}_name"]
    several = sorted(count.index[count > 1])
    rows = [(of_candidate == code).to_numpy() for code in several]
    return at_most(
        np.array(rows, dtype=float).reshape(len(several), len(table)),
        np.ones(len(several)),
        [f"at most one site in {names[code]}" for code in several],
    )


def one_at_least(study: Study, table: gpd.GeoDataFrame, zone: Zone, open_codes: pd.Series) -> Rules:
    """At least one site in each canton or EPCI.

    Parameters
    ----------
    study : Study
    table : GeoDataFrame
        Candidates with `code_insee`.
    zone : {"canton", "epci"}
    open_codes : Series of str
        Communes of the sites that stay open in any case.

    Notes
    -----
    A site in a divided town may serve any one of its cantons. Each can have one where, for any
    of these cantons, the sites in their whole communes and in the town are as many as they are
    (Hall's marriage theorem, 1935).
    """
    rows, needs, names = [], [], []
    for communes, need, name in _demands(study, zone):
        short = need - int(open_codes.isin(communes).sum())
        if short > 0:
            rows.append(table["code_insee"].isin(communes).to_numpy())
            needs.append(short)
            names.append(f"at least {need if need > 1 else 'one'} site{'s' * (need > 1)} in {name}")
    return at_least(
        np.array(rows, dtype=float).reshape(len(needs), len(table)), np.array(needs), names
    )


def within_budget(
    table: gpd.GeoDataFrame, budget: float | None, costs: Mapping[str, float] | None
) -> Rules:
    """Costs of the chosen candidates within a budget; an existing site costs nothing.

    Parameters
    ----------
    table : GeoDataFrame
        `candidate_id`, `existing`, perhaps `cost`.
    budget : float, optional
    costs : mapping of str to float, optional
        Cost of each candidate by its id; the column `cost` if absent.
    """
    if budget is None:
        if costs is not None:
            raise SettingError("costs were given without a budget; a budget is expected.")
        return no_rules(len(table))
    if not 0 <= budget < np.inf:
        raise SettingError(f"the budget is {budget:g}; 0 or more is expected.")
    ids = table["candidate_id"].astype(str)
    if costs is None and "cost" not in table:
        raise SettingError("a budget was given without costs; a cost of each candidate is "
                           "expected.")  # fmt: skip
    found = table["cost"] if costs is None else ids.map({str(k): v for k, v in costs.items()})
    found = pd.to_numeric(found, errors="coerce").mask(table["existing"], 0.0)
    if found.isna().any():
        raise InputError(f"candidates {first_of(ids[found.isna()].tolist())} have no cost; a "
                         "number for each is expected.")  # fmt: skip
    wrong = ~((found >= 0) & np.isfinite(found))
    if wrong.any():
        raise InputError(f"the cost of candidates {first_of(ids[wrong].tolist())} is below 0 or "
                         "infinite.")  # fmt: skip
    return at_most(
        found.to_numpy(dtype=float)[None], np.array([budget]), [f"a budget of {budget:,g}"]
    )


def check_zone(zone: str | None) -> None:
    """Refuse a zone that is neither canton nor EPCI."""
    if zone is not None and zone not in ZONES:
        raise SettingError(f"the zone is {zone!r}; {' or '.join(ZONES)} is expected.")


def _codes(study: Study, zone: str) -> pd.Series:
    codes: pd.Series = study.communes.set_index("code_insee")[f"{zone}_code"]
    return codes


def _demands(study: Study, zone: str) -> Iterator[tuple[list[str], int, str]]:
    """Communes that must together hold so many sites."""
    codes = _codes(study, zone)
    towns = divided_towns(study.communes, study.cantons) if zone == "canton" else []
    whole = codes[~codes.isin(towns)]
    names = dict(
        study.communes[[f"{zone}_code", f"{zone}_name"]].dropna().itertuples(index=False, name=None)
    )
    inside: dict[str, list[str]] = {
        str(code): list(part.index) for code, part in whole.groupby(whole)
    }
    divided: set[str] = set()
    if zone == "canton" and len(study.cantons):
        names |= dict(zip(study.cantons["canton_code"], study.cantons["canton_name"], strict=True))
        split = study.cantons.dropna(subset=["split_town"])
        for town, parts in split.groupby("split_town"):
            cantons = sorted(parts["canton_code"])
            divided |= set(cantons)
            for size in range(1, len(cantons) + 1):
                for some in combinations(cantons, size):
                    together = [c for code in some for c in inside.get(code, [])]
                    yield [*together, str(town)], size, ", ".join(names[code] for code in some)
    for code, communes in sorted(inside.items()):
        if code not in divided:
            yield communes, 1, names.get(code, code)
