"""The base's text tower (OpenCLIP, penultimate layer and final norm) as the host's CLIP."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import comfy.sd
import comfy.sd1_clip
import comfy.supported_models_base
import comfy.text_encoders.sd2_clip
import comfy.utils
import folder_paths
from torch import Tensor

from ..errors import WeightFileError
from ..formats import compare, count_numbered, shape_of

HEAD_DIM = 64  # of every OpenCLIP text tower
VOCABULARY = 49408  # tokens of the host's tokenizer
FEWEST_BLOCKS = 2  # the text is read before the last one
BLOCKS = "model.transformer.resblocks."
TOWER = "text encoder (OpenCLIP, under cond_stage_model.model.)"


def load_clip(tensors: Mapping[str, Tensor], file: str) -> comfy.sd.CLIP:
    """A CLIP with the text tower of a video base.

    Args:
        tensors: OpenCLIP names behind `model.`, as under `cond_stage_model.` in the file.
        file: named in errors.

    Raises:
        WeightFileError: the text tower is not complete, or not of the usual build.
    """
    _check_tower(tensors, file)
    named = {name.removeprefix("model."): tensor for name, tensor in tensors.items()}
    converted = comfy.utils.clip_text_transformers_convert(named, "", "clip_h.transformer.")
    target = comfy.supported_models_base.ClipTarget(
        comfy.text_encoders.sd2_clip.SD2Tokenizer, partial(_text_model, _config(tensors))
    )
    clip = comfy.sd.CLIP(
        target,
        embedding_directory=folder_paths.get_folder_paths("embeddings"),
        parameters=sum(tensor.numel() for tensor in tensors.values()),
    )
    clip.load_sd(converted, full_model=True)
    return clip


def _check_tower(tensors: Mapping[str, Tensor], file: str) -> None:
    """Before anything is built: an OpenCLIP text tower, with the host's vocabulary, without gaps."""
    width = shape_of(tensors, "model.ln_final.weight", (1,), file)[0]
    positions = shape_of(tensors, "model.positional_embedding", (2,), file)[0]
    mlp = shape_of(tensors, f"{BLOCKS}0.mlp.c_fc.weight", (2,), file)[0]
    depth = count_numbered(tensors, BLOCKS, file)
    shapes: dict[str, tuple[int, ...]] = {
        "model.positional_embedding": (positions, width),
        "model.token_embedding.weight": (VOCABULARY, width),
        "model.ln_final.weight": (width,),
        "model.ln_final.bias": (width,),
    }
    for block in (f"{BLOCKS}{number}" for number in range(depth)):
        for norm in ("ln_1", "ln_2"):
            shapes |= {f"{block}.{norm}.weight": (width,), f"{block}.{norm}.bias": (width,)}
        for layer, rows, columns in (
            ("attn.in_proj_", 3 * width, width),
            ("attn.out_proj.", width, width),
            ("mlp.c_fc.", mlp, width),
            ("mlp.c_proj.", width, mlp),
        ):
            shapes |= {f"{block}.{layer}weight": (rows, columns), f"{block}.{layer}bias": (rows,)}
    known = {name: tensor for name, tensor in tensors.items() if name in shapes}
    compare(shapes, known).raise_unless_complete(file, TOWER)
    if depth < FEWEST_BLOCKS or width % _num_heads(width):
        raise WeightFileError(
            f"The text encoder in {file} cannot be run.",
            found=f"{depth} blocks of width {width}",
            expected=f"{FEWEST_BLOCKS} blocks or more, of a width that is a multiple of {HEAD_DIM}",
            fix="use the published model.ckpt, or a base without text encoder and load a CLIP separately",
        )


def _config(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    width = tensors["model.ln_final.weight"].shape[0]
    blocks = {name.split(".")[3] for name in tensors if name.startswith(BLOCKS)}
    return {
        "hidden_size": width,
        "intermediate_size": tensors[f"{BLOCKS}0.mlp.c_fc.weight"].shape[0],
        "num_attention_heads": _num_heads(width),
        "num_hidden_layers": len(blocks),
        "max_position_embeddings": tensors["model.positional_embedding"].shape[0],
        "hidden_act": "gelu",
        "eos_token_id": 49407,
        "projection_dim": width,
    }


def _num_heads(width: int) -> int:
    return max(1, width // HEAD_DIM)


def _text_model(config: dict[str, Any], **kwargs: Any) -> comfy.sd1_clip.SD1ClipModel:
    return comfy.sd1_clip.SD1ClipModel(clip_name="h", clip_model=partial(_tower, config), **kwargs)


def _tower(config: dict[str, Any], **kwargs: Any) -> comfy.sd1_clip.SDClipModel:
    return comfy.sd1_clip.SDClipModel(
        layer="hidden",
        layer_idx=-2,
        textmodel_json_config=dict(config),
        special_tokens={"start": 49406, "end": 49407, "pad": 0},
        return_projected_pooled=True,
        **kwargs,
    )
