"""A new, untrained adapter for a model of the host."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor, nn

from ...adapter import StyleAdapter
from ...comfy_host.networks import Network, network_of, text_attentions
from ...errors import MismatchError
from ...families import FAMILIES
from ...sites import order_sites
from ...spec import AdapterSpec, ScalePredictorSpec, Site, StyleTransformerSpec

# What the style term is multiplied with last.
STARTS_AT_ZERO = re.compile(r"style_kv\.\d+\.norm\.(weight|bias)|site_gains\.weight")


def spec_for(
    diffusion_model: nn.Module,
    family: str,
    *,
    clip_width: int = 1280,
    num_queries: int | None = None,
    depth: int | None = None,
    scale_width: int | None = None,
    scale_depth: int | None = None,
) -> AdapterSpec:
    """The sizes of an adapter that fits a model of the host; on a published U-Net, those that were published.

    Args:
        diffusion_model: any U-Net with text cross-attention, or any Wan.
        family: key of `families.FAMILIES`; "unet" for a base that has no published adapter.
        clip_width: width of the image encoder's tokens.
        num_queries, depth, scale_width, scale_depth: in place of the family's, see `families.Sizes`. A scale
            predictor of another width than the tokens' projects them.

    Raises:
        MismatchError: the model has no text cross-attention, or such over texts of different widths.
    """
    network, found = network_of(diffusion_model), text_attentions(diffusion_model)
    context_dim = _context_dim(diffusion_model, network, found)
    published = FAMILIES[family]
    sizes = published.sizes
    sites = order_sites(found, published.site_order)
    width = scale_width or sizes.scale_width or context_dim
    _check_heads("image encoder's tokens", clip_width, published.style_heads)
    _check_heads("scale predictor", width, published.scale_heads)
    projects = sizes.projects or width != context_dim
    return AdapterSpec(
        family=family,
        style_transformer=StyleTransformerSpec(
            num_queries=num_queries or sizes.num_queries,
            width=clip_width,
            depth=depth or sizes.depth,
            num_heads=published.style_heads,
            output_dim=context_dim,
        ),
        scale_predictor=ScalePredictorSpec(
            num_queries=len(sites),
            width=width,
            depth=scale_depth or sizes.scale_depth,
            num_heads=published.scale_heads,
            input_dim=context_dim,
            projects_inputs=projects,
            text_first=sizes.text_first,
            projects_output=projects,
            hidden_dim=32,
            text_dim=network.text_dim(diffusion_model) if network and sizes.embedded else None,
            masks_padding=sizes.embedded,
        ),
        site_channels=tuple(site.channels for site in sites),
        sites=sites,
        context_dim=context_dim,
        normalises_style=not sizes.embedded,
        projects_with_bias=sizes.embedded,
        key_norm_eps=_key_norm_eps(network, found) if sizes.embedded else None,
        learns_gains=sizes.embedded,
    )


def _key_norm_eps(network: Network | None, found: dict[Site, Any]) -> float | None:
    """Of the norm behind the text's keys, where there is one."""
    if network is None or network.key_norm is None:
        return None
    return getattr(getattr(next(iter(found.values())), network.key_norm), "eps", None)


def _context_dim(diffusion_model: nn.Module, network: Network | None, found: dict[Site, Any]) -> int:
    """The width of the tokens that the cross-attentions read."""
    name = "" if network is None else network.keys
    widths = sorted({getattr(attention, name).weight.shape[1] for attention in found.values()})
    if len(widths) != 1:
        raise MismatchError(
            "No style adapter can be made for this model.",
            found=f"a {type(diffusion_model).__name__} with text cross-attentions over widths {widths}",
            expected="a model whose text cross-attentions all read tokens of one width",
            fix="use a U-Net such as Stable Diffusion 1.5, 2.1, SDXL or VideoCrafter, or Wan",
        )
    return widths[0]


def _check_heads(what: str, width: int, heads: int) -> None:
    if width % heads:
        raise MismatchError(
            f"The {what} cannot be cut into the heads of this family of adapters.",
            found=f"width {width}",
            expected=f"a multiple of {heads}",
            fix='use an image encoder of another width, or the family "unet"',
        )


def create_tensors(spec: AdapterSpec, diffusion_model: nn.Module, seed: int) -> dict[str, Tensor]:
    """Starting weights: style K and V from the text K and V, everything else random, and no effect yet.

    The norm behind the style attention starts at zero, so the model starts as it was, bit for bit, and the
    norm is the first to learn; where a learned gain stands in its place, that one does.

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
        for trunk in filter(None, (adapter.style_transformer, adapter.scale_predictor)):
            nn.init.normal_(trunk.queries.weight, std=trunk.queries.embedding_dim**-0.5)
    tensors = {name: tensor.detach() for name, tensor in adapter.state_dict().items()}
    network, text = network_of(diffusion_model), text_attentions(diffusion_model)
    if network is None:
        raise ValueError("spec_for has refused models without text cross-attentions")
    theirs = {"to_k": network.keys, "to_v": network.values, "norm_k": network.key_norm or ""}
    for index, site in enumerate(spec.sites or ()):
        for ours, name in theirs.items():
            for parameter in ("weight", "bias"):
                key = f"style_kv.{index}.{ours}.{parameter}"
                if key in tensors:
                    value = getattr(getattr(text[site], name), parameter).detach()
                    tensors[key] = value.to("cpu", torch.float32, copy=True)
    for name, tensor in tensors.items():
        if STARTS_AT_ZERO.fullmatch(name):
            tensor.zero_()
    return tensors
