"""Tables -> rows that JSON can hold."""

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
    return [{str(key): _plain(value) for key, value in row.items()} for row in records]


def _plain(value: Any) -> Any:
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    if value is pd.NA:
        return None
    return value.item() if isinstance(value, np.generic) else value
