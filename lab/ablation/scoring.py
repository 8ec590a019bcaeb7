"""Scores of a variant's weights: results of the same paintings, prompts and noise for all of them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from stylecrafter_core.files import written_whole
from stylecrafter_core.training.data.manifest import read_manifest

from ..family.claims import claim
from ..family.family import sum_of
from ..family.sizes import FRAMES
from ..judging.sampler import Files, Sampler
from ..judging.study import Study, read_record, write_record
from ..judging.trial import Trial
from .training import (
    ADAPTER,
    BASE,
    CLIPS,
    IMAGE_ENCODER,
    NEEDED,
    PICTURES,
    TEMPORAL,
    Plan,
    recipes,
    trained,
)
from .variants import TABLES, Variant

log = logging.getLogger(__name__)

CLAIM = "comparison.json"
PAINTINGS, PROMPTS = 20, 8  # of pictures
PAINTINGS_OF_VIDEOS, PROMPTS_OF_VIDEOS = 6, 4  # each costs as much as eight pictures
SHOWN = 4  # results of each variant that are kept to be looked at


def claim_work(plan: Plan, study: Study) -> None:
    """Makes the work folder that of this comparison, or checks that it is.

    Raises:
        InputError: runs and scores in it are of another training, other judges or another family.
    """
    claim(
        plan.work / CLAIM,
        {
            "family": {name: sum_of(plan.family / name) for name in NEEDED},
            "pictures": len(read_manifest(plan.family / PICTURES).items),
            "clips": len(read_manifest(plan.family / CLIPS).items),
            "style_steps": plan.style_steps,
            "temporal_steps": plan.temporal_steps,
            "overrides": list(plan.overrides),
            **recipes(),
            "sampling": vars(study.settings),
            "judge": {"seed": study.seed, **vars(study.schooling)},
            "pairs": {table.name: _pairs(study, table.variants[0]) for table in TABLES},
        },
    )


def score(plan: Plan, study: Study, variant: Variant, seed: int) -> None:
    """Trains what is missing, makes and judges the results, writes them; does nothing where that is done.

    Args:
        study: judges, paintings, prompts and settings, the same for all variants; its own weights are unused.

    Raises:
        TrainingError: see `trained`.
    """
    file = record_file(plan.work, variant, seed)
    if file.is_file():
        return
    sampler = Sampler(_files(plan, variant, seed), "attach" if variant.attached else "dual")
    log.info("scoring %s, seed %d", variant.name, seed)
    trial = trial_of(study, variant)
    settings = replace(study.settings, num_frames=FRAMES if variant.moves else 1)
    judged = trial.judged(sampler, study.judges, settings)
    numbers = [painting * len(trial.prompts) + prompt for painting, prompt in trial.diagonal(SHOWN)]
    _write_shown(file.with_suffix(".safetensors"), judged.frames[numbers])
    write_record(file, {**trial.about(), "settings": vars(settings), "values": judged.values})


def record_file(work: Path, variant: Variant, seed: int) -> Path:
    """Where a variant's scores are; what is shown of it lies beside them, with another ending."""
    return work / "scores" / f"{variant.name}-{seed}.json"


def scored_seeds(work: Path, variants: Sequence[Variant], seeds: Sequence[int]) -> list[int]:
    """The seeds that every variant is scored for, of those variants that are scored at all."""
    done = [{seed for seed in seeds if record_file(work, variant, seed).is_file()} for variant in variants]
    return [seed for seed in seeds if all(seed in found for found in done if found) and any(done)]


def read_scores(work: Path, variants: Sequence[Variant], seeds: Sequence[int]) -> dict[str, dict[str, Any]]:
    """Values [S][P][K] by variant and measure, of the variants that are scored for all these seeds."""
    scores = {}
    for variant in variants:
        files = [record_file(work, variant, seed) for seed in seeds]
        if files and all(file.is_file() for file in files):
            values = [read_record(file)["values"] for file in files]
            scores[variant.name] = {name: [of[name] for of in values] for name in values[0]}
    return scores


def read_shown(work: Path, variant: Variant, seed: int) -> Tensor:
    """[SHOWN, T, H, W, 3] in 0..1."""
    return load_file(record_file(work, variant, seed).with_suffix(".safetensors"))["frames"].float() / 255


def shown_pairs(study: Study, variant: Variant) -> list[tuple[Tensor, str]]:
    """Painting [H, W, 3] and prompt of each result that is shown."""
    trial = trial_of(study, variant)
    return [
        (trial.paintings[painting].pixels, trial.prompts[prompt].text)
        for painting, prompt in trial.diagonal(SHOWN)
    ]


def trial_of(study: Study, variant: Variant) -> Trial:
    """The paintings and prompts that a variant is scored on."""
    if variant.moves:
        return study.trial(PAINTINGS_OF_VIDEOS, PROMPTS_OF_VIDEOS, moving=True)
    return study.trial(PAINTINGS, PROMPTS, moving=False)


def _pairs(study: Study, variant: Variant) -> list[int]:
    """Of how many paintings and prompts a variant is scored on."""
    trial = trial_of(study, variant)
    return [len(trial.paintings), len(trial.prompts)]


def _files(plan: Plan, variant: Variant, seed: int) -> Files:
    folder = trained(plan, variant.run, seed)
    return Files(
        base=plan.family / BASE,
        image_encoder=plan.family / IMAGE_ENCODER,
        adapter=folder / ADAPTER,
        temporal=folder / TEMPORAL if variant.moves else None,
    )


def _write_shown(path: Path, frames_NTHWC: Tensor) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as partial:
        save_file({"frames": (frames_NTHWC * 255).round().to(torch.uint8).contiguous()}, partial)
