"""Why communes are covered or not -> a picture: the way, and what of it is too much."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from accessibility.analysis.coverage import Coverage
from accessibility.analysis.explain import Explanation
from accessibility.errors import InputError, MissingInputError
from accessibility.report.explain import answer_of, roads_driven
from accessibility.report.manifest import licence_lines
from accessibility.schema import WGS84
from accessibility.study.study import Study

try:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch
    from matplotlib.patheffects import withStroke

    from accessibility.report.map_figure import NO_DATE, save_figure
except ImportError as error:
    raise MissingInputError(
        'a picture needs matplotlib: pip install "accessibility-toolkit[maps]".'
    ) from error

__all__ = ["PICTURES", "explain_figure", "save_figure"]

PICTURES = tuple(NO_DATE)
"""Suffixes of pictures."""

SIZE_INCHES = (8.27, 7.4)
MAP_BOX = (0.02, 0.125, 0.96, 0.755)
"""Left, bottom, width and height of the map, as shares of the figure."""

MARGIN = 0.12
"""Free room around what is drawn, as a share of it."""

LEAST_M = 3_000.0
"""A shorter way is drawn in so much of its surroundings."""

LETTERS = 116
"""Of a line under the title."""

IN_TIME: dict[str, Any] = {"color": "#1f5f99", "linewidth": 2.6, "solid_capstyle": "round"}
TOO_MUCH: dict[str, Any] = {"color": "#c3331f", "linewidth": 3.2, "solid_capstyle": "round"}
COVERED, LATE = "#e4eef5", "#f7ddd4"
HOME: dict[str, Any] = {
    "marker": "s", "markersize": 7, "markerfacecolor": "black", "markeredgecolor": "white",
}  # fmt: skip
SITE: dict[str, Any] = {
    "marker": "o", "markersize": 8, "markerfacecolor": "white", "markeredgecolor": "black",
    "markeredgewidth": 1.6,
}  # fmt: skip
ACROSS: dict[str, Any] = {**SITE, "markerfacecolor": "#d0d0d0", "markeredgecolor": "#666666"}
CANDIDATE: dict[str, Any] = {
    "marker": "^", "markersize": 8, "markerfacecolor": "#f2c14e", "markeredgecolor": "black",
    "markeredgewidth": 0.9,
}  # fmt: skip


def explain_figure(study: Study, result: Coverage, found: Sequence[Explanation]) -> Figure:
    """Draw the ways of communes to their sites; what is driven after the cut-off stands out.

    Parameters
    ----------
    study : Study
    result : Coverage
        The answer for the whole territory.
    found : sequence of Explanation
        One, or as many as `explain_all` gives.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If nothing is to be drawn.
    """
    if not found:
        raise InputError("every commune is covered: there is no way to draw.")
    crs = study.metric_crs
    alone = found[0] if len(found) == 1 else None
    figure = Figure(figsize=SIZE_INCHES)
    axes = figure.add_axes(MAP_BOX)
    communes = result.by_commune.to_crs(crs)
    homes = gpd.GeoSeries([one.chef_lieu for one in found], crs=WGS84).to_crs(crs)
    ways = [one.route.to_crs(crs) for one in found if len(one.route)]
    legs = pd.concat(ways or [found[0].route.to_crs(crs)], ignore_index=True)
    marks = _sites_to_draw(found, crs)
    shapes = [homes.to_numpy(), legs.geometry.to_numpy()]
    if alone is not None:
        # a site that would be near enough, were it counted
        near = alone.across[alone.across["seconds_over"] <= 0].to_crs(crs)
        shapes.append(near.geometry.to_numpy())
    _set_frame(axes, shapely.total_bounds(np.concatenate(shapes)))
    late = (communes["travel_time_s"] > result.cutoff_s).to_numpy()
    same: dict[str, Any] = {"ax": axes, "aspect": None, "autolim": False}
    communes.plot(color=np.where(late, LATE, COVERED), edgecolor="white", linewidth=0.8, **same)
    still: dict[str, Any] = {"scalex": False, "scaley": False}
    looks: list[Any] = []
    for after, look in ((False, IN_TIME), (True, TOO_MUCH)):
        lines = legs.geometry[(legs["beyond"] == after).to_numpy()]
        for line in lines:
            axes.plot(*shapely.get_coordinates(line).T, zorder=3, **look, **still)
        if len(lines):
            when = "after" if after else "within"
            looks.append(Line2D([], [], label=f"{when} {result.minutes:g} minutes", **look))
    small = {} if alone is not None else {"markersize": 5}
    for name, x, y, look in [
        ("chef-lieu", homes.x, homes.y, HOME),
        *((name, table.geometry.x, table.geometry.y, look) for name, table, look in marks),
    ]:
        axes.plot(x, y, linestyle="none", zorder=5, **{**look, **small}, **still)
        if _in_frame(axes, x, y).any():
            looks.append(Line2D([], [], linestyle="none", label=name, **look))
    looks.append(Patch(facecolor=COVERED, label="commune covered"))
    if late.any():
        looks.append(Patch(facecolor=LATE, label="commune not covered"))
    axes.set(xlabel="", ylabel="")
    without = _write_names(axes, found, homes, marks, alone)
    _draw_scale(axes)
    _write_words(figure, study, result, found, alone, without)
    figure.legend(handles=looks, loc="lower center", bbox_to_anchor=(0.5, 0.052), ncols=4,
                  fontsize=8, frameon=False, columnspacing=1.6, handlelength=1.6)  # fmt: skip
    return figure


def _in_frame(axes: Axes, x: Any, y: Any) -> Any:
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    return (left < x) & (x < right) & (bottom < y) & (y < top)


def _sites_to_draw(
    found: Sequence[Explanation], crs: str
) -> list[tuple[str, gpd.GeoDataFrame, dict[str, Any]]]:
    """The nearest counted sites, those over the border, and the candidates of one commune."""
    near = [one.nearest.head(1) for one in found if len(one.nearest)]
    groups = [("nearest site", near, SITE)]
    if len(found) == 1:
        groups.append(("site over the border, not counted", [found[0].across], ACROSS))
        groups.append(("one more site would cover it", [found[0].candidates], CANDIDATE))
    return [
        (name, pd.concat(tables, ignore_index=True).drop_duplicates("geometry").to_crs(crs), look)
        for name, tables, look in groups
        if any(len(table) for table in tables)
    ]


def _write_names(
    axes: Axes,
    found: Sequence[Explanation],
    homes: gpd.GeoSeries,
    marks: list[tuple[str, gpd.GeoDataFrame, dict[str, Any]]],
    alone: Explanation | None,
) -> int:
    """Name communes and sites; how many found no room, as they would lie on another name."""
    names = [(one.name, p, "bold") for one, p in zip(found, homes, strict=True)]
    home = None if alone is None else alone.code_insee
    for kind, table, _ in marks:
        column = "name"
        if "candidate_id" in table:
            column, table = "commune", table[table["code_insee"] != home]
        if alone is not None or kind == "nearest site":
            told = table[column].where(table[column].notna(), table["code_insee"])
            names += [(str(n), p, "normal") for n, p in zip(told, table.geometry, strict=True)]
    taken: list[Any] = []
    without = 0
    frame = axes.get_window_extent().padded(-2)
    halo = [withStroke(linewidth=2.5, foreground="white")]
    for name, at, weight in names:
        if not _in_frame(axes, at.x, at.y):
            continue
        for up, vertical in ((7, "bottom"), (-7, "top")):
            text = axes.annotate(
                textwrap.fill(name, 26), (at.x, at.y), xytext=(0, up), textcoords="offset points",
                ha="center", va=vertical, fontsize=8, fontweight=weight, path_effects=halo,
                zorder=7, parse_math=False,
            )  # fmt: skip
            box = text.get_window_extent()
            inside = frame.containsx(box.x0) and frame.containsx(box.x1)
            if inside and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            text.remove()
        else:
            without += 1
    return without


def _set_frame(axes: Axes, bounds: np.ndarray) -> None:
    """Show what is drawn with a margin, in the shape of the box."""
    axes.set(xticks=[], yticks=[], facecolor="#f6f6f4")
    axes.spines[:].set_color("#bbbbbb")
    low, high = bounds[:2], bounds[2:]
    box = np.array(MAP_BOX[2:]) * SIZE_INCHES
    size = np.maximum(high - low, LEAST_M) * (1 + 2 * MARGIN)
    metres_per_inch = float((size / box).max())
    middle, half = (low + high) / 2, box * metres_per_inch / 2
    axes.set_xlim(middle[0] - half[0], middle[0] + half[0])
    axes.set_ylim(middle[1] - half[1], middle[1] + half[1])
    axes.set_aspect("equal")


def _draw_scale(axes: Axes) -> None:
    """Draw a bar of a round length, about a fifth of the map."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    fifth_km = (right - left) / 5000.0
    power = 10.0 ** np.floor(np.log10(fifth_km))
    length_km = max(step * power for step in (1, 2, 5) if step * power <= fifth_km)
    x, y = left + 0.015 * (right - left), bottom + 0.02 * (top - bottom)
    end, tick = x + length_km * 1000.0, y + 0.01 * (top - bottom)
    axes.plot([x, x, end, end], [tick, y, y, tick], color="black", linewidth=1.3, scalex=False,
              scaley=False)  # fmt: skip
    axes.text((x + end) / 2, tick, f"{length_km:g} km", ha="center", va="bottom", fontsize=8)


def _write_words(
    figure: Figure,
    study: Study,
    result: Coverage,
    found: Sequence[Explanation],
    alone: Explanation | None,
    without: int,
) -> None:
    if alone is None:
        total = sum(one.population for one in found if not np.isnan(one.population))
        communes = f"{len(found)} communes are" if len(found) != 1 else "1 commune is"
        title = f"Why {communes} not covered"
        said = (
            f"{total:,.0f} inhabitants take more than {result.minutes:g} minutes; the ways to "
            "their nearest sites."
        )
    else:
        title, said = f"{alone.name} ({alone.code_insee})", answer_of(alone)
        km = roads_driven(alone).groupby("road", sort=False)["km"].sum()
        most = km.sort_values(ascending=False, kind="stable").head(3)
        if len(most):
            said += f" The longest parts: {', '.join(f'{n} {v:.1f} km' for n, v in most.items())}."
    if without:
        said += f" For {without} {'name' if without == 1 else 'names'} there is no room."
    figure.text(0.02, 0.975, title, fontsize=14, fontweight="bold", va="top", parse_math=False)
    figure.text(0.02, 0.935, textwrap.fill(said, LETTERS), fontsize=9, va="top", parse_math=False,
                linespacing=1.3)  # fmt: skip
    licences = [line.removeprefix("Source: ") for line in licence_lines(study)]
    sources = f"Profile {result.profile}. Sources: {'; '.join(licences)}."
    figure.text(0.02, 0.008, textwrap.fill(sources, 200), fontsize=5.5, va="bottom",
                color="#555555", parse_math=False)  # fmt: skip
