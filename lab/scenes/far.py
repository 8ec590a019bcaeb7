"""What stands at the horizon, behind every subject: one function for each background without buildings.

Coordinates are those of the picture: 0 to 1 from the left and from the top.
"""

from __future__ import annotations

import numpy as np

from .colours import WHITE, mix, tinted
from .kit import ROUND
from .pieces import View, clouds, fir, peak, ridge, waves

SUN = (255.0, 232.0, 150.0)


def hills(view: View) -> None:
    clouds(view)
    ridge(view, 0.13, tinted((150, 196, 130), view.random), waves=1.3)
    ridge(view, 0.06, tinted((128, 184, 106), view.random), waves=2.1)


def sea(view: View) -> None:
    clouds(view)
    shore = view.horizon + 0.13
    blue = tinted((74, 148, 202), view.random)
    view.sketch.box(0, view.horizon, 1, shore, blue)
    view.sketch.smooth(
        [
            (-0.1, shore - 0.02),
            (0.3, shore + 0.01),
            (0.7, shore - 0.015),
            (1.1, shore),
            (1.1, shore + 0.02),
            (-0.1, shore + 0.02),
        ],
        WHITE,
    )
    waves(view, view.horizon + 0.02, shore - 0.02, mix(blue, WHITE, 0.4), 7)


def mountains(view: View) -> None:
    clouds(view)
    for centre, high in (
        (view.between(0.0, 0.2), 0.26),
        (view.between(0.75, 1.0), 0.29),
        (view.between(0.4, 0.6), 0.36),
    ):
        peak(view, centre, high * view.between(0.9, 1.1), tinted((142, 150, 176), view.random))
    ridge(view, 0.05, tinted((122, 160, 110), view.random), waves=1.7)


def night(view: View) -> None:
    for _ in range(26):
        radius = view.between(0.004, 0.009)
        view.sketch.ellipse(
            view.between(0, 1), view.between(0, view.horizon - 0.06), radius, radius, (250, 244, 214)
        )
    x, y = view.between(0.12, 0.88), view.between(0.1, 0.18)
    view.sketch.ellipse(x, y, 0.075, 0.075, (250, 240, 200))
    view.sketch.ellipse(x - 0.02, y + 0.01, 0.018, 0.018, (232, 218, 176))
    view.sketch.ellipse(x + 0.025, y - 0.025, 0.012, 0.012, (232, 218, 176))
    ridge(view, 0.1, tinted((52, 66, 108), view.random), waves=1.4)


def dunes(view: View) -> None:
    view.sketch.ellipse(view.between(0.1, 0.9), view.between(0.1, 0.2), 0.07, 0.07, SUN)
    for left, high in (
        (view.between(-0.3, 0.0), 0.16),
        (view.between(0.3, 0.5), 0.22),
        (view.between(0.0, 0.2), 0.12),
    ):
        top, sand = left + 0.38, tinted((232, 194, 124), view.random)
        base, crest = view.horizon, view.horizon - high
        view.sketch.smooth(
            [
                (left, base + 0.02),
                (left + 0.2, base - high * 0.55),
                (top, crest),
                (left + 0.65, base - high * 0.4),
                (left + 0.95, base + 0.02),
            ],
            sand,
        )
        view.sketch.smooth(
            [
                (top, crest),
                (left + 0.65, base - high * 0.4),
                (left + 0.95, base + 0.02),
                (left + 0.5, base + 0.02),
                (top + 0.03, crest + high * 0.5),
            ],
            mix(sand, (170, 110, 70), 0.3),
        )


def forest(view: View) -> None:
    for row, (count, colour) in enumerate(((10, (128, 166, 138)), (8, (78, 124, 92)))):
        shift = view.between(-0.06, 0.06)
        for number in range(count):
            x = (number + 0.5) / count + shift + view.between(-0.02, 0.02)
            fir(view, x, view.between(0.34, 0.44) - 0.1 * row, tinted(colour, view.random, 7))
    ridge(view, 0.05, tinted((84, 124, 84), view.random), waves=2.3)


def snow(view: View) -> None:
    clouds(view)
    ridge(view, 0.2, tinted((206, 218, 236), view.random, 5), waves=1.1)
    for _ in range(5):
        fir(view, view.between(0, 1), view.between(0.1, 0.16), tinted((112, 142, 140), view.random))
    ridge(view, 0.07, tinted((232, 238, 248), view.random, 5), waves=1.9)


def sunset(view: View) -> None:
    x = view.between(0.15, 0.85)
    for radius, colour in ((0.23, (252, 190, 112)), (0.17, (255, 222, 130))):
        disc = radius * np.stack([np.cos(ROUND), np.sin(ROUND)], axis=1) + (x, view.horizon - 0.06)
        view.sketch.polygon(np.minimum(disc, (2.0, view.horizon + 0.005)), colour)
    for _ in range(4):
        y = view.between(0.05, 0.3)
        view.sketch.ellipse(view.between(0, 1), y, view.between(0.15, 0.3), 0.016, (236, 148, 140))
    ridge(view, 0.06, tinted((128, 88, 112), view.random), waves=1.6)


def volcano(view: View) -> None:
    x, base = view.between(0.3, 0.7), view.horizon + 0.01
    top, rock = base - view.between(0.3, 0.36), tinted((132, 104, 104), view.random)
    for number in range(4):
        drift = 0.06 * number * (1 if x < 0.5 else -1)
        view.sketch.ellipse(
            x + drift,
            top - 0.04 - 0.055 * number,
            0.06 + 0.018 * number,
            0.04,
            tinted((206, 198, 206), view.random, 5),
        )
    view.sketch.polygon(
        [
            (x - 0.5, base),
            (x - 0.25, base - 0.12),
            (x - 0.1, top),
            (x + 0.1, top),
            (x + 0.25, base - 0.12),
            (x + 0.5, base),
        ],
        rock,
    )
    lava = (240, 116, 56)
    view.sketch.polygon(
        [
            (x - 0.1, top),
            (x + 0.1, top),
            (x + 0.085, top + 0.05),
            (x + 0.04, top + 0.03),
            (x + 0.03, top + 0.14),
            (x - 0.02, top + 0.05),
            (x - 0.05, top + 0.09),
            (x - 0.09, top + 0.03),
        ],
        lava,
    )
