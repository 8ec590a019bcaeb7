"""Which classes and functions a pickle asks for, found by reading its instructions without running any."""

from __future__ import annotations

import pickletools
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

# A file of torch's older format is four pickles in a row: magic number, protocol, system, content.
PICKLES_IN_A_FILE = 4
SCANNED_BYTES = 64 * 2**20
# All that the standard library raises on archives that are damaged, or none.
ZIP_ERRORS = (zipfile.BadZipFile, OSError, RuntimeError, EOFError, ValueError, OverflowError, zlib.error)


def pickle_bytes(path: Path) -> bytes:
    """The beginning of a torch file's pickle, be it the file itself or an entry of a zip archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            name = next(name for name in archive.namelist() if name.endswith("data.pkl"))
            with archive.open(name) as entry:
                return entry.read(SCANNED_BYTES)
    except ZIP_ERRORS:
        # No archive, or one whose entry is damaged.
        with path.open("rb") as stream:
            return stream.read(SCANNED_BYTES)


def wanted_globals(data: bytes) -> tuple[str, ...]:
    """Full names ("os.system") in the order in which the pickle would import them, as far as it is whole."""
    stream = BytesIO(data)
    names: list[str] = []
    try:
        for _ in range(PICKLES_IN_A_FILE):
            names.extend(_globals_of_one(stream))
    except ValueError:
        # The pickle ends early or raw storage follows it: what was found so far is the answer.
        pass
    return tuple(dict.fromkeys(names))


def _globals_of_one(stream: BytesIO) -> Iterator[str]:
    strings: list[str] = []
    memo: dict[int, str] = {}
    for opcode, argument, _ in pickletools.genops(stream):
        if opcode.name in ("GLOBAL", "INST"):
            yield str(argument).replace(" ", ".")
        elif opcode.name == "STACK_GLOBAL":
            yield ".".join(strings[-2:])
        elif opcode.name == "MEMOIZE":
            memo[len(memo)] = strings[-1] if strings else ""
        elif opcode.name in ("BINPUT", "LONG_BINPUT") and isinstance(argument, int):
            memo[argument] = strings[-1] if strings else ""
        elif opcode.name in ("BINGET", "LONG_BINGET") and isinstance(argument, int):
            strings.append(memo.get(argument, ""))
        elif isinstance(argument, str):
            strings.append(argument)
