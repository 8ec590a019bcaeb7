"""Printing screens: dots, bars or squares of ink that grow where the picture is darker."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .palettes import Tuples, darkness, enlarged, labels_of

FINER = 2
SHAPES = ("dots", "bars", "squares", "rings")


@dataclass(frozen=True)
class Halftone:
    """Lengths in pixels of the picture, angles in radians.

    Args:
        palette: the lightest colour is the paper, the darkest the key ink, the others flat tints under it.
        shape: of SHAPES.
        cell: distance between dots.
        angle: of the screen.
        flat: how strongly the tints lie under the dots, 0..1.
        second: whether a second screen, turned, prints the tints as dots too.
        shift: how far the tints are printed beside their place.
        gain: ink spread; above 1 dots are larger.
    """

    palette: Tuples
    shape: str
    cell: float
    angle: float
    flat: float
    second: bool
    shift: float
    gain: float


def draw_parameters(palette: Tuples, random: np.random.Generator) -> Halftone:
    return Halftone(
        palette=palette,
        shape=str(random.choice(SHAPES)),
        cell=random.uniform(3.2, 7.5),
        angle=random.uniform(0, np.pi / 2),
        flat=float(random.choice([0.0, 0.6, 1.0])),
        second=bool(random.random() < 0.5),
        shift=random.uniform(0, 1.8),
        gain=random.uniform(0.8, 1.15),
    )


def render(style: Halftone, picture: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """Paper, tints, tints as dots, key dots: printed in this order. Nothing in it is by chance."""
    palette = np.array(style.palette, np.float32)
    paper, key = palette[-1], palette[0]
    soft = cv2.GaussianBlur(picture, (0, 0), style.cell / 4)
    labels = np.maximum(labels_of(soft, palette, FINER), 1)
    labels = np.roll(labels, round(FINER * style.shift), axis=(0, 1))
    tone = enlarged(darkness(soft), FINER)
    flat = paper + np.float32(style.flat) * (palette - paper)
    printed = flat[labels]
    if style.second:
        dots = _screen(style, 0.35 + 0.5 * tone, style.angle + 0.52)
        printed += (palette - flat)[labels] * dots[..., None]
    dots = _screen(style, 0.9 * style.gain * np.clip(tone * 1.15 - 0.12, 0, 1), style.angle)
    printed += (key - printed) * dots[..., None]
    printed = cv2.resize(printed, picture.shape[1::-1], interpolation=cv2.INTER_AREA)
    return (np.clip(printed, 0, 1) * 255).round().astype(np.uint8)


def _screen(style: Halftone, tone: NDArray[np.float32], angle: float) -> NDArray[np.float32]:
    """Where ink lies, 0..1: the area of a cell that is covered is about `tone`."""
    cell = np.float32(FINER * style.cell)
    steps = np.arange(len(tone), dtype=np.float32) / cell
    along, across = steps * np.float32(np.cos(angle)), steps * np.float32(np.sin(angle))
    v = along[:, None] - across
    v -= np.round(v)
    if style.shape == "bars":
        return np.clip((tone / 2 - np.abs(v)) * cell + 0.5, 0, 1)
    u = along + across[:, None]
    u -= np.round(u)
    if style.shape == "squares":
        return np.clip((np.sqrt(tone) / 2 - np.maximum(np.abs(u), np.abs(v))) * cell + 0.5, 0, 1)
    radius, reach = np.sqrt(tone * np.float32(1.21 / np.pi)), np.sqrt(u * u + v * v)
    edge = radius - reach
    if style.shape == "rings":
        edge = np.minimum(edge, reach - radius / 2 + 0.35 * (tone > 0.75))
    return np.clip(edge * cell + 0.5, 0, 1)
