"""Whole weight files, damaged in every way that `mutations` names, into every reader.

    python tests/formats/fuzz.py --cases 20000 --seed 0

A case is a file made from a whole one by one mutation. The reader must refuse it in words, or load what the
whole file holds. A mutation that changes values alone, or makes another whole file, may load as that: no form
of weights carries a check sum of its values. Anything else is a fault: another exception, a crash, more than
two seconds, more than 300 MB.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

import torch
from bombs import BOMBS
from content_mutations import torch_bytes
from mutations import MUTATIONS, applies
from safetensors.torch import load_file, save
from torch import Tensor

from stylecrafter_core.errors import StyleCrafterError
from stylecrafter_core.features import read_vision_tower
from stylecrafter_core.formats import (
    compare,
    read_adapter,
    read_temporal,
    read_tensors,
    read_video_base,
    save_adapter,
    save_temporal,
)

GOLDEN = Path(__file__).parents[1] / "golden"
SECONDS, KILOBYTES = 2.0, 300_000
CHUNK = 1_500
FINE = ("refused", "same", "other values")

Loaded = tuple[Any, dict[str, Tensor]]


@dataclass(frozen=True)
class Subject:
    """A whole file, the reader that takes it, and how large a share of the cases it gets."""

    name: str
    data: bytes
    read: Callable[[Path], Loaded]
    share: int = 3


def _adapter(path: Path) -> Loaded:
    file = read_adapter(path)
    return file.spec, file.tensors


def _temporal(path: Path) -> Loaded:
    file = read_temporal(path)
    return file.blocks, file.tensors


def _base(path: Path) -> Loaded:
    base = read_video_base(path)
    compare(_base_shapes(), base.unet).raise_unless_complete(path, "video U-Net")  # as the host's loader does
    return base.unet_spec, {name: tensor.clone() for name, tensor in base.unet.items()}


def _tower(path: Path) -> Loaded:
    file = read_tensors(path)
    tower = read_vision_tower(file.tensors, file.metadata, origin=str(path))
    tower.tensors.pop("proj", None)  # a tower may have a projection, which nothing here reads
    spec = replace(tower.spec, output_dim=None)
    return spec, {name: tensor.clone() for name, tensor in tower.tensors.items()}


@cache
def _base_shapes() -> dict[str, tuple[int, ...]]:
    base = read_video_base(GOLDEN / "video_a" / "base.ckpt")
    return {name: tuple(tensor.shape) for name, tensor in base.unet.items()}


@cache
def subjects() -> tuple[Subject, ...]:
    """Every kind of file in every form it comes in."""
    video, sdxl = GOLDEN / "video_a" / "adapter.pth", GOLDEN / "sdxl_a" / "adapter.ckpt"
    temporal, wan = GOLDEN / "video_a" / "temporal.pth", GOLDEN / "wan_a" / "stylemaster.ckpt"
    with tempfile.TemporaryDirectory() as folder:
        own, own_temporal = Path(folder) / "adapter", Path(folder) / "temporal"
        adapter, blocks = read_adapter(video), read_temporal(temporal)
        save_adapter(own, adapter.spec, adapter.tensors)
        save_temporal(own_temporal, blocks.blocks, blocks.tensors)
        return (
            Subject("adapter, video", video.read_bytes(), _adapter),
            Subject("adapter, SDXL", sdxl.read_bytes(), _adapter),
            Subject("adapter, Wan", wan.read_bytes(), _adapter, 1),
            Subject("adapter, own", own.read_bytes(), _adapter),
            Subject("adapter, older form", _resaved(video, older=True), _adapter),
            Subject("temporal file", temporal.read_bytes(), _temporal, 2),
            Subject("temporal file, own", own_temporal.read_bytes(), _temporal, 2),
            Subject("video base", (GOLDEN / "video_a" / "base.ckpt").read_bytes(), _base, 1),
            Subject("image encoder", save(_small_tower()), _tower),
        )


def _resaved(path: Path, older: bool) -> bytes:
    return torch_bytes(torch.load(path, weights_only=True), older)


def _small_tower() -> dict[str, Tensor]:
    """Two layers 64 wide, of the recorded tower's names."""
    whole = load_file(GOLDEN / "clip_a" / "open_clip_vision.safetensors")
    small = {}
    for name, tensor in whole.items():
        sizes = [{160: 64, 480: 192, 640: 256, 257: 17}.get(size, size) for size in tensor.shape]
        small[name] = torch.full(sizes, 0.1)
    return small


# What must never load as anything but the whole file.
STRICT = tuple(
    name
    for name in MUTATIONS
    if name.startswith(("cut", "bytes taken", "bytes put", "content", "zip: an entry", "zip: packed"))
)


@dataclass(frozen=True)
class Result:
    """What became of a case: its number, subject, mutation and outcome."""

    number: int
    subject: str
    mutation: str
    outcome: str

    @property
    def is_fault(self) -> bool:
        return self.outcome not in FINE or (self.outcome == "other values" and self.mutation in STRICT)


def run(numbers: range, seed: int, folder: Path) -> Iterator[Result]:
    """The cases of these numbers; each is the same whoever runs it."""
    bombs, whole = list(BOMBS), [subject.read(_written(folder, subject.data)) for subject in subjects()]
    for number in numbers:
        chance = random.Random(f"{seed} {number}")
        [index] = chance.choices(range(len(whole)), [subject.share for subject in subjects()])
        subject = subjects()[index]
        path = folder / f"case_{number}.pth"
        if number % 40 == 39:
            mutation = "bomb"
            BOMBS[chance.choice(bombs)](path)
        else:
            mutation = chance.choice([name for name in MUTATIONS if applies(name, subject.data)])
            path.write_bytes(MUTATIONS[mutation](subject.data, chance))
        yield Result(number, subject.name, mutation, _outcome(subject, path, whole[index]))
        path.unlink()


def _written(folder: Path, data: bytes) -> Path:
    path = folder / "whole.pth"
    path.write_bytes(data)
    return path


def _outcome(subject: Subject, path: Path, whole: Loaded) -> str:
    memory, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    try:
        loaded = subject.read(path)
        outcome = _likeness(loaded, whole)
    except StyleCrafterError as error:
        outcome = (
            "refused" if str(path) in str(error) and len(str(error)) < 5_000 else f"unclear: {error}"[:300]
        )
    except Exception as error:  # noqa: BLE001 (this is what is looked for)
        outcome = f"{type(error).__name__}: {error}"[:300]
    seconds = time.process_time() - started
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
    if seconds > SECONDS:
        return f"slow: {seconds:.1f} s, {outcome}"
    return f"large: {grown} kB, {outcome}" if grown > KILOBYTES else outcome


def _likeness(loaded: Loaded, whole: Loaded) -> str:
    (spec, tensors), (whole_spec, whole_tensors) = loaded, whole
    if spec == whole_spec and tensors.keys() == whole_tensors.keys():
        pairs = [(tensors[name], whole_tensors[name]) for name in tensors]
        if all(one.shape == other.shape and one.is_floating_point() for one, other in pairs):
            same = all(torch.equal(one, other) for one, other in pairs)
            finite = all(bool(torch.isfinite(one).all()) for one, _ in pairs)
            return "same" if same else "other values" if finite else "values that are not numbers"
    return "other values" if all(bool(torch.isfinite(t).all()) for t in tensors.values()) else "odd values"


def _long(cases: int, seed: int) -> int:
    """All cases, in processes of a few hundred: one that crashes is a fault, too."""
    table: dict[str, Counter[str]] = {}
    faults: list[str] = []
    for start in range(0, cases, CHUNK):
        stop = min(start + CHUNK, cases)
        command = [sys.executable, __file__, "--seed", str(seed), "--chunk", str(start), str(stop)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=3600, check=False)
        results = [Result(*json.loads(line)) for line in done.stdout.splitlines() if line.startswith("[")]
        if done.returncode:
            faults.append(
                f"crash in {start}..{stop} after {len(results)} cases: {done.returncode} {done.stderr[-500:]}"
            )
        for result in results:
            kind = result.outcome if result.outcome in FINE else "fault"
            table.setdefault(result.mutation, Counter())[kind] += 1
            if result.is_fault:
                faults.append(str(result))
        sys.stderr.write("\n".join([f"{stop} cases, {len(faults)} faults", *faults, ""]))
    lines = [f"| mutation | {' | '.join(FINE)} | fault |", "|---|---|---|---|---|"]
    total = sum(table.values(), Counter())
    for mutation, counts in [*sorted(table.items()), (f"all {sum(total.values())}", total)]:
        lines.append(f"| {mutation} | {' | '.join(str(counts[kind]) for kind in (*FINE, 'fault'))} |")
    sys.stdout.write("\n".join([*lines, *faults, ""]))
    return 1 if faults else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--chunk", type=int, nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.chunk is None:
        return _long(arguments.cases, arguments.seed)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        for result in run(range(*arguments.chunk), arguments.seed, Path(folder)):
            row = [result.number, result.subject, result.mutation, result.outcome]
            sys.stdout.write(f"{json.dumps(row)}\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
