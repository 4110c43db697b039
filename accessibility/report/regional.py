"""Coverage of a region -> a table for a terminal, JSON, and files with their trail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

import accessibility
from accessibility.analysis.regional import RegionalCoverage
from accessibility.inputs.catalogue import sha256
from accessibility.report.plain import plain_rows
from accessibility.report.text import PLACES, people, percent
from accessibility.study import bundle
from accessibility.study.region import Region

ALL = "region"
"""Code of the row that sums up."""


def departements_table(result: RegionalCoverage) -> pd.DataFrame:
    """Rows of the départements, then one of all together."""
    table = result.by_departement
    whole = {
        "code": ALL,
        "title": f"{len(table)} départements",
        "communes": int(table["communes"].sum()),
        "population": result.population,
        "population_covered": result.population_covered,
        "share_covered": result.share,
        "sites": int(table["sites"].sum()),
        "communes_unknown": int(table["communes_unknown"].sum()),
        "complete": result.complete,
    }
    rows = table.astype(object).to_dict("records")
    both = pd.DataFrame([*rows, whole], columns=list(table.columns))
    # parts of people add up to within a billionth
    numbers = ["population", "population_covered", "share_covered"]
    return both.astype(dict.fromkeys(numbers, "float64")).round(dict.fromkeys(numbers, 6))


def regional_text(region: Region, result: RegionalCoverage) -> RenderableType:
    """The figure of a region and of each of its départements, in words and numbers."""
    told = result.choices
    within = "within" if told["inclusive"] else "in less than"
    way = "from" if told["direction"] == "from" else "to"
    where = PLACES.get(told["demand_method"], told["demand_method"])
    lines = [
        f"{percent(result.share)} of {people(result.population)} inhabitants {within} "
        f"{told['minutes']:g} minutes by car, {way} a site of {told['service']}.",
        f"Sites labelled by {told['as_of']}"
        f"{', neighbours counted too' if told['around'] else ''}; population of "
        f"{told['population_year']}, counted {where}; profile {told['profile']}.",
    ]
    table = Table(box=None, pad_edge=False)
    for name in ("Code", "Département"):
        table.add_column(name)
    for name in ("Communes", "Sites", "Inhabitants", "Covered", "Share"):
        table.add_column(name, justify="right")
    for row in departements_table(result).to_dict("records"):
        table.add_row(
            row["code"], row["title"], f"{row['communes']:,}", f"{row['sites']:,}",
            people(row["population"]), people(row["population_covered"]),
            percent(row["share_covered"]),
        )  # fmt: skip
    notes = []
    unknown = int(result.by_departement["communes_unknown"].sum())
    if unknown:
        notes.append(f"{unknown} communes have no population in that year and are not counted.")
    open_ended = result.by_departement.loc[~result.by_departement["complete"].astype(bool), "code"]
    if len(open_ended):
        notes.append(
            f"At the edge of the data a trip might be shorter than the roads tell: "
            f"{', '.join(open_ended)}. These shares are lower bounds."
        )
    above, below = [Text(line) for line in lines], [Text(note) for note in notes]
    return Group(*above, Text(""), table, *below)


def regional_json(region: Region, result: RegionalCoverage) -> dict[str, Any]:
    """The figure for a program; None where nothing is known."""
    *rows, whole = plain_rows(departements_table(result))
    return {
        "share_covered": whole["share_covered"],
        "population_covered": whole["population_covered"],
        "population": whole["population"],
        "sites": whole["sites"],
        **result.choices,
        "complete": result.complete,
        "departements": rows,
    }


def write_regional(
    region: Region, result: RegionalCoverage, answer: dict[str, Any], folder: Path
) -> None:
    """Write `departements.csv`, `coverage.csv` (communes) and `manifest.json`."""
    folder.mkdir(parents=True)
    tables = {"departements.csv": departements_table(result), "coverage.csv": result.by_commune}
    for name, table in tables.items():
        table.to_csv(folder / name, index=False, lineterminator="\n")
    codes = result.by_departement["code"]
    told = {
        "toolkit": f"accessibility-toolkit {accessibility.__version__}",
        "answer": {key: value for key, value in answer.items() if key != "departements"},
        "region": {
            "built_with": region.settings["toolkit"],
            "buffer_km": region.settings["buffer_km"],
            "departements": {
                code: sha256(region.folder_of(code) / bundle.MANIFEST) for code in codes
            },
        },
        "sources": region.settings["files"],
        "attributions": _attributions(region, list(codes)),
        "files": {name: sha256(folder / name) for name in tables},
    }
    text = json.dumps(told, indent=2, ensure_ascii=False)
    (folder / "manifest.json").write_text(text + "\n", encoding="utf-8")


def _attributions(region: Region, codes: list[str]) -> list[str]:
    """Whom to name, each once."""
    found: dict[str, None] = {}
    for code in codes:
        path = region.folder_of(code) / bundle.MANIFEST
        for source in json.loads(path.read_text(encoding="utf-8"))["sources"]:
            found.update({source["attribution"]: None} if "attribution" in source else {})
    return list(found)
