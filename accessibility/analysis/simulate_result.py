"""What a scenario changed: people, times, nearest sites and costs, before and after."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from accessibility.analysis.coverage import Coverage, Zones, mean_time_s, share
from accessibility.analysis.coverage_communes import commune_rows
from accessibility.analysis.scenario import (
    Move,
    NewRoad,
    Place,
    RoadChange,
    Scenario,
    Speed,
    Stop,
)
from accessibility.analysis.scenario_sites import service_ids
from accessibility.study.study import Study


@dataclass(frozen=True)
class Simulation:
    """Answer to: what would change if sites opened, closed or moved, or roads changed.

    Attributes
    ----------
    scenario : Scenario
    study : Study
        The territory afterwards: where roads change, with the changed ones and their network.
    before, after : Coverage
    population_gained, population_lost : float
        People newly covered, and covered no longer.
    mean_s_before, mean_s_after : float
        Seconds to the nearest site, weighted by people, over those who reach one; NaN if none.
    worst_s_before, worst_s_after : float
        Longest time of an inhabited place (a commune's chef-lieu, unless people are counted
        elsewhere), seconds; inf where one reaches no site.
    by_commune : DataFrame
        `code`, `name`, `canton_code`, `epci_code`, `population`, `population_gained`,
        `population_lost`, `travel_time_s_before`, `travel_time_s_after`,
        `facility_id_before`, `facility_id_after`, and the facilities' names likewise.
    by_canton, by_epci : DataFrame
        `code`, `name`, `population`, `population_gained`, `population_lost`,
        `share_before`, `share_covered`.
    changed : DataFrame
        Rows of `by_commune` whose nearest site is another one after the scenario.
    added, removed, moved : list of str
        Ids of sites; an itinerant service is added once, whatever its stops.
    services_before, services_after : int
        Number of sites, an itinerant service counted once.
    yearly_eur : float
        What the scenario costs, euros a year: the study's grant for each added site that tells
        nothing else; NaN where neither scenario nor study tells. What closed sites cost no longer
        is not taken off.
    eur : float
        What it costs once; 0 where the scenario tells nothing.
    eur_per_gained, eur_once_per_gained : float
        Both for each newly covered inhabitant, whoever loses; NaN where nobody is gained or
        nothing is paid.
    """

    scenario: Scenario
    study: Study
    before: Coverage
    after: Coverage
    population_gained: float
    population_lost: float
    mean_s_before: float
    mean_s_after: float
    worst_s_before: float
    worst_s_after: float
    by_commune: pd.DataFrame
    by_canton: pd.DataFrame
    by_epci: pd.DataFrame
    changed: pd.DataFrame
    added: list[str]
    removed: list[str]
    moved: list[str]
    services_before: int
    services_after: int
    yearly_eur: float
    eur: float
    eur_per_gained: float
    eur_once_per_gained: float

    def __repr__(self) -> str:
        return (
            f"<Simulation: {self.before.share:.2%} -> {self.after.share:.2%}, "
            f"{self.population_gained:,.0f} people gained, {self.population_lost:,.0f} lost>"
        )


def compared(
    scenario: Scenario,
    study: Study,
    before: Coverage,
    after: Coverage,
    *,
    zones: dict[str, Zones],
    moved: list[str],
    grant_eur: float,
) -> Simulation:
    """Tell two coverages apart; see `Simulation`.

    Parameters
    ----------
    scenario : Scenario
    study : Study
        The territory afterwards.
    before, after : Coverage
        Of the same communes, people and choices.
    zones : dict of str to Zones
        What `zones_of` gives of the communes.
    moved : list of str
        Ids of sites that stand elsewhere afterwards.
    grant_eur : float
        What an added site costs a year unless the scenario tells; NaN where nobody knows.
    """
    old, new = (t.sites["facility_id"].astype(str) for t in (before, after))
    services = service_ids(scenario)
    added = [services.get(site, site) for site in new[~new.isin(old).to_numpy()]]
    table = _differences(before, after)
    gained, lost = (float(table[f"population_{way}"].sum()) for way in ("gained", "lost"))
    mean_before, worst_before = _times(before)
    mean_after, worst_after = _times(after)
    other = table["facility_id_before"].fillna("") != table["facility_id_after"].fillna("")
    yearly_eur, eur = _costs(scenario, grant_eur)
    return Simulation(
        scenario=scenario,
        study=study,
        before=before,
        after=after,
        population_gained=gained,
        population_lost=lost,
        mean_s_before=mean_before,
        mean_s_after=mean_after,
        worst_s_before=worst_before,
        worst_s_after=worst_after,
        by_commune=table,
        by_canton=_zones(table, zones["canton"], before.by_canton, after.by_canton),
        by_epci=_zones(table, zones["epci"], before.by_epci, after.by_epci),
        changed=table[other].reset_index(drop=True),
        added=list(dict.fromkeys(added)),
        removed=old[~old.isin(new)].tolist(),
        moved=moved,
        services_before=len(old),
        services_after=len(new) - len(services) + len(set(services.values())),
        yearly_eur=yearly_eur,
        eur=eur,
        eur_per_gained=share(yearly_eur, gained) if yearly_eur else float("nan"),
        eur_once_per_gained=share(eur, gained) if eur else float("nan"),
    )


def _costs(scenario: Scenario, grant_eur: float) -> tuple[float, float]:
    """Euros a year and euros once."""
    sites: list[Place | Stop] = [*scenario.add, *scenario.stop]
    others: list[Move | RoadChange | NewRoad | Speed] = [
        *scenario.move, *scenario.road, *scenario.speed
    ]  # fmt: skip
    yearly = [grant_eur if site.yearly_eur is None else site.yearly_eur for site in sites]
    yearly += [other.yearly_eur or 0.0 for other in others]
    once = [site.eur or 0.0 for site in sites] + [other.eur or 0.0 for other in others]
    return float(sum(yearly)), float(sum(once))


def _differences(before: Coverage, after: Coverage) -> pd.DataFrame:
    old, new = before.by_commune, after.by_commune
    row = commune_rows(before.by_demand["code_insee"], old)
    people = before.by_demand["population"].fillna(0.0).to_numpy()
    was, is_ = (t.by_demand["covered"].to_numpy() for t in (before, after))
    told = ["name", "canton_code", "canton_name", "epci_code", "epci_name", "population"]
    columns = {"code": old["code_insee"]} | {name: old[name] for name in told}
    columns["population_gained"] = np.bincount(row, people * (is_ & ~was), minlength=len(old))
    columns["population_lost"] = np.bincount(row, people * (was & ~is_), minlength=len(old))
    for name in ("travel_time_s", "facility_id", "facility_name"):
        columns[f"{name}_before"], columns[f"{name}_after"] = old[name], new[name]
    return pd.DataFrame(columns)


def _zones(
    table: pd.DataFrame, zones: Zones, before: pd.DataFrame, after: pd.DataFrame
) -> pd.DataFrame:
    columns = ("population_gained", "population_lost")
    return pd.DataFrame(
        {name: before[name] for name in ("code", "name", "population")}
        | {name: zones.sums(table[name]) for name in columns}
        | {"share_before": before["share_covered"], "share_covered": after["share_covered"]}
    )


def _times(result: Coverage) -> tuple[float, float]:
    """Mean time by people over those who reach a site, and the worst; seconds."""
    people = result.by_demand["population"].fillna(0.0).to_numpy()
    time_s = result.by_demand["travel_time_s"].to_numpy()
    return mean_time_s(result), float(time_s[people > 0].max(initial=0.0))
