"""The folder of a run: it explains itself, is never overwritten, and belongs to one process at a time."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil
import torch
import yaml
from pydantic import BaseModel

from ..errors import InputError
from ..media.files import written_whole
from .config import Config, save_config

CONFIG, ENVIRONMENT, LOCK = "config.yaml", "environment.json", "run.lock"
PACKAGES = ("torch", "accelerate", "safetensors", "open_clip_torch", "einops", "av", "numpy", "pydantic")
# May differ between a run and its continuation: they change what is written, not what is trained.
MAY_CHANGE = {
    "run": (
        "dir",
        "checkpoint_every",
        "keep_checkpoints",
        "validate_every",
        "sample_every",
        "log_every",
        "tensorboard",
    ),
    "data": ("workers",),
    "samples": None,
    "materials": None,
}


def open_run(config: Config, stage: str, command: list[str], resume: bool) -> None:
    """Make the run's folder, or check that it is this run's and may go on.

    Raises:
        InputError: the folder holds something and `resume` is false, or it is another run's.
    """
    folder = config.run.dir
    saved = folder / CONFIG
    if saved.exists():
        if not resume:
            raise InputError(
                f"The run folder {folder} is in use: nothing is overwritten.",
                found=", ".join(sorted(path.name for path in folder.iterdir())[:8]),
                expected="a folder that does not exist, or is empty",
                fix="choose another run.dir, or go on with --resume",
            )
        _check_same(config, stage, saved)
        return
    check_free(config)
    _make(folder)
    _write_json(folder / ENVIRONMENT, {**environment(), "stage": stage, "command": command})
    save_config(config, saved)


def check_free(config: Config) -> None:
    """Raise InputError where the folder holds anything but what the run makes before it starts."""
    folder = config.run.dir
    own = {LOCK, ENVIRONMENT} | ({config.materials.dir.name} if config.materials else set())
    others = sorted(path.name for path in folder.iterdir() if path.name not in own) if folder.is_dir() else []
    if others:
        raise InputError(
            f"The run folder {folder} holds other things: nothing is overwritten.",
            found=", ".join(others[:8]),
            expected="a folder that does not exist, or is empty",
            fix="choose another run.dir",
        )


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the run folder, so that no second process trains in it.

    Raises:
        InputError: another process that is alive holds it, or there can be no such folder.
    """
    _make(folder)
    lock = folder / LOCK
    holder = _holder(lock)
    if holder is not None:
        raise InputError(
            f"The run folder {folder} is in use.",
            found=f"process {holder} trains in it",
            fix=f"wait until it ends, choose another run.dir, or delete {lock} if it is no training process",
        )
    me = psutil.Process()
    lock.write_text(json.dumps({"pid": me.pid, "started": me.create_time()}), encoding="utf-8")
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def environment() -> dict[str, Any]:
    """Versions and hardware, so that a run can be understood later."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "python": sys.version.split()[0],
        "system": platform.platform(),
        "packages": versions,
        "processors": os.cpu_count(),
        "gpus": gpus,
    }


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise InputError(
            f"The run folder {folder} cannot be made.",
            found=problem.strerror or str(problem),
            expected="a place that can be written to, where no file has that name",
            fix="choose another run.dir",
        ) from problem


def _holder(lock: Path) -> int | None:
    """The process that holds the lock, if it is alive."""
    try:
        held = json.loads(lock.read_text(encoding="utf-8"))
        process = psutil.Process(held["pid"])
        return held["pid"] if abs(process.create_time() - held["started"]) < 2 else None
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None


def _check_same(config: Config, stage: str, saved: Path) -> None:
    before, trained = _started_with(saved)
    differences = [
        f"{name}.{difference}"
        for name, section in config
        if section is not None and MAY_CHANGE.get(name, ()) is not None
        for difference in _differences(before.get(name) or {}, section, MAY_CHANGE.get(name) or ())
    ]
    if trained != stage:
        differences.insert(0, f"the stage: {trained} then, {stage} now")
    if differences:
        raise InputError(
            f"The run in {saved.parent} was started with other settings.",
            found="; ".join(differences),
            expected="the same config and stage",
            fix="resume with the config it was started with (config.yaml in the folder), or start a new run",
        )


def _differences(before: dict[str, Any], section: BaseModel, may_change: Collection[str]) -> list[str]:
    """The fields of a section that are not as they were; one that was not there yet was as by default."""
    before = type(section).model_construct().model_dump(mode="json") | before
    return [
        f"{field}: {before.get(field)!r} then, {value!r} now"
        for field, value in section.model_dump(mode="json").items()
        if field not in may_change and before.get(field) != value
    ]


def _started_with(saved: Path) -> tuple[dict[str, Any], str]:
    """The config that a run was started with, and its stage."""
    try:
        config = yaml.safe_load(saved.read_text(encoding="utf-8"))
        stage = json.loads((saved.parent / ENVIRONMENT).read_text(encoding="utf-8"))["stage"]
        if not all(isinstance(config[section], dict | None) for section in Config.model_fields):
            raise TypeError(f"{CONFIG} holds no sections")
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as problem:
        raise InputError(
            f"{saved.parent} is no run folder that can go on.",
            found=f"{type(problem).__name__}: {problem}",
            expected=f"{CONFIG} and {ENVIRONMENT} as a run writes them",
            fix="choose another run.dir",
        ) from problem
    return config, stage


def _write_json(path: Path, content: Any) -> None:
    with written_whole(path) as partial:
        partial.write_text(json.dumps(content, indent=2), encoding="utf-8")
