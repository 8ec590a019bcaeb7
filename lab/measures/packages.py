"""Files of packages that only some measures need, with words for whoever lacks them."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from stylecrafter_core.errors import InputError

HOW = "python -m pip install -r lab/requirements.txt (in the environment that runs this)"


def file_of(package: str, name: str, purpose: str, how: str = HOW) -> Path:
    """The path of a file that an installed package brought along. None of the package's code is run.

    Args:
        package: as the registry names it.
        name: the file's path inside the installed package, as its own list of files gives it.
        how: it is installed.

    Raises:
        InputError: the package is missing, or holds no such file.
    """
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError as problem:
        raise _missing(package, purpose, "the package is not installed", how) from problem
    for file in files:
        if file.as_posix() == name and (path := Path(str(file.locate()))).is_file():
            return path
    raise _missing(package, purpose, f"version {metadata.version(package)} without the file {name}", how)


def _missing(package: str, purpose: str, found: str, how: str) -> InputError:
    return InputError(
        f"{purpose} needs the package {package}.", found=found, expected=f"{package}, installed", fix=how
    )
