"""Text scale × style scale: each moves its own number."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..measures import Estimate, estimate, labelled_sheet, markdown_table, paired_difference
from .judges import NEAREST, RECOGNISED, WORDS
from .study import Measured, Study

TEXT_SCALES = (1.0, 2.5, 5.0, 7.5, 10.0)
STYLE_SCALES = (0.0, 1.5, 3.0, 5.0, 8.0)
PAINTINGS, PROMPTS = 4, 8
JUDGED = (NEAREST, RECOGNISED)


def measure(study: Study) -> Measured:
    """The same pairs from the same noise in every cell; the picture shows the first pair."""
    trial = study.trial(PAINTINGS, PROMPTS, moving=False)
    values: dict[str, dict[str, Any]] = {}
    pictures = []
    for cfg_text in TEXT_SCALES:
        cells = [
            trial.judged(
                study.sampler, study.judges, replace(study.settings, cfg_text=cfg_text, cfg_style=cfg_style)
            )
            for cfg_style in STYLE_SCALES
        ]
        values[f"{cfg_text:g}"] = {
            f"{cfg_style:g}": cell.values for cfg_style, cell in zip(STYLE_SCALES, cells)
        }
        pictures.append([cell.frames[0, 0] for cell in cells])
    sheet = labelled_sheet(
        pictures,
        [f"text {cfg_text:g}" for cfg_text in TEXT_SCALES],
        [f"style {cfg_style:g}" for cfg_style in STYLE_SCALES],
    )
    return Measured(study.about(trial) | {"values": values}, {"grid": sheet})


def tables(record: dict[str, Any]) -> dict[str, str]:
    """Two with a line for each text scale and a column for each style scale; one of what each scale does."""
    cells = {f"grid_{name}": _table(record["values"], name) for name in JUDGED}
    return {**cells, "grid_effects": _effects(record["values"])}


def _table(values: dict[str, dict[str, Any]], name: str) -> str:
    style_scales = next(iter(values.values()))
    rows = [
        [cfg_text, *(estimate(said[name]) for said in cells.values())] for cfg_text, cells in values.items()
    ]
    heading = [f"{WORDS[name]}; text scale", *(f"style scale {scale}" for scale in style_scales)]
    return markdown_table(heading, rows, digits=2)


def _effects(values: dict[str, dict[str, Any]]) -> str:
    """From one scale's first value to its last, in pairs, averaged over all values of the other."""
    texts, styles = list(values), list(next(iter(values.values())))
    # [text scales, style scales, P, K]
    cells = {
        name: np.array([[cell[name] for cell in of.values()] for of in values.values()]) for name in JUDGED
    }
    rows = [
        [f"{words} {scales[0]} → {scales[-1]}", *(_change(cells[name], axis) for name in JUDGED)]
        for axis, (words, scales) in enumerate((("text scale", texts), ("style scale", styles)))
    ]
    return markdown_table(["", *(WORDS[name] for name in JUDGED)], rows)


def _change(cells: NDArray[np.float64], axis: int) -> Estimate:
    first, last = (cells.take(end, axis).mean(axis=0) for end in (0, -1))
    return paired_difference(last, first)
