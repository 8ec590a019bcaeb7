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
from .engine import Engine
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

    Every style is encoded once. The samples are shared out over the processes.

    Args:
        samples: of one kind and size; at least two, so that there is another's style.
        pass_maker: of the run.
        seed: of the run.
        batch: rows of one pass.
    """

    def __init__(self, samples: Sequence[Sample], pass_maker: PassMaker, seed: int, batch: int):
        self.samples, self.pass_maker, self.seed, self.batch = tuple(samples), pass_maker, seed, batch
        self.tokens = [pass_maker.style_tokens([sample]).cpu() for sample in self.samples]
        self.latents = [pass_maker.latents([sample]) for sample in self.samples]

    @torch.no_grad()
    def run(self, predict: Predict, engine: Engine) -> dict[str, Any]:
        """Mean losses, their mean per timestep bin, and what the right style is worth.

        Every process must call it.

        Returns:
            loss: with the sample's own style.
            loss_per_bin: the same, per bin of timesteps from little to much noise.
            shuffled_style, no_style: with another sample's style, and with none.
            style_gain: mean of (shuffled_style − loss), with `style_gain_interval`, half the width of its
                95 % interval over samples (normal approximation).
        """
        own_SB, shuffled_SB, none_SB = self._shared_out(predict, engine).unbind(dim=1)
        gain = (shuffled_SB - own_SB).mean(dim=1)
        return {
            "loss": own_SB.mean().item(),
            "loss_per_bin": own_SB.mean(dim=0).tolist(),
            "shuffled_style": shuffled_SB.mean().item(),
            "no_style": none_SB.mean().item(),
            "style_gain": gain.mean().item(),
            "style_gain_interval": 1.96 * gain.std(unbiased=True).item() / math.sqrt(len(gain)),
            "samples": len(self.samples),
        }

    def _shared_out(self, predict: Predict, engine: Engine) -> Tensor:
        """[samples, 3, BINS] losses. Each process computes equally many: the last ones perhaps once more."""
        count = len(self.samples)
        each = -(-count // engine.processes)
        mine = [(engine.rank * each + number) % count for number in range(each)]
        losses = torch.stack([self._losses(predict, index) for index in mine])
        return engine.gather(losses.to(engine.device)).cpu()[:count]

    def _losses(self, predict: Predict, index: int) -> Tensor:
        """[3, BINS] losses of one sample: with its own style, with the next one's, without."""
        others = self.tokens[(index + 1) % len(self.samples)]
        asked = [
            (number, tokens, keeps)
            for tokens, keeps in ((self.tokens[index], 1.0), (others, 1.0), (self.tokens[index], 0.0))
            for number in range(BINS)
        ]
        parts = [
            self._pass(predict, index, asked[first : first + self.batch])
            for first in range(0, len(asked), self.batch)
        ]
        return torch.cat(parts).view(3, BINS)

    def _pass(self, predict: Predict, index: int, asked: Sequence[tuple[int, Tensor, float]]) -> Tensor:
        """[rows] losses of one sample, at the middle of each row's timestep bin."""
        sample, latents, count = self.samples[index], self.latents[index], len(asked)
        numbers, tokens, keeps = zip(*asked, strict=True)
        steps = self.pass_maker.schedule.steps
        noise = draw_noise(
            latents.shape[1:], self.seed, VALIDATION_STEP, [index * BINS + number for number in numbers]
        )
        made = self.pass_maker.assemble(
            [sample] * count,
            latents.expand(count, *latents.shape[1:]),
            noise,
            torch.tensor([(2 * number + 1) * steps // (2 * BINS) for number in numbers]),
            [sample.caption] * count,
            torch.cat(tokens),
            torch.tensor(keeps),
        )
        return made.losses(predict(made)).cpu()
