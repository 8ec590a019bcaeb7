"""The second, style cross-attention beside the text cross-attention.

B batch, N query positions, Q style tokens, C merged heads, H heads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from ..spec import AdapterSpec


class SiteStyle(NamedTuple):
    """What one site needs of a style: keys, values and the norm behind the attention. Immutable, reusable.

    Attributes:
        k, v: [1 or B, Q, C].
        norm_weight, norm_bias: [C], or None where the adapter has no norm.
        null: [1, 1, C], the term of the null style, the same for every query; None where there is no such.
    """

    k: Tensor
    v: Tensor
    norm_weight: Tensor | None
    norm_bias: Tensor | None
    null: Tensor | None = None


def style_attention(q_BNC: Tensor, site: SiteStyle, num_heads: int) -> Tensor:
    """`LN(softmax(Q · Kᵀ · d^-½) · V)`: the style term of one site, before its gain.

    Args:
        q_BNC: the query of the text cross-attention, shared by both branches.
        site: K, V and norm of this style at this site.
        num_heads: heads merged in C.

    Returns:
        [B, N, C], to be added to the text branch before the output projection.

    Source: StyleCrafter (arXiv 2312.00330), equation 1.
    """
    q = rearrange(q_BNC, "b n (h d) -> b h n d", h=num_heads)
    k, v = (
        rearrange(x.to(q.dtype), "b n (h d) -> b h n d", h=num_heads).expand(len(q), -1, -1, -1)
        for x in (site.k, site.v)
    )
    merged = rearrange(F.scaled_dot_product_attention(q, k, v), "b h n d -> b n (h d)")
    if site.norm_weight is None:
        return merged
    bias = None if site.norm_bias is None else site.norm_bias.to(q.dtype)
    return F.layer_norm(merged, merged.shape[-1:], site.norm_weight.to(q.dtype), bias)


@dataclass(frozen=True)
class ReadyStyle:
    """A style made ready for one pass: what every site needs of it, gains included.

    Attributes:
        sites: one SiteStyle per site; none for rows without a style.
        gains: one tensor [1 or B, 1, 1] per site, the predicted gain times the global strength.
        nulls: one tensor [1, 1, C] per site, what rows without a style get; none where they get nothing.
    """

    sites: tuple[SiteStyle, ...] = ()
    gains: tuple[Tensor, ...] = ()
    nulls: tuple[Tensor, ...] = ()

    @classmethod
    def of(cls, sites: tuple[SiteStyle, ...], gains_BS: Tensor) -> ReadyStyle:
        """From gains [1 or B, sites]."""
        return cls(sites, gains_BS[:, :, None, None].unbind(dim=1))


def add_style(
    text_BNC: Tensor, q_BNC: Tensor, styles: Sequence[tuple[int, ReadyStyle]], index: int, num_heads: int
) -> Tensor:
    """`F = TCA + s_i · LN(SCA)` at one site, for a batch made of several styles.

    Args:
        text_BNC: the text branch's answer.
        q_BNC: the shared query.
        styles: (rows, style) for consecutive runs of rows; the rows add up to B.
        index: the site's number.
        num_heads: heads merged in C.

    Returns:
        [B, N, C]. Nothing is written in place, so gradients and cached tensors are safe.

    Source: StyleCrafter (arXiv 2312.00330), equation 1, with the gain of section 4.2.
    Differs: an adapter with a null style (StyleMaster) has no gain; what the user sets blends the two.
    """
    rows = [count for count, _ in styles]
    parts = [
        _added(text, q, style, index, num_heads)
        for text, q, (_, style) in zip(text_BNC.split(rows), q_BNC.split(rows), styles, strict=True)
    ]
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _added(text_BNC: Tensor, q_BNC: Tensor, style: ReadyStyle, index: int, num_heads: int) -> Tensor:
    """`TCA + s · LN(SCA)`; with a null style, its term is added at gain 0 and that of the style at gain 1.

    Attention is a mean of values, so blending its answers is blending the values, which are few.
    """
    dtype = q_BNC.dtype
    if not style.sites:
        return text_BNC + style.nulls[index].to(dtype) if style.nulls else text_BNC
    site, gain = style.sites[index], style.gains[index].to(dtype)
    if site.null is None:
        return torch.addcmul(text_BNC, gain, style_attention(q_BNC, site, num_heads))
    blended = torch.lerp(site.null.to(dtype), site.v.to(dtype), gain)
    return text_BNC + style_attention(q_BNC, site._replace(v=blended), num_heads)


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
        null = self.null_term().to(v) if self.has_null else None
        if self.norm is None:
            return SiteStyle(k, v, None, None, null)
        return SiteStyle(k, v, self.norm.weight.to(k), self.norm.bias.to(k), null)

    def null_term(self) -> Tensor:
        """[1, 1, C]: what the null style adds to any query. Attention to tokens of zeros is the bias of V."""
        return self.to_v.bias[None, None]


def make_style_kv(spec: AdapterSpec, *, operations: Any = nn, **factory: Any) -> nn.ModuleList:
    """The projections of all sites, in the adapter's site order."""
    return nn.ModuleList(
        SiteProjection(spec, channels, operations=operations, **factory) for channels in spec.site_channels
    )
