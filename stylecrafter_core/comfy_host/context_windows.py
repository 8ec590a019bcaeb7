"""The host's context windows on a model whose frames are the batch."""

from __future__ import annotations

from typing import Any

import comfy.model_patcher
from comfy.context_windows import IndexListContextHandler
from comfy.patcher_extension import WrappersMP
from torch import Tensor

from ..errors import InputError
from ..temporal import check_frames
from .keys import FRAME_WINDOWS, NUM_FRAMES


class FrameWindows(IndexListContextHandler):
    """The host's handler, for a batch of frames.

    Differs: hosts up to at least 0.3.75 compare the whole batch of timesteps with the schedule, which fails
    unless there are as many frames as sigmas; all frames share one timestep, so one is compared here. Newer
    hosts put an earlier frame before every window but the first, for autoencoders whose first latent frame
    is special; here every frame is a latent of its own, and a window holds its frames alone.
    """

    def __init__(self, handler: IndexListContextHandler):
        self.__dict__.update(handler.__dict__)
        self.causal_window_fix = False

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
            options = _for_windows(model_options["transformer_options"], len(x), handler)
            model_options = {
                **model_options,
                "context_handler": FrameWindows(handler),
                "transformer_options": options,
            }
        return executor(x, timestep, model_options, seed)


def _for_windows(options: dict, rows: int, handler: IndexListContextHandler) -> dict:
    """The transformer_options without a video length, which says nothing about the frames of a window.

    Raises:
        InputError: the latent holds several videos, so that windows would lie across two of them.
    """
    num_frames = options.get(NUM_FRAMES)
    if num_frames is None or handler.dim != 0 or rows <= handler.context_length:
        return options
    check_frames(rows, num_frames)
    if num_frames < rows:
        raise InputError(
            "Context windows cannot slide over several videos in one latent.",
            found=f"{rows} latent frames in videos of {num_frames}, and windows of {handler.context_length}",
            expected="one video in the latent, or no context windows",
            fix="sample the videos one by one (batch_size 1 of the empty video latent), or take the context "
            "window node out",
        )
    return {name: value for name, value in options.items() if name != NUM_FRAMES}
