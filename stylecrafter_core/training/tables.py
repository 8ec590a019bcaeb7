"""A table in plain text for people: what is trained."""

from __future__ import annotations

from collections import defaultdict

from ..columns import table
from .host.frozen_base import temporal_tensors
from .host.styled_unet import StyledUNet


def frozen_and_trained(model: StyledUNet) -> str:
    """Millions of parameters, frozen and trained, per part of the model."""
    temporal = frozenset(f"unet.{name}" for name in temporal_tensors(model.unet))
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for name, weight in model.named_parameters():
        counts[_part(name, temporal)][int(weight.requires_grad)] += weight.numel()
    rows: list[tuple[str, ...]] = [("part", "frozen (M)", "trained (M)")]
    rows += [(part, *(f"{count / 1e6:.2f}" for count in both)) for part, both in counts.items()]
    totals = [sum(both[index] for both in counts.values()) for index in (0, 1)]
    rows.append(("all", *(f"{total / 1e6:.2f}" for total in totals)))
    return table(rows)


def _part(name: str, temporal: frozenset[str]) -> str:
    """adapter.style_kv.3.to_k.weight -> adapter.style_kv; the U-Net's own or its temporal blocks."""
    first, second, *_ = name.split(".")
    if first == "adapter":
        return f"{first}.{second}"
    return "U-Net, temporal blocks" if name in temporal else "U-Net, spatial"
