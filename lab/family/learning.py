"""A plain training loop that stops and goes on at any step, from the trainer's parts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from stylecrafter_core.training.average import Average
from stylecrafter_core.training.checkpoint import Checkpoints, Progress, read_progress
from stylecrafter_core.training.config.schema import Optimiser
from stylecrafter_core.training.optimiser import learning_rate, make_optimiser, set_learning_rate

log = logging.getLogger(__name__)

WEIGHTS = "weights.safetensors"


@dataclass(frozen=True)
class Lesson:
    """How something is learnt.

    Attributes:
        folder: for the checkpoints.
        steps: optimiser steps.
        optimiser: its class, learning rate, schedule, clipping and average, as in the trainer's configs.
        save_every, log_every: steps.
    """

    folder: Path
    steps: int
    optimiser: Optimiser
    save_every: int = 250
    log_every: int = 50


def learn(network: nn.Module, loss_of: Callable[[int], Tensor], lesson: Lesson) -> None:
    """Trains the network's parameters, and leaves their average in it where the lesson asks for one.

    What the loss draws by chance must be a function of the step alone: then a run that goes on from a
    checkpoint ends in the same numbers as one that was left alone. Products are in bfloat16 where the
    processor computes them several times as fast.

    Args:
        loss_of: the loss of step 0, 1, ….
    """
    weights = {name: weight for name, weight in network.named_parameters() if weight.requires_grad}
    optimiser = make_optimiser(lesson.optimiser, weights.items())
    average = None if lesson.optimiser.ema is None else Average(weights, lesson.optimiser.ema)
    checkpoints = Checkpoints(lesson.folder, keep=2)
    first = _go_on(checkpoints, network, weights, optimiser, average)
    shown: list[float] = []
    for step in range(first, lesson.steps):
        set_learning_rate(optimiser, learning_rate(lesson.optimiser, step, lesson.steps))
        with torch.autocast("cpu", torch.bfloat16, enabled=has_matrix_tiles()):
            loss = loss_of(step)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if lesson.optimiser.max_norm is not None:
            nn.utils.clip_grad_norm_(weights.values(), lesson.optimiser.max_norm)
        optimiser.step()
        if average is not None:
            average.update()
        shown.append(loss.item())
        done = step + 1
        if done % lesson.log_every == 0 or done == lesson.steps:
            log.info("step %d of %d, loss %.4f", done, lesson.steps, sum(shown) / len(shown))
            shown.clear()
        if done % lesson.save_every == 0 or done == lesson.steps:
            checkpoints.save(
                _progress(done, weights, optimiser, average),
                lambda folder: save_file(contiguous(network.state_dict()), folder / WEIGHTS),
            )
    if average is not None:
        _put(weights, average.tensors())


def has_matrix_tiles() -> bool:
    """Whether this processor multiplies bfloat16 matrices in units of its own (AMX)."""
    return bool(torch.cpu.get_capabilities().get("amx_tile", False))


def contiguous(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors in the one layout that safetensors takes."""
    return {name: tensor.contiguous() for name, tensor in tensors.items()}


def _go_on(
    checkpoints: Checkpoints,
    network: nn.Module,
    weights: dict[str, nn.Parameter],
    optimiser: torch.optim.Optimizer,
    average: Average | None,
) -> int:
    """Takes up the newest checkpoint, if there is one; returns the steps that are done."""
    latest = checkpoints.latest()
    if latest is None:
        return 0
    progress = read_progress(latest)
    network.load_state_dict(load_file(latest / WEIGHTS))
    names = {name: number for number, name in enumerate(weights)}
    state = {names[name]: values for name, values in progress.optimiser["state"].items()}
    optimiser.load_state_dict({"state": state, "param_groups": progress.optimiser["param_groups"]})
    if average is not None:
        average.load(progress.average, progress.averaged)
    log.info("goes on from step %d", progress.step)
    return progress.step


def _progress(
    step: int, weights: dict[str, nn.Parameter], optimiser: torch.optim.Optimizer, average: Average | None
) -> Progress:
    saved: dict[str, Any] = optimiser.state_dict()
    names = list(weights)
    state = {names[number]: values for number, values in saved["state"].items()}
    return Progress(
        step,
        {"state": state, "param_groups": saved["param_groups"]},
        {} if average is None else average.tensors(),
        0 if average is None else average.steps,
    )


def _put(weights: dict[str, nn.Parameter], values: dict[str, Tensor]) -> None:
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(values[name])
