"""`accessibility coverage`: the official figure, and who is left out."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from accessibility.cli.options import (
    AroundOption,
    AsOfOption,
    ChangeOption,
    DemandOption,
    DirectionOption,
    JsonOption,
    OverwriteOption,
    PopulationOption,
    ProfileOption,
    SitesOption,
    StudyOption,
    WalkOption,
    changes_of,
    positive_minutes,
    prepare,
    read_demand,
    read_sites,
    waiting,
)


class Zone(StrEnum):
    """What a figure may be broken down by."""

    commune = "commune"
    canton = "canton"
    epci = "epci"


def command(
    study: StudyOption = "jura",
    minutes: Annotated[
        float | None,
        typer.Option(callback=positive_minutes, help="Cut-off in minutes, inclusive."),
    ] = None,
    exclusive: Annotated[
        bool, typer.Option("--exclusive", help="Count less than the cut-off only, not the cut-off.")
    ] = False,
    demand: DemandOption = None,
    as_of: AsOfOption = None,
    by: Annotated[Zone | None, typer.Option(help="Break the figure down.")] = None,
    sites: SitesOption = None,
    around: AroundOption = False,
    profile: ProfileOption = None,
    change: ChangeOption = None,
    population: PopulationOption = None,
    direction: DirectionOption = None,
    walk_kph: WalkOption = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for coverage.csv, communes.gpkg and manifest.json."),
    ] = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Share of the inhabitants who reach a site by car within the cut-off.

    Everything that is not given comes from the study: for the Jura 20 minutes, the sites
    labelled by 2022-11-15, the population of 2019, driving to the site, profile osrm-car.

    Example: accessibility coverage --minutes 15 --by canton --out outputs/coverage

    Example: accessibility coverage --demand buildings --exclusive
    """
    from dataclasses import replace

    from accessibility.atomic import check_free, write_whole

    if out is not None:
        check_free(out, overwrite=overwrite)
    from accessibility.analysis.coverage import coverage
    from accessibility.report import text
    from accessibility.report.manifest import write_manifest
    from accessibility.report.tables import write_coverage
    from accessibility.study.study import load_study

    place = load_study(study, profile=profile, changes=changes_of(change))
    prepare(place)
    own = read_sites(place, sites)
    with waiting("Finding where people are"):
        people, file = read_demand(place, demand, population)
    with waiting("Computing drive times"):
        result = coverage(
            place,
            people,
            minutes=minutes,
            as_of=as_of,
            population=population,
            direction=None if direction is None else direction.value,
            around=around,
            sites=own,
            walk_kph=walk_kph,
            inclusive=not exclusive,
        )
    if file is not None:
        result = replace(result, demand_method=file.name)
    zone = None if by is None else by.value
    answer = text.coverage_json(place, result, by=zone)
    if out is not None:

        def write(folder: Path) -> None:
            write_coverage(result, folder)
            write_manifest(
                place,
                answer,
                folder,
                own_inputs=[path for path in (sites, file) if path is not None],
            )

        write_whole(out, write, overwrite=overwrite)
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False, indent=2, allow_nan=False))
    else:
        name = None if sites is None else f"from {sites.name}"
        text.show(text.coverage_text(place, result, own_sites=name, by=zone))
        if out is not None:
            typer.echo(f"Written: {out}/coverage.csv, communes.gpkg, manifest.json")
