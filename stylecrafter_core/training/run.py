"""`train.py style` and `train.py temporal`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from ..errors import InputError
from .config import Config
from .engine import Engine, make_engine
from .loop import Training
from .run_folder import check_free, locked, open_run
from .setup import Setup, set_up
from .stages import Stage, StageName, frozen_and_trained, stage_of
from .stop import StopRequest

log = logging.getLogger(__name__)


def train(
    name: StageName, config: Config, *, resume: bool, cpu: bool, accept_changed_files: bool = False
) -> bool:
    """Run a stage to its end, or until it is asked to stop.

    Args:
        name: the stage.
        resume: go on in a run folder; a folder without a checkpoint starts at step 0.
        cpu: the host computes on the CPU.
        accept_changed_files: go on although manifests or weight files have changed since the start.

    Returns:
        Whether all steps are done.

    Raises:
        StyleCrafterError: refused before the first step; the run folder is as it was.
    """
    stage = stage_of(name, config)
    if not resume:
        check_free(config)
    with engine_for(config, cpu, stage) as engine, ExitStack() as held:
        if engine.is_main:
            held.enter_context(locked(config.run.dir))
        setup = set_up(stage, config, engine)
        log.info("%s", frozen_and_trained(setup.model))
        training = Training(setup, engine)
        if engine.is_main:
            open_run(config, name, sys.argv, resume, accept_changed_files)
        engine.wait()
        if resume:
            training.resume()
        with StopRequest() as stop:
            finished = training.run(stop) if steps_left(setup, training) else True
        if finished:
            training.export()
            log.info("Done: %s", config.run.dir)
        return finished


def steps_left(setup: Setup, training: Training) -> bool:
    """Whether there is anything to train; without a temporal stage there is not."""
    if not training.trained:
        log.info("Nothing is trained (method.temporal_stage: false): the weights are written as they are")
        return False
    if training.step > setup.config.run.steps:
        raise InputError(
            f"The run in {setup.config.run.dir} is further than it is to go.",
            found=f"{training.step} steps are done, run.steps is {setup.config.run.steps}",
            expected=f"run.steps of {training.step} or more",
            fix="set run.steps to what was meant, or use the checkpoint's files as they are",
        )
    return training.step < setup.config.run.steps


@contextmanager
def engine_for(config: Config, cpu: bool, stage: Stage | None = None) -> Iterator[Engine]:
    """The engine, closed at the end; without a stage it trains nothing."""
    # Pictures pass the temporal blocks without queries, keys and positions.
    engine = make_engine(config.engine, cpu, some_unused=stage is not None and stage.trains_temporal)
    log.info("Engine: %s, %d processes, %s", config.engine.kind, engine.processes, engine.device)
    if not engine.is_main:
        logging.getLogger(__package__.partition(".")[0]).setLevel(logging.WARNING)
    try:
        yield engine
    finally:
        engine.close()
