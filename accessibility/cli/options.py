"""Options that several commands share, and how a command waits for the compiler."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from accessibility.study.study import Study

StudyOption = Annotated[
    str, typer.Option("--study", help="Bundled study by name, or a folder that build made.")
]
ProfileOption = Annotated[
    str | None,
    typer.Option("--profile", help="Speed profile: osrm-car, osrm-car-5, legal, or a TOML file."),
]
ChangeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="SETTING=VALUE",
        help="Change a value of the profile: speeds_kph.secondary=90; may be given again.",
    ),
]
OverwriteOption = Annotated[
    bool, typer.Option("--overwrite", help="Replace an output that exists.")
]


def changes_of(typed: list[str] | None) -> dict[str, object]:
    """Changes of a profile as they were typed."""
    from accessibility.network.profile import parse_change

    return dict(parse_change(text) for text in typed or [])


def positive_minutes(value: float | None) -> float | None:
    """Refuse a cut-off that is not above 0."""
    if value is not None and not 0 < value < 1e5:
        raise typer.BadParameter(f"{value:g} is no cut-off; minutes above 0 are expected.")
    return value


def iso_date(value: str) -> dt.date:
    """Read a date such as 2022-11-15."""
    try:
        return dt.date.fromisoformat(value)
    except ValueError as error:
        raise typer.BadParameter(
            f"{value!r} is no date ({error}); one such as 2022-11-15 is expected."
        ) from error


def say(message: str) -> None:
    """Tell the user something beside the answer."""
    print(message, file=sys.stderr, flush=True)


@contextmanager
def waiting(message: str) -> Iterator[None]:
    """Show on a terminal that work is going on."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(message):
        yield


def prepare(study: Study) -> None:
    """Say what the first run does that later ones do not, before it does."""
    from accessibility.routing.kernels import compiled

    if not study.network_is_kept:
        say("First use of these roads with this profile: building the network, about 10 seconds.")
    if not compiled():
        say("First run after installation: compiling the search, about 20 seconds.")
