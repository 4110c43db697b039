"""Upstream files -> a study on disk, the same bytes whenever it is built from the same files."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely
import tomli_w

import accessibility
from accessibility.atomic import check_free, write_whole
from accessibility.errors import InputError, MissingInputError, SettingError, first_of
from accessibility.inputs.catalogue import catalogue, locate, optional_files, sha256
from accessibility.inputs.communes import read_cantons, read_communes
from accessibility.inputs.osm import read_osm
from accessibility.inputs.overpass import data_date, fetch_overpass
from accessibility.inputs.pbf import SUFFIXES, extent
from accessibility.inputs.settings import read_toml
from accessibility.inputs.sites import read_france_services
from accessibility.inputs.territory import buffered, metric_crs
from accessibility.network.graph import RoadNetwork, build_network
from accessibility.network.profile import load_profile
from accessibility.network.restrictions import not_applied
from accessibility.network.snap import MAX_SNAP_M, snap
from accessibility.parallel import in_threads
from accessibility.schema import RoadTables
from accessibility.study import bundle
from accessibility.study.cache import keep_network, network_folder
from accessibility.study.demand import demand_at_chefs_lieux, population_years
from accessibility.study.places import DATASETS, places_of
from accessibility.study.region import TILES, Region
from accessibility.study.region_roads import MARGIN_KM, divided
from accessibility.study.ring import Ring, ring
from accessibility.study.sites import candidates_of, sites_of_file, sites_of_kind
from accessibility.study.tiles import write_tiles

LEAST_SNAPPED = 0.9
"""An extract that gives fewer chefs-lieux a road is one of another region."""

DEFAULTS: dict[str, Any] = {
    "minutes": 20,
    "population": 2019,
    "direction": "to",
    "profile": "osrm-car",
    "max_snap_m": MAX_SNAP_M,
}


def build_study(
    departement: str,
    inputs: str | Path,
    out: str | Path,
    *,
    osm: str | Path | Sequence[str | Path] | None = None,
    overpass: str | None = None,
    sites: str | Path | None = None,
    kind: str | None = None,
    buffer_km: float = 30.0,
    overwrite: bool = False,
    progress: Callable[[str], None] = lambda step: None,
) -> dict[str, int]:
    """Build a study of a département from upstream files.

    Parameters
    ----------
    departement : str
        Code: "39".
    inputs : path
        Folder with the files that the catalogue names.
    out : path
        Folder to write.
    osm : path or sequence of paths, optional
        OpenStreetMap extracts; else the smallest one under `inputs/osm` that holds the
        territory.
    overpass : str, optional
        Address of an Overpass API: the roads are downloaded from there to
        `inputs/osm/overpass-<departement>.osm.gz`, and read from that file.
    sites : path, optional
        File of the points of another service; see `read_points`.
    kind : str, optional
        The service: "pharmacy". Without `sites`, points of this kind (amenity or shop) are taken
        from the extract; without either, the study is of France services.
    buffer_km : float
        Width of the ring around the territory whose roads are read too.
    overwrite : bool
        Replace the study at `out`.
    progress : callable
        Told each step as it begins.

    Returns
    -------
    dict of str to int
        What was read, counted and left out.

    Raises
    ------
    UnknownNameError, MissingInputError, InputError, OutputError
    """
    inputs, out = Path(inputs), Path(out)
    check_free(out, overwrite=overwrite)
    files = locate(inputs, departement)
    progress("communes")
    communes = read_communes(files, departement)
    extracts = paths_of(osm)
    if overpass is not None:
        if extracts:
            raise SettingError("roads come from an extract or from Overpass; give one of the two.")
        held = inputs / "osm" / f"overpass-{departement}.osm.gz"
        extracts = [
            fetch_overpass(
                communes,
                held,
                buffer_km=buffer_km,
                url=overpass,
                overwrite=overwrite,
                progress=progress,
            )
        ]
    extracts = extracts or [choose_extract(inputs / "osm", communes, buffered(communes, buffer_km))]
    return put_together(
        departement, communes, files, inputs, out, extracts,
        own_sites=None if sites is None else Path(sites), kind=kind, buffer_km=buffer_km,
        overwrite=overwrite, progress=progress,
    )  # fmt: skip


def put_together(
    departement: str,
    communes: gpd.GeoDataFrame,
    files: dict[str, Path],
    inputs: Path,
    out: Path,
    extracts: Sequence[Path],
    *,
    own_sites: Path | None = None,
    kind: str | None = None,
    buffer_km: float,
    region: Region | None = None,
    cuts: Sequence[Path] = (),
    overwrite: bool = False,
    progress: Callable[[str], None] = lambda step: None,
) -> dict[str, int]:
    """Build a study whose communes and extracts are known; see `build_study`.

    Parameters
    ----------
    region : Region, optional
        The one that the study is a département of: its roads are written as tiles.
    cuts : sequence of Path
        Of a region: what each extract holds around the département, read in its stead.
    """
    area = buffered(communes, buffer_km)
    progress(f"roads of {', '.join(path.name for path in extracts)}")
    own = None
    if region is None:
        read = read_osm(extracts, within=communes, buffer_km=buffer_km)
    else:
        beyond = read_osm(cuts, within=communes, buffer_km=buffer_km + MARGIN_KM)
        read, own = divided(beyond, region, departement)
    progress("network")
    service = kind or (bundle.FRANCE_SERVICES if own_sites is None else own_sites.stem)
    settings = _settings(departement, communes, buffer_km, service)
    settings["metric_crs"] = metric_crs(communes)
    if region is not None:
        settings["region"] = True
    settings["bounds"] = [round(float(v), 4) for v in read.roads.roads.total_bounds]
    boxes = [extent(path) for path in extracts]
    settings["extents"] = [[round(v, 6) for v in box.bounds] for box in boxes if box is not None]
    rules = load_profile(settings["defaults"]["profile"])
    network = build_network(read.roads, profile=rules, metric_crs=settings["metric_crs"])
    off_road = _check_region(network, communes, extracts)
    around = ring(
        area,
        settings["extents"],
        read.roads.roads,
        off_road,
        metric_crs=settings["metric_crs"],
        max_snap_m=MAX_SNAP_M,
    )
    if kind is None and own_sites is None:
        facilities = read_france_services(files["sites"], departement)
        near = shapely.intersects(area, facilities.geometry.values)
        facilities = facilities[near | facilities["in_study"].to_numpy()].reset_index(drop=True)
    elif own_sites is None:
        del files["sites"]
        facilities = sites_of_kind(read.points_of_interest, service, communes)
    else:
        files["sites"] = own_sites
        facilities = sites_of_file(own_sites, service, communes, area.bounds)
    cantons = (
        read_cantons(files["cantons"])
        if "cantons" in files
        else pd.DataFrame(columns=["canton_code", "canton_name", "split_town"])
    )
    lived_in = optional_files(inputs, departement, list(DATASETS.values()))
    by_method = {m: lived_in[key] for m, key in DATASETS.items() if key in lived_in}
    places = None
    if by_method:
        progress(f"places of people: {', '.join(by_method)}")
        places = places_of(by_method, communes, year=settings["defaults"]["population"])
    if absent := [method for method in DATASETS if method not in by_method]:
        progress(f"no places of people by {', '.join(absent)}: the inputs hold none of them")
    counts = {
        "communes": len(communes),
        **_inferred(communes),
        "communes without a road in reach": len(around.off_road),
        "of them where the data end": len(around.unknown),
        "km2 of the territory and its ring that the roads do not hold": round(around.missing_km2),
        "sites": len(facilities),
        **{
            f"places of people by {method}": 0
            if places is None
            else int((places["method"] == method).sum())
            for method in DATASETS
        },
        "turn restrictions": len(read.roads.restrictions),
        "turn restrictions left out: they hold at some hours": not_applied(read.roads.restrictions),
        **read.counts,
    }
    sources = [*files.items(), *lived_in.items(), *(("osm", path) for path in extracts)]
    progress("writing")

    def write(folder: Path) -> None:
        _write_tables(
            folder, communes, cantons, facilities,
            candidates_of(read.points_of_interest, communes), places,
        )  # fmt: skip
        if own is None:
            _write_roads(folder, read.roads)
        else:
            write_tiles(own, folder / TILES)
        (folder / bundle.SETTINGS).write_text(tomli_w.dumps(settings), encoding="utf-8")
        text = json.dumps(
            _manifest(folder, sources, settings, counts, around), indent=2, ensure_ascii=False
        )
        (folder / bundle.MANIFEST).write_text(text + "\n", encoding="utf-8")

    def step(name: str) -> None:
        if name == "write":
            write_whole(out, write, overwrite=overwrite)
        else:
            network.prepare()

    if region is not None:  # its network is that of the tiles
        write_whole(out, write, overwrite=overwrite)
        return counts
    in_threads(step, ["write", "shortcuts"])  # each leaves Python's lock to the other
    keep_network(network, network_folder(out, rules, settings["metric_crs"]))
    return counts


def paths_of(given: str | Path | Sequence[str | Path] | None) -> list[Path]:
    """Paths, however many were given."""
    if given is None:
        return []
    return [Path(path) for path in ([given] if isinstance(given, str | Path) else given)]


def choose_extract(
    folder: Path, communes: gpd.GeoDataFrame, area: shapely.Geometry | None = None
) -> Path:
    """The extract of a folder that holds most of the territory and its ring, the smallest such.

    Parameters
    ----------
    folder : Path
    communes : GeoDataFrame
        All of it has to be in the extract, as its header states.
    area : shapely geometry, optional
        Territory and ring, WGS 84.

    Raises
    ------
    MissingInputError
        If there is none.
    """
    box = shapely.box(*communes.total_bounds)
    wanted = box if area is None else area
    found = sorted(
        (path for suffix in SUFFIXES for path in folder.glob(f"*{suffix}")),
        key=lambda path: (path.stat().st_size, path.name),
    )
    held = ((path, extent(path)) for path in found)
    whole = {path: box_ for path, box_ in held if box_ is not None and box_.contains(box)}
    if whole:
        # max takes the first of equals, and the smallest stands first
        return max(whole, key=lambda path: round(whole[path].intersection(wanted).area, 4))
    west, south, east, north = box.bounds
    raise MissingInputError(
        f"no extract in {folder} ({first_of(p.name for p in found) or 'none there'}) holds "
        f"{west:.2f}, {south:.2f} to {east:.2f}, {north:.2f}: give one with --osm, or see what "
        "accessibility data list has for the département."
    )


def _check_region(
    network: RoadNetwork, communes: gpd.GeoDataFrame, extracts: Sequence[Path]
) -> gpd.GeoDataFrame:
    """Refuse an extract of another region; else the demand points without a road in reach."""
    demand = demand_at_chefs_lieux(communes, year=population_years(communes)[0])
    snapped = snap(network, demand).segment >= 0
    if snapped.mean() < LEAST_SNAPPED:
        raise InputError(
            f"{first_of(extracts)} has a road within {MAX_SNAP_M:g} m of only {snapped.sum()} of "
            f"{len(communes)} chefs-lieux: it is an extract of another region, or cut short; "
            "give one that holds the territory with --osm."
        )
    return demand[~snapped]


def _inferred(communes: gpd.GeoDataFrame) -> dict[str, int]:
    """How many communes are counted elsewhere than at their own chef-lieu."""
    counts = communes["chef_lieu_source"].value_counts()
    return {
        f"communes counted at {where}": int(counts[source])
        for source, where in (
            ("former commune", "the chef-lieu of a former commune"),
            ("contour", "a point within their contour"),
        )
        if source in counts
    }


def _settings(
    departement: str, communes: gpd.GeoDataFrame, buffer_km: float, service: str
) -> dict[str, Any]:
    """What a planner may change, and what was published of France services."""
    path = Path(str(resources.files("accessibility.study") / "published.toml"))
    known = read_toml(path, what="the published figures").get(departement, {})
    years = population_years(communes)
    defaults = DEFAULTS | {"as_of": dt.date(2022, 11, 15)} | known.get("defaults", {})
    if defaults["population"] not in years:
        defaults["population"] = years[0]
    told = ("published", "grant") if service == bundle.FRANCE_SERVICES else ()
    extra = {key: known[key] for key in told if key in known}
    return {
        "name": known.get("name", departement),
        "title": known.get("title", f"département {departement}"),
        "departement": departement,
        "buffer_km": buffer_km,
        "service": service,
        "defaults": defaults,
        **extra,
    }


def _write_tables(
    folder: Path,
    communes: gpd.GeoDataFrame,
    cantons: pd.DataFrame,
    sites: gpd.GeoDataFrame,
    candidates: gpd.GeoDataFrame,
    places: pd.DataFrame | None,
) -> None:
    for name in ("osm", "communes", "sites"):
        (folder / name).mkdir(parents=True)
    for name, table in (
        (bundle.COMMUNES, communes),
        (bundle.SITES, sites),
        (bundle.CANDIDATES, candidates),
    ):
        table.to_parquet(folder / name, compression="zstd", compression_level=15, index=False)
    cantons.to_csv(folder / bundle.CANTONS, index=False, lineterminator="\n")
    if places is not None:
        (folder / bundle.DEMAND).parent.mkdir()
        places.to_parquet(
            folder / bundle.DEMAND, compression="zstd", compression_level=15, index=False
        )


def _write_roads(folder: Path, tables: RoadTables) -> None:
    # columns of coordinates pack a third smaller than WKB does
    tables.roads.to_parquet(
        folder / bundle.ROADS, compression="zstd", compression_level=15, index=False,
        geometry_encoding="geoarrow",
    )  # fmt: skip
    tables.nodes.to_parquet(
        folder / bundle.NODES, compression="zstd", compression_level=15, index=False
    )
    tables.restrictions.to_parquet(folder / bundle.RESTRICTIONS, index=False)


def _manifest(
    folder: Path,
    files: Sequence[tuple[str, Path]],
    settings: dict[str, Any],
    counts: dict[str, int],
    around: Ring,
) -> dict[str, Any]:
    """Provenance without date, host or path, so that two builds are the same bytes."""
    known = catalogue(everything=True)
    by_file = {data.file: data for data in known.values() if data.file}
    sources = []
    for key, path in sorted(files):
        if key == "sites" and path.name not in {Path(file).name for file in by_file}:
            sources.append({"dataset": key, "title": settings["service"], "file": path.name,
                            "sha256": sha256(path)})  # fmt: skip
            continue
        # another file may stand for the one that is needed
        data = by_file.get(f"{path.parent.name}/{path.name}", known[key])
        sources.append(
            {
                "dataset": key,
                "title": data.title,
                "publisher": data.publisher,
                "vintage": _date_of(path) if key == "osm" else data.vintage or None,
                "licence": data.licence,
                "attribution": data.attribution,
                "file": path.name,
                "sha256": sha256(path),
            }
        )
    written = sorted(p for p in folder.rglob("*") if p.is_file())
    return {
        "toolkit": f"accessibility-toolkit {accessibility.__version__}",
        "sources": sources,
        "settings": {k: settings[k] for k in ("departement", "buffer_km", "service")},
        "counts": counts,
        "ring": around.as_dict(),
        "files": {p.relative_to(folder).as_posix(): sha256(p) for p in written},
    }


def _date_of(extract: Path) -> str | None:
    """Day of the data, where the file of an Overpass API tells it."""
    date = data_date(extract) if extract.name.endswith((".osm", ".osm.gz")) else None
    return None if date is None else date.date().isoformat()
