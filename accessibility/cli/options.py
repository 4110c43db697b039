"""Options that several commands share, and how a command waits for the compiler."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import geopandas as gpd

    from accessibility.study.study import Study


class Way(StrEnum):
    """Which way people drive."""

    to = "to"
    from_ = "from"


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
SitesOption = Annotated[
    Path | None,
    typer.Option(help="Sites of your own: CSV with lon, lat or INSEE codes, GeoJSON, GeoPackage."),
]
SiteOption = Annotated[
    list[str] | None, typer.Option(metavar="ID", help="One site alone; may be given again.")
]
AroundOption = Annotated[
    bool, typer.Option("--around", help="Count the neighbouring départements' sites too.")
]
PopulationOption = Annotated[
    int | None, typer.Option(help="Census year of the population, such as 2019.")
]
DirectionOption = Annotated[Way | None, typer.Option(help="Drive to the site, or from it.")]
WalkOption = Annotated[
    float | None,
    typer.Option(help="Walk the way off the road at this speed; it takes no time if absent."),
]
DemandOption = Annotated[
    str | None,
    typer.Option(
        "--demand",
        metavar="METHOD|FILE",
        help="Where people are counted: chefs-lieux (as if not given), centroids, buildings, "
        "grid-2018, grid-2021; or a file among whose places each commune's people are shared out: "
        "GeoParquet of buildings, CSV grid, GeoTIFF.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON alone to standard output.")]
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


AsOfOption = Annotated[
    dt.date | None,
    typer.Option(parser=iso_date, metavar="DATE", help="Count sites labelled by this day."),
]


def minutes_list(value: str) -> str:
    """Refuse cut-offs that are no ascending minutes, such as 10,20,30."""
    try:
        found = [float(part) for part in value.split(",")]
    except ValueError:
        found = []
    ascending = all(a < b for a, b in pairwise(found))
    if not found or not ascending or not all(0 < minutes < 1e5 for minutes in found):
        raise typer.BadParameter(
            f"{value!r} are no cut-offs; minutes above 0, each once and ascending, such as "
            "10,20,30, are expected."
        )
    return value


def read_sites(study: Study, path: Path | None) -> gpd.GeoDataFrame | None:
    """Sites that the user gave as a file."""
    if path is None:
        return None
    from accessibility.inputs.points import read_points

    points = read_points(path, communes=study.communes, bounds=study.network_bounds)
    return points.rename(columns={"id": "facility_id"})


def read_demand(
    study: Study, demand: str | None, population: int | None
) -> tuple[str | gpd.GeoDataFrame | None, Path | None]:
    """Where people are counted, as it was typed, and the file if it names one.

    Raises
    ------
    UnknownNameError
        If it is neither a method nor a file.
    """
    from accessibility.study.demand import METHODS

    if demand is None or demand in METHODS:
        return demand, None
    from accessibility.errors import SettingError, UnknownNameError
    from accessibility.study.demand import demand_at_buildings

    path = Path(demand)
    if not path.is_file():
        raise UnknownNameError(
            f"{demand!r} is no file, and no way to place people; the study has "
            f"{', '.join(study.demand_methods)}."
        )
    year = study.default("population") if population is None else population
    suffix = path.suffix.lower()
    if suffix in (".parquet", ".geoparquet"):
        from accessibility.inputs.buildings import read_buildings

        return demand_at_buildings(study.communes, read_buildings(path), year=year), path
    from accessibility.inputs.population import read_grid, read_raster
    from accessibility.study.demand_grid import demand_on_grid

    if suffix == ".csv":
        cells = read_grid(path)
    elif suffix in (".tif", ".tiff"):
        cells = read_raster(path, bounds=study.communes.total_bounds)
    else:
        raise SettingError(
            f"{path} ends in {path.suffix or 'nothing'}; places of people are read from .parquet "
            "(buildings), .csv (a grid) or .tif (a raster)."
        )
    return demand_on_grid(study.communes, cells, year=year), path


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


def prepare(study: Study, *, drawing: bool = False) -> None:
    """Say what the first run does that later ones do not, before it does."""
    from accessibility.routing.kernels import compiled

    if not study.network_is_kept:
        say("First use of these roads with this profile: building the network, about 10 seconds.")
    if drawing:
        from accessibility.routing.reach_kernels import read_places

        if not compiled(read_places):
            say("First drawing after installation: compiling what draws, about 20 seconds.")
    elif not compiled():
        say("First run after installation: compiling the search, about 15 seconds.")
