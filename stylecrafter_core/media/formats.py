"""The kinds of file that can be written, as data; and a folder of numbered PNG files, the simplest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ..errors import InputError
from .container import MP4, WEBM, write_container
from .encoding import Encoding
from .frames import FrameSource
from .gif import TICKS, write_gif
from .webp import write_webp


@dataclass(frozen=True)
class VideoFormat:
    """One kind of file.

    Args:
        extension: with its dot; empty for a folder of files.
        write: writes frames to a path.
        largest_crf: largest value of crf the encoder takes; None where there is no such setting.
        fastest: most frames per second that it can tell apart; None where there is no such limit.
        size_multiple: width and height must be multiples of this.
        keeps_alpha, keeps_sound, keeps_metadata: what the file can carry.
        is_video: a video file for players, not an animated picture or a set of pictures.
        is_animated: the host's web page can show it moving; it tries a gif in a video player.
    """

    extension: str
    write: Callable[[FrameSource, Path, Encoding], None]
    largest_crf: int | None = None
    fastest: int | None = None
    size_multiple: int = 1
    keeps_alpha: bool = False
    keeps_sound: bool = False
    keeps_metadata: bool = True
    is_video: bool = False
    is_animated: bool = False


FILE_NAME = "frame_{number:05}.png"


def write_png_sequence(frames: FrameSource, path: Path, encoding: Encoding) -> None:
    """Makes the folder `path` of frame_00001.png and so on; alpha is kept, each carries the metadata."""
    path.mkdir()
    texts = PngInfo()
    for name, text in encoding.metadata.items():
        texts.add_text(name, text)
    for position in range(len(frames)):
        picture = Image.fromarray(frames.pixels(position))
        picture.save(path / FILE_NAME.format(number=position + 1), pnginfo=texts, compress_level=4)
        encoding.progress(position + 1)


FORMATS: dict[str, VideoFormat] = {
    "mp4": VideoFormat(
        ".mp4",
        partial(write_container, MP4),
        largest_crf=51,
        size_multiple=2,
        keeps_sound=True,
        is_video=True,
        is_animated=True,
    ),
    "webm": VideoFormat(
        ".webm",
        partial(write_container, WEBM),
        largest_crf=63,
        size_multiple=2,
        keeps_sound=True,
        is_video=True,
        is_animated=True,
    ),
    "webp": VideoFormat(".webp", write_webp, largest_crf=100, keeps_alpha=True, is_animated=True),
    "gif": VideoFormat(".gif", write_gif, fastest=TICKS, keeps_metadata=False),
    "png": VideoFormat("", write_png_sequence, keeps_alpha=True),
}


def format_named(name: str) -> VideoFormat:
    """The kind of file of this name.

    Raises:
        InputError: there is none.
    """
    if name not in FORMATS:
        raise InputError(
            "The input `format` is unknown.",
            found=repr(name),
            expected=f"one of {', '.join(FORMATS)}",
            fix="Choose one from the list.",
        )
    return FORMATS[name]
