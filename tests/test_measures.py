"""Measures of accessibility: against pysal's access, closed forms and the small study."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from access.fca import two_stage_fca, weighted_catchment
from access.weights import gaussian, step_fn
from access.weights import gravity as inverse_power
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import points
from studies import AVAL, BIEF, COMBE, ILOT, MONT, VILLE, own_sites, write_study

import accessibility as acc
from accessibility.analysis.coverage import coverage, mean_time_s
from accessibility.analysis.decay import DECAYS, Decay, read_decay
from accessibility.analysis.measures import MEASURES, measures
from accessibility.analysis.scores import cumulative, gravity, two_step
from accessibility.analysis.supply import supply_of
from accessibility.errors import InputError, SettingError, UnknownNameError
from accessibility.study.study import Study, load_study

SEEDS = st.integers(0, 2**32 - 1)
TEN = read_decay("binary", minutes=10)


def example(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times in seconds, some not reached, supply and people, some of them 0."""
    rng = np.random.default_rng(seed)
    time_s = rng.integers(0, 2_400, (14, 5)).astype(float)
    time_s[rng.random(time_s.shape) < 0.2] = np.inf
    people = rng.integers(0, 300, 14) * (rng.random(14) < 0.8)
    return time_s, rng.random(5) * 40, people.astype(float)


def pairs(time_s: np.ndarray) -> pd.DataFrame:
    place, site = np.nonzero(np.isfinite(time_s))
    minutes = time_s[place, site] / 60
    return pd.DataFrame({"place": place, "site": site, "minutes": minutes})


def access_two_step(
    time_s: np.ndarray, supply: np.ndarray, people: np.ndarray, **choices: Any
) -> np.ndarray:
    found = two_stage_fca(
        pd.DataFrame({"place": np.arange(len(people)), "people": people}),
        pd.DataFrame({"supply": supply}),
        pairs(time_s),
        demand_index="place",
        demand_name="people",
        supply_name="supply",
        cost_origin="place",
        cost_dest="site",
        cost_name="minutes",
        **choices,
    )
    return found.reindex(range(len(people)), fill_value=0.0).to_numpy()


def access_gravity(time_s: np.ndarray, supply: np.ndarray, weight: Any) -> np.ndarray:
    found = weighted_catchment(
        pd.DataFrame({"site": np.arange(len(supply)), "supply": supply}),
        pairs(time_s),
        cost_source="site",
        cost_dest="place",
        cost_cost="minutes",
        loc_index="site",
        loc_value="supply",
        weight_fn=weight,
    )
    return found.reindex(range(len(time_s)), fill_value=0.0).to_numpy()


def same_as_access(time_s: np.ndarray, supply: np.ndarray, people: np.ndarray) -> float:
    """Largest relative difference from access; its sums by place may be in another order."""
    third = {20 / 3: 1.0, 40 / 3: 0.68, 20: 0.22}
    bell = gaussian(np.sqrt(90.0))
    twice = [
        (read_decay("binary", minutes=20), {"max_cost": 20}),
        (read_decay("steps", minutes=20), {"weight_fn": step_fn(third)}),
        (read_decay("gaussian", minutes=20), {"weight_fn": bell, "max_cost": 20}),
    ]
    once = [
        ("exponential", lambda t: np.exp(-0.12 * t)),
        ("power", inverse_power(1.0, -0.8, min_dist=1.0)),
        ("gaussian", bell),
        ("steps", step_fn(third)),
    ]
    worst = 0.0
    for decay, choices in twice:
        ours = two_step(time_s, supply, people, decay=decay, minutes=20)
        theirs = access_two_step(time_s, supply, people, **choices)
        worst = max(worst, np.abs(ours - theirs).max() / np.abs(ours).max())
    for word, weight in once:
        ours = gravity(time_s, supply, decay=read_decay(word, minutes=20))
        worst = max(worst, np.abs(ours - access_gravity(time_s, supply, weight)).max())
    return worst


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_scores_are_those_of_access(seed: int) -> None:
    time_s, supply, people = example(seed)
    # access divides by the people of a catchment also where there are none
    assert same_as_access(time_s, supply, people + 1) < 1e-12


@pytest.mark.jura
def test_the_scores_of_the_jura_are_those_of_access(jura: Study) -> None:
    found = measures(jura, decay="steps")
    time_s = acc.travel_time_matrix(jura.network, jura.demand, found.sites, cutoff_s=1200)
    people = jura.demand["population"].to_numpy()
    assert same_as_access(time_s, np.ones(25), people) < 1e-12
    table = found.by_demand
    steps = step_fn({20 / 3: 1.0, 40 / 3: 0.68, 20: 0.22})
    for name, expected in {
        "cumulative": access_gravity(time_s, np.ones(25), lambda minutes: 1.0),
        "gravity": access_gravity(time_s, np.ones(25), steps),
        "2sfca": access_two_step(time_s, np.ones(25), people),
        "e2sfca": access_two_step(time_s, np.ones(25), people, weight_fn=steps),
    }.items():
        assert table[name].to_numpy() == pytest.approx(expected, rel=1e-9, abs=1e-15)
    assert table["2sfca"] @ people == pytest.approx(25, rel=1e-12)
    assert table["e2sfca"] @ people == pytest.approx(25, rel=1e-12)
    official = coverage(jura)
    assert people[table["cumulative"] > 0].sum() == official.population_covered
    assert table["travel_time_s"].equals(official.by_commune["travel_time_s"])
    assert found.summary.loc["minutes", "mean"] * 60 == pytest.approx(mean_time_s(official))
    assert found.complete


@given(SEEDS, st.floats(0.1, 50), st.sampled_from(DECAYS))
@settings(max_examples=40, deadline=None)
def test_what_two_step_shares_out_is_what_there_is(seed: int, times: float, word: str) -> None:
    time_s, supply, people = example(seed)
    decay = read_decay(word, minutes=15)
    score = two_step(time_s, supply, people, decay=decay, minutes=15)
    near = np.where(time_s <= 900, people[:, None], 0.0).sum(axis=0) > 0
    assert score @ people == pytest.approx(supply[near].sum())
    more = two_step(time_s, supply * times, people, decay=decay, minutes=15)
    assert more == pytest.approx(score * times)


@given(SEEDS)
@settings(max_examples=30, deadline=None)
def test_order_and_cut_into_places_change_no_score(seed: int) -> None:
    time_s, supply, people = example(seed)
    rng = np.random.default_rng(seed)
    place, site = rng.permutation(14), rng.permutation(5)
    steps = read_decay("steps", minutes=20)
    whole = two_step(time_s, supply, people, decay=steps)
    shuffled = two_step(time_s[place][:, site], supply[site], people[place], decay=steps)
    assert shuffled == pytest.approx(whole[place])
    halves = two_step(np.repeat(time_s, 2, 0), supply, np.repeat(people / 2, 2), decay=steps)
    assert halves == pytest.approx(np.repeat(whole, 2))


@given(SEEDS, st.floats(0.1, 60), st.floats(0.1, 60), st.sampled_from(DECAYS))
@settings(max_examples=40, deadline=None)
def test_more_time_never_brings_less(seed: int, one: float, other: float, word: str) -> None:
    time_s, supply, _ = example(seed)
    short, long = sorted([one, other])
    less, more = (cumulative(time_s, supply, minutes=m) for m in (short, long))
    assert (less <= more).all()
    decay = read_decay(word, minutes=long)
    weights = decay.weights(np.sort(time_s, axis=None))
    assert (np.diff(weights) <= 0).all()
    assert ((weights >= 0) & (weights <= 1)).all()
    assert (decay.weights([0.0, np.inf]) == [1, 0]).all()


def test_a_cutoff_is_inclusive_and_zones_end_where_they_say() -> None:
    time_s = [[600.0, 600.001, np.inf]]
    assert cumulative(time_s, [1, 10, 100], minutes=10).tolist() == [1]
    zones = read_decay("steps:10=0.9,20=0.5", minutes=15)
    at = [0, 600, 600.001, 1200, 1200.001]
    assert zones.weights(at).tolist() == [0.9, 0.9, 0.5, 0.5, 0]
    assert read_decay("steps", minutes=30).steps == ((10, 1), (20, 0.68), (30, 0.22))
    assert read_decay("binary:5", minutes=30).weights([300, 301]).tolist() == [1, 0]
    assert read_decay("exponential:0.1", minutes=1).weights(600) == pytest.approx(np.exp(-1))
    assert read_decay("power:2", minutes=1).weights([30, 600]).tolist() == [1, 0.01]
    assert read_decay("gaussian:100", minutes=1).weights(600) == pytest.approx(np.exp(-1))
    for word in ("exponential", "gaussian", "power"):
        decay = read_decay(word, minutes=1)
        half = float(decay.words().split("half at ")[1].split()[0])
        assert decay.weights(half * 60) == pytest.approx(0.5, abs=0.01)
        # a place 20 minutes away counts about a tenth
        assert decay.weights(1200) == pytest.approx(0.1, abs=0.012)


def test_a_site_that_nobody_reaches_gives_nothing() -> None:
    score = two_step([[0, 0], [np.inf, 0]], [1, 5], [0, 10], decay=TEN)
    assert score.tolist() == [0.5, 0.5]


def test_the_small_study(small_study: Study) -> None:
    found = measures(small_study)
    table = found.by_demand.set_index("demand_id")
    places = [AVAL, BIEF, COMBE, VILLE, MONT, ILOT]
    assert table.loc[places, "cumulative"].tolist() == [1, 1, 0, 1, 1, 0]
    assert table.loc[places, "2sfca"].tolist() == pytest.approx(
        [1 / 1300, 1 / 1300, 0, 1 / 2400, 1 / 2400, 0]
    )
    aval, ville = 1000 + 0.22 * 300, 2000 + 0.22 * 400
    assert table.loc[places, "e2sfca"].tolist() == pytest.approx(
        [1 / aval, 0.22 / aval, 0, 1 / ville, 0.22 / ville, 0]
    )
    to_both = [(0, 4000), (1200, 2800), (1200.001, 5200.001), (4000, 0), (5000, 1000)]
    expected = [sum(np.exp(-0.12 * t / 60) for t in pair) for pair in to_both]
    assert table.loc[places, "gravity"].tolist() == pytest.approx([*expected, 0])
    row = found.summary.loc["minutes"]
    assert row[["q10", "q75", "q90"]].tolist() == [0, 0, 20]
    assert row["mean"] == pytest.approx((400 * 1000 + 300 * 1200 + 200 * 1200.001) / 3900 / 60)
    assert found.summary["people_without"].to_dict() == {
        "minutes": 100, "cumulative": 300, "gravity": 100, "2sfca": 300, "e2sfca": 300,
    }  # fmt: skip
    # 3,700 of 4,000 people have one site each, 300 have none
    assert found.summary.loc["cumulative", "gini"] == pytest.approx(300 / 4000)
    assert found.by_site[["facility_id", "people"]].to_numpy().tolist() == [
        ["f1", 1300], ["f2", 2400],
    ]  # fmt: skip
    assert (found.population, found.unknown, found.people_near_others) == (4000, [], 200)
    assert found.complete
    assert repr(found) == ("<Measures: cumulative, gravity, 2sfca, e2sfca of 2 sites at 6 places>")
    communes = found.by_commune.set_index("code_insee")
    assert communes.loc[places, "2sfca"].tolist() == table.loc[places, "2sfca"].tolist()
    assert communes.loc[[BIEF, ILOT], "travel_time_s"].tolist() == [1200, np.inf]
    assert communes["population_unreached"].to_dict()[ILOT] == 100


@pytest.mark.parametrize("measure", MEASURES)
def test_a_measure_alone_is_the_same(small_study: Study, measure: str) -> None:
    alone, whole = measures(small_study, measure=measure), measures(small_study)
    assert alone.names == [measure]
    assert alone.by_demand[measure].tolist() == whole.by_demand[measure].tolist()
    assert alone.by_demand["travel_time_s"].equals(whole.by_demand["travel_time_s"])
    assert alone.summary.equals(whole.summary.loc[["minutes", measure]])
    assert measure in alone.lorenz["measure"].to_numpy()


def test_choices_reach_the_scores(small_study: Study) -> None:
    def score(place: str, name: str, **choices: Any) -> float:
        table = measures(small_study, measure=name, **choices).by_demand
        return float(table.set_index("demand_id").loc[place, name])

    assert score(COMBE, "cumulative", around=True) == 1
    assert score(COMBE, "cumulative", minutes=21) == 1
    assert score(MONT, "cumulative", direction="from") == 0
    assert score(VILLE, "cumulative", as_of="2021-01-01") == 0
    assert score(AVAL, "2sfca", population=2020) == pytest.approx(1 / 1400)
    assert score(AVAL, "cumulative", sites=own_sites([0, 1000])) == 2
    assert score(BIEF, "gravity", decay="binary") == 1
    # steps end the catchment, whatever the cut-off; a bell is cut off there
    assert score(MONT, "e2sfca", decay="steps:15=1,90=0.5", minutes=5) > 0
    assert score(MONT, "e2sfca", decay="gaussian", minutes=5) == 0
    decay = Decay("power", 1.0)
    assert score(BIEF, "gravity", decay=decay) == pytest.approx(1 / 20 + 60 / 2800)
    supply = pd.Series([7.0, 2.0, 3.0], index=["x", "f2", "f1"])
    assert score(AVAL, "2sfca", supply=supply) == pytest.approx(3 / 1300)


def test_hours_are_a_supply(small_study: Study) -> None:
    hours = {"h_lundi": ["09:00 - 12:00 / 13:30 - 17:00", "08:00 - 09:00"],
             "h_samedi": [None, "09:00 - 12:00"]}  # fmt: skip
    sites = own_sites([0, 40_000], **hours)
    found = measures(small_study, supply="hours", sites=sites)
    assert found.by_site["supply"].tolist() == [6.5, 4]
    assert found.by_demand["2sfca"][0] == pytest.approx(6.5 / 1300)
    with pytest.raises(InputError, match="opening hours of sites own1 are not known"):
        measures(small_study, supply="hours", sites=sites.assign(h_samedi=["", "closed?"]))
    with pytest.raises(InputError, match="no opening hours"):
        measures(small_study, supply="hours")


def test_points_of_a_commune_are_averaged_by_people(small_study: Study) -> None:
    at = points([(0, 0), (12_000, 0), (25_000, 20_000), (40_000, 0)])
    people = [30.0, 10.0, 20.0, 0.0]
    demand = at.assign(code_insee=[AVAL, AVAL, AVAL, VILLE], population=people)
    found = measures(small_study, demand, minutes=15)
    communes = found.by_commune.set_index("code_insee")
    assert communes.loc[AVAL, "cumulative"] == pytest.approx(30 / 60)
    assert communes.loc[AVAL, "travel_time_s"] == pytest.approx(1200 * 10 / 40)
    assert communes.loc[AVAL, ["population", "population_unreached"]].tolist() == [60, 20]
    assert communes.loc[VILLE, "cumulative"] == 1  # where nobody lives, by point
    assert np.isnan(communes.loc[COMBE, "cumulative"])
    assert found.sites_without_demand == ["f2"]
    assert (found.demand_method, found.population) == ("own places", 60)
    unknown = demand.assign(population=[30.0, 10.0, 20.0, np.nan])
    found = measures(small_study, unknown, minutes=15)
    assert (found.unknown, found.population) == ([VILLE], 60)
    assert np.isnan(found.by_commune.set_index("code_insee").loc[VILLE, "population"])


def test_what_lies_beyond_the_data_is_told(tmp_path: Path) -> None:
    # a road with an end in the rim may go on from either end: near Combe, and near Ville and Mont
    west = load_study(write_study(tmp_path / "west", rim=(1,)))
    assert measures(west).complete
    # the neighbours' sites may stand beyond, right behind Combe
    assert measures(west, around=True).people_unsure == 200
    both = load_study(write_study(tmp_path / "both", rim=(1, 6)))
    # out at Combe or Mont, and in again at Ville, for all that is known
    found = measures(both)
    assert (found.people_unsure, found.complete) == (200 + 400, False)


def test_what_cannot_be_asked(small_study: Study) -> None:
    for decay in ("linear", "exponential:0", "power:-1", "gaussian:x", "binary:nan", "steps:10",
                  "steps:20=1,10=0.5", "steps:10=0.5,20=0.6", "steps:10=1,20=0", "steps:0=1",
                  "steps:10=2", "exponential:inf"):  # fmt: skip
        with pytest.raises(SettingError, match=r"decay|steps"):
            measures(small_study, decay=decay)
    with pytest.raises(SettingError, match="the measure is '3sfca'; expected is cumulative"):
        measures(small_study, measure="3sfca")
    for minutes in (0, -5, np.nan, "20"):
        with pytest.raises(SettingError, match="cut-off"):
            measures(small_study, minutes=minutes)
        with pytest.raises(SettingError, match="cut-off"):
            cumulative([[1.0]], [1.0], minutes=minutes)
    with pytest.raises(UnknownNameError, match="no way to place people"):
        measures(small_study, "stars")
    with pytest.raises(InputError, match="no site is counted on 2019-01-01"):
        measures(small_study, as_of="2019-01-01")


@pytest.mark.parametrize(
    ("supply", "words"),
    [
        (pd.Series({"f1": 1.0}), "no supply is known of sites f2; each of the 2 sites"),
        (pd.Series({"f1": 1.0, "f2": np.nan}), "no supply is known of sites f2"),
        (pd.Series({"f1": -1.0, "f2": 1.0}), "the supply of sites f1: -1 cannot be"),
        (pd.Series({"f1": 1.0, "f2": np.inf}), "the supply of sites f2: inf cannot be"),
        (pd.Series([1, 2, 3], index=["f1", "f2", "f2"]), "repeats sites f2"),
        (pd.Series({"f1": "a", "f2": "b"}), "numbers are expected"),
    ],
)
def test_a_supply_that_cannot_be(small_study: Study, supply: pd.Series, words: str) -> None:
    with pytest.raises(InputError, match=words):
        measures(small_study, supply=supply)


def test_an_unknown_supply(small_study: Study) -> None:
    for supply in ("desks", 3, None):
        with pytest.raises(SettingError, match="'site', 'hours' or a Series"):
            measures(small_study, supply=supply)
    assert supply_of(small_study.sites, "site").tolist() == [1, 1, 1, 1]


def test_arrays_that_do_not_fit() -> None:
    with pytest.raises(InputError, match=r"shape \(2,\)"):
        gravity([1.0, 2.0], [1.0, 1.0], decay=TEN)
    with pytest.raises(InputError, match=r"supply of shape \(1,\)"):
        gravity([[1.0, 2.0]], [1.0], decay=TEN)
    with pytest.raises(InputError, match="below 0 in rows 1, 2"):
        gravity([[1.0], [-1.0], [np.nan]], [1.0], decay=TEN)
    with pytest.raises(InputError, match="supply of sites 0: -1 cannot be"):
        gravity([[1.0]], [-1.0], decay=TEN)
    with pytest.raises(InputError, match="2 numbers of people for 1 rows"):
        two_step([[1.0]], [1.0], [1, 2], decay=TEN)
    with pytest.raises(InputError, match="people of places 0: nan cannot be"):
        two_step([[1.0]], [1.0], [np.nan], decay=TEN)
