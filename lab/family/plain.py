"""Plain pictures, which a base can learn to draw from before anything is styled: captions and pixels."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..scenes import TASKS
from .contents import picture_content
from .workers import carried_out

IN_PART = 200  # pictures that a process draws at a time


def plain_pictures(seed: int, count: int, task: str, workers: int = 1) -> tuple[list[str], Tensor]:
    """Captions and uint8 [N, H, W, 3] of the first contents of a seed; those of the data's plain pictures."""
    firsts = range(0, count, IN_PART)
    parts = list(carried_out(partial(_part, seed, count, task), firsts, workers))
    captions = [caption for several, _ in parts for caption in several]
    return captions, torch.from_numpy(np.concatenate([pixels for _, pixels in parts]))


def _part(seed: int, count: int, task: str, first: int) -> tuple[list[str], NDArray[np.uint8]]:
    numbers = range(first, min(count, first + IN_PART))
    contents = [picture_content(seed, number, TASKS[task]) for number in numbers]
    return [one.caption for one in contents], np.stack([one.pixels for one in contents])
