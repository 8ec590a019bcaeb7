"""DDIM with eta, as released: pure functions of tensors."""

from __future__ import annotations

from torch import Tensor


def ddim_noise_scale(alpha_bar: Tensor, alpha_bar_prev: Tensor, eta: float) -> Tensor:
    """`σ = η · √((1−ᾱ')/(1−ᾱ)) · √(1 − ᾱ/ᾱ')`: how much fresh noise a step adds.

    Args:
        alpha_bar: ᾱ at the current timestep, in (0, 1).
        alpha_bar_prev: ᾱ' at the next, less noisy timestep, ≥ ᾱ.
        eta: 0 is deterministic DDIM, 1 is ancestral (DDPM-like).

    Source: Song et al., Denoising Diffusion Implicit Models (arXiv 2010.02502), equation 16.
    """
    return eta * ((1 - alpha_bar_prev) / (1 - alpha_bar) * (1 - alpha_bar / alpha_bar_prev)).sqrt()


def ddim_step(
    x: Tensor, x0: Tensor, alpha_bar: Tensor, alpha_bar_prev: Tensor, eta: float, noise: Tensor | None
) -> Tensor:
    """One DDIM step: `x' = √ᾱ'·x0 + √(1−ᾱ'−σ²)·ε + σ·z` with `ε = (x − √ᾱ·x0) / √(1−ᾱ)`.

    Args:
        x: the noisy sample, scaled as `√ᾱ·x0 + √(1−ᾱ)·ε`.
        x0: the model's prediction of the clean sample.
        alpha_bar, alpha_bar_prev: ᾱ now and after the step.
        eta: see `ddim_noise_scale`.
        noise: z, standard normal like x; None where eta is 0.

    Source: Song et al. (arXiv 2010.02502), equation 12.
    """
    eps = (x - alpha_bar.sqrt() * x0) / (1 - alpha_bar).sqrt()
    sigma = ddim_noise_scale(alpha_bar, alpha_bar_prev, eta)
    step = alpha_bar_prev.sqrt() * x0 + (1 - alpha_bar_prev - sigma**2).clamp(min=0).sqrt() * eps
    return step if noise is None else step + sigma * noise
