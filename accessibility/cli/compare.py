"""`accessibility compare`: several territories side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from accessibility.cli.options import (
    ChangeOption,
    OverwriteOption,
    ProfileOption,
    changes_of,
    prepare,
)


def command(
    studies: Annotated[
        list[str], typer.Argument(help="Bundled study by name, or folders that build made.")
    ],
    around: Annotated[
        bool, typer.Option("--around", help="Count the neighbouring départements' sites too.")
    ] = False,
    profile: ProfileOption = None,
    change: ChangeOption = None,
    out: Annotated[Path | None, typer.Option(help="Table to write: .csv or .parquet.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Picture to write: .png or .svg.")] = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Shares within 10, 15, 20 and 30 minutes, sites, cantons and mean time of each study.

    Example: accessibility compare jura outputs/doubs outputs/ain --plot compare.png
    """
    from accessibility.atomic import check_free, write_whole

    for path in (out, plot):
        if path is not None:
            check_free(path, overwrite=overwrite)
    from accessibility.analysis.compare import compare
    from accessibility.report.comparison import comparison_text, plot_comparison
    from accessibility.report.tables import table_writer
    from accessibility.report.text import show
    from accessibility.study.study import load_study

    places = [load_study(name, profile=profile, changes=changes_of(change)) for name in studies]
    for place in places:
        prepare(place)
    table = compare(places, around=around)
    show(comparison_text(table))
    if out is not None:
        write_whole(out, table_writer(table, out), overwrite=overwrite)
    if plot is not None:
        write_whole(plot, lambda path: plot_comparison(table, path), overwrite=overwrite)
