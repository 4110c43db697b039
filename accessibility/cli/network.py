"""`accessibility network`: what the roads are made of, and what was left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from accessibility.cli.options import (
    ChangeOption,
    ProfileOption,
    StudyOption,
    changes_of,
    prepare,
    waiting,
)


def command(
    study: StudyOption = "jura",
    osm: Annotated[
        list[Path] | None,
        typer.Option(help="OpenStreetMap extract to look at instead; may be given again."),
    ] = None,
    profile: ProfileOption = None,
    change: ChangeOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON alone to standard output.")
    ] = False,
) -> None:
    """Kilometres by class, where speeds come from, what is closed, parts and rim.

    Example: accessibility network --profile legal

    Example: accessibility network --osm ../shared/data/osm/andorra-2013-05.osm.pbf
    """
    from accessibility.inputs.osm import read_osm
    from accessibility.inputs.territory import metric_crs
    from accessibility.network.graph import build_network
    from accessibility.network.profile import load_profile
    from accessibility.network.summary import summarise
    from accessibility.report.network import network_json, network_text
    from accessibility.report.text import show
    from accessibility.study.study import load_study

    if osm:
        rules = load_profile(profile or "osrm-car", changes=changes_of(change))
        with waiting("Reading roads"):
            read = read_osm(osm)
            tables, counts = read.roads, read.counts
            network = build_network(tables, profile=rules, metric_crs=metric_crs(tables.roads))
        title = ", ".join(path.name for path in osm)
    else:
        place = load_study(study, profile=profile, changes=changes_of(change))
        prepare(place)
        tables, network, rules = place.roads, place.network, place.profile
        counts, title = place.manifest["counts"], f"the study {place.title}"
    summary = summarise(tables, network)
    if as_json:
        answer = network_json(title, rules, summary, counts)
        typer.echo(json.dumps(answer, ensure_ascii=False, indent=2, allow_nan=False))
    else:
        show(network_text(title, rules, network, summary, counts))
