from __future__ import annotations

import functools
import os
from pathlib import Path

import pytest
import typer.testing
from hypothesis import settings
from studies import write_inputs, write_study

from accessibility.network.graph import RoadNetwork
from accessibility.study.study import Study, load_study

# a judge says the same of the same commit; on a desk the search goes on
settings.register_profile("judge", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("judge")


# the commands are the same for each test that runs one; to put them together takes 60 ms
typer.testing._get_command = functools.cache(typer.testing._get_command)  # type: ignore[attr-defined]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what draws random examples, so that a round may leave it out."""
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker("property")


SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the upstream files that stand beside the repository."""
    folder = Path(os.environ.get("ACCESSIBILITY_SHARED_DATA") or SHARED)
    if not folder.is_dir():
        pytest.skip(f"the upstream files are not in {folder}; set ACCESSIBILITY_SHARED_DATA")
    return folder


@pytest.fixture(scope="session")
def jura() -> Study:
    """The bundled study, its network in the user's cache as for everybody else."""
    study = load_study("jura")
    assert isinstance(study.network, RoadNetwork)
    return study


@pytest.fixture(autouse=True)
def own_cache(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes to the user's cache; those on the whole Jura read its network from there."""
    if "jura" not in request.fixturenames:
        folder = request.getfixturevalue("tmp_path") / "cache"
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder))


@pytest.fixture
def small_study(tmp_path: Path) -> Study:
    return load_study(write_study(tmp_path / "small"))


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    return write_inputs(tmp_path / "inputs")
