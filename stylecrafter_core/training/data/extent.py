"""How long a file should be by its own account: MP4 and MOV boxes, RIFF (WebP, AVI)."""

from __future__ import annotations

import os
from typing import BinaryIO

_BOX_NAMES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")


def stated_size(file: BinaryIO) -> int | None:
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
