"""What can be known before a run: all of it (`train.py preflight`), or whether it would start (dry run)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch.distributed as dist

from ...errors import InputError, StyleCrafterError
from ..config import Config
from ..engine import Engine
from ..loop import Training
from ..run import engine_for
from ..run_folder import CONFIG, check_free
from ..setup import set_up
from ..stages import Stage, StageName, frozen_and_trained, stage_of, trainable
from .data_check import buckets, decoded, schedule
from .passes import NOTHING_TRAINED, try_passes
from .rehearsal import rehearse
from .report import PreflightReport, Section, report_of
from .room import disk, memory, parent_that_exists


def preflight(name: StageName, config: Config, *, cpu: bool) -> PreflightReport:
    """Decode all data, check the config and how everything fits, take one step, save it and read it back,
    estimate memory and disk.

    Nothing stays: the step's files lie in a temporary folder beside the run's.

    Args:
        name: the stage.
        cpu: the host computes on the CPU.

    Returns:
        What was found. A check that cannot be made because of an error before it is left out, and the report
        has not passed.
    """
    sections: list[Section] = []
    stage = stage_of(name, config)
    with engine_for(config, cpu, stage) as engine:
        try:
            for section in _sections(stage, config, engine):
                sections.append(section)
        except StyleCrafterError as problem:
            sections.append(Section("Refused", str(problem), passed=False))
    report = report_of(sections)
    # One process speaks for all of them.
    return report if engine.is_main else PreflightReport("", report.passed)


def dry_run(name: StageName, config: Config, *, cpu: bool) -> str:
    """Load and check everything and compute one forward and backward pass of each kind; no step is taken.

    Nothing is written.

    Args:
        name: the stage.
        cpu: the host computes on the CPU.

    Returns:
        What was found, for people.

    Raises:
        StyleCrafterError: the run would be refused.
    """
    stage = stage_of(name, config)
    with engine_for(config, cpu, stage) as engine:
        setup = set_up(stage, config, engine)
        trains = bool(trainable(setup.model))
        tried = map(str, try_passes(Training(setup, engine))) if trains else [NOTHING_TRAINED]
        table, folder = frozen_and_trained(setup.model), _run_folder(config).text
        return "\n".join([table, *tried, folder, "Dry run: nothing was written."])


def _sections(stage: Stage, config: Config, engine: Engine) -> Iterator[Section]:
    yield _run_folder(config)
    if engine.is_main:
        yield decoded(config.data)
    setup = set_up(stage, config, engine)
    yield buckets(setup.data, setup.plan, config.data)
    yield schedule(setup.plan, config)
    yield Section("Frozen and trained", frozen_and_trained(setup.model))
    if not trainable(setup.model):
        yield Section("Rehearsal", NOTHING_TRAINED)
        return
    yield memory(setup, engine)
    with _shared_folder(config, engine) as folder:
        rehearsal = rehearse(setup, engine, folder)
    yield rehearsal.section
    yield rehearsal.time
    yield disk(setup, rehearsal)


def _run_folder(config: Config) -> Section:
    """Whether a new run may begin there; a run that is there may go on. Nothing is made."""
    folder = config.run.dir
    if (folder / CONFIG).exists():
        return Section("Run folder", f"{folder} holds a run: go on with --resume; a new one is refused")
    try:
        check_free(config)
    except InputError as problem:
        return Section("Run folder", str(problem), passed=False)
    return Section("Run folder", f"{folder} is free")


@contextmanager
def _shared_folder(config: Config, engine: Engine) -> Iterator[Path]:
    """A folder on the run's disk that is gone afterwards, the same for every process.

    Raises:
        InputError: nothing can be written there.
    """
    place = parent_that_exists(config.run.dir)
    made: tempfile.TemporaryDirectory | None = None
    if engine.is_main:
        try:
            made = tempfile.TemporaryDirectory(prefix=".preflight-", dir=place)
        except OSError as problem:
            raise InputError(
                f"The run folder {config.run.dir} cannot be made.",
                found=f"{place}: {problem.strerror}",
                expected="a folder that can be written to",
                fix="choose another run.dir",
            ) from problem
    try:
        yield Path(_from_main(None if made is None else made.name, engine))
    finally:
        engine.wait()
        if made is not None:
            made.cleanup()


def _from_main(text: str | None, engine: Engine) -> str:
    """The main process's text, in every process."""
    texts: list[str | None] = [text]
    if engine.processes > 1:
        dist.broadcast_object_list(texts, src=0)
    return str(texts[0])
