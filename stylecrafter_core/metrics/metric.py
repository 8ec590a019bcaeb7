"""The signature that all metrics share: frames, references and a prompt in, named floats out.

A clip comes in pieces [T, H, W, 3] in 0..1, so that memory does not depend on its length. One picture is a
clip of one frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ..errors import InputError

Values = dict[str, float]


@dataclass(frozen=True)
class Wanted:
    """What a result was asked for.

    Attributes:
        references: pictures [H, W, 3] in 0..1 that show the style; sizes may differ.
        prompt: what the result should show; empty where nothing was asked.
    """

    references: tuple[Tensor, ...] = ()
    prompt: str = ""


class Measurement(Protocol):
    """One result, while it is measured."""

    def add(self, frames_THWC: Tensor) -> None:
        """The next frames, in order."""

    def values(self) -> Values:
        """Of all frames so far. Names end in the backend: numbers of two backends never share a name.

        Raises:
            InputError: too few frames for this metric.
        """


class Metric(Protocol):
    """What can be measured of one result.

    Attributes:
        name: of the metric, with its backend.
        version: rises with every change of the numbers; numbers of two versions are never compared.
        weights: SHA-256 of each file that the numbers depend on, by the file's name.
        in_time: whether it needs several frames; a picture has no such number.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> int: ...

    @property
    def weights(self) -> Mapping[str, str]: ...

    @property
    def in_time(self) -> bool: ...

    def start(self, wanted: Wanted) -> Measurement:
        """Begin with a result.

        Raises:
            InputError: what was asked for lacks what this metric compares with.
        """


def measure(metrics: Sequence[Metric], pieces: Iterable[Tensor], wanted: Wanted) -> Values:
    """All values of one result, from one pass over its frames.

    Args:
        metrics: whose values have different names.
        pieces: [T, H, W, 3] float in 0..1, one or many, all of one size.
        wanted: what the result was asked for.

    Raises:
        InputError: no frame; a piece of another shape or size, or with values that are not finite; or as the
            metrics say.
    """
    running = [metric.start(wanted) for metric in metrics]
    size: tuple[int, ...] | None = None
    seen = 0
    for piece in pieces:
        size = _checked(piece, size, seen)
        seen += len(piece)
        for measurement in running:
            measurement.add(piece)
    if not seen:
        raise InputError(
            "There is nothing to measure.",
            found="no frame",
            expected="a picture, or frames of a clip",
            fix="look at what made this result",
        )
    return {name: value for measurement in running for name, value in measurement.values().items()}


def _checked(piece: Tensor, size: tuple[int, ...] | None, seen: int) -> tuple[int, ...]:
    """The frames' height and width."""
    if piece.ndim != 4 or piece.shape[-1] != 3 or not piece.is_floating_point() or piece.numel() == 0:
        found = f"{list(piece.shape)} of {piece.dtype}"
    elif size is not None and tuple(piece.shape[1:3]) != size:
        found = (
            f"{piece.shape[2]} × {piece.shape[1]} pixels at frame {seen + 1}, {size[1]} × {size[0]} before"
        )
    elif not bool(torch.isfinite(piece).all()):
        bad = int((~torch.isfinite(piece).flatten(1).all(dim=1)).nonzero()[0]) + 1
        found = f"NaN or infinity in frame {seen + bad}"
    elif float(piece.min()) < 0 or float(piece.max()) > 1:
        found = f"values from {float(piece.min()):.3g} to {float(piece.max()):.3g}"
    else:
        return tuple(piece.shape[1:3])
    raise InputError(
        "These frames cannot be measured.",
        found=found,
        expected="float frames [frames, height, width, 3] of one size, finite, values from 0 to 1",
        fix="divide 8-bit frames by 255; a VAE in half precision may overflow to NaN",
    )


def mean(values: Sequence[float]) -> float:
    """Of a result's frames or pairs of frames."""
    return sum(values) / len(values)
