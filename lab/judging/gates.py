"""What a family has to reach before its next stage is worth the time: its autoencoder, then its base."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice

import torch
from PIL import Image
from torch import Tensor

from stylecrafter_core.training.host.frozen_base import FrozenBase
from stylecrafter_core.training.host.styled_sampling import SamplingSettings, sample_text

from ..family.contents import FIRST_OF_JUDGES
from ..family.randomness import generator
from ..measures import ContentClassifier
from ..scenes import Task, caption_of
from .content import FIRST_OF_TESTS, scenes
from .prompts import unseen_scenes

AUTOENCODER, BASE = 0.90, 0.80  # shares of subjects that the content judge has to recognise
FIRST_OF_GATES = FIRST_OF_JUDGES + 600_000
TOGETHER, SHOWN = 16, 16


@dataclass(frozen=True)
class Gate:
    """One gate: the pictures that were judged, [N, H, W, 3] in 0..1, and 1.0 for each recognised one."""

    name: str
    wanted: float
    pictures: Tensor
    recognised: Tensor

    @property
    def reached(self) -> bool:
        """Whether the recognised share is the wanted one or more."""
        return float(self.recognised.mean()) >= self.wanted

    def sentence(self) -> str:
        """The gate in words."""
        return (
            f"{self.name}: {self.recognised.mean():.3f} of {len(self.recognised)} recognised, "
            f"{self.wanted:.2f} wanted: {'reached' if self.reached else 'not reached'}"
        )


@torch.no_grad()
def autoencoder_gate(base: FrozenBase, judge: ContentClassifier, task: Task, seed: int, count: int) -> Gate:
    """Scenes of the data maker, encoded and decoded."""
    drawn, subjects = scenes(seed, FIRST_OF_TESTS, count, task)
    parts = [base.vae.decode(base.vae.encode(part)).cpu().float() for part in drawn.split(TOGETHER)]
    coded = torch.cat(parts).reshape(drawn.shape).clamp(0, 1)
    return Gate("autoencoder", AUTOENCODER, coded, judge.recognised(coded, subjects))


def base_gate(
    base: FrozenBase, judge: ContentClassifier, task: Task, seed: int, settings: SamplingSettings, count: int
) -> Gate:
    """Plain prompts: captions of scenes in which the subject stays, that nothing was trained on."""
    asked = list(islice(unseen_scenes(seed, FIRST_OF_GATES, False, task), count))
    prompts = [caption_of(one) for one in asked]
    parts = []
    for first in range(0, count, TOGETHER):
        seeded = replace(settings, seed=settings.seed + first)
        parts.append(sample_text(base, prompts[first : first + TOGETHER], seeded)[:, 0])
    pictures = torch.cat(parts)
    subjects = torch.tensor([task.subject_names.index(one.subject) for one in asked])
    return Gate("base alone", BASE, pictures, judge.recognised(pictures, subjects))


def by_lot(gate: Gate, seed: int) -> Image.Image:
    """Sixteen of a gate's pictures in two rows, to be named by eye."""
    places = generator(seed, "gate", gate.name).permutation(len(gate.pictures))[:SHOWN]
    rows = gate.pictures[torch.from_numpy(places)].unflatten(0, (2, SHOWN // 2))
    sheet = torch.cat([torch.cat(list(row), dim=1) for row in rows])
    return Image.fromarray((sheet * 255).round().byte().numpy())
