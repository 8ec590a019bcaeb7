"""The host's CLIP_VISION, of any size and from any CLIP weight file, and what an adapter reads by it."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import comfy.clip_vision
import comfy.model_management
import torch
from comfy.cli_args import args
from torch import Tensor, nn

from ..adapter import Style
from ..errors import MismatchError
from ..families import image_tokens_of
from ..features import VisionTower, VisionTowerSpec, contract_named, read_vision_tower, to_hugging_face
from ..formats import read_tensors
from .adapter import HostAdapter
from .releases import record_dtypes

log = logging.getLogger(__name__)


def load_image_encoder(path: str | Path) -> Any:
    """A CLIP_VISION of the host, of whatever size the file's vision tower has.

    It is the host's own class: every node that takes a CLIP_VISION takes it, and the host moves its weights.
    `read_vision_tower` says which files are read and what is assumed about heads and activation. A text tower
    in the file is left aside, which the log says.

    Differs: the host's own loader rounds every tower to float16, which moves the tokens of two layers
    by 3e-3. Here a float32 file stays float32, unless a `--...-text-enc` option of the host is given.

    Raises:
        WeightFileError: the file cannot be read, or holds no complete CLIP vision tower.
    """
    file = read_tensors(path)
    tower = read_vision_tower(file.tensors, file.metadata, origin=str(path))
    clip_vision = _empty_clip_vision(tower.spec)
    if tower.tensors["conv1.weight"].dtype == torch.float32 and not _precision_asked_for():
        clip_vision.model.float()
        clip_vision.dtype = torch.float32
    tensors = to_hugging_face(tower.tensors)
    clip_vision.model.load_state_dict(
        {name: tensor.to(clip_vision.dtype) for name, tensor in tensors.items()}
    )
    record_dtypes(clip_vision.model)
    _report(path, tower)
    return clip_vision


def _precision_asked_for() -> bool:
    kinds = ("fp8_e4m3fn", "fp8_e5m2", "fp16", "bf16", "fp32")
    return any(getattr(args, f"{kind}_text_enc", False) for kind in kinds)


def _empty_clip_vision(spec: VisionTowerSpec) -> Any:
    """The host's class reads its sizes from a file: it gets one that says ours."""
    with TemporaryDirectory(prefix="stylecrafter-") as folder:
        config = Path(folder) / "clip_vision.json"
        config.write_text(json.dumps(host_config(spec)), encoding="utf-8")
        return comfy.clip_vision.ClipVisionModel(str(config))


def host_config(spec: VisionTowerSpec) -> dict[str, Any]:
    """The spec in the words of the host's (and Hugging Face's) configuration files."""
    config = {
        "model_type": "clip_vision_model",
        "hidden_size": spec.width,
        "num_hidden_layers": spec.layers,
        "num_attention_heads": spec.num_heads,
        "intermediate_size": spec.mlp_width,
        "hidden_act": spec.activation,
        "patch_size": spec.patch_size,
        "image_size": spec.image_size,
        "num_channels": 3,
        "layer_norm_eps": 1e-05,
    }
    if spec.output_dim is not None:
        config["projection_dim"] = spec.output_dim
    return config


def _report(path: str | Path, tower: VisionTower) -> None:
    spec = tower.spec
    log.info(
        "%s: CLIP vision tower, %d layers of width %d, %d heads, %d px in patches of %d, %s",
        *(path, spec.layers, spec.width, spec.num_heads, spec.image_size, spec.patch_size, spec.activation),
    )
    if tower.ignored:
        log.info("%s: %d tensors beside the vision tower are not used", path, len(tower.ignored))


def encode_style(adapter: HostAdapter, clip_vision: Any, batches: Sequence[Tensor]) -> Style:
    """The style of all pictures in several batches, whose sizes may differ.

    See `encode_clip_tokens` for the arguments and its errors, `StyleAdapter.encode` for those of the adapter.
    """
    clip_tokens = image_tokens_of(adapter.spec)
    tokens = torch.cat([encode_clip_tokens(clip_vision, images, clip_tokens) for images in batches])
    return adapter.encode(tokens, encode_embeds(clip_vision, batches, clip_tokens))


@torch.no_grad()
def encode_embeds(clip_vision: Any, batches: Sequence[Tensor], clip_tokens: str) -> Tensor | None:
    """CLIP embeddings [R, E] of the same pictures, for adapters that read them; None for the others."""
    contract = contract_named(clip_tokens)
    if contract.before_embedding is None:
        return None
    _require_clip_tower(clip_vision)
    comfy.model_management.load_model_gpu(clip_vision.patcher)

    def project(pixels: Tensor) -> Tensor:
        comfy.model_management.throw_exception_if_processing_interrupted()
        return clip_vision.model(pixel_values=pixels.to(clip_vision.load_device), intermediate_output=-2)[2]

    embeds = [contract.embed(images, clip_vision.image_size, project) for images in batches]
    present = [rows for rows in embeds if rows is not None]
    return torch.cat(present).to(comfy.model_management.intermediate_device())


@torch.no_grad()
def encode_clip_tokens(clip_vision: Any, images_RHWC: Tensor, clip_tokens: str) -> Tensor:
    """CLIP tokens of R reference pictures by any CLIP_VISION: [R, L, W], float32, on the intermediate device.

    Args:
        clip_vision: from `load_image_encoder` or the host's own loader.
        images_RHWC: IMAGE, [R, H, W, 1 to 4 channels], 0..1.
        clip_tokens: a key of `CLIP_TOKENS`; an adapter's is `families.image_tokens_of` its spec.

    Raises:
        InputError: pictures that cannot be read, see `ClipTokens.preprocess`; an unknown `clip_tokens`.
        MismatchError: a vision model that is no CLIP tower, or one with too few layers for the family.
    """
    contract = contract_named(clip_tokens)
    _require_clip_tower(clip_vision)
    comfy.model_management.load_model_gpu(clip_vision.patcher)

    def run(pixels: Tensor) -> tuple[Tensor, Tensor | None]:
        comfy.model_management.throw_exception_if_processing_interrupted()
        return _hidden_states(clip_vision, pixels)

    post_layernorm = clip_vision.model.vision_model.post_layernorm
    tokens = contract.encode(images_RHWC, clip_vision.image_size, run, post_layernorm)
    return tokens.to(comfy.model_management.intermediate_device())


@torch.no_grad()
def encode_clip_pixels(clip_vision: Any, pixels_B3SS: Tensor, clip_tokens: str) -> Tensor:
    """CLIP tokens [B, L, W], float32, of pictures as `ClipTokens.preprocess` makes them, in one pass.

    Args and errors as of `encode_clip_tokens`.
    """
    contract = contract_named(clip_tokens)
    _require_clip_tower(clip_vision)
    comfy.model_management.load_model_gpu(clip_vision.patcher)
    post_layernorm = clip_vision.model.vision_model.post_layernorm
    return contract.assemble(*_hidden_states(clip_vision, pixels_B3SS), post_layernorm).float()


def _hidden_states(clip_vision: Any, pixels_B3SS: Tensor) -> tuple[Tensor, Tensor | None]:
    """[B, L, W] after the tower's last layer and after the one before it."""
    pixels = pixels_B3SS.to(clip_vision.load_device)
    last, penultimate = clip_vision.model(pixel_values=pixels, intermediate_output=-2)[:2]
    return last, penultimate


def _require_clip_tower(clip_vision: Any) -> None:
    """CLIP's marks: a class token, and a layer norm before the layers."""
    model = getattr(clip_vision, "model", None)
    tower = getattr(model, "vision_model", None)
    class_token = getattr(getattr(tower, "embeddings", None), "class_embedding", None)
    if isinstance(class_token, Tensor) and isinstance(getattr(tower, "pre_layrnorm", None), nn.Module):
        return
    raise MismatchError(
        "The input `clip_vision` is not a CLIP image encoder.",
        found=f"{type(model).__name__} without CLIP's class token or its layer norm before the layers "
        "(SigLIP and DINOv2 are such models)",
        expected="a CLIP ViT, for the published adapters ViT-H/14 of width 1280",
        fix="load the ViT-H/14 image encoder with Load CLIP Vision or the image encoder loader of this pack",
    )
