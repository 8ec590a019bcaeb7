"""Pictures and clips as tensors."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from .clips import read_frames
from .pictures import read_picture


def decode_picture(data: bytes) -> Tensor:
    """The bytes of a picture to [H, W, 3] uint8: RGB, upright, transparency over white, 16-bit grey to 8.

    Raises:
        MediaError: it cannot be decoded; the message says why.
    """
    return torch.from_numpy(read_picture(data).pixels)


def decode_clip(source: Path | bytes, start: int, count: int, stride: int) -> Tensor:
    """Frames start, start + stride, ... of a video, by exact index: [count, H, W, 3] uint8.

    Args:
        source: a video file, or its bytes.
        start: index of the first frame, from 0 in the order of play.
        count: frames to return, from 1.
        stride: from one index to the next, from 1.

    Raises:
        MediaError: the video ends early or cannot be decoded.
    """
    return torch.from_numpy(read_frames(source, range(start, start + count * stride, stride)))
