"""A planner's what-if about sites: its TOML form, and the sites that stand after it.

    study = "jura"
    version = 1
    name = "Septmoncel moves, Aromas opens"
    notes = "Asked by the canton in May."

    [[add]]
    insee = "39018"          # at the chef-lieu, unless lon and lat say where
    yearly_eur = 30000       # the study's grant, if absent

    [[remove]]
    id = "2756"

    [[move]]
    name = "Septmoncel"
    to = { lon = 5.91, lat = 46.37 }

    [[close]]
    insee = "39300"          # every site that stands in the commune

A site is told by `insee`, `id`, `name`, or `lon` and `lat`. Short forms are texts under `site`
(and `to`): "insee:39018", "id:2756", "name:Aromas", "5.55,46.30". A bare text is an INSEE code
where a site is added and an id everywhere else.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import tomli_w

from accessibility.analysis.choices import counted_sites
from accessibility.errors import InputError, UnknownNameError, first_of
from accessibility.inputs.settings import number, read_toml
from accessibility.schema import WGS84
from accessibility.study.sites import place_in_communes
from accessibility.study.study import Study

VERSION = 1
"""Of the TOML form."""

NEAR_M = 250.0
"""A site told by a point stands at most this far from it: a block of houses."""

LISTS = ("add", "remove", "move", "close")
HEAD = ("study", "version", "name", "notes")
PREFIXES = ("insee", "id", "name")


@dataclass(frozen=True)
class Place:
    """A site, or where one shall stand.

    Attributes
    ----------
    insee : str, optional
        Code of the commune.
    id : str, optional
        Id of a site.
    name : str, optional
        Of a site; of the commune where a site is added and nothing else says where.
    lon, lat : float, optional
        Degrees, WGS 84; both or none.
    yearly_eur : float, optional
        What a site that is added costs, euros a year.
    """

    insee: str | None = None
    id: str | None = None
    name: str | None = None
    lon: float | None = None
    lat: float | None = None
    yearly_eur: float | None = None

    def __str__(self) -> str:
        told = [f"{key}:{value}" for key in PREFIXES if (value := getattr(self, key)) is not None]
        return " ".join(told + ([] if self.lon is None else [f"{self.lon:g},{self.lat:g}"]))


@dataclass(frozen=True)
class Move:
    """A site and where it shall stand."""

    site: Place
    to: Place


@dataclass(frozen=True)
class Scenario:
    """A what-if about the sites of a study.

    Attributes
    ----------
    study : str, optional
        Name of the study that it is made for; any, if absent.
    version : int
        Of the TOML form.
    name, notes : str
    add, remove, close : tuple of Place
        Sites that open, single sites that close, and places of which all sites close.
    move : tuple of Move
    """

    study: str | None = None
    version: int = VERSION
    name: str = ""
    notes: str = ""
    add: tuple[Place, ...] = ()
    remove: tuple[Place, ...] = ()
    move: tuple[Move, ...] = ()
    close: tuple[Place, ...] = ()


def parse_place(text: str, *, adding: bool) -> Place:
    """A site as it is typed.

    Raises
    ------
    InputError
        If the text tells no place.

    Examples
    --------
    >>> str(parse_place("39018", adding=True)), str(parse_place("2756", adding=False))
    ('insee:39018', 'id:2756')
    >>> str(parse_place("5.55,46.3", adding=True))
    '5.55,46.3'
    """
    prefix, _, rest = (part.strip() for part in text.partition(":"))
    if rest and prefix in PREFIXES:
        return replace(Place(), **{prefix: rest})  # type: ignore[arg-type]
    numbers = text.split(",")
    if len(numbers) == 2:
        try:
            lon, lat = (float(n) for n in numbers)
        except ValueError:
            pass
        else:
            return _on_earth(Place(lon=lon, lat=lat), source=text)
    if not adding and text.strip():
        return Place(id=text.strip())
    if re.fullmatch(r"\d[\dAB]\d{3}", text.strip()):
        return Place(insee=text.strip())
    raise InputError(
        f"{text!r} tells no place; expected is an INSEE code such as 39018, or insee:, id:, "
        "name: or lon,lat."
    )


def read_scenario(path: str | Path) -> Scenario:
    """Read a scenario from a TOML file; the form stands at the head of this module.

    Raises
    ------
    MissingInputError, InputError, SettingError
        One sentence: the line and column of broken TOML, or the list and the key at fault.
    """
    path = Path(path)
    return scenario_of(read_toml(path, what="the scenario"), source=str(path))


def scenario_of(table: dict[str, Any], *, source: str = "the scenario") -> Scenario:
    """Check the values of a scenario's TOML form.

    Raises
    ------
    InputError, SettingError
        For an unknown key, version or place.

    Examples
    --------
    >>> scenario_of({"add": [{"insee": "39018"}]}).add[0].insee
    '39018'
    """
    _known(table, (*HEAD, *LISTS), source)
    if table.get("version", VERSION) != VERSION or isinstance(table.get("version"), bool):
        raise InputError(
            f"{source}: version is {table['version']!r}; this program reads version {VERSION}."
        )
    for key in ("study", "name", "notes"):
        _text(table, key, source)
    lists: dict[str, Any] = {}
    for key in LISTS:
        rows = table.get(key, [])
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise InputError(f"{source}: {key} is written as [[{key}]], once for each site.")
        made = _move if key == "move" else _place
        lists[key] = tuple(
            made(row, f"{source}: [[{key}]] {n}", adding=key == "add")
            for n, row in enumerate(rows, start=1)
        )
    head: dict[str, Any] = {key: table[key] for key in HEAD if key in table}
    return Scenario(**head, **lists)


def scenario_toml(scenario: Scenario) -> str:
    """The TOML form of a scenario, which `read_scenario` reads.

    Examples
    --------
    >>> scenario_toml(Scenario(name="Aromas opens", add=(Place(insee="39018"),))).splitlines()[:2]
    ['version = 1', 'name = "Aromas opens"']
    """

    def bare(place: Place) -> dict[str, Any]:
        return {key: value for key, value in asdict(place).items() if value is not None}

    table: dict[str, Any] = {key: getattr(scenario, key) for key in HEAD}
    for key in LISTS:
        rows = getattr(scenario, key)
        table[key] = [
            {**bare(row.site), "to": bare(row.to)} if isinstance(row, Move) else bare(row)
            for row in rows
        ]
    written = {key: value for key, value in table.items() if value is not None and value != []}
    return tomli_w.dumps(written)


def resolve(
    scenario: Scenario, study: Study, *, sites: gpd.GeoDataFrame | None = None
) -> gpd.GeoDataFrame:
    """Sites that stand after a scenario.

    Parameters
    ----------
    scenario : Scenario
    study : Study
    sites : GeoDataFrame, optional
        Sites before it, as `Coverage.sites` has them; those that `coverage` counts if absent.

    Returns
    -------
    GeoDataFrame
        Columns of `sites`: what stays in its order (moved sites under their id), then what is
        added. A site that the study does not list gets the id "added-" and its code or
        coordinates, unless the scenario gives one.

    Raises
    ------
    UnknownNameError
        If a commune or a site is not known.
    InputError
        If the scenario is for another study, a place is ambiguous or outside of the roads, or
        two lines contradict each other.

    Examples
    --------
    >>> import accessibility as acc
    >>> after = resolve(Scenario(add=(Place(insee="39018"),)), acc.load_study("jura"))
    >>> len(after), after["facility_id"].iloc[-1]
    (26, 'added-39018')
    """
    if scenario.study is not None and scenario.study != study.name:
        raise InputError(
            f"the scenario is made for the study {scenario.study}, and this one is {study.name}."
        )
    before = sites if sites is not None else counted_sites(study.sites, _day(study))
    gone = [_one(place, study, before) for place in scenario.remove]
    for place in scenario.close:
        gone += _found(place, study, before)
    moved = [_one(move.site, study, before) for move in scenario.move]
    _once([*gone, *moved], "is removed, closed or moved twice; once is expected")
    there = [_standing(move.to, study) for move in scenario.move]
    new = [_added(place, study, before) for place in scenario.add]
    ids = [str(row["facility_id"]) for row in new]
    _once(ids, "is added twice; give each site its own place or id")
    known = before["facility_id"].astype(str)
    if both := sorted(set(ids) & set(gone) | set(ids) & set(moved)):
        raise InputError(f"site {first_of(both)} is added and removed, closed or moved as well.")
    if taken := sorted(set(ids) & set(known)):
        raise InputError(f"site {first_of(taken)} counts already and cannot be added.")

    after = before[~known.isin(gone).to_numpy()].copy()
    for site, to in zip(moved, there, strict=True):
        row = after.index[after["facility_id"].astype(str) == site][0]
        for key in ("code_insee", "in_study", "geometry"):
            after.loc[row, key] = to[key]
    if new:
        rows = gpd.GeoDataFrame(new, crs=WGS84).to_crs(before.crs)
        # columns that the scenario says nothing of stay empty, in the kind that they have
        rows = rows.reindex(columns=before.columns)
        rows = rows.astype({c: k for c, k in before.dtypes.items() if c != "geometry"})
        after = rows if after.empty else pd.concat([after, rows])
    return after.reset_index(drop=True)


def _day(study: Study) -> dt.date:
    day: dt.date = study.default("as_of")
    return day


def _known(table: dict[str, Any], keys: Sequence[str], source: str) -> None:
    if unknown := [key for key in table if key not in keys]:
        raise InputError(f"{source} has unknown keys {first_of(unknown)}; known are "
                         f"{', '.join(keys)}.")  # fmt: skip


def _text(table: dict[str, Any], key: str, source: str) -> str | None:
    value = table.get(key)
    if key in table and not isinstance(value, str):
        raise InputError(f"{source}: {key} is {value!r}; a text in quotes is expected.")
    return value


def _place(table: dict[str, Any], source: str, *, adding: bool) -> Place:
    keys = ["site", *(f.name for f in fields(Place) if adding or f.name != "yearly_eur")]
    _known(table, keys, source)
    texts: dict[str, Any] = {key: _text(table, key, source) for key in ("site", *PREFIXES)}
    place = Place(**{key: texts[key] for key in PREFIXES})
    if "lon" in table or "lat" in table:
        lon, lat = (number(table, k, source=source, minimum=-180.0) for k in ("lon", "lat"))
        place = replace(place, lon=lon, lat=lat)
    if texts["site"] is not None:
        if str(place):
            raise InputError(f"{source} tells the place twice: site and {place}.")
        place = parse_place(texts["site"], adding=adding)
    told = [key for key in (*PREFIXES, "lon") if getattr(place, key) is not None]
    if not told or (len(told) > 1 and not adding):
        raise InputError(f"{source} tells {'several places' if told else 'no place'}; one of "
                         "site, insee, id, name, or lon and lat is expected.")  # fmt: skip
    if "yearly_eur" in table:
        cost = table["yearly_eur"]
        if isinstance(cost, bool) or not isinstance(cost, int | float) or not 0 <= cost < 1e12:
            raise InputError(f"{source}: yearly_eur is {cost!r}; euros of at least 0 are expected.")
        place = replace(place, yearly_eur=float(cost))
    return _on_earth(place, source=source)


def _move(table: dict[str, Any], source: str, *, adding: bool) -> Move:
    to = table.get("to")
    if isinstance(to, str):
        to = {"site": to}
    if not isinstance(to, dict):
        raise InputError(f'{source} lacks to: a place such as to = {{ insee = "39018" }}.')
    site = {key: value for key, value in table.items() if key != "to"}
    there = _place(to, f"{source} to", adding=True)
    if there.id is not None or there.yearly_eur is not None:
        raise InputError(f"{source} to: insee, name, or lon and lat are expected.")
    return Move(_place(site, source, adding=False), there)


def _on_earth(place: Place, *, source: str) -> Place:
    lon, lat = place.lon or 0.0, place.lat or 0.0
    if not (math.isfinite(lon) and abs(lon) <= 180 and math.isfinite(lat) and abs(lat) <= 90):
        raise InputError(f"{source}: {lon:g}, {lat:g} are no longitude and latitude in degrees.")
    return place


def _once(ids: list[str], fault: str) -> None:
    if repeated := sorted({i for i in ids if ids.count(i) > 1}):
        raise InputError(f"site {first_of(repeated)} {fault}.")


def _standing(place: Place, study: Study) -> dict[str, Any]:
    """Commune and point of a place where a site shall stand."""
    communes = study.communes
    code, name, lon, lat = place.insee, None, place.lon, place.lat
    if code is None and lon is None:
        named = communes["name"].str.casefold() == str(place.name).casefold()
        found = communes.loc[named, "code_insee"].tolist()
        if len(found) != 1:
            said = f"has several ({first_of(found)}); give the code" if found else "has none"
            raise UnknownNameError(f"a commune {place.name} is expected; the study {said}.")
        code = found[0]
    if code is not None:
        row = communes[communes["code_insee"] == code]
        if row.empty:
            raise UnknownNameError(
                f"no commune of the study has the code {code}; one such as "
                f"{communes['code_insee'].iloc[0]} is expected, or lon and lat for a place outside."
            )
        name = row["name"].iloc[0]
        if lon is None:
            lon, lat = (float(row[f"chef_lieu_{axis}"].iloc[0]) for axis in ("lon", "lat"))
    west, south, east, north = study.network_bounds
    assert lon is not None
    assert lat is not None
    if not (west <= lon <= east and south <= lat <= north):
        raise InputError(f"{place} is not on the study's roads ({west:.2f}, {south:.2f} to "
                         f"{east:.2f}, {north:.2f}); longitude first is expected.")  # fmt: skip
    point = gpd.GeoDataFrame(geometry=gpd.points_from_xy([lon], [lat], crs=WGS84))
    code = place_in_communes(point, communes).iloc[0] if code is None else code
    code = code if isinstance(code, str) else None  # missing outside of the territory
    return {
        "name": name or f"{lon:g},{lat:g}",
        "code_insee": code,
        "in_study": code is not None,
        "geometry": point.geometry.iloc[0],
    }


def _added(place: Place, study: Study, before: gpd.GeoDataFrame) -> dict[str, Any]:
    if place.id is not None and place.insee is None and place.lon is None:
        listed = study.sites[study.sites["facility_id"].astype(str) == place.id]
        if listed.empty and place.id not in set(before["facility_id"].astype(str)):
            raise UnknownNameError(
                f"the study lists no site {place.id}; give insee, or lon and lat, for a new one."
            )
        at = listed if len(listed) else before[before["facility_id"].astype(str) == place.id]
        return dict(at.to_crs(WGS84).iloc[0])
    row = _standing(place, study)
    told = place.insee or row["code_insee"] if place.lon is None else f"{place.lon},{place.lat}"
    row["facility_id"] = place.id or f"added-{told}"
    if place.insee is not None or place.lon is not None:
        row["name"] = place.name or row["name"]  # otherwise the name told the commune
    extra = {"kind": "added", "format": "Fixe", "label_date": pd.NaT}
    return row | {key: value for key, value in extra.items() if key in before}


def _one(place: Place, study: Study, before: gpd.GeoDataFrame) -> str:
    found = _found(place, study, before)
    if len(found) > 1:
        raise InputError(f"several sites are meant by {place}: {first_of(found)}; give one id, or "
                         "close them all under [[close]].")  # fmt: skip
    return found[0]


def _found(place: Place, study: Study, before: gpd.GeoDataFrame) -> list[str]:
    """Ids of the counted sites that a place tells; at least one."""
    ids = before["facility_id"].astype(str)
    if place.id is not None:
        match = ids == place.id
    elif place.insee is not None:
        match = before["code_insee"] == place.insee
    elif place.name is not None:
        names = before["name"].astype("string").str.casefold()
        match = names == place.name.casefold()
        if not match.any():
            match = names.str.contains(place.name.casefold(), regex=False)
    else:
        at = gpd.GeoSeries.from_xy([place.lon], [place.lat], crs=WGS84).to_crs(study.metric_crs)
        away = before.geometry.to_crs(study.metric_crs).distance(at.iloc[0])
        match = (away <= NEAR_M) & (away == away.min())
    found: list[str] = ids[match.fillna(False).to_numpy(dtype=bool)].tolist()
    if not found:
        listed = place.id is not None and place.id in set(study.sites["facility_id"].astype(str))
        why = "is listed by the study but does not count" if listed else "is not known"
        raise UnknownNameError(f"a site {place} {why}; {len(before)} sites count: {first_of(ids)}.")
    return found
