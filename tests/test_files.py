"""Files and folders that appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from stylecrafter_core.files import remove_partial, written_whole


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_when_the_block_is_through(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    with written_whole(path) as partial:
        partial.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert names(path.parent) == ["a.txt"]


def test_what_was_there_stays_when_the_block_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("before")

    def fail(problem: type[BaseException]) -> None:
        with written_whole(path) as partial:
            partial.write_text("half")
            raise problem

    for problem in (OSError, KeyboardInterrupt):
        with pytest.raises(problem):
            fail(problem)
    assert path.read_text() == "before"
    assert names(tmp_path) == ["a.txt"]


def test_a_folder(tmp_path: Path) -> None:
    def write(name: str, problem: Exception | None = None) -> None:
        with written_whole(tmp_path / name) as partial:
            partial.mkdir()
            (partial / "a.txt").write_text("whole")
            if problem is not None:
                raise problem

    write("step-1")
    with pytest.raises(OSError, match="full"):
        write("step-2", OSError("full"))
    assert names(tmp_path) == ["step-1"]
    assert names(tmp_path / "step-1") == ["a.txt"]


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    block = written_whole(tmp_path / "a.txt")
    block.__enter__().write_text("half")  # and no end of the block ever comes
    with written_whole(tmp_path / "b.partial") as partial:
        partial.write_text("whole, and of that name")
    assert len(names(tmp_path)) == 2
    remove_partial(tmp_path)
    assert names(tmp_path) == ["b.partial"]
