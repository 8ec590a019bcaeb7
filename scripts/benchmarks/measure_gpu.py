"""What a real job costs on a graphics card: time of a step, peak memory, share of the matrix rate."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from environment import say
from torch import Tensor

from stylecrafter_core.comfy_host.adapter import HostAdapter

from . import full_size
from .measure_unet import SIGMA, compare, inside_a_job
from .timing import in_turn
from .training_step import TRAINING, TrainingJob, TrainingStep


@dataclass(frozen=True)
class Case:
    """One job of the published size."""

    name: str
    dtype: torch.dtype
    model: Callable[[torch.dtype], Any]
    adapter: Callable[[], HostAdapter]
    shape: tuple[int, int, int, int]
    expected: float  # GiB at most, from the fake card: docs/benchmarks.md


VIDEO = (full_size.video_model, full_size.video_adapter, (16, 4, 40, 64))
SDXL = (full_size.sdxl_model, full_size.sdxl_adapter, (1, 4, 128, 128))
MODELS = {"video": full_size.video_model, "sdxl": full_size.sdxl_model, "wan": full_size.wan_model}
CASES = (
    Case("video, 16 frames of 320x512 pixels", torch.bfloat16, *VIDEO, expected=4.86),
    Case("video, 16 frames of 320x512 pixels", torch.float16, *VIDEO, expected=4.86),
    Case("SDXL, 1024x1024 pixels", torch.float16, *SDXL, expected=6.86),
)


def report(rounds: int = 10) -> None:
    """Print it for every case."""
    say(f"gpu: {torch.cuda.get_device_name()}")
    for case in CASES:
        say(f"full-size {case.name}, {case.dtype}")
        _report_case(case, rounds)
    for job in TRAINING:
        say(f"training step of {job.name}, {job.dtype}")
        _report_training(job)
        torch.cuda.empty_cache()


def _report_case(case: Case, rounds: int) -> None:
    plain, adapter, x = case.model(case.dtype), case.adapter(), torch.randn(case.shape)
    without = _peak_gibibytes(lambda: _plain_step(plain, adapter, x))
    seconds: dict[str, list[float]] = {}
    with_style = _peak_gibibytes(
        lambda: seconds.update(compare(plain, adapter, x, rounds, time.perf_counter))
    )
    step, one = (statistics.median(seconds[name]) for name in ("step", "unpatched pass"))
    rate, share = _matrix_rate(case.dtype), pass_operations(plain, x, adapter.spec.context_dim) / one
    say(f"  {step * 1e3:.0f} ms a step of three passes, {one * 1e3:.0f} ms an unpatched pass")
    say(f"  {with_style:.1f} GiB at most, {case.expected:.1f} expected by the fake card")
    say(f"  {without:.1f} GiB for the same job without style and adapter")
    say(f"  a pass runs at {share / rate:.0%} of the measured matrix rate, {rate / 1e12:.0f} TFLOP/s")


def _report_training(job: TrainingJob, rounds: int = 3) -> None:
    device = torch.device("cuda")
    step = TrainingStep(job, MODELS[job.family](job.dtype).model.diffusion_model)
    step.model.to(device)

    def run() -> None:
        step.run(device)
        torch.cuda.synchronize()

    peak = _peak_gibibytes(run)
    seconds = statistics.median(in_turn({"step": run}, rounds)["step"])
    say(f"  {seconds * 1e3:.0f} ms, {peak:.1f} GiB at most")


def _plain_step(plain: Any, adapter: HostAdapter, x: Tensor) -> None:
    """One step with two conditions of the adapter's sizes, without the adapter."""
    _, empty = full_size.conditionings(adapter)
    inside_a_job(plain, empty, empty, x, lambda guider, options: _predict(guider, options, x))


def _predict(guider: Any, options: dict, x: Tensor) -> None:
    at = x.to(guider.model_patcher.load_device)
    guider.predict_noise(at, torch.full((len(x),), SIGMA, device=at.device), options)


def _peak_gibibytes(run: Callable[[], object]) -> float:
    torch.cuda.reset_peak_memory_stats()
    run()
    return torch.cuda.max_memory_allocated() / 2**30


def _matrix_rate(dtype: torch.dtype, size: int = 8192, rounds: int = 20) -> float:
    """Operations per second of a large matrix product."""
    a = torch.randn(size, size, device="cuda", dtype=dtype)
    seconds = in_turn({"product": lambda: (a @ a, torch.cuda.synchronize())}, rounds)["product"]
    return 2 * size**3 / min(seconds)


def pass_operations(plain: Any, x: Tensor, context_dim: int) -> float:
    """Additions and multiplications of one unpatched pass over [rows, 4, h, w], counted by torch."""
    from torch.utils.flop_counter import FlopCounterMode

    rows, network = len(x), plain.model.diffusion_model
    x = x.to(plain.load_device, plain.model.get_dtype())
    timesteps, text = (
        x.new_full((rows,), 500.0),
        x.new_zeros(rows, full_size.TEXT_TOKENS["video"], context_dim),
    )
    sizes = {"y": x.new_zeros(rows, plain.model.adm_channels)} if plain.model.adm_channels else {}
    with FlopCounterMode(display=False) as counter:
        network(x, timesteps, text, **sizes)
    return float(counter.get_total_flops())
