"""The text cross-attentions of a model of the host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from comfy.ldm.modules.attention import SpatialTransformer
from torch import nn

from ..errors import MismatchError
from ..sites import resolve_sites
from ..spec import AdapterSpec, Site


def sites_for(spec: AdapterSpec, diffusion_model: nn.Module) -> tuple[Site, ...]:
    """Where the adapter's sites lie in this model.

    Raises:
        MismatchError: the model is no U-Net with text cross-attention, or not the one the adapter fits.
    """
    found = text_attentions(diffusion_model)
    if not found:
        raise MismatchError(
            "The style adapter cannot be used with this model.",
            found=f"a {type(diffusion_model).__name__} without text cross-attention blocks of a U-Net",
            expected="a U-Net such as VideoCrafter or SDXL",
            fix="connect the model family that the adapter was made for",
        )
    context_dim = next(iter(found.values())).to_k.weight.shape[1]
    return resolve_sites(spec, found, context_dim)


def text_attentions(diffusion_model: nn.Module) -> dict[Site, Any]:
    """Every text cross-attention module by its site, in the order of the forward pass."""
    return {
        site: attention
        for block, number, sequence in _sequences(diffusion_model)
        for layer in sequence
        if isinstance(layer, SpatialTransformer)
        for site, attention in _in_transformer(block, number, layer)
    }


def _sequences(model: Any) -> Iterator[tuple[str, int, Any]]:
    yield from (("input", number, seq) for number, seq in enumerate(getattr(model, "input_blocks", ())))
    middle = getattr(model, "middle_block", None)
    if middle is not None:
        yield "middle", 0, middle
    yield from (("output", number, seq) for number, seq in enumerate(getattr(model, "output_blocks", ())))


def _in_transformer(block: str, number: int, layer: SpatialTransformer) -> Iterator[tuple[Site, Any]]:
    for index, transformer in enumerate(layer.transformer_blocks):
        if transformer.attn2 is not None:
            channels = transformer.attn2.to_k.weight.shape[0]
            yield Site(block, number, index, channels), transformer.attn2
