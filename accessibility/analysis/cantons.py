"""In how many cantons a site stands, within what the tables allow to say."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pandas as pd

from accessibility.inputs.communes import is_pseudo_canton


@dataclass(frozen=True)
class Cantons:
    """Cantons with at least one site, counted where the tables allow it.

    Attributes
    ----------
    covered : int
        The least number: where a town is divided, no table says in which part a site lies.
    covered_max : int
        The most.
    total : int or None
        Cantons of the territory; None where no table tells them.
    """

    covered: int
    covered_max: int
    total: int | None


def cantons_covered(
    site_codes: pd.Series, communes: pd.DataFrame, cantons: pd.DataFrame
) -> Cantons:
    """Count the cantons in which at least one site stands.

    Parameters
    ----------
    site_codes : Series of str
        Commune of each site.
    communes : DataFrame
        `code_insee`, `canton_code`.
    cantons : DataFrame
        `canton_code`, `split_town`; may be empty.

    Returns
    -------
    Cantons

    Notes
    -----
    A site in a whole commune covers its canton for certain. A town that k cantons divide, d
    of which are covered for certain, adds at least one canton if it has a site and d is 0, and
    at most the lesser of its number of sites and k - d. Where no table tells k and d, it adds
    at least none and at most as many as it has sites.

    Examples
    --------
    >>> communes = pd.DataFrame({"code_insee": ["1", "2", "3"], "canton_code": ["c1", "c2", "t9"]})
    >>> cantons = pd.DataFrame({"canton_code": ["c1", "c2", "c3"], "split_town": [None, "3", "3"]})
    >>> cantons_covered(pd.Series(["1", "3", "3"]), communes, cantons)
    Cantons(covered=2, covered_max=3, total=3)
    """
    of_commune = dict(
        zip(communes["code_insee"].tolist(), communes["canton_code"].tolist(), strict=True)
    )
    divided = set(divided_towns(communes, cantons))
    towns = {code for code, canton in of_commune.items() if canton in divided}
    whole = {of_commune.get(code) for code in site_codes if code not in towns}
    certain = {canton for canton in whole if isinstance(canton, str)}
    least = most = len(certain)
    halves = [*zip(cantons["canton_code"].tolist(), cantons["split_town"].tolist(), strict=True)]
    for town, n_sites in Counter(code for code in site_codes if code in towns).items():
        parts = {canton for canton, of in halves if of == town}
        if not parts:
            most += n_sites
            continue
        open_ = len(parts - certain)
        least += int(open_ == len(parts))
        most += min(n_sites, open_)
    return Cantons(least, most, len(cantons) if len(cantons) else None)


def divided_towns(communes: pd.DataFrame, cantons: pd.DataFrame) -> list[str]:
    """Codes that INSEE gives to towns that cantons divide: no true canton has them."""
    codes = communes["canton_code"].dropna()
    if len(cantons):
        return sorted(set(codes) - set(cantons["canton_code"]))
    # without a table: cantons are numbered from 1, divided towns from 99 downwards
    return sorted(set(codes[is_pseudo_canton(codes)]))
