"""Arbitrary style transfer of frames, each by itself."""

from __future__ import annotations

import torch
from torch import Tensor

from ..styles.adain import STYLE_SIDE, adain, decoded, features, moments, network
from .style_distance import square


@torch.no_grad()
def transferred(frames_THWC: Tensor, style_HW3: Tensor) -> Tensor:
    """`decoder(AdaIN(f(frame), f(style)))` of every frame, [T, H, W, 3] in 0..1 at the frames' size."""
    weights = network()
    style = moments(features(weights, square(style_HW3[..., :3], STYLE_SIDE).movedim(-1, 0)[None]))
    height, width = frames_THWC.shape[1:3]
    done = [
        decoded(weights, adain(features(weights, frame.movedim(-1, 0)[None]), style))[0, :, :height, :width]
        for frame in frames_THWC[..., :3].float().cpu()
    ]
    return torch.stack(done).movedim(1, -1).clamp(0, 1)
