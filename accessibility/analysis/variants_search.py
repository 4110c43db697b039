"""Drive times that many variants of a figure share: searched once for all places of people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from accessibility.analysis.completeness import rim_positions
from accessibility.analysis.coverage_communes import commune_rows
from accessibility.network.snap import Positions, snap
from accessibility.routing.times import Direction, cutoff_ms, nearest, seconds
from accessibility.schema import WGS84
from accessibility.study.ring import at_the_end
from accessibility.study.study import Study

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.signedinteger[Any]]


ANY_M = 100_000.0
"""Metres from a road that no place of a study exceeds: its points snap to the nearest road however
far it is, as OSRM does unless told otherwise."""


@dataclass(frozen=True)
class Snapping:
    """How a place gets to its road.

    Attributes
    ----------
    max_snap_m : float
        A place farther from any road is not reached.
    walk_kph : float or None
        Speed at which the way to the road is walked; it takes no time if None.

    Examples
    --------
    >>> str(Snapping(1000.0, None)), str(Snapping(1000.0, 5.0))
    ('free, up to 1,000 m', 'walked at 5 km/h, up to 1,000 m')
    """

    max_snap_m: float
    walk_kph: float | None

    def __str__(self) -> str:
        how = "free" if self.walk_kph is None else f"walked at {self.walk_kph:g} km/h"
        far = "at any distance" if self.max_snap_m == ANY_M else f"up to {self.max_snap_m:,.0f} m"
        return f"{how}, {far}"


@dataclass(frozen=True, eq=False)
class People:
    """The people of one demand in one year, as rows of places that several share.

    Attributes
    ----------
    place : slice
        Which of the places.
    number : float array
        People at each.
    commune : int array
        Row of the communes.
    """

    place: slice
    number: Floats
    commune: Ints

    def covered(self, reached: Bools, n_communes: int) -> float:
        """People who are reached; communes in which somebody's number is unknown count none."""
        return self._sum(self.number * reached, n_communes)

    def total(self, n_communes: int) -> float:
        """All people."""
        return self._sum(self.number, n_communes)

    def _sum(self, number: Floats, n_communes: int) -> float:
        # by commune first, as coverage adds them up: the sums are the same to the bit
        sums = np.bincount(self.commune, number, minlength=n_communes)
        return float(pd.Series(sums).sum())


@dataclass(eq=False)
class Places:
    """Points at which people are counted, of all demands, each kept once."""

    points: list[gpd.GeoSeries] = field(default_factory=list)
    size: int = 0

    def add(self, demand: gpd.GeoDataFrame, communes: gpd.GeoDataFrame) -> People:
        """Take the places of a demand in; those of another year that are the same are shared."""
        points = demand.geometry.reset_index(drop=True)
        begin = 0
        for known in self.points:
            if len(known) == len(points) and known.geom_equals(points).all():
                break
            begin += len(known)
        else:
            self.points.append(points)
            self.size += len(points)
        number = demand["population"].to_numpy(dtype=float)
        row = commune_rows(demand["code_insee"], communes)
        return People(slice(begin, begin + len(points)), number, row)

    def all(self) -> gpd.GeoSeries:
        """Every place, one after the other."""
        return gpd.GeoSeries(pd.concat(self.points, ignore_index=True), crs=WGS84)


@dataclass(frozen=True, eq=False)
class Trips:
    """Times of all places under one profile, direction, set of sites and snapping.

    Attributes
    ----------
    time_s : float array (places,)
        To the nearest site; inf beyond the cut-off.
    on_road : bool array (places,)
    unheld : bool array (places,)
        Off the road where the data end: more data might show a road.
    rim_s : float array (places,)
        Least time of a trip that leaves the data.
    """

    time_s: Floats
    on_road: Bools
    unheld: Bools
    rim_s: Floats

    def complete(self, place: slice, reached: Bools, cutoff_s: float) -> bool:
        """Whether no trip that leaves the data could cover anybody who is not covered."""
        late = ~reached & self.on_road[place]
        outside = late & (self.rim_s[place] <= cutoff_s)
        return not bool(self.unheld[place].any() or outside.any())


class TripsUnder:
    """Searches one profile's network for all places; what was searched is kept.

    Parameters
    ----------
    study : Study
        Under the profile.
    places : GeoSeries
        Where people are counted.
    sites : dict of bool to GeoDataFrame
        Sites that count without and with the neighbours', as `around` has it.
    max_snap_m : float
        The farthest that any snapping reaches.
    cutoff_s : float
    """

    def __init__(
        self,
        study: Study,
        places: gpd.GeoSeries,
        sites: dict[bool, gpd.GeoDataFrame],
        *,
        max_snap_m: float,
        cutoff_s: float,
    ) -> None:
        self._network = network = study.network
        self._cutoff = cutoff_ms(cutoff_s)
        self._here = snap(network, places, max_snap_m=max_snap_m)
        self._there = {
            around: snap(network, ranked(table), max_snap_m=max_snap_m)
            for around, table in sites.items()
        }
        self._rim = rim_positions(network)
        self._extents, self._places = study.settings["extents"], places
        self._rim_s: dict[Direction, Floats] = {}
        self._kept: dict[tuple[object, ...], Floats] = {}

    def search(self, *, around: bool, direction: Direction, snapping: Snapping) -> Trips:
        """Times to the nearest site; see `Trips`."""
        there = within(self._there[around], snapping.max_snap_m)
        here = within(self._here, snapping.max_snap_m)
        on_road = here.segment >= 0
        time_s = self._nearest_s(self._here, there, direction, snapping.walk_kph)
        if direction not in self._rim_s:
            self._rim_s[direction] = self._nearest_s(self._here, self._rim, direction, None)
        beyond_s = 0.0
        if not around:  # from the rim such a trip has to come back to a site
            back_s = self._nearest_s(self._rim, there, direction, None)
            beyond_s = float(back_s.min(initial=np.inf))
        unheld = np.zeros(len(here), dtype=bool)
        unheld[~on_road] = at_the_end(
            self._places[~on_road], self._extents, metric_crs=self._network.metric_crs,
            max_snap_m=snapping.max_snap_m,
        )  # fmt: skip
        return Trips(
            np.where(on_road, time_s, np.inf), on_road, unheld, self._rim_s[direction] + beyond_s
        )

    def _nearest_s(
        self, here: Positions, there: Positions, direction: Direction, walk_kph: float | None
    ) -> Floats:
        # a shorter way to the road often takes no site away: then the times are the same
        sites = there.segment.tobytes(), there.share.tobytes()
        key = (here is self._rim, *sites, direction, walk_kph)
        if key not in self._kept:
            time_ms, _ = nearest(
                self._network, here, there, limit_ms=self._cutoff, towards=direction == "to",
                walk_kph=walk_kph,
            )  # fmt: skip
            self._kept[key] = seconds(time_ms)
        return self._kept[key]


def ranked(sites: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Sites by rank of their id: of equally near ones the first is named."""
    return sites.iloc[np.argsort(sites["facility_id"].astype(str).to_numpy(), kind="stable")]


def within(positions: Positions, max_snap_m: float) -> Positions:
    """Positions that no road is near enough to any more are on none."""
    far = positions.snap_m > max_snap_m
    return Positions(
        np.where(far, -1, positions.segment),
        np.where(far, 0.0, positions.share),
        np.where(far, np.inf, positions.snap_m),
    )
