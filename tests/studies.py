"""A complete study on disk, small enough to compute by hand.

One straight road from west to east; drive times are metres over metres in a second:

    n1        Combe           Aval     Bief                 Ville        Mont
    -14,000   -12,000.01      0        12,000               40,000       50,000    (x, metres)
    |---------- 10 m/s -----------------------------------------|  out 5 m/s, back 10 m/s

Aval and Ville hold a site. Ilot lies where no road is. Ville is a town that the cantons 3902
and 3903 divide: INSEE gives it the code 3999.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import tomli_w
from networks import STREET, lonlat, road_tables, write_extract

from accessibility.inputs.catalogue import catalogue
from accessibility.schema import LAMBERT_93, WGS84, RoadTables
from accessibility.study import bundle

PLACES = {1: (-15_000, 0), 2: (-12_000.01, 0), 3: (0, 0), 4: (12_000, 0), 5: (40_000, 0),
          6: (50_000, 0)}  # fmt: skip
SLOW_OUT = {"highway": "primary", "maxspeed:forward": "22.5", "maxspeed:backward": "45"}
ROADS = [(1, 2, STREET), (2, 3, STREET), (3, 4, STREET), (4, 5, STREET), (5, 6, SLOW_OUT)]

AVAL, BIEF, COMBE, VILLE, MONT, ILOT = (f"3900{i}" for i in range(1, 7))
CHEFS_LIEUX = {
    AVAL: (0, 0), BIEF: (12_000, 0), COMBE: (-12_000.01, 0), VILLE: (40_000, 0),
    MONT: (50_000, 0), ILOT: (25_000, 20_000),
}  # fmt: skip
NAMES = ["Aval", "Bief", "Combe", "Ville", "Mont", "Ilot"]
CANTON_CODES = ["3901", "3901", "3902", "3999", "3903", "3903"]
CANTON_NAMES = {"3901": "Aval", "3902": "Combe", "3903": "Mont", "3999": "Ville (town, divided)"}
EPCI_CODES = ["200001"] * 3 + ["200002"] * 3
EPCI_NAMES = {"200001": "CC de l'Aval", "200002": "CC du Mont"}
POPULATIONS = {
    2019: [1000, 300, 200, 2000, 400, 100],
    2020: [1100, 300, 200, 2000, 400, np.nan],
    2021: [1000, 300, 500, 2000, 200, 0],
}
SITES = [  # id, kind, commune, label date, in the study, x
    ("f1", "Principal", AVAL, "2020-01-31", True, 0),
    ("f2", "Principal", VILLE, "2022-01-01", True, 40_000),
    ("a1", "Antenne", COMBE, "2020-01-31", True, -12_000.01),
    ("n1", "Principal", "25001", "2021-06-01", False, -14_000),
]

Box = tuple[tuple[float, float], tuple[float, float]]
WHOLE: Box = ((-20_000, -10_000), (60_000, 30_000))

PUBLISHED = {
    "source": "a letter",
    "minutes": 20,
    "as_of": dt.date(2022, 11, 15),
    "share_covered": 0.93,
    "cantons_covered": 2,
    "cantons": 3,
}


def communes_table() -> gpd.GeoDataFrame:
    at = np.array(list(CHEFS_LIEUX.values()), dtype=float)
    lon, lat = lonlat(at).T
    squares = [
        shapely.Polygon(lonlat([(x - 2e3, y - 2e3), (x + 2e3, y - 2e3), (x + 2e3, y + 2e3),
                                (x - 2e3, y + 2e3)]))
        for x, y in at
    ]  # fmt: skip
    return gpd.GeoDataFrame(
        {
            "code_insee": list(CHEFS_LIEUX),
            "name": NAMES,
            "canton_code": CANTON_CODES,
            "canton_name": [CANTON_NAMES[code] for code in CANTON_CODES],
            "epci_code": EPCI_CODES,
            "epci_name": [EPCI_NAMES[code] for code in EPCI_CODES],
            **{f"population_{year}": np.array(n, float) for year, n in POPULATIONS.items()},
            "chef_lieu_lon": lon,
            "chef_lieu_lat": lat,
            "chef_lieu_source": "chef-lieu",
        },
        geometry=squares,
        crs=WGS84,
    )


def sites_table() -> gpd.GeoDataFrame:
    ids, kinds, codes, dates, own, x = zip(*SITES, strict=True)
    return gpd.GeoDataFrame(
        {
            "facility_id": ids,
            "name": [f"site {i}" for i in ids],
            "kind": kinds,
            "code_insee": codes,
            "label_date": pd.to_datetime(pd.Series(dates)).astype("datetime64[ms]"),
            "in_study": own,
        },
        geometry=shapely.points(lonlat([(v, 0) for v in x])),
        crs=WGS84,
    )


def tables(*, rim: tuple[int, ...] = ()) -> RoadTables:
    made = road_tables(PLACES, ROADS, rim=rim)
    kinds = {"relation_id": "int64", "kind": "string", "from_way": "int64", "via_node": "Int64",
             "via_ways": "string", "to_way": "int64", "except": "string"}  # fmt: skip
    none = pd.DataFrame({name: pd.Series([], dtype=kind) for name, kind in kinds.items()})
    return RoadTables(made.roads, made.nodes, none)


def write_study(
    folder: Path,
    *,
    rim: tuple[int, ...] = (),
    published: bool = True,
    cantons: bool = True,
    defaults: dict[str, Any] | None = None,
) -> Path:
    """The small study, written once for each kind and then copied: hundreds of tests want it."""
    asked = rim, published, cantons, tuple((defaults or {}).items())
    return Path(shutil.copytree(_written(*asked), folder, dirs_exist_ok=True))


_KEPT = tempfile.TemporaryDirectory()


@functools.cache
def _written(
    rim: tuple[int, ...], published: bool, cantons: bool, defaults: tuple[tuple[str, Any], ...]
) -> Path:
    folder = Path(tempfile.mkdtemp(dir=_KEPT.name))
    for name in ("osm", "communes", "sites"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    roads = tables(rim=rim)
    roads.roads.to_parquet(folder / bundle.ROADS, geometry_encoding="geoarrow")
    roads.nodes.to_parquet(folder / bundle.NODES)
    roads.restrictions.to_parquet(folder / bundle.RESTRICTIONS, index=False)
    communes_table().to_parquet(folder / bundle.COMMUNES)
    sites_table().to_parquet(folder / bundle.SITES)
    lines = ["canton_code,canton_name,split_town"]
    if cantons:
        lines += ["3901,Aval,", f"3902,Combe,{VILLE}", f"3903,Mont,{VILLE}"]
    (folder / bundle.CANTONS).write_text("\n".join(lines) + "\n", encoding="utf-8")
    settings: dict[str, Any] = {
        "name": "small",
        "title": "Small",
        "departement": "39",
        "buffer_km": 5.0,
        "metric_crs": LAMBERT_93,
        "service": "France services",
        "extents": [lonlat(WHOLE).ravel().tolist()],
        "bounds": [round(float(v), 4) for v in roads.roads.total_bounds],
        "defaults": {
            "minutes": 20,
            "population": 2019,
            "direction": "to",
            "profile": "osrm-car",
            "max_snap_m": 1000.0,
            "as_of": dt.date(2022, 11, 15),
            **dict(defaults),
        },
    }
    # a hair wider than the straight road, whose south and north are nearly one
    west, south, east, north = settings["bounds"]
    settings["bounds"] = [west - 0.1, south - 0.3, east + 0.1, north + 0.3]
    if published:
        settings["published"] = PUBLISHED
    (folder / bundle.SETTINGS).write_text(tomli_w.dumps(settings), encoding="utf-8")
    sources = [
        {"dataset": "osm", "file": "line.osm.pbf", "sha256": "0" * 64, "vintage": None,
         "title": "Roads", "publisher": "us", "licence": "ODbL 1.0",
         "attribution": "© OpenStreetMap contributors, ODbL 1.0"},
    ]  # fmt: skip
    counts = {"communes": len(CHEFS_LIEUX)}
    manifest = {"toolkit": "accessibility-toolkit 0", "sources": sources, "counts": counts}
    (folder / bundle.MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def own_sites(x: list[float], **columns: Any) -> gpd.GeoDataFrame:
    ids = columns.pop("facility_id", [f"own{i}" for i in range(len(x))])
    where = shapely.points(lonlat([(v, 0) for v in x]))
    return gpd.GeoDataFrame({"facility_id": ids, **columns}, geometry=where, crs=WGS84)


def write_inputs(folder: Path) -> Path:
    """Upstream files of the small study's territory under the names of the catalogue."""
    table = communes_table()
    table = table[table["code_insee"] != ILOT]
    for name in ("communes", "sites", "osm"):
        (folder / name).mkdir(parents=True)
    files = {key: folder / data.file for key, data in catalogue().items() if data.file}
    listed = pd.DataFrame(
        {"TYPECOM": "COM", "COM": table["code_insee"], "DEP": "39", "LIBELLE": table["name"],
         "CAN": table["canton_code"], "COMPARENT": None}
    )  # fmt: skip
    listed.to_csv(files["cog"], index=False)
    for year in (2019, 2020, 2021):
        people = {"COM": table["code_insee"], "PMUN": table[f"population_{year}"].astype(int)}
        pd.DataFrame(people).to_csv(files[f"population_{year}"], index=False, sep=";")
    epci = {"insee": table["code_insee"], "siren": table["epci_code"],
            "raison_sociale": table["epci_name"]}  # fmt: skip
    pd.DataFrame(epci).to_csv(files["epci"], index=False)
    files["cantons"].write_text(
        "canton_code,canton_nom,ville_partagee_code\n3901,Aval,\n3902,Combe,39004\n"
        "3903,Mont,39004\n",
        encoding="utf-8",
    )
    at = gpd.points_from_xy(table["chef_lieu_lon"], table["chef_lieu_lat"], crs="EPSG:4326")
    gpd.GeoDataFrame({"cinseea": table["code_insee"]}, geometry=at).to_file(files["chefs_lieux"])
    contours = table[["code_insee", "geometry"]].rename(columns={"code_insee": "code"})
    contours.to_file(files["contours"])
    head = ["id_fs", "insee_dep", "lib_fs", "adresse", "insee_com", "latitude", "longitude",
            *(f"h_{d}" for d in "lundi mardi mercredi jeudi vendredi samedi".split()),
            "prise_rdv", "commentaire", "type_fs", "format_fs", "labellisation_fs"]  # fmt: skip
    rows = [
        {"id_fs": "1", "insee_dep": "39", "lib_fs": "Aval", "insee_com": "39001",
         "latitude": at.y[0], "longitude": at.x[0], "type_fs": "Principal", "format_fs": "Fixe",
         "labellisation_fs": "Espace labellisé 01/02/2020"},
        {"id_fs": "2", "insee_dep": "75", "lib_fs": "Paris", "insee_com": "75056",
         "latitude": 48.86, "longitude": 2.35, "type_fs": "Principal", "format_fs": "Fixe",
         "labellisation_fs": "Espace labellisé 01/02/2020"},
    ]  # fmt: skip
    pd.DataFrame(rows, columns=head).to_csv(files["sites"], index=False)
    extract(folder / "osm" / "line.osm.pbf")
    return folder


def extract(path: Path, *, box: Box | None = WHOLE) -> Path:
    ways = [(1, [1, 2, 3, 4, 5], STREET), (2, [5, 6], SLOW_OUT)]
    return write_extract(path, PLACES, ways, box=box)
