"""What a visitor takes away: tables, map layers, a report of one page, the scenario itself."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import tempfile
import unicodedata
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

import accessibility
from accessibility.analysis.simulate_result import Simulation
from accessibility.report.map_changes import site_changes
from accessibility.report.map_words import day
from accessibility.schema import WGS84
from accessibility.web.desk import Desk
from accessibility.web.page_words import page_words
from accessibility.web.plan import Plan
from accessibility.web.view import facts, figure_lines

EXPORTS = {
    "toml": ("toml", "application/toml"),
    "csv": ("csv", "text/csv"),
    "xlsx": ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "gpkg": ("gpkg", "application/geopackage+sqlite3"),
    "pdf": ("pdf", "application/pdf"),
}
"""Suffix and media type of each kind of file."""

COLUMNS = {
    "code": ("INSEE code", "Code INSEE"),
    "name": ("Commune", "Commune"),
    "canton_name": ("Canton", "Canton"),
    "epci_name": ("EPCI", "EPCI"),
    "population": ("Inhabitants", "Habitants"),
    "minutes_before": ("Minutes before", "Minutes avant"),
    "minutes_after": ("Minutes after", "Minutes après"),
    "covered_before": ("Covered before", "Couverte avant"),
    "covered_after": ("Covered after", "Couverte après"),
    "facility_name_before": ("Nearest site before", "Site le plus proche avant"),
    "facility_name_after": ("Nearest site after", "Site le plus proche après"),
}
"""Columns of the table of communes and their heads, English and French."""

SITE_COLUMNS = {
    "name": ("Site", "Site"),
    "change": ("Change", "Changement"),
    "lon": ("Longitude", "Longitude"),
    "lat": ("Latitude", "Latitude"),
}

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is a formula to spreadsheets."""


def export(
    kind: str, desk: Desk, plan: Plan, done: Simulation, lang: str
) -> tuple[str, str, bytes]:
    """Make a file of an answer.

    Parameters
    ----------
    kind : {"toml", "csv", "xlsx", "gpkg", "pdf"}
    desk : Desk
    plan : Plan
    done : Simulation
        Its answer.
    lang : {"en", "fr"}

    Returns
    -------
    name, media type, bytes
    """
    suffix, media = EXPORTS[kind]
    content = {
        "toml": lambda: plan.scenario.to_toml().encode(),
        "csv": lambda: csv_of(commune_table(done), lang),
        "xlsx": lambda: xlsx_of(desk, done, lang),
        "gpkg": lambda: geopackage_of(desk, done),
        "pdf": lambda: pdf_of(desk, plan, done, lang),
    }[kind]()
    return f"{file_name(desk.study.name, plan.scenario.name)}.{suffix}", media, content


def file_name(study: str, scenario: str) -> str:
    """A name that any system takes.

    Examples
    --------
    >>> file_name("jura", "Septmoncel déménage <b>")
    'jura-septmoncel-demenage-b'
    """
    plain = unicodedata.normalize("NFKD", f"{study} {scenario}").encode("ascii", "ignore").decode()
    return "-".join(re.findall(r"[a-z0-9]+", plain.lower()))[:80] or "accessibility"


def commune_table(done: Simulation) -> pd.DataFrame:
    """One row for each commune, before and after.

    Returns
    -------
    DataFrame
        The columns of `COLUMNS`; minutes are empty where no site is reached.
    """
    table, cutoff_s = done.by_commune, done.after.minutes * 60.0
    found = {name: table[name] for name in COLUMNS if name in table}
    for when in ("before", "after"):
        time_s = table[f"travel_time_s_{when}"].astype(float)
        found[f"minutes_{when}"] = (time_s / 60.0).where(np.isfinite(time_s)).round(3)
        found[f"covered_{when}"] = (time_s <= cutoff_s).astype(int)
    return pd.DataFrame(found)[list(COLUMNS)]


def csv_of(table: pd.DataFrame, lang: str) -> bytes:
    """A table as spreadsheets of that language open it: in French with `;` and decimal comma."""
    french = lang == "fr"
    text = io.StringIO()
    write = csv.writer(text, delimiter=";" if french else ",", lineterminator="\r\n")
    write.writerow([COLUMNS[str(name)][french] for name in table])
    for row in table.astype(object).to_numpy().tolist():
        write.writerow([_cell(value, decimal_comma=french) for value in row])
    # the mark tells spreadsheets that it is UTF-8
    return text.getvalue().encode("utf-8-sig")


def _cell(value: Any, *, decimal_comma: bool) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, float):
        text = f"{value:.0f}" if value.is_integer() else f"{value:g}"
        return text.replace(".", ",") if decimal_comma else text
    return harmless(str(value))


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula.

    Examples
    --------
    >>> harmless("=HYPERLINK(0)"), harmless("Aromas")
    ("'=HYPERLINK(0)", 'Aromas')
    """
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text


def xlsx_of(desk: Desk, done: Simulation, lang: str) -> bytes:
    """A workbook: the figures, the communes, the sites; every text is a text."""
    from openpyxl import Workbook

    says, french = page_words(lang), lang == "fr"
    book = Workbook()
    first = book.active
    assert first is not None
    lines = figure_lines(desk.study, done, lang)
    heads = [says["after"], says["before"]]
    rows: list[list[Any]] = [
        [desk.study.title, "", ""],
        [lines["of"], done.after.share, done.before.share],
        ["", *heads],
        *facts(desk.study, done, lang),
        [lines["published"], lines["source"], lines["difference"]],
    ]
    _fill(first, says["figure"], rows)
    for cell in (first["B2"], first["C2"]):
        cell.number_format = "0.00%"
    communes = commune_table(done)
    heads = [COLUMNS[str(name)][french] for name in communes]
    _fill(book.create_sheet(), says["communes"].capitalize(), [heads, *_rows(communes)])
    sites = site_table(desk, done)
    told = pd.DataFrame(sites[list(SITE_COLUMNS)])
    told["change"] = [says[f"site_{change}"] for change in told["change"]]
    heads = [head[french] for head in SITE_COLUMNS.values()]
    _fill(book.create_sheet(), says["sites"], [heads, *_rows(told)])
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _rows(table: pd.DataFrame) -> list[list[Any]]:
    rows: list[list[Any]] = table.astype(object).where(table.notna(), None).to_numpy().tolist()
    return rows


def _fill(sheet: Any, title: str, rows: list[list[Any]]) -> None:
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
    from openpyxl.styles import Font

    sheet.title = title
    for r, row in enumerate(rows, start=1):
        for c, value in enumerate(row, start=1):
            cell = sheet.cell(r, c)
            if isinstance(value, str):
                cell.value = ILLEGAL_CHARACTERS_RE.sub("", value)
                cell.data_type = "s"  # never a formula
                cell.quotePrefix = True
            elif value is not None:
                cell.value = value
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for column in sheet.columns:
        width = max(len(str(cell.value or "")) for cell in column)
        sheet.column_dimensions[column[0].column_letter].width = min(width + 2, 50)


def site_table(desk: Desk, done: Simulation) -> gpd.GeoDataFrame:
    """Sites and what becomes of each: `facility_id`, `name`, `change`, `lon`, `lat`, points."""
    changes = site_changes(desk.study, done.before, done.after)
    sites = changes[["facility_id", "name", "change", "geometry"]].to_crs(WGS84)
    return sites.assign(lon=sites.geometry.x.round(6), lat=sites.geometry.y.round(6))


def geopackage_of(desk: Desk, done: Simulation) -> bytes:
    """Layers `communes` (before and after, contours) and `sites`."""
    table = commune_table(done)
    communes = gpd.GeoDataFrame(
        table.rename(columns={"code": "code_insee"}),
        geometry=done.after.by_commune.geometry.array,
        crs=done.after.by_commune.crs,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scenario.gpkg"
        communes.to_file(path, layer="communes", engine="pyogrio", driver="GPKG")
        site_table(desk, done).to_file(path, layer="sites", engine="pyogrio", driver="GPKG")
        return path.read_bytes()


def pdf_of(desk: Desk, plan: Plan, done: Simulation, lang: str) -> bytes:
    """The report as a PDF; see `report_figure`."""
    from accessibility.report.map_figure import save_figure

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.pdf"
        save_figure(report_figure(desk, plan, done, lang), path)
        return path.read_bytes()


def report_figure(desk: Desk, plan: Plan, done: Simulation, lang: str) -> Any:
    """One page A4: map, figure, what changes, method, sources and the day on which it was made."""
    from accessibility.report.map_figure import map_figure

    areas = desk.areas(plan, (plan.minutes,))
    changed = done.scenario.changes_anything
    figure = map_figure(
        done.study, done.after, areas, lang=lang, before=done.before if changed else None,
        scenario=done.scenario if changed else None,
    )  # fmt: skip
    says, lines = page_words(lang), figure_lines(desk.study, done, lang)
    today = dt.datetime.now(dt.UTC).astimezone().date()
    made = says["made_on"].format(day=day(today, lang), version=accessibility.__version__)
    published = f"{lines['published']} ({lines['source']})." if lines["published"] else ""
    # what the map's own column does not tell
    own = {says[key] for key in ("people_covered", "gained", "lost", "cantons_with")}
    told = [
        f"{name}{says['colon']} {now}" + (f" ({was})" if was else "")
        for name, now, was in facts(desk.study, done, lang)
        if name not in own
    ]
    # above the title and below the summary, where the map leaves room
    below = figure.texts[1].get_position()[1] - 0.0215
    for y, text in ((0.987, f"{made} {published}".strip()), (below, " · ".join(told))):
        figure.text(0.02, y, text, fontsize=7, color="#333333", va="top", parse_math=False)
    return figure
