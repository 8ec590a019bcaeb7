"""Pieces that backgrounds share: clouds, ridges, firs, houses, towers, waves, and what lies on the ground."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .colours import WHITE, Colour, mix
from .kit import Sketch


@dataclass(frozen=True)
class View:
    """A background under way.

    Args:
        horizon: its height, from the top.
        shade: the ground's colour in shadow.
        random: the scene's own numbers for this.
    """

    sketch: Sketch
    horizon: float
    shade: Colour
    random: np.random.Generator

    def between(self, low: float, high: float) -> float:
        return float(self.random.uniform(low, high))


def ridge(view: View, high: float, colour: Colour, waves: float) -> None:
    """Soft hills from side to side, `waves` of them, up to `high` above the horizon."""
    x = np.linspace(-0.05, 1.05, 24)
    start = view.between(0, 2 * math.pi)
    height = high * (0.62 + 0.38 * np.sin(2 * math.pi * waves * x + start))
    crest = np.stack([x, view.horizon - height], axis=1)
    view.sketch.polygon([*crest, (1.05, view.horizon + 0.005), (-0.05, view.horizon + 0.005)], colour)


def peak(view: View, centre: float, high: float, colour: Colour) -> None:
    """A mountain with a cap of snow and a side in shade."""
    base, top = view.horizon + 0.005, view.horizon - high
    half = high * 1.05
    view.sketch.polygon([(centre - half, base), (centre, top), (centre + half, base)], colour)
    view.sketch.polygon(
        [
            (centre, top),
            (centre + half, base),
            (centre + half * 0.2, base),
            (centre + half * 0.1, top + high * 0.5),
        ],
        mix(colour, (80, 84, 120), 0.3),
    )
    edge = [(-0.32, 0.32), (-0.16, 0.26), (-0.04, 0.38), (0.1, 0.27), (0.33, 0.33)]
    view.sketch.polygon([(centre, top), *((centre + half * x, top + high * y) for x, y in edge)], WHITE)


def fir(view: View, x: float, high: float, colour: Colour) -> None:
    base = view.horizon + 0.005
    view.sketch.box(x - high * 0.035, base - high * 0.2, x + high * 0.035, base, (110, 84, 66))
    for low, wide in ((0.12, 0.27), (0.38, 0.22), (0.62, 0.16)):
        top = min(low + 0.42, 1.0)
        view.sketch.polygon(
            [
                (x - high * wide, base - high * low),
                (x, base - high * top),
                (x + high * wide, base - high * low),
            ],
            colour,
        )


def house(view: View, left: float, wide: float, high: float, wall: Colour, roof: Colour) -> None:
    """A gabled front with a door and two windows."""
    base, eaves = view.horizon + 0.01, view.horizon - high * 0.62
    view.sketch.box(left, eaves, left + wide, base, wall)
    view.sketch.polygon(
        [(left - 0.012, eaves), (left + wide / 2, view.horizon - high * 1.1), (left + wide + 0.012, eaves)],
        roof,
    )
    pane = mix((120, 160, 190), wall, 0.2)
    for share in (0.14, 0.62):
        view.sketch.box(left + wide * share, eaves + 0.02, left + wide * (share + 0.24), eaves + 0.065, pane)
    view.sketch.box(left + wide * 0.4, base - 0.07, left + wide * 0.6, base, mix(roof, (60, 50, 50), 0.4))


def tower(view: View, x: float, half: float, high: float, wall: Colour) -> None:
    """With a pointed roof and a narrow window."""
    base, top = view.horizon + 0.005, view.horizon - high
    view.sketch.box(x - half, top + half * 1.6, x + half, base, wall)
    view.sketch.polygon(
        [(x - half * 1.2, top + half * 1.7), (x, top - half * 0.3), (x + half * 1.2, top + half * 1.7)],
        (110, 110, 140),
    )
    view.sketch.box(x - half * 0.2, top + half * 2.2, x + half * 0.2, top + half * 3.1, (86, 80, 92))


def clouds(view: View) -> None:
    for _ in range(int(view.random.integers(1, 4))):
        x, y, size = view.between(0, 1), view.between(0.05, 0.2), view.between(0.8, 1.3)
        for shift, rise, radius in ((-0.07, 0.01, 0.04), (0, 0, 0.06), (0.07, 0.01, 0.045)):
            view.sketch.ellipse(
                x + shift * size, y + rise * size, radius * size * 1.2, radius * size * 0.7, WHITE
            )


def waves(view: View, top: float, bottom: float, colour: Colour, count: int) -> None:
    """Level streaks, longer and thicker towards the lower edge."""
    for number in range(count):
        share = (number + 0.5) / count
        y = top + (bottom - top) * share
        view.sketch.ellipse(
            view.between(0, 1), y, view.between(0.04, 0.07) + 0.05 * share, 0.004 + 0.005 * share, colour
        )


def blossoms(view: View) -> None:
    """Little flowers in the grass, pale so that no one takes them for a subject."""
    tufts(view)
    for x, y in _strewn(view, 14):
        view.sketch.ellipse(x, y, 0.008, 0.007, (250, 240, 200))


def tufts(view: View) -> None:
    """Dabs of darker ground, larger towards the lower edge."""
    for x, y in _strewn(view, 12):
        size = 0.5 + (y - view.horizon) / (1 - view.horizon)
        view.sketch.ellipse(x, y, 0.045 * size, 0.007 * size, view.shade)


def pebbles(view: View) -> None:
    for x, y in _strewn(view, 10):
        size = 0.5 + (y - view.horizon) / (1 - view.horizon)
        view.sketch.ellipse(x, y, 0.016 * size, 0.01 * size, view.shade)


def stripes(view: View) -> None:
    """Level bands, as of paving, a road, or wind in the sand."""
    depth = 1 - view.horizon
    for share in (0.2, 0.45, 0.75):
        y = view.horizon + depth * (share + view.between(-0.04, 0.04))
        view.sketch.ellipse(
            view.between(0.2, 0.8), y, view.between(0.4, 0.7), 0.008 + 0.01 * share, view.shade
        )


def drifts(view: View) -> None:
    """Long soft shadows in the snow."""
    for x, y in _strewn(view, 5):
        view.sketch.ellipse(x, y, view.between(0.14, 0.26), 0.012, view.shade)


def _strewn(view: View, count: int) -> list[tuple[float, float]]:
    """Points on the ground, none near the horizon."""
    return [(view.between(0, 1), view.between(view.horizon + 0.05, 1)) for _ in range(count)]
