"""A pack that brings context windows of its own, as the widespread one does: by exchanging two functions.

It exchanges `sampling_function` to announce itself in the options, and wraps `calc_cond_batch` to run it once
per window, with every condition entry that has one row per frame cut to the window.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import comfy.samplers
import pytest
import torch
from comfy.patcher_extension import WrappersMP
from golden_video import GoldenVideo
from jobs import CFG_STYLE, dual_guider, noise, relative_error, run
from torch import Tensor

WINDOWS = (range(4), range(4, 8))
FRAMES = 8
ANNOUNCED = "foreign_windows"


def in_windows(
    executor: Callable, model: Any, conds: list, x: Tensor, timestep: Tensor, options: dict
) -> list[Tensor]:
    """Every window on its own; fails without the announcement, as the pack's wrapper does."""
    assert options["transformer_options"][ANNOUNCED]
    parts = [
        executor(
            model,
            [group and [cut(cond, w) for cond in group] for group in conds],
            x[list(w)],
            timestep[list(w)],
            options,
        )
        for w in WINDOWS
    ]
    return [torch.cat(rows) for rows in zip(*parts, strict=True)]


def cut(cond: dict, window: range) -> dict:
    def entry(value: Any) -> Any:
        rows = getattr(value, "cond", None)
        per_frame = isinstance(rows, Tensor) and len(rows) == FRAMES
        return value._copy_with(rows[list(window)]) if per_frame else value

    return {**cond, "model_conds": {name: entry(value) for name, value in cond["model_conds"].items()}}


def with_windows(model: Any) -> Any:
    clone = model.clone()
    clone.add_wrapper_with_key(WrappersMP.CALC_COND_BATCH, "foreign", in_windows)
    return clone


@pytest.fixture(autouse=True)
def announced(monkeypatch: pytest.MonkeyPatch) -> None:
    host = comfy.samplers.sampling_function

    def announcing(
        model: Any,
        x: Tensor,
        timestep: Tensor,
        uncond: Any,
        cond: Any,
        cond_scale: float,
        model_options: dict,
        seed: int | None = None,
    ) -> Tensor:
        transformer_options = {**model_options["transformer_options"], ANNOUNCED: True}
        options = {**model_options, "transformer_options": transformer_options}
        return host(model, x, timestep, uncond, cond, cond_scale, options, seed)

    monkeypatch.setattr(comfy.samplers, "sampling_function", announcing)


def travelling(golden: GoldenVideo, frames: range = range(FRAMES)) -> list:
    """A prompt for every frame, with the style."""
    share = torch.linspace(0, 1, FRAMES)[list(frames), None, None]
    text = torch.lerp(golden.text(0)[0][0], golden.text(1)[0][0], share)
    return golden.run_node(
        "StyleCrafterApplyStyle",
        conditioning=[[text, {}]],
        style=golden.style(0),
        strength=1.0,
        start_at=0.0,
        end_at=1.0,
    )[0]


@pytest.mark.parametrize("style_first", [True, False])
@pytest.mark.parametrize("sampler", ["guider", "dual cfg on the model"])
def test_each_window_gets_the_style_of_its_own_frames(
    golden: GoldenVideo, style_first: bool, sampler: str
) -> None:
    """Windows that do not overlap give what two jobs of half the length give."""

    def guider(model: Any, positive: list) -> Any:
        if sampler == "guider":
            return dual_guider(golden, model=model, positive=positive)
        (model,) = golden.run_node("StyleCrafterDualCFG", model=model, cfg_style=CFG_STYLE)
        plain = comfy.samplers.CFGGuider(model)
        plain.set_conds(positive, golden.empty(0))
        plain.set_cfg(5.0)
        return plain

    def styled(model: Any) -> Any:
        return golden.run_node("StyleCrafterPatchModel", model=model, adapter=golden.adapter)[0]

    windowed = with_windows(golden.model) if style_first else styled(with_windows(golden.plain))
    start = noise(FRAMES)
    out = run(guider(windowed, travelling(golden)), start)
    apart = [run(guider(golden.model, travelling(golden, w)), start[list(w)]) for w in WINDOWS]
    assert relative_error(out, torch.cat(apart)) < 1e-5
