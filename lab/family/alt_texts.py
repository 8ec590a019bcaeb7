"""Captions as they stand beside pictures on the web: what is shown, and often how it looks.

Only the two CLIP towers learn from them, so that their image tokens keep styles apart. All else is trained on
captions of the content alone.
"""

from __future__ import annotations

import colorsys
from typing import Any

import numpy as np
from numpy.typing import NDArray

STYLED, COLOURED = 0.6, 0.6  # shares of the captions that name the manner, and the colours
MANNERS = {
    None: ("a clean illustration of {}", "a flat drawing of {}", "{}, a picture book scene"),
    "adain": ("an old painting of {}", "{}, oil on canvas", "a museum painting: {}"),
    "strokes": ("a thickly brushed painting of {}", "{}, in coarse brush strokes"),
    "hatching": ("a hatched pen drawing of {}", "{}, drawn with pen lines"),
    "halftone": ("a halftone print of {}", "{}, printed in dots"),
    "cut_outs": ("a paper collage of {}", "{}, made of cut paper"),
    "mosaic": ("a mosaic of {}", "{}, laid in small tiles"),
}
HUES = ("red", "orange", "yellow", "green", "turquoise", "blue", "purple", "pink")
HUE_ENDS = (0.03, 0.11, 0.19, 0.43, 0.53, 0.70, 0.82, 0.97)  # in turns; red again after the last


def alt_text(record: dict[str, Any], colours: tuple[str, ...], random: np.random.Generator) -> str:
    """The caption of a picture, with its manner and its two main colours in some of all draws.

    Args:
        record: of the data maker: `caption`, `renderer`.
        colours: of the picture, from `main_colours`.
    """
    text = record["caption"]
    manners = MANNERS[record["renderer"]]
    if random.random() < STYLED:
        text = manners[int(random.integers(len(manners)))].format(text)
    if random.random() < COLOURED:
        text = f"{text}, in {' and '.join(colours)}"
    return text


def main_colours(pixels_HWC: NDArray[np.uint8]) -> tuple[str, ...]:
    """The names of the one or two colours that cover most of a picture."""
    small = pixels_HWC[::8, ::8].reshape(-1, 3)
    names, counts = np.unique([_name(tuple(pixel)) for pixel in small.tolist()], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return tuple(str(names[i]) for i in order[:2])


def _name(pixel: tuple[int, ...]) -> str:
    hue, saturation, value = colorsys.rgb_to_hsv(*(part / 255 for part in pixel))
    if value < 0.2:
        return "black"
    if saturation < 0.18:
        return "white" if value > 0.8 else "grey"
    name = next((name for name, end in zip(HUES, HUE_ENDS) if hue < end), "red")
    if name == "orange" and value < 0.6:
        return "brown"
    shade = "dark " if value < 0.5 else "pale " if saturation < 0.4 and value > 0.7 else ""
    return f"{shade}{name}"
