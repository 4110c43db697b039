"""`accessibility times`: drive times between any two sets of points."""

from __future__ import annotations

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
    say,
    waiting,
)


def command(
    origins: Annotated[
        Path, typer.Option("--from", help="Points to start from: CSV, GeoJSON, GeoPackage.")
    ],
    destinations: Annotated[Path, typer.Option("--to", help="Points to reach.")],
    out: Annotated[Path, typer.Option(help="Table to write: .csv or .parquet.")],
    nearest: Annotated[
        bool, typer.Option("--nearest", help="Only the nearest destination of each origin.")
    ] = False,
    minutes: Annotated[
        float | None,
        typer.Option(callback=positive_minutes, help="Leave out what takes longer."),
    ] = None,
    study: StudyOption = "jura",
    profile: ProfileOption = None,
    change: ChangeOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Drive times from one set of points to another, on the study's roads.

    The table has one row for each pair that is reached (with --nearest: for each origin):
    from_id, to_id, travel_time_s, minutes, from_snap_m, to_snap_m.

    Example: accessibility times --from homes.csv --to schools.gpkg --nearest --out times.csv
    """
    from accessibility.atomic import check_free, write_whole

    check_free(out, overwrite=overwrite)
    from accessibility.inputs.points import read_points
    from accessibility.report.tables import table_writer
    from accessibility.routing.times import times_table
    from accessibility.study.study import load_study

    place = load_study(study, profile=profile, changes=changes_of(change))
    prepare(place)
    known = {"communes": place.communes, "bounds": place.network_bounds}
    starts, ends = (read_points(p, **known) for p in (origins, destinations))
    with waiting("Computing drive times"):
        table = times_table(
            place.network,
            starts,
            ends,
            nearest_only=nearest,
            cutoff_s=None if minutes is None else minutes * 60.0,
        )
    write_whole(out, table_writer(table, out), overwrite=overwrite)
    reached = table["travel_time_s"].notna()
    say(f"{len(starts)} origins, {len(ends)} destinations: {int(reached.sum())} times in {out}")
