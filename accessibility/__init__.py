"""Who can reach a public service by car, how fast, and where the next one should go.

Names are loaded when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from accessibility.analysis.border import border as border
    from accessibility.analysis.compare import compare as compare
    from accessibility.analysis.coverage import Coverage as Coverage
    from accessibility.analysis.coverage import coverage as coverage
    from accessibility.analysis.explain import explain as explain
    from accessibility.analysis.gain import gain as gain
    from accessibility.analysis.isochrone_error import isochrone_error as isochrone_error
    from accessibility.analysis.isochrones import isochrones as isochrones
    from accessibility.analysis.measures import measures as measures
    from accessibility.analysis.opening_hours import hours as hours
    from accessibility.analysis.scenario import Scenario as Scenario
    from accessibility.analysis.scenario_form import read_scenario as read_scenario
    from accessibility.analysis.sensitivity import sensitivity as sensitivity
    from accessibility.analysis.simulate import simulate as simulate
    from accessibility.analysis.siting import optimise as optimise
    from accessibility.analysis.siting_frontier import closable as closable
    from accessibility.analysis.siting_frontier import frontier as frontier
    from accessibility.analysis.surface import surface as surface
    from accessibility.analysis.timeline import timeline as timeline
    from accessibility.analysis.variants import variants as variants
    from accessibility.errors import AccessibilityError as AccessibilityError
    from accessibility.inputs.osm import read_osm as read_osm
    from accessibility.inputs.osm import read_roads as read_roads
    from accessibility.inputs.points import read_points as read_points
    from accessibility.network.graph import RoadNetwork as RoadNetwork
    from accessibility.network.graph import build_network as build_network
    from accessibility.network.interchange import from_networkx as from_networkx
    from accessibility.network.interchange import to_networkx as to_networkx
    from accessibility.network.profile import load_profile as load_profile
    from accessibility.network.snap import snap as snap
    from accessibility.routing.reach import reach as reach
    from accessibility.routing.route import route as route
    from accessibility.routing.times import travel_time_matrix as travel_time_matrix
    from accessibility.routing.times import travel_times as travel_times
    from accessibility.study.build import build_study as build_study
    from accessibility.study.study import Study as Study
    from accessibility.study.study import load_study as load_study

__version__ = "0.1.0"

_WHERE = {
    "AccessibilityError": "errors",
    "Coverage": "analysis.coverage",
    "RoadNetwork": "network.graph",
    "Scenario": "analysis.scenario",
    "Study": "study.study",
    "border": "analysis.border",
    "build_network": "network.graph",
    "build_study": "study.build",
    "closable": "analysis.siting_frontier",
    "compare": "analysis.compare",
    "coverage": "analysis.coverage",
    "explain": "analysis.explain",
    "from_networkx": "network.interchange",
    "frontier": "analysis.siting_frontier",
    "gain": "analysis.gain",
    "hours": "analysis.opening_hours",
    "isochrone_error": "analysis.isochrone_error",
    "isochrones": "analysis.isochrones",
    "load_profile": "network.profile",
    "load_study": "study.study",
    "measures": "analysis.measures",
    "optimise": "analysis.siting",
    "reach": "routing.reach",
    "read_osm": "inputs.osm",
    "read_points": "inputs.points",
    "read_roads": "inputs.osm",
    "read_scenario": "analysis.scenario_form",
    "route": "routing.route",
    "sensitivity": "analysis.sensitivity",
    "simulate": "analysis.simulate",
    "snap": "network.snap",
    "surface": "analysis.surface",
    "timeline": "analysis.timeline",
    "to_networkx": "network.interchange",
    "travel_time_matrix": "routing.times",
    "travel_times": "routing.times",
    "variants": "analysis.variants",
}

__all__ = [*sorted(_WHERE), "__version__"]


def __getattr__(name: str) -> object:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return __all__
