"""Key, value and norm of the style branch, one set per site."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ..spec import AdapterSpec
from .dual_attention import SiteStyle


class SiteProjection(nn.Module):
    """The style branch's own K and V projections and norm at one site."""

    def __init__(self, context_dim: int, channels: int, normalises: bool, *, operations: Any, **factory: Any):
        super().__init__()
        self.to_k = operations.Linear(context_dim, channels, bias=False, **factory)
        self.to_v = operations.Linear(context_dim, channels, bias=False, **factory)
        self.norm = operations.LayerNorm(channels, **factory) if normalises else None

    def forward(self, tokens_BQD: Tensor) -> SiteStyle:
        k, v = self.to_k(tokens_BQD), self.to_v(tokens_BQD)
        if self.norm is None:
            return SiteStyle(k, v, None, None)
        return SiteStyle(k, v, self.norm.weight.to(k), self.norm.bias.to(k))


def make_style_kv(spec: AdapterSpec, *, operations: Any = nn, **factory: Any) -> nn.ModuleList:
    """The projections of all sites, in the adapter's site order."""
    return nn.ModuleList(
        SiteProjection(spec.context_dim, channels, spec.normalises_style, operations=operations, **factory)
        for channels in spec.site_channels
    )
