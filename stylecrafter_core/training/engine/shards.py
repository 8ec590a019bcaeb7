"""Between a weight that is cut up over processes and the whole of it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor, distribute_tensor


def whole(value: Tensor) -> Tensor:
    """All of a weight, on the CPU. Every process that holds a share must call it."""
    value = value.detach()
    return (value.full_tensor() if isinstance(value, DTensor) else value).cpu().contiguous()


@torch.no_grad()
def put(value: Tensor, tensor: Tensor) -> None:
    """Write a whole tensor into a weight, of which this process may hold a share only."""
    tensor = tensor.to(value.device)
    if isinstance(value, DTensor):
        value.copy_(distribute_tensor(tensor, value.device_mesh, value.placements))
    else:
        value.copy_(tensor)
