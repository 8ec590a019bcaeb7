"""A batch of images as a film: which frame is shown when, and one frame at a time as pixels.

Shapes: T frames, H height, W width, C channels (1 grey, 3 RGB, 4 RGB + alpha), values 0..1.
Single frames are numpy arrays: for one picture, torch's threads cost more than they gain on a busy machine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError

Images = TypeVar("Images", Tensor, np.ndarray)
CHANNELS = (1, 3, 4)
_EXPECTED = "a float tensor [frames, height, width, channels] with 1, 3 or 4 channels, values from 0 to 1"


def check_frames(images: Tensor) -> None:
    """Raises InputError, naming the input `images`, unless it is a non-empty float batch [T, H, W, 1|3|4].

    The values are looked at when a frame is read (FrameSource.frame), which saves a pass over all frames.
    """
    if not isinstance(images, Tensor) or images.ndim != 4:
        shape = list(images.shape) if isinstance(images, Tensor) else type(images).__name__
        raise InputError(
            "The input `images` is not a batch of frames.",
            found=str(shape),
            expected=_EXPECTED,
            fix="Connect an IMAGE output, for example of VAE Decode.",
        )
    found = f"{list(images.shape)} of {images.dtype}"
    if images.numel() == 0:
        raise InputError(
            "The input `images` holds no frames.",
            found=found,
            expected="at least one frame of at least one pixel",
            fix="Check the node before it: a batch was cut to nothing, or a folder holds no pictures.",
        )
    if images.shape[-1] not in CHANNELS or not images.dtype.is_floating_point:
        raise InputError(
            "The input `images` does not hold pictures.",
            found=found,
            expected=_EXPECTED,
            fix="Channels come last. Decode a latent first; divide 8-bit values by 255.",
        )


def play_order(num_frames: int, pingpong: bool) -> Sequence[int]:
    """Indices of the frames as shown: 0..T-1, with pingpong then T-2..1 (a loop shows no end twice)."""
    forward = range(num_frames)
    return [*forward, *forward[-2:0:-1]] if pingpong else forward


def shown_frames(images: Tensor, *, pingpong: bool) -> Tensor:
    """The frames as shown, as RGB [T', H, W, 3]; a view of the input where nothing has to change."""
    rgb = _as_rgb(images)
    return rgb[list(play_order(len(rgb), True))] if pingpong else rgb


@dataclass(frozen=True)
class FrameSource:
    """Frames in the order of play, read one by one; nothing is kept.

    Args:
        images: the batch, on any device.
        order: index of the image shown at each position.
        keep_alpha: whether a fourth channel is passed on or dropped.
        size_multiple: height and width are padded to a multiple of this by repeating the last row and column.
    """

    images: Tensor
    order: Sequence[int]
    keep_alpha: bool = False
    size_multiple: int = 1

    def __len__(self) -> int:
        return len(self.order)

    @property
    def height(self) -> int:
        return self.images.shape[1] + self._missing(self.images.shape[1])

    @property
    def width(self) -> int:
        return self.images.shape[2] + self._missing(self.images.shape[2])

    @property
    def padded(self) -> bool:
        return (self.height, self.width) != tuple(self.images.shape[1:3])

    def frame(self, position: int) -> np.ndarray:
        """The frame [H, W, 3 or 4] shown at `position`: float32 on the CPU, within 0..1, padded.

        Raises:
            InputError: the frame holds NaN or infinity.
        """
        index = self.order[position]
        image = self.images[index].detach().to("cpu", torch.float32).numpy()
        if not np.isfinite(image).all():
            number = f"frame {index + 1} of {len(self.images)}"
            raise InputError(
                f"The input `images` holds values that are not numbers, in {number}.",
                found="NaN or infinity",
                expected="numbers from 0 to 1",
                fix="Look at the node that made the frames: a VAE in half precision often overflows.",
            )
        if not self.keep_alpha or image.shape[-1] == 1:
            image = _as_rgb(image)
        return self._pad(image.clip(0, 1))

    def pixels(self, position: int, *, stride: int = 1) -> np.ndarray:
        """The frame in 8 bits [H, W, 3 or 4], rounded to nearest; every `stride`-th row and column."""
        image = self.frame(position)[::stride, ::stride]
        return np.ascontiguousarray(np.rint(image * 255).astype(np.uint8))

    def _missing(self, size: int) -> int:
        return -size % self.size_multiple

    def _pad(self, image_HWC: np.ndarray) -> np.ndarray:
        down, right = self._missing(image_HWC.shape[0]), self._missing(image_HWC.shape[1])
        return np.pad(image_HWC, ((0, down), (0, right), (0, 0)), mode="edge") if down or right else image_HWC


def _as_rgb(images: Images) -> Images:
    """Grey is repeated, alpha is dropped; channels are the last dimension."""
    return images[..., [0, 0, 0]] if images.shape[-1] == 1 else images[..., :3]


def exact_rate(frame_rate: float | Fraction) -> Fraction:
    """The rate as a fraction with a denominator up to 1001: 29.97 becomes 2997/100, 30000/1001 stays.

    Raises:
        InputError: it is not a positive number.
    """
    rate = Fraction(frame_rate).limit_denominator(1001) if math.isfinite(frame_rate) else Fraction(0)
    if rate <= 0:
        raise InputError(
            "The input `frame_rate` is not a rate.",
            found=str(frame_rate),
            expected="frames per second, above 0",
            fix="Use 8 for the StyleCrafter video model.",
        )
    return rate


def tick_of(position: int, rate: Fraction, ticks_per_second: int) -> int:
    """When frame `position` starts, in ticks, rounded to nearest (halves up)."""
    return math.floor(position * ticks_per_second / rate + Fraction(1, 2))


def delays(num_frames: int, rate: Fraction, ticks_per_second: int) -> list[int]:
    """How long each frame is shown, in ticks; spread so that each starts within half a tick of its time."""
    starts = [tick_of(position, rate, ticks_per_second) for position in range(num_frames + 1)]
    return [end - start for start, end in pairwise(starts)]
