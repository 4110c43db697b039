"""Areas from which sites are reached in time, drawn from the times of the cells of a grid."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from itertools import pairwise
from numbers import Real
from typing import Any, Literal, get_args

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from accessibility.analysis.choices import Choices, checked_minutes, choices, people_at
from accessibility.analysis.completeness import rim_positions
from accessibility.analysis.grid import (
    CELL_M,
    Bounds,
    Grid,
    checked_cell,
    grid_over,
    inside_extents,
    near_roads,
    snap_cells,
)
from accessibility.analysis.outlines import (
    absorbed,
    filled,
    outlines,
    simplified,
    without_specks,
)
from accessibility.errors import InputError, SettingError, first_of
from accessibility.network.graph import RoadNetwork
from accessibility.network.snap import Positions, snap
from accessibility.parallel import in_threads
from accessibility.routing.kernels import NEVER
from accessibility.routing.reach import Spread, Spreader, cut_pieces
from accessibility.routing.times import Direction, cutoff_ms
from accessibility.schema import GRS80, WGS84
from accessibility.study.study import Study

Kind = Literal["merged", "each", "nearest"]
Ints = npt.NDArray[np.signedinteger[Any]]

MIN_AREA_KM2 = 0.05
"""Islands and holes that are smaller are not drawn: 5 hectares, 20 cells of 50 m."""
COLUMNS = [
    "facility_id", "facility_name", "cutoff_s", "from_s", "area_km2", "population", "road_km",
    "complete",
]  # fmt: skip


def isochrones(
    study: Study,
    *,
    demand: str | gpd.GeoDataFrame | None = None,
    minutes: Sequence[float] | float = (10, 20, 30),
    kind: Kind = "merged",
    bands: bool = False,
    site: str | Sequence[str] | None = None,
    cell_m: float = CELL_M,
    tolerance_m: float | None = None,
    min_area_km2: float = MIN_AREA_KM2,
    as_of: dt.date | str | None = None,
    population: int | None = None,
    direction: Direction | None = None,
    around: bool = False,
    sites: gpd.GeoDataFrame | None = None,
    max_snap_m: float | None = None,
    walk_kph: float | None = None,
) -> gpd.GeoDataFrame:
    """Areas from which a site is reached by car within each cut-off (isochrones, service areas).

    The truth is the time on the network: `population` and `road_km` come from there and never
    from the drawing, whose error `isochrone_error` measures.

    Parameters
    ----------
    study : Study
    demand : str or GeoDataFrame, optional
        Where the people are that are counted, as in `coverage`; the chefs-lieux if absent.
    minutes : float or sequence of float
        Cut-offs, inclusive, ascending.
    kind : {"merged", "each", "nearest"}
        One area for any site; one for each site; or each place with its nearest site, so that
        areas do not overlap.
    bands : bool
        Rings between one cut-off and the one before, instead of nested areas.
    site : str or sequence of str, optional
        Ids of the sites that are drawn, instead of all that are counted.
    cell_m : float
        Side of the cells that the areas are drawn from, metres.
    tolerance_m : float, optional
        A corner is straightened where its triangle with its neighbours is smaller than the
        square of this; one cell if absent, 0 leaves the cells' sides.
    min_area_km2 : float
        Holes and islands smaller than this are not drawn.
    population : int, optional
        Census year of the people counted.
    as_of, direction, around, sites, max_snap_m, walk_kph
        As in `coverage`.

    Returns
    -------
    GeoDataFrame
        One row for each site ("any" when merged) and cut-off, in the study's metric CRS:
        `facility_id`, `facility_name`, `cutoff_s`, `from_s` (0, or the lower end of a band),
        `area_km2` (of the drawing, geodesic), `population` (where `demand` has it, by network),
        `road_km` (by network), `complete` (False where the area gets to where the data end: it
        is cut there, and people beyond are not counted), MultiPolygon. Areas of one site are
        nested; those of one call with `kind="nearest"` share their borders.

    Raises
    ------
    SettingError
        For cut-offs that do not ascend, a cell size or tolerance out of range.
    UnknownNameError
        If no site has an id that was asked for.
    InputError
        If a site that was asked for lies too far from any road.

    Examples
    --------
    >>> import accessibility as acc
    >>> areas = acc.isochrones(acc.load_study("jura"), minutes=[10, 20], cell_m=500)
    >>> areas["population"].astype(int).tolist()
    [194190, 252930]
    """
    limits = [int(cutoff_ms(m * 60.0)) for m in checked_cutoffs(minutes)]
    if kind not in get_args(Kind):
        raise SettingError(f"the kind is {kind!r}; 'merged', 'each' or 'nearest' is expected.")
    checked_cell(cell_m)
    tolerance = _checked(cell_m if tolerance_m is None else tolerance_m, "tolerance", "m")
    least = _checked(min_area_km2, "least area", "km2")
    chosen = choices(
        study, site=site, as_of=as_of, direction=direction, around=around, sites=sites,
        max_snap_m=max_snap_m, walk_kph=walk_kph,
    )  # fmt: skip
    if kind == "each" and chosen.off_road:
        raise InputError(
            f"sites {first_of(chosen.off_road)} lie more than {chosen.max_snap_m:g} m from any "
            "road: they have no area. Leave them out, or raise the distance."
        )
    year = study.default("population") if population is None else population
    places, _ = people_at(study, demand, year)
    spreader = Spreader(study.network, direction=chosen.direction, walk_kph=walk_kph)
    if kind == "each":
        spreads = spreader.each(chosen.there, limits[-1])
    else:
        spreads = [spreader.spread(chosen.there, limits[-1])]
    bounds = _bounds(study.network, spreads, chosen.max_snap_m)
    grid, cells = _cells(study, spreads, bounds, chosen.max_snap_m, cell_m)
    least_cells = max(int(np.ceil(least * 1e6 / grid.cell_m**2 - 1e-9)), 1)

    def draw(i: int) -> npt.NDArray[np.object_]:
        window = grid.window(bounds[i])
        time_ms, rank = spreader.read(spreads[i], cells.take(window))
        labels = _labels(time_ms, limits)
        band = without_specks(labels, len(limits), least_cells)
        owner = (band > 0).astype(np.int32)
        if kind == "nearest":
            owner = np.pad(rank, 1, constant_values=-1) + 1
            owner = absorbed(filled(owner, band > 0), least_cells)
        shapes, label = outlines(np.where(band > 0, (owner - 1) * len(limits) + band, 0))
        return _areas(
            simplified(shapes, tolerance / grid.cell_m),
            label, len(limits), len(chosen.sites) if kind == "nearest" else 1, bands,
            grid.part(window),
        )  # fmt: skip

    drawn = np.concatenate(in_threads(draw, range(len(spreads))))
    table = _measured(study, spreader, spreads, chosen, kind, limits, places, bands)
    table["area_km2"] = _area_km2(drawn, study.metric_crs)
    return gpd.GeoDataFrame(table[COLUMNS], geometry=drawn, crs=study.metric_crs)


def checked_cutoffs(minutes: Sequence[float] | float) -> list[float]:
    """Refuse cut-offs that are no numbers above 0 or do not ascend; one may stand alone."""
    found = [checked_minutes(m) for m in (minutes if np.iterable(minutes) else [minutes])]
    if not found:
        raise SettingError("no cut-off is given; minutes such as 10, 20, 30 are expected.")
    if any(b <= a for a, b in pairwise(found)):
        given = ", ".join(f"{m:g}" for m in found)
        raise SettingError(
            f"the cut-offs are {given}; each once, from the least to the greatest, is expected."
        )
    return found


def _cells(
    study: Study,
    spreads: Sequence[Spread],
    bounds: Sequence[Bounds],
    max_snap_m: float,
    cell_m: float,
) -> tuple[Grid, Positions]:
    """Cells around all roads that the searches met, and where they stand on the roads."""
    west, south, east, north = zip(*bounds, strict=True)
    grid = grid_over((min(west), min(south), max(east), max(north)), cell_m)
    met = np.zeros(len(study.network.segment_road), dtype=bool)
    for spread in spreads:
        met[spread.segment] = met[spread.seed_segment] = True
    wanted = near_roads(study.network, np.flatnonzero(met), grid, max_snap_m)
    inside = inside_extents(grid, study.settings["extents"], study.metric_crs)
    if inside is not None:
        wanted &= inside
    return grid, snap_cells(study.network, grid, max_snap_m=max_snap_m, wanted=wanted)


def _bounds(network: RoadNetwork, spreads: Sequence[Spread], around_m: float) -> list[Bounds]:
    """Bounds of the roads that each search met, wide enough for places that snap to them."""
    first = np.asarray(network.line_start[:-1])
    low, high = np.minimum.reduceat(network.xy, first), np.maximum.reduceat(network.xy, first)
    found = []
    for spread in spreads:
        met = np.union1d(spread.segment, spread.seed_segment)
        west, south = low[met].min(axis=0) - around_m
        east, north = high[met].max(axis=0) + around_m
        found.append((float(west), float(south), float(east), float(north)))
    return found


def _labels(time_ms: Ints, limits: Sequence[int]) -> Ints:
    """1 within the first cut-off, 2 within the second ...; 0 beyond all, and around."""
    labels = np.zeros((time_ms.shape[0] + 2, time_ms.shape[1] + 2), dtype=np.int16)
    inner = labels[1:-1, 1:-1]
    for k in range(len(limits) - 1, -1, -1):
        inner[time_ms <= limits[k]] = k + 1
    return labels


def _areas(
    shapes: npt.NDArray[np.object_],
    label: Ints,
    n_bands: int,
    n_owners: int,
    bands: bool,
    grid: Grid,
) -> npt.NDArray[np.object_]:
    """Areas by owner and cut-off, put on the map."""
    origin = (grid.west - 1, grid.north + 1)  # a rim of one cell lies around
    placed = shapely.transform(shapes, lambda xy: (xy + origin) * grid.cell_m)
    owner, band = np.divmod(label - 1, n_bands)
    found = np.empty(n_owners * n_bands, dtype=object)
    for i in range(n_owners):
        for k in range(n_bands):
            mine = (owner == i) & ((band == k) if bands else (band <= k))
            parts = shapely.get_parts(shapely.coverage_union_all(placed[mine]))
            found[i * n_bands + k] = shapely.multipolygons(parts)
    return found


def _area_km2(shapes: npt.NDArray[np.object_], crs: str) -> list[float]:
    """Geodesic area."""
    on_globe = gpd.GeoSeries(shapes, crs=crs).to_crs(WGS84)
    return [abs(GRS80.geometry_area_perimeter(shape)[0]) / 1e6 for shape in on_globe]


def _measured(
    study: Study,
    spreader: Spreader,
    spreads: Sequence[Spread],
    chosen: Choices,
    kind: Kind,
    limits: Sequence[int],
    demand: gpd.GeoDataFrame,
    bands: bool,
) -> pd.DataFrame:
    """What the network says of each area."""
    n = len(limits)
    here = snap(study.network, demand, max_snap_m=chosen.max_snap_m)
    people = demand["population"].fillna(0.0).to_numpy()
    owners = len(chosen.sites) if kind == "nearest" else 1
    rim = rim_positions(study.network)
    counted, complete = [], []
    for spread in spreads:
        time_ms, rank = spreader.read(spread, here)
        owner = rank.clip(0) if kind == "nearest" else np.zeros_like(rank)
        within = [np.bincount(owner, people * (time_ms <= c), minlength=owners) for c in limits]
        counted.append(np.stack(within, axis=1))
        # beyond the rim one site may take places from another, however far that one is from it
        first_ms = spreader.read(spread, rim)[0].min(initial=NEVER)
        complete.append(np.tile(np.array(limits) < first_ms, (owners, 1)))
    pieces = cut_pieces(spreader, spreads, limits)
    metres = pieces.length_m(study.network)
    group = pieces.rank if kind == "nearest" else pieces.spread
    total = max(owners, len(spreads))
    road_m = np.bincount(group * n + pieces.cutoff, metres, minlength=total * n).reshape(total, n)
    population = np.concatenate(counted)
    if bands:
        population, road_m = (np.diff(a, axis=1, prepend=0.0) for a in (population, road_m))
    cutoff_s = np.array(limits) / 1000.0
    merged = kind == "merged"
    ids = ["any"] if merged else chosen.sites["facility_id"].tolist()
    names = [None] if merged else chosen.sites["name"].tolist()
    return pd.DataFrame(
        {
            "facility_id": pd.Series(np.repeat(np.array(ids, dtype=object), n), dtype=object),
            "facility_name": pd.Series(np.repeat(np.array(names, dtype=object), n), dtype=object),
            "cutoff_s": np.tile(cutoff_s, total),
            "from_s": np.tile(np.r_[0.0, cutoff_s[:-1]] if bands else np.zeros(n), total),
            "population": population.ravel(),
            "road_km": road_m.ravel() / 1000.0,
            "complete": np.concatenate(complete).ravel(),
        }
    )


def _checked(value: Any, what: str, unit: str) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) < 1e6:
        raise SettingError(f"the {what} is {value!r} {unit}; a number from 0 is expected.")
    return float(value)
