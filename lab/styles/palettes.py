"""Sets of 3 to 8 colours, and how a picture is told in them.

Colours are RGB in 0..1, shape [colours, 3]; distances are taken in CIELAB, where they look alike.
"""

from __future__ import annotations

import colorsys
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..family.gallery import pick, read_painting

Colours = NDArray[np.float32]
Tuples = tuple[tuple[float, float, float], ...]

FEWEST, MOST = 3, 8
HARMONIES = 0.6  # of the palettes; the others are those of paintings
LEAST_CONTRAST = 0.45  # in lightness, between the darkest and the lightest colour
SCHEMES = {  # parts of the colour circle, from the first hue on
    "one hue": (0.0,),
    "neighbours": (-0.08, 0.0, 0.08),
    "opposites": (0.0, 0.5),
    "split opposites": (0.0, 0.42, 0.58),
    "triad": (0.0, 1 / 3, 2 / 3),
    "square": (0.0, 0.25, 0.5, 0.75),
}
UNIT = 100  # CIELAB's lightness is 0..100; ours 0..1


def lab(rgb: Colours) -> Colours:
    """CIELAB / 100 of RGB in 0..1: any shape with a last axis of 3."""
    return _converted(rgb, cv2.COLOR_RGB2Lab) / UNIT


def from_lab(points: Colours) -> Colours:
    """RGB in 0..1 of CIELAB / 100."""
    return np.clip(_converted(points * UNIT, cv2.COLOR_Lab2RGB), 0, 1)


def _converted(colours: Colours, code: int) -> Colours:
    rows = np.ascontiguousarray(colours, np.float32).reshape(-1, 1, 3)
    return cv2.cvtColor(rows, code).reshape(colours.shape)


def harmony(random: np.random.Generator) -> Tuples:
    """Colours whose hues stand in one of the schemes, from dark to light."""
    offsets = SCHEMES[str(random.choice(list(SCHEMES)))]
    count, first, richness = (
        int(random.integers(FEWEST, MOST + 1)),
        random.random(),
        random.uniform(0.15, 0.95),
    )
    darkest, lightest = random.uniform(0.05, 0.35), random.uniform(0.75, 1.0)
    colours = []
    for place, value in enumerate(np.linspace(darkest, lightest, count)):
        hue = first + offsets[place % len(offsets)] + random.uniform(-0.02, 0.02)
        saturation = richness * random.uniform(0.6, 1.0) * (1.15 - 0.6 * value)
        colours.append(colorsys.hsv_to_rgb(hue % 1, min(1.0, saturation), float(value)))
    return _sorted(np.array(colours, np.float32))


def painting_palette(painting: NDArray[np.uint8], count: int, random: np.random.Generator) -> Tuples:
    """The `count` colours that stand for a painting's: k-means in CIELAB, spread to a contrast that shows."""
    pixels = painting.reshape(-1, 3)[:: max(1, painting.size // 12000)].astype(np.float32) / 255
    points = lab(pixels)
    centres = points[random.choice(len(points), count, replace=False)]
    for _ in range(8):
        nearest = nearest_colour(points, centres)
        centres = np.stack(
            [points[nearest == i].mean(0) if (nearest == i).any() else centres[i] for i in range(count)]
        )
    return _sorted(_with_contrast(from_lab(centres)))


def nearest_colour(points: Colours, centres: Colours) -> NDArray[np.uint8]:
    """Index of the nearest centre of every point: the last axis goes."""
    flat = points.reshape(-1, 3)
    nearest = np.zeros(len(flat), np.uint8)
    # |p - c|² - |p|²; one centre after the other is faster than argmin over a short axis.
    least = flat @ (-2 * centres[0]) + centres[0] @ centres[0]
    for number, centre in enumerate(centres[1:], start=1):
        distance = flat @ (-2 * centre) + centre @ centre
        closer = distance < least
        nearest[closer] = number
        np.minimum(least, distance, out=least)
    return nearest.reshape(points.shape[:-1])


def told_in(picture: NDArray[np.uint8], colours: Colours, finer: int = 1) -> Colours:
    """The picture in CIELAB / 100, its mean and spread on each axis made those of the colours.

    Returns:
        [finer · H, finer · W, 3], float32.
    """
    points, wanted = lab(picture / np.float32(255)), lab(colours)
    mean, spread = points.mean((0, 1)), points.std((0, 1))
    spread = np.maximum(spread, (0.08, 0.03, 0.03))
    gain = np.maximum(wanted.std(0), 0.02) / spread
    told = (points * gain + (wanted.mean(0) - mean * gain)).astype(np.float32)
    return told if finer == 1 else enlarged(told, finer)


def enlarged(pixels: NDArray[Any], finer: int) -> NDArray[Any]:
    """[finer · H, finer · W, ...], smooth between the pixels."""
    size = (finer * pixels.shape[1], finer * pixels.shape[0])
    return cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR)


def labels_of(picture: NDArray[np.uint8], colours: Colours, finer: int = 1) -> NDArray[np.uint8]:
    """Which of the colours tells each pixel: [finer · H, finer · W]."""
    return nearest_colour(told_in(picture, colours, finer), lab(colours))


def darkness(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """0 at the lightest 2 % of a picture, 1 at the darkest: [H, W]."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    dark, light = np.percentile(grey, (2, 98))
    return np.clip((light - grey) / max(light - dark, 1.0), 0, 1)


def smooth_noise(side: int, wavelength: float, random: np.random.Generator) -> NDArray[np.float32]:
    """Values of about -1..1 that change over `wavelength` pixels: [side, side]."""
    cells = max(2, round(side / wavelength) + 1)
    coarse = random.standard_normal((cells, cells)).astype(np.float32)
    return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)


def random_palette(paintings: tuple[int, ...], random: np.random.Generator) -> Tuples:
    """A harmony, or the colours of one of the paintings: the first for six styles of ten."""
    if random.random() < HARMONIES:
        return harmony(random)
    count = int(random.integers(FEWEST, MOST + 1))
    return painting_palette(read_painting(pick(paintings, random)), count, random)


def _with_contrast(colours: Colours) -> Colours:
    """Lightness stretched around its middle, until darkest and lightest are far enough apart."""
    points = lab(colours)
    span = float(np.ptp(points[:, 0]))
    if span < LEAST_CONTRAST:
        middle = points[:, 0].mean()
        points[:, 0] = middle + (points[:, 0] - middle) * LEAST_CONTRAST / max(span, 1e-3)
        points[:, 0] += np.clip(0.15 - points[:, 0].min(), 0, None)
        points[:, 0] -= np.clip(points[:, 0].max() - 0.97, 0, None)
    return from_lab(points)


def _sorted(colours: Colours) -> Tuples:
    order = lab(colours)[:, 0].argsort()
    return tuple((float(red), float(green), float(blue)) for red, green, blue in colours[order])
