"""Parts of the sampling, masks, areas, several prompts: the host's own nodes on a styled prompt."""

from __future__ import annotations

from typing import Any

import comfy.samplers
import pytest
import torch
from golden_video import EXPECTED, GoldenVideo
from jobs import CFG_STYLE, CFG_TEXT, STEPS, core, dual_guider, noise, plain_guider, relative_error, run
from probe import eps_of, eps_single
from torch import Tensor
from watch import watched


def percent_of(model: Any, sigma: Tensor) -> float:
    """The part of the sampling, 0 (noise) to 1 (picture), that a sigma marks."""
    return 1.0 - float(model.get_model_object("model_sampling").timestep(sigma)) / 999.0


@pytest.fixture
def middle(golden: GoldenVideo) -> float:
    """A part of the sampling between the first step and the others."""
    sampling = golden.model.get_model_object("model_sampling")
    sigmas = comfy.samplers.calculate_sigmas(sampling, "ddim_uniform", STEPS)
    first, second = (percent_of(golden.model, sigma) for sigma in sigmas[:2])
    return (first + second) / 2


class Switching(comfy.samplers.CFGGuider):
    """By hand: one conditioning while sigma is above a bound, another one below."""

    def __init__(self, model: Any, early: list, late: list, sigma: float):
        super().__init__(model)
        self.inner_set_conds({"early": early, "late": late})
        self.sigma = sigma

    def predict_noise(self, x: Tensor, timestep: Tensor, model_options: dict, seed: Any = None) -> Tensor:
        conds = self.conds["early" if float(timestep[0]) > self.sigma else "late"]
        return comfy.samplers.calc_cond_batch(self.inner_model, [conds], x, timestep, model_options)[0]


@pytest.mark.parametrize("part", ["early", "late"])
def test_style_acts_in_its_part_only(golden: GoldenVideo, middle: float, part: str) -> None:
    bounds = {"end_at": middle} if part == "early" else {"start_at": middle}
    model, watcher = watched(golden.model)
    out = run(plain_guider(model, golden.styled(0, **bounds)), noise(4))
    steps_with_style = {"early": [True, False, False], "late": [False, True, True]}[part]
    assert [call.styled for call in watcher.calls] == steps_with_style

    sigma = float(golden.model.get_model_object("model_sampling").percent_to_sigma(middle))
    pair = (golden.styled(0), golden.text(0))
    by_hand = Switching(golden.model, *(pair if part == "early" else pair[::-1]), sigma)
    assert torch.equal(out, run(by_hand, noise(4)))


@pytest.mark.parametrize("part", ["early", "late"])
@pytest.mark.parametrize("sampler", ["guider", "KSampler"])
def test_a_styled_pass_runs_only_where_the_style_acts(
    golden: GoldenVideo, pack: Any, monkeypatch: pytest.MonkeyPatch, middle: float, part: str, sampler: str
) -> None:
    """Where it does not act it would repeat the text-only pass: the same result with a pass less."""
    bounds = {"end_at": middle} if part == "early" else {"start_at": middle}
    positive = golden.styled(0, **bounds)
    model, watcher = watched(golden.model)
    if sampler == "guider":
        guider = dual_guider(golden, model=model, positive=positive)
    else:
        (dual,) = golden.run_node("StyleCrafterDualCFG", model=model, cfg_style=CFG_STYLE)
        guider = plain_guider(dual, positive, golden.empty(0), cfg=CFG_TEXT)
    ours = run(guider, noise(4))
    steps_with_style = {"early": 1, "late": STEPS - 1}[part]
    assert watcher.styled_passes == steps_with_style
    assert watcher.passes == 2 * STEPS + steps_with_style

    with monkeypatch.context() as patched:
        patched.setattr(core(pack, "comfy_host.guider").Step, "is_styled", lambda *_: True)
        all_passes = run(guider, noise(4))
    assert watcher.passes == 5 * STEPS + steps_with_style
    assert relative_error(ours, all_passes) < 1e-5


def test_the_hosts_own_range_does_the_same(golden: GoldenVideo, middle: float) -> None:
    def limited(conditioning: list, start: float, end: float) -> list:
        return golden.run_node(
            "ConditioningSetTimestepRange", conditioning=conditioning, start=start, end=end
        )[0]

    both = limited(golden.styled(0), 0.0, middle) + limited(golden.text(0), middle, 1.0)
    out = run(dual_guider(golden, positive=both), noise(4))
    ours = run(dual_guider(golden, positive=golden.styled(0, end_at=middle)), noise(4))
    assert relative_error(out, ours) < 1e-5
    assert relative_error(out, run(dual_guider(golden), noise(4))) > 1e-3


def half_mask() -> Tensor:
    mask = torch.zeros(1, 64, 64)
    mask[:, :, :32] = 1.0
    return mask


def test_masks_share_the_picture_between_two_prompts(golden: GoldenVideo) -> None:
    """At one step a mask is a blend of the two predictions, so it can be written down."""

    def masked(conditioning: list, mask: Tensor) -> list:
        return golden.run_node(
            "ConditioningSetMask",
            conditioning=conditioning,
            mask=mask,
            strength=1.0,
            set_cond_area="default",
        )[0]

    (both,) = golden.run_node(
        "ConditioningCombine",
        conditioning_1=masked(golden.styled(0), half_mask()),
        conditioning_2=masked(golden.text(0), 1.0 - half_mask()),
    )
    x, timestep = golden.x(0), golden.timestep(0)
    out = eps_single(golden.model, both, x, timestep)
    styled, text = (eps_single(golden.model, c, x, timestep) for c in (golden.styled(0), golden.text(0)))
    torch.testing.assert_close(out[..., :4], styled[..., :4], atol=1e-5, rtol=0)
    torch.testing.assert_close(out[..., 4:], text[..., 4:], atol=1e-5, rtol=0)
    assert (styled - text).abs().max() > 1e-2


def test_an_area_is_the_style_on_that_part_of_the_latent(golden: GoldenVideo) -> None:
    """The right half with its own prompt sees the right half of the latent and nothing else."""
    x, timestep = golden.x(0).repeat(1, 1, 2, 2), golden.timestep(0)
    (area,) = golden.run_node(
        "ConditioningSetArea",
        conditioning=golden.styled(0),
        width=64,
        height=128,
        x=64,
        y=0,
        strength=1.0,
    )
    out = eps_single(golden.model, area, x, timestep)
    alone = eps_single(golden.model, golden.styled(0), x[..., 8:].contiguous(), timestep)
    torch.testing.assert_close(out[..., 8:], alone, atol=1e-4, rtol=0)


@pytest.fixture(params=["batched", "apart"])
def batching(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whether the host may run conditions in one call."""
    if request.param == "apart":
        monkeypatch.setattr(comfy.samplers, "can_concat_cond", lambda first, second: first is second)
    return request.param


def test_two_prompts_of_two_styles(golden: GoldenVideo, batching: str) -> None:
    """Combined prompts are averaged by the host; each keeps its own style."""
    (both,) = golden.run_node(
        "ConditioningCombine", conditioning_1=golden.styled(0), conditioning_2=golden.styled(1, strength=0.7)
    )
    x, timestep = golden.x(0), golden.timestep(0)
    model, watcher = watched(golden.model)
    out = eps_single(model, both, x, timestep)
    assert [call.passes for call in watcher.calls] == ([2] if batching == "batched" else [1, 1])
    alone = [
        eps_single(golden.model, c, x, timestep) for c in (golden.styled(0), golden.styled(1, strength=0.7))
    ]
    assert relative_error(out, (alone[0] + alone[1]) / 2) < 1e-5


def styled_with(golden: GoldenVideo, b: int, text: Tensor) -> list:
    return golden.run_node(
        "StyleCrafterApplyStyle",
        conditioning=[[text, {}]],
        style=golden.style(b),
        strength=1.0,
        start_at=0.0,
        end_at=1.0,
    )[0]


def test_gains_do_not_depend_on_how_the_host_pads(golden: GoldenVideo, batching: str) -> None:
    """A prompt of 154 tokens beside one of 77: in one call the host repeats the short one."""
    long = torch.cat([EXPECTED["text"][0:1], EXPECTED["text"][1:2].flip(1)], dim=1)
    first, second = styled_with(golden, 0, long), golden.styled(1)
    x, timestep = golden.x(0), golden.timestep(0)
    model, watcher = watched(golden.model)
    out = eps_single(model, first + second, x, timestep)
    assert len(watcher.calls) == (1 if batching == "batched" else 2)
    alone = [eps_single(golden.model, c, x, timestep) for c in (first, second)]
    assert relative_error(out, (alone[0] + alone[1]) / 2) < 1e-5


@pytest.mark.usefixtures("batching")
def test_a_long_prompt_under_dual_guidance(golden: GoldenVideo) -> None:
    long = torch.cat([EXPECTED["text"][0:1], EXPECTED["text"][1:2].flip(1)], dim=1)
    x, timestep = golden.x(0), golden.timestep(0)
    styled = styled_with(golden, 0, long)
    eps = eps_of(dual_guider(golden, positive=styled), x, timestep)
    e, t, s = (eps_single(golden.model, c, x, timestep) for c in (golden.empty(0), [[long, {}]], styled))
    assert relative_error(eps, e + 3.0 * (s - t) + 5.0 * (t - e)) < 1e-5


@pytest.mark.parametrize("prompts", [4, 2, 6], ids=["one a frame", "fewer than frames", "more than frames"])
@pytest.mark.usefixtures("batching")
def test_a_prompt_for_every_frame(golden: GoldenVideo, prompts: int) -> None:
    """The host repeats or cuts a batch of prompts to the frames; gains follow their prompt."""
    x, timestep = golden.x(0), golden.timestep(0)
    choice = [0, 1, 1, 0, 1, 0][:prompts]
    per_frame = torch.cat([EXPECTED["text"][b : b + 1] for b in choice])
    repeated = (per_frame.repeat(2, 1, 1))[: len(x)]
    model, watcher = watched(golden.model)
    out = eps_single(model, styled_with(golden, 0, per_frame), x, timestep)
    assert all(call.styled for call in watcher.calls)
    torch.testing.assert_close(
        out, eps_single(golden.model, styled_with(golden, 0, repeated), x, timestep), atol=1e-5, rtol=0
    )
    same = styled_with(golden, 0, EXPECTED["text"][0:1].repeat(prompts, 1, 1))
    assert relative_error(
        eps_single(golden.model, same, x, timestep), eps_single(golden.model, golden.styled(0), x, timestep)
    ) < 1e-5  # fmt: skip
