"""The drawing kit: shapes in coordinates of one's own, placed by a transform, painted without jagged edges.

x grows to the right, y downwards. A shape is a filled polygon; a sketch is a list of shapes, the farthest
first. Colours are RGB numbers from 0 to 255.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from .colours import Colour

FINER = 3  # a picture is drawn this many times larger, then reduced
SHADOW = (20, 20, 40, 80)
ROUND = np.linspace(0, 2 * np.pi, 28, endpoint=False)

Points = NDArray[np.float64]  # [N, 2]
PointList = Sequence[tuple[float, float]] | Points


@dataclass(frozen=True)
class Shape:
    points: Points
    colour: Colour


@dataclass(frozen=True)
class Transform:
    """Mirror (left for right), then scale, turn (radians, clockwise to the eye), then shift."""

    scale: float
    x: float
    y: float
    turn: float = 0.0
    mirrored: bool = False

    def __call__(self, points: Points) -> Points:
        scaled = points * (-self.scale if self.mirrored else self.scale, self.scale)
        return turned(scaled, self.turn) + np.array([self.x, self.y])


@dataclass
class Sketch:
    """A drawing under way; every method adds one shape in front of the others."""

    shapes: list[Shape] = field(default_factory=list)

    def polygon(self, points: PointList, colour: Colour) -> None:
        self.shapes.append(Shape(np.asarray(points, dtype=float), colour))

    def smooth(self, points: PointList, colour: Colour) -> None:
        """A closed soft curve through the points."""
        self.polygon(_rounded(np.asarray(points, dtype=float)), colour)

    def ellipse(
        self, x: float, y: float, half_width: float, half_height: float, colour: Colour, turn: float = 0.0
    ) -> None:
        outline = np.stack([half_width * np.cos(ROUND), half_height * np.sin(ROUND)], axis=1)
        self.polygon(turned(outline, turn) + np.array([x, y]), colour)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], colour)

    def limb(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        width: float,
        colour: Colour,
        end_width: float | None = None,
    ) -> None:
        """A stroke with round ends, from one width to another."""
        along = np.subtract(end, start)
        angle = np.arctan2(along[1], along[0])
        half = np.linspace(np.pi / 2, 3 * np.pi / 2, 7) + angle
        tail = np.stack([np.cos(half), np.sin(half)], axis=1) * width / 2 + start
        tip = -np.stack([np.cos(half), np.sin(half)], axis=1) * (end_width or width) / 2 + end
        self.polygon(np.concatenate([tail, tip]), colour)


def turned(points: Points, angle: float) -> Points:
    """Turned about the origin, clockwise to the eye."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return points @ np.array([[cosine, sine], [-sine, cosine]])


def bounds(shapes: Iterable[Shape]) -> tuple[float, float, float, float]:
    """Left, top, right, bottom."""
    points = np.concatenate([shape.points for shape in shapes])
    left, top = points.min(axis=0)
    right, bottom = points.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def paint(canvas: Image.Image, shapes: Iterable[Shape], transform: Transform) -> None:
    """Fill the shapes; the transform leads to the unit square, whose side is the canvas's."""
    draw = ImageDraw.Draw(canvas)
    for shape in shapes:
        draw.polygon(_pixels(canvas, shape, transform), fill=_ink(shape.colour))


def paint_rim(
    canvas: Image.Image, shapes: Iterable[Shape], transform: Transform, colour: Colour, width: float
) -> None:
    """A line around each shape; with the shapes painted afterwards, what is left of it surrounds them all."""
    draw = ImageDraw.Draw(canvas)
    for shape in shapes:
        outline = _pixels(canvas, shape, transform)
        draw.line([*outline, outline[0]], fill=_ink(colour), width=round(2 * width * canvas.width))


def paint_shadow(canvas: Image.Image, x: float, y: float, half_width: float, half_height: float) -> None:
    """A see-through dark ellipse, in sides of the canvas; only on a canvas with alpha that is still empty."""
    corners = (x - half_width, y - half_height, x + half_width, y + half_height)
    ImageDraw.Draw(canvas).ellipse([canvas.width * corner for corner in corners], fill=SHADOW)


def reduced(canvas: Image.Image) -> NDArray[np.float32]:
    """The canvas at its final size: float [H, W, channels], 0 to 255."""
    return np.asarray(canvas.reduce(FINER), dtype=np.float32)


def _pixels(canvas: Image.Image, shape: Shape, transform: Transform) -> list[tuple[float, float]]:
    return list(map(tuple, (transform(shape.points) * canvas.width).tolist()))


def _ink(colour: Colour) -> tuple[int, ...]:
    return tuple(round(value) for value in colour)


def _rounded(points: Points, pieces: int = 5) -> Points:
    """A closed Catmull-Rom spline: it passes through every point without a corner."""
    before, after, beyond = (np.roll(points, shift, axis=0) for shift in (1, -1, -2))
    steps = np.arange(pieces)[None, :, None] / pieces
    here, before, after, beyond = (corner[:, None] for corner in (points, before, after, beyond))
    curve = (
        here
        + steps * (after - before) / 2
        + steps**2 * (before - 2.5 * here + 2 * after - beyond / 2)
        + steps**3 * (1.5 * here - 1.5 * after + (beyond - before) / 2)
    )
    return curve.reshape(-1, 2)
