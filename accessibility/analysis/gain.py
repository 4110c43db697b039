"""For every junction: whom one more site there would cover, and whom it would save time."""

from __future__ import annotations

import datetime as dt

import geopandas as gpd
import pandas as pd

from accessibility.analysis.choices import checked_minutes, people_at, sites_and_trips
from accessibility.analysis.gain_search import People, complete_at, gains_at, junction_positions
from accessibility.errors import SettingError
from accessibility.network.snap import snap
from accessibility.routing.times import Direction, cutoff_ms, nearest
from accessibility.study.ring import at_the_end
from accessibility.study.sites import place_in_communes
from accessibility.study.study import Study

GAINS = ("people_gained", "people_faster", "minutes_gained")


def gain(
    study: Study,
    demand: str | gpd.GeoDataFrame | None = None,
    *,
    minutes: float | None = None,
    as_of: dt.date | str | None = None,
    population: int | None = None,
    direction: Direction | None = None,
    around: bool = False,
    sites: gpd.GeoDataFrame | None = None,
    max_snap_m: float | None = None,
    walk_kph: float | None = None,
) -> gpd.GeoDataFrame:
    """Tell what one more site would bring, for every junction of the network's main part.

    Parameters
    ----------
    study : Study
    demand, minutes, as_of, population, direction, around, sites, max_snap_m, walk_kph
        As for `coverage`; `sites` may have no rows here.

    Returns
    -------
    GeoDataFrame
        One row for each place at which roads of the main part end, from west to east, points in
        WGS 84:

        - `people_gained`: people who reach no site within the cut-off now and would then;
        - `people_faster`: people who reach a site now and would reach one sooner;
        - `minutes_gained`: by how much, summed over these people;
        - `complete`: False where trips that leave the data could change these figures;
        - `code_insee` and `name` of the junction's commune, missing outside of the territory.

    Raises
    ------
    SettingError, UnknownNameError, CrsError, InputError
        As `coverage` does.

    Notes
    -----
    Exact, not sampled: a junction is snapped as any site at its point is, so the figures are the
    differences that `simulate` gives for a site at that point. A person gains at a junction if
    the time there is less than the present time to the nearest site. So it is searched from the
    people, no farther than that; all who live on one road share a search.

    Examples
    --------
    >>> import accessibility as acc
    >>> found = acc.gain(acc.load_study("jura"))
    >>> inside = found[found["code_insee"].notna()]  # others lie around the territory
    >>> int(inside["people_gained"].max())
    1642
    """
    cutoff = cutoff_ms(
        checked_minutes(study.default("minutes") if minutes is None else minutes) * 60.0
    )
    no_site = sites is not None and sites.empty
    counted, _, way, snap_m = sites_and_trips(
        study, as_of=as_of, direction=direction, around=around, sites=None if no_site else sites,
        max_snap_m=max_snap_m,
    )  # fmt: skip
    if no_site:
        counted = counted.iloc[:0]
    year = study.default("population") if population is None else population
    places, _ = people_at(study, demand, year)
    network = study.network
    places = places[(places["population"] > 0).to_numpy()]
    here, at_sites = (snap(network, table, max_snap_m=snap_m) for table in (places, counted))
    on_road = here.segment >= 0
    here = here.take(on_road)
    now_ms, _ = nearest(
        network, here, at_sites, limit_ms=cutoff_ms(None), towards=way == "to", walk_kph=walk_kph
    )
    number = places["population"].to_numpy(float)[on_road]
    people = People(here, number, now_ms, cutoff, way, walk_kph)
    points, there = junction_positions(network, max_snap_m=snap_m)
    gained, faster, saved = gains_at(network, people, there)
    unknown = at_the_end(
        places[~on_road], study.settings["extents"], metric_crs=network.metric_crs,
        max_snap_m=snap_m,
    ).any()  # fmt: skip
    complete = complete_at(network, people, there, at_sites, around=around) & ~unknown
    code = place_in_communes(gpd.GeoDataFrame(geometry=points), study.communes)
    return gpd.GeoDataFrame(
        {
            "people_gained": gained,
            "people_faster": faster,
            "minutes_gained": saved / 60_000.0,
            "complete": complete,
            "code_insee": code,
            "name": code.map(study.communes.set_index("code_insee")["name"]),
        },
        geometry=points,
    )


def top_communes(
    junctions: gpd.GeoDataFrame, n: int = 10, *, by: str = "people_gained"
) -> pd.DataFrame:
    """The communes with the best junctions.

    Parameters
    ----------
    junctions : GeoDataFrame
        From `gain`.
    n : int
        Rows at most.
    by : str
        What makes a junction the best: `people_gained`, `people_faster` or `minutes_gained`.

    Returns
    -------
    DataFrame
        `code_insee`, `name`, the three gains, `complete`, `lon`, `lat` of the best junction, the
        westernmost of equal ones; communes in which nothing is gained are left out.

    Raises
    ------
    SettingError
        If `n` is below 1, or `by` is another.

    Examples
    --------
    >>> import accessibility as acc
    >>> top_communes(acc.gain(acc.load_study("jura")), 1)["name"].item()
    'Bellefontaine'
    """
    if n < 1:
        raise SettingError(f"the number of communes is {n}; at least 1 is expected.")
    if by not in GAINS:
        raise SettingError(f"the best is asked for by {by!r}; expected is {' or '.join(GAINS)}.")
    found = junctions[(junctions[by] > 0) & junctions["code_insee"].notna()]
    best = found.sort_values([by, "code_insee"], ascending=[False, True], kind="stable")
    best = best.drop_duplicates("code_insee").head(n).reset_index(drop=True)
    table = pd.DataFrame(best[["code_insee", "name", *GAINS, "complete"]])
    return table.assign(lon=best.geometry.x, lat=best.geometry.y)
