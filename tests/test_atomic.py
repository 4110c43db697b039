from __future__ import annotations

import os
from pathlib import Path

import pytest

from accessibility.atomic import check_free, write_whole
from accessibility.errors import InputError, OutputError


def text(content: str):  # type: ignore[no-untyped-def]
    return lambda path: path.write_text(content, encoding="utf-8")


def folder_with(name: str):  # type: ignore[no-untyped-def]
    def write(path: Path) -> None:
        path.mkdir()
        (path / name).write_text("new", encoding="utf-8")

    return write


def test_an_output_appears_under_its_name_alone(tmp_path: Path) -> None:
    write_whole(tmp_path / "deep" / "out.txt", text("new"), overwrite=False)
    assert (tmp_path / "deep" / "out.txt").read_text(encoding="utf-8") == "new"
    assert os.listdir(tmp_path / "deep") == ["out.txt"]  # noqa: PTH208


@pytest.mark.parametrize("error", [RuntimeError("broken"), KeyboardInterrupt(), InputError("bad")])
def test_a_failure_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    def fail(path: Path) -> None:
        path.write_text("half", encoding="utf-8")
        raise error

    with pytest.raises(type(error)):
        write_whole(tmp_path / "out.txt", fail, overwrite=False)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_keeps_what_stood_there(tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "out.txt").write_text("old", encoding="utf-8")
    with pytest.raises(OutputError, match=r"out.txt cannot be written: No space left on device\."):
        write_whole(tmp_path / "out.txt", fail, overwrite=True)
    assert [p.read_text(encoding="utf-8") for p in tmp_path.iterdir()] == ["old"]


def test_nothing_is_replaced_unasked(tmp_path: Path) -> None:
    (tmp_path / "out.txt").write_text("old", encoding="utf-8")
    with pytest.raises(OutputError, match=r"exists already; give --overwrite"):
        write_whole(tmp_path / "out.txt", text("new"), overwrite=False)
    assert (tmp_path / "out.txt").read_text(encoding="utf-8") == "old"


def test_a_file_is_replaced_when_asked(tmp_path: Path) -> None:
    (tmp_path / "out.txt").write_text("old", encoding="utf-8")
    write_whole(tmp_path / "out.txt", text("new"), overwrite=True)
    assert [p.read_text(encoding="utf-8") for p in tmp_path.iterdir()] == ["new"]


def test_a_folder_is_replaced_whole_when_asked(tmp_path: Path) -> None:
    write_whole(tmp_path / "out", folder_with("first"), overwrite=False)
    write_whole(tmp_path / "out", folder_with("second"), overwrite=True)
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["second"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_an_empty_folder_is_free(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write_whole(tmp_path / "out", folder_with("first"), overwrite=False)
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["first"]


def test_a_path_under_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old", encoding="utf-8")
    with pytest.raises(OutputError, match=r"file is not a folder one may write in"):
        write_whole(tmp_path / "file" / "out.txt", text("new"), overwrite=True)


def test_check_free_agrees_with_writing(tmp_path: Path) -> None:
    check_free(tmp_path / "new" / "out.txt", overwrite=False)
    (tmp_path / "out.txt").write_text("old", encoding="utf-8")
    check_free(tmp_path / "out.txt", overwrite=True)
    with pytest.raises(OutputError):
        check_free(tmp_path / "out.txt", overwrite=False)


def test_a_folder_comes_back_when_its_successor_cannot_be_made(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "kept.txt").write_text("kept")
    with pytest.raises(OutputError):
        write_whole(folder, lambda made: None, overwrite=True)
    assert (folder / "kept.txt").read_text() == "kept"
    assert [p.name for p in tmp_path.iterdir()] == ["study"]
