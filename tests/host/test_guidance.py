"""Dual guidance against the host's own three-way guider and against the formula, and what it costs."""

from __future__ import annotations

from typing import Any

import comfy.samplers
import pytest
import torch
from comfy.ldm.modules.attention import optimized_attention
from jobs import dual_guider, noise, plain_guider, relative_error, run
from neighbours import attn2_keys
from probe import eps_of, eps_single
from watch import watched


@pytest.fixture(params=["video", "sdxl"])
def family(request: pytest.FixtureRequest, golden: Any, golden_sdxl: Any) -> Any:
    return golden if request.param == "video" else golden_sdxl


def host_guider(family: Any, cfg_text: float, cfg_style: float) -> Any:
    return family.run_node(
        "DualCFGGuider",
        model=family.model,
        cond1=family.styled(0),
        cond2=family.text(0),
        negative=family.empty(0),
        cfg_conds=cfg_style,
        cfg_cond2_negative=cfg_text,
        style="regular",
    )[0]


@pytest.mark.parametrize(("cfg_text", "cfg_style"), [(16.0, 8.5), (7.5, 5.0), (3.0, 12.0), (0.0, 2.0)])
def test_one_evaluation_is_the_hosts(family: Any, cfg_text: float, cfg_style: float) -> None:
    ours = dual_guider(family, cfg_text=cfg_text, cfg_style=cfg_style)
    x, timestep = family.x(0), family.timestep(0)
    expected = eps_of(host_guider(family, cfg_text, cfg_style), x, timestep)
    assert relative_error(eps_of(ours, x, timestep), expected) < 1e-5


@pytest.mark.parametrize(("sampler", "scheduler"), [("euler", "ddim_uniform"), ("dpmpp_2m", "karras")])
def test_a_whole_sampling_is_the_hosts(family: Any, sampler: str, scheduler: str) -> None:
    height, width = family.x(0).shape[-2:]
    start = noise(4, height, width)
    ours = run(dual_guider(family, cfg_text=7.5, cfg_style=5.0), start, sampler, scheduler)
    expected = run(host_guider(family, 7.5, 5.0), start, sampler, scheduler)
    assert relative_error(ours, expected) < 1e-5


@pytest.mark.parametrize(
    ("cfg_text", "cfg_style", "has_style", "passes"),
    [
        pytest.param(16.0, 8.5, True, 3, id="in general"),
        pytest.param(7.5, 7.5, True, 2, id="equal scales"),
        pytest.param(1.0, 8.5, True, 2, id="text scale 1"),
        pytest.param(16.0, 0.0, True, 2, id="style scale 0"),
        pytest.param(16.0, 8.5, False, 2, id="no style"),
        pytest.param(1.0, 1.0, True, 1, id="both scales 1"),
        pytest.param(1.0, 0.0, True, 1, id="text alone"),
    ],
)
def test_only_the_passes_that_have_weight(
    family: Any, cfg_text: float, cfg_style: float, has_style: bool, passes: int
) -> None:
    model, watcher = watched(family.model)
    positive = family.styled(0) if has_style else family.text(0)
    guider = dual_guider(family, model=model, positive=positive, cfg_text=cfg_text, cfg_style=cfg_style)
    x, timestep = family.x(0), family.timestep(0)
    eps = eps_of(guider, x, timestep)
    assert [call.passes for call in watcher.calls] == [passes], "one call for all conditions"
    assert watcher.calls[0].rows == passes * len(x)
    assert set(watcher.calls[0].roles) <= {0, 1}, "other packs know two"
    assert watcher.styled_passes == int(has_style and cfg_style != 0)

    empty, text, styled = (
        eps_single(family.model, conditioning, x, timestep)
        for conditioning in (family.empty(0), family.text(0), positive)
    )
    expected = empty + cfg_style * (styled - text) + cfg_text * (text - empty)
    assert relative_error(eps, expected) < 1e-5


def test_a_styled_positive_under_the_hosts_plain_guider(golden: Any) -> None:
    """One scale for both, as any sampler node of the host does it."""
    x, timestep = golden.x(0), golden.timestep(0)
    eps = eps_of(plain_guider(golden.model, golden.styled(0), golden.empty(0), cfg=7.5), x, timestep)
    empty, styled = (eps_single(golden.model, c, x, timestep) for c in (golden.empty(0), golden.styled(0)))
    assert relative_error(eps, empty + 7.5 * (styled - empty)) < 1e-5


def test_a_guider_that_keeps_the_empty_pass_when_asked(golden: Any) -> None:
    """Other packs read the empty prediction even where its weight is zero."""
    model, watcher = watched(golden.model)
    seen: list[torch.Tensor] = []

    def keep(arguments: dict) -> torch.Tensor:
        seen.append(arguments["uncond_denoised"])
        return arguments["denoised"]

    model.set_model_sampler_post_cfg_function(keep, disable_cfg1_optimization=True)
    eps_of(dual_guider(golden, model=model, cfg_text=1.0, cfg_style=2.0), golden.x(0), golden.timestep(0))
    assert watcher.passes == 3
    assert seen[0].abs().max() > 0


def indexing_pack(model: Any) -> Any:
    """A pack that picks its own tokens by the number of each condition, 0 or 1, as an image adapter does."""
    clone = model.clone()

    def attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, extra_options: dict) -> torch.Tensor:
        numbers = extra_options["cond_or_uncond"]
        share = torch.tensor([(0.5, 1.0)[number] for number in numbers]).repeat_interleave(
            len(q) // len(numbers)
        )
        return optimized_attention(q, k, v, extra_options["n_heads"]) * share[:, None, None]

    for key in attn2_keys(model):
        clone.set_model_attn2_replace(attend, *key)
    return clone


@pytest.mark.parametrize("apart", [False, True])
def test_a_pack_that_knows_two_conditions(golden: Any, monkeypatch: pytest.MonkeyPatch, apart: bool) -> None:
    """Both positive conditions are positive to it, whether or not the host batches them."""
    if apart:
        monkeypatch.setattr(comfy.samplers, "can_concat_cond", lambda first, second: first is second)
    model = indexing_pack(golden.model)
    x, timestep = golden.x(0), golden.timestep(0)
    empty_as_negative = eps_of(plain_guider(model, golden.text(0), golden.empty(0), cfg=0.0), x, timestep)
    text, styled = (eps_single(model, c, x, timestep) for c in (golden.text(0), golden.styled(0)))
    expected = empty_as_negative + 3.0 * (styled - text) + 5.0 * (text - empty_as_negative)
    assert relative_error(eps_of(dual_guider(golden, model=model), x, timestep), expected) < 1e-5


def test_a_wrapper_of_the_model_function_knows_two_conditions(golden: Any) -> None:
    seen: set[int] = set()

    def wrapper(apply: Any, call: dict) -> torch.Tensor:
        seen.update(call["cond_or_uncond"])
        return apply(call["input"], call["timestep"], **call["c"])

    model = golden.model.clone()
    model.set_model_unet_function_wrapper(wrapper)
    x, timestep = golden.x(0), golden.timestep(0)
    wrapped = eps_of(dual_guider(golden, model=model), x, timestep)
    assert seen == {0, 1}
    assert torch.equal(wrapped, eps_of(dual_guider(golden), x, timestep))


def test_a_pack_that_predicts_in_the_hosts_place(golden: Any) -> None:
    """It gets at most two conditions at a time, as the host's own guider would ask it."""
    asked: list[int] = []

    def predict(arguments: dict) -> list[torch.Tensor]:
        asked.append(len(arguments["conds"]))
        return comfy.samplers.calc_cond_batch(
            *(arguments[name] for name in ("model", "conds", "input", "sigma", "model_options"))
        )

    model = golden.model.clone()
    model.set_model_sampler_calc_cond_batch_function(predict)
    x, timestep = golden.x(0), golden.timestep(0)
    elsewhere = eps_of(dual_guider(golden, model=model), x, timestep)
    assert asked == [2, 2]
    assert relative_error(elsewhere, eps_of(dual_guider(golden), x, timestep)) < 1e-5
