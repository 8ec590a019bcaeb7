"""What a style does to a picture, roughly and at random: so a judge of content learns to look past it.

B pictures [B, 3, S, S] in 0..1. Every change is drawn for each picture by itself, from one generator.
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

GREY = (0.299, 0.587, 0.114)
MOST_SHIFT = 0.2  # of half the side
MOST_NOISE = 0.15


def augmented(pictures_B3SS: Tensor, rng: Generator) -> Tensor:
    """Pictures moved, distorted, blurred, recoloured, textured, noisy; each change in some of them only."""
    changed = _moved(pictures_B3SS, rng)
    changed = _some(changed, _blurred(changed), 0.4, rng)
    changed = _some(changed, _recoloured(changed, rng), 0.8, rng)
    changed = _some(changed, _grey(changed), 0.25, rng)
    changed = _some(changed, _textured(changed, rng), 0.5, rng)
    changed = _some(changed, _few_tones(changed, rng), 0.2, rng)
    changed = _some(changed, 1 - changed, 0.1, rng)
    return _some(changed, _noisy(changed, rng), 0.5, rng).clamp(0, 1)


def _some(kept: Tensor, changed: Tensor, share: float, rng: Generator) -> Tensor:
    picked = torch.rand(len(kept), 1, 1, 1, generator=rng) < share
    return torch.where(picked, changed, kept)


def _between(low: float, high: float, shape: tuple[int, ...], rng: Generator) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=rng)


def _moved(pictures: Tensor, rng: Generator) -> Tensor:
    """Small shift, zoom and stretch, then an uneven distortion like a brush's that does not keep to lines.

    No mirroring and no turning: left and right can be part of what is shown.
    """
    count, _, side, _ = pictures.shape
    theta = torch.zeros(count, 2, 3)
    theta[:, [0, 1], [0, 1]] = _between(0.8, 1.15, (count, 2), rng)
    theta[:, :, 2] = _between(-MOST_SHIFT, MOST_SHIFT, (count, 2), rng)
    grid = F.affine_grid(theta, [count, 3, side, side], align_corners=False)
    bumps = torch.randn(count, 2, 9, 9, generator=rng) * _between(0, 0.05, (count, 1, 1, 1), rng)
    bumps = F.interpolate(bumps, size=(side, side), mode="bicubic", align_corners=False)
    return F.grid_sample(
        pictures, grid + bumps.movedim(1, -1), padding_mode="reflection", align_corners=False
    )


def _blurred(pictures: Tensor) -> Tensor:
    kernel = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    stacked = kernel.outer(kernel).expand(3, 1, 5, 5)
    return F.conv2d(F.pad(pictures, (2, 2, 2, 2), mode="reflect"), stacked, groups=3)


def _recoloured(pictures: Tensor, rng: Generator) -> Tensor:
    """Colours through a random matrix, and tones through a random power and slope."""
    count = len(pictures)
    strength = _between(0, 1, (count, 1, 1), rng)
    mixing = torch.eye(3) * (1 - strength) + strength * torch.randn(count, 3, 3, generator=rng) * 0.6
    means = pictures.mean(dim=(2, 3), keepdim=True)
    mixed = torch.einsum("bij,bjhw->bihw", mixing, pictures - means)
    offset = means + strength[..., None] * _between(-0.35, 0.35, (count, 3, 1, 1), rng)
    mixed = (offset + mixed * _between(0.7, 1.6, (count, 1, 1, 1), rng)).clamp(0, 1)
    return mixed.clamp_min(1e-4) ** _between(-0.7, 0.7, (count, 3, 1, 1), rng).exp()


def _grey(pictures: Tensor) -> Tensor:
    weights = torch.tensor(GREY).view(1, 3, 1, 1)
    return (pictures * weights).sum(dim=1, keepdim=True).expand_as(pictures)


def _textured(pictures: Tensor, rng: Generator) -> Tensor:
    """A coloured grain of random size and direction, laid over by adding."""
    count, _, side, _ = pictures.shape
    long, short = sorted(torch.randint(1, 7, (2,), generator=rng).tolist(), reverse=True)
    rows, columns = (long, short) if torch.rand((), generator=rng) < 0.5 else (short, long)
    grain = torch.randn(count, 3, math.ceil(side / rows), math.ceil(side / columns), generator=rng)
    grain = F.interpolate(grain, size=(side, side), mode="bilinear", align_corners=False)
    return (pictures + grain * _between(0, 0.15, (count, 1, 1, 1), rng)).clamp(0, 1)


def _few_tones(pictures: Tensor, rng: Generator) -> Tensor:
    steps = torch.randint(2, 6, (len(pictures), 1, 1, 1), generator=rng)
    return (pictures * steps).round() / steps


def _noisy(pictures: Tensor, rng: Generator) -> Tensor:
    noise = torch.randn(pictures.shape, generator=rng)
    return pictures + noise * _between(0, MOST_NOISE, (len(pictures), 1, 1, 1), rng)
