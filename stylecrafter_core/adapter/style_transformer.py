"""The style feature extractor: CLIP image tokens to style tokens."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ..spec import StyleTransformerSpec
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
