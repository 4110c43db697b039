"""`accessibility simulate`: what a site that opens, closes or moves would change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from accessibility.cli.options import (
    ChangeOption,
    OverwriteOption,
    ProfileOption,
    StudyOption,
    changes_of,
    positive_minutes,
    prepare,
    waiting,
)


def command(
    study: StudyOption = "jura",
    add: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PLACE",
            help="Open a site: INSEE code (at the chef-lieu), lon,lat, name:COMMUNE or id:SITE; "
            "may be given again.",
        ),
    ] = None,
    remove: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SITE",
            help="Close a site: id, insee:CODE, name:SITE or lon,lat; may be given again.",
        ),
    ] = None,
    scenario: Annotated[
        Path | None,
        typer.Option(help="TOML file with lists [[add]], [[remove]], [[move]], [[close]]."),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(callback=positive_minutes, help="Cut-off in minutes, inclusive."),
    ] = None,
    around: Annotated[
        bool, typer.Option("--around", help="Count the neighbouring départements' sites too.")
    ] = False,
    profile: ProfileOption = None,
    change: ChangeOption = None,
    out: Annotated[
        Path | None, typer.Option(help="Table of the communes to write: .csv or .parquet.")
    ] = None,
    overwrite: OverwriteOption = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON alone to standard output.")
    ] = False,
) -> None:
    """Coverage before and after sites open, close or move, and whom it concerns.

    Example: accessibility simulate --add 39018 --remove 2756
    """
    from accessibility.atomic import check_free, write_whole

    if out is not None:
        check_free(out, overwrite=overwrite)
    from dataclasses import replace

    from accessibility.analysis.scenario import Scenario, parse_place, read_scenario
    from accessibility.analysis.simulate import simulate
    from accessibility.report.scenario import simulation_json, simulation_text
    from accessibility.report.tables import table_writer
    from accessibility.report.text import show
    from accessibility.study.study import load_study

    asked = Scenario() if scenario is None else read_scenario(scenario)
    asked = replace(
        asked,
        add=(*asked.add, *(parse_place(text, adding=True) for text in add or [])),
        remove=(*asked.remove, *(parse_place(text, adding=False) for text in remove or [])),
    )
    if not (asked.add or asked.remove or asked.move or asked.close):
        raise typer.BadParameter("give --add, --remove or a --scenario that changes something.")
    place = load_study(study, profile=profile, changes=changes_of(change))
    prepare(place)
    with waiting("Computing drive times"):
        result = simulate(place, asked, minutes=minutes, around=around)
    if out is not None:
        write_whole(out, table_writer(result.by_commune, out), overwrite=overwrite)
    if as_json:
        answer = simulation_json(place, result)
        typer.echo(json.dumps(answer, ensure_ascii=False, indent=2, allow_nan=False))
    else:
        show(simulation_text(place, result))
        if out is not None:
            typer.echo(f"Written: {out}")
