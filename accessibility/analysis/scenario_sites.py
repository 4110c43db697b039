"""The sites that stand after a scenario."""

from __future__ import annotations

import datetime as dt
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from accessibility.analysis.choices import counted_sites
from accessibility.analysis.scenario import Place, Scenario, Stop
from accessibility.errors import InputError, UnknownNameError, first_of
from accessibility.schema import WGS84
from accessibility.study.sites import place_in_communes
from accessibility.study.study import Study

NEAR_M = 250.0
"""A site told by a point stands at most this far from it: a block of houses."""

ITINERANT = "Itinérant"
"""Format of a service that goes round, as sites of one place have "Fixe"."""


class OtherStudyError(InputError):
    """A scenario is made for another study."""


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
        added, then the stops of itinerant services, one row each. A site that the study does
        not list gets the id "added-" and its code or coordinates, unless the scenario gives
        one; a stop has the id of its service, a slash and its number.

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
        raise OtherStudyError(
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
    new += [row for stop in scenario.stop for row in _stops(stop, study, before)]
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
        rows = _rows(new, before)
        after = rows if after.empty else pd.concat([after, rows])
    return after.reset_index(drop=True)


def _rows(new: list[dict[str, Any]], before: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Rows as a table like another one; what they do not tell is empty."""
    shape = before.geometry.name
    columns: dict[str, Any] = {}
    for name, kind in before.dtypes.items():
        values = [row.get(name) for row in new]
        if name == shape:
            points = gpd.GeoSeries([row["geometry"] for row in new], crs=WGS84)
            same = before.crs.equals(WGS84)
            columns[shape] = points if same else points.to_crs(before.crs)
        elif isinstance(kind, np.dtype):
            # numbers of numpy hold nothing that is missing
            whole = kind.kind in "iub" and None in values
            columns[name] = pd.Series(values, dtype=None if whole else kind)
        else:
            columns[name] = pd.array(values, dtype=kind)
    return gpd.GeoDataFrame(columns, geometry=shape)


def service_ids(scenario: Scenario) -> dict[str, str]:
    """Id of the service that each stop of a scenario belongs to.

    Examples
    --------
    >>> service_ids(Scenario(stop=(Stop((Place(insee="39018"), Place(insee="39397")), "Bus"),)))
    {'stop-Bus/1': 'stop-Bus', 'stop-Bus/2': 'stop-Bus'}
    """
    return {
        f"{_service(stop)}/{n}": _service(stop)
        for stop in scenario.stop
        for n in range(1, len(stop.at) + 1)
    }


def _service(stop: Stop) -> str:
    return stop.id or f"stop-{stop.name or '+'.join(_told(place) for place in stop.at)}"


def _told(place: Place) -> str:
    code = str(place.insee or place.name)
    return code if place.lon is None else f"{place.lon},{place.lat}"


def _stops(stop: Stop, study: Study, before: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    """One row for each stop of an itinerant service."""
    rows = [_standing(place, study) for place in stop.at]
    places = [row["geometry"] for row in rows]
    if twice := [str(p) for k, p in enumerate(stop.at) if places[k] in places[:k]]:
        raise InputError(f"the itinerant service {_service(stop)} stops twice at "
                         f"{first_of(twice)}; once is expected.")  # fmt: skip
    for n, row in enumerate(rows, start=1):
        row["facility_id"] = f"{_service(stop)}/{n}"
        row["name"] = f"{stop.name or 'Itinerant service'} ({row['name']})"
    return [row | _extra(before, ITINERANT) for row in rows]


def _extra(before: gpd.GeoDataFrame, form: str) -> dict[str, Any]:
    extra = {"kind": "added", "format": form, "label_date": pd.NaT}
    return {key: value for key, value in extra.items() if key in before}


def _day(study: Study) -> dt.date:
    day: dt.date = study.default("as_of")
    return day


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
    point = shapely.Point(lon, lat)
    if code is None:
        where = gpd.GeoSeries([point], crs=WGS84)
        found = place_in_communes(where, communes).iloc[0]
        code = found if isinstance(found, str) else None  # missing outside of the territory
    return {
        "name": name or f"{lon:g},{lat:g}",
        "code_insee": code,
        "in_study": code is not None,
        "geometry": point,
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
    return row | _extra(before, "Fixe")


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
