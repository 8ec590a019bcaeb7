"""Brush strokes along the edges of what is painted: large ones first, small ones where there is detail."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .palettes import Tuples, enlarged, labels_of, smooth_noise

FINER = 2  # strokes are drawn at twice the size
SMALL = 0.45  # width of the small strokes, in large ones
SUBPIXEL = 16  # of the points of strokes, a power of two
FROM_UPPER_LEFT = np.array([[-1, -1, 0], [-1, 0, 1], [0, 1, 1]], np.float32)


@dataclass(frozen=True)
class Strokes:
    """Lengths in pixels of the picture, angles in radians.

    Args:
        palette: of the paint.
        width: of the large strokes; small ones are narrower.
        length: of strokes, in widths.
        angle: of the strokes where nothing else says how they run.
        follows: 0 all strokes run along `angle`, 1 all follow the picture.
        bend: how far a stroke curves.
        mixing: how unevenly the paint is mixed.
        relief: how much the light shows the bristles.
    """

    palette: Tuples
    width: float
    length: float
    angle: float
    follows: float
    bend: float
    mixing: float
    relief: float


def draw_parameters(palette: Tuples, random: np.random.Generator) -> Strokes:
    return Strokes(
        palette=palette,
        width=random.uniform(2.6, 5.5),
        length=random.uniform(1.6, 5.0),
        angle=random.uniform(0, np.pi),
        follows=random.choice([0.0, 0.6, 1.0]),
        bend=random.uniform(0.0, 0.9),
        mixing=random.uniform(0.01, 0.06),
        relief=random.uniform(0.0, 0.5),
    )


def render(style: Strokes, picture: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """Large strokes everywhere, then small ones where there is detail, then light on their relief."""
    directions, detail = _directions(style, picture, random)
    # Three channels of paint and one of height, so that a stroke is drawn once.
    canvas = np.dstack([_paint(style, picture, 6.0) * 235, np.zeros(directions.shape)]).astype(np.uint8)
    for share, wanted in ((1.0, np.ones_like(detail)), (SMALL, detail)):
        width = FINER * style.width * share
        _lay_strokes(canvas, width, style, _paint(style, picture, width / 2.5), directions, wanted, random)
    lit = canvas[..., :3] * (1 + np.float32(style.relief) * _light(canvas[..., 3]))[..., None]
    small = cv2.resize(lit, picture.shape[1::-1], interpolation=cv2.INTER_AREA)
    return np.clip(small, 0, 255).round().astype(np.uint8)


def _directions(
    style: Strokes, picture: NDArray[np.uint8], random: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Angle of the strokes at each pixel of the canvas, and how much detail there is (0..1)."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    grey = cv2.GaussianBlur(grey, (0, 0), 1)
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0) / 2, cv2.Sobel(grey, cv2.CV_32F, 0, 1) / 2
    # Angles are averaged as doubled vectors: a direction and its opposite are one.
    xx = cv2.GaussianBlur(across**2 - down**2, (0, 0), 3)
    xy = cv2.GaussianBlur(2 * across * down, (0, 0), 3)
    strength = np.hypot(xx, xy)
    weight = style.follows * strength / (strength + 2e-4)
    own = 2 * (style.angle + 0.5 * smooth_noise(len(grey), 30, random))
    x = -xx / (strength + 1e-9) * weight + np.cos(own) * (1 - weight)
    y = -xy / (strength + 1e-9) * weight + np.sin(own) * (1 - weight)
    steep = cv2.GaussianBlur(np.hypot(across, down), (0, 0), 1.5)
    angle = (np.arctan2(y, x) / 2).repeat(FINER, axis=0).repeat(FINER, axis=1)  # angles must not be mixed
    return angle, enlarged(np.clip(steep / 0.12, 0, 1), FINER)


def _paint(style: Strokes, picture: NDArray[np.uint8], blur: float) -> NDArray[np.float32]:
    """The nearest colour of the palette at each pixel of the canvas; `blur` in its pixels."""
    palette = np.array(style.palette, np.float32)
    return palette[labels_of(cv2.GaussianBlur(picture, (0, 0), blur / FINER), palette, FINER)]


def _lay_strokes(
    canvas: NDArray[np.uint8],
    width: float,
    style: Strokes,
    colours: NDArray[np.float32],
    directions: NDArray[np.float32],
    wanted: NDArray[np.float32],
    random: np.random.Generator,
) -> None:
    """Draws curved strokes of three points in random order, each where `wanted` is above its own number."""
    middles = _jittered_grid(len(canvas), max(3.5, width * 0.85), random)
    count = len(middles)
    tints = random.normal(0, style.mixing, (count, 3)) * 0.5 + random.normal(0, style.mixing, (count, 1))
    bends, lengths = random.uniform(-style.bend, style.bend, count), random.uniform(0.6, 1.1, count)
    lifts, numbers = random.uniform(50, 255, (count, 1)), random.random(count)
    columns, rows = middles.astype(int).T
    angles, reach = directions[rows, columns], (lengths * width * style.length / 2)[:, None]
    forth, back = (np.stack([np.cos(angles + s * bends), np.sin(angles + s * bends)], -1) for s in (1, -1))
    lines = np.stack([middles - reach * back, middles, middles + reach * forth], 1)
    paint = np.hstack([np.clip((colours[rows, columns] + tints) * 255, 0, 255), lifts])
    kept = random.permutation(count)
    kept = kept[(wanted[rows, columns] > numbers)[kept]]
    points, paints = np.round(lines[kept] * SUBPIXEL).astype(np.int32), paint[kept].tolist()
    for line, colour in zip(points, paints):
        cv2.polylines(
            canvas, [line], False, colour, max(1, round(width)), cv2.LINE_AA, SUBPIXEL.bit_length() - 1
        )


def _jittered_grid(side: int, spacing: float, random: np.random.Generator) -> NDArray[np.float64]:
    """Points (x, y) in a square, each about `spacing` from the next: [N, 2]."""
    steps = np.arange(spacing / 2, side, spacing)
    grid = np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2)
    return np.clip(grid + random.uniform(-0.5, 0.5, grid.shape) * spacing, 0, side - 1)


def _light(height: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Light from the upper left on the strokes' heights: about -1..1."""
    soft = cv2.GaussianBlur(height.astype(np.float32) / 255, (0, 0), 0.8)
    return np.clip(cv2.filter2D(soft, cv2.CV_32F, FROM_UPPER_LEFT), -1, 1)
