"""The training loop: steps, checkpoints, validation, sample grids, a clean end."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .average import Average
from .bar import Bar
from .checkpoint import Checkpoints, Progress, read_progress, step_of
from .data.samples import Sample
from .engine import Engine
from .finite import SkippedSteps, require_finite
from .metrics import Metrics
from .observe import Observer
from .optimiser import learning_rate, make_optimiser, set_learning_rate, switch_mode
from .outputs import load_outputs, whole_weights, write_outputs
from .setup import Setup
from .stages import trainable, trained_modules
from .stop import StopRequest
from .validation import BINS, bin_of

log = logging.getLogger(__name__)

CHECKPOINTS = "checkpoints"


@dataclass(frozen=True)
class StepResult:
    """What one step measured, over all processes.

    Attributes:
        losses, timesteps: [samples] unweighted losses and their timesteps; samples that failed are left out.
        norm: of the gradient before clipping.
        failures: reasons of this process's samples that could not be read.
        finite: whether losses and gradient are finite; if not, the step was skipped: no weight has changed.
    """

    losses: Tensor
    timesteps: Tensor
    norm: float
    failures: tuple[str, ...]
    finite: bool


class Training:
    """A run between two steps.

    Args:
        setup: what is trained.
        engine: how.
    """

    def __init__(self, setup: Setup, engine: Engine):
        self.setup, self.engine, self.config = setup, engine, setup.config
        units = trained_modules(setup.stage, setup.model, self.config)
        if units:
            engine.prepare(setup.model, units, lambda weights: make_optimiser(self.config.optimiser, weights))
            switch_mode(engine.optimiser, training=True)
        self.trained = trainable(setup.model)
        decay = self.config.optimiser.ema
        self.average = None if decay is None else Average(self.trained, decay)
        self.checkpoints = Checkpoints(self.config.run.dir / CHECKPOINTS, self.config.run.keep_checkpoints)
        self.step = 0

    def resume(self) -> None:
        """Go on from the newest checkpoint, if there is one. Every process must call it."""
        if self.engine.is_main:
            self.checkpoints.clear()
        latest = self.checkpoints.latest()
        if latest is None:
            log.info("No checkpoint in %s yet: starting at step 0", self.checkpoints.folder)
            return
        progress = read_progress(latest)
        self.engine.load_optimiser_state(progress.optimiser)
        load_outputs(latest, self.setup.model, self.trained)
        if self.average is not None:
            self.average.load(progress.average, progress.averaged)
        switch_mode(self.engine.optimiser, training=True)
        self.step = step_of(latest)
        log.info("Going on from %s", latest)

    def run(self, stop: StopRequest) -> bool:
        """All steps that are left; False where a request to stop ended it before.

        Raises:
            WeightFileError: a checkpoint cannot be written.
        """
        run = self.config.run
        metrics = Metrics(run.dir, self.step, run.tensorboard) if self.engine.is_main else None
        observer = Observer(self.setup, self.engine)
        batches = iter(self.setup.loader(self.step))
        saved = self.step if self.checkpoints.latest() else -1
        skipped = SkippedSteps(self.config)
        with (
            metrics or nullcontext(),
            Bar(self.step, run.steps, run.log_every, quiet=not self.engine.is_main) as bar,
        ):
            while self.step < run.steps:
                started = time.perf_counter()
                result = self.train_step(batches)
                self.step += 1
                measured = self._measured(result, time.perf_counter() - started)
                bar.show(self.step, measured)
                if metrics is not None:
                    metrics.write(self.step, "train", measured)
                    for failure in result.failures:
                        log.warning("Left out of step %d: %s", self.step, failure)
                self._judge(result, skipped)
                stopping = self.engine.any(stop.wanted)
                if stopping or self._due(run.checkpoint_every):
                    with self._usable():
                        self.save()
                    saved = self.step
                if stopping:
                    log.warning("Asked to stop: step %d is saved, go on with --resume", self.step)
                    break
                self._observe(observer, metrics)
            if self.step == run.steps and saved != self.step:
                with self._usable():
                    self.save()
        return self.step == run.steps

    @contextmanager
    def _usable(self) -> Iterator[None]:
        """Within it, the model has the weights that are to be used, should the optimiser train others."""
        switch_mode(self.engine.optimiser, training=False)
        yield
        switch_mode(self.engine.optimiser, training=True)

    def save(self) -> None:
        """A checkpoint of this step. Every process must call it.

        Raises:
            StyleCrafterError: something in it is not finite: earlier checkpoints stay.
            WeightFileError: it cannot be written; earlier checkpoints stay.
        """
        weights = whole_weights(self.setup.model, self.trained)
        optimiser = self.engine.optimiser_state()
        average = {} if self.average is None else self.average.tensors()
        progress = Progress(self.step, optimiser, average, 0 if self.average is None else self.average.steps)
        if self.engine.is_main:
            state = {**weights, **{f"average of {name}": value for name, value in average.items()}}
            state |= {f"optimiser of {name}": values for name, values in optimiser["state"].items()}
            self._require_finite(f"step {self.step} cannot be saved", state)
            self.checkpoints.save(
                progress, lambda folder: write_outputs(folder, self.setup.model, weights, self._about())
            )
        self.engine.wait()

    def export(self) -> None:
        """The run's result, averaged where an average is kept. Every process must call it."""
        if self.trained:
            switch_mode(self.engine.optimiser, training=False)
        weights = whole_weights(self.setup.model)
        if self.average is not None:
            weights |= self.average.tensors()
        if self.engine.is_main:
            self._require_finite("the result cannot be written", weights)
            write_outputs(self.config.run.dir, self.setup.model, weights, self._about())
        self.engine.wait()

    def train_step(self, batches: Iterator[list[Sample]]) -> StepResult:
        """One optimiser step on the next samples. Every process must call it."""
        set_learning_rate(self.engine.optimiser, self._learning_rate(self.step))
        passes = self.config.optimiser.accumulation
        parts: list[Tensor] = []
        failures: list[str] = []
        for number in range(passes):
            made = self.setup.pass_maker.make(next(batches))
            with self.engine.accumulating(last=number == passes - 1):
                losses = made.losses(self.engine.model(made.inputs))
                # Divided by all that were planned: a sample that could not be read counts nothing.
                self.engine.backward((losses * made.weights).mean() / passes)
            parts.append(torch.stack([losses.detach(), made.inputs.timesteps, made.weights > 0]))
            failures += made.failures
        norm = self.engine.clip(self.config.optimiser.max_norm or float("inf"))
        seen = torch.stack(list(self.engine.gather(torch.cat(parts, dim=1).T.contiguous())))
        losses, timesteps, counted = seen.T.cpu()
        losses, timesteps = losses[counted > 0], timesteps[counted > 0]
        finite = math.isfinite(norm) and bool(losses.isfinite().all())
        self.engine.step(finite)
        if finite and self.average is not None:
            self.average.update()
        return StepResult(losses, timesteps, float(norm), tuple(failures), finite)

    def _judge(self, result: StepResult, skipped: SkippedSteps) -> None:
        """Says that a step was skipped, and ends the run where that does not help. In every process."""
        words = f"loss {result.losses.mean().item():g}, norm of the gradient {result.norm:g}"
        if not result.finite:
            log.warning("Step %d is skipped, no weight changes: %s", self.step, words)
            self._require_finite(f"step {self.step} is the first that shows it", dict(self.trained))
        skipped.count(self.step, not result.finite, words, self.checkpoints.latest())

    def _require_finite(self, what: str, state: Any) -> None:
        require_finite(what, state, self.config, self.checkpoints.latest())

    def _learning_rate(self, step: int) -> float:
        return learning_rate(self.config.optimiser, step, self.config.run.steps)

    def _measured(self, result: StepResult, seconds: float) -> dict[str, Any]:
        steps = self.setup.pass_maker.schedule.steps
        bins = bin_of(result.timesteps, steps)
        per_bin = [result.losses[bins == number] for number in range(BINS)]
        planned = self.setup.plan.samples_at(self.step - 1)
        return {
            "loss": result.losses.mean().item() if len(result.losses) else None,
            "loss_per_bin": [part.mean().item() if len(part) else None for part in per_bin],
            "data": self.setup.plan.kind_at(self.step - 1),
            "lr": self._learning_rate(self.step - 1),
            "gradient_norm": result.norm,
            "skipped": not result.finite,
            "samples": len(result.losses),
            "left_out": planned - len(result.losses),
            "seconds": round(seconds, 4),
        }

    def _observe(self, observer: Observer, metrics: Metrics | None) -> None:
        run = self.config.run
        if not (self._due(run.validate_every) or self._due(run.sample_every)):
            return
        with self._usable():
            self._look(observer, metrics)

    def _look(self, observer: Observer, metrics: Metrics | None) -> None:
        run = self.config.run
        if self._due(run.validate_every):
            values = observer.validate()
            if metrics is not None and values:
                metrics.write(self.step, "validation", values)
        if self._due(run.sample_every):
            observer.draw(self.step)

    def _due(self, every: int) -> bool:
        return self.step % every == 0 or self.step == self.config.run.steps

    def _about(self) -> dict[str, str]:
        return {"stage": self.setup.stage.name, "step": str(self.step), "base": self.setup.base.name}
