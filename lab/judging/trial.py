"""One round of results: every painting with every prompt, made and judged."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .judges import Judges
from .paintings import HeldOut
from .prompts import Prompt

if TYPE_CHECKING:
    from stylecrafter_core.training.host.styled_sampling import SamplingSettings

    from .sampler import Sampler

log = logging.getLogger(__name__)

Table = list[list[float]]  # [P][K]


@dataclass(frozen=True)
class Judged:
    """What came out: [N, T, H, W, 3], and each judge's table."""

    frames: Tensor
    values: dict[str, Table]


@dataclass(frozen=True)
class Trial:
    """P paintings, by their places among all held-out ones, × K prompts."""

    places: tuple[int, ...]
    paintings: tuple[HeldOut, ...]
    prompts: tuple[Prompt, ...]

    def judged(self, sampler: Sampler, judges: Judges, settings: SamplingSettings) -> Judged:
        """All results of a sampler, and what the judges say of them."""
        tokens = [sampler.tokens(painting.pixels) for painting in self.paintings]
        pairs = [(row, prompt) for row in range(len(tokens)) for prompt in self.prompts]
        log.info(
            "%d results: strength %g, text scale %g, style scale %g",
            *(len(pairs), settings.strength, settings.cfg_text, settings.cfg_style),
        )
        frames = sampler([tokens[row] for row, _ in pairs], [prompt.text for _, prompt in pairs], settings)
        return Judged(frames, self.values(judges, frames))

    def values(self, judges: Judges, frames_NTHWC: Tensor) -> dict[str, Table]:
        """What the judges say of results that are there: every painting with every prompt, in that order."""
        shape = (len(self.paintings), len(self.prompts))
        paintings = torch.tensor(self.places).repeat_interleave(shape[1])
        subjects = torch.tensor([prompt.subject for prompt in self.prompts]).repeat(shape[0])
        values = judges(frames_NTHWC, paintings, subjects)
        return {name: of.view(shape).tolist() for name, of in values.items()}

    def diagonal(self, most: int) -> list[tuple[int, int]]:
        """Painting and prompt of at most so many pairs in which each stands once, as far as there are."""
        count = min(most, max(len(self.paintings), len(self.prompts)))
        return [(n % len(self.paintings), n % len(self.prompts)) for n in range(count)]

    def about(self) -> dict[str, list[Any]]:
        """For the record: the paintings' numbers and the prompts' texts."""
        return {
            "paintings": [painting.number for painting in self.paintings],
            "prompts": [prompt.text for prompt in self.prompts],
        }
