"""The weight files that a run writes: what the nodes load."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from torch import Tensor, nn

from ..errors import WeightFileError
from ..formats import read_adapter, read_temporal, save_adapter, save_temporal
from .engine.shards import put, whole
from .host.frozen_base import temporal_tensors
from .host.styled_unet import StyledUNet

ADAPTER, TEMPORAL = "adapter.safetensors", "temporal.safetensors"
ADAPTER_PREFIX, UNET_PREFIX = "adapter.", "unet."


def whole_weights(model: StyledUNet, of: Collection[str] | None = None) -> dict[str, Tensor]:
    """The adapter and the temporal blocks by their names in the model, whole, float32, on the CPU.

    Every process must call it.

    Args:
        of: names of weights; a part without one of them is left out.
    """
    parts = {f"{ADAPTER_PREFIX}{name}": value for name, value in model.adapter.state_dict().items()}
    parts |= {f"{UNET_PREFIX}{name}": value for name, value in temporal_tensors(model.unet).items()}
    wanted = [p for p in (ADAPTER_PREFIX, UNET_PREFIX) if of is None or any(n.startswith(p) for n in of)]
    return {name: whole(value).float() for name, value in parts.items() if name.startswith(tuple(wanted))}


def write_outputs(
    folder: Path, model: StyledUNet, weights: Mapping[str, Tensor], about: Mapping[str, str]
) -> None:
    """`adapter.safetensors` and `temporal.safetensors`, each where its weights are given.

    Args:
        weights: from `whole_weights`, or their averages.
        about: goes into the files' headers.
    """
    adapter, temporal = _part(weights, ADAPTER_PREFIX), _part(weights, UNET_PREFIX)
    if adapter:
        save_adapter(folder / ADAPTER, model.adapter.spec, adapter, about)
    if temporal:
        save_temporal(folder / TEMPORAL, getattr(model.unet, "temporal_blocks", ()), temporal, about)


def load_outputs(folder: Path, model: StyledUNet, trained: Mapping[str, nn.Parameter]) -> None:
    """Put what `write_outputs` wrote back into the trained weights."""
    saved: dict[str, Tensor] = {}
    if (folder / ADAPTER).exists():
        saved |= {f"{ADAPTER_PREFIX}{name}": t for name, t in read_adapter(folder / ADAPTER).tensors.items()}
    if (folder / TEMPORAL).exists():
        temporal = read_temporal(folder / TEMPORAL).tensors
        saved |= {f"{UNET_PREFIX}{name}": tensor for name, tensor in temporal.items()}
    missing = trained.keys() - saved.keys()
    if missing:
        raise WeightFileError(
            f"The checkpoint {folder} lacks weights that this run trains.",
            found=f"no {min(missing)}, and {len(missing) - 1} more",
            expected=f"{ADAPTER} and {TEMPORAL}, each where its weights are trained",
            fix="delete its folder; --resume takes the one before",
        )
    for name, weight in trained.items():
        put(weight, saved[name])


def _part(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): t for name, t in weights.items() if name.startswith(prefix)}
