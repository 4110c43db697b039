"""The tag `duration` -> seconds."""

from __future__ import annotations

import re

_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,4})(?::(\d{1,2}))?", re.ASCII)
_ISO = re.compile(
    r"P(?:(\d)D)?(?:T(?:(\d{1,3})H)?(?:(\d{1,4})M)?(?:(\d{1,6})S)?)?", re.IGNORECASE | re.ASCII
)
LONGEST_S = 86_400.0
"""No ferry of a road network takes more than a day: a tag that says so is a slip."""


def duration_s(value: str) -> float:
    """Seconds of a duration as OpenStreetMap writes it; NaN where it cannot be read.

    Minutes, hours:minutes, hours:minutes:seconds, or ISO 8601 (PT1H30M).
    Source: https://wiki.openstreetmap.org/wiki/Key:duration

    Examples
    --------
    >>> duration_s("25"), duration_s("00:25"), duration_s("1:30:10"), duration_s("PT1H30M")
    (1500.0, 1500.0, 5410.0, 5400.0)
    >>> duration_s("soon")
    nan
    """
    if found := _CLOCK.fullmatch(value.strip()):
        hours, minutes, seconds = (int(part or 0) for part in found.groups())
        if found[1] is None and found[3] is not None:
            return float("nan")
        total = hours * 3600 + minutes * 60 + seconds
    elif (found := _ISO.fullmatch(value.strip())) and any(found.groups()):
        days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
        total = days * 86400 + hours * 3600 + minutes * 60 + seconds
    else:
        return float("nan")
    return float(total) if 0 < total <= LONGEST_S else float("nan")
