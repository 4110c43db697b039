"""Areas within a cut-off: what is drawn, what is counted, and how far the two are apart."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import lonlat, points
from studies import AVAL, BIEF, COMBE, VILLE, own_sites, write_study
from test_times import Description, built, descriptions

import accessibility as acc
from accessibility.analysis.isochrone_error import isochrone_error
from accessibility.analysis.isochrones import isochrones
from accessibility.errors import CrsError, InputError, SettingError, UnknownNameError
from accessibility.schema import WGS84
from accessibility.study.demand import demand_at_buildings
from accessibility.study.study import Study, load_study

MINUTES = [10.0, 20.0, 30.0]
PROPERTY = settings(
    deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def at(areas: gpd.GeoDataFrame, facility: str, minutes: float) -> gpd.GeoSeries:
    (row,) = np.flatnonzero(
        (areas["facility_id"] == facility) & (areas["cutoff_s"] == minutes * 60)
    )
    return areas.iloc[row]


def holds(shape: shapely.Geometry, x: float, y: float = 0.0) -> bool:
    return bool(shapely.contains_xy(shape, 900_000 + x, 6_620_000 + y))


def test_a_straight_road_has_an_area_as_wide_as_points_snap(small_study: Study) -> None:
    areas = isochrones(small_study, minutes=[10], kind="each", tolerance_m=0)
    aval = at(areas, "f1", 10).geometry  # at 0, 10 m/s: 6 km to either side
    # to the cell, and no farther from the road than points snap
    for x in (-5_950, 0, 5_950):
        assert holds(aval, x)
        assert holds(aval, x, 950)
        assert not holds(aval, x, 1_050)
    assert not holds(aval, 6_050)
    assert not holds(aval, -6_050)
    assert aval.area == pytest.approx(12_000 * 2_000, rel=0.01)


def test_people_and_roads_are_those_of_the_network(small_study: Study) -> None:
    areas = isochrones(small_study, minutes=MINUTES, kind="each")
    assert areas["facility_id"].tolist() == ["f1"] * 3 + ["f2"] * 3
    assert areas["facility_name"].notna().all()
    # Aval 1,000 at its site, Bief 300 within 20 minutes to the inclusive second, Combe 200 later
    assert areas["population"].tolist() == [1_000, 1_300, 1_500, 2_000, 2_400, 2_400]
    assert areas["road_km"].round(3).tolist()[:2] == [12, 24]
    assert areas["from_s"].eq(0).all()
    for minutes in (5, 10, 20, 40):
        (row,) = isochrones(small_study, minutes=[minutes]).itertuples()
        assert row.population == acc.coverage(small_study, minutes=minutes).population_covered
        assert row.facility_id == "any"


def test_many_cutoffs_are_drawn_at_once(small_study: Study) -> None:
    areas = isochrones(small_study, minutes=[m / 8 for m in range(1, 200)], cell_m=200)
    assert (np.diff(areas["area_km2"]) >= 0).all()
    assert areas["area_km2"].iloc[-1] > 90


def test_the_year_of_the_people_is_a_choice(small_study: Study) -> None:
    areas = isochrones(small_study, minutes=[10], kind="each", population=2020)
    assert areas["population"].tolist() == [1_100, 2_000]
    with pytest.raises(UnknownNameError, match="2016"):
        isochrones(small_study, minutes=[10], population=2016)


def test_from_the_site_is_another_area(small_study: Study) -> None:
    there = isochrones(small_study, minutes=[20], site="f2")
    back = isochrones(small_study, minutes=[20], site="f2", direction="from")
    # beyond Ville cars go out at 5 m/s and come back at 10
    assert holds(there.geometry[0], 49_900)
    assert holds(back.geometry[0], 45_900)
    assert not holds(back.geometry[0], 46_200)


def test_nearest_areas_part_the_merged_one(small_study: Study) -> None:
    merged = isochrones(small_study, minutes=MINUTES, tolerance_m=0)
    parts = isochrones(small_study, minutes=MINUTES, kind="nearest", tolerance_m=0)
    assert len(parts) == 6
    for minutes, whole in zip(MINUTES, merged.geometry, strict=True):
        mine = parts[parts["cutoff_s"] == minutes * 60]
        assert mine.area.sum() == pytest.approx(whole.area)
        assert shapely.area(shapely.union_all(mine.geometry.to_numpy())) == pytest.approx(
            whole.area
        )
    # the border lies half way between the sites at 0 and at 40 km
    assert holds(at(parts, "f1", 30).geometry, 17_900)
    assert not holds(at(parts, "f2", 30).geometry, 17_900)
    assert parts.groupby("cutoff_s")["population"].sum().tolist() == merged["population"].tolist()
    assert parts.groupby("cutoff_s")["road_km"].sum().round(6).tolist() == (
        merged["road_km"].round(6).tolist()
    )


def test_bands_part_the_area_of_the_last_cutoff(small_study: Study) -> None:
    nested = isochrones(small_study, minutes=MINUTES)
    bands = isochrones(small_study, minutes=MINUTES, bands=True)
    assert bands["from_s"].tolist() == [0, 600, 1_200]
    assert bands["area_km2"].cumsum().tolist() == pytest.approx(nested["area_km2"].tolist())
    assert bands["population"].cumsum().tolist() == nested["population"].tolist()
    assert bands["road_km"].cumsum().tolist() == pytest.approx(nested["road_km"].tolist())
    shapes = bands.geometry.to_numpy()
    assert shapely.area(shapely.intersection(shapes[:-1], shapes[1:])).max() == 0


def test_the_way_off_the_road_takes_time_where_it_is_walked(small_study: Study) -> None:
    options = {"minutes": [10], "site": "f1", "tolerance_m": 0}
    free = isochrones(small_study, **options).geometry[0]
    walked = isochrones(small_study, **options, walk_kph=6).geometry[0]  # 500 m in 5 minutes
    assert holds(free, 2_000, 900)
    assert holds(walked, 2_000, 600)
    assert not holds(walked, 2_000, 700)
    assert not holds(walked, 100, 1_000)
    # so it does for demand: Combe's chef-lieu and its site stand on the road, Bief is moved off
    off = small_study.communes.copy()
    off.loc[off["code_insee"] == BIEF, ["chef_lieu_lon", "chef_lieu_lat"]] = lonlat([(11_000, 300)])
    moved = Study(**{**_fields(small_study), "communes": off})
    for walk, covered in ((None, True), (6.0, False)):  # 1,100 s to drive, 180 to walk
        result = acc.coverage(moved, minutes=20, walk_kph=walk)
        row = result.by_commune.set_index("code_insee").loc[BIEF]
        assert bool(row["population_covered"] > 0) == covered
        area = isochrones(moved, minutes=[20], walk_kph=walk)
        assert area["population"][0] == result.population_covered
    assert row["travel_time_s"] == pytest.approx(1_280, abs=0.1)


def _fields(study: Study) -> dict[str, object]:
    return {name: getattr(study, name) for name in Study.__dataclass_fields__}


def test_cell_size_and_tolerance_change_no_number_of_people(small_study: Study) -> None:
    expected = isochrones(small_study, minutes=MINUTES)["population"].tolist()
    for cell_m, tolerance_m in ((20, None), (100, 0), (400, 800.0), (1_000, 5.5)):
        areas = isochrones(small_study, minutes=MINUTES, cell_m=cell_m, tolerance_m=tolerance_m)
        assert areas["population"].tolist() == expected
        assert areas.geometry.is_valid.all()


def test_an_area_that_reaches_the_rim_is_cut_there_and_says_so(tmp_path: Path) -> None:
    study = load_study(write_study(tmp_path / "rim", rim=(1,)))
    # the data end 15 km west of Aval: 25 minutes
    areas = isochrones(study, minutes=[20, 30], kind="each")
    assert areas["complete"].tolist() == [True, False, True, True]
    # beyond the rim Aval may be nearer than the neighbour is on the roads that are known
    parts = isochrones(study, minutes=[20, 30], kind="nearest")
    assert parts["complete"].tolist() == [True, False, True, False]
    write_study(tmp_path / "whole")
    whole = isochrones(load_study(tmp_path / "whole"), minutes=[30], kind="each")
    assert whole["complete"].all()


def test_no_area_reaches_beyond_what_the_extract_holds(small_study: Study) -> None:
    # a meridian leans against the grid by some 3 %
    held = lonlat([(-20_000, -10_000), (5_000, 10_000)]).ravel().tolist()
    cut = {**small_study.settings, "extents": [held]}
    study = Study(**{**_fields(small_study), "settings": cut})
    (area,) = isochrones(study, minutes=[10], site="f1", tolerance_m=0).geometry
    assert holds(area, 4_500)
    assert not holds(area, 5_500)
    assert holds(isochrones(small_study, minutes=[10], site="f1").geometry[0], 5_500)


def test_small_holes_are_filled_and_large_ones_kept(small_study: Study) -> None:
    # between the road and as far as points snap there is no hole; a walk leaves none either
    fine = isochrones(small_study, minutes=[10], min_area_km2=0)
    assert fine.geometry[0].geom_type == "MultiPolygon"
    assert fine["area_km2"][0] == pytest.approx(
        isochrones(small_study, minutes=[10], min_area_km2=1)["area_km2"][0], rel=0.01
    )
    nothing = isochrones(small_study, minutes=[10], min_area_km2=1_000)
    assert nothing["area_km2"].tolist() == [0]
    assert nothing["population"][0] > 0


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"minutes": []}, SettingError, "no cut-off"),
        ({"minutes": [20, 10]}, SettingError, "from the least to the greatest"),
        ({"minutes": [10, 10]}, SettingError, "from the least to the greatest"),
        ({"minutes": [0, 10]}, SettingError, "above 0"),
        ({"minutes": ["ten"]}, SettingError, "number above 0"),
        ({"kind": "all"}, SettingError, "'merged', 'each' or 'nearest'"),
        ({"cell_m": 0}, SettingError, "size of a cell"),
        ({"cell_m": -50}, SettingError, "size of a cell"),
        ({"cell_m": float("nan")}, SettingError, "size of a cell"),
        ({"cell_m": True}, SettingError, "size of a cell"),
        ({"cell_m": 0.5}, SettingError, "from 1 to 10,000"),
        ({"minutes": 100_000}, SettingError, "up to 30,000"),
        ({"min_area_km2": "a"}, SettingError, "least area"),
        ({"max_snap_m": float("inf")}, SettingError, "snap distance"),
        ({"site": 5}, UnknownNameError, "5.*f1, f2"),
        ({"tolerance_m": -1}, SettingError, "tolerance"),
        ({"min_area_km2": float("nan")}, SettingError, "least area"),
        ({"walk_kph": -4}, SettingError, "walking speed"),
        ({"direction": "up"}, SettingError, "'to' or 'from'"),
        ({"site": "f9"}, UnknownNameError, "f9.*f1, f2"),
        ({"site": ["f1", "a1"]}, UnknownNameError, "a1"),
        ({"as_of": "2019-01-01"}, InputError, "no site is counted"),
    ],
)
def test_choices_that_make_no_sense_are_refused(
    small_study: Study, options: dict, error: type, message: str
) -> None:
    with pytest.raises(error, match=message):
        isochrones(small_study, **options)


def test_a_site_off_the_road_is_refused_where_it_was_asked_for(small_study: Study) -> None:
    sites = own_sites([0, 1_000])
    sites.geometry = points([(0, 0), (25_000, 9_000)]).geometry
    for options in ({"site": "own1"}, {"kind": "each"}):
        with pytest.raises(InputError, match="own1 lie more than 1000 m"):
            isochrones(small_study, sites=sites, minutes=[10], **options)
    merged = isochrones(small_study, sites=sites, minutes=[10])
    assert merged["population"].tolist() == [1_000]
    with pytest.raises(InputError, match="own1"):
        isochrones(small_study, sites=sites[1:], minutes=[10])


# -- properties ----------------------------------------------------------------------------------


def on(study: Study, description: Description) -> Study:
    """The small study with other roads."""
    other = Study(**_fields(study))  # type: ignore[arg-type]
    other.__dict__["network"] = built(description)
    return other


def fits(areas: gpd.GeoDataFrame) -> None:
    """Valid, nested for each site."""
    assert areas.geometry.is_valid.all()
    for _, mine in areas.groupby("facility_id"):
        for inner, outer in pairwise(mine.sort_values("cutoff_s").geometry):
            assert shapely.area(shapely.difference(inner, outer)) < 1e-6
        assert (mine["population"].diff().dropna() >= 0).all()
        assert (mine["road_km"].diff().dropna() >= -1e-9).all()
        assert (mine["area_km2"].diff().dropna() >= -1e-9).all()


def parted(merged: gpd.GeoDataFrame, parts: gpd.GeoDataFrame, *, moved: float) -> None:
    """No overlap, no gap; where lines are straightened, the rim moves by little."""
    n = len(merged)
    for k, whole in enumerate(merged.geometry):
        mine = parts.geometry.to_numpy()[k::n]
        together = shapely.union_all(mine)
        assert shapely.area(mine).sum() == pytest.approx(together.area, rel=1e-9)
        apart = shapely.area(shapely.symmetric_difference(together, whole))
        assert apart <= 1e-6 + moved * 100 * whole.length
        if not moved:
            assert apart < 1e-6


@PROPERTY
@given(
    descriptions(),
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=3),
    st.sampled_from(["to", "from"]),
    st.sampled_from([None, 3.0]),
    st.sampled_from([0.0, 40.0]),
)
def test_areas_on_any_network_are_valid_and_nested_and_part_the_whole(
    small_study: Study, description: Description, where: list, direction: str,
    walk: float | None, tolerance: float,
) -> None:  # fmt: skip
    study = on(small_study, description)
    sites = own_sites(list(range(len(where))))
    sites.geometry = points([(100.0 * x, 100.0 * y) for x, y in where]).geometry
    options = {
        "minutes": [0.5, 1, 3], "sites": sites, "direction": direction, "cell_m": 40,
        "max_snap_m": 3_000, "min_area_km2": 0.01, "walk_kph": walk, "tolerance_m": tolerance,
    }  # fmt: skip
    merged, each, parts = (
        isochrones(study, kind=kind, **options) for kind in ("merged", "each", "nearest")
    )
    for areas in (merged, each, parts):
        fits(areas)
    parted(merged, parts, moved=options["tolerance_m"] / 40)


# -- the measured error --------------------------------------------------------------------------


def test_the_error_counts_places_on_the_wrong_side(small_study: Study) -> None:
    places = points([(0, 0), (5_900, 0), (6_100, 0), (7_000, 0), (0, 3_000)])
    places["population"] = [1.0, 2, 4, 8, np.nan]
    drawn = gpd.GeoDataFrame(
        {"facility_id": ["f1"], "cutoff_s": [600.0]},
        geometry=[shapely.box(900_100, 6_619_000, 906_200, 6_621_000)],
        crs="EPSG:2154",
    )
    (row,) = isochrone_error(small_study, drawn, places).itertuples()
    # truly within 6 km: the first two; drawn: the second and the third
    assert (row.places_in, row.people_in) == (2, 3)
    assert (row.false_in_places, row.false_in_people) == (1, 4)
    assert (row.false_out_places, row.false_out_people) == (1, 1)
    assert row.error_places == 1
    assert row.error_people == pytest.approx(5 / 3)


@pytest.mark.parametrize("kind", ["merged", "each", "nearest"])
@pytest.mark.parametrize("bands", [False, True])
def test_drawn_areas_are_right_away_from_their_rim(
    small_study: Study, kind: str, bands: bool
) -> None:
    # nowhere within a cell of where a cut-off falls or areas meet
    x = np.arange(-14_000, 50_000, 1_000) + 330.0
    places = points([(v, y) for v in x for y in (0, 700)])
    places["population"] = 1.0
    areas = isochrones(small_study, minutes=MINUTES, kind=kind, bands=bands)
    error = isochrone_error(small_study, areas, places, nearest=kind == "nearest")
    assert error["error_places"].fillna(0).max() == 0
    assert error["places_in"].min() > 0
    shifted = areas.set_geometry(areas.translate(2_000))
    wrong = isochrone_error(small_study, shifted, places, nearest=kind == "nearest")
    assert wrong["error_people"].min() > 0


def test_the_error_of_some_sites_is_measured_at_their_times(small_study: Study) -> None:
    for kind in ("merged", "nearest"):
        areas = isochrones(small_study, minutes=[10], site="f2", kind=kind)
        error = isochrone_error(
            small_study, areas, small_study.demand, site="f2", nearest=kind == "nearest"
        )
        assert error["error_people"].tolist() == [0]
        assert error["people_in"].tolist() == [2_000]


def test_own_sites_may_have_numbers_and_no_names_but_not_the_id_of_all(small_study: Study) -> None:
    sites = own_sites([0, 40_000], facility_id=[1, 2], name=[None, "B"])
    areas = isochrones(small_study, minutes=10, sites=sites, kind="each")
    assert areas["facility_name"].tolist() == ["1", "B"]
    assert len(isochrones(small_study, minutes=10, sites=sites, site=[2])) == 1
    with pytest.raises(InputError, match='"any"'):
        isochrones(small_study, sites=own_sites([0], facility_id=["any"]))
    with pytest.raises(InputError, match="GeoDataFrame"):
        isochrones(small_study, sites=pd.DataFrame({"facility_id": ["a"]}))


def test_areas_are_geodesic(small_study: Study) -> None:
    (row,) = isochrones(small_study, minutes=10, site="f1", tolerance_m=0).itertuples()
    # Lambert-93 makes areas too small here, by some 2 in 1,000
    assert row.area_km2 == pytest.approx(row.geometry.area / 1e6, rel=5e-3)
    assert row.area_km2 > row.geometry.area / 1e6


def test_an_error_of_nothing_is_refused(small_study: Study) -> None:
    areas = isochrones(small_study, minutes=[10])
    with pytest.raises(InputError, match="no areas"):
        isochrone_error(small_study, areas[:0], small_study.demand)
    with pytest.raises(InputError, match="places has no column population"):
        isochrone_error(small_study, areas, points([(0, 0)]))
    with pytest.raises(InputError, match="no places"):
        isochrone_error(small_study, areas, points([]).assign(population=[]))
    with pytest.raises(UnknownNameError, match="f9"):
        isochrone_error(small_study, areas.assign(facility_id="f9"), small_study.demand)
    with pytest.raises(CrsError, match="EPSG:2154"):
        isochrone_error(small_study, areas.to_crs(WGS84), small_study.demand)


def test_people_are_shared_out_among_buildings(small_study: Study) -> None:
    where = points([(-200, 0), (300, 100), (12_000, 50), (500_000, 0)])
    buildings = where.assign(footprint_m2=[100.0, 300.0, 50.0, 70.0])
    demand = demand_at_buildings(small_study.communes, buildings, year=2019)
    people = demand.groupby("code_insee")["population"].sum()
    assert people.to_dict() == dict(
        zip(
            small_study.communes["code_insee"], small_study.communes["population_2019"], strict=True
        )
    )
    mine = demand[demand["code_insee"] == AVAL]
    assert mine["population"].tolist() == [250, 750]
    # a commune without a building keeps its people at its chef-lieu
    assert {COMBE, VILLE} <= set(demand["demand_id"])
    assert demand["demand_id"].is_unique


# -- on the Jura ---------------------------------------------------------------------------------


@pytest.mark.jura
def test_jura_areas_fit_and_are_right(jura: Study) -> None:
    merged = isochrones(jura, minutes=MINUTES)
    parts = isochrones(jura, minutes=MINUTES, kind="nearest")
    for areas in (merged, parts):
        fits(areas)
        assert areas["complete"].all()
    assert merged["population"][1] == acc.coverage(jura).population_covered
    parted(merged, parts, moved=0.05)  # by 5 m on average, of 50 m cells
    error = isochrone_error(jura, merged, jura.demand).set_index("cutoff_s")["error_people"]
    assert error[1_200] < 0.001
    assert error.max() < 0.02


@pytest.mark.jura
def test_jura_people_wrongly_in_or_out_are_few_at_the_buildings(
    jura: Study, shared_data: Path
) -> None:
    from accessibility.inputs.buildings import read_buildings

    buildings = read_buildings(shared_data / "osm" / "jura-buildings-2021-08.parquet")
    places = demand_at_buildings(jura.communes, buildings, year=2019)
    assert places["population"].sum() == pytest.approx(259_199)
    areas = isochrones(jura, minutes=[20], kind="each")
    error = isochrone_error(jura, areas, places)
    wrong = error["false_in_people"].sum() + error["false_out_people"].sum()
    assert wrong < 0.01 * error["people_in"].sum()
