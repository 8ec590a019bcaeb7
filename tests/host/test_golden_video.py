"""The nodes in the real host give the recorded numbers of the published implementation."""

from __future__ import annotations

from typing import Any

import comfy.sample
import pytest
import torch
from einops import rearrange
from golden_video import CONFIG, EXPECTED, GoldenVideo, frames
from probe import eps_of, eps_single

ABSOLUTE = 1e-5
BATCH = (0, 1)


def error(eps: torch.Tensor, name: str, b: int) -> float:
    return float((eps - frames(EXPECTED[name][b])).abs().max())


@pytest.mark.parametrize("b", BATCH)
def test_text_and_empty_predictions(golden: GoldenVideo, b: int) -> None:
    for model in (golden.model, golden.plain):
        for name, conditioning in (("eps_text", golden.text(b)), ("eps_empty", golden.empty(b))):
            assert error(eps_single(model, conditioning, golden.x(b), golden.timestep(b)), name, b) < ABSOLUTE


@pytest.mark.parametrize("b", BATCH)
@pytest.mark.parametrize(
    ("name", "references", "strength"),
    [
        ("eps_style_single", slice(0, 1), 1.0),
        ("eps_style_multi", slice(0, 2), 1.0),
        ("eps_style_weight0.6", slice(0, 1), 0.6),
    ],
)
def test_styled_predictions(
    golden: GoldenVideo, b: int, name: str, references: slice, strength: float
) -> None:
    eps = eps_single(golden.model, golden.styled(b, references, strength), golden.x(b), golden.timestep(b))
    assert error(eps, name, b) < ABSOLUTE


@pytest.mark.parametrize("b", BATCH)
def test_styled_prediction_of_one_frame(golden: GoldenVideo, b: int) -> None:
    eps = eps_single(golden.model, golden.styled(b), golden.x(b)[:1], golden.timestep(b))
    assert error(eps, "eps_style_1frame", b) < ABSOLUTE


@pytest.mark.parametrize("b", BATCH)
def test_styled_prediction_with_the_temporal_file(golden: GoldenVideo, b: int, run_node: Any) -> None:
    model, *_ = run_node(
        "StyleCrafterVideoModelLoader",
        ckpt_name="base.ckpt",
        adapter_name="adapter.pth",
        temporal_name="temporal.pth",
    )
    eps = eps_single(model, golden.styled(b), golden.x(b), golden.timestep(b))
    assert error(eps, "eps_style_single_temporal", b) < ABSOLUTE


def test_the_released_sampler_gives_the_recorded_video(golden: GoldenVideo, run_node: Any) -> None:
    settings = CONFIG["sampler"]
    (ddim,) = run_node("StyleCrafterDDIM", eta=settings["eta"])
    (guider,) = run_node(
        "StyleCrafterGuider",
        model=golden.model,
        positive=golden.styled(0),
        negative=golden.empty(0),
        cfg_text=settings["lambda_text_as_released"] + 1,
        cfg_style=settings["lambda_style_as_released"] + 1,
    )
    sigmas = comfy.samplers.calculate_sigmas(
        golden.model.get_model_object("model_sampling"), "ddim_uniform", settings["steps"]
    )
    noise = frames(EXPECTED["x_T"][0])
    with torch.inference_mode():
        out = guider.sample(noise, torch.zeros_like(noise), ddim, sigmas, seed=0, disable_pbar=True)
    out = golden.model.get_model_object("latent_format").process_in(out)
    expected = EXPECTED["ddim_out"][0]
    difference = (rearrange(out, "t c h w -> c t h w") - expected).abs().max()
    assert difference < 1e-4 * expected.abs().max()


@pytest.mark.parametrize("b", BATCH)
def test_gains_and_style_tokens(golden: GoldenVideo, b: int) -> None:
    for references, suffix in ((slice(0, 1), "single"), (slice(0, 2), "multi")):
        style = golden.style(b, references)
        torch.testing.assert_close(style.tokens[0], EXPECTED[f"style_{suffix}"][b], atol=1e-5, rtol=0)
        with torch.inference_mode():
            gains = golden.adapter.layer_gains(style.tokens, EXPECTED["text"][b : b + 1])
        expected = 1 + EXPECTED[f"scale_{suffix}"][b, :, 0]
        torch.testing.assert_close(gains[0], expected, atol=1e-5, rtol=0)


def test_fixed_gain_and_dual_guidance_agree_with_the_formula(golden: GoldenVideo, run_node: Any) -> None:
    b = 0
    (guider,) = run_node(
        "StyleCrafterGuider",
        model=golden.model,
        positive=golden.styled(b),
        negative=golden.empty(b),
        cfg_text=16.0,
        cfg_style=8.5,
    )
    eps = eps_of(guider, golden.x(b), golden.timestep(b))
    e, t, s = (frames(EXPECTED[n][b]) for n in ("eps_empty", "eps_text", "eps_style_single"))
    expected = e + 8.5 * (s - t) + 16.0 * (t - e)
    torch.testing.assert_close(eps, expected, atol=2e-4, rtol=1e-5)
