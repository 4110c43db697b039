"""What a visitor asks for <-> a short text that fits into the address of the page."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import tomllib
import zlib
from typing import Any

import tomli_w

from accessibility.analysis.choices import checked_minutes
from accessibility.analysis.scenario_form import scenario_of
from accessibility.web.plan import Plan
from accessibility.web.refusals import RefusedError

MOST_BYTES = 65_536
"""Of the text that an address stands for, unpacked."""

MOST_LETTERS = 6_000
"""Of an address; browsers and servers take about 8,000."""


def packed(plan: Plan) -> str:
    """A plan as letters, digits, - and _.

    Returns
    -------
    str
        Empty where the plan is too long for an address; a file holds any.
    """
    choices = {"minutes": plan.minutes, "as_of": plan.as_of, "population": plan.population}
    text = tomli_w.dumps(choices | {"scenario": tomllib.loads(plan.scenario.to_toml())})
    letters = base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip("=")
    return letters if len(letters) <= MOST_LETTERS else ""


def unpacked(letters: str) -> Plan:
    """Read what `packed` made.

    Raises
    ------
    InputError, SettingError
        If it is damaged, too long, or holds what no scenario holds.

    Examples
    --------
    >>> from accessibility.analysis.scenario import Place, Scenario
    >>> asked = Plan(Scenario(add=(Place(insee="39018"),)), 15.0, dt.date(2022, 11, 15), 2019)
    >>> unpacked(packed(asked)) == asked
    True
    """
    table: dict[str, Any] = {}
    try:
        raw = base64.b64decode(letters + "=" * (-len(letters) % 4), altchars=b"-_", validate=True)
        unzip = zlib.decompressobj()
        text = unzip.decompress(raw, MOST_BYTES)
        whole = not unzip.unconsumed_tail and unzip.eof
        table = tomllib.loads(text.decode()) if whole else {}
    except (binascii.Error, zlib.error, ValueError):
        pass
    minutes, day, year = (table.get(key) for key in ("minutes", "as_of", "population"))
    scenario = table.get("scenario")
    if not (type(day) is dt.date and type(year) is int and isinstance(scenario, dict)):
        raise RefusedError("damaged_address")
    return Plan(
        scenario=scenario_of(scenario, source="the scenario of the address"),
        minutes=checked_minutes(minutes),
        as_of=day,
        population=year,
    )
