"""What the scale predictor reads of text and style, and in which order."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from stylecrafter_core.adapter.query_transformer import ScalePredictor
from stylecrafter_core.spec import ScalePredictorSpec

STYLE, TEXT = torch.full((1, 2, 8), 1.0), torch.full((1, 3, 8), 2.0)
SPEC = ScalePredictorSpec(
    num_queries=4,
    width=8,
    depth=1,
    num_heads=2,
    input_dim=8,
    projects_inputs=False,
    text_first=True,
    projects_output=False,
    hidden_dim=4,
)


@pytest.mark.parametrize("text_first", [True, False])
def test_order_of_what_is_read(text_first: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """There are no positions, so the order shows in the sequence alone, and in its rounding."""
    predictor = ScalePredictor(replace(SPEC, text_first=text_first))
    read: list[torch.Tensor] = []
    answer = predictor.answer
    monkeypatch.setattr(
        predictor, "answer", lambda tokens, *more: (read.append(tokens), answer(tokens, *more))[1]
    )
    assert predictor(STYLE, TEXT).shape == (1, 4)
    order = (TEXT, STYLE) if text_first else (STYLE, TEXT)
    assert torch.equal(read[0], torch.cat(order, dim=1))


@pytest.mark.parametrize("text_first", [True, False])
def test_rows_of_zeros_are_padding_where_the_text_has_such(text_first: bool) -> None:
    """A text of three rows gives the same with padding behind it; one zero within a row is no padding."""
    torch.manual_seed(0)
    masking = ScalePredictor(replace(SPEC, text_first=text_first, masks_padding=True))
    plain = ScalePredictor(replace(SPEC, text_first=text_first))
    plain.load_state_dict(masking.state_dict())
    style, text = torch.randn(2, 2, 8), torch.randn(2, 3, 8)
    text[:, :, 3] = 0
    padded = torch.cat([text, torch.zeros(2, 2, 8)], dim=1)
    torch.testing.assert_close(masking(style, padded), plain(style, text))
    assert (plain(style, padded) - plain(style, text)).abs().max() > 1e-4
