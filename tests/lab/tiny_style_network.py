"""Random filters under the names of the style network's, four channels wide."""

from __future__ import annotations

import torch
from torch import Tensor

from lab.styles import adain


def tiny_style_network() -> dict[str, Tensor]:
    """What `adain.network` gives, in small; always the same."""
    random = torch.Generator().manual_seed(0)
    encoder = [layer for layer in adain.ENCODER if isinstance(layer, int)]
    decoder = [layer for layer in adain.DECODER if isinstance(layer, int)]
    shapes = {"encoder.0": (3, 3, 1), f"decoder.{adain.LAST_OF_DECODER}": (3, 4, 3)}
    shapes |= {f"encoder.{layer}": (4, 3 if layer == encoder[0] else 4, 3) for layer in encoder}
    shapes |= {f"decoder.{layer}": (4, 4, 3) for layer in decoder}
    weights = {}
    for name, (outputs, inputs, size) in shapes.items():
        filters = torch.randn(outputs, inputs, size, size, generator=random)
        weights[f"{name}.weight"] = filters / (inputs * size**2) ** 0.5
        weights[f"{name}.bias"] = torch.full((outputs,), 0.1)
    return weights
