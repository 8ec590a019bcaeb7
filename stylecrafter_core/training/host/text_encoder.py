"""A text encoder of its own file as the host's CLIP."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import comfy.sd
from torch import Tensor

from ...errors import InputError
from ...formats import count_numbered, read_tensors, shape_of

T5_BLOCKS = "encoder.block."
_ATTENTION, _FEED_FORWARD = f"{T5_BLOCKS}0.layer.0.SelfAttention", f"{T5_BLOCKS}0.layer.1.DenseReluDense"
T5_NAMES = ("t5xxl", "umt5xxl")  # the host's, in front of the sizes of each


def load_text_encoder(path: Path, kind: str) -> Any:
    """The host's CLIP of a file. The sizes of a T5 are read off its tensors, where the host takes its own.

    Args:
        kind: a name of the host's Load CLIP, as "wan".

    Raises:
        InputError: there is no text encoder of this kind.
    """
    known = getattr(comfy.sd.CLIPType, kind.upper(), None)
    if known is None:
        raise InputError(
            "There is no text encoder of this type.",
            found=f"base.text_encoder_type {kind}",
            expected=f"one of {', '.join(known.name.lower() for known in comfy.sd.CLIPType)}",
            fix="write it as in the host's Load CLIP",
        )
    return comfy.sd.load_clip([str(path)], clip_type=known, model_options=_sizes(path))


def _sizes(path: Path) -> dict[str, dict[str, int]]:
    """For the host's loader; nothing for an encoder that is no T5 with gates."""
    tensors = read_tensors(path).tensors  # mapped: the host reads the file once more, whole
    if f"{_FEED_FORWARD}.wi_0.weight" not in tensors:
        return {}
    return {f"{name}_model_config": t5_sizes(tensors, path.name) for name in T5_NAMES}


def t5_sizes(tensors: Mapping[str, Tensor], file: str) -> dict[str, int]:
    """The sizes of a T5 encoder, in the words of its configuration file.

    Only rows are read: a quantised weight may hold several values of a row in one place.

    Raises:
        WeightFileError: a tensor that a size is read from is missing.
    """
    _, heads = shape_of(tensors, f"{_ATTENTION}.relative_attention_bias.weight", (2,), file)
    return {
        "vocab_size": shape_of(tensors, "shared.weight", (2,), file)[0],
        "d_model": shape_of(tensors, "encoder.final_layer_norm.weight", (1,), file)[0],
        "d_kv": shape_of(tensors, f"{_ATTENTION}.q.weight", (2,), file)[0] // heads,
        "d_ff": shape_of(tensors, f"{_FEED_FORWARD}.wi_0.weight", (2,), file)[0],
        "num_heads": heads,
        "num_layers": count_numbered(tensors, T5_BLOCKS, file),
    }
