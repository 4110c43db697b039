"""`accessibility gain`: what one more site would bring, everywhere."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from accessibility.cli.options import (
    AroundOption,
    AsOfOption,
    ChangeOption,
    DirectionOption,
    JsonOption,
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
    say,
    waiting,
)

if TYPE_CHECKING:
    from accessibility.routing.times import Direction


class By(StrEnum):
    """What makes a junction the best of its commune."""

    people_gained = "people_gained"
    people_faster = "people_faster"
    minutes_gained = "minutes_gained"


def command(
    study: StudyOption = "jura",
    minutes: Annotated[
        float | None,
        typer.Option(callback=positive_minutes, help="Cut-off in minutes, inclusive."),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Communes to list.")] = 10,
    by: Annotated[By, typer.Option(help="What the list is ordered by.")] = By.people_gained,
    buildings: Annotated[
        Path | None,
        typer.Option(
            help="GeoParquet of buildings (footprint_m2, points) among which the people are "
            "shared out, instead of the chefs-lieux."
        ),
    ] = None,
    cell_m: Annotated[float, typer.Option(help="Side of a cell of a GeoTIFF, metres.")] = 100.0,
    walk_kph: WalkOption = None,
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
            help="File to write: all junctions (.gpkg, .parquet, .csv), or cells (.tif), each "
            "with the best junction in it, or else the nearest one."
        ),
    ] = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Whom one more site would cover, and whom it would save time, for every junction.

    Example: accessibility gain --top 10 --out outputs/gain.gpkg
    """
    from accessibility.report.layers import RASTERS, check_suffix
    from accessibility.report.manifest import (
        check_free_with_manifest,
        licence_lines,
        write_with_manifest,
    )

    if out is not None:
        check_suffix(out, (".gpkg", ".parquet", ".csv", *RASTERS))
        check_free_with_manifest(out, overwrite=overwrite)
    import accessibility
    from accessibility.analysis.choices import checked_day
    from accessibility.analysis.gain import gain, top_communes
    from accessibility.analysis.gain_kernels import add_gains
    from accessibility.analysis.gain_raster import gain_raster
    from accessibility.inputs.buildings import read_buildings
    from accessibility.report.gain import gain_json, gain_text, gain_writer
    from accessibility.report.text import show
    from accessibility.routing.kernels import compiled
    from accessibility.study.demand import demand_at_buildings, demand_at_chefs_lieux
    from accessibility.study.study import load_study

    place = load_study(study, profile=profile, changes=changes_of(change))
    prepare(place)
    if not compiled(add_gains):
        say("First gain map after installation: compiling what computes it, about 10 seconds.")
    year = place.default("population") if population is None else population
    with waiting("Finding where people are"):
        if buildings is None:
            demand = demand_at_chefs_lieux(place.communes, year=year)
        else:
            demand = demand_at_buildings(place.communes, read_buildings(buildings), year=year)
    own = read_sites(place, sites)
    cutoff = place.default("minutes") if minutes is None else minutes
    way: Direction = place.default("direction") if direction is None else direction.value
    with waiting("Computing drive times"):
        junctions = gain(
            place,
            demand,
            minutes=cutoff,
            as_of=as_of,
            direction=way,
            around=around,
            sites=own,
            walk_kph=walk_kph,
        )
    best = top_communes(junctions, top, by=by.value)
    settings = {
        "minutes": cutoff,
        "as_of": checked_day(place.default("as_of") if as_of is None else as_of).isoformat(),
        "population_year": year,
        "people_at": "chefs-lieux" if buildings is None else "buildings",
        "places": len(demand),
        "direction": way,
        "around": around,
        "walk_kph": walk_kph,
        "max_snap_m": place.default("max_snap_m"),
        "junctions": len(junctions),
        "junctions_complete": int(junctions["complete"].sum()),
        "by": by.value,
    }
    answer = gain_json(place, best, settings)
    if out is not None:
        raster = None
        if out.suffix in RASTERS:
            raster = gain_raster(place, junctions, cell_m=cell_m)
            answer["cell_m"] = cell_m
        toolkit = f"accessibility-toolkit {accessibility.__version__}"
        write_with_manifest(
            place,
            answer,
            out,
            gain_writer(junctions, raster, out, settings={"toolkit": toolkit, **settings},
                        licences=licence_lines(place)),
            own_inputs=[path for path in (sites, buildings) if path is not None],
            overwrite=overwrite,
        )  # fmt: skip
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False, indent=2, allow_nan=False))
    else:
        show(gain_text(best, len(junctions), cutoff))
        if out is not None:
            typer.echo(f"Written: {out}, {out.name}.manifest.json")
