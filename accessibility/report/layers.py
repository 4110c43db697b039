"""Areas and surfaces -> files that a GIS opens."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from accessibility.analysis.grid import Grid
from accessibility.analysis.surface import Surface
from accessibility.errors import OutputError
from accessibility.report.qgis_style import add_styles, area_style, site_style
from accessibility.schema import FACILITIES, WGS84

AREAS = (".gpkg", ".parquet", ".geojson", ".csv")
RASTERS = (".tif", ".tiff")
DECIMALS = 8
"""Of degrees in GeoJSON: a millimetre."""


def area_writer(
    areas: gpd.GeoDataFrame, sites: gpd.GeoDataFrame, path: Path
) -> Callable[[Path], None]:
    """How to write areas in the format that the suffix names.

    Parameters
    ----------
    areas : GeoDataFrame
        From `isochrones`.
    sites : GeoDataFrame
        Those that the areas are of; a second layer of a GeoPackage.
    path : Path
        `.gpkg` (layers `isochrones` and `sites`, styled for QGIS), `.parquet` (GeoParquet),
        `.geojson` (RFC 7946, so WGS 84), `.csv` (the attributes alone).

    Raises
    ------
    OutputError
        If the suffix is another.
    """
    writers: dict[str, Callable[[Path], None]] = {
        ".gpkg": lambda to: _write_geopackage(areas, sites, to),
        ".parquet": lambda to: areas.to_parquet(to),
        ".geojson": lambda to: _write_geojson(areas, to),
        ".csv": lambda to: pd.DataFrame(areas.drop(columns="geometry")).to_csv(
            to, index=False, lineterminator="\n"
        ),
    }
    check_suffix(path, AREAS)
    return _as_os_errors(writers[path.suffix])


def surface_writer(
    surface: Surface, path: Path, *, settings: dict[str, Any], licences: list[str]
) -> Callable[[Path], None]:
    """How to write a surface as a cloud-optimised GeoTIFF; see `raster_writer`."""
    return raster_writer(
        surface.time_s[np.newaxis],
        surface.grid,
        surface.crs,
        path,
        bands=[("drive time to the nearest site", "s")],
        description="Seconds by car to the nearest site",
        settings=settings,
        licences=licences,
    )


def raster_writer(
    values: npt.NDArray[np.float32],
    grid: Grid,
    crs: str,
    path: Path,
    *,
    bands: list[tuple[str, str]],
    description: str,
    settings: dict[str, Any],
    licences: list[str],
) -> Callable[[Path], None]:
    """How to write cells as a cloud-optimised GeoTIFF.

    Parameters
    ----------
    values : float32 array (bands, rows, columns)
        North first; NaN where there is none.
    grid : Grid
    crs : str
    path : Path
        `.tif` or `.tiff`.
    bands : list of (description, unit)
    description : str
        Of the whole file, for the tags.
    settings : dict
        Choices behind the values, for the tags.
    licences : list of str
        Attribution of the sources, for the tags.

    Raises
    ------
    OutputError
        If the suffix is another.
    """
    check_suffix(path, RASTERS)
    tags = {
        "TIFFTAG_SOFTWARE": settings.get("toolkit", "accessibility-toolkit"),
        "TIFFTAG_IMAGEDESCRIPTION": description,
        "TIFFTAG_COPYRIGHT": "; ".join(licences),
        "SETTINGS": json.dumps(settings, ensure_ascii=False),
    }
    return lambda to: _write_geotiff(values, grid, crs, bands, tags, to)


def point_writer(points: gpd.GeoDataFrame, path: Path, *, layer: str) -> Callable[[Path], None]:
    """How to write points in the format that the suffix names.

    Parameters
    ----------
    points : GeoDataFrame
    path : Path
        `.gpkg`, `.parquet` (GeoParquet) or `.csv`, where `lon` and `lat` stand last.
    layer : str
        Its name in a GeoPackage.

    Raises
    ------
    OutputError
        If the suffix is another.
    """
    writers: dict[str, Callable[[Path], None]] = {
        ".gpkg": lambda to: points.to_file(to, layer=layer, engine="pyogrio", driver="GPKG"),
        ".parquet": lambda to: points.to_parquet(to),
        ".csv": lambda to: (
            pd.DataFrame(points.drop(columns="geometry"))
            .assign(lon=points.geometry.x.round(DECIMALS), lat=points.geometry.y.round(DECIMALS))
            .to_csv(to, index=False, lineterminator="\n")
        ),
    }
    check_suffix(path, tuple(writers))
    return _as_os_errors(writers[path.suffix])


def check_suffix(path: Path, known: tuple[str, ...]) -> None:
    """Refuse a name whose suffix says no format that can be written."""
    if path.suffix not in known:
        *others, last = known
        raise OutputError(f"{path}: expected is a file that ends in {', '.join(others)} or {last}.")


def _write_geopackage(areas: gpd.GeoDataFrame, sites: gpd.GeoDataFrame, to: Path) -> None:
    # other columns of a planner's own file might clash with those of a GeoPackage
    known = [name for name in FACILITIES.columns if name in sites]
    points = sites[[*known, sites.geometry.name]].to_crs(areas.crs)
    areas.to_file(to, layer="isochrones", engine="pyogrio", driver="GPKG")
    points.to_file(to, layer="sites", engine="pyogrio", driver="GPKG")
    spans = areas[["from_s", "cutoff_s"]].drop_duplicates().sort_values("cutoff_s")
    rows = list(spans.itertuples(index=False, name=None))
    add_styles(to, {"isochrones": area_style(rows), "sites": site_style()})


def _write_geojson(areas: gpd.GeoDataFrame, to: Path) -> None:
    areas.to_crs(WGS84).to_file(
        to, driver="GeoJSON", engine="pyogrio", RFC7946="YES", COORDINATE_PRECISION=DECIMALS,
        WRITE_NAME="NO",
    )  # fmt: skip


def _write_geotiff(
    values: npt.NDArray[np.float32],
    grid: Grid,
    crs: str,
    bands: list[tuple[str, str]],
    tags: dict[str, str],
    to: Path,
) -> None:
    from rasterio import Affine
    from rasterio.io import MemoryFile

    west, _, _, north = grid.bounds
    # made in memory, so that a full disk is Python's error and not one of GDAL's many
    with MemoryFile() as memory:
        with memory.open(
            driver="COG", width=grid.columns, height=grid.rows, count=len(bands), dtype="float32",
            crs=crs, transform=Affine(grid.cell_m, 0.0, west, 0.0, -grid.cell_m, north),
            nodata=np.nan, compress="deflate", predictor="yes", overview_resampling="average",
        ) as file:  # fmt: skip
            file.write(values)
            for number, (name, unit) in enumerate(bands, start=1):
                file.set_band_description(number, name)
                file.set_band_unit(number, unit)
            file.update_tags(**tags)
        to.write_bytes(memory.getbuffer())


def _as_os_errors(write: Callable[[Path], None]) -> Callable[[Path], None]:
    """Make of what GDAL and SQLite say of a file, such as a full disk, what Python would."""

    def told(to: Path) -> None:
        import sqlite3

        from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError

        known = (DataLayerError, DataSourceError, FeatureError, FieldError, sqlite3.Error)
        try:
            write(to)
        except known as error:
            raise OSError(None, str(error).rstrip(".")) from error

    return told
