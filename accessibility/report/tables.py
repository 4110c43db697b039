"""Answers -> files of tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from accessibility.analysis.coverage import Coverage
from accessibility.errors import OutputError


def coverage_table(result: Coverage) -> pd.DataFrame:
    """All zones in one long table.

    Returns
    -------
    DataFrame
        `level` (territory, canton, epci, commune), `code`, `name`, `population`,
        `population_covered`, `share_covered`, `sites`; of communes also `travel_time_s`,
        `seconds_over` and `facility_id`.
    """
    overall = pd.DataFrame(
        {
            "code": [""],
            "name": [""],
            "population": [result.population],
            "population_covered": [result.population_covered],
            "share_covered": [result.share],
            "sites": [int(result.sites["in_study"].sum())],
        }
    )
    communes = pd.DataFrame(result.by_commune).rename(columns={"code_insee": "code"})
    names = [name for name in overall.columns if name in communes]
    levels = {
        "territory": overall,
        "canton": result.by_canton[overall.columns],
        "epci": result.by_epci[overall.columns],
        "commune": communes[[*names, "travel_time_s", "seconds_over", "facility_id"]],
    }
    frames = [table.assign(level=level) for level, table in levels.items()]
    table = pd.concat(frames, ignore_index=True)
    return table[["level", *(c for c in table.columns if c != "level")]]


def write_coverage(result: Coverage, folder: Path) -> None:
    """Write `coverage.csv` and `communes.gpkg`.

    Its layers are `communes`, `sites` and, where people are counted at several points of a
    commune, `demand`: these points with their `minutes` to the nearest site.
    """
    folder.mkdir(parents=True)
    table = coverage_table(result)
    table.to_csv(folder / "coverage.csv", index=False, lineterminator="\n")
    # SQLite holds no infinity: a time that is not reached is empty in the layer
    never = float("inf")
    columns = ["travel_time_s", "seconds_over", "demand_snap_m"]
    communes = result.by_commune.copy()
    communes[columns] = communes[columns].mask(communes[columns] == never)
    communes.to_file(folder / "communes.gpkg", layer="communes", engine="pyogrio")
    result.sites.to_file(folder / "communes.gpkg", layer="sites", engine="pyogrio")
    if result.is_finer:
        time_s = result.by_demand["travel_time_s"]
        points = result.by_demand.drop(columns="travel_time_s")
        points.insert(3, "minutes", time_s.mask(time_s == never) / 60)
        points.to_file(folder / "communes.gpkg", layer="demand", engine="pyogrio")


def table_writer(table: pd.DataFrame, path: Path) -> Callable[[Path], None]:
    """How to write a table in the format that the suffix names.

    Raises
    ------
    OutputError
        If the suffix is neither `.csv` nor `.parquet`.
    """
    writers: dict[str, Callable[[Path], None]] = {
        ".csv": lambda to: table.to_csv(to, index=False, lineterminator="\n"),
        ".parquet": lambda to: table.to_parquet(to, index=False),
    }
    if path.suffix not in writers:
        raise OutputError(f"{path}: expected is a file that ends in {' or '.join(writers)}.")
    return writers[path.suffix]
