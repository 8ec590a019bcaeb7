"""Attention along time against a plain restatement of its formula; videos in a batch stay apart."""

from __future__ import annotations

import pytest
import torch

from stylecrafter_core.errors import InputError
from stylecrafter_core.spec import TemporalBlockSpec
from stylecrafter_core.temporal import TemporalTransformer, check_frames
from stylecrafter_core.temporal.relative_attention import RelativeAttention

HEADS, HEAD_DIM, MAX_DISTANCE = 2, 4, 2
# The softmax is computed in float32 whatever the type of its input.
CLOSE = {"atol": 1e-6, "rtol": 0.0}
SPEC = TemporalBlockSpec("input_blocks.1.2", 32, 4, 8, MAX_DISTANCE, False)


def attention() -> RelativeAttention:
    torch.manual_seed(0)
    return RelativeAttention(HEADS, HEAD_DIM, MAX_DISTANCE).double()


def by_hand(layer: RelativeAttention, x: torch.Tensor) -> torch.Tensor:
    """softmax((q·k + q·R_k)/√d)·(v + R_v), frame by frame, for one sequence [T, C]."""
    q, k, v = layer.to_q(x), layer.to_k(x), layer.to_v(x)
    frames = len(x)
    out = torch.zeros_like(q)
    for h in range(0, HEADS * HEAD_DIM, HEAD_DIM):
        part = slice(h, h + HEAD_DIM)
        for i in range(frames):
            rows = [min(max(j - i, -MAX_DISTANCE), MAX_DISTANCE) + MAX_DISTANCE for j in range(frames)]
            keys = k[:, part] + layer.relative_position_k.weight[rows]
            shares = torch.softmax(keys @ q[i, part] / HEAD_DIM**0.5, dim=0)
            out[i, part] = shares @ (v[:, part] + layer.relative_position_v.weight[rows])
    return layer.to_out(out)


@pytest.mark.parametrize("frames", [1, 2, 7])
def test_relative_attention_is_the_formula(frames: int) -> None:
    layer = attention()
    x = torch.randn(3, frames, HEADS * HEAD_DIM, dtype=torch.float64)
    torch.testing.assert_close(layer(x), torch.stack([by_hand(layer, one) for one in x]), **CLOSE)


def transformer() -> TemporalTransformer:
    torch.manual_seed(1)
    return TemporalTransformer(SPEC).double().eval()


def test_videos_in_a_batch_do_not_see_each_other() -> None:
    block = transformer()
    first, second = torch.randn(2, 3, 32, 2, 4, dtype=torch.float64)
    together = block(torch.cat([first, second]), num_frames=3)
    torch.testing.assert_close(together, torch.cat([block(first, 3), block(second, 3)]))


def test_frames_of_one_video_see_each_other() -> None:
    block = transformer()
    video = torch.randn(3, 32, 2, 4, dtype=torch.float64)
    changed = video.clone()
    changed[2] += 1
    assert (block(video, 3)[0] - block(changed, 3)[0]).abs().max() > 1e-3


def test_pixels_are_apart_but_for_the_norm() -> None:
    block = transformer()
    block.norm = torch.nn.Identity()
    video = torch.randn(3, 32, 2, 4, dtype=torch.float64)
    changed = video.clone()
    changed[:, :, 0, 0] += 1
    difference = (block(video, 3) - block(changed, 3)).abs().amax(dim=(0, 1))
    assert difference[0, 0] > 1e-3
    difference[0, 0] = 0
    assert difference.max() == 0


@pytest.mark.parametrize(("rows", "frames"), [(30, 16), (4, 0), (3, 4)])
def test_frames_that_do_not_divide_are_refused(rows: int, frames: int) -> None:
    with pytest.raises(InputError, match="do not divide") as caught:
        check_frames(rows, frames)
    message = str(caught.value)
    assert f"{rows} latent frames" in message
    assert f"{frames} frames a video" in message
    assert "an empty video latent" in message


def test_whole_videos_pass() -> None:
    assert check_frames(32, 16) is None
