"""Names of a CLIP vision tower's tensors: open_clip's, which are used here, to Hugging Face's and back."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

# open_clip -> Hugging Face, relative to `visual.` and `vision_model.`
_STEM = {
    "class_embedding": "embeddings.class_embedding",
    "conv1.weight": "embeddings.patch_embedding.weight",
    "positional_embedding": "embeddings.position_embedding.weight",
    "ln_pre.weight": "pre_layrnorm.weight",
    "ln_pre.bias": "pre_layrnorm.bias",
    "ln_post.weight": "post_layernorm.weight",
    "ln_post.bias": "post_layernorm.bias",
}
_LAYER = {
    f"{ours}.{part}": f"{theirs}.{part}"
    for ours, theirs in (
        ("ln_1", "layer_norm1"),
        ("attn.out_proj", "self_attn.out_proj"),
        ("ln_2", "layer_norm2"),
        ("mlp.c_fc", "mlp.fc1"),
        ("mlp.c_proj", "mlp.fc2"),
    )
    for part in ("weight", "bias")
}
_STEM_BACK = {theirs: ours for ours, theirs in _STEM.items()}
_LAYER_BACK = {theirs: ours for ours, theirs in _LAYER.items()}
_LAYER_NAME = re.compile(r"transformer\.resblocks\.(\d+)\.(.+)")
_LAYER_NAME_BACK = re.compile(r"encoder\.layers\.(\d+)\.(.+)")
_QUERY_NAME_BACK = re.compile(r"encoder\.layers\.(\d+)\.self_attn\.q_proj\.(weight|bias)")


def to_hugging_face(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """open_clip names to `vision_model.*` and `visual_projection.weight`.

    The fused attention input becomes q, k and v; the projection is transposed.
    """
    renamed: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        layer = _LAYER_NAME.fullmatch(name)
        if name == "proj":
            renamed["visual_projection.weight"] = tensor.T.contiguous()
        elif layer is None:
            renamed[f"vision_model.{_STEM[name]}"] = tensor
        elif layer[2].startswith("attn.in_proj_"):
            part = layer[2].removeprefix("attn.in_proj_")
            for letter, third in zip("qkv", tensor.chunk(3)):
                renamed[f"vision_model.encoder.layers.{layer[1]}.self_attn.{letter}_proj.{part}"] = third
        else:
            renamed[f"vision_model.encoder.layers.{layer[1]}.{_LAYER[layer[2]]}"] = tensor
    return renamed


def from_hugging_face(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The inverse, for names relative to `vision_model.`, the projection aside. Unknown names stay."""
    left = dict(tensors)
    renamed: dict[str, Tensor] = {}
    for name in tensors:
        query = _QUERY_NAME_BACK.fullmatch(name)
        parts = [] if query is None else [name.replace("q_proj", f"{letter}_proj") for letter in "qkv"]
        if query is not None and _can_be_fused([left.get(part) for part in parts]):
            fused = torch.cat([left.pop(part) for part in parts])
            renamed[f"transformer.resblocks.{query[1]}.attn.in_proj_{query[2]}"] = fused
    renamed.update({_name_back(name): tensor for name, tensor in left.items()})
    return renamed


def _can_be_fused(parts: list[Tensor | None]) -> bool:
    shapes = [part.shape if part is not None else () for part in parts]
    return all(shapes) and len({shape[1:] for shape in shapes}) == 1


def _name_back(name: str) -> str:
    layer = _LAYER_NAME_BACK.fullmatch(name)
    if layer is not None and layer[2] in _LAYER_BACK:
        return f"transformer.resblocks.{layer[1]}.{_LAYER_BACK[layer[2]]}"
    return _STEM_BACK.get(name, name)
