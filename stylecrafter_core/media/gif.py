"""Animated gif: one palette for the whole film, so that nothing flickers, and error diffusion."""

from __future__ import annotations

import logging
import math
import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from .encoding import Encoding
from .frames import FrameSource, delays, tick_of

logger = logging.getLogger(__name__)

TICKS = 100  # a gif counts in hundredths of a second
FASTEST = 50  # frames per second; browsers show delays below two hundredths as ten
_COLOURS = 255  # and one entry for "as in the frame before", by which the encoder saves space
_PALETTE_PIXELS = 2**16  # looked at to choose the palette; more cost time and change nothing visible


def write_gif(frames: FrameSource, path: Path, encoding: Encoding) -> None:
    """Two passes over the frames: a thinned one for the palette, a full one for the pictures."""
    _warn_about_rate(encoding.rate)
    palette = _palette(frames, encoding)
    last_delay = delays(len(frames), encoding.rate, TICKS)[-1]
    options = {"loop": _loop_option(encoding.loop_count), "final_delay": str(last_delay)}
    with av.open(os.fspath(path), "w", format="gif", options=options) as output:
        stream = output.add_stream("gif", rate=TICKS)
        stream.width, stream.height, stream.pix_fmt = frames.width, frames.height, "pal8"
        for position in range(len(frames)):
            frame = _paletted(frames.pixels(position), palette)
            frame.pts, frame.time_base = tick_of(position, encoding.rate, TICKS), Fraction(1, TICKS)
            output.mux(stream.encode(frame))
            encoding.progress(position + 1)
        output.mux(stream.encode(None))


def _loop_option(loop_count: int) -> str:
    """The file counts repetitions after the first time; -1 leaves that out (play once), 0 is for ever."""
    return "0" if loop_count == 0 else str(loop_count - 1 or -1)


def _warn_about_rate(rate: Fraction) -> None:
    if rate > FASTEST:
        logger.warning(
            "gif: browsers are slow above %d frames per second; asked: %.5g.", FASTEST, float(rate)
        )
    elif TICKS % rate:
        logger.warning(
            "gif: %.5g frames per second is not a whole number of hundredths of a second per frame; "
            "the delays alternate, the whole length is right.",
            float(rate),
        )


def _palette(frames: FrameSource, encoding: Encoding) -> Image.Image:
    """An image whose palette fits all frames, chosen from every n-th row, column and frame."""
    area = frames.width * frames.height
    stride = max(1, math.ceil(math.sqrt(area * min(len(frames), 16) / _PALETTE_PIXELS)))
    step = max(1, math.ceil(len(frames) * (area / stride**2) / _PALETTE_PIXELS))
    samples = []
    for position in range(0, len(frames), step):
        samples.append(frames.pixels(position, stride=stride))
        encoding.progress(0)
    return Image.fromarray(np.concatenate(samples)).quantize(_COLOURS, Image.Quantize.MEDIANCUT, kmeans=2)


def _paletted(pixels_HWC: np.ndarray, palette: Image.Image) -> av.VideoFrame:
    """The picture drawn in the palette's colours; the entry behind them is transparent."""
    picture = Image.fromarray(pixels_HWC).quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
    colours = np.array(palette.getpalette(), np.uint8).reshape(-1, 3)[:_COLOURS]
    alpha_red_green_blue = np.zeros((256, 4), np.uint8)
    alpha_red_green_blue[: len(colours), 0] = 255
    alpha_red_green_blue[: len(colours), 1:] = colours
    planes = (np.asarray(picture), alpha_red_green_blue)
    return av.VideoFrame.from_ndarray(planes, format="pal8")  # type: ignore[arg-type]  # its stub lacks pal8
