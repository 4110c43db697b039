"""The frame of the project: files that must agree, what an import does, which way it runs."""

from __future__ import annotations

import ast
import itertools
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import accessibility

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "accessibility"

CONDA_NAMES = {
    "osmium": "pyosmium",
    "build": "python-build",
    "playwright": "playwright-python",
    "tzdata": "python-tzdata",
}
"""Distributions that conda-forge names otherwise than PyPI."""

OPEN_TO_ALL = ("errors", "schema", "atomic", "memory", "parallel", "cluster")
ROOMS = ("inputs", "network", "routing", "study", "analysis", "report", "web", "cli")
"""In the order in which data flow: a room may import itself and those before it."""

LIMIT_BYTES = 25_000_000

PEP_440 = re.compile(
    r"(\d+!)?\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?(\+[a-z0-9]+(\.[a-z0-9]+)*)?"
)


def bounds(requirements: list[str], separator: str = ">=") -> dict[str, str]:
    """Names and versions of requirements that all read name, separator, version."""
    pairs = [requirement.split(separator) for requirement in requirements]
    assert all(len(pair) == 2 for pair in pairs), f"not all have one {separator}: {requirements}"
    names = [name.strip() for name, _ in pairs]
    assert len(names) == len(set(names)), f"a name comes twice: {sorted(names)}"
    return {name.strip(): version.strip() for name, version in pairs}


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_conda_environment_mirrors_pyproject(project):
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert environment["channels"] == ["conda-forge"]
    extras = project["optional-dependencies"]
    wanted = {*project["dependencies"], *itertools.chain(*extras.values())}
    expected = bounds(sorted(wanted))
    expected = {CONDA_NAMES.get(name, name): version for name, version in expected.items()}
    expected["python"] = project["requires-python"].removeprefix(">=")
    listed = environment["dependencies"]
    assert [item for item in listed if not isinstance(item, str)] == [{"pip": ["-e ."]}]
    found = bounds([item for item in listed if isinstance(item, str) and item != "pip"])
    assert found == expected


def test_the_lower_bounds_are_those_of_pyproject(project):
    lines = (ROOT / "tests" / "lower-bounds.txt").read_text(encoding="utf-8").splitlines()
    pins = bounds([line for line in lines if line and not line.startswith("#")], "==")
    expected = bounds(project["dependencies"] + project["optional-dependencies"]["test"])
    assert pins.keys() == expected.keys()
    other = {
        name: (pins[name], bound)
        for name, bound in expected.items()
        if release(pins[name]) != release(bound)
    }
    assert not other, f"pinned otherwise than bound: {other}"


def release(version: str) -> tuple[int, ...]:
    """Numbers of a version without the zeros at its end: 2.2 and 2.2.0 are the same."""
    numbers = [int(part) for part in version.split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def test_the_version_is_one_that_pip_understands():
    assert PEP_440.fullmatch(accessibility.__version__)


def test_the_version_is_the_same_in_the_citation():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == accessibility.__version__


def test_the_package_says_that_it_is_typed():
    assert (PACKAGE / "py.typed").is_file()


def test_the_import_is_silent_and_light():
    code = (
        "import sys, accessibility; "
        "print(*sorted({'numba', 'osmium', 'geopandas'} & sys.modules.keys()))"
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    assert run.stdout.split() == []


def imports(source: str, module: str, *, is_package: bool = False) -> set[str]:
    """Modules of the package that a source imports, also inside its functions.

    `from accessibility import x` counts as `accessibility.x`, and so does `accessibility.x`
    after `import accessibility`.
    """
    tree = ast.parse(source)
    used: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            used.setdefault(node.value.id, set()).add(node.attr)
    parts = module.split(".")
    folder = parts if is_package else parts[:-1]
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                called = alias.asname or "accessibility"
                names = {f"{alias.name}.{attribute}" for attribute in used.get(called, ())}
                found |= names if alias.name == "accessibility" else {alias.name}
        elif isinstance(node, ast.ImportFrom):
            before = folder[: len(folder) - node.level + 1] if node.level else []
            base = ".".join([*before, *([node.module] if node.module else [])])
            names = {f"{base}.{alias.name}" for alias in node.names}
            found |= names if base == "accessibility" else {base}
    return {name for name in found if name.split(".")[0] == "accessibility"}


def runs_back(module: str, imported: str) -> bool:
    """Whether an import points from a room to one after it."""
    here, there = module.split(".")[1], imported.split(".")[1]
    if there in (*OPEN_TO_ALL, "__version__"):
        return False
    if here in OPEN_TO_ALL:
        return True
    if there not in ROOMS:  # a public name, which may come from any room up to analysis
        return here not in ("report", "web", "cli", "__main__")
    return here in ROOMS and ROOMS.index(there) > ROOMS.index(here)


def module_files() -> list[Path]:
    return sorted(p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py")


def test_every_module_stands_in_a_room():
    rooms = {path.relative_to(PACKAGE).with_suffix("").parts[0] for path in module_files()}
    assert rooms <= {*OPEN_TO_ALL, *ROOMS, "__main__"}


def test_imports_run_one_way():
    wrong = []
    for path in module_files():
        parts = list(path.relative_to(ROOT).with_suffix("").parts)
        is_package = parts[-1] == "__init__"
        module = ".".join(parts[:-1] if is_package else parts)
        source = path.read_text(encoding="utf-8")
        wrong += [
            f"{path.relative_to(ROOT)} imports {name}"
            for name in sorted(imports(source, module, is_package=is_package))
            if runs_back(module, name)
        ]
    assert not wrong, "imports that run back:\n" + "\n".join(wrong)


@pytest.mark.parametrize(
    ("module", "source", "back"),
    [
        ("inputs.osm", "from accessibility.network.graph import RoadNetwork", True),
        ("inputs.osm", "def f():\n    import accessibility.network", True),
        ("inputs.osm", "from accessibility import network", True),
        ("inputs.osm", "from ..network import graph", True),
        ("inputs.osm", "from .roads import join_roads", False),
        ("inputs.osm", "from accessibility import load_study", True),
        ("network.graph", "from accessibility.inputs.settings import number", False),
        ("routing.times", "from accessibility.network.graph import RoadNetwork", False),
        ("cli.build", "from accessibility import __version__", False),
        ("cli.build", "import accessibility as acc\nacc.load_study", False),
        ("study.study", "import accessibility as acc\nacc.coverage", True),
        ("study.build", "import accessibility\naccessibility.__version__", False),
        ("study.build", "from accessibility import __version__", False),
        ("web.page", "from accessibility.cli.build import main", True),
        ("report.text", "from accessibility.web.page import show", True),
        ("schema", "from accessibility.inputs.roads import Ways", True),
        ("atomic", "from accessibility.errors import OutputError", False),
        ("cli.build", "from accessibility.atomic import write_whole", False),
    ],
)
def test_the_reader_of_imports_tells_back_from_forth(module, source, back):
    module = f"accessibility.{module}"
    assert any(runs_back(module, name) for name in imports(source, module)) is back


def test_the_bundled_study_stays_small():
    if not (ROOT / "data" / "study.toml").is_file():
        pytest.skip("the study is not built")
    raw = ROOT / "data" / "raw"
    files = [p for p in (ROOT / "data").rglob("*") if p.is_file() and raw not in p.parents]
    size = sum(path.stat().st_size for path in files)
    assert size <= LIMIT_BYTES, f"data/ holds {size:,} bytes"


def test_no_file_in_git_is_large():
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("this is no git repository")
    listed = git("rev-list", "--objects", "HEAD")
    sizes = git("cat-file", "--batch-check=%(objectsize) %(rest)", given=listed).splitlines()
    large = [line for line in sizes if int(line.split()[0]) > LIMIT_BYTES]
    assert not large, "in the history of HEAD: " + "; ".join(large)
    paths = [ROOT / name for name in git("ls-files", "-z").split("\0") if name]
    large = [str(p) for p in paths if p.is_file() and p.stat().st_size > LIMIT_BYTES]
    assert not large, "in the work tree: " + "; ".join(large)


def git(*arguments: str, given: str = "") -> str:
    run = subprocess.run(
        ["git", *arguments],
        cwd=ROOT,
        input=given,
        capture_output=True,
        check=True,
        encoding="utf-8",
        errors="surrogateescape",
    )
    return run.stdout


def test_the_readme_marks_its_two_commands():
    if not (ROOT / "README.md").is_file():
        pytest.skip("there is no README.md yet")
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    for name in ("figure", "tests"):
        at = [i for i, line in enumerate(lines) if line.strip() == f"<!-- command: {name} -->"]
        assert len(at) == 1, f"README.md has {len(at)} marks of the command {name}"
        after = itertools.dropwhile(lambda line: not line.strip(), lines[at[0] + 1 :])
        assert next(after, "").startswith("```"), f"no code follows the mark of {name}"
