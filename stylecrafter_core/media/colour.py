"""RGB to the pixels of video codecs, by the bt709 matrix.

Done here and not in the scaler of the video library: it takes bt601 unless told otherwise, and rounds an
8-bit picture a second time.
"""

from __future__ import annotations

import numpy as np

BT709 = 1  # the number of bt709 in primaries, transfer characteristics and matrix alike (ITU-T H.273)
LIMITED_RANGE = 1  # "tv" range: luma 16..235, chroma 16..240

_RED, _GREEN, _BLUE = 0.2126, 0.7152, 0.0722  # luma weights


def rgb_to_yuv420(rgb_HWC: np.ndarray) -> np.ndarray:
    """8-bit planes of 4:2:0 video, rounded to nearest.

    Y = 0.2126 R + 0.7152 G + 0.0722 B;  Cb = (B - Y) / 1.8556;  Cr = (R - Y) / 1.5748
    stored as 16 + 219 Y, 128 + 224 Cb, 128 + 224 Cr.

    Args:
        rgb_HWC: [H, W, 3] float, values 0..1; H and W even.

    Returns:
        [H * 3 / 2, W] uint8: the rows of Y, then the half-size planes of Cb and Cr packed behind one another.

    Source: ITU-R BT.709-6, items 3.2 to 3.5; chroma lies on the left luma sample of each pair, midway between
    rows, as decoders of h264 and VP9 assume.
    """
    height, width, _ = rgb_HWC.shape
    red, green, blue = np.moveaxis(rgb_HWC, -1, 0)
    luma = _RED * red + _GREEN * green + _BLUE * blue
    chroma_blue = _halve((blue - luma) / (2 * (1 - _BLUE)))
    chroma_red = _halve((red - luma) / (2 * (1 - _RED)))
    planes = (16 + 219 * luma, 128 + 224 * chroma_blue, 128 + 224 * chroma_red)
    codes = np.concatenate([plane.ravel() for plane in planes])
    return np.rint(codes).astype(np.uint8).reshape(height * 3 // 2, width)


def _halve(plane_HW: np.ndarray) -> np.ndarray:
    """Half the size: rows averaged in pairs, columns by 1-2-1 around each even one (the edge repeats)."""
    rows = (plane_HW[0::2] + plane_HW[1::2]) / 2
    even, odd = rows[:, 0::2], rows[:, 1::2]
    left = np.concatenate([even[:, :1], odd[:, :-1]], axis=1)
    return (left + 2 * even + odd) / 4
