"""Several départements side by side, each a study, that store each road once.

region.toml            départements, width of the ring, files with their sha256
territories.parquet    code, contour, ring
39/                    a study; its roads lie in osm/tiles/<tile>/, see `tiles.py`
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import shapely

from accessibility.errors import InputError, MissingInputError, UnknownNameError, first_of
from accessibility.inputs.settings import read_toml
from accessibility.schema import RoadTables
from accessibility.study import bundle
from accessibility.study.tiles import TILE_DEG, read_tiles, tiles_near

REGION = "region.toml"
TERRITORIES = "territories.parquet"
TILES = "osm/tiles"
"""Files of a region, and the folder of the tiles in that of a département."""


@dataclass(frozen=True)
class Region:
    """A folder of départements that share their roads.

    Attributes
    ----------
    folder : Path
    settings : dict
        `region.toml`: `departements`, `buffer_km`, `service`, `metric_crs`, `toolkit`, `files`.
    territories : GeoDataFrame
        By code: `geometry`, the contour within 100 m; `ring`, the territory with the ring
        around it. WGS 84.
    """

    folder: Path
    settings: dict[str, Any]
    territories: gpd.GeoDataFrame

    def __repr__(self) -> str:
        return f"<Region {self.folder.name}: {len(self.departements)} départements>"

    @property
    def departements(self) -> list[str]:
        """Codes, sorted."""
        return list(self.settings["departements"])

    @property
    def missing(self) -> list[str]:
        """Codes of the départements that are not built."""
        return [code for code in self.departements if not self._is_built(code)]

    def folder_of(self, departement: str) -> Path:
        """Folder of a département, for `load_study`.

        Raises
        ------
        UnknownNameError
            If the region does not hold it.
        """
        if departement not in self.departements:
            raise UnknownNameError(
                f"the region {self.folder} does not hold the département {departement!r}; it has "
                f"{first_of(self.departements, 20)}."
            )
        return self.folder / departement

    def chosen(self, departements: Sequence[str] | None) -> list[str]:
        """Codes that were asked for, sorted, each once; all if none were.

        Raises
        ------
        UnknownNameError
            If the region does not hold one.
        """
        wanted = sorted(set(self.departements if departements is None else departements))
        for code in wanted:
            self.folder_of(code)
        return wanted

    def ring(self, departement: str) -> shapely.Geometry:
        """A territory and the ring around it, WGS 84."""
        return self.territories.loc[departement, "ring"]

    def tiles(self, departement: str) -> list[Path]:
        """Tiles in which roads may lie that touch a département's ring.

        Raises
        ------
        MissingInputError
            If a neighbour is not there.
        """
        ring = self.ring(departement)
        # a road belongs to the nearest, whose ring it touches or nearly does
        beside = self.territories.index[
            shapely.dwithin(self.territories["ring"].to_numpy(), ring, TILE_DEG)
        ]
        if absent := [code for code in beside if not self._is_built(code)]:
            raise MissingInputError(
                f"roads of the département {departement} lie with {first_of(absent)}, which "
                f"{self.folder} lacks: build the region again, what is there is kept."
            )
        return tiles_near([self.folder / code / TILES for code in beside], ring)

    def roads(self, departement: str) -> RoadTables:
        """Roads that touch a département's ring."""
        return read_tiles(self.tiles(departement), self.ring(departement))

    def _is_built(self, departement: str) -> bool:
        return (self.folder / departement / bundle.MANIFEST).is_file()


def is_region(folder: str | Path) -> bool:
    """Whether a folder is one that `build_region` made."""
    return (Path(folder) / REGION).is_file()


def load_region(folder: str | Path) -> Region:
    """Open a region; its départements are read when they are asked for.

    Parameters
    ----------
    folder : path
        One that `build_region` made. `load_study(region.folder_of("39"))` opens a département.

    Raises
    ------
    UnknownNameError, InputError
        If it is no region, or is damaged.

    Examples
    --------
    >>> from accessibility.study.region import load_region
    >>> load_region("outputs/region").departements  # doctest: +SKIP
    ['01', '25', '39']
    """
    folder = Path(folder)
    if not is_region(folder):
        raise UnknownNameError(
            f"{folder} is no region (it has no {REGION}): give a folder that accessibility build "
            "--departements made."
        )
    settings = read_toml(folder / REGION, what="the region")
    wanted = ("departements", "buffer_km", "service", "metric_crs", "toolkit", "files")
    if absent := [key for key in wanted if key not in settings]:
        raise InputError(f"{folder / REGION} lacks {', '.join(absent)}: build it again.")
    try:
        territories = gpd.read_parquet(folder / TERRITORIES).set_index("code")
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{folder / TERRITORIES} cannot be read ({error}): build the region again."
        ) from error
    if list(territories.index) != settings["departements"]:
        raise InputError(f"{folder / TERRITORIES} holds other départements: build it again.")
    return Region(folder, settings, territories)
