"""Pen on paper: layers of parallel lines, more of them the darker the picture, and outlines."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .palettes import Tuples, darkness, enlarged, labels_of, smooth_noise

FINER = 2


@dataclass(frozen=True)
class Hatching:
    """Lengths in pixels of the picture, angles in radians.

    Args:
        palette: the lightest colour is the paper, the darkest draws outlines; the others are inks.
        spacing: between lines.
        angle: of the first layer.
        crossing: between one layer and the next.
        wobble: how far lines wander.
        weight: of the lines, 0.3 fine to 0.8 heavy.
        outline: thickness of outlines; 0 draws none.
        coloured: whether each part of the picture has an ink of its own; else all is the darkest.
        wash: how strongly the colours lie under the lines, 0..1.
        inverted: light ink on the darkest colour.
    """

    palette: Tuples
    spacing: float
    angle: float
    crossing: float
    wobble: float
    weight: float
    outline: float
    coloured: bool
    wash: float
    inverted: bool


def draw_parameters(palette: Tuples, random: np.random.Generator) -> Hatching:
    return Hatching(
        palette=palette,
        spacing=random.uniform(2.6, 6.0),
        angle=random.uniform(0, np.pi),
        crossing=random.uniform(0.5, 1.6),
        wobble=random.uniform(0.0, 1.6),
        weight=random.uniform(0.35, 0.8),
        outline=float(random.choice([0.0, 0.6, 1.1])),
        coloured=bool(random.random() < 0.6),
        wash=float(random.choice([0.0, 0.35, 0.7])),
        inverted=bool(random.random() < 0.2),
    )


def render(style: Hatching, picture: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """Ink over paper, or over a wash of the colours."""
    palette = np.array(style.palette[::-1] if style.inverted else style.palette, np.float32)
    paper, ink, last = palette[-1], palette[0], len(palette) - 1
    soft = cv2.GaussianBlur(picture, (0, 0), 1)
    labels = labels_of(soft, palette, FINER)
    tone = enlarged(darkness(soft), FINER)
    tone = 0.1 + 0.85 * (1 - tone if style.inverted else tone)
    covered = np.maximum(_lines(style, tone, random), _outlines(style, picture))[..., None]
    inks = np.array([*palette[:last], palette[last - 1]]) if style.coloured else np.tile(ink, (last + 1, 1))
    ground = paper + style.wash * (palette - paper)
    drawn = ground[labels] + (inks - ground).astype(np.float32)[labels] * covered
    small = cv2.resize(drawn, picture.shape[1::-1], interpolation=cv2.INTER_AREA)
    small *= 1 + 0.02 * smooth_noise(len(small), 1.5, random)[..., None]
    return (np.clip(small, 0, 1) * 255).round().astype(np.uint8)


def _lines(style: Hatching, tone: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
    """How far each pixel is covered by ink. Layer i starts where the tone is above i / 3."""
    side, spacing = len(tone), np.float32(FINER * style.spacing)
    steps = np.arange(side, dtype=np.float32)
    covered = np.zeros_like(tone)
    for layer in range(3):
        angle = style.angle + layer * style.crossing
        wander = FINER * style.wobble * smooth_noise(side, 40, random)
        across = (steps * np.float32(np.sin(angle)) + wander) + (steps * np.float32(np.cos(angle)))[:, None]
        distance = np.abs(across - spacing * np.round(across / spacing))
        width = np.clip(tone * 3 - layer, 0, 1) * np.float32(style.weight * spacing / 2)
        covered = np.maximum(covered, np.clip(width - distance + 0.5, 0, 1) * (width > 0.15))
    return covered


def _outlines(style: Hatching, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    if style.outline == 0:
        return np.zeros((1, 1), np.float32)
    edges = cv2.Canny(cv2.GaussianBlur(enlarged(picture, FINER), (0, 0), 1.5), 25, 60)
    return np.clip(cv2.GaussianBlur(edges, (0, 0), FINER * style.outline * 0.6).astype(np.float32) / 70, 0, 1)
