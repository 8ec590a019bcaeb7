"""The families of adapters, one file each. A new family is a new file here and its row in `FAMILIES`."""

from __future__ import annotations

from ..spec import AdapterSpec
from .family import Defaults, Family, Objective, Published, Sizes
from .sdxl import SDXL
from .unet import UNET
from .video import VIDEO
from .wan import WAN

FAMILIES = {family.name: family for family in (VIDEO, SDXL, WAN, UNET)}


def image_tokens_of(spec: AdapterSpec) -> str:
    """Name of the image-token contract that an adapter reads, a key of `features.CLIP_TOKENS`."""
    return spec.clip_tokens or FAMILIES[spec.family].image_tokens


__all__ = ["FAMILIES", "Defaults", "Family", "Objective", "Published", "Sizes", "image_tokens_of"]
