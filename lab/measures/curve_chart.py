"""Curves of measured numbers between 0 and 1, each with its interval, over one setting."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from stylecrafter_core.errors import InputError
from stylecrafter_core.media.lettering import font

from .intervals import Estimate

WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 24, 56  # margins of the plot
COLOURS = ((196, 64, 44), (49, 104, 173), (58, 140, 74), (140, 90, 160))
INK, RULE = (32, 32, 32), (222, 222, 222)
DOT = 4
BESIDE = 6  # between the curves, so that no bar hides another


def draw_curves(settings: Sequence[float], curves: Mapping[str, Sequence[Estimate]], label: str) -> Tensor:
    """Dots at the measured values, joined, with a bar for each 95 % interval; the vertical axis is 0 to 1.

    Several curves stand a few pixels beside each other.

    Args:
        settings: S numbers in rising order.
        curves: by name, S estimates each; at most four curves.
        label: of the horizontal axis.

    Returns:
        [1, H, W, 3] picture, 0..1.

    Raises:
        InputError: no curve, too many, or a curve of another length.
    """
    _check(settings, curves)
    picture = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(picture)
    _axes(draw, settings, label)
    for number, (name, values) in enumerate(curves.items()):
        colour = COLOURS[number]
        shift = BESIDE * (number - (len(curves) - 1) / 2)
        _curve(draw, settings, values, colour, shift)
        draw.text((LEFT + 12 + number * 170, HEIGHT - 20), name, colour, font(14))
    return torch.from_numpy(np.asarray(picture, dtype=np.float32) / 255).unsqueeze(0)


def _axes(draw: ImageDraw.ImageDraw, settings: Sequence[float], label: str) -> None:
    for tenth in range(0, 11, 2):
        y = _y(tenth / 10)
        draw.line((LEFT, y, WIDTH - RIGHT, y), fill=RULE)
        draw.text((LEFT - 34, y - 8), f"{tenth / 10:.1f}", INK, font(13))
    for setting in settings:
        x = _x(setting, settings)
        draw.line((x, _y(0), x, _y(0) + 5), fill=INK)
        draw.text((x - 10, _y(0) + 6), f"{setting:g}", INK, font(13))
    draw.text((WIDTH - RIGHT, HEIGHT - 20), label, INK, font(14), anchor="ra")


def _curve(
    draw: ImageDraw.ImageDraw,
    settings: Sequence[float],
    values: Sequence[Estimate],
    colour: tuple[int, int, int],
    shift: float,
) -> None:
    points = [(_x(setting, settings) + shift, _y(value.mean)) for setting, value in zip(settings, values)]
    draw.line(points, fill=colour, width=2)
    for (x, y), value in zip(points, values):
        draw.ellipse((x - DOT, y - DOT, x + DOT, y + DOT), fill=colour)
        if not math.isnan(value.low):
            draw.line((x, _y(value.low), x, _y(value.high)), fill=colour)


def _x(setting: float, settings: Sequence[float]) -> float:
    span = (settings[-1] - settings[0]) or 1.0
    return LEFT + 16 + (setting - settings[0]) / span * (WIDTH - LEFT - RIGHT - 32)


def _y(value: float) -> float:
    return TOP + (1 - min(max(value, 0.0), 1.0)) * (HEIGHT - TOP - BOTTOM)


def _check(settings: Sequence[float], curves: Mapping[str, Sequence[Estimate]]) -> None:
    lengths = [len(values) for values in curves.values()]
    if not 1 <= len(curves) <= len(COLOURS) or not settings or set(lengths) != {len(settings)}:
        raise InputError(
            "The curves do not share one setting.",
            found=f"{len(settings)} settings, curves of {', '.join(map(str, lengths)) or 'nothing'} values",
            expected=f"1 to {len(COLOURS)} curves with a value for each setting, one at least",
            fix="measure every curve at the same settings",
        )
