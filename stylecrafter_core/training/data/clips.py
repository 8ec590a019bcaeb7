"""Videos to RGB frames by exact index (PyAV). No torch here: the decoding processes must start fast."""

from __future__ import annotations

import bisect
import io
import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from ...errors import MediaError

Source: TypeAlias = Path | bytes

# Frames that come less than this share of a step too early or too late still count as an even rate: many
# containers round times to milliseconds.
_UNEVENNESS = Fraction(1, 4)
_MISSING_STEPS = Fraction(3, 2)
# Containers with an index: after a jump the times are exact. In others (MPEG streams) they are guessed.
_WITH_INDEX = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi")
# Damage is an error here, where by default a decoder paints over it.
_STRICT = "explode"
# Bytes left over behind a slice are damage, too; what encodes other kinds may leave some.
_STRICTER = {"h264": "explode+aggressive"}
_FIX = "Encode it again at a constant frame rate (for example with ffmpeg), or leave it out."


@dataclass(frozen=True)
class Clip:
    """What decoding every frame has shown.

    Attributes:
        width, height: as shown, in pixels.
        frames: how many.
        fps: frames per second; None for one frame.
        even: whether all frames are shown for the same time.
        missing_s: seconds that the header promises beyond the last frame; 0 for a whole file.
        turned: whether players rotate it.
    """

    width: int
    height: int
    frames: int
    fps: float | None
    even: bool
    missing_s: float
    turned: bool


def measure_clip(source: Source) -> Clip:
    """Decodes every frame.

    Raises:
        MediaError: no video in it, a frame is damaged, has no time, or another size than the first.
    """
    with _opened(source) as (container, stream):
        codec = stream.codec_context
        codec.options = {"err_detect": _STRICTER.get(codec.name, _STRICT)}
        first: av.VideoFrame | None = None
        times: list[int] = []
        for frame in container.decode(stream):
            if first is None:
                first = frame
                _pixels(frame)
            if frame.is_corrupt:
                raise _unreadable(f"frame {len(times)} is damaged")
            if (frame.width, frame.height) != (first.width, first.height):
                raise _unreadable(f"the size changes at frame {len(times)}")
            if frame.pts is None:
                raise _unreadable(f"frame {len(times)} has no time")
            times.append(frame.pts)
        if first is None:
            raise _unreadable("no frames in it")
        return _clip(stream, first, times)


def _clip(stream: VideoStream, first: av.VideoFrame, times: list[int]) -> Clip:
    steps = [later - earlier for earlier, later in itertools.pairwise(times)]
    sideways = first.rotation % 180 != 0
    width, height = (first.height, first.width) if sideways else (first.width, first.height)
    tick = Fraction(stream.time_base or 1)
    mean = Fraction(times[-1] - times[0], len(steps)) if steps else Fraction(0)
    return Clip(
        width=width,
        height=height,
        frames=len(times),
        fps=float(1 / (mean * tick)) if mean > 0 else None,
        even=_even(times),
        missing_s=_missing_seconds(stream, tick * times[-1], tick * mean) if steps else 0.0,
        turned=first.rotation % 360 != 0,
    )


def _even(times: Sequence[int]) -> bool:
    """Whether all frames are shown for the same time, up to the rounding of containers."""
    if len(times) < 2:
        return True
    mean = Fraction(times[-1] - times[0], len(times) - 1)
    tolerance = max(Fraction(1), _UNEVENNESS * mean)
    return all(
        abs(later - earlier - mean) <= tolerance and later > earlier
        for earlier, later in itertools.pairwise(times)
    )


def _at_even_moments(times: Sequence[int]) -> list[int]:
    """As many moments at the mean rate: of each, the time of the frame that is shown then."""
    last = len(times) - 1
    moments = (times[0] + Fraction(number * (times[-1] - times[0]), last) for number in range(last + 1))
    return [times[bisect.bisect_right(times, moment) - 1] for moment in moments]


def _missing_seconds(stream: VideoStream, last_s: Fraction, step_s: Fraction) -> float:
    """How much later than the end of the last frame the video should end by its own header."""
    end_s = _stated_end(stream)
    missing = end_s - (last_s + step_s) if end_s is not None else Fraction(0)
    return float(missing) if missing > _MISSING_STEPS * step_s else 0.0


def _stated_end(stream: VideoStream) -> Fraction | None:
    if stream.duration is not None and stream.time_base is not None:
        return ((stream.start_time or 0) + stream.duration) * stream.time_base
    stated = stream.metadata.get("DURATION", "").split(":")  # Matroska and WebM: hours, minutes, seconds
    if len(stated) != 3:
        return None
    hours, minutes, seconds = (Fraction(part) for part in stated)
    return 3600 * hours + 60 * minutes + seconds


def read_frames(source: Source, indices: Sequence[int]) -> np.ndarray:
    """The frames of those indices, counted from 0 in the order of play; [T, H, W, 3] uint8, upright.

    Of a video at a variable rate, as many moments at its mean rate are counted, and what is shown at each.

    Only what is needed is decoded: the times of all frames are read from the packets (nothing is decoded for
    that), then decoding starts at the last key frame at or before the first index, where the container has an
    index.

    Args:
        source: a file, or its bytes.
        indices: ascending, none twice.

    Raises:
        MediaError: the video ends before the last index, or cannot be decoded.
    """
    times, entries = _frame_times(source)
    if indices[-1] >= len(times):
        raise MediaError(
            "The video ends early.",
            found=f"{len(times)} frames",
            expected=f"at least {indices[-1] + 1} frames",
            fix="Run prepare again: the file is not the one in the manifest, or choose shorter clips.",
        )
    shown = times if _even(times) else _at_even_moments(times)
    asked = [shown[index] for index in indices]
    wanted = list(dict.fromkeys(asked))
    frames = _frames_at(source, wanted, max((time for time in entries if time <= wanted[0]), default=None))
    if len(frames) < len(wanted):  # the jump went too far
        frames = _frames_at(source, wanted, None)
    if len(frames) < len(wanted):
        raise _unreadable(
            f"{len(wanted) - len(frames)} of {len(wanted)} frames do not come out of the decoder"
        )
    frame_at = dict(zip(wanted, frames, strict=True))
    return np.stack([frame_at[time] for time in asked])


def _frame_times(source: Source) -> tuple[list[int], list[int]]:
    """The times of all frames that are shown, ascending, and those at which decoding may begin."""
    with _opened(source) as (container, stream):
        shown = [packet for packet in container.demux(stream) if packet.size and not packet.is_discard]
        times = [packet.pts for packet in shown if packet.pts is not None]
        entries = [packet.pts for packet in shown if packet.is_keyframe and packet.pts is not None]
        has_index = container.format.name in _WITH_INDEX
    if not times or len(times) < len(shown):
        raise _unreadable("frames without times")
    return sorted(times), entries if has_index else []


def _frames_at(source: Source, wanted: list[int], seek_to: int | None) -> list[np.ndarray]:
    """The frames shown at those times, decoding from the key frame at `seek_to`, or from the beginning."""
    found: list[np.ndarray] = []
    with _opened(source) as (container, stream):
        if seek_to is not None:
            container.seek(seek_to, stream=stream, backward=True)
        for frame in container.decode(stream):
            if frame.pts is None or frame.pts > wanted[len(found)]:
                break
            if frame.pts == wanted[len(found)]:
                found.append(_pixels(frame))
            if len(found) == len(wanted):
                break
    return found


def _pixels(frame: av.VideoFrame) -> np.ndarray:
    """[H, W, 3] uint8 by the colour matrix that the frame is tagged with, turned as players turn it."""
    return np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90))


@contextmanager
def _opened(source: Source) -> Iterator[tuple[InputContainer, VideoStream]]:
    try:
        with av.open(io.BytesIO(source) if isinstance(source, bytes) else str(source), "r") as container:
            if not container.streams.video:
                raise _unreadable("no video in it")
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1  # several files are read at once
            yield container, stream
    except (OSError, ValueError, av.error.FFmpegError) as error:
        raise _unreadable(getattr(error, "strerror", None) or str(error)) from error


def _unreadable(found: str) -> MediaError:
    return MediaError(
        "The video cannot be decoded.", found=found, expected="a whole video at an even frame rate", fix=_FIX
    )
