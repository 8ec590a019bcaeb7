"""How far a result's style is from that of its references, by numbers of style.

B pictures, R references.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from stylecrafter_core.errors import InputError
from stylecrafter_core.metrics import Values, Wanted
from stylecrafter_core.metrics.metric import Measurement, mean

PICTURES_AT_A_TIME = 16


class StyleNetwork(Protocol):
    """Numbers of the style of pictures."""

    backend: str
    weights: Mapping[str, str]

    def pictures(self, pictures_BHWC: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class StyleDistance:
    """`mean_t mean_r d(s(x_t), s(reference_r))`, and with `min` over references where there are several.

    The references are brought to the size of the result first (middle square), because such networks see
    sharpness, too. 0 is the reference itself; lower is nearer.

    Args:
        network: s.
        distances: d, [B, D] and [R, D] to [B, R].
    """

    network: StyleNetwork
    distances: Callable[[Tensor, Tensor], Tensor]
    version: int = field(default=1, init=False)
    in_time: bool = field(default=False, init=False)

    @property
    def name(self) -> str:
        return f"style_distance.{self.network.backend}"

    @property
    def weights(self) -> Mapping[str, str]:
        return self.network.weights

    def start(self, wanted: Wanted) -> Measurement:
        if not wanted.references:
            raise InputError(
                f"The metric {self.name} needs a reference.",
                found="none",
                expected="one picture or more",
                fix="give the pair its style pictures, or leave this metric out",
            )
        return _Distances(self, wanted.references)


class _Distances:
    def __init__(self, metric: StyleDistance, references: tuple[Tensor, ...]):
        self._metric, self._pictures = metric, references
        self._references: Tensor | None = None
        self._mean: list[float] = []
        self._min: list[float] = []

    def add(self, frames_THWC: Tensor) -> None:
        if self._references is None:
            side = min(frames_THWC.shape[1:3])
            rows = [self._metric.network.pictures(square(each, side)[None]) for each in self._pictures]
            self._references = torch.cat(rows)
        for part in frames_THWC.split(PICTURES_AT_A_TIME):
            found_BR = self._metric.distances(self._metric.network.pictures(part), self._references)
            self._mean += found_BR.mean(dim=1).tolist()
            self._min += found_BR.amin(dim=1).tolist()

    def values(self) -> Values:
        backend = self._metric.network.backend
        values = {f"style_distance.{backend}": mean(self._mean)}
        if len(self._pictures) > 1:
            values[f"style_distance_min.{backend}"] = mean(self._min)
        return values


def square(picture_HW3: Tensor, side: int) -> Tensor:
    """The middle square [side, side, 3], scaled with antialiasing."""
    edge = min(picture_HW3.shape[:2])
    top, left = ((length - edge) // 2 for length in picture_HW3.shape[:2])
    part = picture_HW3[top : top + edge, left : left + edge].movedim(-1, 0)[None]
    scaled = F.interpolate(part, size=(side, side), mode="bicubic", antialias=True, align_corners=False)
    return scaled[0].movedim(0, -1).clamp(0, 1)
