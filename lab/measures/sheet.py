"""Pictures in rows and columns, each row and column with its words."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from stylecrafter_core.errors import InputError
from stylecrafter_core.media.lettering import font, without_accents

GAP, MARGIN = 4, 8
LABEL_WIDTH, HEADER_HEIGHT = 120, 40  # the least
LETTERS_IN_ROW_LABEL, PIXELS_OF_LETTER, LETTER_SIZE, LINE = 17, 7, 12, 16
INK = (32, 32, 32)


def labelled_sheet(
    pictures: Sequence[Sequence[Tensor]], rows: Sequence[str], columns: Sequence[str]
) -> Tensor:
    """One picture of all; the words have all the room that they need.

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
    above = [_wrapped(words, width // PIXELS_OF_LETTER) for words in columns]
    beside = [_wrapped(words, LETTERS_IN_ROW_LABEL) for words in rows]
    header = max(HEADER_HEIGHT, MARGIN + _height(above))
    pitch = max(height, _height(beside)) + GAP
    sheet = Image.new(
        "RGB", (LABEL_WIDTH + len(columns) * (width + GAP), header + len(rows) * pitch), "white"
    )
    draw = ImageDraw.Draw(sheet)
    for number, words in enumerate(above):
        draw.multiline_text((LABEL_WIDTH + number * (width + GAP), MARGIN), words, INK, font(LETTER_SIZE))
    for row, words in enumerate(beside):
        top = header + row * pitch
        draw.multiline_text((MARGIN, top), words, INK, font(LETTER_SIZE))
        for column, picture in enumerate(pictures[row]):
            sheet.paste(_image(picture), (LABEL_WIDTH + column * (width + GAP), top))
    return torch.from_numpy(np.asarray(sheet, dtype=np.float32) / 255)


def _image(picture_HW3: Tensor) -> Image.Image:
    return Image.fromarray((picture_HW3 * 255).round().clamp(0, 255).to(torch.uint8).cpu().numpy())


def _wrapped(words: str, letters: int) -> str:
    return "\n".join(textwrap.wrap(without_accents(words), max(letters, 8)))


def _height(texts: Sequence[str]) -> int:
    """Of the tallest."""
    return LINE * max(text.count("\n") + 1 for text in texts)


def _check(pictures: Sequence[Sequence[Tensor]], rows: Sequence[str], columns: Sequence[str]) -> None:
    found = [len(row) for row in pictures]
    if found != [len(columns)] * len(rows) or not rows or not columns:
        raise InputError(
            "The pictures of a sheet and their words do not fit together.",
            found=f"rows of {', '.join(map(str, found)) or 'nothing'} pictures",
            expected=f"{len(rows)} rows of {len(columns)} pictures, one at least",
            fix="give each row and each column of pictures a text",
        )
