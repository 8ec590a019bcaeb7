"""StyleCrafter: style tokens, dual cross-attention and dual guidance, with or without ComfyUI."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .adapter import StyleAdapter

__all__ = ["load_adapter"]


def load_adapter(path: str | Path) -> StyleAdapter:
    """The style adapter in a file of any published or own format, recognised by its keys.

    Returns:
        A StyleAdapter in evaluation mode, on the CPU, in float32: `encode`, `layer_gains`, `site_styles`.

    Raises:
        WeightFileError: the file cannot be read, is not an adapter, or lacks something; says which and what.
    """
    # Here, so that importing the package costs nothing.
    from .adapter import StyleAdapter
    from .formats import read_adapter

    file = read_adapter(path)
    return StyleAdapter.from_tensors(file.spec, {name: t.float() for name, t in file.tensors.items()})
