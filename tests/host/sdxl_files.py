"""Weight files and pictures for the SDXL workflows: everything that the host's own loaders read.

A real SDXL checkpoint has 3.5 billion values, and the host knows SDXL by its sizes. So the host is taught one
more family of the recorded network's sizes; its loader nodes stay as they are.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import comfy.latent_formats
import comfy.sd
import comfy.sdxl_clip
import comfy.supported_models
import comfy.supported_models_base
import torch
from comfy.ldm.modules.diffusionmodules.openaimodel import Timestep
from comfy.taesd.taesd import TAESD
from golden_sdxl import GOLDEN, UNET, build_model, unet_config
from neighbours import attn2_keys, with_controlnet
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

FILES = {
    "ckpt_name": "tiny_sdxl.safetensors",
    "adapter_name": "tiny_sdxl_adapter.ckpt",
    "encoder_name": "tiny_clip_vision.safetensors",
    "lora_name": "tiny_lora.safetensors",
    "control_net_name": "tiny_controlnet.safetensors",
}
PICTURES = ("style.png", "style_1.png", "style_2.png", "style_3.png", "edges.png", "other.png")
CLIP_WIDTH = 40  # what the recorded adapter reads
# Together the context of the recorded U-Net; that of clip_g is also its pooled text.
TEXT_WIDTHS = {"clip_l": 16, "clip_g": 24}
TEXT_LAYERS = 3


class TinyText(comfy.sdxl_clip.SDXLClipModel):
    """SDXL's two text towers, narrow and shallow."""

    def __init__(self, device: Any = "cpu", dtype: Any = None, model_options: Any = None):
        sizes = {
            f"{name}_model_config": {
                "hidden_size": width,
                "intermediate_size": 2 * width,
                "num_attention_heads": width // 8,
                "num_hidden_layers": TEXT_LAYERS,
            }
            for name, width in TEXT_WIDTHS.items()
        }
        super().__init__(device, dtype, {**(model_options or {}), **sizes})


class TinyFamily(comfy.supported_models.SDXL):
    """The recorded network's sizes, by which the host finds this class."""

    unet_config = {  # noqa: RUF012 (the host's own form)
        name: unet_config()[name]
        for name in ("model_channels", "context_dim", "adm_in_channels", "transformer_depth")
    }
    unet_extra_config = {"num_heads": -1, "num_head_channels": 16}  # noqa: RUF012

    def get_model(self, state_dict: Any, prefix: str = "", device: Any = None) -> Any:
        model = super().get_model(state_dict, prefix, device)
        model.embedder = Timestep(UNET["addition_time_embed_dim"])
        return model

    def clip_target(self, state_dict: Any = None) -> Any:
        return comfy.supported_models_base.ClipTarget(comfy.sdxl_clip.SDXLTokenizer, TinyText)


def write_files(host: Any, run_node: Any) -> None:
    """Write FILES and PICTURES where the loaders of `host` look. The host must know TinyFamily."""
    model = build_model()
    text = comfy.sd.CLIP(TinyFamily(unet_config()).clip_target())
    fill(text.cond_stage_model, 0)
    vae = comfy.sd.VAE(sd=_autoencoder())
    checkpoint = host.models("checkpoints") / FILES["ckpt_name"]
    model.model.model_config = TinyFamily(unet_config())  # it names the keys of the file
    comfy.sd.save_checkpoint(str(checkpoint), model, text, vae)
    shutil.copy(GOLDEN / "adapter.ckpt", host.models("stylecrafter") / FILES["adapter_name"])
    encoder = host.models("clip_vision") / FILES["encoder_name"]
    save_file(vision_tower(), encoder, {"num_heads": "5", "hidden_act": "gelu"})
    save_file(_lora(model), host.models("loras") / FILES["lora_name"])
    save_file(_controlnet(model, run_node), host.models("controlnet") / FILES["control_net_name"])
    for seed, name in enumerate(PICTURES):
        picture(host.input / name, seed)


def fill(module: nn.Module, seed: int) -> None:
    """Reproducible values for weights that the host leaves empty."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if parameter.ndim > 1:
                inputs = 1 if "embedding" in name else parameter[0].numel()
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * inputs**-0.5)
            else:
                parameter.fill_(float(not name.endswith(("bias", "vae_shift"))))


def _autoencoder() -> dict[str, Tensor]:
    """TAESD's layout, which the host's VAE class reads."""
    network = TAESD()
    fill(network, 1)
    last = network.taesd_decoder[-1]
    with torch.no_grad():
        last.weight.mul_(0.2)
        network.vae_scale.fill_(comfy.latent_formats.SDXL().scale_factor)
        last.bias.fill_(0.5)  # around mid-grey: unsaturated pictures show what the latents hold
    return network.state_dict()


def vision_tower(width: int = CLIP_WIDTH) -> dict[str, Tensor]:
    """An open_clip vision tower of two layers, for pictures of 224 pixels; without a projection."""
    generator = torch.Generator().manual_seed(2)
    shapes = {
        "class_embedding": (width,),
        "positional_embedding": (257, width),
        "conv1.weight": (width, 3, 14, 14),
        "ln_pre.weight": (width,),
        "ln_pre.bias": (width,),
        "ln_post.weight": (width,),
        "ln_post.bias": (width,),
    }
    for layer in range(2):
        block = f"transformer.resblocks.{layer}"
        for name, rows, columns in (
            ("attn.in_proj_", 3 * width, width),
            ("attn.out_proj.", width, width),
            ("mlp.c_fc.", 4 * width, width),
            ("mlp.c_proj.", width, 4 * width),
        ):
            shapes |= {f"{block}.{name}weight": (rows, columns), f"{block}.{name}bias": (rows,)}
        for name in ("ln_1", "ln_2"):
            shapes |= {f"{block}.{name}.weight": (width,), f"{block}.{name}.bias": (width,)}
    return {
        f"visual.{name}": torch.randn(shape, generator=generator) * torch.Size(shape[1:]).numel() ** -0.5
        for name, shape in shapes.items()
    }


def _lora(model: Any) -> dict[str, Tensor]:
    """As LoRAs for SDXL are published: the U-Net's text queries, and both text towers."""
    generator = torch.Generator().manual_seed(5)
    pairs = {}
    for name, weight in model.model_state_dict().items():
        if name.startswith("diffusion_model.") and name.endswith("attn2.to_q.weight"):
            key = name.removeprefix("diffusion_model.").removesuffix(".weight").replace(".", "_")
            pairs[f"lora_unet_{key}"] = weight.shape
    assert len(pairs) == len(attn2_keys(model))
    for tower, width in zip(("te1", "te2"), TEXT_WIDTHS.values(), strict=True):
        pairs[f"lora_{tower}_text_model_encoder_layers_0_self_attn_q_proj"] = (width, width)
    lora = {}
    for key, (rows, columns) in pairs.items():
        lora[f"{key}.lora_up.weight"] = torch.randn(rows, 2, generator=generator)
        lora[f"{key}.lora_down.weight"] = torch.randn(2, columns, generator=generator)
    return lora


def _controlnet(model: Any, run_node: Any) -> dict[str, Tensor]:
    """The ControlNet of the matrix, as a file holds it."""
    empty = [[torch.zeros(1, 1, 1), {}]]
    positive, _ = with_controlnet(run_node)(model, empty, empty)
    return positive[0][1]["control"].control_model.state_dict()


def picture(path: Path, seed: int) -> None:
    """Writes coarse noise: 40 x 60 pixels in blocks of 10, so that preprocessing leaves a difference."""
    blocks = torch.rand(4, 6, 3, generator=torch.Generator().manual_seed(seed))
    pixels = blocks.repeat_interleave(10, 0).repeat_interleave(10, 1)
    Image.fromarray((pixels * 255).byte().numpy()).save(path)
