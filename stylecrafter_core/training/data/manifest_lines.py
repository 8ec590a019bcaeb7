"""The lines of a manifest file, checked."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from ...errors import InputError
from .found import IMAGE, VIDEO
from .item import Item

FORMAT = "stylecrafter-manifest"
VERSION = 1
_TYPES: Mapping[str, tuple[type, ...]] = {
    "path": (str,),
    "offset": (int, type(None)),
    "size": (int,),
    "kind": (str,),
    "width": (int,),
    "height": (int,),
    "frames": (int,),
    "fps": (float, int, type(None)),
    "caption": (str,),
    "raw_caption": (str,),
    "sha256": (str,),
}


def root_in(path: Path, line: str) -> Path:
    """The root that the header line states, absolute; path is the manifest's.

    Raises:
        InputError: not the header of a manifest, or of another version.
    """
    header = _json(path, 1, line)
    if header.get("format") != FORMAT or not isinstance(header.get("root"), str):
        raise _bad_line(path, 1, line[:80] or "an empty file", f'a header with "format": "{FORMAT}"')
    if header.get("version") != VERSION:
        raise _bad_line(path, 1, f"version {header.get('version')}", f"version {VERSION}")
    return Path(os.path.normpath(path.absolute().parent / header["root"]))


def item_in(path: Path, number: int, line: str) -> Item:
    """The item in line `number`, counted from 1.

    Raises:
        InputError: not an item: a field is missing, unknown or of another type.
    """
    row = _json(path, number, line)
    names = [field.name for field in fields(Item)]
    if sorted(row) != sorted(names):
        raise _bad_line(path, number, f"the fields {', '.join(row)}", ", ".join(names))
    for name, types in _TYPES.items():
        if not isinstance(row[name], types) or isinstance(row[name], bool):
            expected = " or ".join("null" if kind is type(None) else kind.__name__ for kind in types)
            raise _bad_line(path, number, f"{name} = {row[name]!r}", f"{name} of type {expected}")
    if row["kind"] not in (IMAGE, VIDEO):
        raise _bad_line(path, number, f"kind = {row['kind']!r}", f"{IMAGE} or {VIDEO}")
    return Item(**row)


def _json(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise _bad_line(path, number, line[:80], "JSON") from error
    if not isinstance(row, dict):
        raise _bad_line(path, number, line[:80], "a JSON object")
    return row


def _bad_line(path: Path, number: int, found: str, expected: str) -> InputError:
    return InputError(
        f"The manifest {path}, line {number}, cannot be understood.",
        found=found,
        expected=expected,
        fix="Run prepare again; the file is not meant to be edited by hand.",
    )
