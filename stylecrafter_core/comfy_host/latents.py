"""Empty latents of videos."""

from __future__ import annotations

import comfy.model_management
import torch
from torch import Tensor

LATENT_CHANNELS = 4
PIXELS_PER_LATENT = 8


def empty_video_latent(width: int, height: int, frames: int, batch_size: int) -> Tensor:
    """Zeros [batch_size * frames, 4, height / 8, width / 8]: the frames, video after video."""
    return torch.zeros(
        batch_size * frames,
        LATENT_CHANNELS,
        height // PIXELS_PER_LATENT,
        width // PIXELS_PER_LATENT,
        device=comfy.model_management.intermediate_device(),
    )
