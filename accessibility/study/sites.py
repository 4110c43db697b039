"""Points of any service -> the facilities of a study."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import pandas as pd

from accessibility.errors import UnknownNameError
from accessibility.inputs.points import read_points
from accessibility.schema import FACILITIES, validate

CANDIDATES = {"post-offices": "post_office", "town-halls": "townhall"}
"""Where new sites may be housed, and their kind in OpenStreetMap."""

SHOWN = 20
"""Kinds that a message names."""


def sites_of_kind(
    points_of_interest: gpd.GeoDataFrame, kind: str, communes: gpd.GeoDataFrame
) -> gpd.GeoDataFrame:
    """Points of interest of one kind, such as pharmacy, as facilities.

    Parameters
    ----------
    points_of_interest : GeoDataFrame
        `osm_id`, `kind` (value of amenity or shop), `name`.
    kind : str
    communes : GeoDataFrame
        The territory's; what stands in one is `in_study`.

    Raises
    ------
    UnknownNameError
        If the extract holds none of the kind; the message names what it holds most of.
    """
    found = points_of_interest[points_of_interest["kind"] == kind]
    if found.empty:
        known = points_of_interest["kind"].value_counts().index[:SHOWN]
        raise UnknownNameError(
            f"the extract holds no point of kind {kind!r}; it holds most of "
            f"{', '.join(known) or 'none'}."
        )
    points = found.assign(id=found["osm_id"].astype(str))[["id", "name", "geometry"]]
    return _facilities(points.sort_values("id", ignore_index=True), kind, communes)


def candidates_of(
    points_of_interest: gpd.GeoDataFrame, communes: gpd.GeoDataFrame
) -> gpd.GeoDataFrame:
    """Post offices and town halls of the territory, as facilities.

    Parameters
    ----------
    points_of_interest : GeoDataFrame
        `osm_id`, `kind` (value of amenity or shop), `name`.
    communes : GeoDataFrame
        The territory's.
    """
    found = points_of_interest[points_of_interest["kind"].isin(list(CANDIDATES.values()))]
    points = found.assign(id=found["osm_id"].astype(str)).sort_values("id", ignore_index=True)
    table = _facilities(points[["id", "name", "geometry"]], points["kind"], communes)
    return table[table["in_study"].to_numpy()].reset_index(drop=True)


def sites_of_file(
    path: Path, kind: str, communes: gpd.GeoDataFrame, bounds: Sequence[float]
) -> gpd.GeoDataFrame:
    """Points of a file as facilities of one kind; see `read_points` for the formats."""
    points = read_points(path, communes=communes, bounds=bounds)
    west, south, east, north = bounds
    points = points.cx[west:east, south:north].reset_index(drop=True)
    return _facilities(points, kind, communes)


def place_in_communes(
    points: gpd.GeoDataFrame | gpd.GeoSeries, communes: gpd.GeoDataFrame
) -> pd.Series:
    """Code of the commune in which each point stands; missing outside."""
    places = points.geometry.to_crs(communes.crs)
    # not sjoin, which takes as long as a whole search for one point
    row, commune = communes.sindex.query(places.to_numpy(), predicate="intersects")
    found = communes["code_insee"].iloc[commune].groupby(row).min()
    code: pd.Series = found.reindex(range(len(places))).set_axis(points.index)
    return code


def _facilities(
    points: gpd.GeoDataFrame, kind: str | pd.Series, communes: gpd.GeoDataFrame
) -> gpd.GeoDataFrame:
    where = place_in_communes(points, communes)
    code = points["code_insee"].fillna(where) if "code_insee" in points else where
    dates = points.get("label_date", pd.NaT)
    sites = gpd.GeoDataFrame(
        {
            "facility_id": points["id"],
            "name": points["name"] if "name" in points else points["id"],
            "kind": kind,
            "code_insee": code,
            "label_date": pd.Series(dates, index=points.index, dtype="datetime64[ms]"),
            "in_study": where.notna() | code.isin(communes["code_insee"]),
        },
        geometry=points.geometry,
    )
    validate(sites, FACILITIES)
    return sites
