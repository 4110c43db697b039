"""`accessibility optimise`: where the next sites should stand, with proof."""

from __future__ import annotations

import json
from enum import StrEnum
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


class Aim(StrEnum):
    """What is made best."""

    coverage = "coverage"
    target = "target"
    p_median = "p-median"
    p_center = "p-center"


def command(
    study: StudyOption = "jura",
    new_sites: Annotated[
        int, typer.Option("--new-sites", help="New sites at most; not read for a target.")
    ] = 3,
    candidates: Annotated[
        str,
        typer.Option(help="chefs-lieux, or a file: CSV, GeoJSON, GeoPackage."),
    ] = "chefs-lieux",
    objective: Annotated[
        Aim,
        typer.Option(
            help="Most people covered, fewest sites for a target, least time in all (p-median) "
            "or shortest longest drive (p-center)."
        ),
    ] = Aim.coverage,
    target: Annotated[
        float | None, typer.Option(help="Share to be covered, such as 0.99; all if absent.")
    ] = None,
    force: Annotated[
        list[str] | None, typer.Option(help="Candidate that must be chosen; may be given again.")
    ] = None,
    forbid: Annotated[
        list[str] | None, typer.Option(help="Candidate that must not be; may be given again.")
    ] = None,
    time_limit: Annotated[
        float, typer.Option("--time-limit", help="Seconds until the best so far is returned.")
    ] = 60.0,
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
        Path | None, typer.Option(help="File of the new sites: .csv, .gpkg or .geojson.")
    ] = None,
    overwrite: OverwriteOption = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON alone to standard output.")
    ] = False,
) -> None:
    """Best places for new sites beside the existing ones, proven to be the best.

    Candidates are chosen by their id; a chef-lieu by the code of its commune.

    Example: accessibility optimise --new-sites 3 --candidates chefs-lieux --out new.geojson
    """
    from accessibility.atomic import check_free, write_whole

    if out is not None:
        check_free(out, overwrite=overwrite)
    from accessibility.analysis.siting import optimise
    from accessibility.inputs.points import read_points
    from accessibility.report.siting import siting_json, siting_text, siting_writer
    from accessibility.report.text import show
    from accessibility.study.study import load_study

    place = load_study(study, profile=profile, changes=changes_of(change))
    points = None
    if candidates != "chefs-lieux":
        points = read_points(
            Path(candidates), communes=place.communes, bounds=place.network_bounds
        ).rename(columns={"id": "candidate_id"})
    prepare(place)
    with waiting("Looking for the best places"):
        result = optimise(
            place,
            new_sites=new_sites,
            objective=objective.value,
            candidates="chefs-lieux" if points is None else points,
            target=target,
            force=force or (),
            forbid=forbid or (),
            time_limit_s=time_limit,
            minutes=minutes,
            around=around,
        )
    if out is not None:
        write_whole(out, siting_writer(result, out), overwrite=overwrite)
    if as_json:
        typer.echo(json.dumps(siting_json(result), ensure_ascii=False, indent=2, allow_nan=False))
    else:
        show(siting_text(result))
        if out is not None:
            typer.echo(f"Written: {out}")
