"""What operations cost: live memory, additions and multiplications, bytes read and written."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils._pytree import tree_flatten
from torch.utils.flop_counter import flop_registry


@dataclass(frozen=True)
class Card:
    """A graphics card's rates, as its maker states them.

    Attributes:
        matrix: additions and multiplications a second in half precision, dense.
        single: the same in float32 (TF32 is off in the host).
        bandwidth: bytes a second.
    """

    name: str
    matrix: float
    single: float
    bandwidth: float


CARDS = (
    Card("H200", 989e12, 67e12, 4.8e12),
    Card("RTX 4090", 165e12, 82.6e12, 1.008e12),
    Card("RTX 3060", 51e12, 12.7e12, 0.36e12),
)


# Operations that only reserve memory.
ALLOCATES = {torch.ops.aten.empty, torch.ops.aten.empty_like, torch.ops.aten.empty_strided}


@dataclass
class Cost:
    """Sums over operations; seconds by card: `Σ max(FLOPs / rate, bytes / bandwidth)`."""

    flops: float = 0.0
    bytes: float = 0.0
    operations: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: {card.name: 0.0 for card in CARDS})

    def add(self, flops: float, moved: int, dtype: torch.dtype) -> None:
        """One more operation that computes in `dtype`."""
        self.flops += flops
        self.bytes += moved
        self.operations += 1
        for card in CARDS:
            rate = card.single if dtype in (torch.float32, torch.float64) else card.matrix
            self.seconds[card.name] += max(flops / rate, moved / card.bandwidth)


class Meter:
    """Counts the operations on the card and the memory that lives there.

    Attributes:
        live, peak: bytes in storages on the card, now and at most.
        cost: of all operations since `reset`.

    Args:
        device: the card, or the processor where that stands in for it.
    """

    def __init__(self, device: torch.device) -> None:
        self.device_type = device.type
        self.live = self.peak = 0
        self.cost = Cost()
        self._storages: dict[int, Any] = {}

    def on_card(self, tensor: Tensor) -> bool:
        """Whether the tensor lies on the card."""
        return isinstance(tensor, FakeTensor) and tensor.device.type == self.device_type

    def reset(self) -> None:
        """Begin anew; what lives stays."""
        self.peak, self.cost = self.live, Cost()

    def add(self, function: Any, args: tuple, kwargs: dict[str, Any], out: Any) -> None:
        """Count one operation that has run."""
        inputs = [leaf for leaf in tree_flatten((args, kwargs))[0] if isinstance(leaf, Tensor)]
        outputs = [leaf for leaf in tree_flatten(out)[0] if isinstance(leaf, Tensor)]
        made = [self.keep(tensor) for tensor in outputs if self.on_card(tensor)]
        on_card = [tensor for tensor in (*inputs, *outputs) if self.on_card(tensor)]
        works = any(made) or function._schema.is_mutable  # others are views
        if not on_card or not works or function.overloadpacket in ALLOCATES:
            return
        count = flop_registry.get(function.overloadpacket)
        flops = 0.0 if count is None else float(count(*args, **kwargs, out_val=out))
        self.cost.add(flops, sum(map(_size, on_card)), on_card[0].dtype)

    def keep(self, tensor: Tensor) -> bool:
        """Count the tensor's storage as long as it lives; whether it is a new one."""
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._storages:
            return False
        size = storage.nbytes()
        self._storages[key] = weakref.ref(storage, lambda _: self._free(key, size))
        self.live += size
        self.peak = max(self.peak, self.live)
        return True

    def _free(self, key: int, size: int) -> None:
        del self._storages[key]
        self.live -= size


def _size(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
