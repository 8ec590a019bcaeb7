"""What the style costs at the full-size U-Net, and what the dual sampler costs beside its passes."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import comfy.samplers
import torch
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


def inside_a_job(model: Any, positive: list, negative: list, x: Tensor, measure: Callable) -> Any:
    """What `measure(guider, options)` returns, called with everything loaded as in a job."""
    guider = StyleGuider(model, positive, negative, CFG_TEXT, CFG_STYLE)
    held = Held(measure)
    guider.sample(x, torch.zeros_like(x), held, torch.tensor([SIGMA, 0.0]), disable_pbar=True, seed=0)
    return held.result


def on_cpu(frames: int = 2, height: int = 8, width: int = 16, rounds: int = 5) -> None:
    """Ratios at the full-size U-Net in float32 with few, small frames."""
    plain, adapter = full_size.model(torch.float32), full_size.adapter()
    say(f"full-size U-Net, float32, {frames} frames of {height * 8}x{width * 8} pixels")
    compare(plain, adapter, torch.randn(frames, 4, height, width), rounds)


def compare(plain: Any, adapter: Any, x: Tensor, rounds: int) -> dict[str, list[float]]:
    """Print both ratios and the time of a pass; returns the seconds of everything measured.

    Args:
        plain: a video MODEL without adapter.
        adapter: a HostAdapter that fits it.
        x: [frames, 4, height / 8, width / 8] noise, one video.
        rounds: measured runs of each alternative.
    """
    patched = patch_model(plain, adapter)
    styled, empty = full_size.conditionings(adapter)

    def measure(guider: Any, options: dict) -> dict[str, list[float]]:
        at = x.to(guider.model_patcher.load_device)
        sigma = torch.full((len(x),), SIGMA, device=at.device)
        positive, negative = guider.conds["positive"], guider.conds["negative"]
        text = strip_style(positive)

        def predict(first: Any, second: Any, options: dict = options) -> None:
            comfy.samplers.calc_cond_batch(guider.inner_model, [first, second], at, sigma, options)
            _finish(at.device)

        def passes() -> None:
            predict(text, negative)
            predict(positive, None)

        def step() -> None:
            guider.predict_noise(at, sigma, options)
            _finish(at.device)

        return in_turn(
            {
                "styled pass": lambda: predict(positive, None),
                "unpatched pass": lambda: predict(text, None, _unpatched(options)),
                "step": step,
                "passes": passes,
            },
            rounds,
        )

    seconds = inside_a_job(patched, styled, empty, x, measure)
    say(f"  patched and styled over unpatched pass: {ratio(seconds, 'styled pass', 'unpatched pass')}")
    say(f"  dual guidance step over its passes alone: {ratio(seconds, 'step', 'passes')}")
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
        seconds = compare(plain, adapter, x, rounds)
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
