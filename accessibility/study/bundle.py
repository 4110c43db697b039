"""Where studies are found, and the files that one consists of."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from accessibility.errors import UnknownNameError
from accessibility.inputs.settings import read_toml

FRANCE_SERVICES = "France services"
"""The service of a study that is told no other."""

SETTINGS = "study.toml"
MANIFEST = "manifest.json"
ROADS = "osm/roads.parquet"
NODES = "osm/nodes.parquet"
RESTRICTIONS = "osm/restrictions.parquet"
COMMUNES = "communes/communes.parquet"
CANTONS = "communes/cantons.csv"
SITES = "sites/sites.parquet"
CANDIDATES = "sites/candidates.parquet"
DEMAND = "population/demand.parquet"


def bundled() -> Path | None:
    """Folder of the study that comes with the package.

    A wheel carries it as package data; an editable install has it at the root of the
    repository.
    """
    package = Path(str(resources.files("accessibility")))
    candidates = (package / "data", package.parent / "data")
    return next((path for path in candidates if (path / SETTINGS).is_file()), None)


def find_study(name: str | Path) -> Path:
    """Folder of a study, by the name of the bundled one or by its path.

    Raises
    ------
    UnknownNameError
        If there is no such study.
    """
    own = bundled()
    known = read_toml(own / SETTINGS, what="the study")["name"] if own is not None else None
    if own is not None and str(name) == known:
        return own
    if (Path(name) / SETTINGS).is_file():
        return Path(name)
    here = "and has no study.toml" if Path(name).is_dir() else "nor a folder"
    raise UnknownNameError(
        f"{str(name)!r} is not a bundled study ({known or 'none is installed'}) {here}: "
        "give a folder that accessibility build made."
    )
