"""What is in the tensors of a weight file: floating-point numbers, all of them finite."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from ..errors import WeightFileError
from .key_report import LONGEST_SHOWN, NAMED_AT_MOST


def check_values(tensors: Mapping[str, Tensor], file: str | Path) -> None:
    """Raise WeightFileError, naming tensors, unless all are of floating point and hold finite numbers alone.

    Costs one pass over the values, which a load has to read anyway. Tensors on the meta device have none.
    """
    odd = [f"{name} ({_kind(tensor)})" for name, tensor in tensors.items() if not tensor.is_floating_point()]
    if odd:
        raise WeightFileError(
            f"{file} holds weights that are not floating-point numbers.",
            found=_listed(odd),
            expected="float32, float16, bfloat16 or another floating-point type",
            fix="choose the published file, or one that this version of StyleCrafter has saved",
        )
    broken = [name for name, tensor in tensors.items() if not _is_finite(tensor)]
    if broken:
        raise WeightFileError(
            f"{file} holds weights that are NaN or infinite.",
            found=_listed(broken),
            expected="finite numbers",
            fix="download the file again; if you trained or merged it, go back to an earlier checkpoint",
        )


def _is_finite(tensor: Tensor) -> bool:
    if tensor.is_meta or tensor.numel() == 0:
        return True
    values = (
        tensor.to(torch.float16) if tensor.element_size() == 1 else tensor
    )  # 8-bit floats cannot be summed
    # A sum takes a fifth of the time. It may overflow where the values do not: then they are looked at.
    total = values.sum(dtype=torch.promote_types(values.dtype, torch.float32))
    return bool(torch.isfinite(total)) or bool(torch.isfinite(values).all())


def _kind(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _listed(names: list[str]) -> str:
    more = f", ... ({len(names)} in all)" if len(names) > NAMED_AT_MOST else ""
    return ", ".join(name[:LONGEST_SHOWN] for name in names[:NAMED_AT_MOST]) + more
