"""What reaches the diffusion model: how often, with how many conditions, with or without a style."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from comfy.patcher_extension import WrappersMP
from torch import Tensor


@dataclass(frozen=True)
class Call:
    """One call of the diffusion model.

    Attributes:
        passes: conditions that shared it.
        rows: rows of its batch.
        styled: conditions among them that had a style.
        roles: what each condition is for other packs: 0 is positive, 1 negative.
    """

    passes: int
    rows: int
    styled: int
    roles: tuple[int, ...]


class Watcher:
    """Keeps every call of the diffusion model."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def __deepcopy__(self, memo: dict) -> Watcher:
        return self

    def __call__(
        self,
        executor: Callable,
        x: Tensor,
        timesteps: Tensor,
        context: Any,
        y: Any,
        control: Any,
        options: dict,
        **more: Any,
    ) -> Any:
        replaced = options.get("patches_replace", {}).get("attn2", {})
        batches = [attention.batch for attention in replaced.values() if hasattr(attention, "batch")]
        styled = sum(bool(style.sites) for _, style in batches[0].styles) if batches else 0
        roles = tuple(options["cond_or_uncond"])
        self.calls.append(Call(len(roles), len(x), styled, roles))
        return executor(x, timesteps, context, y, control, options, **more)

    @property
    def passes(self) -> int:
        """Conditions in all calls together."""
        return sum(call.passes for call in self.calls)

    @property
    def styled_passes(self) -> int:
        """Conditions that had a style, in all calls together."""
        return sum(call.styled for call in self.calls)


def watched(model: Any) -> tuple[Any, Watcher]:
    """A clone of a MODEL and the watcher of its calls, innermost of all wrappers."""
    clone, watcher = model.clone(), Watcher()
    clone.add_wrapper_with_key(WrappersMP.DIFFUSION_MODEL, "watcher", watcher)
    return clone, watcher
