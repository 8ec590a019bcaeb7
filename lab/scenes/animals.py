"""Four-legged subjects, each seen from its right side, feet at the bottom."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .colours import BLACK, CREAM, WHITE, WOOD, Colour, Palette, mix
from .kit import Sketch
from .pose import Pose


def fox(sketch: Sketch, colours: Palette, pose: Pose) -> None:
    """Pointed face and ears, a bushy tail with a white tip, black feet."""
    lift = 5 * pose.wave()
    _legs(sketch, (-20, 24), 4, 34, 8, colours.dark, pose, offset=0.5)
    sketch.smooth([(-24, -8), (-44, -22 + lift), (-72, -24 + lift), (-66, -4 + lift), (-44, 6)], colours.main)
    sketch.smooth([(-72, -26 + lift), (-92, -16 + lift), (-74, -4 + lift), (-66, -14 + lift)], WHITE)
    sketch.smooth(
        [(-32, -6), (-18, -15), (10, -14), (30, -20), (36, -4), (22, 12), (-8, 9), (-26, 12)], colours.main
    )
    _legs(sketch, (-24, 20), 4, 34, 9, colours.main, pose)
    sketch.polygon([(20, -36), (20, -66), (38, -46)], colours.dark)
    sketch.polygon([(32, -44), (42, -68), (50, -40)], colours.main)
    sketch.smooth(
        [(18, -32), (30, -47), (46, -44), (58, -30), (76, -22), (58, -16), (40, -8), (24, -12)], colours.main
    )
    sketch.smooth([(34, -20), (54, -25), (75, -22), (58, -16), (42, -8), (30, -2), (28, 8)], CREAM)
    sketch.ellipse(75, -23, 4.5, 4, BLACK)
    sketch.ellipse(47, -33, 3.6, 4.2, BLACK)


def elephant(sketch: Sketch, colours: Palette, pose: Pose) -> None:
    """A great round body on pillars, a large ear, a hanging trunk, a tusk."""
    swing = 8 * pose.wave()
    _legs(sketch, (-26, 28), 16, 34, 19, colours.dark, pose, offset=0.5, reach=0.55)
    sketch.limb((-44, -14), (-56, 16 + swing / 3), 5, colours.dark)
    sketch.ellipse(-2, -8, 48, 35, colours.main)
    _legs(sketch, (-32, 20), 16, 34, 20, colours.main, pose, reach=0.55)
    sketch.limb((60, -22), (74 + swing / 3, 8), 24, colours.main, 16)
    sketch.limb((74 + swing / 3, 8), (76 + swing, 34), 16, colours.main, 11)
    sketch.limb((76 + swing, 34), (90 + swing, 36), 11, colours.main, 8)
    sketch.ellipse(48, -28, 27, 26, colours.main)
    sketch.limb((60, -8), (84, 2), 8, WHITE, 3)
    sketch.smooth([(16, -54), (36, -56), (44, -30), (34, 2), (16, -4), (8, -30)], colours.dark)
    sketch.smooth(
        [(19, -48), (34, -50), (39, -30), (32, -6), (20, -9), (14, -30)],
        mix(colours.light, colours.main, 0.5),
    )
    sketch.ellipse(60, -34, 4, 4.5, BLACK)


def giraffe(sketch: Sketch, colours: Palette, pose: Pose) -> None:
    """A very long neck, long legs, dark spots."""
    nod = 2 * pose.wave()
    spots = mix(colours.main, WOOD, 0.75)
    _legs(sketch, (-20, 16), 8, 62, 9, colours.dark, pose, offset=0.5, reach=0.5)
    sketch.limb((-30, -8), (-42, 22 + nod), 4, spots, 8)
    sketch.smooth([(-34, -4), (-20, -14), (8, -20), (22, -14), (22, 8), (4, 16), (-24, 16)], colours.main)
    _legs(sketch, (-26, 12), 8, 62, 10, colours.main, pose, reach=0.5)
    sketch.polygon([(0, -12), (22 + nod, -104), (37 + nod, -100), (25, 2)], colours.main)
    sketch.limb((24 + nod, -112), (20 + nod, -126), 5, spots, 7)
    sketch.limb((32 + nod, -112), (32 + nod, -127), 5, spots, 7)
    sketch.smooth(
        [
            (16 + nod, -108),
            (30 + nod, -117),
            (46 + nod, -108),
            (60 + nod, -98),
            (54 + nod, -89),
            (34 + nod, -93),
        ],
        colours.main,
    )
    sketch.ellipse(55 + nod, -95, 7, 6, CREAM)
    sketch.ellipse(37 + nod, -106, 3.6, 4, BLACK)
    for x, y, radius in (
        (-22, 0, 8),
        (-6, -8, 7),
        (-6, 8, 6),
        (9, -4, 8),
        (10, -26, 7),
        (17, -46, 7),
        (20, -66, 6),
        (26, -84, 5),
    ):
        sketch.ellipse(x, y, radius, radius * 0.85, spots)


def rabbit(sketch: Sketch, colours: Palette, pose: Pose) -> None:
    """Two long upright ears, a round back, a white tail."""
    stretch = 7 * pose.stride()
    sketch.ellipse(-38 - stretch / 3, 14, 12, 11, WHITE)
    sketch.limb((12, 18), (22 + stretch, 38), 11, colours.dark, 9)
    sketch.ellipse(6, -50, 7.5, 27, colours.dark, turn=-0.3)
    sketch.smooth(
        [(-36, 16), (-30, -10), (-8, -22), (14, -12), (24, 8), (16, 30), (-14, 36), (-32, 32)], colours.main
    )
    sketch.ellipse(-16, 18, 19, 17, mix(colours.main, colours.dark, 0.35))
    sketch.limb((-28 - stretch, 36), (-2 - stretch, 37), 10, colours.main)
    sketch.limb((16, 20), (28 + stretch, 37), 10, colours.main)
    sketch.ellipse(22, -16, 22, 20, colours.main)
    sketch.ellipse(18, -53, 8.5, 29, colours.main, turn=0.04)
    sketch.ellipse(18, -52, 4, 21, (238, 170, 176), turn=0.04)
    sketch.ellipse(34, -6, 10, 7, CREAM)
    sketch.ellipse(43, -13, 3.5, 3, (220, 120, 130))
    sketch.ellipse(29, -21, 4, 5, BLACK)


def _legs(
    sketch: Sketch,
    hips: Sequence[float],
    top: float,
    length: float,
    width: float,
    colour: Colour,
    pose: Pose,
    offset: float = 0.0,
    reach: float = 0.75,
) -> None:
    """A hind and a fore leg that swing against each other by `reach` radians."""
    for hip, part in zip(hips, (0.0, 0.5)):
        angle = reach * pose.stride(offset + part)
        foot = (hip + length * math.sin(angle), top + length * math.cos(angle))
        sketch.limb((hip, top), foot, width, colour, width * 0.85)
