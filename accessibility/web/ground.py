"""The shapes of a territory that never change: what all visitors' maps are drawn on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from bokeh.core.serialization import Serializer

from accessibility.report.map_drawing import lines_of, polygons
from accessibility.report.map_layers import SIMPLIFY_M, canton_limits
from accessibility.study.study import Study

IGN_CRS = "EPSG:2154"
"""Of the background map."""


class Fixed(list[Any]):
    """Plain numbers that are written as they stand; Bokeh would look at each for each visitor."""


Serializer.register(Fixed, lambda numbers, _serializer: numbers)


@dataclass(frozen=True)
class Ground:
    """The shapes that never change, made once for all visitors.

    Attributes
    ----------
    origin : array (2,)
        Corner from which coordinates are counted, metres.
    box : list of float
        Bounds of the territory from there.
    communes : dict
        `xs`, `ys` as Bokeh nests them.
    boxes : list of list of int
        Bounds of each commune.
    names_at : array (communes, 2)
        Where a commune's name is written.
    cantons : dict
        Limits as lines.
    tiled : bool
        Whether a background map has the CRS of the territory.
    """

    origin: npt.NDArray[np.float64]
    box: list[float]
    communes: dict[str, Any]
    boxes: list[list[int]]
    names_at: npt.NDArray[np.float64]
    cantons: dict[str, Any]
    tiled: bool


def ground_of(study: Study) -> Ground:
    """Make the shapes of a territory."""
    communes = study.communes.to_crs(study.metric_crs)
    # tiles are asked for by coordinates of their CRS
    tiled = study.metric_crs == IGN_CRS
    origin = np.zeros(2) if tiled else np.floor(communes.total_bounds[:2])
    communes = communes.set_geometry(communes.translate(*-origin))
    # a coverage, so that neighbours keep the same limit and no gap opens
    simple = shapely.coverage_simplify(communes.geometry.array, SIMPLIFY_M)
    shapes = communes.set_geometry(gpd.GeoSeries(simple, index=communes.index, crs=communes.crs))
    at = shapes.representative_point()
    return Ground(
        origin=origin,
        box=[float(v) for v in communes.total_bounds],
        communes={name: Fixed(rings) for name, rings in polygons(shapes.geometry).items()},
        boxes=[[round(v) for v in box] for box in shapely.bounds(communes.geometry.array).tolist()],
        names_at=np.column_stack([at.x, at.y]),
        cantons={name: Fixed(line) for name, line in lines_of(canton_limits(shapes)).items()},
        tiled=tiled,
    )
