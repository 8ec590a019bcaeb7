"""What is trained on: items, each a picture or video, and the manifest, a file with a JSON line for each."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from ...errors import InputError, MediaError
from ...files import written_whole
from .found import IMAGE, VIDEO

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


@dataclass(frozen=True)
class Item:
    """One picture or video.

    Attributes:
        path: of the file or of the tar that holds it; relative to the manifest's root where inside it.
        offset: of its first byte in the tar; None for a file of its own.
        size: in bytes.
        kind: "image" or "video".
        width, height: upright, in pixels.
        frames: 1 for a picture.
        fps: frames per second; None for a picture.
        caption: without style words.
        raw_caption: as it was found.
        sha256: of its bytes, in hexadecimal digits.
    """

    path: str
    offset: int | None
    size: int
    kind: str
    width: int
    height: int
    frames: int
    fps: float | None
    caption: str
    raw_caption: str
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """Items and the folder that their paths are relative to."""

    root: Path
    items: tuple[Item, ...]

    def located(self) -> tuple[Item, ...]:
        """The items by their absolute paths."""
        return tuple(replace(item, path=str(self.root / item.path)) for item in self.items)

    @property
    def images(self) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.kind == IMAGE)

    @property
    def videos(self) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.kind == VIDEO)


def path_below(root: Path, path: Path) -> str:
    """Relative to root where inside it, with forward slashes; else as it is."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def name_of(path: str, member: str) -> str:
    """What to call a file in messages; for one in a tar the tar and the member."""
    return f"{path}/{member}" if member else path


def item_name(item: Item) -> str:
    """What to call an item in messages."""
    return name_of(item.path, "" if item.offset is None else f"byte {item.offset}")


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Writes the file whole or not at all. The root is kept relative where the manifest lies in or above it,
    so that a folder with its manifest can be moved."""
    folder, root = path.absolute().parent, manifest.root.absolute()
    movable = root.is_relative_to(folder) or folder.is_relative_to(root)
    shown = Path(os.path.relpath(root, folder)).as_posix() if movable else str(root)
    header = {"format": FORMAT, "version": VERSION, "root": shown}
    write_rows(path, [header, *(asdict(item) for item in manifest.items)])


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """JSON lines under a temporary name, then renamed.

    Raises:
        InputError: the disk refuses.
    """
    try:
        with written_whole(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(_line(row) + "\n" for row in rows)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written.",
            found=error.strerror or str(error),
            expected="a folder that can be written to, with room for the file",
            fix="Choose another place, or free some space there.",
        ) from error


def _line(row: Mapping[str, Any]) -> str:
    """JSON with its letters as they are; in escapes where the name of a file is not UTF-8."""
    line = json.dumps(row, ensure_ascii=False)
    try:
        line.encode()
    except UnicodeEncodeError:
        return json.dumps(row)
    return line


def read_manifest(path: Path) -> Manifest:
    """Reads what `write_manifest` wrote.

    Raises:
        InputError: there is no such file, or a line is not what it should be; the line is named.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"The manifest {path} cannot be read.",
            found=str(error),
            expected="a file that prepare has written",
            fix="Run prepare, or correct the path.",
        ) from error
    root = _root_in(path, lines[0])
    items = (_item_in(path, number, line) for number, line in enumerate(lines[1:], start=2) if line)
    return Manifest(root, tuple(items))


def _root_in(path: Path, line: str) -> Path:
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


def _item_in(path: Path, number: int, line: str) -> Item:
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
    except (ValueError, RecursionError) as error:
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


def read_bytes(item: Item) -> bytes:
    """The bytes of one item, by its absolute path: from its file or out of its tar.

    Raises:
        MediaError: the file is gone or shorter than it was.
    """
    name = item_name(item)
    try:
        with Path(item.path).open("rb") as file:
            file.seek(item.offset or 0)
            data = file.read(item.size)
    except OSError as error:
        raise _gone(name, error.strerror or str(error), item) from error
    if len(data) < item.size:
        raise _gone(name, f"{len(data)} bytes", item)
    return data


def _gone(name: str, found: str, item: Item) -> MediaError:
    return MediaError(
        f"{name} is not what the manifest says.",
        found=found,
        expected=f"{item.size} bytes",
        fix="Put the file back, or run prepare again.",
    )
