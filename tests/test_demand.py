"""Where people are counted: places, grids and rasters, and what a commune's points add up to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import lonlat
from studies import AVAL, BIEF, COMBE, ILOT, MONT, VILLE, communes_table, write_study
from test_cli import RUNNER
from typer.testing import Result

from accessibility.analysis.coverage import Coverage, coverage
from accessibility.analysis.scenario import Place, Scenario
from accessibility.analysis.simulate import simulate
from accessibility.cli import coverage as coverage_command
from accessibility.errors import (
    CrsError,
    InputError,
    MissingInputError,
    SettingError,
    UnknownNameError,
)
from accessibility.inputs.buildings import read_buildings
from accessibility.inputs.catalogue import catalogue, sha256
from accessibility.inputs.population import read_grid, read_raster
from accessibility.schema import DEMAND, GRID, LAMBERT_93, WGS84, validate
from accessibility.study import bundle
from accessibility.study.build import build_study
from accessibility.study.demand import (
    METHODS,
    at_chefs_lieux,
    demand_at_buildings,
    demand_at_centroids,
    demand_by_shares,
)
from accessibility.study.demand_grid import cells_in_communes, demand_on_grid
from accessibility.study.places import places_of_buildings
from accessibility.study.study import Study, load_study

PROPERTY = settings(
    deadline=None,
    max_examples=6,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
APP = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
APP.command("coverage")(coverage_command.command)

COMBE_X = -12_000.01
SPLIT = {COMBE: [(-10_000, 50.0), (COMBE_X, 150.0)], AVAL: [(0, 1000.0)], BIEF: [(12_000, 300.0)],
         VILLE: [(40_000, 2000.0)], MONT: [(50_000, 100.0), (45_000, 300.0)]}  # fmt: skip
"""Places of the small study and their people: Combe and Mont have two."""


def table(places: dict[str, list[tuple[float, float]]]) -> gpd.GeoDataFrame:
    rows = [(code, x, people) for code, points in places.items() for x, people in points]
    codes, x, people = zip(*rows, strict=True)
    return gpd.GeoDataFrame(
        {
            "demand_id": [f"p{i}" for i in range(len(rows))],
            "code_insee": codes,
            "population": np.array(people, dtype=float),
        },
        geometry=shapely.points(lonlat([(v, 0) for v in x])),
        crs=WGS84,
    )


def commune(result: Coverage, code: str) -> pd.Series:
    return result.by_commune.set_index("code_insee").loc[code]


def with_places(folder: Path, places: dict[str, list[tuple[float, float]]] = SPLIT) -> Study:
    """A study that holds places of people by buildings."""
    study = write_study(folder)
    points = table(places)
    (study / "population").mkdir()
    pd.DataFrame(
        {
            "method": "buildings",
            "code_insee": points["code_insee"],
            "share": points["population"].astype("float32"),
            "lon": points.geometry.x,
            "lat": points.geometry.y,
        }
    ).to_parquet(study / bundle.DEMAND)
    return load_study(study)


# -- coverage of any demand ---------------------------------------------------------------------


def test_a_commune_is_covered_in_part(small_study: Study) -> None:
    result = coverage(small_study, table(SPLIT))
    combe, mont = commune(result, COMBE), commune(result, MONT)
    assert (combe["population"], combe["population_covered"]) == (200, 50)
    assert combe["share_covered"] == 0.25
    # 10 m/s: 1,000 s and 1,200.001 s to the site of Aval
    assert combe["travel_time_s"] == pytest.approx((50 * 1000 + 150 * 1200.001) / 200, abs=1e-3)
    assert combe["seconds_over"] == pytest.approx(0.001, abs=2e-3)
    assert combe["facility_id"] == "f1"
    # 10 m/s towards the site of Ville
    assert mont["travel_time_s"] == pytest.approx((100 * 1000 + 300 * 500) / 400, abs=1e-2)
    assert mont["seconds_over"] == 0
    assert result.population == 3900
    assert result.population_covered == 3750
    assert result.uncovered["code_insee"].tolist() == [COMBE]
    assert result.unknown == [ILOT]  # no place tells of it
    assert (result.demand_method, result.inclusive, result.is_finer) == ("own places", True, True)
    by_canton = result.by_canton.set_index("code")
    assert by_canton.loc["3902", "population_covered"] == 50
    points = result.by_demand
    assert list(points.columns) == ["demand_id", "code_insee", "population", "travel_time_s",
                                    "facility_id", "covered", "geometry"]  # fmt: skip
    assert points["covered"].tolist() == [True, False, True, True, True, True, True]
    assert points.crs == WGS84


def test_one_point_per_commune_gives_the_figures_as_ever(small_study: Study) -> None:
    plain = coverage(small_study)
    mixed = small_study.demand.sample(frac=1, random_state=3)
    for demand in ("chefs-lieux", small_study.demand, mixed, mixed.set_index("demand_id", drop=0)):
        found = coverage(small_study, demand)
        assert (found.share, found.complete) == (plain.share, plain.complete)
        pd.testing.assert_frame_equal(
            pd.DataFrame(found.by_commune), pd.DataFrame(plain.by_commune), check_exact=True
        )
        pd.testing.assert_frame_equal(found.uncovered, plain.uncovered, check_exact=True)
        pd.testing.assert_frame_equal(found.by_epci, plain.by_epci, check_exact=True)
    assert plain.demand_method == "chefs-lieux"
    assert not plain.is_finer


def test_unknown_people_and_nobody_at_several_points(small_study: Study) -> None:
    places = SPLIT | {BIEF: [(12_000, np.nan), (13_000, 5.0)], COMBE: [(-9_000, 0), (-11_000, 0)]}
    result = coverage(small_study, table(places))
    assert result.unknown == [BIEF, ILOT]
    # where nobody lives, or who does is unknown, points count alike
    assert commune(result, COMBE)["travel_time_s"] == pytest.approx(1000, abs=1e-2)
    assert commune(result, BIEF)["travel_time_s"] == pytest.approx(1250, abs=1e-2)
    assert result.uncovered["code_insee"].tolist() == [BIEF]
    assert result.population == 1000 + 2000 + 400
    assert not np.isfinite(commune(result, ILOT)["travel_time_s"])


def test_points_that_no_road_is_near(small_study: Study) -> None:
    demand = table({AVAL: [(0, 600.0), (100, 400.0)], ILOT: [(0, 10.0), (0, 10.0)]})
    far = shapely.points(lonlat([(100, 1_500), (25_000, 20_000), (25_000, 20_100)]))
    demand = demand.set_geometry(np.concatenate([demand.geometry.values[:1], far]), crs=WGS84)
    result = coverage(small_study, demand)
    aval, ilot = commune(result, AVAL), commune(result, ILOT)
    assert (aval["population_covered"], aval["travel_time_s"]) == (600, 0)
    # of those left out nobody reaches a site
    assert np.isinf([aval["seconds_over"], ilot["travel_time_s"], ilot["seconds_over"]]).all()
    assert aval["demand_snap_m"] < 1
    assert np.isinf(ilot["demand_snap_m"])
    assert (aval["facility_id"], ilot["facility_id"]) == ("f1", None)


def test_the_facility_of_most_people(small_study: Study) -> None:
    def site(*places: tuple[float, float]) -> object:
        return commune(coverage(small_study, table({BIEF: list(places)})), BIEF)["facility_id"]

    assert site((12_000, 1.0), (30_000, 2.0)) == "f2"
    assert site((12_000, 2.0), (30_000, 1.0)) == "f1"
    assert site((30_000, 1.0), (12_000, 1.0)) == "f1"  # the lowest id of several
    assert site((12_000, 2.0), (30_000, 1.5), (31_000, 1.0)) == "f2"


def test_less_than_the_cut_off(small_study: Study) -> None:
    within, below = (coverage(small_study, inclusive=i) for i in (True, False))
    time_s = commune(within, BIEF)["travel_time_s"]
    assert time_s == 1200
    assert within.population_covered - below.population_covered == 300
    assert commune(below, BIEF)["seconds_over"] == 0
    assert commune(below, BIEF)["population_covered"] == 0
    assert BIEF in set(below.uncovered["code_insee"])
    assert (below.inclusive, "in less than 20" in repr(below)) == (False, True)
    a_little_more = coverage(small_study, minutes=1200.001 / 60, inclusive=False)
    assert a_little_more.population_covered == within.population_covered


@pytest.mark.parametrize("inclusive", [True, False])
def test_simulate_counts_the_same_people(tmp_path, inclusive: bool) -> None:
    study = with_places(tmp_path / "s")
    site = Scenario(add=(Place(id="new", name="New", lon=lonlat([(-11_000, 0)])[0][0],
                               lat=lonlat([(-11_000, 0)])[0][1]),))  # fmt: skip
    for demand in ("buildings", table(SPLIT)):
        found = simulate(study, site, demand=demand, inclusive=inclusive)
        plain = coverage(study, demand, inclusive=inclusive)
        assert found.before.share == plain.share
        pd.testing.assert_frame_equal(found.before.uncovered, plain.uncovered)
        assert found.population_gained == pytest.approx(150)
        gained = found.after.population_covered - found.before.population_covered
        assert gained == pytest.approx(found.population_gained)
        assert found.after.inclusive is inclusive
        row = found.by_commune.set_index("code").loc[COMBE]
        assert row["population_gained"] == pytest.approx(150)


PLACED = st.lists(
    st.tuples(st.sampled_from([AVAL, BIEF, COMBE, VILLE, MONT]), st.integers(-13_000, 49_000),
              st.integers(0, 50)),
    min_size=1, max_size=12,
)  # fmt: skip


def drawn(rows: list[tuple[str, int, int]]) -> gpd.GeoDataFrame:
    places: dict[str, list[tuple[float, float]]] = {}
    for code, x, people in rows:
        places.setdefault(code, []).append((float(x), float(people)))
    return table(places)


@PROPERTY
@given(PLACED, st.integers(1, 80), st.integers(0, 40))
def test_a_larger_cut_off_never_covers_fewer(small_study, rows, minutes, more) -> None:
    demand = drawn(rows)
    less, much = (coverage(small_study, demand, minutes=m) for m in (minutes, minutes + more))
    assert (less.by_demand["covered"] <= much.by_demand["covered"]).all()
    assert less.population_covered <= much.population_covered + 1e-9
    below = coverage(small_study, demand, minutes=minutes, inclusive=False)
    assert (below.by_demand["covered"] <= less.by_demand["covered"]).all()


@PROPERTY
@given(PLACED, st.randoms(use_true_random=False))
def test_names_order_and_splits_change_nothing(small_study, rows, random) -> None:
    demand = drawn(rows)
    plain = coverage(small_study, demand)
    order = list(range(len(demand)))
    random.shuffle(order)
    halved = demand.assign(population=demand["population"] / 2)
    twice = pd.concat([halved, halved.assign(demand_id=halved["demand_id"] + "b")])
    for other in (
        demand.iloc[order],
        demand.assign(demand_id=[f"q{i}" for i in order]),
        twice,
    ):
        found = coverage(small_study, other)
        assert found.population_covered == pytest.approx(plain.population_covered)
        for name in ("population", "population_covered", "travel_time_s", "seconds_over"):
            np.testing.assert_allclose(
                found.by_commune[name], plain.by_commune[name], atol=1e-6, equal_nan=True
            )
        assert set(found.uncovered["code_insee"]) == set(plain.uncovered["code_insee"])


@pytest.mark.parametrize(
    ("change", "kind", "told"),
    [
        (lambda t: t.assign(code_insee="01004"), InputError, "people in 01004, no communes"),
        (lambda t: t.drop(columns="population"), InputError, "no column population"),
        (lambda t: t.assign(population=-1.0), InputError, "population under 0"),
        (lambda t: t.assign(demand_id="same"), InputError, "repeats demand_id same"),
        (lambda t: t.to_crs(LAMBERT_93), CrsError, "EPSG:2154"),
        (lambda t: t.iloc[:0], InputError, "no rows; at least one place"),
        (lambda t: "houses", UnknownNameError, "'houses' is no way to place people; there are ch"),
        (lambda t: "buildings", UnknownNameError, "holds no places .* it has chefs-lieux, centr"),
    ],
)
def test_faults_of_a_demand_are_told(small_study: Study, change: Any, kind: Any, told: str) -> None:
    for ask in (coverage, lambda s, d: simulate(s, Scenario(), demand=d)):
        with pytest.raises(kind, match=told):
            ask(small_study, change(table(SPLIT)))


# -- places of a study --------------------------------------------------------------------------


@pytest.mark.parametrize("year", [2019, 2020, 2021])
@pytest.mark.parametrize("method", METHODS[:3])
def test_places_sum_to_the_census(tmp_path, method: str, year: int) -> None:
    study = with_places(tmp_path / "s")
    demand = study.demand_by(method, year=year)
    validate(demand, DEMAND)
    sums = demand.groupby("code_insee")["population"].sum(min_count=1)
    expected = study.communes.set_index("code_insee")[f"population_{year}"]
    np.testing.assert_allclose(sums.reindex(expected.index), expected, rtol=1e-9)
    if method == "buildings":
        assert at_chefs_lieux(demand) == [ILOT]
        assert demand["demand_id"].tolist()[2:5] == [f"{COMBE}-1", f"{COMBE}-2", f"{VILLE}-1"]
        combe = demand[demand["code_insee"] == COMBE].set_index("demand_id")["population"]
        # from west to east
        assert combe.tolist() == pytest.approx((expected[COMBE] * np.array([0.75, 0.25])).tolist())


def test_the_year_and_the_method_of_a_study(tmp_path) -> None:
    study = with_places(tmp_path / "s")
    assert study.demand_methods == ["chefs-lieux", "centroids", "buildings"]
    assert study.demand_by("buildings")["population"].sum() == pytest.approx(4000)
    with pytest.raises(UnknownNameError, match="no population of 1999"):
        study.demand_by("buildings", year=1999)
    result = coverage(study, "buildings", population=2021)
    assert (result.demand_method, result.population_year) == ("buildings", 2021)
    assert result.population_covered == pytest.approx(1000 + 300 + 500 / 4 + 2000 + 200)
    # what is not asked for is not read
    (study.folder / bundle.DEMAND).write_bytes(b"no parquet")
    again = load_study(study.folder)
    assert coverage(again, "chefs-lieux").share == coverage(study).share
    with pytest.raises(InputError, match="build it again"):
        again.demand_by("grid-2018")


def test_places_without_weight_or_elsewhere_are_left_out() -> None:
    shares = pd.DataFrame({"code_insee": [AVAL, AVAL, BIEF, "01004"], "share": [1.0, 0.0, 0.0, 1.0],
                           "lon": 5.0, "lat": 46.5})  # fmt: skip
    demand = demand_by_shares(communes_table(), shares, year=2019)
    assert demand["demand_id"].tolist() == [f"{AVAL}-1", BIEF, COMBE, VILLE, MONT, ILOT]
    nothing = demand_by_shares(communes_table(), shares.iloc[:0], year=2019)
    assert at_chefs_lieux(nothing) == communes_table()["code_insee"].tolist()


def test_centroid_of_a_contour_that_does_not_hold_it() -> None:
    communes = communes_table().to_crs(LAMBERT_93)
    x, y = communes.geometry.iloc[0].centroid.coords[0]
    u_shape = shapely.Polygon([(x, y), (x + 3e3, y), (x + 3e3, y + 100), (x + 100, y + 100),
                               (x + 100, y + 2e3), (x + 3e3, y + 2e3), (x + 3e3, y + 2100),
                               (x, y + 2100)])  # fmt: skip
    communes.loc[0, "geometry"] = u_shape
    demand = demand_at_centroids(communes.to_crs(WGS84), year=2019)
    at = demand.to_crs(LAMBERT_93).geometry
    centre = u_shape.centroid
    assert not u_shape.contains(centre)
    assert at[0].distance(centre) == pytest.approx(u_shape.distance(centre), abs=1e-3)
    assert u_shape.distance(at[0]) < 1e-3
    others = communes.geometry.centroid
    assert (at[1:].distance(others[1:]) < 1e-3).all()
    assert demand["demand_id"].tolist() == demand["code_insee"].tolist()


# -- grids --------------------------------------------------------------------------------------


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_grids_of_both_publishers(tmp_path) -> None:
    km = read_grid(write(tmp_path / "a.csv", "x3035,y3035,pop\n3945000,2566000,14\n"))
    validate(km, GRID)
    assert km["cell_id"].tolist() == ["CRS3035RES1000mN2566000E3945000"]
    square = km.to_crs("EPSG:3035").geometry[0]
    assert square.bounds == pytest.approx((3945000, 2566000, 3946000, 2567000), abs=1e-3)
    name = "CRS3035RES200mN2668400E3979600"
    for text in (
        "lon;lat;ind;x3035;y3035\n5,51;47,03;6,5;3979600;2668400\n",
        f"idcar_200m,ind\n{name},6.5\n",
        f"idINSPIRE,Ind\n{name},6.5\n",
        f"GRD_ID,pop\n{name},6.5\n",
    ):
        found = read_grid(write(tmp_path / "b.csv", text))
        assert (found["cell_id"].tolist(), found["population"].tolist()) == ([name], [6.5])
        east = found.to_crs("EPSG:3035").geometry[0].bounds
        assert east == pytest.approx((3979600, 2668400, 3979800, 2668600), abs=1e-3)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x3035,y3035,people\n0,0,1\n", "columns x3035, y3035, people; one of people, pop or ind"),
        ("x3035,y3035,pop,ind\n0,0,1,1\n", "one of people, pop or ind, is expected"),
        ("x,y,pop\n0,0,1\n", "x3035 and y3035, the lower left corner"),
        ("x3035,y3035,pop\n", "no cells"),
        ("x3035,y3035,pop\n" + "0,0,\n" * 6, r"no number of people in lines 2, 3, 4, 5, 6 \(fir"),
        ("x3035,y3035,pop\n0,0,1\n1000,0,-1\n", "fewer than 0 people in lines 3"),
        ("x3035,y3035,pop\n0,,1\n", "no x3035, y3035 in metres in lines 2"),
        ("x3035,y3035,pop\n500,0,1\n", "no multiple of the side of a cell in lines 2"),
        ("x3035,y3035,pop\n0,0,1\n0,0,2\n", "stands above already in lines 3"),
        ("idcar,ind\n200mN1E1,1\n", "no id such as CRS3035RES200m.* in lines 2"),
    ],
)
def test_faults_of_a_grid_are_told(tmp_path, text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        read_grid(write(tmp_path / "g.csv", text))


def raster(path: Path, values: Any, *, crs: str | None = LAMBERT_93, nodata: float | None = None,
           corner: tuple[float, float] | None = None, side: float = 1000.0) -> Path:  # fmt: skip
    """A GeoTIFF whose upper left corner is at Aval's, unless said."""
    array = np.atleast_3d(np.array(values, dtype="float32")).transpose(2, 0, 1)
    x, y = corner or lambert(AVAL, -2_000, 2_000)
    with rasterio.open(
        path, "w", driver="GTiff", count=len(array), height=array.shape[1], width=array.shape[2],
        dtype="float32", crs=crs, nodata=nodata,
        transform=rasterio.Affine(side, 0, x, 0, -side, y),
    ) as file:  # fmt: skip
        file.write(array)
    return path


def lambert(code: str, dx: float, dy: float) -> tuple[float, float]:
    row = communes_table().set_index("code_insee").loc[code]
    point = gpd.GeoSeries.from_xy([row["chef_lieu_lon"]], [row["chef_lieu_lat"]], crs=WGS84)
    at = point.to_crs(LAMBERT_93)[0]
    return at.x + dx, at.y + dy


def test_raster_keeps_its_people(tmp_path) -> None:
    values = [[1, 2, -9], [np.nan, 0, 3.5]]
    found = read_raster(raster(tmp_path / "r.tif", values, nodata=-9))
    validate(found, GRID)
    assert found["population"].sum() == 6.5
    assert found["cell_id"].tolist() == ["0-0", "0-1", "1-2"]
    x, y = lambert(AVAL, -2_000, 2_000)
    bounds = found.to_crs(LAMBERT_93).geometry[2].bounds
    assert bounds == pytest.approx((x + 2000, y - 2000, x + 3000, y - 1000), abs=0.01)
    # what lies elsewhere is not read, and cells keep their names
    west, south, east, north = found.geometry[2].buffer(-0.001).bounds
    part = read_raster(tmp_path / "r.tif", bounds=(west, south, east, north))
    assert part["cell_id"].tolist() == ["1-2"]
    degrees = raster(
        tmp_path / "d.tif", values, crs=WGS84, nodata=-9, corner=(5.0, 47.0), side=0.01
    )
    assert read_raster(degrees)["population"].sum() == 6.5
    assert read_raster(degrees).total_bounds == pytest.approx((5.0, 46.98, 5.03, 47.0))


def test_faults_of_a_raster_are_told(tmp_path, small_study: Study) -> None:
    def fails(kind: type[Exception], told: str, path: Path, **options: Any) -> None:
        with pytest.raises(kind, match=told):
            read_raster(path, **options)

    bounds = small_study.communes.total_bounds
    fails(MissingInputError, "is not there", tmp_path / "none.tif")
    fails(InputError, "no raster that can be read", write(tmp_path / "t.tif", "text"))
    fails(CrsError, "tells no CRS", raster(tmp_path / "c.tif", [[1]], crs=None))
    fails(InputError, "2 bands", raster(tmp_path / "b.tif", [[[1, 1]]]))
    negative = raster(tmp_path / "n.tif", [[1, -5]])
    fails(InputError, "0 people in row 0 column 1; if this stands for no data", negative)
    fails(InputError, "no people where", raster(tmp_path / "z.tif", [[0, 0]]))
    elsewhere = raster(tmp_path / "e.tif", [[1]], corner=(100_000, 6_100_000))
    fails(InputError, "lies elsewhere", elsewhere, bounds=bounds)


def test_cells_are_shared_by_area(tmp_path) -> None:
    communes = communes_table()
    corner = lambert(AVAL, 1_500, 500)
    # half of the left cell lies beyond Aval's 2 km
    cells = read_raster(raster(tmp_path / "r.tif", [[8, 6]], corner=corner))
    pieces = cells_in_communes(communes, cells)
    assert pieces["code_insee"].tolist() == [AVAL]  # the right cell lies in no commune
    assert pieces["area_share"].item() == pytest.approx(0.5, abs=0.01)
    assert pieces["share"].item() == pytest.approx(4, abs=0.1)
    place = gpd.GeoSeries.from_xy(pieces["lon"], pieces["lat"], crs=WGS84).to_crs(LAMBERT_93)[0]
    assert (place.x, place.y) == pytest.approx((corner[0] + 250, corner[1] - 500), abs=20)


def test_people_on_a_grid(tmp_path) -> None:
    communes = communes_table()
    corner = lambert(BIEF, -1_000, 1_000)
    cells = read_raster(raster(tmp_path / "r.tif", [[100, 0], [0, 50]], corner=corner))
    demand = demand_on_grid(communes, cells, year=2019)
    bief = demand[demand["code_insee"] == BIEF]
    assert bief["population"].tolist() == pytest.approx([200, 100])
    assert at_chefs_lieux(demand) == [AVAL, COMBE, VILLE, MONT, ILOT]
    # what a grid tells of Aval beside a hundredth of its people is no more than an edge
    both = pd.concat([cells, cells.assign(
        cell_id=["a", "b"], population=5.0,
        geometry=cells.to_crs(LAMBERT_93).translate(-12_000).to_crs(WGS84),
    )])  # fmt: skip
    assert AVAL in at_chefs_lieux(demand_on_grid(communes, both, year=2019))
    with pytest.raises(InputError, match=r"the cells hold 10 of the 4,000 people .* of no commune"):
        demand_on_grid(communes, both[2:], year=2019)
    far = cells.assign(geometry=cells.translate(3.0))
    with pytest.raises(InputError, match="none of the 2 cells has people within the territory"):
        demand_on_grid(communes, far, year=2019)


# -- what a study keeps -------------------------------------------------------------------------


def write_lived_in(inputs: Path) -> dict[str, Path]:
    """Buildings and one grid under the names of the catalogue, in the small study's territory."""
    known = catalogue(everything=True)
    files = {key: inputs / known[key].file for key in ("osm_buildings_jura", "popgrid_2018")}
    x = [(0, 10), (20, 10), (COMBE_X, 0), (-10_500, 0), (25_000, 0)]
    buildings = gpd.GeoDataFrame(
        {"footprint_m2": [100.0, 300.0, 50.0, 150.0, 80.0]},
        geometry=shapely.points(lonlat(x)), crs=WGS84,
    )  # fmt: skip
    buildings.to_parquet(files["osm_buildings_jura"])
    at = gpd.GeoSeries(shapely.points(lonlat([(0, 0), (40_000, 0)])), crs=WGS84).to_crs(3035)
    rows = [f"{p.x // 1000 * 1000:.0f},{p.y // 1000 * 1000:.0f},900" for p in at]
    files["popgrid_2018"].parent.mkdir()
    write(files["popgrid_2018"], "\n".join(["x3035,y3035,pop", *rows]))
    return files


def test_a_build_keeps_places_of_people(inputs: Path, tmp_path) -> None:
    files = write_lived_in(inputs)
    steps: list[str] = []
    for name in ("a", "b"):
        counts = build_study("39", inputs, tmp_path / name, buffer_km=5, progress=steps.append)
    assert sha256(tmp_path / "a" / bundle.DEMAND) == sha256(tmp_path / "b" / bundle.DEMAND)
    assert "places of people: buildings, grid-2018" in steps
    assert "no places of people by grid-2021: the inputs hold none of them" in steps
    assert counts["places of people by buildings"] == 3  # two of Aval stand in one square
    assert counts["places of people by grid-2021"] == 0
    study = load_study(tmp_path / "a")
    assert study.demand_methods == list(METHODS[:4])
    told = {s["dataset"]: s["sha256"] for s in study.manifest["sources"]}
    assert {key: told[key] for key in files} == {key: sha256(path) for key, path in files.items()}
    demand = study.demand_by("buildings", year=2019)
    assert at_chefs_lieux(demand) == [BIEF, VILLE, MONT]
    combe = demand[demand["code_insee"] == COMBE]["population"]
    assert combe.tolist() == pytest.approx([50, 150])
    aval = demand[demand["code_insee"] == AVAL].to_crs(LAMBERT_93).geometry.item()
    assert aval.x - lambert(AVAL, 0, 0)[0] == pytest.approx(15, abs=1)  # by ground area
    grid = study.demand_by("grid-2018", year=2021)
    assert {AVAL, VILLE}.isdisjoint(at_chefs_lieux(grid))
    assert grid["population"].sum() == pytest.approx(1000 + 300 + 500 + 2000 + 200)


def test_taken_together_buildings_keep_their_weight_and_middle() -> None:
    communes = communes_table()
    rng = np.random.default_rng(7)
    where = lonlat(np.column_stack([rng.uniform(-1900, 1900, 200), rng.uniform(-1900, 1900, 200)]))
    buildings = gpd.GeoDataFrame({"footprint_m2": rng.uniform(0, 300, 200)},
                                 geometry=shapely.points(where), crs=WGS84)  # fmt: skip
    places = places_of_buildings(communes, buildings, side_m=500)
    assert places["code_insee"].unique().tolist() == [AVAL]
    assert len(places) < 82
    assert places["share"].sum() == pytest.approx(1, abs=1e-6)
    area = buildings["footprint_m2"] / buildings["footprint_m2"].sum()
    metric = gpd.GeoSeries.from_xy(places["lon"], places["lat"], crs=WGS84).to_crs(LAMBERT_93)
    middle = buildings.to_crs(LAMBERT_93).geometry
    assert (places["share"] * metric.x).sum() == pytest.approx((area * middle.x).sum(), abs=2)
    assert (places["share"] * metric.y).sum() == pytest.approx((area * middle.y).sum(), abs=2)


def test_buildings_without_ground_area_hold_nobody() -> None:
    where = shapely.points(lonlat([(0, 0), (12_000, 0), (12_000, 9)]))
    buildings = gpd.GeoDataFrame({"footprint_m2": [0.0, 0.0, 9.0]}, geometry=where, crs=WGS84)
    demand = demand_at_buildings(communes_table(), buildings, year=2019)
    assert demand["demand_id"].tolist() == ["2", AVAL, COMBE, VILLE, MONT, ILOT]
    assert demand["population"].sum() == 4000


# -- the command --------------------------------------------------------------------------------


def run(study: Study, *arguments: object) -> Result:
    words = ["--study", study.folder, *arguments]
    return RUNNER.invoke(APP, [str(word) for word in words])


def test_the_command_counts_people_elsewhere(tmp_path) -> None:
    study = with_places(tmp_path / "s")
    answer = json.loads(run(study, "--demand", "buildings", "--json").stdout)
    assert (answer["demand"], answer["inclusive"], answer["places"]) == ("buildings", True, 8)
    assert answer["population_covered"] == 1000 + 300 + 50 + 2000 + 400
    assert answer["at_chefs_lieux"] == [ILOT]
    combe = next(row for row in answer["uncovered"] if row["code"] == COMBE)
    assert (combe["population"], combe["population_covered"]) == (200, 50)
    text = run(study, "--demand", "buildings", "--exclusive").stdout
    assert "in less than 20 minutes" in text
    assert "at the buildings, by their ground area: 8 places" in text
    assert f"no other place is told: {ILOT}" in text
    assert "Not covered wholly or in part: 3 communes, 550 inhabitants" in text
    plain = run(study).stdout
    assert plain == run(study, "--demand", "chefs-lieux").stdout
    assert "less than" not in plain
    assert "wholly or in part" not in plain
    centre = json.loads(run(study, "--demand", "centroids", "--json").stdout)
    assert (centre["demand"], centre["places"]) == ("centroids", 6)
    assert "--demand buildings" in run(study, "--help").stdout


def test_the_command_writes_the_places(tmp_path) -> None:
    study = with_places(tmp_path / "s")
    out = tmp_path / "out"
    assert run(study, "--demand", "buildings", "--out", out).exit_code == 0
    points = gpd.read_file(out / "communes.gpkg", layer="demand").set_index("demand_id")
    assert points.loc[f"{COMBE}-2", "minutes"] == pytest.approx(1000 / 60, abs=1e-3)
    assert np.isnan(points.loc[ILOT, "minutes"])
    assert json.loads((out / "manifest.json").read_text())["answer"]["demand"] == "buildings"
    run(study, "--out", tmp_path / "plain")
    layers = gpd.list_layers(tmp_path / "plain" / "communes.gpkg")["name"].tolist()
    assert layers == ["communes", "sites"]


def test_the_command_takes_files_of_places(tmp_path) -> None:
    study = load_study(write_study(tmp_path / "s"))
    buildings = tmp_path / "houses.parquet"
    x = [(COMBE_X, 0), (-10_500, 0)]
    gpd.GeoDataFrame({"footprint_m2": [50.0, 150.0]}, geometry=shapely.points(lonlat(x)),
                     crs=WGS84).to_parquet(buildings)  # fmt: skip
    at = gpd.GeoSeries(shapely.points(lonlat([(-10_500, 0)])), crs=WGS84).to_crs(3035)[0]
    grid = write(tmp_path / "grid.csv", "x3035,y3035,ind\n"
                 f"{at.x // 200 * 200:.0f},{at.y // 200 * 200:.0f},190\n")  # fmt: skip
    tif = raster(tmp_path / "people.tif", [[150.0]], corner=lambert(COMBE, 1_000, 500))
    for file, covered in ((buildings, 150), (grid, 200), (tif, 200)):
        out = tmp_path / f"out-{file.stem}"
        shown = run(study, "--demand", file, "--json", "--out", out)
        answer = json.loads(shown.stdout)
        assert answer["population_covered"] == pytest.approx(3700 + covered)
        assert answer["demand"] == file.name
        trail = json.loads((out / "manifest.json").read_text())
        assert trail["own_inputs"] == [{"file": file.name, "sha256": sha256(file)}]
    assert f"among the places of {tif.name}" in run(study, "--demand", tif).stdout
    assert isinstance(run(study, "--demand", "houses").exception, UnknownNameError)
    assert isinstance(run(study, "--demand", "grid-2018").exception, UnknownNameError)
    odd = write(tmp_path / "odd.txt", "")
    assert isinstance(run(study, "--demand", odd).exception, SettingError)


# -- the Jura -----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_the_jura_sums_to_the_census_by_commune(method: str) -> None:
    jura = load_study("jura")
    for year in jura.population_years:
        demand = jura.demand_by(method, year=year)
        sums = demand.groupby("code_insee")["population"].sum()
        expected = jura.communes.set_index("code_insee")[f"population_{year}"]
        np.testing.assert_allclose(sums.reindex(expected.index), expected, rtol=1e-9)
    assert at_chefs_lieux(demand) == [] or method in ("chefs-lieux", "centroids")
    places = {"buildings": 44_185, "grid-2018": 5_238, "grid-2021": 5_202}
    assert len(demand) == places.get(method, 494)


@pytest.mark.jura
def test_the_jura_as_osrm_gives_it_at_centroids(jura: Study) -> None:
    # OSRM puts a place on the nearest road however far that is: shared/method.md, 95.9 and 96.7 %
    for around, share in ((False, 0.959), (True, 0.967)):
        found = coverage(jura, "centroids", max_snap_m=5_000, around=around).share
        assert found == pytest.approx(share, abs=0.0005)
    # people live closer to sites than the middle of the commune's area does
    shares = [coverage(jura, method).share for method in ("centroids", "grid-2021", "chefs-lieux")]
    assert shares == sorted(shares)


@pytest.mark.parametrize("year", [2018, 2021])
def test_cells_are_cut_as_the_crosswalk_has_it(shared_data: Path, year: int) -> None:
    folder = shared_data / "population"
    cells = read_grid(folder / f"popgrid_jura_{year}_1km.csv")
    cut = cells_in_communes(load_study("jura").communes, cells)
    known = pd.read_csv(folder / f"popgrid_commune_crosswalk_{year}.csv", dtype={"code": str})
    known["cell_id"] = [f"CRS3035RES1000mN{y}E{x}" for y, x in
                        zip(known["y3035"], known["x3035"], strict=True)]  # fmt: skip
    both = cut.merge(known, left_on=["cell_id", "code_insee"], right_on=["cell_id", "code"],
                     how="outer", suffixes=("", "_known"))  # fmt: skip
    assert len(both) == len(cut) == len(known)
    assert (both["area_share"] - both["area_share_known"]).abs().max() < 1e-5
    squares = read_raster(folder / f"popgrid_jura_{year}_1km.tif")
    assert squares["population"].sum() == cells["population"].sum()


@pytest.mark.jura
def test_the_bundled_places_stand_for_all_buildings(shared_data: Path, jura: Study) -> None:
    some = jura.communes.iloc[::40].reset_index(drop=True)
    west, south, east, north = some.total_bounds
    every = read_buildings(shared_data / "osm" / "jura-buildings-2021-08.parquet")
    every = every.cx[west:east, south:north].reset_index(drop=True)
    exact = demand_at_buildings(some, every, year=2019)
    bundled = jura.demand_by("buildings", year=2019)
    bundled = bundled[bundled["code_insee"].isin(some["code_insee"])]
    assert len(bundled) < len(exact) / 3
    found, expected = (coverage(jura, d) for d in (bundled, exact))
    assert found.share == pytest.approx(expected.share, abs=0.001)
    apart = found.by_commune["travel_time_s"] - expected.by_commune["travel_time_s"]
    assert apart[np.isfinite(apart)].abs().max() < 5
