"""The published models and adapters at full size, with random weights."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import comfy.model_base
import comfy.model_management
import comfy.model_patcher
import comfy.supported_models
import torch
from torch import Tensor

from stylecrafter_core.adapter import Style
from stylecrafter_core.comfy_host.adapter import HostAdapter
from stylecrafter_core.comfy_host.conditioning import StyleRequest, apply_style
from stylecrafter_core.comfy_host.model import build_model
from stylecrafter_core.formats.readers import AdapterFile, TensorFile, VideoBase, adapter_of, video_base_of
from stylecrafter_core.spec import AdapterSpec

from .random_weights import published_shapes

TEXT_TOKENS = {"video": 77, "sdxl": 77, "wan": 512}
CLIP_TOKENS, POOLED_WIDTH = 257, 1280
# What tells SDXL from the host's other U-Nets, in the host's words.
SDXL_UNET = {
    "image_size": 32,
    "in_channels": 4,
    "out_channels": 4,
    "model_channels": 320,
    "channel_mult": [1, 2, 4],
    "num_res_blocks": [2, 2, 2],
    "transformer_depth": [0, 0, 2, 2, 10, 10],
    "transformer_depth_middle": 10,
    "transformer_depth_output": [0, 0, 0, 2, 2, 2, 10, 10, 10],
    "context_dim": 2048,
    "adm_in_channels": 2816,
    "num_classes": "sequential",
    "use_spatial_transformer": True,
    "use_linear_in_transformer": True,
    "use_temporal_attention": False,
    "legacy": False,
}
# Wan 2.1 T2V 1.3B, in the host's words.
WAN = {
    "image_model": "wan2.1",
    "model_type": "t2v",
    "dim": 1536,
    "ffn_dim": 8960,
    "num_heads": 12,
    "num_layers": 30,
    "in_dim": 16,
    "out_dim": 16,
    "patch_size": (1, 2, 2),
    "freq_dim": 256,
    "window_size": (-1, -1),
    "qk_norm": True,
    "cross_attn_norm": True,
    "eps": 1e-6,
}
HOST_NETWORKS = {  # how the host is told what it is, and what it builds
    "sdxl": (comfy.supported_models.SDXL, SDXL_UNET, comfy.model_base.SDXL),
    "wan": (comfy.supported_models.WAN21_T2V, WAN, comfy.model_base.WAN21),
}
ADAPTERS = {  # the list of published names, and how its entry begins
    "video": ("video", "videocrafter_adapter"),
    "sdxl": ("sdxl", "stylecrafter_sdxl_adapter"),
    "wan": ("wan_style", "stylemaster"),
}


def video_model(dtype: torch.dtype) -> comfy.model_patcher.ModelPatcher:
    """The video MODEL, without adapter."""
    spec = published_video_base().unet_spec
    return _filled(build_model(spec, dtype, None, comfy.model_management.get_torch_device()))


def video_adapter() -> HostAdapter:
    """The video adapter, 16 sites."""
    return _filled_adapter(published(*ADAPTERS["video"]))


def sdxl_model(dtype: torch.dtype) -> comfy.model_patcher.ModelPatcher:
    """The host's SDXL MODEL, without adapter."""
    return _filled(host_network("sdxl", dtype, None, comfy.model_management.get_torch_device()))


def wan_model(dtype: torch.dtype, blocks: int = 30) -> comfy.model_patcher.ModelPatcher:
    """The host's MODEL of Wan 2.1 T2V 1.3B, or of its first blocks, without adapter."""
    device = comfy.model_management.get_torch_device()
    return _filled(host_network("wan", dtype, None, device, num_layers=blocks))


def sdxl_adapter() -> HostAdapter:
    """The SDXL adapter, 70 sites."""
    return _filled_adapter(published(*ADAPTERS["sdxl"]))


def wan_adapter(blocks: int = 30) -> HostAdapter:
    """StyleMaster, a site for each of the first blocks."""
    names = re.compile(r"blocks\.(\d+)\.")
    whole = published(*ADAPTERS["wan"]).tensors
    numbers = {name: int(found[1]) for name in whole if (found := names.match(name))}
    kept = {name: tensor for name, tensor in whole.items() if numbers.get(name, 0) < blocks}
    return _filled_adapter(TensorFile(kept, {}))


def conditionings(adapter: HostAdapter, strength: float = 1.0) -> tuple[list, list]:
    """A styled prompt and an empty one."""
    styled = apply_style(prompt(adapter.spec), StyleRequest(style_of(adapter), strength, 0.0, 1.0))
    return styled, prompt(adapter.spec)


def prompt(spec: AdapterSpec) -> list[list[Any]]:
    """The conditioning of a random text, as the base of such an adapter takes it."""
    text = torch.randn(1, TEXT_TOKENS[spec.family], spec.text_dim)
    return [[text, {"pooled_output": torch.randn(1, POOLED_WIDTH)}]]


def style_of(adapter: HostAdapter) -> Style:
    """The style of a random picture."""
    embed = adapter.spec.embed_tokens
    return adapter.encode(
        torch.randn(1, CLIP_TOKENS, adapter.spec.style_transformer.width),
        None if embed is None else torch.randn(1, embed.input_dim),
    )


def host_network(
    family: str, weights: torch.dtype, computes: torch.dtype | None, device: torch.device, **sizes: int
) -> comfy.model_base.BaseModel:
    """The host's own network of SDXL or Wan, its weights as they come.

    Args:
        computes: dtype of the arithmetic; None for that of the weights.
        sizes: in place of the published ones.
    """
    supported, published_sizes, build = HOST_NETWORKS[family]
    config = supported({**published_sizes, **sizes})
    config.set_inference_dtype(weights, computes)
    return build(config, device=device)


def published_video_base() -> VideoBase:
    """The U-Net of the published video base, without values."""
    unet = published("video", "videocrafter_unet")
    named = {f"model.diffusion_model.{name}": tensor for name, tensor in unet.tensors.items()}
    return video_base_of(TensorFile(named, {}), "published")


def published(family: str, prefix: str) -> TensorFile:
    """The published key list that starts so, as tensors without values."""
    shapes = published_shapes(family, prefix)
    return TensorFile({name: torch.empty(shape, device="meta") for name, shape in shapes.items()}, {})


def _filled_adapter(names: TensorFile) -> HostAdapter:
    file: AdapterFile = adapter_of(names, "published")
    tensors = {name: torch.empty(tensor.shape) for name, tensor in file.tensors.items()}
    _fill(tensors.items())
    return HostAdapter(AdapterFile(file.spec, tensors, file.report), "published adapter, random weights")


def _filled(network: comfy.model_base.BaseModel) -> comfy.model_patcher.ModelPatcher:
    _fill((name, parameter.data) for name, parameter in network.diffusion_model.named_parameters())
    return comfy.model_patcher.ModelPatcher(
        network,
        load_device=comfy.model_management.get_torch_device(),
        offload_device=torch.device("cpu"),
    )


def _fill(parameters: Iterable[tuple[str, Tensor]]) -> None:
    """Random matrices that keep the size of what passes through them, plain norms, no biases.

    Numbers that vanish or explode on their way would be slower to compute with than a trained model's.
    """
    for name, tensor in parameters:
        if tensor.ndim > 1:
            tensor.normal_(std=tensor[0].numel() ** -0.5)
        else:
            tensor.fill_(1.0 if name.endswith("weight") else 0.0)
