"""How a figure hangs on speeds: against closed forms, the plain search, and brute force."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
import tomli_w
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import NO_TURN_COSTS, STREET, facilities, points, road_tables
from studies import AVAL, BIEF, COMBE, ILOT, MONT, VILLE, own_sites, write_study
from test_cli import RUNNER
from typer.testing import Result

from accessibility.analysis.coverage import coverage
from accessibility.analysis.sensitivity import Sensitivity, sensitivity
from accessibility.analysis.sensitivity_draws import (
    DEFAULT,
    NAMES,
    costs_of,
    draw,
    fastest_of,
    read_distributions,
)
from accessibility.analysis.sensitivity_published import rounds_to
from accessibility.analysis.sensitivity_trips import Costs, at_speed, trips_within
from accessibility.analysis.siting import optimise
from accessibility.cli import sensitivity as command
from accessibility.errors import InputError, MissingInputError, OutputError, SettingError
from accessibility.network.graph import RoadNetwork, Turns, build_network
from accessibility.network.snap import Positions, snap
from accessibility.routing.times import nearest
from accessibility.study.road_classes import CLASSES, edge_classes
from accessibility.study.study import Study, load_study

APP = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
APP.command("sensitivity")(command.command)

PRIMARY, TERTIARY, SERVICE = (CLASSES.index(name) for name in ("primary", "tertiary", "service"))


def run(study: Study, *arguments: object) -> Result:
    words = ["--study", study.folder, *arguments]
    return RUNNER.invoke(APP, [str(word) for word in words])


def error(study: Study, *arguments: object) -> Any:
    return run(study, *arguments).exception


def drawn_from(folder: Path, **changed: object) -> Path:
    """A file of distributions: nothing is unsure but what is told."""
    tables: dict[str, dict[str, object]] = {
        table: {name: {"median": 1.0, "spread": 1.0} for name in names}
        for table, names in NAMES.items()
    }
    tables["off_road"]["walk_s_per_m"] = {"low": 0.0, "high": 0.0}
    for name, value in changed.items():
        table, _, key = name.partition("__")
        tables[table][key] = value
    path = folder / "own.toml"
    path.write_text(tomli_w.dumps(tables), encoding="utf-8")
    return path


def from_factor(result: Sensitivity) -> dict[str, float]:
    return dict(zip(result.by_commune["code_insee"], result.by_commune["covered_from"],
                    strict=True))  # fmt: skip


# --- the curve


@pytest.mark.parametrize(
    "asked",
    [{}, {"population": 2020}, {"direction": "from"}, {"around": True, "as_of": "2021-06-30"}],
)
def test_factor_one_is_coverage(small_study: Study, asked: dict[str, Any]) -> None:
    plain, found = coverage(small_study, **asked), sensitivity(small_study, draws=0, **asked)
    at_one = found.curve[found.curve["speed_factor"] == 1.0].iloc[0]
    assert at_one["share_covered"] == plain.share == found.base.share
    assert at_one["population_covered"] == plain.population_covered
    assert (found.curve["share_covered"].diff().dropna() >= 0).all()
    assert found.curve["speed_factor"].iloc[[0, -1]].tolist() == [0.7, 1.3]
    assert len(found.curve) == 61
    assert found.draws.empty
    assert np.isnan(found.quantiles).all()


def test_thresholds_by_hand(small_study: Study) -> None:
    # 12,000 m at 10 m/s: 1,200 s; Combe is a centimetre farther; Mont has 1,000 s
    assert from_factor(sensitivity(small_study, draws=0)) == {
        AVAL: 0.7, BIEF: 1.0, COMBE: 1.0001, VILLE: 0.7, MONT: 0.8334, ILOT: pytest.approx(np.nan,
                                                                                nan_ok=True),
    }  # fmt: skip
    one = own_sites([23_991.0])
    found = sensitivity(small_study, draws=0, sites=one, factors=(0.5, 2.5))
    metres = {AVAL: 23_991, BIEF: 11_991, VILLE: 16_009, MONT: 26_009}
    by_hand = {code: np.ceil(m / 10 / 1200 * 1e4) / 1e4 for code, m in metres.items()}
    told = from_factor(found)
    assert {code: told[code] for code in metres} == by_hand
    assert np.isnan(told[COMBE])  # 35,991.01 m: 2.9993
    shares = found.by_commune.set_index("code_insee")["share_there"]
    assert shares[BIEF] == 300 / 4000
    assert shares[MONT] == (300 + 2000 + 1000 + 400) / 4000
    assert found.published is None  # sites of one's own are another question


def test_where_the_figure_rounds_to_the_published_one(small_study: Study) -> None:
    # at 1 3,700 of 4,000 people, from 1.0001 on 3,900
    told = sensitivity(small_study, draws=0).published
    assert told is not None
    assert (told.share, told.lowest, told.highest) == (0.93, None, None)
    assert (told.before, told.after, told.step) == (0.925, 0.975, 1.0001)
    for share, lowest, highest in (
        (0.925, 1.0, 1.0001), (0.975, 1.0001, None), (0.75, 0.7, 0.8334),
    ):  # fmt: skip
        small_study.settings["published"]["share_covered"] = share
        told = sensitivity(small_study, draws=0).published
        assert told is not None
        assert (told.lowest, told.highest, told.step) == (lowest, highest, None)
    for share in (0.5, 0.99):
        small_study.settings["published"]["share_covered"] = share
        told = sensitivity(small_study, draws=0).published
        assert told is not None
        assert (told.lowest, told.step) == (None, None)
    assert sensitivity(small_study, draws=0, minutes=15).published is None
    assert rounds_to(0.977) == (0.9765, 0.9775)


def test_figures_near_the_end_of_the_data_are_marked(tmp_path: Path) -> None:
    rim = load_study(write_study(tmp_path / "rim", rim=(1,)))
    # Combe stands where the data end: 1,200.001 s from there to Aval
    assert sensitivity(rim, draws=0, factors=(0.7, 1.0)).complete
    assert not sensitivity(rim, draws=0, factors=(0.7, 1.01)).complete
    slow = drawn_from(tmp_path, speed__primary={"low": 0.5, "high": 0.9})
    assert sensitivity(rim, draws=9, factors=(0.7, 1.0), distributions=slow).complete
    fast = drawn_from(tmp_path, speed__primary={"low": 1.1, "high": 1.2})
    assert not sensitivity(rim, draws=9, factors=(0.7, 1.0), distributions=fast).complete


@pytest.mark.jura
def test_the_jura(jura: Study) -> None:
    plain = coverage(jura)
    found = sensitivity(jura, draws=6, seed=3, factors=(0.99, 1.01))
    at_one = found.curve[found.curve["speed_factor"] == 1.0].iloc[0]
    assert at_one["share_covered"] == plain.share
    assert (found.curve["share_covered"].diff().dropna() >= 0).all()
    told = found.published
    assert told is not None
    assert told.lowest is None  # Viry alone carries the figure past 97.7 %
    assert told.step == 1.0038
    assert from_factor(found)["39579"] == 1.0038
    # the plain search on the whole network, as it is and under drawn costs
    limit, kinds = np.int64(1_200_000), edge_classes(jura)
    here, there = (
        replace(at, snap_m=np.zeros(len(at)))
        for at in (snap(jura.network, jura.demand), snap(jura.network, plain.sites))
    )
    some = costs_of(found.draws)
    trips = trips_within(
        jura.network, there, here, towards=True, apart=False, edge_class=kinds,
        fastest=fastest_of([*some, at_speed(1.0)]), limit_ms=limit,
    )  # fmt: skip
    assert len(trips.edge_ms) < len(jura.network.edge_ms) / 2
    plain_ms, _ = nearest(jura.network, here, there, limit_ms=limit)
    assert np.array_equal(trips.time_ms(replace(at_speed(1.0), walk_s_per_m=1.0))[0], plain_ms)
    plain_ms, _ = nearest(_changed(jura.network, kinds, some[0]), here, there, limit_ms=limit)
    changed_ms = trips.time_ms(some[0])[0]
    # a part of a road is rounded by itself here, and as a part of the whole road there
    assert np.abs(changed_ms.astype(np.int64) - plain_ms).max() <= 2
    assert ((changed_ms < 1_200_000) & (changed_ms > 0)).sum() > 400


# --- trips under changed costs


def _changed(network: RoadNetwork, kinds: Any, costs: Costs) -> RoadNetwork:
    """The network with costs changed, for the plain search."""

    def turns(one: Turns) -> Turns:
        return Turns(one.start, one.edge, np.rint(one.cost_ms * costs.turns).astype(np.int32))

    drive_ms = np.maximum(1, np.rint(network.edge_ms / costs.speed[kinds])).astype(np.int32)
    return replace(network, edge_ms=drive_ms, following=turns(network.following),
                   preceding=turns(network.preceding))  # fmt: skip


@pytest.fixture(scope="module")
def grid() -> tuple[RoadNetwork, Any]:
    """Crossing streets of three classes, some with one direction; turns cost time."""
    rng = np.random.default_rng(4)
    places = {10 * i + j + 1: (700.0 * i + 90 * (j % 3), 500.0 * j) for i in range(6)
              for j in range(6)}  # fmt: skip
    roads = []
    for i in range(6):
        for j in range(6):
            for other in ((i + 1, j), (i, j + 1)):
                if max(other) < 6:
                    kind = ["primary", "tertiary", "service"][rng.integers(3)]
                    tags = {"highway": kind} | ({"oneway": "yes"} if rng.random() < 0.2 else {})
                    roads.append((10 * i + j + 1, 10 * other[0] + other[1] + 1, tags))
    tables = road_tables(places, roads)
    network = build_network(tables)
    tag = tables.roads["highway"].astype(str).to_numpy()
    road = network.segment_road[network.edge_segment]
    kinds = np.array([CLASSES.index(name) for name in tag], dtype=np.int32)[road]
    return network, kinds


FACTOR = st.floats(0.4, 2.5)


@settings(max_examples=20, deadline=None)
@given(st.tuples(FACTOR, FACTOR, FACTOR), st.floats(0.5, 2.0), st.booleans(), st.integers(1, 400))
def test_changed_costs_against_the_plain_search(
    grid: tuple[RoadNetwork, Any], by_class: Any, turns: float, towards: bool, limit_s: int
) -> None:
    network, kinds = grid
    speed = np.ones(len(CLASSES))
    speed[[PRIMARY, TERTIARY, SERVICE]] = by_class
    costs, limit = Costs(speed, turns), np.int64(limit_s * 1000)
    # at junctions parts of roads are none or whole, so that both round alike
    ends = np.flatnonzero(network.segment_main)
    rng = np.random.default_rng(limit_s)
    here, there = (
        Positions(rng.choice(ends, n), rng.integers(0, 2, n).astype(float), np.zeros(n))
        for n in (12, 3)
    )
    changed = _changed(network, kinds, costs)
    trips = trips_within(
        network, there, here, towards=towards, apart=False, edge_class=kinds,
        fastest=Costs(speed * 1.2, turns * 0.9), limit_ms=limit,
    )  # fmt: skip
    plain, _ = nearest(changed, here, there, limit_ms=limit, towards=towards)
    assert np.array_equal(trips.time_ms(costs)[0], plain)
    apart = trips_within(
        network, there, here, towards=towards, apart=True, edge_class=kinds,
        fastest=Costs(speed * 1.2, turns * 0.9), limit_ms=limit,
    )  # fmt: skip
    found = apart.time_ms(costs, np.array([2, 0]))
    for row, site in zip(found, (2, 0), strict=True):
        one, _ = nearest(changed, here, there.take([site]), limit_ms=limit, towards=towards)
        assert np.array_equal(row, one)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.3, 3.0), st.floats(0.3, 3.0), st.integers(0, 10_000))
def test_no_trip_is_longer_at_a_greater_speed(
    grid: tuple[RoadNetwork, Any], one: float, other: float, seed: int
) -> None:
    network, kinds = grid
    rng = np.random.default_rng(seed)
    ends = np.flatnonzero(network.segment_main)
    # some on the road of a site, anywhere along it
    site = Positions(rng.choice(ends, 2), rng.random(2), np.zeros(2))
    here = Positions(np.r_[site.segment, site.segment, rng.choice(ends, 6)], rng.random(10),
                     np.zeros(10))  # fmt: skip
    trips = trips_within(
        network, site, here, towards=True, apart=False, edge_class=kinds,
        fastest=at_speed(3.0), limit_ms=np.int64(600_000),
    )  # fmt: skip
    slow, fast = (trips.time_ms(at_speed(f))[0] for f in sorted((one, other)))
    assert (fast <= slow).all()


def test_turns_are_not_driven_and_the_way_off_the_road_is_walked() -> None:
    #    p0 (40 m off) ---- 1,000 m ---- corner ---- 500 m ---- f0 (30 m off)
    tables = road_tables(
        {1: (0, 0), 2: (1_000, 0), 3: (1_000, 500), 4: (1_500, 0)},
        [(1, 2, STREET), (2, 3, STREET), (2, 4, STREET)],
    )
    network = build_network(tables)
    kinds = np.full(len(network.edge_ms), PRIMARY, dtype=np.int32)
    here, there = snap(network, points([(0, 40)])), snap(network, facilities([(970, 500)]))
    trips = trips_within(
        network, there, here, towards=True, apart=False, edge_class=kinds,
        fastest=Costs(np.full(len(CLASSES), 2.0), 0.0, 0.0), limit_ms=np.int64(600_000),
    )  # fmt: skip

    def seconds(factor: float, turns: float, walk: float) -> float:
        costs = Costs(np.full(len(CLASSES), factor), turns, walk)
        return float(trips.time_ms(costs)[0, 0]) / 1000

    left = seconds(1.0, 1.0, 0.0) - 150.0
    assert 5.0 < left < 9.0  # a left turn at a right angle costs 7.3 s
    assert seconds(1.0, 0.0, 0.0) == pytest.approx(150.0, abs=0.002)
    assert seconds(1.5, 1.0, 0.0) == pytest.approx(100.0 + left, abs=0.002)
    assert seconds(1.0, 2.0, 0.0) == pytest.approx(150.0 + 2 * left, abs=0.002)
    assert seconds(2.0, 0.0, 0.5) == pytest.approx(75.0 + 0.5 * 70, abs=0.01)
    with pytest.raises(ValueError, match="below those"):
        seconds(2.1, 1.0, 0.0)


def test_classes_of_roads() -> None:
    kinds = ["motorway", "motorway_link", "tertiary_link", "track", "living_street", "road"]
    places = {i + 1: (1_000.0 * i, 0.0) for i in range(len(kinds) + 1)}
    tags = [{"highway": k, "motorcar": "yes", "oneway": "no"} for k in kinds]
    tables = road_tables(places, [(i + 1, i + 2, t) for i, t in enumerate(tags)])
    network = build_network(tables, profile=NO_TURN_COSTS)

    class Only:
        roads = tables

    stand_in: Any = Only()
    stand_in.roads, stand_in.network = tables, network
    found = edge_classes(stand_in)
    road = network.segment_road[network.edge_segment]
    expected = ["motorway", "motorway", "tertiary", "other", "living_street", "other"]
    assert [CLASSES[k] for k in found] == [expected[r] for r in road]


def test_classes_are_read_without_the_whole_table(small_study: Study) -> None:
    found = edge_classes(small_study)
    assert "roads" in vars(small_study)  # built from it just now
    again = load_study(small_study.folder)
    assert np.array_equal(edge_classes(again), found)
    assert "roads" not in vars(again)
    assert set(found) == {PRIMARY}


# --- draws


def test_each_draw_by_hand(small_study: Study, tmp_path: Path) -> None:
    found = sensitivity(small_study, draws=200, seed=5)
    speed = (found.draws["speed.common"] * found.draws["speed.primary"]).to_numpy()
    walk_s = found.draws["off_road.walk_s_per_m"].to_numpy()
    assert 0.7 < speed.min() < 1 < speed.max() < 1.4
    here, there = snap(small_study.network, small_study.demand), found.base.sites
    off_m = snap(small_study.network, there).snap_m.max() + here.snap_m[:5].max()
    assert off_m < 0.01  # so that the way off the road is nothing
    assert 0 <= walk_s.min() < walk_s.max() <= 0.8
    people = 3_000.0
    for metres, number in ((12_000, 300), (12_000.01, 200), (10_000, 400)):
        people = people + number * (np.rint(metres * 100 / speed) <= 1_200_000)
    assert found.draws["population_covered"].tolist() == people.tolist()
    assert found.draws["share_covered"].tolist() == (people / 4_000).tolist()
    low, middle, high = found.quantiles
    assert (low, middle, high) == tuple(np.quantile(people / 4_000, [0.025, 0.5, 0.975]))
    covered = found.by_commune.set_index("code_insee")["share_of_draws"]
    assert covered[BIEF] == (np.rint(1_200_000 / speed) <= 1_200_000).mean()
    assert (covered[AVAL], covered[ILOT]) == (1.0, 0.0)
    assert set(found.flipping["code_insee"]) == {BIEF, COMBE, MONT}
    assert found.published is not None
    assert found.published.share_of_draws == 0.0  # 0.75, 0.85, 0.925, 0.975
    small_study.settings["published"]["share_covered"] = 0.85
    told = sensitivity(small_study, draws=200, seed=5).published
    assert told is not None
    assert told.share_of_draws == (people == 3_400).mean() > 0


def test_nothing_unsure_gives_the_figure(small_study: Study, tmp_path: Path) -> None:
    found = sensitivity(small_study, draws=5, distributions=drawn_from(tmp_path))
    assert set(found.draws["share_covered"]) == {found.base.share}
    assert found.flipping.empty
    half = drawn_from(tmp_path, turns__costs={"median": 0.5, "spread": 1.0},
                      speed__primary={"median": 1.25, "spread": 1.0})  # fmt: skip
    found = sensitivity(small_study, draws=2, distributions=half)
    assert set(found.draws["share_covered"]) == {0.975}
    assert found.distributions.by_name["turns.costs"].told() == {"median": 0.5, "spread": 1.0}


def test_a_seed_is_a_figure(small_study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    first = sensitivity(small_study, draws=40, seed=1)
    assert sensitivity(small_study, draws=40, seed=1).draws.equals(first.draws)
    longer = sensitivity(small_study, draws=60, seed=1).draws
    assert longer.iloc[:40].equals(first.draws)
    assert not sensitivity(small_study, draws=40, seed=2).draws.equals(first.draws)
    for processors in (1, 5):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, n=processors: set(range(n)))
        again = sensitivity(small_study, draws=40, seed=1)
        assert again.draws.equals(first.draws)
        assert again.by_commune.equals(first.by_commune)


def test_draws_follow_their_distributions() -> None:
    drawn = draw(read_distributions(), 20_000, seed=0)
    common, walk = drawn["speed.common"], drawn["off_road.walk_s_per_m"]
    low, middle, high = np.quantile(common, [0.025, 0.5, 0.975])
    assert (low, middle, high) == pytest.approx((1 / 1.15, 1.0, 1.15), rel=0.01)
    assert (walk.min(), walk.mean(), walk.max()) == pytest.approx((0, 0.4, 0.8), abs=0.01)
    assert (drawn["speed.other"] == 1).all()
    assert abs(np.corrcoef(common, drawn["speed.tertiary"])[0, 1]) < 0.03
    fastest = fastest_of(costs_of(drawn.head(50)))
    assert all(cost.within(fastest) for cost in costs_of(drawn.head(50)))


# --- people at several places of a commune


def test_people_at_several_places(small_study: Study) -> None:
    at = [(0, 0), (12_000, 0), (13_000, 0), (-12_000.01, 0), (1, 0), (2, 0), (3, 0)]
    people = points(at, ids=list("abcdefg")).assign(
        code_insee=[AVAL, BIEF, BIEF, COMBE, AVAL, AVAL, AVAL],
        population=[10.0, 30.0, 10.0, np.nan, 5.0, 5.0, 5.0],
    )
    found = sensitivity(small_study, people, draws=50, seed=5)
    told = from_factor(found)
    assert told[BIEF] == 1.084  # 1,300 s, the farther of both: 1.08333 up to a thousandth
    assert told[COMBE] == 1.001
    assert np.isnan(told[MONT])  # nobody is counted there
    covered = found.curve.set_index("speed_factor")["population_covered"]
    assert (covered[0.99], covered[1.0], covered[1.08], covered[1.09]) == (25, 55, 55, 65)
    speed = (found.draws["speed.common"] * found.draws["speed.primary"]).to_numpy()
    near, far = ((np.rint(ms / speed) <= 1_200_000).mean() for ms in (1_200_000, 1_300_000))
    share = found.by_commune.set_index("code_insee")["share_of_draws"]
    assert share[BIEF] == pytest.approx(0.75 * near + 0.25 * far)
    assert 0 < far < near < 1
    assert np.isnan(share[MONT])


# --- a plan


@pytest.mark.parametrize("new_sites", [1, 2])
def test_a_plan_against_every_other_choice(
    small_study: Study, tmp_path: Path, new_sites: int
) -> None:
    wide = drawn_from(tmp_path, speed__primary={"low": 0.3, "high": 1.6})
    plan = optimise(small_study, new_sites=new_sites)
    found = sensitivity(small_study, draws=60, seed=2, distributions=wide, plan=plan, plan_draws=50)
    assert found.plan is not None
    by_draw = found.plan.by_draw
    assert (len(by_draw), found.plan.candidates) == (50, 5)  # Ilot is on no road
    x = {AVAL: 0.0, BIEF: 12_000.0, COMBE: -12_000.01, VILLE: 40_000.0, MONT: 50_000.0}
    people = {AVAL: 1000, BIEF: 300, COMBE: 200, VILLE: 2000, MONT: 400}

    def reaches(home: str, site: str, speed: float) -> bool:
        # out to Mont at 5 m/s, everywhere else at 10
        slow = max(0.0, x[site] - max(x[home], 40_000.0)) if x[site] > x[home] else 0.0
        return bool((abs(x[home] - x[site]) + slow) / 10 / speed <= 1_200 + 1e-4)

    chosen = plan.selected["candidate_id"].tolist()
    assert len(chosen) >= 1
    for row, speed in zip(by_draw.to_dict("records"), found.draws["speed.primary"], strict=False):
        late = [c for c in x if not any(reaches(c, site, speed) for site in (AVAL, VILLE))]

        def gained(sites: Any, late: list[str] = late, speed: float = speed) -> int:
            return sum(people[c] for c in late if any(reaches(c, s, speed) for s in sites))

        best = max(gained(some) for some in combinations(x, len(chosen)))
        assert row["population_gained"] == gained(chosen)
        assert row["population_gained_best"] == best
        assert row["regret"] == best - gained(chosen)
        assert row["is_best"] == (best == gained(chosen))
        assert row["proven"]
    assert 0 < found.plan.share_best < 1
    ranked = found.plan.by_candidate
    assert set(ranked.loc[ranked["in_plan"], "candidate_id"]) == set(chosen)
    assert ranked["share_of_draws"].is_monotonic_decreasing
    least = ranked.loc[ranked["in_plan"], "share_of_draws"].min()
    assert least >= found.plan.share_best


def test_a_plan_where_nobody_is_left_to_be_covered(small_study: Study, tmp_path: Path) -> None:
    plan = optimise(small_study, new_sites=1, population=2021)  # nobody lives in Ilot then
    fast = drawn_from(tmp_path, speed__primary={"low": 1.1, "high": 1.2})
    found = sensitivity(small_study, draws=4, distributions=fast, plan=plan, population=2021).plan
    assert found is not None
    assert found.share_best == 1.0
    assert set(found.by_draw["population_gained_best"]) == {0.0}
    assert found.by_candidate["candidate_id"].tolist() == [COMBE]


def test_a_plan_of_places_that_are_no_chefs_lieux(small_study: Study) -> None:
    new = points([(-9_000, 0)], key="candidate_id", ids=["mill"])
    plan = optimise(small_study, new_sites=1, candidates=new)
    found = sensitivity(small_study, draws=3, plan=plan, plan_draws=9).plan
    assert found is not None
    assert (found.candidates, len(found.by_draw)) == (6, 3)
    assert "mill" in found.by_candidate["candidate_id"].tolist()


def test_plans_for_another_question_are_refused(small_study: Study) -> None:
    plan = optimise(small_study, new_sites=1)
    for asked, told in (
        ({"minutes": 15}, "made for minutes = 20"),
        ({"direction": "from"}, "made for direction = to"),
        ({"population": 2021}, "made for population_year = 2019"),
        ({"sites": own_sites([0.0])}, "the study's own sites"),
        ({"demand": "centroids"}, "people at the chefs-lieux"),
        ({"draws": 0}, "at least one"),
        ({"plan_draws": 0}, "draws for the plan is 0"),
    ):  # fmt: skip
        with pytest.raises(SettingError, match=told):
            sensitivity(small_study, **{"draws": 2, "plan": plan, **asked})
    longest = optimise(small_study, new_sites=1, objective="p-center")
    with pytest.raises(SettingError, match="another question"):
        sensitivity(small_study, draws=2, plan=longest)
    nothing = optimise(small_study, new_sites=1, minutes=60)
    with pytest.raises(SettingError, match="opens no site"):
        sensitivity(small_study, draws=2, plan=nothing, minutes=60)


# --- what cannot be asked


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"draws": -1}, "number of draws is -1"),
        ({"draws": 2.5}, "number of draws is 2.5"),
        ({"draws": True}, "number of draws is True"),
        ({"seed": -3}, "seed is -3"),
        ({"factors": (1.1, 1.3)}, "with 1 between"),
        ({"factors": (0.0, 1.3)}, "two numbers from 0.1"),
        ({"factors": (0.7,)}, "two numbers"),
        ({"factors": ("a", 2)}, "two numbers"),
        ({"factors": (float("nan"), 2)}, "two numbers"),
    ],
)
def test_settings_out_of_range(small_study: Study, asked: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingError, match=told):
        sensitivity(small_study, **asked)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("spread = 1.15", "spread = 0.5", r"speed.common has spread = 0.5; a number from 1 to 3"),
        ("spread = 1.15", "spread = nan", r"has spread = nan"),
        ("spread = 1.15", "spread = true", r"has spread = True"),
        ("common = { median = 1.0", "common = { median = 0", r"median = 0; a number from 0.1"),
        ("common = { median = 1.0, spread = 1.15 }", "common = 1.15", r"is 1.15; \{ median"),
        ("common = { median", "common = { mean", r"speed.common is .*; \{ median"),
        ("low = 0.0, high = 0.8 }\n", "low = 0.9, high = 0.8 }\n", "low = 0.9 above high"),
        ("high = 0.8 }\n", "high = '1' }\n", "has high = '1'; a number from 0 to 10"),
        ("tertiary = {", "teriary = {", "holds speed.teriary, which nothing"),
        ("service = {", "# service = {", "lacks speed.service"),
        ("[off_road]\nwalk_s_per_m", "[walk]\ns", "holds walk.s"),
        ("[speed]\n", "also = 1\n[speed]\n", "holds also., which"),
    ],
)
def test_distributions_out_of_range(tmp_path: Path, old: str, new: str, told: str) -> None:
    text = DEFAULT.read_text(encoding="utf-8")
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#")) + "\n"
    assert old in lines
    own = tmp_path / "own.toml"
    own.write_text(lines.replace(old, new), encoding="utf-8")
    with pytest.raises(SettingError, match=told) as raised:
        read_distributions(own)
    assert str(raised.value).startswith("own.toml")
    assert str(raised.value).endswith(".")


def test_distributions_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="the file of distributions"):
        read_distributions(tmp_path / "none.toml")
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[speed", encoding="utf-8")
    with pytest.raises(InputError, match="not valid TOML"):
        read_distributions(wrong)


# --- the command


def test_what_is_printed(small_study: Study) -> None:
    result = run(small_study, "--draws", 100, "--seed", 5)
    said = " ".join(result.stdout.split())
    assert "92.50 % of the inhabitants of the study Small reach a site within 20 minutes" in said
    found = sensitivity(small_study, draws=100, seed=5)
    low, _, high = (f"{share * 100:.2f} %" for share in found.quantiles)
    assert f"of 100 draws, 95 % lie from {low} to {high}" in said
    assert "rounds to it at no speed factor; at 1.0001 it goes from 92.50 % to 97.50 %" in said
    assert "39003 │ Combe │ 200 │ 20 min 00 s │ 1.0001 │ 97.50 %" in said
    assert "turns, signals and the way off the road cost what they did" in said
    assert "distributions.toml, each line with its reason" in said
    none = run(small_study, "--draws", 0).stdout
    assert "draws" not in none
    assert "1.0001" in none
    assert "No commune changes" in run(small_study, "--draws", 0, "--minutes", 100).stdout
    text = run(small_study, "--help").stdout
    assert "Example: accessibility sensitivity" in text


def test_json_and_options(small_study: Study, tmp_path: Path) -> None:
    own = drawn_from(tmp_path, speed__primary={"low": 0.9, "high": 1.1})
    answer = json.loads(
        run(
            small_study, "--json", "--draws", 30, "--seed", 7, "--distributions", own,
            "--factors", "0.8,1.2", "--new-sites", 1, "--plan-draws", 10,
        ).stdout
    )  # fmt: skip
    assert (answer["draws"], answer["seed"], answer["distributions_file"]) == (30, 7, "own.toml")
    assert answer["distributions"]["speed.primary"] == {"low": 0.9, "high": 1.1}
    assert answer["speed_factors"] == [0.8, 1.2]
    assert len(answer["curve"]) == 41
    assert answer["share_covered"] == 0.925
    assert answer["published"]["step"] == 1.0001
    assert answer["share_covered_draws"]["q025"] == 0.85
    rows = {row["code_insee"]: row for row in answer["rows"]}
    assert rows[ILOT]["covered_from"] is None
    assert 0 < rows[COMBE]["share_of_draws"] < 1
    assert (answer["plan"]["draws"], answer["plan"]["candidates"]) == (10, 5)
    for options, share in (
        (["--minutes", 15], 0.75 + 0.0), (["--around"], 0.975), (["--direction", "from"], 0.825),
        (["--population", 2021], 3500 / 4000), (["--as-of", "2021-01-01"], 0.325),
        (["--demand", "centroids"], 0.925),
    ):  # fmt: skip
        found = json.loads(run(small_study, "--json", "--draws", 0, *options).stdout)
        assert found["share_covered"] == share
        assert found["published"] is None or options[0] in (
            "--direction", "--population", "--demand",
        )  # fmt: skip
        assert found["share_covered_draws"] is None


def test_files(small_study: Study, tmp_path: Path) -> None:
    out, own = tmp_path / "out", drawn_from(tmp_path, speed__primary={"low": 0.9, "high": 1.1})
    asked = ["--draws", 20, "--seed", 3, "--distributions", own, "--out", out]
    result = run(small_study, *asked, "--new-sites", 1)
    assert f"Written: {out}/" in result.stdout
    assert {p.name for p in out.iterdir()} == {
        "curve.csv", "communes.csv", "draws.csv", "plan_draws.csv", "plan_candidates.csv",
        "sensitivity.png", "manifest.json",
    }  # fmt: skip
    found = sensitivity(small_study, draws=20, seed=3, distributions=own)
    for name, table in (("draws", found.draws), ("curve", found.curve)):
        read = pd.read_csv(out / f"{name}.csv")[table.columns]
        assert np.allclose(read, table, rtol=1e-14, atol=0)
    communes = pd.read_csv(out / "communes.csv", dtype={"code_insee": str})
    assert communes["covered_from"].tolist()[1:3] == [1.0, 1.0001]
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["answer"]["seed"] == 3
    assert manifest["answer"]["distributions"]["speed.primary"] == {"low": 0.9, "high": 1.1}
    assert "curve" not in manifest["answer"]
    assert [one["file"] for one in manifest["own_inputs"]] == ["own.toml"]
    assert set(manifest["files"]) == {p.name for p in out.iterdir()} - {"manifest.json"}
    picture = matplotlib.image.imread(out / "sensitivity.png")
    assert picture.shape[:2] == (1020, 1050)
    assert isinstance(error(small_study, *asked), OutputError)
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    assert run(small_study, *asked, "--new-sites", 1, "--overwrite").exit_code == 0
    assert before == {p.name: p.read_bytes() for p in out.iterdir()}  # the same bytes


def test_the_command_refuses(small_study: Study, tmp_path: Path) -> None:
    for words in (["--factors", "1"], ["--factors", "a,b"], ["--draws", -1], ["--new-sites", 0]):
        assert run(small_study, *words).exit_code == 2
    assert isinstance(error(small_study, "--factors", "1.1,1.3"), SettingError)
    assert isinstance(error(small_study, "--distributions", tmp_path / "no"), MissingInputError)
    sites = tmp_path / "sites.csv"
    sites.write_text("id,lon,lat\na,5.5,46.5\n", encoding="utf-8")
    assert run(small_study, "--sites", sites, "--new-sites", 1).exit_code == 2
    assert run(small_study, "--demand", "centroids", "--new-sites", 1).exit_code == 2
