"""Any picture on its way to a CLIP tower: a checked batch, plain RGB, the square that the tower reads.

Letters: H, W picture, S the square's side.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from ..errors import InputError

MAX_CHANNELS = 4  # grey, grey + alpha, RGB, RGB + alpha
LONGEST_RATIO = 256
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
VIDEO_SIDE = 512


def check_images(images_BHWC: Tensor) -> None:
    """Raises InputError, naming the input `images`, unless it is a finite float batch [B, H, W, 1 to 4]."""
    _check_layout(images_BHWC)
    for number, picture in enumerate(images_BHWC, start=1):
        if not bool(torch.isfinite(picture).all()):
            raise InputError(
                f"The input `images` holds NaN or infinity: picture {number} of {len(images_BHWC)}.",
                found="values that are not numbers",
                expected="numbers from 0 to 1",
                fix="look at the node that made this picture: a VAE in half precision often overflows",
            )


def _check_layout(images: Tensor) -> None:
    expected = "a float tensor [pictures, height, width, channels] with 1 to 4 channels, values from 0 to 1"
    if not isinstance(images, Tensor):
        raise InputError(
            "The input `images` is not a batch of pictures.",
            found=type(images).__name__,
            expected=expected,
            fix="connect an IMAGE output, for example of Load Image",
        )
    found = f"{list(images.shape)} of {images.dtype}"
    if images.ndim != 4:
        raise InputError(
            "The input `images` does not have four dimensions.",
            found=found,
            expected=expected,
            fix="give a single picture [height, width, channels] a batch dimension in front: images[None]",
        )
    if images.numel() == 0:
        raise InputError(
            "The input `images` is empty.",
            found=found,
            expected="at least one picture of at least one pixel",
            fix="check the node before it: a batch was cut to nothing, or a folder holds no pictures",
        )
    if images.shape[-1] > MAX_CHANNELS:
        raise InputError(
            "The input `images` has too many channels.",
            found=found,
            expected=expected,
            fix="put the channels last; decode a latent to pictures first",
        )
    if not images.dtype.is_floating_point:
        raise InputError(
            "The input `images` does not hold floating-point numbers.",
            found=found,
            expected=expected,
            fix="divide 8-bit values by 255",
        )


def rgb_picture(picture_HWC: Tensor) -> Tensor:
    """One picture as RGB: [H, W, 1 to 4] of any float type to [3, H, W] float32 on the CPU, clipped to 0..1.

    Grey is repeated. Alpha (2 or 4 channels) is composited over white, `rgb·a + (1 − a)`: a transparent logo
    is then what people see on paper, while the colours under fully transparent pixels are arbitrary.
    A strip longer than 256 times its width keeps its middle only: every preprocessing crops to the centre
    square anyway, and the scaled strip would not fit into memory.

    Differs: the host's own CLIP preprocessing drops alpha and shows those arbitrary colours to the tower.
    """
    picture = picture_HWC.detach().to("cpu", torch.float32).clamp(0, 1).movedim(-1, 0)
    picture = _middle_of_strip(picture)
    channels = picture.shape[0]
    if channels in (2, 4):
        colour, alpha = picture[:-1], picture[-1:]
        picture = colour * alpha + (1 - alpha)
    return picture.expand(3, -1, -1)


def _middle_of_strip(picture_CHW: Tensor) -> Tensor:
    longest = LONGEST_RATIO * min(picture_CHW.shape[1:])
    for axis in (1, 2):
        surplus = picture_CHW.shape[axis] - longest
        if surplus > 0:
            picture_CHW = picture_CHW.narrow(axis, surplus // 2, longest)
    return picture_CHW


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
