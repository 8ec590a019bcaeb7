"""The recorded temporal weights, of the base and of the temporal file, in the transformer and by hand."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import torch
from einops import rearrange

from stylecrafter_core.formats import read_temporal, read_video_base
from stylecrafter_core.spec import TemporalBlockSpec
from stylecrafter_core.temporal import TemporalTransformer

GOLDEN = Path(__file__).parents[1] / "golden" / "video_a"
# The attention's softmax is computed in float32 whatever the type of its input.
CLOSE = {"atol": 1e-5, "rtol": 0.0}
Weights = dict[str, torch.Tensor]


@cache
def blocks() -> list[tuple[TemporalBlockSpec, Weights]]:
    """Every block of both files, with its weights in float64."""
    base, temporal = read_video_base(GOLDEN / "base.ckpt"), read_temporal(GOLDEN / "temporal.pth")
    sources = ((base.unet_spec.temporal_blocks, base.unet), (temporal.blocks, temporal.tensors))
    return [
        (spec, {n.removeprefix(f"{spec.name}."): t.double() for n, t in tensors.items() if belongs(n, spec)})
        for specs, tensors in sources
        for spec in specs
    ]


def belongs(name: str, spec: TemporalBlockSpec) -> bool:
    return name.startswith(f"{spec.name}.")


def attention(w: Weights, name: str, x: torch.Tensor, spec: TemporalBlockSpec) -> torch.Tensor:
    """[N, T, C], head by head and frame by frame."""
    q, k, v = (x @ w[f"{name}.to_{part}.weight"].T for part in "qkv")
    keys, values = (w[f"{name}.relative_position_{part}.weight"] for part in "kv")
    frames, out = x.shape[1], torch.zeros_like(q)
    for h in range(0, q.shape[-1], spec.head_dim):
        part = slice(h, h + spec.head_dim)
        for i in range(frames):
            rows = (torch.arange(frames) - i).clamp(-spec.max_distance, spec.max_distance) + spec.max_distance
            logits = ((k[:, :, part] + keys[rows]) * q[:, i : i + 1, part]).sum(-1) / spec.head_dim**0.5
            out[:, i, part] = (logits.softmax(-1)[:, :, None] * (v[:, :, part] + values[rows])).sum(1)
    return out @ w[f"{name}.to_out.0.weight"].T + w[f"{name}.to_out.0.bias"]


def by_hand(w: Weights, video: torch.Tensor, spec: TemporalBlockSpec) -> torch.Tensor:
    """One video [T, C, H, W]."""

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        mean, variance = x.mean(-1, keepdim=True), x.var(-1, unbiased=False, keepdim=True)
        return (x - mean) / (variance + 1e-5).sqrt() * w[f"{name}.weight"] + w[f"{name}.bias"]

    inner = "transformer_blocks.0"
    groups = rearrange(video, "t (g c) h w -> g (t c h w)", g=32)
    mean, variance = groups.mean(-1), groups.var(-1, unbiased=False)
    each = spec.channels // 32
    mean, variance = (x.repeat_interleave(each)[:, None, None] for x in (mean, variance))
    normed = (video - mean) / (variance + 1e-6).sqrt()
    normed = normed * w["norm.weight"][:, None, None] + w["norm.bias"][:, None, None]
    x = rearrange(normed, "t c h w -> (h w) t c") @ w["proj_in.weight"].T + w["proj_in.bias"]
    for number, name in ((1, "attn1"), (2, "attn2")):
        x = x + attention(w, f"{inner}.{name}", norm(x, f"{inner}.norm{number}"), spec)
    both = norm(x, f"{inner}.norm3") @ w[f"{inner}.ff.net.0.proj.weight"].T + w[f"{inner}.ff.net.0.proj.bias"]
    value, gate = both.chunk(2, dim=-1)
    gelu = gate * (1 + torch.erf(gate / 2**0.5)) / 2
    x = x + (value * gelu) @ w[f"{inner}.ff.net.2.weight"].T + w[f"{inner}.ff.net.2.bias"]
    x = x @ w["proj_out.weight"].T + w["proj_out.bias"]
    return video + rearrange(x, "(h w) t c -> t c h w", h=video.shape[2])


@pytest.mark.parametrize("number", range(len(blocks())))
def test_every_recorded_block_computes_the_formula(number: int) -> None:
    spec, weights = blocks()[number]
    block = TemporalTransformer(spec).double()
    block.load_state_dict(weights)
    generator = torch.Generator().manual_seed(number)
    videos = torch.randn(2, 6, spec.channels, 2, 3, dtype=torch.float64, generator=generator)
    expected = torch.cat([by_hand(weights, video, spec) for video in videos])
    torch.testing.assert_close(block(videos.flatten(0, 1), num_frames=6), expected, **CLOSE)
    assert (expected - videos.flatten(0, 1)).abs().max() > 0.01, "the block must do something"
