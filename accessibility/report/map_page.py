"""An answer -> an interactive map, one HTML file that needs no network.

Bokeh, since its wheel carries its browser code: 1.3 MB of core in a page, where Plotly puts 4.8.
"""

from __future__ import annotations

import html
import json
from importlib.resources import files
from string import Template
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

import accessibility
from accessibility.analysis.coverage import Coverage
from accessibility.analysis.scenario import Scenario
from accessibility.report.map_changes import GAINED, LOST, Changes, changes_between
from accessibility.report.map_drawing import drawing, library
from accessibility.report.map_layers import (
    NO_TIME,
    TimeClasses,
    band_colours,
    commune_layer,
    drawable_areas,
    site_layer,
    time_classes,
)
from accessibility.report.map_words import (
    LANGUAGES,
    map_text,
    words,
)
from accessibility.study.study import Study


def map_page(
    study: Study,
    result: Coverage,
    areas: gpd.GeoDataFrame,
    *,
    lang: str = "en",
    own_sites: str | None = None,
    before: Coverage | None = None,
    scenario: Scenario | None = None,
) -> str:
    """Make a page that shows who reaches a site in time, in two languages.

    Parameters
    ----------
    study : Study
    result : Coverage
        The answer.
    areas : GeoDataFrame
        `facility_id`, `cutoff_s`, `from_s`, `complete`, polygons in the study's metric CRS:
        nested areas, among them those of the answer's cut-off. They are drawn as bands.
    lang : {"en", "fr"}
        The language at first.
    own_sites : str, optional
        File from which sites of one's own come, to be named.
    before : Coverage, optional
        The answer before a scenario, after which `result` is: what changes is marked and
        listed, and a commune tells its minutes before.
    scenario : Scenario, optional
        What lies between both.

    Returns
    -------
    str
        HTML; the same question gives the same text.

    Raises
    ------
    InputError, CrsError, SettingError
        If the areas do not belong to the answer, or for another language.
    """
    words(lang)  # refuses a language that it does not speak
    nested = drawable_areas(areas, study, result)
    communes, sites = commune_layer(study, result), site_layer(study, result)
    changes = None
    if before is not None:
        changes = changes_between(study, before, result, scenario=scenario)
        communes, sites = changes.communes, changes.sites
    # from the corner of the territory, coordinates are short
    origin = np.floor(communes.total_bounds[:2])
    communes, sites, nested = (
        layer.set_geometry(layer.translate(*-origin)) for layer in (communes, sites, nested)
    )
    if changes is not None:
        sites["before"] = [p and shapely.transform(p, lambda xy: xy - origin)
                           for p in sites["before"]]  # fmt: skip
    classes = time_classes(communes["travel_time_s"].to_numpy())
    complete = bool(areas["complete"].all())
    said = {
        tongue: _words(study, result, nested, tongue, own_sites, complete, changes)
        for tongue in LANGUAGES
    }
    drawn, layers = drawing(communes, sites, nested, classes)
    answer = {
        "words": said,
        "communes": _numbers(communes),
        "sites": {
            "name": sites["name"].tolist(),
            "change": sites["change"].tolist() if changes is not None else None,
        },
        "before": None if changes is None else _numbers_before(changes),
        "box": _whole(communes.total_bounds),
        "classes": list(zip(classes.colours, classes.names, strict=True)),
        "bands": _bands(nested, classes),
        "unreached": None if np.isfinite(communes["travel_time_s"]).all() else NO_TIME,
        "cantons": bool(communes["canton_code"].notna().any()),
        "layers": layers,
    }
    room = files("accessibility.report")
    return Template((room / "map_page.html").read_text(encoding="utf-8")).substitute(
        lang=lang,
        title=html.escape(said[lang]["title"]),
        summary=html.escape(said[lang]["summary"]),
        generator=f"accessibility-toolkit {accessibility.__version__}",
        style=(room / "map_page.css").read_text(encoding="utf-8"),
        answer=_script_json(answer),
        drawing=_script_json(drawn),
        library=library(),
        script="\n".join(
            (room / name).read_text(encoding="utf-8") for name in ("map_parts.js", "map_page.js")
        ),
    )


def _bands(areas: gpd.GeoDataFrame, classes: TimeClasses) -> list[tuple[str, str]]:
    """Colour and minutes of each band, such as 10–20."""
    colours = band_colours(areas, classes)
    ends = [f"{s / 60:g}" for s in colours]
    names = [f"{a}–{b}" for a, b in zip(["0", *ends[:-1]], ends, strict=True)]
    return list(zip(colours.values(), names, strict=True))


def _words(
    study: Study,
    result: Coverage,
    areas: gpd.GeoDataFrame,
    lang: str,
    own_sites: str | None,
    complete: bool,
    changes: Changes | None,
) -> dict[str, Any]:
    text = map_text(
        study, result, lang=lang, own_sites=own_sites, areas_complete=complete,
        cutoffs_s=sorted(set(areas["cutoff_s"])), changes=changes,
    )  # fmt: skip
    return text.labels | {
        "title": text.title,
        "summary": text.summary,
        "warnings": text.warnings,
        "choice_rows": text.choices,
        "source_lines": text.sources,
        "change_rows": text.changes,
    }


def _numbers(communes: gpd.GeoDataFrame) -> dict[str, list[Any]]:
    """What the page tells of each commune; None where nothing is known or reached."""

    def whole(name: str) -> list[int | None]:
        return [round(v) if np.isfinite(v) else None for v in communes[name].tolist()]

    over = [
        n if late else None for n, late in zip(whole("seconds_over"), communes["late"], strict=True)
    ]
    sites = [name if isinstance(name, str) else None for name in communes["facility_name"]]
    return {
        "code": communes["code_insee"].tolist(),
        "name": communes["name"].tolist(),
        "population": whole("population"),
        "time_s": whole("travel_time_s"),
        "late": communes["late"].tolist(),
        "over_s": over,
        "site": sites,
        "box": [_whole(box) for box in shapely.bounds(communes.geometry.array)],
    }


def _numbers_before(changes: Changes) -> dict[str, list[Any]]:
    """What was before of each commune, and which are won and lost, the most populous first."""
    communes = changes.communes
    return {
        "time_s": [round(v) if np.isfinite(v) else None for v in communes["time_before_s"]],
        "site": [name if isinstance(name, str) else None for name in communes["site_before"]],
        GAINED: changes.of(GAINED).index.tolist(),
        LOST: changes.of(LOST).index.tolist(),
    }


def _whole(box: Any) -> list[int]:
    return [round(v) for v in box]


def _script_json(value: Any) -> str:
    """JSON that may stand inside a script element: nothing in it ends the element."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")
