"""`train.py` in processes of its own: started, killed at a given moment, waited for."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from training_materials import ROOT, tiny_overrides

LIMIT_S = 1800.0  # on a busy machine
ENGINES = {
    "one process": ("accelerate", 1),
    "two processes, DDP": ("accelerate", 2),
    "two processes, FSDP2": ("fsdp2", 2),
}


@dataclass
class Launch:
    """One training command, with the same settings each time it is started.

    Attributes:
        stage: "style" or "temporal".
        engine: a key of ENGINES.
        materials: folder of the tiny materials.
        host: the ComfyUI to train in.
        run_dir: of the run.
        overrides: further `--set` values.
    """

    stage: str
    engine: str
    materials: Path
    host: Path
    run_dir: Path
    overrides: Sequence[str] = ()
    output: list[str] = field(default_factory=list)

    def start(self, *options: str) -> subprocess.Popen:
        """The process, or the launcher of several."""
        environment = {**os.environ, "COMFYUI_PATH": str(self.host), "OMP_NUM_THREADS": "1"}
        self.log = self.run_dir.with_suffix(".log")
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*self._launcher(), *self._arguments(), *options],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def finish(self, *options: str) -> None:
        """Run to the end."""
        process = self.start(*options)
        status = self._wait(process)
        assert status == 0, self.words()

    def kill(self, process: subprocess.Popen, after_step: int, delay_s: float, number: int) -> None:
        """Send a signal to all processes of a run, a moment after a checkpoint appeared."""
        self._await_checkpoint(process, after_step)
        time.sleep(delay_s)
        everyone = _with_children(process)
        for one in everyone:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.send_signal(number)
        psutil.wait_procs(everyone, LIMIT_S)
        process.wait(LIMIT_S)

    def words(self) -> str:
        """What the processes wrote."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-4000:]

    def _await_checkpoint(self, process: subprocess.Popen, step: int) -> None:
        end = time.monotonic() + LIMIT_S
        while not any(number >= step for number in self.saved_steps()):
            if process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"no checkpoint {step}:\n{self.words()}")
            time.sleep(0.02)

    def saved_steps(self) -> list[int]:
        """Steps of the checkpoints in the run folder."""
        folder = self.run_dir / "checkpoints"
        names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
        return sorted(int(name[5:]) for name in names if name.startswith("step-"))

    def _wait(self, process: subprocess.Popen) -> int:
        try:
            return process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            for one in _with_children(process):
                one.kill()
            raise AssertionError(f"still running after {LIMIT_S} s:\n{self.words()}") from None

    def _launcher(self) -> list[str]:
        _, processes = ENGINES[self.engine]
        if processes == 1:
            return [sys.executable]
        launcher = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={processes}"]
        return [*launcher, "--master-addr=127.0.0.1", f"--master-port={_free_port()}"]

    def _arguments(self) -> list[str]:
        kind, _ = ENGINES[self.engine]
        given = [*tiny_overrides(self.materials, self.run_dir, self.stage), f"engine.kind={kind}"]
        settings = [part for one in (*given, *self.overrides) for part in ("--set", one)]
        config = ROOT / "configs" / f"tiny_{self.stage}.yaml"
        return [str(ROOT / "train.py"), self.stage, "--config", str(config), *settings]


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of the weight files below a folder, by their path in it."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.safetensors"))
    }


def _with_children(process: subprocess.Popen) -> list[psutil.Process]:
    """A launcher and what it started; its workers lead sessions of their own."""
    launcher = psutil.Process(process.pid)
    return [launcher, *launcher.children(recursive=True)]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
