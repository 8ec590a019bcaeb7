"""The variants' runs, each by the trainer's own command; a run whose weights are there is not run again."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stylecrafter_core.errors import InputError, StyleCrafterError
from stylecrafter_core.training.config import load_config

from .variants import RUNS, STAGES, Run

log = logging.getLogger(__name__)

ROOT = Path(__file__).absolute().parents[2]
BASE, IMAGE_ENCODER = "base.safetensors", "image_encoder.safetensors"
PICTURES, CLIPS, CACHE = "pictures.jsonl", "clips.jsonl", "cache"
NEEDED = (BASE, IMAGE_ENCODER, PICTURES, CLIPS)  # of a family that is trained on
ADAPTER, TEMPORAL = "adapter.safetensors", "temporal.safetensors"  # the trainer writes them in this order
NEVER = 10**9  # steps
TAUGHT_BY = {"adapter", "data", "method", "objective", "optimiser", "engine"}  # sections of a config


class TrainingError(StyleCrafterError):
    """A run of the trainer did not end with weights."""


@dataclass(frozen=True)
class Plan:
    """How everything is trained.

    Attributes:
        family: folder of lab/train_small.py, with the manifests that `train.py prepare` made.
        work: where the runs are.
        style_steps, temporal_steps: of the two stages.
        overrides: further `--set` values of every run, for instance engine.precision=bf16.
        host: the ComfyUI to train in.
    """

    family: Path
    work: Path
    style_steps: int
    temporal_steps: int
    overrides: tuple[str, ...]
    host: Path

    def folder(self, name: str, seed: int) -> Path:
        """Of a run."""
        return self.work / "runs" / f"{name}-{seed}"


def recipes() -> dict[str, Any]:
    """What the shipped configs train by: a value for each stage, section and field."""
    return {
        f"{stage}: {section}.{field}": value
        for stage, file in STAGES.items()
        for section, values in load_config(ROOT / file).model_dump(mode="json", include=TAUGHT_BY).items()
        for field, value in values.items()
    }


def needs(family: Path) -> None:
    """Raises InputError where the family's folder is not ready to train on."""
    missing = [name for name in NEEDED if not (family / name).is_file()]
    if missing:
        raise InputError(
            f"The small family in {family} is not complete.",
            found=f"no {', '.join(missing)}",
            expected=", ".join(NEEDED),
            fix="make it by the commands in docs/miniature.md (Ablations): the first two files are copies of "
            "those in weights/, or what lab/train_small.py makes",
        )


def check_settings(plan: Plan) -> None:
    """Raises InputError where the trainer would refuse a run's settings: before any run is trained."""
    for run in RUNS.values():
        load_config(ROOT / STAGES[run.stage], _settings(plan, run, seed=0))


def trained(plan: Plan, name: str, seed: int) -> Path:
    """The folder of a run with its weights; what it starts from is trained before.

    Raises:
        TrainingError: the trainer refused, failed, or was stopped; says where its words are.
    """
    run, folder = RUNS[name], plan.folder(name, seed)
    if (folder / TEMPORAL).is_file():
        return folder
    if run.after is not None:
        trained(plan, run.after, seed)
    log.info("training %s, seed %d", name, seed)
    words = folder.with_suffix(".log")
    words.parent.mkdir(parents=True, exist_ok=True)
    with words.open("ab") as output:
        status = subprocess.run(
            command(plan, run, seed),
            cwd=ROOT,
            env={**os.environ, "COMFYUI_PATH": str(plan.host.absolute())},
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
    if status != 0 or not (folder / TEMPORAL).is_file():
        raise TrainingError(
            f"The run {folder.name} did not end with weights.",
            found=f"exit status {status}; its last words: {_last_words(words)}",
            expected=f"{ADAPTER} and {TEMPORAL} in {folder}",
            fix=f"see {words}; the same command goes on from the newest checkpoint",
        )
    return folder


def command(plan: Plan, run: Run, seed: int) -> list[str]:
    """The trainer's command line: the shipped config, and what differs from it."""
    given = [part for one in _settings(plan, run, seed) for part in ("--set", one)]
    config = ROOT / STAGES[run.stage]
    return [sys.executable, str(ROOT / "train.py"), run.stage, "--config", str(config), "--resume", *given]


def _settings(plan: Plan, run: Run, seed: int) -> list[str]:
    return [*_places(plan, run, seed), *_lengths(plan, run), *run.overrides, *plan.overrides]


def _places(plan: Plan, run: Run, seed: int) -> list[str]:
    family = plan.family.absolute()
    manifests = [family / PICTURES]
    if run.on_both or run.stage == "temporal":
        manifests.append(family / CLIPS)
    cache = family / CACHE
    places = [
        f"run.dir={plan.folder(run.name, seed).absolute()}",
        f"run.seed={seed}",
        f"base.checkpoint={family / BASE}",
        f"base.image_encoder={family / IMAGE_ENCODER}",
        f"data.manifests=[{', '.join(map(str, manifests))}]",
        f"data.cache={cache if cache.is_dir() else 'null'}",
    ]
    if run.after is not None:
        places.append(f"base.adapter={plan.folder(run.after, seed).absolute() / ADAPTER}")
    return places


def _lengths(plan: Plan, run: Run) -> list[str]:
    """Steps; joint training sees as many pictures and clips as both stages together."""
    both = plan.style_steps + plan.temporal_steps
    if run.on_both:
        stage_2 = load_config(ROOT / STAGES["temporal"]).data
        share = (plan.style_steps + stage_2.image_share * plan.temporal_steps) / both
        steps = [
            f"run.steps={both}",
            f"data.image_share={share:.4f}",
            f"data.frames={stage_2.frames}",
            f"data.video_batch={stage_2.video_batch}",
        ]
    else:
        steps = [f"run.steps={plan.style_steps if run.stage == 'style' else plan.temporal_steps}"]
    return [*steps, f"run.validate_every={NEVER}", f"run.sample_every={NEVER}"]


def _last_words(file: Path) -> str:
    return " ".join(file.read_text(encoding="utf-8", errors="replace").splitlines()[-3:])[-600:]
