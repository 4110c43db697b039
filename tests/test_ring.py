"""What the data hold around a territory, and the facilities of any service."""

from __future__ import annotations

import datetime as dt
import json
import tomllib
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import tomli_w
from networks import ORIGIN, STREET, lonlat, write_extract
from studies import AVAL, VILLE, communes_table, write_study

from accessibility.analysis.choices import counted_sites
from accessibility.analysis.coverage import coverage
from accessibility.errors import UnknownNameError
from accessibility.inputs.catalogue import catalogue
from accessibility.inputs.osm import read_osm
from accessibility.inputs.rim import CELL_M, held_by
from accessibility.inputs.sites import read_france_services
from accessibility.schema import LAMBERT_93, WGS84
from accessibility.study.build import build_study, choose_extract
from accessibility.study.ring import at_the_end, ring
from accessibility.study.sites import place_in_communes, sites_of_file, sites_of_kind
from accessibility.study.study import load_study

KNOWN = {"metric_crs": LAMBERT_93, "max_snap_m": 1_000.0}


def box(west: float, south: float, east: float, north: float) -> tuple[float, ...]:
    return tuple(lonlat([(west, south), (east, north)]).ravel())


def places(*xy: tuple[float, float]) -> gpd.GeoDataFrame:
    codes = [f"{i:05}" for i in range(len(xy))]
    at = shapely.points(lonlat(xy)) if xy else []
    return gpd.GeoDataFrame({"code_insee": codes}, geometry=at, crs=WGS84)


def mesh(west: float, south: float, east: float, north: float) -> gpd.GeoDataFrame:
    """Roads 2 km apart."""
    lines = [shapely.LineString([(x, y) for x in np.arange(west, east + 1, 500)])
             for y in np.arange(south, north + 1, 2_000)]  # fmt: skip
    return gpd.GeoDataFrame(geometry=[shapely.LineString(lonlat(line.coords)) for line in lines],
                            crs=WGS84)  # fmt: skip


WIDE = mesh(-30_000, -30_000, 80_000, 50_000)


def test_gaps_between_roads_are_not_held() -> None:
    roads = pd.concat([mesh(0, 0, 20_000, 30_000), mesh(28_000, 0, 40_000, 30_000),
                       mesh(56_000, 0, 70_000, 30_000)])  # fmt: skip
    held = held_by(roads, LAMBERT_93)
    xy = [(10_000, 15_000), (24_000, 15_000), (48_000, 15_000), (-20_000, 15_000), (1_500, 15_000)]
    depth = held.depth_m(np.array(xy) + ORIGIN)
    assert depth[0] > 9_000
    assert depth[1] > 3_000  # a gap of 8 km is closed
    assert depth[2] == 0  # one of 16 km is not
    assert depth[3] == 0
    assert depth[4] == pytest.approx(1_500, abs=CELL_M + 1)
    outline = shapely.box(*(np.array([0, 0]) + ORIGIN), *(np.array([70_000, 30_000]) + ORIGIN))
    assert held.missing_m2(outline) / 1e6 == pytest.approx(16 * 30, rel=0.1)
    assert held.missing_m2(shapely.box(0, 0, 1_000, 1_000)) == pytest.approx(1e6)


def test_a_road_that_ends_at_a_region_left_out_is_rim(tmp_path: Path) -> None:
    # two regions 20 km apart in one box: what ends towards the gap is cut, what ends inside is not
    places, ways = {}, []
    for region, x0 in enumerate((0, 34_000)):
        for i in range(15):
            for j in range(15):
                places[region * 1000 + i * 15 + j + 1] = (x0 + i * 1_000, j * 1_000)
        for i in range(15):
            ways.append([region * 1000 + i * 15 + j + 1 for j in range(15)])
            ways.append([region * 1000 + j * 15 + i + 1 for j in range(15)])
    places |= {5001: (14_600, 7_000), 5002: (7_400, 7_400)}
    ways += [[14 * 15 + 8, 5001], [7 * 15 + 8, 5002]]
    path = write_extract(
        tmp_path / "x.osm.pbf", places, [(i + 1, refs, STREET) for i, refs in enumerate(ways)],
        box=((-20_000, -20_000), (70_000, 40_000)),
    )  # fmt: skip
    nodes = read_osm(path).roads.nodes
    rim = set(nodes.loc[nodes["rim"], "node_id"])
    assert 5001 in rim
    assert 5002 not in rim


def test_what_no_extract_holds_is_measured() -> None:
    area = shapely.box(*box(0, 0, 40_000, 10_000))
    whole = ring(area, [box(-9_000, -9_000, 90_000, 90_000)], WIDE, places(), **KNOWN)
    assert (whole.missing_km2, whole.missing_share, whole.off_road) == (0, 0, [])
    half = ring(area, [box(-9_000, -9_000, 20_000, 19_000)], WIDE, places(), **KNOWN)
    assert half.missing_share == pytest.approx(0.5, abs=0.03)
    whole_km2 = gpd.GeoSeries([area], crs=WGS84).to_crs(LAMBERT_93).area.iloc[0] / 1e6
    assert half.missing_km2 == pytest.approx(half.missing_share * whole_km2, abs=0.1)
    pair = [box(-9_000, -9_000, 20_000, 90_000), box(19_000, -9_000, 90_000, 90_000)]
    assert ring(area, pair, WIDE, places(), **KNOWN).missing_km2 == pytest.approx(0, abs=0.2)
    assert ring(area, [], WIDE, places(), **KNOWN).missing_share == 0  # the roads tell
    none = mesh(-30_000, -30_000, -20_000, -20_000)
    assert ring(area, [], none, places(), **KNOWN).missing_share == 1


def test_communes_without_a_road_are_told_apart_by_where_they_lie() -> None:
    area = shapely.box(*box(0, 0, 40_000, 10_000))
    off = places((20_000, 5_000), (20_000, 500), (50_000, 5_000))
    found = ring(area, [box(0, 0, 40_000, 10_000)], WIDE, off, **KNOWN)
    assert found.off_road == ["00000", "00001", "00002"]
    assert found.unknown == ["00001", "00002"]  # one near the end, one beyond
    assert json.loads(json.dumps(found.as_dict()))["unknown"] == found.unknown


def test_where_no_extent_is_stated_nothing_is_known() -> None:
    assert at_the_end(places((0, 0)), [], **KNOWN).tolist() == [True]
    assert at_the_end(places(), [box(0, 0, 9, 9)], **KNOWN).tolist() == []


def test_a_commune_without_a_road_where_the_data_end_is_not_complete(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s")
    assert coverage(load_study(folder)).complete
    path = folder / "study.toml"
    settings = tomllib.loads(path.read_text(encoding="utf-8"))
    settings["extents"] = [list(box(-20_000, -10_000, 60_000, 20_500))]  # Ilot is at y = 20,000
    path.write_text(tomli_w.dumps(settings), encoding="utf-8")
    assert not coverage(load_study(folder)).complete


# -- the extract that is chosen -----------------------------------------------------------------


def test_the_extract_that_holds_most_of_the_ring_is_chosen(inputs: Path) -> None:
    from studies import extract

    communes = communes_table()
    communes = communes[communes["code_insee"].isin([AVAL, VILLE])]
    area = shapely.box(*box(-60_000, -30_000, 90_000, 60_000))
    folder = inputs / "osm"
    wide = extract(folder / "wide.osm.pbf", box=((-50_000, -50_000), (90_000, 90_000)))
    assert choose_extract(folder, communes, area) == wide
    small = choose_extract(folder, communes)
    assert small.name == "line.osm.pbf"
    same = extract(folder / "a.osm", box=((-50_000, -50_000), (90_000, 90_000)))
    assert choose_extract(folder, communes, area) in (wide, same)
    assert choose_extract(folder, communes, area).stat().st_size == min(
        wide.stat().st_size, same.stat().st_size
    )


# -- any service --------------------------------------------------------------------------------

SHOPS = gpd.GeoDataFrame(
    {"osm_id": [3, 1, 2], "kind": ["pharmacy", "pharmacy", "bank"], "name": ["B", None, "C"]},
    geometry=shapely.points(lonlat([(0, 0), (200_000, 0), (40_000, 0)])),
    crs=WGS84,
)


def test_points_of_a_kind_become_facilities() -> None:
    sites = sites_of_kind(SHOPS, "pharmacy", communes_table())
    assert sites["facility_id"].tolist() == ["1", "3"]
    assert sites["in_study"].tolist() == [False, True]
    assert sites["code_insee"].tolist()[1] == AVAL
    assert sites["label_date"].isna().all()
    assert counted_sites(sites, dt.date(1990, 1, 1))["facility_id"].tolist() == ["3"]
    assert len(counted_sites(sites, dt.date(1990, 1, 1), around=True)) == 2
    with pytest.raises(UnknownNameError, match="no point of kind 'school'; it holds most of phar"):
        sites_of_kind(SHOPS, "school", communes_table())
    with pytest.raises(UnknownNameError, match="it holds most of none"):
        sites_of_kind(SHOPS[:0], "school", communes_table())


def test_points_of_a_file_become_facilities(tmp_path: Path) -> None:
    (lon, lat), far = lonlat([(0, 0), (40_000, 0)])[0], (9.0, 48.0)
    path = tmp_path / "a.csv"
    path.write_text(
        f"identifiant_a,libelle_du_site,longitude,latitude,date_label\n"
        f"x1,Poste,{lon},{lat},2020-01-01\nx2,Loin,{far[0]},{far[1]},\n",
        encoding="utf-8",
    )
    bounds = box(-20_000, -10_000, 60_000, 30_000)
    sites = sites_of_file(path, "post_office", communes_table(), bounds)
    assert sites["facility_id"].tolist() == ["x1"]  # what lies beyond the ring serves nobody
    assert sites[["name", "kind", "code_insee"]].to_numpy().tolist() == [
        ["Poste", "post_office", AVAL]
    ]
    assert sites["label_date"].tolist() == [pd.Timestamp("2020-01-01")]


def test_a_point_on_a_border_stands_in_one_commune() -> None:
    communes = communes_table()
    where = place_in_communes(SHOPS, communes)
    assert where.tolist()[0] == AVAL
    assert where.isna().tolist() == [False, True, False]


def test_a_study_of_a_service_of_ones_own(inputs: Path, tmp_path: Path) -> None:
    (lon, lat) = lonlat([(40_000, 0)])[0]
    mine = tmp_path / "libraries.csv"
    mine.write_text(f"id,lon,lat\na,{lon},{lat}\n", encoding="utf-8")
    counts = build_study("39", inputs, tmp_path / "out", sites=mine, buffer_km=5)
    assert counts["sites"] == 1
    study = load_study(tmp_path / "out")
    assert study.service == "libraries"
    assert "published" not in study.settings
    held = {s["dataset"]: s for s in study.manifest["sources"]}["sites"]
    assert held["file"] == "libraries.csv"
    assert study.manifest["ring"]["off_road"] == []
    result = coverage(study, minutes=1000)
    assert len(result.sites) == 1
    with pytest.raises(UnknownNameError, match="no point of kind 'pharmacy'"):
        build_study("39", inputs, tmp_path / "two", kind="pharmacy", buffer_km=5)
    assert not (tmp_path / "two").exists()


def test_overseas_is_measured_in_its_own_crs(tmp_path: Path) -> None:
    from accessibility.inputs.osm import read_roads
    from accessibility.inputs.territory import metric_crs
    from accessibility.network.graph import build_network

    place = gpd.GeoSeries([shapely.box(-61.6, 16.1, -61.4, 16.3)], crs=WGS84)  # Guadeloupe
    assert metric_crs(place) == "EPSG:32620"
    nodes = "".join(
        f'<node id="{i}" version="1" lat="16.2" lon="{-61.5 - i / 100}"/>' for i in (1, 2, 3)
    )
    refs = "".join(f'<nd ref="{i}"/>' for i in (1, 2, 3))
    way = f'<way id="1" version="1">{refs}<tag k="highway" v="primary"/></way>'
    path = tmp_path / "island.osm"
    path.write_text(f'<osm version="0.6">{nodes}{way}</osm>', encoding="utf-8")
    tables = read_roads(path, within=place, buffer_km=5)
    assert tables.roads["country"].tolist() == ["GP"]
    network = build_network(tables, profile="osrm-car", metric_crs=metric_crs(place))
    assert network.segment_length_m.sum() == pytest.approx(2 * 1_069, rel=0.01)


@pytest.mark.parametrize(
    ("departement", "sites"),
    [("01", 23), ("21", 24), ("25", 28), ("39", 25), ("70", 23), ("71", 46)],
)
def test_counted_sites_are_those_of_the_barometer(
    shared_data: Path, departement: str, sites: int
) -> None:
    listed = read_france_services(shared_data / catalogue()["sites"].file, departement)
    assert len(counted_sites(listed, dt.date(2022, 11, 15))) == sites
    barometer = pd.read_csv(shared_data / "sites" / "barometre-labellisations.csv", dtype=str)
    last = barometer[barometer["code_departement"] == departement].sort_values("date").iloc[-1]
    assert float(last["valeur"]) == sites
