"""`accessibility optimise`: where the sites should stand, with proof, and how far they lead."""

from __future__ import annotations

import json
from enum import StrEnum
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
    StudyOption,
    changes_of,
    positive_minutes,
    prepare,
    waiting,
)

if TYPE_CHECKING:
    import geopandas as gpd

    from accessibility.study.study import Study

OF_THE_STUDY = ("chefs-lieux", "junctions", "post-offices", "town-halls")


class Aim(StrEnum):
    """What is made best."""

    coverage = "coverage"
    target = "target"
    p_median = "p-median"
    p_center = "p-center"


class Zones(StrEnum):
    """In what sites may be counted."""

    canton = "canton"
    epci = "epci"


def command(
    study: StudyOption = "jura",
    new_sites: Annotated[
        int | None,
        typer.Option(
            help="New sites at most: 3 if absent, any number with a budget; not read for a target."
        ),
    ] = None,
    candidates: Annotated[
        str,
        typer.Option(
            help="chefs-lieux, junctions, post-offices, town-halls, or a file: CSV, GeoJSON, "
            "GeoPackage, GeoParquet."
        ),
    ] = "chefs-lieux",
    objective: Annotated[
        Aim,
        typer.Option(
            help="Most people covered, fewest sites for a target, least time in all (p-median) "
            "or shortest longest drive (p-center)."
        ),
    ] = Aim.coverage,
    target: Annotated[
        float | None, typer.Option(help="Share to be covered, such as 0.99; all if absent.")
    ] = None,
    may_close: Annotated[
        bool,
        typer.Option("--may-close", help="Existing sites may close, at no cost, for a target."),
    ] = False,
    open_sites: Annotated[
        int | None,
        typer.Option(help="Sites open in all at most; existing ones among them may close."),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column of the communes to count, not the population."),
    ] = None,
    force: Annotated[
        list[str] | None, typer.Option(help="Candidate that must be chosen; may be given again.")
    ] = None,
    forbid: Annotated[
        list[str] | None, typer.Option(help="Candidate that must not be; may be given again.")
    ] = None,
    at_most_one: Annotated[Zones | None, typer.Option(help="At most one new site in each.")] = None,
    at_least_one: Annotated[
        Zones | None, typer.Option(help="At least one site in each, existing ones among them.")
    ] = None,
    budget: Annotated[float | None, typer.Option(help="Costs of the new sites at most.")] = None,
    costs: Annotated[
        Path | None, typer.Option(help="Costs of the candidates: CSV with candidate_id, cost.")
    ] = None,
    ties: Annotated[int, typer.Option(help="Other choices of equal value that are listed.")] = 5,
    frontier: Annotated[
        bool,
        typer.Option("--frontier", help="Coverage by the number of new sites, 0 to all covered."),
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(help="Picture of the frontier to write: .png or .svg.")
    ] = None,
    time_limit: Annotated[
        float, typer.Option(help="Seconds until the best so far is returned.")
    ] = 60.0,
    minutes: Annotated[
        float | None,
        typer.Option(callback=positive_minutes, help="Cut-off in minutes, inclusive."),
    ] = None,
    as_of: AsOfOption = None,
    population: PopulationOption = None,
    direction: DirectionOption = None,
    around: AroundOption = False,
    profile: ProfileOption = None,
    change: ChangeOption = None,
    out: Annotated[
        Path | None,
        typer.Option(help="New sites: .csv, .gpkg or .geojson; of a frontier: .csv or .parquet."),
    ] = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Best places for sites, proven to be the best.

    Candidates are chosen by their id; a chef-lieu by the code of its commune.

    Example: accessibility optimise --new-sites 3 --candidates chefs-lieux --out new.geojson

    Example: accessibility optimise --frontier --plot frontier.png
    """
    from accessibility.atomic import check_free, write_whole
    from accessibility.report.manifest import check_free_with_manifest

    if plot is not None and not frontier:
        raise typer.BadParameter("--plot draws the frontier; --frontier is expected with it.")
    if out is not None:
        check_free_with_manifest(out, overwrite=overwrite)
    if plot is not None:
        check_free(plot, overwrite=overwrite)
    from accessibility.analysis.siting import optimise
    from accessibility.analysis.siting_frontier import closable
    from accessibility.analysis.siting_frontier import frontier as frontier_of
    from accessibility.report import siting as report
    from accessibility.report.manifest import write_with_manifest
    from accessibility.report.text import show
    from accessibility.study.study import load_study

    place = load_study(study, profile=profile, changes=changes_of(change))
    own = [path for path in (_file(candidates), costs) if path is not None]
    points = _candidates(place, candidates)
    asked: dict[str, Any] = {
        "time_limit_s": time_limit,
        "minutes": minutes,
        "as_of": as_of,
        "population": population,
        "direction": None if direction is None else direction.value,
        "around": around,
    }
    prepare(place)
    if frontier:
        for name, value in (
            ("--target", target), ("--open-sites", open_sites), ("--force", force),
            ("--forbid", forbid), ("--at-most-one", at_most_one),
            ("--at-least-one", at_least_one), ("--budget", budget),
            ("--may-close", may_close or None),
            ("--objective", None if objective is Aim.coverage else objective),
        ):  # fmt: skip
            if value is not None:
                raise typer.BadParameter(f"{name} is not for --frontier, which asks for coverage.")
        with waiting("Looking for the best places"):
            table = frontier_of(place, candidates=points, most=new_sites, weights=weights, **asked)
            shut = closable(place, **asked)
        answer = report.frontier_json(table, shut)
        shown, write = report.frontier_text(table, shut), report.frontier_writer(table, out)
    else:
        with waiting("Looking for the best places"):
            result = optimise(
                place,
                new_sites=3 if new_sites is None and budget is None else new_sites,
                objective=objective.value,
                candidates=points,
                target=target,
                may_close=may_close,
                open_sites=open_sites,
                weights=weights,
                force=force or (),
                forbid=forbid or (),
                at_most_one=None if at_most_one is None else at_most_one.value,
                at_least_one=None if at_least_one is None else at_least_one.value,
                budget=budget,
                costs=_costs(costs),
                ties=ties,
                **asked,
            )
        answer = report.siting_json(result)
        shown, write = report.siting_text(result), report.siting_writer(result, out)
    if out is not None:
        write_with_manifest(place, answer, out, write, own_inputs=own, overwrite=overwrite)
    if plot is not None:
        write_whole(plot, lambda path: report.plot_frontier(table, path), overwrite=overwrite)
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False, indent=2, allow_nan=False))
        return
    show(shown)
    for path in (out, plot):
        if path is not None:
            typer.echo(f"Written: {path}")


def _file(candidates: str) -> Path | None:
    return None if candidates in OF_THE_STUDY else Path(candidates)


def _candidates(study: Study, candidates: str) -> str | gpd.GeoDataFrame:
    path = _file(candidates)
    if path is None:
        return candidates
    from accessibility.inputs.points import read_points

    points = read_points(path, communes=study.communes, bounds=study.network_bounds)
    return points.rename(columns={"id": "candidate_id"})


def _costs(path: Path | None) -> dict[str, float] | None:
    if path is None:
        return None
    from accessibility.inputs.csv import read_csv

    table = read_csv(path, columns=["candidate_id", "cost"], what="the file of costs")
    return dict(zip(table["candidate_id"], table["cost"], strict=True))
