"""What the maps say of an answer; the words of each language are in map_words.toml."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from accessibility.analysis.coverage import Coverage
from accessibility.errors import SettingError
from accessibility.report.map_changes import CLOSED, GAINED, LOST, MOVED, OPENED, Changes
from accessibility.study.bundle import FRANCE_SERVICES
from accessibility.study.study import Study

LANGUAGES = ("en", "fr")


@dataclass(frozen=True)
class MapText:
    """What a map says of an answer, in one language.

    Attributes
    ----------
    title : str
        The figure.
    summary : str
        People, communes and cantons behind it.
    warnings : tuple of str
        What the figure or the drawing does not hold; empty where all is known.
    choices : tuple of (str, str)
        The choices of the method: what, and which.
    sources : tuple of str
        The publishers' own lines, with their licences.
    changes : tuple of (str, str)
        What a scenario changes: what, and how; empty where there is none.
    labels : dict of str to str
        The other words; their minutes are filled in.
    """

    title: str
    summary: str
    warnings: tuple[str, ...]
    choices: tuple[tuple[str, str], ...]
    sources: tuple[str, ...]
    changes: tuple[tuple[str, str], ...]
    labels: dict[str, str]


@cache
def words(lang: str) -> dict[str, str]:
    """Words of one language.

    Raises
    ------
    SettingError
        If the maps do not speak it.
    """
    if lang not in LANGUAGES:
        raise SettingError(f"the language is {lang!r}; {' or '.join(LANGUAGES)} is expected.")
    text = (files("accessibility.report") / "map_words.toml").read_text(encoding="utf-8")
    return dict(tomllib.loads(text)[lang])


def map_text(
    study: Study,
    result: Coverage,
    *,
    lang: str,
    own_sites: str | None,
    areas_complete: bool,
    cutoffs_s: Sequence[float],
    changes: Changes | None = None,
) -> MapText:
    """Say in one language what a map shows.

    Parameters
    ----------
    study : Study
    result : Coverage
    lang : {"en", "fr"}
    own_sites : str or None
        File from which sites of one's own come; None for the study's.
    areas_complete : bool
        Whether all of what the drawn areas cover is known.
    cutoffs_s : sequence of float
        Cut-offs of the drawn areas.
    changes : Changes, optional
        What a scenario changes; `result` is the answer after it.

    Returns
    -------
    MapText
    """
    said = words(lang)
    cutoff = minutes([result.minutes], lang)
    bands = minutes([s / 60.0 for s in cutoffs_s], lang)
    several = {key: said[key].format(minutes=bands) for key in ("areas", "layer_bands")}
    once = ("area", "covered", "layer_outline", "verdict_gained")
    one = {key: said[key].format(minutes=cutoff) for key in once}
    france_services = study.service == FRANCE_SERVICES and own_sites is None
    service = said["a_france_services" if france_services else "a_site"]
    if own_sites is None and not france_services:
        service += f" ({study.service})"
    known = "title" if np.isfinite(result.share) else "unknown"
    title = said[f"{known}_{result.direction}"].format(
        place=study.title,
        share=percent(result.share, lang),
        service=service,
        minutes=cutoff,
    )
    summary = _summary(result, lang)
    if changes is not None:
        title = _title_of_both(title, changes.before.share, result.share, lang)
        summary = said["summary_after"].format(summary=summary)
    return MapText(
        title=title,
        summary=summary,
        warnings=_warnings(result, lang, areas_complete=areas_complete),
        choices=_choices(study, result, lang, own_sites, changes),
        sources=_sources(study, result.population_year, own=own_sites is not None),
        changes=() if changes is None else _changes(changes, lang),
        labels=said | one | several | {"legend_time": said[f"legend_{result.direction}"]},
    )


def _title_of_both(title: str, before: float, after: float, lang: str) -> str:
    """Say the figure before a scenario beside that after it, where both are known."""
    if not (np.isfinite(before) and np.isfinite(after)):
        return title
    share = percent(before, lang)
    key = "title_same" if share == percent(after, lang) else "title_before"
    return words(lang)[key].format(title=title, share=share)


def _changes(changes: Changes, lang: str) -> tuple[tuple[str, str], ...]:
    said, before = words(lang), changes.before
    rows = [(said["scenario_name"], changes.name)] if changes.name else []
    share = percent(before.share, lang) if np.isfinite(before.share) else said["unknown"]
    people = number(before.population_covered, lang)
    rows.append(
        (said["covered_before"], said["people_and_share"].format(people=people, share=share))
    )
    for change in (GAINED, LOST):
        communes = changes.of(change)
        told = said["inhabitants_of"].format(
            people=number(communes["population"].sum(), lang),
            communes=f"{len(communes)} {said['commune' if len(communes) == 1 else 'communes']}",
        )
        rows.append((said[change], told if len(communes) else said["nobody"]))
    for change, key in ((OPENED, "opens"), (CLOSED, "closes"), (MOVED, "moves")):
        if names := changes.named(change):
            rows.append((said[key], ", ".join(names)))
    return tuple(rows)


def _summary(result: Coverage, lang: str) -> str:
    said, late = words(lang), len(result.uncovered)
    text = said["summary"].format(
        covered=number(result.population_covered, lang),
        people=number(result.population, lang),
        communes=f"{late} {said['commune' if late == 1 else 'communes']}",
        late=number(result.uncovered["population"].sum(), lang),
    )
    cantons = result.cantons
    if cantons.total is None:
        return text
    covered = str(cantons.covered)
    if cantons.covered_max > cantons.covered:
        covered = said["range"].format(least=cantons.covered, most=cantons.covered_max)
    return f"{text} {said['summary_cantons'].format(covered=covered, total=cantons.total)}"


def _warnings(result: Coverage, lang: str, *, areas_complete: bool) -> tuple[str, ...]:
    said = words(lang)
    told = []
    if not result.complete:
        told.append(said["incomplete"])
    if not areas_complete:
        told.append(said["incomplete_area"])
    for key, names in (("off_road", result.sites_off_road), ("no_population", result.unknown)):
        if names:
            told.append(said[key].format(names=", ".join(names)))
    return tuple(told)


def _choices(
    study: Study, result: Coverage, lang: str, own_sites: str | None, changes: Changes | None
) -> tuple[tuple[str, str], ...]:
    said = words(lang)
    counted = len(result.sites) if changes is None else changes.services_after
    if own_sites is not None:
        sites = f"{counted}, {said['sites_file'].format(file=own_sites)}"
    else:
        whose = said["sites_around" if result.around else "sites_own"]
        sites = f"{counted} {study.service}, {whose}"
    dated = "label_date" in result.sites and bool(result.sites["label_date"].notna().any())
    if dated:
        sites += f", {said['dated'].format(day=day(result.as_of, lang))}"
    if changes is not None:
        sites += f" ({said['sites_before'].format(before=changes.services_before)})"
    way = said[f"direction_{result.direction}"]
    if result.walk_kph is not None:
        way += f"; {said['on_foot'].format(kph=number(result.walk_kph, lang))}"
    return (
        (said["sites"], sites),
        (said["population"], said["population_at"].format(year=result.population_year)),
        (said["speeds"], said["profile"].format(name=result.profile)),
        (said["direction"], way),
    )


def _sources(study: Study, year: int, *, own: bool) -> tuple[str, ...]:
    """Lines of the sources that the map shows, the roads first: it is made of them."""
    unused = {"epci", *(["sites"] if own else [])}
    lines = [
        source["attribution"].removeprefix("Source: ")
        for source in study.manifest["sources"]
        if source["dataset"] not in unused
        and source["dataset"].removeprefix("population_") in (source["dataset"], str(year))
    ]
    return tuple(sorted(dict.fromkeys(lines), key=lambda line: not line.startswith("©")))


def percent(share: float, lang: str) -> str:
    r"""A share as a percentage.

    Examples
    --------
    >>> percent(0.97581, "en"), percent(0.97581, "fr")
    ('97.58 %', '97,58\xa0%')
    """
    text = f"{share * 100:.2f}"
    return f"{text.replace('.', ',')}\N{NO-BREAK SPACE}%" if lang == "fr" else f"{text} %"


def number(value: float, lang: str) -> str:
    """A number as people of that language write it.

    Examples
    --------
    >>> number(259199.0, "en"), number(7.5, "fr")
    ('259,199', '7,5')
    """
    text = f"{value:,.0f}" if float(value).is_integer() else f"{value:,g}"
    if lang == "fr":
        return text.replace(",", "\N{NO-BREAK SPACE}").replace(".", ",")
    return text


def minutes(values: Sequence[float], lang: str) -> str:
    """Numbers of minutes.

    Examples
    --------
    >>> minutes([10.0, 20.0], "en"), minutes([1.0], "en")
    ('10, 20 minutes', '1 minute')
    """
    noun = words(lang)["minute" if list(values) == [1.0] else "minutes"]
    return f"{', '.join(number(value, lang) for value in values)} {noun}"


def day(date: dt.date, lang: str) -> str:
    """A day as people of that language write it.

    Examples
    --------
    >>> day(dt.date(2022, 11, 1), "en"), day(dt.date(2022, 11, 1), "fr")
    ('1 November 2022', '1er novembre 2022')
    """
    said = words(lang)
    number_of_day = said["first"] if date.day == 1 else str(date.day)
    return f"{number_of_day} {said['months'].split()[date.month - 1]} {date.year}"
