"""Optimisers that ask more of a trainer than PyTorch's own."""

from __future__ import annotations

import torch


class ScheduleFreeSGD(torch.optim.Optimizer):
    """`z ← z − lr · g(y)`, `x ← mean of z`, `y = (z + 9 x) / 10`: trains at y, x is to be used.

    Source: Defazio et al., The Road Less Scheduled (arXiv 2405.15682), with the interface of its package.
    """

    BETA = 0.9

    def __init__(self, params, lr: float):
        super().__init__(params, {"lr": lr, "train_mode": False, "k": 0})

    def train(self) -> None:
        self._exchange(True, 1 - self.BETA)

    def eval(self) -> None:
        self._exchange(False, 1 - 1 / self.BETA)

    @torch.no_grad()
    def _exchange(self, training: bool, weight: float) -> None:
        for group in self.param_groups:
            if group["train_mode"] != training:
                for p in group["params"]:
                    if "z" in self.state[p]:
                        p.lerp_(self.state[p]["z"], weight)
            group["train_mode"] = training

    @torch.no_grad()
    def step(self, closure=None) -> None:
        for group in self.param_groups:
            if not group["train_mode"]:
                raise RuntimeError("not in train mode: call optimizer.train() before the step")
            group["k"] += 1
            for p in group["params"]:
                if p.grad is None:
                    continue
                z = self.state[p].setdefault("z", p.clone())
                x = p.lerp(z, 1 - 1 / self.BETA)
                z -= group["lr"] * p.grad
                x.lerp_(z, 1 / group["k"])
                p.copy_(x.lerp(z, 1 - self.BETA))
