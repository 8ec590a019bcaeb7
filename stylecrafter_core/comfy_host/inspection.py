"""The gains that an adapter predicts, for prompts and styles of the host."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..adapter import Style
from ..errors import InputError
from .adapter import HostAdapter


def predicted_gains(adapter: HostAdapter, clip: Any, prompts: list[str], styles: list[Style]) -> Tensor:
    """[prompts, styles, sites] gains.

    Args:
        clip: the host's CLIP that belongs to the model.
        prompts: at least one.
        styles: of this adapter, at least one.

    Raises:
        InputError: no prompt, or no text encoder.
        MismatchError: a style of another adapter, or text tokens that the adapter cannot read.
    """
    if not prompts:
        raise InputError(
            "The input `prompts` holds no prompt to look at.",
            found="prompts without text",
            expected="one prompt per line",
            fix="write at least one line into prompts",
        )
    if clip is None:
        raise InputError(
            "The input `clip` is connected, but no text encoder comes through it.",
            found="a video base without a text encoder",
            expected="the CLIP that belongs to the model",
            fix="connect a CLIP loader",
        )
    for style in styles:
        adapter.check_style(style)
    return torch.stack([_of_prompt(adapter, clip, prompt, styles) for prompt in prompts])


def _of_prompt(adapter: HostAdapter, clip: Any, prompt: str, styles: list[Style]) -> Tensor:
    (text_BND, _), *_ = clip.encode_from_tokens_scheduled(clip.tokenize(prompt))
    gains = [adapter.layer_gains(adapter.style_tokens(style, text_BND), text_BND) for style in styles]
    return torch.cat(gains).float().cpu()
