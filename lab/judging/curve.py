"""Style strength from nothing to more than the default: style goes up, content goes down."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..measures import draw_curves, estimate, markdown_table, paired_difference
from .judges import COPY, NEAREST, RECOGNISED, SIMILARITY, WORDS
from .study import Measured, Study

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
PAINTINGS = 13  # with every prompt 104 pairs at each strength
SHOWN = (NEAREST, RECOGNISED, COPY)
COMPARED = (NEAREST, RECOGNISED)


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
    """A line for each strength: its means, and in pairs what they are above those without a style."""
    names = (NEAREST, SIMILARITY, RECOGNISED, COPY)
    values = record["values"]
    without = values["0"]
    rows = [
        [
            strength,
            *(estimate(said[name]) for name in names),
            *("" if said is without else paired_difference(said[name], without[name]) for name in COMPARED),
        ]
        for strength, said in values.items()
    ]
    heading = [*(WORDS[name] for name in names), *(f"{WORDS[name]}, − strength 0" for name in COMPARED)]
    return {"curve": markdown_table(["style strength", *heading], rows)}
