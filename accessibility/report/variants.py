"""The figure under every choice of method -> what a terminal, a program and files show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from accessibility.analysis.variants import COMBINED, NEAR_POINTS, Variants, told
from accessibility.report.plain import plain_rows
from accessibility.report.text import facts, percent
from accessibility.study.study import Study

SHOWN = 10
"""Combinations near the published figure that a terminal lists; the file has all."""


def variants_text(study: Study, found: Variants) -> RenderableType:
    """The reference, what each single choice changes, how far all go, and what is published."""
    reference = found.reference
    parts: list[RenderableType] = [
        Text.assemble(
            (percent(reference["share"]), "bold"),
            f" of the inhabitants of the study {study.title} by the reference; "
            f"{len(found.combinations):,} combinations of choices give "
            f"{_range(found.combinations['share'])}",
        ),
        facts(_facts(study, found)),
        _alone(found),
    ]
    if (unsure := found.one_at_a_time[~found.one_at_a_time["complete"]]).size:
        named = ", ".join(f"{c} {v}" for c, v in unsure[["choice", "value"]].to_numpy())
        parts.append(Text(f"Trips that leave the data could cover more people with: {named}."))
    parts.append(_spans(found))
    if (n := int((~found.combinations["complete"]).sum())) > 0:
        parts.append(Text(f"In {n:,} of them trips that leave the data could cover more people."))
    if found.published is not None:
        parts += _near(found, found.published)
    parts += [
        Text(f"Left out: {row['choice']} {row['value']}: {row['reason']}")
        for row in found.left_out.to_dict("records")
    ]
    return Group(*parts)


def _facts(study: Study, found: Variants) -> list[tuple[str, str]]:
    words = "; ".join(f"{choice} {told(choice, found.reference)}" for choice in COMBINED)
    kind = "of one's own" if found.own_sites else "of the territory"
    rows = [
        ("Reference", words),
        ("Question", f"within {found.minutes:g} minutes by car of {found.sites} sites {kind}, "
                     f"labelled by {found.as_of}"),
    ]  # fmt: skip
    published = study.settings.get("published", {})
    if found.published is not None:
        points = (found.reference["share"] - found.published) * 100
        rows += [
            ("Published", f"{found.published * 100:.1f} % ({published['source']})"),
            ("Difference", f"{points:+.2f} points; no method was published with the figure"),
        ]
    elif "share_covered" in published:
        share = f"{published['share_covered'] * 100:.1f} %"
        rows.append(("Published", f"{share}, for another question: not compared"))
    return rows


def _alone(found: Variants) -> Table:
    table = Table(
        title="\nOne choice changed, all others as in the reference",
        title_justify="left",
        title_style="bold",
        caption="People: covered, against the reference; other years count other people.",
        caption_justify="left",
    )
    for name in ("Choice", "Instead of", "Chosen"):
        table.add_column(name)
    for name in ("Share", "Points", "People"):
        table.add_column(name, justify="right")
    for row in found.one_at_a_time.to_dict("records"):
        before = (
            "with those around"
            if row["choice"] == "roads"
            else told(row["choice"], found.reference)
        )
        table.add_row(
            row["choice"], before, row["value"], percent(row["share"]),
            f"{row['difference_points']:+.2f}", f"{row['difference_people']:+,.0f}",
        )  # fmt: skip
    return table


def _spans(found: Variants) -> Table:
    table = Table(
        title=f"\nAll {len(found.combinations):,} combinations, by what they have in common",
        title_justify="left",
        title_style="bold",
    )
    for name in ("Choice", "Value"):
        table.add_column(name)
    for name in ("Combinations", "Least", "Most"):
        table.add_column(name, justify="right")
    near = found.published is not None
    if near:
        table.add_column("Near the published", justify="right")
    last = ""
    for row in found.values.to_dict("records"):
        mark = " (reference)" if row["reference"] else ""
        table.add_row(
            row["choice"] if row["choice"] != last else "", f"{row['value']}{mark}",
            f"{row['combinations']:,}", percent(row["share_min"]), percent(row["share_max"]),
            *([f"{row['near_published']:,}"] if near else []),
        )  # fmt: skip
        last = row["choice"]
    return table


def _near(found: Variants, published: float) -> list[RenderableType]:
    near, total = found.near_published, len(found.combinations)
    figure = f"the published {published * 100:.1f} %"
    parts: list[RenderableType] = [
        Text(
            f"\n{len(near):,} of {total:,} combinations come within {NEAR_POINTS:g} point of "
            f"{figure}. {meaning(len(near))}"
        )
    ]
    if near.empty:
        return parts
    # what changes nothing besides is not listed again
    near = near.drop_duplicates(["population", "population_covered"])
    table = Table(
        title="Those with the fewest changes, each figure once"
        + (f" ({SHOWN} of {len(near)})" if len(near) > SHOWN else ""),
        title_justify="left",
        title_style="bold",
    )
    table.add_column("Other than the reference")
    for name in ("Share", "From the published"):
        table.add_column(name, justify="right")
    for row in near.head(SHOWN).to_dict("records"):
        changed = [
            f"{choice} {told(choice, row)}"
            for choice in COMBINED
            if told(choice, row) != told(choice, found.reference)
        ]
        table.add_row(
            "; ".join(changed) or "nothing: the reference itself", percent(row["share"]),
            f"{(row['share'] - published) * 100:+.2f}",
        )  # fmt: skip
    return [*parts, table]


def meaning(near: int) -> str:
    """What it means that so many combinations come near a published figure.

    Examples
    --------
    >>> meaning(0)
    'None of the methods tried here gives it.'
    """
    if near == 0:
        return "None of the methods tried here gives it."
    several = "several different methods do" if near > 1 else "another method may do so too"
    return f"To come near the published figure proves no method: {several}."


def variants_json(study: Study, found: Variants) -> dict[str, Any]:
    """All tables for a program; None where nothing is known."""
    shares = found.combinations["share"]
    return {
        "study": study.name,
        "service": study.service,
        "minutes": found.minutes,
        "as_of": found.as_of.isoformat(),
        "sites": found.sites,
        "own_sites": found.own_sites,
        "profiles": found.profiles,
        "reference": plain_rows(found.reference.to_frame().T)[0],
        "one_at_a_time": plain_rows(found.one_at_a_time),
        "combinations": len(shares),
        **plain_rows(pd.DataFrame({"share_min": [shares.min()], "share_max": [shares.max()]}))[0],
        "published_share": found.published,
        "near_points": NEAR_POINTS,
        "near_published": None if found.published is None else len(found.near_published),
        "values": plain_rows(found.values),
        "left_out": plain_rows(found.left_out),
        "rows": plain_rows(found.combinations),
    }


def write_variants(found: Variants, folder: Path) -> None:
    """Write `variants.csv` (all combinations) and `one_at_a_time.csv`."""
    folder.mkdir(parents=True)
    tables = {"variants": found.combinations, "one_at_a_time": found.one_at_a_time}
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")


def _range(shares: pd.Series) -> str:
    return f"{percent(shares.min())} to {percent(shares.max())}"
