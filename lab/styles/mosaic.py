"""Small stones or panes, each of one colour, with joints between them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .palettes import Tuples, lab, nearest_colour, told_in

FINER = 2
LAYOUTS = ("squares", "bricks", "hexagons", "scattered")


@dataclass(frozen=True)
class Mosaic:
    """Lengths in pixels of the picture, angles in radians.

    Args:
        palette: of the stones; joints are its darkest or lightest colour.
        layout: of LAYOUTS.
        stone: distance between the middles of stones.
        irregular: how far they are from their places, in stones.
        angle: of the rows.
        joint: width of the joints; 0 has none.
        dark_joints: whether joints are dark, else light.
        unlike: how much stones of one colour differ.
        bevel: how much the light shows their edges.
    """

    palette: Tuples
    layout: str
    stone: float
    irregular: float
    angle: float
    joint: float
    dark_joints: bool
    unlike: float
    bevel: float


def draw_parameters(palette: Tuples, random: np.random.Generator) -> Mosaic:
    return Mosaic(
        palette=palette,
        layout=str(random.choice(LAYOUTS)),
        stone=random.uniform(4.0, 8.5),
        irregular=random.uniform(0.0, 0.35),
        angle=random.uniform(0, np.pi / 2),
        joint=random.uniform(0.4, 1.6),
        dark_joints=bool(random.random() < 0.6),
        unlike=random.uniform(0.0, 0.09),
        bevel=random.uniform(0.0, 0.6),
    )


def render(style: Mosaic, picture: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    side = FINER * picture.shape[0]
    stones, distance = _stones(style, side, random)
    count = int(stones.max()) + 1
    palette = np.array(style.palette, np.float32)
    told = told_in(picture, palette, FINER)
    sizes = np.maximum(np.bincount(stones.ravel(), minlength=count), 1)
    means = [np.bincount(stones.ravel(), told[..., axis].ravel(), count) / sizes for axis in range(3)]
    colours = palette[nearest_colour(np.stack(means, -1).astype(np.float32), lab(palette))]
    colours = colours + style.unlike * random.standard_normal((count, 1)).astype(np.float32)
    joints = _joints(style, stones)[..., None]
    lit = 1 + style.bevel * _light(distance)
    made = colours[stones] * lit[..., None]
    made = made * (1 - joints) + palette[0 if style.dark_joints else -1] * joints
    made = cv2.resize(made.astype(np.float32), picture.shape[1::-1], interpolation=cv2.INTER_AREA)
    return (np.clip(made, 0, 1) * 255).round().astype(np.uint8)


def _stones(
    style: Mosaic, side: int, random: np.random.Generator
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Number of the stone at each pixel, from 0, and the distance to its middle in stones."""
    stone = FINER * style.stone
    reach = np.arange(-side, side, stone)
    u, v = np.meshgrid(reach, reach * (0.866 if style.layout == "hexagons" else 1.0))
    if style.layout in ("bricks", "hexagons"):
        u = u + (np.arange(len(u)) % 2)[:, None] * stone / 2
    irregular = 0.5 if style.layout == "scattered" else style.irregular * 0.5
    u, v = (axis + stone * irregular * random.uniform(-1, 1, axis.shape) for axis in (u, v))
    x = u * np.cos(style.angle) - v * np.sin(style.angle) + side / 2
    y = u * np.sin(style.angle) + v * np.cos(style.angle) + side / 2
    inside = (x >= 0) & (x < side) & (y >= 0) & (y < side)
    elsewhere = np.ones((side, side), np.uint8)
    elsewhere[y[inside].astype(int), x[inside].astype(int)] = 0
    distance, labels = cv2.distanceTransformWithLabels(
        elsewhere, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    return labels - 1, distance / stone


def _joints(style: Mosaic, stones: NDArray[np.int32]) -> NDArray[np.float32]:
    border = np.zeros(stones.shape, np.float32)
    border[:, 1:] = stones[:, 1:] != stones[:, :-1]
    border[1:] = np.maximum(border[1:], stones[1:] != stones[:-1])
    width = FINER * style.joint
    return np.clip(cv2.GaussianBlur(border, (0, 0), max(0.4, width / 3)) * max(1.0, width) * 0.9, 0, 1)


def _light(distance: NDArray[np.float32]) -> NDArray[np.float32]:
    """The stones' sides towards the upper left are light, those away from it dark."""
    slope = cv2.Sobel(distance, cv2.CV_32F, 1, 0) + cv2.Sobel(distance, cv2.CV_32F, 0, 1)
    return -np.clip(3 * slope, -1, 1) * np.clip(distance, 0, 1)
