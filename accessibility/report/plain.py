"""Tables and values -> what JSON can hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def plain_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table as plain values; None where one is missing or not finite.

    Examples
    --------
    >>> plain_rows(pd.DataFrame({"minutes": [1.5, np.inf], "sites": [2, 3]}))
    [{'minutes': 1.5, 'sites': 2}, {'minutes': None, 'sites': 3}]
    """
    records = table.astype(object).to_dict("records")
    return [{str(key): plain(value) for key, value in row.items()} for row in records]


def plain(value: Any) -> Any:
    """A value as JSON has it; None where nothing is known or it is not finite.

    Examples
    --------
    >>> plain(np.float64("nan")), plain(np.int32(3)), plain("a")
    (None, 3, 'a')
    """
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    if isinstance(value, np.generic):
        return value.item()
    return None if value is pd.NA else value
