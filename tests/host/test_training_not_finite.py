"""A loss or gradient that is not finite: skipped, then the end of the run; such weights are never saved."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

pytestmark = pytest.mark.usefixtures("in_process")
QUIET = ("run.validate_every=99", "run.sample_every=99", "run.checkpoint_every=1", "data.validation=0")


@pytest.fixture
def run(core: Callable[[str], Any], tiny_config: Callable) -> Callable[..., Any]:
    """`run(spoilt, *overrides) -> (Training, call)`; what `spoilt(step)` gives is added to the losses."""

    def make(spoilt: Callable[[int], float], *overrides: str) -> tuple[Any, Callable[[], bool]]:
        config = tiny_config("style", *QUIET, *overrides)
        config.run.dir.mkdir(exist_ok=True)
        engine = core("training.engine").make_engine(config.engine, True)
        stage = core("training.stages").stage_of("style", config)
        training = core("training.loop").Training(
            core("training.setup").set_up(stage, config, engine), engine
        )
        forward = training.setup.model.forward

        def damaged(inputs: Any) -> torch.Tensor:
            return forward(inputs) + spoilt(training.step + 1)

        training.setup.model.forward = damaged
        return training, lambda: training.run(core("training.stop").StopRequest())

    return make


def lines(folder: Path) -> list[dict]:
    strict: Any = {"parse_constant": lambda name: pytest.fail(f"{name} is no JSON")}
    return [json.loads(line, **strict) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def weights(training: Any) -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in training.trained.items()}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_one_bad_step_is_skipped_and_said(run: Callable, value: float, caplog) -> None:
    training, start = run(lambda step: value if step == 2 else 0.0, "run.steps=3", "optimiser.ema=0.5")
    assert start()
    found = lines(training.config.run.dir)
    assert [line["skipped"] for line in found] == [False, True, False]
    assert found[1]["loss"] is None
    assert found[1]["gradient_norm"] is None
    assert training.average.steps == 2
    assert "Step 2 is skipped, no weight changes" in caplog.text
    assert all(weight.isfinite().all() for weight in weights(training).values())


def test_a_skipped_step_changes_nothing(run: Callable, core: Callable) -> None:
    """The checkpoints before and after the bad step hold the same weights and optimiser state."""
    training, start = run(lambda step: float("nan") if step == 2 else 0.0, "run.steps=2")
    assert start()
    one, two = (training.checkpoints.folder / f"step-{step}" for step in (1, 2))
    assert (one / "optimiser.safetensors").read_bytes() == (two / "optimiser.safetensors").read_bytes()
    first, second = (core("formats").read_adapter(it / "adapter.safetensors").tensors for it in (one, two))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_run_that_stays_bad_ends_with_the_good_weights_kept(run: Callable, core: Callable) -> None:
    training, start = run(lambda step: float("nan") if step > 2 else 0.0, "run.steps=90")
    good = {}
    save = training.save
    training.save = lambda: (save(), good.update(weights(training)))
    with pytest.raises(core("errors").StyleCrafterError, match="Training stops at step 22") as caught:
        start()
    assert "loss nan" in caught.value.found
    assert "step-21" in caught.value.fix
    latest = training.checkpoints.latest()
    saved = core("formats").read_adapter(latest / "adapter.safetensors").tensors
    for name, weight in good.items():
        assert torch.equal(saved[name.removeprefix("adapter.")], weight)
        assert weight.isfinite().all()


def test_weights_that_a_step_has_spoilt_are_never_saved(run: Callable, core: Callable) -> None:
    """A finite gradient, but a learning rate beyond all numbers: the step before stays the newest."""
    training, start = run(lambda step: 0.0, "run.steps=9")
    step = training.engine.step

    def too_far(finite: bool) -> None:
        step(finite)
        if training.step == 2:
            next(iter(training.trained.values())).data.fill_(float("inf"))

    training.engine.step = too_far
    with pytest.raises(core("errors").StyleCrafterError, match="step 3 cannot be saved") as caught:
        start()
    assert next(iter(training.trained)) in caught.value.found
    assert "step-2" in caught.value.fix
    assert training.checkpoints.latest().name == "step-2"
    assert len(lines(training.config.run.dir)) == 3
