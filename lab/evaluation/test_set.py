"""Test sets: pairs of a prompt and its style references, in the JSON format of the paper's authors.

`[{"prompt": "A knight riding a horse.", "style_path": "style/oil.jpg"}, ...]`; `style_path` is one path or a
list, relative to the file's folder.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from stylecrafter_core.errors import InputError, MediaError

KEYS = {"prompt", "style_path"}
EXPECTED = 'rows {"prompt": text, "style_path": path or list of paths}'


@dataclass(frozen=True)
class Pair:
    """One row.

    Attributes:
        number: its place in the file, from 0; the name of its results.
        prompt: what is shown.
        references: the style pictures; they may be missing, which is said when the pair is used.
        style: in words, for methods that know no references; a key of ours, which the authors' files lack.
    """

    number: int
    prompt: str
    references: tuple[Path, ...]
    style: str = ""

    @property
    def name(self) -> str:
        return f"{self.number:04d}"


def read_test_set(file: Path) -> tuple[Pair, ...]:
    """All rows of a file.

    Raises:
        InputError: it cannot be read, or a row is none; names the row.
    """
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        raise _unfit(file, str(problem)) from problem
    if not isinstance(rows, list) or not rows:
        raise _unfit(file, "no list of rows")
    return tuple(_pair(file, number, row) for number, row in enumerate(rows))


def _pair(file: Path, number: int, row: Any) -> Pair:
    if not isinstance(row, dict) or not row.keys() >= KEYS:
        raise _unfit(file, f"row {number + 1}: {str(row)[:80]}")
    prompt, paths = row["prompt"], row["style_path"]
    paths = [paths] if isinstance(paths, str) else paths
    if not isinstance(prompt, str):
        raise _unfit(file, f"row {number + 1}: the prompt {str(prompt)[:80]}")
    if not isinstance(paths, list) or not paths or not all(isinstance(path, str) and path for path in paths):
        raise _unfit(file, f"row {number + 1}: the style_path {str(paths)[:80]}")
    return Pair(number, prompt, tuple(file.parent / path for path in paths), str(row.get("style", "")))


def _unfit(file: Path, found: str) -> InputError:
    return InputError(
        f"{file} is not a test set.",
        found=found,
        expected=EXPECTED,
        fix="correct the row, or the file's name",
    )


def read_picture(file: Path) -> Tensor:
    """A picture as [H, W, 3] in 0..1, turned as its EXIF says, alpha over white.

    Raises:
        MediaError: there is none, or it is damaged.
    """
    try:
        with Image.open(file) as picture:
            upright = ImageOps.exif_transpose(picture).convert("RGBA")
    except (OSError, SyntaxError, ValueError) as problem:
        raise MediaError(
            f"The picture {file} cannot be read.",
            found=str(problem),
            expected="a picture file",
            fix="check the path in the test set, and that the file is whole",
        ) from problem
    white = Image.new("RGBA", upright.size, "white")
    pixels = np.array(Image.alpha_composite(white, upright).convert("RGB"))
    return torch.from_numpy(pixels).float() / 255
