"""The folder of a run: it explains itself, is never overwritten, and belongs to one process at a time."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
import yaml
from filelock import FileLock, Timeout
from pydantic import BaseModel

from ..errors import InputError
from ..files import written_whole
from .config import Config, save_config

log = logging.getLogger(__name__)

CONFIG, ENVIRONMENT, LOCK = "config.yaml", "environment.json", "run.lock"
PACKAGES = ("torch", "accelerate", "safetensors", "open_clip_torch", "einops", "av", "numpy", "pydantic")
ACCEPT = "--accept-changed-files"
# May differ between a run and its continuation: how long it is, and what is written; not what is trained.
MAY_CHANGE = {
    "run": (
        "dir",
        "steps",
        "checkpoint_every",
        "keep_checkpoints",
        "validate_every",
        "sample_every",
        "log_every",
        "tensorboard",
    ),
    "data": ("workers",),
    "samples": None,
}


def open_run(
    config: Config, stage: str, command: list[str], resume: bool, accept_changed_files: bool = False
) -> None:
    """Make the run's folder, or check that it is this run's and may go on.

    Args:
        accept_changed_files: go on although manifests, base, encoder or adapter have changed since.

    Raises:
        InputError: the folder holds something and `resume` is false, it is another run's, or a file that is
            trained on is not what it was.
    """
    folder = config.run.dir
    saved, files = folder / CONFIG, file_hashes(config)
    if not saved.exists():
        check_free(config)
        _make(folder)
        about = {**environment(), "stage": stage, "command": command, "files": files}
        _write_json(folder / ENVIRONMENT, about)
        save_config(config, saved)
        return
    if not resume:
        raise InputError(
            f"The run folder {folder} is in use: nothing is overwritten.",
            found=", ".join(sorted(path.name for path in folder.iterdir())[:8]),
            expected="a folder that does not exist, or is empty",
            fix="choose another run.dir, or go on with --resume",
        )
    before, about = _started_with(saved)
    _check_same(config, stage, folder, before, about["stage"])
    if about.get("files") != files:
        _check_files(folder, about.get("files"), files, accept_changed_files)
        _write_json(folder / ENVIRONMENT, {**about, "files": files})
    if before["run"].get("steps") != config.run.steps:
        log.info("The run now ends at step %d", config.run.steps)
        save_config(config, saved)


def file_hashes(config: Config) -> dict[str, str]:
    """SHA-256 of every file that decides what is trained, by the config's field.

    Of a manifest, its first line is left out: it says where the pictures lie, which may change.
    """
    base = config.base
    named = {"checkpoint": base.checkpoint, "temporal": base.temporal, "adapter": base.adapter}
    named["image_encoder"] = base.image_encoder
    found = {f"base.{field}": _sha256(path) for field, path in named.items() if path is not None}
    for number, path in enumerate(config.data.manifests):
        found[f"data.manifests[{number}]"] = _sha256(path, skip_line=True)
    return found


def check_free(config: Config) -> None:
    """Raise InputError where the folder holds anything but what the run makes before it starts."""
    folder = config.run.dir
    found = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    others = sorted(set(found) - {LOCK, ENVIRONMENT})
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

    The system holds the lock and lets go of it when the process ends, in whatever way; the file itself stays.

    Raises:
        InputError: another process holds it, or there can be no such folder.
    """
    _make(folder)
    lock = FileLock(str(folder / LOCK), timeout=0)
    try:
        lock.acquire()
    except Timeout as problem:
        raise InputError(
            f"The run folder {folder} is in use.",
            found=f"another process holds {folder / LOCK}: it trains there",
            fix="wait until it ends, or choose another run.dir",
        ) from problem
    except OSError as problem:
        raise _cannot_be_made(folder, problem) from problem
    try:
        yield
    finally:
        lock.release()


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
        raise _cannot_be_made(folder, problem) from problem


def _cannot_be_made(folder: Path, problem: OSError) -> InputError:
    return InputError(
        f"The run folder {folder} cannot be made.",
        found=problem.strerror or str(problem),
        expected="a place that can be written to, where no file has that name",
        fix="choose another run.dir",
    )


def _sha256(path: Path, skip_line: bool = False) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            if skip_line:
                file.readline()
            while piece := file.read(2**22):
                digest.update(piece)
    except FileNotFoundError:
        return "no such file"
    return digest.hexdigest()


def _check_files(
    folder: Path, before: dict[str, str] | None, now: dict[str, str], accept_changed_files: bool
) -> None:
    """Refuse changed files, unless they are asked for; the oldest runs do not say what theirs were."""
    if before is None:
        return
    changed = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    if not accept_changed_files:
        raise InputError(
            f"What the run in {folder} trains on is not what it was.",
            found=f"other content: {', '.join(changed)}",
            expected="the files that the run was started with",
            fix=f"put them back, start a new run, or go on with the new ones: --resume {ACCEPT}",
        )
    log.warning("From here on with changed files: %s", ", ".join(changed))


def _check_same(config: Config, stage: str, folder: Path, before: dict[str, Any], trained: str) -> None:
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
            f"The run in {folder} was started with other settings.",
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


def _started_with(saved: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The config that a run was started with, and its environment."""
    try:
        config = yaml.safe_load(saved.read_text(encoding="utf-8"))
        about = json.loads((saved.parent / ENVIRONMENT).read_text(encoding="utf-8"))
        if not isinstance(about["stage"], str):
            raise TypeError(f"{ENVIRONMENT} names no stage")
        if not all(isinstance(config[section], dict | None) for section in Config.model_fields):
            raise TypeError(f"{CONFIG} holds no sections")
    except (OSError, ValueError, KeyError, TypeError, RecursionError, yaml.YAMLError) as problem:
        raise InputError(
            f"{saved.parent} is not a run folder that can be resumed.",
            found=f"{type(problem).__name__}: {problem}",
            expected=f"{CONFIG} and {ENVIRONMENT} as a run writes them",
            fix="choose another run.dir",
        ) from problem
    return config, about


def _write_json(path: Path, content: Any) -> None:
    with written_whole(path) as partial:
        partial.write_text(json.dumps(content, indent=2), encoding="utf-8")
