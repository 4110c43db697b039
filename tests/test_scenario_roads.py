"""Roads that close, open, turn, are built or driven faster: as if the tables had said so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from networks import lonlat, road_tables
from pyproj import Geod
from studies import AVAL, BIEF, COMBE, ILOT, MONT, VILLE, write_study
from test_scenario import same

from accessibility.analysis.coverage import coverage
from accessibility.analysis.scenario import (
    NewRoad,
    Place,
    RoadAt,
    RoadChange,
    Scenario,
    Speed,
    Stop,
)
from accessibility.analysis.scenario_form import scenario_of
from accessibility.analysis.scenario_roads import changed_roads
from accessibility.analysis.simulate import Simulator, simulate
from accessibility.errors import AccessibilityError, InputError
from accessibility.network.graph import build_network
from accessibility.network.profile import load_profile
from accessibility.schema import LAMBERT_93, ROAD_TAGS, RoadTables
from accessibility.study.study import Study, load_study

XS = (-12_000.01, 0, 12_000, 25_000, 40_000, 50_000)
LADDER = {i + 1: (x, 0.0) for i, x in enumerate(XS)} | {
    i + 7: (x + 300.0, 4_000.0 + 700 * (i % 2)) for i, x in enumerate(XS)
}
SPINE = [*zip(range(1, 6), range(2, 7), strict=True), *zip(range(7, 12), range(8, 13), strict=True),
         *zip(range(1, 7), range(7, 13), strict=True)]  # fmt: skip
PRIMARY, RURAL, TRACK = ({"highway": c} for c in ("primary", "tertiary", "track"))


def at(xy: tuple[float, float]) -> tuple[float, float]:
    lon, lat = lonlat([xy])[0]
    return float(lon), float(lat)


def along(places: dict, road: tuple, share: float) -> tuple[float, float]:
    a, b = (np.array(places[node]) for node in road[:2])
    return tuple(a + share * (b - a))


def told(places: dict, road: tuple, **checks: str) -> RoadAt:
    x, y = along(places, road, 0.4)
    return RoadAt(*at((x + 3, y - 5)), **checks)


def with_roads(study: Study, tables: RoadTables) -> Study:
    """The same study as if it had been built from other roads."""
    other = replace(study)
    vars(other)["roads"] = tables
    vars(other)["network"] = build_network(
        tables, profile=study.profile, metric_crs=study.metric_crs
    )
    return other


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return load_study(write_study(tmp_path_factory.mktemp("roads") / "small"))


@pytest.fixture
def ladder(small: Study) -> Study:
    tables = road_tables(LADDER, [(a, b, PRIMARY | {"ref": f"D {a}"}) for a, b in SPINE])
    return with_roads(small, tables)


# -- equal to computing everything again from roads that say so -----------------------------------

KINDS = ("close", "open", "one-way", "two-way", "class", "speed", "build")


@settings(deadline=None, max_examples=20, suppress_health_check=list(HealthCheck))
@given(data=st.data(), direction=st.sampled_from(["to", "from"]))
def test_equals_computing_everything_again(small: Study, data, direction) -> None:
    kinds = [PRIMARY, RURAL, PRIMARY | {"oneway": "yes"}, RURAL | {"access": "no"},
             RURAL | {"oneway": "-1"}]  # fmt: skip
    tags = data.draw(st.lists(st.sampled_from(kinds), min_size=16, max_size=16))
    roads = [(a, b, t) for (a, b), t in zip(SPINE, tags, strict=True)]
    roads[0] = (*SPINE[0], PRIMARY)
    kind = data.draw(st.sampled_from(KINDS))
    k = data.draw(st.integers(0, 15))
    places, changed, scenario = dict(LADDER), list(roads), Scenario()
    a, b, own = roads[k]
    is_open, road = "access" not in own, told(LADDER, roads[k])
    geodesic: dict[int, float] = {}
    if kind == "close":
        assume(is_open and k)
        changed[k] = (a, b, own | {"access": "no"})
        scenario = Scenario(road=(RoadChange("close", road),))
    elif kind == "open":
        assume(not is_open)
        changed[k] = (a, b, {key: v for key, v in own.items() if key != "access"})
        scenario = Scenario(road=(RoadChange("open", road),))
    elif kind == "one-way":
        ahead = data.draw(st.booleans())
        value = "yes" if ahead else "-1"
        assume(is_open and own.get("oneway") != value)
        changed[k] = (a, b, own | {"oneway": value})
        end = at(LADDER[b if ahead else a])
        scenario = Scenario(road=(RoadChange("one-way", road, towards=end),))
    elif kind == "two-way":
        assume(is_open and "oneway" in own)
        changed[k] = (a, b, {key: v for key, v in own.items() if key != "oneway"})
        scenario = Scenario(road=(RoadChange("two-way", road),))
    elif kind == "class":
        factor = data.draw(st.sampled_from([0.5, 0.8, 1.2]))
        limit = str(65 * factor / 0.8)
        changed = [(x, y, t | {"maxspeed": limit} if t["highway"] == "primary" else t)
                   for x, y, t in roads]  # fmt: skip
        scenario = Scenario(speed=(Speed(road_class="primary", factor=factor),))
    elif kind == "speed":
        assume(is_open)
        changed[k] = (a, b, own | {"maxspeed": "100"})
        scenario = Scenario(speed=(Speed(at=road, kph=80),))
    else:
        far = data.draw(st.integers(0, 15).filter(lambda j: j != k))
        assume(is_open and "access" not in roads[far][2])
        extra = RURAL | {"maxspeed": "60"} | ({"oneway": "yes"} if data.draw(st.booleans()) else {})
        middle = (places[a][0] + 900.0, -2_500.0)
        ends = []
        for j, share, node in ((k, 0.3, 101), (far, 0.7, 102)):
            x, y, t = roads[j]
            places[node] = along(places, roads[j], share)
            changed[j] = (x, node, t)
            changed.append((node, y, t))
            ends.append(at(places[node]))
        line = (ends[0], at(middle), ends[1])
        scenario = Scenario(road=(NewRoad(line, "tertiary", 60.0, "oneway" in extra),))
        places[103] = middle
        geodesic[len(changed)] = Geod(ellps="GRS80").line_length(*zip(*line, strict=True))
        changed.append((101, 102, extra))
    tables = road_tables(places, changed)
    for row, length_m in geodesic.items():
        tables.roads.loc[row, "length_m"] = length_m
        tables.roads.loc[[row], "geometry"] = [shapely.LineString(line)]
    sites = data.draw(st.sampled_from([
        Scenario(),
        Scenario(add=(Place(insee=BIEF),), remove=(Place(id="f1"),)),
        Scenario(stop=(Stop((Place(insee=COMBE), Place(insee=MONT)), "Bus"),)),
    ]))  # fmt: skip
    scenario = replace(scenario, add=sites.add, remove=sites.remove, stop=sites.stop)
    options = {"direction": direction, "minutes": data.draw(st.sampled_from([10, 20, 40]))}
    before = with_roads(small, road_tables(LADDER, roads))
    simulator = Simulator(before, **options)
    result = simulator.simulate(scenario)
    same(result.before, coverage(before, **options))
    same(result.after, coverage(with_roads(small, tables), sites=result.after.sites, **options))
    # the same roads with other sites, from what was kept
    again = simulator.simulate(replace(scenario, stop=(), add=(Place(insee=COMBE),)))
    same(again.after, coverage(with_roads(small, tables), sites=again.after.sites, **options))
    same(simulator.simulate(Scenario()).after, result.before)


@pytest.mark.jura
def test_jura_equals_computing_everything_again(jura: Study) -> None:
    roads, draw = jura.roads.roads, np.random.default_rng(6)
    rows = np.flatnonzero(
        roads["highway"].isin(["primary", "secondary"]).to_numpy()
        & (roads["length_m"] > 500).to_numpy() & roads["oneway"].isna().to_numpy()
        & roads["access"].isna().to_numpy() & roads["ref"].notna().to_numpy()
    )  # fmt: skip
    simulator = Simulator(jura)
    picked = draw.choice(rows, 32, replace=False)
    closed, turned, slowed, (a, b) = np.split(picked, [10, 20, 30])
    ends = [roads.geometry.iloc[row].coords[-1] for row in sorted((a, b))]
    told_by = {row: on_the_way(roads, row) for row in picked}
    scenario = Scenario(
        road=(
            *(RoadChange("close", told_by[row]) for row in closed),
            *(RoadChange("one-way", told_by[row], towards=roads.geometry.iloc[row].coords[-1])
              for row in turned),
            NewRoad(tuple(ends), "tertiary", maxspeed_kph=60.0),
        ),
        speed=tuple(Speed(at=told_by[row], kph=20.0) for row in slowed),
        add=(Place(insee="39018"),),
        remove=(Place(id="2756"),),
    )  # fmt: skip
    text = roads.astype(dict.fromkeys(("access", "oneway", "maxspeed"), object))
    text.loc[closed, "access"] = "no"
    text.loc[turned, "oneway"] = "yes"
    text.loc[slowed, "maxspeed"] = "25"
    built = text.loc[[a]].copy()
    built[list(ROAD_TAGS)] = None
    built["highway"], built["maxspeed"] = "tertiary", "60"
    built["from_node"], built["to_node"] = (int(roads["to_node"][r]) for r in sorted((a, b)))
    built["osm_way_id"] = -1
    built["length_m"] = Geod(ellps="GRS80").line_length(*zip(*ends, strict=True))
    built["geometry"] = [shapely.LineString(ends)]
    whole = pd.concat([text, built], ignore_index=True)
    tables = RoadTables(whole, jura.roads.nodes, jura.roads.restrictions)
    after = simulator.simulate(scenario).after
    same(after, coverage(with_roads(jura, tables), sites=after.sites))


def on_the_way(roads: pd.DataFrame, row: int) -> RoadAt:
    where = roads.geometry.iloc[row].interpolate(0.45, normalized=True)
    return RoadAt(where.x, where.y, ref=roads["ref"].iloc[row].split(";")[0])


# -- by hand ------------------------------------------------------------------------------------


def test_new_road_reaches_who_was_off_the_roads(small_study: Study) -> None:
    # Ilot stands 20 km north of the road, 15 km from Ville's site at 40 km
    line = (at((25_000, 0)), at((25_000, 20_000)))
    built = NewRoad(line, "primary", maxspeed_kph=130.0, eur=1_000_000.0)
    with pytest.raises(InputError, match="the end of the new road joins nothing"):
        simulate(small_study, Scenario(road=(built,)))
    ring = replace(built, line=(*line, at((38_000, 10_000)), at((38_000, 0))), name="Ring")
    result = simulate(small_study, Scenario(road=(ring,)))
    # 28.9 m/s over some 26 km of the new road, then 10 m/s over 2 km
    assert result.population_gained == 100
    assert result.changed["code"].tolist() == [ILOT]
    assert (result.eur, result.eur_once_per_gained) == (1_000_000, 10_000)
    assert result.yearly_eur == 0
    assert np.isnan(result.eur_per_gained)
    assert len(list(small_study._network_folder.parent.iterdir())) == 1  # no network of it is kept


def test_closed_road_cuts_and_new_roads_join_each_other(ladder: Study) -> None:
    cut = RoadChange("close", told(LADDER, (2, 3), ref="d2"))
    result = simulate(ladder, Scenario(road=(cut,)), minutes=15)
    assert result.population_lost == 300  # Bief drives 20.7 km round at 65 km/h, not 12
    first = NewRoad((at((100, 0)), at((100, -900)), at((11_000, 0))), "primary", 110.0)
    second = NewRoad((at((100, -700)), at((50, -800)), at((9_000, 0))), "primary", 110.0)
    with pytest.raises(InputError, match=r"\[\[road\]\] 1: the beginning of the new road joins"):
        simulate(ladder, Scenario(road=(second, first)))
    tables, speeds = changed_roads(
        Scenario(road=(first, second), speed=(Speed(at=RoadAt(*at((100, -300))), kph=50.0),)),
        ladder.roads, ladder.profile, metric_crs=LAMBERT_93,
    )  # fmt: skip
    assert len(tables.roads) == len(ladder.roads.roads) + 2 + 4
    assert (speeds.kph == 50).all(axis=1).sum() == 1
    assert (tables.roads["osm_way_id"] < 0).sum() == 3  # the first is cut by the second
    assert len(ladder.roads.roads) == 16  # the study's own stay as they are


def test_opening_frees_a_barrier_and_a_road_for_residents(small: Study) -> None:
    roads = [(1, 2, PRIMARY), (2, 3, PRIMARY | {"access": "private"}), (3, 4, PRIMARY)]
    shut = with_roads(small, road_tables(LADDER, roads, {3: {"barrier": "bollard"}}))
    result = simulate(shut, Scenario(road=(RoadChange("open", told(LADDER, roads[1])),)))
    free = with_roads(small, road_tables(LADDER, [(a, b, PRIMARY) for a, b, _ in roads]))
    same(result.after, coverage(free))
    with pytest.raises(InputError, match="is open to cars already"):
        simulate(free, Scenario(road=(RoadChange("open", told(LADDER, roads[1])),)))


def test_one_way_round_trip(ladder: Study) -> None:
    road = told(LADDER, (2, 3))
    there = RoadChange("one-way", road, towards=at(LADDER[3]))
    both = RoadChange("two-way", road)
    result = simulate(ladder, Scenario(road=(there, both)))
    same(result.after, result.before)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (RoadChange("close", RoadAt(*at((6_000, 900)))), "no road open to cars lies within 50 m"),
        (RoadChange("close", RoadAt(*at((12_000, 0)))), "on the junction of D 2, D 3, D 3"),
        (RoadChange("close", told(LADDER, (2, 3), ref="D 678")), "is D 2; ref D 678 is expected"),
        (RoadChange("close", told(LADDER, (2, 3), name="Rue")), "is D 2; name Rue is expected"),
        (RoadChange("two-way", told(LADDER, (2, 3))), "D 2, is two-way already"),
        (RoadChange("open", told(LADDER, (2, 3))), "D 2, is open to cars already"),
        (RoadChange("one-way", told(LADDER, (2, 3)), towards=at((6_000, 0))), "equally far"),
        (NewRoad((at((6_000, 0)), at((6_000, 2))), "primary"), "at the same place"),
        (NewRoad((at((6_000, 900)), at((6_000, 0))), "primary"), "beginning of the new road joins"),
        (NewRoad((at((6_000, 0)), at((6_300, 4_400))), "lane"), "class lane is not driven"),
        (Speed(road_class="trunk", kph=70.0), "no road of the class trunk is open to cars; found"),
        (Speed(at=RoadAt(*at((6_000, 900))), kph=70.0), "[[speed]] 1: no road open to cars"),
    ],
)  # fmt: skip
def test_roads_that_are_not_there_are_one_sentence(ladder: Study, change, message: str) -> None:
    key = "speed" if isinstance(change, Speed) else "road"
    with pytest.raises(InputError) as caught:
        simulate(ladder, Scenario(**{key: (change,)}))
    assert message in str(caught.value)
    assert str(caught.value).endswith(".")


def test_closed_twice_and_what_cars_cannot_use(ladder: Study) -> None:
    shut = RoadChange("close", told(LADDER, (2, 3)))
    with pytest.raises(InputError, match=r"\[\[road\]\] 2: no road open to cars"):
        simulate(ladder, Scenario(road=(shut, shut)))
    low = {"highway": "primary", "maxheight": "1.5"}
    tables = road_tables(LADDER, [(1, 2, PRIMARY), (2, 3, low)])
    opened = Scenario(road=(RoadChange("open", told(LADDER, (2, 3))),))
    with pytest.raises(InputError, match="stays closed under profile osrm-car"):
        changed_roads(opened, tables, load_profile("osrm-car"), metric_crs=LAMBERT_93)


# -- itinerant services -------------------------------------------------------------------------


def test_itinerant_service_serves_the_union_of_its_stops(small_study: Study) -> None:
    small_study.settings["grant"] = {"yearly_per_site_eur": 35_000}
    bus = Stop((Place(insee=COMBE), Place(lon=at((50_000, 0))[0], lat=at((50_000, 0))[1])), "Bus")
    result = simulate(small_study, Scenario(stop=(bus,)))
    two = simulate(small_study, Scenario(add=tuple(bus.at)))
    assert result.population_gained == two.population_gained == 200
    assert result.added == ["stop-Bus"]
    assert (result.services_before, result.services_after, len(result.after.sites)) == (2, 3, 4)
    assert result.yearly_eur == 35_000
    assert two.yearly_eur == 70_000
    assert result.after.sites["name"].tolist()[2] == "Bus (Combe)"
    same(result.after, coverage(small_study, sites=result.after.sites))


@pytest.mark.parametrize(
    ("stops", "message"),
    [
        ([{"at": [COMBE, COMBE]}], f"stops twice at insee:{COMBE}"),
        ([{"at": ["99999"]}], "no commune of the study has the code 99999"),
        ([{"at": [AVAL], "name": "B"}, {"at": [VILLE], "name": "B"}], "added twice"),
    ],
)
def test_stops_that_cannot_be(small_study: Study, stops: list[dict], message: str) -> None:
    with pytest.raises(AccessibilityError) as caught:
        simulate(small_study, scenario_of({"stop": stops}))
    assert message in str(caught.value)
