"""A region asked one département at a time, here or on Dask, with what is done kept on the way."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import accessibility
from accessibility.analysis.regional import (
    Asked,
    RegionalCoverage,
    added_up,
    coverage_of_departement,
)
from accessibility.atomic import write_whole
from accessibility.cluster import Lost, on_dask, one_by_one
from accessibility.errors import OutputError, SettingError, UnfinishedError
from accessibility.network.profile import load_profile
from accessibility.study import bundle
from accessibility.study.region import REGION, Region


def coverage_of_region(
    region: Region,
    departements: Sequence[str] | None = None,
    *,
    asked: Asked | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    keep: str | Path | None = None,
    overwrite: bool = False,
    progress: Callable[[str], None] = lambda step: None,
) -> RegionalCoverage:
    """Share of the inhabitants of several départements who reach a site by car in time.

    Each département is answered from its own study with the roads around it, as `coverage`
    answers it, and the people are summed up. One process, many workers and a run that was taken
    up again give the same to the bit.

    Parameters
    ----------
    region : Region
    departements : sequence of str, optional
        Codes; all of the region if absent.
    asked : Asked, optional
        Cut-off, date, ...; the studies' defaults if absent.
    workers : int, optional
        Processes of Dask on this machine; this process alone if neither is given.
    scheduler : str, optional
        Address of a Dask scheduler whose workers see the region's folder by the same path.
    keep : path, optional
        Folder for the results of départements, so that a run that broke off is taken up. It is
        the caller's to remove.
    overwrite : bool
        Forget what is kept there for other options.
    progress : callable
        Told of each département that is done.

    Returns
    -------
    RegionalCoverage

    Raises
    ------
    UnfinishedError
        If some départements have no result; the message names them and tells why.
    UnknownNameError, SettingError, OutputError, InputError

    Examples
    --------
    >>> from accessibility import coverage_of_region, load_region
    >>> coverage_of_region(load_region("outputs/region"), workers=2)  # doctest: +SKIP
    <RegionalCoverage: 96.21% of 16 départements within 20 minutes>
    """
    if workers is not None and scheduler is not None:
        raise SettingError("work goes to --workers of this machine or to a --scheduler, not both.")
    if workers is not None and workers < 1:
        raise SettingError(f"{workers} workers are none; 1 at least is expected.")
    asked = Asked() if asked is None else asked
    codes = region.chosen(departements)
    if not codes:
        raise SettingError("no département is given; codes such as 25 and 39 are expected.")
    folder = None if keep is None else Path(keep)
    facts = _facts(region, asked)
    results = {} if folder is None else _kept(folder, region, codes, facts, overwrite=overwrite)
    if results:
        progress(f"{len(results)} of {len(codes)} départements were answered before")
    todo = [code for code in codes if code not in results]
    work = partial(_answer, region.folder.resolve(), asked)
    found: Iterator[tuple[str, dict[str, Any] | Lost]]
    if not todo:
        found = iter(())
    elif workers is None and scheduler is None:
        found = one_by_one(work, todo)
    else:
        found = on_dask(work, todo, workers=workers, scheduler=scheduler)
    lost: dict[str, str] = {}
    for code, result in found:
        if isinstance(result, Lost):
            lost[code] = result.why
            continue
        results[code] = result
        if folder is not None:
            study = _study_digest(region.folder_of(code))
            _keep(folder / f"{code}.json", {**facts, "study": study, "result": result})
        progress(f"{code}: done ({len(results)} of {len(codes)})")
    if lost:
        why = "; ".join(f"{code}: {lost[code]}" for code in sorted(lost))
        kept = f"; what is done is kept in {folder}" if folder is not None and results else ""
        raise UnfinishedError(
            f"{len(lost)} of {len(codes)} départements are missing ({why}){kept}: give the same "
            "command again."
        )
    return added_up(results)


def _answer(region: Path, asked: Asked, departement: str) -> dict[str, Any]:
    return coverage_of_departement(str(region / departement), asked)


def _facts(region: Region, asked: Asked) -> dict[str, Any]:
    """What was asked and of which region: other results are not mixed with these."""
    profile = None if asked.profile is None else load_profile(asked.profile).digest
    return {
        "toolkit": accessibility.__version__,
        "region": hashlib.sha256((region.folder / REGION).read_bytes()).hexdigest(),
        "asked": asked.as_dict() | {"profile_digest": profile},
    }


def _study_digest(folder: Path) -> str:
    """What else a département's result depends on: its defaults and its files."""
    digest = hashlib.sha256()
    for name in (bundle.SETTINGS, bundle.MANIFEST):
        path = folder / name
        digest.update(path.read_bytes() if path.is_file() else b"none")
    return digest.hexdigest()


def _kept(
    folder: Path, region: Region, codes: Sequence[str], facts: dict[str, Any], *, overwrite: bool
) -> dict[str, dict[str, Any]]:
    """Results of an earlier run that was asked the same."""
    results = {}
    for path in sorted(folder.glob("*.json")):
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue  # computed again, and written over
        if {key: found.get(key) for key in facts} != json.loads(json.dumps(facts)):
            if overwrite:
                shutil.rmtree(folder)
                return {}
            raise OutputError(
                f"{folder} keeps results of a run with other options or another region; give "
                "those again, or --overwrite to begin anew."
            )
        code = path.stem
        if code in codes and found.get("study") == _study_digest(region.folder_of(code)):
            results[code] = found["result"]
    return results


def _keep(path: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n"

    def write(to: Path) -> None:
        to.write_text(text, encoding="utf-8")

    write_whole(path, write, overwrite=True)
