"""`accessibility measures`: how much of a service people reach, and how evenly."""

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


class Measure(StrEnum):
    """What may be asked for."""

    all = "all"
    cumulative = "cumulative"
    gravity = "gravity"
    two_step = "2sfca"
    enhanced = "e2sfca"


def command(
    study: StudyOption = "jura",
    measure: Annotated[
        Measure,
        typer.Option(
            help="cumulative: sites within the cut-off; gravity: sites that count less with time; "
            "2sfca, e2sfca: sites shared by all who reach them."
        ),
    ] = Measure.all,
    minutes: Annotated[
        float | None,
        typer.Option(callback=positive_minutes, help="Cut-off in minutes, inclusive."),
    ] = None,
    decay: Annotated[
        str | None,
        typer.Option(
            help="How a site counts less with time, for gravity and e2sfca: binary, steps, "
            "exponential, power, gaussian, or with a parameter of your own: exponential:0.12, "
            "steps:10=1,20=0.68,30=0.22."
        ),
    ] = None,
    supply: Annotated[
        str,
        typer.Option(
            help="What a site offers: site (1 each), hours (open in a week), or a CSV file with "
            "facility_id and supply."
        ),
    ] = "site",
    demand: DemandOption = None,
    as_of: AsOfOption = None,
    sites: SitesOption = None,
    around: AroundOption = False,
    profile: ProfileOption = None,
    change: ChangeOption = None,
    population: PopulationOption = None,
    direction: DirectionOption = None,
    walk_kph: WalkOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for measures.csv (by commune), summary.csv, lorenz.csv, lorenz.png, "
            "communes.gpkg, points.gpkg and manifest.json."
        ),
    ] = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """How much of a service people reach by car, and how evenly it is shared among them.

    Sites within the cut-off, sites that count less the farther they are, sites for 10,000
    inhabitants who share them (2SFCA and E2SFCA); with Gini and Palma over people.

    Example: accessibility measures --minutes 20 --supply hours --out outputs/measures
    """
    from dataclasses import replace

    from accessibility.atomic import check_free, write_whole

    if out is not None:
        check_free(out, overwrite=overwrite)
        from accessibility.report.lorenz import lorenz_figure
        from accessibility.report.map_figure import save_figure
    from accessibility.analysis.measures import measures
    from accessibility.inputs.supply import read_supply
    from accessibility.report.manifest import write_manifest
    from accessibility.report.measures import measures_json, measures_text, write_measures
    from accessibility.report.text import show
    from accessibility.study.study import load_study

    file = None if supply in ("site", "hours") else Path(supply)
    offered = supply if file is None else read_supply(file)
    place = load_study(study, profile=profile, changes=changes_of(change))
    prepare(place)
    own = read_sites(place, sites)
    with waiting("Finding where people are"):
        where, places = read_demand(place, demand, population)
    with waiting("Computing drive times"):
        found = measures(
            place,
            where,
            measure=None if measure is Measure.all else measure.value,
            minutes=minutes,
            decay=decay,
            supply=offered,
            as_of=as_of,
            population=population,
            direction=None if direction is None else direction.value,
            around=around,
            sites=own,
            walk_kph=walk_kph,
        )
    if places is not None:
        found = replace(found, demand_method=places.name)
    answer = measures_json(place, found)
    written: list[str] = []
    if out is not None:

        def write(folder: Path) -> None:
            written.extend(write_measures(found, folder))
            save_figure(lorenz_figure(place, found), folder / "lorenz.png")
            given = [path for path in (sites, places, file) if path is not None]
            write_manifest(place, answer, folder, own_inputs=given)

        write_whole(out, write, overwrite=overwrite)
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False, indent=2, allow_nan=False))
    else:
        name = None if sites is None else f"from {sites.name}"
        show(measures_text(place, found, own_sites=name))
        if out is not None:
            typer.echo(f"Written: {out}/{', '.join([*written, 'lorenz.png', 'manifest.json'])}")
