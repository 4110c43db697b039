"""Cells over an area, and where on the roads each of them stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from accessibility.errors import SettingError
from accessibility.network.graph import RoadNetwork
from accessibility.network.snap import Positions
from accessibility.schema import WGS84

CELL_M = 50.0
"""Side of a cell unless another is asked for."""
BLOCK = 1 << 20
"""Cells that are looked at together; bounds the memory."""
MOST_CELLS = 50_000_000
"""More would take more than 3.5 GB: up to 70 bytes a cell."""

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class Grid:
    """Square cells whose sides are whole multiples of their size, north up.

    Attributes
    ----------
    west, north : int
        Outer sides, in cells from the origin of the CRS: two grids of one size fit together.
    rows, columns : int
    cell_m : float
    """

    west: int
    north: int
    rows: int
    columns: int
    cell_m: float

    @property
    def bounds(self) -> Bounds:
        """West, south, east and north in metres."""
        return (
            self.west * self.cell_m,
            (self.north - self.rows) * self.cell_m,
            (self.west + self.columns) * self.cell_m,
            self.north * self.cell_m,
        )

    def window(self, bounds: Bounds) -> tuple[slice, slice]:
        """Rows and columns that cover bounds, as far as the grid goes."""
        other = grid_over(bounds, self.cell_m)
        top, left = self.north - other.north, other.west - self.west
        return (
            slice(max(top, 0), min(max(top + other.rows, 0), self.rows)),
            slice(max(left, 0), min(max(left + other.columns, 0), self.columns)),
        )

    def part(self, window: tuple[slice, slice]) -> Grid:
        """The grid of some rows and columns."""
        rows, columns = window
        return Grid(
            self.west + columns.start,
            self.north - rows.start,
            rows.stop - rows.start,
            columns.stop - columns.start,
            self.cell_m,
        )


def grid_over(bounds: Sequence[float], cell_m: float) -> Grid:
    """Cells that cover bounds in metres.

    Raises
    ------
    SettingError
        If the size of a cell is no number from 1 to 10,000, or the cells are too many.

    Examples
    --------
    >>> grid_over((120, 0, 260, 90), 50)
    Grid(west=2, north=2, rows=2, columns=4, cell_m=50.0)
    """
    size = checked_cell(cell_m)
    west, south = (int(np.floor(v / size)) for v in bounds[:2])
    east, north = (int(np.ceil(v / size)) for v in bounds[2:])
    rows, columns = max(north - south, 1), max(east - west, 1)
    if rows * columns > MOST_CELLS:
        least = size * np.sqrt(rows * columns / MOST_CELLS)
        raise SettingError(
            f"cells of {size:g} m are {rows * columns:,} over this area; at most {MOST_CELLS:,} "
            f"are drawn: give cells of {np.ceil(least):g} m or more."
        )
    return Grid(west, north, rows, columns, size)


def checked_cell(cell_m: Any) -> float:
    """Refuse a size of cells that is no number from 1 to 10,000 metres."""
    if isinstance(cell_m, bool) or not isinstance(cell_m, Real) or not 1 <= float(cell_m) <= 10_000:
        raise SettingError(
            f"the size of a cell is {cell_m!r} m; a number from 1 to 10,000 is expected."
        )
    return float(cell_m)


def snap_cells(
    network: RoadNetwork,
    grid: Grid,
    *,
    max_snap_m: float,
    wanted: npt.NDArray[np.bool_] | None = None,
) -> Positions:
    """Find the nearest place on the network for the middle of each cell.

    Parameters
    ----------
    network : RoadNetwork
    grid : Grid
        In the network's metric CRS.
    max_snap_m : float
        A cell farther from any road stands nowhere.
    wanted : bool array (rows, columns), optional
        Cells that are looked at; all if absent.

    Returns
    -------
    Positions
        Arrays of the shape of the grid.
    """
    cells = grid.rows * grid.columns
    segment = np.full(cells, -1, dtype=np.int32)
    share, distance = np.zeros(cells, np.float32), np.full(cells, np.inf, np.float32)
    index = None if wanted is None else np.flatnonzero(wanted)
    for begin in range(0, cells if index is None else len(index), BLOCK):
        end = begin + BLOCK
        some = np.arange(begin, min(end, cells)) if index is None else index[begin:end]
        row, column = np.divmod(some, grid.columns)
        middle = np.stack([grid.west + column + 0.5, grid.north - row - 0.5], axis=1)
        segment[some], share[some], distance[some] = network.road_index.nearest(
            middle * grid.cell_m, max_snap_m, dtype=np.float32
        )
    shape = (grid.rows, grid.columns)
    arrays: list[Any] = [a.reshape(shape) for a in (segment, share, distance)]
    return Positions(*arrays)


def near_roads(
    network: RoadNetwork, segment: npt.NDArray[Any], grid: Grid, within_m: float
) -> npt.NDArray[np.bool_]:
    """Tell which cells may lie within a distance of some roads, in blocks of that size.

    Roads between two drawn points count by steps of a block at most.
    """
    block = max(int(np.ceil(within_m / grid.cell_m)), 1)
    rows, columns = -(-grid.rows // block) + 2, -(-grid.columns // block) + 2
    size = np.diff(network.line_start)[segment].astype(np.int64)
    first = np.r_[0, np.cumsum(size)]
    point = np.repeat(network.line_start[segment] - first[:-1], size) + np.arange(first[-1])
    lines = shapely.linestrings(network.xy[point], indices=np.repeat(np.arange(len(segment)), size))
    long = shapely.length(lines) > block * grid.cell_m
    lines[long] = shapely.segmentize(lines[long], block * grid.cell_m)
    x, y = shapely.get_coordinates(lines).T
    column = np.floor((x / grid.cell_m - grid.west) / block).astype(np.int64) + 1
    row = np.floor((grid.north - y / grid.cell_m) / block).astype(np.int64) + 1
    here = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    near = np.zeros((rows, columns), dtype=bool)
    near[row[here], column[here]] = True
    # a block and the eight around it hold all within one block
    wide = np.pad(near, 1)
    for axis in (0, 1):
        wide = wide | np.roll(wide, 1, axis) | np.roll(wide, -1, axis)
    blocks = wide[2:-2, 2:-2]
    return blocks.repeat(block, axis=0).repeat(block, axis=1)[: grid.rows, : grid.columns]


def inside_extents(
    grid: Grid, extents: Sequence[Sequence[float]], metric_crs: str
) -> npt.NDArray[np.bool_] | None:
    """Tell which cells lie within what the extracts say that they hold; None where all do."""
    if not len(extents):
        return None
    boxes = gpd.GeoSeries([shapely.box(*box) for box in extents], crs=WGS84)
    # a straight side in degrees is a curve in metres
    area = boxes.segmentize(0.05).to_crs(metric_crs).union_all()
    if area.contains(shapely.box(*grid.bounds)):
        return None
    from rasterio import Affine
    from rasterio.features import geometry_mask

    to_map = Affine(grid.cell_m, 0.0, grid.bounds[0], 0.0, -grid.cell_m, grid.bounds[3])
    outside: npt.NDArray[np.bool_] = geometry_mask([area], (grid.rows, grid.columns), to_map)
    return ~outside
