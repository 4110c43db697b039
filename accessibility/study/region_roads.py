"""Roads read around a département -> those that it stores for its region, and those it drives."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import shapely

from accessibility.inputs.osm import OsmExtract
from accessibility.schema import WGS84, RoadTables
from accessibility.study.region import Region
from accessibility.study.tiles import owners, touching, with_meets

MARGIN_KM = 20.0
"""Roads are read this far beyond the ring, so that each that touches it is whole."""


def divided(read: OsmExtract, region: Region, departement: str) -> tuple[OsmExtract, RoadTables]:
    """Share out what an extract holds around a département.

    Parameters
    ----------
    read : OsmExtract
        Of the territory, its ring and `MARGIN_KM` more.
    region : Region
    departement : str

    Returns
    -------
    OsmExtract
        What touches the territory and its ring: what its study reads from the tiles of the
        region, once all are there.
    RoadTables
        Its own: roads whose first point lies nearest to it, of those that touch any
        département's ring.
    """
    tables = replace(read.roads, roads=with_meets(read.roads.roads))
    ring = region.ring(departement)
    cut = touching(tables, ring)
    points = read.points_of_interest
    near = replace(
        read,
        roads=cut,
        built_up=read.built_up[shapely.intersects(ring, read.built_up.geometry.values)],
        places=read.places[shapely.contains_xy(ring, *_xy(read.places))],
        points_of_interest=points[shapely.contains_xy(ring, *_xy(points))].reset_index(drop=True),
        counts=read.counts | {"roads": len(cut.roads), "rim nodes": int(cut.nodes["rim"].sum())},
    )
    return near, _owned(tables, region, departement)


def _xy(points: gpd.GeoDataFrame) -> tuple[object, object]:
    x, y = shapely.get_coordinates(points.geometry.values).T
    return x, y


def _owned(tables: RoadTables, region: Region, departement: str) -> RoadTables:
    rings = shapely.union_all(region.territories["ring"].to_numpy())
    shapely.prepare(rings)
    roads = tables.roads
    roads = roads[shapely.intersects(rings, roads.geometry.values)]
    first = gpd.GeoSeries(shapely.get_point(roads.geometry.values, 0), crs=WGS84)
    metric = region.settings["metric_crs"]
    owner = owners(first.to_crs(metric).to_numpy(), region.territories.geometry.to_crs(metric))
    return replace(tables, roads=roads[owner == departement])
