"""Style strength from nothing to more than the default: style goes up, content goes down."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from stylecrafter_core.evaluation import draw_curves, estimate, markdown_table

from .judges import COPY, NEAREST, RECOGNISED, SIMILARITY, WORDS
from .study import Measured, Study

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
PAINTINGS = 13  # with every prompt more than 200 pairs
SHOWN = (NEAREST, RECOGNISED, COPY)


def measure(study: Study) -> Measured:
    """The same pairs from the same noise at every strength."""
    trial = study.trial(PAINTINGS, None, moving=False)
    values = {
        f"{strength:g}": trial.judged(
            study.sampler, study.judges, replace(study.settings, strength=strength)
        ).values
        for strength in STRENGTHS
    }
    record = study.about(trial) | {"values": values}
    curves = {WORDS[name]: [estimate(said[name]) for said in values.values()] for name in SHOWN}
    return Measured(record, {"curve": draw_curves(STRENGTHS, curves, "style strength")[0]})


def tables(record: dict[str, Any]) -> dict[str, str]:
    """A line for each strength."""
    names = (NEAREST, SIMILARITY, RECOGNISED, COPY)
    rows = [
        [strength, *(estimate(said[name]) for name in names)] for strength, said in record["values"].items()
    ]
    return {"curve": markdown_table(["style strength", *(WORDS[name] for name in names)], rows)}
