"""INSEE, DGCL and IGN files -> the communes of a département, and its cantons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

from accessibility.errors import InputError, MissingInputError, UnknownNameError, first_of
from accessibility.inputs.csv import read_csv, read_xlsx
from accessibility.schema import COMMUNES, WGS84, validate

PSEUDO_CANTON_FROM = 80
"""INSEE numbers cantons from 1 and codes a town that cantons divide from 99 downwards."""


CHEF_LIEU_CODES = ("cinseea", "insee_com", "code")
"""Columns that hold the commune's code, as the publishers of chefs-lieux name it."""


def read_code_list(path: Path) -> pd.DataFrame:
    """Communes of the Code officiel géographique; Paris, Lyon and Marseille by arrondissement.

    Returns
    -------
    DataFrame
        `code_insee`, `name`, `departement`, `canton_code` (missing in the métropole of Lyon
        and in Paris), `city` (code of the city of an arrondissement, else missing), by code.
    """
    names = {"COM": "code_insee", "LIBELLE": "name", "DEP": "departement", "CAN": "canton_code",
             "COMPARENT": "city"}  # fmt: skip
    table = read_csv(path, columns=["TYPECOM", *names], what="the code list")
    parts = table[table["TYPECOM"] == "ARM"]
    whole = table[(table["TYPECOM"] == "COM") & ~table["COM"].isin(parts["COMPARENT"])]
    found = pd.concat([whole, parts])[list(names)].rename(columns=names)
    return found.sort_values("code_insee", ignore_index=True)


def read_successors(path: Path) -> pd.Series:
    """Commune of the code list into which each former commune went (COMD, COMA), by its code."""
    table = read_csv(path, columns=["TYPECOM", "COM", "COMPARENT"], what="the code list")
    now = table.loc[table["TYPECOM"] == "COM", "COM"]
    gone = table[table["TYPECOM"].isin(["COMD", "COMA"]) & ~table["COM"].isin(now)]
    return gone.drop_duplicates("COM").set_index("COM")["COMPARENT"]


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
        rows = first_of(table.index[wrong | code.duplicated()])
        raise InputError(f"{path}: no number, a wrong code or one that repeats in lines {rows}.")
    return pd.Series(people.to_numpy(), index=pd.Index(code, name="code_insee"), name="population")


def read_epci(path: Path) -> pd.DataFrame:
    """Intercommunality of each commune: `code_insee`, `epci_code`, `epci_name`.

    From a CSV file, or from the XLSX as the DGCL publishes it.
    """
    names = {"insee": "code_insee", "siren": "epci_code", "raison_sociale": "epci_name"}
    read = read_xlsx if path.suffix == ".xlsx" else read_csv
    table = read(path, columns=list(names), what="the EPCI list")[list(names)]
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
        The table `accessibility.schema.COMMUNES` with `population_<year>`; the geometry is the
        contour. An older geography is summed into the communes of the code list; NaN where a
        year's file does not know the commune, since it went into another one later.

    Raises
    ------
    UnknownNameError
        If no commune lies in the département.
    InputError
        If a commune has no contour, or a file has other columns.
    """
    table = _listed(read_code_list(files["cog"]), departement)
    gone = read_successors(files["cog"])
    epci = read_epci(files["epci"]).set_index("code_insee")
    # the list of EPCI knows the city, not its arrondissements
    member = table["code_insee"].where(table["city"].isna(), table["city"])
    table["epci_code"] = member.map(epci["epci_code"])
    table["epci_name"] = member.map(epci["epci_name"])
    table["canton_name"] = _canton_names(table, files.get("cantons"))
    for key in sorted(k for k in files if k.startswith("population_")):
        people = _brought_forward(read_population(files[key]), gone)
        table[key] = table["code_insee"].map(people).astype(float)
    shapes = _contours(table, _read_layer(files["contours"], ["code"]), departement)
    table = table.join(_chefs_lieux(table, files["chefs_lieux"], shapes, gone))
    shapes = _split_cities(table, shapes)
    communes = gpd.GeoDataFrame(table.drop(columns="city"), geometry=shapes)
    validate(communes, COMMUNES)
    return communes


def read_contours(files: Mapping[str, Mapping[str, Path]]) -> dict[str, gpd.GeoSeries]:
    """Contours of the communes of several départements; a file that they share is read once.

    Arrondissements have the contour of their city.

    Parameters
    ----------
    files : mapping
        By code of the département, as `read_communes` takes them.

    Returns
    -------
    dict of str to GeoSeries
        WGS 84.

    Raises
    ------
    UnknownNameError, MissingInputError, InputError
    """
    lists, layers = cache(read_code_list), cache(partial(_read_layer, columns=["code"]))
    return {
        code: _contours(_listed(lists(by_key["cog"]), code), layers(by_key["contours"]), code)
        for code, by_key in files.items()
    }


def _listed(listed: pd.DataFrame, departement: str) -> pd.DataFrame:
    """The communes of a département in the code list."""
    table = listed[listed["departement"] == departement].drop(columns="departement")
    if table.empty:
        known = sorted(listed["departement"].dropna().unique())
        raise UnknownNameError(
            f"there is no département {departement!r}; known are {known[0]} to {known[-1]} "
            f"({len(known)}), written with two characters such as 01, 39, 2A, or three overseas."
        )
    return table.reset_index(drop=True)


def _brought_forward(people: pd.Series, gone: pd.Series) -> pd.Series:
    """Populations of an older geography summed into the communes of the code list."""
    code = people.index.to_series()
    return people.groupby(code.where(~code.isin(gone.index), code.map(gone))).sum()


def _contours(table: pd.DataFrame, layer: gpd.GeoDataFrame, departement: str) -> gpd.GeoSeries:
    """Contour of each commune, or of its city where the layer has no arrondissements."""
    known = layer.set_index("code").geometry.to_crs(WGS84)
    code = table["code_insee"].where(table["code_insee"].isin(known.index), table["city"])
    missing = table.loc[~code.isin(known.index), "code_insee"]
    if len(missing):
        raise InputError(
            f"{first_of(missing)} of département {departement} have no contour in the inputs."
        )
    return gpd.GeoSeries(known.loc[code].to_numpy(), crs=WGS84)


def _chefs_lieux(
    table: pd.DataFrame, path: Path, shapes: gpd.GeoSeries, gone: pd.Series
) -> pd.DataFrame:
    """Chef-lieu of each commune: longitude, latitude and where it comes from.

    A commune that the file does not know has the chef-lieu of a commune that went into it, else
    a point within its contour; `chef_lieu_source` tells which.
    """
    layer = _read_layer(path, CHEF_LIEU_CODES)
    code = next(name for name in CHEF_LIEU_CODES if name in layer)
    known = layer.set_index(code).geometry.to_crs(WGS84)
    known = known[~known.index.duplicated()]
    before = gone[gone.index.isin(known.index)]
    former = pd.Series(before.index, index=before.to_numpy())
    former = former[~former.index.duplicated()]
    commune = table["code_insee"]
    listed, merged = commune.isin(known.index), commune.isin(former.index)
    where = pd.Series(shapely.point_on_surface(shapes.values), index=table.index)
    by_former = merged & ~listed
    where[by_former] = known.loc[commune[by_former].map(former)].to_numpy()
    where[listed] = known.loc[commune[listed]].to_numpy()
    return pd.DataFrame(
        {
            "chef_lieu_lon": shapely.get_x(where),
            "chef_lieu_lat": shapely.get_y(where),
            "chef_lieu_source": np.select(
                [listed, by_former], ["chef-lieu", "former commune"], "contour"
            ),
        },
        index=table.index,
    )


def _split_cities(table: pd.DataFrame, shapes: gpd.GeoSeries) -> gpd.GeoSeries:
    """Give arrondissements a contour of their own where they share that of their city.

    It is inferred: the part of the city that is nearest to the chef-lieu. Where two have one
    chef-lieu, they share the part.
    """
    found = shapes.copy()
    for _, rows in table[table["city"].notna()].groupby("city"):
        city = shapes[rows.index[0]]
        if not shapes[rows.index].geom_equals(city).all():
            continue
        points = shapely.points(rows[["chef_lieu_lon", "chef_lieu_lat"]].to_numpy())
        cells = shapely.get_parts(
            shapely.voronoi_polygons(shapely.multipoints(points), extend_to=city)
        )
        point, cell = shapely.STRtree(cells).query(points, predicate="intersects")
        _, first = np.unique(point, return_index=True)
        found[rows.index] = shapely.intersection(cells[cell[first]], city)
    return found


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
    named = code.map(names).astype(object)
    return named.where(named.notna(), town)


def _read_layer(path: Path, columns: Sequence[str]) -> gpd.GeoDataFrame:
    if not path.is_file():
        raise MissingInputError(f"{path} is not there.")
    try:
        layer = gpd.read_file(path, columns=list(columns))
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise InputError(f"{path} cannot be read as a layer: {error}.") from error
    if not set(columns) & set(layer.columns):
        raise InputError(
            f"{path} lacks the column {' or '.join(columns)}; it has {', '.join(layer)}."
        )
    return layer
