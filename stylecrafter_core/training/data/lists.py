"""Lists of files with captions: JSON lines and CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from ...errors import InputError
from .found import IMAGE, Found, found_file
from .reasons import UNREADABLE_ROW, Problem
from .text import LENIENT, encoding_of, problem_in

PATH_COLUMNS = ("path", "file_name", "image", "video")
CAPTION_COLUMNS = ("caption", "text", "prompt")


def scan_jsonl(path: Path) -> Iterator[Found]:
    """One JSON object a line; a line that is none is a problem of that line, not of the list."""
    with _opened(path) as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield _found_in_row(path, number, _object(line))


def scan_csv(path: Path) -> Iterator[Found]:
    """Comma-separated, with the names of the columns in the first line.

    Raises:
        InputError: no column holds paths or captions, or this is not CSV.
    """
    with _opened(path) as file:
        rows = csv.DictReader(file)
        try:
            _check_columns(path, rows.fieldnames or ())
            for row in rows:
                yield _found_in_row(path, rows.line_num, row)
        except csv.Error as error:
            raise InputError(
                f"{path}, line {rows.line_num}, cannot be read.",
                found=str(error),
                expected="comma-separated values",
                fix="Save the table as CSV again.",
            ) from error


def caption_in(row: Mapping[Any, Any]) -> str | Problem | None:
    """The first caption column that holds text, or what is wrong with it."""
    text = _first_text(row, CAPTION_COLUMNS)
    return text if text is None else problem_in(text) or text


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    """A list as text.

    Raises:
        InputError: it states to be UTF-16 and is not.
    """
    with path.open("rb") as file:
        encoding = encoding_of(file.read(4))
    errors = LENIENT if encoding == "utf-8-sig" else "strict"
    try:
        with path.open(encoding=encoding, errors=errors, newline="") as text:
            yield text
    except UnicodeDecodeError as problem:
        raise InputError(
            f"{path} cannot be read as text.",
            found=f"begins like {encoding.upper()}, then: {problem.reason}",
            expected="UTF-8, or whole UTF-16",
            fix="Save the list again as UTF-8.",
        ) from problem


def _found_in_row(source: Path, number: int, row: Mapping[Any, Any] | None) -> Found:
    if row is None:
        return _unreadable(source, number, "not a JSON object")
    name = _first_text(row, PATH_COLUMNS)
    if name is None:
        return _unreadable(source, number, f"no path in any of the columns {', '.join(PATH_COLUMNS)}")
    return found_file(source.parent / name, caption_in(row))


def _unreadable(source: Path, number: int, found: str) -> Found:
    problem = Problem(UNREADABLE_ROW, f"line {number}: {found}")
    return Found(source, None, 0, IMAGE, None, problem=problem)


def _first_text(row: Mapping[Any, Any], columns: tuple[str, ...]) -> str | None:
    texts = (row.get(column) for column in columns)
    return next((text for text in texts if isinstance(text, str) and text.strip()), None)


def _object(line: str) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _check_columns(path: Path, columns: Any) -> None:
    if not (set(columns) & set(PATH_COLUMNS) and set(columns) & set(CAPTION_COLUMNS)):
        raise InputError(
            f"{path} has no columns for paths and captions.",
            found=", ".join(map(str, columns)) or "an empty file",
            expected=f"one of {', '.join(PATH_COLUMNS)} and one of {', '.join(CAPTION_COLUMNS)}",
            fix="Rename the columns in the first line.",
        )
