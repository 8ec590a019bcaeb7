"""One style by its number, and how it is applied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..family.gallery import pick
from ..family.randomness import generator
from . import adain, cut_outs, halftone, hatching, mosaic, strokes
from .palettes import random_palette

OWN = {
    "strokes": strokes,
    "hatching": hatching,
    "halftone": halftone,
    "cut_outs": cut_outs,
    "mosaic": mosaic,
}


@dataclass(frozen=True)
class Style:
    """A look. The same style always draws the same texture.

    Args:
        renderer: "adain" or a key of OWN.
        number: its own; texture is drawn from it.
        parameters: what the renderer's file describes.
    """

    renderer: str
    number: int
    parameters: Any


def painting_style(seed: int, number: int, paintings: tuple[int, ...]) -> Style:
    """The look of a part of one of the paintings."""
    painting = pick(paintings, generator(seed, "painting", number))
    return Style("adain", number, adain.draw_parameters(painting, generator(seed, "style", number)))


def own_style(seed: int, number: int, paintings: tuple[int, ...], renderer: str) -> Style:
    """A look of one of our own renderers; half of the palettes come from the paintings."""
    random = generator(seed, "style", number)
    palette = random_palette(paintings, generator(seed, "palette", number))
    return Style(renderer, number, OWN[renderer].draw_parameters(palette, random))


def stylise(style: Style, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture [H, W, 3] or a clip [T, H, W, 3], H = W a multiple of 8, in that style; frame by frame."""
    if pixels.ndim == 4:
        return np.stack([stylise(style, frame) for frame in pixels])
    if style.renderer == "adain":
        return adain.render(style.parameters, pixels)
    return OWN[style.renderer].render(style.parameters, pixels, generator(style.number, "texture"))
