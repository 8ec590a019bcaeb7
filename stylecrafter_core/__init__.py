"""StyleCrafter: style tokens, dual cross-attention and dual guidance, with or without ComfyUI."""

from __future__ import annotations

from typing import Any

__all__ = ["load_adapter"]


def __getattr__(name: str) -> Any:
    """Public names resolve on first use, so that importing the package costs nothing."""
    if name == "load_adapter":
        from .loading import load_adapter

        return load_adapter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
