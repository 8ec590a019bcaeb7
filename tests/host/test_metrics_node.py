"""The node's numbers are those of the metrics, and it says what it does not compute."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor


class Vision:
    """Stands for the host's CLIP_VISION: a picture is its mean colour."""

    def encode_image(self, pictures: Tensor) -> dict[str, Tensor]:
        return {"image_embeds": pictures.mean(dim=(1, 2))}


class Text:
    """Stands for the host's CLIP: the word red is red."""

    def __init__(self, width: int = 3):
        self.width = width

    def tokenize(self, prompt: str) -> str:
        return prompt

    def encode_from_tokens(self, tokens: str, return_pooled: bool) -> tuple[None, Tensor]:
        assert return_pooled
        return None, torch.eye(self.width)[:1]


def run(pack: ModuleType, **inputs: Any) -> tuple:
    node = pack.NODE_CLASS_MAPPINGS["StyleCrafterMetrics"]
    return node.execute(**inputs).result


def noise(frames: int) -> Tensor:
    return torch.rand(frames, 48, 64, 3, generator=torch.Generator().manual_seed(0))


def test_a_clip_with_both_towers_has_every_number(pack: ModuleType) -> None:
    clip = noise(1).expand(4, -1, -1, -1)
    text, *numbers = run(
        pack, images=clip, reference=clip[:1], prompt="red", clip_vision=Vision(), clip=Text()
    )
    clip_text, clip_style, clip_temp, copy_score, warp_error, motion, flicker = numbers
    colour = clip[0].mean(dim=(0, 1))
    assert clip_text == pytest.approx(float(colour[0] / colour.norm()), abs=1e-6)
    assert (clip_style, clip_temp, copy_score) == pytest.approx((1, 1, 1), abs=1e-3)
    assert (warp_error, motion, flicker) == pytest.approx((0, 0, 0), abs=1e-6)
    assert "frozen.opencv_dis_medium: 1.0000" in text


def test_a_picture_without_towers_says_what_is_left_out(pack: ModuleType) -> None:
    text, *numbers = run(pack, images=noise(1), reference=noise(2)[1:], prompt="")
    assert "connect clip_vision" in text
    assert "a picture has none" in text
    assert [math.isnan(number) for number in numbers] == [True, True, True, False, True, True, True]


def test_towers_that_do_not_belong_together_are_refused(pack: ModuleType) -> None:
    with pytest.raises(Exception, match="5 numbers of a text, 3 of a picture"):
        run(
            pack,
            images=noise(1),
            reference=noise(1),
            prompt="red",
            clip_vision=Vision(),
            clip=Text(5),
        )
