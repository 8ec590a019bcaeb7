"""Pictures in rows and columns, each row and column with its words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from stylecrafter_core.errors import InputError
from stylecrafter_core.media.lettering import font, wrapped

GAP, MARGIN = 4, 8
LABEL_WIDTH, HEADER_HEIGHT = 120, 40  # that of the header at least
LETTER_SIZE, LINE = 12, 16
INK = (32, 32, 32)


def labelled_sheet(
    pictures: Sequence[Sequence[Tensor]], rows: Sequence[str], columns: Sequence[str]
) -> Tensor:
    """One picture of all; no picture covers a word.

    Args:
        pictures: R rows of C pictures, each [H, W, 3] in 0..1, all of one size.
        rows: R texts, to the left of the rows.
        columns: C texts, above the columns.

    Returns:
        [height, width, 3], 0..1, on white.

    Raises:
        InputError: rows and columns of pictures and of words are not equally many.
    """
    _check(pictures, rows, columns)
    height, width = pictures[0][0].shape[:2]
    above = [wrapped(words, width, LETTER_SIZE) for words in columns]
    beside = [wrapped(words, LABEL_WIDTH - MARGIN - GAP, LETTER_SIZE) for words in rows]
    header = max(HEADER_HEIGHT, MARGIN + LINE * max(map(len, above)))
    heights = [max(height, LINE * len(lines)) + GAP for lines in beside]
    size = (LABEL_WIDTH + len(columns) * (width + GAP), header + sum(heights))
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    for number, lines in enumerate(above):
        _write(draw, LABEL_WIDTH + number * (width + GAP), MARGIN, lines)
    for row, lines in enumerate(beside):
        top = header + sum(heights[:row])
        _write(draw, MARGIN, top, lines)
        for column, picture in enumerate(pictures[row]):
            sheet.paste(_image(picture), (LABEL_WIDTH + column * (width + GAP), top))
    return torch.from_numpy(np.asarray(sheet, dtype=np.float32) / 255)


def _image(picture_HW3: Tensor) -> Image.Image:
    return Image.fromarray((picture_HW3 * 255).round().clamp(0, 255).to(torch.uint8).cpu().numpy())


def _write(draw: ImageDraw.ImageDraw, left: int, top: int, lines: Sequence[str]) -> None:
    for number, line in enumerate(lines):
        draw.text((left, top + LINE * number), line, INK, font(LETTER_SIZE))


def _check(pictures: Sequence[Sequence[Tensor]], rows: Sequence[str], columns: Sequence[str]) -> None:
    found = [len(row) for row in pictures]
    if found != [len(columns)] * len(rows) or not rows or not columns:
        raise InputError(
            "The pictures of a sheet and their words do not fit together.",
            found=f"rows of {', '.join(map(str, found)) or 'nothing'} pictures",
            expected=f"{len(rows)} rows of {len(columns)} pictures, one at least",
            fix="give each row and each column of pictures a text",
        )
