"""Everything about one file that only decoding it shows. No torch here: it runs in the decoding processes."""

from __future__ import annotations

import hashlib
import io
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from ...errors import MediaError
from . import reasons
from .check_sums import wrong_check_sum
from .clips import Clip, measure_clip
from .pictures import read_picture
from .reasons import Problem

# Names of the first box of an MP4 or MOV.
_BOX_NAMES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")


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
    content = file if data is None else io.BytesIO(data)
    stated = _stated_size(content)
    wanted = max(request.size, stated or 0)
    if size < wanted:
        return Problem(reasons.TRUNCATED, f"the file has {size} bytes and should have {wanted}")
    if (place := wrong_check_sum(content)) is not None:
        return Problem(reasons.DAMAGED, f"the check sum at byte {place} is not that of the frames behind it")
    try:
        facts = _picture(data) if request.kind == "image" and data else _video(data or request.path)
    except MediaError as error:
        return Problem(_kind_of(error), error.found)
    return facts if isinstance(facts, Problem) else replace(facts, sha256=_sha256(file, data))


def _stated_size(file: BinaryIO) -> int | None:
    """Bytes that a whole file of this kind and header has; None where the format does not say it."""
    file.seek(0)
    head = file.read(12)
    if head[:4] == b"RIFF" and len(head) == 12:
        return 8 + int.from_bytes(head[4:8], "little")
    return _end_of_boxes(file) if head[4:8] in _BOX_NAMES else None


def _end_of_boxes(file: BinaryIO) -> int:
    """Where the last box at the top level ends; each begins with its size (4 bytes, or 1 and 8 bytes)."""
    size = file.seek(0, os.SEEK_END)
    end = 0
    while end + 8 <= size:
        file.seek(end)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 0:  # up to the end of the file
            return size
        end += int.from_bytes(head[8:16], "big") if length == 1 else length
        if length != 1 and length < 8:
            return size  # not a box: what follows is no longer this format's
    return max(end, size)


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
