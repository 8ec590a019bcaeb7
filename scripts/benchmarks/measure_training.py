"""Training: samples per second and memory, with caches and without, and against the published step."""

from __future__ import annotations

import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from environment import ROOT, say

from .timing import in_turn, ratio

TINY = ROOT / "configs" / "tiny_style.yaml"
PUBLISHED, PLAIN, CACHED = "published step", "ours, caches off", "ours, caches on"
STEPS_PER_ROUND = 5


def report(host: Path, config: Path | None, rounds: int = 8) -> None:
    """Print it for the first stage.

    Args:
        config: of a first stage, with its base and data; None is the tiny one, on materials made here.
        rounds: of some steps of every variant.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        overrides = [f"run.dir={folder / 'run'}", "run.steps=1000000"]
        if config is None:
            overrides += _tiny_materials(folder)
        cached = [*overrides, f"data.cache={folder / 'cache'}"]
        command = [sys.executable, str(ROOT / "train.py"), "cache", "--config", str(config or TINY)]
        command += [part for override in cached for part in ("--set", override)]
        # One thread: in networks as small as these, several only wait for each other.
        variables = {"COMFYUI_PATH": str(host), "OMP_NUM_THREADS": "1"}
        subprocess.run(command, check=True, env={**os.environ, **variables}, stdout=subprocess.DEVNULL)
        variants = {PUBLISHED: [*overrides, "base.dtype=float32"], PLAIN: overrides, CACHED: cached}
        with ExitStack() as running:
            workers = {
                name: running.enter_context(worker(host, name, config or TINY, settings))
                for name, settings in variants.items()
            }
            _measure(workers, rounds)


def _measure(workers: dict[str, Worker], rounds: int) -> None:
    seconds: dict[str, list[float]] = {name: [] for name in workers}
    in_turn({name: lambda n=name, w=w: seconds[n].append(w.steps()) for name, w in workers.items()}, rounds)
    samples = next(iter(workers.values())).samples * STEPS_PER_ROUND
    timed = {name: times[1:] for name, times in seconds.items()}  # the first one warms up
    for name, worker in workers.items():
        rate = samples / statistics.median(timed[name])
        peak, loaded = (count / 2**20 for count in worker.memory())
        say(f"  {name}: {rate:.2f} samples a second; at most {peak:.0f} MiB, {loaded:.0f} MiB when loaded")
    for ours in (PLAIN, CACHED):
        say(f"  {ours}, samples a second over the published step's: {ratio(timed, PUBLISHED, ours)}")
    say(f"  caches on over caches off: {ratio(timed, PLAIN, CACHED)}")


class Worker:
    """One variant in a process of its own.

    Attributes:
        samples: of one step.
    """

    def __init__(self, connection: Connection):
        self.connection = connection
        self.samples: int = connection.recv()

    def steps(self) -> float:
        """The seconds that some steps took."""
        self.connection.send("steps")
        return self.connection.recv()

    def memory(self) -> tuple[int, int]:
        """Bytes at most, and before the first step; without Python and its libraries."""
        self.connection.send("memory")
        return self.connection.recv()


@contextmanager
def worker(host: Path, variant: str, config: Path, overrides: Sequence[str]) -> Iterator[Worker]:
    """A process that takes steps when asked; it ends with the block."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(
        target=_serve, args=(theirs, host, variant, config, list(overrides)), daemon=True
    )
    process.start()
    theirs.close()
    try:
        yield Worker(ours)
    finally:
        ours.close()
        process.join(timeout=10)
        process.kill()


def _serve(connection: Connection, host: Path, variant: str, config: Path, overrides: list[str]) -> None:
    import torch

    from stylecrafter_core.training.host.find import activate

    on_gpu = torch.cuda.is_available()
    activate(host, cpu=not on_gpu, exact_attention=True)
    if not on_gpu:
        torch.set_num_threads(1)
    memory, clock = (_gpu_memory, _gpu_clock) if on_gpu else (_cpu_memory(), time.process_time)
    step, samples = _stepper(variant, config, overrides, cpu=not on_gpu)
    loaded = memory()
    connection.send(samples)
    while True:
        try:
            wanted = connection.recv()
        except EOFError:
            return
        if wanted == "memory":
            connection.send((memory(), loaded))
            continue
        start = clock()
        for _ in range(STEPS_PER_ROUND):
            step()
        connection.send(clock() - start)


def _stepper(variant: str, file: Path, overrides: list[str], cpu: bool) -> tuple[Callable[[], Any], int]:
    """What takes a step, and how many samples are in one."""
    from stylecrafter_core.training.config import load_config
    from stylecrafter_core.training.engine import make_engine
    from stylecrafter_core.training.loop import Training
    from stylecrafter_core.training.setup import set_up
    from stylecrafter_core.training.stages import stage_of

    from .published_step import PublishedStep

    config = load_config(file, overrides)
    engine = make_engine(config.engine, cpu)
    setup = set_up(stage_of("style", config), config, engine)
    if variant == PUBLISHED:
        return PublishedStep(setup, engine.device), config.data.image_batch
    training, batches = Training(setup, engine), iter(setup.loader(0))
    return lambda: training.train_step(batches), config.data.image_batch * config.optimiser.accumulation


def _tiny_materials(folder: Path) -> list[str]:
    """Untrained networks and real paintings; the settings that name them."""
    from lab.materials.tiny import make_tiny_materials

    made = folder / "materials"
    make_tiny_materials(made, 0, pretrain_steps=0)
    return [
        "adapter.family=unet",  # reads image tokens as SDXL adapters do, whose trainer is compared
        f"base.checkpoint={made / 'base.safetensors'}",
        f"base.image_encoder={made / 'image_encoder.safetensors'}",
        f"data.manifests=['{made / 'pictures.jsonl'}']",
    ]


def _cpu_memory() -> Callable[[], int]:
    """A function that says how far the process has grown at most, from now on."""
    before = _peak_resident()
    return lambda: _peak_resident() - before


def _peak_resident() -> int:
    """Bytes. The kernel's own record of this program: that of `getrusage` is inherited from the parent."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def _gpu_memory() -> int:
    import torch

    return torch.cuda.max_memory_allocated()


def _gpu_clock() -> float:
    import torch

    torch.cuda.synchronize()
    return time.perf_counter()
