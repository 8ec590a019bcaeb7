"""The held-out paintings: the styles that results are made in and judged by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..family.gallery import read_painting, sound_paintings


@dataclass(frozen=True)
class HeldOut:
    """A painting that nothing was trained on: its number in the museum's catalogue, and [H, W, 3] in 0..1."""

    number: int
    pixels: Tensor


def held_out_paintings() -> tuple[HeldOut, ...]:
    """All of them, every fifth of the catalogue, in its order.

    Raises:
        InputError: the package of the paintings is not installed.
    """
    return tuple(
        HeldOut(painting.number, torch.from_numpy(np.array(read_painting(painting.number))).float() / 255)
        for painting in sound_paintings()[1]
    )


def square(picture_HW3: Tensor, side: int) -> Tensor:
    """The middle square, [side, side, 3], scaled with antialiasing: a painting as large as results are."""
    edge = min(picture_HW3.shape[:2])
    top, left = ((length - edge) // 2 for length in picture_HW3.shape[:2])
    part = picture_HW3[top : top + edge, left : left + edge].movedim(-1, 0)[None]
    scaled = F.interpolate(part, size=(side, side), mode="bicubic", antialias=True, align_corners=False)
    return scaled[0].movedim(0, -1).clamp(0, 1)
