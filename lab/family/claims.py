"""A folder belongs to what it was begun with: a JSON file in it says so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stylecrafter_core.errors import InputError

from ..files import make_once


def claim(file: Path, wanted: Mapping[str, Any], advice: Mapping[str, str] | None = None) -> None:
    """Writes what is about to be made in the file's folder, or checks that it was begun with the same.

    Args:
        wanted: plain data.
        advice: what to do where a field differs that no repeated command changes.

    Raises:
        InputError: the folder was begun with something else; names the fields that differ. Or the file is
            no record of what it was begun with.
    """
    make_once(file, Path.write_text, json.dumps(wanted), "utf-8")
    _compare(file, _read(file), wanted, advice or {})


def check_fields(file: Path, wanted: Mapping[str, Any]) -> None:
    """Checks these fields of a file that `claim` wrote; the others may be anything.

    Raises:
        InputError: one of them differs, or the file is no record of what its folder was begun with.
    """
    found = _read(file)
    _compare(file, {name: found.get(name) for name in wanted}, wanted, {})


def _compare(file: Path, found: dict[str, Any], wanted: Mapping[str, Any], advice: Mapping[str, str]) -> None:
    plain = json.loads(json.dumps(wanted))  # as a file gives it back: lists for tuples
    differing = sorted(name for name in {*plain, *found} if plain.get(name) != found.get(name))
    if differing:
        repeat = f"repeat the command that began this folder (see {file})"
        ways = dict.fromkeys(advice.get(name, repeat) for name in differing)
        raise InputError(
            f"The folder {file.parent} was begun with something else.",
            found="; ".join(f"{name}: {found.get(name)}" for name in differing),
            expected="; ".join(f"{name}: {plain.get(name)}" for name in differing),
            fix=f"{' and '.join(ways)}, or name another folder with --work or --out",
        )


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError("no object with fields")
    except (ValueError, RecursionError) as problem:
        raise InputError(
            f"{file} does not say what its folder was begun with.",
            found=str(problem),
            expected="a JSON object, as the command that began the folder wrote it",
            fix="restore the file, or name another folder with --work or --out",
        ) from problem
    return found
