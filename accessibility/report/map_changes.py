"""What a scenario changed, as the maps show it: communes won and lost, sites that come and go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from accessibility.analysis.coverage import Coverage
from accessibility.analysis.scenario import Scenario
from accessibility.analysis.scenario_sites import service_ids
from accessibility.errors import InputError
from accessibility.report.map_layers import commune_layer, site_layer
from accessibility.study.study import Study

STAYS, OPENED, CLOSED, MOVED = "stays", "opened", "closed", "moved"

GAINED, LOST = "gained", "lost"


@dataclass(frozen=True)
class Changes:
    """Two answers to one question, told apart.

    Attributes
    ----------
    name : str
        Of the scenario; empty where it has none.
    before : Coverage
    communes : GeoDataFrame
        As `commune_layer` gives them afterwards, in metres, with `time_before_s`,
        `site_before` and `change`: "gained", "lost" or None.
    sites : GeoDataFrame
        `facility_id`, `name`, `change` ("stays", "opened", "closed", "moved"), where they stand
        or stood, in metres, and `before`: where a moved one stood. Those that stay come first.
    services_before, services_after : int
        Number of sites, an itinerant service counted once.
    """

    name: str
    before: Coverage
    communes: gpd.GeoDataFrame
    sites: gpd.GeoDataFrame
    services_before: int
    services_after: int

    def of(self, change: str) -> pd.DataFrame:
        """Communes that are gained or lost, the most populous first."""
        rows = self.communes[self.communes["change"] == change]
        found: pd.DataFrame = rows.sort_values(
            ["population", "code_insee"], ascending=[False, True]
        )
        return found

    def named(self, change: str) -> list[str]:
        """Names of the sites that open, close or move."""
        names: list[str] = self.sites.loc[self.sites["change"] == change, "name"].tolist()
        return names


def changes_between(
    study: Study, before: Coverage, after: Coverage, *, scenario: Scenario | None = None
) -> Changes:
    """Tell two answers apart.

    Parameters
    ----------
    study : Study
    before, after : Coverage
        Of the same communes and choices.
    scenario : Scenario, optional
        What lies between them: its name, and which sites are stops of one service.

    Returns
    -------
    Changes

    Raises
    ------
    InputError
        If they answer different questions.
    """
    for what in ("minutes", "direction", "population_year"):
        one, other = getattr(before, what), getattr(after, what)
        if one != other:
            name = what.replace("_", " ")
            raise InputError(f"the answer before has the {name} {one}; {other} is expected.")
    communes, old = commune_layer(study, after), commune_layer(study, before)
    if communes["code_insee"].tolist() != old["code_insee"].tolist():
        raise InputError("the answer before is of other communes; the same are expected.")
    was, late = old["late"].to_numpy(), communes["late"].to_numpy()
    change = np.full(len(communes), None, dtype=object)
    change[was & ~late] = GAINED
    change[late & ~was] = LOST
    services = service_ids(scenario or Scenario())
    stops = after.sites["facility_id"].astype(str).isin(list(services)).sum()
    return Changes(
        name="" if scenario is None else scenario.name,
        before=before,
        communes=communes.assign(
            time_before_s=old["travel_time_s"].to_numpy(),
            site_before=old["facility_name"].to_numpy(),
            change=change,
        ),
        sites=site_changes(study, before, after),
        services_before=len(before.sites),
        services_after=len(after.sites) - int(stops) + len(set(services.values())),
    )


def changes_json(
    study: Study, before: Coverage, after: Coverage, *, scenario: Scenario
) -> dict[str, Any]:
    """What a scenario changes, for a manifest; None where nothing is known."""
    changes = changes_between(study, before, after, scenario=scenario)
    people = {c: float(changes.of(c)["population"].sum()) for c in (GAINED, LOST)}
    return {
        "scenario": scenario.name,
        "share_before": before.share if np.isfinite(before.share) else None,
        "population_covered_before": before.population_covered,
        "cantons_covered_before": before.cantons.covered,
        "sites_before": changes.services_before,
        "sites": changes.services_after,
        "population_gained": people[GAINED],
        "population_lost": people[LOST],
        "communes_gained": changes.of(GAINED)["code_insee"].tolist(),
        "communes_lost": changes.of(LOST)["code_insee"].tolist(),
        "sites_opened": changes.named(OPENED),
        "sites_closed": changes.named(CLOSED),
        "sites_moved": changes.named(MOVED),
    }


def site_changes(study: Study, before: Coverage, after: Coverage) -> gpd.GeoDataFrame:
    """Sites of both answers, each once, and what becomes of each; see `Changes.sites`."""
    old, new = site_layer(study, before), site_layer(study, after)
    old_ids, new_ids = (pd.Index(r.sites["facility_id"].astype(str)) for r in (before, after))
    stood = old_ids.get_indexer(new_ids)
    change = np.where(stood < 0, OPENED, STAYS).astype(object)
    at, was = new.geometry.to_numpy(), np.full(len(new), None, dtype=object)
    before_at = old.geometry.to_numpy()
    for row in np.flatnonzero(stood >= 0):
        there = before_at[stood[row]]
        if there != at[row]:
            change[row], was[row] = MOVED, there
    gone = ~old_ids.isin(new_ids)
    closed = int(gone.sum())
    sites = gpd.GeoDataFrame(
        {
            "facility_id": [*new_ids, *old_ids[gone]],
            "name": [*new["name"], *old["name"][gone]],
            "change": [*change, *[CLOSED] * closed],
            "before": [*was, *[None] * closed],
            "geometry": np.concatenate([at, before_at[gone]]),
        },
        geometry="geometry", crs=new.crs,
    )  # fmt: skip
    # what changes is drawn on top of what stays
    return sites.sort_values("change", key=lambda c: c != STAYS, kind="stable", ignore_index=True)
