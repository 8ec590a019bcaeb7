"""A run that was killed or stopped ends in the same bytes as one that was left alone."""

from __future__ import annotations

import random
import signal
from pathlib import Path

import pytest
from launched import ENGINES, Launch, hashes

STEPS = 12
SETTINGS = (
    f"run.steps={STEPS}",
    "run.checkpoint_every=1",
    "run.validate_every=100",
    "run.sample_every=100",
    "samples.prompts=[]",
    "data.validation=0",
    "run.log_every=1",
    "optimiser.ema=0.9",
    "optimiser.accumulation=2",
    "optimiser.schedule=linear",
)


@pytest.fixture
def launch(host, tiny_materials: Path, tmp_path: Path):
    def make(stage: str, engine: str, name: str) -> Launch:
        return Launch(stage, engine, tiny_materials, host.path, tmp_path / name, SETTINGS)

    return make


@pytest.mark.launched
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("stage", ["style", "temporal"])
def test_a_killed_run_ends_in_the_same_bytes(launch, stage: str, engine: str) -> None:
    moments = random.Random()
    whole, broken = launch(stage, engine, "whole"), launch(stage, engine, "broken")
    whole.finish()
    step, delay = moments.randint(1, STEPS - 3), moments.uniform(0, 0.2)
    broken.kill(broken.start(), step, delay, signal.SIGKILL)
    reached = broken.saved_steps()
    broken.finish("--resume")
    assert hashes(broken.run_dir) == hashes(whole.run_dir), f"killed {delay:.3f} s after {step}: {reached}"
    assert {"adapter.safetensors", "temporal.safetensors"} <= set(hashes(whole.run_dir))


@pytest.mark.launched
def test_sigterm_saves_the_step_and_ends_cleanly(launch) -> None:
    whole, stopped = launch("style", "one process", "whole"), launch("style", "one process", "stopped")
    stopped.overrides = [*SETTINGS, "run.checkpoint_every=1000"]
    whole.finish()
    process = stopped.start()
    while "step 1 of" not in stopped.words():
        assert process.poll() is None, stopped.words()
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0, stopped.words()
    assert "go on with --resume" in stopped.words()
    assert len(stopped.saved_steps()) == 1
    assert not (stopped.run_dir / "run.lock").exists()
    stopped.finish("--resume")
    for name in ("adapter.safetensors", "temporal.safetensors"):
        assert hashes(stopped.run_dir)[name] == hashes(whole.run_dir)[name]
