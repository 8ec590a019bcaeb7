"""The host's context windows on a model whose frames are the batch."""

from __future__ import annotations

from typing import Any

import comfy.model_patcher
from comfy.context_windows import IndexListContextHandler
from comfy.patcher_extension import WrappersMP
from torch import Tensor

from .keys import FRAME_WINDOWS


class FrameWindows(IndexListContextHandler):
    """The host's handler, for a batch of frames.

    Differs: hosts up to at least 0.3.75 compare the whole batch of timesteps with the schedule, which fails
    unless there are as many frames as sigmas; all frames share one timestep, so one is compared here.
    """

    def __init__(self, handler: IndexListContextHandler):
        self.__dict__.update(handler.__dict__)

    def set_step(self, timestep: Tensor, model_options: dict) -> None:
        """Find the step of the schedule that this timestep belongs to."""
        super().set_step(timestep[:1], model_options)


def accept_context_windows(model: comfy.model_patcher.ModelPatcher) -> None:
    """Make the host's context windows work on a model that was just built, whatever sampler runs it."""
    model.add_wrapper_with_key(WrappersMP.PREDICT_NOISE, FRAME_WINDOWS, FrameWindowsWrapper())


class FrameWindowsWrapper:
    """Exchanges the host's handler for ours during one prediction; other packs' handlers are left alone."""

    def __deepcopy__(self, memo: dict) -> FrameWindowsWrapper:
        return self

    def __call__(
        self, executor: Any, x: Tensor, timestep: Tensor, model_options: dict, seed: int | None
    ) -> Tensor:
        handler = model_options.get("context_handler")
        if type(handler) is IndexListContextHandler:
            model_options = {**model_options, "context_handler": FrameWindows(handler)}
        return executor(x, timestep, model_options, seed)
