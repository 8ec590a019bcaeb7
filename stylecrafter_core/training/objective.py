"""Noising and the loss. B samples of T frames; shapes [B, T, C, H, W] unless said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InputError
from .randomness import generator


@dataclass(frozen=True)
class Schedule:
    """The base's noise schedule and what its U-Net predicts.

    Attributes:
        alphas_cumprod: [1000] float32.
        predicts_velocity: v instead of the noise.
    """

    alphas_cumprod: Tensor
    predicts_velocity: bool

    @property
    def steps(self) -> int:
        """Timesteps are integers from 0 (little noise) to below this."""
        return len(self.alphas_cumprod)

    def times(self, timesteps_B: Tensor) -> Tensor:
        """[B] what the network is told about the timestep."""
        return timesteps_B.float()

    def add_noise(self, latents: Tensor, noise: Tensor, timesteps_B: Tensor) -> Tensor:
        """`x_t = √ᾱ_t · z + √(1 − ᾱ_t) · ε`."""
        signal, spread = self._scales(timesteps_B, latents.ndim)
        return signal * latents + spread * noise

    def target(self, latents: Tensor, noise: Tensor, timesteps_B: Tensor) -> Tensor:
        """What the U-Net should predict: ε, or `v = √ᾱ_t · ε − √(1 − ᾱ_t) · z`."""
        if not self.predicts_velocity:
            return noise
        signal, spread = self._scales(timesteps_B, latents.ndim)
        return signal * noise - spread * latents

    def min_snr_weights(self, timesteps_B: Tensor, gamma: float) -> Tensor:
        """[B] `min(SNR, γ) / SNR` for ε, `min(SNR, γ) / (SNR + 1)` for v, with `SNR = ᾱ / (1 − ᾱ)`.

        Source: Hang et al., Efficient Diffusion Training via Min-SNR Weighting (arXiv 2303.09556).
        """
        alpha = self.alphas_cumprod[timesteps_B]
        snr = alpha / (1 - alpha)
        if self.predicts_velocity:
            return snr.clamp(max=gamma) / (snr + 1)
        return (gamma / snr).clamp(max=1)  # 1 where the SNR is 0, too

    def _scales(self, timesteps_B: Tensor, dims: int) -> tuple[Tensor, Tensor]:
        alpha = self.alphas_cumprod[timesteps_B].view(-1, *([1] * (dims - 1)))
        return alpha.sqrt(), (1 - alpha).sqrt()


@dataclass(frozen=True)
class FlowSchedule:
    """Flow matching: a straight line from the latent to the noise, and its direction as what is predicted.

    Timestep i of 1,000 lies at `σ = s·u / (1 + (s − 1)·u)`, `u = (i + 1) / 1000`.

    Attributes:
        shift: s; above 1 more of the timesteps lie near the noise.

    Source: Lipman et al., Flow Matching for Generative Modeling (arXiv 2210.02747); the shift is that of
    Stable Diffusion 3 (arXiv 2403.03206), section 5.3.2.
    """

    shift: float
    steps: int = 1000

    def times(self, timesteps_B: Tensor) -> Tensor:
        """[B] `1000 · σ`: what the network is told about the timestep."""
        return 1000 * self._sigmas(timesteps_B)

    def add_noise(self, latents: Tensor, noise: Tensor, timesteps_B: Tensor) -> Tensor:
        """`x_σ = (1 − σ) · z + σ · ε`."""
        sigma = self._sigmas(timesteps_B).view(-1, *([1] * (latents.ndim - 1)))
        return (1 - sigma) * latents + sigma * noise

    def target(self, latents: Tensor, noise: Tensor, timesteps_B: Tensor) -> Tensor:
        """`ε − z`."""
        return noise - latents

    def min_snr_weights(self, timesteps_B: Tensor, gamma: float) -> Tensor:
        """Raises InputError: the weighting is made for predictions of noise or of v."""
        raise InputError(
            "objective.min_snr_gamma does not go with flow matching.",
            found=f"min_snr_gamma {gamma} for a base that predicts a flow's velocity",
            expected="none",
            fix="leave it out; objective.timesteps logit_normal favours the middle of the schedule",
        )

    def _sigmas(self, timesteps_B: Tensor) -> Tensor:
        u = (timesteps_B.double() + 1) / self.steps
        return (self.shift * u / (1 + (self.shift - 1) * u)).float()


def draw_noise(
    shape: Sequence[int], seed: int, step: int, slots: Sequence[int], offset: float = 0.0, gain: float = 0.0
) -> Tensor:
    """[B, *shape] standard normal noise, the same for a slot wherever it is computed.

    Args:
        shape: of one sample, [T, C, H, W].
        offset: scale of a further normal value per sample and channel (noise offset).
        gain: deviation of the logarithm of a factor per frame: `ε_t · exp(gain · g_t)`, offset included. The
            noise of a few numbers deviates from 1 by some hundredths, which costs too little loss to be
            learnt; what a network does not take for noise, it paints.
    """
    rows = []
    for slot in slots:
        random = generator(seed, "noise", step, slot)
        noise = torch.randn(*shape, generator=random)
        if offset:
            noise = noise + offset * torch.randn(1, shape[1], 1, 1, generator=random)
        if gain:
            noise = noise * (gain * torch.randn(shape[0], 1, 1, 1, generator=random)).exp()
        rows.append(noise)
    return torch.stack(rows)


def draw_timesteps(
    steps: int, seed: int, step: int, slots: Sequence[int], density: str = "uniform"
) -> Tensor:
    """[B] integers below `steps`.

    Args:
        density: "uniform", or "logit_normal": `⌊steps · sigmoid(g)⌋` with a standard normal g.
    """
    random = [generator(seed, "timestep", step, slot) for slot in slots]
    if density == "uniform":
        return torch.stack([torch.randint(steps, (), generator=one) for one in random])
    normal = torch.stack([torch.randn((), generator=one) for one in random])
    return (steps * normal.sigmoid()).long().clamp(max=steps - 1)


def draw_kept(share_dropped: float, purpose: str, seed: int, step: int, slots: Sequence[int]) -> Tensor:
    """[B] ones, and zeros for the share of samples that a condition is dropped for."""
    drawn = [torch.rand((), generator=generator(seed, "drop", purpose, step, slot)) for slot in slots]
    return (torch.stack(drawn) >= share_dropped).float()


def loss_per_sample(prediction: Tensor, target: Tensor) -> Tensor:
    """[B] mean squared error in float32."""
    return (prediction.float() - target.float()).pow(2).flatten(1).mean(dim=1)
