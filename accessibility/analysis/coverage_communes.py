"""What the points of a commune add up to: its people, their time, their site."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from accessibility.errors import InputError, first_of

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Sums:
    """What the points of each commune add up to; arrays by commune.

    Attributes
    ----------
    population, covered : float array
        People; NaN where the number at a point is unknown, or no point is.
    time_s : float array
        Mean by people over the points that reach a site; inf where none does.
    over_s : float array
        Mean by people of what the points that are not covered, but reach a site, need beyond the
        cut-off; inf where none of them reaches one, 0 where all are covered.
    facility_id : object array
        Nearest site of most people, the lowest id of several; None where none is reached.
    demand_snap_m : float array
        Mean by people over the points that have a road in reach.
    facility_snap_m : float array
        Of that site.
    late : bool array
        Whether anybody is not covered.
    """

    population: Floats
    covered: Floats
    time_s: Floats
    over_s: Floats
    facility_id: npt.NDArray[np.object_]
    demand_snap_m: Floats
    facility_snap_m: Floats
    late: Bools


def commune_rows(codes: pd.Series, communes: gpd.GeoDataFrame) -> npt.NDArray[np.int64]:
    """Row of the communes in which each point of a demand lies.

    Raises
    ------
    InputError
        If a code is none of the territory's.
    """
    known = communes["code_insee"]
    if len(codes) == len(known) and np.array_equal(codes.to_numpy(), known.to_numpy()):
        return np.arange(len(codes), dtype=np.int64)
    row: npt.NDArray[np.int64] = np.asarray(
        pd.Index(known).get_indexer(pd.Index(codes)), dtype=np.int64
    )
    if (row < 0).any():
        strange = sorted(set(codes[row < 0].astype(str)))
        raise InputError(
            f"the demand has people in {first_of(strange)}, no communes of the study; leave out "
            "what lies beyond the territory."
        )
    return row


def added_up(
    people: Floats,
    times: pd.DataFrame,
    covered: Bools,
    row: npt.NDArray[np.int64],
    n: int,
    cutoff_s: float,
) -> Sums:
    """Sum points up by commune.

    Parameters
    ----------
    people : float array (points,)
    times : DataFrame
        Of each point `travel_time_s`, `facility_id`, `demand_snap_m`, `facility_snap_m`, as
        `travel_times` gives them.
    covered : bool array (points,)
    row : int array (points,)
        Commune of each.
    n : int
        Number of communes.
    cutoff_s : float

    Notes
    -----
    Where nobody lives at any point of a commune, or how many do is unknown, its points count
    alike in the means.
    """
    time_s = times["travel_time_s"].to_numpy(dtype=float)
    facility = times["facility_id"].to_numpy(dtype=object)
    here_m, there_m = (
        times[f"{end}_snap_m"].to_numpy(dtype=float) for end in ("demand", "facility")
    )
    if len(row) == n and np.array_equal(row, np.arange(n)):
        return Sums(
            population=people,
            covered=np.where(covered, people, 0.0 * people),
            time_s=time_s,
            over_s=np.where(covered, 0.0, time_s - cutoff_s),
            facility_id=facility,
            demand_snap_m=here_m,
            facility_snap_m=there_m,
            late=~covered,
        )
    known = np.bincount(row, minlength=n) > 0
    known &= np.bincount(row, np.isnan(people), minlength=n) == 0
    total, reached = (
        np.where(known, np.bincount(row, np.nan_to_num(part), minlength=n), np.nan)
        for part in (people, people * covered)
    )
    weight = np.where(total[row] > 0, people, 1.0)
    late = np.bincount(row, weight * ~covered, minlength=n) > 0
    over_s = _mean(time_s - cutoff_s, weight, ~covered & np.isfinite(time_s), row, n)
    site, site_m = _most_used(facility, there_m, weight, row, n)
    return Sums(
        population=total,
        covered=reached,
        time_s=_mean(time_s, weight, np.isfinite(time_s), row, n),
        over_s=np.where(late, over_s, 0.0),
        facility_id=site,
        demand_snap_m=_mean(here_m, weight, np.isfinite(here_m), row, n),
        facility_snap_m=site_m,
        late=late,
    )


def _mean(
    values: Floats, weight: Floats, chosen: Bools, row: npt.NDArray[np.int64], n: int
) -> Floats:
    """Weighted mean over chosen points; inf where none is."""
    counts = np.where(chosen, weight, 0.0)
    total = np.bincount(row, counts, minlength=n)
    # parts of one are divided before they are summed: the mean of one point is its value
    part = np.divide(counts, total[row], out=np.zeros(len(row)), where=total[row] > 0)
    mean = np.bincount(row, part * np.where(chosen, values, 0.0), minlength=n)
    return np.where(total > 0, mean, np.inf).astype(float)


def _most_used(
    facility: npt.NDArray[np.object_],
    snap_m: Floats,
    weight: Floats,
    row: npt.NDArray[np.int64],
    n: int,
) -> tuple[npt.NDArray[np.object_], Floats]:
    """Nearest site of most people of each commune, and how far it lies from its road."""
    votes = pd.DataFrame({"row": row, "site": facility, "snap_m": snap_m, "weight": weight})
    votes = votes[votes["site"].notna().to_numpy() & (weight > 0)]
    sums = votes.groupby(["row", "site"], sort=False).agg({"weight": "sum", "snap_m": "first"})
    sums = sums.reset_index()
    sums["name"] = sums["site"].astype(str)
    best = sums.sort_values(["row", "weight", "name"], ascending=[True, False, True])
    best = best.drop_duplicates("row")
    site, site_m = np.full(n, None, dtype=object), np.full(n, np.nan)
    site[best["row"]], site_m[best["row"]] = best["site"], best["snap_m"]
    return site, site_m
