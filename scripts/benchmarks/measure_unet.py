"""What the style costs at the full-size U-Net, and what the dual sampler costs beside its passes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import comfy.samplers
import torch
from comfy.patcher_extension import WrappersMP
from environment import say
from torch import Tensor

from stylecrafter_core.comfy_host.conditioning import strip_style
from stylecrafter_core.comfy_host.guider import StyleGuider
from stylecrafter_core.comfy_host.patch import patch_model

from . import full_size
from .timing import in_turn, ratio

CFG_TEXT, CFG_STYLE = 16.0, 8.5
SIGMA = 1.0


class Held(comfy.samplers.Sampler):
    """A sampler that runs a measurement where a job would run its steps."""

    def __init__(self, measure: Callable[[Any, dict], object]):
        self.measure = measure

    def sample(
        self, model_wrap: Any, sigmas: Tensor, extra_args: dict, callback: Any, noise: Tensor, *_: Any
    ) -> Tensor:
        self.result = self.measure(model_wrap, extra_args["model_options"])
        return noise


class PassTimer:
    """Sums the seconds that are spent in calls of the diffusion model."""

    def __init__(self, clock: Callable[[], float], device: torch.device):
        self.clock, self.device, self.seconds = clock, device, 0.0

    def __deepcopy__(self, memo: dict) -> PassTimer:
        return self

    def __call__(self, executor: Any, *args: Any, **kwargs: Any) -> Any:
        _finish(self.device)
        start = self.clock()
        out = executor(*args, **kwargs)
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


def on_cpu(frames: int = 2, height: int = 8, width: int = 16, rounds: int = 8) -> None:
    """Ratios at the full-size U-Net in float32 with few, small frames, in processor time of one thread.

    What else runs on the machine changes that less than the time on the wall.
    """
    torch.set_num_threads(1)
    plain, adapter = full_size.model(torch.float32), full_size.adapter()
    say(f"full-size U-Net, float32, {frames} frames of {height * 8}x{width * 8} pixels")
    compare(plain, adapter, torch.randn(frames, 4, height, width), rounds, time.process_time)


def compare(
    plain: Any, adapter: Any, x: Tensor, rounds: int, clock: Callable[[], float]
) -> dict[str, list[float]]:
    """Print both ratios and the time of a pass; returns the seconds of everything measured.

    Args:
        plain: a video MODEL without adapter.
        adapter: a HostAdapter that fits it.
        x: [frames, 4, height / 8, width / 8] noise, one video.
        rounds: measured runs of each alternative.
        clock: seconds, from any beginning.
    """
    patched = patch_model(plain, adapter)
    styled, empty = full_size.conditionings(adapter)
    timer = PassTimer(clock, plain.load_device)
    patched.add_wrapper_with_key(WrappersMP.DIFFUSION_MODEL, "pass_timer", timer)
    passes: list[float] = []

    def measure(guider: Any, options: dict) -> dict[str, list[float]]:
        at = x.to(guider.model_patcher.load_device)
        sigma = torch.full((len(x),), SIGMA, device=at.device)
        positive, text = guider.conds["positive"], strip_style(guider.conds["positive"])

        def predict(conds: Any, options: dict) -> None:
            comfy.samplers.calc_cond_batch(guider.inner_model, [conds, None], at, sigma, options)
            _finish(at.device)

        def step() -> None:
            timer.taken()
            guider.predict_noise(at, sigma, options)
            _finish(at.device)
            passes.append(timer.taken())

        return in_turn(
            {
                "styled pass": lambda: predict(positive, options),
                "unpatched pass": lambda: predict(text, _unpatched(options)),
                "step": step,
            },
            rounds,
            clock,
        )

    seconds = inside_a_job(patched, styled, empty, x, measure)
    seconds["passes of the step"] = passes[-rounds:]
    say(f"  patched and styled over unpatched pass: {ratio(seconds, 'styled pass', 'unpatched pass')}")
    say(f"  dual guidance step over its passes alone: {ratio(seconds, 'step', 'passes of the step')}")
    say(f"  an unpatched pass takes {statistics.median(seconds['unpatched pass']):.3g} s")
    return seconds


def _unpatched(options: dict) -> dict:
    """The options of the same job on a MODEL that was never patched."""
    return {**options, "transformer_options": {**options["transformer_options"], "wrappers": {}}}


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def on_gpu(rounds: int = 10) -> None:
    """16 frames of 320×512 in bfloat16 and float16: time, peak memory, share of the card's matrix rate."""
    device = torch.device("cuda")
    say(f"gpu: {torch.cuda.get_device_name(device)}")
    for dtype in (torch.bfloat16, torch.float16):
        plain, adapter = full_size.model(dtype), full_size.adapter()
        x = torch.randn(16, 4, 40, 64)
        rate = _matrix_rate(dtype)
        operations = pass_operations(plain, x.to(device, dtype), adapter.spec.context_dim)
        torch.cuda.reset_peak_memory_stats()
        say(f"full-size U-Net, {dtype}, 16 frames of 320x512 pixels")
        seconds = compare(plain, adapter, x, rounds, time.perf_counter)
        step, one = (statistics.median(seconds[name]) for name in ("step", "unpatched pass"))
        peak = torch.cuda.max_memory_allocated() / 2**30
        say(f"  {step * 1e3:.0f} ms a step of three passes, {peak:.1f} GiB at most")
        say(
            f"  a pass runs at {operations / one / rate:.0%} of the measured matrix rate, "
            f"{rate / 1e12:.0f} TFLOP/s"
        )
        del plain, adapter


def _matrix_rate(dtype: torch.dtype, size: int = 8192, rounds: int = 20) -> float:
    """Operations per second of a large matrix product."""
    a = torch.randn(size, size, device="cuda", dtype=dtype)
    seconds = in_turn({"product": lambda: (a @ a, torch.cuda.synchronize())}, rounds)["product"]
    return 2 * size**3 / min(seconds)


def pass_operations(plain: Any, x: Tensor, context_dim: int) -> float:
    """Additions and multiplications of one unpatched pass over [frames, 4, h, w], counted by torch."""
    from torch.utils.flop_counter import FlopCounterMode

    timesteps = torch.full((len(x),), 500.0, device=x.device)
    text = x.new_zeros(len(x), full_size.TEXT_TOKENS, context_dim)
    with FlopCounterMode(display=False) as counter:
        plain.model.diffusion_model(x, timesteps, text)
    return float(counter.get_total_flops())
