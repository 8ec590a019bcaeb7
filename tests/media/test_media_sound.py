"""Sound beside the frames."""

from __future__ import annotations

import logging
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from films import moving_square

from stylecrafter_core.errors import InputError
from stylecrafter_core.media import read_video, write_video

VIDEOS = ["mp4", "webm"]
CODECS = {"mp4": "aac", "webm": "opus"}


def tone(seconds: float, sample_rate: int, channels: int = 2, hertz: float = 440) -> torch.Tensor:
    time = torch.arange(int(seconds * sample_rate)) / sample_rate
    return 0.5 * torch.sin(2 * torch.pi * hertz * time).expand(1, channels, -1)


def heard(path: Path) -> tuple[np.ndarray, int, str]:
    """Samples [channels, N], rate and codec."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        samples = np.concatenate([frame.to_ndarray() for frame in container.decode(stream)], axis=1)
        return samples, stream.rate, stream.codec_context.codec.canonical_name


@pytest.mark.parametrize("sample_rate", [44100, 16000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("name", VIDEOS)
def test_the_tone_is_in_the_file(tmp_path, name, channels, sample_rate):
    path = tmp_path / f"film.{name}"
    sound = tone(2.0, sample_rate, channels)
    write_video(moving_square(16), path, format=name, frame_rate=8, audio=(sound, sample_rate))
    samples, rate, codec = heard(path)
    assert (rate, codec, samples.shape[0]) == (48000, CODECS[name], channels)
    middle = samples[0, rate // 2 : rate // 2 + rate]  # one second: bins of 1 Hz
    assert np.abs(np.fft.rfft(middle)).argmax() == pytest.approx(440, abs=1)
    assert np.abs(middle).max() == pytest.approx(0.5, abs=0.05)
    assert len(read_video(path).frames) == 16


@pytest.mark.parametrize(("seconds", "expected"), [(5.0, 2.0), (2.0, 2.0), (0.7, 0.7)])
@pytest.mark.parametrize("name", VIDEOS)
def test_sound_is_cut_where_the_video_ends_and_may_be_shorter(tmp_path, name, seconds, expected):
    path = tmp_path / f"film.{name}"
    write_video(moving_square(16), path, format=name, frame_rate=8, audio=(tone(seconds, 44100), 44100))
    samples, rate, _ = heard(path)
    assert samples.shape[1] / rate == pytest.approx(expected, abs=1024 / rate)
    with av.open(str(path)) as container:
        assert container.duration / av.time_base == pytest.approx(2.0, abs=0.02)


@pytest.mark.parametrize("name", ["webp", "gif", "png"])
def test_pictures_leave_it_out_and_say_so(tmp_path, name, caplog):
    with caplog.at_level(logging.WARNING):
        write_video(
            moving_square(2), tmp_path / "film", format=name, frame_rate=10, audio=(tone(1, 8000), 8000)
        )
    assert f"{name} carries no sound: the input `audio` is left out" in caplog.text


@pytest.mark.parametrize(
    ("waveform", "sample_rate", "found"),
    [
        (torch.zeros(1, 2, 0), 44100, "waveform [1, 2, 0] at 44100 Hz"),
        (torch.zeros(1, 3, 50), 44100, "waveform [1, 3, 50]"),
        (torch.zeros(50), 44100, "waveform [50]"),
        (torch.zeros(1, 2, 50), 0, "at 0 Hz"),
        (torch.full((1, 2, 50), torch.nan), 44100, "NaN or infinity"),
    ],
)
def test_what_is_no_sound(tmp_path, waveform, sample_rate, found):
    with pytest.raises(InputError, match="The input `audio`") as error:
        write_video(
            moving_square(2), tmp_path / "a.mp4", format="mp4", frame_rate=8, audio=(waveform, sample_rate)
        )
    assert found in error.value.found
    assert list(tmp_path.iterdir()) == []
