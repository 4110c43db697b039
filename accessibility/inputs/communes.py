"""INSEE, DGCL and IGN files -> the communes of a département, and its cantons."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio

from accessibility.errors import InputError, MissingInputError, UnknownNameError, first_of
from accessibility.inputs.csv import read_csv
from accessibility.schema import COMMUNES, WGS84, validate

PSEUDO_CANTON_FROM = 80
"""INSEE numbers cantons from 1 and codes a town that cantons divide from 99 downwards."""


def read_code_list(path: Path) -> pd.DataFrame:
    """Communes of the Code officiel géographique.

    Returns
    -------
    DataFrame
        `code_insee`, `name`, `departement`, `canton_code` (missing in the métropole of Lyon
        and in Paris), for communes in their own right (TYPECOM = COM), by code.
    """
    names = {"COM": "code_insee", "LIBELLE": "name", "DEP": "departement", "CAN": "canton_code"}
    table = read_csv(path, columns=["TYPECOM", *names], what="the code list")
    table = table.loc[table["TYPECOM"] == "COM", list(names)].rename(columns=names)
    return table.sort_values("code_insee", ignore_index=True)


def read_population(path: Path) -> pd.Series:
    """*Population municipale* by commune code, from a file of populations légales.

    The columns differ from year to year: the code is `COM` of five characters, or the
    département with the commune's three figures.
    """
    table = read_csv(path, columns=["PMUN"], what="the populations")
    if "CODCOM" in table and ("DEP" in table or "CODDEP" in table):
        departement = table["DEP"] if "DEP" in table else table["CODDEP"]
        code = departement.str[:2] + table["CODCOM"].str.zfill(3)
        if "COM" in table and table["COM"].str.fullmatch(r"[0-9AB]{5}").all():
            code = table["COM"]
    elif "COM" in table:
        code = table["COM"]
    else:
        raise InputError(f"{path}: neither COM nor DEP with CODCOM tells the commune.")
    people = pd.to_numeric(table["PMUN"].str.replace(r"\s", "", regex=True), errors="coerce")
    wrong = people.isna() | ~code.str.fullmatch(r"[0-9][0-9AB][0-9]{3}", na=False)
    if wrong.any() or code.duplicated().any():
        rows = first_of(table.index[wrong | code.duplicated()] + 2)
        raise InputError(f"{path}: no number, a wrong code or one that repeats in lines {rows}.")
    return pd.Series(people.to_numpy(), index=pd.Index(code, name="code_insee"), name="population")


def read_epci(path: Path) -> pd.DataFrame:
    """Intercommunality of each commune: `code_insee`, `epci_code`, `epci_name`."""
    names = {"insee": "code_insee", "siren": "epci_code", "raison_sociale": "epci_name"}
    table = read_csv(path, columns=list(names), what="the EPCI list")[list(names)]
    table = table.rename(columns=names)
    # the publisher's file lost its typographic apostrophes
    table["epci_name"] = table["epci_name"].str.replace("?", "’", regex=False)
    return table.drop_duplicates("code_insee")


def read_cantons(path: Path) -> pd.DataFrame:
    """Cantons of a département.

    Returns
    -------
    DataFrame
        `canton_code`, `canton_name`, `split_town`: the commune's code where the canton holds a
        part of a town that cantons divide.
    """
    names = {
        "canton_code": "canton_code",
        "canton_nom": "canton_name",
        "ville_partagee_code": "split_town",
    }
    table = read_csv(path, columns=list(names), what="the cantons")[list(names)]
    return table.rename(columns=names).sort_values("canton_code", ignore_index=True)


def read_communes(files: Mapping[str, Path], departement: str) -> gpd.GeoDataFrame:
    """The communes of a département with everything that is known of them.

    Parameters
    ----------
    files : mapping of str to Path
        `cog`, `epci`, `chefs_lieux`, `contours`, `population_<year>` and, where there is
        one, `cantons`.
    departement : str
        Code: "39", "2A", "971".

    Returns
    -------
    GeoDataFrame
        The table `accessibility.schema.COMMUNES` with `population_<year>` (NaN where a year's
        file does not know the commune); the geometry is the contour.

    Raises
    ------
    UnknownNameError
        If no commune lies in the département.
    InputError
        If a commune has no contour or no chef-lieu, or a file has other columns.
    """
    listed = read_code_list(files["cog"])
    table = listed[listed["departement"] == departement].drop(columns="departement")
    if table.empty:
        known = sorted(listed["departement"].dropna().unique())
        raise UnknownNameError(
            f"there is no département {departement!r}; known are {known[0]} to {known[-1]} "
            f"({len(known)}), written with two characters such as 01, 39, 2A, or three overseas."
        )
    table = table.merge(read_epci(files["epci"]), on="code_insee", how="left")
    table["canton_name"] = _canton_names(table, files.get("cantons"))
    for key in sorted(k for k in files if k.startswith("population_")):
        table[key] = table["code_insee"].map(read_population(files[key])).astype(float)
    chefs_lieux = _read_layer(files["chefs_lieux"], ["cinseea"]).set_index("cinseea").geometry
    contours = _read_layer(files["contours"], ["code"]).set_index("code").geometry
    for what, found in (("chef-lieu", chefs_lieux), ("contour", contours)):
        missing = table.loc[~table["code_insee"].isin(found.index), "code_insee"]
        if len(missing):
            raise InputError(
                f"{first_of(missing)} of département {departement} have no {what} in the inputs."
            )
    points = chefs_lieux.loc[table["code_insee"]]
    table["chef_lieu_lon"], table["chef_lieu_lat"] = points.x.to_numpy(), points.y.to_numpy()
    shapes = gpd.GeoSeries(contours.loc[table["code_insee"]].to_numpy(), crs=contours.crs)
    communes = gpd.GeoDataFrame(table.reset_index(drop=True), geometry=shapes.to_crs(WGS84))
    validate(communes, COMMUNES)
    return communes


def is_pseudo_canton(canton_code: pd.Series) -> pd.Series:
    """Whether a code stands for a town that several cantons divide.

    Examples
    --------
    >>> is_pseudo_canton(pd.Series(["3901", "3998", None])).tolist()
    [False, True, False]
    """
    number = pd.to_numeric(canton_code.str[-2:], errors="coerce")
    return (number >= PSEUDO_CANTON_FROM).fillna(False).astype(bool)


def _canton_names(communes: pd.DataFrame, cantons: Path | None) -> pd.Series:
    names: dict[str, str] = {}
    if cantons is not None:
        table = read_cantons(cantons)
        names = dict(zip(table["canton_code"], table["canton_name"], strict=True))
    code = communes["canton_code"]
    town = (communes["name"] + " (town, divided)").where(is_pseudo_canton(code))
    return code.map(names).astype(town.dtype).fillna(town)


def _read_layer(path: Path, columns: list[str]) -> gpd.GeoDataFrame:
    if not path.is_file():
        raise MissingInputError(f"{path} is not there.")
    try:
        layer = gpd.read_file(path, columns=columns)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise InputError(f"{path} cannot be read as a layer: {error}.") from error
    if columns[0] not in layer.columns:
        raise InputError(f"{path} lacks the column {columns[0]}; it has {', '.join(layer)}.")
    return layer
