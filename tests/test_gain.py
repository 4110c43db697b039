"""The gains at a junction are the differences that a site there makes."""

from __future__ import annotations

from dataclasses import fields
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from networks import facilities, points, road_tables
from studies import AVAL, BIEF, COMBE, own_sites, write_study
from test_times import Description, descriptions

import accessibility as acc
from accessibility.analysis.choices import counted_sites
from accessibility.analysis.gain import gain, top_communes
from accessibility.analysis.gain_search import junction_positions
from accessibility.analysis.scenario import Place, Scenario
from accessibility.analysis.simulate import Simulator
from accessibility.errors import AccessibilityError, InputError, SettingError
from accessibility.inputs.buildings import read_buildings
from accessibility.network.graph import build_network
from accessibility.network.snap import snap
from accessibility.routing.times import travel_time_matrix, travel_times
from accessibility.study.demand import demand_at_buildings
from accessibility.study.study import Study, load_study

PROPERTY = settings(
    deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def simulated(simulator: Simulator, x: float, y: float) -> tuple[float, float, float]:
    """People gained, people faster, minutes gained, by a site at a point."""
    result = simulator.simulate(Scenario(add=(Place(lon=x, lat=y),)))
    table = result.by_commune.fillna({"population": 0})
    ms = {w: np.round(table[f"travel_time_s_{w}"] * 1000) for w in ("before", "after")}
    faster = (ms["after"] < ms["before"]) & np.isfinite(ms["before"])
    people = table["population"][faster]
    saved = (people * (ms["before"] - ms["after"])[faster]).sum()
    return result.population_gained, people.sum(), saved / 60_000


def test_gain_by_hand(small_study: Study) -> None:
    found = gain(small_study)
    # only Combe is late on the road; Ilot is reached from nowhere
    assert found["people_gained"].tolist() == [200, 200, 0, 0, 0, 0]
    # from west to east: Combe, 299.999 s away from the first junction, comes there instead of to
    # Aval after 1,200.001 s; Mont from Ville's site, 1,000 s back along the slow road
    assert found["people_faster"].tolist() == [200, 200, 0, 300, 0, 400]
    minutes = np.array([200 * 900.002, 200 * 1200.001, 0, 300 * 1200, 0, 400 * 1000]) / 60
    assert found["minutes_gained"].to_numpy() == pytest.approx(minutes, rel=1e-12)
    assert found["name"].tolist()[1:] == ["Combe", "Aval", "Bief", "Ville", "Mont"]
    assert found.crs.to_epsg() == 4326
    top = top_communes(found)
    assert top[["code_insee", "people_gained"]].to_numpy().tolist() == [[COMBE, 200]]
    top = top_communes(found, 2, by="people_faster")
    assert top["people_faster"].tolist() == [400, 300]
    assert top["code_insee"].tolist()[1] == BIEF
    with pytest.raises(SettingError, match="at least 1"):
        top_communes(found, 0)
    with pytest.raises(SettingError, match="people_gained or people_faster or minutes_gained"):
        top_communes(found, by="people")


def test_nobody_to_gain(small_study: Study) -> None:
    found = gain(small_study, minutes=60)
    assert found["people_gained"].sum() == 0
    assert top_communes(found).empty
    empty = small_study.demand.assign(population=0.0)
    found = gain(small_study, empty)
    assert (found[["people_gained", "people_faster", "minutes_gained"]] == 0).all(axis=None)


def test_without_a_site_people_are_covered_but_none_is_faster(small_study: Study) -> None:
    found = gain(small_study, sites=small_study.sites.iloc[:0])
    assert found["people_gained"].tolist()[1] == 200
    assert found["people_gained"].max() > 1000
    assert (found["people_faster"] == 0).all()
    assert (found["minutes_gained"] == 0).all()


def test_people_may_stand_anywhere(small_study: Study) -> None:
    where = points([(11_000, 0), (13_000, 500), (13_000, 5_000)])
    demand = where.assign(code_insee=AVAL, population=[1.5, 2.0, 4.0])
    found = gain(small_study, demand, minutes=10)
    # at Bief both on the road gain; the third is too far from it
    assert found["people_gained"][3] == 3.5
    assert found["minutes_gained"][3] == pytest.approx((1.5 * 1_000 + 2 * 1_200) / 60)
    walked = gain(small_study, demand, minutes=3, walk_kph=6)  # 300 s off the road
    assert walked["people_gained"][3] == 1.5
    assert walked["minutes_gained"][3] == found["minutes_gained"][3]


def test_what_trips_over_the_rim_could_change_is_said(tmp_path: Path) -> None:
    assert gain(load_study(write_study(tmp_path / "whole")))["complete"].all()
    rim = load_study(write_study(tmp_path / "rim", rim=(1,)))
    found = gain(rim)
    # Combe, 300 s from the rim, could get over it to junctions less than 900 s from the rim
    assert found["complete"].tolist() == [False, False, True, True, True, True]
    # with sites beyond the rim, Combe could already have one
    n1 = rim.sites["facility_id"] != "n1"
    found = gain(rim, sites=rim.sites[n1 & (rim.sites["kind"] == "Principal")], around=True)
    assert found["complete"].tolist() == [False, False, True, True, True, True]
    demand = points([(0, 5_000)]).assign(code_insee=AVAL, population=1.0)
    settings = {**rim.settings, "extents": []}
    unknown = Study(
        **{f.name: getattr(rim, f.name) for f in fields(Study)} | {"settings": settings}
    )
    assert not gain(unknown, demand)["complete"].any()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"minutes": 0}, "the cut-off is 0 minutes"),
        ({"direction": "up"}, "the direction is 'up'"),
        ({"as_of": "soon"}, "'soon' is no date"),
        ({"population": 1900}, "no population of 1900"),
        ({"walk_kph": 0}, "the walking speed is 0 km/h"),
        ({"max_snap_m": -1}, "the snap distance is -1 m"),
    ],
)
def test_what_cannot_be_asked(small_study: Study, options: Any, told: str) -> None:
    with pytest.raises(AccessibilityError, match=told):
        gain(small_study, **options)


def test_people_need_a_table(small_study: Study) -> None:
    with pytest.raises(InputError, match="population"):
        gain(small_study, points([(0, 0)]))


@PROPERTY
@given(
    minutes=st.floats(1, 60),
    direction=st.sampled_from(["to", "from"]),
    day=st.sampled_from(["2019-01-01", "2020-06-01", "2022-11-15"]),
    around=st.booleans(),
)
def test_equals_simulate(
    small_study: Study, minutes: float, direction: Any, day: str, around: bool
) -> None:
    options: Any = {"minutes": minutes, "direction": direction, "as_of": day, "around": around}
    simulator = Simulator(small_study, **options)
    found = gain(small_study, **options)
    for row in found.itertuples():
        people, faster, saved = simulated(simulator, row.geometry.x, row.geometry.y)
        assert (row.people_gained, row.people_faster) == (people, faster)
        assert row.minutes_gained == pytest.approx(saved, rel=1e-12)


def study_of(small: Study, description: Description) -> Any:
    """The small study on other roads."""
    places, roads, marks = description
    network = build_network(road_tables(places, roads, marks))
    assume(network.segment_main.any())
    kept = {f.name: getattr(small, f.name) for f in fields(Study)}
    return SimpleNamespace(**{**kept, "network": network, "default": small.default})


@settings(
    deadline=None,
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow,
                           HealthCheck.filter_too_much],
)  # fmt: skip
@given(data=st.data(), description=descriptions())
def test_equals_a_site_more_on_random_networks(
    small_study: Study, data: st.DataObject, description: Description
) -> None:
    study = study_of(small_study, description)
    spot = st.tuples(st.integers(0, 24), st.integers(0, 24)).map(lambda p: (50 * p[0], 50 * p[1]))
    at = data.draw(st.lists(spot, min_size=1, max_size=12))
    number = data.draw(st.lists(st.integers(0, 9), min_size=len(at), max_size=len(at)))
    people = np.array(number, dtype=float)
    demand = points(at).assign(code_insee=AVAL, population=people)
    before = data.draw(st.lists(spot, max_size=2))
    sites = own_sites([]) if not before else facilities(before)
    direction = data.draw(st.sampled_from(["to", "from"]))
    walk = data.draw(st.sampled_from([None, 5.0]))
    cutoff_s = data.draw(st.integers(1, 120))
    found = gain(
        study, demand, minutes=cutoff_s / 60, direction=direction, sites=sites, walk_kph=walk
    )

    def ms(table: gpd.GeoDataFrame) -> np.ndarray:
        """Milliseconds from each person to each row of a table, or back."""
        ends = (demand, table) if direction == "to" else (table, demand)
        time_s = travel_time_matrix(study.network, *ends, walk_kph=walk)
        return np.round((time_s if direction == "to" else time_s.T) * 1000)

    now = ms(sites).min(axis=1, initial=np.inf)
    at_junctions = ms(found[["geometry"]]).T
    for i, then in enumerate(at_junctions):
        gained = (then <= 1000 * cutoff_s) & (now > 1000 * cutoff_s)
        faster = (then < now) & np.isfinite(now)
        assert found["people_gained"][i] == people[gained].sum()
        assert found["people_faster"][i] == people[faster].sum()
        saved = (people[faster] * (now[faster] - then[faster])).sum() / 60_000
        assert found["minutes_gained"][i] == pytest.approx(saved, rel=1e-12)


def test_a_junction_stands_where_a_site_at_its_point_does(small_study: Study) -> None:
    here, there = junction_positions(small_study.network, max_snap_m=1_000)
    expected = snap(small_study.network, here)
    assert there.segment.tolist() == expected.segment.tolist()
    assert there.share.tolist() == expected.share.tolist()
    assert here.x.is_monotonic_increasing
    assert len(here) == 6


@pytest.mark.jura
def test_jura_junctions_stand_where_sites_at_their_points_do(jura: Study) -> None:
    here, there = junction_positions(jura.network, max_snap_m=1_000)
    expected = snap(jura.network, here)
    assert np.array_equal(there.segment, expected.segment)
    assert np.array_equal(there.share, expected.share)
    assert not here.duplicated().any()


@pytest.mark.jura
def test_jura_with_people_on_buildings(jura: Study, shared_data: Path) -> None:
    file = shared_data / "osm" / "jura-buildings-2021-08.parquet"
    buildings = read_buildings(file).iloc[::20]
    demand = demand_at_buildings(jura.communes, buildings, year=2019)
    found = gain(jura, demand)
    draw = np.random.default_rng(5)
    some = draw.choice(np.flatnonzero(found["people_faster"] > 0), 25)
    now = travel_times(jura.network, demand, counted_sites(jura.sites, date(2022, 11, 15)))
    now_s = now["travel_time_s"].to_numpy()
    then_s = travel_time_matrix(jura.network, demand, found.iloc[some][["geometry"]])
    people = demand["population"].to_numpy()
    for i, row in enumerate(found.iloc[some].itertuples()):
        gained = (then_s[:, i] <= 1200) & (now_s > 1200)
        faster = (then_s[:, i] < now_s) & np.isfinite(now_s)
        saved = people[faster] @ (now_s[faster] - then_s[faster, i]) / 60
        assert row.people_gained == pytest.approx(people[gained].sum(), rel=1e-9)
        assert row.people_faster == pytest.approx(people[faster].sum(), rel=1e-9)
        assert row.minutes_gained == pytest.approx(saved, rel=1e-9)


@pytest.mark.jura
@pytest.mark.parametrize(("direction", "n"), [("to", 100), ("from", 20)])
def test_jura_equals_simulate_at_random_junctions(jura: Study, direction: Any, n: int) -> None:
    simulator = Simulator(jura, direction=direction)
    found = acc.gain(jura, direction=direction)
    assert len(found) > 200_000
    draw = np.random.default_rng(6)
    some = np.flatnonzero(found["people_gained"] > 0)
    more = np.flatnonzero(found["people_faster"] > 0)
    everywhere = np.arange(len(found))
    picked = np.concatenate([draw.choice(of, n // 4) for of in (some, more, more, everywhere)])
    for row in found.iloc[picked].itertuples():
        people, faster, saved = simulated(simulator, row.geometry.x, row.geometry.y)
        assert (row.people_gained, row.people_faster) == (people, faster)
        assert row.minutes_gained == pytest.approx(saved, rel=1e-12)
