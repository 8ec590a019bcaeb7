"""Named colours, each a small region rather than a point, and what is derived from them."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

Colour = tuple[float, float, float]  # red, green, blue, 0 to 255

HUE_JITTER, SATURATION_JITTER, VALUE_JITTER = 0.014, 0.07, 0.05

# Hue, saturation, value, 0 to 1.
NAMED: dict[str, Colour] = {
    "red": (0.995, 0.80, 0.84),
    "orange": (0.075, 0.86, 0.96),
    "yellow": (0.140, 0.76, 0.97),
    "green": (0.350, 0.62, 0.66),
    "blue": (0.590, 0.72, 0.84),
    "purple": (0.770, 0.52, 0.70),
    "pink": (0.930, 0.42, 0.96),
    "white": (0.110, 0.03, 0.96),
    "grey": (0.600, 0.07, 0.62),
    "brown": (0.065, 0.58, 0.52),
}

WHITE = (250.0, 248.0, 242.0)
CREAM = (246.0, 234.0, 208.0)
BLACK = (44.0, 40.0, 50.0)
WOOD = (138.0, 94.0, 58.0)
LEAF = (88.0, 158.0, 78.0)
GLASS = (190.0, 226.0, 244.0)
GOLD = (250.0, 204.0, 70.0)
FLAME = (250.0, 140.0, 50.0)


@dataclass(frozen=True)
class Palette:
    """One colour and its neighbours: lit, in shade, and of the line around it."""

    main: Colour
    light: Colour
    dark: Colour
    line: Colour


def palette(name: str, random: np.random.Generator) -> Palette:
    """A colour from the region with this name."""
    hue, saturation, value = NAMED[name]
    hue += random.uniform(-1, 1) * HUE_JITTER
    saturation += random.uniform(-1, 1) * SATURATION_JITTER * saturation / 0.8
    value += random.uniform(-1, 1) * VALUE_JITTER
    main = from_hsv(hue, saturation, value)
    return Palette(main, mix(main, WHITE, 0.42), mix(main, BLACK, 0.3), mix(main, BLACK, 0.78))


def from_hsv(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, min(max(saturation, 0), 1), min(max(value, 0), 1))
    return 255 * red, 255 * green, 255 * blue


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`share` of the second colour in the first."""
    red, green, blue = (a + share * (b - a) for a, b in zip(first, second))
    return red, green, blue


def tinted(colour: Colour, random: np.random.Generator, width: float = 9.0) -> Colour:
    """A near relative, so that no two pictures have the very same colours."""
    red, green, blue = (float(np.clip(part + random.uniform(-width, width), 0, 255)) for part in colour)
    return red, green, blue
