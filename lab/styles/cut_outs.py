"""Flat shapes cut from coloured paper, laid over each other with a shadow and a light edge."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .palettes import Tuples, labels_of, smooth_noise

FINER = 2
RIM = np.ones((3, 3), np.uint8)  # how far an edge reaches inside


@dataclass(frozen=True)
class CutOuts:
    """Lengths in pixels of the picture.

    Args:
        palette: one colour for each sheet of paper.
        roundness: how far details are smoothed away.
        angular: how far corners are cut; 0 leaves curves.
        shadow: how far a sheet's shadow falls.
        direction: where to, in radians.
        dark: of the shadow, 0..1.
        edge: brightness of the cut edge, below 0 for a dark line.
        grain: of the paper.
        fibre: size of the grain.
    """

    palette: Tuples
    roundness: float
    angular: float
    shadow: float
    direction: float
    dark: float
    edge: float
    grain: float
    fibre: float


def draw_parameters(palette: Tuples, random: np.random.Generator) -> CutOuts:
    return CutOuts(
        palette=palette,
        roundness=random.uniform(1.0, 2.6),
        angular=float(random.choice([0.0, 1.0, 2.2])),
        shadow=random.uniform(0.0, 3.5),
        direction=random.uniform(0, 2 * np.pi),
        dark=random.uniform(0.15, 0.6),
        edge=float(random.choice([-0.5, 0.0, 0.25, 0.6])),
        grain=random.uniform(0.0, 0.09),
        fibre=random.uniform(1.5, 8.0),
    )


def render(style: CutOuts, picture: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """The colour with the largest area is the ground; the others lie on it, the smallest on top."""
    palette = np.array(style.palette, np.float32)
    labels = labels_of(cv2.GaussianBlur(cv2.medianBlur(picture, 5), (0, 0), 0.7), palette, FINER)
    side = len(labels)
    areas = np.bincount(labels.ravel(), minlength=len(palette))
    sheet = np.broadcast_to(palette[areas.argmax()], (side, side, 3)).copy()
    offset = FINER * style.shadow * np.array([np.cos(style.direction), np.sin(style.direction)])
    fall = np.array([[1, 0, offset[0]], [0, 1, offset[1]]], np.float32)
    for label in np.argsort(-areas)[1:].tolist():
        shape = _shape(style, labels == label)
        shadow = cv2.GaussianBlur(cv2.warpAffine(shape, fall, (side, side)), (0, 0), 0.6 + style.shadow / 2)
        sheet *= 1 - np.float32(style.dark) * shadow[..., None]
        rim = np.clip(shape - cv2.erode(shape, RIM), 0, 1)[..., None]
        bright = np.clip(palette[label] + style.edge, 0, 1).astype(np.float32)
        sheet += (palette[label] + (bright - palette[label]) * rim - sheet) * shape[..., None]
    small = cv2.resize(sheet, picture.shape[1::-1], interpolation=cv2.INTER_AREA)
    small *= 1 + style.grain * smooth_noise(len(small), style.fibre, random)[..., None]
    return (np.clip(small, 0, 1) * 255).round().astype(np.uint8)


def _shape(style: CutOuts, mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The mask without small parts and fine detail, 0..1."""
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), FINER * style.roundness / 2)
    round_mask = (soft > 0.5).astype(np.uint8)
    if style.angular == 0:
        return cv2.GaussianBlur(round_mask.astype(np.float32), (0, 0), 0.7)
    outlines, _ = cv2.findContours(round_mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    cut = [cv2.approxPolyDP(outline, FINER * style.angular, True) for outline in outlines]
    shape = np.zeros(mask.shape, np.float32)
    cv2.fillPoly(shape, [corners for corners in cut if len(corners) > 2], 1.0, cv2.LINE_8)
    return cv2.GaussianBlur(shape, (0, 0), 0.7)
