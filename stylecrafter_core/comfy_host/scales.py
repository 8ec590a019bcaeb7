"""Ranges of what users set. The host checks what is typed, not what comes through a link."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..errors import InputError

STRENGTHS = (0.0, 5.0)
DENOISE = (0.01, 1.0)
STEPS = (1, 10000)
ETA = (0.0, 1.0)
GUIDANCE_SCALES = (0.0, 100.0)  # cfg_text, cfg_style


def check_scale(name: str, value: float, allowed: tuple[float, float]) -> None:
    """Raise InputError, naming the input, unless `value` is a number in the closed range `allowed`."""
    low, high = allowed
    if not low <= value <= high:
        raise InputError(
            f"The input `{name}` is outside its range.",
            found=f"{name} {value}",
            expected=f"{low:g} ≤ {name} ≤ {high:g}",
            fix=f"set {name} to a number in this range, or check what is connected to it",
        )


def check_guidance_scales(cfg_text: float, cfg_style: float) -> None:
    """Raise InputError unless both guidance scales are in their range."""
    check_scale("cfg_text", cfg_text, GUIDANCE_SCALES)
    check_scale("cfg_style", cfg_style, GUIDANCE_SCALES)


def check_part(start_at: float, end_at: float) -> None:
    """Raise InputError unless `start_at` and `end_at` enclose a part of the sampling.

    The sampling runs from 0 (noise) to 1 (picture); the end of a part is excluded.
    """
    if not 0.0 <= start_at < end_at <= 1.0:
        raise InputError(
            "The inputs `start_at` and `end_at` do not enclose any part of the sampling.",
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
