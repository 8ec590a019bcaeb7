"""One whole step in another folder: trained, validated, sampled, saved, read back and compared."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import torch
from torch import Tensor
from torch.distributed.tensor import DTensor

from ...errors import StyleCrafterError
from ..engine import Engine
from ..loop import CHECKPOINTS, Training
from ..metrics import FILE
from ..outputs import whole_weights
from ..setup import Setup
from ..stop import StopRequest
from .passes import try_passes
from .report import Section, bytes_in, size
from .time_needed import time_section


@dataclass(frozen=True)
class Rehearsal:
    """What a step and its checkpoint turned out to be.

    Attributes:
        section: for the report.
        checkpoint_bytes: of one checkpoint.
        samples_bytes: of one sample grid.
        metrics_bytes: of one step in metrics.jsonl.
        time: section of the report: how long the run takes.
    """

    section: Section
    checkpoint_bytes: int
    samples_bytes: int
    metrics_bytes: int
    time: Section


def rehearse(setup: Setup, engine: Engine, folder: Path) -> Rehearsal:
    """Everything that a run does, once, with files in `folder`. Every process must call it.

    The state that was saved is wiped out of the model and the optimiser, read back as `--resume` does it and
    compared bit by bit.

    Raises:
        StyleCrafterError: a loss is no number, a file cannot be written, memory does not suffice.
    """
    training = Training(replace(setup, config=_short(setup, folder)), engine)
    try:
        tried = try_passes(training)
        training.run(StopRequest())
    except torch.OutOfMemoryError as problem:
        raise _too_large(setup, problem) from problem
    lines = [*map(str, tried), _step_line(folder, setup), _memory_line(engine)]
    differences = _read_back(training)
    if differences:
        lines.append(f"what was saved is not what is read: {', '.join(differences[:5])}")
    else:
        lines.append("the checkpoint was saved, read back as --resume does it, and is equal bit by bit")
    checkpoint, samples, metrics = (bytes_in(folder / name) for name in (CHECKPOINTS, "samples", FILE))
    run = setup.config.run.model_copy(update={"dir": folder})
    training.config = setup.config.model_copy(update={"run": run})
    training.setup = replace(setup, config=training.config)
    section = Section("Rehearsal", "\n".join(lines), not differences)
    return Rehearsal(section, checkpoint, samples, metrics, time_section(training))


def _short(setup: Setup, folder: Path) -> Any:
    """The same config for one step, with sample grids of one step."""
    config = setup.config
    run = config.run.model_copy(update={"dir": folder, "steps": 1, "tensorboard": False})
    return config.model_copy(update={"run": run, "samples": config.samples.model_copy(update={"steps": 1})})


def _read_back(training: Training) -> list[str]:
    """Names of what differs after it was wiped and read from the checkpoint."""
    before = _state(training)
    with torch.no_grad():
        for weight in training.trained.values():
            weight.zero_()
        training.engine.optimiser.state.clear()
        if training.average is not None:
            training.average.load({name: torch.zeros_like(t) for name, t in before["average"].items()}, 0)
    training.resume()
    return _differences(before, _state(training))


def _state(training: Training) -> dict[str, Any]:
    """A copy of all that a checkpoint must bring back."""
    average = training.average
    state = {
        "weights": whole_weights(training.setup.model),
        "optimiser": training.engine.optimiser_state(),
        "average": {} if average is None else average.tensors(),
        "averaged": 0 if average is None else average.steps,
        "step": training.step,
    }
    return copy.deepcopy(state)


def _differences(before: Any, after: Any, name: str = "") -> list[str]:
    """The places where two nested states differ, in any bit."""
    if isinstance(before, Tensor):
        same = isinstance(after, Tensor) and before.dtype == after.dtype and torch.equal(before, after)
        return [] if same else [name]
    if isinstance(before, dict):
        if not isinstance(after, dict) or before.keys() != after.keys():
            return [name]
        return [d for key, value in before.items() for d in _differences(value, after[key], f"{name}/{key}")]
    if isinstance(before, list | tuple):
        if not isinstance(after, list | tuple) or len(before) != len(after):
            return [name]
        pairs = enumerate(zip(before, after, strict=True))
        return [d for number, (a, b) in pairs for d in _differences(a, b, f"{name}/{number}")]
    return [] if before == after else [name]


def _step_line(folder: Path, setup: Setup) -> str:
    kind = setup.plan.kind_at(0)
    if not (folder / FILE).exists():  # another process writes it
        return f"one step trained on {kind}s"
    with (folder / FILE).open(encoding="utf-8") as stream:
        seconds = json.loads(stream.readline())["seconds"]
    return f"one step trained on {kind}s in {seconds:.2f} s (later ones are faster)"


def _memory_line(engine: Engine) -> str:
    kept = f"the optimiser keeps {size(_optimiser_bytes(engine))}"
    if engine.device.type == "cuda":
        peak = torch.cuda.max_memory_allocated(engine.device)
        total = torch.cuda.get_device_properties(engine.device).total_memory
        return f"{kept}; at most {size(peak)} of {size(total)} were in use on the graphics card"
    return f"{kept}; the process holds {size(psutil.Process().memory_info().rss)}"


def _optimiser_bytes(engine: Engine) -> int:
    """Of its tensors; of those that are cut up, this process's share."""
    tensors = [value for values in engine.optimiser.state.values() for value in values.values()]
    own = [t.to_local() if isinstance(t, DTensor) else t for t in tensors if isinstance(t, Tensor)]
    return sum(tensor.numel() * tensor.element_size() for tensor in own)


def _too_large(setup: Setup, problem: Exception) -> StyleCrafterError:
    config = setup.config
    return StyleCrafterError(
        "A step does not fit into the graphics card.",
        found=f"{problem}; data.image_batch {config.data.image_batch}, data.video_batch "
        f"{config.data.video_batch}, base.dtype {config.base.dtype}, "
        f"engine.gradient_checkpointing {config.engine.gradient_checkpointing}",
        fix="set engine.gradient_checkpointing: true, engine.precision: bf16 and base.dtype: float16, or a "
        "smaller batch with more optimiser.accumulation",
    )
