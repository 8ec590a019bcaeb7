"""Any other U-Net: no adapter is published for it, so sizes and defaults are our own choice."""

from __future__ import annotations

from .family import Defaults, Family
from .sdxl import SDXL

UNET = Family(
    name="unet",
    title="U-Net",
    image_tokens=SDXL.image_tokens,
    site_order=("input", "middle", "output"),
    style_heads=16,
    scale_heads=8,
    sizes=SDXL.sizes,
    defaults=Defaults(strength=1.0, cfg_text=7.5, cfg_style=5.0, steps=30, width=512, height=512),
)
