"""CSV files as publishers and spreadsheets write them -> tables of text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from accessibility.errors import InputError, MissingInputError


def read_csv(path: Path, *, columns: Sequence[str] = (), what: str) -> pd.DataFrame:
    """Read a CSV file, all cells as text, empty ones missing.

    The separator is the one of comma, semicolon and tab that the first line holds most of:
    French spreadsheets write semicolons.

    Raises
    ------
    MissingInputError, InputError
        If the file is absent, is not UTF-8, has ragged lines or lacks one of `columns`.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            head = file.readline()
            separator = max(",;\t", key=head.count)
            table = pd.read_csv(
                path, sep=separator, dtype=str, encoding="utf-8-sig", keep_default_na=False
            )
    except FileNotFoundError as error:
        raise MissingInputError(f"{what} {path} is not there.") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{what} {path} is not UTF-8 ({error.reason} at byte {error.start}): "
            "save it again as CSV UTF-8."
        ) from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{what} {path} cannot be read as CSV: {reason}.") from error
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise InputError(
            f"{what} {path} lacks the columns {', '.join(missing)}; "
            f"it has {', '.join(map(str, table.columns))}."
        )
    stripped: pd.DataFrame = table.apply(lambda c: c.str.strip())
    return stripped.replace("", None)
