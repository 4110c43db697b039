"""What a network is made of -> what a terminal shows, and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from accessibility.network.graph import RoadNetwork
from accessibility.network.profile import Profile
from accessibility.network.summary import NetworkSummary
from accessibility.report.text import facts

SHOWN = 12
"""Rows of a list of closed roads that a terminal shows; JSON has all."""


def network_text(
    title: str,
    profile: Profile,
    network: RoadNetwork,
    summary: NetworkSummary,
    counts: Mapping[str, int],
) -> RenderableType:
    """Counts of the reading, kilometres by class, what is closed, parts, rim."""
    total = summary.totals
    rows = [
        ("Profile", f"{profile.name}: {profile.description}"),
        (
            "Network",
            f"{total['km']:,.0f} km; {total['segments']:,} segments, {total['edges']:,} edges, "
            f"{total['turns']:,} turns",
        ),
        (
            "Speeds",
            f"{total['tagged_share']:.1%} of the km by a tagged limit, "
            f"{total['implicit_share']:.1%} by an implicit one, "
            f"{total['assumed_share']:.1%} assumed from the class of road",
        ),
        (
            "Main part",
            f"{total['main_share']:.2%} of the km, from where everything is reached from "
            f"everything; points snap there. {len(summary.parts) - 1:,} other parts, the largest "
            + (f"{summary.parts['km'].iloc[1]:,.1f} km" if len(summary.parts) > 1 else "none"),
        ),
        ("Rim", f"{total['rim_nodes']:,} nodes at which the data end"),
        (
            "Restrictions",
            f"{total['restrictions_applied']:,} turn restrictions hold; "
            f"{total['restrictions_at_some_hours']:,} left out: they hold at some hours",
        ),
    ]
    if total["limits_not_understood"]:
        rows.append(
            ("", f"{total['limits_not_understood']:,} segments with a limit that tells no speed")
        )
    parts: list[RenderableType] = [Text(f"Roads of {title}", style="bold"), facts(rows)]
    parts += [Text(), _class_table(summary)]
    if len(summary.closed):
        parts += [Text(), _closed_table(summary)]
    if len(summary.nodes):
        found = [f"{row.tag} {row.nodes:,}" for row in summary.nodes.itertuples()]
        parts += [Text(), Text("Nodes: " + ", ".join(found))]
    if counts:
        parts += [Text(), _counts_table(counts)]
    return Group(*parts)


def network_json(
    title: str,
    profile: Profile,
    summary: NetworkSummary,
    counts: Mapping[str, int],
) -> dict[str, Any]:
    """The same for a program."""
    return {
        "roads_of": title,
        "profile": profile.name,
        **summary.totals,
        "parts": len(summary.parts),
        "by_class": summary.by_class.round(3).to_dict("records"),
        "closed": summary.closed.round(3).to_dict("records"),
        "nodes": summary.nodes.to_dict("records"),
        "reading": dict(counts),
    }


def _class_table(summary: NetworkSummary) -> Table:
    table = Table(title="By class of road", title_justify="left", title_style="bold")
    table.add_column("Class")
    for name in ("Segments", "km", "One-way", "Ends only", "Tagged", "Implicit", "km/h"):
        table.add_column(name, justify="right")
    for row in summary.by_class.to_dict("records"):
        shares = [
            row[f"{name}_km"] / row["km"]
            for name in ("one_way", "restricted", "tagged", "implicit")
        ]
        table.add_row(
            row["class"],
            f"{row['roads']:,}",
            f"{row['km']:,.1f}",
            *(f"{share:.1%}" for share in shares),
            f"{row['mean_kph']:.0f}",
        )
    return table


def _closed_table(summary: NetworkSummary) -> Table:
    total = summary.closed["km"].sum()
    title = f"Closed under this profile: {summary.closed['roads'].sum():,} roads, {total:,.1f} km"
    table = Table(title=title, title_justify="left", title_style="bold")
    for name in ("Class", "Tag"):
        table.add_column(name)
    for name in ("Roads", "km"):
        table.add_column(name, justify="right")
    for row in summary.closed.head(SHOWN).to_dict("records"):
        table.add_row(row["class"], row["tag"], f"{row['roads']:,}", f"{row['km']:,.1f}")
    rest = summary.closed.iloc[SHOWN:]
    if len(rest):
        kinds = f"{len(rest)} more kinds"
        table.add_row(kinds, "", f"{rest['roads'].sum():,}", f"{rest['km'].sum():,.1f}")
    return table


def _counts_table(counts: Mapping[str, int]) -> Table:
    table = Table(title="What was read", title_justify="left", title_style="bold")
    table.add_column("Number", justify="right")
    table.add_column("What")
    for name, number in counts.items():
        table.add_row(f"{number:,}", name)
    return table
