"""`accessibility isochrones`: the areas from which a site is reached in time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    SiteOption,
    SitesOption,
    StudyOption,
    WalkOption,
    changes_of,
    minutes_list,
    prepare,
    read_sites,
    waiting,
)

if TYPE_CHECKING:
    import geopandas as gpd

    from accessibility.analysis.isochrones import Kind
    from accessibility.study.study import Study


def command(
    study: StudyOption = "jura",
    minutes: Annotated[
        str,
        typer.Option(callback=minutes_list, help="Cut-offs in minutes, inclusive, ascending."),
    ] = "10,20,30",
    merged: Annotated[
        bool, typer.Option("--merged", help="One area for any site (unless told otherwise).")
    ] = False,
    each: Annotated[bool, typer.Option("--each", help="One area for each site.")] = False,
    nearest: Annotated[
        bool, typer.Option("--nearest", help="Each place with its nearest site: no overlap.")
    ] = False,
    bands: Annotated[
        bool, typer.Option("--bands", help="Rings between the cut-offs instead of nested areas.")
    ] = False,
    site: SiteOption = None,
    cell_m: Annotated[float, typer.Option(help="Side of the cells drawn from, metres.")] = 50.0,
    tolerance_m: Annotated[
        float | None, typer.Option(help="Straighten corners smaller than this, metres; one cell.")
    ] = None,
    min_area_km2: Annotated[
        float, typer.Option(help="Do not draw smaller holes and islands.")
    ] = 0.05,
    walk_kph: WalkOption = None,
    as_of: AsOfOption = None,
    population: PopulationOption = None,
    direction: DirectionOption = None,
    around: AroundOption = False,
    sites: SitesOption = None,
    check: Annotated[
        bool, typer.Option("--check", help="Measure the drawing against the times on the roads.")
    ] = False,
    buildings: Annotated[
        Path | None,
        typer.Option(
            help="GeoParquet of buildings (footprint_m2, points) to measure at, instead of the "
            "chefs-lieux."
        ),
    ] = None,
    profile: ProfileOption = None,
    change: ChangeOption = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write: .gpkg, .parquet, .geojson or .csv.")
    ] = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Draw the areas from which a site is reached by car within the cut-offs.

    Inhabitants and road km are those of the network, whatever is drawn.

    Example: accessibility isochrones --each --minutes 10,20 --out outputs/areas.gpkg
    """
    if merged + each + nearest > 1:
        raise typer.BadParameter("give one of --merged, --each and --nearest.")
    from accessibility.report.layers import AREAS, area_writer, check_suffix
    from accessibility.report.manifest import check_free_with_manifest, write_with_manifest

    if out is not None:
        check_suffix(out, AREAS)
        check_free_with_manifest(out, overwrite=overwrite)
    from accessibility.analysis.choices import choices
    from accessibility.analysis.isochrone_error import isochrone_error
    from accessibility.analysis.isochrones import isochrones
    from accessibility.report.isochrones import isochrones_json, isochrones_text
    from accessibility.report.text import show
    from accessibility.study.study import load_study

    place = load_study(study, profile=profile, changes=changes_of(change))
    prepare(place, drawing=True)
    trips: dict[str, Any] = {
        "as_of": as_of,
        "direction": None if direction is None else direction.value,
        "around": around,
        "sites": read_sites(place, sites),
        "walk_kph": walk_kph,
    }
    kind: Kind = "each" if each else "nearest" if nearest else "merged"
    cutoffs = [float(part) for part in minutes.split(",")]
    with waiting("Drawing"):
        areas = isochrones(
            place,
            minutes=cutoffs,
            kind=kind,
            bands=bands,
            site=site,
            cell_m=cell_m,
            tolerance_m=tolerance_m,
            min_area_km2=min_area_km2,
            population=population,
            **trips,
        )
    error, at = None, ""
    if check or buildings is not None:
        places, at = _places(place, buildings, population)
        with waiting("Measuring the error"):
            error = isochrone_error(place, areas, places, nearest=nearest, site=site, **trips)
    used = choices(place, site=site, **trips)
    answer = isochrones_json(
        place,
        areas,
        error,
        at=at,
        settings={
            "kind": kind,
            "bands": bands,
            "sites": len(used.sites),
            "site_ids": used.sites["facility_id"].astype(str).tolist(),
            "sites_off_road": used.off_road,
            "profile": place.profile.name,
            "minutes": cutoffs,
            "as_of": used.as_of.isoformat(),
            "population_year": place.default("population") if population is None else population,
            "direction": used.direction,
            "around": around,
            "walk_kph": walk_kph,
            "max_snap_m": used.max_snap_m,
            "cell_m": cell_m,
            "tolerance_m": cell_m if tolerance_m is None else tolerance_m,
            "min_area_km2": min_area_km2,
        },
    )
    if out is not None:
        write_with_manifest(
            place,
            answer,
            out,
            area_writer(areas, used.sites, out),
            own_inputs=[path for path in (sites, buildings) if path is not None],
            overwrite=overwrite,
        )
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False, indent=2, allow_nan=False))
    else:
        show(isochrones_text(areas, error, off_road=used.off_road, at=at))
        if out is not None:
            typer.echo(f"Written: {out}, {out.name}.manifest.json")


def _places(study: Study, buildings: Path | None, year: int | None) -> tuple[gpd.GeoDataFrame, str]:
    """Places at which the drawing is measured, and what they are."""
    from accessibility.inputs.buildings import read_buildings
    from accessibility.study.demand import demand_at_buildings, demand_at_chefs_lieux

    when = study.default("population") if year is None else year
    if buildings is None:
        places = demand_at_chefs_lieux(study.communes, year=when)
        return places, f"{len(places):,} chefs-lieux"
    with waiting("Sharing the people out among the buildings"):
        places = demand_at_buildings(study.communes, read_buildings(buildings), year=when)
    return places, f"{len(places):,} buildings, people by ground area"
