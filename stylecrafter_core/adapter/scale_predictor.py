"""The context-aware scale predictor: how much style each cross-attention gets, from text and style."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..spec import ScalePredictorSpec
from .query_transformer import QueryTransformer


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
