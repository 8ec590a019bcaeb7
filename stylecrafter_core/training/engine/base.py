"""What the training loop wants of an engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)

MakeOptimiser = Callable[[Iterable[tuple[str, nn.Parameter]]], torch.optim.Optimizer]


class Engine(ABC):
    """One way to compute steps.

    Attributes:
        rank, processes: this process among those that train together.
        device: where the model is.
        model: as it is called in a step; set by `prepare`.
        optimiser: set by `prepare`.
    """

    rank: int
    processes: int
    device: torch.device
    model: nn.Module
    optimiser: torch.optim.Optimizer

    @property
    def is_main(self) -> bool:
        """Whether this process writes files."""
        return self.rank == 0

    @abstractmethod
    def prepare(self, model: nn.Module, units: list[nn.Module], make_optimiser: MakeOptimiser) -> None:
        """Move and wrap the model and make its optimiser.

        Args:
            units: the modules that are trained, whole.
            make_optimiser: of the trained weights, by name.
        """

    @abstractmethod
    def autocast(self) -> AbstractContextManager:
        """The precision of forward passes outside of `model`."""

    @abstractmethod
    def accumulating(self, last: bool) -> AbstractContextManager:
        """Around the forward and backward pass: gradients are exchanged in the last of a step only."""

    @abstractmethod
    def backward(self, loss: Tensor) -> None:
        """Add the loss's gradient; over processes, gradients are averaged."""

    @abstractmethod
    def clip(self, max_norm: float) -> Tensor:
        """Scale gradients down to a joint norm of at most `max_norm`; returns the norm before."""

    def trained(self) -> list[Tensor]:
        """What the optimiser changes. A walk through the model's modules in every step takes longer."""
        return [weight for group in self.optimiser.param_groups for weight in group["params"]]

    def step(self, finite: bool) -> None:
        """One step of the optimiser, and no gradient afterwards.

        Args:
            finite: whether the gradient is; if not, the weights stay as they are.
        """
        if finite:
            self.optimiser.step()
        self.optimiser.zero_grad()

    @abstractmethod
    def gather(self, values: Tensor) -> Tensor:
        """[n] per process to [processes · n], in the order of the ranks."""

    @abstractmethod
    def wait(self) -> None:
        """Until every process is here."""

    @abstractmethod
    def close(self) -> None:
        """Leave the group of processes."""

    def any(self, flag: bool) -> bool:
        """Whether the flag is up in any process."""
        if self.processes == 1:
            return flag
        return bool(self.gather(torch.tensor([float(flag)], device=self.device)).max() > 0)

    def optimiser_state(self) -> dict[str, Any]:
        """The optimiser's state by the names of the weights; complete in the main process.

        Every process must call it.
        """
        options = StateDictOptions(full_state_dict=True, cpu_offload=True)
        return dict(get_optimizer_state_dict(self.model, self.optimiser, options=options))

    def load_optimiser_state(self, state: dict[str, Any]) -> None:
        """The inverse of `optimiser_state`; every process gives the whole state."""
        # torch makes what it fills only where there is nothing; some optimisers leave empty entries.
        self.optimiser.state.clear()
        options = StateDictOptions(full_state_dict=True)
        set_optimizer_state_dict(self.model, self.optimiser, state, options=options)
