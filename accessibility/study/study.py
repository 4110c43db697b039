"""One territory with everything that a question about it needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from accessibility.errors import InputError, MissingInputError, UnknownNameError
from accessibility.inputs.csv import read_csv
from accessibility.inputs.settings import read_toml
from accessibility.network.graph import RoadNetwork, build_network
from accessibility.network.profile import Profile, load_profile
from accessibility.schema import COMMUNES, FACILITIES, RoadTables, validate
from accessibility.study import bundle
from accessibility.study.cache import cached_network, keep_network, network_folder
from accessibility.study.demand import (
    METHODS,
    demand_at_centroids,
    demand_at_chefs_lieux,
    demand_by_shares,
    population_years,
)

SETTINGS = ("name", "title", "departement", "service", "metric_crs", "bounds", "extents")
DEFAULTS = ("minutes", "as_of", "population", "direction", "profile", "max_snap_m")
CANTONS = ("canton_code", "canton_name", "split_town")
SHARES = ("method", "code_insee", "share", "lon", "lat")
"""What a study's files hold at least."""


@dataclass(frozen=True)
class Study:
    """A territory: its communes, cantons, sites, roads and network, under one profile.

    Attributes
    ----------
    name, title : str
    folder : Path
    settings : dict
        `study.toml`: defaults, published figures, grant.
    profile : Profile
        Speed profile of the network.
    communes : GeoDataFrame
        `accessibility.schema.COMMUNES` with `population_<year>`; contours in WGS 84.
    cantons : DataFrame
        `canton_code`, `canton_name`, `split_town`; empty where no table tells them.
    sites : GeoDataFrame
        `accessibility.schema.FACILITIES`: all labelled sites within reach, whenever labelled.
    """

    name: str
    title: str
    folder: Path
    settings: dict[str, Any]
    profile: Profile
    communes: gpd.GeoDataFrame
    cantons: pd.DataFrame
    sites: gpd.GeoDataFrame

    def __repr__(self) -> str:
        return (
            f"<Study {self.name}: {len(self.communes)} communes, "
            f"{int(self.sites['in_study'].sum())} sites, profile {self.profile.name}>"
        )

    @cached_property
    def roads(self) -> RoadTables:
        """Road tables, read when they are first asked for."""
        try:
            return RoadTables(
                gpd.read_parquet(self.folder / bundle.ROADS),
                gpd.read_parquet(self.folder / bundle.NODES),
                pd.read_parquet(self.folder / bundle.RESTRICTIONS),
            )
        except (OSError, ValueError) as error:
            raise _damaged(self.folder, error) from error

    @cached_property
    def candidates(self) -> gpd.GeoDataFrame:
        """Post offices and town halls of the territory, where new sites may be housed.

        `accessibility.schema.FACILITIES`; empty where the study was built without them.
        """
        path = self.folder / bundle.CANDIDATES
        if not path.is_file():
            return self.sites.iloc[:0]
        try:
            found = gpd.read_parquet(path)
        except (OSError, ValueError) as error:
            raise _damaged(self.folder, error) from error
        validate(found, FACILITIES, source=bundle.CANDIDATES)
        return found

    @property
    def network_is_kept(self) -> bool:
        """Whether the network was built before and need not be built now."""
        return self._network_folder.is_dir()

    @cached_property
    def _network_folder(self) -> Path:
        return network_folder(self.folder, self.profile, self.metric_crs)

    @cached_property
    def network(self) -> RoadNetwork:
        """The road network, memory-mapped; built and kept when it is first asked for."""
        kept = cached_network(self._network_folder)
        if kept is not None:
            return kept
        built = build_network(self.roads, profile=self.profile, metric_crs=self.metric_crs)
        return keep_network(built, self._network_folder)

    @property
    def metric_crs(self) -> str:
        """CRS in metres in which points snap to roads."""
        return str(self.settings["metric_crs"])

    @property
    def network_bounds(self) -> tuple[float, float, float, float]:
        """West, south, east and north of the roads, in degrees."""
        west, south, east, north = self.settings["bounds"]
        return west, south, east, north

    @property
    def service(self) -> str:
        """The service whose sites the study holds: France services, or a kind of place."""
        return str(self.settings["service"])

    @cached_property
    def demand(self) -> gpd.GeoDataFrame:
        """People at the chefs-lieux, in the study's population year."""
        return demand_at_chefs_lieux(self.communes, year=self.default("population"))

    @property
    def demand_methods(self) -> list[str]:
        """Where people may be counted: those of `METHODS` for which the study holds places."""
        held = {"chefs-lieux", "centroids", *self._shares["method"].unique()}
        return [method for method in METHODS if method in held]

    @cached_property
    def _shares(self) -> pd.DataFrame:
        """Places and their parts of a commune's people, by method; empty where none were read."""
        path = self.folder / bundle.DEMAND
        if not path.is_file():
            return pd.DataFrame({name: [] for name in SHARES})
        try:
            found = pd.read_parquet(path)
        except (OSError, ValueError) as error:
            raise _damaged(self.folder, error) from error
        if lacking := [name for name in SHARES if name not in found]:
            raise _damaged(self.folder, InputError(f"no column {', '.join(lacking)}"))
        return found

    def demand_by(self, method: str, *, year: int | None = None) -> gpd.GeoDataFrame:
        """People of the territory at the places that a method gives.

        Parameters
        ----------
        method : str
            One of `accessibility.study.demand.METHODS`: "chefs-lieux", the reference; "centroids"
            of the contours; "buildings", by their ground area; "grid-2018" and "grid-2021", by
            Eurostat's cells of 1 km.
        year : int, optional
            Census year of the *population municipale*; the study's if absent.

        Returns
        -------
        GeoDataFrame
            `demand_id`, `code_insee`, `population`, points. The points of a commune sum to its
            population of that year. A commune without a place keeps its people at its chef-lieu.

        Raises
        ------
        UnknownNameError
            For another method, or one for which the study holds no places.

        Examples
        --------
        >>> jura = load_study("jura")
        >>> int(round(jura.demand_by("buildings", year=2019).population.sum()))
        259199
        """
        when = self.default("population") if year is None else year
        if method == "chefs-lieux":
            return demand_at_chefs_lieux(self.communes, year=when)
        if method == "centroids":
            return demand_at_centroids(self.communes, year=when)
        if method not in METHODS:
            raise UnknownNameError(
                f"{method!r} is no way to place people; there are {', '.join(METHODS)}."
            )
        if method not in self.demand_methods:
            raise UnknownNameError(
                f"the study {self.title} holds no places of people by {method!r}; it has "
                f"{', '.join(self.demand_methods)}: build it with the file, or give the file."
            )
        shares = self._shares
        return demand_by_shares(self.communes, shares[shares["method"] == method], year=when)

    @property
    def population_years(self) -> list[int]:
        """Census years that the study knows."""
        return population_years(self.communes)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What the study was built from."""
        try:
            text = (self.folder / bundle.MANIFEST).read_text(encoding="utf-8")
            return dict(json.loads(text))
        except ValueError as error:
            raise _damaged(self.folder, error) from error

    def default(self, key: str) -> Any:
        """A default of the study: minutes, as_of, population, direction, max_snap_m."""
        return self.settings["defaults"][key]


def load_study(
    name: str | Path = "jura",
    *,
    profile: str | Path | Profile | None = None,
    changes: Mapping[str, object] | None = None,
) -> Study:
    """Load a study.

    Parameters
    ----------
    name : str or path
        The bundled study's name, or a folder that `build_study` made.
    profile : str, path or Profile, optional
        Speed profile; the study's default if absent.
    changes : mapping of str to object, optional
        Values to use instead of the profile's: {"speeds_kph.secondary": 90}.

    Returns
    -------
    Study

    Raises
    ------
    UnknownNameError
        If there is no such study or profile.
    MissingInputError, InputError
        If a file of the study is missing or is not as it should be.

    Examples
    --------
    >>> import accessibility as acc
    >>> acc.load_study("jura")
    <Study jura: 494 communes, 25 sites, profile osrm-car>
    """
    folder = bundle.find_study(name)
    settings = read_toml(folder / bundle.SETTINGS, what="the study")
    files = (bundle.ROADS, bundle.NODES, bundle.RESTRICTIONS, bundle.COMMUNES, bundle.CANTONS,
             bundle.SITES, bundle.MANIFEST)  # fmt: skip
    if missing := [file for file in files if not (folder / file).is_file()]:
        raise MissingInputError(f"the study {folder} lacks {', '.join(missing)}: build it again.")
    absent = [key for key in SETTINGS if key not in settings]
    absent += [f"defaults.{key}" for key in DEFAULTS if key not in settings.get("defaults", {})]
    if absent:
        raise InputError(f"{folder / bundle.SETTINGS} lacks {', '.join(absent)}: build it again.")
    try:
        communes = gpd.read_parquet(folder / bundle.COMMUNES)
        sites = gpd.read_parquet(folder / bundle.SITES)
    except (OSError, ValueError) as error:
        raise _damaged(folder, error) from error
    validate(communes, COMMUNES, source=bundle.COMMUNES)
    validate(sites, FACILITIES, source=bundle.SITES)
    return Study(
        name=settings["name"],
        title=settings["title"],
        folder=folder,
        settings=settings,
        profile=load_profile(
            settings["defaults"]["profile"] if profile is None else profile, changes=changes
        ),
        communes=communes,
        cantons=read_csv(
            folder / bundle.CANTONS, columns=list(CANTONS), what="the cantons"
        ).reset_index(drop=True),
        sites=sites,
    )


def _damaged(folder: Path, error: Exception) -> InputError:
    return InputError(f"the study {folder} cannot be read ({error}): build it again.")
