"""The content judge: a classifier of subjects, trained on plain scenes that nothing else is trained on."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..family.contents import FIRST_OF_JUDGES, scene
from ..measures import ContentClassifier, load_classifier, save_classifier, train_classifier
from ..measures.content_classifier import classifier_input
from ..scenes import PUBLISHED, Task, draw_picture

log = logging.getLogger(__name__)

FIRST_OF_TESTS = FIRST_OF_JUDGES + 400_000
TESTS = 480


@dataclass(frozen=True)
class Schooling:
    """What the judge learns from: so many scenes, number of steps."""

    scenes: int = 4000
    steps: int = 1500


def content_judge(folder: Path, seed: int, schooling: Schooling, task: Task = PUBLISHED) -> ContentClassifier:
    """The judge in the folder, trained first where it is not there."""
    file = folder / f"content_judge_{task.name}_{seed}_{schooling.scenes}_{schooling.steps}.safetensors"
    if not file.is_file():
        log.info("Training the content judge: %d steps", schooling.steps)
        pictures, subjects = scenes(seed, FIRST_OF_JUDGES, schooling.scenes, task)
        inputs = torch.cat([classifier_input(part) for part in pictures.split(256)])
        folder.mkdir(parents=True, exist_ok=True)
        save_classifier(train_classifier(inputs, subjects, task.subject_names, seed, schooling.steps), file)
    return load_classifier(file)


def recognised_scenes(judge: ContentClassifier, seed: int) -> list[float]:
    """1.0 for each plain scene that the judge recognises of those that it never saw, else 0.0."""
    pictures, subjects = scenes(seed, FIRST_OF_TESTS, TESTS)
    return judge.recognised(pictures, subjects).tolist()


def scenes(seed: int, first: int, number: int, task: Task = PUBLISHED) -> tuple[Tensor, Tensor]:
    """Pictures [N, H, W, 3] in 0..1 of the scenes from a content number on, and their subjects [N]."""
    shown = [scene(seed, first + place, task=task) for place in range(number)]
    pixels = torch.from_numpy(np.stack([draw_picture(one) for one in shown])).float() / 255
    return pixels, torch.tensor([task.subject_names.index(one.subject) for one in shown])
