"""The empty background of a scene."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .colours import BLACK, WHITE, Colour, mix, tinted
from .kit import FINER, Sketch, Transform, paint, reduced
from .pieces import View, waves

if TYPE_CHECKING:
    from .scene import Scene

WATER = (84.0, 156.0, 204.0)
HORIZON = {"land": (0.52, 0.64), "air": (0.52, 0.64), "water": (0.42, 0.5)}  # from the top
IN_PLACE = Transform(1.0, 0.0, 0.0)


def horizon_of(scene: Scene) -> float:
    """Height of the horizon from the top, 0 to 1."""
    return float(scene.details("horizon").uniform(*HORIZON[scene.thing.habitat]))


def draw_background(scene: Scene, side: int) -> NDArray[np.float32]:
    """The scene without its subject: float [side, side, 3], 0 to 255.

    Subjects that swim have water before the background, all others its own ground.
    """
    place, random = scene.surroundings, scene.details("background")
    horizon, on_water = horizon_of(scene), scene.thing.habitat == "water"
    sky = [tinted(colour, random, 13.0) for colour in place.sky]
    water = mix(WATER, sky[1], 0.3)
    earth = (mix(water, WHITE, 0.2), mix(water, BLACK, 0.15)) if on_water else place.earth
    ground = [tinted(colour, random, 13.0) for colour in earth]
    canvas = _gradients(FINER * side, horizon, sky, ground)
    view = View(Sketch(), horizon, mix(ground[1], BLACK, 0.13), random)
    place.draw(view)
    if on_water:
        view.sketch.box(0, horizon, 1, 1, ground[1])
        waves(view, horizon + 0.05, 1.0, mix(ground[0], WHITE, 0.45), 9)
    else:
        place.ground(view)
    paint(canvas, view.sketch.shapes, IN_PLACE)
    light = random.uniform(0.88, 1.08)
    return np.clip(reduced(canvas) * light, 0, 255)


def _gradients(side: int, horizon: float, sky: list[Colour], ground: list[Colour]) -> Image.Image:
    """Sky from its top to the horizon, ground from there to the lower edge."""
    y = np.linspace(0, 1, side)
    below = y >= horizon
    rows = np.where(
        below[:, None],
        _between(ground, (y - horizon) / (1 - horizon)),
        _between(sky, y / horizon),
    )
    pixels = np.broadcast_to(rows[:, None], (side, side, 3))
    return Image.fromarray(np.round(pixels).astype(np.uint8))


def _between(colours: list[Colour], share: NDArray[np.float64]) -> NDArray[np.float64]:
    first, last = np.array(colours)
    return first + np.clip(share, 0, 1)[:, None] * (last - first)
