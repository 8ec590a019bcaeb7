"""Colours by the bt709 matrix, tagged as such."""

from __future__ import annotations

import av
import numpy as np
import pytest
import torch
from films import plain

from stylecrafter_core.media import read_video, write_video
from stylecrafter_core.media.container import rgb_to_yuv420

COLOURS = {
    "black": (0.0, 0.0, 0.0),
    "white": (1.0, 1.0, 1.0),
    "red": (1.0, 0.0, 0.0),
    "green": (0.0, 1.0, 0.0),
    "blue": (0.0, 0.0, 1.0),
    "grey": (0.5, 0.5, 0.5),
    "skin": (0.86, 0.67, 0.53),
}
# From the tables of ITU-R BT.709 for 8 bits: Y, Cb, Cr of the pure colours.
CODES = {
    "black": (16, 128, 128),
    "white": (235, 128, 128),
    "red": (63, 102, 240),
    "green": (173, 42, 26),
    "blue": (32, 240, 118),
}


@pytest.mark.parametrize("colour", CODES)
def test_codes_of_pure_colours(colour):
    planes = rgb_to_yuv420(plain(COLOURS[colour], 1, 4, 4)[0].numpy())
    luma, blue, red = planes[:4], planes[4, :], planes[5, :]
    assert (set(luma.flatten().tolist()), set(blue.tolist()), set(red.tolist())) == tuple(
        {code} for code in CODES[colour]
    )


def test_chroma_lies_on_the_left_sample_of_a_pair():
    """A red column at x = 2 weighs 1/2 in the sample at 2; at x = 1 it weighs 1/4 in those at 0 and 2."""

    def red_chroma(column: int) -> list[int]:
        image = np.zeros((2, 6, 3), np.float32)
        image[:, column, 0] = 1
        return (rgb_to_yuv420(image).reshape(-1)[15:18].astype(int) - 128).tolist()

    assert red_chroma(2) == [0, 56, 0]
    assert red_chroma(1) == [28, 28, 0]
    assert red_chroma(0) == [84, 0, 0]


@pytest.mark.parametrize("name", ["mp4", "webm"])
@pytest.mark.parametrize("colour", COLOURS)
def test_colours_come_back(tmp_path, name, colour):
    path = tmp_path / f"film.{name}"
    write_video(plain(COLOURS[colour]), path, format=name, frame_rate=8, crf=4)
    read = read_video(path).frames
    assert (read - torch.tensor(COLOURS[colour])).abs().max() <= 4 / 255


@pytest.mark.parametrize("name", ["mp4", "webm"])
def test_the_stored_luma_is_that_of_bt709(tmp_path, name):
    """Pure green is 173 by bt709 and 145 by bt601: the file holds the former."""
    path = tmp_path / f"film.{name}"
    write_video(plain(COLOURS["green"]), path, format=name, frame_rate=8, crf=4)
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        luma = frame.to_ndarray()[: frame.height]
    assert np.abs(luma.astype(int) - 173).max() <= 1


@pytest.mark.parametrize("name", ["mp4", "webm"])
def test_tags(tmp_path, name):
    path = tmp_path / f"film.{name}"
    write_video(plain(COLOURS["skin"]), path, format=name, frame_rate=8)
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        frame = next(container.decode(video=0))
    assert context.pix_fmt == "yuv420p"
    assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (
        1,
        1,
        1,
        1,
    )
    assert (int(frame.colorspace), int(frame.color_range)) == (1, 1)


@pytest.mark.parametrize("level", [0.2, 0.5, 0.8])
def test_grey_is_rounded_not_cut(level):
    luma = rgb_to_yuv420(plain((level,) * 3, 1, 2, 2)[0].numpy())[0, 0]
    assert luma == int(16 + 219 * level + 0.5)
