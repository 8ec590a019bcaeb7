"""What the style costs at a full-size U-Net, and what the dual sampler costs beside its passes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest import mock

import comfy.samplers
import psutil
import torch
from comfy.patcher_extension import WrappersMP
from environment import say
from torch import Tensor

from stylecrafter_core.comfy_host import networks, patch
from stylecrafter_core.comfy_host.conditioning import strip_style
from stylecrafter_core.comfy_host.guider import StyleGuider

from . import full_size
from .timing import in_turn, ratio

CFG_TEXT, CFG_STYLE = 16.0, 8.5
SIGMA = 1.0
SDXL_GIBIBYTES = 14  # float32 weights of U-Net and adapter, and room to work


class Held(comfy.samplers.Sampler):
    """A sampler that runs a measurement where a job would run its steps."""

    def __init__(self, measure: Callable[[Any, dict], object]):
        self.measure = measure

    def sample(
        self, model_wrap: Any, sigmas: Tensor, extra_args: dict, callback: Any, noise: Tensor, *_: Any
    ) -> Tensor:
        self.result = self.measure(model_wrap, extra_args["model_options"])
        return noise


class Stopwatch:
    """Sums the seconds that are spent in the calls which go through it."""

    def __init__(self, clock: Callable[[], float], device: torch.device):
        self.clock, self.device, self.seconds = clock, device, 0.0

    def __deepcopy__(self, memo: dict) -> Stopwatch:
        return self

    def __call__(self, call: Callable, *args: Any, **kwargs: Any) -> Any:
        _finish(self.device)
        start = self.clock()
        out = call(*args, **kwargs)
        _finish(self.device)
        self.seconds += self.clock() - start
        return out

    def taken(self) -> float:
        """The seconds since the last question."""
        seconds, self.seconds = self.seconds, 0.0
        return seconds


def inside_a_job(model: Any, positive: list, negative: list, x: Tensor, measure: Callable) -> Any:
    """What `measure(guider, options)` returns, called with everything loaded as in a job."""
    guider = StyleGuider(model, positive, negative, CFG_TEXT, CFG_STYLE)
    held = Held(measure)
    guider.sample(x, torch.zeros_like(x), held, torch.tensor([SIGMA, 0.0]), disable_pbar=True, seed=0)
    return held.result


def video_on_cpu(frames: int = 2, height: int = 8, width: int = 16, rounds: int = 8) -> None:
    """Both ratios at the published video U-Net: few, small frames. See `_on_cpu`."""
    say(f"video U-Net at full size, float32, {frames} frames of {height * 8}x{width * 8} pixels")
    _on_cpu(full_size.video_model, full_size.video_adapter, torch.randn(frames, 4, height, width), rounds)


def sdxl_on_cpu(height: int = 16, width: int = 16, rounds: int = 8) -> None:
    """Both ratios at the published SDXL U-Net and adapter: one small picture. See `_on_cpu`.

    Left out where there is no room for the weights.
    """
    free = psutil.virtual_memory().available / 2**30
    if free < SDXL_GIBIBYTES:
        say(f"sdxl: left out, it takes {SDXL_GIBIBYTES} GiB of memory and {free:.0f} GiB are free")
        return
    say(f"SDXL U-Net at full size, float32, one picture of {height * 8}x{width * 8} pixels")
    _on_cpu(full_size.sdxl_model, full_size.sdxl_adapter, torch.randn(1, 4, height, width), rounds)


def wan_on_cpu(blocks: int = 4, rounds: int = 6) -> None:
    """Both ratios at the width of Wan 2.1 T2V 1.3B and StyleMaster: some of the 30 equal blocks, few tokens.

    See `_on_cpu`.
    """
    say(f"Wan 1.3B at full width, {blocks} of 30 blocks, float32, 5 frames of 64x128 pixels")
    model = partial(full_size.wan_model, blocks=blocks)
    adapter = partial(full_size.wan_adapter, blocks)
    _on_cpu(model, adapter, torch.randn(1, 16, 2, 8, 16), rounds)


def _on_cpu(make_model: Callable, make_adapter: Callable, x: Tensor, rounds: int) -> None:
    """In float32, in processor time of one thread: what else runs on the machine changes that less."""
    torch.set_num_threads(1)
    compare(make_model(torch.float32), make_adapter(), x, rounds, time.process_time)


def compare(
    plain: Any, adapter: Any, x: Tensor, rounds: int, clock: Callable[[], float]
) -> dict[str, list[float]]:
    """Print both ratios, the share of the style and the time of a pass; returns the seconds of all of them.

    Args:
        plain: a MODEL without adapter.
        adapter: a HostAdapter that fits it.
        x: noise of one video or some pictures, in the model's layout.
        rounds: measured runs of each kind of pass. Steps, which differ less, run a quarter as often.
        clock: seconds, from any beginning.
    """
    patched = patch.patch_model(plain, adapter)
    styled, empty = full_size.conditionings(adapter)
    passes = Stopwatch(clock, plain.load_device)
    patched.add_wrapper_with_key(WrappersMP.DIFFUSION_MODEL, "stopwatch", passes)
    steps = -(-rounds // 4)

    def measure(guider: Any, options: dict) -> dict[str, list[float]]:
        job = Alternatives(guider, options, x, passes)
        seconds = in_turn({"styled pass": job.styled, "unpatched pass": job.unpatched}, rounds, clock)
        seconds |= in_turn({"step": job.step, "watched pass": job.watched}, steps, clock)
        inside = {"passes of the step": job.passes_of_steps, "style terms": job.style_terms}
        return seconds | {name: times[-steps:] for name, times in inside.items()}

    seconds = inside_a_job(patched, styled, empty, x, measure)
    say(f"  patched and styled over unpatched pass: {ratio(seconds, 'styled pass', 'unpatched pass')}")
    say(f"  style terms alone over their pass: {ratio(seconds, 'style terms', 'watched pass')}")
    say(f"  dual guidance step over its passes alone: {ratio(seconds, 'step', 'passes of the step')}")
    say(f"  an unpatched pass takes {statistics.median(seconds['unpatched pass']):.3g} s")
    return seconds


class Alternatives:
    """What is measured inside a job of the guider.

    Attributes:
        passes_of_steps: seconds that each step spent in the diffusion model.
        style_terms: seconds that each watched pass spent on the style.
    """

    def __init__(self, guider: Any, options: dict, x: Tensor, passes: Stopwatch):
        self.guider, self.options, self.passes = guider, options, passes
        self.x = x.to(guider.model_patcher.load_device)
        self.sigma = torch.full((len(x),), SIGMA, device=self.x.device)
        self.positive = guider.conds["positive"]
        self.passes_of_steps: list[float] = []
        self.style_terms: list[float] = []

    def styled(self) -> None:
        """One pass with a style."""
        self._predict(self.positive, self.options)

    def unpatched(self) -> None:
        """The same pass on a MODEL that was never patched."""
        transformer_options = {**self.options["transformer_options"], "wrappers": {}}
        options = {**self.options, "transformer_options": transformer_options}
        self._predict(strip_style(self.positive), options)

    def step(self) -> None:
        """Three passes, and the guidance."""
        self.passes.taken()
        self.guider.predict_noise(self.x, self.sigma, self.options)
        _finish(self.x.device)
        self.passes_of_steps.append(self.passes.taken())

    def watched(self) -> None:
        """One pass with a style, and a stopwatch around its style terms."""
        terms = Stopwatch(self.passes.clock, self.x.device)
        with mock.patch.object(networks, "add_style", partial(terms, networks.add_style)):
            self.styled()
        self.style_terms.append(terms.taken())

    def _predict(self, conds: Any, options: dict) -> None:
        model = self.guider.inner_model
        comfy.samplers.calc_cond_batch(model, [conds, None], self.x, self.sigma, options)
        _finish(self.x.device)


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
