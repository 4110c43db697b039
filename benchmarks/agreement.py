"""How far the drive times agree with those of OSRM itself, on one extract.

    python benchmarks/agreement.py --osrm-python .venv-osrm/bin/python JURA.osm.pbf
    python benchmarks/agreement.py --osrm-python ... --random 45 --causes OTHER.osm.pbf

OSRM runs in an environment of its own, with Python 3.12:

    python3.12 -m venv .venv-osrm
    .venv-osrm/bin/python -m pip install -r benchmarks/requirements-osrm.txt

Asked for are the times from each commune of the bundled study to each of its counted sites,
and, with --all, from each commune to each other. The extract should be the one that the study
was built from. Any other extract is asked between random places on its roads: --random 45 asks
for 45 times 45, that is 2,025 pairs. With --causes the answer is taken apart: each row of the
table changes one thing, and tells what then remains.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from causes import Difference, like_osrm, snapped_apart_m

import accessibility as acc
from accessibility.analysis.choices import counted_sites
from accessibility.inputs.territory import metric_crs
from accessibility.network.profile import load_profile
from accessibility.network.snap import snap
from accessibility.schema import WGS84, RoadTables

TOLD = 20
"""No more pairs than this are told that only one reaches."""

ALIKE_M = 1.0
"""Two places on roads nearer than this count as the same."""


Answer = tuple[str, np.ndarray, np.ndarray, np.ndarray]
"""What was changed, our times, OSRM's, and the pairs that count."""


@dataclass(frozen=True)
class Case:
    """What is compared: roads, places, and the groups of destinations that are told apart."""

    extract: Path
    tables: RoadTables
    network: acc.RoadNetwork
    here: gpd.GeoDataFrame
    there: gpd.GeoDataFrame
    groups: dict[str, slice]

    def times(self, network: acc.RoadNetwork) -> np.ndarray:
        """Seconds by us, inf where nothing is reached."""
        return acc.travel_time_matrix(network, self.here, self.there)


@dataclass(frozen=True)
class Theirs:
    """Seconds by OSRM, NaN where it reaches nothing, and where it snapped the places."""

    times: np.ndarray
    here: list[list[float]]
    there: list[list[float]]


def ask_osrm(python: str, case: Case, *changes: str) -> Theirs:
    """Let OSRM answer, with changes of `osrm_table.CHANGES` to its profile."""
    places = {
        name: np.column_stack([table.geometry.x, table.geometry.y]).tolist()
        for name, table in (("origins", case.here), ("destinations", case.there))
    }
    with tempfile.TemporaryDirectory() as folder:
        points, out = Path(folder) / "points.json", Path(folder) / "out.json"
        points.write_text(json.dumps(places))
        script = Path(__file__).with_name("osrm_table.py")
        subprocess.run(
            [python, str(script), str(case.extract), str(points), str(out), *changes],
            check=True,
            stderr=subprocess.DEVNULL,
        )
        found = json.loads(out.read_text())
    times = np.array(found["durations"], dtype=float)
    return Theirs(times, found["origins"], found["destinations"])


def report(name: str, ours: np.ndarray, theirs: np.ndarray) -> None:
    """Print how the times differ, relative to OSRM's, where both are above one minute."""
    only_one = np.isfinite(ours) != np.isfinite(theirs)
    found = Difference.of(ours, theirs, ~only_one)
    print(f"{name}: {found.pairs:,} pairs over a minute; {only_one.sum()} reached by one only")
    print(
        f"  signed: 5th {found.low:+.2%}, median {found.median:+.2%}, "
        f"95th percentile {found.high:+.2%}"
    )
    print(f"  absolute: 95th percentile {found.p95:.2%}, max {abs(found.worst):.2%}")


def report_one_sided(case: Case, ours: np.ndarray, theirs: Theirs) -> None:
    """Print the pairs that only one reaches, and what may be the reason."""
    here, there = snap(case.network, case.here), snap(case.network, case.there)
    apart = [
        snapped_apart_m(case.network, case.here, theirs.here),
        snapped_apart_m(case.network, case.there, theirs.there),
    ]
    pairs = np.argwhere(np.isfinite(ours) != np.isfinite(theirs.times))
    for i, j in pairs[:TOLD]:
        who = "this toolkit" if np.isfinite(ours[i, j]) else "OSRM"
        if here.segment[i] < 0 or there.segment[j] < 0:
            why = "no road of the main part is near one of them here"
        elif (far := max(apart[0][i], apart[1][j])) > ALIKE_M:
            why = f"one of them stands on another road in OSRM, {far:.0f} m off"
        else:
            why = "both stand on the same roads: one opens a road or a turn that the other closes"
        print(f"  only {who} gets from {_name(case.here, i)} to {_name(case.there, j)}: {why}")
    if len(pairs) > TOLD:
        print(f"  and {len(pairs) - TOLD:,} pairs more")


def causes(case: Case, theirs: Theirs, python: str) -> Iterator[Answer]:
    """Answers with one thing changed; `theirs` is OSRM's with nothing changed."""
    still = replace(load_profile("osrm-car"), sharp_s=0.0, oncoming_s=0.0, u_turn_s=0.0)
    flat = acc.build_network(case.tables, profile=still, metric_crs=case.network.metric_crs)

    def ours(network: acc.RoadNetwork = case.network, **changes: bool) -> np.ndarray:
        return case.times(like_osrm(network, case.tables.roads, **changes) if changes else network)

    def osrm(*changes: str) -> np.ndarray:
        return ask_osrm(python, case, *changes).times

    near = [
        snapped_apart_m(case.network, points, places) < ALIKE_M
        for points, places in ((case.here, theirs.here), (case.there, theirs.there))
    ]
    alike, every = np.outer(*near), np.ones(theirs.times.shape, dtype=bool)
    plain, least = ours(), osrm("least-duration")
    yield "as they are", plain, theirs.times, every
    yield "OSRM searches the least duration", plain, least, every
    yield "OSRM with weight_name = 'duration'", plain, osrm("weight-name"), every
    yield "lengths by OSRM's ruler", ours(lengths=True), theirs.times, every
    yield "pieces of road in tenths", ours(pieces=True), theirs.times, every
    yield "turns cut to tenths", ours(turns=True), theirs.times, every
    yield "only pairs snapped alike", plain, theirs.times, alike
    yield "no turn costs on either side", ours(flat), osrm("no-turns"), every
    same = {"lengths": True, "pieces": True, "turns": True}
    yield "all made alike but turn costs", ours(**same), least, alike
    without = osrm("least-duration", "no-turns")
    yield "all made alike", ours(flat, **same), without, alike


def report_causes(case: Case, found: list[Answer]) -> None:
    """Print the table of causes for each group of destinations."""
    for group, columns in case.groups.items():
        print(f"\n{group}, one thing changed at a time")
        print(f"{'':36}{'pairs':>8}{'median':>9}{'95 %':>8}{'worst':>9}  from, to")
        for name, ours, theirs, where in found:
            it = Difference.of(ours[:, columns], theirs[:, columns], where[:, columns])
            i, j = it.pair
            ends = f"{_name(case.here, i)} > {_name(case.there[columns], j)}"
            figures = f"{it.pairs:8,}{it.median:+9.2%}{it.p95:8.2%}{it.worst:+9.2%}"
            print(f"{name:36}{figures}  {ends}")


def _name(places: gpd.GeoDataFrame, row: int) -> str:
    point = places.geometry.iloc[row]
    told = f"{places['name'].iloc[row]} " if "name" in places else ""
    return f"{told}({point.x:.5f}, {point.y:.5f})"


def random_places(network: acc.RoadNetwork, n: int, seed: int) -> gpd.GeoDataFrame:
    """Middles of straight pieces of random segments of the main part."""
    chosen = np.random.default_rng(seed).choice(np.flatnonzero(network.segment_main), n)
    piece = (network.line_start[chosen] + network.line_start[chosen + 1]) // 2
    x, y = ((network.xy[piece - 1] + network.xy[piece]) / 2).T
    return gpd.GeoDataFrame(geometry=gpd.points_from_xy(x, y, crs=network.metric_crs)).to_crs(WGS84)


def random_case(extract: Path, n: int, seed: int) -> Case:
    """An extract of any region, and places on its roads."""
    tables = acc.read_roads(extract)
    network = acc.build_network(tables, metric_crs=metric_crs(tables.roads))
    places = random_places(network, 2 * n, seed)
    groups = {extract.name: slice(None)}
    return Case(extract, tables, network, places[:n], places[n:], groups)


def study_case(extract: Path, study: acc.Study, *, every: bool) -> Case:
    """A study: communes to sites, and to communes where `every`."""
    named = study.demand.merge(study.communes[["code_insee", "name"]].drop_duplicates())
    sites = counted_sites(study.sites, study.default("as_of"))
    groups = {"communes to sites": slice(0, len(sites))}
    there = [sites[["name", "geometry"]]]
    if every:
        groups["communes to communes"] = slice(len(sites), None)
        there.append(named[["name", "geometry"]])
    both = pd.concat(there, ignore_index=True)
    return Case(extract, study.roads, study.network, named, both, groups)


def report_coverage(study: acc.Study, ours: np.ndarray, theirs: np.ndarray) -> None:
    """Print who is covered by either, and the communes for which they differ."""
    cutoff_s = study.default("minutes") * 60
    people = study.demand["population"].to_numpy()
    covered = {}
    for name, times in (("this toolkit", ours), ("OSRM", theirs)):
        covered[name] = np.nanmin(times, axis=1) <= cutoff_s
        share = people[covered[name]].sum() / people.sum()
        print(f"  covered within {cutoff_s / 60:g} minutes, {name}: {share:.2%}")
    differ = covered["this toolkit"] != covered["OSRM"]
    codes = study.demand.loc[differ, "code_insee"]
    for code, a, b in zip(codes, ours[differ].min(1), theirs[differ].min(1), strict=True):
        print(f"  differs: {code} {a:.1f} s here, {b:.1f} s by OSRM")
    print(f"  communes whose state differs: {differ.sum()}")


def main() -> None:
    """Compare, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("extract", type=Path)
    parser.add_argument("--osrm-python", required=True)
    parser.add_argument("--all", action="store_true", help="also communes to communes")
    parser.add_argument("--random", type=int, metavar="N", help="N random places to N others")
    parser.add_argument("--study", default="jura", help="a study that build made of the extract")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--causes", action="store_true", help="what remains, cause by cause")
    options = parser.parse_args()
    study = None if options.random else acc.load_study(options.study)
    if study is None:
        case = random_case(options.extract, options.random, options.seed)
    else:
        case = study_case(options.extract, study, every=options.all)
    ours, theirs = case.times(case.network), ask_osrm(options.osrm_python, case)
    for name, columns in case.groups.items():
        report(name, ours[:, columns], theirs.times[:, columns])
        if study is not None and name == "communes to sites":
            report_coverage(study, ours[:, columns], theirs.times[:, columns])
    report_one_sided(case, ours, theirs)
    if options.causes:
        report_causes(case, list(causes(case, theirs, options.osrm_python)))


if __name__ == "__main__":
    main()
