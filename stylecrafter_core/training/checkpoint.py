"""Checkpoints `step-N/`: all that a run needs to go on, and files that the nodes load as they are.

adapter.safetensors, temporal.safetensors   in the pack's own format, float32
optimiser.safetensors, optimiser.json       tensors by "name/key", and all numbers that are no tensor
average.safetensors                         the average of the trained weights, where one is kept
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from ..errors import WeightFileError
from ..formats import read_tensors

NAME = re.compile(r"step-(\d+)")
STATE, OPTIMISER, AVERAGE = "optimiser.json", "optimiser.safetensors", "average.safetensors"


@dataclass(frozen=True)
class Progress:
    """What a checkpoint holds besides the stage's own weight files.

    Attributes:
        step: steps that are done.
        optimiser: {"state": {name: {key: value}}, "param_groups": [...]}.
        average: the averaged weights, by name; empty where none is kept.
        averaged: steps in the average.
    """

    step: int
    optimiser: dict[str, Any]
    average: dict[str, Tensor]
    averaged: int


class Checkpoints:
    """The checkpoints in a run folder.

    Args:
        folder: need not exist.
        keep: how many are kept.
    """

    def __init__(self, folder: Path, keep: int):
        self.folder, self.keep = folder, keep

    def save(self, progress: Progress, write_weights: Callable[[Path], None]) -> Path:
        """Write a checkpoint under a temporary name, then rename it, then delete the oldest ones.

        Args:
            write_weights: writes the stage's own files into a folder.

        Raises:
            WeightFileError: it cannot be written, the disk is full: earlier checkpoints stay.
        """
        target = self.folder / f"step-{progress.step}"
        partial = self.folder / f".{target.name}.unfinished"
        try:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            write_weights(partial)
            _write(partial, progress)
            shutil.rmtree(target, ignore_errors=True)
            os.replace(partial, target)
        except (OSError, SafetensorError, WeightFileError) as problem:
            latest = self.latest()
            raise WeightFileError(
                f"The checkpoint {target} could not be written.",
                found=str(problem),
                expected="room on the disk and a folder that can be written",
                fix=f"free some room and run the same command with --resume; "
                f"it goes on from {latest.name if latest else 'the start'}",
            ) from problem
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        for old in self._all()[: -self.keep]:
            shutil.rmtree(old)
        return target

    def latest(self) -> Path | None:
        """The newest checkpoint, or None."""
        found = self._all()
        return found[-1] if found else None

    def _all(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        found = [path for path in self.folder.iterdir() if NAME.fullmatch(path.name)]
        return sorted(found, key=step_of)


def step_of(checkpoint: Path) -> int:
    """How many steps a checkpoint stands for."""
    match = NAME.fullmatch(checkpoint.name)
    if match is None:
        raise ValueError(f"{checkpoint} is no checkpoint")
    return int(match[1])


def read_progress(checkpoint: Path) -> Progress:
    """What `Checkpoints.save` wrote.

    Raises:
        WeightFileError: files are missing or damaged.
    """
    try:
        saved = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise WeightFileError(
            f"The checkpoint {checkpoint} is damaged.",
            found=f"{STATE}: {problem}",
            fix="delete its folder; --resume takes the one before",
        ) from problem
    state: dict[str, dict[str, Any]] = saved["state"]
    if (checkpoint / OPTIMISER).exists():
        for key, tensor in read_tensors(checkpoint / OPTIMISER).tensors.items():
            name, _, slot = key.rpartition("/")
            state.setdefault(name, {})[slot] = tensor.clone()
    average = {}
    if (checkpoint / AVERAGE).exists():
        average = {name: t.clone() for name, t in read_tensors(checkpoint / AVERAGE).tensors.items()}
    optimiser = {"state": state, "param_groups": saved["param_groups"]}
    return Progress(step_of(checkpoint), optimiser, average, saved["averaged"])


def _write(folder: Path, progress: Progress) -> None:
    tensors, others = _split(progress.optimiser["state"])
    if tensors:
        save_file(tensors, folder / OPTIMISER)
    if progress.average:
        save_file(progress.average, folder / AVERAGE)
    text = json.dumps(
        {"state": others, "param_groups": progress.optimiser["param_groups"], "averaged": progress.averaged}
    )
    (folder / STATE).write_text(text, encoding="utf-8")


def _split(state: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, Tensor], dict[str, dict[str, Any]]]:
    """Tensors by "name/key", and what is no tensor, by name and key."""
    tensors: dict[str, Tensor] = {}
    others: dict[str, dict[str, Any]] = {}
    for name, values in state.items():
        for key, value in values.items():
            if isinstance(value, Tensor):
                tensors[f"{name}/{key}"] = value.detach().cpu().contiguous()
            else:
                others.setdefault(name, {})[key] = value
    return tensors, others
