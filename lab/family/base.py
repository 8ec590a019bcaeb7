"""The small family's video base: its U-Net learns from latents of pictures and clips and from their captions.

N pictures, M clips of T frames, K texts; latents [·, 4, s, s], s an eighth of the pictures' side; text
tokens [77, D].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stylecrafter_core.spec import UNetSpec
from stylecrafter_core.training.config.schema import Optimiser
from stylecrafter_core.training.objective import Schedule, draw_noise, draw_timesteps, loss_per_sample
from stylecrafter_core.training.randomness import generator

from ..materials import networks
from ..materials.starting_point import answer_with_the_input
from .learning import Lesson, learn, normal
from .muon import Muon

MODEL_CHANNELS, HEAD_DIM = 64, 32
PICTURES, CLIPS = 32, 4  # of a step: so many pictures, or so many clips, unless a round has more
CLIP_EVERY = 4  # steps
DROPPED_TEXT = 0.1  # share of the samples that learn the empty prompt
SNR_GAMMA = 5.0
SAVE_EVERY = 50  # steps, each of more than a second on a processor
ADAM, MUON = "torch.optim.AdamW", f"{Muon.__module__}.{Muon.__qualname__}"
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Round:
    """A part of the training, with a fall of the learning rate of its own.

    Attributes:
        steps: optimiser steps.
        lr: the highest learning rate.
        noise_offset: deviation of a further normal value per sample and channel. It hides a latent's mean,
            which the schedule's last step would still show: colours then have to come from the conditions,
            as they do when a picture is drawn from pure noise.
        noise_gain: deviation of the logarithm of a factor per frame. A frame's noise is 1,024 numbers, so its
            deviation is some hundredths off 1 by chance; a base that was never shown how loud noise can be
            leaves the rest of it in the frame, and the frames of a video flicker.
        ema: decay of the average that is kept of the weights.
        plain: without clips and without the temporal blocks, which add nothing to a picture yet.
        wider: times as many pictures, or clips, in a step.
        muon: whether Muon learns, in place of AdamW.
    """

    steps: int
    lr: float
    noise_offset: float = 0.0
    noise_gain: float = 0.0
    ema: float = 0.998
    plain: bool = False
    wider: int = 1
    muon: bool = False

    def optimiser(self) -> Optimiser:
        """The trainer's settings of this round."""
        return Optimiser(
            name=MUON if self.muon else ADAM,
            lr=self.lr,
            schedule="cosine",
            warmup_steps=self.steps // 10,
            final_lr=0.05,
            ema=self.ema,
            args={} if self.muon else {"weight_decay": 0.0},
        )


ROUNDS = (
    Round(2000, 1e-3),
    Round(1400, 7e-4, noise_offset=0.3),
    Round(3000, 8e-4, noise_offset=0.3),
    Round(600, 6e-4, noise_offset=0.3, noise_gain=0.2, ema=0.99),
)


@dataclass(frozen=True)
class Shown:
    """What the base learns from.

    Attributes:
        pictures: [N, 4, s, s], as the U-Net sees them.
        clips: [M, T, 4, s, s].
        texts: [K, 77, D]; the first one is the empty prompt's.
        picture_texts, clip_texts: [N] and [M], which text belongs to which.
    """

    pictures: Tensor
    clips: Tensor
    texts: Tensor
    picture_texts: Tensor
    clip_texts: Tensor

    def to(self, device: torch.device) -> Shown:
        """The same on a device: all of it at once, so that no step carries anything."""
        return Shown(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


def unet_spec() -> UNetSpec:
    """The U-Net's sizes."""
    return networks.unet_spec(MODEL_CHANNELS, HEAD_DIM)


def text_states(text_tower: dict[str, Tensor], captions: Sequence[str]) -> tuple[Tensor, dict[str, int]]:
    """Text tokens [K, 77, D] of the empty prompt and of all captions, and the row of each.

    Args:
        text_tower: in open_clip's names.
    """
    from stylecrafter_core.comfy_host.text import load_clip

    clip: Any = load_clip({f"model.{name}": tensor for name, tensor in text_tower.items()}, "the small base")
    different = ["", *sorted(set(captions) - {""})]
    with torch.inference_mode():
        rows = [clip.encode_from_tokens(clip.tokenize(text))[0].float().cpu() for text in different]
    return torch.stack(rows), {text: row for row, text in enumerate(different)}


def fresh_unet(seed: int) -> dict[str, Tensor]:
    """The tensors of a U-Net that has learnt nothing, in the host's names and ours."""
    spec = unet_spec()
    tensors = networks.unet_tensors(spec, generator(seed, "U-Net"))
    answer_with_the_input(tensors, spec)
    return tensors


def train_base(
    unet: dict[str, Tensor],
    shown: Shown,
    folder: Path,
    seed: int,
    rounds: Sequence[Round] = ROUNDS,
    device: torch.device = CPU,
    minutes: float | None = None,
) -> dict[str, Tensor]:
    """The U-Net's tensors, in the host's names and ours, after all rounds.

    Args:
        unet: the tensors that it begins with.
        folder: for checkpoints; a run that was stopped goes on.
        device: where the U-Net learns.
        minutes: for all rounds together, which share them by their steps; None takes the steps themselves.
    """
    from stylecrafter_core.comfy_host.model import build_model

    model = build_model(unet_spec(), torch.float32, None, device)
    model.diffusion_model.load_state_dict(unet)
    model.diffusion_model.requires_grad_(True)  # newer hosts build their networks frozen
    shown, done, steps = shown.to(device), 0, sum(this.steps for this in rounds)
    for number, this in enumerate(rounds):
        time = None if minutes is None else minutes * this.steps / steps
        train_round(model, shown, folder / str(number), seed, this, done, time)
        done += this.steps
    return {
        name: tensor.detach().cpu().clone() for name, tensor in model.diffusion_model.state_dict().items()
    }


def train_round(
    model: Any,
    shown: Shown,
    folder: Path,
    seed: int,
    this: Round,
    done: int,
    minutes: float | None = None,
) -> None:
    """Trains the host model's U-Net for one round; every fourth step is on clips, unless the round is plain.

    `mean(w_t · (ε − ε_θ(√ᾱ_t·x + √(1 − ᾱ_t)·ε, t, text))²)` with min-SNR weights w_t, t uniform, one per
    picture or clip. Weights are averaged over steps.

    Args:
        done: steps of the rounds before: chance goes on where they ended.
    """
    loss_of = partial(round_loss, model, shown, seed, this, done)
    lesson = Lesson(folder, this.steps, this.optimiser(), save_every=SAVE_EVERY, minutes=minutes)
    learn(model.diffusion_model, loss_of, lesson)


def round_loss(model: Any, shown: Shown, seed: int, this: Round, done: int, step: int) -> Tensor:
    """The loss of one step of a round; see `train_round`."""
    from stylecrafter_core.comfy_host.keys import NUM_FRAMES

    latents, texts = batch(shown, step % CLIP_EVERY == 0, generator(seed, "base", done + step), this)
    alphas_cumprod = 1 / (1 + model.model_sampling.sigmas.float() ** 2)
    schedule = Schedule(alphas_cumprod.to(latents.device), predicts_velocity=False)
    timesteps, noise = _chance(latents, seed, done + step, this)
    frames = latents.shape[1]
    options = {NUM_FRAMES: frames} | ({"patches": _without_temporal_blocks()} if this.plain else {})
    predicted = model.diffusion_model(
        schedule.add_noise(latents, noise, timesteps).flatten(0, 1),
        timesteps.repeat_interleave(frames),
        context=texts.repeat_interleave(frames, dim=0),
        transformer_options=options,
    )
    errors = loss_per_sample(predicted.view_as(noise), noise)
    return (schedule.min_snr_weights(timesteps, SNR_GAMMA) * errors).mean()


def batch(
    shown: Shown, clips: bool, random: torch.Generator, this: Round = ROUNDS[0]
) -> tuple[Tensor, Tensor]:
    """Clips [B, T, 4, s, s] or pictures [B, 1, 4, s, s], and their texts [B, 77, D], where `shown` is."""
    device, clips = shown.texts.device, clips and not this.plain
    latents, rows = (
        (shown.clips, shown.clip_texts) if clips else (shown.pictures[:, None], shown.picture_texts)
    )
    count = (CLIPS if clips else PICTURES) * this.wider
    places = torch.randint(len(latents), (count,), generator=random)
    dropped = torch.rand(len(places), generator=random) < DROPPED_TEXT
    picked = places.to(device)
    return latents[picked].float(), shown.texts[rows[picked].masked_fill(dropped.to(device), 0)]


def _chance(latents: Tensor, seed: int, step: int, this: Round) -> tuple[Tensor, Tensor]:
    """Timesteps [B] and noise like the latents: on a processor the trainer's own, sample by sample; on a
    graphics card all at once."""
    steps, device = 1000, latents.device
    if device.type == "cpu":
        chance = seed, step, range(len(latents))
        noise = draw_noise(latents.shape[1:], *chance, this.noise_offset, this.noise_gain)
        return draw_timesteps(steps, *chance), noise
    samples, frames, channels = latents.shape[:3]
    timesteps = torch.randint(steps, (samples,), generator=generator(seed, "timesteps", step)).to(device)
    shapes = {
        "noise": latents.shape,
        "offset": (samples, 1, channels, 1, 1),
        "gain": (samples, frames, 1, 1, 1),
    }
    values = {name: normal(shape, generator(seed, name, step), device) for name, shape in shapes.items()}
    noise = values["noise"] + this.noise_offset * values["offset"]
    return timesteps, noise * (this.noise_gain * values["gain"]).exp()


def _without_temporal_blocks() -> dict[str, Any]:
    """The host's patches by which a U-Net skips them."""
    from stylecrafter_core.comfy_host.unet import TemporalTransformer

    def skip(layer: TemporalTransformer, x: Tensor, *_: Any) -> Tensor:
        return x

    return {"forward_timestep_embed_patch": [(TemporalTransformer, skip)]}
