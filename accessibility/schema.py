"""The tables that pass between rooms: their columns, units and CRS, and their validator.

A validator reports every fault of a table at once: someone who mends a file wants the
whole list, not the first line of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import Geod

from accessibility.errors import CrsError, InputError, first_of

WGS84 = "EPSG:4326"
"""Longitude and latitude, the CRS in which tables are exchanged."""

GRS80 = Geod(ellps="GRS80")
"""The ellipsoid on which lengths and areas are measured; differs from WGS 84's by 0.1 mm."""

LAMBERT_93 = "EPSG:2154"
"""The metric CRS of metropolitan France, for drawing, snapping and buffers only."""

ROAD_TAGS = (
    "highway", "route", "junction", "oneway", "oneway:motorcar", "oneway:motor_vehicle",
    "oneway:vehicle", "service", "bridge", "tunnel", "toll", "ford", "area", "lanes",
    "access", "vehicle", "motor_vehicle", "motorcar",
    "access:forward", "vehicle:forward", "motor_vehicle:forward", "motorcar:forward",
    "access:backward", "vehicle:backward", "motor_vehicle:backward", "motorcar:backward",
    "maxspeed", "maxspeed:forward", "maxspeed:backward", "maxspeed:advisory",
    "maxspeed:advisory:forward", "maxspeed:advisory:backward",
    *(key + way for key in ("source:maxspeed", "maxspeed:type", "zone:maxspeed", "zone:traffic")
      for way in ("", ":forward", ":backward")),
    "surface", "tracktype", "smoothness", "duration",
    *(key + way for key in (
        "maxheight:physical", "maxheight", "maxwidth:physical", "maxwidth", "width", "est_width",
        "maxlength", "maxweightrating", "maxweight", "hov:lanes",
    ) for way in ("", ":forward", ":backward")),
    "impassable", "status", "construction", "hov", "motorroad",
)  # fmt: skip
"""Way tags that a speed profile may read; a road is broken where one of them changes."""

NODE_TAGS = (
    "highway", "barrier", "access", "vehicle", "motor_vehicle", "motorcar", "direction",
    "traffic_signals:direction", "stop", "crossing", "bollard", "kerb", "maxheight", "sensory",
)  # fmt: skip
"""Node tags that say what costs time or closes the way at a node."""

Kind = Literal["int", "float", "text", "bool", "date", "geometry"]


@dataclass(frozen=True)
class Column:
    """One column: its kind, and whether a row may leave it empty."""

    kind: Kind
    empty: bool = False
    minimum: float | None = None


@dataclass(frozen=True)
class Schema:
    """The columns of one table, its key and its geometry."""

    name: str
    columns: dict[str, Column]
    key: str | None = None
    geometry: tuple[str, ...] = ()


ROADS = Schema(
    "roads",
    {
        "from_node": Column("int"),
        "to_node": Column("int"),
        "osm_way_id": Column("int"),
        "length_m": Column("float", minimum=0.0),
        "urban": Column("float", empty=True, minimum=0.0),
        "country": Column("text", empty=True),
        "duration_s": Column("float", empty=True, minimum=0.0),
        "name": Column("text", empty=True),
        "ref": Column("text", empty=True),
        **{tag: Column("text", empty=True) for tag in ROAD_TAGS},
    },
    geometry=("LineString",),
)
NODES = Schema(
    "nodes",
    {
        "node_id": Column("int"),
        "rim": Column("bool"),
        **{tag: Column("text", empty=True) for tag in NODE_TAGS},
    },
    key="node_id",
    geometry=("Point",),
)
RESTRICTIONS = Schema(
    "restrictions",
    {
        "relation_id": Column("int"),
        "kind": Column("text"),
        "from_way": Column("int"),
        "via_node": Column("int", empty=True),
        "via_ways": Column("text", empty=True),
        "to_way": Column("int"),
        "except": Column("text", empty=True),
    },
)
FACILITIES = Schema(
    "facilities",
    {
        "facility_id": Column("text"),
        "name": Column("text", empty=True),
        "kind": Column("text", empty=True),
        "code_insee": Column("text", empty=True),
        "label_date": Column("date", empty=True),
        "in_study": Column("bool"),
    },
    key="facility_id",
    geometry=("Point",),
)
COMMUNES = Schema(
    "communes",
    {
        "code_insee": Column("text"),
        "name": Column("text"),
        "canton_code": Column("text", empty=True),
        "canton_name": Column("text", empty=True),
        "epci_code": Column("text", empty=True),
        "epci_name": Column("text", empty=True),
        "chef_lieu_lon": Column("float"),
        "chef_lieu_lat": Column("float"),
        "chef_lieu_source": Column("text"),
    },
    key="code_insee",
    geometry=("Polygon", "MultiPolygon"),
)
OPENING_HOURS = Schema(
    "opening hours",
    {
        "facility_id": Column("text"),
        "weekday": Column("int", minimum=0),
        "opens_min": Column("int", minimum=0),
        "closes_min": Column("int", minimum=0),
    },
)
BUILDINGS = Schema("buildings", {"footprint_m2": Column("float", minimum=0.0)}, geometry=("Point",))
GRID = Schema(
    "cells",
    {"cell_id": Column("text"), "population": Column("float", minimum=0.0)},
    key="cell_id",
    geometry=("Polygon",),
)
DEMAND = Schema(
    "demand",
    {
        "demand_id": Column("text"),
        "code_insee": Column("text"),
        "population": Column("float", empty=True, minimum=0.0),
    },
    key="demand_id",
    geometry=("Point",),
)


@dataclass(frozen=True)
class RoadTables:
    """What a network is built from: roads, the nodes that matter, turn restrictions."""

    roads: gpd.GeoDataFrame
    nodes: gpd.GeoDataFrame
    restrictions: pd.DataFrame


def validate(table: pd.DataFrame, schema: Schema, *, source: str = "") -> None:
    """Check a table against its schema and report every fault at once.

    Parameters
    ----------
    table : DataFrame or GeoDataFrame
    schema : Schema
    source : str
        Where the table comes from, named in the message.

    Raises
    ------
    CrsError
        If a geometry has no CRS, or one other than WGS 84.
    InputError
        For missing columns, wrong kinds, empty cells, values under the minimum, a key
        that repeats, geometries of another kind, empty or not finite.
    """
    where = f"{source}: " if source else ""
    faults = [f"has no column {name}" for name in schema.columns if name not in table.columns]
    for name, column in schema.columns.items():
        if name in table.columns:
            faults += _column_faults(table[name], name, column)
    if schema.key in table.columns and table[schema.key].duplicated().any():
        repeated = table.loc[table[schema.key].duplicated(), schema.key].unique()
        faults.append(f"repeats {schema.key} {first_of(repeated)}")
    if schema.geometry:
        if not isinstance(table, gpd.GeoDataFrame) or table._geometry_column_name is None:
            faults.append("has no geometry")
        else:
            check_crs(table, WGS84, what=f"{where}the table of {schema.name}")
            faults += _geometry_faults(table, schema.geometry)
    if faults:
        raise InputError(f"{where}the table of {schema.name} {'; it '.join(faults)}.")


def _column_faults(values: pd.Series, name: str, column: Column) -> list[str]:
    faults = []
    if not column.empty and values.isna().any():
        faults.append(f"has no {name} in rows {first_of(np.flatnonzero(values.isna()))}")
    is_of_kind = {
        "int": pd.api.types.is_integer_dtype,
        "float": pd.api.types.is_numeric_dtype,
        "text": _is_text,
        "bool": pd.api.types.is_bool_dtype,
        "date": pd.api.types.is_datetime64_any_dtype,
    }[column.kind]
    if not is_of_kind(values):
        faults.append(f"has {values.dtype} in {name} where {column.kind} is expected")
    elif column.minimum is not None and (values < column.minimum).any():
        low = np.flatnonzero(values < column.minimum)
        faults.append(f"has {name} under {column.minimum:g} in rows {first_of(low)}")
    return faults


def _is_text(values: pd.Series) -> bool:
    found = values.dropna()
    if isinstance(found.dtype, pd.CategoricalDtype):
        return found.empty or all(isinstance(v, str) for v in found.cat.categories)
    return found.empty or pd.api.types.infer_dtype(found) == "string"


def _geometry_faults(table: gpd.GeoDataFrame, kinds: tuple[str, ...]) -> list[str]:
    shapes = table.geometry
    faults = []
    absent = (shapes.isna() | shapes.is_empty).to_numpy()
    if absent.any():
        faults.append(f"has no geometry in rows {first_of(np.flatnonzero(absent))}")
    with np.errstate(invalid="ignore"):  # shapely before 2.1 warns of what is looked for here
        endless = ~np.isfinite(shapes.bounds.to_numpy()).all(axis=1) & ~absent
    if endless.any():
        faults.append(
            f"has coordinates that are not finite in rows {first_of(np.flatnonzero(endless))}"
        )
    other = ~shapes.geom_type.isin(kinds).to_numpy() & ~absent
    if other.any():
        found = sorted(set(shapes.geom_type[other]))
        faults.append(f"has {first_of(found)} where {' or '.join(kinds)} is expected")
    return faults


def check_crs(table: gpd.GeoDataFrame | gpd.GeoSeries, expected: str, *, what: str) -> None:
    """Refuse a table whose CRS is absent or other than the expected one.

    Raises
    ------
    CrsError
        The message names both systems.
    """
    if table.crs is None:
        raise CrsError(f"{what} has no CRS; {expected} is expected: set it with .set_crs().")
    if not table.crs.equals(expected, ignore_axis_order=True):
        raise CrsError(
            f"{what} is in {table.crs.to_string()}, expected is {expected}: "
            f'convert it with .to_crs("{expected}").'
        )
