"""ANCT's national list of France services -> facilities."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd

from accessibility.errors import InputError, first_of
from accessibility.inputs.csv import read_csv
from accessibility.schema import FACILITIES, WGS84, validate

DAYS = ("h_lundi", "h_mardi", "h_mercredi", "h_jeudi", "h_vendredi", "h_samedi")
"""Columns of opening hours, as text: "09:00 - 12:00 / 13:30 - 17:00"."""


def read_france_services(path: Path, departement: str) -> gpd.GeoDataFrame:
    """Read the national list of France services.

    Parameters
    ----------
    path : Path
        The list as ANCT publishes it.
    departement : str
        The territory: its sites are `in_study`.

    Returns
    -------
    GeoDataFrame
        The table `accessibility.schema.FACILITIES`: `facility_id` is the list's own id,
        `kind` is Principal or Antenne, `label_date` the day of the label; and `format`,
        `address`, opening hours, `appointment`, `remark`.

    Raises
    ------
    InputError
        If the file has other columns, coordinates that are no numbers, or a label text
        without a date.
    """
    names = {
        "id_fs": "facility_id", "lib_fs": "name", "type_fs": "kind", "insee_com": "code_insee",
        "format_fs": "format", "adresse": "address", **{day: day for day in DAYS},
        "prise_rdv": "appointment", "commentaire": "remark",
    }  # fmt: skip
    needed = [*names, "insee_dep", "latitude", "longitude", "labellisation_fs"]
    table = read_csv(path, columns=needed, what="the list of France services")
    date = table["labellisation_fs"].str.extract(r"(\d{2}/\d{2}/\d{4})")[0]
    labelled = pd.to_datetime(date, format="%d/%m/%Y", errors="coerce")
    lon = pd.to_numeric(table["longitude"], errors="coerce")
    lat = pd.to_numeric(table["latitude"], errors="coerce")
    for what, wrong in (("label date", labelled.isna()), ("coordinates", lon.isna() | lat.isna())):
        if wrong.any():
            rows = first_of(table.index[wrong])
            raise InputError(f"{path}: no {what} can be read in lines {rows}.")
    sites = gpd.GeoDataFrame(
        table[list(names)].rename(columns=names).assign(
            label_date=labelled.astype("datetime64[ms]"),
            in_study=(table["insee_dep"] == departement).to_numpy(),
        ),
        geometry=gpd.points_from_xy(lon, lat, crs=WGS84),
    ).reset_index(drop=True)  # fmt: skip
    validate(sites, FACILITIES, source=str(path))
    return sites
