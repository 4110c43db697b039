"""`accessibility hours`: who reaches an open site, at every moment of the week."""

from __future__ import annotations

import json
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
    at: Annotated[
        str | None,
        typer.Option(
            metavar="MOMENT", help='One moment of the week: "mardi 18:30", "Saturday 9h".'
        ),
    ] = None,
    whole_list: Annotated[
        Path | None,
        typer.Option(
            "--list",
            metavar="FILE",
            help="Account for every cell of hours in ANCT's national list, and compute nothing.",
        ),
    ] = None,
    as_of: AsOfOption = None,
    demand: DemandOption = None,
    population: PopulationOption = None,
    direction: DirectionOption = None,
    around: AroundOption = False,
    profile: ProfileOption = None,
    change: ChangeOption = None,
    walk_kph: WalkOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for hours.csv, cells.csv, week.csv, communes.csv and .gpkg, remarks.csv, "
            "heatmap.png and manifest.json."
        ),
    ] = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Share of the inhabitants who reach a site by car that is open, hour by hour.

    Hours are those of the day of the list, whatever day the sites are counted on. Sites whose
    hours are unknown make a lower and an upper figure.

    Example: accessibility hours --at "mardi 18:30" --out outputs/hours
    """
    from dataclasses import replace

    from accessibility.atomic import check_free, write_whole
    from accessibility.study.study import load_study

    if whole_list is not None:
        _account(whole_list, as_json=as_json, asked=[at, out])
        return
    if out is not None:
        check_free(out, overwrite=overwrite)
    from accessibility.analysis.opening_hours import hours, read_moment
    from accessibility.report import opening_hours as report
    from accessibility.report.manifest import write_manifest
    from accessibility.report.text import show

    if at is not None:
        read_moment(at)
    place = load_study(study, profile=profile, changes=changes_of(change))
    prepare(place)
    with waiting("Finding where people are"):
        people, file = read_demand(place, demand, population)
    with waiting("Computing drive times"):
        result = hours(
            place,
            people,
            minutes=minutes,
            as_of=as_of,
            population=population,
            direction=None if direction is None else direction.value,
            around=around,
            walk_kph=walk_kph,
        )
    if file is not None:
        result = replace(result, pairs=replace(result.pairs, demand_method=file.name))
    moment = None if at is None else result.at(at)
    answer = report.hours_json(place, result, moment)
    if out is not None:

        def write(folder: Path) -> None:
            report.write_hours(place, result, folder)
            write_manifest(place, answer, folder, own_inputs=[] if file is None else [file])

        write_whole(out, write, overwrite=overwrite)
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False, indent=2, allow_nan=False))
    else:
        show(report.hours_text(place, result, moment))
        if out is not None:
            typer.echo(f"Written: {out}/{', '.join(report.FILES)}, manifest.json")


def _account(path: Path, *, as_json: bool, asked: list[object]) -> None:
    """Every cell of a whole list, by what is done to it."""
    from accessibility.errors import SettingError
    from accessibility.inputs.opening_hours import opening_hours
    from accessibility.inputs.remarks import remark_flags, remarks
    from accessibility.inputs.sites import read_france_services
    from accessibility.report import opening_hours as report
    from accessibility.report.text import show

    if any(one is not None for one in asked):
        raise SettingError("--list only accounts for a file; leave out --at and --out.")
    sites = read_france_services(path, departement="")
    read, told = opening_hours(sites), remarks(sites)
    if as_json:
        answer = {
            "file": path.name,
            "sites": len(sites),
            **report.cells_json(read),
            "remarks": int((told["remark"] != "").sum()),
            "flags": {key: int(told[key].sum()) for key in remark_flags()},
            "takes_appointments": int(told["takes_appointments"].sum()),
        }
        typer.echo(json.dumps(answer, ensure_ascii=False, indent=2, allow_nan=False))
    else:
        show(report.list_text(path.name, sites, read, told))
