"""Learned queries that read a token sequence: the trunk of the Q-Former and of the scale predictor.

B batch, L tokens, Q queries, W width, H heads.
"""

from __future__ import annotations

from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

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
