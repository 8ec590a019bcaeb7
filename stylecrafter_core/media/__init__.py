"""Frames in and out of files: mp4, webm, animated webp, gif and PNG sequences, frame by frame."""

from __future__ import annotations

from .encoding import metadata_text
from .files import explain_disk_errors
from .formats import FORMATS, VideoFormat, format_named
from .frames import check_frames, play_order, shown_frames
from .read import ReadVideo, read_video
from .write import WrittenVideo, write_video

__all__ = [
    "FORMATS",
    "ReadVideo",
    "VideoFormat",
    "WrittenVideo",
    "check_frames",
    "explain_disk_errors",
    "format_named",
    "metadata_text",
    "play_order",
    "read_video",
    "shown_frames",
    "write_video",
]
