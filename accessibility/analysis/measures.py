"""How much of a service people reach, and how evenly: opportunities, gravity, catchments."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from accessibility.analysis.choices import (
    checked_minutes,
    counted_sites,
    people_at,
    sites_and_trips,
)
from accessibility.analysis.completeness import rim_positions
from accessibility.analysis.coverage_communes import commune_rows
from accessibility.analysis.decay import Decay, read_decay
from accessibility.analysis.inequality import gini, lorenz, mean, palma, quantiles
from accessibility.analysis.scores import cumulative, gravity, two_step
from accessibility.analysis.supply import supply_of
from accessibility.errors import InputError, SettingError
from accessibility.network.graph import RoadNetwork
from accessibility.network.snap import Positions, snap
from accessibility.routing.times import Direction, cutoff_ms, nearest, position_matrix, seconds
from accessibility.study.ring import at_the_end
from accessibility.study.study import Study

Floats = npt.NDArray[np.float64]

MEASURES = ("cumulative", "gravity", "2sfca", "e2sfca")
"""Sites within the cut-off; sites that count less with time; sites shared with all others who
reach them; the same, counting less with time."""

DEFAULT_DECAYS = {"gravity": "exponential", "e2sfca": "steps"}

SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Of the people, for the quantiles of a summary."""


@dataclass(frozen=True)
class Measures:
    """How much people reach, place by place, and how evenly it is shared.

    Attributes
    ----------
    by_demand : GeoDataFrame
        `demand_id`, `code_insee`, `population`, `travel_time_s` to the nearest site (inf: not
        reached) and a column for each measure: `cumulative` and `gravity` in units of supply,
        `2sfca` and `e2sfca` in units of supply for each inhabitant; points.
    by_commune : GeoDataFrame
        `code_insee`, `name`, canton and EPCI, `population`, `population_unreached`,
        `travel_time_s` and the measures: means by people over the points of a commune, by point
        where nobody is counted; of the time over the points that reach a site, inf where none
        does. Contours.
    by_site : DataFrame
        `facility_id`, `name`, `in_study`, `supply`, `people`: those within the cut-off.
    summary : DataFrame
        A row for `minutes` (to the nearest site) and for each measure, as index: `mean`, `q10`,
        `q25`, `q50`, `q75`, `q90`, `gini`, `palma`, over people, and `people_without`: who reach
        no site (of `minutes`), or have 0 of a measure. Mean, Gini and Palma of `minutes` leave
        them out; quantiles put them last.
    lorenz : DataFrame
        `measure`, `people_share`, `value_share`; of `minutes` over those who reach a site.
    population : float
        Inhabitants who are counted.
    unknown : list of str
        Communes without a population in that year: nobody is counted there.
    sites : GeoDataFrame
        The sites that were counted.
    sites_off_road, sites_without_demand : list of str
        Ids of sites too far from any road; of sites, on the road or not, that nobody reaches
        within the cut-off. Their supply reaches nobody in `2sfca`, and is lost there.
    people_near_others : float or None
        People within the cut-off of a site that is labelled outside of the territory and was not
        counted; None where all were, or the sites are one's own.
    people_unsure : float
        People for whom a trip that leaves the data, or a site beyond it, could come within the
        cut-off. `complete` where there are none.
    decays : dict of str to Decay
        Of `gravity` and `e2sfca`.
    supply : str
        "site", "hours" or "given".
    minutes, as_of, population_year, direction, around, profile, walk_kph, demand_method
        The choices behind the figures.
    """

    by_demand: gpd.GeoDataFrame
    by_commune: gpd.GeoDataFrame
    by_site: pd.DataFrame
    summary: pd.DataFrame
    lorenz: pd.DataFrame
    population: float
    unknown: list[str]
    sites: gpd.GeoDataFrame
    sites_off_road: list[str]
    sites_without_demand: list[str]
    people_near_others: float | None
    people_unsure: float
    decays: dict[str, Decay]
    supply: str
    minutes: float
    as_of: dt.date
    population_year: int
    direction: Direction
    around: bool
    profile: str
    walk_kph: float | None
    demand_method: str

    def __repr__(self) -> str:
        return (
            f"<Measures: {', '.join(self.names)} of {len(self.sites)} sites at "
            f"{len(self.by_demand)} places>"
        )

    @property
    def names(self) -> list[str]:
        """The measures that were asked for."""
        return [name for name in MEASURES if name in self.summary.index]

    @property
    def complete(self) -> bool:
        """False where what lies beyond the data could change a figure within the cut-off."""
        return self.people_unsure == 0


def measures(
    study: Study,
    demand: str | gpd.GeoDataFrame | None = None,
    *,
    measure: str | None = None,
    minutes: float | None = None,
    decay: str | Decay | None = None,
    supply: str | pd.Series = "site",
    as_of: dt.date | str | None = None,
    population: int | None = None,
    direction: Direction | None = None,
    around: bool = False,
    sites: gpd.GeoDataFrame | None = None,
    max_snap_m: float | None = None,
    walk_kph: float | None = None,
) -> Measures:
    """Measures of accessibility at each place and commune, and how evenly people have them.

    Parameters
    ----------
    study : Study
    demand : str or GeoDataFrame, optional
        Where people are counted, as for `coverage`.
    measure : str, optional
        One of "cumulative", "gravity", "2sfca", "e2sfca"; all if absent.
    minutes : float, optional
        Cut-off of `cumulative`, and end of the catchments of `2sfca` and `e2sfca`, inclusive.
    decay : str or Decay, optional
        How a site counts less with time, in `gravity` and `e2sfca`, as
        `accessibility.analysis.decay.read_decay` reads it. If absent, "exponential" for
        `gravity`, and for `e2sfca` "steps": three equal zones of the catchment. Steps that are
        told end the catchment of `e2sfca` where they end.
    supply : {"site", "hours"} or Series
        What a site offers: 1; the hours that it is open in a week; or numbers of one's own by
        `facility_id`.
    as_of, population, direction, around, sites, max_snap_m, walk_kph
        As for `coverage`.

    Returns
    -------
    Measures

    Raises
    ------
    SettingError
        For another measure, decay or supply, or a cut-off that is not above 0.
    UnknownNameError, CrsError
        As `coverage` does.
    InputError
        For faults of the sites, the demand or the supply; if a site's supply is not known.

    Notes
    -----
    The floating catchments share a site among the people of the territory alone. People beyond
    its border who use the site too are not known, so near the border `2sfca` and `e2sfca` are too
    high; without `around` they lack the neighbours' sites as well.

    Examples
    --------
    >>> import accessibility as acc
    >>> found = acc.measures(acc.load_study("jura"), measure="cumulative")
    >>> found.summary.loc["cumulative", ["q10", "q50", "q90"]].tolist()
    [1.0, 3.0, 4.0]
    """
    if measure is not None and measure not in MEASURES:
        raise SettingError(f"the measure is {measure!r}; expected is {', '.join(MEASURES)}.")
    names = [name for name in MEASURES if measure in (None, name)]
    cutoff = checked_minutes(study.default("minutes") if minutes is None else minutes)
    decays = {
        name: read_decay(word if decay is None else decay, minutes=cutoff)
        for name, word in DEFAULT_DECAYS.items()
        if name in names
    }
    year = study.default("population") if population is None else population
    counted, day, way, snap_m = sites_and_trips(
        study, as_of=as_of, direction=direction, around=around, sites=sites, max_snap_m=max_snap_m
    )
    if counted.empty:
        raise InputError(f"no site is counted on {day}; at least one is expected.")
    counted = counted.sort_values(
        "facility_id", key=lambda ids: ids.astype(str), kind="stable", ignore_index=True
    )
    offered = supply_of(counted, supply)
    places, method = people_at(study, demand, year)
    rows = commune_rows(places["code_insee"], study.communes)
    people = places["population"].fillna(0.0).to_numpy(dtype=float)
    network = study.network
    here, there = (snap(network, table, max_snap_m=snap_m) for table in (places, counted))
    steps = [step for decay_ in decays.values() for step in decay_.steps]
    farthest_s = 60.0 * max([cutoff, *(end for end, _ in steps)])
    fades = "gravity" in decays and not decays["gravity"].steps
    limit_s = None if fades else farthest_s
    time_s = _matrix(network, here, there, limit_s, way, walk_kph)
    near_ms, _ = nearest(
        network, here, there, limit_ms=cutoff_ms(None), towards=way == "to", walk_kph=walk_kph
    )
    nearest_s = seconds(near_ms)
    scores = _scores(time_s, offered, people, names, cutoff, decays)
    reaches = time_s <= cutoff * 60.0
    by_demand = gpd.GeoDataFrame(
        {
            "demand_id": places["demand_id"].array,
            "code_insee": places["code_insee"].array,
            "population": places["population"].array,
            "travel_time_s": nearest_s,
            **scores,
        },
        geometry=places.geometry.array,
    )
    by_site = pd.DataFrame(counted[["facility_id", "name", "in_study"]]).assign(
        supply=offered, people=people @ reaches
    )
    unsure = _unsure(network, here, there, time_s, farthest_s, way, around)
    unsure[here.segment < 0] = at_the_end(
        places[here.segment < 0], study.settings["extents"], metric_crs=study.metric_crs,
        max_snap_m=snap_m,
    )  # fmt: skip
    near = None
    if sites is None and not around:
        others = counted_sites(study.sites, day, around=True)
        others = others[~others["in_study"].to_numpy(dtype=bool)]
        near_ms, _ = nearest(
            network, here, snap(network, others, max_snap_m=snap_m),
            limit_ms=cutoff_ms(cutoff * 60.0), towards=way == "to", walk_kph=walk_kph,
        )  # fmt: skip
        near = float(people[np.isfinite(seconds(near_ms))].sum())
    summary, curves = _shared_out(nearest_s, scores, people)
    ids = counted["facility_id"].astype(str)
    return Measures(
        by_demand=by_demand,
        by_commune=_by_commune(study.communes, by_demand, rows, names),
        by_site=by_site,
        summary=summary,
        lorenz=curves,
        population=float(people.sum()),
        unknown=sorted(set(places.loc[places["population"].isna(), "code_insee"].astype(str))),
        sites=counted,
        sites_off_road=ids[there.segment < 0].tolist(),
        sites_without_demand=ids[(by_site["people"] == 0).to_numpy()].tolist(),
        people_near_others=near,
        people_unsure=float(people[unsure].sum()),
        decays=decays,
        supply=supply if isinstance(supply, str) else "given",
        minutes=cutoff,
        as_of=day,
        population_year=year,
        direction=way,
        around=around,
        profile=study.profile.name,
        walk_kph=walk_kph,
        demand_method=method,
    )


def _scores(
    time_s: Floats,
    supply: Floats,
    people: Floats,
    names: list[str],
    cutoff: float,
    decays: dict[str, Decay],
) -> dict[str, Floats]:
    binary = read_decay("binary", minutes=cutoff)
    ask = {
        "cumulative": lambda: cumulative(time_s, supply, minutes=cutoff),
        "gravity": lambda: gravity(time_s, supply, decay=decays["gravity"]),
        "2sfca": lambda: two_step(time_s, supply, people, decay=binary),
        "e2sfca": lambda: two_step(
            time_s, supply, people, decay=decays["e2sfca"],
            minutes=None if decays["e2sfca"].steps else cutoff,
        ),
    }  # fmt: skip
    return {name: ask[name]() for name in names}


def _matrix(
    network: RoadNetwork,
    here: Positions,
    there: Positions,
    cutoff_s: float | None,
    way: Direction,
    walk_kph: float | None,
) -> Floats:
    if way == "to":
        return position_matrix(network, here, there, cutoff_s=cutoff_s, walk_kph=walk_kph)
    return position_matrix(network, there, here, cutoff_s=cutoff_s, walk_kph=walk_kph).T


def _unsure(
    network: RoadNetwork,
    here: Positions,
    there: Positions,
    time_s: Floats,
    cutoff_s: float,
    way: Direction,
    sites_beyond: bool,
) -> npt.NDArray[np.bool_]:
    """From where a trip over the rim of the data could be faster, or end at a site beyond."""
    rim = rim_positions(network)
    if not len(rim):
        return np.zeros(len(here), dtype=bool)
    limit, towards = cutoff_ms(cutoff_s), way == "to"
    out_s = seconds(nearest(network, here, rim, limit_ms=limit, towards=towards)[0])
    if sites_beyond:
        return np.asarray(out_s <= cutoff_s)
    back_s = seconds(nearest(network, there, rim, limit_ms=limit, towards=not towards)[0])
    over_s = out_s[:, None] + back_s[None, :]
    return np.asarray(((over_s <= cutoff_s) & (over_s < time_s)).any(axis=1))


def _shared_out(
    nearest_s: Floats, scores: dict[str, Floats], people: Floats
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Summary and Lorenz curves of the time to the nearest site and of each measure."""
    rows, curves = {}, []
    for name, values in {"minutes": nearest_s / 60.0, **scores}.items():
        reached = np.isfinite(values)
        without = ~reached if name == "minutes" else values == 0
        finite, their = values[reached], people[reached]
        parts = quantiles(values, people, SHARES)
        rows[name] = {
            "mean": mean(finite, their),
            **{f"q{share * 100:.0f}": part for share, part in zip(SHARES, parts, strict=True)},
            "gini": gini(finite, their),
            "palma": palma(finite, their),
            "people_without": float(people[without].sum()),
        }
        curves.append(lorenz(finite, their).assign(measure=name))
    curve = pd.concat(curves, ignore_index=True)
    summary = pd.DataFrame.from_dict(rows, orient="index").rename_axis("measure")
    return summary, curve[["measure", "people_share", "value_share"]]


def _by_commune(
    communes: gpd.GeoDataFrame,
    points: gpd.GeoDataFrame,
    rows: npt.NDArray[np.int64],
    names: list[str],
) -> gpd.GeoDataFrame:
    size = len(communes)
    people = points["population"].fillna(0.0).to_numpy(dtype=float)
    known = points["population"].notna().to_numpy()

    def means(values: Floats, which: npt.NDArray[np.bool_], empty: float) -> Floats:
        held = np.bincount(rows[which], people[which], minlength=size)
        # where nobody is counted, each point counts alike
        weight = np.where(held[rows] > 0, people, 1.0)[which]
        whole = np.bincount(rows[which], weight, minlength=size)
        total = np.bincount(rows[which], weight * values[which], minlength=size)
        found: Floats = np.divide(total, whole, out=np.full(size, empty), where=whole > 0)
        return found

    time_s = points["travel_time_s"].to_numpy()
    reached, every = np.isfinite(time_s), np.ones(len(points), dtype=bool)
    counted = np.bincount(rows[known], minlength=size) > 0
    there = np.bincount(rows, minlength=size) > 0
    told = ["code_insee", "name", "canton_code", "canton_name", "epci_code", "epci_name"]
    columns = {name: communes[name].array for name in told}
    columns["population"] = np.where(counted, np.bincount(rows, people, minlength=size), np.nan)
    columns["population_unreached"] = np.bincount(rows, people * ~reached, minlength=size)
    columns["travel_time_s"] = np.where(there, means(time_s, reached, np.inf), np.nan)
    columns |= {name: means(points[name].to_numpy(), every, np.nan) for name in names}
    return gpd.GeoDataFrame(columns, geometry=communes.geometry.array)
