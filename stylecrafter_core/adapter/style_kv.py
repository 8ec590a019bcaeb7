"""Key, value and norms of the style branch, one set per site."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ..spec import AdapterSpec
from .dual_attention import SiteStyle


class SiteProjection(nn.Module):
    """The style branch's own K and V projections and norms at one site."""

    def __init__(self, spec: AdapterSpec, channels: int, *, operations: Any, **factory: Any):
        super().__init__()
        bias = spec.projects_with_bias
        self.to_k = operations.Linear(spec.context_dim, channels, bias=bias, **factory)
        self.to_v = operations.Linear(spec.context_dim, channels, bias=bias, **factory)
        self.norm_k = (
            nn.Identity()
            if spec.key_norm_eps is None
            else operations.RMSNorm(channels, eps=spec.key_norm_eps, **factory)
        )
        self.norm = operations.LayerNorm(channels, **factory) if spec.normalises_style else None
        self.has_null = spec.has_null

    def forward(self, tokens_BQD: Tensor) -> SiteStyle:
        k, v = self.norm_k(self.to_k(tokens_BQD)), self.to_v(tokens_BQD)
        null = self.to_v(tokens_BQD.new_zeros(1, 1, tokens_BQD.shape[-1])) if self.has_null else None
        if self.norm is None:
            return SiteStyle(k, v, None, None, null)
        return SiteStyle(k, v, self.norm.weight.to(k), self.norm.bias.to(k), null)


def make_style_kv(spec: AdapterSpec, *, operations: Any = nn, **factory: Any) -> nn.ModuleList:
    """The projections of all sites, in the adapter's site order."""
    return nn.ModuleList(
        SiteProjection(spec, channels, operations=operations, **factory) for channels in spec.site_channels
    )
