"""Content shuffle: a picture whose parts lie elsewhere, so that its look remains and its content does not."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from .pictures import from_8_bit, to_8_bit

SHORT_SIDE = 512
MULTIPLE = 64
CELL = 256  # pixels between the random numbers that the places are interpolated from


def content_shuffle(picture_3HW: Tensor, seed: int = 0) -> Tensor:
    """[3, H, W] in 0..1 to [3, H', W']: pixels are taken from places that change smoothly, at random.

    The shorter side becomes 512 pixels, both sides multiples of 64. The same seed gives the same picture.

    Source: the detector of that name in controlnet_aux, with its defaults, as StyleMaster uses it.
    Differs: the release takes its noise from a generator without a seed, so that its result differs from run
    to run; enlarging uses Pillow's Lanczos of three lobes (within 2 of 255 levels of the release).
    """
    picture = from_8_bit(_sized(to_8_bit(picture_3HW)))
    height, width = picture.shape[1:]
    noise = np.random.RandomState(seed)
    x, y = smooth_noise(noise, height, width), smooth_noise(noise, height, width)
    places = torch.stack([x, y], dim=-1)[None] * 2 - 1
    shuffled = F.grid_sample(picture[None], places, mode="bilinear", align_corners=True)[0]
    return (shuffled * 255).round() / 255


def smooth_noise(generator: np.random.RandomState, height: int, width: int) -> Tensor:
    """[H, W] in 0..1, both reached: uniform random numbers on a coarse grid, interpolated bicubically."""
    grid = generator.uniform(0, 1, (height // CELL + 2, width // CELL + 2))
    size = (height + 2 * CELL, width + 2 * CELL)
    fine = F.interpolate(torch.from_numpy(grid)[None, None], size=size, mode="bicubic")[0, 0]
    window = fine[CELL : CELL + height, CELL : CELL + width]
    window = window - window.min()
    return (window / window.max()).float()


def _sized(picture: Image.Image) -> Image.Image:
    scale = SHORT_SIDE / min(picture.size)
    width, height = (max(MULTIPLE, round(side * scale / MULTIPLE) * MULTIPLE) for side in picture.size)
    kind = Image.Resampling.LANCZOS if scale > 1 else Image.Resampling.BOX
    return picture.resize((width, height), kind)
