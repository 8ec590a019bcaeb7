"""A plain training loop that stops and goes on at any step, from the trainer's parts."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
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

WEIGHTS, SECONDS = "weights.safetensors", "seconds.txt"


@dataclass(frozen=True)
class Lesson:
    """How something is learnt.

    Attributes:
        folder: for the checkpoints.
        steps: optimiser steps; where there are minutes, the step at which all of them are used up counts as
            the last.
        optimiser: its class, learning rate, schedule, clipping and average, as in the trainer's configs.
        save_every, log_every: steps.
        minutes: time for all steps, those before a stop included: as many steps as fit, with the whole
            schedule of the learning rate. None takes the steps.
    """

    folder: Path
    steps: int
    optimiser: Optimiser
    save_every: int = 250
    log_every: int = 50
    minutes: float | None = None

    def done(self, step: int, seconds: float) -> float:
        """The share of the lesson that lies behind a step, 0 to 1."""
        return min(1.0, step / self.steps if self.minutes is None else seconds / (60 * self.minutes))

    def rate(self, step: int, seconds: float) -> float:
        """The learning rate of a step."""
        if self.minutes is None:
            return learning_rate(self.optimiser, step, self.steps)
        share = self.done(step, seconds)
        return learning_rate(self.optimiser, min(self.steps - 1, int(share * self.steps)), self.steps)


def learn(network: nn.Module, loss_of: Callable[[int], Tensor], lesson: Lesson) -> None:
    """Trains the network's parameters, and leaves their average in it where the lesson asks for one.

    What the loss draws by chance must be a function of the step alone: then a run that goes on from a
    checkpoint ends in the same numbers as one that was left alone; with minutes in place of steps it ends at
    the same time. Products are in bfloat16 on a graphics card, and where the processor computes them several
    times as fast. The loss is read only for the log, so that a card is never waited for in between.

    Args:
        loss_of: the loss of step 0, 1, ….
    """
    weights = {name: weight for name, weight in network.named_parameters() if weight.requires_grad}
    optimiser = make_optimiser(lesson.optimiser, weights.items())
    average = None if lesson.optimiser.ema is None else Average(weights, lesson.optimiser.ema)
    checkpoints = Checkpoints(lesson.folder, keep=2)
    step, before = _go_on(checkpoints, network, weights, optimiser, average)
    shown: list[Tensor] = []
    began, seconds = time.monotonic(), before
    while lesson.done(step, seconds) < 1:
        set_learning_rate(optimiser, lesson.rate(step, seconds))
        shown.append(
            take_step(optimiser, list(weights.values()), partial(loss_of, step), lesson.optimiser.max_norm)
        )
        if average is not None:
            average.update()
        step += 1
        seconds = before + time.monotonic() - began
        last = lesson.done(step, seconds) >= 1
        if step % lesson.log_every == 0 or last:
            log.info(
                "step %d, %.0f %%, loss %.4f",
                step,
                100 * lesson.done(step, seconds),
                torch.stack(shown).mean(),
            )
            shown.clear()
        if step % lesson.save_every == 0 or last:
            checkpoints.save(
                _progress(step, weights, optimiser, average), partial(_write_weights, network, seconds)
            )
    if average is not None:
        _put(weights, average.tensors())


def take_step(
    optimiser: torch.optim.Optimizer,
    weights: list[nn.Parameter],
    loss_of: Callable[[], Tensor],
    max_norm: float | None,
) -> Tensor:
    """One step of the optimiser; returns the loss, on its device. Nothing waits for a graphics card.

    Args:
        max_norm: that the gradient of all weights together is cut to.
    """
    device = weights[0].device.type
    with torch.autocast(device, torch.bfloat16, enabled=device != "cpu" or has_matrix_tiles()):
        loss = loss_of()
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    if max_norm is not None:
        nn.utils.clip_grad_norm_(weights, max_norm)
    optimiser.step()
    return loss.detach()


def normal(shape: Sequence[int], random: torch.Generator, device: torch.device) -> Tensor:
    """Standard normal values, drawn where they are needed.

    On a processor by the generator itself; on a graphics card by one of the card's, with the same seed: other
    numbers, but the same ones each time.
    """
    if device.type != "cpu":
        random = torch.Generator(device).manual_seed(random.initial_seed())
    return torch.randn(*shape, generator=random, device=device)


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
) -> tuple[int, float]:
    """Takes up the newest checkpoint, if there is one; returns the steps that are done, and their seconds."""
    latest = checkpoints.latest()
    if latest is None:
        return 0, 0.0
    progress = read_progress(latest)
    network.load_state_dict(load_file(latest / WEIGHTS))
    names = {name: number for number, name in enumerate(weights)}
    state = {names[name]: values for name, values in progress.optimiser["state"].items()}
    optimiser.load_state_dict({"state": state, "param_groups": progress.optimiser["param_groups"]})
    if average is not None:
        average.load(progress.average, progress.averaged)
    log.info("goes on from step %d", progress.step)
    took = latest / SECONDS
    return progress.step, float(took.read_text()) if took.is_file() else 0.0


def _write_weights(network: nn.Module, seconds: float, folder: Path) -> None:
    save_file(contiguous(network.state_dict()), folder / WEIGHTS)
    (folder / SECONDS).write_text(f"{seconds:.1f}\n")


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
