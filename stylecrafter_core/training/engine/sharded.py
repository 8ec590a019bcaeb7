"""Several processes with a share of the trained weights, gradients and optimiser state each (FSDP2)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor

from ...errors import InputError
from .base import Engine, MakeOptimiser

DTYPES = {"no": None, "bf16": torch.bfloat16}


class ShardedEngine(Engine):
    """Under `torchrun`. The frozen weights are whole in every process. Unused weights need nothing here.

    Raises:
        InputError: started without torchrun, or with a precision that needs a gradient scaler.
    """

    def __init__(self, precision: str, cpu: bool, some_unused: bool = False):
        if precision not in DTYPES:
            raise InputError(
                "FSDP2 is not run with this precision.",
                found=f"engine.precision: {precision}",
                expected=" or ".join(DTYPES),
                fix="use bf16, or engine.kind: accelerate",
            )
        if not dist.is_torchelastic_launched():
            raise InputError(
                "FSDP2 needs torchrun.",
                found="a process that torchrun did not start",
                fix="torchrun --nproc-per-node N train.py ..., or engine.kind: accelerate",
            )
        kind = "cpu" if cpu else "cuda"
        dist.init_process_group("gloo" if cpu else "nccl")
        self.rank, self.processes = dist.get_rank(), dist.get_world_size()
        self.dtype = DTYPES[precision]
        self.mesh = init_device_mesh(kind, (self.processes,))
        self.device = torch.device(kind if cpu else f"cuda:{dist.get_node_local_rank()}")

    def prepare(self, model: nn.Module, units: list[nn.Module], make_optimiser: MakeOptimiser) -> None:
        model.to(self.device)
        for unit in units:
            # A site's norm is used after its module has answered, so weights stay whole until the step ends.
            fully_shard(unit, mesh=self.mesh, reshard_after_forward=False)
        self.units = [unit for unit in units if isinstance(unit, FSDPModule)]
        self.model = model
        self.optimiser = make_optimiser(item for item in model.named_parameters() if item[1].requires_grad)

    def autocast(self) -> AbstractContextManager:
        if self.dtype is None:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.dtype)

    @contextmanager
    def accumulating(self, last: bool) -> Iterator[None]:
        for unit in self.units:
            unit.set_requires_gradient_sync(last)
        with self.autocast():
            yield

    def backward(self, loss: Tensor) -> None:
        loss.backward()

    def clip(self, max_norm: float) -> Tensor:
        norm = nn.utils.clip_grad_norm_(self.trained(), max_norm)
        return norm.full_tensor() if isinstance(norm, DTensor) else norm

    def gather(self, values: Tensor) -> Tensor:
        parts = [torch.empty_like(values) for _ in range(self.processes)]
        dist.all_gather(parts, values)
        return torch.cat(parts)

    def wait(self) -> None:
        dist.barrier()

    def close(self) -> None:
        dist.destroy_process_group()
