"""Who reaches an open site, at every moment of the week."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from accessibility.analysis.coverage import share
from accessibility.analysis.pair_times import PairTimes, pair_times
from accessibility.errors import SettingError
from accessibility.inputs.opening_hours import MINUTES_OF_DAY, OpeningHours, clock, opening_hours
from accessibility.inputs.remarks import remarks
from accessibility.routing.times import Direction
from accessibility.study.study import Study

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
JOURS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")

OFFICE_MIN = (540, 1020)
"""From 9:00 to 17:00: when those who work by day are at work."""

SATURDAY = 5

TIME = re.compile(r"(\d{1,2})(?: ?h ?(\d{2})?|:(\d{2}))")

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Hours:
    """Answer to: who reaches a site that is open, and when in the week.

    Figures come twice: `_min` counts sites of unknown hours as closed, `_max` as open. They are
    the same where all hours are known.

    Attributes
    ----------
    week : DataFrame
        One row for each span of the week in which no site opens or closes: `weekday` (0 is
        Monday), `from_min`, `until_min` (minutes since midnight), `sites_open`, `sites_unknown`,
        `population_covered_min`, `population_covered_max`, `share_min`, `share_max`. Of weekdays
        that the list does not tell of there is no row.
    by_commune : GeoDataFrame
        `code_insee`, `name`, `population`, `share_ever_min`, `share_ever_max` (of its people, who
        reach an open site at some moment), `hours_min`, `hours_max` (hours a week in which one of
        its people reaches one, mean by people), `hours_outside_min`, `hours_outside_max` (of
        these, outside 9 to 17 h or on Saturday), contour.
    outside : DataFrame
        Who reaches an open site at some moment outside office hours: `when` ("before 9:00,
        Monday to Friday"; "from 17:00, Monday to Friday"; "on Saturday"; "any of these"),
        `population_covered_min`, `population_covered_max`, `share_min`, `share_max`.
    share_any_hour : float
        Share within the cut-off of a site, open or not: what `coverage` gives.
    population : float
    mean_hours_min, mean_hours_max : float
        Hours a week in which an inhabitant reaches an open site, mean by people.
    hours : OpeningHours
        As they were read, of the counted sites.
    remarks : DataFrame
        What the counted sites say beside their hours; see `accessibility.inputs.remarks`.
    pairs : PairTimes
        The drive times, and the choices behind them.
    """

    week: pd.DataFrame
    by_commune: gpd.GeoDataFrame
    outside: pd.DataFrame
    share_any_hour: float
    population: float
    mean_hours_min: float
    mean_hours_max: float
    hours: OpeningHours
    remarks: pd.DataFrame
    pairs: PairTimes

    def __repr__(self) -> str:
        best = self.week["share_min"].max() if len(self.week) else float("nan")
        return (
            f"<Hours: at most {best:.2%} at once within {self.pairs.minutes:g} minutes of an open "
            f"one of {len(self.pairs.sites)} sites>"
        )

    @property
    def all_known(self) -> bool:
        """Whether the hours of every counted site are known on every day that is told of."""
        return not bool(self.hours.days["status"].eq("unknown").any())

    def at(self, moment: str) -> dict[str, Any]:
        """Coverage at a moment of the week.

        A site counts as open from the minute at which it opens until the minute before the one
        at which it closes; the moment is that of the arrival.

        Parameters
        ----------
        moment : str
            Weekday, in French or English, and time: "mardi 18:30", "Saturday 9:00", "lundi 9h".

        Returns
        -------
        dict
            `weekday`, `minute`, `sites_open`, `sites_unknown` (numbers), `open`, `unknown` (ids),
            `population_covered_min`, `population_covered_max`, `share_min`, `share_max`.

        Raises
        ------
        SettingError
            For a text that is no moment, or a weekday that the list does not tell of.
        """
        weekday, minute = read_moment(moment)
        if weekday not in self.hours.weekdays:
            known = ", ".join(WEEKDAYS[day] for day in self.hours.weekdays)
            raise SettingError(
                f"nothing is known of {WEEKDAYS[weekday]}: the list of sites tells the hours of "
                f"{known} alone."
            )
        table = self.week
        row = table[
            (table["weekday"] == weekday)
            & (table["from_min"] <= minute)
            & (table["until_min"] > minute)
        ].iloc[0]
        span = self.hours.intervals
        on = (span["weekday"] == weekday) & (span["opens_min"] <= minute)
        opened = set(span.loc[on & (span["closes_min"] > minute), "facility_id"])
        days = self.hours.days
        dark = days["weekday"].eq(weekday) & days["status"].eq("unknown")
        unknown = set(days.loc[dark, "facility_id"])
        ids = self.pairs.sites["facility_id"].astype(str)
        return {
            "weekday": weekday,
            "minute": minute,
            "sites_open": int(row["sites_open"]),
            "sites_unknown": int(row["sites_unknown"]),
            "open": [i for i in ids if i in opened],
            "unknown": [i for i in ids if i in unknown],
            **{
                name: float(row[name])
                for name in ("population_covered_min", "population_covered_max",
                             "share_min", "share_max")
            },
        }  # fmt: skip


def hours(
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
) -> Hours:
    """Share of the inhabitants who reach an open site, at every moment of the week.

    Everything absent is taken from the study's defaults.

    Parameters
    ----------
    study : Study
    demand, minutes, as_of, population, direction, around, max_snap_m, walk_kph
        As in `coverage`.
    sites : GeoDataFrame, optional
        Sites of one's own instead of the study's, as in `coverage`, with opening hours in columns
        `h_lundi` to `h_dimanche`; see `accessibility.inputs.opening_hours`.

    Returns
    -------
    Hours

    Raises
    ------
    InputError
        If the sites have no column of hours.
    SettingError, UnknownNameError, CrsError
        As `coverage` does.

    Notes
    -----
    The hours are those of the day of the list, whatever day the sites are counted on. A site
    counts at a moment if it is open then; that the visit must end before it closes is not asked.
    Coverage changes only when a site opens or closes, so the spans of `week` are exact.

    Examples
    --------
    >>> import accessibility as acc
    >>> week = acc.hours(acc.load_study("jura"))
    >>> week.at("mardi 10:00")["sites_open"], week.at("samedi 15:00")["sites_open"]
    (23, 0)
    """
    pairs = pair_times(
        study, demand, minutes=minutes, as_of=as_of, population=population, direction=direction,
        around=around, sites=sites, max_snap_m=max_snap_m, walk_kph=walk_kph, within_cutoff=True,
    )  # fmt: skip
    read = opening_hours(pairs.sites)
    ids = pairs.sites["facility_id"].astype(str).tolist()
    spans = _spans(read)
    opened, unknown = _open_sites(read, spans, ids)
    # places that reach the same sites are covered at the same moments
    patterns, which = np.unique(pairs.reached, axis=0, return_inverse=True)
    which = np.asarray(which).reshape(-1)
    covered_min = _any_of(patterns, opened)
    covered_max = _any_of(patterns, opened | unknown)
    people = pairs.people
    crowd: Floats = np.bincount(which, weights=people, minlength=len(patterns)).astype(float)
    total = float(people.sum())
    week = spans.assign(sites_open=opened.sum(axis=1), sites_unknown=unknown.sum(axis=1))
    week = _with_shares(week, crowd @ covered_min, crowd @ covered_max, total)
    length_h = (spans["until_min"] - spans["from_min"]).to_numpy(dtype=float) / 60.0
    when = _outside(spans)
    bounds = {"min": covered_min, "max": covered_max}
    ever_min, ever_max = (
        np.array([crowd @ c[:, chosen].any(axis=1) for chosen in when.values()], dtype=float)
        for c in bounds.values()
    )
    outside_h = length_h * when["any of these"]
    by_commune = _by_commune(
        study,
        pairs,
        which,
        {
            **{f"share_ever_{name}": c.any(axis=1).astype(float) for name, c in bounds.items()},
            **{f"hours_{name}": c @ length_h for name, c in bounds.items()},
            **{f"hours_outside_{name}": c @ outside_h for name, c in bounds.items()},
        },
    )
    return Hours(
        week=week,
        by_commune=by_commune,
        outside=_with_shares(pd.DataFrame({"when": list(when)}), ever_min, ever_max, total),
        share_any_hour=share(float(crowd @ patterns.any(axis=1)), total),
        population=total,
        mean_hours_min=share(float(crowd @ (covered_min @ length_h)), total),
        mean_hours_max=share(float(crowd @ (covered_max @ length_h)), total),
        hours=read,
        remarks=remarks(pairs.sites),
        pairs=pairs,
    )


def read_moment(text: str) -> tuple[int, int]:
    """Weekday (0 is Monday) and minute since midnight of a moment as people write it.

    Raises
    ------
    SettingError
        If it is none.

    Examples
    --------
    >>> read_moment("mardi 18:30"), read_moment("Saturday 9h")
    ((1, 1110), (5, 540))
    """
    day, _, time = text.strip().casefold().partition(" ")
    names = {name.casefold(): i for names in (WEEKDAYS, JOURS) for i, name in enumerate(names)}
    if day not in names:
        raise SettingError(
            f"{text!r} does not begin with a weekday; one such as mardi 18:30 or Tuesday 18:30 is "
            f"expected: {', '.join(JOURS)}, or {', '.join(WEEKDAYS)}."
        )
    match = TIME.fullmatch(time.strip())
    hour, minute = (int(match[1]), int(match[2] or match[3] or 0)) if match else (24, 0)
    if hour > 23 or minute > 59:
        raise SettingError(
            f"{time.strip()!r} in {text!r} is no time of day; one from 0:00 to 23:59, such as "
            "18:30 or 18h30, is expected."
        )
    return names[day], hour * 60 + minute


def _spans(read: OpeningHours) -> pd.DataFrame:
    """Spans of the week in which nothing changes; office hours begin and end one too."""
    rows = []
    for day in read.weekdays:
        of_day = read.intervals[read.intervals["weekday"] == day]
        edges = np.unique(
            np.concatenate(
                [of_day["opens_min"], of_day["closes_min"], [0, *OFFICE_MIN, MINUTES_OF_DAY]]
            ).astype(int)
        )
        rows += [(day, int(a), int(b)) for a, b in pairwise(edges)]
    return pd.DataFrame(rows, columns=["weekday", "from_min", "until_min"])


def _open_sites(read: OpeningHours, spans: pd.DataFrame, ids: list[str]) -> tuple[Bools, Bools]:
    """Which sites are open, and of which nothing is known: (spans, sites)."""
    column = {facility_id: i for i, facility_id in enumerate(ids)}
    opened = np.zeros((len(spans), len(ids)), dtype=bool)
    unknown = np.zeros_like(opened)
    weekday, begins = spans["weekday"].to_numpy(), spans["from_min"].to_numpy()
    for row in read.intervals.itertuples(index=False):
        on = (weekday == row.weekday) & (begins >= row.opens_min) & (begins < row.closes_min)
        opened[on, column[str(row.facility_id)]] = True
    dark = read.days[read.days["status"] == "unknown"]
    for row in dark.itertuples(index=False):
        unknown[weekday == row.weekday, column[str(row.facility_id)]] = True
    return opened, unknown


def _any_of(patterns: Bools, opened: Bools) -> Bools:
    """Whether places of each pattern reach an open site in each span: (patterns, spans)."""
    return np.asarray(patterns.astype(np.float32) @ opened.T.astype(np.float32) > 0)


def _outside(spans: pd.DataFrame) -> dict[str, Bools]:
    """Spans outside office hours, by name."""
    on_week = (spans["weekday"] < SATURDAY).to_numpy()
    begins, opens, closes = spans["from_min"].to_numpy(), *OFFICE_MIN
    found = {
        f"before {clock(opens).lstrip('0')}, Monday to Friday": on_week & (begins < opens),
        f"from {clock(closes)}, Monday to Friday": on_week & (begins >= closes),
        "on Saturday": (spans["weekday"] == SATURDAY).to_numpy(),
    }
    return found | {"any of these": np.logical_or.reduce(list(found.values()))}


def _with_shares(table: pd.DataFrame, least: Floats, most: Floats, total: float) -> pd.DataFrame:
    whole = total if total > 0 else np.nan
    return table.assign(
        population_covered_min=least,
        population_covered_max=most,
        share_min=least / whole,
        share_max=most / whole,
    )


def _by_commune(
    study: Study, pairs: PairTimes, which: npt.NDArray[np.intp], values: dict[str, Floats]
) -> gpd.GeoDataFrame:
    """Means by people of what each place has; where nobody lives, places count alike."""
    n, row = len(study.communes), pairs.commune
    known = np.bincount(row, minlength=n) > 0
    known &= np.bincount(row, pairs.demand["population"].isna(), minlength=n) == 0
    people = np.bincount(row, pairs.people, minlength=n)
    weight = np.where(people[row] > 0, pairs.people, 1.0)
    total = np.bincount(row, weight, minlength=n)
    total = np.where(total > 0, total, np.nan)
    return gpd.GeoDataFrame(
        {
            "code_insee": study.communes["code_insee"].array,
            "name": study.communes["name"].array,
            "population": np.where(known, people, np.nan),
            **{
                name: np.bincount(row, weight * of[which], minlength=n) / total
                for name, of in values.items()
            },
        },
        geometry=study.communes.geometry.array,
    )
