"""What sites say of their hours in free text -> flags that tell a person to read it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import pandas as pd

from accessibility.errors import InputError
from accessibility.inputs.settings import read_toml

ESCAPED = re.compile(r"\\x([0-9A-Fa-f]{2})|\\u([0-9A-Fa-f]{4})")
"""Characters that the publisher's form left escaped: a backslash, x20."""


@dataclass(frozen=True)
class Flag:
    """One thing that a remark may say, and the patterns that tell it; see the TOML file."""

    key: str
    title: str
    patterns: tuple[re.Pattern[str], ...]
    unless: tuple[re.Pattern[str], ...]

    def holds(self, words: str) -> bool:
        """Whether a remark, as `searched` gives it, says it."""
        for pattern in self.unless:
            words = pattern.sub(" ", words)
        return any(pattern.search(words) for pattern in self.patterns)


@cache
def remark_flags() -> dict[str, Flag]:
    """The flags, from `remark_flags.toml`.

    Examples
    --------
    >>> list(remark_flags())[:3]
    ['appointment_only', 'appointment', 'alternate_weeks']
    """
    path = Path(str(resources.files("accessibility.inputs") / "remark_flags.toml"))
    flags = {}
    for key, entry in read_toml(path, what="the flags of remarks").items():
        patterns, unless = (
            tuple(re.compile(text) for text in entry.get(name, []))
            for name in ("patterns", "unless")
        )
        flags[key] = Flag(key, entry["title"], patterns, unless)
    return flags


def readable(remark: str) -> str:
    r"""A remark in one line, with what the publisher left escaped put right.

    Examples
    --------
    >>> readable(r"Sur\x20RDV" + "\n uniquement")
    'Sur RDV uniquement'
    """
    plain = ESCAPED.sub(lambda match: chr(int(match[1] or match[2], 16)), remark)
    return " ".join(plain.split())


def searched(remark: str) -> str:
    """A remark as the patterns see it: small letters without accents, in one line.

    Examples
    --------
    >>> searched("Fermé  l’après-midi")
    "ferme l'apres-midi"
    """
    plain = readable(remark).replace("’", "'").replace("ʼ", "'").casefold()
    apart = unicodedata.normalize("NFKD", plain)
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def flags_of(remark: str) -> list[str]:
    """Keys of the flags that a remark raises.

    Examples
    --------
    >>> flags_of("Uniquement sur RDV, semaines paires")
    ['appointment_only', 'appointment', 'alternate_weeks']
    """
    words = searched(remark)
    return [key for key, flag in remark_flags().items() if flag.holds(words)]


def remarks(sites: pd.DataFrame) -> pd.DataFrame:
    """What sites say beside their hours: nothing is computed from it, a person must read it.

    Parameters
    ----------
    sites : DataFrame
        `facility_id`, `name`; of `remark` (free text), `appointment` (Oui, Non) and `format`
        those that the list has.

    Returns
    -------
    DataFrame
        One row for each site that has a remark, takes appointments, or is not of the format
        "Fixe": `facility_id`, `name`, `format`, `takes_appointments`, a column of true or false
        for each flag of `remark_flags`, `flags` (their keys), `remark`.

    Raises
    ------
    InputError
        If `appointment` holds anything but Oui and Non.

    Examples
    --------
    >>> import accessibility as acc
    >>> jura = acc.load_study("jura")
    >>> told = remarks(jura.sites[jura.sites["in_study"]])
    >>> len(told), int(told["alternate_weeks"].sum())
    (13, 1)
    """
    absent = pd.Series(None, index=sites.index, dtype=object)
    text = sites.get("remark", absent).astype(object)
    given = sites.get("appointment", absent).astype(object)
    kind = sites.get("format", absent).astype(object)
    other = set(given.dropna()) - {"Oui", "Non"}
    if other:
        raise InputError(
            f"the sites' appointment holds {', '.join(sorted(map(repr, other))[:5])}; Oui or Non "
            "is expected."
        )
    takes = given.eq("Oui")
    told = text.notna() | takes | (kind.notna() & kind.ne("Fixe"))
    shown = text[told].map(lambda remark: readable(remark) if isinstance(remark, str) else "")
    raised = shown.map(flags_of)
    return pd.DataFrame(
        {
            "facility_id": sites.loc[told, "facility_id"].astype(str),
            "name": sites.loc[told, "name"],
            "format": kind[told],
            "takes_appointments": takes[told].astype(bool),
            **{key: raised.map(lambda found, key=key: key in found) for key in remark_flags()},
            "flags": raised.map(", ".join),
            "remark": shown,
        }
    ).reset_index(drop=True)
