"""The text cross-attentions of a model of the host."""

from __future__ import annotations

from typing import Any

from torch import nn

from ..errors import MismatchError
from ..sites import resolve_sites
from ..spec import AdapterSpec, Site
from .networks import network_of


def sites_for(spec: AdapterSpec, diffusion_model: nn.Module) -> tuple[Site, ...]:
    """Where the adapter's sites lie in this model.

    Raises:
        MismatchError: the model has no text cross-attention, or is not the one the adapter fits.
    """
    network = network_of(diffusion_model)
    if network is None:
        raise MismatchError(
            "The style adapter cannot be used with this model.",
            found=f"a {type(diffusion_model).__name__} without text cross-attentions known here",
            expected="a U-Net such as VideoCrafter or SDXL, or Wan",
            fix="connect the model family that the adapter was made for",
        )
    return resolve_sites(spec, network.attentions(diffusion_model), network.text_dim(diffusion_model))


def text_attentions(diffusion_model: nn.Module) -> dict[Site, Any]:
    """Every text cross-attention module by its site, in the order of the forward pass; none is fine."""
    network = network_of(diffusion_model)
    return {} if network is None else network.attentions(diffusion_model)
