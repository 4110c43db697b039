"""`accessibility simulate`: what sites and roads that change would change for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from accessibility.cli.coverage import Zone
from accessibility.cli.options import (
    AsOfOption,
    ChangeOption,
    OverwriteOption,
    PopulationOption,
    ProfileOption,
    StudyOption,
    changes_of,
    positive_minutes,
    prepare,
    say,
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
        typer.Option(
            help="TOML file with lists [[add]], [[remove]], [[move]], [[close]], [[stop]], "
            "[[road]], [[speed]]."
        ),
    ] = None,
    compare: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Scenarios to set side by side; may be given again."),
    ] = None,
    by: Annotated[
        Zone | None, typer.Option(help="Gains and losses by canton or EPCI; who goes elsewhere.")
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(callback=positive_minutes, help="Cut-off in minutes, inclusive."),
    ] = None,
    as_of: AsOfOption = None,
    population: PopulationOption = None,
    around: Annotated[
        bool, typer.Option("--around", help="Count the neighbouring départements' sites too.")
    ] = False,
    profile: ProfileOption = None,
    change: ChangeOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for all tables, or a .csv or .parquet file: of the communes, or of the "
            "scenarios compared."
        ),
    ] = None,
    overwrite: OverwriteOption = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON alone to standard output.")
    ] = False,
) -> None:
    """Coverage before and after sites or roads change, and whom it concerns.

    Example: accessibility simulate --add 39018 --remove 2756
    """
    from accessibility.atomic import check_free, write_whole
    from accessibility.report.manifest import check_free_with_manifest

    whole_folder = out is not None and not out.suffix
    if out is not None:
        check = check_free if whole_folder else check_free_with_manifest
        check(out, overwrite=overwrite)
    from dataclasses import replace

    import pandas as pd

    from accessibility.analysis.scenario import Scenario
    from accessibility.analysis.scenario_form import parse_place, read_scenario
    from accessibility.analysis.simulate import Simulator
    from accessibility.report import scenario as report
    from accessibility.report.manifest import write_manifest, write_with_manifest
    from accessibility.report.tables import table_writer
    from accessibility.report.text import show
    from accessibility.study.study import load_study

    if out is not None and not whole_folder:
        table_writer(pd.DataFrame(), out)  # refuses another kind of file before all work
    asked = Scenario() if scenario is None else read_scenario(scenario)
    asked = replace(
        asked,
        add=(*asked.add, *(parse_place(text, adding=True) for text in add or [])),
        remove=(*asked.remove, *(parse_place(text, adding=False) for text in remove or [])),
    )
    given = [*([] if scenario is None else [scenario]), *(compare or [])]
    scenarios = {} if not asked.changes_anything else {asked.name or "The scenario": asked}
    for file in compare or []:
        read = read_scenario(file)
        name = read.name or file.stem
        if name in scenarios:
            raise typer.BadParameter(f"{name} is the name of two scenarios; one each is expected.")
        scenarios[name] = read
    if not scenarios:
        raise typer.BadParameter(
            "give --add, --remove, a --scenario that changes something, or --compare."
        )
    place = load_study(study, profile=profile, changes=changes_of(change))
    prepare(place)
    if any(each.changes_roads for each in scenarios.values()):
        say("Roads change: building the network of each such scenario, about 15 seconds.")
    with waiting("Computing drive times"):
        simulator = Simulator(
            place, minutes=minutes, as_of=as_of, population=population, around=around
        )
        results = {name: simulator.simulate(each) for name, each in scenarios.items()}
    result = next(iter(results.values()))
    if compare:
        answer = report.comparison_json(place, results)
        text, table = report.comparison_text(place, results), report.comparison_table(results)
    else:
        answer, table = report.simulation_json(place, result), result.by_commune
        text = report.simulation_text(place, result, by=None if by is None else by.value)
    if out is not None and whole_folder:

        def write(folder: Path) -> None:
            if compare:
                report.write_comparison(results, folder)
            else:
                report.write_simulation(result, folder)
            write_manifest(place, answer, folder, own_inputs=given)

        write_whole(out, write, overwrite=overwrite)
    elif out is not None:
        write_with_manifest(
            place, answer, out, table_writer(table, out), own_inputs=given, overwrite=overwrite
        )
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False, indent=2, allow_nan=False))
    else:
        show(text)
        if out is not None:
            typer.echo(f"Written: {out}")
