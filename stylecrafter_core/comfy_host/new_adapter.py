"""A new, untrained adapter for a model of the host."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..adapter import StyleAdapter
from ..errors import MismatchError
from ..sites import order_sites
from ..spec import FAMILIES, AdapterSpec, ScalePredictorSpec, StyleTransformerSpec
from .sites import text_attentions


def spec_for(
    diffusion_model: nn.Module,
    family: str,
    *,
    clip_width: int = 1280,
    num_queries: int = 16,
    depth: int = 4,
    scale_width: int = 512,
    scale_depth: int = 2,
) -> AdapterSpec:
    """The sizes of an adapter that fits a U-Net of the host.

    Args:
        diffusion_model: any U-Net with text cross-attention.
        family: key of `spec.FAMILIES`; "unet" for a base that has no published adapter.
        clip_width: width of the image encoder's tokens.
        num_queries, depth: style tokens and blocks of the Q-Former.
        scale_width, scale_depth: width and blocks of the scale predictor.

    Raises:
        MismatchError: the model has no text cross-attention, or such over texts of different widths.
    """
    found = text_attentions(diffusion_model)
    widths = sorted({attention.to_k.weight.shape[1] for attention in found.values()})
    if len(widths) != 1:
        raise MismatchError(
            "No style adapter can be made for this model.",
            found=f"a {type(diffusion_model).__name__} with text cross-attentions over widths {widths}",
            expected="a U-Net whose text cross-attentions all read tokens of one width",
            fix="use a U-Net such as Stable Diffusion 1.5, 2.1, SDXL or VideoCrafter",
        )
    published = FAMILIES[family]
    sites = order_sites(found, published.site_order)
    context_dim = widths[0]
    return AdapterSpec(
        family=family,
        style_transformer=StyleTransformerSpec(
            num_queries, clip_width, depth, published.style_heads, context_dim
        ),
        scale_predictor=ScalePredictorSpec(
            num_queries=len(sites),
            width=scale_width,
            depth=scale_depth,
            num_heads=published.scale_heads,
            input_dim=context_dim,
            projects_inputs=True,
            text_first=True,
            projects_output=True,
            hidden_dim=32,
        ),
        site_channels=tuple(site.channels for site in sites),
        sites=sites,
        context_dim=context_dim,
        normalises_style=True,
    )


def create_tensors(spec: AdapterSpec, diffusion_model: nn.Module, seed: int) -> dict[str, Tensor]:
    """Starting weights: style K and V from the text K and V, everything else random, and no effect yet.

    The norm behind the style attention starts at zero, so the model starts as it was, bit for bit, and the
    norm is the first to learn.

    Args:
        spec: from `spec_for` of the same model.
        seed: of the random weights.

    Returns:
        float32 tensors in the names of StyleAdapter.

    Source: StyleCrafter (arXiv 2312.00330), section 5.1: K and V start as those of the text.
    Differs: the published SDXL trainer starts V from K by mistake; the norm starts at zero instead of one.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        adapter = StyleAdapter(spec)
        for trunk in (adapter.style_transformer, adapter.scale_predictor):
            nn.init.normal_(trunk.queries.weight, std=trunk.queries.embedding_dim**-0.5)
    tensors = {name: tensor.detach() for name, tensor in adapter.state_dict().items()}
    text = text_attentions(diffusion_model)
    for index, site in enumerate(spec.sites or ()):
        for name in ("to_k", "to_v"):
            weight = getattr(text[site], name).weight.detach()
            tensors[f"style_kv.{index}.{name}.weight"] = weight.to("cpu", torch.float32, copy=True)
        tensors[f"style_kv.{index}.norm.weight"].zero_()
        tensors[f"style_kv.{index}.norm.bias"].zero_()
    return tensors
