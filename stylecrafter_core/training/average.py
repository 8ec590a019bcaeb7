"""An exponential moving average of the trained weights."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from .engine.shards import put, whole


class Average:
    """`a ← d · a + (1 − d) · w` after every step but the first, `a ← w` after that; torch's AveragedModel.

    Args:
        weights: the trained parameters by name; shared, not copied.
        decay: d in (0, 1).
    """

    def __init__(self, weights: Mapping[str, nn.Parameter], decay: float):
        self.names = list(weights)
        self.weights = nn.ParameterList(weights.values())
        self.model = AveragedModel(self.weights, multi_avg_fn=get_ema_multi_avg_fn(decay))
        self.averages = list(self.model.module.parameters())

    @property
    def steps(self) -> int:
        """How many steps are in the average."""
        return int(self.model.n_averaged)

    def update(self) -> None:
        """Take in the weights as they are now."""
        self.model.update_parameters(self.weights)

    def tensors(self) -> dict[str, Tensor]:
        """The averages by name, whole and on the CPU. Every process must call it."""
        return {name: whole(value) for name, value in zip(self.names, self.averages, strict=True)}

    def load(self, tensors: Mapping[str, Tensor], steps: int) -> None:
        """The inverse of `tensors` and `steps`."""
        for name, value in zip(self.names, self.averages, strict=True):
            put(value, tensors[name])
        self.model.n_averaged.fill_(steps)
