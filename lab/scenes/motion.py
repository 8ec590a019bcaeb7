"""Where a subject is at each moment, and how its parts stand."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .backgrounds import horizon_of
from .pose import Pose

if TYPE_CHECKING:
    from .scene import Scene

TURNS = 1.5  # of legs and wings, while a clip lasts
GROWTH = 0.9  # logarithm of the ratio of sizes that a subject runs through
DEEPEST = 0.52  # size at the middle of a motion in depth, so that its nearest is still within the picture
TRAVEL = {"across": (0.40, 0.58), "up and down": (0.36, 0.46)}  # sides of the picture, in a clip's time


@dataclass(frozen=True)
class Moment:
    """The subject at one time.

    Args:
        x, y: of its feet (land), water line (water) or centre (air), in sides of the picture.
        size: its longest side, in sides of the picture.
        ground: where its shadow lies, in sides of the picture.
        turn: how far it leans, in radians, clockwise for one that looks to the right.
    """

    x: float
    y: float
    size: float
    ground: float
    turn: float
    pose: Pose


def moment(scene: Scene, time: float) -> Moment:
    """The scene at `time`: 0.0 when the clip starts, 0.5 in the picture, 1.0 after the last frame."""
    random = scene.details("motion")
    size = scene.task.sizes[scene.size] * random.uniform(0.95, 1.05)
    room = 1.25 - size  # a large one stays nearer the middle
    aside = (scene.task.asides[scene.place] - 0.5 + random.uniform(-0.03, 0.03)) * room
    across, upwards = (random.uniform(*TRAVEL[way]) for way in ("across", "up and down"))
    rest = _rest(scene, size, random.uniform(-1, 1))
    pose = Pose(random.uniform(0, 2 * math.pi) + 2 * math.pi * TURNS * time, scene.motion != "stays")
    passed = time - 0.5
    x, y = 0.5 + aside, rest
    if scene.motion in ("left", "right"):
        across = min(across, 1.08 - 0.9 * size)  # most of it stays within the picture
        x += (across if scene.motion == "right" else -across) * passed
    elif scene.motion in ("up", "down"):
        y += (upwards if scene.motion == "down" else -upwards) * passed
    elif scene.motion in ("nearer", "away"):
        size = min(size, DEEPEST)
        ratio = math.exp(GROWTH * (passed if scene.motion == "nearer" else -passed))
        x = 0.5 + 0.5 * aside * ratio
        y = _nearer(scene, rest, ratio)
        size *= ratio
    return Moment(x, y + size * _bob(scene, pose), size, y, _lean(scene, pose), pose)


def _rest(scene: Scene, size: float, chance: float) -> float:
    """Where feet, water line or centre are at the middle of the motion."""
    horizon, habitat = horizon_of(scene), scene.thing.habitat
    if habitat == "air":
        return 0.48 + 0.04 * chance if scene.motion in ("up", "down") else 0.42 + 0.06 * chance
    if scene.motion in ("nearer", "away"):
        nearest = 0.96 + 0.01 * chance  # just above the lower edge
        return horizon + (nearest - horizon) / math.exp(GROWTH / 2)
    depth = 0.45 + 0.6 * size + 0.08 * chance  # a larger one stands nearer
    return horizon + min(depth, 0.9) * (1 - horizon)


def _nearer(scene: Scene, rest: float, ratio: float) -> float:
    """What stands on the ground comes down from the horizon as it grows."""
    vanishing = 0.42 if scene.thing.habitat == "air" else horizon_of(scene)
    return vanishing + (rest - vanishing) * ratio


def _bob(scene: Scene, pose: Pose) -> float:
    """Up and down with every step or wave, in sizes of the subject."""
    subject = scene.thing
    if subject.rooted:
        return 0.0
    if scene.subject in ("rabbit", "snowman"):
        return -0.16 * abs(math.sin(pose.angle)) if pose.striding else 0.0
    if subject.habitat == "land":
        return -0.02 * abs(pose.stride())
    return 0.015 * pose.wave()


def _lean(scene: Scene, pose: Pose) -> float:
    """In radians, nose down is positive."""
    if scene.subject == "rocket":
        return {"left": 1.35, "right": 1.35, "down": math.pi}.get(scene.motion, 0.0)
    if scene.subject == "bird":
        return {"up": -0.5, "down": 0.5}.get(scene.motion, 0.0)
    if scene.subject == "butterfly":
        return {"left": 0.6, "right": 0.6}.get(scene.motion, 0.2)
    if scene.subject in ("sailing boat", "hot-air balloon"):
        return 0.06 * pose.wave(0.2)
    return 0.0
