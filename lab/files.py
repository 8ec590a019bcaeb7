"""Files that are made once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from stylecrafter_core.files import written_whole


def make_once(path: Path, write: Callable[..., object], *content: Any) -> None:
    """Calls `write(path, *content)`, whole or not at all, unless the file is there already.

    So what was begun and broken off goes on where it stopped.
    """
    if not path.is_file():
        with written_whole(path) as partial:
            write(partial, *content)


def write_caption(path: Path, words: str) -> None:
    """One line of text."""
    path.write_text(f"{words}\n", encoding="utf-8")
