"""`accessibility surface`: a raster of drive times."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from accessibility.cli.options import (
    AroundOption,
    AsOfOption,
    ChangeOption,
    DirectionOption,
    JsonOption,
    OverwriteOption,
    ProfileOption,
    SiteOption,
    SitesOption,
    StudyOption,
    WalkOption,
    changes_of,
    prepare,
    read_sites,
    waiting,
)


def command(
    out: Annotated[Path, typer.Option(help="GeoTIFF to write: .tif.")],
    study: StudyOption = "jura",
    site: SiteOption = None,
    cell_m: Annotated[float, typer.Option(help="Side of a cell, metres.")] = 50.0,
    walk_kph: WalkOption = None,
    as_of: AsOfOption = None,
    direction: DirectionOption = None,
    around: AroundOption = False,
    sites: SitesOption = None,
    profile: ProfileOption = None,
    change: ChangeOption = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Seconds by car to the nearest site from each cell of the territory, as a GeoTIFF.

    Example: accessibility surface --cell-m 100 --out outputs/minutes.tif
    """
    from accessibility.report.layers import RASTERS, check_suffix, surface_writer
    from accessibility.report.manifest import (
        check_free_with_manifest,
        licence_lines,
        write_with_manifest,
    )

    check_suffix(out, RASTERS)
    check_free_with_manifest(out, overwrite=overwrite)
    import accessibility
    from accessibility.analysis.surface import surface
    from accessibility.report.isochrones import surface_json, surface_text
    from accessibility.report.text import show
    from accessibility.study.study import load_study

    place = load_study(study, profile=profile, changes=changes_of(change))
    prepare(place, drawing=True)
    with waiting("Computing drive times"):
        found = surface(
            place,
            site=site,
            cell_m=cell_m,
            as_of=as_of,
            direction=None if direction is None else direction.value,
            around=around,
            sites=read_sites(place, sites),
            walk_kph=walk_kph,
        )
    answer = surface_json(place, found)
    toolkit = f"accessibility-toolkit {accessibility.__version__}"
    write_with_manifest(
        place,
        answer,
        out,
        surface_writer(found, out, settings={"toolkit": toolkit, **answer},
                       licences=licence_lines(place)),
        own_inputs=[] if sites is None else [sites],
        overwrite=overwrite,
    )  # fmt: skip
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False, indent=2, allow_nan=False))
    else:
        show(surface_text(found))
        typer.echo(f"Written: {out}, {out.name}.manifest.json")
