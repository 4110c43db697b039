"""What both maps draw: communes by class of time, canton limits, areas, sites; in metres."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from accessibility.analysis.coverage import Coverage
from accessibility.errors import InputError, first_of
from accessibility.schema import check_crs
from accessibility.study.study import Study

AREA_COLUMNS = ("facility_id", "cutoff_s", "from_s", "complete")

SHADES = ("#fde725", "#addc30", "#5ec962", "#28ae80", "#21918c", "#2c728e", "#3b528b", "#472d7b",
          "#440154")  # fmt: skip
"""Viridis from its light end to its dark one: even in grey, and for colour-blind readers."""

MIN_AREA_KM2 = 1.0
"""Islands and holes of an area that are smaller are not drawn: specks on a map of a département."""

SIMPLIFY_M = 60.0
"""Half a pixel of a screen that shows a whole département; a tenth of a millimetre on paper."""

NO_TIME = "#ffffff"
"""Of a commune that no road joins to a site."""


@dataclass(frozen=True)
class TimeClasses:
    """Classes of drive time, each with its upper limit inside.

    Attributes
    ----------
    limits : tuple of int
        Minutes, from 0 to the end of the last class.
    colours : tuple of str
        One of each class, the nearest the lightest.
    """

    limits: tuple[int, ...]
    colours: tuple[str, ...]

    def of(self, time_s: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
        """Class of each time; -1 of one that is not finite.

        Examples
        --------
        >>> time_classes(np.array([1250.0])).of(np.array([0.0, 300.0, 300.001, np.inf]))
        array([ 0,  0,  1, -1])
        """
        inner = np.array(self.limits[1:-1], dtype=float) * 60.0
        found = np.digitize(time_s, inner, right=True)
        return np.where(np.isfinite(time_s), found, -1)

    def colour_of(self, time_s: npt.NDArray[np.float64]) -> list[str]:
        """Colour of each time."""
        return [self.colours[i] if i >= 0 else NO_TIME for i in self.of(time_s)]

    @property
    def names(self) -> list[str]:
        """Such as 5–10."""
        return [f"{a}–{b}" for a, b in zip(self.limits[:-1], self.limits[1:], strict=True)]


def time_classes(time_s: npt.NDArray[np.float64]) -> TimeClasses:
    """Divide times into classes of 5 minutes; wider ones where the longest needs more than 8.

    Examples
    --------
    >>> time_classes(np.array([100.0, 1553.0, np.inf])).limits
    (0, 5, 10, 15, 20, 25, 30)
    >>> time_classes(np.array([4000.0])).limits
    (0, 10, 20, 30, 40, 50, 60, 70)
    """
    longest = float(np.max(time_s, initial=0.0, where=np.isfinite(time_s))) / 60.0
    step = 5 * max(1, int(np.ceil(longest / 40.0)))
    number = max(2, int(np.ceil(longest / step)))
    return TimeClasses(tuple(step * i for i in range(number + 1)), _shades(number))


def _shades(number: int) -> tuple[str, ...]:
    """Colours at even distances, between the given ones where need be."""
    given = np.array([[int(shade[i : i + 2], 16) for i in (1, 3, 5)] for shade in SHADES])
    at = np.linspace(0, len(SHADES) - 1, number)
    mixed = [np.interp(at, np.arange(len(SHADES)), channel) for channel in given.T]
    return tuple("#" + "".join(f"{round(v):02x}" for v in rgb) for rgb in zip(*mixed, strict=True))


def drawable_areas(areas: gpd.GeoDataFrame, study: Study, result: Coverage) -> gpd.GeoDataFrame:
    """Refuse areas that do not belong to the answer; make the others fit to be drawn.

    Returns
    -------
    GeoDataFrame
        From the shortest time, simplified, without specks; `asked` where the cut-off is that
        of the answer.

    Raises
    ------
    InputError
        If a column or the cut-off of the answer is absent, or the areas are bands.
    CrsError
        If the areas are not in the study's metric CRS.
    """
    if absent := [name for name in AREA_COLUMNS if name not in areas]:
        raise InputError(f"the table of areas lacks {', '.join(absent)}.")
    check_crs(areas, study.metric_crs, what="the table of areas")
    if (areas["from_s"] != 0).any():
        raise InputError("the areas are bands; nested areas, each from 0, are expected.")
    # areas are cut at whole milliseconds
    asked = np.isclose(areas["cutoff_s"], result.minutes * 60.0, rtol=0, atol=1e-3)
    if not asked.any():
        found = first_of(f"{s / 60:g}" for s in sorted(set(areas["cutoff_s"])))
        raise InputError(
            f"the areas are of {found} minutes; those of {result.minutes:g} are expected as well."
        )
    drawn = areas.assign(asked=asked, geometry=[_without_specks(a) for a in areas.geometry])
    return drawn.sort_values(["cutoff_s", "facility_id"], ignore_index=True)


def _without_specks(area: shapely.Geometry | None) -> shapely.MultiPolygon:
    """Leave out what is too small to be seen, and simplify the rest."""
    least_m2 = MIN_AREA_KM2 * 1e6
    kept = [
        shapely.Polygon(
            part.exterior,
            [hole for hole in part.interiors if shapely.Polygon(hole).area >= least_m2],
        )
        for part in shapely.get_parts(shapely.MultiPolygon() if area is None else area)
        if shapely.Polygon(part.exterior).area >= least_m2
    ]
    simple = shapely.simplify(shapely.MultiPolygon(kept), SIMPLIFY_M)
    return simple if simple.geom_type == "MultiPolygon" else shapely.MultiPolygon([simple])


def band_colours(areas: gpd.GeoDataFrame, classes: TimeClasses) -> dict[float, str]:
    """Colour of the band that ends at each cut-off: that of the time in its middle."""
    ends = np.unique(areas["cutoff_s"].to_numpy(dtype=float))
    middles = (ends + np.concatenate([[0.0], ends[:-1]])) / 2
    found = np.minimum(classes.of(middles), len(classes.colours) - 1)
    return {float(end): classes.colours[i] for end, i in zip(ends, found, strict=True)}


def commune_layer(study: Study, result: Coverage) -> gpd.GeoDataFrame:
    """Communes in metres; `late` says whether people would need longer than the cut-off."""
    communes = result.by_commune.to_crs(study.metric_crs)
    return communes.assign(late=communes["travel_time_s"] > result.cutoff_s)


def canton_limits(communes: gpd.GeoDataFrame) -> gpd.GeoSeries:
    """Limits of the cantons as lines; none where no canton is known."""
    known = communes[communes["canton_code"].notna()]
    if known.empty:
        return gpd.GeoSeries([], crs=communes.crs)
    return known[["canton_code", "geometry"]].dissolve("canton_code").boundary


def site_layer(study: Study, result: Coverage) -> gpd.GeoDataFrame:
    """Sites in metres: name and commune where they are known."""
    sites = result.sites
    names = sites["name"].where(sites["name"].notna(), sites["facility_id"].astype(str))
    at = sites.geometry.to_crs(study.metric_crs)
    return gpd.GeoDataFrame({"name": names.astype(str), "geometry": at}, geometry="geometry")
