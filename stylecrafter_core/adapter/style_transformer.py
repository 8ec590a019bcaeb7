"""The style feature extractor: CLIP image tokens to style tokens."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ..spec import EmbedTokensSpec, StyleTransformerSpec
from .query_transformer import QueryTransformer


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
