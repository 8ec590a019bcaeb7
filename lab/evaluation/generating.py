"""A test set through a workflow: one result for each pair, each with its settings beside it."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stylecrafter_core.errors import InputError, StyleCrafterError
from stylecrafter_core.files import written_whole

from .frames import RESULTS
from .host import Host
from .methods import Method, style_in_words
from .scoring import FAILED, in_a_line
from .shards import Shard
from .test_set import Pair, read_picture
from .workflow import filled, read_workflow, wants_style_words

Say = Callable[[str], None]


@dataclass(frozen=True)
class Job:
    """Results of one method.

    Attributes:
        folder: for `<pair>.<ending>` and `<pair>.json`, or `<pair>.failed`.
        seed: of the first pair; each pair has its own, its number added.
        values: for every input of these names.
    """

    method: Method
    pairs: Sequence[Pair]
    folder: Path
    seed: int
    values: dict[str, Any]


def generate(job: Job, host: Callable[[], AbstractContextManager[Host]], shard: Shard, say: Say) -> list[str]:
    """Make what is missing of this process's part; a host is started only when something is.

    Returns:
        A line for each pair that failed, which also stands in its `<pair>.failed`; the others went on.

    Raises:
        InputError: the folder holds results of other settings.
        HostError: the host does not run.
    """
    _workflow(job)  # without one, no host need start
    done = {pair.name for pair in job.pairs if _is_done(job, pair)}
    mine = [pair for pair in shard.part(job.pairs) if pair.name not in done]
    if not mine:
        return []
    failed: list[str] = []
    with host() as running:
        if lacks := running.lacks(job.method, job.values):
            raise InputError(
                f"{job.method.title} cannot run.",
                found="; ".join(lacks) + ": not there",
                expected="every node and file that its workflow names",
                fix="install what is named, or name files that you have: --value ckpt_name=mine.ckpt",
            )
        began = time.monotonic()
        for number, pair in enumerate(mine, start=1):
            problem = _problem_of_making(job, pair, running)
            if problem:
                failed.append(f"{pair.name}: {problem}")
            left = (time.monotonic() - began) / number * (len(mine) - number)
            state = f"{pair.name}: {problem or 'made'}"
            say(f"{job.method.title}: {state} ({number} of {len(mine)}, {_duration(left)} left)")
    return failed


def _problem_of_making(job: Job, pair: Pair, host: Host) -> str:
    """Make the pair's result, or note why there is none, and return that; empty: it is made."""
    note = job.folder / f"{pair.name}{FAILED}"
    try:
        _make(job, pair, host)
    except StyleCrafterError as failure:
        problem = in_a_line(failure)
        with written_whole(note) as partial:
            partial.write_text(f"{problem}\n", encoding="utf-8")
        return problem
    note.unlink(missing_ok=True)
    return ""


def _make(job: Job, pair: Pair, host: Host) -> None:
    settings = _settings(job, pair)
    names = [_place(file, host.base) for file in pair.references]
    graph = filled(
        read_workflow(_workflow(job)),
        settings["written_as"],
        names,
        settings["seed"],
        settings["values"],
        settings["style"],
    )
    graph = host.fitted(graph)
    made = host.run(graph)
    target = job.folder / f"{pair.name}{made.suffix}"
    with written_whole(target) as partial:
        shutil.move(made, partial)
    record = {"settings": settings, "comfyui": host.version, "file": target.name, "workflow": graph}
    with written_whole(job.folder / f"{pair.name}.json") as partial:
        text = json.dumps(record, indent=1, ensure_ascii=False)
        partial.write_text(f"{text}\n", encoding="utf-8")


def _place(reference: Path, base: Path) -> str:
    """The reference in the host's input folder, by a name that its content gives."""
    read_picture(reference)
    content = reference.read_bytes()
    name = f"{hashlib.sha256(content).hexdigest()[:16]}{reference.suffix.lower()}"
    target = base / "input" / name
    if not target.is_file():
        with written_whole(target) as partial:
            partial.write_bytes(content)
    return name


def _settings(job: Job, pair: Pair) -> dict[str, Any]:
    """All that a result depends on, but the weights behind the names."""
    return {
        "prompt": pair.prompt,
        "written_as": job.method.words(pair),
        "style": style_in_words(pair) if wants_style_words(read_workflow(_workflow(job))) else "",
        "references": [[file.name, _digest(file)] for file in pair.references],
        "seed": job.seed + pair.number,
        "values": _values(job),
        "workflow_sha256": _digest(_workflow(job)),
    }


def _values(job: Job) -> dict[str, Any]:
    return {**job.values, **(job.method.values or {})}


def _workflow(job: Job) -> Path:
    if job.method.workflow is None:
        raise InputError(
            f"{job.method.title} cannot run.",
            found="no implementation for ComfyUI",
            expected="a workflow",
            fix=job.method.note,
        )
    return job.method.workflow


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "missing"


def _is_done(job: Job, pair: Pair) -> bool:
    """Whether the pair's result stands there with these settings.

    Raises:
        InputError: it stands there with others.
    """
    record = job.folder / f"{pair.name}.json"
    if not record.is_file():
        return False
    found = json.loads(record.read_text(encoding="utf-8"))
    wanted = json.loads(json.dumps(_settings(job, pair)))
    if found["settings"] != wanted:
        differing = [name for name in wanted if found["settings"].get(name) != wanted[name]]
        raise InputError(
            f"{job.folder} holds results of other settings.",
            found=f"another {', '.join(differing)} in {record.name}",
            expected="the same settings for all results of a folder",
            fix="choose another --out, or remove the folder",
        )
    return found["file"].endswith(RESULTS) and (job.folder / found["file"]).is_file()


def stands(job: Job) -> bool:
    """Whether there is a result, and all of them are of these settings."""
    try:
        return any([_is_done(job, pair) for pair in job.pairs])
    except InputError:
        return False


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
