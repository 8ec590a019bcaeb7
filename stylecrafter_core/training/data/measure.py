"""Everything about one file that only decoding it shows. No torch here: it runs in the decoding processes."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from ...errors import MediaError
from . import reasons
from .clips import Clip, measure_clip
from .extent import stated_size
from .pictures import read_picture
from .reasons import Problem


@dataclass(frozen=True)
class Request:
    """What to decode: a file, or `size` bytes at `offset` of a tar. kind: "image" or "video"."""

    path: Path
    offset: int | None
    size: int
    kind: str


@dataclass(frozen=True)
class Facts:
    """What a sound file turned out to be.

    Attributes:
        width, height: upright, in pixels.
        frames: 1 for a picture.
        fps: None for a picture.
        convertible: kinds of oddities that decoding makes plain (CMYK, alpha, rotation, a variable rate).
        sha256: of the file's bytes.
    """

    width: int
    height: int
    frames: int
    fps: float | None
    convertible: tuple[str, ...] = ()
    sha256: str = ""


def measure(request: Request) -> Facts | Problem:
    """Reads and decodes the whole file."""
    try:
        with request.path.open("rb") as file:
            return _measure(request, file)
    except OSError as error:
        return Problem(reasons.MISSING, f"the file cannot be read: {error.strerror or error}")


def _measure(request: Request, file: BinaryIO) -> Facts | Problem:
    if request.size == 0:
        return Problem(reasons.EMPTY, "the file has zero bytes")
    data = _bytes_in_memory(request, file)
    size = request.size if data is None else len(data)
    stated = stated_size(file if data is None else io.BytesIO(data))
    wanted = max(request.size, stated or 0)
    if size < wanted:
        return Problem(reasons.TRUNCATED, f"the file has {size} bytes and should have {wanted}")
    try:
        facts = _picture(data) if request.kind == "image" and data else _video(data or request.path)
    except MediaError as error:
        return Problem(_kind_of(error), error.found)
    return facts if isinstance(facts, Problem) else replace(facts, sha256=_sha256(file, data))


def _bytes_in_memory(request: Request, file: BinaryIO) -> bytes | None:
    """The bytes of a picture or of a member of a tar; None for a video file, which is read piece by piece."""
    if request.offset is None and request.kind == "video":
        return None
    file.seek(request.offset or 0)
    return file.read(request.size)


def _picture(data: bytes) -> Facts:
    picture = read_picture(data)
    marks = ((picture.cmyk, reasons.CMYK), (picture.alpha, reasons.ALPHA), (picture.turned, reasons.TURNED))
    height, width, _ = picture.pixels.shape
    return Facts(width, height, 1, None, tuple(kind for is_so, kind in marks if is_so))


def _video(source: Path | bytes) -> Facts | Problem:
    clip = measure_clip(source)
    if problem := _problem_of(clip):
        return problem
    marks = ((clip.turned, reasons.TURNED_VIDEO), (not clip.even, reasons.UNEVEN))
    return Facts(
        clip.width, clip.height, clip.frames, clip.fps, tuple(kind for is_so, kind in marks if is_so)
    )


def _problem_of(clip: Clip) -> Problem | None:
    if clip.frames == 1:
        return Problem(reasons.ONE_FRAME, "the video has one frame")
    if clip.missing_s:
        text = f"the frames end {clip.missing_s:.3g} s before the end that the header states"
        return Problem(reasons.TRUNCATED, text)
    return None


def _kind_of(error: MediaError) -> str:
    return reasons.TRUNCATED if "truncated" in error.found else reasons.UNDECODABLE


def _sha256(file: BinaryIO, data: bytes | None) -> str:
    if data is not None:
        return hashlib.sha256(data).hexdigest()
    file.seek(0)
    digest = hashlib.sha256()
    while piece := file.read(2**20):
        digest.update(piece)
    return digest.hexdigest()
