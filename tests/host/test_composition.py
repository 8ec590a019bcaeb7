"""The composition matrix: samplers × neighbours × families × how the host batches conditions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import comfy.samplers
import pytest
import torch
from golden_video import GoldenVideo
from neighbours import Neighbour, all_neighbours, three_way_guider
from torch import Tensor

NEIGHBOURS = (
    "nothing",
    "lora",
    "controlnet",
    "foreign attention before",
    "foreign attention after",
    "context windows",
    "pag",
    "rescale cfg",
    "three-way guider",
)
# What does not care which sampler asks.
MORE_NEIGHBOURS = (
    "easy cache",
    "lazy cache",
    "tome",
    "hyper tile",
    "sag",
    "cfg zero star",
    "differential diffusion",
    "merge",
)
SAMPLERS = ("KSampler", "KSamplerAdvanced", "SamplerCustomAdvanced")
# A guider of another kind has a place at SamplerCustomAdvanced only.
CELLS = tuple(
    (name, sampler)
    for name in NEIGHBOURS
    for sampler in SAMPLERS
    if name != "three-way guider" or sampler == "SamplerCustomAdvanced"
)
CELLS += tuple((name, "KSampler") for name in MORE_NEIGHBOURS)
CFG_TEXT, CFG_STYLE, STEPS, SEED = 5.0, 3.0, 2, 7
FRAMES = 4
# The host's context windows need as many pictures as sigmas; on the video model ours lift that.
PICTURES = STEPS + 1


@dataclass(frozen=True)
class Job:
    """One cell of the matrix, ready to run with any conditioning.

    Attributes:
        sampler: node id.
        latent: zeros, as the sampler gets them.
        text: the positive prompt without a style.
        guider: see Neighbour.
    """

    sampler: str
    run_node: Callable[..., tuple]
    latent: Tensor
    text: list
    guider: Callable[..., Any] | None = None

    def __call__(self, model: Any, positive: list, negative: list) -> Tensor:
        latent = {"samples": self.latent}
        common = {"model": model, "positive": positive, "negative": negative, "steps": STEPS}
        common |= {"cfg": CFG_TEXT, "sampler_name": "euler", "scheduler": "ddim_uniform"}
        if self.sampler == "KSampler":
            out = self.run_node("KSampler", **common, seed=SEED, latent_image=latent, denoise=1.0)
        elif self.sampler == "KSamplerAdvanced":
            out = self.run_node(
                "KSamplerAdvanced",
                **common,
                noise_seed=SEED,
                latent_image=latent,
                add_noise="enable",
                start_at_step=0,
                end_at_step=STEPS,
                return_with_leftover_noise="disable",
            )
        else:
            out = self.custom(self.guider_of(model, positive, negative))
        return out[0]["samples"]

    def guider_of(self, model: Any, positive: list, negative: list) -> Any:
        if self.guider is not None:
            return self.guider(model, positive, self.text, negative, (CFG_TEXT, CFG_STYLE))
        return self.run_node("CFGGuider", model=model, positive=positive, negative=negative, cfg=CFG_TEXT)[0]

    def custom(self, guider: Any) -> tuple:
        (noise,) = self.run_node("RandomNoise", noise_seed=SEED)
        (sampler,) = self.run_node("KSamplerSelect", sampler_name="euler")
        (sigmas,) = self.run_node(
            "BasicScheduler", model=guider.model_patcher, scheduler="ddim_uniform", steps=STEPS, denoise=1.0
        )
        return self.run_node(
            "SamplerCustomAdvanced",
            noise=noise,
            guider=guider,
            sampler=sampler,
            sigmas=sigmas,
            latent_image={"samples": self.latent},
        )


def latent_for(golden: Any) -> Tensor:
    height, width = golden.x(0).shape[-2:]
    rows = FRAMES if isinstance(golden, GoldenVideo) else PICTURES
    return torch.zeros(rows, 4, height, width)


@pytest.fixture(params=["video", "sdxl"])
def family(request: pytest.FixtureRequest, golden: Any, golden_sdxl: Any) -> Any:
    return golden if request.param == "video" else golden_sdxl


@pytest.fixture(params=["batched", "apart"])
def batching(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "apart":
        monkeypatch.setattr(comfy.samplers, "can_concat_cond", lambda first, second: first is second)
    return request.param


@pytest.mark.parametrize(("name", "sampler"), CELLS)
@pytest.mark.usefixtures("batching")
def test_job_runs_is_deterministic_and_is_untouched_without_style(
    name: str, sampler: str, family: Any, run_node: Callable
) -> None:
    neighbour: Neighbour = all_neighbours(run_node)[name]
    job = Job(sampler, run_node, latent_for(family), family.text(0), neighbour.guider)
    foundation = neighbour.before(family.plain)
    (patched,) = run_node("StyleCrafterPatchModel", model=foundation, adapter=family.adapter)
    (dual,) = run_node("StyleCrafterDualCFG", model=neighbour.after(patched), cfg_style=CFG_STYLE)
    plain = neighbour.after(foundation)
    styled, negative = neighbour.around(family.plain, family.styled(0), family.empty(0))
    off, _ = neighbour.around(family.plain, family.styled(0, strength=0.0), family.empty(0))
    text, _ = neighbour.around(family.plain, family.text(0), family.empty(0))

    first = job(dual, styled, negative)
    assert torch.isfinite(first).all()
    assert torch.equal(first, job(dual, styled, negative))

    without_our_nodes = job(plain, text, negative)
    assert torch.equal(job(neighbour.after(patched), off, negative), without_our_nodes)
    assert not torch.allclose(first, without_our_nodes, atol=1e-4)


@pytest.mark.usefixtures("batching")
def test_four_ways_to_the_same_latent(family: Any, run_node: Callable) -> None:
    """Guider, one-box sampler, KSampler with dual CFG and the host's three-way guider agree."""
    latent = latent_for(family)
    job = Job("KSampler", run_node, latent, family.text(0))
    positive, negative = family.styled(0), family.empty(0)
    (dual,) = run_node("StyleCrafterDualCFG", model=family.model, cfg_style=CFG_STYLE)
    scales = {"cfg_text": CFG_TEXT, "cfg_style": CFG_STYLE}
    conditions = {"model": family.model, "positive": positive, "negative": negative}
    (guider,) = run_node("StyleCrafterGuider", **conditions, **scales)
    make_host_guider = three_way_guider(run_node)
    host_guider = make_host_guider(family.model, positive, job.text, negative, (CFG_TEXT, CFG_STYLE))
    (one_box,) = run_node(
        "StyleCrafterSampler",
        **conditions,
        **scales,
        latent_image={"samples": latent},
        seed=SEED,
        steps=STEPS,
        sampler_name="euler",
        scheduler="ddim_uniform",
        denoise=1.0,
    )
    ways = {
        "KSampler": job(dual, positive, negative),
        "guider": job.custom(guider)[0]["samples"],
        "one box": one_box["samples"],
    }
    expected = job.custom(host_guider)[0]["samples"]
    for way, latent_of_way in ways.items():
        difference = (latent_of_way - expected).abs().max() / expected.abs().max()
        assert difference < 1e-5, way


@pytest.mark.parametrize("sampler", ["KSampler", "guider", "one box"])
def test_outside_the_guidance_interval_the_styled_prediction_stands_alone(
    sampler: str, family: Any, run_node: Callable
) -> None:
    """An interval that begins after the last step leaves every step unguided: plain sampling at scale 1."""
    positive, negative = family.styled(0), family.empty(0)
    (limited,) = run_node("StyleCrafterGuidanceInterval", model=family.model, start_at=0.999, end_at=1.0)
    job = Job("KSampler", run_node, latent_for(family), family.text(0))
    if sampler == "KSampler":
        (dual,) = run_node("StyleCrafterDualCFG", model=limited, cfg_style=CFG_STYLE)
        out = job(dual, positive, negative)
    else:
        conditions = {"model": limited, "positive": positive, "negative": negative}
        scales = {"cfg_text": CFG_TEXT, "cfg_style": CFG_STYLE}
        out = (
            job.custom(run_node("StyleCrafterGuider", **conditions, **scales)[0])[0]["samples"]
            if sampler == "guider"
            else run_node(
                "StyleCrafterSampler",
                **conditions,
                **scales,
                latent_image={"samples": job.latent},
                seed=SEED,
                steps=STEPS,
                sampler_name="euler",
                scheduler="ddim_uniform",
                denoise=1.0,
            )[0]["samples"]
        )
    (guider,) = run_node("CFGGuider", model=family.model, positive=positive, negative=negative, cfg=1.0)
    torch.testing.assert_close(out, job.custom(guider)[0]["samples"])
