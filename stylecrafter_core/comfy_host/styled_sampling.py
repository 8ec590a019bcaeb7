"""Pictures and videos from a base and an adapter, through the same calls as the nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import comfy.model_management
import torch
from torch import Tensor

from ..adapter import StyleAdapter
from .adapter import HostAdapter
from .conditioning import StyleRequest, apply_style
from .frozen_base import FrozenBase
from .patch import patch_model
from .sampling import RELEASED_SAMPLER, sample


@dataclass(frozen=True)
class SamplingSettings:
    """How samples are made; see the sampler node.

    Attributes:
        width, height: in pixels.
        num_frames: 1 for a picture.
    """

    width: int
    height: int
    num_frames: int
    steps: int
    strength: float
    cfg_text: float
    cfg_style: float
    seed: int


@torch.no_grad()
def sample_style(
    base: FrozenBase, adapter: HostAdapter, clip_tokens_RLW: Tensor, prompt: str, settings: SamplingSettings
) -> Tensor:
    """Frames [T, H, W, 3] in 0..1 of a prompt in the style of R references, sampled with both scales."""
    style = adapter.encode(clip_tokens_RLW)
    positive = _conditioning(base, prompt)
    styled = apply_style(positive, StyleRequest(style, settings.strength, 0.0, 1.0))
    return _sampled(base, patch_model(base.model, adapter), styled, settings, settings.cfg_style)


@torch.no_grad()
def sample_attached(
    base: FrozenBase, adapter: StyleAdapter, clip_tokens_RLW: Tensor, prompt: str, settings: SamplingSettings
) -> Tensor:
    """The same for the ablation whose style tokens stand behind the text tokens; one scale, `cfg_text`."""
    [[text, values]] = _conditioning(base, prompt)
    tokens = adapter.style_transformer(
        clip_tokens_RLW.flatten(0, 1)[None].to(next(adapter.parameters()).device)
    )
    attached = [[torch.cat([text, tokens.to(text)], dim=1), values]]
    return _sampled(base, base.model, attached, settings, settings.cfg_text)


def hand_back(base: FrozenBase, device: torch.device) -> None:
    """Give the U-Net back to training: the host moved it as it saw fit."""
    comfy.model_management.unload_all_models()
    base.unet.to(device)


def _conditioning(base: FrozenBase, prompt: str) -> list:
    return base.clip.encode_from_tokens_scheduled(base.clip.tokenize(prompt))


def _sampled(
    base: FrozenBase, model: Any, positive: list, settings: SamplingSettings, cfg_style: float
) -> Tensor:
    latent = torch.zeros(settings.num_frames, 4, settings.height // 8, settings.width // 8)
    sampled = sample(
        model,
        positive,
        _conditioning(base, ""),
        {"samples": latent, "frames": settings.num_frames},
        cfg_text=settings.cfg_text,
        cfg_style=cfg_style,
        seed=settings.seed,
        steps=settings.steps,
        sampler_name=RELEASED_SAMPLER,
        scheduler="ddim_uniform",
        denoise=1.0,
    )
    return base.vae.decode(sampled["samples"]).cpu().float().clamp(0, 1)
