"""How steady a clip is, how much of it moves, and how much there is to see in it.

A frozen clip wins every measure of steadiness, and a flat one the warp error: `Motion` always gives motion,
contrast and a flag for frozen clips beside it.
T frames, P = T − 1 pairs of neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import InputError
from .flow import Flow, Flows, check_clip, clip_flows, dis_medium
from .metric import Measurement, Values, Wanted, mean

# Forward and backward flow agree where |f + b|² < 0.01 · (|f|² + |b|²) + 0.5, in pixels².
RELATIVE_TOLERANCE, ABSOLUTE_TOLERANCE = 0.01, 0.5
FROZEN_PIXELS = 0.05  # of mean motion a frame; below, nothing moves that an eye would see
LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Motion:
    """Warp error, motion, contrast and flicker of a clip.

    `warp_error.{flow}`, `warp_error_masked.{flow}`, `warp_error_masked_share.{flow}`: see `warp_error`;
    `flow_magnitude_pixels.{flow}`, `flow_magnitude_percent.{flow}`: see `flow_magnitude`;
    `frozen.{flow}`: 1 where the mean motion is below 0.05 pixels a frame, else 0;
    `contrast`: see `contrast`; `flicker`: see `flicker`, from three frames on.

    Args:
        flow: where each pixel goes; its name is part of the values' names.
    """

    flow: Flow = field(default_factory=dis_medium)
    version: int = field(default=1, init=False)
    in_time: bool = field(default=True, init=False)

    @property
    def name(self) -> str:
        return f"motion.{self.flow.backend}"

    @property
    def weights(self) -> Mapping[str, str]:
        return self.flow.weights

    def start(self, wanted: Wanted) -> Measurement:
        return _Moving(self.flow)


class _Moving:
    """The running lists: a few numbers per pair of frames, and the last frame."""

    def __init__(self, flow: Flow):
        self._flow = flow
        self._last: Tensor | None = None
        self._pairs: dict[str, list[float]] = {}
        self._contrasts: list[float] = []
        self._lumas: list[float] = []

    def add(self, frames_THWC: Tensor) -> None:
        frames_THWC = frames_THWC.float()
        self._contrasts += _contrasts(frames_THWC)
        self._lumas += _lumas(frames_THWC)
        joined = frames_THWC if self._last is None else torch.cat([self._last, frames_THWC])
        self._last = frames_THWC[-1:].clone()
        for earlier in range(len(joined) - 1):  # pair by pair: a long piece needs no memory for all its flows
            pair = joined[earlier : earlier + 2]
            flows = clip_flows(pair, self._flow)
            for name, value in {**warp_error(pair, flows), **flow_magnitude(flows)}.items():
                self._pairs.setdefault(name, []).append(value)

    def values(self) -> Values:
        if not self._pairs:
            raise InputError(
                "The motion of a clip needs two frames or more.",
                found=f"{len(self._contrasts)} frame",
                expected="a video of several frames",
                fix="measure pictures with the metrics of pictures",
            )
        found = {name: _mean_of_numbers(values) for name, values in self._pairs.items()}
        moved = found[f"flow_magnitude_pixels.{self._flow.backend}"]
        found[f"frozen.{self._flow.backend}"] = float(moved < FROZEN_PIXELS)
        found["contrast"] = mean(self._contrasts)
        if len(self._lumas) > 2:
            found["flicker"] = _flicker(self._lumas)
        return found


def warp_error(frames_THWC: Tensor, flows: Flows) -> Values:
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


def flow_magnitude(flows: Flows) -> Values:
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
    return mean(_contrasts(frames_THWC.float()))


def flicker(frames_THWC: Tensor) -> float:
    """`10³ · mean_t |Y_t − (Y_{t−1} + Y_{t+1}) / 2|`, Y_t the mean luma of frame t: 0..1000.

    Of a brightness that alternates from frame to frame it is the step, 0.02 giving 20; of a steady fade, 0.

    Args:
        frames_THWC: [T, H, W, 3] float, 0..1, at least three frames.

    Raises:
        InputError: fewer frames.
    """
    if len(frames_THWC) < 3:
        raise InputError(
            "Flicker needs three frames or more.",
            found=f"{len(frames_THWC)} frames",
            expected="a frame between two others",
            fix="measure a longer clip",
        )
    return _flicker(_lumas(frames_THWC.float()))


def _contrasts(frames_THWC: Tensor) -> list[float]:
    deviations = frames_THWC - frames_THWC.mean(dim=(1, 2), keepdim=True)
    return (1e3 * deviations.square().sum(dim=-1).mean(dim=(1, 2))).tolist()


def _lumas(frames_THWC: Tensor) -> list[float]:
    return (frames_THWC.mean(dim=(1, 2)).double() @ torch.tensor(LUMA, dtype=torch.float64)).tolist()


def _flicker(lumas: list[float]) -> float:
    bends = [abs(now - (before + after) / 2) for before, now, after in zip(lumas, lumas[1:], lumas[2:])]
    return 1e3 * mean(bends)


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
    return mean(means) if means else math.nan


def _mean_of_numbers(values: list[float]) -> float:
    """Pairs without a valid pixel have no number and do not count."""
    numbers = [value for value in values if not math.isnan(value)]
    return mean(numbers) if numbers else math.nan


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
