"""The published video model and adapter at full size, with random weights."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import comfy.model_management
import comfy.model_patcher
import torch
from environment import ROOT

from stylecrafter_core.adapter import Style
from stylecrafter_core.comfy_host.adapter import HostAdapter
from stylecrafter_core.comfy_host.conditioning import StyleRequest, apply_style
from stylecrafter_core.comfy_host.model import build_model
from stylecrafter_core.formats.readers import AdapterFile, TensorFile, adapter_of, video_base_of

KEYS = ROOT / "tests" / "golden" / "official_video_keys.json"
TEXT_TOKENS = 77


def _published(prefix: str) -> TensorFile:
    """The published key list that starts so, as tensors without values."""
    lists = json.loads(KEYS.read_text(encoding="utf-8"))
    (shapes,) = (shapes for name, shapes in lists.items() if name.startswith(prefix))
    return TensorFile({name: torch.empty(shape, device="meta") for name, shape in shapes.items()}, {})


def _fill(parameters: Iterable[tuple[str, torch.Tensor]]) -> None:
    """Random matrices that keep the size of what passes through them, plain norms, no biases.

    Numbers that vanish or explode on their way would be slower to compute with than a trained model's.
    """
    for name, tensor in parameters:
        if tensor.ndim > 1:
            tensor.normal_(std=tensor[0].numel() ** -0.5)
        else:
            tensor.fill_(1.0 if name.endswith("weight") else 0.0)


def model(dtype: torch.dtype) -> comfy.model_patcher.ModelPatcher:
    """The video MODEL, without adapter."""
    unet = _published("videocrafter_unet")
    named = {f"model.diffusion_model.{name}": tensor for name, tensor in unet.tensors.items()}
    spec = video_base_of(TensorFile(named, {}), "published").unet_spec
    device = comfy.model_management.get_torch_device()
    network = build_model(spec, dtype, None, device)
    _fill((name, parameter.data) for name, parameter in network.diffusion_model.named_parameters())
    return comfy.model_patcher.ModelPatcher(network, load_device=device, offload_device=torch.device("cpu"))


def adapter() -> HostAdapter:
    """The video adapter."""
    file: AdapterFile = adapter_of(_published("videocrafter_adapter"), "published")
    tensors = {name: torch.empty(tensor.shape) for name, tensor in file.tensors.items()}
    _fill(tensors.items())
    return HostAdapter(AdapterFile(file.spec, tensors, file.report), "published adapter, random weights")


def conditionings(adapter: HostAdapter) -> tuple[list, list]:
    """A styled prompt and an empty one."""
    style: Style = adapter.encode(torch.randn(1, 257, adapter.spec.style_transformer.width))
    text: list[list[Any]] = [[torch.randn(1, TEXT_TOKENS, adapter.spec.context_dim), {}]]
    empty: list[list[Any]] = [[torch.randn(1, TEXT_TOKENS, adapter.spec.context_dim), {}]]
    return apply_style(text, StyleRequest(style, 1.0, 0.0, 1.0)), empty
