"""What one more site would bring, everywhere -> what a terminal, a program or a GIS shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from accessibility.analysis.gain import GAINS
from accessibility.analysis.gain_raster import GainRaster
from accessibility.report.layers import RASTERS, check_suffix, point_writer, raster_writer
from accessibility.report.text import people
from accessibility.study.study import Study

POINTS = (".gpkg", ".parquet", ".csv")
BANDS = {
    "people_gained": ("people newly covered by a site here", "inhabitants"),
    "people_faster": ("people whose nearest site would be nearer", "inhabitants"),
    "minutes_gained": ("minutes that these people would gain in all", "min"),
}
CELLS = "each cell has the best junction in it, or else the nearest one"


def gain_text(top: pd.DataFrame, n_junctions: int, cutoff_minutes: float) -> RenderableType:
    """The communes with the best junctions.

    Parameters
    ----------
    top : DataFrame
        From `top_communes`.
    n_junctions : int
        How many were looked at.
    cutoff_minutes : float
    """
    if top.empty:
        return Text(
            f"One more site would bring nobody within {cutoff_minutes:g} minutes and no person "
            f"nearer to a site, at any of {n_junctions:,} junctions."
        )
    table = Table(
        title=f"One more site at the best of a commune's junctions ({n_junctions:,} in all): "
        f"people newly within {cutoff_minutes:g} minutes, people who get to a site sooner, and "
        "the minutes that these gain in all",
        title_justify="left",
        title_style="bold",
    )
    for name in ("Code", "Commune"):
        table.add_column(name)
    for name in ("Newly covered", "Sooner there", "Minutes gained", "Longitude", "Latitude"):
        table.add_column(name, justify="right")
    for row in top.to_dict("records"):
        table.add_row(
            row["code_insee"], row["name"], *(people(row[name]) for name in GAINS),
            f"{row['lon']:.5f}", f"{row['lat']:.5f}",
        )  # fmt: skip
    unsure = top.loc[~top["complete"].astype(bool), "name"].tolist()
    if not unsure:
        return table
    said = f"Trips that leave the data could change the figures of {', '.join(unsure)}."
    return Group(table, Text(said))


def gain_json(study: Study, top: pd.DataFrame, settings: dict[str, Any]) -> dict[str, Any]:
    """The communes with the best junctions, for a program.

    Parameters
    ----------
    study : Study
    top : DataFrame
        From `top_communes`.
    settings : dict
        The choices behind it.
    """
    rows = top.to_dict("records")
    return {"study": study.name, "profile": study.profile.name, **settings, "top": rows}


def gain_writer(
    junctions: gpd.GeoDataFrame,
    raster: GainRaster | None,
    path: Path,
    *,
    settings: dict[str, Any],
    licences: list[str],
) -> Callable[[Path], None]:
    """How to write the gains in the format that the suffix names.

    Parameters
    ----------
    junctions : GeoDataFrame
        From `gain`.
    raster : GainRaster or None
        The same in cells; needed for a GeoTIFF.
    path : Path
        `.tif` or `.tiff` (a band for each gain), `.gpkg`, `.parquet`, or `.csv` (with `lon` and
        `lat`).
    settings : dict
        Choices behind the figures, for the tags of a GeoTIFF.
    licences : list of str
        Attribution of the sources, likewise.

    Raises
    ------
    OutputError
        If the suffix is another.
    """
    check_suffix(path, (*RASTERS, *POINTS))
    if raster is None:
        return point_writer(junctions, path, layer="gain")
    return raster_writer(
        np.stack([raster.values[name] for name in GAINS]),
        raster.grid,
        raster.crs,
        path,
        bands=[BANDS[name] for name in GAINS],
        description=f"What one more site would bring; {CELLS}",
        settings={**settings, "cells": CELLS},
        licences=licences,
    )
