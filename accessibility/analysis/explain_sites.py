"""Which sites are near a commune, which do not count, and which new one would cover it."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from accessibility.network.snap import Positions, snap
from accessibility.routing.times import Direction, position_matrix
from accessibility.study.sites import CANDIDATES
from accessibility.study.study import Study

Floats = npt.NDArray[np.float64]

CHEF_LIEU = "chef-lieu"
RANK = {kind: i for i, kind in enumerate([*CANDIDATES.values(), CHEF_LIEU])}
"""Of two candidates of a commune that cover as many people the one that is a house is named."""

FAR = 3.0
"""Sites that take longer than so many times the cut-off are told of only if none is nearer."""


@dataclass(frozen=True)
class Trips:
    """How trips are made."""

    direction: Direction
    max_snap_m: float
    walk_kph: float | None

    def between(
        self, study: Study, people: Positions, sites: Positions, cutoff_s: float | None
    ) -> Floats:
        """Seconds between people and sites, one row for each of the people."""
        to = self.direction == "to"
        ends = (people, sites) if to else (sites, people)
        time_s = position_matrix(study.network, *ends, cutoff_s=cutoff_s, walk_kph=self.walk_kph)
        return time_s if to else time_s.T


def times_to_sites(
    study: Study,
    people: Positions,
    sites: Positions,
    trips: Trips,
    *,
    cutoff_s: float,
    groups: npt.NDArray[np.bool_],
) -> Floats:
    """Seconds between people and sites, so far that the nearest of both groups is known."""
    for limit in (FAR * cutoff_s, None):
        time_s = trips.between(study, people, sites, limit)
        known = [np.isfinite(time_s[:, g]).any(axis=1).all() for g in (groups, ~groups) if g.any()]
        if all(known):
            break
    return time_s


def nearest_sites(
    sites: gpd.GeoDataFrame, time_s: Floats, cutoff_s: float, n: int
) -> gpd.GeoDataFrame:
    """The `n` nearest sites of one commune, by time, then by id.

    Those that take more than three times the cut-off are left out, but for the nearest one.
    """
    order = np.lexsort((sites["facility_id"].astype(str).to_numpy(), time_s))
    order = order[np.isfinite(time_s[order])][:n]
    order = order[(time_s[order] <= FAR * cutoff_s) | (np.arange(len(order)) == 0)]
    told = sites.iloc[order]
    return told.assign(travel_time_s=time_s[order], seconds_over=time_s[order] - cutoff_s)


class Remedies:
    """Where one more site would cover communes that are not covered, and how many people.

    Parameters
    ----------
    study : Study
    by_commune : GeoDataFrame
        As `Coverage.by_commune` has it.
    demand : GeoDataFrame
        People at the chefs-lieux, in the same order.
    trips : Trips
    cutoff_s : float
    """

    def __init__(
        self,
        study: Study,
        by_commune: pd.DataFrame,
        demand: gpd.GeoDataFrame,
        trips: Trips,
        cutoff_s: float,
    ) -> None:
        self.table = candidates_of_study(study, demand)
        there = snap(study.network, self.table, max_snap_m=trips.max_snap_m)
        late = (by_commune["travel_time_s"] > cutoff_s).to_numpy()
        self.row = {code: i for i, code in enumerate(by_commune.loc[late, "code_insee"])}
        here = snap(study.network, demand[late], max_snap_m=trips.max_snap_m)
        self.time_s = trips.between(study, here, there, cutoff_s)
        people = demand.loc[late, "population"].fillna(0.0).to_numpy(dtype=float)
        self.gained = people @ np.isfinite(self.time_s).astype(float)

    def of(self, code: str, n: int) -> gpd.GeoDataFrame:
        """The best candidate of each of the `n` communes whose candidates cover most people.

        The commune itself is among them, last if it is not one of the best.
        """
        time_s = self.time_s[self.row[code]]
        within = np.flatnonzero(np.isfinite(time_s))
        found = self.table.iloc[within].assign(
            travel_time_s=time_s[within], people_gained=self.gained[within]
        )
        found = found.assign(
            house=found["kind"].map(RANK), elsewhere=found["code_insee"] != code
        ).sort_values(
            ["people_gained", "house", "travel_time_s", "candidate_id"],
            ascending=[False, True, True, True], kind="stable",
        )  # fmt: skip
        best = found.drop_duplicates("code_insee").sort_values(
            ["people_gained", "travel_time_s", "candidate_id"], ascending=[False, True, True],
            kind="stable",
        )  # fmt: skip
        own = best[~best["elsewhere"]]
        best = best.head(n)
        if best["elsewhere"].all() and len(own):
            best = pd.concat([best.head(n - 1), own])
        return best.drop(columns=["house", "elsewhere"]).reset_index(drop=True)


def candidates_of_study(study: Study, demand: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Post offices and town halls of a study, and the chefs-lieux of its communes.

    Returns
    -------
    GeoDataFrame
        `candidate_id`, `name`, `kind`, `code_insee`, `commune`, points in WGS 84.
    """
    place = study.communes.set_index("code_insee")["name"]
    columns = ["candidate_id", "name", "kind", "code_insee", "geometry"]
    houses = study.candidates.rename(columns={"facility_id": "candidate_id"})
    houses = houses.assign(candidate_id=houses["candidate_id"].astype(str))[columns]
    codes = demand["code_insee"].to_numpy()
    chefs_lieux = gpd.GeoDataFrame(
        {"candidate_id": codes, "name": place.reindex(codes).to_numpy(), "kind": CHEF_LIEU,
         "code_insee": codes}, geometry=demand.geometry.to_numpy(), crs=demand.crs,
    )  # fmt: skip
    parts = [part for part in (houses, chefs_lieux) if len(part)]
    table = pd.concat(parts, ignore_index=True)
    commune = table["code_insee"].map(place)
    table = table.assign(commune=commune, name=table["name"].where(table["name"].notna(), commune))
    return table[["candidate_id", "name", "kind", "code_insee", "commune", "geometry"]]
