"""`accessibility build`: a study of a département from upstream files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from accessibility.cli.options import OverwriteOption, say


def command(
    departement: Annotated[str, typer.Option(help="Code of the département: 39, 2A, 971.")],
    inputs: Annotated[Path, typer.Option(help="Folder of the upstream files.")],
    out: Annotated[Path, typer.Option(help="Folder of the study to write.")],
    osm: Annotated[
        Path | None,
        typer.Option(help="OpenStreetMap extract; else the smallest that holds the territory."),
    ] = None,
    buffer_km: Annotated[
        float, typer.Option(min=0, max=200, help="Ring around the territory, in km.")
    ] = 30.0,
    overwrite: OverwriteOption = False,
) -> None:
    """Build a study: roads, communes, populations and sites of a département.

    The same inputs give the same bytes. Then: accessibility coverage --study OUT

    Example: accessibility build --departement 39 --inputs ../shared/data --out outputs/jura
    """
    from accessibility.study.build import build_study

    counts = build_study(
        departement,
        inputs,
        out,
        osm=osm,
        buffer_km=buffer_km,
        overwrite=overwrite,
        progress=lambda step: say(f"  {step} ..."),
    )
    for name, number in counts.items():
        typer.echo(f"{number:>12,}  {name}")
    typer.echo(f"Written: {out}")
