"""One process, or several with a copy of the model each (DDP): accelerate does it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from torch import Tensor, nn

from .base import Engine, MakeOptimiser


class AcceleratedEngine(Engine):
    """Under `python`, `accelerate launch` or `torchrun`."""

    def __init__(self, precision: str, cpu: bool, some_unused: bool = False):
        handlers = [DistributedDataParallelKwargs(find_unused_parameters=some_unused)]
        self.accelerator = Accelerator(mixed_precision=precision, cpu=cpu, kwargs_handlers=handlers)
        self.rank = self.accelerator.process_index
        self.processes = self.accelerator.num_processes
        self.device = self.accelerator.device

    def prepare(self, model: nn.Module, units: list[nn.Module], make_optimiser: MakeOptimiser) -> None:
        model.to(self.device)
        optimiser = make_optimiser(item for item in model.named_parameters() if item[1].requires_grad)
        self.model, self.optimiser = self.accelerator.prepare(model, optimiser)

    def autocast(self) -> AbstractContextManager:
        return self.accelerator.autocast()

    def accumulating(self, last: bool) -> AbstractContextManager:
        return nullcontext() if last else self.accelerator.no_sync(self.model)

    def backward(self, loss: Tensor) -> None:
        self.accelerator.backward(loss)

    def clip(self, max_norm: float) -> Tensor:
        return self.accelerator.clip_grad_norm_(self.trained(), max_norm)

    def step(self, finite: bool) -> None:
        # In float16 the gradient's scaler leaves out such a step by itself, and learns from it.
        super().step(finite or self.accelerator.scaler is not None)

    def gather(self, values: Tensor) -> Tensor:
        return self.accelerator.gather(values)

    def wait(self) -> None:
        self.accelerator.wait_for_everyone()

    def close(self) -> None:
        self.accelerator.end_training()
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
