"""Where a site of a study may stand, and whom it would reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp
import shapely

from accessibility.analysis.coverage import Coverage
from accessibility.errors import InputError, SettingError, UnknownNameError, first_of
from accessibility.network.snap import Positions, snap
from accessibility.routing.times import Direction, check_ids, position_matrix
from accessibility.schema import WGS84, check_crs
from accessibility.study.demand import demand_at_chefs_lieux
from accessibility.study.sites import CANDIDATES, place_in_communes
from accessibility.study.study import Study

Candidates: TypeAlias = (
    Literal["chefs-lieux", "junctions", "post-offices", "town-halls"] | gpd.GeoDataFrame
)
CELLS = 4_000_000
"""Drive times that are held at once before those beyond the cut-off are left out."""
MOST_BY_TIME = 5_000
"""Candidates at most where every drive counts: a model of more does not fit into memory."""


@dataclass(frozen=True)
class Problem:
    """What the models of siting are asked about a study.

    Attributes
    ----------
    before : Coverage
        With the existing sites.
    table : GeoDataFrame
        `candidate_id`, `name`, `code_insee`, `existing`, `cost` where it was given, points.
    off_road : list of str
        Places of the study that are no candidates: too far from any road.
    times : CSR array (candidates, demand)
        Seconds; what is not stored is not reached, or does not count.
    weights : float array (demand,)
    current : float array (demand,)
        Seconds to the nearest site that stays open; inf where there is none.
    """

    before: Coverage
    table: gpd.GeoDataFrame
    off_road: list[str]
    times: Any
    weights: npt.NDArray[np.float64]
    current: npt.NDArray[np.float64]

    @property
    def cover(self) -> Any:
        """1 where a candidate covers a demand point."""
        within = self.times.copy()
        within.data = (within.data <= self.before.cutoff_s).astype(float)
        within.eliminate_zeros()
        return within

    @property
    def covered(self) -> npt.NDArray[np.bool_]:
        """Demand that sites which stay open cover."""
        reached: npt.NDArray[np.bool_] = self.current <= self.before.cutoff_s
        return reached

    def rows(self, ids: Any) -> list[int]:
        """Rows of candidates by their ids."""
        place = {str(name): i for i, name in enumerate(self.table["candidate_id"])}
        unknown = [str(name) for name in ids if str(name) not in place]
        if unknown:
            raise UnknownNameError(
                f"{first_of(unknown)} is no candidate; ids of candidates are expected, such as "
                f"{next(iter(place), 'none')}."
            )
        return [place[str(name)] for name in ids]


def pose(
    study: Study,
    before: Coverage,
    candidates: str | gpd.GeoDataFrame,
    *,
    max_snap_m: float | None,
    by_time: bool = False,
    may_close: bool = False,
    weights: str | None = None,
) -> Problem:
    """Put together what the models of siting are asked.

    Parameters
    ----------
    study : Study
    before : Coverage
        With the existing sites.
    candidates : str or GeoDataFrame
        chefs-lieux, junctions, existing (none but the existing sites), or points with
        `candidate_id`.
    max_snap_m : float, optional
    by_time : bool
        Whether every drive counts, and not only the cut-off.
    may_close : bool
        Existing sites are candidates too, and none is open for certain.
    weights : str, optional
        Column of the communes to count instead of the population.

    Raises
    ------
    SettingError, UnknownNameError, InputError, CrsError
        For faults of the candidates or the weights.
    """
    snap_m = float(study.default("max_snap_m") if max_snap_m is None else max_snap_m)
    demand = demand_at_chefs_lieux(study.communes, year=before.population_year)
    table = _candidates(study, demand, candidates)
    there = snap(study.network, table, max_snap_m=snap_m)
    far = there.segment < 0
    off_road = table.loc[far, "candidate_id"].astype(str).tolist()
    if off_road and not isinstance(candidates, str):
        raise InputError(
            f"candidates {first_of(off_road)} lie more than {snap_m:g} m from any road; move "
            "them or leave them out."
        )
    table, there = table[~far].reset_index(drop=True), there.take(~far)
    if may_close:
        table, there = _with_existing(study, before, table, there, snap_m)
    if by_time and len(table) > MOST_BY_TIME:
        raise SettingError(
            f"there are {len(table)} candidates; where every drive counts, at most {MOST_BY_TIME} "
            "are expected: give a file of them."
        )
    people = _weights(study, before, weights)
    current = before.by_commune["travel_time_s"].to_numpy(dtype=float)
    cutoff_s: float | None = before.cutoff_s + 1.0  # compared as `coverage` does
    if may_close:
        current = np.full(len(demand), np.inf)
        cutoff_s = None if by_time else cutoff_s
    elif by_time:
        # a drive longer than any at present betters nothing, unless somebody has none
        on_road = np.isfinite(before.by_commune["demand_snap_m"].to_numpy(dtype=float))
        longest = current[on_road].max(initial=0.0)
        cutoff_s = max(cutoff_s or 0.0, longest) if np.isfinite(longest) else None
    counts = np.flatnonzero(by_time | (current > before.cutoff_s))
    here = snap(study.network, demand, max_snap_m=snap_m).take(counts)
    times = _times(study, here, there, before.direction, cutoff_s)
    spread = sp.csr_array((times.data, counts[times.indices], times.indptr),
                          shape=(len(table), len(demand)))  # fmt: skip
    return Problem(before, table, off_road, spread, people, current)


def _candidates(
    study: Study, demand: gpd.GeoDataFrame, candidates: str | gpd.GeoDataFrame
) -> gpd.GeoDataFrame:
    if isinstance(candidates, str):
        found = _of_the_study(study, demand, candidates)
        return found.assign(existing=False)
    if candidates.empty:
        raise InputError("the table of candidates has no rows; at least one is expected.")
    check_ids(candidates, "candidate_id")
    if candidates.crs is None:
        check_crs(candidates, WGS84, what="the table of candidates")
    table = candidates.reset_index(drop=True)
    ids, where = table["candidate_id"].astype(str), place_in_communes(table, study.communes)
    given = table.get("code_insee", where)
    columns = {
        "candidate_id": ids,
        "name": table.get("name", ids),
        "code_insee": given.where(given.notna(), where),
        "existing": False,
    }
    if "cost" in table:
        columns["cost"] = table["cost"]
    return gpd.GeoDataFrame(columns, geometry=table.geometry).to_crs(WGS84)


def _of_the_study(study: Study, demand: gpd.GeoDataFrame, name: str) -> gpd.GeoDataFrame:
    if name in CANDIDATES:
        found = study.candidates
        found = found[(found["kind"] == CANDIDATES[name]).to_numpy()].reset_index(drop=True)
        if found.empty:
            raise SettingError(
                f"the study {study.name} holds no {name}: its extract names none, or it was built "
                "before they were kept. Build it again, or give a file of them."
            )
        place = study.communes.set_index("code_insee")["name"]
        return gpd.GeoDataFrame(
            {
                "candidate_id": found["facility_id"],
                "name": found["name"].where(found["name"].notna(), found["code_insee"].map(place)),
                "code_insee": found["code_insee"],
            },
            geometry=found.geometry,
        )
    if name == "junctions":
        return junctions(study)
    if name not in ("chefs-lieux", "existing"):
        raise SettingError(
            f"the candidates are {name!r}; chefs-lieux, junctions, {', '.join(CANDIDATES)} or a "
            "table is expected."
        )
    codes = demand["code_insee"].to_numpy()
    names = study.communes["name"].to_numpy()
    table = gpd.GeoDataFrame(
        {"candidate_id": codes, "name": names, "code_insee": codes}, geometry=demand.geometry
    )
    return table if name == "chefs-lieux" else table.iloc[:0]


def junctions(study: Study) -> gpd.GeoDataFrame:
    """Points of the territory at which roads of the network's main part end, by longitude."""
    network = study.network
    main = np.flatnonzero(network.segment_main)
    ends = np.r_[network.line_start[main], network.line_start[main + 1] - 1]
    xy = np.unique(np.asarray(network.xy)[ends], axis=0)
    points = gpd.GeoSeries(shapely.points(xy), crs=network.metric_crs).to_crs(WGS84)
    code = place_in_communes(gpd.GeoDataFrame(geometry=points), study.communes)
    names = code.map(study.communes.set_index("code_insee")["name"])
    # two within a tenth of a metre are one
    ids = [f"{x:.6f},{y:.6f}" for x, y in zip(points.x, points.y, strict=True)]
    table = gpd.GeoDataFrame(
        {"candidate_id": ids, "name": names, "code_insee": code}, geometry=points
    )
    inside = code.notna() & ~table["candidate_id"].duplicated()
    return table[inside.to_numpy()].reset_index(drop=True)


def _with_existing(
    study: Study, before: Coverage, table: gpd.GeoDataFrame, there: Positions, snap_m: float
) -> tuple[gpd.GeoDataFrame, Positions]:
    """The existing sites, then the candidates."""
    sites = before.sites.reset_index(drop=True).to_crs(WGS84)
    ids = sites["facility_id"].astype(str)
    both = sorted(set(ids) & set(table["candidate_id"].astype(str)))
    if both:
        raise InputError(
            f"{first_of(both)} are ids of candidates and of existing sites; other ids are expected."
        )
    own = gpd.GeoDataFrame(
        {"candidate_id": ids, "name": sites["name"], "code_insee": sites["code_insee"],
         "existing": True}, geometry=sites.geometry,
    )  # fmt: skip
    if "cost" in table:
        own["cost"] = 0.0
    at = snap(study.network, sites, max_snap_m=snap_m)
    parts = [part for part in (own, table) if len(part)]
    return pd.concat(parts, ignore_index=True), Positions(
        np.r_[at.segment, there.segment],
        np.r_[at.share, there.share],
        np.r_[at.snap_m, there.snap_m],
    )


def _weights(study: Study, before: Coverage, column: str | None) -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64]
    if column is None:
        found = before.by_commune["population"].fillna(0.0).to_numpy(dtype=float)
        return found
    numeric = study.communes.select_dtypes("number")
    if column not in numeric:
        raise UnknownNameError(
            f"the communes have no column of numbers {column}; there are "
            f"{', '.join(map(str, numeric))}."
        )
    found = numeric[column].fillna(0.0).to_numpy(dtype=float)
    if (found < 0).any() or not np.isfinite(found).all():
        raise InputError(f"the column {column} holds numbers below 0 or infinite; people are "
                         "expected.")  # fmt: skip
    return found


def _times(
    study: Study, here: Positions, there: Positions, direction: Direction, cutoff_s: float | None
) -> Any:
    """Seconds between candidates and demand, sparse; a stored 0 is no time at all."""
    parts = []
    step = max(1, CELLS // max(1, len(here)))
    for start in range(0, max(1, len(there)), step):
        block = there.take(slice(start, start + step))
        ends = (here, block) if direction == "to" else (block, here)
        found = position_matrix(study.network, *ends, cutoff_s=cutoff_s)
        found = found.T if direction == "to" else found
        row, column = np.nonzero(np.isfinite(found))
        parts.append(sp.csr_array((found[row, column], (row, column)), shape=found.shape))
    return sp.vstack(parts, format="csr")
