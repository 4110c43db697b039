"""`accessibility explain`: why a commune is covered, or not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from accessibility.cli.options import (
    AroundOption,
    AsOfOption,
    ChangeOption,
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
    read_sites,
    waiting,
)


def command(
    commune: Annotated[
        str | None, typer.Argument(help="INSEE code of the commune, or its name.")
    ] = None,
    all_: Annotated[
        bool, typer.Option("--all", help="Explain every commune that is not covered.")
    ] = False,
    study: StudyOption = "jura",
    minutes: Annotated[
        float | None,
        typer.Option(callback=positive_minutes, help="Cut-off in minutes, inclusive."),
    ] = None,
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
            help="Folder for explain.gpkg, explain.csv, route.csv (every leg) and manifest.json."
        ),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Picture of the way: a .png, .svg or .pdf file.")
    ] = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Why a commune is covered, or not: the way to its site, and what would change it.

    Example: accessibility explain 39018 --plot outputs/aromas.png
    """
    from accessibility.atomic import check_free, write_whole
    from accessibility.report.manifest import (
        check_free_with_manifest,
        write_manifest,
        write_with_manifest,
    )

    if (commune is None) != all_:
        raise typer.BadParameter("give the code of one commune, or --all.")
    if out is not None:
        check_free(out, overwrite=overwrite)
    if plot is not None:
        from accessibility.report.explain_map import PICTURES, explain_figure, save_figure
        from accessibility.report.layers import check_suffix

        check_suffix(plot, PICTURES)
        check_free_with_manifest(plot, overwrite=overwrite)
    from accessibility.analysis.explain import explain, explain_all, row_of_commune
    from accessibility.report import explain as report
    from accessibility.report.text import show
    from accessibility.study.study import load_study

    place = load_study(study, profile=profile, changes=changes_of(change))
    if commune is not None:
        row_of_commune(place, commune)  # a code that is none is told before all work
    prepare(place)
    options: dict[str, Any] = {
        "minutes": minutes,
        "as_of": as_of,
        "population": population,
        "direction": None if direction is None else direction.value,
        "around": around,
        "sites": read_sites(place, sites),
        "walk_kph": walk_kph,
    }
    with waiting("Computing drive times"):
        if commune is None:
            result, found = explain_all(place, **options)
        else:
            one = explain(place, commune, **options)
            result, found = one.coverage, [one]
    if commune is None:
        answer = report.explain_all_json(place, result, found)
        text = report.explain_all_text(result, found)
    else:
        answer, text = report.explain_json(place, one), report.explain_text(place, one)
    trail = report.without_tables(answer)
    own = [] if sites is None else [sites]
    figure = None if plot is None else explain_figure(place, result, found)
    if out is not None:

        def write(folder: Path) -> None:
            report.write_explanations(found, folder)
            write_manifest(place, trail, folder, own_inputs=own)

        write_whole(out, write, overwrite=overwrite)
    if plot is not None and figure is not None:
        with waiting("Drawing the picture"):
            write_with_manifest(
                place, trail, plot, lambda to: save_figure(figure, to), own_inputs=own,
                overwrite=overwrite,
            )  # fmt: skip
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False, indent=2, allow_nan=False))
        return
    show(text)
    if out is not None:
        typer.echo(f"Written: {out}/explain.gpkg, explain.csv, route.csv, manifest.json")
    if plot is not None:
        typer.echo(f"Written: {plot}, {plot.name}.manifest.json")
