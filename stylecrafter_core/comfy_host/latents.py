"""Latents: empty ones of videos, and whether one fits a model."""

from __future__ import annotations

from typing import Any

import comfy.model_management
import comfy.model_patcher
import torch
from torch import Tensor

from ..errors import InputError, MismatchError

LATENT_CHANNELS = 4
PIXELS_PER_LATENT = 8


def empty_video_latent(width: int, height: int, frames: int, batch_size: int) -> Tensor:
    """Zeros [batch_size * frames, 4, height / 8, width / 8]: the frames, video after video.

    Raises:
        InputError: a size is not positive; width and height are at least 8 pixels.
    """
    _check_sizes(width=(width, PIXELS_PER_LATENT), height=(height, PIXELS_PER_LATENT))
    _check_sizes(frames=(frames, 1), batch_size=(batch_size, 1))
    return torch.zeros(
        batch_size * frames,
        LATENT_CHANNELS,
        height // PIXELS_PER_LATENT,
        width // PIXELS_PER_LATENT,
        device=comfy.model_management.intermediate_device(),
    )


def _check_sizes(**sizes: tuple[int, int]) -> None:
    """Input name -> (its value, the least one). The host checks what is typed, not what is linked."""
    for name, (value, least) in sizes.items():
        if value < least:
            raise InputError(
                f"The input `{name}` is too small.",
                found=f"{name} {value}",
                expected=f"{least} or more",
                fix=f"set {name} to such a number, or check what is connected to it",
            )


def check_latent(model: comfy.model_patcher.ModelPatcher, samples: Tensor) -> None:
    """Raise MismatchError unless the latent has the model's number of dimensions and of channels."""
    form = model.get_model_object("latent_format")
    dimensions = form.latent_dimensions + 2
    if samples.ndim == dimensions and samples.shape[1] == form.latent_channels:
        return
    rows = "rows" if dimensions == 4 else "batch"
    raise MismatchError(
        "The latent does not belong to this model.",
        found=f"a latent of shape {list(samples.shape)}",
        expected=f"[{rows}, {form.latent_channels}, {'frames, ' * (dimensions - 4)}height, width], "
        f"as a {type(model.model).__name__} has it",
        fix="connect an empty video latent for the video model, EmptyLatentImage for SDXL, or encode "
        "with the VAE of this model; latents of Hunyuan, Mochi, LTX and others do not fit",
    )


def samples_of(latent: dict[str, Any]) -> Tensor:
    """The values of the host's LATENT.

    Raises:
        InputError: it has none, or whole numbers, or numbers its noises (`batch_index`) in another count than
            its rows.
    """
    samples = latent.get("samples")
    if not isinstance(samples, Tensor) or samples.numel() == 0 or not samples.is_floating_point():
        raise InputError(
            "The latent holds nothing to sample.",
            found=_described(samples),
            expected="`samples`: one value or more, as floating-point numbers",
            fix="connect a latent image or video, for instance an empty one, or check the node that cut it",
        )
    index = latent.get("batch_index")
    if index is not None and len(index) != len(samples):
        raise InputError(
            "The latent's `batch_index` does not belong to its rows.",
            found=f"{len(index)} numbers for {len(samples)} rows",
            expected="one number for each row",
            fix="check the node before the sampler: it changed the rows and kept the numbers",
        )
    return samples


def _described(samples: Any) -> str:
    if not isinstance(samples, Tensor):
        return f"{type(samples).__name__} for samples"
    return f"shape {list(samples.shape)}, {str(samples.dtype).removeprefix('torch.')}"
