"""Frames to a file."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from torch import Tensor

from ..errors import InputError
from ..files import written_whole
from .encoding import Encoding
from .files import explain_disk_errors
from .formats import VideoFormat, format_named
from .frames import FrameSource, check_frames, exact_rate, play_order
from .sound import Sound, checked_sound

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class WrittenVideo:
    """What stands on the disk.

    Args:
        path: the file; for a PNG sequence its folder.
        files: every file, in order of play; one except for a PNG sequence.
        width, height: in pixels, as written (after padding).
        num_frames: as written (after pingpong).
        frame_rate: frames per second.
    """

    path: Path
    files: tuple[Path, ...]
    width: int
    height: int
    num_frames: int
    frame_rate: Fraction


def write_video(
    frames: Tensor,
    path: str | Path,
    *,
    format: str,
    frame_rate: float | Fraction,
    loop_count: int = 0,
    pingpong: bool = False,
    crf: int = 19,
    metadata: Mapping[str, str] | None = None,
    audio: tuple[Tensor, int] | None = None,
    progress: Callable[[int], None] | None = None,
) -> WrittenVideo:
    """Writes the frames one by one under a temporary name, then renames: `path` is whole or not there.

    Args:
        frames: [T, H, W, C], values 0..1 (clamped), C = 1 grey, 3 RGB, 4 RGBA (kept by webp and png).
        path: file to write, or folder to make for "png"; an existing file is replaced.
        format: a key of FORMATS.
        frame_rate: frames per second; nothing in a PNG sequence holds it.
        loop_count: times an animated webp or gif plays in all, 0 for ever; the other formats cannot say it.
        pingpong: whether the frames are shown forwards and then backwards.
        crf: loss of mp4 (0..51), webm (0..63) and webp (quality 100 - crf); 0 is best.
        metadata: text by name, in the file; a gif carries none.
        audio: (waveform [B, C, N] or [C, N], samples per second) for mp4 and webm; cut where the video ends.
        progress: called with the number of frames done. What it raises stops the writing and is passed on.

    Raises:
        InputError: an input is outside what is accepted; the message names it.
        MediaError: the disk or the encoder refused; nothing stays behind.
    """
    path = Path(path)
    kind = format_named(format)
    check_frames(frames)
    source = FrameSource(frames, play_order(len(frames), pingpong), kind.keeps_alpha, kind.size_multiple)
    encoding = Encoding(
        rate=_rate(kind, format, frame_rate),
        loop_count=_loop_count(loop_count),
        crf=_crf(kind, format, crf),
        metadata=dict(metadata or {}) if kind.keeps_metadata else {},
        sound=_sound(kind, format, audio),
        progress=progress or (lambda done: None),
    )
    _log_what_changes(source, kind, format, metadata)
    with explain_disk_errors(path), written_whole(path) as partial:
        kind.write(source, partial, encoding)
    files = (path,) if kind.extension else tuple(sorted(path.iterdir()))
    return WrittenVideo(path, files, source.width, source.height, len(source), encoding.rate)


def _rate(kind: VideoFormat, name: str, frame_rate: float | Fraction) -> Fraction:
    rate = exact_rate(frame_rate)
    if kind.fastest is not None and rate > kind.fastest:
        raise InputError(
            f"The input `frame_rate` is too high for {name}.",
            found=f"{float(rate):g} frames per second",
            expected=f"at most {kind.fastest}: a {name} counts in parts of 1/{kind.fastest} second",
            fix="Use a lower rate, or mp4.",
        )
    return rate


def _loop_count(loop_count: int) -> int:
    if not 0 <= loop_count < 2**16:
        raise InputError(
            "The input `loop_count` is out of range.",
            found=str(loop_count),
            expected="0 (for ever) to 65535",
            fix="Use 0.",
        )
    return loop_count


def _crf(kind: VideoFormat, name: str, crf: int) -> int:
    if kind.largest_crf is not None and not 0 <= crf <= kind.largest_crf:
        raise InputError(
            f"The input `crf` is out of range for {name}.",
            found=str(crf),
            expected=f"0 (best) to {kind.largest_crf}",
            fix="Use 19.",
        )
    return crf


def _sound(kind: VideoFormat, name: str, audio: tuple[Tensor, int] | None) -> Sound | None:
    if audio is None:
        return None
    sound = checked_sound(*audio)
    if kind.keeps_sound:
        return sound
    logger.warning("%s carries no sound: the input `audio` is left out. mp4 and webm keep it.", name)
    return None


def _log_what_changes(
    source: FrameSource, kind: VideoFormat, name: str, metadata: Mapping[str, str] | None
) -> None:
    if source.padded:
        height, width = source.images.shape[1:3]
        logger.warning(
            "%s needs even sizes: %d×%d is padded to %d×%d by repeating the edge.",
            name,
            width,
            height,
            source.width,
            source.height,
        )
    if source.images.shape[-1] == 4 and not kind.keeps_alpha:
        logger.info("%s carries no transparency: the alpha channel is dropped.", name)
    if metadata and not kind.keeps_metadata:
        logger.info("%s carries no metadata: the workflow is not in the file.", name)
