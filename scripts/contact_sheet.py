"""One picture that shows videos and images at a glance, a row for each: the references, then the frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import av
from PIL import Image, ImageDraw, ImageOps

from stylecrafter_core.media.lettering import font, without_accents

MOST_FRAMES = 8
CELL = 128  # height of a row's pictures
GAP, TITLE_HEIGHT = 8, 18
SIDE, COLUMNS, LINES = 200, 4, 2  # of a thumbnail's frames, where there are several
BACKGROUND, INK = (24, 24, 24), (230, 230, 230)
VIDEO_ENDINGS = (".mp4", ".webm")

Row = tuple[str, Sequence[Path], Sequence[Path]]


def write_overview(rows: Sequence[Row], sheet: Path) -> None:
    """Writes a picture with all rows, in the format that the file's ending names.

    Args:
        rows: title, reference pictures, and the videos or images that were made after them.

    Raises:
        ValueError: a video has no frame.
    """
    lines = [
        (title, [*_references(references, CELL), *(cell for result in results for cell in _shown(result))])
        for title, references, results in rows
    ]
    width = max(sum(cell.width + GAP for cell in cells) for _, cells in lines) + GAP
    height = len(lines) * (TITLE_HEIGHT + CELL + GAP)
    canvas = Image.new("RGB", (width, height), BACKGROUND)
    draw = ImageDraw.Draw(canvas)
    for number, (title, cells) in enumerate(lines):
        top, left = number * (TITLE_HEIGHT + CELL + GAP), GAP
        draw.text((GAP, top + 2), without_accents(title), INK, font(12))
        for cell in cells:
            canvas.paste(cell, (left, top + TITLE_HEIGHT))
            left += cell.width + GAP
    sheet.parent.mkdir(parents=True, exist_ok=True)
    canvas.save(sheet)


def thumbnail(references: Sequence[Path], frames: Sequence[Image.Image]) -> Image.Image:
    """The references in a column, then eight frames evenly spread, or the one picture as high as all."""
    height = LINES * SIDE + GAP
    own = (height - (len(references) - 1) * GAP) // len(references)
    side, columns = (SIDE, COLUMNS) if len(frames) > 1 else (height, 1)
    shown = [frames[place] for place in spread(len(frames), COLUMNS * LINES)]
    canvas = Image.new("RGB", (own + columns * (GAP + side) + 2 * GAP, height + 2 * GAP), BACKGROUND)
    for number, picture in enumerate(_references(references, own)):
        canvas.paste(picture, (GAP, GAP + number * (own + GAP)))
    for number, frame in enumerate(shown):
        line, column = divmod(number, columns)
        place = (own + (column + 1) * GAP + column * side + GAP, GAP + line * (side + GAP))
        canvas.paste(ImageOps.fit(frame, (side, side), Image.Resampling.LANCZOS), place)
    return canvas


def style_pictures(references: Sequence[Path]) -> Image.Image:
    """The thumbnail of a template without a result: its references, side by side."""
    side = LINES * SIDE + GAP
    canvas = Image.new("RGB", (len(references) * (side + GAP) + GAP, side + 2 * GAP), BACKGROUND)
    for number, picture in enumerate(_references(references, side)):
        canvas.paste(picture, (GAP + number * (side + GAP), GAP))
    return canvas


def frames_of(result: Path) -> list[Image.Image]:
    """All frames of a video in order, or the one picture of an image file."""
    if result.suffix not in VIDEO_ENDINGS:
        with Image.open(result) as picture:
            return [picture.convert("RGB")]
    with av.open(str(result)) as container:
        return [frame.to_image() for frame in container.decode(video=0)]


def spread(count: int, most: int) -> list[int]:
    """At most `most` indices of 0..count-1, evenly spread, first and last among them."""
    if count <= most:
        return list(range(count))
    return [round(place * (count - 1) / (most - 1)) for place in range(most)]


def _references(files: Sequence[Path], side: int) -> list[Image.Image]:
    """The middle square of each."""
    squares = []
    for file in files:
        with Image.open(file) as picture:
            squares.append(ImageOps.fit(picture.convert("RGB"), (side, side), Image.Resampling.LANCZOS))
    return squares


def _shown(result: Path) -> list[Image.Image]:
    frames = frames_of(result)
    if not frames:
        raise ValueError(f"{result} has no frame to show")
    width = round(frames[0].width * CELL / frames[0].height)
    return [
        frames[place].resize((width, CELL), Image.Resampling.LANCZOS)
        for place in spread(len(frames), MOST_FRAMES)
    ]
