"""A picture of any size to the square that a CLIP tower reads. Letters: H, W picture, S the square's side."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
VIDEO_SIDE = 512


def normalise(pixels_B3SS: Tensor) -> Tensor:
    """`(pixels − mean) / std` with CLIP's constants per channel."""
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (CLIP_MEAN, CLIP_STD))
    return (pixels_B3SS - mean) / std


def video_square(picture_3HW: Tensor, size: int) -> Tensor:
    """The video family's preprocessing: [3, H, W] in 0..1 to [3, S, S], not yet normalised.

    8-bit; shorter side to 512 (PIL bilinear, the longer to int(512 · long / short)); centre 512 × 512; then
    to S × S by `blurred_bicubic`. Values can leave 0..1 slightly: bicubic overshoots and nothing is clipped.

    Source: the published VideoCrafter release of StyleCrafter (tests/golden/clip_a).
    """
    picture = _short_side_to(to_8_bit(picture_3HW), VIDEO_SIDE)
    left, top = (round((side - VIDEO_SIDE) / 2) for side in picture.size)
    square = picture.crop((left, top, left + VIDEO_SIDE, top + VIDEO_SIDE))
    return blurred_bicubic(from_8_bit(square)[None], size)[0]


def _short_side_to(picture: Image.Image, side: int) -> Image.Image:
    short = min(picture.size)
    if short == side:
        return picture
    width, height = (side if length == short else int(side * length / short) for length in picture.size)
    return picture.resize((width, height), Image.Resampling.BILINEAR)


def to_8_bit(picture_3HW: Tensor) -> Image.Image:
    """[3, H, W] in 0..1 to an RGB picture of Pillow."""
    return Image.fromarray((picture_3HW.movedim(0, -1) * 255).round().to(torch.uint8).numpy())


def from_8_bit(picture: Image.Image) -> Tensor:
    """The inverse: [3, H, W] in 0..1."""
    return torch.from_numpy(np.array(picture)).movedim(-1, 0).float() / 255


def blurred_bicubic(pixels_BCHW: Tensor, size: int) -> Tensor:
    """[B, C, H, W] to [B, C, S, S]: a Gaussian blur against aliasing, then bicubic with aligned corners.

    Per axis with the factor f = side / S: sigma = max((f − 1)/2, 0.001) over int(max(4·sigma, 3)) samples,
    one more if that is even; borders reflected. No blur when neither axis shrinks.

    Source: the rule of `kornia.geometry.resize(antialias=True, align_corners=True)`, which the release used.
    """
    height, width = pixels_BCHW.shape[-2:]
    blurs = max(height, width) > size
    # Both steps are linear in each axis: a product of two matrices is far quicker than wide convolutions.
    down, across = _axis_matrix(height, size, blurs), _axis_matrix(width, size, blurs)
    return down @ pixels_BCHW.float() @ across.T


@lru_cache(maxsize=16)
def _axis_matrix(length: int, size: int, blurs: bool) -> Tensor:
    """[S, length]: what `blurred_bicubic` does along one axis."""
    columns = torch.eye(length, dtype=torch.float64)[None, None]
    if blurs:
        columns = _blurred_columns(columns, sigma=max((length / size - 1) / 2, 0.001))
    # In float32 the places between pixels are rounded as in the release; in float64 they differ by 1e-5.
    scaled = F.interpolate(columns.float(), size=(size, length), mode="bicubic", align_corners=True)
    return scaled[0, 0]


def _blurred_columns(columns_11LL: Tensor, sigma: float) -> Tensor:
    taps = int(max(4 * sigma, 3))
    taps += 1 - taps % 2
    radius = taps // 2
    kernel = torch.exp(-(torch.arange(-radius, radius + 1, dtype=torch.float64) ** 2) / (2 * sigma**2))
    padded = F.pad(columns_11LL, (0, 0, radius, radius), mode="reflect")
    return F.conv2d(padded, (kernel / kernel.sum()).view(1, 1, -1, 1))


def standard_square(picture_3HW: Tensor, size: int) -> Tensor:
    """CLIP's usual preprocessing: [3, H, W] in 0..1 to [3, S, S] in 0..1, not yet normalised.

    Shorter side to S by antialiased bicubic, the other in proportion and rounded; centre S × S; rounded to
    8 bits. The same numbers as the host's CLIP vision nodes give.
    """
    if picture_3HW.shape[1:] != (size, size):
        scale = size / min(picture_3HW.shape[1:])
        height, width = (round(scale * side) for side in picture_3HW.shape[1:])
        scaled = F.interpolate(picture_3HW[None], size=(height, width), mode="bicubic", antialias=True)[0]
        top, left = (height - size) // 2, (width - size) // 2
        picture_3HW = scaled[:, top : top + size, left : left + size]
    return (picture_3HW * 255).clamp(0, 255).round() / 255


def pillow_square(picture_3HW: Tensor, size: int) -> Tensor:
    """CLIP's preprocessing as Hugging Face has it: [3, H, W] in 0..1 to [3, S, S], not yet normalised.

    8-bit; shorter side to S by Pillow's bicubic, the longer to int(S · long / short); centre S × S.
    """
    picture = to_8_bit(picture_3HW)
    short = min(picture.size)
    width, height = (size if side == short else int(size * side / short) for side in picture.size)
    picture = picture.resize((width, height), Image.Resampling.BICUBIC)
    left, top = (width - size) // 2, (height - size) // 2
    return from_8_bit(picture.crop((left, top, left + size, top + size)))
