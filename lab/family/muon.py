"""An optimiser that takes a matrix's steps along all its directions alike: Muon."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

ROUNDS = 5  # of Newton and Schulz
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
TINY = 1e-8  # keeps Adam from dividing by zero
RMS = 0.2  # of a matrix's step in units of the learning rate: about that of Adam's


class Muon(torch.optim.Optimizer):
    """Muon for matrices and kernels, Adam for vectors; both take the same learning rate.

    A matrix's momentum is replaced by its nearest matrix with all singular values about 1, times
    0.2 · √(longer side). Kernels [O, I, H, W] are matrices [O, I·H·W].

    Args:
        weights: tensors, or groups of them as all optimisers take them.
        lr: the learning rate.
        momentum: share of the momentum that a matrix keeps from step to step.
        betas: Adam's two, of vectors.
    """

    def __init__(
        self,
        weights: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.99),
    ):
        super().__init__(weights, {"lr": lr, "momentum": momentum, "betas": betas})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step of every tensor that has a gradient."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    take = _matrix_step if weight.ndim > 1 else _vector_step
                    take(weight, weight.grad, self.state[weight], group)


def _matrix_step(weight: Tensor, gradient: Tensor, state: dict[str, Tensor], group: dict[str, Any]) -> None:
    if not state:
        state["momentum"] = torch.zeros_like(weight)
    momentum = state["momentum"]
    momentum.lerp_(gradient, 1 - group["momentum"])
    ahead = gradient.lerp(momentum, group["momentum"]).flatten(1)
    weight.add_(evened(ahead).view_as(weight), alpha=-group["lr"] * RMS * max(ahead.shape) ** 0.5)


def _vector_step(weight: Tensor, gradient: Tensor, state: dict[str, Tensor], group: dict[str, Any]) -> None:
    fast, slow = group["betas"]
    if not state:
        state |= {
            "first": torch.zeros_like(weight),
            "second": torch.zeros_like(weight),
            "steps": torch.zeros(()),
        }
    first, second, steps = state["first"], state["second"], state["steps"]
    steps += 1
    first.lerp_(gradient, 1 - fast)
    second.lerp_(gradient.square(), 1 - slow)
    size = (second / (1 - slow**steps)).sqrt_().add_(TINY)
    weight.sub_(group["lr"] / (1 - fast**steps) * first / size)


def evened(matrix: Tensor) -> Tensor:
    """U·Vᵀ of the matrix U·S·Vᵀ, roughly: singular values lie between 0.7 and 1.2, but for the smallest."""
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + TINY)
    a, b, c = COEFFICIENTS
    for _ in range(ROUNDS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if tall else x
