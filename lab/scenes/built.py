"""What stands at the horizon, behind every subject: backgrounds of buildings. Coordinates as in far.py."""

from __future__ import annotations

import numpy as np

from .colours import mix, tinted
from .pieces import View, clouds, house, ridge, tower

STONE = (164.0, 158.0, 156.0)


def houses(view: View) -> None:
    clouds(view)
    left = view.between(-0.12, -0.02)
    walls = view.random.permutation(
        np.array([(236, 206, 150), (226, 168, 140), (206, 216, 206), (240, 226, 204), (190, 200, 216)])
    )
    for number in range(7):
        wide, high = view.between(0.18, 0.26), view.between(0.2, 0.32)
        roof = tinted((178, 96, 76), view.random, 14)
        house(view, left, wide, high, tinted(tuple(walls[number % 5]), view.random), roof)
        left += wide + view.between(0.0, 0.025)


def city(view: View) -> None:
    left = view.between(-0.1, 0.0)
    while left < 1:
        wide, high = view.between(0.1, 0.17), view.between(0.2, 0.44)
        wall = tinted((142, 152, 172), view.random, 14)
        top = view.horizon - high
        view.sketch.box(left, top, left + wide, view.horizon + 0.005, wall)
        lit = mix(wall, (250, 240, 190), 0.6)
        for y in np.arange(top + 0.03, view.horizon - 0.03, 0.055):
            for x in np.arange(left + 0.022, left + wide - 0.03, 0.042):
                view.sketch.box(x, y, x + 0.02, y + 0.028, lit)
        left += wide + view.between(-0.005, 0.02)


def castle(view: View) -> None:
    clouds(view)
    x, base = view.between(0.3, 0.7), view.horizon + 0.005
    wall = tinted(STONE, view.random)
    shade = mix(wall, (90, 84, 96), 0.25)
    ridge(view, 0.05, tinted((140, 184, 116), view.random), waves=1.5)
    tower(view, x, 0.075, 0.44, shade)
    view.sketch.box(x - 0.26, base - 0.18, x + 0.26, base, wall)
    for number in range(7):
        view.sketch.box(x - 0.26 + number * 0.08, base - 0.21, x - 0.22 + number * 0.08, base - 0.17, wall)
    for side in (-0.28, 0.28):
        tower(view, x + side, 0.065, 0.32, wall)
    view.sketch.smooth(
        [
            (x - 0.05, base),
            (x - 0.05, base - 0.08),
            (x, base - 0.13),
            (x + 0.05, base - 0.08),
            (x + 0.05, base),
        ],
        (86, 72, 70),
    )
