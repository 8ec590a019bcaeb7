"""Learned queries that read a token sequence: the Q-Former, and the context-aware scale predictor.

B batch, L tokens, Q queries, W width, H heads; R references, N text tokens of width T, K kept tokens.
"""

from __future__ import annotations

from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from ..spec import EmbedTokensSpec, ScalePredictorSpec, StyleTransformerSpec

MLP_RATIO = 4


class SelfAttention(nn.Module):
    """Multi-head self-attention with one joint projection for query, key and value."""

    def __init__(self, width: int, num_heads: int, *, operations: Any, **factory: Any):
        super().__init__()
        self.num_heads = num_heads
        self.qkv = operations.Linear(width, 3 * width, **factory)
        self.out = operations.Linear(width, width, **factory)

    def forward(self, x_BLW: Tensor, is_read_BL: Tensor | None = None) -> Tensor:
        q, k, v = rearrange(self.qkv(x_BLW), "b l (three h d) -> three b h l d", three=3, h=self.num_heads)
        mask = None if is_read_BL is None else is_read_BL[:, None, None, :]
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.out(rearrange(attended, "b h l d -> b l (h d)"))


class FeedForward(nn.Module):
    """Two linear layers with a GELU between, four times as wide inside."""

    def __init__(self, width: int, *, operations: Any, **factory: Any):
        super().__init__()
        self.fc = operations.Linear(width, MLP_RATIO * width, **factory)
        self.proj = operations.Linear(MLP_RATIO * width, width, **factory)

    def forward(self, x_BLW: Tensor) -> Tensor:
        return self.proj(F.gelu(self.fc(x_BLW)))


class Block(nn.Module):
    """One pre-norm transformer block."""

    def __init__(self, width: int, num_heads: int, *, operations: Any, **factory: Any):
        super().__init__()
        self.ln_1 = operations.LayerNorm(width, **factory)
        self.attn = SelfAttention(width, num_heads, operations=operations, **factory)
        self.ln_2 = operations.LayerNorm(width, **factory)
        self.mlp = FeedForward(width, operations=operations, **factory)

    def forward(self, x_BLW: Tensor, is_read_BL: Tensor | None = None) -> Tensor:
        x_BLW = x_BLW + self.attn(self.ln_1(x_BLW), is_read_BL)
        return x_BLW + self.mlp(self.ln_2(x_BLW))


class QueryTransformer(nn.Module):
    """Learned queries, put before the tokens, pass a few blocks and come back as the answer.

    `LN(blocks(LN([queries, tokens])))[:Q]`. There are no positions: any number of tokens is fine.
    Every parameter sits in a leaf module, because the host moves weights module by module.
    """

    def __init__(
        self,
        num_queries: int,
        width: int,
        depth: int,
        num_heads: int,
        *,
        operations: Any = nn,
        **factory: Any,
    ):
        super().__init__()
        self.num_queries = num_queries
        self.queries = operations.Embedding(num_queries, width, **factory)
        self.ln_pre = operations.LayerNorm(width, **factory)
        self.blocks = nn.ModuleList(
            Block(width, num_heads, operations=operations, **factory) for _ in range(depth)
        )
        self.ln_post = operations.LayerNorm(width, **factory)

    def answer(self, tokens_BLW: Tensor, is_read_BL: Tensor | None = None) -> Tensor:
        """[B, L, W] tokens to [B, Q, W] answers; nobody reads a token whose `is_read_BL` is False."""
        query_ids = torch.arange(self.num_queries, device=tokens_BLW.device)
        queries_BQW = self.queries(query_ids).to(tokens_BLW.dtype).expand(len(tokens_BLW), -1, -1)
        x = self.ln_pre(torch.cat([queries_BQW, tokens_BLW], dim=1))
        if is_read_BL is not None:
            is_read_BL = F.pad(is_read_BL, (self.num_queries, 0), value=True)
        for block in self.blocks:
            x = block(x, is_read_BL)
        return self.ln_post(x)[:, : self.num_queries]


class StyleTransformer(QueryTransformer):
    """The Q-Former: `style = QueryTransformer(clip_tokens) · P`.

    Source: StyleCrafter (arXiv 2312.00330), section 4.1.
    Differs: the output matrix P is a Linear without bias, stored transposed to the published bare matrix.
    """

    def __init__(self, spec: StyleTransformerSpec, *, operations: Any = nn, **factory: Any):
        super().__init__(
            spec.num_queries, spec.width, spec.depth, spec.num_heads, operations=operations, **factory
        )
        self.proj = operations.Linear(spec.width, spec.output_dim, bias=False, **factory)

    def forward(self, clip_tokens_BLW: Tensor) -> Tensor:
        """[B, L, W] CLIP tokens (of one or several references, concatenated) to [B, Q, D] style tokens."""
        return self.proj(self.answer(clip_tokens_BLW))


class EmbedTokens(nn.Module):
    """Style tokens from the CLIP embedding of a whole picture: `LN(reshape(W · e + b))`.

    Source: the released code of StyleMaster (arXiv 2412.07744), global branch.
    """

    def __init__(self, spec: EmbedTokensSpec, output_dim: int, *, operations: Any = nn, **factory: Any):
        super().__init__()
        self.num_tokens = spec.num_tokens
        self.proj = operations.Linear(spec.input_dim, spec.num_tokens * output_dim, **factory)
        self.norm = operations.LayerNorm(output_dim, **factory)

    def forward(self, embeds_BE: Tensor) -> Tensor:
        """[B, E] CLIP embeddings to [B, num_tokens, D] style tokens."""
        return self.norm(self.proj(embeds_BE).unflatten(-1, (self.num_tokens, -1)))


class ScalePredictor(QueryTransformer):
    """One factor per site: `s = tanh(head(QueryTransformer([style, text])))`, in (-1, 1).

    The gain of site i is `1 + s_i`. A rich style raises it, a complex prompt lowers it.

    Source: StyleCrafter (arXiv 2312.00330), section 4.2.
    """

    def __init__(self, spec: ScalePredictorSpec, *, operations: Any = nn, **factory: Any):
        super().__init__(
            spec.num_queries, spec.width, spec.depth, spec.num_heads, operations=operations, **factory
        )
        self.text_first = spec.text_first
        self.masks_padding = spec.masks_padding
        projects_text = spec.projects_inputs or spec.text_dim is not None
        self.text_proj = (
            operations.Linear(spec.text_dim or spec.input_dim, spec.width, **factory)
            if projects_text
            else nn.Identity()
        )
        self.style_proj = (
            operations.Linear(spec.input_dim, spec.width, **factory)
            if spec.projects_inputs
            else nn.Identity()
        )
        self.proj = (
            operations.Linear(spec.width, spec.width, bias=False, **factory)
            if spec.projects_output
            else nn.Identity()
        )
        self.head = nn.Sequential(
            operations.Linear(spec.width, spec.hidden_dim, **factory),
            nn.GELU(),
            operations.Linear(spec.hidden_dim, 1, **factory),
        )

    def forward(self, style_BQD: Tensor, text_BND: Tensor) -> Tensor:
        """[B, Q, D] style tokens and [B, N, T] text tokens to [B, sites] factors in (-1, 1)."""
        tokens = self._joined(self.style_proj(style_BQD), self.text_proj(text_BND))
        is_read = self._joined(_all_true(style_BQD), text_BND.any(dim=-1)) if self.masks_padding else None
        return F.tanh(self.head(self.proj(self.answer(tokens, is_read)))).squeeze(-1)

    def _joined(self, style: Tensor, text: Tensor) -> Tensor:
        return torch.cat([text, style] if self.text_first else [style, text], dim=1)


def _all_true(tokens_BQD: Tensor) -> Tensor:
    return torch.ones(tokens_BQD.shape[:2], dtype=torch.bool, device=tokens_BQD.device)


def prompt_similarity(clip_tokens_RLW: Tensor, text_ND: Tensor) -> Tensor:
    """[R, L]: the cosine of every CLIP token with the prompt, pooled to the tokens' width.

    The channels of the text tokens are pooled by adaptive averages to W, then averaged over all N rows.
    Rows of zeros (padding) change the length of that vector, not its direction.
    """
    pooled_W = F.adaptive_avg_pool1d(text_ND[None], clip_tokens_RLW.shape[-1])[0].mean(dim=0)
    return F.cosine_similarity(clip_tokens_RLW, pooled_W.expand_as(clip_tokens_RLW), dim=-1)


def select_tokens(clip_tokens_RLW: Tensor, text_ND: Tensor, dropped_share: float) -> Tensor:
    """[R, K, W]: the CLIP tokens most like the prompt, in picture order; `K = L - int(L * dropped_share)`.

    The class token takes part like any other.

    Source: the released code of StyleMaster (arXiv 2412.07744).
    Differs: the paper and the comments in that code say that the tokens least like the prompt stay; the
    released weights were made with the most similar ones, as here.
    """
    kept = clip_tokens_RLW.shape[1] - int(clip_tokens_RLW.shape[1] * dropped_share)
    order = prompt_similarity(clip_tokens_RLW, text_ND).argsort(dim=-1, stable=True)
    places = order[:, -kept:].sort(dim=-1).values
    return torch.take_along_dim(clip_tokens_RLW, places[..., None], dim=1)
