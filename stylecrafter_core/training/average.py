"""An exponential moving average of the trained weights."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.optim.swa_utils import PARAM_LIST, AveragedModel, get_ema_multi_avg_fn

from .engine.shards import put, whole


class Average:
    """`a ← dₙ · a + (1 − dₙ) · w` after every step but the first, `a ← w` after that; torch's AveragedModel.

    dₙ = min(decay, (1 + n) / (10 + n)) with n steps in the average before: a run that is short against
    1 / (1 − decay) averages its newest steps, too, instead of keeping mostly the weights that it began with.

    Args:
        weights: the trained parameters by name; shared, not copied.
        decay: in (0, 1).
    """

    def __init__(self, weights: Mapping[str, nn.Parameter], decay: float):
        self.names = list(weights)
        self.decay = decay
        self.weights = nn.ParameterList(weights.values())
        self.model = AveragedModel(self.weights, multi_avg_fn=self._mix)
        self.averages = list(self.model.module.parameters())

    @property
    def steps(self) -> int:
        """How many steps are in the average."""
        return int(self.model.n_averaged)

    def update(self) -> None:
        """Take in the weights as they are now."""
        self.model.update_parameters(self.weights)

    def _mix(self, averages: PARAM_LIST, weights: PARAM_LIST, steps: Tensor | int) -> None:
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        get_ema_multi_avg_fn(decay)(averages, weights, steps)

    def tensors(self) -> dict[str, Tensor]:
        """The averages by name, whole and on the CPU. Every process must call it."""
        return {name: whole(value) for name, value in zip(self.names, self.averages, strict=True)}

    def load(self, tensors: Mapping[str, Tensor], steps: int) -> None:
        """The inverse of `tensors` and `steps`."""
        for name, value in zip(self.names, self.averages, strict=True):
            put(value, tensors[name])
        self.model.n_averaged.fill_(steps)
