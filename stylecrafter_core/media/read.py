"""A file, or a folder of pictures, to frames."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
import torch
from PIL import Image, ImageSequence
from torch import Tensor

from ..errors import MediaError

_ANIMATED_PICTURES = (".webp", ".gif")
_MILLISECONDS = 1000


@dataclass(frozen=True)
class ReadVideo:
    """Frames [T, H, W, 3] float32 within 0..1, and frames per second (None where the file does not say)."""

    frames: Tensor
    frame_rate: Fraction | None


def read_video(path: str | Path) -> ReadVideo:
    """Reads what the library decodes, animated webp and gif, and folders of PNG files; alpha is dropped.

    Raises:
        MediaError: there is no such file, it is damaged or something else, or it holds no frames.
    """
    path = Path(path)
    try:
        frames, rate = _reader(path)
    except (OSError, SyntaxError, ValueError, av.error.FFmpegError) as error:
        raise _unreadable(path, str(error)) from error
    if not frames:
        raise _unreadable(path, "no frames in it")
    if len({frame.shape for frame in frames}) > 1:
        raise _unreadable(path, "pictures of different sizes")
    return ReadVideo(torch.stack([torch.from_numpy(frame) for frame in frames]).float() / 255, rate)


def _reader(path: Path) -> tuple[list[np.ndarray], Fraction | None]:
    if path.is_dir():
        return [_rgb(picture) for picture in _open_all(sorted(path.glob("*.png")))], None
    if path.suffix.lower() in _ANIMATED_PICTURES:
        return _animated_picture(path)
    return _video(path)


def _video(path: Path) -> tuple[list[np.ndarray], Fraction | None]:
    with av.open(os.fspath(path)) as container:
        if not container.streams.video:
            return [], None
        stream = container.streams.video[0]
        # The scaler uses the matrix the frame is tagged with.
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)], stream.average_rate


def _animated_picture(path: Path) -> tuple[list[np.ndarray], Fraction | None]:
    frames, length = [], 0
    with Image.open(path) as film:
        for picture in ImageSequence.Iterator(film):
            frames.append(_rgb(picture))
            length += int(picture.info.get("duration", 0))
    return frames, Fraction(len(frames) * _MILLISECONDS, length) if length else None


def _open_all(paths: list[Path]) -> Iterator[Image.Image]:
    for path in paths:
        with Image.open(path) as picture:
            yield picture


def _rgb(picture: Image.Image) -> np.ndarray:
    return np.array(picture.convert("RGB"))


def _unreadable(path: Path, found: str) -> MediaError:
    return MediaError(
        f"{path} cannot be read as a video.",
        found=found,
        expected="a video file, an animated webp or gif, or a folder of PNG files of one size",
        fix="Check that the file is complete and that it plays.",
    )
