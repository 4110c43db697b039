"""Grids and rasters of population as publishers give them -> cells with their people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from accessibility.errors import CrsError, InputError, MissingInputError, first_of
from accessibility.inputs.csv import read_csv
from accessibility.schema import GRID, WGS84, validate

LAEA = "EPSG:3035"
"""The CRS of the grids of Eurostat and INSEE."""

SIDES_M = {"pop": 1_000, "ind": 200}
"""Column of the people, and side of a cell where no id tells it: Eurostat's, INSEE's."""

ID_COLUMNS = ("idcar", "idinspire", "grd_id")
"""How columns begin that hold ids such as CRS3035RES200mN2668400E3979600, in small letters."""

CELL_ID = r"CRS3035RES(\d+)mN(\d+)E(\d+)"

Floats = npt.NDArray[np.float64]


def read_grid(path: str | Path) -> gpd.GeoDataFrame:
    """Read a CSV grid of population: Eurostat's of 1 km, INSEE's squares of 200 m.

    Parameters
    ----------
    path : path
        The people stand in a column `pop` (cells of 1 km) or `ind` (200 m). A cell is told by its
        lower left corner in `x3035`, `y3035`, metres in ETRS89-LAEA, or by an id such as
        CRS3035RES200mN2668400E3979600, which also tells its side, in a column whose name begins
        with `idcar`, `idINSPIRE` or `GRD_ID`.

    Returns
    -------
    GeoDataFrame
        `accessibility.schema.GRID`: `cell_id`, `population`, squares in WGS 84.

    Raises
    ------
    MissingInputError, InputError
        For a file that is absent or has other columns, people that are missing or negative,
        cells that repeat or do not lie on the grid; the first five lines are named.
    """
    path = Path(path)
    table = read_csv(path, what="the grid")
    names = {str(name).lower(): name for name in table.columns}
    people_in = [names[name] for name in SIDES_M if name in names]
    if len(people_in) != 1:
        raise InputError(
            f"the grid {path} has the columns {', '.join(map(str, table.columns))}; one of people, "
            "pop or ind, is expected."
        )
    if table.empty:
        raise InputError(f"the grid {path} has no cells; lines below the names are expected.")
    people = _numbers(table[people_in[0]])
    _refuse(path, table.index[people.isna()], "no number of people")
    _refuse(path, table.index[people < 0], "fewer than 0 people")
    ids = next((names[n] for n in names if n.startswith(ID_COLUMNS)), None)
    if ids is not None:
        parts = table[ids].str.extract(CELL_ID).astype(float)
        _refuse(path, table.index[parts.isna().any(axis=1)],
                "no id such as CRS3035RES200mN2668400E3979600")  # fmt: skip
        side_m, y, x = (parts[column].to_numpy() for column in (0, 1, 2))
    elif "x3035" in names and "y3035" in names:
        corner = pd.DataFrame({n: _numbers(table[names[n]]) for n in ("x3035", "y3035")})
        _refuse(path, table.index[corner.isna().any(axis=1)], "no x3035, y3035 in metres")
        x, y = corner["x3035"].to_numpy(), corner["y3035"].to_numpy()
        side_m = np.full(len(x), float(SIDES_M[str(people_in[0]).lower()]))
    else:
        raise InputError(
            f"the grid {path} has the columns {', '.join(map(str, table.columns))}; x3035 and "
            "y3035, the lower left corner of a cell, or an id such as "
            "CRS3035RES200mN2668400E3979600 are expected."
        )
    off = (side_m <= 0) | (x % np.maximum(side_m, 1) != 0) | (y % np.maximum(side_m, 1) != 0)
    _refuse(path, table.index[off], "a corner that is no multiple of the side of a cell")
    cell_id = pd.Series(
        [f"CRS3035RES{s:.0f}mN{b:.0f}E{a:.0f}" for s, b, a in zip(side_m, y, x, strict=True)],
        index=table.index,
    )
    _refuse(path, table.index[cell_id.duplicated()], "a cell that stands above already")
    squares = gpd.GeoSeries(shapely.box(x, y, x + side_m, y + side_m), crs=LAEA)
    return _cells(cell_id.to_numpy(), people.to_numpy(), squares, path)


def read_raster(path: str | Path, *, bounds: Sequence[float] | None = None) -> gpd.GeoDataFrame:
    """Read a GeoTIFF of population: people by cell, in any CRS.

    Parameters
    ----------
    path : path
        One band, the number of people of each cell; cells without data have none.
    bounds : (west, south, east, north), optional
        Degrees; only what lies within is read.

    Returns
    -------
    GeoDataFrame
        `accessibility.schema.GRID`: a row for each cell with people; `cell_id` is its row and
        column in the file, such as 12-340; the outline in WGS 84. No cell is resampled: the sum
        of the people is that of the file.

    Raises
    ------
    MissingInputError, InputError, CrsError
        For a file that is absent, no raster, of several bands, without CRS, with negative people
        (the first five cells are named), or that holds no people within the bounds.
    """
    import rasterio

    path = Path(path)
    if not path.is_file():
        raise MissingInputError(f"the raster {path} is not there; a GeoTIFF is expected.")
    try:
        with rasterio.open(path) as file:
            if file.crs is None:
                raise CrsError(
                    f"the raster {path} tells no CRS; set it with `gdal_edit.py -a_srs`."
                )
            if file.count != 1:
                raise InputError(
                    f"the raster {path} has {file.count} bands; one, of people by cell, is "
                    "expected."
                )
            window = _window(file, bounds, path)
            values = file.read(1, window=window, masked=True)
            transform, crs = file.transform, file.crs
            first = np.array([window.row_off, window.col_off], dtype=np.int64)
    except rasterio.errors.RasterioIOError as error:
        raise InputError(f"{path} is no raster that can be read ({error}).") from error
    people = np.ma.masked_invalid(values.astype(float)).filled(0.0)
    at = np.argwhere(people < 0)
    if len(at):
        named = first_of(f"row {r} column {c}" for r, c in at + first)
        raise InputError(
            f"the raster {path} has fewer than 0 people in {named}; if this stands for no data, "
            "set it as the file's nodata value."
        )
    at = np.argwhere(people > 0)
    if not len(at):
        raise InputError(f"the raster {path} has no people where the territory lies.")
    at_row, at_column = at.T
    row, column = (at + first).T
    ring = [(0, 0), (1, 0), (1, 1), (0, 1)]  # columns and rows from the upper left corner
    xy = (_position(transform, column + c, row + r) for c, r in ring)
    corners = np.stack([np.stack(one, axis=1) for one in xy], axis=1)
    outlines = gpd.GeoSeries(shapely.polygons(corners), crs=crs)
    cell_id = [f"{r}-{c}" for r, c in at + first]
    return _cells(np.array(cell_id, dtype=object), people[at_row, at_column], outlines, path)


def _window(file: Any, bounds: Sequence[float] | None, path: Path) -> Any:
    """Rows and columns of a raster that hold what lies within the bounds."""
    from rasterio.warp import transform_bounds
    from rasterio.windows import Window

    if bounds is None:
        return Window(0, 0, file.width, file.height)
    box = transform_bounds(WGS84, file.crs, *bounds)
    west, south, east, north = box
    a, b, c, d, e, f = file.transform[:6]
    x, y = np.array([west, west, east, east]) - c, np.array([south, north, south, north]) - f
    columns, rows = np.linalg.solve([[a, b], [d, e]], [x, y])
    left, right = max(int(np.floor(columns.min())), 0), min(int(np.ceil(columns.max())), file.width)
    top, bottom = max(int(np.floor(rows.min())), 0), min(int(np.ceil(rows.max())), file.height)
    if left >= right or top >= bottom:
        raise InputError(
            f"the raster {path} lies elsewhere: nothing of it is within {bounds[0]:.2f}, "
            f"{bounds[1]:.2f} to {bounds[2]:.2f}, {bounds[3]:.2f} (longitude, latitude)."
        )
    return Window(left, top, right - left, bottom - top)


def _position(transform: Any, column: Floats, row: Floats) -> tuple[Floats, Floats]:
    """Coordinates of places in a raster, told in columns and rows from its upper left corner."""
    a, b, c, d, e, f = transform[:6]
    return c + a * column + b * row, f + d * column + e * row


def _cells(ids: Any, people: Any, outlines: gpd.GeoSeries, path: Path) -> gpd.GeoDataFrame:
    cells = gpd.GeoDataFrame(
        {"cell_id": ids, "population": people}, geometry=outlines.to_crs(WGS84).values
    )
    validate(cells, GRID, source=path.name)
    return cells


def _numbers(cells: pd.Series) -> pd.Series:
    """Numbers as publishers and spreadsheets write them: 1200, 12.5, 12,5, 1 200."""
    text = cells.str.replace(r"\s", "", regex=True).str.replace(",", ".", regex=False)
    found = pd.to_numeric(text, errors="coerce")
    return found.where(np.isfinite(found))


def _refuse(path: Path, lines: pd.Index, what: str) -> None:
    if len(lines):
        raise InputError(f"the grid {path} has {what} in lines {first_of(lines)}.")
