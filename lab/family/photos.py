"""Photographs of the package `scikit-image` that are in the public domain or CC0, by the package's own notes.

Left out: what is grey (it would teach grey as a look), medical, a texture, or of unclear origin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..measures.packages import file_of
from .sources import PHOTOS as PACKAGE

SMALLEST_PART = 0.75  # of the short side: the caption stays true


@dataclass(frozen=True)
class Photo:
    """A file of the package, what is on it, and why it is free."""

    file: str
    subject: str
    captions: tuple[str, ...]
    licence: str


PHOTOS = (
    Photo(
        "astronaut.png",
        "astronaut",
        ("a smiling woman in an orange space suit", "an astronaut in an orange suit in front of a flag"),
        "NASA, public domain",
    ),
    Photo(
        "chelsea.png",
        "cat",
        ("the face of a cat", "a cat looks ahead", "a striped cat with green eyes"),
        "CC0 by the photographer, Stefan van der Walt",
    ),
    Photo(
        "coffee.png",
        "cup",
        ("a cup of coffee on a wooden table", "a cup of coffee with a spoon"),
        "CC0 by the photographer, Rachel Michetti",
    ),
    Photo(
        "rocket.jpg",
        "launch",
        ("a rocket rises from its launch pad with bright flames", "the launch of a rocket"),
        "SpaceX, released into the public domain",
    ),
    Photo(
        "hubble_deep_field.jpg",
        "galaxies",
        ("many galaxies in the dark sky", "stars and galaxies"),
        "NASA, public domain",
    ),
)


def photo_part(photo: Photo, side: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """A square part of the photograph, half of the time mirrored: uint8 [side, side, 3].

    Raises:
        InputError: the package is not installed.
    """
    with Image.open(file_of(PACKAGE, f"skimage/data/{photo.file}", "The data")) as picture:
        pixels = picture.convert("RGB")
    edge = round(min(pixels.size) * random.uniform(SMALLEST_PART, 1.0))
    left, top = (int(random.integers(length - edge + 1)) for length in pixels.size)
    part = pixels.crop((left, top, left + edge, top + edge)).resize((side, side), Image.Resampling.LANCZOS)
    return np.asarray(part)[:, :: -1 if random.random() < 0.5 else 1].copy()
