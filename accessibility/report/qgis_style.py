"""Styles that QGIS finds in a GeoPackage and applies when a layer is opened."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from xml.sax.saxutils import quoteattr

RAMP = ((253, 231, 37), (53, 183, 121), (49, 104, 142), (68, 1, 84))
"""Viridis: near is light, as on the maps; read in grey and by colour-blind readers."""
OPACITY = 0.6
"""Of the layer of areas as a whole: areas drawn over one another do not mix their colours, so that
each place has the colour of the legend, and the map below shines through."""


def area_style(spans: Sequence[tuple[float, float]]) -> str:
    """QML of areas shaded by their cut-off, with thin outlines that part equal colours.

    Parameters
    ----------
    spans : sequence of (from_s, cutoff_s)
        One class for each, ascending.
    """
    ranges, symbols = [], []
    for i, (low, high) in enumerate(spans):
        red, green, blue = _colour(i / max(len(spans) - 1, 1))
        label = f"{low / 60:g} - {high / 60:g} min" if low else f"<= {high / 60:g} min"
        # areas are drawn over one another: a class holds one cut-off alone
        ranges.append(
            f'<range lower="{high - 0.5}" upper="{high + 0.5}" label={quoteattr(label)} '
            f'symbol="{i}" render="true"/>'
        )
        symbols.append(
            f'<symbol name="{i}" type="fill" alpha="1"><layer class="SimpleFill" enabled="1">'
            f'<Option type="Map">{_option("color", f"{red},{green},{blue},255")}'
            f"{_option('outline_color', '60,60,60,255')}"
            f"{_option('outline_style', 'solid')}{_option('outline_width', '0.2')}"
            f"{_option('style', 'solid')}</Option></layer></symbol>"
        )
    # the greatest area is drawn first, the least last
    order = '<orderby><orderByClause asc="0" nullsFirst="0">"cutoff_s"</orderByClause></orderby>'
    return _qml(
        f'<renderer-v2 type="graduatedSymbol" attr="cutoff_s" graduatedMethod="GraduatedColor" '
        f'enableorderby="1" symbollevels="0"><ranges>{"".join(ranges)}</ranges>'
        f"<symbols>{''.join(symbols)}</symbols>{order}</renderer-v2>",
        OPACITY,
    )


def site_style() -> str:
    """QML of sites: a white dot with a dark rim."""
    options = "".join(
        _option(name, value)
        for name, value in {
            "name": "circle", "color": "255,255,255,255", "outline_color": "20,20,20,255",
            "outline_width": "0.6", "size": "2.6",
        }.items()
    )  # fmt: skip
    return _qml(
        '<renderer-v2 type="singleSymbol" symbollevels="0"><symbols>'
        '<symbol name="0" type="marker" alpha="1"><layer class="SimpleMarker" enabled="1">'
        f'<Option type="Map">{options}</Option></layer></symbol></symbols></renderer-v2>'
    )


def add_styles(path: Path, styles: dict[str, str]) -> None:
    """Store a default style for each layer of a GeoPackage, as QGIS does.

    Parameters
    ----------
    path : Path
        A GeoPackage.
    styles : dict of str to str
        QML by layer.
    """
    with closing(sqlite3.connect(path)) as base, base:
        base.execute(
            "CREATE TABLE layer_styles (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, "
            "f_table_catalog TEXT(256), f_table_schema TEXT(256), f_table_name TEXT(256), "
            "f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT, styleSLD TEXT, "
            "useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30), "
            "update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')))"
        )
        base.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, description) "
            "VALUES ('layer_styles', 'attributes', 'layer_styles', '')"
        )
        for layer, qml in styles.items():
            (column,) = base.execute(
                "SELECT column_name FROM gpkg_geometry_columns WHERE table_name = ?", (layer,)
            ).fetchone()
            base.execute(
                "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, "
                "f_geometry_column, styleName, styleQML, styleSLD, useAsDefault, description, "
                "owner) VALUES ('', '', ?, ?, ?, ?, '', 1, '', '')",
                (layer, column, layer, qml),
            )


def _qml(renderer: str, opacity: float = 1.0) -> str:
    return (
        '<!DOCTYPE qgis><qgis version="3.22" styleCategories="Symbology|Rendering">'
        f"{renderer}<layerOpacity>{opacity:g}</layerOpacity></qgis>"
    )


def _option(name: str, value: str) -> str:
    return f'<Option name="{name}" type="QString" value="{value}"/>'


def _colour(share: float) -> tuple[int, int, int]:
    place = share * (len(RAMP) - 1)
    i = min(int(place), len(RAMP) - 2)
    red, green, blue = (
        round(a + (b - a) * (place - i)) for a, b in zip(RAMP[i], RAMP[i + 1], strict=True)
    )
    return red, green, blue
