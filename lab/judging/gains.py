"""The predicted gains: rich and plain styles, short and long prompts.

S styles, L sites.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from stylecrafter_core.comfy_host.gain_chart import draw_gains
from stylecrafter_core.comfy_host.inspection import predicted_gains

from ..measures import (
    estimate,
    labelled_sheet,
    markdown_table,
    paired_difference,
)
from ..scenes import PUBLISHED
from .lot import drawn
from .paintings import HeldOut, square
from .prompts import Prompt, short_and_long
from .richness import halves
from .study import Measured, Study

DRAWN = 2  # richest, plainest, short and long ones in the picture


def measure(study: Study) -> Measured:
    """The richer half of the held-out paintings and the plainer half, with both prompts of every subject."""
    rich, plain = halves(study.paintings)
    prompts = [
        tuple(prompt for _, prompt in drawn(kind, study.most_prompts, study.seed, "prompts"))
        for kind in short_and_long(study.seed)
    ]
    # For the difference in pairs: an order that says nothing about richness.
    styles = {"rich": sorted(rich, key=_number), "plain": sorted(plain, key=_number)}
    gains = {
        length: {kind: _mean_gains(study, chosen, of_kind) for kind, of_kind in styles.items()}
        for length, chosen in zip(("short", "long"), prompts)
    }
    shown = [*prompts[0][:DRAWN], *prompts[1][:DRAWN]]
    extremes = [*rich[:DRAWN], *plain[:DRAWN]]
    chart = draw_gains(_gains(study, shown, extremes), [prompt.text for prompt in shown])[0]
    record = {
        **{kind: [painting.number for painting in of_kind] for kind, of_kind in styles.items()},
        "prompts": {length: [p.text for p in chosen] for length, chosen in zip(("short", "long"), prompts)},
        "values": gains,
        **study.weights(),
    }
    return Measured(record, {"gains": _with_references(chart, extremes)})


def tables(record: dict[str, Any]) -> dict[str, str]:
    """A line for each kind of style, a column for each kind of prompt, and the differences."""
    gains = record["values"]
    rows: list[list[Any]] = [
        [
            f"{kind} styles",
            *(estimate(gains[length][kind]) for length in ("short", "long")),
            paired_difference(gains["long"][kind], gains["short"][kind]),
        ]
        for kind in ("rich", "plain")
    ]
    differences = [paired_difference(gains[length]["rich"], gains[length]["plain"]) for length in gains]
    rows.append(["rich − plain", *differences, ""])
    return {"gains": markdown_table(["mean gain", "short prompts", "long prompts", "long − short"], rows)}


def _number(painting: HeldOut) -> int:
    return painting.number


def _with_references(chart_HW3: Tensor, styles: Sequence[HeldOut]) -> Tensor:
    """The chart below the pictures of its styles, the rich ones first."""
    words = [f"style {n}: {'rich' if n <= DRAWN else 'plain'}" for n in range(1, len(styles) + 1)]
    pictures = [square(painting.pixels, PUBLISHED.side) for painting in styles]
    sheet = labelled_sheet([pictures], ["references"], words)
    padded = torch.ones(len(sheet), chart_HW3.shape[1], 3)
    padded[:, : sheet.shape[1]] = sheet
    return torch.cat([padded, chart_HW3])


def _gains(study: Study, prompts: Sequence[Prompt], styles: Sequence[HeldOut]) -> Tensor:
    """[prompts, S, L]."""
    sampler = study.sampler
    encoded = [sampler.adapter.encode(sampler.tokens(painting.pixels)) for painting in styles]
    return predicted_gains(sampler.adapter, sampler.base.clip, [p.text for p in prompts], encoded)


def _mean_gains(study: Study, prompts: Sequence[Prompt], styles: Sequence[HeldOut]) -> list[list[float]]:
    """[S][prompts]: the mean over sites."""
    return _gains(study, prompts, styles).mean(dim=-1).T.tolist()
