"""Forward and backward passes that change nothing."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from ...errors import StyleCrafterError
from ..data.plan import Kind, Plan
from ..loop import Training

NOTHING_TRAINED = "nothing is trained (method.temporal_stage: false): the weights are written as they are"


@dataclass(frozen=True)
class Tried:
    """One pass over the first samples of a kind.

    Attributes:
        kind: pictures or videos.
        loss: mean over the samples that could be read; finite.
        failures: why the others could not.
    """

    kind: Kind
    loss: float
    failures: tuple[str, ...]

    def __str__(self) -> str:
        failures = "".join(f"\n  left out: {failure}" for failure in self.failures)
        return f"forward and backward on {self.kind}s: loss {self.loss:.4f}{failures}"


def kinds_of(plan: Plan) -> tuple[Kind, ...]:
    """What the steps are on."""
    streams: tuple[tuple[Kind, object], ...] = (("image", plan.images), ("video", plan.videos))
    return tuple(kind for kind, stream in streams if stream is not None)


def try_passes(training: Training) -> list[Tried]:
    """One forward and backward pass of each kind; weights stay, gradients are thrown away.

    Every process must call it.

    Raises:
        StyleCrafterError: a loss is infinite or no number.
    """
    return [_tried(training, kind) for kind in kinds_of(training.setup.plan)]


def _tried(training: Training, kind: Kind) -> Tried:
    setup, engine = training.setup, training.engine
    step = next(step for step in itertools.count() if setup.plan.kind_at(step) == kind)
    made = setup.pass_maker.make([setup.sample_maker[slot] for slot in next(setup.plan.passes_of(step))])
    with engine.accumulating(last=True):
        losses = made.losses(engine.model(made.inputs))
        engine.backward((losses * made.weights).mean())
    engine.optimiser.zero_grad()
    loss = losses.detach()[made.weights > 0].mean().item() if (made.weights > 0).any() else 0.0
    if not math.isfinite(loss):
        raise StyleCrafterError(
            f"The loss of the first pass on {kind}s is {loss}.",
            found=f"base.dtype {setup.config.base.dtype}, engine.precision {setup.config.engine.precision}",
            expected="a finite number",
            fix="use base.dtype: float32 and engine.precision: bf16, or look for damage in the weights",
        )
    return Tried(kind, loss, made.failures)
