"""A folder belongs to what it was begun with: a JSON file in it says so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stylecrafter_core.errors import InputError
from stylecrafter_core.training.materials.files import write_whole


def claim(file: Path, wanted: Mapping[str, Any]) -> None:
    """Writes what is about to be made in the file's folder, or checks that it was begun with the same.

    Args:
        wanted: plain data.

    Raises:
        InputError: the folder was begun with something else; names the fields that differ. Or the file is
            no record of what it was begun with.
    """
    write_whole(file, Path.write_text, json.dumps(wanted), "utf-8")
    found = _read(file)
    plain = json.loads(json.dumps(wanted))  # as a file gives it back: lists for tuples
    differing = sorted(name for name in {*plain, *found} if plain.get(name) != found.get(name))
    if differing:
        raise InputError(
            f"The folder {file.parent} was begun with something else.",
            found="; ".join(f"{name}: {found.get(name)}" for name in differing),
            expected="; ".join(f"{name}: {plain.get(name)}" for name in differing),
            fix=f"repeat the command that began this folder (see {file}), or name another "
            "one with --work or --out",
        )


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError("no object with fields")
    except ValueError as problem:
        raise InputError(
            f"{file} does not say what its folder was begun with.",
            found=str(problem),
            expected="a JSON object, as the command that began the folder wrote it",
            fix="restore the file, or name another folder with --work or --out",
        ) from problem
    return found
