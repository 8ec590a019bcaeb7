"""Why a file is not trained on: the kinds that are counted, as they stand in the quarantine list."""

from __future__ import annotations

from dataclasses import dataclass

EMPTY = "zero bytes"
MISSING = "file is missing"
UNREADABLE_ROW = "row cannot be read"
UNREADABLE_TEXT = "caption is not UTF-8"
UNDECODABLE = "cannot be decoded"
TRUNCATED = "truncated"
DAMAGED = "damaged"
CMYK = "CMYK"
ALPHA = "alpha channel"
TURNED = "EXIF rotation"
TURNED_VIDEO = "rotated video"
ONE_FRAME = "one-frame video"
UNEVEN = "variable frame rate"
TOO_SMALL = "too small"
NO_CAPTION = "missing or empty caption"
CAPTION_GONE = "caption empty after cleaning"
DUPLICATE = "duplicate"
DIED = "decoder died"
TOO_LONG = "decoder took too long"
CHANGED = "changed since the manifest was written"


@dataclass(frozen=True)
class Problem:
    """What is wrong with a file: one of the kinds above, and a sentence."""

    kind: str
    text: str


@dataclass(frozen=True)
class Rejected:
    """A file in quarantine. `path` is as in the manifest; a member of a tar is named `file.tar/member`."""

    path: str
    kind: str
    reason: str
