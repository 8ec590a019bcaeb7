"""Dual guidance: the paper's formula, and only the passes it needs."""

from __future__ import annotations

import itertools
import re

import pytest
import torch

from stylecrafter_core.guidance import DualGuidance, sum_weighted

EMPTY, TEXT, STYLED = torch.randn(3, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
SCALES = (0.0, 0.5, 1.0, 5.0, 8.5, 16.0)


@pytest.mark.parametrize(("cfg_text", "cfg_style"), list(itertools.product(SCALES, SCALES)))
def test_combine_is_the_formula_with_only_the_needed_predictions(cfg_text: float, cfg_style: float) -> None:
    guidance = DualGuidance(cfg_text, cfg_style)
    expected = EMPTY + cfg_style * (STYLED - TEXT) + cfg_text * (TEXT - EMPTY)
    given = guidance.combine(
        EMPTY if guidance.needs_empty else None,
        TEXT if guidance.needs_text else None,
        STYLED if guidance.needs_styled else None,
    )
    torch.testing.assert_close(given, expected)


@pytest.mark.parametrize(
    ("cfg_text", "cfg_style", "passes"),
    [(16.0, 8.5, 3), (6.0, 6.0, 2), (1.0, 5.0, 2), (7.5, 0.0, 2), (1.0, 1.0, 1), (1.0, 0.0, 1)],
)
def test_number_of_passes(cfg_text: float, cfg_style: float, passes: int) -> None:
    guidance = DualGuidance(cfg_text, cfg_style)
    assert guidance.needs_empty + guidance.needs_text + guidance.needs_styled == passes


@pytest.mark.parametrize(("cfg_text", "cfg_style"), [(16.0, 8.5), (7.5, 5.0), (2.0, 0.0), (0.5, 3.0)])
def test_one_conditional_for_both_scales(cfg_text: float, cfg_style: float) -> None:
    guidance = DualGuidance(cfg_text, cfg_style)
    conditional = guidance.conditional(TEXT, STYLED)
    guided = EMPTY + cfg_text * (conditional - EMPTY)
    torch.testing.assert_close(guided, guidance.combine(EMPTY, TEXT, STYLED))


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_missing_prediction_is_an_error(missing: int) -> None:
    given = [None if i == missing else prediction for i, prediction in enumerate((EMPTY, TEXT, STYLED))]
    weight = (-15.0, 7.5, 8.5)[missing]
    with pytest.raises(ValueError, match=re.escape(f"guidance weights [{weight}] have no prediction")):
        DualGuidance(16.0, 8.5).combine(*given)


def test_no_predictions_at_all_are_an_error() -> None:
    with pytest.raises(ValueError, match="0 terms"):
        sum_weighted([])
