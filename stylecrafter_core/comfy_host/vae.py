"""The base's autoencoder as the host's VAE."""

from __future__ import annotations

from collections.abc import Mapping

import comfy.sd
from torch import Tensor


def load_vae(tensors: Mapping[str, Tensor]) -> comfy.sd.VAE:
    """A VAE from the tensors under `first_stage_model.`; the host recognises which kind it is.

    Raises:
        RuntimeError: the host's own words, where it does not know this autoencoder.
    """
    vae = comfy.sd.VAE(sd=dict(tensors))
    vae.throw_exception_if_invalid()
    return vae
