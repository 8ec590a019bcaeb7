"""What the model sees of a picture: targets and style crops. Letters: T frames, H, W pixels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def target_clip(pixels_THWC: Tensor, width: int, height: int) -> Tensor:
    """The target of the loss: scaled until it just covers the size, then the centre of it.

    Args:
        pixels_THWC: [T, H, W, 3] uint8; T is 1 for a picture.

    Returns:
        [T, 3, height, width] float32 in 0..1.

    Source: "short side to size, centre crop" of the published recipes; for a size that is not square the
        frames are scaled to cover it.
    """
    covered = _scaled_to_cover(pixels_THWC.movedim(-1, 1).float() / 255, width, height)
    return _centre(covered, width, height)


def style_crop(
    pixels_HWC: Tensor, generator: torch.Generator, short_side: int = 800, crop: int = 512
) -> Tensor:
    """The published augmentation of the style picture: short side to `short_side`, a random square of it.

    Args:
        pixels_HWC: [H, W, 3] uint8.
        generator: draws the place, uniformly; nothing else is drawn from it.
        crop: side of the square, at most `short_side`.

    Returns:
        [crop, crop, 3] float32 in 0..1, the host's layout of pictures.
    """
    picture = _scaled_to_cover(_one(pixels_HWC), short_side, short_side)
    top, left = (int(torch.randint(side - crop + 1, (), generator=generator)) for side in picture.shape[-2:])
    return picture[0, :, top : top + crop, left : left + crop].movedim(0, -1).contiguous()


def centre_square(pixels_HWC: Tensor, side: int = 512) -> Tensor:
    """The style picture without augmentation (ablation): the whole short side, the centre of the long one.

    Returns:
        [side, side, 3] float32 in 0..1.
    """
    picture = _centre(_scaled_to_cover(_one(pixels_HWC), side, side), side, side)
    return picture[0].movedim(0, -1).contiguous()


def _one(pixels_HWC: Tensor) -> Tensor:
    return pixels_HWC.movedim(-1, 0)[None].float() / 255


def _scaled_to_cover(pixels_BCHW: Tensor, width: int, height: int) -> Tensor:
    """Antialiased bicubic, both sides by one factor; sides are rounded and never below the size."""
    old_height, old_width = pixels_BCHW.shape[-2:]
    factor = max(width / old_width, height / old_height)
    size = max(height, round(old_height * factor)), max(width, round(old_width * factor))
    if size == (old_height, old_width):
        return pixels_BCHW
    scaled = F.interpolate(pixels_BCHW, size=size, mode="bicubic", antialias=True)
    return scaled.clamp(0, 1)  # bicubic overshoots at edges


def _centre(pixels_BCHW: Tensor, width: int, height: int) -> Tensor:
    top, left = (pixels_BCHW.shape[-2] - height) // 2, (pixels_BCHW.shape[-1] - width) // 2
    return pixels_BCHW[..., top : top + height, left : left + width].contiguous()
