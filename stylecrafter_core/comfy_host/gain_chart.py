"""The predicted gains as a picture and as text: prompts down, styles across, one bar per site.

P prompts, S styles, L sites.
"""

from __future__ import annotations

import textwrap

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ..media.lettering import font, without_accents

CELL_WIDTH, CELL_HEIGHT = 280, 110
LABEL_WIDTH, HEADER_HEIGHT = 260, 46
MARGIN, BAR_TOP = 12, 40
LOWER, NEUTRAL, HIGHER = (49, 104, 173), (244, 244, 242), (196, 64, 44)
INK = (32, 32, 32)


def gain_table(gains_PSL: Tensor, prompts: list[str]) -> str:
    """One line per prompt and style: the mean gain, the least, the greatest.

    Args:
        gains_PSL: [P, S, L] gains in (0, 2).
        prompts: P texts.
    """
    lines = []
    for prompt, gains_SL in zip(prompts, gains_PSL, strict=True):
        for number, gains_L in enumerate(gains_SL, start=1):
            low, high = int(gains_L.argmin()), int(gains_L.argmax())
            lines.append(
                f"style {number}: mean {gains_L.mean():.3f}, "
                f"least {gains_L[low]:.3f} (site {low + 1}), "
                f"greatest {gains_L[high]:.3f} (site {high + 1}) | {prompt}"
            )
    return "\n".join(lines)


def draw_gains(gains_PSL: Tensor, prompts: list[str]) -> Tensor:
    """A matrix of prompts × styles: each cell tinted by its mean gain, with a bar per site.

    Blue is below 1, red above; the line in a cell is a gain of 1.

    Args:
        gains_PSL: [P, S, L] gains in (0, 2).
        prompts: P texts.

    Returns:
        [1, H, W, 3] picture, 0..1.

    Source: StyleCrafter (arXiv 2312.00330), the figure of predicted scale factors.
    """
    num_prompts, num_styles, _ = gains_PSL.shape
    size = (LABEL_WIDTH + num_styles * CELL_WIDTH, HEADER_HEIGHT + num_prompts * CELL_HEIGHT)
    picture = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)
    draw.text((MARGIN, MARGIN), "gain per site, in site order", INK, font(14))
    for column in range(num_styles):
        draw.text((LABEL_WIDTH + column * CELL_WIDTH, MARGIN), f"style {column + 1}", INK, font(18))
    for row, prompt in enumerate(prompts):
        top = HEADER_HEIGHT + row * CELL_HEIGHT
        text = "\n".join(textwrap.wrap(without_accents(prompt), 32, max_lines=4, placeholder=" ..."))
        draw.multiline_text((MARGIN, top + 4), text, INK, font(14))
        for column in range(num_styles):
            _draw_cell(draw, LABEL_WIDTH + column * CELL_WIDTH, top, gains_PSL[row, column])
    return torch.from_numpy(np.asarray(picture, dtype=np.float32) / 255).unsqueeze(0)


def _draw_cell(draw: ImageDraw.ImageDraw, left: int, top: int, gains_L: Tensor) -> None:
    right, bottom = left + CELL_WIDTH - MARGIN, top + CELL_HEIGHT - MARGIN
    mean = float(gains_L.mean())
    draw.rectangle((left, top, right, bottom), fill=_tint(mean, strength=0.35), outline=(200, 200, 200))
    draw.text((left + 8, top + 6), f"mean {mean:.2f}", INK, font(20))
    middle, reach = (top + BAR_TOP + bottom) / 2, (bottom - top - BAR_TOP) / 2 - 2
    width = (right - left - 16) / len(gains_L)
    for site, gain in enumerate(gains_L.tolist()):
        x = left + 8 + site * width
        y = middle - (gain - 1) * reach
        draw.rectangle((x, min(y, middle), x + max(width - 1, 1), max(y, middle)), fill=_tint(gain))
    draw.line((left + 8, middle, right - 8, middle), fill=INK)


def _tint(gain: float, strength: float = 1.0) -> tuple[int, int, int]:
    """From blue at 0 over near white at 1 to red at 2."""
    end = HIGHER if gain > 1 else LOWER
    share = strength * min(1.0, 0.25 + abs(gain - 1)) if gain != 1 else 0.0
    red, green, blue = (round(n + (e - n) * share) for n, e in zip(NEUTRAL, end, strict=True))
    return red, green, blue
