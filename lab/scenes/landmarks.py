"""Subjects that stand: lighthouse, snowman, tree, flower, mushroom."""

from __future__ import annotations

import math

from .colours import BLACK, CREAM, FLAME, GOLD, LEAF, WHITE, WOOD, Palette, mix
from .kit import Sketch
from .pose import Pose

STONE = (150.0, 146.0, 150.0)


def lighthouse(sketch: Sketch, colours: Palette, pose: Pose) -> None:
    """A tapering tower with pale bands, a gallery, a lamp under a pointed roof, a rock."""
    sketch.smooth([(-46, 84), (-38, 68), (0, 62), (38, 68), (46, 84)], STONE)
    for number in range(5):
        top, bottom = -44 + 24 * number, -20 + 24 * number
        wide, wider = (17 + (y + 44) * 0.1 for y in (top, bottom))
        sketch.polygon(
            [(-wide, top), (wide, top), (wider, bottom), (-wider, bottom)],
            CREAM if number % 2 else colours.main,
        )
    sketch.smooth([(-7, 76), (-7, 60), (0, 55), (7, 60), (7, 76)], BLACK)
    sketch.box(-5, -14, 5, -2, BLACK)
    sketch.box(-12, -70, 12, -48, mix(GOLD, WHITE, 0.35 + 0.35 * pose.wave()))
    sketch.box(-2, -70, 2, -48, BLACK)
    sketch.box(-25, -52, 25, -44, BLACK)
    sketch.polygon([(-20, -68), (0, -92), (20, -68)], colours.dark)


def snowman(sketch: Sketch, colours: Palette, pose: Pose) -> None:
    """Two snowballs, a hat and a scarf of its colour, a carrot, arms of twigs."""
    wave = 7 * pose.wave()
    shade = (222.0, 230.0, 242.0)
    sketch.limb((-26, 6), (-60, -18 - wave), 5, WOOD, 4)
    sketch.limb((26, 6), (60, -18 + wave), 5, WOOD, 4)
    sketch.ellipse(0, 42, 46, 40, shade)
    sketch.ellipse(-3, 38, 40, 34, WHITE)
    sketch.ellipse(0, -24, 30, 29, shade)
    sketch.ellipse(-2, -26, 26, 25, WHITE)
    sketch.limb((-25, -2), (25, -2), 13, colours.main)
    sketch.limb((14, 0), (20, 30 + wave / 2), 12, colours.dark)
    sketch.limb((-32, -46), (32, -46), 8, colours.dark)
    sketch.polygon([(-21, -48), (-19, -82), (19, -82), (21, -48)], colours.main)
    sketch.polygon([(4, -28), (38, -19), (4, -18)], FLAME)
    for x, y, radius in ((-8, -32, 4.5), (12, -32, 4.5), (0, 22, 4.5), (0, 40, 4.5), (0, 58, 4.5)):
        sketch.ellipse(x, y, radius, radius, BLACK)


def tree(sketch: Sketch, colours: Palette, pose: Pose) -> None:
    """A trunk with two boughs and a crown of round clouds of leaves."""
    sway = 4 * pose.wave()
    sketch.smooth([(-20, 90), (-10, 66), (-9, 10), (9, 10), (10, 66), (20, 90)], WOOD)
    sketch.limb((0, 46), (-34 + sway / 2, 16), 9, WOOD, 6)
    sketch.limb((0, 54), (36 + sway / 2, 18), 9, WOOD, 6)
    for x, y, radius in ((-44, -2, 30), (44, 0, 30), (0, 4, 32)):
        sketch.ellipse(x + sway / 2, y, radius, radius, colours.dark)
    for x, y, radius in ((-36, -34, 30), (36, -32, 30), (0, -22, 36), (0, -58, 33)):
        sketch.ellipse(x + sway, y, radius, radius, colours.main)
    for x, y, radius in ((-38, -44, 15), (28, -44, 13), (-8, -68, 16)):
        sketch.ellipse(x + sway, y, radius, radius * 0.8, colours.light)


def flower(sketch: Sketch, colours: Palette, pose: Pose) -> None:
    """Eight petals around a golden heart, on a stem with two leaves."""
    sway = 7 * pose.wave()
    sketch.limb((0, 90), (sway / 3, 30), 8, LEAF)
    sketch.limb((sway / 3, 30), (sway, -24), 8, LEAF)
    green = mix(LEAF, BLACK, 0.12)
    sketch.smooth([(0, 74), (-26, 62), (-50, 32), (-24, 38), (0, 62)], green)
    sketch.smooth([(0, 66), (24, 56), (50, 22), (24, 30), (0, 54)], LEAF)
    for number in range(8):
        angle = math.pi / 4 * number + 0.2
        x, y = sway + 31 * math.cos(angle), -38 + 31 * math.sin(angle)
        sketch.ellipse(
            x, y, 21, 14, colours.main if number % 2 else mix(colours.main, colours.light, 0.5), turn=angle
        )
    sketch.ellipse(sway, -38, 18, 18, mix(GOLD, WOOD, 0.25))
    sketch.ellipse(sway - 2, -40, 12, 12, GOLD)


def mushroom(sketch: Sketch, colours: Palette, pose: Pose) -> None:
    """A domed cap with pale dots on a stout stem."""
    sway = 3 * pose.wave()
    sketch.smooth([(-20, 76), (-18, 40), (-15, 0), (15, 0), (18, 40), (24, 76), (0, 81)], CREAM)
    sketch.smooth([(-16, 20), (0, 28), (16, 20), (17, 30), (0, 36), (-17, 30)], mix(CREAM, WOOD, 0.3))
    sketch.ellipse(sway, 6, 64, 13, mix(CREAM, WOOD, 0.35))
    cap = [
        (-76, 4),
        (-62, -36),
        (-28, -66),
        (0, -71),
        (28, -66),
        (62, -36),
        (76, 4),
        (40, 1),
        (0, -1),
        (-40, 1),
    ]
    sketch.smooth([(x + sway, y) for x, y in cap], colours.main)
    for x, y, radius in ((-42, -20, 11), (-14, -48, 12), (6, -16, 13), (34, -42, 10), (52, -12, 9)):
        sketch.ellipse(x + sway, y, radius, radius * 0.85, WHITE)
