"""Less memory for a U-Net in training: activations are computed again in the backward pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from comfy.ldm.modules.attention import BasicTransformerBlock
from comfy.ldm.modules.diffusionmodules.openaimodel import ResBlock
from comfy.ldm.wan.model import WanAttentionBlock
from torch import nn
from torch.utils.checkpoint import checkpoint

from ...temporal import TemporalTransformer

RECOMPUTED = (BasicTransformerBlock, ResBlock, TemporalTransformer, WanAttentionBlock)


def recompute_activations(unet: nn.Module) -> None:
    """Let every residual block and transformer of the U-Net keep its inputs only."""
    for module in unet.modules():
        if isinstance(module, RECOMPUTED):
            module.forward = _recomputed(module.forward)  # type: ignore[method-assign]


def _recomputed(forward: Callable) -> Callable:
    def run(*args: Any, **kwargs: Any) -> Any:
        # The host writes the current block into one shared dictionary: it is another block's by the time
        # the activations are computed again.
        args = tuple(_own(value) for value in args)
        kwargs = {name: _own(value) for name, value in kwargs.items()}
        return checkpoint(forward, *args, use_reentrant=False, **kwargs)

    return run


def _own(value: Any) -> Any:
    return dict(value) if isinstance(value, dict) else value
