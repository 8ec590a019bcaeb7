"""The temporal transformer that follows every spatial one in the video U-Net."""

from __future__ import annotations

from typing import Any

from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import InputError
from ..spec import TemporalBlockSpec
from .relative_attention import RelativeAttention

MLP_RATIO = 4


class GatedGELU(nn.Module):
    """`a · GELU(b)`, a and b from one projection."""

    def __init__(self, width: int, inner: int, *, operations: Any, **factory: Any):
        super().__init__()
        self.proj = operations.Linear(width, 2 * inner, **factory)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.proj(x).chunk(2, dim=-1)
        return value * F.gelu(gate)


class FeedForward(nn.Module):
    """GEGLU feed-forward, four times as wide inside. The published key names skip one index (dropout)."""

    def __init__(self, width: int, *, operations: Any, **factory: Any):
        super().__init__()
        inner = MLP_RATIO * width
        self.net = nn.Sequential(
            GatedGELU(width, inner, operations=operations, **factory),
            nn.Identity(),
            operations.Linear(inner, width, **factory),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class TemporalBlock(nn.Module):
    """Two self-attentions along time and a feed-forward, each pre-norm with a residual."""

    def __init__(self, spec: TemporalBlockSpec, *, operations: Any, **factory: Any):
        super().__init__()
        width = spec.num_heads * spec.head_dim
        sizes = (spec.num_heads, spec.head_dim, spec.max_distance)
        self.attn1 = RelativeAttention(*sizes, operations=operations, **factory)
        self.ff = FeedForward(width, operations=operations, **factory)
        self.attn2 = RelativeAttention(*sizes, operations=operations, **factory)
        self.norm1 = operations.LayerNorm(width, **factory)
        self.norm2 = operations.LayerNorm(width, **factory)
        self.norm3 = operations.LayerNorm(width, **factory)

    def forward(self, x_NTC: Tensor, independent: bool) -> Tensor:
        first, second = (self.attn1.alone, self.attn2.alone) if independent else (self.attn1, self.attn2)
        x_NTC = x_NTC + first(self.norm1(x_NTC))
        x_NTC = x_NTC + second(self.norm2(x_NTC))
        return x_NTC + self.ff(self.norm3(x_NTC))


class TemporalTransformer(nn.Module):
    """Lets the frames of a video see each other, pixel by pixel; adds its answer to its input.

    Source: VideoCrafter1 (arXiv 2310.19512), temporal transformer.
    Differs: frames lie in the batch dimension outside (as the host has them) and are told apart only here;
    the 1-wide convolutions of `init_attn.0` are Linear layers of the same weights.
    """

    def __init__(self, spec: TemporalBlockSpec, *, operations: Any = nn, **factory: Any):
        super().__init__()
        width = spec.num_heads * spec.head_dim
        self.norm = operations.GroupNorm(32, spec.channels, eps=1e-6, **factory)
        self.proj_in = operations.Linear(spec.channels, width, **factory)
        self.transformer_blocks = nn.ModuleList([TemporalBlock(spec, operations=operations, **factory)])
        self.proj_out = operations.Linear(width, spec.channels, **factory)

    def forward(self, x_BCHW: Tensor, num_frames: int, independent: bool = False) -> Tensor:
        """[videos · num_frames, C, H, W] to the same shape.

        Args:
            num_frames: of one video.
            independent: the rows are pictures: each attends to itself only, without relative positions, as
                in the image batches of the second training stage.

        Raises:
            InputError: the rows do not divide into videos of `num_frames` frames.
        """
        rows, _, height, width = x_BCHW.shape
        check_frames(rows, num_frames)
        video = rearrange(x_BCHW, "(b t) c h w -> b c t h w", t=num_frames)
        # Made contiguous: on a strided view, a linear layer is one small matrix product per pixel.
        tokens = self.proj_in(rearrange(self.norm(video), "b c t h w -> (b h w) t c").contiguous())
        for block in self.transformer_blocks:
            tokens = block(tokens, independent)
        tokens = self.proj_out(tokens)
        return x_BCHW + rearrange(tokens, "(b h w) t c -> (b t) c h w", h=height, w=width)


def check_frames(rows: int, num_frames: int) -> None:
    """Raise InputError unless `rows` latent frames are whole videos of `num_frames` frames."""
    if num_frames < 1 or rows % num_frames:
        raise InputError(
            "The latent's frames do not divide into whole videos.",
            found=f"{rows} latent frames at a length of {num_frames} frames a video",
            expected=f"a multiple of {num_frames}",
            fix="make the latent as an empty video latent, or set the video length to match it",
        )
