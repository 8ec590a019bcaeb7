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

HEAD_DIM = 64  # of every OpenCLIP text tower


def load_clip(tensors: Mapping[str, Tensor], file: str) -> comfy.sd.CLIP:
    """A CLIP with the text tower of a video base.

    Args:
        tensors: OpenCLIP names behind `model.`, as under `cond_stage_model.` in the file.
        file: named in errors.

    Raises:
        WeightFileError: weights of the text tower are missing.
    """
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
    missing, _ = clip.load_sd(converted, full_model=True)
    required = [name for name in missing if not name.endswith(("logit_scale", "text_projection.weight"))]
    if required:
        raise WeightFileError(
            f"The text encoder in {file} is not complete.",
            found=f"{len(required)} weights missing, the first {required[0]}",
            expected="an OpenCLIP text tower under cond_stage_model.model.",
            fix="use the published model.ckpt, or a base without text encoder and load a CLIP separately",
        )
    return clip


def _config(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    width = tensors["model.ln_final.weight"].shape[0]
    layers = {name.split(".")[3] for name in tensors if name.startswith("model.transformer.resblocks.")}
    return {
        "hidden_size": width,
        "intermediate_size": tensors["model.transformer.resblocks.0.mlp.c_fc.weight"].shape[0],
        "num_attention_heads": max(1, width // HEAD_DIM),
        "num_hidden_layers": len(layers),
        "max_position_embeddings": tensors["model.positional_embedding"].shape[0],
        "hidden_act": "gelu",
        "eos_token_id": 49407,
        "projection_dim": width,
    }


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
