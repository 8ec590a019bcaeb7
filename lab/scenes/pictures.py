"""From a scene to its picture and its clip."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .backgrounds import draw_background
from .colours import Palette, palette
from .kit import FINER, Shape, Sketch, Transform, bounds, paint, paint_rim, paint_shadow, reduced
from .motion import Moment, moment
from .pose import Pose
from .scene import Scene

Picture = NDArray[np.uint8]  # [H, W, 3]

RIM = 0.006  # width of the line around a subject, in sides of the picture
RESTING = Pose(0.0, striding=True)  # with all its parts, so that a subject keeps its size while they move


def draw_picture(scene: Scene) -> Picture:
    """The middle of the scene's motion: uint8 [S, S, 3], S the side that its task has."""
    return draw_clip(scene, frames=1)[0]


def draw_clip(scene: Scene, frames: int = 8) -> NDArray[np.uint8]:
    """The scene's motion: uint8 [T, S, S, 3]; frame T // 2 is the picture.

    The background stands still. The clip lasts as long for any number of frames.
    """
    background = draw_background(scene, scene.task.side)
    colours = palette(scene.colour, scene.details("colour"))
    to_unit = _to_unit(scene, colours)
    times = [0.5 + (number - frames // 2) / frames for number in range(frames)]
    return np.stack([_frame(background, scene, colours, to_unit, moment(scene, time)) for time in times])


def _frame(
    background: NDArray[np.float32], scene: Scene, colours: Palette, to_unit: Transform, now: Moment
) -> Picture:
    """The subject over the background, lit from above."""
    subject, sketch = scene.thing, Sketch()
    subject.draw(sketch, colours, now.pose)
    unit = [Shape(to_unit(shape.points), shape.colour) for shape in sketch.shapes]
    mirrored = scene.facing == "left"
    placed = Transform(now.size, now.x, now.y, -now.turn if mirrored else now.turn, mirrored)
    canvas = Image.new("RGBA", (FINER * scene.task.side,) * 2)
    if subject.habitat == "land":
        paint_shadow(canvas, now.x, now.ground, 0.34 * now.size, 0.045 * now.size)
    paint_rim(canvas, unit, placed, colours.line, RIM)
    paint(canvas, unit, placed)
    layer = reduced(canvas)
    alpha = layer[..., 3:] / 255
    shown = layer[..., :3] * _light(now, scene.task.side) * alpha + background * (1 - alpha)
    return np.clip(np.round(shown), 0, 255).astype(np.uint8)


def _to_unit(scene: Scene, colours: Palette) -> Transform:
    """The subject's own units to a longest side of 1 around what `Moment.x` and `Moment.y` place."""
    subject, sketch = scene.thing, Sketch()
    subject.draw(sketch, colours, RESTING)
    left, top, right, bottom = bounds(sketch.shapes)
    scale = 1 / max(right - left, bottom - top)
    base = (top + bottom) / 2 if subject.habitat == "air" else bottom
    return Transform(scale, -scale * (left + right) / 2, -scale * base)


def _light(now: Moment, side: int) -> NDArray[np.float32]:
    """A little more than 1 at the subject's top, less at its foot: [H, 1, 1]."""
    below_middle = (np.linspace(0, 1, side, dtype=np.float32) - now.y) / now.size + 0.4
    return (1.0 - 0.2 * np.clip(below_middle, -0.6, 0.6))[:, None, None]
