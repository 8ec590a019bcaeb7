"""How long a run takes: settled steps, validations, sample grids and checkpoints, each timed."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from ..data.plan import Kind
from ..loop import Training
from ..observe import Observer, SamplingSettings
from .data_check import times
from .passes import kinds_of
from .report import Section, duration

SETTLED = 3  # steps of each kind that count; one before them does not
MOST_STEPS = 16  # where one kind comes rarely
Result = TypeVar("Result")
SHORT, LONGER = 1, 3  # sampling steps of the pictures that are timed


def time_section(training: Training) -> Section:
    """What a run of the config takes from its first step to its end. Every process must call it.

    Takes real steps: the weights are not what they were afterwards, and nothing is written but a checkpoint.

    Args:
        training: with the config's own steps and samples; its run folder may be written to.
    """
    run, plan = training.config.run, training.setup.plan
    per_step = _steps(training)
    observer, opening = _timed(lambda: Observer(training.setup, training.engine))
    _, checkpoint = _timed(training.save)
    _, validation = _timed(observer.validate)
    kinds = Counter(plan.kind_at(step) for step in range(run.steps))
    rows = [
        *((f"steps on {kind}s", kinds[kind], seconds) for kind, seconds in per_step.items()),
        ("validations", times(run.steps, run.validate_every), validation),
        ("sample grids", times(run.steps, run.sample_every), _grid(observer)),
        ("checkpoints", times(run.steps, run.checkpoint_every), checkpoint),
    ]
    total = opening + sum(count * seconds for _, count, seconds in rows)
    lines = [
        f"{count} {what}, {seconds:.3g} s each: {duration(count * seconds)}" for what, count, seconds in rows
    ]
    lines.append(f"all of it, from the first step to the end: about {duration(total)}")
    return Section("Time", "\n".join(lines))


def _steps(training: Training) -> dict[Kind, float]:
    """Seconds of a settled step of each kind; steps in the order of the run, decoded as the run decodes."""
    plan = training.setup.plan
    seen: dict[Kind, list[float]] = {kind: [] for kind in kinds_of(plan)}
    batches = iter(training.setup.loader(0))
    for step in range(min(MOST_STEPS, training.config.run.steps)):
        if all(len(seconds) > SETTLED for seconds in seen.values()):
            break
        result = _timed(lambda: training.train_step(batches))
        seen[plan.kind_at(step)].append(result[1])
    return {kind: statistics.median(seconds[1:] or seconds) for kind, seconds in seen.items() if seconds}


def _grid(observer: Observer) -> float:
    """Seconds of a sample grid, from one and two pictures and two lengths of sampling.

    `t(n, s) = a + n · (b + c · s)` for n pictures of s steps.
    """
    references, prompts = observer.cells()
    if not references or not prompts:
        return 0.0
    settings = observer.settings()
    short, longer = (replace(settings, steps=steps) for steps in (SHORT, LONGER))

    def seconds(count: int, sampling: SamplingSettings) -> float:
        return _timed(lambda: observer.sampled(references[:1], [prompts[0]] * count, sampling))[1]

    seconds(1, short)  # the first one loads what later ones find
    one, two, long = seconds(1, short), seconds(2, short), seconds(1, longer)
    pictures = len(references) * len(prompts)
    per_step = max(0.0, (long - one) / (LONGER - SHORT))
    return one + (pictures - 1) * max(0.0, two - one) + pictures * per_step * (settings.steps - SHORT)


def _timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """What it gives, and the seconds it took."""
    started = time.perf_counter()
    result = work()
    return result, time.perf_counter() - started
