"""What can go wrong for a user, one class for each cause.

Every one is an `AccessibilityError`, whose message is one sentence that says what
was found, what was expected and what to do. The command line prints that sentence
and ends with exit code 1; anything else that is raised is a defect of ours.
"""

from __future__ import annotations

from collections.abc import Iterable


class AccessibilityError(Exception):
    """Any error that a user can mend."""


class InputError(AccessibilityError, ValueError):
    """A file or a table does not hold what it should."""


class MissingInputError(AccessibilityError, FileNotFoundError):
    """A file that is needed is not there."""


class CrsError(InputError):
    """A coordinate reference system is absent, or is not the one expected."""


class UnknownNameError(AccessibilityError, LookupError):
    """A study, profile, département, commune or year that is not known."""


class SettingError(AccessibilityError, ValueError):
    """A setting is out of its range or cannot be read."""


class OutputError(AccessibilityError, OSError):
    """An output exists already, or cannot be written."""


class UnfinishedError(AccessibilityError, RuntimeError):
    """Part of the work could not be done; what is done is kept."""


def first_of(items: Iterable[object], limit: int = 5) -> str:
    """Name the first few items and how many there are.

    Examples
    --------
    >>> first_of(["39001", "39002"])
    '39001, 39002'
    >>> first_of(range(8))
    '0, 1, 2, 3, 4 (first 5 of 8)'
    """
    found = [str(item) for item in items]
    shown = ", ".join(found[:limit])
    return shown if len(found) <= limit else f"{shown} (first {limit} of {len(found)})"
