"""The Scale Inspector shows the gains of this adapter and refuses the styles of another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from golden_video import EXPECTED, GoldenVideo


class RecordedText:
    """Stands in for a CLIP: the recorded text tokens of "first" and "second"."""

    def tokenize(self, text: str) -> int:
        return ["first", "second"].index(text)

    def encode_from_tokens_scheduled(self, tokens: int) -> list:
        return [[EXPECTED["text"][tokens : tokens + 1], {}]]


def test_the_numbers_are_the_recorded_gains(golden: GoldenVideo, run_node: Callable) -> None:
    image, text = run_node(
        "StyleCrafterScaleInspector",
        adapter=golden.adapter,
        clip=RecordedText(),
        prompts="first\n\n  second \n",
        style=golden.style(0),
        style_2=golden.style(1),
    )
    assert image.ndim == 4
    means = [float(line.split("mean ")[1].split(",")[0]) for line in text.splitlines()]
    assert len(means) == 4
    for line, b in ((0, 0), (3, 1)):  # style b under prompt b is what was recorded
        recorded = float(1 + EXPECTED["scale_single"][b].mean())
        assert means[line] == pytest.approx(recorded, abs=6e-4)


@pytest.mark.parametrize("socket", ["style", "style_2", "style_4"])
def test_a_style_of_another_adapter_is_refused(
    golden: GoldenVideo, golden_sdxl: Any, run_node: Callable, socket: str
) -> None:
    """On every socket, and the numbers of the others are not shown either."""
    with pytest.raises(Exception, match="another adapter") as caught:
        run_node(
            "StyleCrafterScaleInspector",
            adapter=golden.adapter,
            clip=RecordedText(),
            prompts="first",
            **{"style": golden.style(0), socket: golden_sdxl.style(0)},
        )
    message = str(caught.value)
    assert golden.adapter.adapter_id in message
    assert golden_sdxl.adapter.adapter_id in message
    assert "what encodes the style" in message


def test_no_prompt_is_refused(golden: GoldenVideo, run_node: Callable) -> None:
    with torch.inference_mode(), pytest.raises(ValueError, match="no prompt"):
        run_node(
            "StyleCrafterScaleInspector",
            adapter=golden.adapter,
            clip=RecordedText(),
            prompts=" \n ",
            style=golden.style(0),
        )
