"""The bytes of a picture to RGB pixels. No torch here: the decoding processes must start fast."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from ...errors import MediaError

_ORIENTATION = 0x0112  # the EXIF tag; 1 is upright
_UPRIGHT = 1
_SIDEWAYS = range(5, 9)
_PNG_END = b"IEND\xaeB`\x82"
_DECODER_ERRORS = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    OverflowError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
_FIX = "Open it in a picture editor and save it again as JPEG or PNG, or leave it out."


@dataclass(frozen=True)
class Picture:
    """A decoded picture, and what was done to get it.

    Attributes:
        pixels: RGB [H, W, 3] uint8, upright.
        cmyk: it was stored in the four inks of print and was converted without a colour profile.
        alpha: it had transparency and was laid over white.
        turned: its EXIF orientation was applied.
    """

    pixels: np.ndarray
    cmyk: bool
    alpha: bool
    turned: bool


def read_picture(data: bytes, at_least: tuple[int, int] | None = None) -> Picture:
    """Decodes one whole picture of any format that Pillow reads.

    16-bit grey is scaled to 8 bits by 1/257; grey and palette become RGB.

    Args:
        at_least: width and height, upright, that will do: a larger JPEG is decoded at a half, a quarter or an
            eighth of its size, down to no less than this.

    Raises:
        MediaError: zero bytes, not a picture, cut off, animated, or values without a known range.
    """
    if not data:
        raise _unreadable("zero bytes")
    if data.startswith(b"\x89PNG") and _PNG_END not in data:
        raise _unreadable("a truncated PNG: its end mark is missing")
    try:
        with Image.open(io.BytesIO(data)) as picture:
            return _upright_rgb(picture, at_least)
    except _DECODER_ERRORS as error:
        raise _unreadable(_in_words(error)) from error


def _upright_rgb(picture: Image.Image, at_least: tuple[int, int] | None) -> Picture:
    # The files of many cameras hold previews behind the picture (MPO): still one picture.
    if picture.format != "MPO" and getattr(picture, "is_animated", False):
        raise _unreadable("several frames: an animation or a document")
    orientation = picture.getexif().get(_ORIENTATION, _UPRIGHT)
    if at_least is not None:
        picture.draft(None, at_least[::-1] if orientation in _SIDEWAYS else at_least)
    picture.load()
    turned = orientation in range(_UPRIGHT + 1, 9)
    alpha, cmyk = picture.has_transparency_data, picture.mode == "CMYK"
    upright = ImageOps.exif_transpose(picture)
    return Picture(_rgb(upright, alpha), cmyk, alpha, turned)


def _rgb(picture: Image.Image, alpha: bool) -> np.ndarray:
    if picture.mode.startswith("I"):
        return np.repeat(_eight_bits(np.asarray(picture))[..., None], 3, axis=-1)
    if picture.mode == "F":
        raise _unreadable("floating-point pixels, whose range is not stated")
    if alpha:
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture.convert("RGBA"))
    return np.array(picture.convert("RGB"))


def _eight_bits(values_HW: np.ndarray) -> np.ndarray:
    if values_HW.min() < 0 or values_HW.max() > 2**16 - 1:
        raise _unreadable("integer pixels outside 0 to 65535")
    return np.rint(values_HW / 257).astype(np.uint8)


def _in_words(error: Exception) -> str:
    if isinstance(error, Image.UnidentifiedImageError):
        return "no picture format that is known"
    return str(error) or type(error).__name__


def _unreadable(found: str) -> MediaError:
    return MediaError("The picture cannot be decoded.", found=found, expected="one whole picture", fix=_FIX)
