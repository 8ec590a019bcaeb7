"""mp4 and webm, in the colours of the bt709 matrix."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream

from .encoding import Encoding
from .frames import FrameSource
from .sound import SoundTrack

BT709 = 1  # the number of bt709 in primaries, transfer characteristics and matrix alike (ITU-T H.273)
LIMITED_RANGE = 1  # "tv" range: luma 16..235, chroma 16..240

_RED, _GREEN, _BLUE = 0.2126, 0.7152, 0.0722  # luma weights


@dataclass(frozen=True)
class Container:
    """One kind of video file: the library's names for it, its encoders and their options."""

    name: str
    options: Mapping[str, str]
    video_codec: str
    video_options: Mapping[str, str]
    audio_codec: str


MP4 = Container(
    name="mp4",
    # Without use_metadata_tags the muxer drops names it does not know; faststart puts them before the frames,
    # where the host's web page looks for them, and lets a browser start before the file has arrived.
    options={"movflags": "use_metadata_tags+faststart"},
    video_codec="libx264",
    video_options={"preset": "medium"},
    audio_codec="aac",
)
WEBM = Container(
    name="webm",
    options={},
    video_codec="libvpx-vp9",
    # b=0: the quality is given by crf alone.
    video_options={"b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"},
    audio_codec="libopus",
)


def write_container(container: Container, frames: FrameSource, path: Path, encoding: Encoding) -> None:
    """Writes 4:2:0 video, bt709, with the metadata in front and the sound interleaved."""
    with av.open(os.fspath(path), "w", format=container.name, options=dict(container.options)) as output:
        output.metadata.update(encoding.metadata)
        video = _video_stream(output, container, frames, encoding)
        sound = SoundTrack(output, container.audio_codec, encoding.sound) if encoding.sound else None
        for position in range(len(frames)):
            output.mux(video.encode(_video_frame(frames, position, encoding.rate)))
            if sound:
                output.mux(sound.packets_until((position + 1) / encoding.rate))
            encoding.progress(position + 1)
        output.mux(video.encode(None))
        if sound:
            output.mux(sound.last_packets())


def _video_stream(
    output: OutputContainer, container: Container, frames: FrameSource, encoding: Encoding
) -> VideoStream:
    options = {**container.video_options, "crf": str(encoding.crf)}
    video: VideoStream = output.add_stream(container.video_codec, rate=encoding.rate, options=options)  # type: ignore[assignment]
    video.width, video.height, video.pix_fmt = frames.width, frames.height, "yuv420p"
    context = video.codec_context
    context.color_primaries = context.color_trc = context.colorspace = BT709
    context.color_range = LIMITED_RANGE
    return video


def _video_frame(frames: FrameSource, position: int, rate: Fraction) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(rgb_to_yuv420(frames.frame(position)), format="yuv420p")
    frame.colorspace, frame.color_range = BT709, LIMITED_RANGE
    frame.pts, frame.time_base = position, 1 / rate
    return frame


def rgb_to_yuv420(rgb_HWC: np.ndarray) -> np.ndarray:
    """8-bit planes of 4:2:0 video, by the bt709 matrix, rounded to nearest.

    The scaler of the video library takes bt601 unless told otherwise, and rounds an 8-bit picture twice.

    Y = 0.2126 R + 0.7152 G + 0.0722 B;  Cb = (B - Y) / 1.8556;  Cr = (R - Y) / 1.5748
    stored as 16 + 219 Y, 128 + 224 Cb, 128 + 224 Cr.

    Args:
        rgb_HWC: [H, W, 3] float, values 0..1; H and W even.

    Returns:
        [H * 3 / 2, W] uint8: the rows of Y, then the half-size planes of Cb and Cr packed behind one another.

    Source: ITU-R BT.709-6, items 3.2 to 3.5; chroma lies on the left luma sample of each pair, midway between
    rows, as decoders of h264 and VP9 assume.
    """
    height, width, _ = rgb_HWC.shape
    red, green, blue = np.moveaxis(rgb_HWC, -1, 0)
    luma = _RED * red + _GREEN * green + _BLUE * blue
    chroma_blue = _halve((blue - luma) / (2 * (1 - _BLUE)))
    chroma_red = _halve((red - luma) / (2 * (1 - _RED)))
    planes = (16 + 219 * luma, 128 + 224 * chroma_blue, 128 + 224 * chroma_red)
    codes = np.concatenate([plane.ravel() for plane in planes])
    return np.rint(codes).astype(np.uint8).reshape(height * 3 // 2, width)


def _halve(plane_HW: np.ndarray) -> np.ndarray:
    """Half the size: rows averaged in pairs, columns by 1-2-1 around each even one (the edge repeats)."""
    rows = (plane_HW[0::2] + plane_HW[1::2]) / 2
    even, odd = rows[:, 0::2], rows[:, 1::2]
    left = np.concatenate([even[:, :1], odd[:, :-1]], axis=1)
    return (left + 2 * even + odd) / 4
