"""What `optimise` and the frontier are asked of a study: closing, zones, budget, places, ties."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from networks import points
from studies import AVAL, BIEF, COMBE, ILOT, MONT, VILLE
from test_optimise_cli import run

from accessibility.analysis.coverage import coverage
from accessibility.analysis.siting import optimise
from accessibility.analysis.siting_frontier import closable, frontier
from accessibility.errors import InputError, SettingError, UnknownNameError
from accessibility.inputs.points import read_points
from accessibility.study import bundle
from accessibility.study.sites import candidates_of
from accessibility.study.study import Study, load_study


def ids(found) -> list[str]:
    return found.selected["candidate_id"].tolist()


def test_existing_sites_may_close(small_study: Study) -> None:
    """The sites at Aval and Ville reach all but Combe and Ilot."""
    found = optimise(small_study, open_sites=2)
    assert found.solution.objective == found.after.population_covered
    assert len(found.after.sites) <= 2
    assert found.share_covered >= found.share_before
    one = optimise(small_study, open_sites=1)
    assert one.closed["facility_id"].tolist() in (["f1"], ["f2"], ["f1", "f2"])
    assert one.after.population_covered == one.solution.objective
    assert one.share_covered < one.share_before
    assert one.population_gained < 0
    kept = optimise(small_study, open_sites=2, force=["f1", "f2"])
    assert (ids(kept), len(kept.closed)) == ([], 0)
    assert kept.after is kept.before


def test_fewest_sites_where_all_may_close(small_study: Study) -> None:
    found = optimise(small_study, objective="target", target=0.92, may_close=True)
    assert found.solution.optimal
    assert len(found.after.sites) == found.solution.objective == 2
    assert found.share_covered >= 0.92


def test_none_could_close_and_then_one(small_study: Study) -> None:
    found = closable(small_study)
    assert (len(found.closed), len(found.kept)) == (0, 2)
    assert found.solution.optimal
    far = closable(small_study, minutes=500)
    assert (len(far.closed), len(far.kept)) == (1, 1)
    again = coverage(small_study, minutes=500, sites=far.kept)
    assert again.population_covered == far.before.population_covered


def test_other_weights(small_study: Study) -> None:
    people = small_study.communes.assign(pupils=np.where(np.arange(6) == 4, 50.0, 0.0))
    study = replace(small_study, communes=people)
    found = optimise(study, new_sites=1, weights="pupils", minutes=5)
    assert found.solution.objective == 50
    assert ids(found) == [MONT]
    assert found.weights == "pupils"
    with pytest.raises(UnknownNameError, match="no column of numbers nobody; there are population"):
        optimise(small_study, weights="nobody")
    wrong = replace(small_study, communes=people.assign(pupils=-1.0))
    with pytest.raises(InputError, match="the column pupils holds numbers below 0"):
        optimise(wrong, weights="pupils")


def test_zones(small_study: Study) -> None:
    """EPCI 200001: Aval, Bief, Combe; 200002: Ville, Mont, Ilot. Cantons: 3901 Aval, Bief; ..."""
    both = {"minutes": 1, "new_sites": 2}
    free = optimise(small_study, **both)
    assert sorted(ids(free)) == [BIEF, MONT]
    forced = optimise(small_study, **both, at_most_one="epci", force=[COMBE])
    assert sorted(ids(forced)) == [COMBE, MONT]
    with pytest.raises(SettingError, match=r"in the way: at most one site in CC de l'Aval"):
        optimise(small_study, **both, at_most_one="epci", force=[COMBE, BIEF])
    each = optimise(small_study, new_sites=2, at_least_one="epci", open_sites=2)
    assert {"200001", "200002"} == set(
        each.after.sites["code_insee"].map(
            small_study.communes.set_index("code_insee")["epci_code"]
        )
    )
    with pytest.raises(SettingError, match="the zone is 'region'; canton or epci is expected"):
        optimise(small_study, at_most_one="region")


def test_each_canton_has_a_site_as_coverage_counts(small_study: Study) -> None:
    """The site in Ville, a divided town, serves one of the cantons 3902 and 3903."""
    before = coverage(small_study).cantons
    assert before.covered_max < before.total
    found = optimise(small_study, new_sites=3, at_least_one="canton")
    assert found.after.cantons.covered_max == found.after.cantons.total
    with pytest.raises(SettingError, match=r"in the way: at least .* site.* in "):
        optimise(small_study, new_sites=2, at_least_one="canton", forbid=[COMBE, MONT, VILLE])


def test_a_budget(small_study: Study) -> None:
    costs = {AVAL: 1.0, BIEF: 2.0, COMBE: 5.0, VILLE: 1.0, MONT: 3.0}
    how = {"minutes": 1, "new_sites": None, "costs": costs}
    assert sorted(ids(optimise(small_study, budget=5, **how))) == [BIEF, MONT]
    assert ids(optimise(small_study, budget=3, **how)) == [MONT]
    assert ids(optimise(small_study, budget=0, **how)) == []
    with pytest.raises(SettingError, match="costs were given without a budget"):
        optimise(small_study, costs=costs)
    with pytest.raises(SettingError, match="a budget was given without costs"):
        optimise(small_study, budget=1)
    with pytest.raises(InputError, match=f"candidates {BIEF} have no cost"):
        optimise(small_study, budget=1, costs={k: v for k, v in costs.items() if k != BIEF})
    with pytest.raises(InputError, match=f"the cost of candidates {BIEF} is below 0"):
        optimise(small_study, budget=1, costs={**costs, BIEF: -1.0})
    with pytest.raises(SettingError, match="the budget is -1; 0 or more"):
        optimise(small_study, budget=-1, costs=costs)
    own = points([(-12_000, 0), (12_000, 0)], key="candidate_id").assign(cost=[9.0, 1.0])
    assert ids(optimise(small_study, minutes=1, new_sites=2, candidates=own, budget=5)) == ["p1"]


def test_junctions_are_candidates(small_study: Study) -> None:
    """Those in a commune: the ends of the roads at Combe, Aval, Bief, Ville and Mont."""
    found = optimise(small_study, new_sites=1, candidates="junctions")
    assert found.candidates == 5
    assert found.selected["code_insee"].tolist() == [COMBE]
    assert found.population_gained == 200
    assert found.solution.objective == found.after.population_covered


def test_sites_of_another_study_are_candidates(small_study: Study) -> None:
    file = small_study.folder / "sites" / "sites.parquet"
    own = read_points(file).rename(columns={"id": "candidate_id"})
    found = optimise(small_study, new_sites=1, candidates=own)
    assert ids(found) == ["a1"]
    with pytest.raises(InputError, match="f1, f2 are ids of candidates and of existing sites"):
        optimise(small_study, open_sites=1, candidates=own)


def test_post_offices_and_town_halls_are_candidates(small_study: Study) -> None:
    for name in ("post-offices", "town-halls"):
        with pytest.raises(SettingError, match=f"holds no {name}.*Build it again"):
            optimise(small_study, candidates=name)
    found = gpd.GeoDataFrame(
        {"osm_id": [7, 5, 3], "kind": ["post_office", "townhall", "cafe"],
         "name": ["Poste de Combe", None, "Bar"]},
        geometry=points([(-12_000, 0), (50_000, 0), (0, 0)]).geometry,
    )  # fmt: skip
    table = candidates_of(found, small_study.communes)
    assert table["facility_id"].tolist() == ["5", "7"]
    table.to_parquet(small_study.folder / bundle.CANDIDATES)
    study = load_study(small_study.folder)
    post = optimise(study, new_sites=1, candidates="post-offices")
    assert ids(post) == ["7"]
    assert post.selected["name"].tolist() == ["Poste de Combe"]
    assert optimise(study, new_sites=1, candidates="town-halls").candidates == 1


@pytest.mark.jura
def test_jura_post_offices_and_town_halls(jura: Study) -> None:
    best = optimise(jura, new_sites=3).population_gained
    for name in ("post-offices", "town-halls"):
        found = optimise(jura, new_sites=3, candidates=name)
        assert found.candidates > 50
        assert found.solution.optimal
        assert 0 < found.population_gained <= 1.5 * best


def test_ties_are_listed(small_study: Study) -> None:
    found = optimise(small_study, new_sites=1, minutes=10, ties=5)
    assert found.ties_whole
    for choice in found.ties:
        again = optimise(small_study, new_sites=1, minutes=10, force=choice)
        assert again.population_gained == found.population_gained
    assert ids(found) not in found.ties
    with pytest.raises(SettingError, match="the number of ties is -1"):
        optimise(small_study, ties=-1)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"may_close": True}, "open_sites is not told"),
        ({"open_sites": 0}, "0 sites were asked for"),
        ({"open_sites": 99}, "99 sites were asked for, but only 7 candidates"),
        ({"time_limit_s": 0}, "the time limit is 0 s"),
    ],
)
def test_contradictions(small_study: Study, arguments: dict, text: str) -> None:
    with pytest.raises(SettingError, match=text):
        optimise(small_study, **arguments)


def test_frontier_grows_to_all(small_study: Study) -> None:
    table = frontier(small_study, minutes=1)
    assert table["new_sites"].tolist() == list(range(len(table)))
    assert table["share_covered"].is_monotonic_increasing
    assert (table["share_greedy"] <= table["share_covered"]).all()
    within = ~small_study.communes["code_insee"].isin([ILOT])
    reachable = small_study.communes.loc[within, "population_2019"].sum()
    assert table["population_covered"].iloc[-1] == reachable


def test_frontier_on_a_terminal(small_study: Study, tmp_path: Path) -> None:
    plot, out = tmp_path / "frontier.png", tmp_path / "frontier.csv"
    told = run(small_study, "--frontier", "--plot", plot, "--out", out)
    assert told.exit_code == 0, told.exception
    assert "0 of the 2 sites could close and nobody would lose coverage; no more" in " ".join(
        told.stdout.split()
    )
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert pd.read_csv(out)["new_sites"].tolist() == [0, 1]
    answer = json.loads(run(small_study, "--frontier", "--json").stdout)
    assert [row["selected"] for row in answer["frontier"]] == [[], [COMBE]]
    assert answer["could_close"]["kept"] == ["f1", "f2"]
    for wrong in (["--plot", "x.png"], ["--frontier", "--target", "0.9"]):
        assert run(small_study, *wrong).exit_code == 2


def test_rules_on_a_terminal(small_study: Study, tmp_path: Path) -> None:
    costs = tmp_path / "costs.csv"
    costs.write_text(
        f"candidate_id,cost\n{AVAL},1\n{BIEF},2\n{COMBE},5\n{VILLE},1\n{MONT},3\n", encoding="utf-8"
    )
    out = tmp_path / "new.csv"
    told = run(small_study, "--budget", 3, "--costs", costs, "--minutes", 1, "--json", "--out", out)
    assert told.exit_code == 0, told.exception
    answer = json.loads(told.stdout)
    assert [row["candidate_id"] for row in answer["selected"]] == [MONT]
    assert (answer["ties"], answer["ties_whole"]) == ([], True)
    manifest = json.loads((tmp_path / "new.csv.manifest.json").read_text(encoding="utf-8"))
    assert manifest["own_inputs"][0]["file"] == "costs.csv"
    told = run(small_study, "--open-sites", 1, "--at-most-one", "epci")
    assert "close:" in told.stdout
    told = run(small_study, "--objective", "p-median", "--at-least-one", "canton")
    assert told.exit_code == 0, told.exception
