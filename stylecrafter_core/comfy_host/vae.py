"""The base's autoencoder as the host's VAE."""

from __future__ import annotations

from collections.abc import Mapping

import comfy.sd
from torch import Tensor

from ..errors import WeightFileError
from .model import BUILDING_ERRORS


def load_vae(tensors: Mapping[str, Tensor], file: str) -> comfy.sd.VAE:
    """A VAE from the tensors under `first_stage_model.`; the host recognises which kind it is.

    Raises:
        WeightFileError: the host does not know this autoencoder, or weights of it are missing.
    """
    try:
        vae = comfy.sd.VAE(sd=dict(tensors))
        vae.throw_exception_if_invalid()
    except BUILDING_ERRORS as problem:
        raise _unusable(file, f"{len(tensors)} tensors ({str(problem)[:200]})") from problem
    wanted = vae.first_stage_model.state_dict()
    missing = [name for name in wanted if name not in tensors]
    if missing and len(missing) < len(wanted):  # all: the host has renamed them
        raise _unusable(file, f"{len(missing)} tensors missing, the first {missing[0]}")
    return vae


def _unusable(file: str, found: str) -> WeightFileError:
    return WeightFileError(
        f"The autoencoder in {file} cannot be used.",
        found=found,
        expected="a complete autoencoder under first_stage_model., as in Stable Diffusion",
        fix="use the published model.ckpt, or a base without autoencoder and load a VAE separately",
    )
