"""Text scale × style scale: each moves its own number."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from stylecrafter_core.evaluation import estimate, labelled_sheet, markdown_table

from .judges import NEAREST, RECOGNISED, WORDS
from .study import Measured, Study

TEXT_SCALES = (1.0, 2.5, 5.0, 7.5, 10.0)
STYLE_SCALES = (0.0, 1.5, 3.0, 5.0, 8.0)
PAINTINGS, PROMPTS = 4, 8


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
    """Two tables: a line for each text scale, a column for each style scale."""
    return {f"grid_{name}": _table(record["values"], name) for name in (NEAREST, RECOGNISED)}


def _table(values: dict[str, dict[str, Any]], name: str) -> str:
    style_scales = next(iter(values.values()))
    rows = [
        [cfg_text, *(estimate(said[name]) for said in cells.values())] for cfg_text, cells in values.items()
    ]
    heading = [f"{WORDS[name]}; text scale", *(f"style scale {scale}" for scale in style_scales)]
    return markdown_table(heading, rows, digits=2)
