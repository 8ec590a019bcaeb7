"""Words in pictures, in the font that comes with Pillow."""

from __future__ import annotations

import re
import unicodedata

from PIL import ImageFont


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font; `size` in pixels."""
    return ImageFont.load_default(size)


def without_accents(text: str) -> str:
    """é becomes e. What has no such base (ø, ß, ×, other scripts) stays, and the font draws a box for it."""
    bare = re.sub("([A-Za-z])[\u0300-\u036f]+", r"\1", unicodedata.normalize("NFD", text))
    return unicodedata.normalize("NFC", bare)
