"""The published video networks' tensors with random values, the same in every process."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

KEYS = Path(__file__).parents[2] / "tests" / "golden"
TIMESTEP, TEXT_TOKENS, TEXT_WIDTH, CLIP_TOKENS, CLIP_WIDTH = 500, 77, 1024, 257, 1280


@cache
def unet_tensors() -> dict[str, Tensor]:
    """The U-Net's, by published names, float32 on the CPU."""
    return _random(published_shapes("video", "videocrafter_unet"), seed=1)


def adapter_tensors() -> dict[str, Tensor]:
    """The style adapter's, likewise."""
    return _random(published_shapes("video", "videocrafter_adapter"), seed=2)


def inputs(frames: int, height: int, width: int) -> dict[str, Tensor]:
    """A noisy video, a text and a picture's tokens.

    Args:
        height, width: in latents, an eighth of the pixels.

    Returns:
        `x` [1, 4, frames, height, width], `text` [1, 77, 1024], `clip_tokens` [1, 257, 1280].
    """
    generator = torch.Generator().manual_seed(3)
    shapes = {
        "x": (1, 4, frames, height, width),
        "text": (1, TEXT_TOKENS, TEXT_WIDTH),
        "clip_tokens": (1, CLIP_TOKENS, CLIP_WIDTH),
    }
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def published_shapes(family: str, prefix: str) -> dict[str, list[int]]:
    """The shapes in the published key list that starts so, by name."""
    lists = json.loads((KEYS / f"official_{family}_keys.json").read_text(encoding="utf-8"))
    (shapes,) = (shapes for name, shapes in lists.items() if name.startswith(prefix))
    return dict(shapes.get("adapter", shapes))  # Wan's list tells more of its file


def _random(shapes: dict[str, list[int]], seed: int) -> dict[str, Tensor]:
    """Matrices that keep the size of what passes through them; norms near one, small biases."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, shape in shapes.items():
        tensor = torch.randn(shape, generator=generator)
        if len(shape) > 1:
            tensor *= tensor[0].numel() ** -0.5
        else:
            tensor = tensor * 0.1 + float(name.endswith("weight"))
        tensors[name] = tensor
    return tensors
