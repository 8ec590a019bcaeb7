"""A run killed or stopped ends in the same bytes as one left alone; any number of processes agrees."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from launched import ENGINES, Launch, hashes
from safetensors.torch import load_file

STEPS = 12
SETTINGS = (
    f"run.steps={STEPS}",
    "run.checkpoint_every=1",
    "run.validate_every=100",
    "run.sample_every=100",
    "run.log_every=1",
    "samples.prompts=[]",
    "data.validation=0",
    "optimiser.ema=0.9",
    "optimiser.accumulation=2",
    "optimiser.scale_predictor_lr=0.5",
    "optimiser.schedule=linear",
)
# The same samples in every step, however many processes share them.
PER_PROCESS = {
    1: ("data.image_batch=4", "data.video_batch=2"),
    2: ("data.image_batch=2", "data.video_batch=1"),
}

Make = Callable[[str, str, str], Launch]


@pytest.fixture(scope="module")
def launch(host, tiny_materials: Path, tmp_path_factory: pytest.TempPathFactory) -> Make:
    folder = tmp_path_factory.mktemp("runs")

    def make(stage: str, engine: str, name: str) -> Launch:
        settings = (*SETTINGS, *PER_PROCESS[ENGINES[engine][1]])
        run_dir = folder / f"{stage} {engine} {name}".replace(",", "").replace(" ", "_")
        return Launch(stage, engine, tiny_materials, host.path, run_dir, settings)

    return make


@pytest.fixture(scope="module")
def whole(launch: Make) -> Callable[[str, str], Path]:
    """The folder of a run that was left alone, made once."""
    made: dict[tuple[str, str], Path] = {}

    def run(stage: str, engine: str) -> Path:
        if (stage, engine) not in made:
            started = launch(stage, engine, "whole")
            started.finish()
            made[stage, engine] = started.run_dir
        return made[stage, engine]

    return run


@pytest.mark.launched
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("stage", ["style", "temporal"])
def test_a_killed_run_ends_in_the_same_bytes(launch: Make, whole, stage: str, engine: str) -> None:
    moments = random.Random()
    broken = launch(stage, engine, "broken")
    step, delay = moments.randint(1, STEPS - 3), moments.uniform(0, 0.2)
    broken.kill(broken.start(), step, delay, signal.SIGKILL)
    reached = broken.saved_steps()
    broken.finish("--resume")
    expected = hashes(whole(stage, engine))
    assert hashes(broken.run_dir) == expected, f"killed {delay:.3f} s after step {step}: {reached}"
    assert {"adapter.safetensors", "temporal.safetensors"} <= set(expected)


@pytest.mark.launched
@pytest.mark.parametrize("engine", [name for name, (_, processes) in ENGINES.items() if processes > 1])
@pytest.mark.parametrize(("stage", "file"), [("style", "adapter"), ("temporal", "temporal")])
def test_two_processes_are_one_with_the_whole_batch(whole, stage: str, file: str, engine: str) -> None:
    """Weights agree to 1e-5 on average, and each to 2e-3, two steps of AdamW.

    AdamW divides a gradient by its own size, so a rounding difference near zero can be a step of up to lr.
    """
    one = load_file(whole(stage, "one process") / f"{file}.safetensors")
    two = load_file(whole(stage, engine) / f"{file}.safetensors")
    assert one.keys() == two.keys()
    differences = [(one[name] - two[name]).abs() for name in one]
    mean = sum(part.sum() for part in differences) / sum(part.numel() for part in differences)
    assert mean < 1e-5
    assert max(part.max() for part in differences) < 2e-3


@pytest.mark.launched
def test_sigterm_saves_the_step_and_ends_cleanly(launch: Make, whole) -> None:
    stopped = launch("style", "one process", "stopped")
    stopped.overrides = [*stopped.overrides, "run.checkpoint_every=1000"]
    process = stopped.start()
    while "step 1 of" not in stopped.words():
        assert process.poll() is None, stopped.words()
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0, stopped.words()
    assert "go on with --resume" in stopped.words()
    assert len(stopped.saved_steps()) == 1
    stopped.finish("--resume")
    expected = hashes(whole("style", "one process"))
    for name in ("adapter.safetensors", "temporal.safetensors"):
        assert hashes(stopped.run_dir)[name] == expected[name]
