"""In which precision weights are kept."""

from __future__ import annotations

from torch import Tensor


def in_half(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Vectors and matrices in float16, single numbers as they are; contiguous, as safetensors wants them."""
    return {name: (t.half() if t.ndim else t).contiguous() for name, t in tensors.items()}
