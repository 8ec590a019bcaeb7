"""Vehicles: car, sailing boat, hot-air balloon, rocket."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from .colours import BLACK, CREAM, FLAME, GLASS, GOLD, WHITE, WOOD, Palette, mix
from .kit import Sketch, turned
from .pose import Pose

TYRE = (58.0, 56.0, 64.0)
METAL = (214.0, 214.0, 220.0)


def car(sketch: Sketch, colours: Palette, pose: Pose) -> None:
    """A rounded car with two windows and two turning wheels."""
    sketch.smooth([(-48, -8), (-36, -42), (-20, -48), (14, -47), (28, -38), (44, -8)], colours.main)
    sketch.polygon([(-38, -12), (-30, -38), (-6, -40), (-6, -12)], GLASS)
    sketch.polygon([(0, -12), (0, -40), (18, -38), (32, -12)], GLASS)
    sketch.smooth(
        [(-74, 16), (-76, -2), (-62, -13), (0, -15), (56, -12), (74, -2), (77, 16), (60, 23), (-60, 23)],
        colours.main,
    )
    sketch.box(-70, 9, 73, 17, colours.dark)
    sketch.ellipse(69, 0, 7, 6, GOLD)
    sketch.box(-76, -3, -68, 6, (210, 60, 60))
    for x in (-42, 42):
        _wheel(sketch, x, 22, 20, pose.angle if pose.striding else 0.4)


def sailing_boat(sketch: Sketch, colours: Palette, pose: Pose) -> None:
    """A hull, a mast and two sails; foam where the hull meets the water."""
    full = 5 * pose.wave()
    sketch.box(-3, -92, 3, 26, WOOD)
    sketch.smooth([(7, -90), (30 + full, -50), (62 + full, 6), (34, 10), (7, 8)], colours.main)
    sketch.smooth([(-7, -74), (-24 + full / 2, -40), (-50 + full / 2, 6), (-28, 9), (-7, 8)], colours.light)
    sketch.polygon([(3, -92), (24, -99 + full / 2), (3, -106)], colours.dark)
    sketch.smooth(
        [(-70, 18), (0, 20), (78, 14), (64, 40), (40, 50), (-44, 50), (-60, 40)],
        mix(colours.dark, WOOD, 0.35),
    )
    sketch.smooth([(-72, 16), (0, 18), (80, 12), (76, 21), (0, 27), (-69, 25)], CREAM)
    sketch.smooth([(-84, 48), (-40, 43), (0, 48), (50, 43), (90, 48), (50, 55), (-50, 55)], (226, 240, 246))


def balloon(sketch: Sketch, colours: Palette, pose: Pose) -> None:
    """A striped envelope and a basket on ropes."""
    sway = 2 * pose.wave()
    for x in (-11, 11):
        sketch.limb((x * 1.5, 34), (x + sway, 68), 3, WOOD)
    _gores(sketch, colours)
    sketch.smooth([(-13, 30), (13, 30), (11, 40), (-11, 40)], colours.dark)
    sketch.smooth([(-15 + sway, 66), (15 + sway, 66), (13 + sway, 90), (-13 + sway, 90)], WOOD)
    sketch.box(-16 + sway, 64, 16 + sway, 71, mix(WOOD, WHITE, 0.3))


def rocket(sketch: Sketch, colours: Palette, pose: Pose) -> None:
    """Nose upwards: three fins, a round window, a flame while it flies."""
    if pose.striding:
        length = 30 + 8 * pose.wave()
        sketch.smooth([(-13, 50), (13, 50), (14, 64), (0, 58 + length), (-14, 64)], FLAME)
        sketch.smooth([(-7, 50), (7, 50), (7, 60), (0, 52 + length * 0.6), (-7, 60)], GOLD)
    sketch.polygon([(-18, 8), (-42, 38), (-42, 62), (-16, 46)], colours.dark)
    sketch.polygon([(18, 8), (42, 38), (42, 62), (16, 46)], colours.dark)
    sketch.box(-13, 44, 13, 54, TYRE)
    sketch.smooth(
        [(0, -88), (16, -62), (25, -22), (23, 18), (14, 48), (-14, 48), (-23, 18), (-25, -22), (-16, -62)],
        colours.main,
    )
    sketch.smooth([(0, -88), (10, -74), (18, -54), (0, -49), (-18, -54), (-10, -74)], METAL)
    sketch.ellipse(0, -20, 14, 14, METAL)
    sketch.ellipse(0, -20, 10, 10, (120, 190, 230))
    sketch.limb((0, 20), (0, 54), 7, colours.dark)


def _gores(sketch: Sketch, colours: Palette) -> None:
    """Five stripes from the crown to the mouth, the outer ones seen at a slant."""
    down = np.linspace(0, 1, 12)
    height = -88 + 122 * down
    half = 56 * np.sqrt(np.sin(np.pi * np.minimum(down * 0.86 + 0.02, 1))) * (1 - 0.35 * down**3)
    edges = [math.sin(math.pi / 2 * share) for share in (-1, -0.62, -0.22, 0.22, 0.62, 1)]
    for number, (left, right) in enumerate(pairwise(edges)):
        sides = [np.stack([half * left, height], 1), np.stack([half * right, height], 1)[::-1]]
        sketch.polygon(np.concatenate(sides), CREAM if number % 2 else colours.main)


def _wheel(sketch: Sketch, x: float, y: float, radius: float, angle: float) -> None:
    sketch.ellipse(x, y, radius, radius, TYRE)
    sketch.ellipse(x, y, radius * 0.6, radius * 0.6, METAL)
    bar = np.array([(-0.55, -0.12), (0.55, -0.12), (0.55, 0.12), (-0.55, 0.12)]) * radius
    for quarter in (0, math.pi / 2):
        sketch.polygon(turned(bar, angle + quarter) + np.array([x, y]), BLACK)
