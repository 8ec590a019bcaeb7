"""The weight files that a run writes: what the nodes load."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from ..comfy_host.frozen_base import temporal_tensors
from ..comfy_host.styled_unet import StyledUNet
from ..formats import read_adapter, read_temporal, save_adapter, save_temporal
from .engine.shards import put, whole

ADAPTER, TEMPORAL = "adapter.safetensors", "temporal.safetensors"
ADAPTER_PREFIX, UNET_PREFIX = "adapter.", "unet."


def whole_weights(model: StyledUNet) -> dict[str, Tensor]:
    """The adapter and the temporal blocks by their names in the model, whole, float32, on the CPU.

    Every process must call it.
    """
    parts = {f"{ADAPTER_PREFIX}{name}": value for name, value in model.adapter.state_dict().items()}
    parts |= {f"{UNET_PREFIX}{name}": value for name, value in temporal_tensors(model.unet).items()}
    return {name: whole(value).float() for name, value in parts.items()}


def write_outputs(
    folder: Path, model: StyledUNet, weights: Mapping[str, Tensor], about: Mapping[str, str]
) -> None:
    """`adapter.safetensors`, and `temporal.safetensors` where the base has temporal blocks.

    Args:
        weights: from `whole_weights`, or their averages.
        about: goes into the files' headers.
    """
    save_adapter(folder / ADAPTER, model.adapter.spec, _part(weights, ADAPTER_PREFIX), about)
    blocks = getattr(model.unet, "temporal_blocks", ())
    if blocks:
        save_temporal(folder / TEMPORAL, blocks, _part(weights, UNET_PREFIX), about)


def load_outputs(folder: Path, model: StyledUNet, trained: Mapping[str, nn.Parameter]) -> None:
    """Put what `write_outputs` wrote back into the trained weights."""
    saved = {f"{ADAPTER_PREFIX}{name}": t for name, t in read_adapter(folder / ADAPTER).tensors.items()}
    if (folder / TEMPORAL).exists():
        temporal = read_temporal(folder / TEMPORAL).tensors
        saved |= {f"{UNET_PREFIX}{name}": tensor for name, tensor in temporal.items()}
    for name, weight in trained.items():
        put(weight, saved[name])


def _part(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): t for name, t in weights.items() if name.startswith(prefix)}
