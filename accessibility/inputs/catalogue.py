"""The catalogue of upstream datasets: where each stands in an inputs folder, and what it is."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path

from accessibility.errors import MissingInputError, SettingError, UnknownNameError
from accessibility.inputs.settings import read_toml

FRANCE = "France"
PLACEHOLDER = "{departement}"


@dataclass(frozen=True)
class Dataset:
    """One upstream dataset. The header of `catalogue.toml` tells what each field means."""

    key: str
    title: str
    publisher: str
    licence: str
    attribution: str
    file: str = ""
    vintage: str = ""
    extent: tuple[str, ...] = (FRANCE,)
    format: str = ""
    landing: str = ""
    url: str = ""
    md5_url: str = ""
    unverified: bool = False
    sha256: str = ""
    made: str = ""
    optional: bool = False
    stands_for: str = ""

    def covers(self, departement: str) -> bool:
        """Whether it holds a département."""
        return FRANCE in self.extent or departement in self.extent

    def of(self, departement: str) -> Dataset:
        """The dataset itself, or its part for a département where the publisher cuts it so."""
        if PLACEHOLDER not in self.file:
            return self
        file, url = (text.replace(PLACEHOLDER, departement) for text in (self.file, self.url))
        return replace(self, file=file, url=url, extent=(departement,))


def catalogue(*, everything: bool = False) -> dict[str, Dataset]:
    """The datasets that a study is built from, by key.

    Parameters
    ----------
    everything : bool
        Also those that a study can be built without: extracts of OpenStreetMap by region,
        population grids, files that may stand for others.

    Examples
    --------
    >>> catalogue()["cog"].publisher
    'INSEE'
    >>> catalogue(everything=True)["osm_franche_comte"].extent
    ('25', '39', '70', '90')
    """
    return {k: d for k, d in _read().items() if everything or not d.optional}


def dataset(key: str, departement: str | None = None) -> Dataset:
    """One dataset by its key.

    Parameters
    ----------
    key : str
    departement : str, optional
        Code: "39"; needed where the publisher gives each département a file of its own.

    Raises
    ------
    UnknownNameError
        If the catalogue has no such key.
    SettingError
        If the dataset is cut by département and none is given.

    Examples
    --------
    >>> dataset("contours_today", "39").file
    'communes/contours-today-39.geojson'
    """
    known = catalogue(everything=True)
    if key not in known:
        raise UnknownNameError(
            f"there is no dataset {key!r}; `accessibility data list` names those that there are."
        )
    if departement is None and PLACEHOLDER in known[key].file:
        raise SettingError(f"{key} has a file for each département: say which with --departement.")
    return known[key] if departement is None else known[key].of(departement)


def check_departement(departement: str) -> str:
    """The code of a département, which must be one.

    Raises
    ------
    UnknownNameError
        If no extract of OpenStreetMap in the catalogue covers it.

    Examples
    --------
    >>> check_departement("2A")
    '2A'
    """
    known = {code for d in _read().values() for code in d.extent if code[:1].isdigit()}
    if departement not in known:
        raise UnknownNameError(
            f"there is no département {departement!r}; known are {min(known)} to {max(known)} "
            f"({len(known)}), written with two characters such as 01, 39, 2A, or three overseas."
        )
    return departement


def locate(folder: Path, departement: str) -> dict[str, Path]:
    """Files of an inputs folder that a study of a département needs, by dataset key.

    The file of a dataset that stands for a needed one is found under the key of that one.

    Parameters
    ----------
    folder : Path
    departement : str
        Code: "39".

    Returns
    -------
    dict of str to Path
        OpenStreetMap is not among them: `build` chooses or is given extracts.

    Raises
    ------
    MissingInputError
        Names every file that is missing, the command that downloads it, and how those are
        had that cannot be downloaded.

    Examples
    --------
    >>> locate(Path("../shared/data"), "39")["cog"]  # doctest: +SKIP
    PosixPath('../shared/data/communes/cog-communes-2022.csv')
    """
    command = download_command(departement, folder)
    if not folder.is_dir():
        raise MissingInputError(
            f"the inputs folder {folder} is not there; `{command}` fills one from the publishers."
        )
    found: dict[str, Path] = {}
    fetched, by_hand = list[str](), list[str]()
    for key, choices in _choices(departement).items():
        own = catalogue()[key]
        if not own.file:
            continue
        # a file that does not cover the département is better than none: its reader says why
        path = _first_file(folder, [*choices, own])
        if path is not None:
            found[key] = path
        elif any(d.url for d in choices):
            fetched.append(" or ".join(d.file for d in choices))
        else:
            by_hand.append(f"{own.file}, which cannot be downloaded: {own.made}")
    lacking = [f"{', '.join(fetched)}, which `{command}` fetches"] if fetched else []
    if lacking or by_hand:
        told = "; and ".join([*lacking, *by_hand])
        raise MissingInputError(f"the inputs folder {folder} lacks {told}.")
    return found


def optional_files(folder: Path, departement: str, keys: Sequence[str]) -> dict[str, Path]:
    """Files of an inputs folder of those datasets that a study may do without, by dataset key.

    Parameters
    ----------
    folder : Path
    departement : str
        Code: "39"; datasets that do not cover it are left out.
    keys : sequence of str
    """
    known = catalogue(everything=True)
    chosen = (known[key] for key in keys if known[key].covers(departement))
    return {d.key: folder / d.file for d in chosen if (folder / d.file).is_file()}


def to_download(folder: Path, departement: str, *, overwrite: bool = False) -> list[Dataset]:
    """What must be downloaded to an inputs folder before a département is studied.

    Parameters
    ----------
    folder : Path
    departement : str
    overwrite : bool
        Also what is there already, if it can be downloaded.

    Returns
    -------
    list of Dataset
        Without those that cannot be downloaded; `locate` names them.

    Examples
    --------
    >>> to_download(Path("none"), "75")[-1].key
    'osm_ile_de_france'
    """
    chosen = []
    for choices in _choices(departement).values():
        there = next((d for d in choices if (folder / d.file).is_file()), None)
        best = there or next((d for d in choices if d.url), None)
        if best is not None and best.url and (overwrite or not there):
            chosen.append(best)
    return chosen


def download_command(departement: str, folder: Path) -> str:
    """What a user types to fill an inputs folder."""
    where = shlex.quote(str(folder))
    return f"accessibility data download --departement {departement} --inputs {where}"


def sha256(path: Path) -> str:
    """Checksum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def _read() -> dict[str, Dataset]:
    path = Path(str(resources.files("accessibility.inputs") / "catalogue.toml"))
    tables = read_toml(path, what="the catalogue")
    common = tables.pop("geofabrik")
    for region, extent in common.pop("regions").items():
        name = region.split("/")[-1]
        entry = {
            field: value.format(region=region, name=name) if isinstance(value, str) else value
            for field, value in common.items()
        }
        tables[f"osm_{name.replace('-', '_')}"] = entry | {"extent": extent}
    for entry in tables.values():
        entry["extent"] = tuple(entry.get("extent", [FRANCE]))
    return {key: Dataset(key=key, **entry) for key, entry in tables.items()}


def _choices(departement: str) -> dict[str, list[Dataset]]:
    """By key of a needed dataset, those that may serve: itself first, then what stands for it."""
    choices: dict[str, list[Dataset]] = {}
    for data in _read().values():
        key = data.stands_for or (data.key if not data.optional else "")
        if key and data.file and data.covers(departement):
            choices.setdefault(key, []).append(data)
    return choices


def _first_file(folder: Path, choices: Sequence[Dataset]) -> Path | None:
    paths = (folder / data.file for data in choices)
    return next((path for path in paths if path.is_file()), None)
