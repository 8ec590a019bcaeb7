"""Words in pictures, in the font that comes with Pillow."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

from PIL import ImageFont


@cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font; `size` in pixels."""
    return ImageFont.load_default(size)


def without_accents(text: str) -> str:
    """é becomes e. What has no such base (ø, ß, ×, other scripts) stays, and the font draws a box for it."""
    bare = re.sub("([A-Za-z])[\u0300-\u036f]+", r"\1", unicodedata.normalize("NFD", text))
    return unicodedata.normalize("NFC", bare)


def wrapped(text: str, width: float, size: int) -> list[str]:
    """Lines of at most so many pixels, without accents; a word that is wider stands on several."""
    lines = [""]
    for word in without_accents(text).split():
        for piece in _pieces(word, width, size):
            longer = f"{lines[-1]} {piece}".strip()
            if _fits(longer, width, size):
                lines[-1] = longer
            else:
                lines.append(piece)
    return lines


def _pieces(word: str, width: float, size: int) -> Iterator[str]:
    piece = ""
    for letter in word:
        if piece and not _fits(piece + letter, width, size):
            yield piece
            piece = ""
        piece += letter
    yield piece


def _fits(line: str, width: float, size: int) -> bool:
    return font(size).getlength(line) <= width
