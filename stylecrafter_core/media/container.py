"""mp4 and webm."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import OutputContainer
from av.video.stream import VideoStream

from .colour import BT709, LIMITED_RANGE, rgb_to_yuv420
from .encoding import Encoding
from .frames import FrameSource
from .sound import SoundTrack


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
