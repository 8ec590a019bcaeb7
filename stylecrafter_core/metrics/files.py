"""Files and packages that only some metrics need, with words for whoever lacks them."""

from __future__ import annotations

import hashlib
import importlib
from pathlib import Path
from types import ModuleType

from ..errors import InputError

CHUNK = 2**22


def file_sha256(file: Path) -> str:
    """Of the whole file."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while part := stream.read(CHUNK):
            digest.update(part)
    return digest.hexdigest()


def imported(module: str, package: str, purpose: str, fix: str = "") -> ModuleType:
    """The module, imported now.

    Args:
        fix: how the package is installed; by its name alone where none is given.

    Raises:
        InputError: it is missing or broken; says what needs it and how the package is installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as problem:
        raise InputError(
            f"{purpose} needs the package {package}.",
            found=str(problem),
            expected=f"{package}, installed in the environment that runs this",
            fix=fix or f"python -m pip install {package}",
        ) from problem
