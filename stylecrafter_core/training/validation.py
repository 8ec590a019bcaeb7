"""How well the model predicts held-out pictures at fixed noise and timesteps, and whether it uses the style.

Every number of a run is comparable with every other: noise, timesteps and crops never change.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from .data.samples import Sample
from .objective import draw_noise
from .passes import Pass, PassMaker

BINS = 5  # of the timesteps; the loss is taken in the middle of each
VALIDATION_STEP = -1  # a step that training never has

Predict = Callable[[Pass], Tensor]


def bin_of(timesteps: Tensor, steps: int) -> Tensor:
    """[B] number of the timestep bin, 0 (little noise) .. BINS − 1."""
    return (timesteps.long() * BINS // steps).clamp(max=BINS - 1)


class Validation:
    """Losses of held-out samples with their own style, with another's, and without style.

    Args:
        samples: of one kind and size; at least two, so that there is another's style.
        maker: makes passes.
        seed: of the run.
    """

    def __init__(self, samples: Sequence[Sample], maker: PassMaker, seed: int):
        self.samples, self.maker, self.seed = tuple(samples), maker, seed
        self.latents = [maker.latents([sample]) for sample in self.samples]

    @torch.no_grad()
    def run(self, predict: Predict) -> dict[str, Any]:
        """Mean losses, their mean per timestep bin, and what the right style is worth.

        Returns:
            loss: with the sample's own style.
            loss_per_bin: the same, per bin of timesteps from little to much noise.
            shuffled_style, no_style: with another sample's style, and with none.
            style_gain: mean of (shuffled_style − loss), with `style_gain_interval`, half the width of its
                95 % interval over samples (normal approximation).
        """
        own, shuffled, none = [], [], []
        for index, sample in enumerate(self.samples):
            other = self.samples[(index + 1) % len(self.samples)]
            own.append(self._losses(predict, index, sample.style, 1.0))
            shuffled.append(self._losses(predict, index, other.style, 1.0))
            none.append(self._losses(predict, index, sample.style, 0.0))
        own_SB = torch.stack(own)
        gain = (torch.stack(shuffled) - own_SB).mean(dim=1)
        spread = gain.std(unbiased=True).item() if len(gain) > 1 else math.nan
        return {
            "loss": own_SB.mean().item(),
            "loss_per_bin": own_SB.mean(dim=0).tolist(),
            "shuffled_style": torch.stack(shuffled).mean().item(),
            "no_style": torch.stack(none).mean().item(),
            "style_gain": gain.mean().item(),
            "style_gain_interval": 1.96 * spread / math.sqrt(len(gain)),
            "samples": len(self.samples),
        }

    def _losses(self, predict: Predict, index: int, style: Tensor, keeps: float) -> Tensor:
        """[BINS] losses of one sample."""
        sample = self.samples[index]
        steps = len(self.maker.schedule.alphas_cumprod)
        losses = []
        for number in range(BINS):
            timestep = torch.tensor([(2 * number + 1) * steps // (2 * BINS)])
            slot = index * BINS + number
            noise = draw_noise(self.latents[index].shape[1:], self.seed, VALIDATION_STEP, [slot])
            asked = _with_style(sample, style)
            made = self.maker.assemble(
                [asked], self.latents[index], noise, timestep, [sample.caption], torch.tensor([keeps])
            )
            losses.append(made.losses(predict(made)).cpu())
        return torch.cat(losses)


def _with_style(sample: Sample, style: Tensor) -> Sample:
    return Sample(
        sample.slot, sample.caption, sample.frames, sample.cached, style, sample.sizes, sample.failure
    )
