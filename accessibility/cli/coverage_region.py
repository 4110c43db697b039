"""`accessibility coverage` of several départements: here or on Dask, taken up where it broke."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from accessibility.cli.options import say

if TYPE_CHECKING:
    from accessibility.analysis.regional import Asked


def codes_of(typed: str) -> list[str]:
    """Codes of départements as they were typed: 25,39.

    Raises
    ------
    SettingError
        If there is none.
    """
    from accessibility.errors import SettingError

    codes = [code.strip().upper() for code in typed.split(",") if code.strip()]
    if not codes:
        raise SettingError(f"{typed!r} names no département; codes such as 25,39 are expected.")
    return codes


def run(
    folder: str,
    departements: str | None,
    asked: Asked,
    *,
    workers: int | None,
    scheduler: str | None,
    out: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Answer, print and write; see `accessibility.cli.coverage`."""
    from accessibility.analysis.regional_run import coverage_of_region
    from accessibility.atomic import check_free, write_whole
    from accessibility.report.regional import regional_json, regional_text, write_regional
    from accessibility.report.text import show
    from accessibility.study.region import load_region

    region = load_region(folder)
    keep = None
    if out is not None:
        check_free(out, overwrite=overwrite)
        keep = out.with_name(f"{out.name}.partial")
    result = coverage_of_region(
        region,
        None if departements is None else codes_of(departements),
        asked=asked,
        workers=workers,
        scheduler=scheduler,
        keep=keep,
        overwrite=overwrite,
        progress=lambda step: say(f"  {step}"),
    )
    answer = regional_json(region, result)
    if out is not None:
        write_whole(out, lambda to: write_regional(region, result, answer, to), overwrite=overwrite)
        if keep is not None and keep.is_dir():
            shutil.rmtree(keep)
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False, indent=2, allow_nan=False))
    else:
        show(regional_text(region, result))
        if out is not None:
            typer.echo(f"Written: {out}/departements.csv, coverage.csv, manifest.json")
