"""The second stage against the first: videos of the same paintings, prompts and noise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..family.sizes import FRAMES
from ..measures import (
    estimate,
    labelled_sheet,
    markdown_table,
    paired_difference,
    paired_ratio,
)
from .judges import CONTRAST, MOTION, NEAREST, RECOGNISED, WARP, WARP_MASKED, WORDS
from .sampler import Sampler
from .study import Measured, Study

PAINTINGS, PROMPTS = 8, 8
FIRST, SECOND = "stage 1", "stage 2"
RELATIVE = "warp_error_by_contrast"
TITLES = WORDS | {RELATIVE: "warp error / contrast"}
IN_TIME = (WARP, WARP_MASKED, CONTRAST, RELATIVE, MOTION)
SHOWN = 2  # videos in the picture, each in a row per stage


def measure(study: Study) -> Measured:
    """Videos with the base's own temporal blocks, and with the trained ones."""
    trial = study.trial(PAINTINGS, PROMPTS, moving=True)
    settings = replace(study.settings, num_frames=FRAMES)
    samplers = {FIRST: Sampler(replace(study.files, temporal=None)), SECOND: study.sampler}
    results = {stage: trial.judged(sampler, study.judges, settings) for stage, sampler in samplers.items()}
    record = study.about(trial) | {"values": {stage: result.values for stage, result in results.items()}}
    rows, words = [], []
    for painting, prompt in trial.diagonal(SHOWN):
        for stage, result in results.items():
            rows.append(list(result.frames[painting * len(trial.prompts) + prompt]))
            words.append(f"{stage}: {trial.prompts[prompt].text}")
    sheet = labelled_sheet(rows, words, [f"frame {number + 1}" for number in range(FRAMES)])
    return Measured(record, {"time": sheet})


def tables(record: dict[str, Any]) -> dict[str, str]:
    """A line for each measure: both stages, their difference and their ratio, in pairs."""
    first, second = (_with_relative(record["values"][stage]) for stage in (FIRST, SECOND))
    rows = [
        [
            TITLES[name],
            estimate(first[name]),
            estimate(second[name]),
            paired_difference(second[name], first[name]),
            paired_ratio(second[name], first[name]) if name in IN_TIME else "",
        ]
        for name in (*IN_TIME, NEAREST, RECOGNISED)
    ]
    return {"time": markdown_table(["", FIRST, SECOND, "stage 2 − stage 1", "stage 2 / stage 1"], rows)}


def _with_relative(values: dict[str, Any]) -> dict[str, Any]:
    """With each video's warp error as a share of its contrast: what is only flatter gains nothing by it."""
    return values | {RELATIVE: np.divide(values[WARP], values[CONTRAST])}
