"""Self-attention along time with learned relative positions for keys and for values.

N sequences (pixels × videos), T frames, H heads, D head width, C = H·D.
"""

from __future__ import annotations

from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn


class RelativeAttention(nn.Module):
    """`softmax((q·k + q·R_k)·d^-½) · (v + R_v)`, R looked up by the clipped distance of two frames.

    Source: Shaw et al., Self-Attention with Relative Position Representations (arXiv 1803.02155), eq. 3-5.
    Differs: nothing; the published tables of 2·max_distance + 1 rows load as they are.
    """

    def __init__(
        self, num_heads: int, head_dim: int, max_distance: int, *, operations: Any = nn, **factory: Any
    ):
        super().__init__()
        width = num_heads * head_dim
        self.num_heads = num_heads
        self.max_distance = max_distance
        self.to_q = operations.Linear(width, width, bias=False, **factory)
        self.to_k = operations.Linear(width, width, bias=False, **factory)
        self.to_v = operations.Linear(width, width, bias=False, **factory)
        self.to_out = nn.Sequential(operations.Linear(width, width, **factory))
        rows = 2 * max_distance + 1
        self.relative_position_k = operations.Embedding(rows, head_dim, **factory)
        self.relative_position_v = operations.Embedding(rows, head_dim, **factory)

    def forward(self, x_NTC: Tensor) -> Tensor:
        """[N, T, C] to [N, T, C]: every frame attends to every frame."""
        if x_NTC.shape[1] == 1:
            return self._of_one_frame(x_NTC)
        q, k, v = (
            rearrange(to(x_NTC), "n t (h d) -> n h t d", h=self.num_heads)
            for to in (self.to_q, self.to_k, self.to_v)
        )
        rows_TT = self._rows(x_NTC.shape[1], x_NTC.device)
        key_TTD = self.relative_position_k(rows_TT).to(q.dtype)
        value_TTD = self.relative_position_v(rows_TT).to(q.dtype)
        logits = torch.matmul(q, k.transpose(-1, -2)) + torch.einsum("nhtd,tsd->nhts", q, key_TTD)
        weights = (
            (logits * q.shape[-1] ** -0.5)
            .softmax(dim=-1, dtype=torch.promote_types(q.dtype, torch.float32))
            .to(q.dtype)
        )
        attended = torch.matmul(weights, v) + torch.einsum("nhts,tsd->nhtd", weights, value_TTD)
        return self.to_out(rearrange(attended, "n h t d -> n t (h d)"))

    def alone(self, x_NTC: Tensor) -> Tensor:
        """The same with each frame attending to itself only, and without positions: `out(v)`."""
        return self.to_out(self.to_v(x_NTC))

    def _of_one_frame(self, x_N1C: Tensor) -> Tensor:
        """Its one weight is 1, whatever q and k are: `out(v + R_v(0))`."""
        v_N1C = self.to_v(x_N1C)
        value_1D = self.relative_position_v(self._rows(1, x_N1C.device)[0]).to(v_N1C.dtype)
        return self.to_out(v_N1C + value_1D.repeat(1, self.num_heads))

    def _rows(self, num_frames: int, device: torch.device) -> Tensor:
        """[T, T] table rows: the distance from query frame to key frame, clipped and shifted to ≥ 0."""
        frames = torch.arange(num_frames, device=device)
        distance = frames[None, :] - frames[:, None]
        return distance.clamp(-self.max_distance, self.max_distance) + self.max_distance
