"""A small base that knows how paintings and clips look: plain eps prediction on the materials."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stylecrafter_core.comfy_host.keys import NUM_FRAMES
from stylecrafter_core.spec import UNetSpec
from stylecrafter_core.training.randomness import generator

from .latents import clips_shown, draw, pictures_shown
from .networks import Tensors

log = logging.getLogger(__name__)

PICTURES, FRAMES = 8, 8  # a batch is 8 pictures, or 8 frames of one clip
CLIP_EVERY = 4  # steps
LEARNING_RATE, WARM_UP, LARGEST_GRADIENT = 3e-3, 20, 1.0
LOG_EVERY = 50


def pretrain(spec: UNetSpec, tensors: Tensors, folder: Path, text: Tensors, seed: int, steps: int) -> Tensors:
    """The U-Net's tensors after `steps` steps of AdamW on `eps_loss`, every fourth on a clip.

    Args:
        spec, tensors: the U-Net, in the host's names and ours.
        folder: holds `pictures/` and `clips/`.
        text: the text tower, as in `networks.text_tensors`.
    """
    from stylecrafter_core.comfy_host.model import build_model

    model = build_model(spec, torch.float32, None, "cpu")
    unet = model.diffusion_model
    unet.load_state_dict(tensors)
    unet.requires_grad_(True)  # newer hosts build their networks frozen
    clips = clips_shown(folder / "clips", text)
    pictures = [*pictures_shown(folder / "pictures", text), *clips]
    optimiser = torch.optim.AdamW(unet.parameters(), lr=LEARNING_RATE, weight_decay=0.0, fused=True)
    rate = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1.0, (step + 1) / WARM_UP) * (1 - step / max(1, steps))
    )
    random = generator(seed, "pretraining")
    for step in range(steps):
        shown, count, num_frames = (clips, 1, FRAMES) if step % CLIP_EVERY == 0 else (pictures, PICTURES, 1)
        loss = eps_loss(model, draw(shown, count, num_frames, random), num_frames, random)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(unet.parameters(), LARGEST_GRADIENT)
        optimiser.step()
        rate.step()
        if (step + 1) % LOG_EVERY == 0:
            log.info("The small base learns: step %d of %d, loss %.3f", step + 1, steps, loss.item())
    return {name: tensor.detach() for name, tensor in unet.state_dict().items()}


def eps_loss(model: Any, drawn: tuple[Tensor, Tensor], num_frames: int, random: torch.Generator) -> Tensor:
    """mean((ε − ε_θ(√ᾱ·x + √(1 − ᾱ)·ε, t, text))²), ᾱ = 1 / (1 + σ_t²), one t per picture or clip.

    Args:
        model: the host's model; its own schedule gives σ_t.
        drawn: from `latents.draw`, with the same `num_frames`.
    """
    latents, text = drawn
    sigmas = model.model_sampling.sigmas
    timesteps = torch.randint(len(sigmas), (len(latents) // num_frames,), generator=random)
    timesteps = timesteps.repeat_interleave(num_frames)
    alpha_bar = (1 / (1 + sigmas[timesteps] ** 2)).view(-1, 1, 1, 1)
    noise = torch.randn(latents.shape, generator=random)
    noised = alpha_bar.sqrt() * latents + (1 - alpha_bar).sqrt() * noise
    predicted = model.diffusion_model(
        noised, timesteps, context=text, transformer_options={NUM_FRAMES: num_frames}
    )
    return F.mse_loss(predicted, noise)
