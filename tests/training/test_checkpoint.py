"""Checkpoints: everything comes back as it was, and the oldest go."""

import json
import math

import pytest
import torch
from config_samples import small_config
from small_checkpoint import WEIGHTS, names, progress, write_weights
from torch import nn

from stylecrafter_core.training.checkpoint import Checkpoints, read_progress, step_of
from stylecrafter_core.training.optimiser import make_optimiser


@pytest.fixture
def checkpoints(tmp_path):
    return Checkpoints(tmp_path / "checkpoints", keep=2)


def assert_same(found, expected) -> None:
    """Same nesting, types of numbers and bits."""
    if isinstance(expected, torch.Tensor):
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        assert found.contiguous().view(-1).view(torch.uint8).tolist() == (
            expected.contiguous().view(-1).view(torch.uint8).tolist()
        )
    elif isinstance(expected, dict):
        assert list(found) == list(expected)
        for key in expected:
            assert_same(found[key], expected[key])
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    else:
        assert type(found) is type(expected)
        assert found == expected or math.isnan(expected)


def test_what_was_saved_is_read(checkpoints, tmp_path):
    average = {"adapter.a.weight": torch.randn(2, 3), "adapter.b": torch.randn(4)}
    saved = progress(7, average=average, averaged=7)
    folder = checkpoints.save(saved, write_weights)
    assert folder == tmp_path / "checkpoints" / "step-7" == checkpoints.latest()
    assert names(folder) == [WEIGHTS, "average.safetensors", "optimiser.json", "optimiser.safetensors"]
    found = read_progress(folder)
    assert (found.step, found.averaged) == (7, 7)
    assert_same(found.optimiser, saved.optimiser)
    assert_same(dict(sorted(found.average.items())), average)


def test_what_is_not_there_is_not_written(checkpoints):
    saved = progress(0, optimiser={"state": {}, "param_groups": []})
    folder = checkpoints.save(saved, write_weights)
    assert names(folder) == [WEIGHTS, "optimiser.json"]
    assert read_progress(folder) == saved


def test_values_of_every_kind_come_back_bit_by_bit(checkpoints):
    values = {
        "step": 12345678901234567890,
        "ratio": 0.1 + 0.2,
        "tiny": 5e-324,
        "infinite": math.inf,
        "not a number": math.nan,
        "none": None,
        "truth": True,
        "text": "ein Füchslein",
        "numbers": [1, 2.5, None],
        "float64": torch.tensor([0.1, math.nan, -0.0], dtype=torch.float64),
        "bfloat16": torch.randn(3).bfloat16(),
        "uint8": torch.arange(5, dtype=torch.uint8),
        "int64": torch.tensor(2**62),
        "truths": torch.tensor([True, False]),
        "empty": torch.zeros(0, 3),
        "turned": torch.randn(3, 4).T,
        "nested": {
            "left": [torch.randn(2), torch.randn(3)],
            "right": {"norm": torch.tensor(1.5), "count": 3},
        },
    }
    saved = progress(
        optimiser={"state": {"a.b/c": values}, "param_groups": [{"betas": (0.9, 0.999), "lr": 1e-7}]}
    )
    assert_same(read_progress(checkpoints.save(saved, write_weights)).optimiser, saved.optimiser)


def test_a_state_on_a_graph_is_saved_and_stays(checkpoints):
    weight = nn.Parameter(torch.ones(2))
    saved = progress(optimiser={"state": {"a": {"value": weight * 2}}, "param_groups": []})
    found = read_progress(checkpoints.save(saved, write_weights))
    assert not found.optimiser["state"]["a"]["value"].requires_grad
    assert saved.optimiser["state"]["a"]["value"].requires_grad


@pytest.mark.parametrize("name", ["AdamW", "SGD", "Adafactor", "RAdam", "Rprop"])
def test_an_optimiser_goes_on_as_if_nothing_had_been(checkpoints, tmp_path, name):
    def trained() -> tuple[nn.Parameter, torch.optim.Optimizer]:
        config = small_config(tmp_path, f"optimiser.name=torch.optim.{name}", "optimiser.lr=0.1").optimiser
        weight = nn.Parameter(torch.linspace(-1, 1, 6).view(2, 3))
        return weight, make_optimiser(config, [("weight", weight)])

    def steps(weight, optimiser, count) -> None:
        for _ in range(count):
            optimiser.zero_grad()
            (weight - 0.3).pow(2).sum().backward()
            optimiser.step()

    whole, optimiser = trained()
    steps(whole, optimiser, 3)
    folder = checkpoints.save(progress(optimiser=optimiser.state_dict()), write_weights)
    halfway = whole.detach().clone()
    steps(whole, optimiser, 3)
    again, optimiser = trained()
    again.data.copy_(halfway)
    state = read_progress(folder).optimiser
    optimiser.load_state_dict({**state, "state": {int(key): value for key, value in state["state"].items()}})
    steps(again, optimiser, 3)
    assert torch.equal(again, whole)


def test_the_oldest_are_deleted(checkpoints, tmp_path):
    for step in (5, 10, 100, 20):
        checkpoints.save(progress(step), write_weights)
    assert names(tmp_path / "checkpoints") == ["step-100", "step-20"]
    assert checkpoints.latest().name == "step-100", "by number, not by letter"


def test_there_is_none_before_the_first(checkpoints, tmp_path):
    assert checkpoints.latest() is None
    (tmp_path / "checkpoints" / "step-x").mkdir(parents=True)
    (tmp_path / "checkpoints" / ".step-9.0a1b2c3d.partial").mkdir()
    assert checkpoints.latest() is None


def test_the_same_step_again_takes_the_older_ones_place(checkpoints, tmp_path):
    checkpoints.save(progress(5, averaged=1), write_weights)
    checkpoints.save(progress(5, averaged=2), write_weights)
    assert names(tmp_path / "checkpoints") == ["step-5"]
    assert read_progress(checkpoints.latest()).averaged == 2


def test_the_state_can_be_read_by_a_person(checkpoints):
    folder = checkpoints.save(progress(5), write_weights)
    saved = json.loads((folder / "optimiser.json").read_text())
    assert saved["optimiser"]["param_groups"][0]["lr"] == 1e-3
    assert "/state/adapter.a.weight/exp_avg" in str(saved)


def test_a_folder_is_a_checkpoint_by_its_name(tmp_path):
    assert step_of(tmp_path / "step-120") == 120
    for name in ("step-", "step-1x", "steps-1", ".step-1.0a1b2c3d.partial"):
        with pytest.raises(ValueError, match="is not a checkpoint"):
            step_of(tmp_path / name)
