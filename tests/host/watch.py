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
        styled: whether attention with a style was registered in it.
    """

    passes: int
    rows: int
    styled: bool


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
        styled = any(type(attention).__name__ == "StyledAttention" for attention in replaced.values())
        self.calls.append(Call(len(options["cond_or_uncond"]), len(x), styled))
        return executor(x, timesteps, context, y, control, options, **more)

    @property
    def passes(self) -> int:
        """Conditions in all calls together."""
        return sum(call.passes for call in self.calls)

    @property
    def styled_passes(self) -> int:
        """Conditions in the calls that had a style."""
        return sum(call.passes for call in self.calls if call.styled)


def watched(model: Any) -> tuple[Any, Watcher]:
    """A clone of a MODEL and the watcher of its calls, innermost of all wrappers."""
    clone, watcher = model.clone(), Watcher()
    clone.add_wrapper_with_key(WrappersMP.DIFFUSION_MODEL, "watcher", watcher)
    return clone, watcher
