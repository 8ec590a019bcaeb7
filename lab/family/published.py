"""The published family's parts, for a base that begins with them: float16, as they are kept."""

from __future__ import annotations

from safetensors.torch import load_file
from torch import Tensor

from stylecrafter_core.formats import read_video_base

from . import family

TEXT = "model."  # before open_clip's names in a base


def autoencoder() -> dict[str, Tensor]:
    """In TAESD's names."""
    return read_video_base(family.check(family.BASE)).vae


def towers() -> dict[str, Tensor]:
    """Text and vision tower in open_clip's names."""
    text = read_video_base(family.check(family.BASE)).text
    vision = load_file(family.check(family.IMAGE_ENCODER))
    return {name.removeprefix(TEXT): tensor for name, tensor in text.items()} | vision


def unet() -> dict[str, Tensor]:
    """In the host's names and ours."""
    return read_video_base(family.check(family.BASE)).unet
