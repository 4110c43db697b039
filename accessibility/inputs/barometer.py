"""The State's barometer of labels -> how many sites it counts at the end of each month."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pandas as pd

from accessibility.errors import InputError, UnknownNameError, first_of
from accessibility.inputs.csv import read_csv

INDICATOR = "nb-labellisations-france-services"


def read_barometer(path: str | Path, departement: str) -> pd.DataFrame:
    """Read the number of labels of a département, month by month.

    Parameters
    ----------
    path : path
        The file `barometer` of the catalogue: one row for each département and month.
    departement : str
        Code: "39".

    Returns
    -------
    DataFrame
        `date` (last day of the month), `labels`; by date. `attrs["source"]` names the file.

    Raises
    ------
    MissingInputError, InputError
        If the file is absent, has other columns, or dates or numbers that cannot be read.
    UnknownNameError
        If the file does not tell of the département.

    Examples
    --------
    >>> file = "../shared/data/sites/barometre-labellisations.csv"
    >>> read_barometer(file, "39")["labels"].max()  # doctest: +SKIP
    25
    """
    columns = ["id_indicateur", "code_departement", "date", "valeur"]
    table = read_csv(Path(path), columns=columns, what="the barometer")
    table = table[table["id_indicateur"] == INDICATOR]
    own = table[table["code_departement"] == departement]
    if own.empty:
        known = sorted(table["code_departement"].dropna().unique())
        raise UnknownNameError(
            f"{path} tells of no label of France services in département {departement}; it has "
            f"{first_of(known) or 'none'}."
        )
    dates = pd.to_datetime(own["date"], format="%Y-%m-%d", errors="coerce")
    labels = pd.to_numeric(own["valeur"], errors="coerce")
    wrong = dates.isna() | labels.isna() | (labels < 0) | (labels % 1 != 0)
    if wrong.any():
        raise InputError(
            f"{path}: no date such as 2020-01-31 with a whole number of labels can be read in "
            f"lines {first_of(own.index[wrong])}."
        )
    if dates.duplicated().any():
        raise InputError(
            f"{path}: département {departement} has two numbers of labels on "
            f"{first_of(sorted(set(dates[dates.duplicated()].dt.date)))}."
        )
    found = pd.DataFrame(
        {"date": dates.astype("datetime64[ms]").array, "labels": labels.astype(int).array}
    )
    found = found.sort_values("date", ignore_index=True)
    found.attrs["source"] = Path(path).name
    return found


def published_labels(published: dict[str, Any]) -> pd.DataFrame | None:
    """The same numbers from a study's published figures; None where it has none.

    Parameters
    ----------
    published : dict
        `study.settings["published"]`; its `labels` hold `first_month` (a day of it) and `counts`,
        at the end of that month and of each that follows.

    Examples
    --------
    >>> told = {"labels": {"first_month": dt.date(2020, 1, 1), "counts": [3, 5]}}
    >>> published_labels(told).values.tolist()
    [[Timestamp('2020-01-31 00:00:00'), 3], [Timestamp('2020-02-29 00:00:00'), 5]]
    """
    told = published.get("labels")
    if told is None:
        return None
    first: dt.date = told["first_month"]
    months = pd.period_range(first, periods=len(told["counts"]), freq="M")
    ends = months.end_time.normalize().astype("datetime64[ms]")
    return pd.DataFrame({"date": ends, "labels": [int(n) for n in told["counts"]]})
