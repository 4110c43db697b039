"""How many seconds from everywhere: the drive time of each cell of a grid."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt

from accessibility.analysis.choices import Choices, choices
from accessibility.analysis.completeness import rim_positions
from accessibility.analysis.grid import CELL_M, Grid, grid_over, inside_extents, snap_cells
from accessibility.routing.kernels import NEVER
from accessibility.routing.reach import Spreader
from accessibility.routing.times import Direction, cutoff_ms, seconds
from accessibility.study.study import Study


@dataclass(frozen=True, eq=False)
class Surface:
    """Drive times of cells.

    Attributes
    ----------
    time_s : float32 array (rows, columns)
        Seconds from the middle of each cell, north first; NaN where no road is near enough, no
        site is reached, or the data end.
    grid : Grid
    crs : str
    exact_to_s : float
        Longer times could be shorter in truth: a trip of that length gets to the rim of the
        data. Inf where none does.
    choices : Choices
        The sites, and how trips are made.
    """

    time_s: npt.NDArray[np.float32]
    grid: Grid
    crs: str
    exact_to_s: float
    choices: Choices

    def __repr__(self) -> str:
        rows, columns = self.time_s.shape
        return (
            f"<Surface: {rows} x {columns} cells of {self.grid.cell_m:g} m, "
            f"{np.isfinite(self.time_s).mean():.1%} with a time>"
        )


def surface(
    study: Study,
    *,
    site: str | Sequence[str] | None = None,
    cell_m: float = CELL_M,
    as_of: dt.date | str | None = None,
    direction: Direction | None = None,
    around: bool = False,
    sites: gpd.GeoDataFrame | None = None,
    max_snap_m: float | None = None,
    walk_kph: float | None = None,
) -> Surface:
    """Seconds by car from each cell of the territory to the nearest site.

    A cell has the time of the nearest place on a road, as a demand point has: the way there is
    free of time, or walked.

    Parameters
    ----------
    study : Study
    site : str or sequence of str, optional
        Id of one site, or of several, instead of all that are counted.
    cell_m : float
        Side of a cell, metres.
    as_of, direction, around, sites, max_snap_m, walk_kph
        As in `coverage`.

    Returns
    -------
    Surface
        Over the bounds of the communes.

    Raises
    ------
    SettingError
        For a size that is not above 0, or a grid too fine for the area.
    UnknownNameError
        If no site has the id.
    InputError
        If the site lies too far from any road.

    Examples
    --------
    >>> import accessibility as acc
    >>> acc.surface(acc.load_study("jura"), cell_m=1000)
    <Surface: 117 x 74 cells of 1000 m, 96.0% with a time>
    """
    chosen = choices(
        study, site=site, as_of=as_of, direction=direction, around=around, sites=sites,
        max_snap_m=max_snap_m, walk_kph=walk_kph,
    )  # fmt: skip
    bounds = study.communes.geometry.to_crs(study.metric_crs).total_bounds
    grid = grid_over(bounds, cell_m)
    spreader = Spreader(study.network, direction=chosen.direction, walk_kph=walk_kph)
    spread = spreader.spread(chosen.there, int(cutoff_ms(None)))
    cells = snap_cells(study.network, grid, max_snap_m=chosen.max_snap_m)
    time_ms, _ = spreader.read(spread, cells)
    time_s = np.where(time_ms == NEVER, np.nan, time_ms / 1000.0).astype(np.float32)
    inside = inside_extents(grid, study.settings["extents"], study.metric_crs)
    if inside is not None:
        time_s[~inside] = np.nan
    rim_ms, _ = spreader.read(spread, rim_positions(study.network))
    exact_to_s = float(seconds(rim_ms).min(initial=np.inf))
    return Surface(time_s, grid, study.metric_crs, exact_to_s, chosen)
