"""Small films with known content."""

from __future__ import annotations

import torch
from torch import Tensor


def moving_square(num_frames: int, height: int = 64, width: int = 96) -> Tensor:
    """A soft background and a bright square that moves one step of 4 pixels per frame: [T, H, W, 3]."""
    down = torch.linspace(0.1, 0.6, height)[:, None].expand(height, width)
    right = torch.linspace(0.6, 0.2, width)[None].expand(height, width)
    film = torch.stack([down, right, torch.full((height, width), 0.3)], dim=-1).repeat(num_frames, 1, 1, 1)
    for number in range(num_frames):
        left = 4 * number % (width - 16)
        film[number, 8:24, left : left + 16] = torch.tensor([0.9, 0.8, 0.2])
    return film


def plain(colour: tuple[float, ...], num_frames: int = 3, height: int = 32, width: int = 32) -> Tensor:
    """One colour: [T, H, W, C]."""
    return torch.tensor(colour).expand(num_frames, height, width, len(colour))


def square_position(frame_HWC: Tensor) -> int:
    """The column where the square of `moving_square` starts: much red, little blue."""
    strength = (frame_HWC[8:24, :, 0] - frame_HWC[8:24, :, 2]).mean(dim=0)
    return int(strength.unfold(0, 16, 1).sum(dim=-1).argmax())
