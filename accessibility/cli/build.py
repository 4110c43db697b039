"""`accessibility build`: a study of a département from upstream files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from accessibility.cli.options import OverwriteOption, say
from accessibility.errors import SettingError


def command(
    out: Annotated[Path, typer.Option(help="Folder of the study to write.")],
    departement: Annotated[
        str | None, typer.Option(help="Code of the département: 39, 2A, 971.")
    ] = None,
    departements: Annotated[
        str | None,
        typer.Option(help="Several, 25,39: a region that stores the roads once, in tiles."),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, help="Of a region: départements built at once.")
    ] = 1,
    inputs: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the upstream files; else the one that accessibility data fills."
        ),
    ] = None,
    osm: Annotated[
        list[Path] | None,
        typer.Option(
            help="OpenStreetMap extract, may be given again; else the smallest of the inputs that "
            "holds the territory."
        ),
    ] = None,
    overpass: Annotated[
        bool, typer.Option("--overpass", help="Download the roads from an Overpass API.")
    ] = False,
    overpass_url: Annotated[
        str, typer.Option(help="Address of the Overpass API.")
    ] = "https://overpass-api.de/api",
    sites: Annotated[
        Path | None,
        typer.Option(help="Points of another service than France services: CSV, GeoJSON, ..."),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            help="The service: pharmacy, post_office, school, townhall. Without --sites its "
            "points come from the extract."
        ),
    ] = None,
    buffer_km: Annotated[
        float, typer.Option(min=0, max=200, help="Ring around the territory, in km.")
    ] = 30.0,
    report: Annotated[
        bool, typer.Option("--report", help="Tell what the roads are made of, too.")
    ] = False,
    overwrite: OverwriteOption = False,
) -> None:
    """Build a study: roads, communes, populations and sites of a département.

    The same inputs give the same bytes. Then: accessibility coverage --study OUT

    Example: accessibility build --departement 39 --inputs ../shared/data --out outputs/jura

    Example: accessibility build --departement 39 --inputs ../shared/data --kind pharmacy \
    --out outputs/pharmacies

    Several départements become a region, whose folders are studies each. A build that broke
    off is taken up.

    Example: accessibility build --departements 25,39 --inputs ../shared/data \
    --out outputs/region
    """
    if (departement is None) == (departements is None):
        raise SettingError("give either --departement, for a study, or --departements, for a "
                           "region.")  # fmt: skip
    if departements is not None:
        given = {"--overpass": overpass, "--sites": sites is not None, "--report": report}
        if refused := [name for name, value in given.items() if value]:
            raise SettingError(f"{', '.join(refused)} is for one département: --departement.")
        _build_region(departements, out, inputs, osm, kind, buffer_km, workers, overwrite)
        return
    if workers > 1:
        raise SettingError("--workers is for a region: --departements.")
    assert departement is not None
    from accessibility.inputs.download import inputs_folder
    from accessibility.study.build import build_study

    counts = build_study(
        departement,
        inputs or inputs_folder(),
        out,
        osm=osm,
        overpass=overpass_url if overpass else None,
        sites=sites,
        kind=kind,
        buffer_km=buffer_km,
        overwrite=overwrite,
        progress=lambda step: say(f"  {step} ..."),
    )
    for name, number in counts.items():
        typer.echo(f"{number:>12,}  {name}")
    if report:
        _tell(out)
    typer.echo(f"Written: {out}")


def _build_region(
    departements: str,
    out: Path,
    inputs: Path | None,
    osm: list[Path] | None,
    kind: str | None,
    buffer_km: float,
    workers: int,
    overwrite: bool,
) -> None:
    from accessibility.cli.coverage_region import codes_of
    from accessibility.inputs.download import inputs_folder
    from accessibility.study.region_build import build_region

    region = build_region(
        codes_of(departements),
        inputs or inputs_folder(),
        out,
        osm=osm,
        kind=kind,
        buffer_km=buffer_km,
        workers=workers,
        overwrite=overwrite,
        progress=lambda step: say(f"  {step}"),
    )
    typer.echo(f"Written: {out}, {len(region.departements)} départements")


def _tell(folder: Path) -> None:
    from accessibility.network.summary import summarise
    from accessibility.report.network import network_text
    from accessibility.report.text import show
    from accessibility.study.study import load_study

    study = load_study(folder)
    summary = summarise(study.roads, study.network)
    show(network_text(f"the study {study.title}", study.profile, study.network, summary, {}))
