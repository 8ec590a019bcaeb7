"""A part of the sampling, from 0 (noise) to 1 (picture), its end excluded."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..errors import InputError


def check_part(node_id: str, start_at: float, end_at: float) -> None:
    """Raise InputError, naming the node, unless `start_at` and `end_at` enclose a part of the sampling."""
    if not 0.0 <= start_at < end_at <= 1.0:
        raise InputError(
            f"{node_id}: start_at and end_at do not enclose any part of the sampling.",
            found=f"start_at {start_at}, end_at {end_at}",
            expected="0 ≤ start_at < end_at ≤ 1",
            fix="set start_at below end_at, for example 0 and 1",
        )


def in_part(model_sampling: Any, sigma: Tensor, start_at: float, end_at: float) -> bool:
    """Whether a sigma lies in a part of the sampling."""
    if start_at <= 0.0 and end_at >= 1.0:
        return True
    start, end = (model_sampling.percent_to_sigma(percent) for percent in (start_at, end_at))
    return end < float(sigma[0]) <= start
