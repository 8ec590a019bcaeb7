"""What differs between releases of the host: found by what a release has, never by its version."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

import comfy.ldm.modules.attention
import comfy.model_management
import comfy.model_patcher
from comfy_api.latest import io
from torch import nn

# Newer hosts pass transformer_options on to the attention function, and let it be replaced there.
ATTENTION_READS_OPTIONS = (
    "kwargs" in inspect.signature(comfy.ldm.modules.attention.optimized_attention).parameters
)
ATTENTION_CAN_BE_REPLACED = hasattr(comfy.ldm.modules.attention, "wrap_attn")


def node_schema(**keywords: Any) -> io.Schema:
    """A node's description, less what the host does not know: that would stop the whole pack."""
    known = {field.name for field in dataclasses.fields(io.Schema)}
    return io.Schema(**{name: value for name, value in keywords.items() if name in known})


def record_dtypes(model: nn.Module) -> None:
    """Tell DynamicVRAM that every weight is to have its present dtype on the card.

    Hosts that have it write the dtypes down while a model is built, which a model that got others since must
    do again.
    """
    record = getattr(comfy.model_management, "archive_model_dtypes", None)
    if record is not None:
        record(model)


def expect_gradients() -> None:
    """Tell the host that its networks are trained: newer ones else use kernels that give no gradient."""
    comfy.model_management.in_training = True


def patcher_class(disable_dynamic: bool = False) -> type[comfy.model_patcher.ModelPatcher]:
    """What the host's own loaders put a network into: what DynamicVRAM manages, where that is on.

    Asked anew for every network: the host decides it when it starts, not when its modules are imported.

    Args:
        disable_dynamic: the kind that DynamicVRAM does not manage, which weight hooks and compiling need.
    """
    plain = comfy.model_patcher.ModelPatcher
    return plain if disable_dynamic else getattr(comfy.model_patcher, "CoreModelPatcher", plain)
