"""Where pictures, videos and captions come from: folders, lists (JSONL, CSV), WebDataset tars."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ...errors import InputError
from .found import Found, found_file, kind_of
from .lists import scan_csv, scan_jsonl
from .reasons import UNREADABLE_TEXT, Problem
from .tars import scan_tar
from .text import caption_from, too_long

_LISTS = {".jsonl": scan_jsonl, ".csv": scan_csv, ".tar": scan_tar}


def scan(source: Path) -> Iterator[Found]:
    """Every picture and video of a source, in an order that depends on the names alone.

    A folder is searched with its subfolders: pictures, videos (each with a caption in the .txt file of the
    same name) and tars; hidden files and other kinds are passed over. A list (.jsonl, .csv) has a column
    `path`, `file_name`, `image` or `video`, relative to the list, and one of `caption`, `text` or `prompt`.
    In a .tar the members of one stem belong together; the caption is in .txt or .json.

    Raises:
        InputError: there is no such source, it is of another kind, or its columns are others.
    """
    source = Path(os.path.abspath(source))
    if source.is_dir():
        yield from _scan_folder(source)
    elif not source.exists():
        raise InputError(
            f"The data source {source} does not exist.",
            found="nothing under that name",
            expected="a folder, a .jsonl, a .csv or a .tar",
            fix="Correct the path.",
        )
    elif source.suffix.lower() in _LISTS:
        yield from _LISTS[source.suffix.lower()](source)
    else:
        raise InputError(
            f"The data source {source} is of an unknown kind.",
            found=f"a file that ends in {source.suffix or 'nothing'}",
            expected="a folder, a .jsonl, a .csv or a .tar",
            fix="Name the folder that holds the pictures or videos, or a list of them.",
        )


def _scan_folder(folder: Path) -> Iterator[Found]:
    for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix()):
        if any(part.startswith(".") for part in path.relative_to(folder).parts) or not path.is_file():
            continue
        if path.suffix.lower() == ".tar":
            yield from scan_tar(path)
        elif kind_of(path.name):
            yield found_file(path, _caption_beside(path))


def _caption_beside(path: Path) -> str | Problem | None:
    text = path.with_suffix(".txt")
    if not text.is_file():
        return None
    try:
        return too_long(text.name, text.stat().st_size) or caption_from(text.read_bytes())
    except OSError as problem:
        return Problem(UNREADABLE_TEXT, f"{text.name} cannot be read: {problem.strerror or problem}")
