"""Pictures to CLIP tokens: one frozen contract per family of adapters, and a tower without the host."""

from __future__ import annotations

from .contracts import CLIP_TOKENS, ClipTokens, contract_named
from .open_clip_tower import clip_tokens, open_clip_vision_tower
from .tower import VisionTower, VisionTowerSpec, read_vision_tower
from .tower_names import to_hugging_face

__all__ = [
    "CLIP_TOKENS",
    "ClipTokens",
    "VisionTower",
    "VisionTowerSpec",
    "clip_tokens",
    "contract_named",
    "open_clip_vision_tower",
    "read_vision_tower",
    "to_hugging_face",
]
