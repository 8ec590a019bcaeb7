"""What is trained on: one picture or video, and the list of all of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from .found import IMAGE, VIDEO


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
