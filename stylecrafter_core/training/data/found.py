"""One picture or video that a source names, before anything of it is decoded."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from .reasons import MISSING, UNDECODABLE, Problem

IMAGE, VIDEO = "image", "video"
_SUFFIXES = {
    IMAGE: (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"),
    VIDEO: (".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".mpg", ".mpeg", ".wmv", ".flv", ".ogv"),
}
_KINDS = {suffix: kind for kind, suffixes in _SUFFIXES.items() for suffix in suffixes}


@dataclass(frozen=True)
class Found:
    """What a source says of one file.

    Attributes:
        path: of the file, or of the tar that holds it; absolute.
        offset: of the first byte in the tar; None for a file of its own.
        size: in bytes.
        kind: "image" or "video", by the name's ending.
        raw_caption: as given; None where there is none.
        member: the name inside the tar.
        problem: what already rules it out.
    """

    path: Path
    offset: int | None
    size: int
    kind: str
    raw_caption: str | None
    member: str = ""
    problem: Problem | None = None


def kind_of(name: str) -> str | None:
    """ "image" or "video" by the ending of a file name; None for anything else."""
    return _KINDS.get(Path(name).suffix.lower())


def found_file(path: Path, caption: str | Problem | None) -> Found:
    """A file of its own, maybe missing or of an unknown kind, and its caption or what is wrong with it."""
    kind, problem = kind_of(path.name), caption if isinstance(caption, Problem) else None
    try:
        is_there, why_not = path.is_file(), "there is no such file"
    except OSError as error:  # a name that no file can have
        is_there, why_not = False, error.strerror or str(error)
    if not is_there:
        problem = Problem(MISSING, why_not)
    elif kind is None:
        problem = Problem(UNDECODABLE, f"files that end in {path.suffix or 'nothing'} are not read")
    size = path.stat().st_size if is_there else 0
    text = caption if isinstance(caption, str) else None
    return Found(Path(os.path.abspath(path)), None, size, kind or IMAGE, text, problem=problem)
