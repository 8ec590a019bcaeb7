"""Every held-out painting with every prompt: is the style its reference's, and is the subject still there?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..measures import estimate, labelled_sheet, markdown_table, paired_ratio
from ..scenes import PUBLISHED, SUBJECTS
from .content import recognised_scenes
from .judges import CANDIDATES, COPY, NEAREST, RECOGNISED, SIMILARITY
from .paintings import square
from .study import Measured, Study

SHOWN = 8
STYLED, BASE = "styled", "base alone"
CHANCE = f"{1 / len(SUBJECTS):.3f}"


def measure(study: Study) -> Measured:
    """Results in a style, and those of the base alone from the same noise."""
    trial = study.trial(None, None, moving=False)
    results = {
        STYLED: trial.judged(study.sampler, study.judges, study.settings),
        BASE: trial.judged(study.sampler, study.judges, replace(study.settings, strength=0.0)),
    }
    record = study.about(trial) | {
        "values": {name: result.values for name, result in results.items()},
        "judge_on_plain_scenes": recognised_scenes(study.judges.content, study.seed),
    }
    rows, words = [], []
    for painting, prompt in trial.diagonal(SHOWN):
        number = painting * len(trial.prompts) + prompt
        reference = square(trial.paintings[painting].pixels, PUBLISHED.side)
        rows.append([reference, *(results[name].frames[number, 0] for name in (BASE, STYLED))])
        words.append(trial.prompts[prompt].text)
    return Measured(record, {"held_out": labelled_sheet(rows, words, ["reference", BASE, STYLED])})


def tables(record: dict[str, Any]) -> dict[str, str]:
    """One line for each number."""
    styled, base = record["values"][STYLED], record["values"][BASE]
    rows = [
        [
            f"its own reference is the nearest of {CANDIDATES}",
            estimate(styled[NEAREST]),
            f"{1 / CANDIDATES:.3f}",
        ],
        ["the same, of what the base alone draws", estimate(base[NEAREST]), f"{1 / CANDIDATES:.3f}"],
        ["cosine to its reference, style judge", estimate(styled[SIMILARITY]), ""],
        ["the same, the base alone", estimate(base[SIMILARITY]), ""],
        ["subject recognised", estimate(styled[RECOGNISED]), CHANCE],
        ["the same, the base alone", estimate(base[RECOGNISED]), CHANCE],
        ["the first as a share of the second", paired_ratio(styled[RECOGNISED], base[RECOGNISED]), ""],
        ["copy of its reference", estimate(styled[COPY]), ""],
        ["the same, the base alone", estimate(base[COPY]), ""],
        ["plain scenes that the judge recognises", estimate(record["judge_on_plain_scenes"]), CHANCE],
    ]
    pairs = f"{len(record['paintings'])} × {len(record['prompts'])} pairs"
    return {"held_out": markdown_table([pairs, "measured", "chance"], rows)}
