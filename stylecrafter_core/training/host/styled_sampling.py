"""Pictures and videos from a base and an adapter, through the same calls as the nodes.

B videos of T frames, each of its own prompt and in a style of its own; R references of L CLIP tokens each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import comfy.model_management
import torch
from torch import Tensor

from ...adapter import StyleAdapter
from ...comfy_host.adapter import HostAdapter
from ...comfy_host.conditioning import Conditioning, StyleRequest, apply_style
from ...comfy_host.patch import patch_model
from ...comfy_host.sampling import RELEASED_SAMPLER, sample
from ...errors import InputError
from .frozen_base import FrozenBase


@dataclass(frozen=True)
class SamplingSettings:
    """How samples are made; see the sampler node.

    Attributes:
        width, height: in pixels.
        num_frames: 1 for a picture.
        sampler_name: one of sampling.SAMPLER_NAMES.
    """

    width: int
    height: int
    num_frames: int
    steps: int
    strength: float
    cfg_text: float
    cfg_style: float
    seed: int
    sampler_name: str = RELEASED_SAMPLER


@torch.no_grad()
def sample_style(
    base: FrozenBase,
    adapter: HostAdapter,
    references: Sequence[Tensor],
    prompts: Sequence[str],
    settings: SamplingSettings,
) -> Tensor:
    """Frames [B, T, H, W, 3] in 0..1, sampled with both scales in one batch.

    Args:
        references: B times [R, L, W], the CLIP tokens of one style.
        prompts: B texts whose tokens are equally many: up to 75, say.

    Raises:
        InputError: a prompt is longer than another by a whole row of tokens.
    """
    styles = [adapter.encode(clip_tokens) for clip_tokens in references]
    [[text, _]] = _conditioning(base, prompts, 1)
    tokens = [adapter.style_tokens(style, row[None]) for style, row in zip(styles, text, strict=True)]
    rows = _rows_of_videos(torch.cat(tokens), _rows_per_video(base, settings))
    request = StyleRequest(replace(styles[0], tokens=rows), settings.strength, 0.0, 1.0)
    styled = apply_style(_conditioning(base, prompts, _rows_per_video(base, settings)), request)
    return _sampled(
        base, patch_model(base.model, adapter), styled, len(prompts), settings, settings.cfg_style
    )


@torch.no_grad()
def sample_text(base: FrozenBase, prompts: Sequence[str], settings: SamplingSettings) -> Tensor:
    """The same of the base alone, at `cfg_text`."""
    text = _conditioning(base, prompts, _rows_per_video(base, settings))
    return _sampled(base, base.model, text, len(prompts), settings, settings.cfg_text)


@torch.no_grad()
def sample_attached(
    base: FrozenBase,
    adapter: StyleAdapter,
    references: Sequence[Tensor],
    prompts: Sequence[str],
    settings: SamplingSettings,
) -> Tensor:
    """The same for the ablation whose style tokens stand behind the text tokens; one scale, `cfg_text`."""
    [[text, values]] = _conditioning(base, prompts, _rows_per_video(base, settings))
    device = next(adapter.parameters()).device
    tokens = [
        adapter.style_transformer(clip_tokens.flatten(0, 1)[None].to(device)) for clip_tokens in references
    ]
    rows = _rows_of_videos(torch.cat(tokens), _rows_per_video(base, settings))
    attached = [[torch.cat([text, rows.to(text)], dim=1), values]]
    return _sampled(base, base.model, attached, len(prompts), settings, settings.cfg_text)


def hand_back(base: FrozenBase, device: torch.device) -> None:
    """Give the U-Net back to training: the host moved it as it saw fit."""
    comfy.model_management.unload_all_models()
    base.unet.to(device)


def _empty(base: FrozenBase, settings: SamplingSettings, videos: int) -> dict[str, Any]:
    return base.empty_latent(settings.width, settings.height, settings.num_frames, videos)


def _rows_per_video(base: FrozenBase, settings: SamplingSettings) -> int:
    return len(_empty(base, settings, 1)["samples"])


def _conditioning(base: FrozenBase, prompts: Sequence[str], rows_per_video: int) -> Conditioning:
    """One entry with a video's rows for each prompt, encoded one by one as prompts of a graph are."""
    encoded = [base.clip.encode_from_tokens_scheduled(base.clip.tokenize(prompt))[0] for prompt in prompts]
    texts = [text for text, _ in encoded]
    lengths = {text.shape[1] for text in texts}
    if len(lengths) > 1:
        raise InputError(
            "Prompts of one batch must have the same number of tokens.",
            found=f"{', '.join(map(str, sorted(lengths)))} tokens",
            expected="one number",
            fix="sample long prompts by themselves",
        )
    pooled = [values["pooled_output"] for _, values in encoded if values.get("pooled_output") is not None]
    values = dict(encoded[0][1])
    if pooled:
        values["pooled_output"] = _rows_of_videos(torch.cat(pooled), rows_per_video)
    return [[_rows_of_videos(torch.cat(texts), rows_per_video), values]]


def _rows_of_videos(rows_B: Tensor, rows_per_video: int) -> Tensor:
    """[B, ...] to [B · rows, ...]. A single row stays one: the host gives it to all."""
    return rows_B if len(rows_B) == 1 else rows_B.repeat_interleave(rows_per_video, dim=0)


def _sampled(
    base: FrozenBase,
    model: Any,
    positive: Conditioning,
    videos: int,
    settings: SamplingSettings,
    cfg_style: float,
) -> Tensor:
    sampled = sample(
        model,
        positive,
        _conditioning(base, [""], 1),
        _empty(base, settings, videos),
        cfg_text=settings.cfg_text,
        cfg_style=cfg_style,
        seed=settings.seed,
        steps=settings.steps,
        sampler_name=settings.sampler_name,
        scheduler=base.scheduler,
        denoise=1.0,
    )
    return base.decode(sampled, videos)
