"""What is written decodes to what was asked: frames, order, size, rate, length, loops, transparency."""

from __future__ import annotations

import logging
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from films import moving_square, plain, square_position
from PIL import Image

from stylecrafter_core.errors import InputError
from stylecrafter_core.media import FORMATS, WrittenVideo, play_order, read_video, shown_frames, write_video

VIDEOS = [name for name, kind in FORMATS.items() if kind.is_video]
ANIMATIONS = ["webp", "gif"]


def write(
    folder: Path, frames: torch.Tensor, name: str, rate: float | Fraction = 10, **options
) -> WrittenVideo:
    return write_video(
        frames, folder / f"film{FORMATS[name].extension}", format=name, frame_rate=rate, **options
    )


@pytest.mark.parametrize("num_frames", [1, 2, 16])
@pytest.mark.parametrize("name", FORMATS)
def test_content_survives(tmp_path, name, num_frames):
    film = moving_square(num_frames)
    written = write(tmp_path, film, name)
    read = read_video(written.path)
    assert (written.num_frames, written.width, written.height) == (num_frames, 96, 64)
    assert read.frames.shape == film.shape
    assert (read.frames - film).abs().mean() < 0.02
    assert [square_position(frame) for frame in read.frames] == [square_position(frame) for frame in film]


def test_png_is_without_loss_and_rounds_to_nearest(tmp_path):
    values = torch.tensor([0.0, 0.4999, 0.5001, 1.4999, 127.4999, 127.5001, 254.4999, 254.5001, 255.0]) / 255
    written = write(tmp_path, values.reshape(1, 1, 9, 1).expand(1, 4, 9, 3), "png")
    pixels = np.asarray(Image.open(written.files[0]))[0, :, 0]
    assert pixels.tolist() == [0, 0, 1, 1, 127, 128, 254, 255, 255]


def test_values_beyond_the_range_are_clamped(tmp_path):
    written = write(tmp_path, torch.tensor([-3.0, 7.0]).reshape(1, 1, 2, 1), "png")
    assert np.asarray(Image.open(written.files[0]))[0, :, 0].tolist() == [0, 255]


@pytest.mark.parametrize("rate", [8, 12.5, 23.976, Fraction(30000, 1001)])
@pytest.mark.parametrize("name", VIDEOS)
def test_rate_and_length_of_videos(tmp_path, name, rate):
    written = write(tmp_path, moving_square(30), name, rate)
    assert read_video(written.path).frame_rate == Fraction(rate).limit_denominator(1001)
    with av.open(str(written.path)) as container:
        assert container.duration / av.time_base == pytest.approx(30 / float(rate), abs=0.002)


@pytest.mark.parametrize(("name", "tick"), [("webp", 0.001), ("gif", 0.01)])
@pytest.mark.parametrize("rate", [8, 10, 24, 30])
def test_length_of_animations_is_right_for_any_rate(tmp_path, name, tick, rate):
    written = write(tmp_path, moving_square(31), name, rate)
    durations = durations_of(written.path)
    assert sum(durations) == pytest.approx(31 / rate, abs=tick / 2)
    assert max(durations) - min(durations) <= tick + 1e-9


def durations_of(path: Path) -> list[float]:
    durations = []
    with Image.open(path) as film:
        for number in range(film.n_frames):
            film.seek(number)
            film.load()
            durations.append(film.info["duration"] / 1000)
    return durations


@pytest.mark.parametrize("rate", [100.5, 119.88, 120])
def test_gif_refuses_more_frames_than_it_can_tell_apart(tmp_path, rate):
    with pytest.raises(InputError, match="`frame_rate` is too high for gif"):
        write_video(moving_square(2), tmp_path / "film.gif", format="gif", frame_rate=rate)
    assert not list(tmp_path.iterdir())
    assert write_video(moving_square(2), tmp_path / "film.gif", format="gif", frame_rate=100).num_frames == 2


def test_gif_says_when_it_cannot_keep_the_rate(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        write(tmp_path, moving_square(2), "gif", 10)
        assert caplog.text == ""
        write(tmp_path, moving_square(2), "gif", 8)
        assert "gif: 8 frames per second is not a whole number of hundredths" in caplog.text
        write(tmp_path, moving_square(2), "gif", 60)
        assert "browsers are slow above 50 frames per second; asked: 60" in caplog.text


@pytest.mark.parametrize(("loop_count", "webp_plays", "gif_repeats"), [(0, 0, 0), (1, 1, None), (3, 3, 2)])
def test_loop_count_is_the_number_of_plays(tmp_path, loop_count, webp_plays, gif_repeats):
    webp = write(tmp_path, moving_square(3), "webp", loop_count=loop_count)
    gif = write(tmp_path, moving_square(3), "gif", loop_count=loop_count)
    assert Image.open(webp.path).info["loop"] == webp_plays
    assert Image.open(gif.path).info.get("loop") == gif_repeats


@pytest.mark.parametrize("name", FORMATS)
def test_pingpong_goes_back_without_showing_an_end_twice(tmp_path, name):
    film = moving_square(5)
    written = write(tmp_path, film, name, pingpong=True)
    positions = [square_position(frame) for frame in read_video(written.path).frames]
    assert written.num_frames == 8
    assert positions == [square_position(film[number]) for number in (0, 1, 2, 3, 4, 3, 2, 1)]


def test_pingpong_of_very_short_films():
    assert [list(play_order(count, True)) for count in (1, 2, 3)] == [[0], [0, 1], [0, 1, 2, 1]]


def test_shown_frames_copies_only_when_it_must():
    film = torch.rand(3, 4, 5, 4)
    assert shown_frames(film, pingpong=False).data_ptr() == film.data_ptr()
    assert torch.equal(shown_frames(film, pingpong=True), film[[0, 1, 2, 1], ..., :3])
    assert torch.equal(shown_frames(film[..., :1], pingpong=False), film[..., :1].expand(3, 4, 5, 3))


@pytest.mark.parametrize("name", FORMATS)
def test_odd_sizes(tmp_path, name, caplog):
    film = moving_square(4, height=63, width=95)
    with caplog.at_level(logging.WARNING):
        read = read_video(write(tmp_path, film, name).path).frames
    padded = FORMATS[name].is_video
    assert read.shape[1:3] == ((64, 96) if padded else (63, 95))
    assert (read[:, :63, :95] - film).abs().mean() < 0.02
    assert ("95×63 is padded to 96×64" in caplog.text) is padded
    if padded:
        assert (read[:, 63, :95] - film[:, 62]).abs().mean() < 0.02


@pytest.mark.parametrize("name", FORMATS)
def test_one_pixel(tmp_path, name):
    assert read_video(write(tmp_path, plain((0.5, 0.5, 0.5), 2, 1, 1), name).path).frames.shape[0] == 2


@pytest.mark.parametrize("name", FORMATS)
def test_grey_becomes_rgb(tmp_path, name):
    read = read_video(write(tmp_path, plain((0.4,)), name).path).frames
    assert (read - 0.4).abs().max() < 0.012


@pytest.mark.parametrize("name", FORMATS)
def test_alpha_is_kept_where_the_file_can_hold_it_and_dropped_elsewhere(tmp_path, name):
    film = torch.cat([plain((0.2, 0.5, 0.7)), plain((0.5,))], dim=-1)
    written = write(tmp_path, film, name, crf=0)
    assert (read_video(written.path).frames - film[..., :3]).abs().max() < 0.02
    if FORMATS[name].keeps_alpha:
        pixels = np.asarray(Image.open(written.files[0]).convert("RGBA"))
        assert set(pixels[..., 3].flatten().tolist()) == {128}


@pytest.mark.parametrize("name", ["mp4", "webm", "webp"])
def test_crf_trades_size_for_loss(tmp_path, name):
    torch.manual_seed(0)
    film = torch.rand(4, 64, 64, 3)
    best, worst = (write(tmp_path, film, name, crf=crf).path.stat().st_size for crf in (1, 50))
    assert best > 2 * worst


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_float_types(tmp_path, name, dtype):
    read = read_video(write(tmp_path, plain((0.25, 0.5, 0.75)).to(dtype), name).path).frames
    assert (read[1, 16, 16] - torch.tensor([0.25, 0.5, 0.75])).abs().max() < 0.02


@pytest.mark.parametrize("name", FORMATS)
def test_progress_counts_the_frames_of_the_file(tmp_path, name):
    calls: list[int] = []
    write(tmp_path, moving_square(4), name, pingpong=True, progress=calls.append)
    assert [done for done in calls if done] == [1, 2, 3, 4, 5, 6]


def test_gif_has_one_palette_for_all_frames(tmp_path):
    film = torch.rand(6, 32, 32, 3)
    with Image.open(write(tmp_path, film, "gif").path) as gif:
        colours = set()
        for number in range(gif.n_frames):
            gif.seek(number)
            colours |= {tuple(colour) for colour in np.asarray(gif.convert("RGB")).reshape(-1, 3)}
    assert 200 < len(colours) <= 255


def test_an_existing_file_is_replaced(tmp_path):
    write(tmp_path, moving_square(2), "mp4")
    write(tmp_path, moving_square(5), "mp4")
    assert len(read_video(tmp_path / "film.mp4").frames) == 5
    assert [file.name for file in tmp_path.iterdir()] == ["film.mp4"]


def test_missing_folders_are_made(tmp_path):
    written = write_video(plain((1.0,)), tmp_path / "a" / "b" / "film.gif", format="gif", frame_rate=10)
    assert written.path.is_file()
