"""How far the drive times agree with those of OSRM itself, on one extract.

    python benchmarks/agreement.py --osrm-python .venv-osrm/bin/python EXTRACT.osm.pbf

OSRM runs in an environment of its own, with Python 3.12:

    python3.12 -m venv .venv-osrm
    .venv-osrm/bin/python -m pip install -r benchmarks/requirements-osrm.txt

Asked for are the times from each commune of the bundled study to each of its counted sites,
and, with --all, from each commune to each other. The extract should be the one that the study
was built from. With --random 45 another extract is asked between 45 random places and 45 others.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np

import accessibility as acc
from accessibility.analysis.coverage import counted_sites
from accessibility.inputs.territory import metric_crs
from accessibility.schema import WGS84


def osrm_times(
    python: str, extract: Path, origins: gpd.GeoDataFrame, destinations: gpd.GeoDataFrame
) -> np.ndarray:
    """Seconds by OSRM, NaN where it reaches nothing."""
    places = {
        name: np.column_stack([table.geometry.x, table.geometry.y]).tolist()
        for name, table in (("origins", origins), ("destinations", destinations))
    }
    with tempfile.TemporaryDirectory() as folder:
        points, out = Path(folder) / "points.json", Path(folder) / "out.json"
        points.write_text(json.dumps(places))
        script = Path(__file__).with_name("osrm_table.py")
        subprocess.run(
            [python, str(script), str(extract), str(points), str(out)],
            check=True,
            stderr=subprocess.DEVNULL,
        )
        return np.array(json.loads(out.read_text())["durations"], dtype=float)


def report(name: str, ours: np.ndarray, theirs: np.ndarray) -> None:
    """Print how the times differ, relative to OSRM's, where both are above one minute."""
    only_one = np.isfinite(ours) != np.isfinite(theirs)
    both = np.isfinite(ours) & np.isfinite(theirs) & (theirs > 60)
    difference = ours[both] / theirs[both] - 1
    low, middle, high = np.percentile(difference, [5, 50, 95])
    print(f"{name}: {both.sum():,} pairs over a minute; {only_one.sum()} reached by one only")
    print(f"  signed: 5th {low:+.2%}, median {middle:+.2%}, 95th percentile {high:+.2%}")
    absolute = np.abs(difference)
    print(
        f"  absolute: 95th percentile {np.percentile(absolute, 95):.2%}, max {absolute.max():.2%}"
    )


def random_places(network: acc.RoadNetwork, n: int, seed: int) -> gpd.GeoDataFrame:
    """Middles of straight pieces of random segments of the main part."""
    chosen = np.random.default_rng(seed).choice(np.flatnonzero(network.segment_main), n)
    piece = (network.line_start[chosen] + network.line_start[chosen + 1]) // 2
    x, y = ((network.xy[piece - 1] + network.xy[piece]) / 2).T
    return gpd.GeoDataFrame(geometry=gpd.points_from_xy(x, y, crs=network.metric_crs)).to_crs(WGS84)


def main() -> None:
    """Compare, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("extract", type=Path)
    parser.add_argument("--osrm-python", required=True)
    parser.add_argument("--all", action="store_true", help="also communes to communes")
    parser.add_argument("--random", type=int, metavar="N", help="N random places to N others")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.random:
        tables = acc.read_roads(options.extract)
        network = acc.build_network(tables, metric_crs=metric_crs(tables.roads))
        places = random_places(network, 2 * options.random, options.seed)
        here, there = places[: options.random], places[options.random :]
        ours = acc.travel_time_matrix(network, here, there)
        theirs = osrm_times(options.osrm_python, options.extract, here, there)
        report(options.extract.name, ours, theirs)
        return
    study = acc.load_study()
    demand, sites = study.demand, counted_sites(study.sites, study.default("as_of"))
    ours = acc.travel_time_matrix(study.network, demand, sites)
    theirs = osrm_times(options.osrm_python, options.extract, demand, sites)
    report("communes to sites", ours, theirs)
    cutoff_s = study.default("minutes") * 60
    people = demand["population"].to_numpy()
    covered = {}
    for name, times in (("this toolkit", ours), ("OSRM", theirs)):
        covered[name] = np.nanmin(times, axis=1) <= cutoff_s
        share = people[covered[name]].sum() / people.sum()
        print(f"  covered within {cutoff_s / 60:g} minutes, {name}: {share:.2%}")
    differ = covered["this toolkit"] != covered["OSRM"]
    for code, a, b in zip(
        demand.loc[differ, "code_insee"], ours[differ].min(1), theirs[differ].min(1), strict=True
    ):
        print(f"  differs: {code} {a:.1f} s here, {b:.1f} s by OSRM")
    print(f"  communes whose state differs: {differ.sum()}")
    if options.all:
        ours = acc.travel_time_matrix(study.network, demand, demand)
        theirs = osrm_times(options.osrm_python, options.extract, demand, demand)
        report("communes to communes", ours, theirs)


if __name__ == "__main__":
    main()
