"""Results as frames, piece by piece, decoded in a thread ahead of those who measure them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import av
import av.error
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageSequence
from torch import Tensor

from stylecrafter_core.errors import MediaError, StyleCrafterError

from .test_set import read_picture

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
STREAMED = (".mp4", ".webm", ".mkv", ".mov", ".avi", ".mpg")
ANIMATED = (".webp", ".gif")
RESULTS = PICTURES + STREAMED + ANIMATED
PIECE = 8  # frames
AHEAD = 3  # pieces that wait

Item = TypeVar("Item")
Asked = TypeVar("Asked")


def pieces_of(file: Path) -> Iterator[Tensor]:
    """The frames of a picture, video or animated picture: [T ≤ 8, H, W, 3] in 0..1, one after another.

    Raises:
        MediaError: it cannot be read, is damaged, or holds no frames.
    """
    if file.suffix.lower() in PICTURES:
        yield read_picture(file)[None]
    else:
        yield from _of_one_size(_decoded(file))


def _decoded(file: Path) -> Iterator[NDArray[np.uint8]]:
    """Frames [H, W, 3], one after another."""
    seen = 0
    try:
        for frame in _animated(file) if file.suffix.lower() in ANIMATED else _streamed(file):
            yield frame
            seen += 1
    except (OSError, IndexError, SyntaxError, ValueError, av.error.FFmpegError) as problem:
        raise _unreadable(file, str(problem)) from problem
    if not seen:
        raise _unreadable(file, "no frames")


def _streamed(file: Path) -> Iterator[NDArray[np.uint8]]:
    with av.open(str(file)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24")


def _animated(file: Path) -> Iterator[NDArray[np.uint8]]:
    with Image.open(file) as film:
        for picture in ImageSequence.Iterator(film):
            yield np.array(picture.convert("RGB"))


def _of_one_size(frames: Iterator[NDArray[np.uint8]]) -> Iterator[Tensor]:
    """Pieces of at most eight frames; where the size changes, a new one begins."""
    waiting: list[NDArray[np.uint8]] = []
    for frame in frames:
        if waiting and (len(waiting) == PIECE or frame.shape != waiting[0].shape):
            yield _stacked(waiting)
            waiting = []
        waiting.append(frame)
    yield _stacked(waiting)


def _stacked(frames: list[NDArray[np.uint8]]) -> Tensor:
    return torch.from_numpy(np.stack(frames)).float() / 255


def _unreadable(file: Path, found: str) -> MediaError:
    return MediaError(
        f"The video {file} cannot be read.",
        found=found,
        expected="a whole video file",
        fix="make this result again, and check that it plays",
    )


@dataclass(frozen=True)
class Opened(Generic[Item, Asked]):
    """An item whose references are read, with its pieces; taking them may raise StyleCrafterError."""

    item: Item
    asked: Asked
    pieces: Iterator[Tensor]


@dataclass(frozen=True)
class Unreadable(Generic[Item]):
    """An item that could not even be begun."""

    item: Item
    problem: StyleCrafterError


_END = object()


def decoded_ahead(
    items: Sequence[Item], ask: Callable[[Item], Asked], file_of: Callable[[Item], Path]
) -> Iterator[Opened[Item, Asked] | Unreadable[Item]]:
    """Every item in order; a thread decodes at most three pieces ahead, also of the next item.

    What the caller leaves of an item's pieces is dropped.

    Args:
        ask: reads what the item was asked for; raises StyleCrafterError where that is missing.
        file_of: its result.
    """
    waiting: queue.Queue[object] = queue.Queue(AHEAD)
    stopped = threading.Event()

    def put(thing: object) -> None:
        while not stopped.is_set():
            try:
                return waiting.put(thing, timeout=0.2)
            except queue.Full:
                continue

    def produce() -> None:
        for item in items:
            try:
                put(ask(item))
                for piece in pieces_of(file_of(item)):
                    put(piece)
                    if stopped.is_set():
                        return
                put(_END)
            except BaseException as problem:  # noqa: BLE001 - handed over: the caller raises what is not ours
                put(problem)

    thread = threading.Thread(target=produce, name="decoding", daemon=True)
    thread.start()
    try:
        for item in items:
            first = waiting.get()
            if isinstance(first, StyleCrafterError):
                yield Unreadable(item, first)
                continue
            if isinstance(first, BaseException):
                raise first
            pieces = _until_end(waiting)
            yield Opened(item, first, pieces)  # type: ignore[arg-type]
            _drain(pieces)
    finally:
        stopped.set()
        thread.join()


def _until_end(waiting: queue.Queue[object]) -> Iterator[Tensor]:
    while (thing := waiting.get()) is not _END:
        if isinstance(thing, BaseException):
            raise thing
        yield thing  # type: ignore[misc]


def _drain(pieces: Iterator[Tensor]) -> None:
    try:
        for _ in pieces:
            pass
    except StyleCrafterError:
        return  # of an item that has failed already
