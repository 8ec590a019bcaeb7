"""The SDXL family in the real host gives the recorded numbers of the published implementation."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from golden_sdxl import CONFIG, EXPECTED, GoldenSDXL
from probe import eps_of, eps_single

ABSOLUTE = 1e-5
BATCH = (0, 1)


def error(eps: torch.Tensor, name: str, b: int) -> float:
    return float((eps - EXPECTED[name][b : b + 1]).abs().max())


@pytest.mark.parametrize("b", BATCH)
def test_plain_predictions(golden_sdxl: GoldenSDXL, b: int) -> None:
    for model in (golden_sdxl.model, golden_sdxl.plain):
        for name, conditioning in (("eps_text", golden_sdxl.text(b)), ("eps_neg", golden_sdxl.empty(b))):
            eps = eps_single(model, conditioning, golden_sdxl.x(b), golden_sdxl.timestep(b))
            assert error(eps, name, b) < ABSOLUTE


@pytest.mark.parametrize("b", BATCH)
@pytest.mark.parametrize(("name", "strength"), [("eps_style", 1.0), ("eps_style_weight0.5", 0.5)])
def test_styled_predictions(golden_sdxl: GoldenSDXL, b: int, name: str, strength: float) -> None:
    conditioning = golden_sdxl.styled(b, strength)
    eps = eps_single(golden_sdxl.model, conditioning, golden_sdxl.x(b), golden_sdxl.timestep(b))
    assert error(eps, name, b) < ABSOLUTE


@pytest.mark.parametrize("b", BATCH)
def test_style_tokens_and_gains(golden_sdxl: GoldenSDXL, b: int) -> None:
    style = golden_sdxl.style(b)
    torch.testing.assert_close(style.tokens[0], EXPECTED["style"][b], atol=1e-5, rtol=0)
    gains = golden_sdxl.adapter.layer_gains(style.tokens, EXPECTED["text"][b : b + 1])
    torch.testing.assert_close(gains[0], 1 + EXPECTED["scale"][b, :, 0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("b", BATCH)
def test_dual_guidance(golden_sdxl: GoldenSDXL, b: int, run_node: Any) -> None:
    (guider,) = run_node(
        "StyleCrafterGuider",
        model=golden_sdxl.model,
        positive=golden_sdxl.styled(b),
        negative=golden_sdxl.empty(b),
        cfg_text=CONFIG["lambda_text"],
        cfg_style=CONFIG["lambda_style"],
    )
    eps = eps_of(guider, golden_sdxl.x(b), golden_sdxl.timestep(b))
    assert error(eps, "eps_dual_cfg", b) < 1e-5 * float(EXPECTED["eps_dual_cfg"][b].abs().max())
