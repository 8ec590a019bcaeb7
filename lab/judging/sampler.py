"""Pictures and videos of a base and an adapter, many at a time, by the sampling of nodes and trainer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stylecrafter_core.comfy_host.adapter import HostAdapter
from stylecrafter_core.comfy_host.vision import encode_clip_tokens
from stylecrafter_core.errors import InputError
from stylecrafter_core.families import image_tokens_of
from stylecrafter_core.training.host.frozen_base import FrozenBase, load_base
from stylecrafter_core.training.host.styled_sampling import SamplingSettings, sample_attached, sample_style

FRAMES_AT_A_TIME = 32

Draw = Callable[[Sequence[Tensor], Sequence[str], SamplingSettings], Tensor]


@dataclass(frozen=True)
class Files:
    """Weights: of the whole family, or of stage 1 alone where `temporal` is None."""

    base: Path
    image_encoder: Path
    adapter: Path
    temporal: Path | None

    def check(self) -> None:
        """Raise InputError where a file is not there."""
        missing = [str(path) for path in vars(self).values() if path is not None and not path.is_file()]
        if missing:
            raise InputError(
                "There is nothing to measure.",
                found=f"no file {', '.join(missing)}",
                expected="the weights of the small family",
                fix="train it (lab/train_small.py --help), or name the files",
            )


class Sampler:
    """A base with an adapter.

    Args:
        files: weights.
        fusion: "dual", the method, or "attach", the ablation; as in the trainer's configs.
    """

    def __init__(self, files: Files, fusion: str = "dual"):
        files.check()
        self.base: FrozenBase = load_base(files.base, files.temporal, files.image_encoder, "float32")
        self.adapter: Any = HostAdapter.from_file(files.adapter)
        self._clip_tokens = image_tokens_of(self.adapter.spec)
        draws: dict[str, Draw] = {
            "dual": partial(sample_style, self.base, self.adapter),
            "attach": partial(sample_attached, self.base, self.adapter.module),
        }
        self._draw = draws[fusion]

    def tokens(self, picture_HW3: Tensor) -> Tensor:
        """[1, L, W]: what the adapter reads of a reference picture in 0..1."""
        return encode_clip_tokens(self.base.clip_vision, picture_HW3[None], self._clip_tokens)

    def __call__(
        self, references: Sequence[Tensor], prompts: Sequence[str], settings: SamplingSettings
    ) -> Tensor:
        """[N, T, H, W, 3] in 0..1 of N prompts, each with the tokens of one reference.

        The noise of a result depends on its place in the row, on `settings.seed` and on the number of frames:
        two calls of equal length differ only in what they are told to.
        """
        together = max(1, FRAMES_AT_A_TIME // settings.num_frames)
        parts = [
            self._draw(
                references[first : first + together],
                prompts[first : first + together],
                replace(settings, seed=settings.seed + first),
            )
            for first in range(0, len(prompts), together)
        ]
        return torch.cat(parts)
