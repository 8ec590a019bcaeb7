"""A video base as the host's objects."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import comfy.model_patcher
import comfy.sd
from torch import Tensor

from ..errors import MismatchError, WeightFileError
from ..formats import TemporalFile, VideoBase, read_temporal, read_video_base
from .adapter import HostAdapter
from .context_windows import accept_context_windows
from .model import BUILDING_ERRORS, load_model
from .patch import patch_model
from .text import load_clip


def load_video_model(
    base_path: Path, adapter: HostAdapter | None, temporal_path: Path | None
) -> tuple[Any, ...]:
    """A video base as the host's MODEL, CLIP and VAE.

    Args:
        base_path: the published `model.ckpt`, or any file with the same keys.
        adapter: patched into the model; None leaves the model plain.
        temporal_path: a temporal file whose weights replace the base's; None keeps the base's.

    Returns:
        (MODEL, CLIP or None, VAE or None): None where the file holds none.

    Raises:
        WeightFileError: a file cannot be read or is not what it should be.
        MismatchError: temporal file or adapter do not fit the base.
    """
    base = read_video_base(base_path)
    model = _load_unet(base, base_path, temporal_path)
    accept_context_windows(model)
    model.cached_patcher_init = (load_weights, (base_path, temporal_path))
    clip = load_clip(base.text, base_path.name) if base.text else None
    vae = load_vae(base.vae, base_path.name) if base.vae else None
    return (model if adapter is None else patch_model(model, adapter)), clip, vae


def load_weights(
    base_path: Path, temporal_path: Path | None, disable_dynamic: bool = False
) -> comfy.model_patcher.ModelPatcher:
    """The U-Net of `load_video_model` once more: the host asks for it where it needs weights of another kind.

    It does so for weight hooks, compiling and further cards; all else that a MODEL carries it takes from the
    MODEL at hand.
    """
    return _load_unet(read_video_base(base_path), base_path, temporal_path, disable_dynamic)


def _load_unet(
    base: VideoBase, base_path: Path, temporal_path: Path | None, disable_dynamic: bool = False
) -> comfy.model_patcher.ModelPatcher:
    tensors = dict(base.unet)
    if temporal_path is not None:
        tensors |= fitting_temporal(base, base_path, read_temporal(temporal_path), temporal_path).tensors
    return load_model(base.unet_spec, tensors, base_path.name, disable_dynamic)


def fitting_temporal(base: VideoBase, base_path: Path, file: TemporalFile, path: Path) -> TemporalFile:
    """The temporal file, if its blocks are those of the base.

    Raises:
        MismatchError: number, place or size of the blocks differ; the first difference is named.
    """
    wanted = {block.name: block for block in base.unet_spec.temporal_blocks}
    given = {block.name: block for block in file.blocks}
    if wanted == given:
        return file
    name = next(n for n in sorted({*wanted, *given}) if wanted.get(n) != given.get(n))
    raise MismatchError(
        f"The temporal file {path.name} was made for another U-Net than {base_path.name}.",
        found=f"{len(given)} temporal blocks; {name}: {given.get(name, 'not there')}",
        expected=f"{len(wanted)} temporal blocks; {name}: {wanted.get(name, 'none')}",
        fix="use the temporal file that belongs to the base, or set temporal_name to none",
    )


def load_vae(tensors: Mapping[str, Tensor], file: str) -> comfy.sd.VAE:
    """A VAE from the tensors under `first_stage_model.`; the host recognises which kind it is.

    Raises:
        WeightFileError: the host does not know this autoencoder, or weights of it are missing.
    """
    try:
        vae = comfy.sd.VAE(sd=dict(tensors))
        vae.throw_exception_if_invalid()
    except BUILDING_ERRORS as problem:
        raise _unusable_vae(file, f"{len(tensors)} tensors ({str(problem)[:200]})") from problem
    wanted = vae.first_stage_model.state_dict()
    missing = [name for name in wanted if name not in tensors]
    if missing and len(missing) < len(wanted):  # all: the host has renamed them
        raise _unusable_vae(file, f"{len(missing)} tensors missing, the first {missing[0]}")
    return vae


def _unusable_vae(file: str, found: str) -> WeightFileError:
    return WeightFileError(
        f"The autoencoder in {file} cannot be used.",
        found=found,
        expected="a complete autoencoder under first_stage_model., as in Stable Diffusion",
        fix="use the published model.ckpt, or a base without autoencoder and load a VAE separately",
    )
