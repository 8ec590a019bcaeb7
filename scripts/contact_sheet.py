"""One picture that shows a video at a glance: the style reference, then frames in reading order."""

from __future__ import annotations

from pathlib import Path

import av
from PIL import Image

COLUMNS = 4
MOST_FRAMES = 16
GAP = 8
BACKGROUND = (24, 24, 24)


def video_frames(video: Path) -> list[Image.Image]:
    """All frames of a video file, in order."""
    with av.open(str(video)) as container:
        return [frame.to_image() for frame in container.decode(video=0)]


def write_contact_sheet(video: Path, reference: Path, sheet: Path) -> int:
    """Write the sheet as PNG: the reference as high as a frame, below it up to 16 frames spread evenly.

    Returns:
        Number of frames in the video.

    Raises:
        ValueError: the video has no frame.
    """
    frames = video_frames(video)
    if not frames:
        raise ValueError(f"{video} has no frame to show")
    width, height = frames[0].size
    with Image.open(reference) as picture:
        style = picture.convert("RGB")
    style.thumbnail((COLUMNS * (width + GAP) - GAP, height), Image.Resampling.LANCZOS)
    shown = [frames[index] for index in spread(len(frames), MOST_FRAMES)]
    rows = 1 + -(-len(shown) // COLUMNS)
    canvas = Image.new("RGB", (COLUMNS * (width + GAP) + GAP, rows * (height + GAP) + GAP), BACKGROUND)
    canvas.paste(style, (GAP, GAP))
    for place, frame in enumerate(shown):
        row, column = divmod(place, COLUMNS)
        canvas.paste(frame, (GAP + column * (width + GAP), GAP + (row + 1) * (height + GAP)))
    canvas.save(sheet)
    return len(frames)


def spread(count: int, most: int) -> list[int]:
    """At most `most` indices of 0..count-1, evenly spread, first and last among them."""
    if count <= most:
        return list(range(count))
    return [round(place * (count - 1) / (most - 1)) for place in range(most)]
