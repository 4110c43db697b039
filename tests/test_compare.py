"""Several territories side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from studies import write_study
from test_cli import run

import accessibility as acc
from accessibility.errors import InputError
from accessibility.report.comparison import plot_comparison
from accessibility.study.study import load_study


@pytest.fixture
def pair(tmp_path: Path) -> list[Path]:
    return [write_study(tmp_path / "one"), write_study(tmp_path / "two", cantons=False)]


def test_each_row_is_the_coverage_of_its_study(pair: list[Path]) -> None:
    studies = [load_study(folder) for folder in pair]
    table = acc.compare(studies, minutes=[10, 20])
    for study, row in zip(studies, table.to_dict("records"), strict=True):
        for minutes in (10, 20):
            found = acc.coverage(study, minutes=minutes)
            assert row[f"share_{minutes}"] == found.share
        assert row["population"] == 4000
        assert row["sites"] == 2
        assert row["people_per_site"] == 2000
        # Aval 0 s, Bief 1,200 s, Combe 1,200.001 s, Ville 0 s, Mont 1,000 s; Ilot is not reached
        seconds = 300 * 1200 + 200 * 1200.001 + 400 * found.by_commune["travel_time_s"][4]
        assert row["mean_minutes"] == pytest.approx(seconds / 3900 / 60, abs=1e-6)
        assert row["people_not_reached"] == 100
    assert table["cantons"].isna().tolist() == [False, True]


def test_no_study_is_told() -> None:
    with pytest.raises(InputError, match="no study is given"):
        acc.compare([])


def test_the_command_prints_and_writes(pair: list[Path], tmp_path: Path) -> None:
    out, plot = tmp_path / "c.csv", tmp_path / "c.png"
    result = run("compare", *pair, "--out", out, "--plot", plot)
    assert result.exit_code == 0, result.output
    assert "Share of the inhabitants within minutes of a site" in result.stdout
    assert list(pd.read_csv(out)["sites"]) == [2, 2]
    assert plot.read_bytes().startswith(b"\x89PNG")
    again = run("compare", *pair, "--out", out)
    assert again.exit_code == 1
    assert "exists already" in str(again.exception)


def test_the_plot_has_a_bar_for_each_cut_off(tmp_path: Path) -> None:
    table = pd.DataFrame({"study": ["a", "b"], "share_10": [0.5, 0.2], "share_20": [0.9, np.nan]})
    plot_comparison(table, tmp_path / "p.svg")
    text = (tmp_path / "p.svg").read_text(encoding="utf-8")
    assert text.count("<path") > 4
    assert "10 minutes" in text or "<use" in text
