"""In which order the scale predictor reads text and style."""

from __future__ import annotations

import pytest
import torch

from stylecrafter_core.adapter.query_transformer import ScalePredictor
from stylecrafter_core.spec import ScalePredictorSpec

STYLE, TEXT = torch.full((1, 2, 8), 1.0), torch.full((1, 3, 8), 2.0)


@pytest.mark.parametrize("text_first", [True, False])
def test_order_of_what_is_read(text_first: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """There are no positions, so the order shows in the sequence alone, and in its rounding."""
    spec = ScalePredictorSpec(
        num_queries=4,
        width=8,
        depth=1,
        num_heads=2,
        input_dim=8,
        projects_inputs=False,
        text_first=text_first,
        projects_output=False,
        hidden_dim=4,
    )
    predictor = ScalePredictor(spec)
    read: list[torch.Tensor] = []
    answer = predictor.answer
    monkeypatch.setattr(
        predictor, "answer", lambda tokens, *more: (read.append(tokens), answer(tokens, *more))[1]
    )
    assert predictor(STYLE, TEXT).shape == (1, 4)
    order = (TEXT, STYLE) if text_first else (STYLE, TEXT)
    assert torch.equal(read[0], torch.cat(order, dim=1))
