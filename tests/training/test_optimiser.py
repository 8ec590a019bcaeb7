"""Optimisers by name, and the learning rate of every step."""

import itertools
import math
from pathlib import Path

import pytest
import torch
from config_samples import small_config
from torch import nn

from stylecrafter_core import load_adapter
from stylecrafter_core.errors import InputError
from stylecrafter_core.training.optimiser import learning_rate, make_optimiser, set_learning_rate

GOLDEN = Path(__file__).parents[1] / "golden"


def section(tmp_path, *overrides: str):
    return small_config(tmp_path, *(f"optimiser.{override}" for override in overrides)).optimiser


def weights(*names: str) -> list[tuple[str, nn.Parameter]]:
    return [(name, nn.Parameter(torch.ones(3))) for name in names or ("weight",)]


def rates(tmp_path, steps: int, *overrides: str) -> list[float]:
    config = section(tmp_path, "lr=0.1", *overrides)
    return [learning_rate(config, step, steps) for step in range(steps)]


def test_constant(tmp_path):
    assert rates(tmp_path, 5) == [0.1] * 5


def test_linear_goes_to_the_final_rate_on_a_line(tmp_path):
    found = rates(tmp_path, 5, "schedule=linear", "final_lr=0.2")
    assert found == pytest.approx([0.1, 0.08, 0.06, 0.04, 0.02])


def test_the_published_second_stage_ends_at_one_percent(tmp_path):
    found = rates(tmp_path, 1000, "schedule=linear")
    assert found[0] == 0.1
    assert found[-1] == pytest.approx(0.001)


def test_cosine_goes_to_the_final_rate_on_half_a_wave(tmp_path):
    found = rates(tmp_path, 5, "schedule=cosine", "final_lr=0")
    expected = [0.1 * (1 + math.cos(math.pi * share)) / 2 for share in (0, 0.25, 0.5, 0.75, 1)]
    assert found == pytest.approx(expected)
    assert found[-1] == 0


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_the_warm_up_rises_to_the_full_rate_and_then_the_schedule_begins(tmp_path, schedule):
    found = rates(tmp_path, 12, f"schedule={schedule}", "warmup_steps=4", "final_lr=0.5")
    assert found[:5] == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.1])
    assert found[-1] == pytest.approx(0.1 if schedule == "constant" else 0.05)
    assert all(after <= before for before, after in itertools.pairwise(found[4:]))


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
@pytest.mark.parametrize(("steps", "warmup"), [(1, 0), (2, 0), (3, 3), (3, 2), (3, 9)])
def test_short_runs(tmp_path, schedule, steps, warmup):
    found = rates(tmp_path, steps, f"schedule={schedule}", f"warmup_steps={warmup}")
    assert all(0 < rate < 0.1 + 1e-12 for rate in found)
    assert found[0] == pytest.approx(0.1 / max(1, warmup))


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("scale_predictor_lr", "adapter.scale_predictor.head.0.weight"),
        ("style_norm_lr", "adapter.style_kv.3.norm.weight"),
        ("style_norm_lr", "adapter.style_kv.12.norm.bias"),
    ],
)
@pytest.mark.parametrize("share", [0.25, 20.0])
def test_a_part_learns_at_its_share_of_the_rate(tmp_path, field, name, share):
    others = ["adapter.style_kv.3.to_k.weight", "adapter.style_transformer.blocks.0.norm.weight"]
    trained = weights(name, *others)
    optimiser = make_optimiser(section(tmp_path, "name=torch.optim.SGD", f"{field}={share}"), trained)
    set_learning_rate(optimiser, 0.5)
    sum(weight.sum() for _, weight in trained).backward()
    optimiser.step()
    assert [weight[0].item() for _, weight in trained] == [1 - 0.5 * share, 1 - 0.5, 1 - 0.5]


def test_by_default_all_weights_learn_at_one_rate(tmp_path):
    parts = ("scale_predictor.head.0.weight", "style_kv.0.to_k.weight", "style_kv.0.norm.weight")
    trained = weights(*(f"adapter.{part}" for part in parts))
    optimiser = make_optimiser(section(tmp_path), trained)
    set_learning_rate(optimiser, 0.5)
    assert [group["lr"] for group in optimiser.param_groups] == [0.5]


@pytest.mark.parametrize(
    "name", ["AdamW", "Adam", "SGD", "Adafactor", "RMSprop", "Adagrad", "NAdam", "RAdam"]
)
def test_any_class_by_its_path(tmp_path, name):
    trained = weights()
    optimiser = make_optimiser(section(tmp_path, f"name=torch.optim.{name}", "lr=0.1"), trained)
    assert type(optimiser) is getattr(torch.optim, name)
    assert optimiser.param_groups[0]["lr"] == 0.1
    trained[0][1].sum().backward()
    optimiser.step()
    assert (trained[0][1] < 1).all()


def test_arguments_reach_the_class(tmp_path):
    config = section(tmp_path, "args={betas: [0.8, 0.9], eps: 1e-7, weight_decay: 0.0}")
    group = make_optimiser(config, iter(weights())).param_groups[0]
    assert tuple(group["betas"]) == (0.8, 0.9)
    assert (group["eps"], group["weight_decay"]) == (1e-7, 0)


BAD_NAMES = {
    "no path": "AdamW",
    "no such class": "torch.optim.AdamV",
    "no such package": "lion_of_nowhere.Lion",
    "empty": "''",
    "relative": "..optim.AdamW",
    "dot at the end": "torch.optim.",
}
NO_OPTIMISERS = [
    "torch.optim",
    "torch.nn.Linear",
    "builtins.print",
    "builtins.dict",
    "torch.optim.lr_scheduler.StepLR",
]


@pytest.mark.parametrize("name", BAD_NAMES.values(), ids=BAD_NAMES)
def test_a_name_that_leads_nowhere(tmp_path, name):
    config = section(tmp_path, f"name={name}")
    with pytest.raises(InputError, match="cannot be found") as caught:
        make_optimiser(config, weights())
    assert f"optimiser.name: {config.name}" in caught.value.found
    assert "torch.optim.AdamW" in caught.value.expected


@pytest.mark.parametrize("name", NO_OPTIMISERS)
def test_a_name_of_something_else(tmp_path, name, capsys):
    with pytest.raises(InputError, match="is not an optimiser") as caught:
        make_optimiser(section(tmp_path, f"name={name}"), weights())
    assert name in caught.value.found
    assert capsys.readouterr().out == "", "it was not called"


@pytest.mark.parametrize("args", ["{speed: 1}", "{eps: -1}", "{betas: 3}", "{lr: 0.1}", "{betas: [2, 3]}"])
def test_arguments_that_it_does_not_take(tmp_path, args):
    config = section(tmp_path, f"args={args}")
    with pytest.raises(InputError, match=r"torch\.optim\.AdamW does not take these arguments") as caught:
        make_optimiser(config, weights())
    assert str(config.args) in caught.value.found
    assert "optimiser.args" in caught.value.fix


@pytest.mark.parametrize("published", ["video_a/adapter.pth", "sdxl_a/adapter.ckpt"])
def test_the_parts_of_a_real_adapter_are_found(tmp_path, published):
    adapter = load_adapter(GOLDEN / published)
    names = {id(weight): name for name, weight in adapter.named_parameters()}
    config = section(tmp_path, "scale_predictor_lr=0.5", "style_norm_lr=20")
    groups = {
        group["lr_share"]: [names[id(weight)] for weight in group["params"]]
        for group in make_optimiser(config, adapter.named_parameters()).param_groups
    }
    assert groups.keys() == {0.5, 1.0, 20.0}
    assert groups[0.5] == [name for name in names.values() if name.startswith("scale_predictor.")]
    norms = [module for module in adapter.style_kv.modules() if isinstance(module, nn.LayerNorm)]
    assert len(groups[20.0]) == sum(len(list(norm.parameters())) for norm in norms) > 0


@pytest.mark.parametrize("field", ["scale_predictor_lr", "style_norm_lr"])
def test_a_rate_that_nothing_has_is_told(tmp_path, caplog, field):
    with caplog.at_level("INFO"):
        make_optimiser(section(tmp_path, f"{field}=20"), weights("adapter.style_kv.0.to_k.weight"))
    assert caplog.messages == [f"optimiser.{field} has no effect: no weight that it is for is trained"]
