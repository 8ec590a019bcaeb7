"""Frames of videos by exact index."""

import io
import itertools
from contextlib import contextmanager

import av
import numpy as np
import pytest
import torch
from media_files import film, film_frames

from stylecrafter_core.errors import MediaError
from stylecrafter_core.training.data import clips
from stylecrafter_core.training.data.clips import measure_clip
from stylecrafter_core.training.data.samples import decode_clip

NUM = 40
KINDS = {
    "h264, B frames": ("mp4", "libx264", {"x264-params": "keyint=9:bframes=3:scenecut=0"}),
    "h264, open groups": ("matroska", "libx264", {"x264-params": "keyint=9:bframes=3:open-gop=1:scenecut=0"}),
    "vp9, hidden frames": ("webm", "libvpx-vp9", {"g": "15", "auto-alt-ref": "1", "lag-in-frames": "12"}),
    "mpeg4": ("avi", "mpeg4", {"g": "9", "bf": "2"}),
    "mpeg stream": ("mpeg", "mpeg2video", {"g": "9", "bf": "2"}),
    "transport stream": ("mpegts", "libx264", {"x264-params": "keyint=9:bframes=3"}),
}
RATES = {"mpeg stream": 25}


@pytest.fixture(scope="module", params=KINDS)
def kind_and_data(request):
    format, codec, options = KINDS[request.param]
    rate = RATES.get(request.param, 10)
    return request.param, film(NUM, format=format, codec=codec, options=options, rate=rate)


def all_frames(data: bytes) -> list[np.ndarray]:
    with av.open(io.BytesIO(data)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_every_index_is_the_frame_that_plain_decoding_counts(kind_and_data):
    _, data = kind_and_data
    truth = all_frames(data)
    assert len(truth) == NUM
    for start, stride in itertools.product(range(0, NUM - 9, 5), (1, 3)):
        clip = decode_clip(data, start, 4, stride)
        assert clip.dtype == torch.uint8
        assert np.array_equal(clip.numpy(), np.stack(truth[start : start + 4 * stride : stride]))


def test_a_clip_is_measured(kind_and_data):
    kind, data = kind_and_data
    clip = measure_clip(data)
    assert (clip.width, clip.height, clip.frames) == (96, 64, NUM)
    assert clip.fps == pytest.approx(RATES.get(kind, 10))
    assert clip.even
    assert not clip.missing_s
    assert not clip.turned


def test_a_file_reads_like_its_bytes(tmp_path):
    data = film()
    path = tmp_path / "film.mp4"
    path.write_bytes(data)
    assert torch.equal(decode_clip(path, 3, 5, 2), decode_clip(data, 3, 5, 2))


class Counting:
    """A container that counts the frames it decodes."""

    def __init__(self, container, decoded):
        self.container, self.decoded = container, decoded
        self.format, self.seek, self.demux = container.format, container.seek, container.demux

    def decode(self, stream):
        for frame in self.container.decode(stream):
            self.decoded.append(frame.pts)
            yield frame


def test_a_later_clip_decodes_less(monkeypatch):
    data = film(NUM, options={"x264-params": "keyint=5:scenecut=0"})
    decoded = []
    opened = clips._opened

    @contextmanager
    def counting(source):
        with opened(source) as (container, stream):
            yield Counting(container, decoded), stream

    monkeypatch.setattr(clips, "_opened", counting)
    decode_clip(data, NUM - 1, 1, 1)
    assert 1 <= len(decoded) <= 5
    monkeypatch.undo()
    assert torch.equal(decode_clip(data, NUM - 1, 1, 1)[0], decode_clip(data, 0, NUM, 1)[-1])


def test_a_video_that_ends_early_is_an_error():
    with pytest.raises(MediaError, match="ends early") as error:
        decode_clip(film(20), 16, 3, 2)
    assert error.value.found == "20 frames"
    assert error.value.expected == "at least 21 frames"


def test_the_last_frames_are_there():
    assert decode_clip(film(20), 15, 3, 2).shape == (3, 64, 96, 3)


@pytest.mark.parametrize(
    ("times", "even"),
    [([*range(10), *range(11, 21)], False), ([0, 1, 3, 4, 6, 7], False), (list(range(0, 40, 2)), True)],
    ids=["one frame dropped", "film in video", "every second tick"],
)
def test_an_uneven_rate_is_seen(times, even):
    clip = measure_clip(film(len(times), times=times, rate=10))
    assert clip.even is even
    assert clip.frames == len(times)


def test_milliseconds_are_no_uneven_rate():
    clip = measure_clip(film(30, format="webm", codec="libvpx-vp9", rate=30))
    assert clip.even
    assert clip.fps == pytest.approx(30, rel=0.01)


def test_a_webm_that_was_cut_says_how_much_is_missing():
    data = film(40, format="webm", codec="libvpx-vp9")
    clip = measure_clip(data[: len(data) * 2 // 3])
    assert clip.frames < 40
    assert clip.missing_s == pytest.approx((40 - clip.frames) / 10, abs=0.01)


def turned_by_players(data: bytes) -> bytes:
    """The same mp4 with a display matrix of a quarter turn clockwise in its track header."""
    one, none, minus_one = (value.to_bytes(4, "big", signed=True) for value in (65536, 0, -65536))
    matrix_at = data.index(b"tkhd") + 4 + 40
    matrix = none + one + none + minus_one + none
    return data[:matrix_at] + matrix + data[matrix_at + len(matrix) :]


def test_a_rotated_video_is_shown_upright():
    data = film()
    clip = measure_clip(turned_by_players(data))
    assert clip.turned
    assert (clip.width, clip.height) == (64, 96)
    turned = decode_clip(turned_by_players(data), 0, 2, 1).numpy()
    assert np.array_equal(turned, np.rot90(decode_clip(data, 0, 2, 1).numpy(), -1, axes=(1, 2)))


@pytest.mark.parametrize("data", [b"no video", film()[:200], film()[:-400]], ids=["text", "head", "cut"])
def test_what_cannot_be_decoded_says_so(data):
    with pytest.raises(MediaError, match="The video cannot be decoded") as error:
        measure_clip(data)
    assert error.value.found


def test_sound_alone_is_no_video():
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="wav") as output:
        stream = output.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        output.mux(stream.encode(frame))
    with pytest.raises(MediaError) as error:
        measure_clip(buffer.getvalue())
    assert error.value.found == "no video in it"


def test_a_variable_rate_is_read_at_even_moments(tmp_path):
    """Frames at 0, 1, 2, 3, 8, 9 tenths: six moments 1.8 tenths apart show frames 0, 1, 3, 3, 3 and 5."""
    data = film(6, times=[0, 1, 2, 3, 8, 9])
    whole = decode_clip(film(6), 0, 6, 1)
    found = decode_clip(data, 0, 6, 1)
    counted = [[int((a.float() - b.float()).abs().mean() < 2) for b in whole].index(1) for a in found]
    assert counted == [0, 1, 3, 3, 3, 5]
    assert torch.equal(decode_clip(data, 1, 2, 2), found[[1, 3]])


def with_bytes_behind_a_slice(number: int) -> bytes:
    """An mp4 whose packet of that number has 40 bytes more than its picture needs."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as output:
        stream = output.add_stream(
            "libx264", rate=10, options={"x264-params": "no-cabac=1:bframes=0:threads=1"}
        )
        stream.width, stream.height = 96, 64
        frames = [av.VideoFrame.from_ndarray(pixels) for pixels in film_frames(12)]
        for place, packet in enumerate(itertools.chain(*map(stream.encode, frames), stream.encode())):
            longer = av.Packet(bytes(packet) + (b"\x55" * 40 if place == number else b""))
            longer.stream, longer.pts, longer.dts = stream, packet.pts, packet.dts
            longer.time_base, longer.is_keyframe = packet.time_base, packet.is_keyframe
            output.mux(longer)
    return buffer.getvalue()


def test_bytes_left_over_behind_a_slice_are_damage():
    assert measure_clip(with_bytes_behind_a_slice(99)).frames == 12
    with pytest.raises(MediaError):
        measure_clip(with_bytes_behind_a_slice(5))
