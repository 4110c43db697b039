"""`accessibility border`: what neighbours' sites and roads mean for the territory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from accessibility.cli.options import (
    AsOfOption,
    ChangeOption,
    DemandOption,
    DirectionOption,
    JsonOption,
    OverwriteOption,
    PopulationOption,
    ProfileOption,
    StudyOption,
    WalkOption,
    changes_of,
    positive_minutes,
    prepare,
    read_demand,
    waiting,
)


def command(
    study: StudyOption = "jura",
    minutes: Annotated[
        float | None,
        typer.Option(callback=positive_minutes, help="Cut-off in minutes, inclusive."),
    ] = None,
    as_of: AsOfOption = None,
    profile: ProfileOption = None,
    change: ChangeOption = None,
    demand: DemandOption = None,
    population: PopulationOption = None,
    direction: DirectionOption = None,
    walk_kph: WalkOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for figures.csv, by_departement.csv, crossing.csv, detours.csv, "
            "border.gpkg and manifest.json."
        ),
    ] = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Who is nearer to a site over the border, and who drives over it to a site of their own.

    The figure with and without the neighbouring départements' sites and roads.

    Example: accessibility border --out outputs/border
    """
    from accessibility.atomic import check_free, write_whole

    if out is not None:
        check_free(out, overwrite=overwrite)
    from accessibility.analysis.border import border
    from accessibility.report.border import border_json, border_text, write_border
    from accessibility.report.manifest import write_manifest
    from accessibility.report.text import show
    from accessibility.study.study import load_study

    place = load_study(study, profile=profile, changes=changes_of(change))
    prepare(place)
    where, file = read_demand(place, demand, population)
    with waiting("Computing drive times on all roads and on the territory's own"):
        found = border(
            place,
            where,
            minutes=minutes,
            as_of=as_of,
            population=population,
            direction=None if direction is None else direction.value,
            walk_kph=walk_kph,
        )
    answer = border_json(place, found)
    if out is not None:

        def write(folder: Path) -> None:
            write_border(found, folder)
            write_manifest(place, answer, folder, own_inputs=[] if file is None else [file])

        write_whole(out, write, overwrite=overwrite)
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False, indent=2, allow_nan=False))
    else:
        show(border_text(place, found))
        if out is not None:
            typer.echo(
                f"Written: {out}/figures.csv, by_departement.csv, crossing.csv, detours.csv, "
                "border.gpkg, manifest.json"
            )
