"""Opening hours as text -> weekly intervals, with an account of every cell."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from accessibility.errors import InputError
from accessibility.schema import OPENING_HOURS, validate

HOUR_COLUMNS = (
    "h_lundi", "h_mardi", "h_mercredi", "h_jeudi", "h_vendredi", "h_samedi", "h_dimanche",
)  # fmt: skip
"""Columns of opening hours by weekday, Monday first; ANCT's list has none for Sunday."""

MINUTES_OF_DAY = 1440

PIECE = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")
"""One interval: "09:00 - 12:00"."""

ACTIONS = {
    "fillers": "filler dropped",
    "duplicates": "duplicate dropped",
    "overlaps": "overlap merged",
    "touching": "touching joined",
    "reordered": "put in order",
}
"""What may be done to a cell that can be read, in the order in which it is told."""

UNREADABLE, REVERSED, FILLER_ONLY, REGULAR = "unreadable", "reversed", "filler only", "regular"

Interval = tuple[int, int]


@dataclass(frozen=True)
class Cell:
    """What one cell says, and what was done to it.

    Attributes
    ----------
    intervals : tuple of (int, int)
        Minutes since midnight at which the site opens and closes: in order, apart from each
        other. Empty where a piece cannot be read or is reversed: the day is then unknown.
    pieces : int
        Intervals as written. They are the kept ones, `fillers`, `duplicates`, `overlaps`,
        `touching`, `unreadable`, `reversed` and `set_aside` together.
    fillers : int
        Of no length: "00:00 - 00:00".
    duplicates : int
        The same as an earlier one.
    overlaps, touching : int
        Joined with the one before, because they overlap, or begin when it ends.
    reordered : bool
        They stood in another order.
    unreadable, reversed : int
        No interval at all; one that ends before it begins.
    set_aside : int
        Readable pieces beside one that is not.
    """

    intervals: tuple[Interval, ...]
    pieces: int
    fillers: int = 0
    duplicates: int = 0
    overlaps: int = 0
    touching: int = 0
    reordered: bool = False
    unreadable: int = 0
    reversed: int = 0
    set_aside: int = 0

    @property
    def outcome(self) -> str:
        """What was done, in words: "regular" where nothing was."""
        if self.unreadable:
            return UNREADABLE
        if self.reversed:
            return REVERSED
        if not self.intervals:
            return FILLER_ONLY
        done = [words for name, words in ACTIONS.items() if getattr(self, name)]
        return ", ".join(done) or REGULAR

    @property
    def known(self) -> bool:
        """Whether the hours of the day are known."""
        return not (self.unreadable or self.reversed)


@dataclass(frozen=True)
class OpeningHours:
    """Weekly opening hours of sites, and how they were read.

    Attributes
    ----------
    intervals : DataFrame
        `accessibility.schema.OPENING_HOURS`: `facility_id`, `weekday` (0 is Monday),
        `opens_min`, `closes_min` (minutes since midnight; open from the first, no longer at the
        second). In order and apart within a day.
    days : DataFrame
        One row for each site and each weekday of the table: `facility_id`, `weekday`, `status`:
        "open" at some time, "closed" (an empty cell, while other days have hours), or "unknown"
        (the site has no hours at all, or the cell cannot be read).
    cells : DataFrame
        One row for each cell that is not empty: `facility_id`, `weekday`, `text`, `outcome`,
        `pieces`, `kept`, `fillers`, `duplicates`, `overlaps`, `touching`, `reordered`,
        `unreadable`, `reversed`, `set_aside`.
    weekdays : tuple of int
        Those that the table tells of; of any other nothing is known.
    """

    intervals: pd.DataFrame
    days: pd.DataFrame
    cells: pd.DataFrame
    weekdays: tuple[int, ...]

    def __repr__(self) -> str:
        return (
            f"<OpeningHours: {self.days['facility_id'].nunique()} sites, "
            f"{len(self.intervals)} intervals from {len(self.cells)} cells>"
        )

    @property
    def outcomes(self) -> dict[str, int]:
        """Number of cells by what was done to them, the most frequent first."""
        counts = self.cells["outcome"].value_counts()
        ordered = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
        return {str(name): int(n) for name, n in ordered}

    @property
    def without_hours(self) -> list[str]:
        """Ids of sites of which no day is known: they count as unknown, never as closed."""
        unknown = self.days["status"].eq("unknown").groupby(self.days["facility_id"], sort=False)
        return [str(i) for i, all_unknown in unknown.all().items() if all_unknown]


def read_cell(text: str) -> Cell:
    """Read the hours of one day.

    Nothing is guessed: a piece that cannot be read, or that ends before it begins, makes the
    whole day unknown.

    Parameters
    ----------
    text : str
        Such as "09:00 - 12:00 / 13:30 - 17:00".

    Returns
    -------
    Cell

    Examples
    --------
    >>> read_cell("09:00 - 12:00 / 13:30 - 17:00").intervals
    ((540, 720), (810, 1020))
    >>> cell = read_cell("00:00 - 00:00 / 09:00 - 17:00 / 09:00 - 12:00")
    >>> cell.intervals, cell.outcome
    (((540, 1020),), 'filler dropped, overlap merged, put in order')
    """
    pieces = [piece.strip() for piece in text.split("/")]
    read = [_interval(piece) for piece in pieces]
    found = [piece for piece in read if piece is not None]
    unreadable = len(read) - len(found)
    backwards = sum(closes < opens for opens, closes in found)
    if unreadable or backwards:
        aside = len(found) - backwards
        return Cell((), len(pieces), unreadable=unreadable, reversed=backwards, set_aside=aside)
    filled = [piece for piece in found if piece[0] < piece[1]]
    distinct = list(dict.fromkeys(filled))
    ordered = sorted(distinct)
    kept, overlaps, touching = _joined(ordered)
    return Cell(
        tuple(kept),
        len(pieces),
        fillers=len(found) - len(filled),
        duplicates=len(filled) - len(distinct),
        overlaps=overlaps,
        touching=touching,
        reordered=ordered != distinct,
    )


def _interval(piece: str) -> Interval | None:
    match = PIECE.fullmatch(piece)
    if match is None:
        return None
    hours = int(match[1]), int(match[3])
    minutes = int(match[2]), int(match[4])
    opens, closes = (h * 60 + m for h, m in zip(hours, minutes, strict=True))
    if max(minutes) > 59 or max(opens, closes) > MINUTES_OF_DAY:
        return None
    return opens, closes


def _joined(ordered: list[Interval]) -> tuple[list[Interval], int, int]:
    """Join what overlaps or touches; how often each happened."""
    kept: list[Interval] = []
    overlaps = touching = 0
    for opens, closes in ordered:
        if kept and opens <= kept[-1][1]:
            overlaps += opens < kept[-1][1]
            touching += opens == kept[-1][1]
            kept[-1] = kept[-1][0], max(kept[-1][1], closes)
        else:
            kept.append((opens, closes))
    return kept, overlaps, touching


def written(intervals: Iterable[Interval]) -> str:
    """Intervals as the list writes them.

    Examples
    --------
    >>> written([(540, 720), (810, 1020)])
    '09:00 - 12:00 / 13:30 - 17:00'
    """
    return " / ".join(f"{clock(opens)} - {clock(closes)}" for opens, closes in intervals)


def clock(minute: int) -> str:
    """Minutes since midnight as a clock shows them.

    Examples
    --------
    >>> clock(1110)
    '18:30'
    """
    return f"{minute // 60:02d}:{minute % 60:02d}"


def opening_hours(sites: pd.DataFrame) -> OpeningHours:
    """Read the weekly opening hours of a table of sites.

    Parameters
    ----------
    sites : DataFrame
        `facility_id` and, of `h_lundi` to `h_dimanche`, those that the list has: text, empty
        where a site tells nothing of the day.

    Returns
    -------
    OpeningHours

    Raises
    ------
    InputError
        If the table has no column of hours.

    Notes
    -----
    A cell with several intervals is their union: where it says both 09:00 - 17:00 and
    09:00 - 12:00 / 14:00 - 17:00, the site counts as open at noon. A cell that holds nothing
    but fillers says no more than an empty one. An empty cell means closed if the site has hours
    on another day; a site without any hours is unknown on every day.

    Examples
    --------
    >>> import accessibility as acc
    >>> jura = acc.load_study("jura")
    >>> opening_hours(jura.sites[jura.sites["in_study"]]).outcomes
    {'regular': 126}
    """
    weekdays = tuple(day for day, name in enumerate(HOUR_COLUMNS) if name in sites.columns)
    if not weekdays:
        raise InputError(
            f"the table of sites has no opening hours; columns such as {HOUR_COLUMNS[0]}, with "
            '"09:00 - 12:00 / 13:30 - 17:00", are expected: nothing is known of when they open.'
        )
    ids = sites["facility_id"].astype(str).to_numpy()
    read: dict[str, Cell] = {}
    rows: list[tuple[str, int, str, Cell]] = []
    for day in weekdays:
        texts = sites[HOUR_COLUMNS[day]].astype(object).tolist()
        for facility_id, text in zip(ids, texts, strict=True):
            if isinstance(text, str) and text.strip():
                cell = read.setdefault(text, read_cell(text))
                rows.append((facility_id, day, text, cell))
    rank = {facility_id: i for i, facility_id in enumerate(ids)}
    rows.sort(key=lambda row: (rank[row[0]], row[1]))
    intervals = pd.DataFrame(
        [(i, day, *interval) for i, day, _, cell in rows for interval in cell.intervals],
        columns=list(OPENING_HOURS.columns),
    ).astype({"facility_id": object, "weekday": int, "opens_min": int, "closes_min": int})
    validate(intervals, OPENING_HOURS)
    return OpeningHours(intervals, _days(ids, weekdays, rows), _cells(rows), weekdays)


def _days(
    ids: np.ndarray, weekdays: tuple[int, ...], rows: list[tuple[str, int, str, Cell]]
) -> pd.DataFrame:
    told = {(i, day): cell for i, day, _, cell in rows}
    with_hours = {i for i, _, _, cell in rows if cell.intervals}
    table = []
    for facility_id in ids:
        for day in weekdays:
            cell = told.get((facility_id, day))
            if facility_id not in with_hours or (cell is not None and not cell.known):
                status = "unknown"
            else:
                status = "open" if cell is not None and cell.intervals else "closed"
            table.append((facility_id, day, status))
    return pd.DataFrame(table, columns=["facility_id", "weekday", "status"])


def _cells(rows: list[tuple[str, int, str, Cell]]) -> pd.DataFrame:
    counts = ["pieces", *ACTIONS, "unreadable", "reversed", "set_aside"]
    table = pd.DataFrame(
        [
            (i, day, text, cell.outcome, len(cell.intervals), *(getattr(cell, n) for n in counts))
            for i, day, text, cell in rows
        ],
        columns=["facility_id", "weekday", "text", "outcome", "kept", *counts],
    )
    return table.astype({"reordered": bool})
