"""A ComfyUI that is none: it paints each pair's seed into a picture, and notes what it was asked for."""

import hashlib
import os
import signal
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from stylecrafter_core.errors import HostError


def seed_of(graph):
    return next(node["inputs"]["seed"] for node in graph.values() if "seed" in node["inputs"])


class FakeHost:
    """Makes a picture of 64 × 48 pixels that depends on the workflow alone.

    Args:
        base: with its input and output folders.
        log: a line for each workflow it begins.
        fails_at: seeds whose workflow fails.
        dies_at: a line of the log at which this process is killed, its result half written.
        ends_at: a line of the log at which the ComfyUI ends.
    """

    version = "0.0.0"

    def __init__(self, base: Path, log: Path, fails_at=(), dies_at=None, ends_at=None):
        self.base, self._log, self._fails_at = base, log, fails_at
        self._dies_at, self._ends_at = dies_at, ends_at

    def lacks(self, method, values):
        return ["a graphics card"] if method.title == "needs more" else []

    def fitted(self, graph):
        return graph

    def run(self, graph):
        seed = seed_of(graph)
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"{graph['name']['class_type']} {seed}\n")
        if seed in self._fails_at:
            raise HostError("The workflow failed in ComfyUI.", found="Sampler: out of\nmemory")
        line = len(self._log.read_text(encoding="utf-8").splitlines())
        if line == self._ends_at:
            raise ConnectionError("ComfyUI closed the connection")
        file = self.base / "output" / "made.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        if line == self._dies_at:
            file.write_bytes(b"half a picture")
            os.kill(os.getpid(), signal.SIGKILL)
        digest = int(hashlib.sha256(f"{graph['name']['class_type']} {seed}".encode()).hexdigest(), 16)
        pixels = np.random.default_rng(digest).integers(0, 255, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((64, 48), Image.Resampling.BICUBIC).save(file)
        return file


def fake_running_host(log: Path, fails_at=(), dies_at=None, ends_at=None):
    """Stands for `lab.evaluation.host.running_host`."""

    @contextmanager
    def running(settings, work, shard):
        with log.open("a", encoding="utf-8") as lines:
            lines.write("host started\n")
        try:
            yield FakeHost(work / f"host-{shard.number}", log, fails_at, dies_at, ends_at)
        except ConnectionError as problem:
            raise HostError("The ComfyUI does not run.", found=str(problem)) from problem

    return running


def workflow(name):
    """For `FakeHost`: the name stands in its log."""
    return {
        "name": {"class_type": name, "inputs": {"seed": 0, "text": "%prompt%"}},
        "picture": {"class_type": "LoadImage", "inputs": {"image": "style.png"}},
    }
