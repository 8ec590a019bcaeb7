"""Dual guidance against the host's own three-way guider and against the formula, and what it costs."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from jobs import dual_guider, noise, plain_guider, relative_error, run
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
    assert watcher.passes == passes
    assert sum(call.rows for call in watcher.calls) == passes * len(x)
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
