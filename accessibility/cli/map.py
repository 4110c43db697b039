"""`accessibility map`: who reaches a site in time, on paper or in a browser."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from accessibility.cli.options import (
    AroundOption,
    AsOfOption,
    ChangeOption,
    DirectionOption,
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

FIGURES = (".png", ".svg", ".pdf")
BANDS = (10.0, 20.0, 30.0)
"""Minutes whose areas the page shows beside that of the cut-off."""


class Language(StrEnum):
    """What a map may be written in."""

    en = "en"
    fr = "fr"


def command(
    out: Annotated[Path, typer.Option(help="Map to write: .png, .svg, .pdf or .html.")],
    study: StudyOption = "jura",
    minutes: Annotated[
        float | None,
        typer.Option(callback=positive_minutes, help="Cut-off in minutes, inclusive."),
    ] = None,
    scenario: Annotated[
        Path | None,
        typer.Option(help="Map what a scenario changes: TOML file, as for simulate."),
    ] = None,
    lang: Annotated[Language, typer.Option(help="Language; a page can be switched.")] = Language.en,
    as_of: AsOfOption = None,
    sites: SitesOption = None,
    around: AroundOption = False,
    profile: ProfileOption = None,
    change: ChangeOption = None,
    population: PopulationOption = None,
    direction: DirectionOption = None,
    walk_kph: WalkOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Map of the communes by minutes to the nearest site, and of those not covered.

    A .html page holds all it needs: it opens with no network, and finds a commune by name.
    With a scenario the map is that after it, and tells what was before.

    Example: accessibility map --lang fr --out outputs/jura.html
    """
    from accessibility.errors import InputError, OutputError
    from accessibility.report.manifest import check_free_with_manifest, write_with_manifest

    # a library that is missing is told before the work
    if out.suffix == ".html":
        from accessibility.report.map_page import map_page
    elif out.suffix in FIGURES:
        from accessibility.report.map_figure import map_figure, save_figure
    else:
        raise OutputError(f"{out}: expected is a file that ends in .png, .svg, .pdf or .html.")
    check_free_with_manifest(out, overwrite=overwrite)
    from accessibility.analysis.coverage import coverage
    from accessibility.analysis.isochrones import isochrones
    from accessibility.analysis.scenario_form import read_scenario
    from accessibility.analysis.simulate import simulate
    from accessibility.report.map_changes import changes_json
    from accessibility.report.text import coverage_json
    from accessibility.study.study import load_study

    asked = None if scenario is None else read_scenario(scenario)
    if asked is not None:
        if walk_kph is not None:
            raise typer.BadParameter("--walk-kph and --scenario do not go together.")
        if not asked.changes_anything:
            raise typer.BadParameter(f"{scenario} changes nothing.")
    place = load_study(study, profile=profile, changes=changes_of(change))
    prepare(place, drawing=True)
    trips: dict[str, Any] = {
        "as_of": as_of,
        "population": population,
        "direction": None if direction is None else direction.value,
        "around": around,
        "sites": read_sites(place, sites),
    }
    answer: dict[str, Any] = {}
    words: dict[str, Any] = {"lang": lang.value, "own_sites": None if sites is None else sites.name}
    with waiting("Computing drive times"):
        if asked is None:
            trips["walk_kph"] = walk_kph
            result = coverage(place, minutes=minutes, **trips)
        else:
            simulation = simulate(place, asked, minutes=minutes, **trips)
            place, result, before = simulation.study, simulation.after, simulation.before
            if result.sites.empty:
                raise InputError(f"{scenario} leaves no site: there is no area to draw.")
            words |= {"before": before, "scenario": asked}
            answer = changes_json(place, before, result, scenario=asked)
            # they count whenever they were labelled
            trips["sites"] = result.sites.drop(columns="label_date", errors="ignore")
        bands = BANDS if out.suffix == ".html" else ()
        areas = isochrones(place, minutes=sorted({*bands, result.minutes}), **trips)

    def write(path: Path) -> None:
        if out.suffix == ".html":
            path.write_text(map_page(place, result, areas, **words), encoding="utf-8")
        else:
            save_figure(map_figure(place, result, areas, **words), path)

    with waiting("Drawing the map"):
        write_with_manifest(
            place,
            coverage_json(place, result, by=None) | answer,
            out,
            write,
            own_inputs=[given for given in (sites, scenario) if given is not None],
            overwrite=overwrite,
        )
    typer.echo(f"Written: {out}, {out.name}.manifest.json")
