"""Ranges of the scales that users set. The host checks what is typed, not what comes through a link."""

from __future__ import annotations

from ..errors import InputError

STRENGTHS = (0.0, 5.0)  # of StyleCrafterApplyStyle
DENOISE = (0.01, 1.0)  # of StyleCrafterSampler
STEPS = (1, 10000)  # of StyleCrafterSampler
ETA = (0.0, 1.0)  # of StyleCrafterDDIM
GUIDANCE_SCALES = (0.0, 100.0)  # cfg_text, cfg_style


def check_scale(node_id: str, name: str, value: float, allowed: tuple[float, float]) -> None:
    """Raise InputError, naming node and input, unless `value` is a number in the closed range `allowed`."""
    low, high = allowed
    if not low <= value <= high:
        raise InputError(
            f"{node_id}: {name} is outside its range.",
            found=f"{name} {value}",
            expected=f"{low:g} ≤ {name} ≤ {high:g}",
            fix=f"set {name} to a number in this range, or check what is connected to it",
        )


def check_guidance_scales(node_id: str, cfg_text: float, cfg_style: float) -> None:
    """Raise InputError, naming the node, unless both guidance scales are in their range."""
    check_scale(node_id, "cfg_text", cfg_text, GUIDANCE_SCALES)
    check_scale(node_id, "cfg_style", cfg_style, GUIDANCE_SCALES)
