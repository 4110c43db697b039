"""A file of points that someone made -> a table of points, or a sentence that says what is wrong.

CSV with coordinates or INSEE codes, GeoJSON, GeoPackage or GeoParquet.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from accessibility.errors import CrsError, InputError, MissingInputError, first_of
from accessibility.inputs.csv import read_csv
from accessibility.schema import WGS84

NAMES = {
    "id": ("facility_id", "demand_id", "id", "id_fs", "identifiant", "identifiant_a", "fid"),
    "name": ("name", "nom", "lib_fs", "libelle", "libelle_du_site"),
    "lon": ("lon", "longitude", "lng", "long"),
    "lat": ("lat", "latitude"),
    "code_insee": ("code_insee", "insee", "insee_com", "codgeo", "code_commune", "depcom", "code"),
    "label_date": ("label_date", "date_label"),
}
"""Column names that are understood, in any case."""


def read_points(
    path: str | Path,
    *,
    communes: gpd.GeoDataFrame | None = None,
    bounds: Sequence[float] | None = None,
) -> gpd.GeoDataFrame:
    """Read points from a file.

    Parameters
    ----------
    path : path
        `.csv` with lon and lat (WGS 84) or INSEE codes; `.geojson`, `.json`, `.gpkg`,
        `.parquet` with point geometries and a CRS.
    communes : GeoDataFrame, optional
        Communes whose codes may be used; a code stands for its chef-lieu.
    bounds : (west, south, east, north), optional
        Extent of the network, longitude and latitude. Points of which none lies inside are
        refused; swapped coordinates are recognised.

    Returns
    -------
    GeoDataFrame
        `id` (text; the row's number where the file has none), `name`, `code_insee` and
        `label_date` where the file has them, and points in WGS 84.

    Raises
    ------
    MissingInputError, InputError, CrsError
        One sentence that names the rows.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingInputError(f"{path} is not there; a file of points is expected.")
    suffix = path.suffix.lower()
    if suffix == ".csv":
        points = _from_csv(path, communes).reset_index(drop=True)
    elif suffix in (".geojson", ".json", ".gpkg", ".parquet"):
        points = _from_layer(path)
    else:
        raise InputError(f"{path}: {suffix or 'no suffix'} is not known; expected are .csv, "
                         ".geojson, .gpkg or .parquet.")  # fmt: skip
    if points.empty:
        raise InputError(f"{path} has no rows; at least one point is expected.")
    empty = points["id"].isna() | (points["id"] == "")
    if empty.any():
        rows = first_of(np.flatnonzero(empty) + 1)
        raise InputError(f"{path}: the id is empty in rows {rows}; each row needs its own.")
    if points["id"].duplicated().any():
        repeated = points.loc[points["id"].duplicated(), "id"].unique()
        raise InputError(f"{path}: the id repeats: {first_of(repeated)}; each row needs its own.")
    _check_place(points, path, bounds)
    return points


def _column(table: pd.DataFrame, meaning: str) -> str | None:
    lower = {str(name).lower(): str(name) for name in table.columns}
    return next((lower[name] for name in NAMES[meaning] if name in lower), None)


def _attributes(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    found = {m: _column(table, m) for m in ("id", "name", "code_insee", "label_date")}
    known = pd.DataFrame({m: table[c] for m, c in found.items() if c is not None})
    if "id" not in known:
        known["id"] = np.arange(1, len(table) + 1).astype(str)
    known.index = table.index
    known["id"] = known["id"].astype(str).where(known["id"].notna(), None)
    if "label_date" in known:
        known["label_date"] = _dates(known["label_date"], path)
    return known


def _dates(values: pd.Series, path: Path) -> pd.Series:
    """Dates as 2022-11-15 or, as in France, 15/11/2022; a site without one always counts."""
    if pd.api.types.is_datetime64_any_dtype(values):
        naive: pd.Series = values.dt.tz_localize(None)
        return naive
    text = values.astype("string").str.strip()
    dates = pd.to_datetime(text, format="%Y-%m-%d", errors="coerce").fillna(
        pd.to_datetime(text, format="%d/%m/%Y", errors="coerce")
    )
    wrong = text.notna() & (text != "") & dates.isna()
    if wrong.any():
        raise InputError(
            f"{path}: {text[wrong].iloc[0]!r} is no label date in rows "
            f"{first_of(np.flatnonzero(wrong) + 1)}; 2022-11-15 or 15/11/2022 is expected."
        )
    return dates


def _from_csv(path: Path, communes: gpd.GeoDataFrame | None) -> gpd.GeoDataFrame:
    table = read_csv(path, what="the file of points")
    lon, lat, code = (_column(table, m) for m in ("lon", "lat", "code_insee"))
    if lon is not None and lat is not None:
        numbers = table[[lon, lat]].apply(lambda c: c.map(_number))
        wrong = ~np.isfinite(numbers.to_numpy(dtype=float)).all(axis=1)
        if wrong.any():
            rows = first_of(table.index[wrong])
            raise InputError(f"{path}: {lon} or {lat} is no number in lines {rows}.")
        where = gpd.points_from_xy(numbers[lon], numbers[lat], crs=WGS84)
        return gpd.GeoDataFrame(_attributes(table, path), geometry=where)
    if code is None:
        raise InputError(
            f"{path} has neither lon and lat nor INSEE codes; its columns are "
            f"{', '.join(map(str, table.columns))}."
        )
    if communes is None:
        raise InputError(f"{path} has INSEE codes only; lon and lat are expected here.")
    places = communes.set_index("code_insee")
    codes = table[code].fillna("")
    unknown = table.loc[~codes.isin(places.index), code].fillna("(empty)").unique()
    if len(unknown):
        raise InputError(
            f"{path}: INSEE codes that are not communes of the study: {first_of(unknown)}; "
            f"codes such as {places.index[0]} are expected (give lon and lat for places outside)."
        )
    at = places.loc[codes]
    where = gpd.points_from_xy(at["chef_lieu_lon"], at["chef_lieu_lat"], crs=WGS84)
    return gpd.GeoDataFrame(_attributes(table, path), geometry=where)


def _number(cell: object) -> float:
    """Read a number as spreadsheets write it; NaN where a cell holds none."""
    try:
        return float(str(cell).replace(",", "."))
    except ValueError:
        return float("nan")


def _from_layer(path: Path) -> gpd.GeoDataFrame:
    try:
        is_parquet = path.suffix.lower() == ".parquet"
        table = gpd.read_parquet(path) if is_parquet else gpd.read_file(path)
    except Exception as error:  # a damaged file makes the readers fail in many ways
        reason = " ".join(str(error).split())
        raise InputError(f"{path} cannot be read as a layer of points: {reason}.") from error
    if not isinstance(table, gpd.GeoDataFrame):
        raise InputError(f"{path} has no geometry; points are expected.")
    # GDAL before 3.9 names the absent CRS of a GeoPackage instead of leaving it out
    unknown = table.crs is None or str(table.crs.name).startswith("Undefined")
    if unknown and len(table):
        raise CrsError(f"{path} has no CRS; save the layer with one, such as {WGS84}.")
    if len(table) and not (table.crs.is_geographic or table.crs.is_projected):
        raise CrsError(
            f"{path} is in {table.crs.name}, which tells no place on earth; save the layer in "
            f"another CRS, such as {WGS84}."
        )
    shapes = table.geometry
    wrong = (shapes.isna() | shapes.is_empty | (shapes.geom_type != "Point")).to_numpy()
    if wrong.any():
        rows = first_of(np.flatnonzero(wrong) + 1)
        raise InputError(f"{path}: points are expected; features {rows} hold none or another kind.")
    where = shapes if table.crs is None else shapes.to_crs(WGS84)
    if not np.isfinite(np.array([where.x, where.y])).all():
        raise InputError(f"{path}: some coordinates are not finite in {table.crs.to_string()}.")
    return gpd.GeoDataFrame(_attributes(table, path), geometry=where.to_numpy(), crs=WGS84)


def _check_place(points: gpd.GeoDataFrame, path: Path, bounds: Sequence[float] | None) -> None:
    x, y = points.geometry.x.to_numpy(), points.geometry.y.to_numpy()
    if (np.abs(y) > 90).any() or (np.abs(x) > 180).any():
        rows = first_of(np.flatnonzero((np.abs(y) > 90) | (np.abs(x) > 180)) + 1)
        raise InputError(
            f"{path}: rows {rows} are no longitude and latitude in degrees; "
            "projected coordinates need a layer with a CRS."
        )
    if bounds is None:
        return
    west, south, east, north = bounds
    inside = (x >= west) & (x <= east) & (y >= south) & (y <= north)
    swapped = (y >= west) & (y <= east) & (x >= south) & (x <= north) & ~inside
    if swapped.any():
        raise InputError(
            f"{path}: longitude and latitude seem swapped in rows "
            f"{first_of(np.flatnonzero(swapped) + 1)} (found {x[swapped][0]:g}, "
            f"{y[swapped][0]:g}); exchange the two columns."
        )
    if not inside.any():
        raise InputError(
            f"{path}: none of {len(points)} points lies on the study's roads "
            f"({west:.2f}, {south:.2f} to {east:.2f}, {north:.2f})."
        )
