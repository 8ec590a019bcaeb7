"""What all measurements of one family share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor

from stylecrafter_core.files import written_whole
from stylecrafter_core.training.config import Config
from stylecrafter_core.training.host.styled_sampling import SamplingSettings
from stylecrafter_core.training.observe import sampling_settings

from ..family.family import sum_of
from .content import Schooling, content_judge
from .judges import Judges
from .lot import drawn
from .paintings import HeldOut, held_out_paintings
from .prompts import prompts
from .sampler import Files, Sampler
from .trial import Trial


@dataclass(frozen=True)
class Measured:
    """What a measurement found.

    Attributes:
        record: plain data, from which every table can be made again.
        pictures: [height, width, 3] in 0..1, by name.
    """

    record: dict[str, Any]
    pictures: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Study:
    """A family under judgement.

    Attributes:
        files: its weights.
        settings: of a picture, at the family's defaults.
        work: where the content judge is kept.
        seed: of the judge, of prompts, of what is drawn by lot.
        most_paintings, most_prompts: fewer than a measurement takes by itself, or None.
        schooling: of the content judge.
    """

    files: Files
    settings: SamplingSettings
    work: Path
    seed: int = 0
    most_paintings: int | None = None
    most_prompts: int | None = None
    schooling: Schooling = field(default_factory=Schooling)

    @cached_property
    def paintings(self) -> tuple[HeldOut, ...]:
        return held_out_paintings()

    @cached_property
    def judges(self) -> Judges:
        return Judges(content_judge(self.work, self.seed, self.schooling), self.paintings)

    @cached_property
    def sampler(self) -> Sampler:
        return Sampler(self.files)

    def trial(self, paintings: int | None, prompts_: int | None, moving: bool) -> Trial:
        """So many held-out paintings and prompts, by lot; None takes all."""
        places = drawn(self.paintings, _least(paintings, self.most_paintings), self.seed, "paintings")
        chosen = drawn(prompts(self.seed, moving), _least(prompts_, self.most_prompts), self.seed, "prompts")
        return Trial(
            tuple(place for place, _ in places),
            tuple(painting for _, painting in places),
            tuple(prompt for _, prompt in chosen),
        )

    def about(self, trial: Trial) -> dict[str, Any]:
        """For the record: what was measured, and how."""
        return {**trial.about(), "settings": vars(self.settings), **self.weights(), "seed": self.seed}

    def weights(self) -> dict[str, Any]:
        """For the record: the files, by hash."""
        about = {
            name: None if path is None else {"file": path.name, "sha256": sum_of(path)}
            for name, path in vars(self.files).items()
        }
        return {"weights": about}


def settings_of(config: Config, **changes: Any) -> SamplingSettings:
    """A picture at the sizes and scales of a training config's sample grids."""
    return replace(sampling_settings(config, num_frames=1), **changes)


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """JSON, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as partial:
        partial.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_record(path: Path) -> dict[str, Any]:
    """The inverse of `write_record`."""
    return json.loads(path.read_text(encoding="utf-8"))


def _least(one: int | None, other: int | None) -> int | None:
    given = [number for number in (one, other) if number is not None]
    return min(given, default=None)
