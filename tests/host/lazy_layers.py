"""DynamicVRAM's layers on any host: they hold no weight until one is loaded.

Hosts that have DynamicVRAM are switched to it. On others the two layers that it changes are stood in for.
"""

from __future__ import annotations

from typing import Any

import comfy.model_management
import comfy.ops
import pytest
import torch
from torch import Tensor, nn

try:
    from comfy import memory_management
except ImportError:  # a host without DynamicVRAM
    memory_management = None


def build_lazily(patch: pytest.MonkeyPatch) -> None:
    """Every layer that the host builds from now on is one of DynamicVRAM's."""
    if hasattr(memory_management, "aimdo_enabled"):
        patch.setattr(memory_management, "aimdo_enabled", True)
        if comfy.ops.disable_weight_init.Linear(1, 1).weight is not None:  # some hosts do so on Windows alone
            patch.setattr(comfy.model_management, "WINDOWS", True)
        return
    layers = comfy.ops.disable_weight_init
    for layer, init in ((layers.Linear, _linear), (layers.Embedding, _embedding)):
        patch.setattr(layer, "__init__", init)
        patch.setattr(layer, "_load_from_state_dict", _load)


def _linear(self: Any, in_features: int, out_features: int, bias: bool = True, device=None, dtype=None):
    nn.Module.__init__(self)
    self.in_features, self.out_features = in_features, out_features
    self.weight = self.bias = None


def _embedding(self: Any, num_embeddings: int, embedding_dim: int, device=None, dtype=None):
    nn.Module.__init__(self)
    self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
    self.padding_idx = self.max_norm = None
    self.norm_type, self.scale_grad_by_freq, self.sparse = 2.0, False, False
    self.weight = nn.Parameter(
        torch.empty(num_embeddings, embedding_dim, device="meta", dtype=dtype), requires_grad=False
    )
    self.bias = None


def _load(self: Any, state_dict: dict[str, Tensor], prefix: str, local_metadata: dict, *rest: Any) -> None:
    """Takes what is there, in its own dtype and of whatever shape."""
    assign = local_metadata.get("assign_to_params_buffers", False)
    for name in ("weight", "bias"):
        tensor = state_dict.get(prefix + name)
        if tensor is not None:
            setattr(self, name, nn.Parameter(tensor if assign else tensor.clone(), requires_grad=False))
