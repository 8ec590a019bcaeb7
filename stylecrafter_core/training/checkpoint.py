"""Checkpoints `step-N/`: all that a run needs to go on, and files that the nodes load as they are.

adapter.safetensors, temporal.safetensors   in the pack's own format, float32
optimiser.json, optimiser.safetensors       the optimiser's state; its tensors stand in the second file
average.safetensors                         the average of the trained weights, where one is kept
"""

from __future__ import annotations

import json
import logging
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
from ..files import remove_partial, written_whole
from ..formats import read_tensors

log = logging.getLogger(__name__)

NAME = re.compile(r"step-(\d+)")
DELETED = ".deleted"  # ending of a hidden folder
TENSOR = "tensor stored apart"  # {TENSOR: name} stands where the tensor of that name belongs
STATE, OPTIMISER, AVERAGE = "optimiser.json", "optimiser.safetensors", "average.safetensors"


@dataclass(frozen=True)
class Progress:
    """What a checkpoint holds besides the stage's own weight files.

    Attributes:
        step: steps that are done.
        optimiser: {"state": {name: {key: value}}, "param_groups": [...]}, see `_without_tensors`.
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
        try:
            self.clear()
            with written_whole(target) as partial:
                partial.mkdir()
                write_weights(partial)
                _write(partial, progress)
                if target.exists():
                    os.replace(target, _deleted(target))
        except (OSError, SafetensorError, WeightFileError) as problem:
            latest = self.latest()
            raise WeightFileError(
                f"The checkpoint {target} could not be written.",
                found=str(problem),
                expected="room on the disk and a folder that can be written",
                fix=f"free some room and run the same command with --resume; "
                f"it goes on from {latest.name if latest else 'the start'}",
            ) from problem
        for old in self._all()[: -self.keep]:
            _delete(old, _deleted(old))
        self.clear()
        return target

    def clear(self) -> None:
        """Delete what a process left that was killed while it wrote or deleted a checkpoint."""
        remove_partial(self.folder)
        for left in self.folder.glob(f".step-*{DELETED}"):
            _delete(left, left)

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
        raise ValueError(f"{checkpoint} is not a checkpoint")
    return int(match[1])


def read_progress(checkpoint: Path) -> Progress:
    """What `Checkpoints.save` wrote.

    Raises:
        WeightFileError: files are missing or damaged.
    """
    try:
        saved = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))
        average = _tensors(checkpoint / AVERAGE) if saved["average"] else {}
        tensors = _tensors(checkpoint / OPTIMISER) if saved["tensors"] else {}
        state = _with_tensors(saved["optimiser"], tensors)
        return Progress(step_of(checkpoint), state, average, saved["averaged"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError, WeightFileError) as problem:
        raise WeightFileError(
            f"The checkpoint {checkpoint} is damaged.",
            found=f"{type(problem).__name__}: {problem}",
            expected=f"{STATE} and the files that it names, as they were written",
            fix="delete its folder; --resume takes the one before",
        ) from problem


def _write(folder: Path, progress: Progress) -> None:
    tensors: dict[str, Tensor] = {}
    optimiser = _without_tensors(progress.optimiser, tensors)
    if tensors:
        save_file(tensors, folder / OPTIMISER)
    if progress.average:
        save_file(progress.average, folder / AVERAGE)
    saved = {
        "optimiser": optimiser,
        "tensors": len(tensors),
        "average": len(progress.average),
        "averaged": progress.averaged,
    }
    (folder / STATE).write_text(json.dumps(saved), encoding="utf-8")


def _without_tensors(value: Any, tensors: dict[str, Tensor], name: str = "") -> Any:
    """The value with a mark in place of each tensor.

    Args:
        value: a tensor, number, text or None, or dicts, lists and tuples of those; tuples become lists.
        tensors: takes the tensors by their path, "/state/adapter.norm.weight/exp_avg", on the CPU.
        name: the path of the value.
    """
    if isinstance(value, Tensor):
        tensors[name] = value.detach().cpu().contiguous()
        return {TENSOR: name}
    if isinstance(value, Mapping):
        return {key: _without_tensors(inner, tensors, f"{name}/{key}") for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_tensors(inner, tensors, f"{name}/{i}") for i, inner in enumerate(value)]
    return value


def _with_tensors(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    """The inverse of `_without_tensors`.

    Raises:
        KeyError: a tensor is missing.
    """
    if isinstance(value, dict):
        if TENSOR in value:
            return tensors[value[TENSOR]]
        return {key: _with_tensors(inner, tensors) for key, inner in value.items()}
    return [_with_tensors(inner, tensors) for inner in value] if isinstance(value, list) else value


def _delete(folder: Path, first: Path) -> None:
    """Delete a folder; under another name first, so that a kill leaves no half of it under its own."""
    try:
        os.replace(folder, first)
        shutil.rmtree(first)
    except OSError as problem:
        log.warning("%s could not be deleted: %s", folder, problem)


def _deleted(checkpoint: Path) -> Path:
    return checkpoint.with_name(f".{checkpoint.name}{DELETED}")


def _tensors(file: Path) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in read_tensors(file).tensors.items()}
