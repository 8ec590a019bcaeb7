"""Files that are whole or not there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any


def write_whole(path: Path, write: Callable[..., object], *content: Any) -> None:
    """Calls `write(temporary path, *content)` and renames, unless the file is there already.

    So what was begun and broken off goes on where it stopped.
    """
    if path.is_file():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    write(partial, *content)
    partial.replace(path)


def write_caption(path: Path, words: str) -> None:
    """One line of text."""
    path.write_text(f"{words}\n", encoding="utf-8")
