"""How sure a figure is -> what a terminal shows, JSON, files and a plot."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from accessibility.analysis.sensitivity import Sensitivity
from accessibility.analysis.sensitivity_plan import PlanDraws
from accessibility.analysis.sensitivity_published import PublishedFigure, rounds_to
from accessibility.errors import MissingInputError
from accessibility.report.text import facts, minutes, people, percent
from accessibility.study.study import Study

SHOWN = (0.7, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2, 1.3)
"""Speed factors that a terminal shows, of those that were looked at, besides the ends."""

NEAR = (0.9, 1.1)
"""A commune whose threshold lies between these is listed, whatever the draws say of it."""

COMMUNES = 80
"""Communes that a terminal shows at most, those with most people."""

CANDIDATES = 15
"""Candidates of a plan that a terminal shows."""

COLOUR, GREY = "#0b5394", "0.45"


def sensitivity_text(study: Study, result: Sensitivity, *, own_sites: str | None) -> RenderableType:
    """How far the figure hangs on speeds, turns and the way off the road."""
    base = result.base
    told = [f"; of {len(result.draws):,} draws, 95 % lie from "] if len(result.draws) else ["."]
    parts: list[RenderableType] = [
        Text.assemble(
            (percent(base.share), "bold"),
            f" of the inhabitants of the study {study.title} "
            + ("reach a site" if base.direction == "to" else "are reached from a site")
            + f" within {base.minutes:g} minutes by car",
            *told,
            *([(_span(result), "bold")] if len(result.draws) else []),
        ),
        facts(_fact_rows(result, own_sites)),
        _curve_table(result),
        _communes_table(result),
    ]
    if not result.complete:
        parts.append(
            Text("Trips that leave the data could change these figures: the data end too near.")
        )
    if result.plan is not None:
        parts += [Text(), *_plan_parts(result.plan)]
    return Group(*parts)


def _span(result: Sensitivity) -> str:
    low, _, high = result.quantiles
    return f"{percent(low)} to {percent(high)}"


def _fact_rows(result: Sensitivity, own_sites: str | None) -> Iterable[tuple[str, str]]:
    base = result.base
    yield (
        "Speed factor",
        "all driving speeds times it; turns, signals and the way off the road cost what they did",
    )
    if len(result.draws):
        shares = result.draws["share_covered"]
        _, middle, _ = result.quantiles
        yield (
            "Draws",
            f"median {percent(middle)}, mean {percent(shares.mean())}; seed {result.seed}",
        )
        yield (
            "",
            "drawn: a factor on all speeds, one on each class of road, one on turns and nodes, "
            "seconds for the metres off the road",
        )
        yield "Distributions", f"{result.distributions.source}, each line with its reason"
    yield "Profile", base.profile
    yield "People", f"population {base.population_year}, at the {base.demand_method}"
    which = own_sites or ("with the neighbours'" if base.around else "the territory's own")
    yield "Sites", f"{len(base.sites)}, {which}, as of {base.as_of}"
    if result.published is not None:
        yield "Published", _published(result.published, result.factors)
        if result.published.share_of_draws is not None:
            yield "", f"{_draws_share(result.published.share_of_draws)} of the draws round to it"


def _published(found: PublishedFigure, factors: tuple[float, float]) -> str:
    figure = f"{found.share * 100:.1f} %"
    if found.lowest is not None:
        start = f"from the speed factor {found.lowest:.4f}"
        if found.lowest <= factors[0]:
            start = f"from {factors[0]:g}, the least factor looked at,"
        end = f"up to {factors[1]:g}, the greatest looked at" if found.highest is None else (
            f"to below {found.highest:.4f}"
        )  # fmt: skip
        return f"{figure}: the figure rounds to it {start} {end}"
    if found.step is None or found.before is None or found.after is None:
        return f"{figure}: out of reach of the speed factors {factors[0]:g} to {factors[1]:g}"
    return (
        f"{figure}: the figure rounds to it at no speed factor; at {found.step:.4f} it goes from "
        f"{percent(found.before)} to {percent(found.after)} in one step"
    )


def _curve_table(result: Sensitivity) -> Table:
    table = Table(
        title="\nBy the factor on all driving speeds", title_justify="left", title_style="bold"
    )
    for name in ("Speed factor", "Share", "Inhabitants", "Communes wholly covered"):
        table.add_column(name, justify="right")
    shown = result.curve["speed_factor"].isin([*SHOWN, *result.factors])
    for row in result.curve[shown].to_dict("records"):
        table.add_row(
            f"{row['speed_factor']:g}",
            percent(row["share_covered"]),
            people(row["population_covered"]),
            str(row["communes_covered"]),
        )
    return table


def _communes_table(result: Sensitivity) -> RenderableType:
    drawn = len(result.draws) > 0
    table = result.by_commune
    near = table["covered_from"].between(*NEAR) & (table["covered_from"] > result.factors[0])
    some = near | table["share_of_draws"].between(0, 1, inclusive="neither")
    if not some.any():
        return Text("\nNo commune changes with these speeds.")
    title = f"\nCommunes that change between the speed factors {NEAR[0]:g} and {NEAR[1]:g}"
    shown = Table(
        title=title + (", or between draws" if drawn else ""),
        title_justify="left",
        title_style="bold",
    )
    for name in ("Code", "Commune"):
        shown.add_column(name)
    for name in ("Inhabitants", "Nearest site", "Covered from factor", "Figure there"):
        shown.add_column(name, justify="right")
    if drawn:
        covered = "Its people in draws" if result.base.is_finer else "Covered in draws"
        shown.add_column(covered, justify="right")
    changing = table[some].sort_values(["population", "code_insee"], ascending=[False, True])
    order = changing.head(COMMUNES).sort_values(["covered_from", "code_insee"], na_position="last")
    for row in order.to_dict("records"):
        shown.add_row(
            row["code_insee"],
            row["name"],
            people(row["population"]) if pd.notna(row["population"]) else "unknown",
            minutes(row["travel_time_s"]),
            _threshold(row["covered_from"], result.factors),
            percent(row["share_there"]) if pd.notna(row["share_there"]) else "",
            *([_draws_share(row["share_of_draws"])] if drawn else []),
        )
    if len(changing) <= COMMUNES:
        return shown
    more = len(changing) - COMMUNES
    return Group(shown, Text(f"{more} more, with fewer people: --out and --json tell all of them."))


def _draws_share(share: float) -> str:
    """A share of draws in percent; what is not none or all is not rounded to it.

    Examples
    --------
    >>> _draws_share(0.0004), _draws_share(0.5), _draws_share(0.9996), _draws_share(1.0)
    ('under 0.1 %', '50.0 %', 'over 99.9 %', '100.0 %')
    """
    if 0 < share < 0.0005:
        return "under 0.1 %"
    if 0.9995 <= share < 1:
        return "over 99.9 %"
    return "" if np.isnan(share) else f"{share * 100:.1f} %"


def _threshold(factor: float, factors: tuple[float, float]) -> str:
    if np.isnan(factor):
        return f"above {factors[1]:g}"
    return f"{factors[0]:g} or less" if factor <= factors[0] else f"{factor:.4f}"


def _plan_parts(plan: PlanDraws) -> list[RenderableType]:
    draws = plan.by_draw
    chosen = plan.by_candidate[plan.by_candidate["in_plan"]]
    names = ", ".join(chosen.sort_values("candidate_id")["name"].astype(str))
    told = (
        f" of {len(draws):,} draws the {plan.new_sites} new sites of the plan ({names}) are the "
        f"best choice among {plan.candidates} candidates, the chefs-lieux."
    )
    worse = draws[~draws["is_best"]]
    if len(worse):
        told += (
            f" In the others another choice covers {people(worse['regret'].mean())} people more "
            f"on average, {people(worse['regret'].max())} at most. Over all draws the plan gains "
            f"{people(draws['population_gained'].mean())} people on average, the best choice of "
            f"each {people(draws['population_gained_best'].mean())}."
        )
    if not draws["proven"].all():
        told += (
            f" In {int((~draws['proven']).sum())} draws the time was up before the best choice was "
            "proven."
        )
    table = Table(title="\nCandidates", title_justify="left", title_style="bold")
    for name in ("Candidate", "Name", "In the plan"):
        table.add_column(name)
    for name in ("In the best choice", "One after another"):
        table.add_column(name, justify="right")
    rows = plan.by_candidate
    for row in rows[rows["in_plan"] | (np.arange(len(rows)) < CANDIDATES)].to_dict("records"):
        table.add_row(
            str(row["candidate_id"]),
            str(row["name"]),
            "yes" if row["in_plan"] else "",
            *(_draws_share(row[key]) for key in ("share_of_draws", "share_of_draws_greedy")),
        )
    more = len(rows) - table.row_count
    left = [Text(f"{more} more are chosen in some draw.")] if more else []
    return [Text.assemble("In ", (_draws_share(plan.share_best), "bold"), told), table, *left]


def sensitivity_json(study: Study, result: Sensitivity) -> dict[str, Any]:
    """The answer for a program; None where nothing is known."""
    base, plan = result.base, result.plan
    answer: dict[str, Any] = {
        "study": study.name,
        "profile": base.profile,
        "minutes": base.minutes,
        "as_of": base.as_of.isoformat(),
        "population_year": base.population_year,
        "direction": base.direction,
        "around": base.around,
        "people_at": base.demand_method,
        "sites": len(base.sites),
        "share_covered": _number(base.share),
        "population_covered": base.population_covered,
        "population": base.population,
        "speed_factors": list(result.factors),
        "complete": result.complete,
        "published": None,
        "draws": len(result.draws),
        "seed": result.seed,
        "distributions_file": result.distributions.source,
        "distributions": result.distributions.told(),
        "share_covered_draws": None,
        "plan": None,
        "curve": _rows(result.curve),
        "rows": _rows(result.by_commune),
    }
    if result.published is not None:
        answer["published"] = {**vars(result.published)}
    if len(result.draws):
        low, middle, high = (_number(share) for share in result.quantiles)
        mean = _number(result.draws["share_covered"].mean())
        answer["share_covered_draws"] = {"q025": low, "q50": middle, "q975": high, "mean": mean}
    if plan is not None:
        answer["plan"] = {
            "new_sites": plan.new_sites,
            "candidates": plan.candidates,
            "draws": len(plan.by_draw),
            "share_best": plan.share_best,
            "proven": bool(plan.by_draw["proven"].all()),
            "regret_mean": float(plan.by_draw["regret"].mean()),
            "regret_max": float(plan.by_draw["regret"].max()),
            "by_candidate": _rows(plan.by_candidate),
        }
    return answer


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    records = table.astype(object).to_dict("records")
    return [{str(key): _plain(value) for key, value in row.items()} for row in records]


def _plain(value: Any) -> Any:
    if isinstance(value, float | np.floating):
        return _number(value)
    if isinstance(value, np.generic):
        return value.item()
    return None if value is None or value is pd.NA else value


def write_sensitivity(result: Sensitivity, folder: Path) -> None:
    """Write `curve.csv`, `communes.csv`, `draws.csv`, `sensitivity.png`, and of a plan two more.

    Raises
    ------
    MissingInputError
        If matplotlib is not installed.
    """
    folder.mkdir(parents=True)
    tables = {"curve": result.curve, "communes": result.by_commune}
    if len(result.draws):
        tables["draws"] = result.draws.rename_axis("draw").reset_index()
    if result.plan is not None:
        tables |= {
            "plan_draws": result.plan.by_draw,
            "plan_candidates": result.plan.by_candidate,
        }
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    plot_sensitivity(result, folder / "sensitivity.png")


def plot_sensitivity(result: Sensitivity, path: Path) -> None:
    """Draw the curve, and below it how often each share was drawn.

    Raises
    ------
    MissingInputError
        If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingInputError(
            'a plot needs matplotlib: pip install "accessibility-toolkit[maps]".'
        ) from error
    base, drawn = result.base, len(result.draws) > 0
    figure = Figure(figsize=(7.0, 6.8 if drawn else 4.0), layout="constrained")
    panels = figure.subplots(2 if drawn else 1, squeeze=False)[:, 0]
    # hundredths, and between them where a commune comes to be covered
    steps = result.by_commune[["covered_from", "share_there"]].dropna().to_numpy()
    curve = np.vstack([result.curve[["speed_factor", "share_covered"]].to_numpy(), steps])
    curve = curve[np.lexsort(curve.T[::-1])]
    axes = panels[0]
    axes.step(curve[:, 0], curve[:, 1] * 100, where="post", color=COLOUR)
    axes.plot([1.0], [base.share * 100], "o", color=COLOUR)
    axes.annotate(
        percent(base.share), (1.0, base.share * 100), xytext=(8, -12), textcoords="offset points"
    )
    axes.set_xlabel("factor on all driving speeds; turns cost what they did")
    axes.set_title(
        f"Share of the inhabitants within {base.minutes:g} minutes of a site by car, %", loc="left"
    )
    if drawn:
        below = panels[1]
        shares = result.draws["share_covered"] * 100
        low, middle, high = (share * 100 for share in result.quantiles)
        below.hist(shares, bins=40, color=COLOUR, alpha=0.75)
        below.axvspan(low, high, color=COLOUR, alpha=0.12, linewidth=0)
        below.axvline(middle, color=COLOUR, linestyle="--", label=f"median {middle:.2f} %")
        below.set_title(
            f"{len(shares):,} draws of speeds, turns and the way off the road: "
            f"95 % lie from {low:.2f} to {high:.2f} %",
            loc="left",
            fontsize="medium",
        )
        below.set_xlabel("share of the inhabitants, %")
        below.set_ylabel("draws")
    if result.published is not None:
        figure_ = result.published.share
        label = f"published: {figure_ * 100:.1f} %"
        least, most = (share * 100 for share in rounds_to(figure_))
        axes.axhspan(least, most, color=GREY, alpha=0.35, linewidth=0, label=label)
        axes.legend(frameon=False, loc="lower right")
        if drawn:
            panels[1].axvspan(least, most, color=GREY, alpha=0.35, linewidth=0, label=label)
    if drawn:
        panels[1].legend(frameon=False, loc="upper left")
    for panel in panels:
        panel.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
