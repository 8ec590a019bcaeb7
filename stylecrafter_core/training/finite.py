"""Losses, gradients and weights that are infinite or not numbers: never trained on, never saved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor

from ..errors import StyleCrafterError
from .config import Config

MOST_SKIPPED = 20  # steps in a row; float16's gradient scaler needs up to 16 to find its scale


class SkippedSteps:
    """Ends a run whose losses or gradients stay infinite or not numbers.

    Args:
        config: of the run, for the message.
    """

    def __init__(self, config: Config):
        self.config, self.in_a_row = config, 0

    def count(self, step: int, skipped: bool, words: str, latest: Path | None) -> None:
        """Take note of a step.

        Args:
            step: its number.
            skipped: whether it changed nothing because its numbers were not finite.
            words: what they were.
            latest: the newest checkpoint.

        Raises:
            StyleCrafterError: MOST_SKIPPED steps in a row were skipped.
        """
        self.in_a_row = self.in_a_row + 1 if skipped else 0
        if self.in_a_row < MOST_SKIPPED:
            return
        raise StyleCrafterError(
            f"Training stops at step {step}: {MOST_SKIPPED} steps in a row had to be skipped.",
            found=words,
            expected="finite losses and gradients",
            fix=f"{_good_until(latest)}; look for damage in the base, or use engine.precision: bf16 and "
            "base.dtype: float32",
        )


def require_finite(what: str, state: Any, config: Config, latest: Path | None) -> None:
    """Raise StyleCrafterError where a tensor in a nested state holds an infinite value or none at all.

    Args:
        what: is looked at: "step 12 cannot be saved".
        state: tensors in dicts and lists.
        config: of the run, for the message.
        latest: the newest checkpoint.
    """
    wrong = list(_not_finite(state))
    if not wrong:
        return
    optimiser = config.optimiser
    raise StyleCrafterError(
        f"Training stops: {what}, because its weights are infinite or not numbers.",
        found=f"{', '.join(wrong[:3])}{f' and {len(wrong) - 3} more' if len(wrong) > 3 else ''}; "
        f"{optimiser.name} with lr {optimiser.lr:g}, engine.precision {config.engine.precision}",
        expected="finite weights",
        fix=_good_until(latest),
    )


def plain(value: Any) -> Any:
    """The value for JSON: infinite numbers and those that are not numbers become None, in lists, too."""
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return None if isinstance(value, float) and not -float("inf") < value < float("inf") else value


def _good_until(latest: Path | None) -> str:
    start = "start a new run with a lower optimiser.lr, or more optimiser.warmup_steps"
    if latest is None:
        return f"{start}; nothing was saved"
    return f"{start}, from the weights in {latest}, which are good (base.adapter, base.temporal)"


def _not_finite(state: Any, name: str = "") -> Iterator[str]:
    if isinstance(state, Tensor):
        state = state.to_local() if isinstance(state, DTensor) else state
        if state.is_floating_point() and not bool(torch.isfinite(state).all()):
            yield name
    elif isinstance(state, Mapping):
        for key, inner in state.items():
            yield from _not_finite(inner, f"{name}/{key}" if name else str(key))
    elif isinstance(state, list | tuple):
        for number, inner in enumerate(state):
            yield from _not_finite(inner, f"{name}/{number}")
