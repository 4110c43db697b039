"""Cells of a population grid -> points at which the people of a commune are counted."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import shapely

from accessibility.errors import InputError
from accessibility.inputs.territory import metric_crs
from accessibility.schema import GRID, WGS84, validate
from accessibility.study.demand import demand_at_chefs_lieux, demand_by_shares

LEAST_TOLD = 0.25
"""A grid that tells a smaller part of a commune's people holds no more than its edge.

Of the communes of the Jura, the grids of 1 km tell at least 0.33 of the census; INSEE's squares of
three towns tell 0.89 or more of these, and 0.15 or less of the communes around them.
"""


def cells_in_communes(communes: gpd.GeoDataFrame, cells: gpd.GeoDataFrame) -> pd.DataFrame:
    """Cut the cells of a grid by the contours of the communes.

    Parameters
    ----------
    communes : GeoDataFrame
        `code_insee`, contours.
    cells : GeoDataFrame
        `accessibility.schema.GRID`.

    Returns
    -------
    DataFrame
        One row for each piece: `cell_id`, `code_insee`, `area_share` (the piece's part of the
        cell's area), `share` (the cell's people times that part), `lon`, `lat` (the centre of the
        piece, or a point within it where the centre is not).

    Raises
    ------
    CrsError, InputError
        For faults of the cells, or where none of them has people within the communes.

    Notes
    -----
    Areal weighting: people are taken to be spread evenly within a cell. What lies beyond the
    territory is left out; of a cell that holds people of two countries, the part of its area.
    """
    validate(cells, GRID)
    metric = metric_crs(communes)
    contours = communes.geometry.to_crs(metric).values
    squares = cells.geometry.to_crs(metric).values
    row, cell = shapely.STRtree(squares).query(contours, predicate="intersects")
    pieces = squares[cell]
    shapely.prepare(contours)
    cut = ~shapely.contains_properly(contours[row], pieces)
    pieces[cut] = shapely.intersection(contours[row[cut]], pieces[cut])
    part = shapely.area(pieces) / shapely.area(squares)[cell]
    people = cells["population"].to_numpy(dtype=float)[cell] * part
    # a cell that touches a commune in a line or a point has no area there
    kept = people > 0
    if not kept.any():
        raise InputError(
            f"none of the {len(cells)} cells has people within the territory; a grid that covers "
            "it is expected."
        )
    row, cell, pieces = row[kept], cell[kept], pieces[kept]
    place = shapely.centroid(pieces)
    outside = ~shapely.intersects(pieces, place)
    place[outside] = shapely.point_on_surface(pieces[outside])
    points = gpd.GeoSeries(place, crs=metric).to_crs(WGS84)
    return pd.DataFrame(
        {
            "cell_id": cells["cell_id"].to_numpy()[cell],
            "code_insee": communes["code_insee"].to_numpy()[row],
            "area_share": part[kept],
            "share": people[kept],
            "lon": points.x.to_numpy(),
            "lat": points.y.to_numpy(),
        }
    ).sort_values(["code_insee", "cell_id"], ignore_index=True)


def demand_on_grid(
    communes: gpd.GeoDataFrame, cells: gpd.GeoDataFrame, *, year: int
) -> gpd.GeoDataFrame:
    """Share the inhabitants of a commune out among the cells of a grid, by the cells' people.

    The grid says where people are; how many a commune has, the census of the year says. See
    `cells_in_communes` for cells that several communes share. A commune of which the grid tells
    less than `LEAST_TOLD` of the people lies beyond it, and keeps them at its chef-lieu.

    Parameters
    ----------
    communes : GeoDataFrame
        The communes table with `population_<year>`, contours.
    cells : GeoDataFrame
        `accessibility.schema.GRID`, as `accessibility.inputs.population` reads them.
    year : int
        Census year of the *population municipale*.

    Returns
    -------
    GeoDataFrame
        As `demand_by_shares` gives it.

    Raises
    ------
    UnknownNameError, CrsError, InputError
        As `demand_at_chefs_lieux` and `cells_in_communes` do.
    """
    pieces = pieces_told(cells_in_communes(communes, cells), communes, year=year)
    return demand_by_shares(communes, pieces, year=year)


def pieces_told(pieces: pd.DataFrame, communes: gpd.GeoDataFrame, *, year: int) -> pd.DataFrame:
    """Leave out the pieces of communes of whose people the grid tells less than `LEAST_TOLD`.

    Raises
    ------
    InputError
        If nothing is left.
    """
    whole = demand_at_chefs_lieux(communes, year=year).set_index("code_insee")["population"]
    told = pieces["share"].groupby(pieces["code_insee"]).sum()
    held = told.index[~(told < LEAST_TOLD * whole.reindex(told.index))]
    if held.empty:
        raise InputError(
            f"the cells hold {told.sum():,.0f} of the {whole.sum():,.0f} people of the territory, "
            f"and of no commune {LEAST_TOLD:.0%} or more; a grid of people that covers it is "
            "expected."
        )
    return pieces[pieces["code_insee"].isin(held)]
