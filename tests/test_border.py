"""What lies over the border: sites that people are nearer to, and roads that they drive."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import shapely
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import NO_TURN_COSTS, STREET, facilities, lonlat, points, road_tables
from studies import BIEF, COMBE, ILOT, MONT, VILLE, write_study
from test_cli import RUNNER
from typer.testing import Result

from accessibility.analysis.border import border, departement_of
from accessibility.analysis.coverage import coverage
from accessibility.analysis.own_roads import CONTOUR_M, confined, on_own_roads, own_share
from accessibility.cli import border as border_command
from accessibility.errors import InputError, OutputError, SettingError, UnknownNameError
from accessibility.network.graph import build_network
from accessibility.routing.times import travel_times
from accessibility.schema import WGS84
from accessibility.study import bundle
from accessibility.study.study import Study, load_study

APP = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
APP.command("border")(border_command.command)
SIDE = 4


def run(study: Study, *arguments: object) -> Result:
    words = ["--study", study.folder, *arguments]
    return RUNNER.invoke(APP, [str(word) for word in words])


def spoken(study: Study, *arguments: object) -> str:
    return " ".join(run(study, *arguments).stdout.split())


def write_strips(folder: Path, west: float = -13_000, east: float = 42_000) -> Path:
    """The small study, its communes strips of a territory that holds its road from west to east."""
    write_study(folder)
    communes = gpd.read_parquet(folder / bundle.COMMUNES)
    cuts = {"39003": (west, -6e3), "39001": (-6e3, 6e3), BIEF: (6e3, 18e3), ILOT: (18e3, 30e3),
            VILLE: (30e3, 41e3), MONT: (41e3, east)}  # fmt: skip
    strips = []
    for code in communes["code_insee"]:
        a, b = cuts[code]
        corners = [(a, -5e3), (b, -5e3), (b, 25e3), (a, 25e3)]
        strips.append(shapely.Polygon(lonlat(corners)))
    communes.geometry = strips
    communes.to_parquet(folder / bundle.COMMUNES)
    return folder


@pytest.fixture
def strips(tmp_path: Path) -> Study:
    return load_study(write_strips(tmp_path / "strips"))


# -- whose roads they are ---------------------------------------------------------------------


def test_a_road_is_the_territorys_by_its_length(strips: Study) -> None:
    share = own_share(strips)
    # the road from -15,000 to -12,000.01 lies within from -13,000 less the margin on; the one from
    # 40,000 to 50,000 up to 42,000 and the margin
    expected = [(999.99 + CONTOUR_M) / 2999.99, 1, 1, 1, (2_000 + CONTOUR_M) / 10_000]
    assert share == pytest.approx(expected, abs=2e-4)  # sides of strips bend between corners
    found = on_own_roads(strips)
    # geodesic lengths are not needed here: the tables of the tests hold metres of the plane
    assert found.own_km == pytest.approx((12_000.01 + 12_000 + 28_000) / 1e3)
    assert found.all_km == pytest.approx((3_000 - 0.01 + 52_000.01 + 10_000) / 1e3)


def test_the_study_itself_stays_as_it_is(strips: Study) -> None:
    turns = len(strips.network.following.edge)
    there = on_own_roads(strips).study
    assert len(there.network.following.edge) < turns == len(strips.network.following.edge)
    assert len(there.network.following.edge) == len(there.network.preceding.edge)


def drawn_grid() -> list[tuple[int, int]]:
    nodes = range(SIDE * SIDE)
    right = [(n, n + 1) for n in nodes if n % SIDE < SIDE - 1]
    return right + [(n, n + SIDE) for n in nodes if n < SIDE * (SIDE - 1)]


GRID = drawn_grid()
CROSSINGS = {n: (1_000.0 * (n % SIDE), 1_000.0 * (n // SIDE)) for n in range(SIDE * SIDE)}
MIDDLES = [tuple((np.array(CROSSINGS[a]) + CROSSINGS[b]) / 2) for a, b in GRID]
NETWORK = build_network(
    road_tables(CROSSINGS, [(a, b, STREET) for a, b in GRID]), profile=NO_TURN_COSTS
)


@settings(deadline=None, max_examples=15)
@given(st.sets(st.integers(0, len(GRID) - 1), min_size=2), st.data())
def test_trips_stay_on_the_roads_that_are_kept(kept: set[int], data: st.DataObject) -> None:
    sites = data.draw(st.sets(st.integers(0, len(GRID) - 1), min_size=1, max_size=3))
    graph = nx.Graph()
    for road in kept:  # 500 m from its middle to either end, 10 m in a second
        graph.add_edges_from((end, ("middle", road), {"weight": 50}) for end in GRID[road])
    sources = {("middle", road) for road in sites & kept}
    expected = nx.multi_source_dijkstra_path_length(graph, sources) if sources else {}
    mask = np.isin(np.asarray(NETWORK.segment_road), list(kept))
    people = points(MIDDLES, ids=[f"p{road}" for road in range(len(GRID))])
    at = facilities([MIDDLES[road] for road in sorted(sites)])
    for direction in ("to", "from"):
        # nearer than any other road: who stands on a road that is not kept reaches nothing
        found = travel_times(
            confined(NETWORK, mask), people, at, direction=direction, max_snap_m=100
        )
        for road, time_s in enumerate(found["travel_time_s"]):
            assert time_s == pytest.approx(expected.get(("middle", road), np.inf), abs=0.003)
        free = travel_times(NETWORK, people, at, direction=direction)
        assert (free["travel_time_s"] <= found["travel_time_s"]).all()


def test_a_place_beyond_is_put_on_the_nearest_own_road() -> None:
    # the first road is closed; its middle lies 500 m from the roads at its ends
    mask = np.asarray(NETWORK.segment_road) != 0
    people, at = points([MIDDLES[0]]), facilities([MIDDLES[-1]])
    near = travel_times(confined(NETWORK, mask), people, at, max_snap_m=600)
    assert near["demand_snap_m"].item() == pytest.approx(500, abs=0.01)
    far = travel_times(confined(NETWORK, mask), people, at, max_snap_m=400)
    assert far["travel_time_s"].item() == np.inf


def test_no_road_within_is_told(strips: Study) -> None:
    far = shapely.box(0, 45, 0.1, 45.1)
    vars(strips)["communes"] = strips.communes.assign(geometry=far)
    with pytest.raises(InputError, match="no road of the study Small lies within its communes"):
        on_own_roads(strips)


# -- who crosses ------------------------------------------------------------------------------


def test_the_four_figures(strips: Study) -> None:
    found = border(strips)
    assert found.figures[["sites", "roads"]].to_numpy().tolist() == [
        ["own", "own"], ["own", "all"], ["all", "own"], ["all", "all"],
    ]  # fmt: skip
    # Mont's 400 stand on a road that ends beyond the border; n1 is reached by such a road
    assert found.figures["population_covered"].tolist() == [3300, 3700, 3300, 3900]
    assert found.figures["share"].tolist() == [0.825, 0.925, 0.825, 0.975]
    assert found.figures["people_not_covered"].tolist() == [700, 300, 700, 100]
    for row, around in ((1, False), (3, True)):
        expected = coverage(strips, around=around)
        told = found.figures.iloc[row]
        assert (told["share"], told["complete"]) == (expected.share, expected.complete)
    assert (found.sites_own, found.sites_around) == (2, 1)


def test_who_is_nearer_to_a_site_over_the_border(strips: Study) -> None:
    found = border(strips)
    (row,) = found.crossing.drop(columns="geometry").to_dict("records")
    assert (row["code_insee"], row["name"], row["people"]) == (COMBE, "Combe", 200)
    assert (row["facility_id"], row["facility_name"], row["departement"]) == ("n1", "site n1", "25")
    assert row["people_covered_only_there"] == 200
    assert row["minutes_there"] == pytest.approx(199.999 / 60, abs=1e-5)
    assert row["minutes_own"] == pytest.approx(1200.001 / 60)
    assert row["minutes_saved"] == pytest.approx((1200.001 - 199.999) / 60, abs=1e-5)
    (area,) = found.by_departement.to_dict("records")
    assert (area["departement"], area["communes"], area["sites"], area["people"]) == (
        "25", 1, 1, 200,
    )  # fmt: skip
    assert area["minutes_saved"] == pytest.approx(row["minutes_saved"])
    # at 30 minutes an own site covers Combe as well
    assert border(strips, minutes=30).crossing["people_covered_only_there"].tolist() == [0]
    # before n1 was labelled nobody crosses
    early = border(strips, as_of="2021-01-01")
    assert early.crossing.empty
    assert early.by_departement.empty
    assert early.sites_around == 0


def test_who_drives_over_the_border_to_an_own_site(strips: Study) -> None:
    (row,) = border(strips).detours.drop(columns="geometry").to_dict("records")
    assert (row["code_insee"], row["people"], row["facility_id"]) == (MONT, 400, "f2")
    assert row["minutes"] == pytest.approx(1000 / 60)
    assert (row["minutes_inside"], row["minutes_lost"]) == (np.inf, np.inf)
    assert row["people_not_covered_inside"] == 400
    # out to Mont takes 2,000 s, beyond the cut-off either way
    (back,) = border(strips, direction="from").detours.to_dict("records")
    assert (back["minutes"], back["people_not_covered_inside"]) == (pytest.approx(2000 / 60), 0)


def test_a_longer_way_within(tmp_path: Path) -> None:
    """The road from Aval to Bief lies beyond the border; a way round stays within."""
    study = load_study(write_strips(tmp_path / "study", west=-16_000, east=52_000))
    around = {10: (0, -4_000), 11: (12_000, -4_000)}
    places = {3: (0, 0), 4: (12_000, 0), 5: (40_000, 0), **around}
    roads = [(3, 4, STREET), (4, 5, STREET), (3, 10, STREET), (10, 11, STREET), (11, 4, STREET)]
    tables = road_tables(places, roads)
    there = replace(study)
    vars(there)["network"] = build_network(tables, profile=NO_TURN_COSTS)
    kept = np.array([False, True, True, True, True])
    hole = shapely.Polygon(lonlat([(400, -1e3), (11_600, -1e3), (11_600, 1e3), (400, 1e3)]))
    communes = there.communes.copy()
    communes.geometry = communes.difference(hole)
    vars(there)["communes"] = communes
    assert (own_share(there) >= 0.5).tolist() == kept.tolist()
    (row,) = border(there, max_snap_m=50).detours.to_dict("records")
    assert (row["code_insee"], row["facility_id"], row["people"]) == (BIEF, "f1", 300)
    assert row["minutes"] == pytest.approx(20.0)
    assert row["minutes_inside"] == pytest.approx(2_000 / 60)
    assert row["minutes_lost"] == pytest.approx(800 / 60)
    assert row["people_not_covered_inside"] == 300


def test_people_at_several_places_of_a_commune(strips: Study) -> None:
    at = gpd.points_from_xy(*lonlat([(-12_000, 0), (-10_000, 0), (-6_500, 0)]).T, crs=WGS84)
    demand = gpd.GeoDataFrame(
        {"demand_id": ["a", "b", "c"], "code_insee": COMBE, "population": [30.0, 10.0, 5.0]},
        geometry=at,
    )
    (row,) = border(strips, demand).crossing.to_dict("records")
    # 200 s and 400 s to n1, 1,200 s and 1,000 s to f1; from c f1 is nearer
    assert row["people"] == 40
    assert row["minutes_there"] * 60 == pytest.approx((30 * 200 + 10 * 400) / 40, abs=0.01)
    assert row["minutes_own"] * 60 == pytest.approx((30 * 1200 + 10 * 1000) / 40, abs=0.01)
    assert row["minutes_saved"] * 60 == pytest.approx((30 * 1000 + 10 * 600) / 40, abs=0.01)
    assert border(strips, demand).demand_method == "own places"


def test_people_who_reach_no_own_site(strips: Study) -> None:
    vars(strips)["sites"] = strips.sites[strips.sites["facility_id"] != "f1"]
    # f2 labelled later: no own site counts, and every minute saved is unknown
    found = border(strips, as_of="2021-07-01")
    assert set(found.crossing["facility_id"]) == {"n1"}
    assert np.isinf(found.crossing["minutes_own"]).all()
    assert np.isinf(found.crossing["minutes_saved"]).all()
    assert np.isnan(found.by_departement["minutes_saved"]).all()
    assert found.detours.empty


def test_unknown_people_are_named(strips: Study) -> None:
    found = border(strips, population=2020)
    assert found.unknown == [ILOT]
    assert ILOT not in set(found.crossing["code_insee"])
    assert f"No population is known of: {ILOT}." in spoken(strips, "--population", 2020)


def test_departements_of_codes() -> None:
    codes = ["39001", "2B033", "97209", "98735", None, np.nan]
    assert [departement_of(code) for code in codes] == [
        "39", "2B", "972", "987", "unknown", "unknown",
    ]  # fmt: skip


# -- the command ------------------------------------------------------------------------------


def test_what_is_said(strips: Study) -> None:
    said = spoken(strips)
    assert "200 inhabitants of the study Small are nearer to a site over the border" in said
    assert "200 of them are within 20 minutes of a site only there." in said
    assert "400 drive over the border to be soonest at their own nearest site" in said
    assert "2 of the territory, 1 of its neighbours" in said
    assert "no way within" in said
    early = spoken(strips, "--as-of", "2021-01-01")
    assert "holds no site over the border that counts by that day" in early
    assert "Example: accessibility border" in run(strips, "--help").stdout


def test_files_and_their_trail(strips: Study, tmp_path: Path) -> None:
    out = tmp_path / "out"
    answer = json.loads(run(strips, "--json", "--out", out).stdout)
    assert answer["people_nearer_over_border"] == 200
    assert answer["people_covered_only_by_roads_over_border"] == 400
    assert answer["detours"][0]["minutes_inside"] is None  # JSON holds no infinity
    assert [row["share"] for row in answer["figures"]] == [0.825, 0.925, 0.825, 0.975]
    assert pd.read_csv(out / "figures.csv")["share"].tolist() == [0.825, 0.925, 0.825, 0.975]
    assert pd.read_csv(out / "crossing.csv", dtype=str)["code_insee"].tolist() == [COMBE]
    assert pd.read_csv(out / "by_departement.csv", dtype=str)["departement"].tolist() == ["25"]
    for layer, code in (("crossing", COMBE), ("detours", MONT)):
        table = gpd.read_file(out / "border.gpkg", layer=layer)
        assert table["code_insee"].tolist() == [code]
        assert set(table.geometry.geom_type) <= {"Polygon", "MultiPolygon"}
        assert table.crs == WGS84
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert set(manifest["files"]) == {"figures.csv", "by_departement.csv", "crossing.csv",
                                      "detours.csv"}  # fmt: skip
    assert isinstance(run(strips, "--out", out).exception, OutputError)
    assert "Written:" in spoken(strips, "--out", out, "--overwrite")


def test_options_reach_the_figures(strips: Study) -> None:
    options = {"minutes": 25, "population": 2021, "direction": "from", "walk_kph": 4,
               "demand": "centroids"}  # fmt: skip
    typed = [word for name, value in options.items()
             for word in ("--" + name.replace("_", "-"), value)]  # fmt: skip
    answer = json.loads(run(strips, "--json", *typed).stdout)
    found = border(strips, **options)
    assert [row["share"] for row in answer["figures"]] == found.figures["share"].tolist()
    assert found.figures["share"].tolist() != border(strips).figures["share"].tolist()
    assert {name: answer[name] for name in ("minutes", "direction", "demand", "walk_kph")} == {
        name: options[name] for name in ("minutes", "direction", "demand", "walk_kph")
    }
    assert answer["population_year"] == 2021
    assert isinstance(run(strips, "--population", 1999).exception, UnknownNameError)
    assert isinstance(run(strips, "--demand", "moon").exception, UnknownNameError)
    assert isinstance(run(strips, "--walk-kph", 0).exception, SettingError)
    assert run(strips, "--minutes", -1).exit_code == 2


# -- the Jura ---------------------------------------------------------------------------------


@pytest.mark.jura
def test_the_jura(jura: Study) -> None:
    found = border(jura)
    own, around = coverage(jura), coverage(jura, around=True)
    assert found.figures["share"].tolist()[1::2] == [own.share, around.share]
    gained = around.population_covered - own.population_covered
    assert found.crossing["people_covered_only_there"].sum() == gained
    assert found.by_departement["people"].sum() == found.crossing["people"].sum()
    assert set(found.by_departement["departement"]) <= {"01", "21", "25", "70", "71", "74"}
    lost = found.figures["population_covered"][1] - found.figures["population_covered"][0]
    assert found.detours["people_not_covered_inside"].sum() == lost
    for table, saved in ((found.crossing, "minutes_saved"), (found.detours, "minutes_lost")):
        assert (table[saved] > 0).all()
        assert table["people"].is_monotonic_decreasing
    before, after = (r.by_commune.set_index("code_insee")["travel_time_s"] for r in (own, around))
    nearer = after.index[after < before]
    lived = own.by_commune.set_index("code_insee")["population"].reindex(nearer)
    assert sorted(found.crossing["code_insee"]) == sorted(nearer[(lived > 0).to_numpy()])
    assert 9_000 < found.own_km < 11_000 < found.all_km
    pairs = itertools.pairwise(found.figures["share"].tolist()[:2])
    assert all(inside <= everywhere for inside, everywhere in pairs)
