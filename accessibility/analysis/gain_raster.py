"""The gain map in cells: what a site in each part of the territory would bring."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from accessibility.analysis.gain import GAINS
from accessibility.analysis.grid import Grid, grid_over
from accessibility.study.study import Study

CELL_M = 100.0
"""Side of a cell unless another is asked for: mostly one junction, where people live."""


@dataclass(frozen=True, eq=False)
class GainRaster:
    """Gains of cells.

    Attributes
    ----------
    values : dict of str to float32 array (rows, columns)
        `people_gained`, `people_faster` and `minutes_gained`, north first; NaN where no junction
        is near.
    grid : Grid
    crs : str
    """

    values: dict[str, npt.NDArray[np.float32]]
    grid: Grid
    crs: str


def gain_raster(study: Study, junctions: gpd.GeoDataFrame, *, cell_m: float = CELL_M) -> GainRaster:
    """Put the gains at junctions into cells over the communes.

    Parameters
    ----------
    study : Study
    junctions : GeoDataFrame
        From `gain`.
    cell_m : float
        Side of a cell, metres.

    Returns
    -------
    GainRaster
        A cell has the value of the best junction in it, for each gain by itself, so that no best
        place is lost however large the cells. A cell without a junction has the values of the
        junction nearest to its middle, as far as the study lets points snap to roads.

    Raises
    ------
    SettingError
        For a size that is not above 0, or a grid too fine for the area.

    Examples
    --------
    >>> import accessibility as acc
    >>> jura = acc.load_study("jura")
    >>> gain_raster(jura, acc.gain(jura), cell_m=1000).values["people_gained"].shape
    (117, 74)
    """
    from scipy.spatial import cKDTree  # heavy, and needed here alone

    bounds = study.communes.geometry.to_crs(study.metric_crs).total_bounds
    grid = grid_over(bounds, cell_m)
    xy = shapely.get_coordinates(junctions.geometry.to_crs(study.metric_crs).to_numpy())
    column = np.floor(xy[:, 0] / grid.cell_m).astype(np.int64) - grid.west
    row = grid.north - 1 - np.floor(xy[:, 1] / grid.cell_m).astype(np.int64)
    inside = (row >= 0) & (row < grid.rows) & (column >= 0) & (column < grid.columns)
    cell = row[inside] * grid.columns + column[inside]

    without = np.ones(grid.rows * grid.columns, dtype=bool)
    without[cell] = False
    rows, columns = np.divmod(np.flatnonzero(without), grid.columns)
    middle = np.stack([grid.west + columns + 0.5, grid.north - rows - 0.5], axis=1) * grid.cell_m
    within_m = float(study.default("max_snap_m"))
    _, nearest = cKDTree(xy).query(middle, distance_upper_bound=within_m)
    near = nearest < len(xy)

    values = {}
    for name in GAINS:
        gains = junctions[name].to_numpy(dtype=float)
        found = np.full(len(without), np.nan)
        found[np.flatnonzero(without)[near]] = gains[nearest[near]]
        found[cell] = -np.inf
        np.maximum.at(found, cell, gains[inside])
        values[name] = found.reshape(grid.rows, grid.columns).astype(np.float32)
    return GainRaster(values, grid, study.metric_crs)
