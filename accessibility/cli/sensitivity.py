"""`accessibility sensitivity`: how sure the figure is, and a plan for new sites."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    changes_of,
    positive_minutes,
    prepare,
    read_demand,
    read_sites,
    say,
    waiting,
)

if TYPE_CHECKING:
    from accessibility.routing.times import Direction


def two_factors(value: str) -> str:
    """Refuse what is no pair of numbers, such as 0.7,1.3."""
    try:
        found = [float(part) for part in value.split(",")]
    except ValueError:
        found = []
    if len(found) != 2:
        raise typer.BadParameter(f"{value!r} are no two factors; such as 0.7,1.3 is expected.")
    return value


def command(
    study: StudyOption = "jura",
    draws: Annotated[
        int, typer.Option(min=0, help="How often speeds, turns and the way off the road are drawn.")
    ] = 1_000,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same draws.")] = 0,
    distributions: Annotated[
        Path | None,
        typer.Option(help="TOML file of what is drawn; the package's own has the reasons."),
    ] = None,
    factors: Annotated[
        str,
        typer.Option(
            callback=two_factors, help="Least and greatest factor on all speeds, for the curve."
        ),
    ] = "0.7,1.3",
    new_sites: Annotated[
        int | None,
        typer.Option(
            min=1, help="Also: does the best plan for so many new sites stay the best one?"
        ),
    ] = None,
    plan_draws: Annotated[
        int, typer.Option(min=1, help="In how many of the draws the plan is looked at.")
    ] = 200,
    minutes: Annotated[
        float | None,
        typer.Option(callback=positive_minutes, help="Cut-off in minutes, inclusive."),
    ] = None,
    demand: DemandOption = None,
    as_of: AsOfOption = None,
    population: PopulationOption = None,
    direction: DirectionOption = None,
    around: AroundOption = False,
    sites: SitesOption = None,
    profile: ProfileOption = None,
    change: ChangeOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for curve.csv, communes.csv, draws.csv, sensitivity.png, manifest.json."
        ),
    ] = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """How far the figure hangs on speeds, turns and the way off the road.

    It is computed again with all driving speeds times a factor, and for many draws of speeds by
    class of road, of turn costs, and of the time for the way off the road.

    Example: accessibility sensitivity --draws 1000 --seed 1 --out outputs/sensitivity

    Example: accessibility sensitivity --new-sites 3
    """
    from dataclasses import replace

    from accessibility.atomic import check_free, write_whole

    if out is not None:
        check_free(out, overwrite=overwrite)
    from accessibility.analysis.sensitivity import sensitivity
    from accessibility.analysis.sensitivity_draws import read_distributions
    from accessibility.analysis.sensitivity_kernels import changed_times
    from accessibility.analysis.siting import optimise
    from accessibility.report.manifest import write_manifest
    from accessibility.report.sensitivity import (
        sensitivity_json,
        sensitivity_text,
        write_sensitivity,
    )
    from accessibility.report.text import show
    from accessibility.routing.kernels import compiled
    from accessibility.study.study import load_study

    for name, value in (("--sites", sites), ("--demand", demand)):
        if new_sites is not None and value is not None:
            raise typer.BadParameter(
                f"--new-sites plans for the chefs-lieux and the study's own sites, not {name}."
            )
    drawn_from = read_distributions(distributions)
    place = load_study(study, profile=profile, changes=changes_of(change))
    prepare(place)
    if not compiled(changed_times):
        say("First draws after installation: compiling what computes them, about 15 seconds.")
    own = read_sites(place, sites)
    way: Direction | None = None if direction is None else direction.value
    plan = None
    if new_sites is not None:
        with waiting("Looking for the best places"):
            plan = optimise(
                place,
                new_sites=new_sites,
                minutes=minutes,
                as_of=as_of,
                population=population,
                direction=way,
                around=around,
            )
    with waiting("Finding where people are"):
        places, file = read_demand(place, demand, population)
    low, high = (float(part) for part in factors.split(","))
    with waiting(f"Computing drive times, {draws:,} draws"):
        result = sensitivity(
            place,
            places,
            draws=draws,
            seed=seed,
            factors=(low, high),
            distributions=drawn_from,
            plan=plan,
            plan_draws=plan_draws,
            minutes=minutes,
            as_of=as_of,
            population=population,
            direction=way,
            around=around,
            sites=own,
        )
    if file is not None:
        result = replace(result, base=replace(result.base, demand_method=file.name))
    answer = sensitivity_json(place, result)
    if out is not None:
        trail = {key: value for key, value in answer.items() if key not in ("curve", "rows")}
        given = [path for path in (sites, file, distributions) if path is not None]

        def write(folder: Path) -> None:
            write_sensitivity(result, folder)
            write_manifest(place, trail, folder, own_inputs=given)

        write_whole(out, write, overwrite=overwrite)
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False, indent=2, allow_nan=False))
    else:
        given_sites = None if sites is None else f"from {sites.name}"
        show(sensitivity_text(place, result, own_sites=given_sites))
        if out is not None:
            typer.echo(f"Written: {out}/{', '.join(sorted(p.name for p in out.iterdir()))}")
