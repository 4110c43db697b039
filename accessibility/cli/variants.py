"""`accessibility variants`: the figure under every choice of method."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from accessibility.cli.options import (
    AsOfOption,
    JsonOption,
    OverwriteOption,
    SitesOption,
    StudyOption,
    positive_minutes,
    prepare,
    read_sites,
    say,
    waiting,
)


def command(
    study: StudyOption = "jura",
    minutes: Annotated[
        float | None, typer.Option(callback=positive_minutes, help="Cut-off in minutes.")
    ] = None,
    as_of: AsOfOption = None,
    sites: SitesOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for variants.csv, one_at_a_time.csv, tornado.png, tornado.svg and "
            "manifest.json."
        ),
    ] = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """How much each choice of method moves the figure, one at a time and all together.

    Where people are counted, of which year, whether the neighbours' sites count, speeds,
    direction, the way off the road, at most or less than the cut-off, roads beyond the border.

    Example: accessibility variants --out outputs/variants
    """
    from accessibility.atomic import check_free, write_whole

    if out is not None:
        check_free(out, overwrite=overwrite)
        from accessibility.report.map_figure import save_figure
        from accessibility.report.tornado import tornado
    from accessibility.analysis.variants import other_profiles, variants
    from accessibility.report.manifest import write_manifest
    from accessibility.report.text import show
    from accessibility.report.variants import variants_json, variants_text, write_variants
    from accessibility.study.study import load_study

    place = load_study(study)
    prepare(place)
    new = [there.profile.name for there in other_profiles(place) if not there.network_is_kept]
    if new:
        say(f"First use of these roads with {' and '.join(new)}: about 10 seconds each.")
    own = read_sites(place, sites)
    with waiting("Computing drive times under each profile"):
        found = variants(place, minutes=minutes, as_of=as_of, sites=own)
    answer = variants_json(place, found)
    if out is not None:

        def write(folder: Path) -> None:
            write_variants(found, folder)
            picture = tornado(place, found)
            for name in ("tornado.png", "tornado.svg"):
                save_figure(picture, folder / name)
            write_manifest(place, answer, folder, own_inputs=[] if sites is None else [sites])

        write_whole(out, write, overwrite=overwrite)
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False, indent=2, allow_nan=False))
    else:
        show(variants_text(place, found))
        if out is not None:
            typer.echo(
                f"Written: {out}/variants.csv, one_at_a_time.csv, tornado.png, tornado.svg, "
                "manifest.json"
            )
