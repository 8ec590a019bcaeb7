"""Subjects of air and water: bird, butterfly, fish."""

from __future__ import annotations

import numpy as np

from .colours import BLACK, CREAM, FLAME, WHITE, Palette, mix
from .kit import Sketch
from .pose import Pose


def bird(sketch: Sketch, colours: Palette, pose: Pose) -> None:
    """In flight, seen from its right side: spread wings, a fanned tail, a beak."""
    tip = -46 + 30 * pose.wave(0.25)
    sketch.smooth([(4, -8), (22, tip * 0.75 - 8), (44, tip - 6), (34, tip * 0.4 - 4), (24, -6)], colours.dark)
    sketch.polygon([(-34, -4), (-76, -16), (-68, -2), (-78, 8), (-34, 8)], colours.dark)
    sketch.smooth([(-44, 0), (-16, -16), (20, -18), (36, -8), (28, 12), (0, 19), (-24, 12)], colours.main)
    sketch.smooth([(-22, 12), (8, 6), (34, 0), (26, 13), (2, 19)], CREAM)
    sketch.polygon([(52, -16), (76, -9), (52, -3)], FLAME)
    sketch.ellipse(38, -13, 19, 17, colours.main)
    sketch.ellipse(44, -17, 4, 4.5, BLACK)
    sketch.smooth(
        [(14, -4), (6, tip * 0.6 - 8), (-16, tip - 14), (-44, tip - 12), (-34, tip * 0.5 - 4), (-22, 2)],
        mix(colours.main, colours.light, 0.55),
    )


def butterfly(sketch: Sketch, colours: Palette, pose: Pose) -> None:
    """From above: two pairs of wings that open and close."""
    open_wide = 0.76 + 0.24 * pose.wave(0.25)
    for side in (-1, 1):
        across = side * open_wide
        sketch.limb((side * 2, -34), (side * 16, -58), 3, BLACK, 5)
        sketch.smooth(
            [(across * x, y) for x, y in ((4, 4), (30, 2), (50, 20), (42, 44), (24, 50), (8, 26))],
            colours.dark,
        )
        sketch.smooth(
            [(across * x, y) for x, y in ((4, 2), (12, -26), (38, -52), (66, -48), (66, -18), (42, 6))],
            colours.main,
        )
        sketch.ellipse(across * 44, -28, 13 * open_wide, 13, colours.light)
        sketch.ellipse(across * 30, 26, 9 * open_wide, 9, CREAM)
    sketch.ellipse(0, 2, 7, 36, BLACK)
    sketch.ellipse(0, -34, 8, 8, BLACK)


def fish(sketch: Sketch, colours: Palette, pose: Pose) -> None:
    """An oval with fins, pale bands and a forked tail that beats; bubbles before its mouth."""
    beat = 1 + 0.35 * pose.wave()
    rise = 3 * pose.wave(0.5)
    for x, y, radius in ((74, -24, 5), (86, -40, 7)):
        sketch.ellipse(x, y + rise, radius, radius, (214, 238, 248))
    sketch.smooth([(-12, -28), (-6, -50), (22, -46), (34, -22)], colours.dark)
    sketch.smooth([(-6, 24), (-12, 44), (10, 40), (18, 22)], colours.dark)
    tail = np.array([(-34, 0), (-60, -16), (-84, -38), (-76, 0), (-84, 38), (-60, 16)]) * (1, beat)
    sketch.polygon(tail, colours.dark)
    sketch.smooth(
        [(-44, 0), (-24, -22), (8, -33), (40, -24), (60, 2), (40, 24), (8, 31), (-24, 19)], colours.main
    )
    for x, height in ((-18, 21), (10, 29)):
        sketch.smooth(
            [(x - 5, -height), (x + 6, -height), (x + 9, 0), (x + 6, height), (x - 5, height), (x - 1, 0)],
            CREAM,
        )
    sketch.smooth([(14, 6), (-4, 2 + rise), (-10, 18 + rise), (10, 16)], colours.dark)
    sketch.ellipse(39, -6, 9, 9, WHITE)
    sketch.ellipse(41, -6, 5, 5, BLACK)
