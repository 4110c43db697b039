"""`accessibility timeline`: how coverage grew as sites were labelled."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Annotated

import typer

from accessibility.cli.options import (
    AroundOption,
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
    iso_date,
    positive_minutes,
    prepare,
    read_demand,
    read_sites,
    waiting,
)


def command(
    study: StudyOption = "jura",
    minutes: Annotated[
        float | None,
        typer.Option(callback=positive_minutes, help="Cut-off in minutes, inclusive."),
    ] = None,
    since: Annotated[
        dt.date | None,
        typer.Option(
            "--from", parser=iso_date, metavar="DATE", help="First day; the first label if absent."
        ),
    ] = None,
    until: Annotated[
        dt.date | None,
        typer.Option(parser=iso_date, metavar="DATE", help="Last day; the study's if absent."),
    ] = None,
    barometer: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The State's barometer of labels (CSV) to compare with, instead of the numbers "
            "that the study holds.",
        ),
    ] = None,
    sites: SitesOption = None,
    around: AroundOption = False,
    profile: ProfileOption = None,
    change: ChangeOption = None,
    demand: DemandOption = None,
    population: PopulationOption = None,
    direction: DirectionOption = None,
    walk_kph: WalkOption = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for timeline.csv, labels.csv, timeline.png and manifest.json."),
    ] = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Coverage, cantons and mean time on each day on which a site was labelled.

    Example: accessibility timeline --from 2020-01-01 --until 2022-11-15 --out outputs/timeline
    """
    from dataclasses import replace

    from accessibility.atomic import check_free, write_whole

    if out is not None:
        check_free(out, overwrite=overwrite)
    from accessibility.analysis.timeline import timeline
    from accessibility.inputs.barometer import read_barometer
    from accessibility.report.manifest import write_manifest
    from accessibility.report.text import show
    from accessibility.report.timeline import timeline_json, timeline_text, write_timeline
    from accessibility.study.study import load_study

    place = load_study(study, profile=profile, changes=changes_of(change))
    told = None
    if barometer is not None:
        told = read_barometer(barometer, place.settings["departement"])
    prepare(place)
    own = read_sites(place, sites)
    with waiting("Finding where people are"):
        people, file = read_demand(place, demand, population)
    with waiting("Computing drive times"):
        result = timeline(
            place,
            people,
            minutes=minutes,
            since=since,
            until=until,
            population=population,
            direction=None if direction is None else direction.value,
            around=around,
            sites=own,
            walk_kph=walk_kph,
            barometer=told,
        )
    if file is not None:
        result = replace(result, pairs=replace(result.pairs, demand_method=file.name))
    answer = timeline_json(place, result)
    written: list[str] = []
    if out is not None:

        def write(folder: Path) -> None:
            written.extend(write_timeline(place, result, folder))
            given = [path for path in (sites, barometer, file) if path is not None]
            write_manifest(place, answer, folder, own_inputs=given)

        write_whole(out, write, overwrite=overwrite)
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False, indent=2, allow_nan=False))
    else:
        show(timeline_text(place, result))
        if out is not None:
            typer.echo(f"Written: {out}/{', '.join(written)}, manifest.json")
