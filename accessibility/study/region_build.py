"""Upstream files -> a region on disk, one département at a time, each whole or not at all."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import geopandas as gpd
import tomli_w

import accessibility
from accessibility.atomic import check_free, write_whole
from accessibility.errors import (
    AccessibilityError,
    InputError,
    OutputError,
    SettingError,
    first_of,
)
from accessibility.inputs.catalogue import locate, sha256
from accessibility.inputs.communes import read_communes, read_contours
from accessibility.inputs.territory import buffered, metric_crs
from accessibility.schema import WGS84
from accessibility.study import bundle
from accessibility.study.build import choose_extract, paths_of, put_together
from accessibility.study.region import REGION, TERRITORIES, Region, is_region, load_region
from accessibility.study.region_cut import cut_extracts, cuts_of

CONTOUR_M = 100.0
"""Contours of a region's territories are simplified by this; they only share out roads."""


def build_region(
    departements: Iterable[str],
    inputs: str | Path,
    out: str | Path,
    *,
    osm: str | Path | Sequence[str | Path] | None = None,
    kind: str | None = None,
    buffer_km: float = 30.0,
    workers: int = 1,
    overwrite: bool = False,
    progress: Callable[[str], None] = lambda step: None,
) -> Region:
    """Build studies of several départements that share their roads.

    Each is built in a process of its own, so that memory is that of one (of `workers` at once).
    Each extract is read once, and cut into what lies around each département.
    What was built before from the same files is kept: a build that was broken off goes on.

    Parameters
    ----------
    departements : iterable of str
        Codes.
    inputs : path
        Folder with the files that the catalogue names.
    out : path
        Folder of the region.
    osm : path or sequence of paths, optional
        OpenStreetMap extracts that hold all; else the smallest one under `inputs/osm` that does.
    kind : str, optional
        The service, taken from the extract: "pharmacy"; France services if absent.
    buffer_km : float
        Width of the ring around each territory whose roads its study has.
    workers : int
        Processes at once.
    overwrite : bool
        Replace what stands at `out`.
    progress : callable
        Told each step.

    Returns
    -------
    Region

    Raises
    ------
    UnknownNameError, MissingInputError, InputError, OutputError, SettingError
        The message names the départements that could not be built; the others are kept.
    """
    region, extracts = begin_region(
        departements,
        inputs,
        out,
        osm=osm,
        kind=kind,
        buffer_km=buffer_km,
        overwrite=overwrite,
        progress=progress,
    )
    todo = region.missing
    if kept := len(region.departements) - len(todo):
        progress(f"{kept} of {len(region.departements)} départements are built already")
    if not todo:
        return region
    with tempfile.TemporaryDirectory(prefix="cut-") as cuts:
        progress(f"roads of {', '.join(path.name for path in extracts)}")
        cut_extracts(region, todo, extracts, Path(cuts))
        where = (region.folder, Path(inputs), extracts, Path(cuts), kind)
        _build_all(todo, where, workers, progress)
    return region


def begin_region(
    departements: Iterable[str],
    inputs: str | Path,
    out: str | Path,
    *,
    osm: str | Path | Sequence[str | Path] | None = None,
    kind: str | None = None,
    buffer_km: float = 30.0,
    overwrite: bool = False,
    progress: Callable[[str], None] = lambda step: None,
) -> tuple[Region, list[Path]]:
    """Write what all départements of a region share, or check that it is there; no roads yet.

    See `build_region`.

    Returns
    -------
    Region
    list of Path
        The extracts that hold it.
    """
    inputs, out = Path(inputs), Path(out)
    codes = sorted(set(departements))
    if not codes:
        raise SettingError("no département is given; codes such as 25 and 39 are expected.")
    known = is_region(out)
    check_free(out, overwrite=overwrite or known)
    progress(f"communes of {len(codes)} départements")
    files = {code: locate(inputs, code) for code in codes}
    territories = _territories(files, buffer_km)
    extracts = paths_of(osm)
    extracts = extracts or [
        choose_extract(inputs / "osm", territories, territories["ring"].union_all())
    ]
    used = {path for by_key in files.values() for path in by_key.values()} | set(extracts)
    if absent := sorted(str(path) for path in extracts if not path.is_file()):
        raise InputError(f"{first_of(absent)} is not there; an extract is expected.")
    settings = {
        "departements": codes,
        "buffer_km": buffer_km,
        "service": kind or bundle.FRANCE_SERVICES,
        "metric_crs": metric_crs(territories),
        "toolkit": f"accessibility-toolkit {accessibility.__version__}",
        "extracts": [path.name for path in extracts],
        "files": {path.name: sha256(path) for path in sorted(used)},
    }
    if known and not overwrite:
        _check_same(load_region(out), settings)
    else:
        write_whole(out, lambda folder: _begin(folder, settings, territories), overwrite=overwrite)
    return load_region(out), extracts


def build_departement(
    departement: str,
    out: Path,
    inputs: Path,
    extracts: Sequence[Path],
    cuts: Path,
    kind: str | None,
) -> dict[str, int]:
    """Build one département of a region that was begun, from its cuts of the extracts.

    See `build_region` and `cut_extracts`.
    """
    region = load_region(out)
    files = locate(inputs, departement)
    return put_together(
        departement,
        read_communes(files, departement),
        files,
        inputs,
        region.folder_of(departement),
        extracts,
        kind=kind,
        buffer_km=region.settings["buffer_km"],
        region=region,
        cuts=cuts_of(departement, extracts, cuts),
    )


def _build_all(
    codes: Sequence[str],
    where: tuple[Path, Path, Sequence[Path], Path, str | None],
    workers: int,
    progress: Callable[[str], None],
) -> None:
    """Build départements in processes that end with each, so that their memory comes back."""
    lost: dict[str, str] = {}
    # a fork would copy the threads of numba and of pyarrow
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawn, max_tasks_per_child=1) as pool:
        running = {pool.submit(build_departement, code, *where): code for code in codes}
        for done, future in enumerate(as_completed(running), start=1):
            code = running[future]
            try:
                counts = future.result()
            except AccessibilityError as error:
                lost[code] = str(error)
            except BrokenProcessPool:
                lost[code] = "its process was killed, perhaps for lack of memory"
            else:
                progress(f"{code}: {counts['roads']:,} roads ({done} of {len(codes)})")
    if lost:
        why = "; ".join(f"{code}: {lost[code]}" for code in sorted(lost))
        raise OutputError(
            f"{len(lost)} of {len(codes)} départements are not built ({why}); what is built is "
            "kept: give the same command again."
        )


def _territories(files: dict[str, dict[str, Path]], buffer_km: float) -> gpd.GeoDataFrame:
    rows = []
    for code, communes in read_contours(files).items():
        crs = metric_crs(communes)
        contour = communes.to_crs(crs).union_all().simplify(CONTOUR_M)
        rows.append((code, gpd.GeoSeries([contour], crs=crs).to_crs(WGS84).iloc[0],
                     buffered(communes, buffer_km)))  # fmt: skip
    codes, contour, ring = zip(*rows, strict=True)
    table = gpd.GeoDataFrame({"code": codes}, geometry=list(contour), crs=WGS84)
    table["ring"] = gpd.GeoSeries(list(ring), crs=WGS84)
    return table


def _begin(folder: Path, settings: dict[str, Any], territories: gpd.GeoDataFrame) -> None:
    folder.mkdir()
    territories.to_parquet(folder / TERRITORIES, index=False)
    (folder / REGION).write_text(tomli_w.dumps(settings), encoding="utf-8")


def _check_same(region: Region, settings: dict[str, Any]) -> None:
    """Refuse to go on with a region that was begun with something else."""
    if other := [key for key in settings if region.settings.get(key) != settings[key]]:
        raise OutputError(
            f"{region.folder} was built with other {', '.join(other)}; give the same again, or "
            "--overwrite to replace the region."
        )
