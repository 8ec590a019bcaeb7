"""Job after job, with new styles, prompts and sizes: what one leaves behind the next takes away."""

from __future__ import annotations

import gc

import comfy.model_management
import torch
from golden_video import GoldenVideo
from jobs import dual_guider, noise, run

WARM_UP, JOBS = 3, 8


def live_tensors() -> tuple[int, int]:
    """How many tensors are alive, and how many bytes they take."""
    gc.collect()
    tensors = [found for found in gc.get_objects() if type(found) in (torch.Tensor, torch.nn.Parameter)]
    return len(tensors), sum(tensor.nbytes for tensor in tensors)


def job(golden: GoldenVideo, number: int) -> None:
    run(dual_guider(golden, positive=golden.styled(number % 2)), noise(2 + number % 3, 6 + number, 8, number))
    if number % 2:
        comfy.model_management.unload_all_models()  # as the web page's button does


def test_jobs_leave_no_tensor_behind(golden: GoldenVideo) -> None:
    for number in range(WARM_UP):
        job(golden, number)
    before = live_tensors()
    for number in range(WARM_UP, WARM_UP + JOBS):
        job(golden, number)
    assert live_tensors() == before
