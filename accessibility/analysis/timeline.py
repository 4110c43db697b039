"""How coverage grew as sites were labelled, and whether the dates agree with the barometer."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd

from accessibility.analysis.cantons import cantons_covered
from accessibility.analysis.choices import checked_day, counted_sites, own_sites
from accessibility.analysis.coverage import share
from accessibility.analysis.pair_times import PairTimes, pair_times
from accessibility.errors import InputError, SettingError
from accessibility.inputs.barometer import published_labels
from accessibility.routing.times import Direction
from accessibility.study.study import Study


@dataclass(frozen=True)
class Timeline:
    """Answer to: who reached a site, from label date to label date.

    Attributes
    ----------
    dates : DataFrame
        One row for each day on which a counted site was labelled, and for the first and the last
        day that were asked for: `date`, `labelled` (sites, on that day), `sites` (by then),
        `share`, `population_covered`, `mean_minutes` (of a trip to the nearest site, mean by
        people, over those who reach one), `people_not_reached` (by any road), `cantons_covered`,
        `cantons_covered_max`, `cantons` (missing where no table tells).
    population : float
    requests : DataFrame
        `year`, `requests`, as published, `sites` (labelled by the end of the year, or of the
        timeline in its last one); empty where none are.
    labels : DataFrame or None
        The territory's own labels against the barometer's, as `labels_compared` gives them; None
        where no barometer is known.
    labels_source : str or None
    undated : list of str
        Ids of sites without a label date: they count on every day.
    pairs : PairTimes
        The drive times, and the choices behind them.
    """

    dates: pd.DataFrame
    population: float
    requests: pd.DataFrame
    labels: pd.DataFrame | None
    labels_source: str | None
    undated: list[str]
    pairs: PairTimes

    def __repr__(self) -> str:
        first, last = self.dates.iloc[0], self.dates.iloc[-1]
        return (
            f"<Timeline: {first['share']:.2%} with {first['sites']} sites on "
            f"{first['date'].date()}, {last['share']:.2%} with {last['sites']} on "
            f"{last['date'].date()}>"
        )


def timeline(
    study: Study,
    demand: str | gpd.GeoDataFrame | None = None,
    *,
    minutes: float | None = None,
    since: dt.date | str | None = None,
    until: dt.date | str | None = None,
    population: int | None = None,
    direction: Direction | None = None,
    around: bool = False,
    sites: gpd.GeoDataFrame | None = None,
    max_snap_m: float | None = None,
    walk_kph: float | None = None,
    barometer: pd.DataFrame | None = None,
) -> Timeline:
    """Coverage on each day on which a site was labelled.

    Everything absent is taken from the study's defaults. The population is that of one census
    year throughout: only the sites change.

    Parameters
    ----------
    study : Study
    demand, minutes, population, direction, around, sites, max_snap_m, walk_kph
        As in `coverage`.
    since : date or ISO text, optional
        First day; that of the first label if absent.
    until : date or ISO text, optional
        Last day; the study's `as_of` if absent. On it the figures are those of `coverage`.
    barometer : DataFrame, optional
        `date`, `labels`, as `accessibility.inputs.barometer` reads them; the study's published
        numbers if absent.

    Returns
    -------
    Timeline

    Raises
    ------
    SettingError
        If a day lies before the first label, or the last day before the first one.
    InputError
        If no counted site has a label date.
    UnknownNameError, CrsError
        As `coverage` does.

    Notes
    -----
    The list of sites is of one day: a site that closed before is in no row.

    Examples
    --------
    >>> import accessibility as acc
    >>> grown = acc.timeline(acc.load_study("jura"))
    >>> grown.dates[["date", "sites"]].iloc[[0, -1]].astype(str).values.tolist()
    [['2020-01-01', '3'], ['2022-11-15', '25']]
    """
    ever = _ever_counted(study, sites, around=around)
    first_label = _label_dates(ever).min().date()
    last = checked_day(study.default("as_of") if until is None else until)
    first = first_label if since is None else checked_day(since)
    for day in (first, last):
        if day < first_label:
            raise SettingError(
                f"on {day} no counted site had a label yet: the first was labelled on "
                f"{first_label}; give a day from then on."
            )
    if first > last:
        raise SettingError(f"the first day, {first}, lies after the last, {last}.")
    pairs = pair_times(
        study, demand, minutes=minutes, as_of=last, population=population, direction=direction,
        around=around, sites=sites, max_snap_m=max_snap_m, walk_kph=walk_kph, by_label_date=True,
    )  # fmt: skip
    dates = _label_dates(pairs.sites)
    days = sorted({first, last, *(d.date() for d in dates.dropna() if first <= d.date() <= last)})
    people = pairs.people
    rows = [_row(study, pairs, dates, day, people) for day in days]
    known = barometer
    published = study.settings.get("published", {})
    source = None if barometer is None else str(barometer.attrs.get("source", "as given"))
    if known is None and sites is None:
        known = published_labels(published)
        source = None if known is None else str(published["labels"]["source"])
    own = pairs.sites[pairs.sites["in_study"].to_numpy(dtype=bool)]
    labels = None
    if known is not None:
        told = _ever_counted(study, sites, around=False)
        labels = labels_compared(told[told["in_study"].to_numpy(dtype=bool)], known)
    return Timeline(
        dates=pd.DataFrame(rows),
        population=float(people.sum()),
        requests=_requests(published, own, last) if sites is None else _requests({}, own, last),
        labels=labels,
        labels_source=source,
        undated=pairs.sites.loc[dates.isna().to_numpy(), "facility_id"].astype(str).tolist(),
        pairs=pairs,
    )


def labels_compared(sites: pd.DataFrame, barometer: pd.DataFrame) -> pd.DataFrame:
    """Numbers of labels at the end of each month: the barometer's and the list's.

    Where the barometer counts more, the sites of the list that make up the difference are those
    labelled next; where it counts less, those labelled last. They are named, with their dates.

    Parameters
    ----------
    sites : DataFrame
        Sites of the territory that count, whenever labelled: `facility_id`, `label_date`.
    barometer : DataFrame
        `date`, `labels`.

    Returns
    -------
    DataFrame
        `date`, `barometer`, `list`, `difference` (barometer minus list), `facility_ids` (of the
        sites that make it up, empty where there are none), `label_dates` (theirs, as ISO text),
        `agree_again` (first later month's end at which both agree; missing where none is).

    Examples
    --------
    >>> sites = pd.DataFrame({"facility_id": ["a", "b"],
    ...                       "label_date": pd.to_datetime(["2020-01-01", "2020-02-15"])})
    >>> told = pd.DataFrame({"date": pd.to_datetime(["2020-01-31", "2020-02-29"]),
    ...                      "labels": [2, 2]})
    >>> labels_compared(sites, told)[["barometer", "list", "facility_ids"]].values.tolist()
    [[2, 1, 'b'], [2, 2, '']]
    """
    dated = sites.assign(label_date=_label_dates(sites)).dropna(subset=["label_date"])
    ranked = dated.sort_values(["label_date", "facility_id"], ignore_index=True)
    ids, dates = ranked["facility_id"].astype(str), ranked["label_date"]
    told = barometer.sort_values("date", ignore_index=True)
    by_then = np.searchsorted(dates.to_numpy(), told["date"].to_numpy(), side="right")
    difference = told["labels"].to_numpy() - by_then
    equal = told["date"].where(difference == 0).bfill()
    rows = []
    for k, (gap, n) in enumerate(zip(difference, by_then, strict=True)):
        chosen = ranked.index[n : n + gap] if gap > 0 else ranked.index[n + gap : n]
        days = sorted({d.date().isoformat() for d in dates[chosen]})
        again = equal.iloc[k] if gap else pd.NaT
        rows.append((", ".join(ids[chosen]), ", ".join(days), again))
    table = pd.DataFrame(rows, columns=["facility_ids", "label_dates", "agree_again"])
    return pd.DataFrame(
        {
            "date": told["date"].array,
            "barometer": told["labels"].array,
            "list": by_then,
            "difference": difference,
            "facility_ids": table["facility_ids"].array,
            "label_dates": table["label_dates"].array,
            "agree_again": pd.to_datetime(table["agree_again"]).array,
        }
    )


def _ever_counted(
    study: Study, sites: gpd.GeoDataFrame | None, *, around: bool
) -> gpd.GeoDataFrame:
    """Sites that count on some day."""
    every = study.sites if sites is None else sites
    dates = _label_dates(every)
    if not dates.notna().any():
        raise InputError("no site has a label date; a timeline needs the days of their labels.")
    end = dates.max().date()
    if sites is None:
        return counted_sites(every, end, around=around)
    return own_sites(sites, study, end)


def _label_dates(sites: pd.DataFrame) -> pd.Series:
    if "label_date" not in sites:
        raise InputError("the sites have no label_date; a timeline needs the days of their labels.")
    return pd.to_datetime(sites["label_date"]).astype("datetime64[ms]")


def _row(
    study: Study, pairs: PairTimes, dates: pd.Series, day: dt.date, people: np.ndarray
) -> dict[str, object]:
    now = ~(dates > pd.Timestamp(day)).to_numpy()
    least_s = pairs.time_s[:, np.unique(pairs.group[now])].min(axis=1, initial=np.inf)
    reached = np.isfinite(least_s)
    covered = float(people[least_s <= pairs.cutoff_s].sum())
    own = now & pairs.sites["in_study"].to_numpy(dtype=bool)
    cantons = cantons_covered(pairs.sites.loc[own, "code_insee"], study.communes, study.cantons)
    time = share(float(people[reached] @ least_s[reached]), float(people[reached].sum()))
    return {
        "date": pd.Timestamp(day),
        "labelled": int((dates == pd.Timestamp(day)).sum()),
        "sites": int(now.sum()),
        "share": share(covered, float(people.sum())),
        "population_covered": covered,
        "mean_minutes": time / 60.0,
        "people_not_reached": float(people[~reached].sum()),
        "cantons_covered": cantons.covered,
        "cantons_covered_max": cantons.covered_max,
        "cantons": cantons.total,
    }


def _requests(published: dict[str, object], own: pd.DataFrame, last: dt.date) -> pd.DataFrame:
    """Requests that were published by year, with the sites that the list has by then."""
    told = published.get("requests", {})
    assert isinstance(told, dict)
    dates = _label_dates(own)
    rows = []
    for year, number in sorted(told.items()):
        end = min(dt.date(int(year), 12, 31), last)
        if dt.date(int(year), 1, 1) <= last:
            by_then = int((~(dates > pd.Timestamp(end))).sum())
            rows.append((int(year), int(number), by_then))
    return pd.DataFrame(rows, columns=["year", "requests", "sites"])
