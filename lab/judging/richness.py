"""How rich a style is: its colours and its detail."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..scenes import PUBLISHED
from .paintings import HeldOut, square


def halves(paintings: Sequence[HeldOut]) -> tuple[list[HeldOut], list[HeldOut]]:
    """The richer half and the plainer half, the richest and the plainest first, equally many.

    Richness is the mean of two ranks: of colourfulness and of detail.
    """
    squares = [square(painting.pixels, PUBLISHED.side) for painting in paintings]
    ranks = [_ranks([richness(pixels) for pixels in squares]) for richness in (colourfulness, detail)]
    order = sorted(range(len(paintings)), key=lambda place: -sum(rank[place] for rank in ranks))
    half = len(paintings) // 2
    rich, plain = order[:half], order[::-1][:half]
    return [paintings[place] for place in rich], [paintings[place] for place in plain]


def colourfulness(picture_HW3: Tensor) -> float:
    """`√(σ_rg² + σ_yb²) + 0.3 · √(μ_rg² + μ_yb²)`, with rg = R − G and yb = (R + G)/2 − B.

    Source: Hasler & Süsstrunk 2003, measuring colourfulness in natural images.
    """
    red, green, blue = picture_HW3.unbind(dim=-1)
    opponents = torch.stack([red - green, (red + green) / 2 - blue]).flatten(1)
    return float(opponents.std(dim=1).norm() + 0.3 * opponents.mean(dim=1).norm())


def detail(picture_HW3: Tensor) -> float:
    """Mean absolute difference between neighbouring pixels, down and to the right."""
    steps = [picture_HW3.diff(dim=side).abs().mean() for side in (0, 1)]
    return float(sum(steps)) / 2


def _ranks(values: list[float]) -> list[int]:
    order = sorted(range(len(values)), key=values.__getitem__)
    return [order.index(place) for place in range(len(values))]
