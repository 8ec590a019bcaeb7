"""Check sums in Matroska files (RFC 9559): what writes them stores one per cluster, ahead of its frames."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

_EBML, _SEGMENT, _CLUSTER = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67", b"\x1f\x43\xb6\x75"
_CHECK_SUM = b"\xbf\x84"  # its name, and that four bytes follow
_PIECE = 2**20


class _Element(NamedTuple):
    """A part of the file: its name, and where its content begins and ends (None: not stated)."""

    name: bytes
    start: int
    end: int | None


def wrong_check_sum(file: BinaryIO) -> int | None:
    """Where the first cluster begins whose bytes do not have its check sum; None where none is wrong.

    Other formats, and what writes no check sums (WebM), pass.
    """
    for start, end in _clusters(file):
        file.seek(start)
        head = file.read(6)
        stated = int.from_bytes(head[2:], "little")
        if head.startswith(_CHECK_SUM) and _sum_of(file, end - file.tell()) != stated:
            return start
    return None


def _clusters(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Where the content of each whole cluster begins and ends."""
    size = file.seek(0, os.SEEK_END)
    element = _element(file, 0)
    if element is None or element.name != _EBML:
        return
    while element is not None:
        inside = element.name == _SEGMENT
        if not inside and (element.end is None or element.end > size):
            return
        if element.name == _CLUSTER and element.end is not None:
            yield element.start, element.end
        element = _element(file, element.start if inside else element.end or size)


def _element(file: BinaryIO, place: int) -> _Element | None:
    """The one that begins there; None at the end of the file and where there is none."""
    file.seek(place)
    head = file.read(12)
    name_bytes = _bytes_of_number(head[:1])
    size_bytes = _bytes_of_number(head[name_bytes : name_bytes + 1])
    if name_bytes not in range(1, 5) or size_bytes not in range(1, 9):
        return None
    mask = (1 << 7 * size_bytes) - 1  # all ones: not stated, as in live streams
    size = int.from_bytes(head[name_bytes : name_bytes + size_bytes], "big") & mask
    start = place + name_bytes + size_bytes
    return _Element(head[:name_bytes], start, None if size == mask else start + size)


def _bytes_of_number(first: bytes) -> int:
    """How long a number is that begins with this byte: one more than its leading zero bits."""
    return 9 - first[0].bit_length() if first else 0


def _sum_of(file: BinaryIO, count: int) -> int:
    """CRC-32 of so many bytes from here on."""
    total = 0
    while count > 0 and (piece := file.read(min(count, _PIECE))):
        total = zlib.crc32(piece, total)
        count -= len(piece)
    return total
