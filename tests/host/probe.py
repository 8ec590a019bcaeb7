"""One evaluation of a guider at a chosen sigma, through everything that the host does around it."""

from __future__ import annotations

from typing import Any

import comfy.samplers
import torch
from torch import Tensor


class Probe(comfy.samplers.Sampler):
    """A sampler that evaluates the model once and keeps what it said."""

    def __init__(self, x: Tensor):
        self.x = x
        self.x0: Tensor | None = None

    def sample(self, model_wrap: Any, sigmas: Tensor, extra_args: dict, *_: Any) -> Tensor:
        scaled = self.x * (1 + sigmas[0] ** 2).sqrt()
        self.x0 = model_wrap(scaled, sigmas[0].expand(len(self.x)), **extra_args)
        self.eps = (scaled - self.x0) / sigmas[0]
        return self.x0


def sigma_at(model: Any, timestep: int) -> Tensor:
    """The sigma of a training timestep."""
    return model.get_model_object("model_sampling").sigmas[timestep]


def eps_of(guider: Any, x: Tensor, timestep: int) -> Tensor:
    """The noise predicted for the sample `x = √ᾱ·x0 + √(1−ᾱ)·ε` at a training timestep."""
    probe = Probe(x)
    sigma = sigma_at(guider.model_patcher, timestep)
    with torch.inference_mode():
        guider.sample(x, torch.zeros_like(x), probe, torch.stack([sigma, torch.zeros(())]), disable_pbar=True)
    return probe.eps


def eps_single(model: Any, positive: list, x: Tensor, timestep: int) -> Tensor:
    """The noise predicted under one condition, without guidance."""
    guider = comfy.samplers.CFGGuider(model)
    guider.set_conds(positive, positive)
    guider.set_cfg(1.0)
    return eps_of(guider, x, timestep)
