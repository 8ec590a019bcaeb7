"""Words in pictures, in the font that comes with Pillow."""

from __future__ import annotations

import unicodedata

from PIL import ImageFont


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font; `size` in pixels."""
    return ImageFont.load_default(size)


def without_accents(text: str) -> str:
    """The text as the font can write it: é becomes e. It has no letters of other scripts."""
    letters = unicodedata.normalize("NFC", text)
    bases = (unicodedata.normalize("NFD", letter)[0] for letter in letters)
    return "".join(base if base.isascii() else letter for base, letter in zip(bases, letters))
