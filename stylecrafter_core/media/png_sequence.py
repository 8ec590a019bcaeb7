"""A folder of numbered PNG files."""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from .encoding import Encoding
from .frames import FrameSource

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
