"""What the page says in each language: the maps' words and its own in page_words.toml."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from accessibility.report.map_words import words


@cache
def page_words(lang: str) -> dict[str, str]:
    """Words of one language.

    Raises
    ------
    SettingError
        If the page does not speak it.

    Examples
    --------
    >>> page_words("fr")["undo"], page_words("fr")["search"]
    ('Annuler', 'Chercher une commune (nom ou code INSEE)')
    """
    shared = words(lang)  # refuses another language
    text = (files("accessibility.web") / "page_words.toml").read_text(encoding="utf-8")
    own: dict[str, str] = tomllib.loads(text)[lang]
    return shared | own


def preferred(header: str | None, *, otherwise: str) -> str:
    """Language of a reader, from what the browser says that it accepts.

    Examples
    --------
    >>> preferred("de-DE,de;q=0.9,fr;q=0.8,en;q=0.7", otherwise="en")
    'fr'
    >>> preferred(None, otherwise="en")
    'en'
    """
    for part in (header or "").split(","):
        tongue = part.split(";")[0].strip().lower()[:2]
        if tongue in ("fr", "en"):
            return tongue
    return otherwise
