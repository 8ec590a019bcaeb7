"""The recorded SDXL job, as objects of the host."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import comfy.latent_formats
import comfy.model_base
import comfy.model_patcher
import comfy.supported_models_base
import comfy.utils
import torch
from comfy.ldm.modules.diffusionmodules.openaimodel import Timestep
from safetensors.torch import load_file
from torch import Tensor

GOLDEN = Path(__file__).parents[1] / "golden" / "sdxl_a"
CONFIG = json.loads((GOLDEN / "config.json").read_text())
EXPECTED = load_file(GOLDEN / "expected.safetensors")
UNET = CONFIG["unet_diffusers_config"]


class SDXLConfig(comfy.supported_models_base.BASE):
    """The recorded network's family, in the host's words."""

    unet_extra_config = {"num_heads": -1, "num_head_channels": 16}  # noqa: RUF012 (the host's own form)
    latent_format = comfy.latent_formats.SDXL


class TinySDXL(comfy.model_base.BaseModel):
    """The host's base model; the size embedding is narrower than in the published SDXL."""

    def encode_adm(self, **kwargs: Any) -> Tensor:
        embed = Timestep(UNET["addition_time_embed_dim"])
        return torch.cat([kwargs["pooled_output"], embed(kwargs["time_ids"].flatten()).reshape(1, -1)], dim=1)


def unet_config() -> dict[str, Any]:
    """The recorded U-Net as the host names its sizes."""
    layers = UNET["layers_per_block"]
    depth = [0, *UNET["transformer_layers_per_block"][1:]]
    return {
        "image_size": 32,
        "in_channels": 4,
        "out_channels": 4,
        "model_channels": UNET["block_out_channels"][0],
        "channel_mult": [1, 1, 1],
        "num_res_blocks": [layers] * 3,
        "transformer_depth": [d for d in depth for _ in range(layers)],
        "transformer_depth_middle": depth[-1],
        "transformer_depth_output": [d for d in depth for _ in range(layers + 1)],
        "context_dim": UNET["cross_attention_dim"],
        "adm_in_channels": UNET["projection_class_embeddings_input_dim"],
        "num_classes": "sequential",
        "use_spatial_transformer": True,
        "use_linear_in_transformer": True,
        "use_temporal_attention": False,
        "legacy": False,
    }


def build_model() -> comfy.model_patcher.ModelPatcher:
    """The recorded network as the host's MODEL, every weight accounted for."""
    config = SDXLConfig(unet_config())
    config.set_inference_dtype(torch.float32, None)
    model = TinySDXL(config, device="cpu")
    names = comfy.utils.unet_to_diffusers(config.unet_config)
    weights = load_file(GOLDEN / "unet_diffusers.safetensors")
    model.diffusion_model.load_state_dict({names[name]: weight for name, weight in weights.items()})
    cpu = torch.device("cpu")
    return comfy.model_patcher.ModelPatcher(model, load_device=cpu, offload_device=cpu)


@dataclass(frozen=True)
class GoldenSDXL:
    """Model and adapter, through the pack's nodes."""

    model: Any
    plain: Any
    adapter: Any
    run_node: Callable[..., tuple]

    def text(self, b: int, name: str = "text", pooled: str = "pooled") -> list:
        values = {"pooled_output": EXPECTED[pooled][b : b + 1], "time_ids": EXPECTED["time_ids"][b]}
        return [[EXPECTED[name][b : b + 1], values]]

    def empty(self, b: int) -> list:
        return self.text(b, "neg", "neg_pooled")

    def style(self, b: int) -> Any:
        with torch.inference_mode():
            return self.adapter.encode(EXPECTED["clip_tokens"][b : b + 1])

    def styled(self, b: int, strength: float = 1.0) -> list:
        return self.run_node(
            "StyleCrafterApplyStyle",
            conditioning=self.text(b),
            style=self.style(b),
            strength=strength,
            start_at=0.0,
            end_at=1.0,
        )[0]

    def x(self, b: int) -> Tensor:
        return EXPECTED["x"][b : b + 1]

    def timestep(self, b: int) -> int:
        return int(EXPECTED["t"][b])


def load_golden_sdxl(host: Any, run_node: Callable) -> GoldenSDXL:
    """The recorded SDXL network with the recorded adapter."""
    shutil.copy(GOLDEN / "adapter.ckpt", host.models("stylecrafter") / "sdxl_adapter.ckpt")
    (adapter,) = run_node("StyleCrafterAdapterLoader", adapter_name="sdxl_adapter.ckpt")
    plain = build_model()
    (model,) = run_node("StyleCrafterPatchModel", model=plain, adapter=adapter)
    return GoldenSDXL(model, plain, adapter, run_node)
