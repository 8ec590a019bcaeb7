"""How steady a clip is, and how much of it moves.

A frozen clip wins every measure of steadiness, and a flat one the warp error, so `time_measures` always gives
motion and contrast beside it.
T frames, P = T − 1 pairs of neighbours.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from stylecrafter_core.errors import InputError

from .flow import Flows, check_clip, clip_flows

DEFAULT_BACKEND = "opencv_dis_medium"
# Forward and backward flow agree where |f + b|² < 0.01 · (|f|² + |b|²) + 0.5, in pixels².
RELATIVE_TOLERANCE, ABSOLUTE_TOLERANCE = 0.01, 0.5


def time_measures(frames_THWC: Tensor, backend: str = DEFAULT_BACKEND) -> dict[str, float]:
    """Warp error and motion of one clip, from one computation of its flow, and its contrast.

    Args:
        frames_THWC: [T, H, W, 3] float, 0..1, at native size.
        backend: a name of `flow.BACKENDS`.

    Raises:
        InputError: see `clip_flows`.
    """
    flows = clip_flows(frames_THWC, backend)
    return {**warp_error(frames_THWC, flows), **flow_magnitude(flows), "contrast": contrast(frames_THWC)}


def warp_error(frames_THWC: Tensor, flows: Flows) -> dict[str, float]:
    """`10³ · mean_t mean_p Σ_c (x_t(p) − x_{t+1}(p + f_t(p)))²`, bilinear between pixels.

    f_t is the flow x_t → x_{t+1}; p runs over the valid pixels of pair t: those whose p + f_t(p) lies inside
    the frame. The masked form also leaves out pixels where forward and backward flow contradict each other
    (what is covered or uncovered): `|f + b|² ≥ 0.01 (|f|² + |b|²) + 0.5`, b the backward flow at p + f.

    Args:
        frames_THWC: [T, H, W, 3] float, 0..1, at native size.
        flows: of these frames, from `clip_flows`.

    Returns:
        `warp_error.{backend}`, `warp_error_masked.{backend}`: 0..3000; NaN where no pixel is valid.
        `warp_error_masked_share.{backend}`: the share of all pixels that the masked form counts, 0..1.

    Raises:
        InputError: no clip, or a flow of another size.

    Source: W.E. in StyleCrafter (arXiv 2312.00330), supplement B.1; the test of agreement is that of Sundaram
    et al. 2010.
    Differs: the paper does not say which norm, range and mask; these are ours, and the backend is named.
    """
    check_clip(frames_THWC)
    _check_flows(frames_THWC, flows)
    frames_TCHW = frames_THWC.float().movedim(-1, 1)
    inside_PHW, warped_PCHW = _pulled(frames_TCHW[1:], flows.forward)
    _, back_P2HW = _pulled(flows.backward, flows.forward)
    agreeing_PHW = inside_PHW & _agree(flows.forward, back_P2HW)
    errors_PHW = (frames_TCHW[:-1] - warped_PCHW).square().sum(dim=1)
    return {
        f"warp_error.{flows.backend}": 1e3 * _mean_over_pairs(errors_PHW, inside_PHW),
        f"warp_error_masked.{flows.backend}": 1e3 * _mean_over_pairs(errors_PHW, agreeing_PHW),
        f"warp_error_masked_share.{flows.backend}": float(agreeing_PHW.float().mean()),
    }


def flow_magnitude(flows: Flows) -> dict[str, float]:
    """`mean_t mean_p |f_t(p)|`: how far pixels move from one frame to the next.

    Returns:
        `flow_magnitude_pixels.{backend}`: pixels per frame, 0 or more.
        `flow_magnitude_percent.{backend}`: the same in percent of the frame's width.
    """
    pixels = float(flows.forward.norm(dim=1).mean())
    return {
        f"flow_magnitude_pixels.{flows.backend}": pixels,
        f"flow_magnitude_percent.{flows.backend}": 100 * pixels / flows.forward.shape[-1],
    }


def contrast(frames_THWC: Tensor) -> float:
    """`10³ · mean_t mean_p Σ_c (x_t(p) − x̄_t)²`, x̄_t the frame's mean colour: 0..750.

    In the unit of the warp error: a clip of half the differences has a quarter of either.

    Args:
        frames_THWC: [T, H, W, 3] float, 0..1.
    """
    deviations = frames_THWC.float() - frames_THWC.float().mean(dim=(1, 2), keepdim=True)
    return 1e3 * float(deviations.square().sum(dim=-1).mean())


def temporal_cosine(features_TD: Tensor) -> float:
    """`mean_t cos(φ(x_t), φ(x_{t+1}))`, −1..1, not clamped.

    Args:
        features_TD: [T ≥ 2, D] of the frames, by any encoder φ; its name belongs to the metric's name.

    Raises:
        InputError: no such features.

    Source: CLIP-Temp in StyleCrafter (arXiv 2312.00330), supplement B.1, there with CLIP ViT-H/14.
    """
    if features_TD.ndim != 2 or len(features_TD) < 2:
        raise InputError(
            "The features are not those of a clip.",
            found=f"a tensor {list(features_TD.shape)}",
            expected="[frames, numbers] with two frames or more",
            fix="encode every frame of one clip",
        )
    return float(F.cosine_similarity(features_TD[:-1], features_TD[1:], dim=1).mean())


def _pulled(values_PCHW: Tensor, flow_P2HW: Tensor) -> tuple[Tensor, Tensor]:
    """Whether p + flow(p) is inside the frame [P, H, W], and the values there, bilinear [P, C, H, W]."""
    height, width = flow_P2HW.shape[-2:]
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    x_PHW, y_PHW = columns + flow_P2HW[:, 0], rows + flow_P2HW[:, 1]
    inside_PHW = (x_PHW >= 0) & (x_PHW <= width - 1) & (y_PHW >= 0) & (y_PHW <= height - 1)
    # grid_sample's −1 and 1 are the centres of the outermost pixels.
    grid = torch.stack([2 * x_PHW / (width - 1) - 1, 2 * y_PHW / (height - 1) - 1], dim=-1)
    return inside_PHW, F.grid_sample(values_PCHW, grid, mode="bilinear", align_corners=True)


def _agree(forward_P2HW: Tensor, back_P2HW: Tensor) -> Tensor:
    contradiction = (forward_P2HW + back_P2HW).square().sum(dim=1)
    length = forward_P2HW.square().sum(dim=1) + back_P2HW.square().sum(dim=1)
    return contradiction < RELATIVE_TOLERANCE * length + ABSOLUTE_TOLERANCE


def _mean_over_pairs(errors_PHW: Tensor, valid_PHW: Tensor) -> float:
    means = [float(errors[valid].mean()) for errors, valid in zip(errors_PHW, valid_PHW) if bool(valid.any())]
    return sum(means) / len(means) if means else math.nan


def _check_flows(frames_THWC: Tensor, flows: Flows) -> None:
    frames, height, width, _ = frames_THWC.shape
    wanted = [frames - 1, 2, height, width]
    found = [list(flows.forward.shape), list(flows.backward.shape)]
    if found != [wanted, wanted]:
        raise InputError(
            "The flow is not that of these frames.",
            found=f"forward {found[0]}, backward {found[1]}",
            expected=f"{wanted} both ways",
            fix="compute it with `clip_flows` from the same frames",
        )
