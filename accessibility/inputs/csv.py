"""CSV files as publishers and spreadsheets write them -> tables of text."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from accessibility.errors import InputError, MissingInputError, first_of


def read_csv(path: Path, *, columns: Sequence[str] = (), what: str) -> pd.DataFrame:
    """Read a CSV file, all cells as text, empty ones missing; the index is the line of the file.

    The separator is the one of comma, semicolon and tab that the first line holds most of:
    French spreadsheets write semicolons.

    Raises
    ------
    MissingInputError, InputError
        If the file is absent, is not UTF-8, has ragged lines or lacks one of `columns`.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = file.readline()
            file.seek(0)
            reader = csv.reader(file, delimiter=max(",;\t", key=head.count), strict=True)
            rows = [(reader.line_num, row) for row in reader if row]
    except FileNotFoundError as error:
        raise MissingInputError(f"{what} {path} is not there.") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{what} {path} is not UTF-8 ({error.reason} at byte {error.start}): "
            "save it again as CSV UTF-8."
        ) from error
    except csv.Error as error:
        raise InputError(f"{what} {path} cannot be read as CSV: {error}.") from error
    if not rows:
        raise InputError(f"{what} {path} is empty; a line of column names is expected.")
    names, cells = rows[0][1], [row for _, row in rows[1:]]
    lines = [line for line, _ in rows[1:]]
    if repeated := sorted({name for name in names if name and names.count(name) > 1}):
        raise InputError(f"{what} {path} has several columns named {first_of(repeated)}.")
    ragged = [line for line, row in zip(lines, cells, strict=True) if len(row) != len(names)]
    if ragged:
        raise InputError(
            f"{what} {path} has {len(names)} columns, but another number of cells in lines "
            f"{first_of(ragged)}: a cell that holds the separator needs quotes."
        )
    table = pd.DataFrame(cells, columns=names, index=pd.Index(lines, name="line"), dtype=str)
    table = table.loc[:, [name != "" for name in names]]  # what spreadsheets leave at the end
    _check_columns(table, columns, path, what)
    stripped: pd.DataFrame = table.apply(lambda c: c.str.strip())
    return stripped.replace("", None)


def read_xlsx(path: Path, *, columns: Sequence[str] = (), what: str) -> pd.DataFrame:
    """Read the first sheet of an XLSX file as `read_csv` reads a CSV file.

    Raises
    ------
    MissingInputError, InputError
        If the file is absent, is no XLSX file or lacks one of `columns`.
    """
    if not path.is_file():
        raise MissingInputError(f"{what} {path} is not there.")
    try:
        table = pd.read_excel(path, dtype=str, engine="openpyxl")
    except Exception as error:  # a damaged archive makes the reader fail in many ways
        raise InputError(f"{what} {path} cannot be read as XLSX: {error}.") from error
    _check_columns(table, columns, path, what)
    stripped: pd.DataFrame = table.apply(lambda c: c.str.strip())
    return stripped.replace("", None)


def _check_columns(table: pd.DataFrame, columns: Sequence[str], path: Path, what: str) -> None:
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise InputError(
            f"{what} {path} lacks the columns {', '.join(missing)}; "
            f"it has {', '.join(map(str, table.columns))}."
        )
