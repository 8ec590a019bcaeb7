"""What counts as a batch of pictures, and how any picture becomes plain RGB."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import InputError

MAX_CHANNELS = 4  # grey, grey + alpha, RGB, RGB + alpha
LONGEST_RATIO = 256


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
