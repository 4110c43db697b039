r"""How wrong drive-time areas are as they are drawn: by this toolkit, Valhalla, and with osmnx.

    python benchmarks/isochrones.py --valhalla-python .venv-valhalla/bin/python \
        --extract JURA.osm.pbf --buildings BUILDINGS.parquet --out isochrones.json

Valhalla runs in an environment of its own, with Python 3.12; networkx comes with the extra
`osmnx` of this package:

    python3.12 -m venv .venv-valhalla
    .venv-valhalla/bin/python -m pip install -r benchmarks/requirements-valhalla.txt

Asked is for the areas from which the counted sites of a study are reached by car in time. Each
method is held against its own network times, at the buildings of the territory, so that only
the drawing is judged and not the speeds. A building that lies in the area but takes longer is
wrongly in; one that takes no longer but lies outside is wrongly out. The people of a commune
are shared out among its buildings by footprint.

    toolkit N m       `acc.isochrones` with cells of N m. Truth: the time at the nearest place on
                      a road, as in `acc.coverage`.
    valhalla          the action isochrone, reverse, denoise 0, generalize 0. Truth: the action
                      sources_to_targets, in whole seconds (see `valhalla_isochrones.py`).
    osmnx convex      the recipe of networkx and osmnx: the nodes of `nx.ego_graph` on the
    osmnx concave R   reversed graph of `acc.to_networkx`, in a convex hull, or in a concave one
                      of ratio R. Truth: the nearest node is among them.

Sites, places and roads are the same for all; all know the roads of the extract alone. Columns:

    minutes           the cut-off
    areas             "each": an area for each site, and the mean over the sites. "merged": the
                      union, against the least time to any site
    places in, out    wrongly in, wrongly out, in % of the buildings of the territory
    people in, out    the same in % of its people
    +-                the standard error of their sum, from sampling; 0 where all are asked
    people within     people inside by the network times, in %
    people wrong      people wrongly in and out, in % of those
    seconds           wall time in which the areas of all sites were made; the study, the tiles
                      and the graph were loaded before. This toolkit uses all cores, the others one
    invalid           areas whose geometry is not valid (it is repaired before it is asked)

With --sample N, N buildings are drawn with replacement, each with a chance of half its share of
the buildings plus half its share of the people, and weighted back; --sample 0 takes all, which
costs Valhalla 25 ms for each (20,000 and three cut-offs: 13 minutes in all, on two cores). All
methods have the same sample. The JSON holds the same figures as shares, and the settings.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import geopandas as gpd
import networkx as nx
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

import accessibility as acc
from accessibility.analysis.choices import counted_sites
from accessibility.inputs.buildings import read_buildings
from accessibility.schema import WGS84
from accessibility.study.demand import demand_at_buildings

CELLS_M = (100.0, 50.0, 25.0)
"""Cell sizes of this toolkit."""

RATIOS = (0.3, 0.1)
"""Of the concave hulls: 1 is convex, 0 as concave as can be."""

Areas = npt.NDArray[np.object_]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """What all methods are asked: sites, places, cut-offs.

    Attributes
    ----------
    study : Study
    sites, places : GeoDataFrame
        Points in the study's metric CRS.
    weights : dict of str to float array
        For "places" and "people", what each place stands for.
    sampled : bool
        Whether the places are a sample.
    minutes : list of float
    """

    study: acc.Study
    sites: gpd.GeoDataFrame
    places: gpd.GeoDataFrame
    weights: dict[str, Floats]
    sampled: bool
    minutes: list[float]

    def share(self, of: str, marks: Bools) -> tuple[float, float]:
        """Share of the places or people that is marked, mean over the areas, and its error."""
        weight, marked = self.weights[of], marks.mean(axis=1)
        share = np.average(marked, weights=weight)
        spread = (weight * (marked - share)).std() / weight.mean()
        return float(share), float(spread / np.sqrt(len(marked))) if self.sampled else 0.0


@dataclass(frozen=True)
class Drawn:
    """The areas of one method for one cut-off, and who is inside by its own network times."""

    method: str
    minutes: float
    areas: str
    geometry: Areas
    within: Bools  # places x areas
    seconds: float


def make_case(options: argparse.Namespace) -> Case:
    """Load the study, choose sites and places."""
    study = acc.load_study(options.study)
    sites = counted_sites(study.sites, study.default("as_of"))[: options.sites]
    sites = sites.sort_values("facility_id", ignore_index=True).to_crs(study.metric_crs)
    every = demand_at_buildings(
        study.communes, read_buildings(options.buildings), year=study.default("population")
    )
    people = every["population"].to_numpy()
    shares = {"places": np.full(len(every), 1 / len(every)), "people": people / people.sum()}
    rows, chance = np.arange(len(every)), shares["places"]
    if options.sample:
        chance = (shares["places"] + shares["people"]) / 2
        rng = np.random.default_rng(options.seed)
        rows = np.sort(rng.choice(len(every), options.sample, p=chance))
    weights = {of: (share / chance)[rows] for of, share in shares.items()}
    places = every.iloc[rows].reset_index(drop=True).to_crs(study.metric_crs)
    return Case(study, sites, places, weights, bool(options.sample), options.minutes)


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """What a call gives, and its wall time."""
    began = time.perf_counter()
    found = call()
    return found, time.perf_counter() - began


def toolkit(case: Case) -> Iterator[Drawn]:
    """The areas of this toolkit."""
    times = acc.travel_time_matrix(case.study.network, case.places, case.sites)
    draw = partial(acc.isochrones, case.study, sites=case.sites)
    draw(minutes=case.minutes[:1])  # the search is compiled before it is timed
    for cell_m in CELLS_M:
        for minutes in case.minutes:
            within = times <= minutes * 60
            name = f"toolkit {cell_m:g} m"
            for areas, inside in (("each", within), ("merged", within.any(axis=1)[:, None])):
                found, seconds = timed(partial(draw, minutes=(minutes,), kind=areas, cell_m=cell_m))
                ids = case.sites["facility_id"] if areas == "each" else ["any"]
                geometry = found.set_index("facility_id").geometry.reindex(ids).to_numpy()
                yield Drawn(name, minutes, areas, geometry, inside, seconds)


def valhalla(case: Case, python: str, extract: Path) -> Iterator[Drawn]:
    """The areas of Valhalla."""
    question: dict[str, Any] = {
        name: shapely.get_coordinates(table.to_crs(WGS84).geometry).round(7).tolist()
        for name, table in (("sites", case.sites), ("places", case.places))
    }
    with tempfile.TemporaryDirectory() as folder:
        asked, out = Path(folder) / "question.json", Path(folder) / "out.json"
        asked.write_text(json.dumps({**question, "minutes": case.minutes}))
        script = Path(__file__).with_name("valhalla_isochrones.py")
        subprocess.run([python, script, extract, asked, out], check=True)
        answer = json.loads(out.read_text())
    times = np.array(answer["durations"], dtype=float)
    for minutes in case.minutes:
        drawn, seconds = answer["polygons"][str(minutes)], answer["polygons_s"][str(minutes)]
        each = gpd.GeoSeries([shapely.from_geojson(json.dumps(area)) for area in drawn], crs=WGS84)
        each = each.to_crs(case.study.metric_crs).to_numpy()
        yield from each_and_merged("valhalla", minutes, each, times <= minutes * 60, seconds)


def osmnx_recipe(case: Case) -> Iterator[Drawn]:
    """Hulls of the nodes from which a site is reached in time."""
    graph = acc.to_networkx(case.study.roads, case.study.network)
    lon, lat = zip(*((data["x"], data["y"]) for _, data in graph.nodes(data=True)), strict=True)
    nodes = gpd.GeoSeries(gpd.points_from_xy(lon, lat, crs=WGS84), index=list(graph))
    nodes = nodes.to_crs(case.study.metric_crs)
    at_site, at_place = (
        nodes.index[nodes.sindex.nearest(table.geometry, return_all=False)[1]]
        for table in (case.sites, case.places)
    )
    hulls = {"convex": shapely.convex_hull}
    hulls |= {f"concave {r:g}": partial(shapely.concave_hull, ratio=r) for r in RATIOS}
    backwards = graph.reverse()
    for minutes in case.minutes:
        search = partial(nx.ego_graph, backwards, radius=minutes * 60, distance="travel_time")
        found, search_s = timed(lambda search=search: [list(search(node)) for node in at_site])
        within = np.column_stack([at_place.isin(reached) for reached in found])
        clouds = [shapely.multipoints(nodes[reached]) for reached in found]
        for name, hull in hulls.items():
            each, hull_s = timed(partial(hull, clouds))
            yield from each_and_merged(f"osmnx {name}", minutes, each, within, search_s + hull_s)


def each_and_merged(
    method: str, minutes: float, each: Areas, within: Bools, seconds: float
) -> Iterator[Drawn]:
    """Areas of the sites, and their union."""
    yield Drawn(method, minutes, "each", each, within, seconds)
    union, union_s = timed(lambda: np.array([shapely.union_all(repaired(each))]))
    yield Drawn(method, minutes, "merged", union, within.any(axis=1)[:, None], seconds + union_s)


def repaired(areas: Areas) -> Areas:
    """The areas, those made valid that are not."""
    areas, wrong = areas.copy(), ~shapely.is_valid(areas)
    areas[wrong] = shapely.make_valid(areas[wrong])
    return areas


def judge(case: Case, drawn: Drawn) -> dict[str, Any]:
    """Hold areas against network times."""
    areas = repaired(drawn.geometry)
    shapely.prepare(areas)
    x, y = shapely.get_coordinates(case.places.geometry).T[:, :, None]
    inside = shapely.contains_xy(areas, x, y)
    wrong_in, wrong_out = inside & ~drawn.within, ~inside & drawn.within
    row: dict[str, Any] = {
        "method": drawn.method,
        "minutes": drawn.minutes,
        "areas": drawn.areas,
    }
    for of in case.weights:
        row[f"{of}_in"], _ = case.share(of, wrong_in)
        row[f"{of}_out"], _ = case.share(of, wrong_out)
        _, row[f"{of}_error"] = case.share(of, wrong_in | wrong_out)
        row[f"{of}_within"], _ = case.share(of, drawn.within)
    row["seconds"] = drawn.seconds
    row["invalid"] = int((~shapely.is_valid(drawn.geometry)).sum())
    return row


def report(table: pd.DataFrame) -> None:
    """Print the table, shares in %."""
    shown = table.drop(columns=["places_error", "places_within"])
    wrong = (table["people_in"] + table["people_out"]) / table["people_within"]
    shown.insert(shown.columns.get_loc("seconds"), "people_wrong", wrong)
    shown = shown.rename(columns={"people_error": "+-"})
    shares = [name for name in shown if name == "+-" or name.startswith(("places", "people"))]
    shown[shares] = (shown[shares] * 100).map("{:.3f}".format)
    shown["seconds"] = shown["seconds"].map("{:.2f}".format)
    shown.columns = shown.columns.str.replace("_", " ")
    print(shown.to_string(index=False))


def main() -> None:
    """Draw, judge, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--valhalla-python", help="without it Valhalla is left out")
    parser.add_argument("--extract", type=Path, help="what the study was built from, for Valhalla")
    parser.add_argument("--buildings", type=Path, required=True, help="points, footprint_m2")
    parser.add_argument("--study", default="jura")
    parser.add_argument("--minutes", type=float, nargs="+", default=[20.0])
    parser.add_argument("--sites", type=int, metavar="N", help="the first N sites only")
    parser.add_argument("--sample", type=int, metavar="N", default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="the figures as JSON")
    options = parser.parse_args()
    case = make_case(options)
    methods = [toolkit(case), osmnx_recipe(case)]
    if options.valhalla_python:
        methods.append(valhalla(case, options.valhalla_python, options.extract))
    rows = [judge(case, drawn) for method in methods for drawn in method]
    print(f"{len(case.sites)} sites, {len(case.places):,} places, in %")
    report(pd.DataFrame(rows))
    if options.out:
        settings = {name: str(value) for name, value in vars(options).items()}
        options.out.write_text(json.dumps({"settings": settings, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
