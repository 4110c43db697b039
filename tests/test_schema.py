from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from networks import LINE, STREET, facilities, points, road_tables

from accessibility.errors import CrsError, InputError
from accessibility.schema import (
    COMMUNES,
    DEMAND,
    FACILITIES,
    LAMBERT_93,
    NODES,
    RESTRICTIONS,
    ROADS,
    WGS84,
    check_crs,
    validate,
)


def demand() -> gpd.GeoDataFrame:
    table = points([(0, 0), (10, 0), (20, 0)], ids=["a", "b", "c"])
    table["code_insee"] = ["39001", "39002", "39003"]
    table["population"] = [10.0, np.nan, 0.0]
    return table


def faults(table: pd.DataFrame, schema: object = DEMAND) -> str:
    with pytest.raises(InputError) as caught:
        validate(table, schema, source="demand.csv")  # type: ignore[arg-type]
    return str(caught.value)


def test_good_tables_pass() -> None:
    tables = road_tables(LINE, [(1, 2, STREET), (2, 3, STREET)], {2: {"highway": "stop"}})
    validate(demand(), DEMAND)
    validate(tables.roads, ROADS)
    validate(tables.nodes, NODES)


def test_all_faults_are_told_at_once() -> None:
    table = demand().drop(columns="code_insee")
    table["demand_id"] = ["a", "a", None]
    table["population"] = [-1.0, 2.0, 3.0]
    table.loc[2, "geometry"] = None
    message = faults(table)
    for fault in (
        "demand.csv: the table of demand has no column code_insee",
        "has no demand_id in rows 2",
        "has population under 0 in rows 0",
        "repeats demand_id a",
        "has no geometry in rows 2",
    ):
        assert fault in message


@pytest.mark.parametrize(
    ("column", "values", "fault"),
    [
        ("demand_id", [1, 2, 3], "has int64 in demand_id where text is expected"),
        ("demand_id", ["a", 2, "c"], "has object in demand_id where text is expected"),
        ("population", ["1", "2", "3"], "in population where float is expected"),
        ("code_insee", pd.Categorical([1, 2, 3]), "in code_insee where text is expected"),
    ],
)
def test_a_column_of_another_kind_is_told(column: str, values: object, fault: str) -> None:
    table = demand()
    table[column] = values
    assert fault in faults(table)


@pytest.mark.parametrize(
    "values", [["a", "b", "c"], pd.Categorical(["a", "b", "c"]), pd.array(["a", "b", "c"])]
)
def test_text_may_be_stored_in_several_ways(values: object) -> None:
    table = demand()
    table["demand_id"] = values
    validate(table, DEMAND)


def test_dates_and_booleans_are_checked() -> None:
    table = facilities([(0, 0)])
    for name in ("name", "kind", "code_insee"):
        table[name] = "x"
    table["label_date"], table["in_study"] = pd.Timestamp("2022-11-15"), True
    validate(table, FACILITIES)
    table["label_date"], table["in_study"] = "15/11/2022", 1
    message = faults(table, FACILITIES)
    assert "in label_date where date is expected" in message
    assert "has int64 in in_study where bool is expected" in message


def test_geometry_of_another_kind_is_told() -> None:
    table = demand()
    table["geometry"] = shapely.buffer(table.geometry.to_numpy(), 0.1)
    assert "has Polygon where Point is expected" in faults(table)
    communes = demand().assign(
        name="x", canton_code=None, canton_name=None, epci_code=None, epci_name=None,
        chef_lieu_lon=5.0, chef_lieu_lat=46.0, chef_lieu_source="chef-lieu",
    )  # fmt: skip
    assert "has Point where Polygon or MultiPolygon" in faults(communes, COMMUNES)


def test_a_table_without_geometry_is_told() -> None:
    assert "has no geometry" in faults(pd.DataFrame(demand().drop(columns="geometry")))
    assert "has no geometry" in faults(gpd.GeoDataFrame(demand().drop(columns="geometry")))


def test_a_table_that_needs_no_geometry_passes_without() -> None:
    row = {"relation_id": 1, "kind": "no_left_turn", "from_way": 1, "via_node": 2}
    table = pd.DataFrame([{**row, "via_ways": None, "to_way": 3, "except": None}])
    validate(table, RESTRICTIONS)


def test_crs_absent_or_other_is_named() -> None:
    bare = demand().set_crs(None, allow_override=True)
    with pytest.raises(CrsError, match="table of demand has no CRS; EPSG:4326 is expected"):
        validate(bare, DEMAND)
    with pytest.raises(CrsError, match=r"is in EPSG:2154, expected is EPSG:4326: .*to_crs"):
        validate(demand().to_crs(LAMBERT_93), DEMAND)


def test_check_crs_accepts_either_axis_order() -> None:
    check_crs(demand().to_crs("OGC:CRS84"), WGS84, what="the table")
    check_crs(demand().geometry, WGS84, what="the column")
    with pytest.raises(CrsError, match="the column is in EPSG:4326, expected is EPSG:2154"):
        check_crs(demand().geometry, LAMBERT_93, what="the column")


def test_coordinates_that_are_not_finite_are_a_fault() -> None:
    table = gpd.GeoDataFrame(
        {"demand_id": ["a"], "code_insee": ["39001"], "population": [1.0]},
        geometry=[shapely.Point(float("nan"), 0.0)],
        crs=WGS84,
    )
    with pytest.raises(InputError, match="not finite in rows 0"):
        validate(table, DEMAND)
