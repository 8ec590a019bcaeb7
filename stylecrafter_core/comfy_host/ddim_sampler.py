"""DDIM with eta as the host's SAMPLER."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import comfy.model_sampling
import comfy.samplers
import torch
from torch import Tensor
from tqdm.auto import trange

from ..ddim import ddim_step
from ..errors import MismatchError
from .scales import ETA, check_scale


class DDIMSampler(comfy.samplers.Sampler):
    """The released sampler, on any schedule of sigmas.

    Works on `x = √ᾱ·x_k`, x_k being the host's sample and `ᾱ = 1/(1+σ²)`. With the host's `ddim_uniform`
    schedule of 50 steps the timesteps are the released 981, 961, …, 1.

    Args:
        eta: 0 is deterministic, 1 as released.

    Raises:
        InputError: eta lies outside 0..1.

    Source: Song et al. (arXiv 2010.02502); the released VideoCrafter sampler.
    Differs: from the host's `ddim`, which is deterministic and ends at σ = 0. As released, the last step
    here goes to ᾱ of timestep 0, and a video made from nothing starts at unscaled noise.
    """

    def __init__(self, eta: float):
        check_scale("eta", eta, ETA)
        self.eta = eta

    def sample(
        self,
        model_wrap: Any,
        sigmas: Tensor,
        extra_args: dict[str, Any],
        callback: Callable | None,
        noise: Tensor,
        latent_image: Tensor,
        denoise_mask: Tensor | None = None,
        disable_pbar: bool = False,
    ) -> Tensor:
        """See the host's Sampler. Returns the sample, in the host's scale where noise is left in it.

        What a mask keeps is kept exactly, without the noise of the last step.

        Raises:
            MismatchError: the model was trained by flow matching.
        """
        _check_noise(model_wrap.inner_model)
        denoise = comfy.samplers.KSamplerX0Inpaint(model_wrap, sigmas)
        denoise.noise, denoise.latent_image = noise, latent_image
        extra_args = {**extra_args, "denoise_mask": denoise_mask}
        alpha_bars = _alpha_bars(sigmas, model_wrap.inner_model.model_sampling)
        x, x0 = _start(noise, latent_image, alpha_bars[0]), latent_image
        fresh = torch.Generator(noise.device).manual_seed((extra_args.get("seed") or 0) + 1)
        total = len(sigmas) - 1
        for i in trange(total, disable=disable_pbar):
            sigma = sigmas[i].expand(len(x))
            x0 = denoise(x / alpha_bars[i].sqrt(), sigma, **extra_args)
            if callback is not None:
                callback(i, x0, x, total)
            z = _noise_like(x, fresh) if self.eta > 0 else None
            x = ddim_step(x, x0, alpha_bars[i], alpha_bars[i + 1], self.eta, z)
        if sigmas[-1] > 0:
            return x / alpha_bars[-1].sqrt()
        return x if denoise_mask is None else torch.lerp(x0, x, denoise_mask)


def _check_noise(model: Any) -> None:
    if isinstance(model.model_sampling, comfy.model_sampling.CONST):
        raise MismatchError(
            "The released DDIM does not fit this model.",
            found=f"a {type(model).__name__}, which was trained by flow matching",
            expected="a model that predicts noise or velocity on a DDPM schedule (VideoCrafter, SDXL)",
            fix="choose the sampler euler with the scheduler simple",
        )


def _alpha_bars(sigmas: Tensor, model_sampling: Any) -> Tensor:
    """ᾱ at every sigma; a final 0 stands for the model's least noisy timestep."""
    return 1 / (1 + sigmas.clamp(min=float(model_sampling.sigma_min)) ** 2)


def _start(noise: Tensor, latent_image: Tensor, alpha_bar: Tensor) -> Tensor:
    """The noise itself for an empty latent, as released; else `√ᾱ·latent + √(1−ᾱ)·noise`."""
    if torch.count_nonzero(latent_image) == 0:
        return noise
    return alpha_bar.sqrt() * latent_image + (1 - alpha_bar).sqrt() * noise


def _noise_like(x: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
