"""Samples to what one pass of the styled U-Net reads and should answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from einops import rearrange
from torch import Tensor

from ..families import Family
from .config.schema import Objective
from .data.cache import TextCache
from .data.samples import Sample
from .host.frozen_base import FrozenBase
from .host.styled_unet import Inputs
from .objective import FlowSchedule, Schedule, draw_kept, draw_noise, draw_timesteps, loss_per_sample

KEPT_BYTES = 2**30  # of text states in memory; one of the published bases has 316 kB in float32


@dataclass(frozen=True)
class Pass:
    """One batch, ready for the model.

    Attributes:
        inputs: of the styled U-Net, B samples of T frames.
        target: [B, T, C, H, W].
        weights: [B] of the loss; 0 where the sample could not be read.
        failures: reasons of those.
    """

    inputs: Inputs
    target: Tensor
    weights: Tensor
    failures: tuple[str, ...]

    def losses(self, prediction: Tensor) -> Tensor:
        """[B] unweighted squared errors of what the network gave, in the layout of `inputs.noisy`."""
        return loss_per_sample(frames_first(prediction, self.inputs.num_frames), self.target)


class PassMaker:
    """Runs the frozen encoders and draws noise, timesteps and dropped conditions for each slot.

    Args:
        base: the frozen base.
        family: of the adapter.
        texts: text states of captions.
        clip_tokens: contract of the adapter's image tokens.
        objective: section of the config.
        seed: of the run.
        independent_images: pictures pass the temporal blocks without time (second stage).
        device: of the model.
    """

    def __init__(
        self,
        base: FrozenBase,
        family: Family,
        texts: TextStates,
        clip_tokens: str,
        objective: Objective,
        seed: int,
        independent_images: bool,
        device: Any,
    ):
        self.base, self.family, self.texts, self.clip_tokens = base, family, texts, clip_tokens
        self.objective, self.seed, self.device = objective, seed, device
        self.independent_images = independent_images
        self.schedule = schedule_of(base, family, objective)

    def make(self, samples: Sequence[Sample]) -> Pass:
        """A training pass over samples of one kind, size and step."""
        step, slots = samples[0].slot.step, [sample.slot.number for sample in samples]
        timesteps = draw_timesteps(self.schedule.steps, self.seed, step, slots, self.objective.timesteps)
        latents = self.latents(samples)
        offset, gain = self.objective.noise_offset, self.objective.noise_gain
        noise = draw_noise(latents.shape[1:], self.seed, step, slots, offset, gain)
        captions = [sample.caption for sample in samples]
        if self.objective.drop_text:
            kept = draw_kept(self.objective.drop_text, "text", self.seed, step, slots)
            captions = [caption if keep else "" for caption, keep in zip(captions, kept, strict=True)]
        keeps_style = draw_kept(self.objective.drop_style, "style", self.seed, step, slots)
        tokens = self.style_tokens(samples)
        return self.assemble(samples, latents, noise, timesteps, captions, tokens, keeps_style)

    def latents(self, samples: Sequence[Sample]) -> Tensor:
        """[B, T, C, h, w] on the CPU."""
        rows = [
            sample.frames.float() if sample.cached else self.base.encode_pixels(sample.frames).cpu()
            for sample in samples
        ]
        return torch.stack(rows)

    def style_tokens(self, samples: Sequence[Sample]) -> Tensor:
        """[B, L, W] image tokens of the samples' style pictures."""
        return self.base.encode_style(torch.stack([sample.style for sample in samples]), self.clip_tokens)

    def assemble(
        self,
        samples: Sequence[Sample],
        latents: Tensor,
        noise: Tensor,
        timesteps: Tensor,
        captions: Sequence[str],
        clip_tokens: Tensor,
        keeps_style: Tensor,
    ) -> Pass:
        """A pass from all that was drawn."""
        text, pooled = self.texts.of(captions)
        noisy = self.schedule.add_noise(latents, noise, timesteps)
        adm = None
        if self.base.reads_adm and pooled is not None:
            adm = self.base.adm(pooled, [sample.sizes for sample in samples])
        inputs = Inputs(
            noisy=self._for_network(noisy),
            timesteps=self.schedule.times(timesteps),
            text=text,
            clip_tokens=clip_tokens,
            keeps_style=keeps_style,
            adm=adm,
            num_frames=latents.shape[1] if self.family.frames_are_rows else 1,
            independent=samples[0].slot.kind == "image" and self.independent_images,
        )
        target = self.schedule.target(latents, noise, timesteps).to(self.device)
        failures = tuple(sample.failure for sample in samples if sample.failure is not None)
        return Pass(_on(inputs, self.device), target, self._weights(samples, timesteps), failures)

    def _for_network(self, latents_BTCHW: Tensor) -> Tensor:
        """The frames as rows of the batch, or as a dimension behind the channels."""
        layout = "(b t) c h w" if self.family.frames_are_rows else "b c t h w"
        return rearrange(latents_BTCHW, f"b t c h w -> {layout}")

    def _weights(self, samples: Sequence[Sample], timesteps: Tensor) -> Tensor:
        weights = torch.tensor([float(sample.failure is None) for sample in samples])
        if self.objective.min_snr_gamma is not None:
            weights = weights * self.schedule.min_snr_weights(timesteps, self.objective.min_snr_gamma)
        return weights.to(self.device)


def schedule_of(base: FrozenBase, family: Family, objective: Objective) -> Schedule | FlowSchedule:
    """How a base of this family is noised and what it predicts."""
    if family.objective == "flow matching":
        return FlowSchedule(objective.shift or base.flow_shift)
    return Schedule(base.alphas_cumprod(), base.predicts_velocity)


def frames_first(prediction: Tensor, num_frames: int) -> Tensor:
    """[B, T, C, H, W] from frames as rows [B · T, C, H, W], or from videos [B, C, T, H, W]."""
    if prediction.ndim == 5:
        return rearrange(prediction, "b c t h w -> b t c h w")
    return rearrange(prediction, "(b t) c h w -> b t c h w", t=num_frames)


class TextStates:
    """Text tokens and pooled text by caption: encoded once, kept, or read from the cache on disk.

    What was kept first stays: in an order that goes round, what is dropped is what comes next.

    Args:
        base: encodes what is not known yet.
        cache: states computed before; None encodes all.
    """

    def __init__(self, base: FrozenBase, cache: TextCache | None):
        self.base, self.cache = base, cache
        self.room = KEPT_BYTES
        self._kept: dict[str, tuple[Tensor, Tensor | None]] = {}

    def of(self, captions: Sequence[str]) -> tuple[Tensor, Tensor | None]:
        """[B, N, D] tokens and [B, P] pooled text, or None."""
        states = [self._one(caption) for caption in captions]
        pooled = [pooled for _, pooled in states if pooled is not None]
        return _joined([tokens for tokens, _ in states]), torch.cat(pooled) if pooled else None

    def _one(self, caption: str) -> tuple[Tensor, Tensor | None]:
        if caption in self._kept:
            return self._kept[caption]
        state = None if self.cache is None else self.cache.of(caption)
        state = state or self.base.encode_text(caption)
        size = sum(part.nbytes for part in state if part is not None)
        if size <= self.room:
            self._kept[caption] = state
            self.room -= size
        return state


def _joined(tokens: list[Tensor]) -> Tensor:
    """Prompts of one length each; longer ones among them repeat the shorter, as the host does."""
    longest = max(part.shape[1] for part in tokens)
    rows = [part.repeat(1, -(-longest // part.shape[1]), 1)[:, :longest] for part in tokens]
    return torch.cat(rows)


def _on(inputs: Inputs, device: Any) -> Inputs:
    moved: dict[str, Any] = {
        name: value.to(device) for name, value in vars(inputs).items() if isinstance(value, Tensor)
    }
    return replace(inputs, **moved)
