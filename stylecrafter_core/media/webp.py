"""Animated webp, written frame by frame: the picture library would keep every frame until the end."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

from PIL import Image, features

from ..errors import MediaError
from .encoding import Encoding
from .frames import FrameSource, delays

TICKS = 1000  # webp counts in milliseconds
_HAS_ANIMATION, _HAS_EXIF, _HAS_ALPHA = 0x02, 0x08, 0x10
_OVERWRITE = 0x02  # a frame replaces the one before it, alpha included
_BACKGROUND = b"\0\0\0\0"
_PICTURE_CHUNKS = (b"ALPH", b"VP8 ", b"VP8L")
_METADATA_TAGS = {"workflow": 0x010F, "prompt": 0x0110}  # where the host keeps them in EXIF, as "name:text"
_LAST_FREE_TAG = 0x010E  # further names go downwards from here


def write_webp(frames: FrameSource, path: Path, encoding: Encoding) -> None:
    """Writes with quality 100 - crf; alpha is kept.

    Source: RFC 9649, section 2.7 (extended file format: VP8X, ANIM, one ANMF per frame, EXIF).
    """
    if not features.check("webp"):
        raise MediaError(
            "The picture library here cannot write webp.", fix="Choose another format, or reinstall Pillow."
        )
    with path.open("wb") as file:
        file.write(_riff_header(0))
        file.write(_head(frames, encoding))
        for position, delay in enumerate(delays(len(frames), encoding.rate, TICKS)):
            picture = Image.fromarray(frames.pixels(position))
            file.write(_frame(picture, delay, quality=100 - encoding.crf))
            encoding.progress(position + 1)
        if encoding.metadata:
            file.write(_chunk(b"EXIF", _exif(encoding.metadata)))
        size = file.tell()
        file.seek(0)
        file.write(_riff_header(size - 8))


def _riff_header(size: int) -> bytes:
    return b"RIFF" + struct.pack("<I", size) + b"WEBP"


def _chunk(name: bytes, payload: bytes) -> bytes:
    return name + struct.pack("<I", len(payload)) + payload + b"\0" * (len(payload) % 2)


def _uint24(number: int) -> bytes:
    return struct.pack("<I", number)[:3]


def _head(frames: FrameSource, encoding: Encoding) -> bytes:
    flags = _HAS_ANIMATION | (_HAS_EXIF if encoding.metadata else 0)
    flags |= _HAS_ALPHA if frames.pixels(0).shape[-1] == 4 else 0
    size = _uint24(frames.width - 1) + _uint24(frames.height - 1)
    canvas = _chunk(b"VP8X", struct.pack("<I", flags) + size)
    return canvas + _chunk(b"ANIM", _BACKGROUND + struct.pack("<H", encoding.loop_count))


def _frame(picture: Image.Image, delay: int, *, quality: int) -> bytes:
    still = io.BytesIO()
    picture.save(still, format="WEBP", quality=quality, method=4)
    place = _uint24(0) + _uint24(0) + _uint24(picture.width - 1) + _uint24(picture.height - 1)
    pixels = b"".join(
        _chunk(name, payload) for name, payload in _chunks(still.getvalue()) if name in _PICTURE_CHUNKS
    )
    return _chunk(b"ANMF", place + _uint24(delay) + bytes([_OVERWRITE]) + pixels)


def _chunks(webp: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 12
    while position < len(webp):
        (size,) = struct.unpack_from("<I", webp, position + 4)
        yield webp[position : position + 4], webp[position + 8 : position + 8 + size]
        position += 8 + size + size % 2


def _exif(metadata: Mapping[str, str]) -> bytes:
    exif = Image.Exif()
    free = iter(range(_LAST_FREE_TAG, 0, -1))
    for name, text in metadata.items():
        exif[_METADATA_TAGS.get(name) or next(free)] = f"{name}:{text}"
    return exif.tobytes().removeprefix(b"Exif\0\0")
