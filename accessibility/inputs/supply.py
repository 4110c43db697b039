"""A file of what sites offer, that a planner made -> a number for each site."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from accessibility.errors import InputError, first_of
from accessibility.inputs.csv import read_csv


def read_supply(path: Path) -> pd.Series:
    """Read what sites offer.

    Parameters
    ----------
    path : Path
        CSV with `facility_id` and `supply`, such as the number of desks.

    Returns
    -------
    Series
        Numbers by `facility_id`.

    Raises
    ------
    MissingInputError, InputError
        If the file is absent or no such CSV, has no rows, or lines lack an id or a number.
    """
    table = read_csv(path, columns=("facility_id", "supply"), what="the supply")
    if table.empty:
        raise InputError(f"the supply {path} has no rows; one for each site is expected.")
    numbers = pd.to_numeric(table["supply"], errors="coerce")
    wrong = numbers.isna() | table["facility_id"].isna()
    if wrong.any():
        raise InputError(
            f"the supply {path} has no site or no number in lines {first_of(table.index[wrong])}; "
            "facility_id and a number such as 2.5 are expected."
        )
    found: pd.Series = numbers.astype(float).set_axis(table["facility_id"])
    return found
