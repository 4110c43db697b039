"""`accessibility gain`: where one more site would cover most people."""

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
    minutes: Annotated[
        float | None,
        typer.Option(callback=positive_minutes, help="Cut-off in minutes, inclusive."),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Communes to list.")] = 10,
    around: Annotated[
        bool, typer.Option("--around", help="Count the neighbouring départements' sites too.")
    ] = False,
    profile: ProfileOption = None,
    change: ChangeOption = None,
    out: Annotated[
        Path | None, typer.Option(help="Layer of all junctions to write: .gpkg or .parquet.")
    ] = None,
    overwrite: OverwriteOption = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON alone to standard output.")
    ] = False,
) -> None:
    """People newly covered by one more site, for every junction of the roads.

    Example: accessibility gain --top 10 --out outputs/gain.gpkg
    """
    from accessibility.atomic import check_free, write_whole
    from accessibility.errors import OutputError

    if out is not None:
        if out.suffix not in (".gpkg", ".parquet"):
            raise OutputError(f"{out}: expected is a file that ends in .gpkg or .parquet.")
        check_free(out, overwrite=overwrite)
    from accessibility.analysis.gain import gain, top_communes
    from accessibility.report.scenario import gain_json, gain_text
    from accessibility.report.text import show
    from accessibility.study.study import load_study

    place = load_study(study, profile=profile, changes=changes_of(change))
    prepare(place)
    with waiting("Computing drive times"):
        junctions = gain(place, minutes=minutes, around=around)
    if out is not None:

        def write(path: Path) -> None:
            if path.suffix == ".parquet":
                junctions.to_parquet(path)
            else:
                junctions.to_file(path, layer="gain", engine="pyogrio")

        write_whole(out, write, overwrite=overwrite)
    best = top_communes(junctions, top)
    cutoff = place.default("minutes") if minutes is None else minutes
    if as_json:
        answer = gain_json(place, best, len(junctions), cutoff)
        typer.echo(json.dumps(answer, ensure_ascii=False, indent=2, allow_nan=False))
    else:
        show(gain_text(best, len(junctions), cutoff))
        if out is not None:
            typer.echo(f"Written: {out}")
