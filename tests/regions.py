"""A region of three territories side by side on one long road, and files to build it from.

    01 (Combe)   39 (Aval, Bief)          25 (Ville, Mont)
    -12,000      0, 12,000                40,000, 50,000      (x, metres)

At each chef-lieu a side street makes a junction; Aval and Ville hold a site. A left turn is
forbidden at Bief.
"""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
from networks import STREET, write_extract
from studies import PLACES, SLOW_OUT, WHOLE, write_inputs

from accessibility.inputs.catalogue import catalogue

CODES = {"39003": "01003", "39004": "25004", "39005": "25005"}
BUFFER_KM = 15.0


def write_region_inputs(folder: Path) -> Path:
    write_inputs(folder)
    files = {key: folder / data.file for key, data in catalogue().items() if data.file}
    for key in ("cog", "population_2019", "population_2020", "population_2021", "epci",
                "chefs_lieux"):  # fmt: skip
        text = files[key].read_text(encoding="utf-8")
        for old, new in CODES.items():
            text = text.replace(old, new)
        files[key].write_text(text, encoding="utf-8")
    listed = pd.read_csv(files["cog"], dtype=str)
    listed.assign(DEP=listed["COM"].str[:2]).to_csv(files["cog"], index=False)
    contours = gpd.read_file(files["contours"])
    contours["code"] = contours["code"].replace(CODES)
    files["contours"].unlink()
    contours.to_file(files["contours"])
    files["cantons"].write_text(
        "canton_code,canton_nom,ville_partagee_code\n3901,Aval,\n", encoding="utf-8"
    )
    sites = pd.read_csv(files["sites"], dtype=str)
    ville = sites.iloc[[0]].assign(
        id_fs="3", insee_dep="25", lib_fs="Ville", insee_com="25004",
        latitude=str(at("25004", files)[1]), longitude=str(at("25004", files)[0]),
    )  # fmt: skip
    pd.concat([sites, ville]).to_csv(files["sites"], index=False)
    (folder / "osm" / "line.osm.pbf").unlink()
    write_roads(folder / "osm" / "line.osm.pbf")
    return folder


def at(code: str, files: dict[str, Path]) -> tuple[float, float]:
    table = gpd.read_file(files["chefs_lieux"])
    point = table.set_index("cinseea").geometry[code]
    return point.x, point.y


def write_roads(path: Path) -> Path:
    side = {10 + ref: (x, 400) for ref, (x, _) in PLACES.items()}
    streets = [(10 + ref, [ref, 10 + ref], STREET) for ref in PLACES]
    ways = [(1, [1, 2, 3], STREET), (3, [3, 4], STREET), (4, [4, 5], STREET),
            (2, [5, 6], SLOW_OUT), *streets]  # fmt: skip
    no_left = (1, [("from", 3, "w"), ("via", 4, "n"), ("to", 14, "w")],
               {"type": "restriction", "restriction": "no_left_turn"})  # fmt: skip
    members = [(kind, ref, role) for role, ref, kind in no_left[1]]
    return write_extract(
        path, {**PLACES, **side}, ways, relations=[(1, members, no_left[2])], box=WHOLE
    )
